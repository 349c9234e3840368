/**
 * What must hold in every state and on every transition. Each invariant is a named function. It returns
 * undefined if it holds, else a short text that says how it is broken.
 *
 * Knowledge is compared by `missing`, which doesn't use the protocol's own `merge`: a wrong merge can't hide.
 */
import type { Conversation, Facts, Known, Outcome, Step } from '../../../../lib/conversation/protocol.ts'
import type { Protocol } from './load-protocol.ts'
import type { Move } from './print.ts'
import type { Attempt, Configuration, World } from './state.ts'
import type { Transition } from './world.ts'

/** An invariant that doesn't hold. `detail` distinguishes the ways in which it can be broken. */
export interface Violation {
  readonly invariant: InvariantName
  readonly detail: string
}

interface Context {
  readonly protocol: Protocol
  readonly configuration: Configuration
  readonly runWithoutFaults: (world: World) => World
}

type StateInvariant = (world: World, context: Context) => string | undefined
type TransitionInvariant = (before: World, transition: Transition, context: Context) => string | undefined

const STATE_INVARIANTS = {
  'a request becomes at most one conversation': atMostOneConversation,
  'a rejected request has no conversation': rejectedHasNoConversation,
  'an accepted request is owed or finished': acceptedIsOwedOrFinished,
  'a final answer is recorded': finalAnswerIsRecorded,
  'a message is sent at most once': messageIsSentOnce,
  'a message that was not sent is not called sent': unsentIsNotCalledSent,
  'a message that was sent is not called not sent': sentIsNotCalledUnsent,
  'a message that was not sent is owed or accounted for': messageIsNotDropped,
  'an outcome does not contradict LivePerson': outcomeIsTrue,
  'answers and status do not contradict each other': answersAgree,
  'a lost answer is not counted as not sent': lostAnswerIsRemembered,
  'a status does not forget the conversation': statusNamesConversation,
  'a held request is in quarantine': heldIsInQuarantine,
  'a quarantined request has a true reason': reasonIsTrue,
  'a record that is given up has a reason': givenUpHasReason,
  'a claim is not lost for ever': claimIsNotLost,
} as const satisfies Readonly<Record<string, StateInvariant>>

const TRANSITION_INVARIANTS = {
  'a final status does not change': finalStatusStays,
  'facts are not removed': factsAreNotRemoved,
  'what is written holds all that is known': writesHoldAll,
  'hold does not repeat a create in doubt': holdDoesNotRepeat,
  'the ledger keeps what is written': ledgerKeepsWrites,
  'a create needs a claim': createNeedsClaim,
  'every step adds knowledge': stepAddsKnowledge,
  'an attempt always knows what to do': nothingIsThrown,
  'a finished attempt tells a final outcome': finishedIsFinal,
} as const satisfies Readonly<Record<string, TransitionInvariant>>

export type InvariantName = keyof typeof STATE_INVARIANTS | keyof typeof TRANSITION_INVARIANTS

const namesOf = <T extends object>(table: T) =>
  Object.keys(table).filter((name): name is keyof T & string => name in table)

export const INVARIANT_NAMES: readonly InvariantName[] = [
  ...namesOf(STATE_INVARIANTS),
  ...namesOf(TRANSITION_INVARIANTS),
]

/** Returns functions that return the violations in a state and on a transition. */
export const createInvariants = (
  protocol: Protocol,
  configuration: Configuration,
  runWithoutFaults: (world: World) => World,
) => {
  const context: Context = { protocol, configuration, runWithoutFaults }
  const states = namesOf(STATE_INVARIANTS)
  const transitions = namesOf(TRANSITION_INVARIANTS)
  return {
    inState: (world: World): readonly Violation[] => {
      let violations: Violation[] | undefined
      for (const invariant of states) {
        const detail = STATE_INVARIANTS[invariant](world, context)
        if (detail !== undefined) violations = [...(violations ?? []), { invariant, detail }]
      }
      return violations ?? NONE
    },
    onTransition: (before: World, transition: Transition): readonly Violation[] => {
      let violations: Violation[] | undefined
      for (const invariant of transitions) {
        const detail = TRANSITION_INVARIANTS[invariant](before, transition, context)
        if (detail !== undefined) violations = [...(violations ?? []), { invariant, detail }]
      }
      return violations ?? NONE
    },
  }
}

