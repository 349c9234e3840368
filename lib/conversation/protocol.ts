/**
 * Decides what happens to a request. `next` returns the next step from what is known, and `learn` adds what
 * came back from it. This file is pure: it does no I/O and reads no clock. `attempt.ts` performs the steps.
 * The model checker in `test/lib/conversation/model/` explores every order of them.
 *
 * The usual path:   identify → claim → create → record → done
 * With a message:   … create → record (about to send) → send → record → done
 * Already open:     … create → look_up → send or ask → [forget → create …] → record → done
 * Held by another:  identify → claim → [wait → claim …] → hand_over → record → done
 * Not now:          … → [hand_over] → record (released) → done
 * Refused:          … create → record → [quarantine] → done
 *
 * A record stays in its queue, so it is handed over only if its whole account is in trouble or the ledger
 * can't be written. A form that a person has to look at goes to quarantine before that is recorded.
 *
 * `facts.ts` says what is known about a request. All else that this file imports is types.
 */
import type { Code } from '../errors/codes.ts'
import type { AppError } from '../errors/errors.ts'
import {
  type Conversation,
  deathsOf,
  type Facts,
  given,
  hasConversation,
  idOf,
  isFinished,
  isSame,
  type Message,
  merge,
  messageStateOf,
  NOTHING,
  type Outcome,
  outcomeOf,
  withAdded,
  withClaim,
  withDoubtOfDeath,
} from './facts.ts'

/** What one attempt has done so far, and what came of it. */
export interface Progress {
  readonly identifying: boolean
  /** `lost`: another attempt has claimed the request since. */
  readonly claim: 'untried' | 'claimed' | 'lost' | 'final' | 'refused' | 'failed'
  /** Whether the claim failed, but may have been written. */
  readonly isClaimInDoubt: boolean
  /** What the ledger holds, as this attempt last saw it. */
  readonly ledger?: Facts
  /** Whether the conversation was open when this attempt claimed the request. */
  readonly wasOpen: boolean
  /** How many times another attempt held the claim. */
  readonly collisions: number
  /** How many times this attempt waited for that other attempt. */
  readonly waits: number
  /** How many creates LivePerson certainly did not carry out. */
  readonly notCreated: number
  readonly pausedBeforeCreate: boolean
  /** Whether a wait was skipped because it would have left too little time. */
  readonly isOutOfTime: boolean
  /**
   * Whether an outcome could not be recorded, because LivePerson's id of the consumer is not known. Pushes
   * name the consumer only by that id.
   */
  readonly isUnnamed: boolean
  readonly create: 'possible' | 'already_open' | 'ended'
  /** When LivePerson said that a conversation is open, in milliseconds since the epoch. */
  readonly saidOpenAt?: number
  /** How many times this attempt found the open conversation closed, and created again. */
  readonly reopenings: number
  readonly lookUp: 'untried' | 'known' | 'closed' | 'nothing' | 'failed'
  /** The consumer's last known conversation, if it was open when it was last heard of. */
  readonly last?: string
  /** Whether nobody knows which request opened that conversation. */
  readonly isLastUnowned: boolean
  /** Whether the conversation's id has been missing for too long. */
  readonly isOverdue: boolean
  readonly asked?: 'open' | 'closed' | 'unsure'
  /** Whether the latest record told the ledger that the message is about to be sent. */
  readonly marked: boolean
  readonly sent?: 'sent' | 'closed' | 'owed' | 'unknown'
  readonly forget: 'untried' | 'failed'
  readonly record: 'possible' | 'failed'
  /** How many times the ledger was written. */
  readonly recordings: number
  readonly handOver: 'untried' | 'done' | 'failed'
  readonly quarantine: 'untried' | 'done' | 'failed'
  /** Whether the whole account is in trouble, so that a record leaves its queue for a while. */
  readonly isAccountInTrouble: boolean
  /** The failure to report: the latest one, but a hand-over's only if there is no other. */
  readonly failure?: AppError
}

/** What one attempt knows about its request. */
export interface Known {
  readonly facts: Facts
  /** What the request brought along: its hand-over holds these facts already. */
  readonly carried: Facts
  readonly progress: Progress
}

/** What decides the next step, apart from what is known. */
export interface Policy {
  /** Whether the request has a first message. */
  readonly hasMessage: boolean
  /** Whether the account repeats a create whose answer was lost, or leaves the request to a person. */
  readonly onLostAnswer: 'repeat' | 'hold'
  /** Where the request is kept while this attempt runs: in memory only, or in a record of a queue. */
  readonly carrier: 'memory' | 'event' | 'hand_over'
  /** Whether the account may be called: not while it is paused, or in trouble without a call to spend. */
  readonly admission: 'granted' | 'held_back' | 'paused'
  /** Whether the request is too old to be kept after another failure. */
  readonly isTooOld: boolean
  /** The number of dead attempts after which a record is given up. */
  readonly maxDeaths: number
  /**
   * The number of dead attempts after which a record leaves its batch: another record may be killing them.
   */
  readonly isolateAfterDeaths: number
  /** Whether the queue has delivered the record several times, so that it may leave its batch. */
  readonly isRedelivered: boolean
  /** Whether the queue has delivered the record so often that SQS would soon quarantine it. */
  readonly isWornOut: boolean
  /** How long to wait, in milliseconds, before asking again for a claim that another attempt holds. */
  readonly heldWaitsMs: readonly number[]
  /**
   * How long to wait, in milliseconds, before repeating a create that LivePerson certainly did not carry out.
   * Undefined: it is not repeated in this attempt.
   */
  readonly repeatAfterMs: number | undefined
  /** The longest such wait, in milliseconds. */
  readonly maxWaitMs: number
}

