import type { MessageAttributeValue } from '@aws-sdk/client-sqs'
import { ServiceUnavailableError } from '../errors/errors.ts'
import type { AwsOptions } from './options.ts'

/** SQS keeps a message back for 15 minutes at most. */
const MAX_DELAY_SECONDS = 900
const MAX_VISIBILITY_SECONDS = 43_200

/** Why a record is in the quarantine queue: its message attributes. Nothing of it is personal. */
export interface QuarantineReason {
  readonly code: string
  readonly detail: string
  readonly requestId: string
}

/**
 * The events queue and the quarantine queue. The SQS client is loaded when it is first used: most form submits never
 * need it.
 *
 * Every function throws ServiceUnavailableError where SQS doesn't do its work.
 */
export const createQueues = (
  urls: { readonly eventsQueueUrl: string; readonly quarantineQueueUrl: string },
  aws: AwsOptions,
) => {
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
    /** Puts a body on the events queue, to be seen after some milliseconds. */
    send: async (body: string, delayMs: number): Promise<void> => {
      const { client, SendMessageCommand } = await sqs()
      await client
        .send(
          new SendMessageCommand({
            QueueUrl: urls.eventsQueueUrl,
            MessageBody: body,
            DelaySeconds: Math.min(MAX_DELAY_SECONDS, Math.ceil(delayMs / 1000)),
          }),
        )
        .catch(unavailable)
    },

    /** Puts a body that can never succeed aside, with the reason beside it. */
    quarantine: async (body: string, { code, detail, requestId }: QuarantineReason): Promise<void> => {
      const { client, SendMessageCommand } = await sqs()
      await client
        .send(
          new SendMessageCommand({
            QueueUrl: urls.quarantineQueueUrl,
            MessageBody: body,
            MessageAttributes: { code: text(code), detail: text(detail), requestId: text(requestId) },
          }),
        )
        .catch(unavailable)
    },

    /** Lets a record of the events queue be seen again after some milliseconds. */
    delay: async (receiptHandle: string, delayMs: number): Promise<void> => {
      const { client, ChangeMessageVisibilityCommand } = await sqs()
      await client
        .send(
          new ChangeMessageVisibilityCommand({
            QueueUrl: urls.eventsQueueUrl,
            ReceiptHandle: receiptHandle,
            VisibilityTimeout: Math.min(MAX_VISIBILITY_SECONDS, Math.ceil(delayMs / 1000)),
          }),
        )
        .catch(unavailable)
    },
  }
}

const unavailable = (cause: unknown): never => {
  throw new ServiceUnavailableError({ detail: 'SQS does not answer.', cause })
}

const text = (value: string): MessageAttributeValue => ({ DataType: 'String', StringValue: value })
