import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { ALL_FAULTS, type Fault, type Struck } from './faults.ts'
import { GLOBAL_INVARIANTS, INVARIANTS, WATCHED_INVARIANTS } from './invariants.ts'
import { MUTANTS } from './mutants.ts'
import { REPLAY_INVARIANTS } from './replay-invariants.ts'
import { runMutant } from './run-mutants.ts'
import { shrink } from './shrink.ts'
import { simulate } from './simulate.ts'
import type { Invariant } from './subject.ts'
import { toTimeline } from './trace.ts'

describe('the simulated world', { timeout: 120_000 }, () => {
  test.each(['repeat', 'hold'] as const)('keeps every promise, with %s', async (onLostAnswer) => {
    const report = await simulate({ seed: `short ${onLostAnswer}`, requests: 400, onLostAnswer })
    expect(report.findings).toEqual([])
    expect(report.conversations).toBeGreaterThan(300)
    expect(report.struck.length).toBeGreaterThan(500)
    expect(report.peaks.inFlight).toBeGreaterThan(50)
  })

  test('keeps every promise to one account while only the other is in trouble', async () => {
    const without = ALL_FAULTS.filter((fault) => !fault.startsWith('account in trouble'))
    const report = await simulate({ seed: '1', requests: 1000, without })
    expect(report.findings).toEqual([])
    expect(report.struck.length).toBeGreaterThan(2)
  })

  test('has the same trace for the same seed, and another one for another seed', async () => {
    const digestOf = async (seed: string) => (await simulate({ seed, requests: 100 })).digest
    const [first, again, other] = [await digestOf('1'), await digestOf('1'), await digestOf('2')]
    expect(again).toBe(first)
    expect(other).not.toBe(first)
  })

  test('without faults finds nothing, and opens a conversation for each request', async () => {
    const report = await simulate({ seed: '1', requests: 300, without: ALL_FAULTS })
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

  test('shrinks a finding about the whole run to the requests that it needs', async () => {
    const report = await simulate({ seed: '1', requests: 20 })
    const finding = { invariant: 'two requests never meet', key: 'the run', detail: '' }
    const needed: readonly Struck[] = report.struck.slice(3, 4)
    const { faults, keys } = await shrink(
      { seed: '1', requests: 20 },
      report,
      finding,
      async ({ only = [], keys }) => {
        const isFailing =
          ['form-3', 'queue-8'].every((key) => keys?.has(key)) &&
          needed.every((fault) => only.includes(fault))
        return { ...report, struck: only, findings: isFailing ? [finding] : [] }
      },
    )
    expect(faults).toEqual(needed)
    expect([...keys]).toEqual(['form-3', 'queue-8'])
  })
})

test.each(MUTANTS)('the mutant "$name" is one change of the service', ({ file, find, breaks }) => {
  const text = readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8')
  expect(text.split(find)).toHaveLength(2)
  const promises = [INVARIANTS, GLOBAL_INVARIANTS, REPLAY_INVARIANTS].flatMap(Object.keys)
  expect([...promises, ...WATCHED_INVARIANTS]).toContain(breaks)
})

test('each promise has a mutant', () => {
  const promises = [INVARIANTS, GLOBAL_INVARIANTS, REPLAY_INVARIANTS].flatMap(Object.keys)
  const broken = MUTANTS.map(({ breaks }) => breaks)
  expect([...promises, ...WATCHED_INVARIANTS].filter((promise) => !broken.includes(promise))).toEqual([])
})

describe('a mutant of the service is caught', { timeout: 120_000 }, () => {
  // `npm run test:simulation:mutants` runs all of them.
  const names = ['no first message is ever sent', 'a status is never final', 'a Retry-After is ignored']
  test.each(MUTANTS.filter(({ name }) => names.includes(name)))('$name', async (mutant) => {
    const broken = await runMutant(mutant)
    expect(broken.get(mutant.breaks) ?? 0).toBeGreaterThan(0)
  })
})