/** How an attempt ended. */
export type Result =
  /**
   * The outcome is known. `repeated`: it was known before this attempt began. `kept`: what keeps the
   * request for its message.
   */
  | {
      readonly kind: 'finished'
      readonly outcome: Outcome
      readonly repeated: boolean
      /** Set if the conversation was open before, and this attempt was about its message. */
      readonly wasOpen?: true
      readonly kept?: Kept
      readonly error?: AppError
    }
  /** Another attempt holds the claim. A queue keeps this copy. */
  | { readonly kind: 'opening' }
  /** A queue keeps the request for a later attempt. `error` is undefined if nothing failed. */
  | { readonly kind: 'queued'; readonly kept: Kept; readonly error?: AppError }
  /** No queue keeps the request. A record is in quarantine. */
  | { readonly kind: 'failed'; readonly code: Code; readonly error?: AppError }

/** What keeps a request: the record that carried it, or a new one in the hand-over queue. */
export type Kept = 'in_record' | 'in_hand_over'

export type Step =
  /** Start to get the consumer's ConsumerJWS. The create waits for it. */
  | { readonly kind: 'identify' }
  | { readonly kind: 'claim' }
  /** Pause, unless that leaves too little time for what follows. */
  | { readonly kind: 'wait'; readonly ms: number; readonly before: 'claim' | 'create' }
  | { readonly kind: 'create' }
  /** Look up the consumer's last known conversation. */
  | { readonly kind: 'look_up'; readonly lpConsumerId: string }
  /** Ask LivePerson whether a conversation is open. */
  | { readonly kind: 'ask'; readonly conversationId: string }
  | { readonly kind: 'send'; readonly conversationId: string }
  /** Record that the consumer's last known conversation is closed. */
  | { readonly kind: 'forget'; readonly lpConsumerId: string; readonly conversationId: string }
  /** Add facts to what the ledger holds. */
  | { readonly kind: 'record'; readonly facts: Facts }
  /** Put the request and what is known about it into the hand-over queue. */
  | { readonly kind: 'hand_over'; readonly facts: Facts; readonly error?: AppError | undefined }
  | {
      readonly kind: 'quarantine'
      readonly facts: Facts
      readonly code: Code
      readonly error?: AppError | undefined
    }
  | { readonly kind: 'done'; readonly result: Result }

/** What came back from a step. */
export type Seen =
  | { readonly kind: 'identifying' }
  /** `before`: the ledger's facts before this claim. */
  /** `triedUntil`: until when earlier attempts may have made a create, in milliseconds since the epoch. */
  | { readonly kind: 'claimed'; readonly before: Facts; readonly triedUntil?: number }
  /** `facts`: what the ledger holds. */
  | { readonly kind: 'held'; readonly facts: Facts }
  /** `isErased`: its ids were erased. */
  | { readonly kind: 'final'; readonly facts: Facts; readonly isErased?: true }
  | { readonly kind: 'waited'; readonly before: 'claim' | 'create' }
  /** The wait was skipped: it would have left too little time. */
  | { readonly kind: 'no_time'; readonly before: 'claim' | 'create' }
  /** `at`: now, in milliseconds since the epoch. */
  | {
      readonly kind: 'opened'
      readonly conversationId: string
      readonly lpConsumerId: string
      readonly at: number
      readonly profileRefused?: boolean
      readonly languageRefused?: boolean
    }
  /** `at`: when LivePerson said so, in milliseconds since the epoch. */
  | {
      readonly kind: 'already_open'
      readonly lpConsumerId: string
      readonly at: number
      readonly profileRefused?: boolean
    }
  | { readonly kind: 'refused'; readonly error: AppError }
  /** `at`: now, in milliseconds since the epoch. */
  | ({ readonly kind: 'create_in_doubt'; readonly error: AppError; readonly at?: number } & Trouble)
  /** `repeatable`: LivePerson may carry out a second create in a moment. */
  | ({ readonly kind: 'not_created'; readonly error: AppError; readonly repeatable: boolean } & Trouble)
  /** The ledger knows a conversation that this request opened. */
  | { readonly kind: 'own'; readonly conversationId: string }
  /** `unknown`: a push reported the conversation, and it began after the request was accepted. */
  | { readonly kind: 'known'; readonly conversationId: string; readonly openedBy: 'other' | 'unknown' }
  /**
   * No open conversation is known, or the last known one is closed, and LivePerson says that one is open.
   * `at`: now, in milliseconds since the epoch. `isOverdue`: an id has been missing for too long.
   */
  | {
      readonly kind: 'nothing_known' | 'known_closed'
      readonly at: number
      readonly isOverdue: boolean
    }
  | { readonly kind: 'asked'; readonly answer: 'open' | 'closed' | 'unsure' }
  | { readonly kind: 'message'; readonly answer: 'sent' | 'closed' | 'unknown' }
  | ({ readonly kind: 'message'; readonly answer: 'owed'; readonly error: AppError } & Trouble)
  | { readonly kind: 'forgotten' }
  /** `facts`: what the ledger holds now. */
  | { readonly kind: 'recorded'; readonly facts: Facts }
  /**
   * Nothing was recorded: LivePerson's IDP failed, and without its id of the consumer, no push could settle
   * the outcome.
   */
  | { readonly kind: 'unnamed'; readonly error: AppError }
  | { readonly kind: 'handed_over' }
  | { readonly kind: 'quarantined' }
  /** One of our own components failed. */
  | {
      readonly kind: 'failed'
      readonly step: Step['kind']
      readonly error: AppError
      /** What the ledger may hold now, although the record failed. */
      readonly facts?: Facts | undefined
      /** Whether a claim that failed may have been written. */
      readonly isInDoubt?: boolean | undefined
    }

