/**
 * The abstract world around `lib/conversation/protocol.ts`: every transition from a state to the next.
 *
 * Some orders are left out because they reach nothing new:
 * - A step that no other attempt notices follows at once, or a crash does. The invariants don't look at
 *   attempts, so an attempt that crashed stands for one that is slower than the others.
 * - Agents and other requests act only right before a step that notices it.
 * - The sender repeats, and an operator replays, only if the copy is received at once.
 */
import { NOTHING, type Result, type Step } from '../../../../lib/conversation/protocol.ts'
import { createKnowledge, isOver, toldOf } from './knowledge.ts'
import { disown } from './ledger.ts'
import { type Happening, happenings } from './live-person.ts'
import type { Protocol } from './load-protocol.ts'
import type { Move } from './print.ts'
import {
  type Attempt,
  addOnce,
  type Configuration,
  nextRecordId,
  type QueueRecord,
  type World,
  withDoubt,
} from './state.ts'
import { createSteps, notices } from './steps.ts'

/** A transition, with one move for each line of a trace. */
export interface Transition {
  readonly moves: readonly Move[]
  readonly world: World
}

/**
 * How often `runWithoutFaults` receives each record. The second time is for what the first one handed over.
 */
const FAULTLESS_ROUNDS = 2
/** More steps than an attempt needs. */
const MAX_STEPS = 50

/** These steps have no effect outside the attempt. */
const PRIVATE: ReadonlySet<Step['kind']> = new Set(['identify', 'wait'])

/**
 * Returns the state before anything happens. An event is in the queue; a form's request is still with its
 * sender.
 */
export const initialWorld = ({ door }: Configuration): World => ({
  livePerson: { open: undefined, opened: 0, excused: 0, messages: 0, closings: 0, others: 0 },
  queue: door === 'queue' ? [{ id: 1, facts: NOTHING }] : [],
  quarantine: [],
  attempts: [],
  history: { begun: 0, repeats: 0, replays: 0, told: [], isInDoubt: false, isRefused: false },
})

