import { afterAll, describe, expect, test, vi } from 'vitest'
import { configurations, SHORT } from './explorations.ts'
import { INVARIANT_NAMES, type Violation } from './invariants.ts'
import { isOf, KNOWN_DEFECTS, knownDefectsOf } from './known-defects.ts'
import { loadMutant, PROTOCOL } from './load-protocol.ts'
import { MUTANTS } from './mutants.ts'
import { describeBounds, describeConfiguration, describeExploration, printTrace } from './print.ts'
import { type Exploration, explore } from './search.ts'
import type { Configuration } from './state.ts'
import { initialWorld } from './world.ts'

/** More than any mutant needs. */
const MUTANT_STATES = 100_000

// A busy machine needs much longer than the few seconds that an exploration takes.
vi.setConfig({ testTimeout: 180_000 })

const lines: string[] = []

/** Explores the original, once per configuration. */
const explorations = new Map<string, Exploration>()
const exploreOriginal = (configuration: Configuration): Exploration => {
  const key = [describeConfiguration(configuration), ...Object.values(configuration.bounds)].join(', ')
  const exploration = explorations.get(key) ?? explore(PROTOCOL, configuration)
  explorations.set(key, exploration)
  return exploration
}

afterAll(() => {
  console.info([describeBounds(SHORT), `Invariants: ${INVARIANT_NAMES.length}`, ...lines].join('\n'))
})

describe('the protocol, in every order', () => {
  test.each(
    configurations(SHORT).map(
      (configuration) => [describeConfiguration(configuration), configuration] as const,
    ),
  )('has no defect but the known ones, and has those: %s', (_, configuration) => {
    const startedAt = performance.now()
    const exploration = exploreOriginal(configuration)
    lines.push(describeExploration(configuration, exploration, (performance.now() - startedAt) / 1000))

    const { findings, excused, isComplete } = exploration
    expect(isComplete).toBe(true)
    if (configuration.onLostAnswer === 'hold') expect(excused).toBe(0)
    const known = knownDefectsOf(configuration)
    const unknown = findings.filter((finding) => !known.some((defect) => isOf(finding, defect)))
    expect(unknown.map(({ trace }) => printTrace(initialWorld(configuration), trace))).toEqual([])
    const gone = known.filter((defect) => !findings.some((finding) => isOf(finding, defect)))
    expect(gone.map(({ name }) => name)).toEqual([])
  })

  test('is not reduced to fewer orders than the invariants need', () => {
    const configuration: Configuration = {
      door: 'queue',
      onLostAnswer: 'hold',
      hasMessage: false,
      bounds: { ...SHORT.queue, replays: 0 },
    }
    const [reduced, exhaustive] = [false, true].map((isExhaustive) => {
      const { states, findings } = explore(PROTOCOL, { ...configuration, isExhaustive })
      return { states, found: findings.map(({ invariant, detail }) => `${invariant}: ${detail}`).sort() }
    })
    expect(reduced?.found).toEqual(exhaustive?.found)
    expect(reduced?.states).toBeLessThan(Number(exhaustive?.states) / 5)
  })
})

describe('a mutant', () => {
  test.each(MUTANTS.map((mutant) => [mutant.name, mutant.invariant, mutant] as const))(
    'in which %s is caught: %s',
    async (_, invariant, { wrong, configuration }) => {
      const { findings: before } = exploreOriginal(configuration)
      const isOriginal = ({ detail }: Violation) =>
        before.some((finding) => finding.invariant === invariant && finding.detail === detail)
      const stopAt = (violation: Violation) => violation.invariant === invariant && !isOriginal(violation)
      const until = { stopAt, maxStates: MUTANT_STATES }

      const { findings } =
        typeof wrong === 'string'
          ? explore(PROTOCOL, { ...configuration, flaw: wrong }, until)
          : explore(await loadMutant(wrong), configuration, until)

      expect(findings.filter(stopAt)).toHaveLength(1)
    },
  )

  test('exists for every invariant that has no known defect in every state', () => {
    const caught = MUTANTS.map(({ invariant }) => invariant)
    const broken = KNOWN_DEFECTS.map(({ invariant }) => invariant)
    expect(INVARIANT_NAMES.filter((name) => !caught.includes(name) && !broken.includes(name))).toEqual([])
  })

  test('is refused if the source does not contain its text exactly once', async () => {
    await expect(loadMutant({ find: 'no such text', replace: '' })).rejects.toThrow('0 times, not once')
    await expect(loadMutant({ find: 'conversation', replace: '' })).rejects.toThrow('times, not once')
  })
})

test('a trace has one line per step: who, which step, what came back, what changed', () => {
  const configuration: Configuration = {
    door: 'queue',
    onLostAnswer: 'repeat',
    hasMessage: true,
    bounds: { ...SHORT.queue, attempts: 1 },
  }
  const { findings } = explore(PROTOCOL, configuration)
  const dropped = findings.find(({ detail }) => detail === 'it is dropped without a reason')
  expect(
    printTrace(initialWorld(configuration), dropped?.trace ?? [])
      .split(/\n/)
      .map(toCells),
  ).toEqual([
    ['1', 'record 1', 'begins', 'carries unclaimed, conversation none, message unsent'],
    ['2', 'record 1', 'identify', '-> identifying'],
    [
      '3',
      'record 1',
      'claim',
      '-> claimed, before: unclaimed, conversation none, message unsent',
      'ledger: claim 1 held, conversation none, message unsent, lease of record 1',
    ],
    ['4', 'record 1', 'create', '-> opened own-1', 'LivePerson: own-1 open, 1 opened, 0 messages'],
    ['5', 'record 1', 'send own-1', '-> not_sent'],
    [
      '6',
      'record 1',
      'complete (claim 1 held, opened own-1, message not_sent)',
      '-> completed: claim 1 held, opened own-1, message not_sent',
      'ledger: claim 1 held, opened own-1, message not_sent; consumer: own-1 open',
    ],
    ['7', 'record 1', 'done', '-> finished: opened own-1 message not_sent', 'queue: empty'],
  ])
})

const toCells = (line: string): readonly string[] => line.trim().split(/ {2,}/)
