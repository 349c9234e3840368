/** What can come back from each step of an attempt, and what the step changes in the world. */
import type { Facts } from '../../../../lib/conversation/facts.ts'
import { isMissingId } from '../../../../lib/conversation/matching.ts'
import type { Seen, Step } from '../../../../lib/conversation/protocol.ts'
import { type AppError, toError } from '../../../../lib/errors/errors.ts'
import { type Claim, createLedger, forget, type Ledger, putConsumer } from './ledger.ts'
import { accept, accepts, type Happening, open } from './live-person.ts'
import type { Protocol } from './load-protocol.ts'
import {
  type Attempt,
  addOnce,
  type Configuration,
  type ConsumerItem,
  nextRecordId,
  type World,
  withDoubt,
} from './state.ts'

/** What came back from a step, and the world that the step left. */
export interface Came {
  readonly seen: Seen
  readonly world: World
  /** The conversation that the step wrote into the consumer's item. */
  readonly stored?: string
  /** For the trace, if `seen` doesn't tell everything. */
  readonly cameBack?: string
}

type Action = Exclude<Step, { kind: 'done' }>

const UNAVAILABLE = toError('liveperson_unavailable')
const REFUSED = toError('liveperson_rejected')
const OURS_FAILED = toError('service_unavailable')
const ID_TAKEN = toError('request_id_reused')
const LP_CONSUMER = 'lp-consumer'
/** When the id of the open conversation was first missing. */
const MISSING_AT = 1

/**
 * Returns a function that returns everything that can come back from a step, first what comes back if nothing
 * goes wrong.
 */
export const createSteps = (protocol: Protocol, configuration: Configuration) => {
  const ledger = createLedger(protocol, configuration)
  return (world: World, attempt: Attempt, step: Action): readonly Came[] => {
    switch (step.kind) {
      case 'identify':
        return [{ seen: { kind: 'identifying' }, world }]
      case 'claim':
        return claimed(ledger, configuration, world, attempt)
      case 'wait':
        return [
          { seen: { kind: 'waited', before: step.before }, world },
          { seen: { kind: 'no_time', before: step.before }, world },
        ]
      case 'create':
        return created(configuration, world, attempt)
      case 'look_up':
        return lookedUp(configuration, world, attempt)
      case 'ask': {
        const answer = accepts(world, step.conversationId) ? 'open' : 'closed'
        return [
          { seen: { kind: 'asked', answer }, world },
          { seen: { kind: 'asked', answer: 'unsure' }, world },
        ]
      }
      case 'send':
        return sent(configuration, world, step.conversationId)
      case 'forget':
        return worked(step, { kind: 'forgotten' }, world, forget(world, step.conversationId))
      case 'record':
        return [
          ...recorded(protocol, ledger, world, attempt, step),
          ...unnamed(configuration, world, attempt, step),
        ]
      case 'hand_over':
        return worked(step, { kind: 'handed_over' }, world, {
          ...world,
          queue: [...world.queue, { id: nextRecordId(world), carrier: 'hand_over', facts: step.facts }],
        })
      case 'quarantine':
        return worked(step, { kind: 'quarantined' }, world, quarantined(world, attempt, step))
    }
  }
}

/** A call to one of our own components: done and answered, done with the answer lost, or not done. */
const worked = (step: Action, seen: Seen, before: World, after: World): readonly Came[] => [
  { seen, world: after },
  { ...failed(step, after), cameBack: LOST },
  failed(step, before),
]

const LOST = 'done, but the answer is lost'

const failed = (
  step: Pick<Action, 'kind'> & { readonly facts?: Facts },
  world: World,
  error: AppError = OURS_FAILED,
): Came => ({
  seen: {
    kind: 'failed',
    step: step.kind,
    error,
    ...(step.kind === 'record' && { facts: step.facts }),
    ...(step.kind === 'claim' && { isInDoubt: true }),
  },
  world,
})

const CLAIM = { kind: 'claim' } as const

const claimed = (
  ledger: Ledger,
  configuration: Configuration,
  world: World,
  attempt: Attempt,
): readonly Came[] => {
  if (configuration.isIdTaken) return [failed(CLAIM, world, ID_TAKEN), failed(CLAIM, world)]
  return [...ledger.claim(world, attempt).flatMap(toCame(world)), failed(CLAIM, world)]
}

