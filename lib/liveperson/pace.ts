/** The lowest rate, in calls per second. At this rate, the circuit breaker is open. */
const FLOOR = 1
/** The rate of a new container, in calls per second. Three halvings lead to the floor. */
const START = 8
/** The highest rate, in calls per second. */
const CAP = 50

/** After a 429, the rate returns fast to this part of the rate that was too high. */
const KNEE = 0.9
/**
 * The same after a 429 with a `Retry-After` that came soon, because each further 429 costs another pause.
 */
const LOW_KNEE = 0.5
/** The minimum number of good answers from there back to the rate that was too high. */
const PATIENCE = 30
/** A 429 with a `Retry-After` stops a container for that long. This keeps it near 2.5 % of the time. */
const PATIENCE_PER_PAUSE = 40

/**
 * How long the floor lasts without a good answer until LivePerson counts as down, in milliseconds. A pause
 * that it asked for comes on top.
 */
const DOWN_AFTER_MS = 10_000
/** How long a record waits while LivePerson is up, in milliseconds. */
const SHORT_DELAY_MS = 3_000
/** The shortest and longest delay while LivePerson is down, in milliseconds. SQS allows no longer one. */
const DOWN_DELAY_MS = [5_000, 900_000] as const
/**
 * A fraction of the outage so far. All records then return well within the time that it takes to work them
 * off.
 */
const DELAY_PER_AGE = 1 / 15

/** How long a call may take while LivePerson is silent, in milliseconds. It holds up its whole batch. */
const PROBE_LIMIT_MS = 1_000
/** A slow LivePerson must not look silent for ever, so a longer call is made now and then. */
const LONG_PROBE_LIMIT_MS = 5_000
const LONG_PROBE_EVERY_MS = 60_000

