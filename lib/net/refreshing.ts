import { createSingleFlight } from './single-flight.ts'

/** How long a value is used, in milliseconds from the start of the read that returned it. */
export interface Lifetime {
  /** From this age on, a call to `get` starts a renewal. It doesn't wait for it. */
  readonly renewAfterMs: number
  /** From this age on, the value is not used. Default: never. */
  readonly expireAfterMs?: number
}

export interface RefreshingOptions<T> {
  readonly read: () => Promise<T>
  /** Reads a replacement for a stale value. Default: `read`. */
  readonly readAgain?: () => Promise<T>
  readonly lifetimeOf: (value: T) => Lifetime
  /** The minimum time between two attempts at a renewal while the value is valid, in milliseconds. */
  readonly pauseMs: number
  /** Milliseconds since the epoch. */
  readonly now: () => number
}

export type Refreshing<T> = ReturnType<typeof createRefreshing<T>>

/**
 * Returns a cache of one value that is renewed ahead of time. Concurrent calls share one read. A failed
 * renewal keeps the value for as long as it is valid.
 */
export const createRefreshing = <T>({ read, readAgain, lifetimeOf, pauseMs, now }: RefreshingOptions<T>) => {
  let entry: { readonly value: T; renewAt: number; readonly expiresAt: number } | undefined

  const store = (value: T, startedAt: number): T => {
    const { renewAfterMs, expireAfterMs = Number.POSITIVE_INFINITY } = lifetimeOf(value)
    entry = { value, renewAt: startedAt + renewAfterMs, expiresAt: startedAt + expireAfterMs }
    return value
  }

  const startRead = createSingleFlight(async () => {
    const before = entry
    const startedAt = now()
    const value = await read()
    // A value that was set or read again in the meantime is newer.
    return entry === undefined || entry === before ? store(value, startedAt) : value
  })

  const startReadAgain = readAgain
    ? createSingleFlight(async () => {
        const startedAt = now()
        return store(await readAgain(), startedAt)
      })
    : startRead

  const validEntry = () => (entry && now() < entry.expiresAt ? entry : undefined)

  return {
    /**
     * Returns the value, or a promise of it if there is no valid one and it is read first.
     *
     * @throws Whatever `read` throws, if there is no valid value.
     */
    get: (): T | Promise<T> => {
      const current = validEntry()
      if (!current) return startRead()
      if (now() >= current.renewAt) {
        current.renewAt = now() + pauseMs
        startRead().catch(() => undefined)
      }
      return current.value
    },

    /**
     * Returns a value other than `stale`. Reads it unless `stale` has already been replaced.
     *
     * @throws Whatever `readAgain` throws. `stale` is still used then.
     */
    reload: async (stale: T): Promise<T> => {
      const current = validEntry()
      return current && current.value !== stale ? current.value : startReadAgain()
    },

    /** Returns the value without reading it, undefined if there is no valid one. */
    peek: (): T | undefined => validEntry()?.value,

    /** Replaces the value with one that was read elsewhere. */
    set: (value: T): void => {
      store(value, now())
    },

    /** Removes a value, unless it has already been replaced. */
    drop: (value: T): void => {
      if (entry?.value === value) entry = undefined
    },
  }
}
