export interface Clocks {
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Milliseconds on a clock that nobody sets. */
  readonly monotonicNow: () => number
}

export type Stopwatch = ReturnType<typeof startStopwatch>

/**
 * Returns a stopwatch that runs on while the process is frozen. Where only the process stops, both clocks go
 * on. Where the whole machine stops, the monotonic clock may stop with it.
 */
export const startStopwatch = ({ now, monotonicNow }: Clocks) => {
  const startedAt = now()
  const monotonicStart = monotonicNow()
  return {
    /** Returns the time since the start, in milliseconds: the longer one of the two clocks. */
    elapsedMs: (): number => Math.max(now() - startedAt, monotonicNow() - monotonicStart),
    /** Returns how far the clocks have drifted apart since the start, in milliseconds. */
    driftMs: (): number => Math.abs(now() - startedAt - (monotonicNow() - monotonicStart)),
  }
}
