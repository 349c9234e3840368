import type { PauseSwitch } from '../account/pause.ts'
import type { LivePerson } from '../liveperson/client.ts'
import type { Pace } from '../liveperson/pace.ts'
import type { Carrier, Job } from './job.ts'
import type { Policy } from './protocol.ts'
import { LONGEST_WAIT_MS } from './time-budget.ts'

/**
 * The longest wait for a turn to call LivePerson, in milliseconds, while the account is well and while it is
 * in trouble. The hand-over queue has few batches at a time and holds the backlog, so its records wait for
 * their turn.
 */
const WAITS_MS = {
  memory: { well: 1000, inTrouble: 0 },
  event: { well: 300, inTrouble: 0 },
  hand_over: { well: LONGEST_WAIT_MS, inTrouble: 1000 },
} as const

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
  /** Called each time an attempt finds the account paused. */
  readonly onPaused: () => void
}

/**
 * Decides whether an attempt may call LivePerson, and waits for its turn: at most 2 s. While the account is
 * in trouble, only a hand-over waits. In a pause that LivePerson asked for, a hand-over that gets no turn
 * waits for the rest of the pause, at most 2 s, before it is held back.
 *
 * @param options.sleep Takes milliseconds.
 */
export const admit = async ({
  account: { pause, createPace, onPaused },
  job,
  carrier,
  sleep,
}: {
  readonly account: Account
  readonly job: Job
  readonly carrier: Carrier
  readonly sleep: (ms: number) => Promise<void>
}): Promise<Policy['admission']> => {
  if (await pause.isPaused()) {
    onPaused()
    return 'paused'
  }
  if (job.isCopy) return 'held_back'
  // Only its message is owed.
  if (job.facts?.conversation.kind === 'opened') return 'granted'
  const { well, inTrouble } = WAITS_MS[carrier.kind]
  const waitMs = createPace.take(createPace.isOpen() ? inTrouble : well)
  if (waitMs === undefined) {
    // Otherwise a container in a pause would take the records from those that call, and park them all.
    const pauseMs = createPace.pauseMs()
    if (carrier.kind === 'hand_over' && pauseMs > 0) await sleep(Math.min(LONGEST_WAIT_MS, pauseMs))
    return 'held_back'
  }
  if (waitMs > 0) await sleep(waitMs)
  return 'granted'
}
