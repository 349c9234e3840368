/**
 * Decides what happens to a request. `next` returns the next step from what is known, and `learn` adds what
 * came back from it. This file is pure: it does no I/O and reads no clock. `attempt.ts` performs the steps.
 * The model checker in `test/lib/conversation/model/` explores every order of them.
 *
 * The usual path:   identify → claim → create → [send] → complete → done
 * Already open:     … create → look_up → send or ask → [forget] → complete → done
 * Held by another:  identify → claim → [wait → claim …] → hand_over → done
 * Failure:          … → hand_over → release → done
 * Refused:          … create → complete → [quarantine] → done
 *
 * A record stays in its queue, so it needs no hand_over. A form that is held for a person goes to quarantine
 * before complete.
 *
 * This file imports types only.
 */
import type { Code } from '../errors/codes.ts'
import type { AppError } from '../errors/errors.ts'

/** What is known about the conversation that a request asked for, weakest knowledge first. */
export type Conversation =
  /** No create can have reached LivePerson. */
  | { readonly kind: 'none' }
  /** A create may have been carried out. */
  | { readonly kind: 'in_doubt' }
  /** LivePerson refused to open it. */
  | { readonly kind: 'refused'; readonly code: Code }
  /** A create may have been carried out, and the account wants a person to look before it is repeated. */
  | { readonly kind: 'held' }
  /** The consumer already had an open conversation. */
  | { readonly kind: 'existing'; readonly conversationId?: string | undefined }
  /** This request opened it. The id is missing if LivePerson's answer was lost. */
  | { readonly kind: 'opened'; readonly conversationId?: string | undefined }

/**
 * What is known about the first message, weakest knowledge first. `unsent`: it was never tried. `not_sent`:
 * LivePerson certainly did not accept it, and it is not tried again. `in_doubt`: LivePerson may have accepted
 * it.
 */
export type Message = 'unsent' | 'not_sent' | 'in_doubt' | 'sent'

/**
 * The last attempt that claimed the request: it still holds the claim, or released it as failed or queued.
 */
export interface Claim {
  /** 0 if no attempt has claimed the request, 1 for the first. */
  readonly attempt: number
  readonly state: 'none' | 'held' | 'failed' | 'queued'
  /** Why the attempt released the claim. */
  readonly code?: Code | undefined
}

/** What is known about one request. Facts are added and never removed: see {@link merge}. */
export interface Facts {
  readonly claim: Claim
  readonly conversation: Conversation
  readonly message: Message
  /** LivePerson's own id of the consumer. */
  readonly lpConsumerId?: string | undefined
}

/** What one attempt has done so far, and what came of it. */
export interface Progress {
  readonly identifying: boolean
  readonly claim: 'untried' | 'claimed' | 'final' | 'refused' | 'failed'
  /** What the ledger held about a request that was finished before. */
  readonly final?: Facts
  /** Whether an earlier attempt left a create in doubt. */
  readonly isInDoubt: boolean
  /** Whether an earlier attempt recorded that LivePerson may have accepted the message. */
  readonly isMessageInDoubt: boolean
  /** How many times another attempt held the claim. */
  readonly collisions: number
  /** How many times this attempt waited for that other attempt. */
  readonly waits: number
  /** How many creates LivePerson certainly did not carry out. */
  readonly notCreated: number
  readonly pausedBeforeCreate: boolean
  /** Whether a wait was skipped because it would have left too little time. */
  readonly isOutOfTime: boolean
  readonly create: 'possible' | 'already_open' | 'ended'
  /** The id of the consumer's last known conversation. */
  readonly lastConversation?: string
  readonly lookUp: 'untried' | 'done' | 'failed'
  readonly asked?: 'open' | 'closed' | 'unsure'
  readonly sent?: 'sent' | 'closed' | 'not_sent' | 'unknown'
  readonly forget: 'untried' | 'done' | 'failed'
  /** What the ledger holds after `complete`. */
  readonly complete?: Facts | 'failed'
  readonly handOver: 'untried' | 'done' | 'failed'
  readonly quarantine: 'untried' | 'done' | 'failed'
  readonly released: boolean
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
  /** Whether the account repeats a create whose answer was lost, or holds the request for a person. */
  readonly onLostAnswer: 'repeat' | 'hold'
  /** Where the request is kept while this attempt runs: in memory only, or in a queue record. */
  readonly carrier: 'memory' | 'record'
  /** How long to wait, in milliseconds, before asking again for a claim that another attempt holds. */
  readonly heldWaitsMs: readonly number[]
  /**
   * How long to wait, in milliseconds, before a create is repeated that LivePerson certainly did not carry
   * out.
   */
  readonly repeatAfterMs: number
}

