/** How many requests are accepted. */
export interface RateLimit {
  readonly perSecond: number
  /** How many are accepted at once after a quiet time. At least 1. */
  readonly burst: number
  /** Value of the Retry-After header of a 429, in seconds. Default: no header. */
  readonly retryAfter?: number
}

/** Returns a count of the accepted requests of each account, as token buckets that are full at first. */
export const createRateLimit = () => {
  const buckets = new Map<string, { tokens: number; countedAt: number }>()

  return {
    /**
     * Returns whether a request of an account is accepted. One that isn't doesn't count.
     *
     * @param now Milliseconds since the epoch.
     */
    accepts: (accountId: string, { perSecond, burst }: RateLimit, now: number): boolean => {
      const bucket = buckets.get(accountId) ?? { tokens: burst, countedAt: now }
      const earned = (Math.max(0, now - bucket.countedAt) / 1000) * perSecond
      const tokens = Math.min(burst, bucket.tokens + earned)
      const isAccepted = tokens >= 1
      buckets.set(accountId, { tokens: isAccepted ? tokens - 1 : tokens, countedAt: now })
      return isAccepted
    },

    clear: (): void => buckets.clear(),
  }
}
