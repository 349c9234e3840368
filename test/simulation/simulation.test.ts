import { describe, expect, test } from 'vitest'
import { ALL_FAULTS, type Fault } from './faults.ts'
import type { Invariant } from './invariants.ts'
import { MUTANTS } from './mutants.ts'
import { runMutant } from './run-mutants.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'
import { toTimeline } from './trace.ts'

describe('the simulated world', { timeout: 120_000 }, () => {
  test.each(['repeat', 'hold'] as const)('keeps every promise, with %s', async (onLostAnswer) => {
    const report = await simulate({ seed: `short ${onLostAnswer}`, requests: 800, onLostAnswer })
    expect(report.findings).toEqual([])
    expect(report.conversations).toBeGreaterThan(650)
    expect(report.struck.length).toBeGreaterThan(1000)
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

  test('shrinks a failing run to a few faults, with a timeline', async () => {
    const faulty: readonly Fault[] = ['bare 404', 'slow', 'AWS is slow', 'killed before']
    const without = ALL_FAULTS.filter((fault) => !faulty.includes(fault))
    const others: Readonly<Record<string, Invariant>> = {
      'no attempt dies': ({ witnessed: { deaths } }) => (deaths > 0 ? [`${deaths} died`] : []),
    }
    const options = { seed: '1', requests: 60, intensity: 8, without, others }
    const report = await simulate(options)
    expect(report.struck.length).toBeGreaterThan(10)
    const [finding] = report.findings
    if (!finding) throw new Error('The run has no finding')
    const { faults, report: shrunk } = await shrink(options, report, finding)
    expect(faults).toMatchObject([{ fault: 'killed before' }])
    const timeline = toTimeline(shrunk.events, () => true)
    expect(timeline).toContain(finding.key)
    expect(timeline.split('\n').length).toBeLessThan(60)
  })

  test('shrinks a finding about the whole run', async () => {
    const without = ALL_FAULTS.filter((fault) => fault !== 'duplicate delivery')
    const options = { seed: '1', requests: 40, intensity: 20, without }
    const report = await simulate(options)
    const finding = { invariant: 'nothing strikes', key: 'the run', detail: '' }
    expect(report.struck.length).toBeGreaterThan(1)
    await expect(shrink(options, report, finding)).rejects.toThrow('no longer fails')
  })
})

describe('a mutant of the service is caught', { timeout: 60_000 }, () => {
  // `npm run test:simulation:mutants` runs all of them.
  test.each(MUTANTS.slice(0, 4))('$name', async (mutant) => {
    const broken = await runMutant(mutant)
    expect(broken.get(mutant.breaks) ?? 0).toBeGreaterThan(0)
  })
})
