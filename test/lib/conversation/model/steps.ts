/** What can come back from each step of an attempt, and what the step changes in the world. */
import { NOTHING, type Seen, type Step } from '../../../../lib/conversation/protocol.ts'
import { type AppError, toError } from '../../../../lib/errors/errors.ts'
import {
  type Claim,
  claim,
  completeOwn,
  disown,
  giveUp,
  isUnconditional,
  putConsumer,
  putItem,
  release,
} from './ledger.ts'
import { accept, type Happening, open } from './live-person.ts'
import type { Protocol } from './load-protocol.ts'
import {
  type Attempt,
  addOnce,
  type Configuration,
  type Lease,
  nextRecordId,
  type World,
  withDoubt,
} from './state.ts'

/** What came back from a step, and the world that the step left. */
export interface Came {
  readonly seen: Seen
  readonly world: World
  readonly lease?: Lease
  /** For the trace, if `seen` doesn't tell everything. */
  readonly cameBack?: string
}

type Action = Exclude<Step, { kind: 'done' }>

const UNAVAILABLE = toError('liveperson_unavailable')
const REFUSED = toError('liveperson_rejected')
const OURS_FAILED = toError('service_unavailable')
const MISCONFIGURED = toError('invalid_config')
const ID_TAKEN = toError('request_id_reused')
const LP_CONSUMER = 'lp-consumer'

/**
 * Returns a function that returns everything that can come back from a step, first what comes back if nothing
 * goes wrong.
 */
export const createSteps =
  (protocol: Protocol, configuration: Configuration) =>
  (world: World, attempt: Attempt, step: Action): readonly Came[] => {
    switch (step.kind) {
      case 'identify':
        return [{ seen: { kind: 'identifying' }, world }]
      case 'claim':
        return claimed(protocol, configuration, world, attempt)
      case 'wait':
        return waited(world, step.before)
      case 'create':
        return created(protocol, configuration, world)
      case 'look_up':
        return lookedUp(world)
      case 'ask':
        return [
          {
            seen: {
              kind: 'asked',
              answer: world.livePerson.open === step.conversationId ? 'open' : 'closed',
            },
            world,
          },
          { seen: { kind: 'asked', answer: 'unsure' }, world },
        ]
      case 'send':
        return sent(world, step.conversationId)
      case 'forget':
        return worked(step, { kind: 'forgotten' }, world, forgotten(world, step.conversationId))
      case 'complete':
        return completed(protocol, configuration, world, attempt, step)
      case 'release':
        return worked(
          step,
          { kind: 'released' },
          world,
          release(protocol, configuration, world, attempt, step.facts),
        )
      case 'hand_over':
        return worked(step, { kind: 'handed_over' }, world, {
          ...world,
          queue: [...world.queue, { id: nextRecordId(world), facts: step.facts }],
        })
      case 'quarantine':
        return worked(step, { kind: 'quarantined' }, world, quarantined(configuration, world, attempt, step))
    }
  }

/** A call to one of our own components: done and answered, done with the answer lost, or not done. */
const worked = (step: Action, seen: Seen, before: World, after: World): readonly Came[] => [
  { seen, world: after },
  { ...failed(step, after), cameBack: LOST },
  failed(step, before),
]

const LOST = 'done, but the answer is lost'

const failed = ({ kind }: Action, world: World, error: AppError = OURS_FAILED): Came => ({
  seen: { kind: 'failed', step: kind, error },
  world,
})

const CLAIM = { kind: 'claim' } as const

const claimed = (
  protocol: Protocol,
  configuration: Configuration,
  world: World,
  attempt: Attempt,
): readonly Came[] => {
  if (configuration.isIdTaken) return [failed(CLAIM, world, ID_TAKEN), failed(CLAIM, world)]
  const answers = claim(protocol, configuration, world, attempt)
  return [...answers.flatMap((answer) => toCame(configuration, answer, world, attempt)), failed(CLAIM, world)]
}

const toCame = (
  configuration: Configuration,
  answer: Claim,
  world: World,
  { name }: Attempt,
): readonly Came[] => {
  switch (answer.kind) {
    case 'claimed': {
      const { before, lease, world: after } = answer
      const unnoticed = failed(CLAIM, withDoubt(disown(after, name), configuration))
      return [
        { seen: { kind: 'claimed', before }, world: after, lease },
        { ...unnoticed, cameBack: LOST },
      ]
    }
    case 'held':
      return [{ seen: { kind: 'held' }, world }]
    case 'final':
      return [{ seen: { kind: 'final', facts: answer.facts }, world, lease: answer.lease }]
  }
}

const waited = (world: World, before: 'claim' | 'create'): readonly Came[] => [
  { seen: { kind: 'waited', before }, world },
  { seen: { kind: 'no_time', before }, world },
]