const toCame =
  (world: World) =>
  (answer: Claim): readonly Came[] => {
    if (answer.kind !== 'claimed') return [{ seen: answer, world }]
    const { before, world: after } = answer
    return [
      { seen: { kind: 'claimed', before }, world: after },
      { ...failed(CLAIM, after), cameBack: LOST },
    ]
  }

const created = (configuration: Configuration, world: World, attempt: Attempt): readonly Came[] => {
  const troubles = configuration.bounds.troubles ? [false, true] : [false]
  const inDoubt = (after: World, cameBack: string): readonly Came[] =>
    troubles.map((isAccountInTrouble) => ({
      seen: { kind: 'create_in_doubt', error: UNAVAILABLE, isAccountInTrouble },
      world: withDoubt(after),
      cameBack: isAccountInTrouble ? `${cameBack}, account in trouble` : cameBack,
    }))
  const notCreated =
    (repeatable: boolean) =>
    (isAccountInTrouble: boolean): Came => ({
      seen: { kind: 'not_created', error: UNAVAILABLE, repeatable, isAccountInTrouble },
      world,
    })
  const notDone: readonly Came[] = [
    ...inDoubt(world, 'in doubt (not done)'),
    {
      seen: { kind: 'refused', error: REFUSED },
      world: { ...world, history: { ...world.history, isRefused: true } },
    },
    ...troubles.map(notCreated(false)),
    // A record doesn't wait inside the function.
    ...(attempt.carrier === 'memory' ? [notCreated(true)(false)] : []),
  ]
  const opened = open(configuration, world, attempt)
  if (!opened)
    return [{ seen: { kind: 'already_open', lpConsumerId: LP_CONSUMER, at: MISSING_AT }, world }, ...notDone]
  const { conversationId, at, world: after } = opened
  return [
    { seen: { kind: 'opened', conversationId, lpConsumerId: LP_CONSUMER, at }, world: after },
    ...inDoubt(after, 'in doubt (done)'),
    ...notDone,
  ]
}

const lookedUp = ({ flaw }: Configuration, world: World, { known }: Attempt): readonly Came[] => {
  const { consumer } = world
  const notDone = failed({ kind: 'look_up' }, world)
  const kept = flaw === 'the consumer keeps only the last opener' ? undefined : consumer?.own
  const conversationId = consumer?.openedBy === 'this' ? consumer.conversationId : kept
  if (conversationId !== undefined) {
    return [{ seen: { kind: 'own', conversationId }, world }, notDone]
  }
  if (consumer?.isOpen && consumer.openedBy !== 'this') {
    const { conversationId, openedBy } = consumer
    const known = (by: 'other' | 'unknown'): Came => ({
      seen: { kind: 'known', conversationId, openedBy: by },
      world,
    })
    // It may have begun after the attempts that are over.
    const isLate = openedBy === 'unknown' && conversationId === world.livePerson.lost
    return [known(openedBy), ...(isLate ? [known('other')] : []), notDone]
  }
  const kind = consumer ? 'known_closed' : 'nothing_known'
  const missing = (isOverdue: boolean): Came => ({
    seen: { kind, at: MISSING_AT, isOverdue },
    world,
  })
  return [...(known.facts.idMissingSince === undefined ? [] : [missing(true)]), missing(false), notDone]
}

const sent = ({ bounds }: Configuration, world: World, conversationId: string): readonly Came[] => {
  const notAccepted: readonly Came[] = [
    { seen: { kind: 'message', answer: 'unknown' }, world, cameBack: 'unknown (not accepted)' },
    ...(bounds.troubles ? [false, true] : [false]).map(
      (isAccountInTrouble): Came => ({
        seen: { kind: 'message', answer: 'owed', error: UNAVAILABLE, isAccountInTrouble },
        world,
      }),
    ),
  ]
  if (!accepts(world, conversationId))
    return [{ seen: { kind: 'message', answer: 'closed' }, world }, ...notAccepted]
  const accepted = accept(world)
  return [
    { seen: { kind: 'message', answer: 'sent' }, world: accepted },
    { seen: { kind: 'message', answer: 'unknown' }, world: accepted, cameBack: 'unknown (accepted)' },
    ...notAccepted,
  ]
}

