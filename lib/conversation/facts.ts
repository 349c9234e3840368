/**
 * What is known about a request, and how knowledge grows: facts are added and never removed. This file is
 * pure: it does no I/O and reads no clock. `protocol.ts` decides what an attempt does with the facts, and the
 * ledger stores them. The model checker in `test/lib/conversation/model/` explores both files together.
 *
 * This file imports types only.
 */
import type { Code } from '../errors/codes.ts'

/**
 * What is known about the conversation that a request asked for, weakest knowledge first. `in_doubt` and
 * `refused` together are `unknown`: a refusal after a lost answer proves nothing.
 */
export type Conversation =
  /** No create can have reached LivePerson. */
  | { readonly kind: 'none' }
  /** A create may have been carried out. */
  | { readonly kind: 'in_doubt' }
  /** LivePerson refused to open it. The refusal is final if no later attempt has claimed the request. */
  | { readonly kind: 'refused'; readonly code: Code; readonly attempt: number }
  /** A create may have been carried out, and no attempt may repeat it. A person has to look. */
  | { readonly kind: 'unknown' }
  /** The consumer already had an open conversation. */
  | { readonly kind: 'existing'; readonly conversationId?: string | undefined }
  /** This request opened it. The id is missing if LivePerson's answer was lost. */
  | { readonly kind: 'opened'; readonly conversationId?: string | undefined }

/** Why a message is not sent. */
export type MessageCode = 'conversation_closed' | 'conversation_unknown' | 'given_up'

/** What is known about the first message. It is owed unless one of these facts says otherwise. */
export interface Message {
  /** The number of the last try that an attempt recorded before it sent the message. 0: none. */
  readonly tried: number
  /** The number of the last try that LivePerson certainly did not accept. It may have accepted another. */
  readonly refused: number
  readonly sent: boolean
  readonly dropped?: MessageCode | undefined
}

/**
 * The last attempt that claimed the request. It still holds the claim, or released it as failed, given up,
 * queued or done. The sender continues a request that failed. Only a replay continues one that was given up.
 */
export interface Claim {
  /** 0 if no attempt has claimed the request, 1 for the first. */
  readonly attempt: number
  /** How many attempts released their claim. The others died, except the one that holds it. */
  readonly releases: number
  readonly state: 'none' | 'held' | 'failed' | 'given_up' | 'queued' | 'done'
  /** Why the attempt released the claim. */
  readonly code?: Code | undefined
}

/** When LivePerson closed a conversation, in milliseconds since the epoch. */
export interface Closing {
  /** Undefined: its id was erased. */
  readonly conversationId?: string | undefined
  readonly at: number
}

/** Someone found the conversation of a request whose outcome was unknown. */
export interface Settlement {
  /** `liveperson`: a push of LivePerson. `operator`: a person who looked. */
  readonly by: 'liveperson' | 'operator'
  /** Undefined: its id was erased. */
  readonly conversationId?: string | undefined
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly reason?: string | undefined
}

/** An operator found that a request has no conversation. */
export interface Forgetting {
  /** What attempts up to this one left in doubt, or were refused, doesn't count any more. */
  readonly attempt: number
  /** Milliseconds since the epoch. */
  readonly at: number
  /** Undefined: it was erased. */
  readonly reason?: string | undefined
}

/** What is known about one request. Facts are added and never removed: see {@link merge}. */
export interface Facts {
  readonly claim: Claim
  readonly conversation: Conversation
  readonly message: Message
  /** LivePerson's own id of the consumer. */
  readonly lpConsumerId?: string | undefined
  /** Whether a queue was given a copy of the request. */
  readonly handedOver: boolean
  /**
   * When LivePerson first said that the consumer has an open conversation whose id nobody here knows, in
   * milliseconds since the epoch.
   */
  readonly idMissingSince?: number | undefined
  /**
   * By when the last attempt whose create is in doubt had stopped, in milliseconds since the epoch.
   */
  readonly doubtUntil?: number | undefined
  /** When this request was told the id of its conversation, in milliseconds since the epoch. */
  readonly openedAt?: number | undefined
  /** Set if LivePerson refused the consumer's profile. */
  readonly profileRefused?: true | undefined
  /** Set if LivePerson opened the conversation only without its language. */
  readonly languageRefused?: true | undefined
  /**
   * The conversations that were closed, sorted by id. There are several if an agent closed one before a
   * create was repeated. Only the closing of the request's own conversation counts: see {@link closedAtOf}.
   */
  readonly closings?: readonly Closing[] | undefined
  readonly settled?: Settlement | undefined
  readonly forgotten?: Forgetting | undefined
}