const created = (protocol: Protocol, configuration: Configuration, world: World): readonly Came[] => {
  const lost: Seen = { kind: 'create_in_doubt', error: UNAVAILABLE }
  const notDone: readonly Came[] = [
    { seen: lost, world: withDoubt(world, configuration), cameBack: 'in doubt (not done)' },
    {
      seen: { kind: 'refused', error: REFUSED },
      world: { ...world, history: { ...world.history, isRefused: true } },
    },
    { seen: { kind: 'not_created', error: UNAVAILABLE, repeatable: true }, world },
    { seen: { kind: 'not_created', error: OURS_FAILED, repeatable: false }, world },
    { seen: { kind: 'not_created', error: MISCONFIGURED, repeatable: false }, world },
  ]
  const opened = open(protocol, configuration, world)
  if (!opened) return [{ seen: { kind: 'already_open', lpConsumerId: LP_CONSUMER }, world }, ...notDone]
  const { conversationId, world: after } = opened
  return [
    { seen: { kind: 'opened', conversationId, lpConsumerId: LP_CONSUMER }, world: after },
    { seen: lost, world: withDoubt(after, configuration), cameBack: 'in doubt (done)' },
    ...notDone,
  ]
}

const lookedUp = (world: World): readonly Came[] => {
  const { consumer } = world
  const found: Seen = consumer?.isOpen
    ? { kind: 'known', conversationId: consumer.conversationId, openedByThis: consumer.openedByThis }
    : { kind: 'nothing_known' }
  return [{ seen: found, world }, failed({ kind: 'look_up' }, world)]
}

const sent = (world: World, conversationId: string): readonly Came[] => {
  const notAccepted: readonly Came[] = [
    { seen: { kind: 'message', answer: 'unknown' }, world, cameBack: 'unknown (not accepted)' },
    { seen: { kind: 'message', answer: 'not_sent' }, world },
  ]
  if (world.livePerson.open !== conversationId)
    return [{ seen: { kind: 'message', answer: 'closed' }, world }, ...notAccepted]
  const accepted = accept(world)
  return [
    { seen: { kind: 'message', answer: 'sent' }, world: accepted },
    { seen: { kind: 'message', answer: 'unknown' }, world: accepted, cameBack: 'unknown (accepted)' },
    ...notAccepted,
  ]
}

const forgotten = (world: World, conversationId: string): World =>
  world.consumer?.conversationId === conversationId
    ? { ...world, consumer: { ...world.consumer, isOpen: false } }
    : world

/** Two items are written in one call that isn't atomic: either can be written without the other. */
const completed = (
  protocol: Protocol,
  configuration: Configuration,
  world: World,
  attempt: Attempt,
  step: Extract<Action, { kind: 'complete' }>,
): readonly Came[] => {
  if (isUnconditional(step.facts)) {
    const withItem = putItem(world, attempt, step.facts, configuration.hasMessage)
    const withConsumer = putConsumer(world, step.facts)
    return [
      ...worked(step, { kind: 'completed', facts: step.facts }, world, putConsumer(withItem, step.facts)),
      { ...failed(step, withItem), cameBack: "failed, only the request's item was written" },
      { ...failed(step, withConsumer), cameBack: "failed, only the consumer's item was written" },
    ]
  }
  const { world: after, facts, isOwn } = completeOwn(protocol, configuration, world, attempt, step.facts)
  const seen: Seen = { kind: 'completed', facts }
  return isOwn
    ? worked(step, seen, world, after)
    : [{ seen, world, cameBack: 'not written, because the lease is lost' }, failed(step, world)]
}

/** A request that may have a conversation is quarantined under its own id, any other record as it came. */
const quarantined = (
  { door }: Configuration,
  world: World,
  { record }: Attempt,
  { code }: Extract<Action, { kind: 'quarantine' }>,
): World => {
  const facts = record && code !== 'outcome_unknown' ? record.facts : NOTHING
  const put = { ...world, quarantine: addOnce(world.quarantine, { code, facts }) }
  return door === 'form' ? giveUp(put, code) : put
}

/** Returns everything that can come back from one of the last steps. It is the same in every state. */
export const fixedAnswers = ({ kind }: Step): readonly Seen[] | undefined => {
  switch (kind) {
    case 'release':
      return [{ kind: 'released' }, { kind: 'failed', step: kind, error: OURS_FAILED }]
    case 'hand_over':
      return [{ kind: 'handed_over' }, { kind: 'failed', step: kind, error: OURS_FAILED }]
    case 'quarantine':
      return [{ kind: 'quarantined' }, { kind: 'failed', step: kind, error: OURS_FAILED }]
    case 'done':
      return []
    default:
      return undefined
  }
}

/** Returns whether it makes a difference to a step what agents and other requests did right before it. */
export const notices = (step: Step, happening: Happening['kind']): boolean => {
  switch (step.kind) {
    case 'create':
      return true
    case 'ask':
    case 'send':
      return happening === 'closed'
    case 'look_up':
    case 'forget':
      return happening === 'opened_and_stored'
    case 'complete':
      return isUnconditional(step.facts) && happening === 'opened_and_stored'
    default:
      return false
  }
}