interface Trouble {
  /** Whether the whole account is in trouble, and not only this request. */
  readonly isAccountInTrouble: boolean
}

/** Returns what an attempt knows when it begins. @param facts What a hand-over carries. */
export const begin = (facts: Facts = NOTHING): Known => ({
  facts,
  carried: facts,
  progress: {
    identifying: false,
    claim: 'untried',
    isClaimInDoubt: false,
    wasOpen: false,
    collisions: 0,
    waits: 0,
    notCreated: 0,
    pausedBeforeCreate: false,
    isOutOfTime: false,
    isUnnamed: false,
    create: 'possible',
    reopenings: 0,
    lookUp: 'untried',
    isLastUnowned: false,
    isOverdue: false,
    marked: false,
    forget: 'untried',
    record: 'possible',
    recordings: 0,
    handOver: 'untried',
    quarantine: 'untried',
    isAccountInTrouble: false,
  },
})

/** Returns the next step of an attempt. */
export const next = (known: Known, policy: Policy): Step => {
  const { progress } = known
  if (progress.isUnnamed) return keepForLater(known, policy)
  switch (progress.claim) {
    case 'untried':
      return nextBeforeClaim(known, policy)
    case 'failed':
      return keepForLater(known, policy)
    case 'refused':
      return quarantineOrFail(known, policy)
    case 'lost':
      return leaveToOther(known, policy)
    case 'final':
      return nextAfterFinal(known, policy)
    case 'claimed':
      return isSettled(known, policy) ? settle(known, policy) : nextUnsettled(known, policy)
  }
}

/** A finished request stays as it is, except that a hand-over can add what the ledger lacks. */
const nextAfterFinal = (known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  if (isFinished(facts, policy.hasMessage)) return settle(known, policy)
  // The hand-over knows that the message is owed after all.
  if (progress.record === 'failed') return keepForLater(known, policy)
  return progress.recordings === 0 ? { kind: 'record', facts } : leaveToOther(known, policy)
}

const nextBeforeClaim = (known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  if (policy.admission !== 'granted' && policy.carrier === 'hand_over' && !hasConversation(facts))
    return park(known)
  if (
    !progress.identifying &&
    policy.admission === 'granted' &&
    !hasConversation(facts) &&
    !isFinished(facts, policy.hasMessage)
  )
    return { kind: 'identify' }
  // Equal: the last collision has been waited for, or there was none.
  if (progress.collisions === progress.waits) return { kind: 'claim' }
  const ms = policy.heldWaitsMs[progress.waits]
  if (ms !== undefined && !progress.isOutOfTime) return { kind: 'wait', ms, before: 'claim' }
  return leaveToOther(known, policy)
}

/** The record goes back into the hand-over queue without an attempt. */
const park = ({ facts, progress }: Known): Step => {
  switch (progress.handOver) {
    case 'untried':
      return { kind: 'hand_over', facts }
    case 'done':
      return done({ kind: 'queued', kept: 'in_hand_over' })
    case 'failed':
      return done({ kind: 'queued', kept: 'in_record', ...given({ error: progress.failure }) })
  }
}

/** Another attempt holds the claim. It may be dead, so a queue has to keep this copy too. */
const leaveToOther = (known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  const { ledger } = progress
  if (ledger !== undefined && isFinished(ledger, policy.hasMessage)) return afterRecorded(known, policy)
  if (policy.carrier !== 'memory') return done({ kind: 'opening' })
  switch (progress.handOver) {
    case 'untried':
      return { kind: 'hand_over', facts: { ...withoutVerdict(facts), handedOver: true } }
    case 'done':
      // Without this, the status of the request would be `failed` once the other's lease has expired.
      return ledger?.handedOver || progress.record === 'failed'
        ? done({ kind: 'opening' })
        : { kind: 'record', facts: { ...NOTHING, handedOver: true } }
    case 'failed':
      return endFailed(known)
  }
}

/** Whether nothing is left to do for the request but to record that. */
const isSettled = (known: Known, policy: Policy): boolean =>
  !isAboutToSend(known) &&
  isFinished(withClaim('done', applyLostAnswerPolicy(known.facts, policy)), policy.hasMessage)