/** The public status of a request; `opened`, `existing` and `rejected` are final. */
export type Status = 'opening' | 'queued' | 'failed' | 'opened' | 'existing' | 'rejected'

/** What the sender is told: a pure function of the facts. */
export interface Outcome {
  readonly status: Status
  /** Undefined if LivePerson's answer was lost, or LivePerson didn't say which conversation is open. */
  readonly conversationId?: string | undefined
  readonly code?: Code | undefined
  /** Undefined if there was no message. */
  readonly messageStatus?: 'sent' | 'not_sent' | 'unknown' | undefined
}

/** How an attempt ended. */
export type Result =
  /** The request is finished. `repeated`: it was finished before this attempt began. */
  | {
      readonly kind: 'finished'
      readonly outcome: Outcome
      readonly repeated: boolean
      readonly error?: AppError
    }
  /** Another attempt holds the claim. A queue keeps this copy. */
  | { readonly kind: 'opening' }
  /** A queue keeps the request for a later attempt. */
  | { readonly kind: 'queued'; readonly error: AppError }
  /** This attempt failed and no queue keeps the request. A record is in quarantine. */
  | { readonly kind: 'failed'; readonly error: AppError }

export type Step =
  /** Start to get the consumer's ConsumerJWS. The create waits for it. */
  | { readonly kind: 'identify' }
  | { readonly kind: 'claim' }
  /** Pause, unless that leaves too little time for what follows. */
  | { readonly kind: 'wait'; readonly ms: number; readonly before: 'claim' | 'create' }
  | { readonly kind: 'create' }
  /** Look up the consumer's last known conversation. */
  | { readonly kind: 'look_up' }
  /** Ask LivePerson whether a conversation is open. */
  | { readonly kind: 'ask'; readonly conversationId: string }
  | { readonly kind: 'send'; readonly conversationId: string }
  /** Record that the consumer's last known conversation is closed. */
  | { readonly kind: 'forget'; readonly conversationId: string }
  /** Write the final outcome. */
  | { readonly kind: 'complete'; readonly facts: Facts }
  /** Give the claim back. */
  | { readonly kind: 'release'; readonly facts: Facts }
  /** Put the request and what is known about it into the queue. */
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
  | { readonly kind: 'claimed'; readonly before: Facts }
  | { readonly kind: 'held' }
  | { readonly kind: 'final'; readonly facts: Facts }
  | { readonly kind: 'waited'; readonly before: 'claim' | 'create' }
  /** The wait was skipped: it would have left too little time. */
  | { readonly kind: 'no_time'; readonly before: 'claim' | 'create' }
  | { readonly kind: 'opened'; readonly conversationId: string; readonly lpConsumerId: string }
  | { readonly kind: 'already_open'; readonly lpConsumerId: string }
  | { readonly kind: 'refused'; readonly error: AppError }
  | { readonly kind: 'create_in_doubt'; readonly error: AppError }
  /** `repeatable`: LivePerson may carry out a second create in a moment. */
  | { readonly kind: 'not_created'; readonly error: AppError; readonly repeatable: boolean }
  | { readonly kind: 'known'; readonly conversationId: string; readonly openedByThis: boolean }
  | { readonly kind: 'nothing_known' }
  | { readonly kind: 'asked'; readonly answer: 'open' | 'closed' | 'unsure' }
  | { readonly kind: 'message'; readonly answer: 'sent' | 'closed' | 'not_sent' | 'unknown' }
  | { readonly kind: 'forgotten' }
  /** `facts`: what the ledger holds now. */
  | { readonly kind: 'completed'; readonly facts: Facts }
  | { readonly kind: 'released' }
  | { readonly kind: 'handed_over' }
  | { readonly kind: 'quarantined' }
  /** One of our own components failed. */
  | { readonly kind: 'failed'; readonly step: Step['kind']; readonly error: AppError }

