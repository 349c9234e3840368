import { describe, expect, test } from 'vitest'
import { ALL_FAULTS, type Fault } from './faults.ts'
import { KNOWN_DEFECTS, SWITCHED_OFF, UNCHECKED } from './known-defects.ts'
import { MUTANTS } from './mutants.ts'
import { runMutant } from './run-mutants.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'
import { toTimeline } from './trace.ts'

const usual = { without: SWITCHED_OFF, unchecked: UNCHECKED }

describe('the simulated world', { timeout: 60_000 }, () => {
  test.each(['repeat', 'hold'] as const)('keeps every promise, with %s', async (onLostAnswer) => {
    const report = await simulate({ seed: `short ${onLostAnswer}`, requests: 1000, onLostAnswer, ...usual })
    expect(report.findings).toEqual([])
    expect(report.conversations).toBeGreaterThan(800)
    expect(report.struck.length).toBeGreaterThan(300)
    expect(report.peaks.inFlight).toBeGreaterThan(50)
  })

  test('has the same trace for the same seed, and another one for another seed', async () => {
    const digestOf = async (seed: string) => (await simulate({ seed, requests: 200 })).digest
    const [first, again, other] = [await digestOf('1'), await digestOf('1'), await digestOf('2')]
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })

  test('without faults finds nothing, and opens a conversation for each request', async () => {
    const report = await simulate({ seed: '1', requests: 400, without: ALL_FAULTS })
    expect(report.findings).toEqual([])
    expect(report.struck).toEqual([])
    expect(Object.keys(report.states).toSorted()).toEqual(['existing', 'opened', 'rejected'])
  })

  test.each(KNOWN_DEFECTS)('still shows that $name', async ({ faults, breaks }) => {
    const without = ALL_FAULTS.filter((fault) => !faults.includes(fault))
    const report = await simulate({ seed: '1', requests: 600, intensity: 8, without })
    expect(report.findings.map(({ invariant }) => invariant)).toEqual(expect.arrayContaining([...breaks]))
  })

  test('shrinks a failing run to a few faults, with a timeline', async () => {
    const faulty: readonly Fault[] = ['bare 404', 'slow', 'AWS is slow', 'killed before']
    const without = ALL_FAULTS.filter((fault) => !faulty.includes(fault))
    const options = { seed: '1', requests: 60, intensity: 8, without }
    const report = await simulate(options)
    expect(report.struck.length).toBeGreaterThan(10)
    // A call that is named after its container has another name in a smaller run.
    const finding = report.findings.find(
      ({ invariant, key }) =>
        invariant === 'a refusal is one of LivePerson’s' &&
        report.struck.some(({ point }) => point.startsWith(`conversation ${key} `)),
    )
    if (!finding) throw new Error('The run has no such finding')
    const { faults, report: shrunk } = await shrink(options, report, finding)
    expect(faults.length).toBeLessThanOrEqual(2)
    const timeline = toTimeline(shrunk.events, () => true)
    expect(timeline).toContain(finding.key)
    expect(timeline.split('\n').length).toBeLessThan(40)
  })
})

describe('a mutant of the service is caught', { timeout: 60_000 }, () => {
  // `npm run test:simulation:mutants` runs all of them.
  test.each(MUTANTS.slice(0, 4))('$name', async (mutant) => {
    const broken = await runMutant(mutant)
    expect(broken.get(mutant.breaks) ?? 0).toBeGreaterThan(0)
  })
})