const isAboutToSend = ({ facts, progress }: Known): boolean =>
  progress.marked && progress.sent === undefined && (idOf(facts) ?? progress.last) !== undefined

/**
 * Marks a create in doubt as unknown if the account chose `hold`. While the account is paused, nobody can ask
 * for the consumer's id, by which a push settles it.
 */
const applyLostAnswerPolicy = (facts: Facts, { onLostAnswer, admission }: Policy): Facts =>
  admission !== 'paused' && onLostAnswer === 'hold' && facts.conversation.kind === 'in_doubt'
    ? { ...facts, conversation: { kind: 'unknown' } }
    : facts

/** The outcome isn't known yet, or a message is owed. */
const nextUnsettled = (known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  if (isInterrupted(known, policy)) return giveUp('interrupted', known, policy)
  // Its hand-over is another attempt's by now.
  if (isToBeIsolated(known.facts, policy) || progress.handOver !== 'untried')
    return keepForLater(known, policy)
  if (hasConversation(facts)) return nextMessage(known, policy)
  if (progress.create === 'already_open') return nextAfterAlreadyOpen(known, policy)
  if (progress.create === 'ended' || progress.isOutOfTime || policy.admission !== 'granted')
    return keepForLater(known, policy)
  if (progress.notCreated === 0 || progress.pausedBeforeCreate) return { kind: 'create' }
  const ms = Math.max(policy.repeatAfterMs ?? 0, progress.failure?.retryAfterMs ?? 0)
  return policy.repeatAfterMs === undefined || ms > policy.maxWaitMs
    ? keepForLater(known, policy)
    : { kind: 'wait', ms, before: 'create' }
}

/** Whether a record is given up because its attempts die. Nothing is given up while its account is paused. */
const isInterrupted = ({ facts: { claim } }: Known, policy: Policy): boolean =>
  policy.carrier !== 'memory' &&
  policy.admission === 'granted' &&
  (deathsOf(claim) >= policy.maxDeaths || (claim.state === 'given_up' && claim.code === 'interrupted'))

/** Whether a record has to leave its batch, so that it doesn't die with the others again. */
export const isToBeIsolated = ({ claim }: Facts, policy: Policy): boolean =>
  policy.carrier !== 'memory' && policy.isRedelivered && deathsOf(claim) >= policy.isolateAfterDeaths

/** The consumer has an open conversation. LivePerson doesn't say which. */
const nextAfterAlreadyOpen = (known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  const { last, asked, sent, lookUp, forget } = progress
  const isOwed = policy.hasMessage && messageStateOf(facts.message) === 'owed'
  switch (lookUp) {
    case 'untried':
      return lookUpOrKeep(known, policy)
    case 'failed':
      return keepForLater(known, policy)
    case 'closed':
      // Either it is closed for agents and consumers, and LivePerson still counts it as open, as during a
      // survey, or another one is open that nobody here knows. The create in doubt may have opened it.
      return progress.isOverdue && (facts.conversation.kind === 'in_doubt' || !isOwed)
        ? recordOrKeep(inferOwner(known), known, policy)
        : keepForLater(known, policy)
    case 'nothing':
      // The other attempt is about to record the id, or LivePerson will report it.
      return isOwed && !progress.isOverdue && facts.conversation.kind !== 'in_doubt'
        ? keepForLater(known, policy)
        : recordOrKeep(inferOwner(known), known, policy)
    case 'known': {
      if (last === undefined || facts.lpConsumerId === undefined || forget === 'failed')
        return keepForLater(known, policy)
      const { lpConsumerId } = facts
      if (sent === 'closed' || asked === 'closed')
        return { kind: 'forget', lpConsumerId, conversationId: last }
      if (isOwed || (progress.marked && sent === undefined)) return sendTo(last, known, policy)
      return asked === undefined
        ? { kind: 'ask', conversationId: last }
        : recordOrKeep(inferOwner(known), known, policy)
    }
  }
}

/** The conversation is open, and its message is owed. */
const nextMessage = (known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  const own = idOf(facts)
  const { last } = progress
  const { lpConsumerId } = facts
  // The last known conversation is an earlier one: this request's own is open under an unknown id.
  if (own === undefined && last !== undefined && progress.sent === 'closed')
    return lpConsumerId === undefined || progress.forget === 'failed'
      ? keepForLater(known, policy)
      : { kind: 'forget', lpConsumerId, conversationId: last }
  const conversationId = own ?? last
  if (conversationId !== undefined) return sendTo(conversationId, known, policy)
  if (progress.lookUp === 'untried') return lookUpOrKeep(known, policy)
  return progress.isOverdue
    ? recordOrKeep({ message: { ...facts.message, dropped: 'conversation_unknown' } }, known, policy)
    : keepForLater(known, policy)
}

/**
 * The ledger is told before the message is sent. If this attempt dies in between, the message is in doubt and
 * is never sent again.
 */
const sendTo = (conversationId: string, known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  // A push reported the conversation after this attempt had released its claim.
  const isReleased = facts.claim.state !== 'held'
  if (progress.sent !== undefined || policy.admission === 'paused' || isReleased)
    return keepForLater(known, policy)
  if (progress.marked) return { kind: 'send', conversationId }
  return recordOrKeep({ message: { ...facts.message, tried: nextTry(facts) } }, known, policy)
}

