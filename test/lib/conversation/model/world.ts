/**
 * The abstract world around `lib/conversation/protocol.ts`: every transition from a state to the next.
 *
 * Some orders are left out because they reach nothing new:
 * - A step that no other attempt notices follows at once, or a crash does. The invariants don't look at
 *   attempts, so an attempt that crashed stands for one that is slower than the others.
 * - Agents, the webhook and other requests act only right before a step that notices it. What the webhook and
 *   operators add to the request's item is also explored while no attempt is at work.
 * - The sender repeats, and an operator replays, only if the copy is received at once.
 * - Whether a record is too old is decided only where it makes a difference.
 */
import { type Facts, NOTHING } from '../../../../lib/conversation/facts.ts'
import type { Result, Step } from '../../../../lib/conversation/protocol.ts'
import { createKnowledge, isOver, toldOf } from './knowledge.ts'
import { close, createHappenings, type Happening } from './live-person.ts'
import type { Protocol } from './load-protocol.ts'
import type { Move } from './print.ts'
import {
  type Attempt,
  addOnce,
  type Configuration,
  nextRecordId,
  type QueueRecord,
  type Told,
  type World,
} from './state.ts'
import { createSteps, notices } from './steps.ts'

/** A transition, with one move for each line of a trace. */
export interface Transition {
  readonly moves: readonly Move[]
  readonly world: World
}

/** How often `runWithoutFaults` receives each record: also what the ones before handed over. */
const FAULTLESS_ROUNDS = 3
/** More steps than an attempt needs. */
const MAX_STEPS = 50

/** These steps have no effect outside the attempt. */
const PRIVATE: ReadonlySet<Step['kind']> = new Set(['identify', 'wait'])

/**
 * Returns the state before anything happens. An event is in the queue; a form's request is still with its
 * sender.
 */
export const initialWorld = ({ door }: Configuration): World => ({
  livePerson: {
    open: undefined,
    isSurvey: false,
    lost: undefined,
    ...{ opened: 0, excused: 0, messages: 0, closings: 0, surveys: 0, others: 0, tellings: 0 },
  },
  queue: door === 'queue' ? [{ id: 1, carrier: 'event', facts: NOTHING }] : [],
  quarantine: [],
  attempts: [],
  history: {
    ...{ begun: 0, repeats: 0, replays: 0, told: [] },
    ...{ isInDoubt: false, isRefused: false, findings: 0, isForgotten: false, isOverrun: false },
  },
})

