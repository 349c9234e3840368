import type { PauseSwitch } from '../account/pause.ts'
import type { LivePerson } from '../liveperson/client.ts'
import type { Pace } from '../liveperson/pace.ts'
import type { Carrier, Job } from './job.ts'
import type { Policy } from './protocol.ts'
import { LONGEST_WAIT_MS } from './time-budget.ts'

/** The longest that a form waits for a call to spend, in milliseconds, while its account is well. */
const FORM_WAIT_MS = 1000

/** What a container knows about one account, and how it calls it. */
export interface Account {
  readonly livePerson: LivePerson
  readonly pause: PauseSwitch
  readonly createPace: Pace
  readonly sendPace: Pace
  /**
   * Called with what each create or message says about the account, and whether its circuit breaker is open
   * now.
   */
  readonly onAnswer: (answer: 'good' | 'busy' | 'silent' | 'failed', isOpen: boolean) => void
}

/**
 * Decides whether an attempt may call LivePerson, and waits for its turn: at most 2 s. A form of an account in
 * trouble doesn't wait.
 *
 * @param options.sleep Takes milliseconds.
 */
export const admit = async ({
  account: { pause, createPace },
  job,
  carrier,
  sleep,
}: {
  readonly account: Account
  readonly job: Job
  readonly carrier: Carrier
  readonly sleep: (ms: number) => Promise<void>
}): Promise<Policy['admission']> => {
  if (await pause.isPaused()) return 'paused'
  // Only its message is owed.
  if (job.facts?.conversation.kind === 'opened') return 'granted'
  const formWaitMs = createPace.isOpen() ? 0 : FORM_WAIT_MS
  const waitMs = createPace.take(carrier.kind === 'memory' ? formWaitMs : LONGEST_WAIT_MS)
  if (waitMs === undefined) return 'held_back'
  if (waitMs > 0) await sleep(waitMs)
  return 'granted'
}