const NONE: readonly Violation[] = []

/** There is one exception, which is counted: see `open` in `live-person.ts`. */
function atMostOneConversation({ livePerson }: World): string | undefined {
  return livePerson.opened - livePerson.excused > 1 ? 'a second one was opened' : undefined
}

function rejectedHasNoConversation(world: World, context: Context): string | undefined {
  if (world.livePerson.opened === 0) return undefined
  const isRejected = ({ status, code }: Outcome) => status === 'rejected' && code !== 'outcome_unknown'
  if (toldBy(world).some(isRejected)) return 'the sender was told "rejected"'
  return ledgerSays(world, context).some(isRejected) ? 'the ledger says "rejected"' : undefined
}

/** An event is accepted once it is in the queue, a form once its sender is told so. */
function acceptedIsOwedOrFinished(world: World, { protocol, configuration }: Context): string | undefined {
  const isAccepted =
    configuration.door === 'queue' || world.history.told.some(({ kind }) => kind === 'accepted')
  return !isAccepted || isKept(world, protocol) ? undefined : 'nothing holds it any more'
}

function finalAnswerIsRecorded(world: World, { protocol }: Context): string | undefined {
  return toldBy(world).length === 0 || isKept(world, protocol) ? undefined : 'nothing holds it'
}

const isKept = ({ item, queue, quarantine }: World, { isFinal }: Protocol): boolean =>
  queue.length > 0 || quarantine.length > 0 || (item !== undefined && isFinal(item.facts))

function messageIsSentOnce({ livePerson }: World): string | undefined {
  return livePerson.messages > 1 ? 'it was sent twice' : undefined
}

function unsentIsNotCalledSent(world: World, context: Context): string | undefined {
  if (world.livePerson.messages > 0) return undefined
  return outcomesOf(world, context).some(({ messageStatus }) => messageStatus === 'sent')
    ? 'it was never accepted'
    : undefined
}

function sentIsNotCalledUnsent(world: World, context: Context): string | undefined {
  if (world.livePerson.messages === 0) return undefined
  const isUnsent = ({ messageStatus }: Outcome) => messageStatus === 'not_sent'
  if (toldBy(world).some(isUnsent)) return 'the sender was told "not sent"'
  return ledgerSays(world, context).some(isUnsent) ? 'the ledger says "not sent"' : undefined
}

/** Nothing accounts for one today: no later attempt sends it, and no reason is given. */
function messageIsNotDropped(world: World, context: Context): string | undefined {
  return outcomesOf(world, context).some(({ messageStatus }) => messageStatus === 'not_sent')
    ? 'it is dropped without a reason'
    : undefined
}

function outcomeIsTrue(world: World, context: Context): string | undefined {
  const { livePerson } = world
  for (const { status, conversationId } of outcomesOf(world, context)) {
    if (status === 'opened') {
      if (livePerson.opened === 0) return 'opened, but nothing was opened'
      if (conversationId !== undefined && !isOwnId(conversationId)) return "opened, with another request's id"
    }
    if (status === 'existing') {
      if (livePerson.others === 0) return 'existing, but only this request opened one'
      if (conversationId !== undefined && isOwnId(conversationId)) return "existing, with this request's id"
    }
  }
  return undefined
}

const isOwnId = (conversationId: string): boolean => conversationId.startsWith('own-')

function answersAgree(world: World, context: Context): string | undefined {
  const said = outcomesOf(world, context)
  for (const [index, a] of said.entries())
    for (const b of said.slice(index + 1)) {
      if (a.status !== b.status) return `${[a, b].map(nameOf).sort().join(' and ')}`
      if (
        a.conversationId !== undefined &&
        b.conversationId !== undefined &&
        a.conversationId !== b.conversationId
      )
        return 'two conversation ids'
      const messages = [a.messageStatus, b.messageStatus]
      if (messages.includes('sent') && messages.includes('not_sent')) return 'message sent and not sent'
    }
  return undefined
}

const nameOf = ({ status, code }: Outcome): string => (code === 'outcome_unknown' ? code : status)