/** Returns the transitions of one configuration. */
export const createTransitions = (protocol: Protocol, configuration: Configuration) => {
  const { bounds, door, isExhaustive = false } = configuration
  const { begin: knownAtStart, nextOf, learn, futureOf } = createKnowledge(protocol, configuration)
  const perform = createSteps(protocol, configuration)

  /** Returns the transitions by an attempt's next step. */
  const step = (world: World, attempt: Attempt): readonly Transition[] => {
    const next = nextOf(attempt)
    if (next.kind === 'done') return [finish(world, attempt, next.result)]
    const came = perform(world, attempt, next).map((one) => ({
      ...one,
      after: learn(attempt.known, one.seen),
    }))
    return came
      .filter(
        ({ after, world }, at) => came.findIndex((one) => one.after === after && one.world === world) === at,
      )
      .map(({ cameBack, seen, lease, after, world: changed }) => {
        const advanced = { ...attempt, known: after, ...(lease && { lease }) }
        return toTransition({
          who: attempt.name,
          step: next,
          seen,
          cameBack,
          before: attempt.known,
          after,
          world: {
            ...changed,
            attempts: changed.attempts.map((other) => (other.name === attempt.name ? advanced : other)),
          },
        })
      })
  }

  /** Goes on with the steps of an attempt that nobody else notices. It can crash before the last one. */
  const follow = (transition: Transition, name: string): readonly Transition[] => {
    const { world } = transition
    const attempt = world.attempts.find((other) => other.name === name)
    if (!attempt || isExhaustive) return [transition]
    const { kind } = nextOf(attempt)
    const isUnnoticed = PRIVATE.has(kind) || (kind === 'release' && world.item?.owner !== name)
    if (!isUnnoticed && kind !== 'done') return [transition]
    const followed = step(world, attempt).flatMap((next) =>
      isStuck(next) ? [then(transition, next)] : follow(then(transition, next), name),
    )
    return kind === 'done' ? [...followed, then(transition, crash(configuration, world, attempt))] : followed
  }

  const advance = (transition: Transition, name: string): readonly Transition[] => {
    const attempt = transition.world.attempts.find((other) => other.name === name)
    return attempt
      ? step(transition.world, attempt).flatMap((next) => follow(then(transition, next), name))
      : [transition]
  }

  const begin = (
    { moves, world }: Transition,
    carrier: Attempt['carrier'],
    record?: QueueRecord,
  ): readonly Transition[] => {
    const begun = world.history.begun + 1
    const name = `${carrier === 'memory' ? 'form' : 'record'} ${begun}`
    const attempt: Attempt = { name, carrier, record, known: knownAtStart(record?.facts ?? NOTHING) }
    const attempts = [...world.attempts, attempt]
    const after: World = { ...world, attempts, history: { ...world.history, begun } }
    const move: Move = { who: name, what: 'begins', carries: record?.facts, world: after }
    const begunOnes = follow({ moves: [...moves, move], world: after }, name)
    // Nobody else can take away what is in memory, so a form claims at once.
    return carrier === 'record' || isExhaustive
      ? begunOnes
      : begunOnes.flatMap((transition) => advance(transition, name))
  }

  const begins = (world: World): readonly Transition[] => {
    const { attempts, queue, history } = world
    if (attempts.length >= bounds.alive || history.begun >= bounds.attempts) return []
    return [
      ...queue.flatMap((record) => begin({ moves: [], world }, 'record', record)),
      ...submit(world),
      ...replay(world),
    ]
  }

  /** The sender sends the request, for the first time or again. */
  const submit = (world: World): readonly Transition[] => {
    const { history, queue } = world
    const isFirst = door === 'form' && history.begun === 0
    if (!isFirst && history.repeats >= bounds.repeats) return []
    const sent: World = isFirst ? world : { ...world, history: { ...history, repeats: history.repeats + 1 } }
    const what = isFirst ? 'sends the request' : 'sends the request again'
    if (door === 'form') return begin(toTransition({ who: 'sender', what, world: sent }), 'memory')
    const record = { id: nextRecordId(world), facts: NOTHING }
    const queued: World = { ...sent, queue: [...queue, record] }
    return begin(toTransition({ who: 'sender', what, world: queued }), 'record', record)
  }

  /** An operator replays what is in quarantine. */
  const replay = (world: World): readonly Transition[] => {
    const { history, queue, quarantine } = world
    if (history.replays >= bounds.replays) return []
    return quarantine.flatMap((replayed) => {
      const record = { id: nextRecordId(world), facts: replayed.facts }
      const after: World = {
        ...world,
        queue: [...queue, record],
        quarantine: quarantine.filter((other) => other !== replayed),
        history: { ...history, replays: history.replays + 1 },
      }
      const move = { who: 'operator', what: 'replays from quarantine', world: after }
      return begin(toTransition(move), 'record', record)
    })
  }

  /** Returns the state as it is, and after what agents and other requests can do that a step notices. */
  const unsettle = (transition: Transition, next: Step, last?: Happening): readonly Transition[] => [
    ...(last === undefined || notices(next, last.kind) ? [transition] : []),
    ...happenings(transition.world, bounds).flatMap((happening) =>
      unsettle(then(transition, toTransition(happening)), next, happening),
    ),
  ]

  const transitions = (world: World): readonly Transition[] => {
    const stay = { moves: [], world }
    const alone = isExhaustive
      ? undefined
      : world.attempts.find((attempt) => nextOf(attempt).kind === 'hand_over')
    const own = (alone ? [alone] : world.attempts).flatMap((attempt) => [
      ...(isExhaustive ? [stay] : unsettle(stay, nextOf(attempt))).flatMap((ready) =>
        advance(ready, attempt.name),
      ),
      crash(configuration, world, attempt),
    ])
    if (alone) return own
    return [...own, ...begins(world), ...(isExhaustive ? happenings(world, bounds).map(toTransition) : [])]
  }

  /**
   * Ends every attempt, and lets each record, and one more try of the sender, run with nothing going wrong.
   */
  const runWithoutFaults = (world: World): World => {
    let state = world.attempts.reduce((rest, attempt) => crash(configuration, rest, attempt).world, world)
    const run = ([started]: readonly Transition[]) => {
      state = started?.world ?? state
      for (let steps = 0; state.attempts.length > 0 && steps < MAX_STEPS; steps++)
        state = advance({ moves: [], world: state }, state.attempts[0]?.name ?? '')[0]?.world ?? state
    }
    for (let round = 0; round < FAULTLESS_ROUNDS; round++)
      for (const record of state.queue) run(begin({ moves: [], world: state }, 'record', record))
    if (door === 'form') run(begin({ moves: [], world: state }, 'memory'))
    return state
  }

  return { transitions, runWithoutFaults, futureOf }
}

/** Returns whether an attempt learned nothing, so that it would go on for ever. An invariant reports it. */
const isStuck = ({ moves }: Transition): boolean =>
  moves.some((move) => 'after' in move && move.after === move.before)

const toTransition = (move: Move): Transition => ({ moves: [move], world: move.world })

const without = (world: World, { name }: Attempt): World => ({
  ...disown(world, name),
  attempts: world.attempts.filter((other) => other.name !== name),
})

const then = ({ moves }: Transition, next: Transition): Transition =>
  moves.length === 0 ? next : { moves: [...moves, ...next.moves], world: next.world }

/** The attempt ends: a form is answered, and the record of a finished or failed attempt is deleted. */
const finish = (world: World, attempt: Attempt, result: Result): Transition => {
  const { history, queue } = world
  const told = attempt.carrier === 'record' ? undefined : toldOf(result)
  const after: World = {
    ...without(world, attempt),
    queue: isOver(result) && attempt.record ? queue.filter(({ id }) => id !== attempt.record?.id) : queue,
    history: told ? { ...history, told: addOnce(history.told, told) } : history,
  }
  return toTransition({
    who: attempt.name,
    step: { kind: 'done', result },
    before: attempt.known,
    world: after,
  })
}

/** The attempt disappears. Its record is received again; what was only in memory is lost. */
const crash = (configuration: Configuration, world: World, attempt: Attempt): Transition => {
  const mayHaveCreated = world.item?.owner === attempt.name
  return toTransition({
    who: attempt.name,
    what: 'crashes',
    world: without(mayHaveCreated ? withDoubt(world, configuration) : world, attempt),
  })
}