/** A call that failed. */
export interface Trouble {
  /** When the call started, in milliseconds since the epoch. */
  readonly startedAt: number
  /**
   * - `busy`: LivePerson answered 429.
   * - `failed`: another answer that means trouble, such as 5xx, refused credentials or an undocumented one.
   * - `silent`: no answer in time, or no connection.
   */
  readonly kind: 'busy' | 'failed' | 'silent'
  /** The pause that LivePerson asked for, in milliseconds. Default: none. */
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
 * is never below 1 or above 50, and allows a burst of what one second allows.
 *
 * Trouble halves it. Each good answer then adds one call per second. After a 429, this ends just below the
 * rate that was too high. From there the rate grows slowly, and faster again once it is well above, as in TCP
 * CUBIC. It grows only while calls have to wait. If the 429 came soon and with a `Retry-After`, the rate
 * returns only to half of what was too high.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9438
 */
export const createPace = ({ now, random }: PaceOptions) => {
  let rate = START
  /** Calls that may start at once. A negative number: calls that are promised to those who wait. */
  let tokens = START
  /** When `tokens` was right. It is in the future while LivePerson wants a pause. */
  let countedAt = now()
  /** Whether a call had to wait or got no place since the last good answer. */
  let isShort = false
  /** The rate that was too high. */
  let ceiling = Number.POSITIVE_INFINITY
  /** The rate up to which it grows fast. */
  let knee = Number.POSITIVE_INFINITY
  let patience = PATIENCE
  /** Good answers since the last halving, or since the rate reached the knee. */
  let goodCount = 0
  let goodAt = now()
  let halvedAt = Number.NEGATIVE_INFINITY
  let longProbeAt = Number.NEGATIVE_INFINITY
  /** The pause after the latest trouble, in milliseconds. */
  let latestPauseMs = 0
  /** Whether the latest call had no answer. */
  let isSilent = false

  const isOpen = (): boolean => rate === FLOOR

  const count = (): void => {
    const at = now()
    if (at <= countedAt) return
    tokens = Math.min(rate, tokens + ((at - countedAt) / 1000) * rate)
    countedAt = at
  }

  const setRate = (wanted: number): void => {
    count()
    rate = Math.min(CAP, Math.max(FLOOR, wanted))
  }

  return {
    /**
     * Reserves the next call. Returns how long to wait before it, in milliseconds, or undefined if none is
     * free in time. Nothing is reserved then. No call starts before a `Retry-After` has passed.
     *
     * @param maxWaitMs The longest wait, in milliseconds. 0: now or not at all.
     */
    take: (maxWaitMs: number): number | undefined => {
      count()
      const pauseMs = Math.max(0, countedAt - now())
      const waitMs = Math.ceil(pauseMs + (Math.max(0, 1 - tokens) / rate) * 1000)
      if (waitMs > 0) isShort = true
      if (waitMs > maxWaitMs) return undefined
      tokens -= 1
      return waitMs
    },

    /** Reports that a call was answered as documented. A refusal of this one request counts, too. */
    good: (): void => {
      goodAt = now()
      isSilent = false
      goodCount += 1
      if (rate < knee && (isShort || rate < START)) {
        setRate(Math.min(knee, rate + 1))
        goodCount = 0
      } else if (isShort) {
        const way = goodCount / patience - 1
        setRate(Math.max(rate, ceiling + (ceiling - knee) * way ** 3))
      }
      isShort = false
    },

    /**
     * Reports that a call met trouble. Of the calls in flight together, those that were answered count once.
     * Each one without an answer counts, so that a silent LivePerson opens the circuit breaker at once.
     */
    trouble: ({ startedAt, kind, retryAfterMs = 0 }: Trouble): void => {
      isSilent = kind === 'silent'
      if (kind === 'silent' || startedAt >= halvedAt) {
        // Without any good answer in between, it isn't the rate that is wrong.
        if (kind === 'busy' && goodAt > halvedAt) {
          const isFarTooHigh = retryAfterMs > 0 && goodCount < PATIENCE
          ceiling = rate
          knee = rate * (isFarTooHigh ? LOW_KNEE : KNEE)
          patience = Math.max(PATIENCE, (PATIENCE_PER_PAUSE * rate * retryAfterMs) / 1000)
        }
        setRate(rate / 2)
        tokens = Math.min(0, tokens)
        goodCount = 0
        halvedAt = now()
      }
      count()
      // Containers that were told the same pause don't call at the same time.
      countedAt = Math.max(countedAt, now() + retryAfterMs * (1 + 0.1 * random()))
      latestPauseMs = countedAt - now()
    },

    /** Returns for how long LivePerson still wants no call, in milliseconds. 0: it wants no pause. */
    pauseMs: (): number => Math.max(0, countedAt - now()),

    /** Returns whether the circuit breaker is open: the rate is one call per second. */
    isOpen,

    /**
     * Returns how long a record that got no call waits in the queue, in milliseconds: 15 minutes at most.
     *
     * @param ageMs How long ago the request was accepted, in milliseconds.
     */
    parkDelayMs: (ageMs: number): number => {
      const [shortest, longest] = DOWN_DELAY_MS
      const isDown = isOpen() && now() - goodAt > DOWN_AFTER_MS + latestPauseMs
      const delayMs = isDown ? Math.max(shortest, ageMs * DELAY_PER_AGE) : SHORT_DELAY_MS
      return Math.min(longest, Math.max(countedAt - now(), delayMs)) * (0.7 + 0.3 * random())
    },

    /**
     * Returns how long the next call may take, in milliseconds. Undefined: as long as usual. It is limited
     * while the circuit breaker is open, and after a call without an answer.
     */
    callLimitMs: (): number | undefined => {
      if (!isOpen() && !isSilent) return undefined
      if (now() - longProbeAt < LONG_PROBE_EVERY_MS) return PROBE_LIMIT_MS
      longProbeAt = now()
      return LONG_PROBE_LIMIT_MS
    },

    /** Returns the rate, in calls per second. */
    rate: (): number => rate,
  }
}
