/** The outcome events: what is read from the items of the state table, and what an event contains. */
import * as z from 'zod/mini'
import type { Item } from '../aws/state-table.ts'
import { leftOutOf } from './left-out.ts'

/** The source of all outcome events. */
export const OUTCOME_SOURCE = 'campaign-conversations'

/** The keys of the items that have outcomes start with one of these. */
export const OUTCOME_KEYS = ['request#', 'refused#'] as const

/** The detail type of the event about each status. */
const TYPES = {
  opened: 'Conversation Opened',
  existing: 'Conversation Existing',
  rejected: 'Conversation Request Rejected',
  outcome_unknown: 'Conversation Outcome Unknown',
  failed: 'Conversation Request Failed',
} as const

/** What has happened. */
export type DetailType =
  | (typeof TYPES)[keyof typeof TYPES]
  | 'Conversation Message Updated'
  | 'Conversation Updated'
  | 'Conversation Closed'

const text = z.optional(z.string())

/**
 * An item that has an outcome: a request, or a CRM event that was refused before its claim. Readers outside
 * the doors, such as the stream's function and the commands, parse items with this shape.
 */
export const outcomeItem = z.object({
  pk: z.string(),
  requestId: text,
  messageId: text,
  accountId: z.string(),
  door: z.enum(['form', 'queue']),
  status: z.enum(['opened', 'existing', 'rejected', 'outcome_unknown', 'failed']),
  conversationId: text,
  code: text,
  messageStatus: text,
  messageCode: text,
  closedAt: z.optional(z.number()),
  campaignId: text,
  engagementId: text,
  route: text,
  warnings: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
  facts: z.optional(
    z.object({
      profileRefused: z.optional(z.literal(true)),
      languageRefused: z.optional(z.literal(true)),
    }),
  ),
  /** Counts what was published about the request. */
  outcomeNumber: z.number(),
  /** When that was written, in milliseconds since the epoch. Undefined: with the item's latest write. */
  outcomeAt: z.optional(z.number()),
  updatedAt: z.number(),
})

export type OutcomeItem = z.infer<typeof outcomeItem>

/** The same item before a write. It may have had no outcome. */
const itemBefore = z.object({
  status: text,
  conversationId: text,
  closedAt: z.optional(z.number()),
  outcomeNumber: z.optional(z.number()),
})

type ItemBefore = z.infer<typeof itemBefore>

/** The content of an event. It has no personal data. */
export interface OutcomeDetail {
  readonly version: 1
  /** Counts the outcomes of this request, without gaps. */
  readonly sequence: number
  readonly requestId?: string | undefined
  /** The SQS message id of an event that was refused before its claim. */
  readonly messageId?: string | undefined
  readonly accountId: string
  readonly door: 'form' | 'queue'
  readonly status: OutcomeItem['status']
  readonly conversationId?: string | undefined
  readonly code?: string | undefined
  readonly messageStatus?: string | undefined
  readonly messageCode?: string | undefined
  readonly campaignId?: string | undefined
  readonly engagementId?: string | undefined
  readonly route?: string | undefined
  /** When the conversation was closed. ISO 8601, as all times. */
  readonly closedAt?: string | undefined
  readonly occurredAt: string
  readonly warnings?: readonly { readonly path: string; readonly message: string }[] | undefined
}

export interface OutcomeEvent {
  readonly detailType: DetailType
  readonly detail: OutcomeDetail
}

/**
 * Returns the event about an item's current outcome.
 *
 * @param before The item before the write that raised its number. Undefined: the write isn't known, as when
 *   events are published again from the table. The type is then that of the status or closing.
 */