/** Once a create was carried out, or a message accepted, no released claim says that nothing happened. */
function lostAnswerIsRemembered({ item, livePerson }: World): string | undefined {
  if (!item || item.facts.claim.state === 'held') return undefined
  const { conversation, message } = item.facts
  if (livePerson.opened > 0 && conversation.kind === 'none') return 'the ledger knows of no create'
  if (livePerson.opened > 0 && conversation.kind === 'existing' && livePerson.others === 0)
    return 'the ledger calls it an existing conversation'
  if (livePerson.messages > 0 && (message === 'unsent' || message === 'not_sent'))
    return 'the ledger says that no message was sent'
  return undefined
}

function statusNamesConversation({ item }: World, { protocol, configuration }: Context): string | undefined {
  if (!item) return undefined
  const conversationId = idOf(item.facts.conversation)
  const outcome = protocol.outcomeOf(item.facts, configuration.hasMessage)
  return outcome.conversationId === conversationId ? undefined : 'its id is missing'
}

/** Until an attempt has put it there, its record stays in the queue. */
function heldIsInQuarantine(world: World, context: Context): string | undefined {
  const isHeld = outcomesOf(world, context).some(({ code }) => code === 'outcome_unknown')
  return isHeld && world.quarantine.length === 0 && world.queue.length === 0
    ? 'nobody will look at it'
    : undefined
}

function reasonIsTrue({ quarantine, history, livePerson }: World): string | undefined {
  for (const { code } of quarantine)
    switch (code) {
      case 'outcome_unknown':
        if (!history.isInDoubt && livePerson.opened === 0) return 'nothing is in doubt'
        break
      case 'liveperson_rejected':
        if (!history.isRefused) return 'LivePerson refused nothing'
        break
      case 'request_id_reused':
        break
      default:
        return code
    }
  return undefined
}

/** The bound of attempts stands for maxReceiveCount. The redrive policy moves what is left then. */
function givenUpHasReason(
  { queue, attempts, history }: World,
  { configuration }: Context,
): string | undefined {
  const isOver = history.begun >= configuration.bounds.attempts && attempts.length === 0
  return isOver && queue.length > 0 ? 'the redrive policy gives none' : undefined
}

/** When every attempt has ended and nothing goes wrong any more, the next one finishes the request. */
function claimIsNotLost(
  world: World,
  { protocol, runWithoutFaults, configuration }: Context,
): string | undefined {
  if (configuration.isIdTaken || (world.history.begun === 0 && world.queue.length === 0)) return undefined
  const { item, queue } = runWithoutFaults(world)
  if (queue.length > 0) return 'its record is never done'
  return item && protocol.isFinal(item.facts) ? undefined : 'no attempt can finish it'
}

function finalStatusStays(before: World, { world }: Transition, context: Context): string | undefined {
  if (before.item === world.item) return undefined
  const [old] = ledgerSays(before, context)
  if (!old) return undefined
  const [now] = ledgerSays(world, context)
  return now && nameOf(now) === nameOf(old)
    ? undefined
    : `${nameOf(old)} becomes ${now ? nameOf(now) : 'unfinished'}`
}

function factsAreNotRemoved(
  { item: before }: World,
  { world, moves }: Transition,
  { configuration }: Context,
): string | undefined {
  const lost = before && world.item !== before && missing(configuration, world.item?.facts, before.facts)
  if (lost) return `the ledger loses ${lost}`
  for (const move of moves) {
    const gone = 'after' in move && move.after && missing(configuration, move.after.facts, move.before.facts)
    if (gone) return `the attempt loses ${gone}`
  }
  return undefined
}

function writesHoldAll(_: World, { moves }: Transition, { configuration }: Context): string | undefined {
  for (const move of moves) {
    if (!('step' in move) || !WRITES.has(move.step.kind) || !('facts' in move.step)) continue
    const lost = missing(configuration, move.step.facts, move.before.facts)
    if (lost) return `${move.step.kind} lacks ${lost}`
  }
  return undefined
}

const WRITES: ReadonlySet<Step['kind']> = new Set(['complete', 'release', 'hand_over'])

function holdDoesNotRepeat(_: World, { moves }: Transition, { configuration }: Context): string | undefined {
  if (configuration.onLostAnswer === 'repeat') return undefined
  return createIn(moves)?.facts.conversation.kind === 'in_doubt' ? 'it repeats one' : undefined
}

