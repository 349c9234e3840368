import { causesOf, toAppError } from '../lib/errors/errors.ts'
import { adviceFor } from './advice.ts'

/** What has to work, in the order in which it is walked. */
export const STEPS = [
  'configuration',
  'secret',
  'bot-check secret',
  'domains',
  'AppJWT',
  'ConsumerJWS',
  'conversation',
] as const

export type StepName = (typeof STEPS)[number]

/** What one step came to. */
export interface Step {
  /** '' where the step is for all accounts. */
  readonly accountId: string
  readonly step: StepName
  readonly status: 'ok' | 'failed' | 'skipped'
  /** For a reader; without secrets and tokens. */
  readonly found: string
  /** Of an `AppError`, where the step failed. */
  readonly code?: string
  /** What to do next, where the step failed. */
  readonly next?: string
}

/** What a step that went well gives to later ones, and to a reader. */
export interface Found<T> {
  readonly value: T
  readonly found: string
}

/** Runs one step and tells what it came to; `work` is undefined where an earlier step that it needs has failed. */
export type Walk = <T>(step: StepName, work: (() => Promise<Found<T>>) | undefined) => Promise<T | undefined>

/** Returns the function that runs the steps of one account; nothing that is thrown leaves it. */
export const createWalk = (
  tell: (step: Step) => void,
  about: { readonly accountId: string; readonly secretId: string; readonly stages: readonly string[] },
): Walk => {
  const { accountId } = about
  return async (step, work) => {
    if (!work) {
      tell({ accountId, step, status: 'skipped', found: 'a step that it needs failed' })
      return undefined
    }
    try {
      const { value, found } = await work()
      tell({ accountId, step, status: 'ok', found })
      return value
    } catch (thrown) {
      const error = toAppError(thrown)
      const names = causesOf(error.cause)
      const found = names.length === 0 ? error.message : `${error.message} (${names.join(', ')})`
      tell({
        accountId,
        step,
        status: 'failed',
        found,
        code: error.code,
        next: adviceFor(step, error, about),
      })
      return undefined
    }
  }
}
