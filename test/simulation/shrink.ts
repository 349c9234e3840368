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
 *
 * @param run Makes a run.
 * @throws {Error} The run with all faults and requests doesn't fail again.
 */
export const shrink = async (
  options: SimulationOptions,
  report: Report,
  finding: Finding,
  run = simulate,
): Promise<Shrunk> => {
  let runs = 0
  const fails = async (faults: readonly Struck[], keys: ReadonlySet<string>) => {
    runs += 1
    const again = await run({ ...options, only: faults, keys, keepTrace: true })
    const isSame = again.findings.some(
      ({ invariant, key }) => invariant === finding.invariant && key === finding.key,
    )
    return isSame ? again : undefined
  }

  let { faults, keys } = await smallest(finding.key, options.requests, report.struck, fails)
  faults = await minimize(faults, async (some) => (await fails(some, keys)) !== undefined)
  keys = new Set(
    await minimize([...keys], async (some) => (await fails(faults, new Set(some))) !== undefined),
  )
  const last = await fails(faults, keys)
  if (!last) throw new Error('The shrunk run no longer fails')
  return { finding, faults, keys, report: last, runs }
}

/**
 * Returns the request alone if that fails, else with its neighbours, else all requests. It tries the faults
 * that strike these requests before it tries all of them. A finding about the whole run may need any of them.
 */
const smallest = async (
  key: string,
  requests: number,
  struck: readonly Struck[],
  fails: (faults: readonly Struck[], keys: ReadonlySet<string>) => Promise<Report | undefined>,
): Promise<{ readonly faults: readonly Struck[]; readonly keys: ReadonlySet<string> }> => {
  const index = Number(/-(\d+)$/.exec(key)?.[1] ?? Number.NaN)
  const around = (distance: number) =>
    new Set(
      Array.from({ length: requests }, (_, at) => at)
        .filter((at) => !(Math.abs(at - index) > distance))
        .flatMap((at) => [`form-${at}`, `queue-${at}`]),
    )
  for (const distance of Number.isNaN(index) ? [] : [0, 12, 60, 250]) {
    const keys = around(distance)
    const own = struck.filter(({ point }) => /\b(form|queue)-\d+/.exec(point)?.some((name) => keys.has(name)))
    const planned = struck.filter(({ point }) => point.startsWith('event '))
    for (const faults of [own, [...own, ...planned], struck]) {
      const failed = await fails(faults, keys)
      // A fault of a request that is left out can't strike.
      if (failed) return { faults: failed.struck, keys }
    }
  }
  return { faults: struck, keys: around(requests) }
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
