import { randomUUID } from 'node:crypto'
import * as z from 'zod/mini'
import type { Item, StateTable } from '../aws/state-table.ts'
import type { Destination } from '../config/routes.ts'
import { RequestIdReusedError } from '../errors/errors.ts'
import type { AcceptedRequest } from '../request/conversation-request.ts'

/** Longer than any queue keeps a message, so that a replay from quarantine can't open twice. */
const KEEP_MS = 30 * 24 * 3600 * 1000

export type MessageStatus = 'sent' | 'not_sent' | 'unknown'

/** What a request came to, for good. */
export interface FinalOutcome {
  readonly status: 'opened' | 'existing' | 'rejected'
  /** Undefined where LivePerson's answer was lost, or it didn't say which conversation is open. */
  readonly conversationId?: string | undefined
  /** Why it was rejected. */
  readonly code?: string | undefined
  /** Whether the first message was sent; undefined where there was none. */
  readonly messageStatus?: MessageStatus | undefined
}

const FINAL = ['opened', 'existing', 'rejected'] as const

/**
 * Where a request stands: `opening` is being worked on, `queued` waits in the events queue, `failed` may be repeated by
 * its sender; the others are final.
 */
const STATUSES = ['opening', 'queued', 'failed', ...FINAL] as const

const requestItem = z.object({
  requestId: z.string(),
  accountId: z.string(),
  status: z.enum(STATUSES),
  fingerprint: z.string(),
  leaseId: z.optional(z.string()),
  createdAt: z.number(),
  attempts: z.number(),
  releasedAttempt: z.optional(z.number()),
  reached: z.optional(z.boolean()),
  messageInDoubt: z.optional(z.boolean()),
  conversationId: z.optional(z.string()),
  code: z.optional(z.string()),
  messageStatus: z.optional(z.enum(['sent', 'not_sent', 'unknown'])),
})

/** What the ledger knows of a request; nothing of it is personal. */
export type RequestItem = z.infer<typeof requestItem>

const consumerItem = z.object({
  conversationId: z.optional(z.string()),
  state: z.enum(['OPEN', 'CLOSE']),
  openedBy: z.optional(z.string()),
})

/** The right to work on a request until a moment: nobody else does. */
export interface Lease {
  readonly pk: string
  readonly leaseId: string
  /** 1 for the first attempt. */
  readonly attempt: number
  /** What the whole item holds that doesn't change any more. */
  readonly facts: Item
  /** Whether an earlier attempt may have reached LivePerson. */
  readonly reached: boolean
  /** Whether an earlier attempt may have sent the first message. */
  readonly messageInDoubt: boolean
}

export type Claim =
  | { readonly kind: 'claimed'; readonly lease: Lease }
  | { readonly kind: 'held' }
  /** Over; the lease is good only for writing down a conversationId that was not known then. */
  | { readonly kind: 'final'; readonly outcome: FinalOutcome; readonly lease: Lease }

export type Ledger = ReturnType<typeof createLedger>

/**
 * The record of every request and of every consumer's conversation. A request that nobody repeats costs two calls:
 * `claim` (1 write unit) and `complete` (2 write units in one call, the request's and the consumer's item).
 *
 * Every function throws ServiceUnavailableError where DynamoDB doesn't do its work.
 */