export const NOTHING: Facts = {
  claim: { attempt: 0, state: 'none' },
  conversation: { kind: 'none' },
  message: 'unsent',
}

/** Returns what an attempt knows when it begins. @param facts What a hand-over carries. */
export const begin = (facts: Facts = NOTHING): Known => ({
  facts,
  carried: facts,
  progress: {
    identifying: false,
    claim: 'untried',
    isInDoubt: false,
    isMessageInDoubt: false,
    collisions: 0,
    waits: 0,
    notCreated: 0,
    pausedBeforeCreate: false,
    isOutOfTime: false,
    create: 'possible',
    lookUp: 'untried',
    forget: 'untried',
    handOver: 'untried',
    quarantine: 'untried',
    released: false,
  },
})

const CONVERSATIONS = ['none', 'in_doubt', 'refused', 'held', 'existing', 'opened'] as const
const MESSAGES = ['unsent', 'not_sent', 'in_doubt', 'sent'] as const
const CLAIMS = ['none', 'held', 'failed', 'queued'] as const

/**
 * Returns what two writers know together. The order of the arguments, and of several merges, makes no
 * difference.
 */
export const merge = (a: Facts, b: Facts): Facts => ({
  claim: mergeClaims(a.claim, b.claim),
  conversation: mergeConversations(a.conversation, b.conversation),
  message: later(MESSAGES, a.message, b.message),
  lpConsumerId: lesser(a.lpConsumerId, b.lpConsumerId),
})

const mergeClaims = (a: Claim, b: Claim): Claim => {
  if (a.attempt !== b.attempt) return a.attempt > b.attempt ? a : b
  if (a.state !== b.state) return later(CLAIMS, a.state, b.state) === a.state ? a : b
  const code = lesser(a.code, b.code)
  return { attempt: a.attempt, state: a.state, ...(code !== undefined && { code }) }
}

const mergeConversations = (a: Conversation, b: Conversation): Conversation => {
  if (a.kind !== b.kind) return later(CONVERSATIONS, a.kind, b.kind) === a.kind ? a : b
  // Two ids exist only if an agent closed a conversation between a lost answer and the repeat. Any fixed
  // choice will do.
  if (a.kind === 'opened' || a.kind === 'existing')
    return { kind: a.kind, conversationId: lesser(a.conversationId, idOf(b)) }
  if (a.kind === 'refused' && b.kind === 'refused') return a.code < b.code ? a : b
  return a
}

const later = <T>(order: readonly T[], a: T, b: T): T => (order.indexOf(a) >= order.indexOf(b) ? a : b)

const lesser = <T extends string>(a: T | undefined, b: T | undefined): T | undefined => {
  if (a === undefined || b === undefined) return a ?? b
  return a < b ? a : b
}

const idOf = (conversation: Conversation): string | undefined =>
  'conversationId' in conversation ? conversation.conversationId : undefined