/** The ledger may know more than was written, but not less. */
function ledgerKeepsWrites(
  { item: before }: World,
  { world, moves }: Transition,
  { configuration }: Context,
): string | undefined {
  if (!world.item || world.item.facts === before?.facts) return undefined
  // A release after a complete finds no lease any more.
  for (const move of moves)
    if ('step' in move && (move.step.kind === 'complete' || move.step.kind === 'release')) {
      const lost = missing(configuration, world.item.facts, move.step.facts)
      return lost && `a ${move.step.kind} drops ${lost}`
    }
  return undefined
}

function createNeedsClaim({ attempts }: World, { moves }: Transition): string | undefined {
  const isUnclaimed = ({ name, lease }: Attempt) =>
    lease?.isStored !== true &&
    moves.some((move) => move.who === name && 'step' in move && move.step.kind === 'create')
  return attempts.some(isUnclaimed) ? 'it creates without one' : undefined
}

/** Returns what an attempt knew before its create, if there is one. */
const createIn = (moves: readonly Move[]): Known | undefined => {
  for (const move of moves) if ('step' in move && move.step.kind === 'create') return move.before
  return undefined
}

/** So every attempt ends: one that learned nothing would repeat the same step for ever. */
function stepAddsKnowledge(_: World, { moves }: Transition): string | undefined {
  for (const move of moves)
    if ('after' in move && move.after === move.before) return `nothing is learned from ${move.step.kind}`
  return undefined
}

function nothingIsThrown(_: World, { moves }: Transition): string | undefined {
  for (const move of moves) {
    if (!('step' in move) || move.step.kind !== 'done') continue
    const { result } = move.step
    if ((result.kind === 'failed' || result.kind === 'queued') && result.error.code === 'internal_error')
      return 'the protocol throws'
  }
  return undefined
}

function finishedIsFinal(_: World, { moves }: Transition): string | undefined {
  for (const move of moves) {
    if (!('step' in move) || move.step.kind !== 'done' || move.step.result.kind !== 'finished') continue
    const { status } = move.step.result.outcome
    if (status === 'opening' || status === 'queued' || status === 'failed') return status
  }
  return undefined
}

/** Returns every final outcome that was said, to the sender or by the status. */
const outcomesOf = (world: World, context: Context): readonly Outcome[] => [
  ...toldBy(world),
  ...ledgerSays(world, context),
]

const toldBy = ({ history: { told } }: World): readonly Outcome[] =>
  told.flatMap((answer) => (answer.kind === 'finished' ? answer.outcome : []))

const ledgerSays = ({ item }: World, { protocol, configuration }: Context): readonly Outcome[] =>
  item && protocol.isFinal(item.facts) ? [protocol.outcomeOf(item.facts, configuration.hasMessage)] : []

const CONVERSATIONS: readonly Conversation['kind'][] = [
  'none',
  'in_doubt',
  'refused',
  'held',
  'existing',
  'opened',
]
const MESSAGES: readonly Facts['message'][] = ['unsent', 'not_sent', 'in_doubt', 'sent']

/** Returns what some facts lack of others, or undefined if they contain all of them. */
const missing = ({ hasMessage }: Configuration, more: Facts | undefined, less: Facts): string | undefined => {
  if (!more) return 'everything'
  if (isBelow(CONVERSATIONS, more.conversation.kind, less.conversation.kind)) return 'the conversation'
  const isSameKind = more.conversation.kind === less.conversation.kind
  if (isSameKind && idOf(more.conversation) === undefined && idOf(less.conversation) !== undefined)
    return "the conversation's id"
  if (hasMessage && isBelow(MESSAGES, more.message, less.message)) return 'the message'
  if (more.claim.attempt < less.claim.attempt) return 'a claim'
  const isReleased = less.claim.state === 'queued' || less.claim.state === 'failed'
  if (isReleased && more.claim.attempt === less.claim.attempt && more.claim.state === 'held')
    return 'the end of a claim'
  return more.lpConsumerId === undefined && less.lpConsumerId !== undefined ? "the consumer's id" : undefined
}

const isBelow = <T>(order: readonly T[], more: T, less: T): boolean =>
  order.indexOf(more) < order.indexOf(less)

const idOf = (conversation: Conversation): string | undefined =>
  'conversationId' in conversation ? conversation.conversationId : undefined
