import { causesOf, toAppError } from '../../lib/errors/errors.ts'
import { findAwsTrouble, hasNoCredentials } from '../aws-advice.ts'
import { type About, adviseOn, isAboutSecret } from './advice.ts'
import type { Found, Step, StepName } from './steps.ts'

/**
 * Runs one step, reports its result, and returns its value, or undefined if it wasn't successful. It never
 * throws.
 *
 * @param work Undefined skips the step, because an earlier step that it needs failed.
 */
export type RunStep = <T>(
  step: StepName,
  work: (() => Promise<Found<T>>) | undefined,
) => Promise<T | undefined>

/** Returns the function that runs the steps of one account. */
export const createRunStep = (report: (step: Step) => void, about: About): RunStep => {
  const { accountId } = about
  return async (step, work) => {
    if (!work) {
      report({ accountId, step, status: 'skipped', found: 'a required earlier step failed' })
      return undefined
    }
    try {
      const { value, found, warnings = [] } = await work()
      report({ accountId, step, status: 'ok', found, ...(warnings.length > 0 && { warnings }) })
      return value
    } catch (thrown) {
      const error = toAppError(thrown)
      const causes = causesOf(error.cause)
      // The remedy of a secret is printed next, as the advice.
      const what = isAboutSecret(error) ? error.problem : error.message
      const trouble = hasNoCredentials(causes) ? findAwsTrouble(causes) : undefined
      const found = trouble?.problem ?? (causes.length === 0 ? what : `${what} (${causes.join(', ')})`)
      const next = trouble?.remedy ?? adviseOn(step, error, about)
      report({ accountId, step, status: 'failed', found, code: error.code, next })
      return undefined
    }
  }
}
