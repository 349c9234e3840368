import { createHash } from 'node:crypto'

/** One thing that happened. */
export interface TraceEvent {
  readonly at: number
  readonly who: string
  readonly what: string
}

export interface Trace {
  readonly add: (who: string, what: string) => void
  /** The SHA-256 hash of everything that happened. The same seed has the same hash. */
  readonly digest: () => string
  /** The events, if the trace keeps them. */
  readonly events: readonly TraceEvent[]
}

/**
 * Records what happens in a run.
 *
 * @param options.keep Whether to keep the events. A long run keeps only their hash.
 */
export const createTrace = ({ now, keep }: { readonly now: () => number; readonly keep: boolean }): Trace => {
  const digest = createHash('sha256')
  const events: TraceEvent[] = []
  let pending = ''
  return {
    events,
    add: (who, what) => {
      const at = now()
      pending += `${at} ${who} ${what}\n`
      if (pending.length > 65_536) {
        digest.update(pending)
        pending = ''
      }
      if (keep) events.push({ at, who, what })
    },
    digest: () => digest.copy().update(pending).digest('hex'),
  }
}

/** Returns a readable timeline: seconds from the start, who, and what. */
export const toTimeline = (
  events: readonly TraceEvent[],
  matches: (event: TraceEvent) => boolean,
): string => {
  const shown = events.filter(matches)
  const start = shown[0]?.at ?? 0
  const width = Math.max(...shown.map(({ who }) => who.length), 0)
  return shown
    .map(
      ({ at, who, what }) =>
        `${((at - start) / 1000).toFixed(3).padStart(10)} s  ${who.padEnd(width)}  ${what}`,
    )
    .join('\n')
}
