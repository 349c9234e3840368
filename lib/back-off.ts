const SECOND = 1000
const MINUTE = 60 * SECOND

/** LivePerson's advice after 5xx: 5, 10, 15 s, then much slower. */
const STEPS_MS = [5 * SECOND, 10 * SECOND, 15 * SECOND, 2 * MINUTE, 4 * MINUTE, 8 * MINUTE] as const
const LAST_STEP_MS = 8 * MINUTE

/**
 * Gives how long to wait before an attempt is repeated, in milliseconds: what LivePerson asked for and up to a fifth
 * more, else full jitter below the step of this attempt, but at least a second.
 *
 * @param attempt 1 after the first attempt.
 * @see https://developers.liveperson.com/retry-policy-recommendations.html
 */
export const backOffMs = (
  attempt: number,
  retryAfterMs: number | undefined,
  random = Math.random,
): number => {
  if (retryAfterMs !== undefined) return Math.max(SECOND, retryAfterMs * (1 + 0.2 * random()))
  const step = STEPS_MS[Math.max(1, attempt) - 1] ?? LAST_STEP_MS
  return Math.max(SECOND, step * random())
}