/** Returns the number of an attempt's next try. No other attempt has the same. */
const nextTry = ({ claim, message }: Facts): number =>
  Math.max(message.tried, (claim.attempt - 1) * (MAX_REOPENINGS + 1)) + 1

const lookUpOrKeep = (known: Known, policy: Policy): Step => {
  const { lpConsumerId } = known.facts
  return lpConsumerId === undefined ? keepForLater(known, policy) : { kind: 'look_up', lpConsumerId }
}

const recordOrKeep = (added: Partial<Facts>, known: Known, policy: Policy): Step =>
  known.progress.record === 'failed'
    ? keepForLater(known, policy)
    : { kind: 'record', facts: { ...known.facts, ...added } }

/**
 * If an earlier create may have been carried out, the open conversation is this request's. Otherwise it is
 * another's.
 */
const inferOwner = ({ facts, progress }: Known): Pick<Facts, 'conversation' | 'idMissingSince'> => ({
  conversation: { kind: facts.conversation.kind === 'in_doubt' ? 'opened' : 'existing' },
  idMissingSince: facts.idMissingSince ?? progress.saidOpenAt,
})

/** Records the outcome, unless the ledger has it. A form that a person has to check is quarantined first. */
const settle = (known: Known, policy: Policy): Step => {
  const { progress, carried } = known
  const facts = applyLostAnswerPolicy(known.facts, policy)
  const settled = progress.claim === 'claimed' ? release('done', facts) : facts
  if (policy.carrier === 'memory' && facts.conversation.kind === 'unknown' && !isQuarantined(progress))
    return progress.quarantine === 'failed'
      ? keepForLater(known, policy)
      : quarantineVerdict(settled, progress)
  if (progress.record === 'failed') return afterFailedRecord(settled, known, policy)
  const { ledger } = progress
  const isRecorded = ledger !== undefined && isSame(ledger, merge(ledger, settled))
  // A hand-over carries a conversation if the ledger could not be written, or only in part.
  const isCarried = idOf(carried) !== undefined && progress.recordings === 0
  return isRecorded && !isCarried ? afterRecorded(known, policy) : { kind: 'record', facts: settled }
}

/** An attempt that is done with an unknown outcome has quarantined the request, or its record will be. */
const isQuarantined = ({ claim, ledger, quarantine }: Progress): boolean =>
  quarantine === 'done' || (claim === 'final' && ledger?.claim.state === 'done')

/** A queue carries the outcome, unless the record carries it already or a retry finds it again. */
const afterFailedRecord = (settled: Facts, known: Known, policy: Policy): Step => {
  const { progress, carried } = known
  if (isVerdict(settled) || isSame(merge(carried, settled), carried)) return keepForLater(known, policy)
  switch (progress.handOver) {
    case 'untried':
      return { kind: 'hand_over', facts: { ...settled, handedOver: true } }
    case 'done':
      return finishWith(settled, known, policy)
    case 'failed':
      return keepForLater(known, policy)
  }
}

/**
 * The ledger holds the outcome. A record that ended without a conversation goes to quarantine. So does a form
 * whose refusal made the outcome of another attempt unknown.
 */
const afterRecorded = (known: Known, policy: Policy): Step => {
  const { progress } = known
  const recorded = progress.ledger ?? known.facts
  const isForPerson =
    policy.carrier === 'memory'
      ? recorded.conversation.kind === 'unknown' && progress.claim === 'lost'
      : isVerdict(recorded)
  if (!isForPerson || progress.quarantine === 'done') return finishWith(recorded, known, policy)
  if (progress.quarantine === 'untried') return quarantineVerdict(recorded, progress)
  return policy.carrier === 'memory'
    ? keepForLater(known, policy)
    : done({ kind: 'queued', kept: 'in_record', ...given({ error: progress.failure }) })
}

/** Something failed, or has to wait: a queue keeps the request for a later attempt. */
const keepForLater = (known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  const isClaimed = progress.claim === 'claimed'
  if (policy.carrier === 'memory') {
    switch (progress.handOver) {
      case 'untried':
        return handOver(known)
      case 'done':
        return releaseOr('queued', known) ?? endKept('in_hand_over', known, policy)
      case 'failed':
        return releaseOr('failed', known) ?? endFailed(known)
    }
  }
  const mayGiveUp =
    isClaimed &&
    policy.admission === 'granted' &&
    progress.record === 'possible' &&
    progress.handOver !== 'done' &&
    // A message that it has not tried itself is left to the next copy.
    (facts.claim.state === 'held' || !hasConversation(facts))
  // A record that is isolated has not been tried.
  if (policy.isTooOld && mayGiveUp && !isToBeIsolated(known.facts, policy))
    return giveUp(progress.failure?.code ?? 'liveperson_unavailable', known, policy)
  // A hand-over says that nothing followed a claim that failed, and SQS counts its receives from zero.
  const isDoubtful = progress.isClaimInDoubt && !hasConversation(facts)
  const isMoved = isDoubtful || policy.isWornOut || (isClaimed && leavesItsQueue(known, policy))
  if (isMoved && progress.handOver === 'untried') return handOver(known)
  return (
    releaseOr('queued', known) ??
    endKept(progress.handOver === 'done' ? 'in_hand_over' : 'in_record', known, policy)
  )
}

