import type { Message } from '@aws-sdk/client-sqs'
import * as z from 'zod'
import type { QueueName } from '../../lib/aws/queues.ts'
import type { StateTable } from '../../lib/aws/state-table.ts'
import type { StageConfig } from '../../lib/config/stage.ts'
import { type RequestKey, requestKey } from '../../lib/conversation/ledger-item.ts'
import { type ReadRecord, readRecord } from '../../lib/conversation/record.ts'
import { requestIdOf } from '../../lib/request/conversation-request.ts'
import { unwrap } from '../../lib/request/envelope.ts'
import { sha256 } from '../../lib/request/identity.ts'
import { isRecord, parseLenientJson } from '../../lib/request/lenient-json.ts'

/** The code of a record that has none, because SQS moved it. */
export const NO_CODE = 'none'

/** A message of the quarantine queue. */
export interface QuarantinedRecord {
  readonly messageId: string
  readonly body: string
  /** The queue that a replay returns it to. Never chosen by the look of the body. */
  readonly queue: QueueName
  /** {@link NO_CODE} if SQS moved it. */
  readonly code: string
  readonly detail: string
  readonly requestId: string
  /**
   * The account that the body names, or whose route it names, else the default account. Undefined if there is
   * none.
   */
  readonly accountId: string | undefined
  /** The key of the request's item in the ledger. Undefined if the body can't be read as a request. */
  readonly key: RequestKey | undefined
  /** Of the content. Undefined if the body can't be read as a request. */
  readonly fingerprint: string | undefined
  /** How many attempts were made. Undefined: none, or nobody counted. */
  readonly attempts: number | undefined
  /**
   * When it was quarantined, in milliseconds since the epoch. If SQS moved it: when it was sent to its first
   * queue.
   */
  readonly sentAt: number
}

/** The reason beside a message, in its attributes or in the state table. */
const reasonShape = z.object({
  code: z.string(),
  detail: z.string().default(''),
  requestId: z.string(),
  queue: z.enum(['events', 'hand-over']).optional(),
  attempts: z.coerce.number().optional(),
})

type Reason = z.infer<typeof reasonShape>

/**
 * Returns what a received message holds: 1 read unit if its reason was too large for its attributes.
 *
 * @param options.queueOf Returns which queue an ARN names.
 * @throws {ServiceUnavailableError} The reason is in the state table, which can't be read.
 */
export const readQuarantined = async (
  message: Message,
  {
    stage,
    table,
    queueOf,
    now,
  }: {
    readonly stage: StageConfig
    readonly table: StateTable
    readonly queueOf: (arn: string) => QueueName | undefined
    readonly now: number
  },
): Promise<QuarantinedRecord> => {
  const { MessageId: messageId = '', Body: body = '', Attributes = {} } = message
  const { SentTimestamp, DeadLetterQueueSourceArn: movedFrom } = Attributes
  // SQS keeps the attributes of a message that it moves. Its sender chose them.
  const reason = movedFrom === undefined ? await findReason(message, table) : undefined
  const queue = (movedFrom === undefined ? queueNamed(reason) : queueOf(movedFrom)) ?? 'events'
  const sentAt = Number(SentTimestamp ?? 0)
  const requestId = reason?.requestId ?? messageId
  const read = readRecord(stage, queue, { body, messageId: requestId, sentAt, now })
  const { code = NO_CODE, detail = MOVED, attempts } = reason ?? {}
  return {
    ...{ messageId, body, queue, code, detail, attempts, sentAt },
    requestId: read.kind === 'job' ? read.job.request.requestId : (read.ids?.requestId ?? requestId),
    key: keyOf(read),
    fingerprint: read.kind === 'job' ? read.job.request.fingerprint : undefined,
    accountId: keyOf(read)?.accountId ?? (read.kind === 'refused' ? read.event?.accountId : undefined),
  }
}

const MOVED = 'SQS moved it after 1,000 receives'

const queueNamed = (reason: Reason | undefined): QueueName =>
  reason?.queue === 'hand-over' ? 'handOver' : 'events'

const findReason = async (
  { MessageId = '', MessageAttributes = {} }: Message,
  table: StateTable,
): Promise<Reason | undefined> => {
  const told = Object.fromEntries(
    Object.entries(MessageAttributes).map(([name, { StringValue }]) => [name, StringValue]),
  )
  const given = told.code === undefined ? await table.get(`quarantined#${MessageId}`) : told
  return reasonShape.safeParse(given).data
}

const keyOf = (read: ReadRecord): RequestKey | undefined => {
  if (read.kind === 'refused') return read.ids
  const { accountId, door, vouchedBy, requestId } = read.job.request
  return { accountId, door, vouchedBy, requestId }
}

/** Returns what a body holds without its envelopes. Undefined if it can't be read. */
const contentOf = (body: string) => {
  try {
    const outer = parseLenientJson(body)
    const { input, eventId } = unwrap(outer)
    return { outer, input, eventId }
  } catch {
    // A message in an envelope that is not JSON. The record's code says so.
    return undefined
  }
}

/** Records with the same identity are copies: one of them is enough. */
export const identityOf = ({ queue, key, accountId, requestId, body }: QuarantinedRecord): string =>
  [queue, key ? requestKey(key) : `${accountId} ${requestId}`, sha256(body)].join('\n')

/** Returns what tells requests apart, as far as the records can be read. */
export const requestOf = ({ key, accountId, requestId }: QuarantinedRecord): string =>
  key ? requestKey(key) : `${accountId} ${requestId}`

/**
 * Returns the body that a replay sends. An event without an id of its own gets the one that it had:
 * otherwise, SQS would give it another one with each replay, and a second replay would open a second
 * conversation.
 */
export const toReplayBody = ({ body, queue, requestId }: QuarantinedRecord): string => {
  const content = queue === 'events' ? contentOf(body) : undefined
  if (!content || content.outer !== content.input || !isRecord(content.input)) return body
  const hasId = requestIdOf(content.input) !== undefined || content.eventId !== undefined
  if (hasId || Object.hasOwn(content.input, 'requestId')) return body
  return body.replace(/^(\s*)\{/, `$1{${JSON.stringify({ requestId }).slice(1, -1)},`)
}
