/** The simulator's clock. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
  /** Moves the clock forward, even if it is stopped. */
  advance(ms: number): void
  /** Stops the clock at this moment. `undefined` lets it follow real time again. */
  set(ms: number | undefined): void
}

/**
 * Returns a clock that follows real time until it is advanced or stopped. It decides when tokens expire and
 * what timestamps say. Delays caused by faults pass in real time.
 */
export const createClock = (): Clock => {
  let offset = 0
  let stopped: number | undefined
  return {
    now: () => stopped ?? Date.now() + offset,
    advance: (ms) => {
      if (stopped === undefined) offset += ms
      else stopped += ms
    },
    set: (ms) => {
      offset = 0
      stopped = ms
    },
  }
}