/** Returns the public outcome of a request. */
export const outcomeOf = ({ claim, conversation, message }: Facts, hasMessage: boolean): Outcome => {
  switch (conversation.kind) {
    case 'opened':
    case 'existing':
      return {
        status: conversation.kind,
        conversationId: conversation.conversationId,
        messageStatus: hasMessage ? messageStatusOf(message) : undefined,
      }
    case 'refused':
      return { status: 'rejected', code: conversation.code }
    case 'held':
      return { status: 'rejected', code: 'outcome_unknown' }
    case 'none':
    case 'in_doubt':
      return claim.state === 'failed' || claim.state === 'queued'
        ? { status: claim.state, code: claim.code }
        : { status: 'opening' }
  }
}

const messageStatusOf = (message: Message): 'sent' | 'not_sent' | 'unknown' => {
  switch (message) {
    case 'sent':
      return 'sent'
    case 'in_doubt':
      return 'unknown'
    case 'unsent':
    case 'not_sent':
      return 'not_sent'
  }
}

/** Returns whether a request is finished: every later copy gets this outcome. */
export const isFinal = ({ conversation: { kind } }: Facts): boolean => kind !== 'none' && kind !== 'in_doubt'

/** Returns the next step of an attempt. */
export const next = (known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  switch (progress.claim) {
    case 'untried':
      return nextBeforeClaim(known, policy)
    case 'failed':
      return keepForLater(known, policy)
    case 'refused':
      return quarantineOrFail(known, policy)
    case 'final':
      return addsConversationId(known) ? recordOutcome(known, policy) : afterRecorded(known, policy)
    case 'claimed':
      if (isFinal(applyLostAnswerPolicy(facts, policy))) return recordOutcome(known, policy)
      return progress.create === 'already_open'
        ? nextAfterAlreadyOpen(known, policy)
        : nextCreate(known, policy)
  }
}

/** A finished request stays as it is, except that a missing conversationId can be added. */
const addsConversationId = ({ facts, progress }: Known): boolean =>
  progress.final !== undefined &&
  idOf(progress.final.conversation) === undefined &&
  idOf(facts.conversation) !== undefined

const nextBeforeClaim = ({ facts, progress }: Known, policy: Policy): Step => {
  if (!progress.identifying && !isFinal(facts)) return { kind: 'identify' }
  // Equal: the last collision has been waited for, or there was none.
  if (progress.collisions === progress.waits) return { kind: 'claim' }
  const ms = policy.heldWaitsMs[progress.waits]
  if (ms !== undefined && !progress.isOutOfTime) return { kind: 'wait', ms, before: 'claim' }
  // The attempt that holds the claim may be dead, so a queue has to keep this copy too.
  if (policy.carrier === 'record' || progress.handOver === 'done') return done({ kind: 'opening' })
  return progress.handOver === 'failed' ? endFailed(progress) : { kind: 'hand_over', facts }
}

const nextCreate = (known: Known, policy: Policy): Step => {
  const { progress } = known
  if (progress.create === 'ended' || progress.isOutOfTime) return keepForLater(known, policy)
  if (progress.notCreated === 0 || progress.pausedBeforeCreate) return { kind: 'create' }
  const ms = Math.max(policy.repeatAfterMs, progress.failure?.retryAfterMs ?? 0)
  return { kind: 'wait', ms, before: 'create' }
}

/** The consumer has an open conversation. LivePerson doesn't say which. */
const nextAfterAlreadyOpen = (known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  const { lastConversation, lookUp, forget, sent, asked } = progress
  if (lookUp === 'untried') return { kind: 'look_up' }
  if (lastConversation === undefined || lookUp === 'failed' || forget === 'failed')
    return keepForLater(known, policy)
  const conversationId = lastConversation
  if (sent === 'closed' || asked === 'closed') return { kind: 'forget', conversationId }
  // The message itself asks whether the conversation is open, unless it may have been sent before.
  return policy.hasMessage && facts.message === 'unsent'
    ? { kind: 'send', conversationId }
    : { kind: 'ask', conversationId }
}

