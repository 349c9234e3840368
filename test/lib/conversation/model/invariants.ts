/**
 * What must hold in every state and on every transition. Each invariant is a named function. It returns
 * undefined if it holds, else a short text that says how it is broken.
 *
 * Knowledge is compared by `missing`, which doesn't use the protocol's own `merge`: a wrong merge can't hide.
 *
 * A claim outlasts its invocation, so no attempt overruns its lease on Lambda. The model checker lets it
 * happen all the same. Then LivePerson's answers don't tell whose conversation is open, and three invariants
 * are relaxed (`isOverrun`): those that tell `opened` from `existing`.
 */
import type { Conversation, Facts, Message, Outcome } from '../../../../lib/conversation/facts.ts'
import type { Known, Step } from '../../../../lib/conversation/protocol.ts'
import { toCanonicalText } from './interner.ts'
import type { Protocol } from './load-protocol.ts'
import type { Move } from './print.ts'
import { type Configuration, holderOf, type World } from './state.ts'
import type { Transition } from './world.ts'

/** An invariant that doesn't hold. `detail` distinguishes the ways in which it can be broken. */
export interface Violation {
  readonly invariant: InvariantName
  readonly detail: string
}

interface Context {
  readonly protocol: Protocol
  readonly configuration: Configuration
  readonly runWithoutFaults: (world: World, isReplayed: boolean) => World
  readonly joined: (a: Facts, b: Facts, c: Facts) => string | undefined
  /** Counts a state in which two answers are excused: see {@link isExcused}. */
  readonly excuse: () => void
}

type StateInvariant = (world: World, context: Context) => string | undefined
type TransitionInvariant = (before: World, transition: Transition, context: Context) => string | undefined

const STATE_INVARIANTS = {
  'a request becomes at most one conversation': atMostOneConversation,
  'a rejected request has no conversation': rejectedHasNoConversation,
  'after a doubt, nothing is called rejected': doubtIsNotRejected,
  'an unknown outcome has a doubt': unknownHasDoubt,
  'a message is sent at most once': messageIsSentOnce,
  'a message that was not sent is not called sent': unsentIsNotCalledSent,
  'a message that was sent is not called not sent': sentIsNotCalledUnsent,
  'a message that is not sent has a reason': unsentHasReason,
  'a message that may have been sent was tried': unknownMessageWasTried,
  'a pending message is kept': pendingIsKept,
  'a queued request is in a queue': queuedIsInQueue,
  'an accepted request is kept or finished': acceptedIsKeptOrFinished,
  'a final answer is recorded or kept': finalAnswerIsKept,
  'an answer comes true': answerComesTrue,
  'answers and status do not contradict each other': answersAgree,
  'an outcome does not contradict LivePerson': outcomeIsTrue,
  'a lost answer is not counted as not sent': lostAnswerIsRemembered,
  'the stored status is the outcome of the facts': storedIsOutcome,
  'an unknown outcome is in quarantine': unknownIsInQuarantine,
  'a quarantined request has a true reason': reasonIsTrue,
  'a request is not kept for ever': requestEnds,
  'a replay finishes what was given up': replayFinishes,
  'a settled outcome names its conversation': settledHasConversation,
  'a forgotten doubt does not come back': forgottenStaysAway,
  'a conversation that is called closed is not open': closedIsNotOpen,
} as const satisfies Readonly<Record<string, StateInvariant>>

