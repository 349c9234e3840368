const SECOND = 1000
const MINUTE = 60 * SECOND

/** LivePerson's advice after 5xx: 5, 10, 15 s, then much slower. */
const STEPS_MS = [5 * SECOND, 10 * SECOND, 15 * SECOND, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE] as const
const LAST_STEP_MS = 8 * MINUTE

/**
 * Gives how long to wait before an attempt is repeated, in milliseconds: full jitter below the step of this attempt, at
 * least a second, and never less than what LivePerson asked for with up to a fifth more.
 *
 * @param attempt 1 after the first attempt.
 * @see https://developers.liveperson.com/retry-policy-recommendations.html
 */
export const backOffMs = (
  attempt: number,
  retryAfterMs: number | undefined,
  random = Math.random,
): number => {
  const step = STEPS_MS[Math.max(1, attempt) - 1] ?? LAST_STEP_MS
  const askedMs = retryAfterMs === undefined ? 0 : retryAfterMs * (1 + 0.2 * random())
  // The short first steps would only make the wait longer than was asked for.
  const ownMs = retryAfterMs === undefined || step > 15 * SECOND ? step * random() : 0
  return Math.max(SECOND, askedMs, ownMs)
}