/** The public status of a request. `opened`, `existing`, `rejected` and `outcome_unknown` are final. */
export type Status = 'opening' | 'queued' | 'failed' | 'opened' | 'existing' | 'rejected' | 'outcome_unknown'

/** What the sender is told: a pure function of the facts. */
export interface Outcome {
  readonly status: Status
  /** Undefined if there is no conversation, or its id is not known. */
  readonly conversationId?: string | undefined
  readonly code?: Code | undefined
  /** Undefined if there was no message, or no conversation for it. `pending`: it is owed. */
  readonly messageStatus?: 'pending' | 'sent' | 'not_sent' | 'unknown' | undefined
  /** Why the message was not sent. */
  readonly messageCode?: MessageCode | undefined
  /** Set if LivePerson refused the consumer's profile. */
  readonly profileRefused?: true | undefined
  /** Set if LivePerson opened the conversation only without its language. */
  readonly languageRefused?: true | undefined
}

const NO_MESSAGE: Message = { tried: 0, refused: 0, sent: false }

export const NOTHING: Facts = {
  claim: { attempt: 0, releases: 0, state: 'none' },
  conversation: { kind: 'none' },
  message: NO_MESSAGE,
  handedOver: false,
}

const CONVERSATIONS = ['none', 'in_doubt', 'refused', 'unknown', 'existing', 'opened'] as const
const CLAIMS = ['none', 'held', 'failed', 'given_up', 'queued', 'done'] as const

/**
 * Returns what two writers know together. The order of the arguments, and of several merges, makes no
 * difference.
 */
export const merge = (a: Facts, b: Facts): Facts => {
  const forgotten = leastOf(byForgetting, a.forgotten, b.forgotten)
  return {
    claim: mergeClaims(a.claim, b.claim),
    conversation: mergeConversations(remembered(a, forgotten), remembered(b, forgotten)),
    message: {
      tried: Math.max(a.message.tried, b.message.tried),
      refused: Math.max(a.message.refused, b.message.refused),
      sent: a.message.sent || b.message.sent,
      ...given({ dropped: lesser(a.message.dropped, b.message.dropped) }),
    },
    handedOver: a.handedOver || b.handedOver,
    ...given({
      lpConsumerId: lesser(a.lpConsumerId, b.lpConsumerId),
      idMissingSince: lesser(a.idMissingSince, b.idMissingSince),
      doubtUntil: greater(a.doubtUntil, b.doubtUntil),
      openedAt: lesser(a.openedAt, b.openedAt),
      profileRefused: a.profileRefused ?? b.profileRefused,
      languageRefused: a.languageRefused ?? b.languageRefused,
      closings: mergeClosings(a.closings, b.closings),
      settled: leastOf(bySettlement, a.settled, b.settled),
      forgotten,
    }),
  }
}

/**
 * Returns what a writer knows of the conversation, without what others have forgotten. A conversation that
 * was found is never forgotten.
 */
const remembered = (facts: Facts, forgotten: Forgetting | undefined): Conversation =>
  hasConversation(facts) || facts.forgotten?.attempt === forgotten?.attempt
    ? facts.conversation
    : { kind: 'none' }

/** Adds what an attempt learned, which is later than what was forgotten. */
export const withAdded = (facts: Facts, added: Partial<Facts>): Facts =>
  merge(facts, { ...NOTHING, ...given({ forgotten: facts.forgotten }), ...added })

/** Returns whether both writers know the same. `merge` lists all members in a fixed order. */
export const isSame = (a: Facts, b: Facts): boolean =>
  JSON.stringify(merge(a, NOTHING)) === JSON.stringify(merge(b, NOTHING))

/** What distinguishes one fact from another of its kind. The least one counts. */
type Ranks = readonly (string | number)[]

/** Of each conversation, the earliest closing counts. */
const mergeClosings = (
  a: readonly Closing[] = [],
  b: readonly Closing[] = [],
): readonly Closing[] | undefined => {
  const all = [...a, ...b].toSorted((x, y) => x.at - y.at)
  const ids = [...new Set(all.map(({ conversationId }) => conversationId))].toSorted(byId)
  const earliest = ids.flatMap((id) => all.find(({ conversationId }) => conversationId === id) ?? [])
  return earliest.length > 0 ? earliest : undefined
}

const byId = (a = '', b = ''): number => (a < b ? -1 : 1)

/** LivePerson knows better than a person. */
const bySettlement = ({ by, conversationId = '', at, reason = '' }: Settlement): Ranks => [
  by === 'liveperson' ? 0 : 1,
  conversationId,
  at,
  reason,
]

const byForgetting = ({ attempt, at, reason = '' }: Forgetting): Ranks => [-attempt, at, reason]

