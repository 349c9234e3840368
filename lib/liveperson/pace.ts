/** The lowest rate, in calls per second. At this rate, the circuit breaker is open. */
const FLOOR = 1
/** The rate of a new container, in calls per second. Three halvings lead to the floor. */
const START = 8
/** The highest rate, in calls per second. */
const CAP = 50

/** After too many calls, the rate returns fast to this part of the rate that was too high. */
const KNEE = 0.9
/** How many good answers it takes from the knee back to the rate that was too high, at least. */
const PATIENCE = 30

/** The longest delay of an SQS message, in milliseconds. */
const LONGEST_DELAY_MS = 900_000

/** Why a call failed. */
export interface Trouble {
  /** When the call started, in milliseconds since the epoch. */
  readonly startedAt: number
  /**
   * - `busy`: LivePerson answered 429.
   * - `failed`: any other answer that tells of trouble, such as 5xx, refused credentials or an undocumented one.
   * - `silent`: no answer in time, or no connection.
   */
  readonly kind: 'busy' | 'failed' | 'silent'
  /** The pause that LivePerson asked for, in milliseconds. */
  readonly retryAfterMs?: number | undefined
}

export interface PaceOptions {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Returns a number from 0 up to but not including 1. */
  readonly random: () => number
}

export type Pace = ReturnType<typeof createPace>

/**
 * Returns the rate at which one container calls LivePerson for one account. It starts at 8 calls per second,
 * grows while answers are good, and halves after trouble. It is always between 1 and 50.
 */
export const createPace = ({ now, random }: PaceOptions) => {
  let rate = START
  /** Calls that may start at once. Negative: calls that are promised to those who wait. */
  let tokens = START
  /** When `tokens` was counted. In the future while LivePerson wants a pause. */
  let countedAt = now()
  /** Whether a call was refused or had to wait since the last good answer. Otherwise there's no need to grow. */
  let isShort = false
  /** The rate that was too high. */
  let ceiling = Number.POSITIVE_INFINITY
  let patience = PATIENCE
  let goodSinceCut = 0
  let cutAt = Number.NEGATIVE_INFINITY

  const count = (): void => {
    const at = now()
    if (at <= countedAt) return
    tokens = Math.min(Math.max(1, rate), tokens + ((at - countedAt) / 1000) * rate)
    countedAt = at
  }

  const setRate = (next: number): void => {
    count()
    rate = Math.min(CAP, Math.max(FLOOR, next))
  }

  return {
    /**
     * Reserves the next call. Returns how long to wait before it, in milliseconds, or undefined if none is free
     * in time. Nothing is reserved then.
     *
     * @param maxWaitMs The longest wait, in milliseconds.
     */
    take: (maxWaitMs: number): number | undefined => {
      count()
      const waitMs = Math.max(0, countedAt - now()) + (Math.max(0, 1 - tokens) / rate) * 1000
      if (waitMs > 0) isShort = true
      if (waitMs > maxWaitMs) return undefined
      tokens -= 1
      return Math.ceil(waitMs)
    },

    /** Tells that LivePerson answered a call as documented. A refusal of this one request is a good answer too. */
    good: (): void => {
      goodSinceCut += 1
      const knee = KNEE * ceiling
      if (rate < knee && (isShort || rate < START)) {
        setRate(Math.min(knee, rate + 1))
        goodSinceCut = 1
      } else if (isShort) {
        const along = (goodSinceCut - patience) / patience
        setRate(Math.max(rate, ceiling * (1 + (1 - KNEE) * along ** 3)))
      }
      isShort = false
    },

    /** Tells that a call met trouble. Calls in flight together that fail with an answer count once. */
    trouble: ({ startedAt, kind, retryAfterMs = 0 }: Trouble): void => {
      const at = now()
      if (kind === 'silent' || startedAt >= cutAt) {
        if (kind === 'busy' && goodSinceCut > 0) {
          ceiling = rate
          patience = PATIENCE
        }
        setRate(rate / 2)
        tokens = Math.min(tokens, 0)
        goodSinceCut = 0
        cutAt = at
      }
      if (retryAfterMs > 0) {
        count()
        countedAt = Math.max(countedAt, at + retryAfterMs * (1 + 0.1 * random()))
      }
    },

    /** Returns whether the rate is at its floor, that is, the circuit breaker is open. */
    isOpen: (): boolean => rate <= FLOOR,

    /**
     * Returns how long a record that got no call waits in the queue, in milliseconds: 15 minutes at most.
     *
     * @param ageMs How long ago the request was accepted, in milliseconds.
     */
    parkDelayMs: (ageMs: number): number => {
      const longestMs = Math.min(LONGEST_DELAY_MS, Math.max(5_000, ageMs / 15))
      return longestMs * (0.5 + 0.5 * random())
    },

    /** Returns how long the next call may take, in milliseconds. Undefined: as long as usual. */
    callLimitMs: (): number | undefined => (rate <= FLOOR ? 1_000 : undefined),

    /** Returns the rate, in calls per second. */
    rate: (): number => rate,
  }
}
