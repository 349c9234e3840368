/**
 * Decides what happens to a request. This file is pure: it does no I/O and reads no clock. `attempt.ts` performs the
 * steps and reports what came back; the model checker in `test/lib/conversation/model/` explores every order of them.
 *
 * It imports types only.
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

/** What is known about the first message, weakest knowledge first. `in_doubt`: LivePerson may have accepted it. */
export type Message = 'unsent' | 'not_sent' | 'in_doubt' | 'sent'

/** The last attempt that claimed the request: it still holds the claim, or released it as failed or queued. */
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

/** What one attempt has seen so far. Like the facts, it only grows. */
export interface Progress {
  readonly identifying: boolean
  /** How often another attempt held the claim, and how often this one waited for it since. */
  readonly held: number
  readonly waits: number
  readonly claim: 'open' | 'claimed' | 'final' | 'refused' | 'failed'
  /** How often a create was certainly not carried out. */
  readonly notCreated: number
  /** Whether there was time to wait before the second create. */
  readonly pause?: 'over' | 'no_time'
  /** `ended`: no further create follows in this attempt. */
  readonly create?: 'already_open' | 'ended'
  /** The consumer's last known conversation. */
  readonly known?: { readonly conversationId: string; readonly openedByThis: boolean } | 'nothing' | 'failed'
  readonly asked?: 'open' | 'closed' | 'unsure'
  readonly sent?: 'sent' | 'closed' | 'not_sent' | 'unknown'
  readonly forget?: 'done' | 'failed'
  /** What the ledger holds after the final outcome was written. */
  readonly complete?: Facts | 'failed'
  readonly handOver: 'open' | 'done' | 'failed'
  readonly quarantine?: 'done' | 'failed'
  readonly released: boolean
  /** Why the attempt can't go on: its latest failure, apart from a hand-over's or a release's. */
  readonly failure?: AppError
}

/** What one attempt knows about its request. */
export interface Known {
  readonly facts: Facts
  /** What the carrier of the request or the ledger holds already. */
  readonly stored: Facts
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
  /** How long to wait, in milliseconds, before a create is repeated that LivePerson certainly did not carry out. */
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
  stored: facts,
  progress: {
    identifying: false,
    claim: 'open',
    handOver: 'open',
    held: 0,
    waits: 0,
    notCreated: 0,
    released: false,
  },
})

const CONVERSATIONS = ['none', 'in_doubt', 'refused', 'held', 'existing', 'opened'] as const
const MESSAGES = ['unsent', 'not_sent', 'in_doubt', 'sent'] as const
const CLAIMS = ['none', 'held', 'failed', 'queued'] as const

/** Returns what two writers know together. The order of the arguments, and of several merges, makes no difference. */
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
  // Two ids exist only if an agent closed a conversation between a lost answer and the repeat. Any fixed choice will do.
  if (a.kind === 'opened' || a.kind === 'existing')
    return { kind: a.kind, conversationId: lesser(a.conversationId, idOf(b)) }
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
    case 'open':
      return nextBeforeClaim(known, policy)
    case 'failed':
      return putOff(known, policy)
    case 'refused':
      return fail(known, policy)
    case 'final':
      return isFinal(known.stored) && isSame(facts, known.stored)
        ? conclude(known, policy)
        : settle(known, policy)
    case 'claimed':
      if (isFinal(judge(facts, policy))) return settle(known, policy)
      return progress.create === 'already_open'
        ? nextAfterAlreadyOpen(known, policy)
        : nextCreate(known, policy)
  }
}

const nextBeforeClaim = ({ facts, progress }: Known, policy: Policy): Step => {
  if (!progress.identifying && !isFinal(facts)) return { kind: 'identify' }
  if (progress.held === progress.waits) return { kind: 'claim' }
  const ms = policy.heldWaitsMs[progress.waits]
  if (ms !== undefined) return { kind: 'wait', ms, before: 'claim' }
  // The holder of the claim may be dead, so a queue has to keep this copy too.
  if (policy.carrier === 'record' || progress.handOver === 'done') return done({ kind: 'opening' })
  return progress.handOver === 'failed' ? giveUp(progress) : { kind: 'hand_over', facts }
}

const nextCreate = (known: Known, policy: Policy): Step => {
  const { progress } = known
  if (progress.create === 'ended' || progress.pause === 'no_time') return putOff(known, policy)
  if (progress.notCreated > 0 && progress.pause === undefined)
    return {
      kind: 'wait',
      ms: Math.max(policy.repeatAfterMs, progress.failure?.retryAfterMs ?? 0),
      before: 'create',
    }
  return { kind: 'create' }
}

