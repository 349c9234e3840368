import type { Struck } from './faults.ts'
import type { Finding } from './invariants.ts'
import { type Report, type SimulationOptions, simulate } from './simulate.ts'

/** A failing run, reduced to the faults and requests that are needed to break the same promise. */
export interface Shrunk {
  readonly finding: Finding
  readonly faults: readonly Struck[]
  readonly keys: ReadonlySet<string>
  readonly report: Report
  readonly runs: number
}

/**
 * Shrinks a failing run: first to the requests around the finding, then to fewer faults, then to fewer
 * requests. The faults that are left strike at the same points, because that depends only on the seed and the
 * name of the point.
 */
export const shrink = async (
  options: SimulationOptions,
  report: Report,
  finding: Finding,
): Promise<Shrunk> => {
  let runs = 0
  const fails = async (faults: readonly Struck[], keys: ReadonlySet<string>) => {
    runs += 1
    const again = await simulate({ ...options, only: faults, keys, keepTrace: true })
    const same = again.findings.find(
      ({ invariant, key }) => invariant === finding.invariant && key === finding.key,
    )
    return same && again
  }

  let faults = report.struck
  let keys = await smallestKeys(finding.key, options.requests, (some) => fails(faults, some))
  faults = await minimize(faults, async (some) => (await fails(some, keys)) !== undefined)
  keys = new Set(
    await minimize(
      [...keys],
      async (some) => some.includes(finding.key) && (await fails(faults, new Set(some))) !== undefined,
    ),
  )
  const last = await fails(faults, keys)
  if (!last) throw new Error('The shrunk run no longer fails')
  return { finding, faults, keys, report: last, runs }
}

/** Returns the request alone if that fails, else with its neighbours, else all requests. */
const smallestKeys = async (
  key: string,
  requests: number,
  fails: (keys: ReadonlySet<string>) => Promise<unknown>,
): Promise<ReadonlySet<string>> => {
  const index = Number(key.split('-')[1] ?? 0)
  const around = (distance: number) =>
    new Set(
      Array.from({ length: requests }, (_, at) => at)
        .filter((at) => Math.abs(at - index) <= distance)
        .flatMap((at) => [`form-${at}`, `queue-${at}`]),
    )
  for (const distance of [0, 12, 60, 250]) {
    const keys = around(distance)
    if (await fails(keys)) return keys
  }
  return around(requests)
}

/** Returns a sublist that still fails and from which nothing can be left out (delta debugging). */
const minimize = async <T>(
  list: readonly T[],
  fails: (some: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> => {
  let kept = list
  for (let parts = 2; kept.length > 0 && parts <= kept.length * 2; ) {
    const size = Math.max(1, Math.ceil(kept.length / parts))
    let isSmaller = false
    for (let start = 0; start < kept.length; start += size) {
      const rest = [...kept.slice(0, start), ...kept.slice(start + size)]
      if (await fails(rest)) {
        kept = rest
        isSmaller = true
        break
      }
    }
    if (isSmaller) parts = Math.max(2, parts - 1)
    else if (size === 1) break
    else parts *= 2
  }
  return kept
}
