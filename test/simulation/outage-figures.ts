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
const MINUTE_MS = 60_000

/** How fast the containers called LivePerson during the outage. */
export interface CallRates {
  /**
   * The most calls that one container made within a minute, to any service of the account, divided by 60. The 30
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
  const containers = new Map<string, { readonly since: number; discovery: number; lastMinute: number[] }>()
  let most = 0
  let discoveryCalls = 0
  return {
    add: (name: string, at: number): void => {
      if (at < from || at >= to) return
      const container = containers.get(name) ?? { since: at, discovery: 0, lastMinute: [] }
      containers.set(name, container)
      if (at - container.since < DISCOVERY_MS) {
        container.discovery += 1
        discoveryCalls = Math.max(discoveryCalls, container.discovery)
        return
      }
      container.lastMinute = container.lastMinute.filter((earlier) => earlier > at - MINUTE_MS)
      container.lastMinute.push(at)
      most = Math.max(most, container.lastMinute.length)
    },
    rates: (): CallRates => ({ callsPerSecond: most / 60, discoveryCalls }),
  }
}