/** The request's and the consumer's item are written in parallel: either can be written without the other. */
const recorded = (
  protocol: Protocol,
  { record }: Ledger,
  world: World,
  attempt: Attempt,
  step: Extract<Action, { kind: 'record' }>,
): readonly Came[] => {
  const { ledger } = attempt.known.progress
  if (!ledger) throw new Error('The protocol asked for a step before the claim')
  const merged = protocol.merge(ledger, step.facts)
  // Nothing is written that the attempt has seen in the ledger.
  const isKnown = protocol.isSame(merged, ledger)
  const withItem = isKnown ? world : record(world, step.facts)
  const seen: Seen = { kind: 'recorded', facts: isKnown ? merged : (withItem.item?.facts ?? merged) }
  const consumer = toConsumer(step, attempt)
  if (!consumer) return isKnown ? [{ seen, world }] : worked(step, seen, world, withItem)
  const done = { seen, world: putConsumer(withItem, consumer), stored: consumer.conversationId }
  const withConsumer = { ...failed(step, putConsumer(world, consumer)) }
  if (isKnown) return [done, { ...withConsumer, cameBack: LOST }, failed(step, world)]
  return [
    done,
    { ...failed(step, done.world), cameBack: LOST },
    { ...failed(step, withItem), cameBack: "failed, only the request's item was written" },
    { ...withConsumer, cameBack: "failed, only the consumer's item was written" },
    failed(step, world),
  ]
}

/**
 * Nobody can say by which id pushes name the consumer. An attempt that made a create, or was told which
 * conversation is open, knows it.
 */
const unnamed = (
  { hasMessage }: Configuration,
  world: World,
  { admission, isTooOld, known: { progress } }: Attempt,
  { facts }: Extract<Action, { kind: 'record' }>,
): readonly Came[] => {
  const isNamed = facts.lpConsumerId !== undefined || progress.create !== 'possible' || progress.isUnnamed
  const isLeft = admission !== 'paused' && facts.claim.state !== 'queued' && isTooOld !== true
  return !isNamed && isLeft && isMissingId(facts, hasMessage)
    ? [{ seen: { kind: 'unnamed', error: UNAVAILABLE }, world }]
    : []
}

/** Returns the consumer's item that a record writes, if any. */
const toConsumer = (
  { facts }: Extract<Step, { kind: 'record' }>,
  { stored }: Pick<Attempt, 'stored'>,
): ConsumerItem | undefined => {
  const { conversation, lpConsumerId, openedAt: at } = facts
  if (conversation.kind !== 'opened' || lpConsumerId === undefined || at === undefined) return undefined
  const { conversationId } = conversation
  return conversationId === undefined || conversationId === stored
    ? undefined
    : { conversationId, isOpen: true, openedBy: 'this', at }
}

/** A CRM event is quarantined as it came, unless a conversation may exist. */
const quarantined = (
  world: World,
  { carrier }: Attempt,
  { code, facts }: Extract<Action, { kind: 'quarantine' }>,
): World => {
  const isOwnBody = carrier === 'event' && ['none', 'refused'].includes(facts.conversation.kind)
  const put = { code, carrier: isOwnBody ? 'event' : 'hand_over' } as const
  return { ...world, quarantine: addOnce(world.quarantine, put) }
}

/** Returns everything that can come back from one of the last steps. It is the same in every state. */
export const fixedAnswers = ({ kind }: Step): readonly Seen[] | undefined => {
  switch (kind) {
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

/** Returns whether it makes a difference to an attempt what others did right before its step. */
export const notices = (step: Step, attempt: Attempt, happening: Happening['kind']): boolean => {
  switch (step.kind) {
    case 'create':
      return happening !== 'surveyed' && happening !== 'told' && happening !== 'found'
    case 'ask':
    case 'send':
      return happening === 'closed' || happening === 'surveyed'
    case 'look_up':
    case 'forget':
      return happening === 'opened_and_stored' || happening === 'told'
    case 'claim':
      return happening === 'found'
    case 'record':
      if (happening === 'found') return true
      return (
        (happening === 'opened_and_stored' || happening === 'told') && toConsumer(step, attempt) !== undefined
      )
    default:
      return false
  }
}
