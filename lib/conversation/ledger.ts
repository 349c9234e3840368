import * as z from 'zod/mini'
import type { Item, StateTable } from '../aws/state-table.ts'
import type { Destination } from '../config/routes.ts'
import { type Code, isCode } from '../errors/codes.ts'
import { RequestIdReusedError } from '../errors/errors.ts'
import type { AcceptedRequest, Door } from '../request/conversation-request.ts'
import {
  type Claim,
  type Conversation,
  type Facts,
  isFinal,
  type Message,
  NOTHING,
  outcomeOf,
} from './protocol.ts'

/**
 * Longer than any queue keeps a message, so that a replay from quarantine can't open a second conversation.
 */
const KEEP_MS = 30 * 24 * 3600 * 1000

const code = z.pipe(
  z.string(),
  z.transform((value): Code | undefined => (isCode(value) ? value : undefined)),
)

const requestItem = z.object({
  requestId: z.string(),
  accountId: z.string(),
  status: z.enum(['opening', 'queued', 'failed', 'opened', 'existing', 'rejected']),
  fingerprint: z.string(),
  leaseId: z.optional(z.string()),
  createdAt: z.number(),
  attempts: z.number(),
  releasedAttempt: z.optional(z.number()),
  reached: z.optional(z.boolean()),
  messageInDoubt: z.optional(z.boolean()),
  conversationId: z.optional(z.string()),
  code: z.optional(code),
  messageStatus: z.optional(z.enum(['sent', 'not_sent', 'unknown'])),
  lpConsumerId: z.optional(z.string()),
})

/** What the ledger holds about a request. None of it is personal data. */
export type RequestItem = z.infer<typeof requestItem>

const consumerItem = z.object({
  conversationId: z.optional(z.string()),
  state: z.enum(['OPEN', 'CLOSE']),
  openedBy: z.optional(z.string()),
})

/** The right to work on a request until its lease ends. */
export interface Lease {
  readonly pk: string
  readonly leaseId: string
  /** 1 for the first attempt. */
  readonly attempt: number
  /** Whether the previous attempt never released its claim. */
  readonly previousAttemptDied: boolean
  /** The attributes that the item keeps when it is completed. */
  readonly fixed: Item
  readonly accountId: string
  readonly hasMessage: boolean
}

export type ClaimResult =
  /** `before`: what the ledger held before this claim. */
  | { readonly kind: 'claimed'; readonly lease: Lease; readonly before: Facts }
  | { readonly kind: 'held' }
  /**
   * The request is finished. This lease is not stored: `complete` can use it only to add a missing
   * conversationId.
   */
  | { readonly kind: 'final'; readonly facts: Facts; readonly lease: Lease }

export type Ledger = ReturnType<typeof createLedger>

/**
 * Returns the record of every request and of each consumer's conversation. A request that nobody repeats
 * costs two calls: `claim` (1 write unit) and `complete` (2 write units in one call, for the request's and
 * the consumer's item).
 *
 * Every function throws ServiceUnavailableError if DynamoDB fails.
 *
 * @param options.now Milliseconds since the epoch.
 */