/** Returns the transitions of one configuration. */
export const createTransitions = (protocol: Protocol, configuration: Configuration) => {
  const { bounds, door, isExhaustive = false } = configuration
  const { begin: knownAtStart, nextOf, agesOf, learn, futureOf } = createKnowledge(protocol, configuration)
  const perform = createSteps(protocol, configuration)
  const { happenings, foundLater } = createHappenings(protocol, configuration)

  /** Returns the transitions by an attempt's next step. `isFaultless`: only the one if nothing goes wrong. */
  const step = (world: World, attempt: Attempt, isFaultless = false): readonly Transition[] => {
    const next = nextOf(attempt)
    if (next.kind === 'done') return [finish(world, attempt, next.result)]
    const answers = perform(world, attempt, next)
    const came = (isFaultless ? answers.slice(0, 1) : answers).map((one) => ({
      ...one,
      after: learn(attempt.known, one.seen),
    }))
    return came
      .filter(
        ({ after, world }, at) => came.findIndex((one) => one.after === after && one.world === world) === at,
      )
      .flatMap(({ cameBack, seen, stored, after, world: changed }) => {
        // The last attempt of a record that is too old records an outcome without the consumer's id.
        const ages = seen.kind === 'unnamed' ? [false] : agesOf({ ...attempt, known: after })
        return ages.map((isTooOld) => {
          const advanced = { ...attempt, known: after, isTooOld, ...(stored !== undefined && { stored }) }
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
      })
  }

  /** Goes on with the steps of an attempt that nobody else notices. It can crash before the last one. */
  const follow = (transition: Transition, name: string): readonly Transition[] => {
    const { world } = transition
    const attempt = world.attempts.find((other) => other.name === name)
    if (!attempt || isExhaustive) return [transition]
    const { kind } = nextOf(attempt)
    if (!PRIVATE.has(kind) && kind !== 'done') return [transition]
    const followed = step(world, attempt).flatMap((next) =>
      isStuck(next) ? [then(transition, next)] : follow(then(transition, next), name),
    )
    return kind === 'done' ? [...followed, then(transition, crash(world, attempt))] : followed
  }

  const advance = (transition: Transition, name: string): readonly Transition[] => {
    const attempt = transition.world.attempts.find((other) => other.name === name)
    return attempt
      ? step(transition.world, attempt).flatMap((next) => follow(then(transition, next), name))
      : [transition]
  }

  const begin = (transition: Transition, record?: QueueRecord, isOld?: boolean): readonly Transition[] => {
    const facts = record?.facts ?? NOTHING
    const admissions = bounds.admissions.filter(
      (admission) => admission !== 'held_back' || facts.conversation.kind !== 'opened',
    )
    return admissions.flatMap((admission) => beginWith(transition, facts, admission, record, isOld))
  }

  const beginWith = (
    { moves, world }: Transition,
    facts: Facts,
    admission: Attempt['admission'],
    record?: QueueRecord,
    isOld = bounds.ageing && record ? undefined : false,
  ): readonly Transition[] => {
    const begun = world.history.begun + 1
    const carrier = record?.carrier ?? 'memory'
    const name = `${NAMES[carrier]} ${begun}`
    const known = knownAtStart(facts)
    const started = { name, carrier, record, admission, isTooOld: isOld, known } as const
    return agesOf(started).flatMap((age) => {
      const attempt: Attempt = { ...started, isTooOld: age }
      const after: World = {
        ...world,
        attempts: [...world.attempts, attempt],
        history: { ...world.history, begun },
      }
      const what = admission === 'granted' ? 'begins' : `begins, ${admission}`
      const move: Move = { who: name, what, carries: record?.facts, world: after }
      const begunOnes = follow({ moves: [...moves, move], world: after }, name)
      // Nobody else can take away what is in memory, so a form claims at once.
      return record || isExhaustive ? begunOnes : begunOnes.flatMap((transition) => advance(transition, name))
    })
  }

  const begins = (world: World): readonly Transition[] => {
    const { attempts, queue, history } = world
    if (attempts.length >= bounds.alive || history.begun >= bounds.attempts) return []
    return [
      ...queue.flatMap((record) => begin({ moves: [], world }, record)),
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
    if (door === 'form') return begin(toTransition({ who: 'sender', what, world: sent }))
    const record = { id: nextRecordId(world), carrier: 'event', facts: NOTHING } as const
    const queued: World = { ...sent, queue: [...queue, record] }
    return begin(toTransition({ who: 'sender', what, world: queued }), record)
  }

  /** An operator replays what is in quarantine. */
  const replay = (world: World): readonly Transition[] =>
    world.history.replays >= bounds.replays
      ? []
      : world.quarantine.flatMap((_, at) => {
          const { after, record } = replayed(world, at)
          return begin(toTransition({ who: 'operator', what: REPLAYS, world: after }), record)
        })

  /** Returns the state as it is, and after what others can do that a step notices. */
  const unsettle = (transition: Transition, attempt: Attempt, last?: Happening): readonly Transition[] => [
    ...(last === undefined || notices(nextOf(attempt), attempt, last.kind) ? [transition] : []),
    ...happenings(transition.world).flatMap((happening) =>
      unsettle(then(transition, toTransition(happening)), attempt, happening),
    ),
  ]

  const transitions = (world: World): readonly Transition[] => {
    const stay = { moves: [], world }
    const alone = isExhaustive
      ? undefined
      : world.attempts.find((attempt) => nextOf(attempt).kind === 'hand_over')
    const own = (alone ? [alone] : world.attempts).flatMap((attempt) => [
      ...(isExhaustive ? [stay] : unsettle(stay, attempt)).flatMap((ready) => advance(ready, attempt.name)),
      crash(world, attempt),
    ])
    if (alone) return own
    return [
      ...own,
      ...begins(world),
      ...foundLater(world).map(toTransition),
      ...(isExhaustive ? happenings(world).map(toTransition) : []),
    ]
  }

  /**
   * Ends every attempt, and lets each record, and one more try of a form's sender, run with nothing going
   * wrong. If the request then waits for its open conversation to change, an agent closes that. If it still
   * waits for the consumer's next conversation, it gets too old.
   *
   * @param isReplayed Whether an operator replays what is in quarantine, instead of the sender's try.
   */
  const runWithoutFaults = (world: World, isReplayed: boolean): World => {
    let state = world.attempts.reduce((rest, attempt) => crash(rest, attempt).world, world)
    const run = ([started]: readonly Transition[]) => {
      state = started?.world ?? state
      for (let steps = 0; steps < MAX_STEPS; steps++) {
        const [attempt] = state.attempts
        if (!attempt) return
        state = step(state, attempt, true)[0]?.world ?? state
      }
    }
    const drain = (isOld = false) => {
      for (let round = 0; round < FAULTLESS_ROUNDS; round++)
        for (const record of state.queue) run(begin({ moves: [], world: state }, record, isOld))
    }
    if (door === 'form' && !isReplayed) run(begin({ moves: [], world: state }))
    drain()
    // A request that was interrupted often is given up once more before it is finished.
    for (let times = 0; isReplayed && state.quarantine.length > 0 && times < FAULTLESS_ROUNDS; times++) {
      while (state.quarantine.length > 0) state = replayed(state, 0).after
      drain()
    }
    const isWaiting = state.livePerson.isSurvey || state.consumer?.isOpen === false
    if (state.queue.length > 0 && state.livePerson.open !== undefined && isWaiting) {
      state = close(state)
      drain()
    }
    if (state.queue.length > 0 && state.consumer?.isOpen === false) drain(true)
    return state
  }

  return { transitions, runWithoutFaults, futureOf }
}

const NAMES = { memory: 'form', event: 'event', hand_over: 'hand-over' } as const
const REPLAYS = 'replays from quarantine'

/** Returns the world after a replay, and the record that it puts into the queue. */
const replayed = (world: World, at: number): { readonly after: World; readonly record: QueueRecord } => {
  const { history, queue, quarantine } = world
  const carrier = quarantine[at]?.carrier ?? 'event'
  const record = { id: nextRecordId(world), carrier, facts: NOTHING }
  const after = {
    ...world,
    queue: [...queue, record],
    quarantine: quarantine.filter((_, other) => other !== at),
    history: { ...history, replays: history.replays + 1 },
  }
  return { after, record }
}

/** Returns whether an attempt learned nothing, so that it would go on for ever. An invariant reports it. */
const isStuck = ({ moves }: Transition): boolean =>
  moves.some((move) => 'after' in move && move.after === move.before)

const toTransition = (move: Move): Transition => ({ moves: [move], world: move.world })

const without = (world: World, { name }: Attempt): World => ({
  ...world,
  attempts: world.attempts.filter((other) => other.name !== name),
})

const then = ({ moves }: Transition, next: Transition): Transition =>
  moves.length === 0 ? next : { moves: [...moves, ...next.moves], world: next.world }

/** The attempt ends: a form is answered, and a record that its queue need not keep is deleted. */
const finish = (world: World, attempt: Attempt, result: Result): Transition => {
  const { history, queue } = world
  const told = attempt.record ? undefined : toldOf(result)
  const after: World = {
    ...without(world, attempt),
    queue: isOver(result) && attempt.record ? queue.filter(({ id }) => id !== attempt.record?.id) : queue,
    history: told ? { ...history, told: addOnce(history.told, withDoubtOfRecord(world, told)) } : history,
  }
  return toTransition({
    who: attempt.name,
    step: { kind: 'done', result },
    before: attempt.known,
    world: after,
  })
}

const withDoubtOfRecord = ({ item, consumer }: World, told: Told): Told => {
  if (told.kind !== 'finished' || told.outcome.conversationId === undefined) return told
  const { conversationId: id } = told.outcome
  const { conversation } = item?.facts ?? NOTHING
  const isInItem = 'conversationId' in conversation && conversation.conversationId === id
  const isInConsumer = consumer?.conversationId === id || consumer?.own === id
  return isInItem || isInConsumer ? told : { ...told, isUnrecorded: true }
}

/** The attempt disappears. Its record is received again; what was only in memory is lost. */
const crash = (world: World, attempt: Attempt): Transition =>
  toTransition({ who: attempt.name, what: 'crashes', world: without(world, attempt) })