/** Marks a create in doubt as held for a person if the account chose `hold`. */
const applyLostAnswerPolicy = (facts: Facts, { onLostAnswer }: Policy): Facts =>
  onLostAnswer === 'hold' && facts.conversation.kind === 'in_doubt'
    ? merge(facts, { ...NOTHING, conversation: { kind: 'held' } })
    : facts

/** Sends the first message if this attempt opened the conversation, then records the outcome. */
const recordOutcome = (known: Known, policy: Policy): Step => {
  const { progress } = known
  const facts = applyLostAnswerPolicy(known.facts, policy)
  const conversationId = idOf(facts.conversation)
  const isOpenedByThisAttempt = progress.create === 'ended' && conversationId !== undefined
  // A message that only a dead attempt may have sent goes out: its conversation would still be open.
  const isOwed = progress.sent === undefined && facts.message !== 'sent' && !progress.isMessageInDoubt
  if (policy.hasMessage && isOpenedByThisAttempt && isOwed) return { kind: 'send', conversationId }
  // Quarantine comes first for a form: once the ledger says `rejected`, nothing else keeps the request.
  if (policy.carrier === 'memory' && facts.conversation.kind === 'held' && progress.quarantine !== 'done')
    return progress.quarantine === 'failed' ? keepForLater(known, policy) : quarantine(facts, progress)
  if (progress.complete === undefined) return { kind: 'complete', facts }
  if (progress.complete !== 'failed') return afterRecorded(known, policy)
  // The ledger write failed. A queue carries the outcome, unless the record carries it already or a retry
  // finds it again.
  if (isRejected(facts) || isSame(known.facts, known.carried)) return keepForLater(known, policy)
  switch (progress.handOver) {
    case 'untried':
      return { kind: 'hand_over', facts: released('queued', { ...known, facts }) }
    case 'done':
      return finishWith(facts, known, policy)
    case 'failed':
      return keepForLater(known, policy)
  }
}

/** The ledger holds the outcome. A record that ended as rejected goes to quarantine. */
const afterRecorded = (known: Known, policy: Policy): Step => {
  const { progress, facts } = known
  const { complete, final } = progress
  const recorded = complete === undefined || complete === 'failed' ? (final ?? facts) : complete
  if (policy.carrier === 'memory' || !isRejected(recorded) || progress.quarantine === 'done')
    return finishWith(recorded, known, policy)
  return progress.quarantine === 'failed' ? endQueued(progress) : quarantine(recorded, progress)
}

/** The outcome isn't known, or nothing could record it: a queue keeps the request for a later attempt. */
const keepForLater = (known: Known, policy: Policy): Step => {
  const { progress } = known
  if (policy.carrier === 'record') return release('queued', known) ?? endQueued(progress)
  // Only an operator can fix this, and the sender should know at once.
  if (progress.failure?.code === 'invalid_config') return release('failed', known) ?? endFailed(progress)
  switch (progress.handOver) {
    case 'untried':
      return {
        kind: 'hand_over',
        facts: withoutRefusal(released('queued', known), progress),
        error: progress.failure,
      }
    case 'done':
      return release('queued', known) ?? endQueued(progress)
    case 'failed':
      return release('failed', known) ?? endFailed(progress)
  }
}

/** No attempt can succeed. */
const quarantineOrFail = ({ facts, progress }: Known, { carrier }: Policy): Step => {
  if (carrier === 'memory' || progress.quarantine === 'done') return endFailed(progress)
  return progress.quarantine === 'failed' ? endQueued(progress) : quarantine(facts, progress)
}

const release = (state: 'queued' | 'failed', known: Known): Step | undefined =>
  known.progress.claim === 'claimed' && !known.progress.released
    ? { kind: 'release', facts: released(state, known) }
    : undefined

/**
 * A refusal is found again by a retry, and a replay after an operator's repair must not find it in the body.
 */