const TRANSITION_INVARIANTS = {
  'a finished outcome only becomes more precise': finishedStays,
  'facts are not removed': factsAreNotRemoved,
  'what is written holds all that is known': writesHoldAll,
  'the ledger keeps what is written': ledgerKeepsWrites,
  'a merge is a join': mergeIsJoin,
  'hold does not repeat a create in doubt': holdDoesNotRepeat,
  'a create needs a claim': createNeedsClaim,
  'a conversation that exists is open': existingIsOpen,
  'a message is recorded before it is sent': sendNeedsMark,
  'a paused account is not called': pausedIsNotCalled,
  'a request is given up after a failed try': givenUpAfterTry,
  'a deleted record is owed nothing': deletedIsOwedNothing,
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
  runWithoutFaults: (world: World, isReplayed: boolean) => World,
) => {
  let excusedAnswers = 0
  let isStateExcused = false
  const context: Context = {
    ...{ protocol, configuration, runWithoutFaults, joined: createJoinCheck(protocol) },
    excuse: () => {
      isStateExcused = true
    },
  }
  const states = namesOf(STATE_INVARIANTS)
  const transitions = namesOf(TRANSITION_INVARIANTS)
  return {
    inState: (world: World): readonly Violation[] => {
      isStateExcused = false
      let violations: Violation[] | undefined
      for (const invariant of states) {
        const detail = STATE_INVARIANTS[invariant](world, context)
        if (detail !== undefined) violations = [...(violations ?? []), { invariant, detail }]
      }
      if (isStateExcused) excusedAnswers++
      return violations ?? NONE
    },
    /** Returns in how many states two answers were excused. */
    excusedAnswers: () => excusedAnswers,
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
  if (toldBy(world).some(isRejected)) return 'the sender was told "rejected"'
  return ledgerSays(world, context).some(isRejected) ? 'the ledger says "rejected"' : undefined
}

function doubtIsNotRejected(world: World, context: Context): string | undefined {
  return world.history.isInDoubt && outcomesOf(world, context).some(isRejected)
    ? 'a refusal after a doubt is final'
    : undefined
}

const isRejected = ({ status }: Outcome): boolean => status === 'rejected'

function unknownHasDoubt(world: World, context: Context): string | undefined {
  return isInDoubt(world) || !outcomesOf(world, context).some(isUnknown)
    ? undefined
    : 'no create can have reached LivePerson'
}

const isUnknown = ({ status }: Outcome): boolean => status === 'outcome_unknown'

const isInDoubt = ({ history, livePerson }: World): boolean => history.isInDoubt || livePerson.opened > 0

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

function unsentHasReason(world: World, context: Context): string | undefined {
  return outcomesOf(world, context).some(
    ({ messageStatus, messageCode }) => messageStatus === 'not_sent' && messageCode === undefined,
  )
    ? 'no reason is given'
    : undefined
}

function unknownMessageWasTried(world: World, context: Context): string | undefined {
  const { item } = world
  return outcomesOf(world, context).some(({ messageStatus }) => messageStatus === 'unknown') &&
    item?.facts.message.tried === 0
    ? 'nobody tried to send it'
    : undefined
}

function pendingIsKept(world: World, context: Context): string | undefined {
  if (world.queue.length > 0 || world.quarantine.length > 0 || isLateRefusal(world)) return undefined
  const facts = expiredFacts(world, context)
  // A form whose hand-over failed is answered 5xx: its sender keeps it.
  if (!facts || facts.claim.state === 'failed') return undefined
  return context.protocol.outcomeOf(facts, context.configuration.hasMessage).messageStatus === 'pending'
    ? 'nothing holds it'
    : undefined
}

function queuedIsInQueue(world: World, context: Context): string | undefined {
  const facts = expiredFacts(world, context)
  const isQueued = facts && context.protocol.outcomeOf(facts, context.configuration.hasMessage)
  const isHeld = world.queue.length > 0 || world.quarantine.length > 0
  return isQueued?.status === 'queued' && !isHeld ? 'no queue holds it' : undefined
}

/** Returns the ledger's facts once the lease of an attempt that died has expired. */
const expiredFacts = (world: World, { protocol, configuration }: Context): Facts | undefined => {
  const { item } = world
  if (!item || holderOf(world)) return undefined
  return protocol.afterExpiry(item.facts, configuration.door === 'queue' || item.facts.handedOver)
}

/**
 * Whether an attempt that overran its lease heard that its message was not accepted, after its successor had
 * called the message unknown and was done. Then the message is owed again, and nothing may keep it.
 */
const isLateRefusal = ({ item, history }: World): boolean =>
  history.isOverrun &&
  item?.facts.claim.state === 'done' &&
  item.facts.message.tried > 0 &&
  item.facts.message.tried === item.facts.message.refused

/** An event is accepted once it is in the queue, a form once its sender is told so. */
function acceptedIsKeptOrFinished(world: World, context: Context): string | undefined {
  const isAccepted =
    context.configuration.door === 'queue' || world.history.told.some(({ kind }) => kind === 'accepted')
  return !isAccepted || isKept(world, context) ? undefined : 'nothing holds it any more'
}

function finalAnswerIsKept(world: World, context: Context): string | undefined {
  return toldBy(world).length === 0 || isKept(world, context) ? undefined : 'nothing holds it'
}

const isKept = (world: World, context: Context): boolean =>
  world.queue.length > 0 ||
  world.quarantine.length > 0 ||
  isLedgerFinished(world, context) ||
  isLateRefusal(world)

const isLedgerFinished = ({ item }: World, { protocol, configuration }: Context): boolean =>
  item !== undefined && protocol.isFinished(item.facts, configuration.hasMessage)

/** Once everything that is kept has run, the ledger says what the sender was told. */
function answerComesTrue(world: World, context: Context): string | undefined {
  const told = toldBy(world)
  if (told.length === 0) return undefined
  const end = context.runWithoutFaults(world, false)
  const [says] = ledgerSays(end, context)
  if (!says) return 'the ledger never holds an outcome'
  const wrong = told.find((outcome) => contradiction(context, world, outcome, says, end))
  return wrong && `the ledger ends with ${contradiction(context, world, wrong, says, end)}`
}

function answersAgree(world: World, context: Context): string | undefined {
  const said = outcomesOf(world, context)
  for (const [index, a] of said.entries())
    for (const b of said.slice(index + 1)) {
      const found = contradiction(context, world, a, b)
      if (found) return found
    }
  return undefined
}

/**
 * Returns how two outcomes of one request contradict each other, in whichever order they were said.
 *
 * @param end The world in which they were said. Default: this one.
 */
const contradiction = (
  context: Context,
  world: World,
  a: Outcome,
  b: Outcome,
  end: World = world,
): string | undefined => {
  const broken = PARTS.filter((isRefined) => !isRefined(a, b, end) && !isRefined(b, a, end))
  if (broken.length === 0) return undefined
  if (broken.every((part) => part === isIdRefined) && isExcused(world, a, b)) {
    context.excuse()
    return undefined
  }
  return [a, b].map(nameOf).sort().join(' and ')
}

/**
 * Whether two answers may name two conversations. The first one was told when neither item could be written,
 * so only the hand-over knew it. An agent closed it, and another request of the consumer opened the next one,
 * but its answer was lost. So a repeat can't know which of the two requests opened the one that is open.
 */
const isExcused = ({ livePerson: { open, closings, lost }, history }: World, a: Outcome, b: Outcome) => {
  const own = [a, b].find(({ conversationId }) => conversationId !== lost)?.conversationId
  return (
    [a, b].every(({ status }) => status === 'opened') &&
    [a, b].some(({ conversationId }) => lost !== undefined && conversationId === lost) &&
    closings > 0 &&
    open !== own &&
    history.told.some(
      (told) => told.kind === 'finished' && told.isUnrecorded && told.outcome.conversationId === own,
    )
  )
}

const nameOf = ({ status, conversationId, messageStatus }: Outcome): string =>
  [status, conversationId, messageStatus && `message ${messageStatus}`]
    .filter((part) => part !== undefined)
    .join(' ')

/** Returns whether the later outcome is the earlier one, or the same with more knowledge. */
type IsRefined = (earlier: Outcome, later: Outcome, world: World) => boolean

const isStatusRefined: IsRefined = (earlier, later, { history }) =>
  earlier.status === later.status ||
  (isUnknown(earlier) && (later.status === 'opened' || later.status === 'existing')) ||
  // After a doubt, a later attempt may find or open a conversation that counts as this request's.
  (history.isInDoubt && earlier.status === 'existing' && later.status === 'opened')

const isIdRefined: IsRefined = (earlier, later, { livePerson, history }) =>
  earlier.conversationId === undefined ||
  earlier.conversationId === later.conversationId ||
  // Two conversations were opened: that is counted.
  livePerson.excused > 0 ||
  (history.isInDoubt && earlier.status !== later.status)

const isMessageRefined: IsRefined = (earlier, later, { history }) =>
  earlier.messageStatus === later.messageStatus ||
  earlier.messageStatus === undefined ||
  earlier.messageStatus === 'pending' ||
  earlier.messageStatus === 'unknown' ||
  // One that overran its lease recorded that it was about to send it, and then did not.
  (history.isOverrun && earlier.messageStatus === 'not_sent' && later.messageStatus !== 'sent')

const PARTS: readonly IsRefined[] = [isStatusRefined, isIdRefined, isMessageRefined]

function outcomeIsTrue(world: World, context: Context): string | undefined {
  const { livePerson, history } = world
  for (const { status, conversationId } of outcomesOf(world, context)) {
    if (status === 'opened') {
      // After a doubt, an open conversation counts as this request's.
      if (!isInDoubt(world)) return 'opened, but nothing was opened'
      // The webhook tells an id, but not which request opened the conversation.
      const isOwnerUnknown =
        world.consumer?.openedBy === 'unknown' && world.consumer.conversationId === conversationId
      if (conversationId !== undefined && !isOwnId(conversationId) && !isOwnerUnknown)
        return "opened, with another request's id"
    }
    if (status === 'existing') {
      if (livePerson.others === 0 && !history.isOverrun) return 'existing, but only this request opened one'
      if (conversationId !== undefined && isOwnId(conversationId)) return "existing, with this request's id"
    }
  }
  return undefined
}

const isOwnId = (conversationId: string): boolean => conversationId.startsWith('own-')

/** Once a create was carried out, or a message accepted, no released claim says that nothing happened. */
function lostAnswerIsRemembered({ item, livePerson, history }: World): string | undefined {
  if (!item || item.facts.claim.state === 'held') return undefined
  const { conversation, message } = item.facts
  if (livePerson.opened > 0 && (conversation.kind === 'none' || conversation.kind === 'refused'))
    return 'the ledger knows of no create'
  const { opened, others, tellings } = livePerson
  const isOwn = opened > 0 && others === 0 && tellings === 0 && !history.isOverrun
  if (isOwn && conversation.kind === 'existing') return 'the ledger calls it an existing conversation'
  if (livePerson.messages > 0 && !message.sent && message.tried <= message.refused)
    return 'the ledger says that no message was sent'
  return undefined
}

function storedIsOutcome({ item }: World, { protocol, configuration }: Context): string | undefined {
  if (!item) return undefined
  const outcome = protocol.outcomeOf(item.facts, configuration.hasMessage)
  const isSame = (['status', 'conversationId', 'code', 'messageStatus', 'messageCode'] as const).every(
    (name) => outcome[name] === item.stored[name],
  )
  return isSame ? undefined : `${nameOf(item.stored)} for ${nameOf(outcome)}`
}

/**
 * Until an attempt has put it there, its record stays in the queue. If neither queue took a form, or if it
 * overran its lease and died, its sender's repeat puts it there.
 */
function unknownIsInQuarantine(world: World, context: Context): string | undefined {
  const isHeld = world.quarantine.length > 0 || world.queue.length > 0
  if (isHeld || isSettledLater(world) || !outcomesOf(world, context).some(isUnknown)) return undefined
  const isFailed = world.item?.facts.claim.state === 'failed' || world.history.isOverrun
  return isFailed && context.runWithoutFaults(world, false).quarantine.length > 0
    ? undefined
    : 'nobody will look at it'
}

const isSettledLater = ({ item }: World): boolean =>
  item?.facts.conversation.kind === 'opened' || item?.facts.conversation.kind === 'existing'

function reasonIsTrue(world: World, { configuration }: Context): string | undefined {
  for (const { code } of world.quarantine)
    switch (code) {
      case 'outcome_unknown':
        if (!isInDoubt(world) && !world.history.isForgotten) return 'nothing is in doubt'
        break
      case 'liveperson_rejected':
        if (!world.history.isRefused) return 'LivePerson refused nothing'
        break
      case 'request_id_reused':
        if (!configuration.isIdTaken) return 'the id was not reused'
        break
      case 'interrupted':
        if (world.history.begun <= configuration.bounds.maxDeaths) return 'too few attempts died'
        break
      case 'liveperson_unavailable':
      case 'service_unavailable':
        if (!configuration.bounds.ageing) return 'the request is not too old'
        break
      default:
        return code
    }
  return undefined
}

/** When every attempt has ended and nothing goes wrong any more, the next ones finish the request. */
function requestEnds(world: World, context: Context): string | undefined {
  if (context.configuration.isIdTaken || isUntouched(world)) return undefined
  const end = context.runWithoutFaults(world, false)
  if (end.queue.length > 0) return 'a record is never done'
  // What is in quarantine waits for an operator.
  return isLedgerFinished(end, context) || end.quarantine.length > 0 || isLateRefusal(end)
    ? undefined
    : 'no attempt can finish it'
}

const isUntouched = ({ history, queue }: World): boolean => history.begun === 0 && queue.length === 0

function replayFinishes(world: World, context: Context): string | undefined {
  if (context.configuration.isIdTaken || world.quarantine.length === 0) return undefined
  const end = context.runWithoutFaults(world, true)
  return isLedgerFinished(end, context) ? undefined : 'the replay finishes nothing'
}

function settledHasConversation({ item }: World, { protocol }: Context): string | undefined {
  if (item?.facts.settled === undefined) return undefined
  const { status, conversationId } = protocol.outcomeOf(item.facts, false)
  if (status !== 'opened' && status !== 'existing') return `it is ${status}`
  return conversationId === undefined ? 'its id is missing' : undefined
}

function forgottenStaysAway(world: World): string | undefined {
  const facts = world.item?.facts
  if (facts?.forgotten === undefined || isInDoubt(world)) return undefined
  const { kind } = facts.conversation
  return kind === 'in_doubt' || kind === 'unknown' ? `it is ${kind} again` : undefined
}

function closedIsNotOpen({ item, livePerson }: World, { protocol }: Context): string | undefined {
  if (!item || protocol.closedAtOf(item.facts) === undefined) return undefined
  const { conversationId } = protocol.outcomeOf(item.facts, false)
  return conversationId !== undefined && conversationId === livePerson.open ? 'it is open' : undefined
}

function finishedStays(before: World, { world }: Transition, context: Context): string | undefined {
  if (before.item === world.item) return undefined
  const [old] = ledgerSays(before, context)
  if (!old || !world.item) return undefined
  const now = context.protocol.outcomeOf(world.item.facts, context.configuration.hasMessage)
  // A person has found that the request has no conversation.
  if (world.item.facts.forgotten?.attempt !== before.item?.facts.forgotten?.attempt) return undefined
  return PARTS.every((isRefined) => isRefined(old, now, world))
    ? undefined
    : `${nameOf(old)} becomes ${nameOf(now)}`
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

/** A verdict is not handed over: a retry finds it again, unless an operator has repaired its cause. */
function writesHoldAll(_: World, { moves }: Transition, { configuration }: Context): string | undefined {
  for (const move of moves) {
    if (!('step' in move)) continue
    const { step, before } = move
    const isWrite = step.kind === 'hand_over' || (step.kind === 'record' && isClaimed(before))
    if (!isWrite) continue
    const known = step.kind === 'hand_over' ? withoutVerdict(before.facts) : before.facts
    const lost = missing(configuration, step.facts, known)
    if (lost) return `${step.kind} lacks ${lost}`
  }
  return undefined
}

const isClaimed = ({ progress: { claim } }: Known): boolean => claim === 'claimed'

const withoutVerdict = (facts: Facts): Facts => {
  switch (facts.conversation.kind) {
    case 'refused':
      return { ...facts, conversation: { kind: 'none' } }
    case 'unknown':
      return { ...facts, conversation: { kind: 'in_doubt' } }
    default:
      return facts
  }
}

/** The ledger may know more than was written, but not less. */
function ledgerKeepsWrites(_: World, { moves }: Transition, { configuration }: Context): string | undefined {
  for (const move of moves) {
    if (!('step' in move) || move.step.kind !== 'record' || move.seen?.kind !== 'recorded') continue
    const lost = missing(configuration, move.world.item?.facts, move.step.facts)
    if (lost) return `a record drops ${lost}`
  }
  return undefined
}

function mergeIsJoin({ item }: World, { moves }: Transition, { joined }: Context): string | undefined {
  for (const move of moves) {
    if (!('step' in move) || move.step.kind !== 'record' || !item) continue
    const wrong = joined(item.facts, move.step.facts, move.before.carried)
    if (wrong) return wrong
  }
  return undefined
}

/** Returns a function that returns how merging three writers' facts depends on the order. */
const createJoinCheck = ({ merge }: Protocol): Context['joined'] => {
  const checked = new WeakMap<Facts, WeakMap<Facts, WeakMap<Facts, string>>>()
  const check = (a: Facts, b: Facts, c: Facts): string => {
    if (!isSameText(merge(a, b), merge(b, a))) return 'the order of two writers matters'
    if (!isSameText(merge(merge(a, b), c), merge(a, merge(b, c)))) return 'the order of two merges matters'
    return isSameText(merge(merge(a, b), b), merge(a, b)) ? '' : 'a second write changes something'
  }
  return (a, b, c) => {
    const byB = checked.get(a) ?? new WeakMap<Facts, WeakMap<Facts, string>>()
    checked.set(a, byB)
    const byC = byB.get(b) ?? new WeakMap<Facts, string>()
    byB.set(b, byC)
    const wrong = byC.get(c) ?? check(a, b, c)
    byC.set(c, wrong)
    return wrong || undefined
  }
}

const isSameText = (a: Facts, b: Facts): boolean => toCanonicalText(a) === toCanonicalText(b)

function holdDoesNotRepeat(
  { history }: World,
  { moves }: Transition,
  { configuration }: Context,
): string | undefined {
  if (configuration.onLostAnswer === 'repeat' || !createIn(moves)) return undefined
  // One that overran its lease can't know of the doubt.
  return history.isInDoubt && !history.isOverrun ? 'it repeats one' : undefined
}

function createNeedsClaim(_: World, { moves }: Transition): string | undefined {
  const before = createIn(moves)
  return before && !(isClaimed(before) && before.facts.claim.state === 'held')
    ? 'it creates without one'
    : undefined
}

/** Returns what an attempt knew before its create, if there is one. */
const createIn = (moves: readonly Move[]): Known | undefined => {
  for (const move of moves) if ('step' in move && move.step.kind === 'create') return move.before
  return undefined
}

/** An attempt names another request's conversation only if LivePerson has it open. */
function existingIsOpen(_: World, { moves }: Transition): string | undefined {
  for (const move of moves) {
    if (!('after' in move) || !move.after) continue
    if (move.seen?.kind !== 'asked' && move.seen?.kind !== 'message') continue
    const { conversation } = move.after.facts
    const { kind } = move.before.facts.conversation
    if (conversation.kind !== 'existing' || kind === 'existing') continue
    if (conversation.conversationId === undefined) continue
    // Without a doubt, it was open before a message whose answer was lost.
    const isGuess = move.seen.kind === 'message' && move.seen.answer === 'unknown' && kind !== 'in_doubt'
    if (!isGuess && conversation.conversationId !== move.world.livePerson.open) return 'it is closed'
  }
  return undefined
}

function sendNeedsMark({ item }: World, { moves }: Transition): string | undefined {
  const isSent = moves.some((move) => 'step' in move && move.step.kind === 'send')
  if (!isSent) return undefined
  const { tried, refused } = item?.facts.message ?? { tried: 0, refused: 0 }
  return tried > refused ? undefined : 'the ledger does not know of it'
}

function pausedIsNotCalled({ attempts }: World, { moves }: Transition): string | undefined {
  for (const move of moves) {
    if (!('step' in move)) continue
    const admission = attempts.find(({ name }) => name === move.who)?.admission
    const { kind } = move.step
    if (admission === 'paused' && CALLS.has(kind)) return kind
    if (admission === 'held_back' && kind === 'create') return kind
  }
  return undefined
}

const CALLS: ReadonlySet<Step['kind']> = new Set(['create', 'ask', 'send'])

/** A record is given up only if it is too old and this attempt tried something, or if too many attempts died. */
function givenUpAfterTry(
  { attempts }: World,
  { moves }: Transition,
  { configuration }: Context,
): string | undefined {
  for (const move of moves) {
    const attempt = attempts.find(({ name }) => name === move.who)
    if (!attempt || !('step' in move) || !isGivingUp(move.step, move.before, configuration)) continue
    const { facts, progress } = move.before
    if (facts.claim.attempt - facts.claim.releases > configuration.bounds.maxDeaths) continue
    // A form that can't be handed over is told so, and its sender keeps it.
    if (attempt.carrier === 'memory') continue
    if (!attempt.isTooOld) return 'it is not too old'
    const isTried = progress.create !== 'possible' || progress.notCreated > 0 || progress.lookUp !== 'untried'
    if (!isTried && progress.sent === undefined) return 'nothing was tried'
  }
  return undefined
}

const isGivingUp = (step: Step, { facts }: Known, { onLostAnswer }: Configuration): boolean => {
  if (step.kind !== 'record') return false
  const { claim, conversation, message } = step.facts
  return (
    (claim.state === 'given_up' && facts.claim.state === 'held') ||
    (message.dropped === 'given_up' && facts.message.dropped === undefined) ||
    (onLostAnswer === 'repeat' && conversation.kind === 'unknown' && facts.conversation.kind === 'in_doubt')
  )
}

/** What was said to be kept elsewhere is in a queue, and what is kept in its record stays there. */
function deletedIsOwedNothing(_: World, { moves, world }: Transition, context: Context): string | undefined {
  for (const move of moves) {
    if (!('step' in move) || move.step.kind !== 'done') continue
    const { result } = move.step
    if (result.kind === 'finished' && result.outcome.messageStatus === 'pending' && !result.kept)
      return 'a message is owed'
    const isMoved = (result.kind === 'finished' || result.kind === 'queued') && result.kept === 'in_hand_over'
    if (isMoved && !isKept(world, context)) return 'nothing holds it'
  }
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
    if ('error' in result && result.error?.code === 'internal_error') return 'the protocol throws'
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

const ledgerSays = (world: World, context: Context): readonly Outcome[] => {
  const { item } = world
  return item && isLedgerFinished(world, context)
    ? [context.protocol.outcomeOf(item.facts, context.configuration.hasMessage)]
    : []
}

/** What each kind of knowledge about the conversation includes. */
const INCLUDED: Readonly<Record<Conversation['kind'], readonly Conversation['kind'][]>> = {
  none: ['none'],
  in_doubt: ['none', 'in_doubt'],
  refused: ['none', 'refused'],
  unknown: ['none', 'in_doubt', 'refused', 'unknown'],
  existing: ['none', 'in_doubt', 'refused', 'unknown', 'existing'],
  opened: ['none', 'in_doubt', 'refused', 'unknown', 'existing', 'opened'],
}

/** Returns what some facts lack of others, or undefined if they contain all of them. */
const missing = ({ hasMessage }: Configuration, more: Facts | undefined, less: Facts): string | undefined => {
  if (!more) return 'everything'
  const isForgotten = (more.forgotten?.attempt ?? 0) > (less.forgotten?.attempt ?? 0) && !isFound(less)
  if (!isForgotten && !INCLUDED[more.conversation.kind].includes(less.conversation.kind))
    return 'the conversation'
  const isSameKind = more.conversation.kind === less.conversation.kind
  if (isSameKind && idOf(more.conversation) === undefined && idOf(less.conversation) !== undefined)
    return "the conversation's id"
  if (hasMessage && !includesMessage(more.message, less.message)) return 'the message'
  if (more.claim.attempt < less.claim.attempt) return 'a claim'
  if (more.claim.releases < less.claim.releases) return 'a release'
  const isReleased = less.claim.state !== 'held' && less.claim.state !== 'none'
  if (isReleased && more.claim.attempt === less.claim.attempt && more.claim.state === 'held')
    return 'the end of a claim'
  if (less.handedOver && !more.handedOver) return 'the hand-over'
  if ((more.forgotten?.attempt ?? 0) < (less.forgotten?.attempt ?? 0)) return 'what was forgotten'
  for (const name of ['lpConsumerId', 'idMissingSince', 'openedAt', 'settled'] as const)
    if (more[name] === undefined && less[name] !== undefined) return name
  const closed = new Set(more.closings?.map(({ conversationId }) => conversationId))
  if (less.closings?.some(({ conversationId }) => !closed.has(conversationId))) return 'a closing'
  return undefined
}

const isFound = ({ conversation: { kind } }: Facts): boolean => kind === 'opened' || kind === 'existing'

const includesMessage = (more: Message, less: Message): boolean =>
  more.tried >= less.tried &&
  more.refused >= less.refused &&
  (more.sent || !less.sent) &&
  (more.dropped !== undefined || less.dropped === undefined)

const idOf = (conversation: Conversation): string | undefined =>
  'conversationId' in conversation ? conversation.conversationId : undefined
