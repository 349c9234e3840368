import type { Warning } from '../request/warnings.ts'

const PROFILE_REFUSED: Warning = {
  path: 'consumer',
  message: 'was refused by LivePerson, so agents see no profile',
}

const LANGUAGE_REFUSED: Warning = {
  path: 'context.lang',
  message: 'was refused by LivePerson, so it was left out',
}

/**
 * Returns everything that was left out of a request: by this service, then by LivePerson.
 *
 * @param warnings What this service left out.
 */
export const leftOutOf = (
  warnings: readonly Warning[],
  {
    profileRefused,
    languageRefused,
  }: { readonly profileRefused?: true | undefined; readonly languageRefused?: true | undefined },
): readonly Warning[] => [
  ...warnings,
  ...(languageRefused ? [LANGUAGE_REFUSED] : []),
  ...(profileRefused ? [PROFILE_REFUSED] : []),
]
