/**
 * Makes the simulator's clock, milliseconds since the epoch. It follows real time plus what was advanced, until
 * `set` stops it at a moment; `set(undefined)` is back to real time. Only tokens and time stamps go by it; the
 * delays of faults pass in real time.
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

/** The simulator's clock, milliseconds since the epoch. */
export interface Clock {
  now(): number
  /** Also moves a stopped clock. */
  advance(ms: number): void
  /** Stops the clock at this moment; `undefined` lets it follow real time again. */
  set(ms: number | undefined): void
}
