import { afterAll, describe, expect, test, vi } from 'vitest'
import { configurations, QUIET, SHORT } from './explorations.ts'
import { createInvariants, INVARIANT_NAMES, type Violation } from './invariants.ts'
import { loadMutant, PROTOCOL } from './load-protocol.ts'
import { EXCUSING_FORM, MUTANTS } from './mutants.ts'
import { describeBounds, describeConfiguration, describeExploration, printTrace } from './print.ts'
import { explore } from './search.ts'
import type { Configuration, LivePerson, Told } from './state.ts'
import { initialWorld } from './world.ts'

/** More than any mutant needs. */
const MUTANT_STATES = 100_000

// A busy machine needs much longer than the few seconds that an exploration takes.
vi.setConfig({ testTimeout: 180_000 })

const lines: string[] = []

afterAll(() => {
  const bounds = SHORT.map((kind) => `${kind.name}: ${describeBounds(kind.bounds)}`)
  console.info([...bounds, `Invariants: ${INVARIANT_NAMES.length}`, ...lines].join('\n'))
})

describe('the protocol, in every order', () => {
  test.each(
    configurations(SHORT).map(
      (configuration) => [describeConfiguration(configuration), configuration] as const,
    ),
  )('keeps every invariant: %s', (_, configuration) => {
    const startedAt = performance.now()
    const exploration = explore(PROTOCOL, configuration)
    lines.push(describeExploration(configuration, exploration, (performance.now() - startedAt) / 1000))

    const { findings, excused, isComplete } = exploration
    expect(findings.map(({ trace }) => printTrace(initialWorld(configuration), trace))).toEqual([])
    expect(isComplete).toBe(true)
    if (configuration.onLostAnswer === 'hold') expect(excused).toBe(0)
  })

  test('is not reduced to fewer orders than the invariants need', async () => {
    const protocol = await loadMutant(mutantNamed('a record is given up after its first failure').wrong)
    const configuration: Configuration = {
      name: 'reduced',
      door: 'queue',
      onLostAnswer: 'hold',
      hasMessage: false,
      bounds: { ...QUIET, alive: 2, repeats: 0, ageing: true },
    }
    const [reduced, exhaustive] = [false, true].map((isExhaustive) => {
      const { states, findings } = explore(protocol, { ...configuration, isExhaustive })
      return { states, found: findings.map(({ invariant, detail }) => `${invariant}: ${detail}`).sort() }
    })
    expect(reduced?.found).not.toEqual([])
    expect(reduced?.found).toEqual(exhaustive?.found)
    expect(reduced?.states).toBeLessThan(Number(exhaustive?.states) / 2)
  })
})

describe('a mutant', () => {
  test.each(MUTANTS.map((mutant) => [mutant.name, mutant.invariant, mutant] as const))(
    'in which %s is caught: %s',
    async (_, invariant, { wrong, configuration }) => {
      const stopAt = (violation: Violation) => violation.invariant === invariant
      const until = { stopAt, maxStates: MUTANT_STATES }

      const { findings } =
        typeof wrong === 'string'
          ? explore(PROTOCOL, { ...configuration, flaw: wrong }, until)
          : explore(await loadMutant(wrong), configuration, until)

      expect(findings.filter(stopAt)).toHaveLength(1)
    },
  )

  test('exists for every invariant', () => {
    const caught = MUTANTS.map(({ invariant }) => invariant)
    expect(INVARIANT_NAMES.filter((name) => !caught.includes(name))).toEqual([])
  })

  test('is refused if the source does not contain its text exactly once', async () => {
    const load = (find: string) => loadMutant({ file: 'protocol.ts', find, replace: '' })
    await expect(load('no such text')).rejects.toThrow('protocol.ts contains this text 0 times, not once')
    await expect(load('conversation')).rejects.toThrow('times, not once')
  })
})