const leastOf = <T>(ranksOf: (fact: T) => Ranks, a: T | undefined, b: T | undefined): T | undefined => {
  if (a === undefined || b === undefined) return a ?? b
  const ranks = ranksOf(b)
  for (const [index, rank] of ranksOf(a).entries()) {
    const other = ranks[index] ?? rank
    if (rank !== other) return rank < other ? a : b
  }
  return a
}

const mergeClaims = (a: Claim, b: Claim): Claim => {
  const releases = Math.max(a.releases, b.releases)
  const isSameState = a.attempt === b.attempt && a.state === b.state
  const { attempt, state, code } = isLater(a, b) ? a : b
  return { attempt, releases, state, ...given({ code: isSameState ? lesser(a.code, b.code) : code }) }
}

const isLater = (a: Claim, b: Claim): boolean =>
  a.attempt === b.attempt ? later(CLAIMS, a.state, b.state) === a.state : a.attempt > b.attempt

const mergeConversations = (a: Conversation, b: Conversation): Conversation => {
  if (a.kind !== b.kind) {
    const kinds = [a.kind, b.kind]
    if (kinds.includes('in_doubt') && kinds.includes('refused')) return { kind: 'unknown' }
    return later(CONVERSATIONS, a.kind, b.kind) === a.kind ? a : b
  }
  // Two ids exist only if an agent closed a conversation between a lost answer and the repeat. Any fixed
  // choice will do.
  if (a.kind === 'opened' || a.kind === 'existing')
    return {
      kind: a.kind,
      ...given({
        conversationId: lesser(a.conversationId, 'conversationId' in b ? b.conversationId : undefined),
      }),
    }
  if (a.kind === 'refused' && b.kind === 'refused')
    return a.attempt === b.attempt ? (a.code < b.code ? a : b) : a.attempt > b.attempt ? a : b
  return a
}

const later = <T>(order: readonly T[], a: T, b: T): T => (order.indexOf(a) >= order.indexOf(b) ? a : b)

const lesser = <T extends string | number>(a: T | undefined, b: T | undefined): T | undefined => {
  if (a === undefined || b === undefined) return a ?? b
  return a < b ? a : b
}

const greater = (a: number | undefined, b: number | undefined): number | undefined =>
  a === undefined || b === undefined ? (a ?? b) : Math.max(a, b)

/** Returns the members that have a value. */
export const given = <T extends object>(members: T): Partial<T> =>
  Object.values(members).some((value) => value === undefined)
    ? (Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined)) as Partial<T>)
    : members

/** Returns the id of a request's conversation. LivePerson's takes precedence over one that a person found. */
export const idOf = ({ conversation, settled }: Facts): string | undefined =>
  conversation.kind === 'opened' || conversation.kind === 'existing'
    ? (conversation.conversationId ?? settled?.conversationId)
    : undefined

/** Returns when a request's conversation was closed, in milliseconds since the epoch. */
export const closedAtOf = (facts: Facts): number | undefined =>
  hasConversation(facts)
    ? facts.closings?.find(({ conversationId }) => conversationId === idOf(facts))?.at
    : undefined

type MessageState = 'owed' | 'in_doubt' | 'sent' | 'not_sent'

/** Returns in one word what is known about the first message. */
export const messageStateOf = ({ tried, refused, sent, dropped }: Message): MessageState => {
  if (sent) return 'sent'
  if (tried > refused) return 'in_doubt'
  return dropped === undefined ? 'owed' : 'not_sent'
}

/** Returns the public outcome of a request. */
export const outcomeOf = (facts: Facts, hasMessage: boolean): Outcome => {
  const { claim, conversation } = facts
  switch (conversation.kind) {
    case 'opened':
    case 'existing':
      return {
        status: conversation.kind,
        ...given({ conversationId: idOf(facts) }),
        ...given({ profileRefused: facts.profileRefused, languageRefused: facts.languageRefused }),
        ...(hasMessage && messageOutcomeOf(facts)),
      }
    case 'unknown':
      return { status: 'outcome_unknown', code: 'outcome_unknown' }
    case 'refused':
      if (isRefusalFinal(conversation, claim)) return { status: 'rejected', code: conversation.code }
      return statusOf(claim)
    case 'none':
    case 'in_doubt':
      return statusOf(claim)
  }
}

const statusOf = ({ state, code }: Claim): Outcome => {
  switch (state) {
    case 'failed':
    case 'given_up':
      return { status: 'failed', ...given({ code }) }
    case 'queued':
      return { status: 'queued', ...given({ code }) }
    default:
      return { status: 'opening' }
  }
}