/** The consumer has an open conversation. LivePerson doesn't say which. */
const nextAfterAlreadyOpen = (known: Known, policy: Policy): Step => {
  const { facts, progress } = known
  const last = progress.known
  if (last === undefined) return { kind: 'look_up' }
  if (last === 'failed' || last === 'nothing' || progress.forget === 'failed') return putOff(known, policy)
  const { conversationId } = last
  if (progress.sent === 'closed' || progress.asked === 'closed') return { kind: 'forget', conversationId }
  // The message itself asks whether the conversation is open, unless it may have been sent before.
  return policy.hasMessage && facts.message === 'unsent'
    ? { kind: 'send', conversationId }
    : { kind: 'ask', conversationId }
}

/** Returns the facts, with the account's decision about a create in doubt. */
const judge = (facts: Facts, { onLostAnswer }: Policy): Facts =>
  onLostAnswer === 'hold' && facts.conversation.kind === 'in_doubt'
    ? merge(facts, { ...NOTHING, conversation: { kind: 'held' } })
    : facts

/** The outcome is known. The first message is sent, if it is this attempt's to send, and the ledger is told. */
const settle = (known: Known, policy: Policy): Step => {
  const { progress } = known
  const facts = judge(known.facts, policy)
  const conversationId = idOf(facts.conversation)
  if (
    policy.hasMessage &&
    facts.message === 'unsent' &&
    progress.create === 'ended' &&
    conversationId !== undefined
  )
    return { kind: 'send', conversationId }
  // What only memory holds has to be in quarantine before the ledger says that a person will look at it.
  if (policy.carrier === 'memory' && facts.conversation.kind === 'held' && progress.quarantine !== 'done')
    return progress.quarantine === 'failed' ? putOff(known, policy) : quarantine(facts, progress)
  if (progress.complete === undefined) return { kind: 'complete', facts }
  if (progress.complete !== 'failed') return conclude(known, policy)
  if (isRejected(facts) || isSame(known.facts, known.stored)) return putOff(known, policy)
  // LivePerson has done its part. What the ledger didn't accept goes by the queue.
  switch (progress.handOver) {
    case 'open':
      return { kind: 'hand_over', facts: released('queued', { ...known, facts }) }
    case 'done':
      return finish(facts, known, policy)
    case 'failed':
      return putOff(known, policy)
  }
}

/** The ledger holds the outcome. A record that ended as rejected goes to quarantine. */
const conclude = (known: Known, policy: Policy): Step => {
  const { progress, facts } = known
  const { complete } = progress
  const ledger = complete === undefined || complete === 'failed' ? facts : complete
  if (policy.carrier === 'memory' || !isRejected(ledger) || progress.quarantine === 'done')
    return finish(ledger, known, policy)
  return progress.quarantine === 'failed' ? wait(progress) : quarantine(ledger, progress)
}

/** The outcome isn't known, or nothing could record it: a queue keeps the request for a later attempt. */
const putOff = (known: Known, policy: Policy): Step => {
  const { progress } = known
  if (policy.carrier === 'record') return release('queued', known) ?? wait(progress)
  // Only an operator can fix this, and the sender should know at once.
  if (progress.failure?.code === 'invalid_config') return release('failed', known) ?? giveUp(progress)
  switch (progress.handOver) {
    case 'open':
      return { kind: 'hand_over', facts: released('queued', known), error: progress.failure }
    case 'done':
      return release('queued', known) ?? wait(progress)
    case 'failed':
      return release('failed', known) ?? giveUp(progress)
  }
}

/** No attempt can succeed. */
const fail = ({ facts, progress }: Known, { carrier }: Policy): Step => {
  if (carrier === 'memory' || progress.quarantine === 'done') return giveUp(progress)
  return progress.quarantine === 'failed' ? wait(progress) : quarantine(facts, progress)
}

const release = (state: 'queued' | 'failed', known: Known): Step | undefined =>
  known.progress.claim === 'claimed' && !known.progress.released
    ? { kind: 'release', facts: released(state, known) }
    : undefined

/** Returns the facts with the claim released. A hand-over carries them too, so that no later attempt doubts this one. */
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

const finish = (facts: Facts, { progress }: Known, { hasMessage }: Policy): Step => {
  const outcome = outcomeOf(facts, hasMessage)
  const { failure } = progress
  return done({
    kind: 'finished',
    outcome,
    repeated: progress.claim === 'final' && progress.complete === undefined,
    ...(failure !== undefined && failure.code === outcome.code && { error: failure }),
  })
}

const wait = ({ failure }: Progress): Step =>
  done(failure ? { kind: 'queued', error: failure } : { kind: 'opening' })

const giveUp = ({ failure }: Progress): Step =>
  done(failure ? { kind: 'failed', error: failure } : { kind: 'opening' })

const isRejected = ({ conversation: { kind } }: Facts): boolean => kind === 'refused' || kind === 'held'

const isSame = (a: Facts, b: Facts): boolean =>
  a.conversation.kind === b.conversation.kind &&
  idOf(a.conversation) === idOf(b.conversation) &&
  a.message === b.message

