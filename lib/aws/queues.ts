import type { MessageAttributeValue } from '@aws-sdk/client-sqs'
import { ServiceUnavailableError } from '../errors/errors.ts'
import type { AwsOptions } from './options.ts'

/** The maximum of `DelaySeconds` in SQS: 15 minutes. */
const MAX_DELAY_SECONDS = 900
/** The maximum of `VisibilityTimeout` in SQS: 12 hours. */
const MAX_VISIBILITY_SECONDS = 43_200

export interface QueuesOptions {
  readonly eventsQueueUrl: string
  readonly quarantineQueueUrl: string
  readonly aws: AwsOptions
}

/** Why a record is quarantined, stored as its message attributes. Contains no personal data. */
export interface QuarantineReason {
  readonly code: string
  readonly detail: string
  readonly requestId: string
}

export type Queues = ReturnType<typeof createQueues>

/**
 * Returns the operations on the events queue and the quarantine queue. Most form requests need no queue, so
 * the SQS client is loaded on first use.
 *
 * Every function throws {@link ServiceUnavailableError} if SQS fails.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
 */
export const createQueues = ({ eventsQueueUrl, quarantineQueueUrl, aws }: QueuesOptions) => {
  const load = async () => {
    const { SQSClient, SendMessageCommand, ChangeMessageVisibilityCommand } = await import(
      '@aws-sdk/client-sqs'
    )
    return { client: new SQSClient({ ...aws }), SendMessageCommand, ChangeMessageVisibilityCommand }
  }
  let loaded: ReturnType<typeof load> | undefined
  const sqs = () => {
    loaded ??= load()
    return loaded
  }

  return {
    /** Sends a body to the events queue, visible after `delayMs` milliseconds, 15 minutes at most. */
    send: async (body: string, delayMs: number): Promise<void> => {
      const { client, SendMessageCommand } = await sqs()
      await client
        .send(
          new SendMessageCommand({
            QueueUrl: eventsQueueUrl,
            MessageBody: body,
            DelaySeconds: Math.min(MAX_DELAY_SECONDS, Math.ceil(delayMs / 1000)),
          }),
        )
        .catch(throwUnavailable)
    },

    /** Sends a body that can never succeed to the quarantine queue. Its message attributes are the reason. */
    quarantine: async (body: string, { code, detail, requestId }: QuarantineReason): Promise<void> => {
      const { client, SendMessageCommand } = await sqs()
      await client
        .send(
          new SendMessageCommand({
            QueueUrl: quarantineQueueUrl,
            MessageBody: body,
            MessageAttributes: { code: text(code), detail: text(detail), requestId: text(requestId) },
          }),
        )
        .catch(throwUnavailable)
    },

    /** Makes a received record visible again after `delayMs` milliseconds, 12 hours at most. */
    delay: async (receiptHandle: string, delayMs: number): Promise<void> => {
      const { client, ChangeMessageVisibilityCommand } = await sqs()
      await client
        .send(
          new ChangeMessageVisibilityCommand({
            QueueUrl: eventsQueueUrl,
            ReceiptHandle: receiptHandle,
            VisibilityTimeout: Math.min(MAX_VISIBILITY_SECONDS, Math.ceil(delayMs / 1000)),
          }),
        )
        .catch(throwUnavailable)
    },
  }
}

const throwUnavailable = (cause: unknown): never => {
  throw new ServiceUnavailableError({ detail: 'The call to SQS failed.', cause })
}

const text = (value: string): MessageAttributeValue => ({ DataType: 'String', StringValue: value })
