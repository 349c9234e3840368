import type { Outcome } from '../../lib/conversation/protocol.ts'
import type { Warning } from '../../lib/request/warnings.ts'

const PROFILE_REFUSED: Warning = {
  path: 'consumer',
  message: 'was refused by LivePerson, so agents see no profile',
}

const LANGUAGE_REFUSED: Warning = {
  path: 'context.lang',
  message: 'was refused by LivePerson, so it was left out',
}

/**
 * Returns the members of a response that tell how a request stands. `warnings` is left out if there are none.
 *
 * @param warnings What was left out of the request.
 */
export const toOutcomeBody = (
  { profileRefused, languageRefused, ...outcome }: Outcome,
  warnings: readonly Warning[],
): Omit<Outcome, 'profileRefused' | 'languageRefused'> & { readonly warnings?: readonly Warning[] } => {
  const all = [
    ...warnings,
    ...(languageRefused ? [LANGUAGE_REFUSED] : []),
    ...(profileRefused ? [PROFILE_REFUSED] : []),
  ]
  return { ...outcome, ...(all.length > 0 && { warnings: all }) }
}