/**
 * Whether a record is handed over, instead of waiting in its queue: because its account is in trouble or
 * paused, because the ledger failed and what is known must not be lost, or because it must not die with
 * others again.
 */
const leavesItsQueue = (known: Known, policy: Policy): boolean =>
  known.progress.isAccountInTrouble ||
  policy.admission !== 'granted' ||
  known.progress.record === 'failed' ||
  isToBeIsolated(known.facts, policy)

/** A record leaves the queue without a conversation, and with a reason. */
const giveUp = (code: Code, known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  if (progress.record === 'failed') return keepForLater(known, policy)
  if (hasConversation(facts))
    return { kind: 'record', facts: { ...facts, message: { ...facts.message, dropped: 'given_up' } } }
  // LivePerson has just said that the consumer has an open conversation.
  if (progress.create === 'already_open') return { kind: 'record', facts: { ...facts, ...inferOwner(known) } }
  if (facts.conversation.kind === 'in_doubt' && code !== 'interrupted')
    return { kind: 'record', facts: { ...facts, conversation: { kind: 'unknown' } } }
  if (facts.claim.state === 'held') {
    const released = release('given_up', facts, code)
    return { kind: 'record', facts: code === 'interrupted' ? withoutDeaths(released) : released }
  }
  switch (progress.quarantine) {
    case 'untried':
      return quarantine(facts, code, progress)
    case 'done':
      return done({ kind: 'failed', code, ...given({ error: progress.failure }) })
    case 'failed':
      return done({ kind: 'queued', kept: 'in_record', ...given({ error: progress.failure }) })
  }
}

/** No attempt can succeed. */
const quarantineOrFail = (known: Known, { carrier }: Policy): Step => {
  const { facts, progress } = known
  if (carrier === 'memory' || progress.quarantine === 'done') return endFailed(known)
  return progress.quarantine === 'failed'
    ? done({ kind: 'queued', kept: 'in_record', ...given({ error: progress.failure }) })
    : quarantine(facts, progress.failure?.code ?? 'internal_error', progress)
}

const handOver = ({ facts, progress }: Known): Step => {
  const { failure } = progress
  const released = progress.claim === 'claimed' ? release('queued', facts, failure?.code) : facts
  return {
    kind: 'hand_over',
    facts: { ...withoutVerdict(released), handedOver: true },
    ...given({ error: failure }),
  }
}

const releaseOr = (state: 'queued' | 'failed', { facts, progress }: Known): Step | undefined =>
  progress.claim === 'claimed' && progress.record === 'possible' && facts.claim.state === 'held'
    ? {
        kind: 'record',
        facts: {
          ...release(state, facts, progress.failure?.code),
          handedOver: facts.handedOver || progress.handOver === 'done',
        },
      }
    : undefined

/** A retry finds a verdict again, and a replay after an operator's repair must not find it in the body. */
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

/**
 * Returns the facts with the claim released. A hand-over carries them too, so that a later attempt doesn't
 * treat this one as dead.
 */
const release = (state: 'queued' | 'failed' | 'given_up' | 'done', facts: Facts, code?: Code): Facts =>
  facts.claim.state === 'held'
    ? {
        ...facts,
        claim: {
          attempt: facts.claim.attempt,
          releases: facts.claim.releases + 1,
          state,
          ...given({ code }),
        },
      }
    : facts

/** An operator's replay is attempted again, and not given up because of earlier deaths. */
const withoutDeaths = (facts: Facts): Facts => ({
  ...facts,
  claim: { ...facts.claim, releases: facts.claim.attempt },
})

const quarantine = (facts: Facts, code: Code, { failure }: Progress): Step => ({
  kind: 'quarantine',
  facts,
  code,
  ...(failure?.code === code && { error: failure }),
})

const quarantineVerdict = (facts: Facts, progress: Progress): Step =>
  quarantine(facts, outcomeOf(facts, false).code ?? 'internal_error', progress)

const done = (result: Result): Step => ({ kind: 'done', result })

const finishWith = (facts: Facts, { progress }: Known, { hasMessage }: Policy): Step => {
  const outcome = outcomeOf(facts, hasMessage)
  const { failure } = progress
  return done({
    kind: 'finished',
    outcome,
    repeated: progress.claim === 'final' && progress.recordings === 0,
    ...(progress.wasOpen && { wasOpen: true }),
    ...(failure !== undefined && failure.code === outcome.code && { error: failure }),
  })
}

/** If the conversation is open, the sender is told so, and the queue keeps the request for its message. */
const endKept = (kept: Kept, { facts, progress }: Known, { hasMessage }: Policy): Step =>
  hasConversation(facts)
    ? done({
        kind: 'finished',
        outcome: outcomeOf(facts, hasMessage),
        repeated: false,
        ...(progress.wasOpen && { wasOpen: true }),
        kept,
      })
    : done({ kind: 'queued', kept, ...given({ error: progress.failure }) })

const endFailed = ({ facts, progress: { failure } }: Known): Step =>
  // A refusal after a lost answer proves nothing.
  facts.conversation.kind === 'unknown'
    ? done({ kind: 'failed', code: 'outcome_unknown' })
    : done({ kind: 'failed', code: failure?.code ?? 'service_unavailable', ...given({ error: failure }) })

