/** Of durations, in seconds. */
export interface Percentiles {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

export const percentilesOf = (values: readonly number[]): Percentiles => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 }
}

/** How long a container takes to find out that LivePerson is out of order, in milliseconds. */
const DISCOVERY_MS = 30_000
/** A rate is the mean of this many calls in a row. */
const CALLS = 10

/** How fast the containers called LivePerson during the outage. */
export interface CallRates {
  /**
   * The highest rate of one container, in calls per second: the mean of its ten fastest calls in a row. The 30
   * seconds after a container's first call during the outage don't count.
   */
  readonly callsPerSecond: number
  /** The most calls that one container made in those 30 seconds. */
  readonly discoveryCalls: number
}

/**
 * Counts the calls of each container during the outage.
 *
 * @param options.from When the outage starts, in milliseconds since the epoch. `to`: when it ends.
 */
export const countCalls = ({ from, to }: { readonly from: number; readonly to: number }) => {
  const containers = new Map<string, { readonly since: number; discovery: number; last: number[] }>()
  let [callsPerSecond, discoveryCalls] = [0, 0]
  return {
    add: (name: string, at: number): void => {
      if (at < from || at >= to) return
      const container = containers.get(name) ?? { since: at, discovery: 0, last: [] }
      containers.set(name, container)
      if (at - container.since < DISCOVERY_MS) {
        container.discovery += 1
        discoveryCalls = Math.max(discoveryCalls, container.discovery)
        return
      }
      container.last.push(at)
      const [first = at] = container.last.slice(-1 - CALLS)
      if (container.last.length <= CALLS) return
      container.last.shift()
      callsPerSecond = Math.max(callsPerSecond, (CALLS * 1000) / (at - first))
    },
    rates: (): CallRates => ({ callsPerSecond, discoveryCalls }),
  }
}