/** Adds what came back from a step to what is known. */
export const learn = (known: Known, seen: Seen): Known => {
  const { facts, progress } = known
  const saw = (more: Partial<Progress>, added: Partial<Facts> = {}): Known => ({
    ...known,
    facts: merge(facts, { ...NOTHING, ...added }),
    progress: { ...progress, ...more },
  })
  switch (seen.kind) {
    case 'identifying':
      return saw({ identifying: true })
    case 'claimed':
      return saw({ claim: 'claimed' }, claimedAfter(merge(facts, seen.before)))
    case 'held':
      return saw({ held: progress.held + 1 })
    case 'final':
      return { ...saw({ claim: 'final' }, seen.facts), stored: seen.facts }
    case 'waited':
      return seen.before === 'claim' ? saw({ waits: progress.waits + 1 }) : saw({ pause: 'over' })
    case 'no_time':
      return seen.before === 'claim' ? saw({ waits: progress.waits + 1 }) : saw({ pause: 'no_time' })
    case 'opened': {
      const { conversationId, lpConsumerId } = seen
      return saw({ create: 'ended' }, { conversation: { kind: 'opened', conversationId }, lpConsumerId })
    }
    case 'already_open':
      return saw({ create: 'already_open' }, { lpConsumerId: seen.lpConsumerId })
    case 'refused':
      return saw(
        { create: 'ended', failure: seen.error },
        { conversation: { kind: 'refused', code: seen.error.code } },
      )
    case 'create_in_doubt':
      return saw({ create: 'ended', failure: seen.error }, { conversation: { kind: 'in_doubt' } })
    case 'not_created': {
      const again = seen.repeatable && progress.notCreated === 0
      return saw({
        notCreated: progress.notCreated + 1,
        failure: seen.error,
        ...(!again && { create: 'ended' }),
      })
    }
    case 'known': {
      const { conversationId, openedByThis } = seen
      return saw(
        { known: { conversationId, openedByThis } },
        openedByThis ? { conversation: { kind: 'opened', conversationId } } : {},
      )
    }
    case 'nothing_known':
      return saw({ known: 'nothing' }, { conversation: attribute(facts) })
    case 'asked':
      return saw({ asked: seen.answer }, learnAnswer(known, seen.answer))
    case 'message':
      return saw({ sent: seen.answer }, learnMessage(known, seen.answer))
    case 'forgotten':
      return saw({ forget: 'done' }, { conversation: attribute(facts) })
    case 'completed':
      return saw({ complete: seen.facts })
    case 'released':
      return saw({ released: true })
    case 'handed_over':
      return saw({ handOver: 'done' })
    case 'quarantined':
      return saw({ quarantine: 'done' })
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

/** An open conversation that isn't known is this request's if a create may have been carried out, else another's. */
const attribute = ({ conversation }: Facts): Conversation =>
  conversation.kind === 'in_doubt' ? { kind: 'opened' } : { kind: 'existing' }

const learnAnswer = ({ facts, progress }: Known, answer: 'open' | 'closed' | 'unsure'): Partial<Facts> => {
  switch (answer) {
    case 'open':
      return { conversation: { kind: 'existing', conversationId: lastOf(progress) } }
    case 'closed':
      return {}
    case 'unsure':
      return { conversation: attribute(facts) }
  }
}

const lastOf = ({ known }: Progress): string | undefined =>
  typeof known === 'object' ? known.conversationId : undefined

const learnMessage = (
  { facts, progress }: Known,
  answer: 'sent' | 'closed' | 'not_sent' | 'unknown',
): Partial<Facts> => {
  const message = MESSAGE_AFTER[answer]
  if (progress.create !== 'already_open' || answer === 'closed') return { message }
  if (answer === 'sent')
    return { message, conversation: { kind: 'existing', conversationId: lastOf(progress) } }
  return { message, conversation: attribute(facts) }
}

const MESSAGE_AFTER = { sent: 'sent', closed: 'not_sent', not_sent: 'not_sent', unknown: 'in_doubt' } as const

const learnFailure = (known: Known, step: Step['kind'], failure: AppError): Known => {
  const { facts, progress } = known
  const saw = (more: Partial<Progress>): Known => ({ ...known, progress: { ...progress, ...more } })
  switch (step) {
    case 'claim':
      return saw({ claim: failure.retryable ? 'failed' : 'refused', failure })
    case 'create':
      return learn(known, { kind: 'create_in_doubt', error: failure })
    case 'look_up':
      return saw({ known: 'failed', failure })
    case 'ask':
      return learn(known, { kind: 'asked', answer: 'unsure' })
    case 'send':
      return learn(known, { kind: 'message', answer: 'unknown' })
    case 'forget':
      return saw({ forget: 'failed', failure })
    case 'complete':
      return saw({ complete: 'failed', failure })
    case 'hand_over':
      return saw({ handOver: 'failed', failure: progress.failure ?? failure })
    case 'quarantine':
      return saw({ quarantine: 'failed', failure })
    case 'release':
      // The lease expires by itself.
      return saw({ released: true })
    case 'identify':
    case 'wait':
    case 'done':
      throw new Error(`The step ${step} can't fail`, { cause: [failure, facts] })
  }
}