/** Whether a request ended without a conversation. */
const isVerdict = ({ conversation: { kind } }: Facts): boolean => kind === 'refused' || kind === 'unknown'

/** Adds what came back from a step to what is known. */
export const learn = (known: Known, seen: Seen): Known => {
  const { facts, progress } = known
  const update = (more: Partial<Progress>, added: Partial<Facts> = {}): Known => ({
    ...known,
    facts: withAdded(facts, added),
    progress: { ...progress, ...more },
  })
  switch (seen.kind) {
    case 'identifying':
      return update({ identifying: true })
    case 'claimed':
      return {
        ...known,
        facts: claimedAfter(
          merge(withoutLaterClaim(withIdOf(seen.before, facts), seen.before), seen.before),
          seen.triedUntil,
        ),
        progress: {
          ...progress,
          claim: 'claimed',
          wasOpen: hasConversation(facts) || hasConversation(seen.before),
          ledger: withHeldClaim(seen.before),
        },
      }
    case 'held':
      return update({ collisions: progress.collisions + 1, ledger: seen.facts })
    case 'final': {
      const final = { claim: 'final', ledger: seen.facts } as const
      // A hand-over must not bring back what was erased.
      if (seen.isErased) return { facts: seen.facts, carried: NOTHING, progress: { ...progress, ...final } }
      const merged = merge(withIdOf(seen.facts, facts), seen.facts)
      return { ...known, facts: merged, progress: { ...progress, ...final } }
    }
    case 'waited':
      return seen.before === 'claim'
        ? update({ waits: progress.waits + 1 })
        : update({ pausedBeforeCreate: true })
    case 'no_time':
      return update({ isOutOfTime: true })
    case 'opened': {
      const { conversationId, lpConsumerId, at: openedAt } = seen
      const conversation = { kind: 'opened', conversationId } as const
      const refused = {
        ...(seen.profileRefused && { profileRefused: true as const }),
        ...(seen.languageRefused && { languageRefused: true as const }),
      }
      return update({ create: 'ended' }, { conversation, lpConsumerId, openedAt, ...refused })
    }
    case 'already_open': {
      const refused = seen.profileRefused ? ({ profileRefused: true } as const) : {}
      return update(
        { create: 'already_open', saidOpenAt: seen.at },
        { lpConsumerId: seen.lpConsumerId, ...refused },
      )
    }
    case 'refused': {
      const { attempt } = facts.claim
      return update(
        { create: 'ended', failure: seen.error },
        { conversation: { kind: 'refused', code: seen.error.code, attempt } },
      )
    }
    case 'create_in_doubt':
      return update(
        { create: 'ended', failure: seen.error, isAccountInTrouble: seen.isAccountInTrouble },
        { conversation: { kind: 'in_doubt' }, doubtUntil: seen.at },
      )
    case 'not_created': {
      const again = seen.repeatable && progress.notCreated === 0
      return update({
        notCreated: progress.notCreated + 1,
        failure: seen.error,
        isAccountInTrouble: seen.isAccountInTrouble,
        ...(!again && { create: 'ended' }),
      })
    }
    case 'own':
      return update(
        { lookUp: 'known' },
        { conversation: { kind: 'opened', conversationId: seen.conversationId } },
      )
    case 'known':
      return update({
        lookUp: 'known',
        last: seen.conversationId,
        isLastUnowned: seen.openedBy === 'unknown',
      })
    case 'known_closed':
    case 'nothing_known': {
      const lookUp = seen.kind === 'known_closed' ? 'closed' : 'nothing'
      const idMissingSince = progress.saidOpenAt ?? seen.at
      return update({ lookUp, isOverdue: seen.isOverdue }, { idMissingSince })
    }
    case 'asked':
      return update({ asked: seen.answer }, seen.answer === 'open' ? { conversation: lastOf(known) } : {})
    case 'message':
      return learnMessage(known, seen)
    case 'forgotten':
      return learnForgotten(known)
    case 'recorded':
      return learnRecorded(known, seen.facts)
    case 'unnamed':
      return update({ isUnnamed: true, failure: progress.failure ?? seen.error })
    case 'handed_over':
      return update({ handOver: 'done' })
    case 'quarantined':
      return update({ quarantine: 'done' })
    case 'failed':
      return learnFailure(known, seen)
  }
}

/**
 * A hand-over may name another conversation than the ledger, because a later attempt took the next one for
 * this request's. The sender was told what the ledger holds.
 */
const withIdOf = ({ conversation }: Facts, carried: Facts): Facts => {
  const id = 'conversationId' in conversation ? conversation.conversationId : undefined
  const isSameKind = conversation.kind === carried.conversation.kind
  return id !== undefined && isSameKind ? { ...carried, conversation } : carried
}

/** A hand-over may know of attempts that the ledger has forgotten, if an operator has reset the request. */
const withoutLaterClaim = (carried: Facts, { claim }: Facts): Facts =>
  carried.claim.attempt > claim.attempt ? { ...carried, claim: NOTHING.claim } : carried

