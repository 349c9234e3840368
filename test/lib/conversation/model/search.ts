import { createInterner } from './interner.ts'
import { createInvariants, type Violation } from './invariants.ts'
import type { Protocol } from './load-protocol.ts'
import type { Move } from './print.ts'
import type { Attempt, Bounds, Configuration, World } from './state.ts'
import { createTransitions, initialWorld, type Transition } from './world.ts'

/** A violation with the shortest way to it. */
export interface Finding extends Violation {
  readonly trace: readonly Move[]
  /** In how many states, or on how many transitions, it was seen. */
  readonly times: number
}

export interface Exploration {
  readonly states: number
  readonly transitions: number
  /** States in which a second conversation is excused. */
  readonly excused: number
  /** States in which two answers that name two conversations are excused. */
  readonly excusedAnswers: number
  readonly findings: readonly Finding[]
  /** Whether every reachable state was visited. */
  readonly isComplete: boolean
}

/**
 * Visits every reachable state, nearest first.
 *
 * @param until.stopAt Ends the search at the first violation for which it returns true. Default: none.
 * @param until.maxStates Ends the search after this many states. Default: no end.
 */
export const explore = (
  protocol: Protocol,
  configuration: Configuration,
  {
    stopAt = () => false,
    maxStates = Number.POSITIVE_INFINITY,
  }: {
    readonly stopAt?: (violation: Violation) => boolean
    readonly maxStates?: number
  } = {},
): Exploration => {
  const {
    transitions: transitionsFrom,
    runWithoutFaults,
    futureOf,
  } = createTransitions(protocol, configuration)
  const invariants = createInvariants(protocol, configuration, remember(runWithoutFaults))
  const keyOf = createKeys(futureOf, configuration.bounds)
  const initial = initialWorld(configuration)
  const numbers = new Map([[keyOf(initial), 0]])
  const keys = [keyOf(initial)]
  const parents = [-1]
  const findings = new Map<
    string,
    Violation & { readonly at: number; readonly last?: Transition; times: number }
  >()
  let frontier: World[] = [initial]
  let visited = 0
  let transitions = 0
  let excused = 0

  const report = (violations: readonly Violation[], at: number, last?: Transition): boolean => {
    for (const violation of violations) {
      const name = `${violation.invariant}: ${violation.detail}`
      const known = findings.get(name)
      if (known) known.times++
      else findings.set(name, { ...violation, at, ...(last && { last }), times: 1 })
    }
    return violations.some(stopAt)
  }

  const result = (isComplete: boolean): Exploration => ({
    states: numbers.size,
    transitions,
    excused,
    excusedAnswers: invariants.excusedAnswers(),
    findings: [...findings.values()].map(({ at, last, ...found }) => ({
      ...found,
      trace: [...retrace(at), ...(last ? last.moves : [])],
    })),
    isComplete,
  })

  /** Returns the moves to a state, by going the way again. */
  const retrace = (at: number): readonly Move[] => {
    const path: string[] = []
    for (let number = at; number > 0; number = parents[number] ?? 0) path.unshift(keys[number] ?? '')
    const trace: Move[] = []
    let world = initial
    for (const key of path) {
      const next = transitionsFrom(world).find((transition) => keyOf(transition.world) === key)
      if (!next) throw new Error('The way to a state is not reproducible')
      trace.push(...next.moves)
      world = next.world
    }
    return trace
  }

  if (report(invariants.inState(initial), 0)) return result(false)
  while (frontier.length > 0) {
    if (numbers.size > maxStates) return result(false)
    const following: World[] = []
    for (const world of frontier) {
      const from = visited++
      for (const transition of transitionsFrom(world)) {
        transitions++
        const onTheWay = invariants.onTransition(world, transition)
        if (onTheWay.length > 0 && report(onTheWay, from, transition)) return result(false)
        const key = keyOf(transition.world)
        if (numbers.has(key)) continue
        const number = numbers.size
        const reached = transition.world
        numbers.set(key, number)
        keys.push(key)
        parents.push(from)
        following.push(reached)
        if (reached.livePerson.excused > 0) excused++
        const there = invariants.inState(reached)
        if (there.length > 0 && report(there, number)) return result(false)
      }
    }
    frontier = following
  }
  return result(true)
}

/** Remembers where states end without faults. Attempts, and what only the bounds count, make no difference. */
const remember = <T extends readonly unknown[]>(
  runWithoutFaults: (world: World, ...options: T) => World,
): ((world: World, ...options: T) => World) => {
  const results = new Map<string, World>()
  const parts = createInterner<object>()
  return (world, ...options) => {
    const { item, consumer, livePerson, queue, quarantine, history } = world
    const { open, isSurvey, opened, others, excused } = livePerson
    const key = [
      item ? parts.numberOf(item) : '',
      consumer ? parts.numberOf(consumer) : '',
      [open, isSurvey, opened, others, excused, history.isInDoubt, history.isOverrun],
      queue.map(({ carrier, facts }) => `${carrier} ${parts.numberOf(facts)}`),
      quarantine.map((put) => parts.numberOf(put)),
      options,
    ].join(';')
    const state = results.get(key) ?? runWithoutFaults(world, ...options)
    results.set(key, state)
    return state
  }
}

/**
 * Returns a function that returns the same text for states that are the same: they differ only in the names
 * of attempts, the ids of records, and in what can't matter any more.
 */
const createKeys = (futureOf: (attempt: Attempt) => string, bounds: Bounds): ((world: World) => string) => {
  const parts = createInterner<object>()

  return ({ item, consumer, livePerson, queue, quarantine, attempts, history }) => {
    const holders = attempts.map((attempt) => {
      const { carrier, record, stored } = attempt
      const isQueued = record && queue.some(({ id }) => id === record.id)
      const carried = record ? `${isQueued ? '' : '-'}${parts.numberOf(record.facts)}` : carrier
      return `${futureOf(attempt)}/${stored ?? ''}/${carried}`
    })
    const records = queue.map(({ id, carrier, facts }) => {
      const texts = holders.filter((_, at) => attempts[at]?.record?.id === id)
      return `${carrier} ${parts.numberOf(facts)}(${inAnyOrder(texts)})`
    })
    const { told, repeats, replays, ...happened } = history
    return [
      item ? parts.numberOf(item) : '',
      consumer ? parts.numberOf(consumer) : '',
      Object.values(livePerson),
      inAnyOrder(records),
      inAnyOrder(quarantine.map((put) => String(parts.numberOf(put)))),
      inAnyOrder(holders),
      parts.numberOf(told),
      Object.values(happened),
      // Nothing begins after the last attempt.
      happened.begun < bounds.attempts ? [repeats, replays] : '',
    ].join(';')
  }
}

const inAnyOrder = (texts: readonly string[]): string =>
  texts.length > 1 ? texts.toSorted().join() : (texts[0] ?? '')