const messageOutcomeOf = ({ claim, message }: Facts): Pick<Outcome, 'messageStatus' | 'messageCode'> => {
  switch (messageStateOf(message)) {
    case 'sent':
      return { messageStatus: 'sent' }
    case 'in_doubt':
      // The attempt that sends it may still hear of it.
      return { messageStatus: claim.state === 'held' ? 'pending' : 'unknown' }
    case 'owed':
      return { messageStatus: 'pending' }
    case 'not_sent':
      return { messageStatus: 'not_sent', ...given({ messageCode: message.dropped }) }
  }
}

/** An attempt that came later may have opened the conversation. */
const isRefusalFinal = ({ attempt }: { readonly attempt: number }, claim: Claim): boolean =>
  attempt >= claim.attempt

/** Returns whether a request is finished: every later copy gets its outcome, and nothing is owed. */
export const isFinished = ({ claim, conversation, message }: Facts, hasMessage: boolean): boolean => {
  switch (conversation.kind) {
    case 'none':
    case 'in_doubt':
      return false
    case 'refused':
      return isRefusalFinal(conversation, claim)
    case 'unknown':
      return true
    case 'existing':
    case 'opened': {
      const state = messageStateOf(message)
      return !hasMessage || (state === 'in_doubt' ? claim.state !== 'held' : state !== 'owed')
    }
  }
}

/**
 * Returns the facts as they are once the lease of an attempt that never released its claim has expired: the
 * attempt is dead.
 *
 * @param isQueued Whether a queue holds the request, so that another attempt will come.
 */
export const afterExpiry = (facts: Facts, isQueued: boolean): Facts => {
  if (facts.claim.state !== 'held') return facts
  return isQueued ? withClaim('queued', facts) : abandoned(facts, 'interrupted')
}

/**
 * Returns the facts of a request that no attempt holds, and no queue any more.
 *
 * @param code Why.
 * @param state Who can continue it. See {@link Claim}.
 */
export const abandoned = (facts: Facts, code: Code, state: 'failed' | 'given_up' = 'failed'): Facts =>
  hasConversation(facts)
    ? { ...withClaim('done', facts), message: { dropped: 'given_up', ...facts.message } }
    : { ...withDoubtOfDeath(facts), claim: { ...facts.claim, state, code } }

/** Returns the facts with the claim in another state. */
export const withClaim = (state: Claim['state'], facts: Facts): Facts => ({
  ...facts,
  claim: { ...facts.claim, state },
})

/** An attempt that never released its claim died in the middle, so nobody knows how far its create got. */
export const withDoubtOfDeath = (facts: Facts): Facts =>
  facts.claim.state === 'held' ? withAdded(facts, { conversation: { kind: 'in_doubt' } }) : facts

/** Returns whether a conversation is open for a request: its own, or one that was open before. */
export const hasConversation = ({ conversation: { kind } }: Facts): boolean =>
  kind === 'existing' || kind === 'opened'

/** Returns whether a create may have reached LivePerson, and nobody knows what came of it. */
export const mayHaveOpened = ({ conversation: { kind } }: Facts): boolean =>
  kind === 'in_doubt' || kind === 'unknown'

/** Returns the facts after a conversation was closed. */
export const closedBy = (facts: Facts, closing: Closing): Facts => ({
  ...facts,
  closings: [...(facts.closings ?? []), closing],
})

/** Returns the facts after someone found the conversation. A person's id doesn't replace LivePerson's. */
export const settledBy = (facts: Facts, settled: Settlement): Facts => {
  const kind = facts.conversation.kind === 'existing' ? 'existing' : 'opened'
  const told = settled.by === 'liveperson' ? settled.conversationId : undefined
  return withAdded(facts, {
    settled,
    conversation: { kind, ...given({ conversationId: told }) },
  })
}

/**
 * Returns the facts after an operator found that there is no conversation. The next copy of the request
 * claims it, as after an attempt that failed.
 */
export const forgottenAt = (facts: Facts, at: number, reason: string): Facts => {
  const { attempt } = facts.claim
  const { conversation } = facts
  const code = conversation.kind === 'refused' ? conversation.code : 'outcome_unknown'
  return merge(facts, {
    ...NOTHING,
    forgotten: { attempt, at, reason },
    // The attempts before are over, and don't count as dead.
    claim: { attempt: attempt + 1, releases: attempt + 1, state: 'given_up', code },
  })
}

/** Returns whether only a replay continues a request. */
export const isGivenUp = ({ claim: { state } }: Facts): boolean => state === 'given_up'

/** Returns how many attempts died before the one that holds the claim. */
export const deathsOf = ({ attempt, releases, state }: Claim): number =>
  attempt - releases - (state === 'held' ? 1 : 0)
