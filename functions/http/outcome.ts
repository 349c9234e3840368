import type { Outcome } from '../../lib/conversation/facts.ts'
import { leftOutOf } from '../../lib/conversation/left-out.ts'
import type { Warning } from '../../lib/request/warnings.ts'

/**
 * Returns the members of a response about the status of a request. `warnings` is left out if there are none.
 *
 * @param warnings What was left out of the request.
 */
export const toOutcomeBody = (
  { profileRefused, languageRefused, ...outcome }: Outcome,
  warnings: readonly Warning[],
): Omit<Outcome, 'profileRefused' | 'languageRefused'> & { readonly warnings?: readonly Warning[] } => {
  const all = leftOutOf(warnings, { profileRefused, languageRefused })
  return { ...outcome, ...(all.length > 0 && { warnings: all }) }
}