const withoutRefusal = (facts: Facts, { isInDoubt }: Progress): Facts =>
  isRejected(facts) ? { ...facts, conversation: { kind: isInDoubt ? 'in_doubt' : 'none' } } : facts

/**
 * Returns the facts with the claim released. A hand-over carries them too, so that a later attempt doesn't
 * treat this one as crashed.
 */
const released = (state: 'queued' | 'failed', { facts, progress }: Known): Facts => {
  if (progress.claim !== 'claimed') return facts
  const code = progress.failure?.code
  return { ...facts, claim: { attempt: facts.claim.attempt, state, ...(code !== undefined && { code }) } }
}

const quarantine = (facts: Facts, { failure }: Progress): Step => {
  const code = outcomeOf(facts, false).code ?? failure?.code ?? 'internal_error'
  return { kind: 'quarantine', facts, code, ...(failure?.code === code && { error: failure }) }
}

const done = (result: Result): Step => ({ kind: 'done', result })

const finishWith = (facts: Facts, { progress }: Known, { hasMessage }: Policy): Step => {
  const outcome = outcomeOf(facts, hasMessage)
  const { failure } = progress
  return done({
    kind: 'finished',
    outcome,
    repeated: progress.claim === 'final' && progress.complete === undefined,
    ...(failure !== undefined && failure.code === outcome.code && { error: failure }),
  })
}

const endQueued = (progress: Progress): Step => done({ kind: 'queued', error: failureOf(progress) })

const endFailed = (progress: Progress): Step => done({ kind: 'failed', error: failureOf(progress) })

const failureOf = ({ failure }: Progress): AppError => {
  if (failure) return failure
  throw new Error('An attempt ended without a reason')
}

const isRejected = ({ conversation: { kind } }: Facts): boolean => kind === 'refused' || kind === 'held'

const isSame = (a: Facts, b: Facts): boolean =>
  a.conversation.kind === b.conversation.kind &&
  idOf(a.conversation) === idOf(b.conversation) &&
  a.message === b.message

/** Adds what came back from a step to what is known. */
export const learn = (known: Known, seen: Seen): Known => {
  const { facts, progress } = known
  const update = (more: Partial<Progress>, added: Partial<Facts> = {}): Known => ({
    ...known,
    facts: merge(facts, { ...NOTHING, ...added }),
    progress: { ...progress, ...more },
  })
  switch (seen.kind) {
    case 'identifying':
      return update({ identifying: true })
    case 'claimed': {
      const before = merge(facts, seen.before)
      const after = claimedAfter(before)
      return update(
        {
          claim: 'claimed',
          isInDoubt: after.conversation.kind === 'in_doubt',
          isMessageInDoubt: before.message === 'in_doubt',
        },
        after,
      )
    }
    case 'held':
      return update({ collisions: progress.collisions + 1 })
    case 'final':
      return update({ claim: 'final', final: seen.facts }, seen.facts)
    case 'waited':
      return seen.before === 'claim'
        ? update({ waits: progress.waits + 1 })
        : update({ pausedBeforeCreate: true })
    case 'no_time':
      return update({ isOutOfTime: true })
    case 'opened': {
      const { conversationId, lpConsumerId } = seen
      return update({ create: 'ended' }, { conversation: { kind: 'opened', conversationId }, lpConsumerId })
    }
    case 'already_open':
      return update({ create: 'already_open' }, { lpConsumerId: seen.lpConsumerId })
    case 'refused':
      return update(
        { create: 'ended', failure: seen.error },
        { conversation: { kind: 'refused', code: seen.error.code } },
      )
    case 'create_in_doubt':
      return update({ create: 'ended', failure: seen.error }, { conversation: { kind: 'in_doubt' } })
    case 'not_created': {
      const again = seen.repeatable && progress.notCreated === 0
      return update({
        notCreated: progress.notCreated + 1,
        failure: seen.error,
        ...(!again && { create: 'ended' }),
      })
    }
    case 'known': {
      const { conversationId, openedByThis } = seen
      return update(
        { lookUp: 'done', lastConversation: conversationId },
        openedByThis ? { conversation: { kind: 'opened', conversationId } } : {},
      )
    }
    case 'nothing_known':
      return update({ lookUp: 'done' }, { conversation: inferOwner(facts) })
    case 'asked':
      return update({ asked: seen.answer }, learnAnswer(known, seen.answer))
    case 'message':
      return update({ sent: seen.answer }, learnMessage(known, seen.answer))
    case 'forgotten':
      return update({ forget: 'done' }, { conversation: inferOwner(facts) })
    case 'completed':
      return update({ complete: seen.facts })
    case 'released':
      return update({ released: true })
    case 'handed_over':
      return update({ handOver: 'done' })
    case 'quarantined':
      return update({ quarantine: 'done' })
    case 'failed':
      return learnFailure(known, seen.step, seen.error)
  }
}

