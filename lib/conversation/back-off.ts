import type { Result } from './protocol.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

/** LivePerson's recommendation after 5xx: 5, 10 and 15 s. Then much slower. */
const STEPS_MS = [5 * SECOND, 10 * SECOND, 15 * SECOND, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE] as const
const LAST_STEP_MS = 8 * MINUTE

/**
 * Returns how long to wait before the next attempt, in milliseconds: a random part of this attempt's step
 * (full jitter), but at least a second. The wait is never shorter than the pause that LivePerson asked for;
 * up to a fifth of that pause is added to it.
 *
 * @param attempt The attempt that failed: 1 for the first.
 * @param retryAfterMs The pause that LivePerson asked for, in milliseconds.
 * @param random Returns a number from 0 up to but not including 1.
 * @see https://developers.liveperson.com/retry-policy-recommendations.html
 */
export const backOffMs = (
  attempt: number,
  retryAfterMs: number | undefined,
  random = Math.random,
): number => {
  const step = STEPS_MS[Math.max(1, attempt) - 1] ?? LAST_STEP_MS
  const askedMs = retryAfterMs === undefined ? 0 : retryAfterMs * (1 + 0.2 * random())
  // The short first steps would only exceed the pause that LivePerson asked for.
  const ownMs = retryAfterMs === undefined || step > 15 * SECOND ? step * random() : 0
  return Math.max(SECOND, askedMs, ownMs)
}

/**
 * Returns how long a record that could not be read waits, in milliseconds. It can't be sent as a new message,
 * and SQS quarantines it after 1,000 deliveries, so later waits are long.
 *
 * @param receives How many times the queue has delivered it: 1 for the first.
 * @param random Returns a number from 0 up to but not including 1.
 */
export const unreadDelayMs = (receives: number, random: () => number): number =>
  receives < 500 ? backOffMs(receives, undefined, random) : 30 * MINUTE * (1 + random())

/**
 * Returns how long to leave a record alone, in milliseconds, or undefined if its queue need not keep it: it
 * is done, in quarantine, or in the hand-over queue.
 */
export const retryDelayMs = (result: Result, receives: number, random: () => number): number | undefined => {
  switch (result.kind) {
    case 'finished':
      return result.kept === 'in_record' ? backOffMs(receives, result.error?.retryAfterMs, random) : undefined
    case 'failed':
      return undefined
    case 'opening':
      return backOffMs(receives, undefined, random)
    case 'queued':
      return result.kept === 'in_record' ? backOffMs(receives, result.error?.retryAfterMs, random) : undefined
  }
}