const claimedAfter = (before: Facts, triedUntil: number | undefined): Facts => {
  const facts = withHeldClaim(withDoubtOfDeath(before))
  const isDead = before.claim.state === 'held'
  return facts.conversation.kind === 'in_doubt' && (isDead || facts.doubtUntil === undefined)
    ? withAdded(facts, { doubtUntil: triedUntil })
    : facts
}

const withHeldClaim = (before: Facts): Facts => ({
  ...before,
  claim: { attempt: before.claim.attempt + 1, releases: before.claim.releases, state: 'held' },
})

/** Returns the last known conversation, which is open. A create in doubt may have opened it. */
const lastOf = ({ facts, progress: { last, isLastUnowned } }: Known): Conversation => ({
  kind: isLastUnowned && facts.conversation.kind === 'in_doubt' ? 'opened' : 'existing',
  ...given({ conversationId: last }),
})

const learnMessage = (known: Known, seen: Extract<Seen, { kind: 'message' }>): Known => {
  const { facts, progress } = known
  const { message } = facts
  const isOwn = hasConversation(facts)
  const isOwnId = idOf(facts) !== undefined
  const add = (more: Partial<Message>, conversation: Conversation = facts.conversation): Known => ({
    ...known,
    facts: { ...facts, message: { ...message, ...more }, conversation },
    progress: { ...progress, sent: seen.answer },
  })
  // A message that reached the consumer's open conversation settles that it is this one.
  const settled = isOwn ? facts.conversation : lastOf(known)
  switch (seen.answer) {
    case 'sent':
      return add({ sent: true }, settled)
    case 'unknown':
      // It may have been sent to a conversation that was closed by then, so this doesn't end a doubt.
      return add({}, facts.conversation.kind === 'in_doubt' ? { kind: 'opened' } : settled)
    case 'closed':
      return add({ refused: message.tried, ...(isOwnId && { dropped: 'conversation_closed' }) })
    case 'owed': {
      const owed = add({ refused: message.tried })
      const { isAccountInTrouble, error: failure } = seen
      return { ...owed, progress: { ...owed.progress, isAccountInTrouble, failure } }
    }
  }
}

/** The open conversation turned out to be closed, so another create can open one. */
const learnForgotten = (known: Known): Known => {
  const { asked: _, sent: __, last: ___, ...progress } = known.progress
  return {
    ...known,
    progress: {
      ...progress,
      create: progress.reopenings < MAX_REOPENINGS ? 'possible' : 'ended',
      reopenings: progress.reopenings + 1,
      lookUp: 'untried',
      marked: false,
    },
  }
}

/** How many times one attempt creates again because the open conversation was closed. */
const MAX_REOPENINGS = 2

const learnRecorded = (known: Known, ledger: Facts): Known => {
  const { facts, progress } = known
  const isLost = progress.claim === 'claimed' && ledger.claim.attempt > facts.claim.attempt
  return {
    ...known,
    facts: merge(facts, ledger),
    progress: {
      ...progress,
      ledger,
      recordings: progress.recordings + 1,
      marked: !isLost && isMark(facts, ledger),
      ...(isLost && { claim: 'lost' }),
    },
  }
}

/**
 * Whether a record of this attempt said that the message is about to be sent. What a former attempt said is
 * that attempt's: it may send the message, or find out that it can't.
 */
const isMark = (before: Facts, after: Facts): boolean =>
  messageStateOf(before.message) === 'owed' &&
  messageStateOf(after.message) === 'in_doubt' &&
  after.message.tried === nextTry(before) &&
  after.claim.state === 'held' &&
  after.message.dropped === undefined

/** An attempt that could not record a try doesn't send the message. The ledger may hold the try anyway. */
const withoutTry = (facts: Facts, recorded: Facts = facts): Facts =>
  isMark(facts, recorded)
    ? {
        ...facts,
        message: { ...facts.message, tried: recorded.message.tried, refused: recorded.message.tried },
      }
    : facts

const learnFailure = (known: Known, failed: Extract<Seen, { kind: 'failed' }>): Known => {
  const { step, error: failure, isInDoubt = false } = failed
  const { facts, progress } = known
  const update = (more: Partial<Progress>): Known => ({ ...known, progress: { ...progress, ...more } })
  switch (step) {
    case 'claim':
      return update({ claim: failure.retryable ? 'failed' : 'refused', isClaimInDoubt: isInDoubt, failure })
    case 'create':
      return learn(known, { kind: 'create_in_doubt', error: failure, isAccountInTrouble: false })
    case 'look_up':
      return update({ lookUp: 'failed', failure })
    case 'ask':
      return learn(known, { kind: 'asked', answer: 'unsure' })
    case 'send':
      return learn(known, { kind: 'message', answer: 'unknown' })
    case 'forget':
      return update({ forget: 'failed', failure })
    case 'record':
      return {
        ...update({ record: 'failed', failure: progress.failure ?? failure }),
        facts: withoutTry(facts, failed.facts),
      }
    case 'hand_over':
      return update({ handOver: 'failed', failure: progress.failure ?? failure })
    case 'quarantine':
      return update({ quarantine: 'failed', failure: progress.failure ?? failure })
    case 'identify':
    case 'wait':
    case 'done':
      throw new Error(`The step ${step} can't fail`, { cause: [failure, facts] })
  }
}