export const toOutcomeEvent = (item: OutcomeItem, before?: ItemBefore): OutcomeEvent => {
  const { requestId, messageId, accountId, door, status, conversationId, code, ...told } = item
  const { messageStatus, messageCode, campaignId, engagementId, route, closedAt } = told
  const warnings = leftOutOf(item.warnings ?? [], item.facts ?? {})
  return {
    detailType: typeOf(item, before),
    detail: {
      version: 1,
      sequence: item.outcomeNumber,
      ...{ requestId, messageId, accountId, door, status, conversationId, code },
      ...{ messageStatus, messageCode, campaignId, engagementId, route },
      closedAt: closedAt === undefined ? undefined : toIso(closedAt),
      occurredAt: toIso(item.outcomeAt ?? item.updatedAt),
      warnings: warnings.length > 0 ? warnings : undefined,
    },
  }
}

/**
 * Returns the event of a write. Undefined: the write changed no outcome.
 *
 * @param after The item after the write. Undefined: it was deleted.
 * @param before The item before the write. Undefined: it was new.
 * @throws {Error} The item can't be read.
 */
export const outcomeOfWrite = (
  after: Item | undefined,
  before: Item | undefined,
): OutcomeEvent | undefined => {
  const pk = String(after?.pk)
  if (after === undefined || !OUTCOME_KEYS.some((prefix) => pk.startsWith(prefix))) return undefined
  const old = z.parse(itemBefore, before ?? {})
  if (Number(after.outcomeNumber ?? 0) <= (old.outcomeNumber ?? 0)) return undefined
  return toOutcomeEvent(z.parse(outcomeItem, after), old)
}

const typeOf = ({ status, conversationId, closedAt }: OutcomeItem, before?: ItemBefore): DetailType => {
  if (before === undefined) return closedAt === undefined ? TYPES[status] : 'Conversation Closed'
  if (status !== before.status)
    return before.status === 'outcome_unknown' && (status === 'opened' || status === 'existing')
      ? 'Conversation Updated'
      : TYPES[status]
  if (status !== 'opened' && status !== 'existing') return TYPES[status]
  if (closedAt !== before.closedAt) return 'Conversation Closed'
  return conversationId === before.conversationId ? 'Conversation Message Updated' : 'Conversation Updated'
}

const toIso = (time: number): string => new Date(time).toISOString()

const outcomeDetail = z.object({
  version: z.literal(1),
  sequence: z.number(),
  requestId: text,
  messageId: text,
  accountId: z.string(),
  door: outcomeItem.shape.door,
  status: outcomeItem.shape.status,
  ...{ conversationId: text, code: text, messageStatus: text, messageCode: text },
  ...{ campaignId: text, engagementId: text, route: text, closedAt: text },
  occurredAt: z.string(),
  warnings: outcomeItem.shape.warnings,
})
const busEvent = z.object({
  source: z.literal(OUTCOME_SOURCE),
  'detail-type': z.enum([
    ...Object.values(TYPES),
    'Conversation Message Updated',
    'Conversation Updated',
    'Conversation Closed',
  ]),
  detail: outcomeDetail,
})

/** Returns an event of EventBridge as an outcome event. Undefined: it is none, or of another version. */
export const readOutcomeEvent = (event: unknown): OutcomeEvent | undefined => {
  const { data } = z.safeParse(busEvent, event)
  return data && { detailType: data['detail-type'], detail: data.detail }
}

/** Returns an event as one line for people. */
export const describeOutcome = ({ detailType, detail }: OutcomeEvent): string => {
  const { requestId, messageId, accountId, door, status, code, conversationId, ...told } = detail
  const { messageStatus, messageCode, sequence, occurredAt } = told
  const id = requestId ?? `message ${messageId}`
  const why = code === undefined || code === status ? '' : ` (${code})`
  const message =
    messageStatus === undefined ? '' : `, message ${messageStatus}${messageCode ? ` (${messageCode})` : ''}`
  const conversation = conversationId === undefined ? '' : ` ${conversationId}`
  return `${occurredAt}  ${detailType}  ${accountId} ${door} ${id} #${sequence}: ${status}${why}${conversation}${message}`
}