/** An attempt that never released its claim died in the middle, so nobody knows how far it got. */
const claimedAfter = (before: Facts): Facts => {
  const claim: Claim = { attempt: before.claim.attempt + 1, state: 'held' }
  const died = before.claim.state === 'held'
  return merge(before, {
    claim,
    conversation: { kind: died ? 'in_doubt' : 'none' },
    message: died ? 'in_doubt' : 'unsent',
  })
}

/**
 * If an earlier create may have been carried out, the open conversation is this request's. Otherwise it is
 * another's.
 */
const inferOwner = ({ conversation }: Facts): Conversation =>
  conversation.kind === 'in_doubt' ? { kind: 'opened' } : { kind: 'existing' }

const learnAnswer = ({ facts, progress }: Known, answer: 'open' | 'closed' | 'unsure'): Partial<Facts> => {
  switch (answer) {
    case 'open':
      return { conversation: { kind: 'existing', conversationId: progress.lastConversation } }
    case 'closed':
      return {}
    case 'unsure':
      return { conversation: inferOwner(facts) }
  }
}

const learnMessage = (
  { facts, progress }: Known,
  answer: 'sent' | 'closed' | 'not_sent' | 'unknown',
): Partial<Facts> => {
  const message = MESSAGE_AFTER[answer]
  if (progress.create !== 'already_open' || answer === 'closed') return { message }
  if (answer === 'sent')
    return { message, conversation: { kind: 'existing', conversationId: progress.lastConversation } }
  return { message, conversation: inferOwner(facts) }
}

const MESSAGE_AFTER = { sent: 'sent', closed: 'not_sent', not_sent: 'not_sent', unknown: 'in_doubt' } as const

const learnFailure = (known: Known, step: Step['kind'], failure: AppError): Known => {
  const { facts, progress } = known
  const update = (more: Partial<Progress>): Known => ({ ...known, progress: { ...progress, ...more } })
  switch (step) {
    case 'claim':
      return update({ claim: failure.retryable ? 'failed' : 'refused', failure })
    case 'create':
      return learn(known, { kind: 'create_in_doubt', error: failure })
    case 'look_up':
      return update({ lookUp: 'failed', failure })
    case 'ask':
      return learn(known, { kind: 'asked', answer: 'unsure' })
    case 'send':
      return learn(known, { kind: 'message', answer: 'unknown' })
    case 'forget':
      return update({ forget: 'failed', failure })
    case 'complete':
      return update({ complete: 'failed', failure })
    case 'hand_over':
      return update({ handOver: 'failed', failure: progress.failure ?? failure })
    case 'quarantine':
      return update({ quarantine: 'failed', failure })
    case 'release':
      // The lease expires by itself.
      return update({ released: true })
    case 'identify':
    case 'wait':
    case 'done':
      throw new Error(`The step ${step} can't fail`, { cause: [failure, facts] })
  }
}
