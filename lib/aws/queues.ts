import { createHash } from 'node:crypto'
import type {
  ChangeMessageVisibilityCommandInput,
  MessageAttributeValue,
  SendMessageCommandInput,
} from '@aws-sdk/client-sqs'
import * as z from 'zod/mini'
import { ServiceUnavailableError } from '../errors/errors.ts'
import { createAwsCall } from './call.ts'
import type { AwsOptions } from './options.ts'

/** The maximum of `DelaySeconds` in SQS: 15 minutes. */
const MAX_DELAY_SECONDS = 900
/** One hour. SQS refuses a timeout that would end more than 12 hours after the record was received. */
const MAX_VISIBILITY_SECONDS = 3600
/** The maximum size of an SQS message, with its attributes: 1 MiB. */
const MAX_MESSAGE_BYTES = 1_048_576

/**
 * The queues that this service reads: `events` holds CRM events, `handOver` what the service sends to itself.
 */
export type QueueName = 'events' | 'handOver'

export interface QueueUrls {
  readonly eventsQueueUrl: string
  readonly handOverQueueUrl: string
  readonly quarantineQueueUrl: string
}

export interface QueuesOptions extends QueueUrls {
  readonly aws: AwsOptions
}

/** Why a record is quarantined, stored as its message attributes. Contains no personal data. */
export interface QuarantineReason {
  readonly code: string
  readonly detail: string
  readonly requestId: string
  /** The queue that a replay goes to, as operators know it. Default: not stored. */
  readonly queue?: 'events' | 'hand-over' | undefined
  /** How many attempts the service made. Default: not stored. */
  readonly attempts?: number | undefined
}

/** What the quarantine queue holds. */
export interface QuarantinedMessage {
  /** SQS's id of the quarantined message. */
  readonly messageId: string
  /** Whether the reason is in its attributes. False if body and reason together are too large for SQS. */
  readonly hasReason: boolean
}

export interface HandOverOptions {
  /** The body is visible after this many milliseconds, 15 minutes at most. */
  readonly delayMs: number
  /** The message group, for fair queues: 1 to 128 ASCII letters, digits and punctuation characters. */
  readonly group: string
}

export type Queues = ReturnType<typeof createQueues>

interface ToQueue {
  readonly QueueUrl: string
}

/** A queue's URL has the origin of its region's endpoint. */
const originOf = ({ QueueUrl }: ToQueue): string => new URL(QueueUrl).origin

const SQS = { name: 'sqs', target: 'AmazonSQS', headers: { 'x-amzn-query-mode': 'true' } } as const

const sent = z.object({ MessageId: z.string(), MD5OfMessageBody: z.optional(z.string()) })

/**
 * Returns the operations on the queues.
 *
 * Every function throws {@link ServiceUnavailableError} if SQS fails. Its `detail` names the operation.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
 */
export const createQueues = ({
  eventsQueueUrl,
  handOverQueueUrl,
  quarantineQueueUrl,
  aws,
}: QueuesOptions) => {
  const call = createAwsCall(SQS, aws)

  /** Returns the message's id. Like the SDK, compares the MD5 of what SQS has stored. */
  const send = async (input: SendMessageCommandInput & ToQueue): Promise<string> => {
    const answer = z.parse(sent, await call('SendMessage', input, originOf(input)))
    const { MessageId, MD5OfMessageBody: stored } = answer
    const body = createHash('md5')
      .update(input.MessageBody ?? '')
      .digest('hex')
    if (stored !== undefined && stored !== body) throw new Error('SQS has stored another body')
    return MessageId
  }

  const changeVisibility = (input: ChangeMessageVisibilityCommandInput & ToQueue) =>
    call('ChangeMessageVisibility', input, originOf(input))

  return {
    /**
     * Sends a body to the hand-over queue. Groups with few messages are not held up by those with many.
     *
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
     */
    handOver: async (body: string, { delayMs, group }: HandOverOptions): Promise<void> => {
      await send({
        QueueUrl: handOverQueueUrl,
        MessageBody: body,
        MessageGroupId: group,
        DelaySeconds: toSeconds(delayMs, MAX_DELAY_SECONDS),
      }).catch(throwUnavailable('SendMessage to the hand-over queue'))
    },

    /**
     * Sends a body to the quarantine queue. Its message attributes are the reason, unless they don't fit. The
     * caller then has to store the reason elsewhere.
     */
    quarantine: async (body: string, reason: QuarantineReason): Promise<QuarantinedMessage> => {
      const attributes = toAttributes(reason)
      const hasReason = sizeOf(body, attributes) <= MAX_MESSAGE_BYTES
      const messageId = await send({
        QueueUrl: quarantineQueueUrl,
        MessageBody: body,
        ...(hasReason && { MessageAttributes: attributes }),
      }).catch(throwUnavailable('SendMessage to the quarantine queue'))
      return { messageId, hasReason }
    },

    /** Makes a received record visible again after `delayMs` milliseconds, one hour at most. */
    delay: async (queue: QueueName, receiptHandle: string, delayMs: number): Promise<void> => {
      await changeVisibility({
        QueueUrl: queue === 'events' ? eventsQueueUrl : handOverQueueUrl,
        ReceiptHandle: receiptHandle,
        VisibilityTimeout: toSeconds(delayMs, MAX_VISIBILITY_SECONDS),
      }).catch(throwUnavailable(`ChangeMessageVisibility on the ${LABELS[queue]} queue`))
    },
  }
}

/**
 * Returns which queue a record came from. Only a record whose `eventSourceARN` names the hand-over queue is
 * from it.
 */
export const queueOf = (
  { handOverQueueUrl }: Pick<QueueUrls, 'handOverQueueUrl'>,
  eventSourceArn: string,
): QueueName => (lastPart(eventSourceArn, ':') === lastPart(handOverQueueUrl, '/') ? 'handOver' : 'events')

const lastPart = (text: string, separator: string) => text.slice(text.lastIndexOf(separator) + 1)

const LABELS = { events: 'events', handOver: 'hand-over' } as const satisfies Readonly<
  Record<QueueName, string>
>

const toSeconds = (ms: number, maximum: number) => Math.min(maximum, Math.ceil(ms / 1000))

const throwUnavailable =
  (operation: string) =>
  (cause: unknown): never => {
    throw new ServiceUnavailableError({ detail: `SQS ${operation} failed.`, cause })
  }

/** SQS accepts no empty attributes, so they are left out. */
const toAttributes = ({ code, detail, requestId, queue, attempts }: QuarantineReason) =>
  Object.fromEntries(
    [
      ['code', { DataType: 'String', StringValue: code }] as const,
      ['detail', { DataType: 'String', StringValue: detail }] as const,
      ['requestId', { DataType: 'String', StringValue: requestId }] as const,
      ['queue', { DataType: 'String', StringValue: queue ?? '' }] as const,
      ['attempts', { DataType: 'Number', StringValue: String(attempts ?? '') }] as const,
    ].filter(([, { StringValue }]) => StringValue !== ''),
  )

/**
 * Returns the size of a message in bytes, as SQS counts it: the body, and each attribute's name, type and
 * value.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
 */
const sizeOf = (body: string, attributes: Readonly<Record<string, MessageAttributeValue>>): number =>
  Object.entries(attributes)
    .flatMap(([name, { DataType = '', StringValue = '' }]) => [name, DataType, StringValue])
    .reduce((size, part) => size + Buffer.byteLength(part), Buffer.byteLength(body))
