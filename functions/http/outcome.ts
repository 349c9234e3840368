import type { Outcome } from '../../lib/conversation/protocol.ts'
import type { Warning } from '../../lib/request/warnings.ts'

const PROFILE_REFUSED: Warning = {
  path: 'consumer',
  message: 'was refused by LivePerson, so agents see no profile',
}

/**
 * Returns the members of a response that tell how a request stands. `warnings` is left out if there are none.
 *
 * @param warnings What was left out of the request.
 */
export const toOutcomeBody = (
  { profileRefused, ...outcome }: Outcome,
  warnings: readonly Warning[],
): Omit<Outcome, 'profileRefused'> & { readonly warnings?: readonly Warning[] } => {
  const all = profileRefused ? [...warnings, PROFILE_REFUSED] : warnings
  return { ...outcome, ...(all.length > 0 && { warnings: all }) }
}