export const createLedger = ({
  table,
  now,
  uuid,
}: {
  readonly table: StateTable
  readonly now: () => number
  readonly uuid: () => string
}) => {
  const expiresAt = () => Math.floor((now() + KEEP_MS) / 1000)

  return {
    /**
     * Claims a request: 1 write unit. If it is held or finished, DynamoDB returns the item with the failed
     * condition.
     *
     * @param until When Lambda will have ended the invocation that claims, in milliseconds since the epoch.
     * @throws {RequestIdReusedError}
     */
    claim: async (
      request: AcceptedRequest,
      destination: Destination,
      until: number,
    ): Promise<ClaimResult> => {
      const { accountId, door, requestId, fingerprint } = request
      const pk = requestKey(accountId, door, requestId)
      const leaseId = uuid()
      const { campaignId, engagementId } = destination
      const fixed = { requestId, accountId, door, fingerprint, campaignId, engagementId }
      const { applied, item } = await table.update({
        pk,
        set: {
          ...fixed,
          status: 'opening',
          leaseId,
          leaseUntil: until,
          updatedAt: now(),
          expiresAt: expiresAt(),
        },
        setIfAbsent: { createdAt: now() },
        add: { attempts: 1 },
        condition:
          'attribute_not_exists(#pk) OR (#fingerprint = :fingerprint AND (#status IN (:queued, :failed)' +
          ' OR (#status = :opening AND #leaseUntil < :now)))',
        values: { fingerprint, queued: 'queued', failed: 'failed', opening: 'opening', now: now() },
      })
      const found = item && z.parse(requestItem, item)
      // The SDK repeats a write whose answer was lost, and then meets its own claim.
      const isOwn = !applied && found?.leaseId === leaseId && found.status === 'opening'
      const before = found ? (isOwn ? beforeOwnClaim(found) : toFacts(found)) : undefined
      const attempt = (before?.claim.attempt ?? 0) + 1
      const lease: Lease = {
        pk,
        leaseId,
        attempt,
        previousAttemptDied: before?.claim.state === 'held',
        fixed: { pk, ...fixed, createdAt: found?.createdAt ?? now(), attempts: attempt },
        accountId,
        hasMessage: request.message !== undefined,
      }
      if (applied || isOwn) return { kind: 'claimed', lease, before: before ?? NOTHING }
      if (found && found.fingerprint !== fingerprint)
        throw new RequestIdReusedError({ detail: 'This requestId was used before with different content.' })
      return before && isFinal(before) ? { kind: 'final', facts: before, lease } : { kind: 'held' }
    },

    /**
     * Writes the final outcome and returns what the ledger holds then. If this attempt has lost its claim and
     * the request isn't finished, nothing is written, and `facts` are returned: the attempt that has the
     * claim will write its own.
     *
     * `opened` with a conversationId costs 2 write units in one call and is unconditional, because
     * LivePerson's id is authoritative. Everything else costs 1 write unit, and an id that another attempt
     * wrote stays.
     */
    complete: async (lease: Lease, facts: Facts): Promise<Facts> => {
      const { status, conversationId, code, messageStatus } = outcomeOf(facts, lease.hasMessage)
      const { lpConsumerId } = facts
      const set = {
        status,
        conversationId,
        code,
        messageStatus,
        lpConsumerId,
        updatedAt: now(),
        expiresAt: expiresAt(),
      }
      if (status === 'opened' && conversationId !== undefined && lpConsumerId !== undefined) {
        await table.putMany([
          { ...lease.fixed, ...set },
          {
            pk: consumerKey(lease.accountId, lpConsumerId),
            conversationId,
            state: 'OPEN',
            openedBy: lease.pk,
            updatedAt: now(),
            expiresAt: expiresAt(),
          },
        ])
        return facts
      }
      const { applied, item } = await table.update({ pk: lease.pk, set, ...ownedBy(lease) })
      const other = applied || !item ? undefined : toFacts(z.parse(requestItem, item))
      return other && isFinal(other) ? other : facts
    },

    /**
     * Releases a claim: 1 write unit. Does nothing if another attempt has the claim by now.
     *
     * @param facts What is known, with the claim released as `queued` or `failed`.
     */
    release: async (lease: Lease, { claim, conversation, message }: Facts): Promise<void> => {
      await table.update({
        pk: lease.pk,
        set: {
          status: claim.state,
          code: claim.code,
          releasedAttempt: lease.attempt,
          ...((lease.previousAttemptDied || REACHED.has(conversation.kind)) && { reached: true }),
          ...((message === 'in_doubt' || message === 'sent') && { messageInDoubt: true }),
          updatedAt: now(),
          expiresAt: expiresAt(),
        },
        ...ownedBy(lease),
      })
    },

    /** Records that a queued request ended in quarantine without an outcome: 1 write unit. */
    giveUp: async ({ accountId, door, requestId }: AcceptedRequest, code: Code): Promise<void> => {
      await table.update({
        pk: requestKey(accountId, door, requestId),
        set: { status: 'failed', code, updatedAt: now(), expiresAt: expiresAt() },
        condition: '#status = :queued',
        values: { queued: 'queued' },
      })
    },

    /** Returns the requests with an id at one door, in the order of the accounts: 1 read unit per account. */
    find: async (
      accountIds: readonly string[],
      door: Door,
      requestId: string,
    ): Promise<readonly RequestItem[]> => {
      const items = await table.getMany(accountIds.map((accountId) => requestKey(accountId, door, requestId)))
      const found = items.map((item) => z.parse(requestItem, item))
      return accountIds.flatMap((accountId) => found.filter((item) => item.accountId === accountId))
    },

    /** Returns the consumer's last known conversation: 1 read unit. */
    findConversation: async (accountId: string, lpConsumerId: string) => {
      const item = await table.get(consumerKey(accountId, lpConsumerId))
      return item && z.parse(consumerItem, item)
    },

    /** Records that a consumer's conversation is closed: 1 write unit. */
    forgetConversation: async (
      accountId: string,
      lpConsumerId: string,
      conversationId: string,
    ): Promise<void> => {
      await table.update({
        pk: consumerKey(accountId, lpConsumerId),
        set: { state: 'CLOSE', updatedAt: now() },
        condition: '#conversationId = :conversationId',
        values: { conversationId },
      })
    },
  }
}