describe('two answers that name two conversations', () => {
  type Finished = Extract<Told, { kind: 'finished' }>
  const told = (conversationId: string, status: 'opened' | 'existing' = 'opened'): Finished => ({
    kind: 'finished',
    outcome: { status, conversationId },
  })
  const OWN: Finished = { ...told('own-1'), isUnrecorded: true }
  const LOST = 'theirs-1'
  const CLOSED: Partial<LivePerson> = { open: LOST, opened: 1, closings: 1, others: 1, lost: LOST }
  const check = (answers: readonly Told[], livePerson: Partial<LivePerson>) => {
    const { inState, excusedAnswers } = createInvariants(PROTOCOL, EXCUSING_FORM, (world) => world)
    const world = initialWorld(EXCUSING_FORM)
    const violations = inState({
      ...world,
      livePerson: { ...world.livePerson, ...livePerson },
      history: { ...world.history, told: answers },
    })
    const agree = 'answers and status do not contradict each other'
    return { isBroken: violations.some(({ invariant }) => invariant === agree), excused: excusedAnswers() }
  }

  test('are excused if only a hand-over knew the first, and the answer to the second was lost', () => {
    expect(check([OWN, told(LOST)], CLOSED)).toEqual({ isBroken: false, excused: 1 })
  })

  test.each<[string, readonly Told[], Partial<LivePerson>]>([
    ['the ledger held the first', [told('own-1'), told(LOST)], CLOSED],
    ['nobody closed the first', [OWN, told(LOST)], { ...CLOSED, closings: 0 }],
    ['the first is open', [OWN, told(LOST)], { ...CLOSED, open: 'own-1' }],
    ['the answer to the second was not lost', [OWN, told(LOST)], { ...CLOSED, lost: undefined }],
    ['both are this request’s', [OWN, told('own-2')], CLOSED],
    ['one was open before', [OWN, told(LOST, 'existing')], CLOSED],
    ['there is a third', [OWN, told(LOST), told('own-2')], CLOSED],
    [
      'the message was not sent, and was sent',
      [
        { ...OWN, outcome: { status: 'opened', conversationId: 'own-1', messageStatus: 'not_sent' } },
        { kind: 'finished', outcome: { status: 'opened', conversationId: LOST, messageStatus: 'sent' } },
      ],
      CLOSED,
    ],
  ])('are not excused if %s', (_, answers, livePerson) => {
    expect(check(answers, livePerson).isBroken).toBe(true)
  })
})

test('a trace has one line per step: who, which step, what came back, what changed', async () => {
  const mutant = mutantNamed('an unknown answer to a message counts as sent')
  const { configuration, invariant } = mutant
  const { findings } = explore(await loadMutant(mutant.wrong), configuration, {
    stopAt: (violation) => violation.invariant === invariant,
  })
  const found = findings.find((finding) => finding.invariant === invariant)
  const marked = 'claim 1 held, 0 released, opened own-1, message 0 of 1 refused'
  const recorded = 'claim 1 done, 1 released, opened own-1, message sent'
  expect(
    printTrace(initialWorld(configuration), found?.trace ?? [])
      .split(/\n/)
      .map(toCells),
  ).toEqual([
    ['1', 'event 1', 'begins', 'carries unclaimed, conversation none, message untried'],
    ['2', 'event 1', 'identify', '-> identifying'],
    [
      '3',
      'event 1',
      'claim',
      '-> claimed, before: unclaimed, conversation none, message untried',
      'ledger: claim 1 held, 0 released, conversation none, message untried = opening',
    ],
    ['4', 'event 1', 'create', '-> opened own-1', 'LivePerson: own-1 open, 1 opened, 0 messages'],
    [
      '5',
      'event 1',
      `record (${marked})`,
      `-> recorded: ${marked}`,
      `ledger: ${marked} = opened own-1 message pending; consumer: own-1 open`,
    ],
    ['6', 'event 1', 'send own-1', '-> unknown (not accepted)'],
    [
      '7',
      'event 1',
      `record (${recorded})`,
      `-> recorded: ${recorded}`,
      `ledger: ${recorded} = opened own-1 message sent`,
    ],
    ['8', 'event 1', 'done', '-> finished: opened own-1 message sent', 'queue: empty'],
  ])
})

/** Returns a mutant that changes the protocol. */
const mutantNamed = (name: string) => {
  const mutant = MUTANTS.find((one) => one.name === name)
  if (typeof mutant?.wrong !== 'object') throw new Error(`No change is called "${name}"`)
  return { ...mutant, wrong: mutant.wrong }
}

const toCells = (line: string): readonly string[] => line.trim().split(/ {2,}/)