export const createLedger = ({ table, now }: { readonly table: StateTable; readonly now: () => number }) => {
  const expiresAt = () => Math.floor((now() + KEEP_MS) / 1000)

  return {
    /**
     * Claims a request: 1 write unit; where it is somebody else's, or finished, DynamoDB sends the item along.
     *
     * @param until Milliseconds since the epoch when the container that claims is surely dead.
     * @throws {RequestIdReusedError}
     */
    claim: async (request: AcceptedRequest, destination: Destination, until: number): Promise<Claim> => {
      const pk = requestKey(request.accountId, request.door, request.requestId)
      const leaseId = randomUUID()
      const facts = {
        pk,
        requestId: request.requestId,
        accountId: request.accountId,
        door: request.door,
        fingerprint: request.fingerprint,
        campaignId: destination.campaignId,
        engagementId: destination.engagementId,
      }
      const { pk: _, ...set } = facts
      const { written, item } = await table.update({
        pk,
        set: {
          ...set,
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
        values: {
          fingerprint: request.fingerprint,
          queued: 'queued',
          failed: 'failed',
          opening: 'opening',
          now: now(),
        },
      })
      const before = item && z.parse(requestItem, item)
      // The SDK repeats a write whose answer was lost, and then meets its own claim; what stood there before is gone.
      const own = !written && before?.leaseId === leaseId && before.status === 'opening'
      const abandoned = own
        ? before.attempts > 1 && before.releasedAttempt !== before.attempts - 1
        : before?.status === 'opening'
      const attempts = (before?.attempts ?? 0) + (own ? 0 : 1)
      const lease: Lease = {
        pk,
        leaseId,
        attempt: attempts,
        facts: { ...facts, createdAt: before?.createdAt ?? now(), attempts },
        reached: abandoned || before?.reached === true,
        messageInDoubt: abandoned || before?.messageInDoubt === true,
      }
      if (written || own) return { kind: 'claimed', lease }
      if (before && before.fingerprint !== request.fingerprint)
        throw new RequestIdReusedError({ detail: 'This requestId came before with other content.' })
      const outcome = before && toFinalOutcome(before)
      return outcome ? { kind: 'final', outcome, lease } : { kind: 'held' }
    },

    /**
     * Writes down what a claimed request came to and gives what stands in the ledger then. With LivePerson's
     * conversationId in hand: 2 write units in one call, without a condition, since that id is the truth; else 1 write
     * unit, which never takes an id away that another attempt wrote.
     */
    complete: async (
      lease: Lease,
      outcome: FinalOutcome,
      consumer?: { readonly accountId: string; readonly lpConsumerId: string },
    ): Promise<FinalOutcome> => {
      const set = {
        ...outcome,
        lpConsumerId: consumer?.lpConsumerId,
        updatedAt: now(),
        expiresAt: expiresAt(),
      }
      if (outcome.status === 'opened' && outcome.conversationId !== undefined && consumer) {
        const { conversationId } = outcome
        await table.putMany([
          { ...lease.facts, ...set },
          {
            pk: consumerKey(consumer.accountId, consumer.lpConsumerId),
            conversationId,
            state: 'OPEN',
            openedBy: lease.pk,
            updatedAt: now(),
            expiresAt: expiresAt(),
          },
        ])
        return outcome
      }
      const { written, item } = await table.update({ pk: lease.pk, set, ...ownedBy(lease) })
      return (!written && item && toFinalOutcome(z.parse(requestItem, item))) || outcome
    },

    /**
     * Gives a claim back: 1 write unit. Nothing happens where the lease has gone to somebody else.
     *
     * @param to.reached Whether this attempt may have opened a conversation.
     * @param to.messageInDoubt Whether this attempt may have sent the first message.
     */
    release: async (
      lease: Lease,
      to: {
        readonly status: 'queued' | 'failed'
        readonly code: string
        readonly reached: boolean
        readonly messageInDoubt: boolean
      },
    ): Promise<void> => {
      await table.update({
        pk: lease.pk,
        set: {
          status: to.status,
          code: to.code,
          releasedAttempt: lease.attempt,
          reached: lease.reached || to.reached,
          messageInDoubt: lease.messageInDoubt || to.messageInDoubt,
          updatedAt: now(),
          expiresAt: expiresAt(),
        },
        ...ownedBy(lease),
      })
    },

    /** Writes down that a request, which nobody works on, left the events queue without an outcome: 1 write unit. */
    giveUp: async ({ accountId, door, requestId }: AcceptedRequest, code: string): Promise<void> => {
      await table.update({
        pk: requestKey(accountId, door, requestId),
        set: { status: 'failed', code, updatedAt: now(), expiresAt: expiresAt() },
        condition: '#status = :queued',
        values: { queued: 'queued' },
      })
    },

    /**
     * Gives the requests of an id at one door, over some accounts and in their order: 1 read unit for each account.
     */
    find: async (
      accountIds: readonly string[],
      door: AcceptedRequest['door'],
      requestId: string,
    ): Promise<readonly RequestItem[]> => {
      const items = await table.getMany(accountIds.map((accountId) => requestKey(accountId, door, requestId)))
      const found = items.map((item) => z.parse(requestItem, item))
      return accountIds.flatMap((accountId) => found.filter((item) => item.accountId === accountId))
    },

    /** Gives the conversation that a consumer was last known to have: 1 read unit. */
    findConversation: async (accountId: string, lpConsumerId: string) => {
      const item = await table.get(consumerKey(accountId, lpConsumerId))
      return item && z.parse(consumerItem, item)
    },

    /** Writes down that a consumer's conversation is over, or in doubt: 1 write unit. */
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

const requestKey = (accountId: string, door: AcceptedRequest['door'], requestId: string) =>
  `request#${accountId}#${door}#${requestId}`

const consumerKey = (accountId: string, lpConsumerId: string) => `consumer#${accountId}#${lpConsumerId}`

const ownedBy = ({ leaseId }: Lease) => ({
  condition: '#leaseId = :leaseId AND #status = :opening',
  values: { leaseId, opening: 'opening' },
})

/** Gives what a request came to, or undefined while it is not over. */
export const toFinalOutcome = ({
  status,
  conversationId,
  code,
  messageStatus,
}: RequestItem): FinalOutcome | undefined => {
  const final = FINAL.find((name) => name === status)
  return (
    final && { status: final, conversationId, code: final === 'rejected' ? code : undefined, messageStatus }
  )
}