const requestKey = (accountId: string, door: Door, requestId: string) =>
  `request#${accountId}#${door}#${requestId}`

const consumerKey = (accountId: string, lpConsumerId: string) => `consumer#${accountId}#${lpConsumerId}`

const ownedBy = ({ leaseId }: Lease) => ({
  condition: '#leaseId = :leaseId AND #status = :opening',
  values: { leaseId, opening: 'opening' },
})

/** In these states a create may have reached LivePerson. `reached` is set and never cleared. */
const REACHED: ReadonlySet<Conversation['kind']> = new Set(['in_doubt', 'opened', 'held'])

/** Returns the facts that an item holds. */
export const toFacts = (item: RequestItem): Facts => ({
  claim: {
    attempt: item.attempts,
    state: item.status === 'queued' || item.status === 'failed' ? item.status : 'held',
    ...(item.code !== undefined && { code: item.code }),
  },
  conversation: toConversation(item),
  message: toMessage(item),
  ...(item.lpConsumerId !== undefined && { lpConsumerId: item.lpConsumerId }),
})

const toConversation = ({ status, conversationId, code, reached }: RequestItem): Conversation => {
  switch (status) {
    case 'opened':
    case 'existing':
      return { kind: status, conversationId }
    case 'rejected':
      return code === 'outcome_unknown'
        ? { kind: 'held' }
        : { kind: 'refused', code: code ?? 'liveperson_rejected' }
    case 'opening':
    case 'queued':
    case 'failed':
      return { kind: reached ? 'in_doubt' : 'none' }
  }
}

const toMessage = ({ messageStatus, messageInDoubt }: RequestItem): Message => {
  if (messageStatus === undefined) return messageInDoubt ? 'in_doubt' : 'unsent'
  return messageStatus === 'unknown' ? 'in_doubt' : messageStatus
}

/** Reconstructs the item as it was before our own claim, when a retried write shows us only its result. */
const beforeOwnClaim = (item: RequestItem): Facts => {
  const attempt = item.attempts - 1
  const isReleased = attempt === 0 || item.releasedAttempt === attempt
  const claim: Claim = { attempt, state: isReleased ? (attempt === 0 ? 'none' : 'queued') : 'held' }
  return { ...toFacts(item), claim }
}
