import {
  ChangeMessageVisibilityBatchCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  GetQueueUrlCommand,
  type Message,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import type { QueueName } from '../../lib/aws/queues.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'

/** How long one ReceiveMessage waits for messages, in seconds. A wait asks all of SQS's servers. */
const WAIT_SECONDS = 1
/** The most messages of one request to SQS. */
export const BATCH_SIZE = 10

/** The names or URLs of the three queues. */
export type QueueAddresses = Readonly<Record<QueueName | 'quarantine', string>>

export type QuarantineQueue = Awaited<ReturnType<typeof openQuarantineQueue>>

/**
 * Returns the operations on the quarantine queue that a command needs.
 *
 * Every function throws ServiceUnavailableError if SQS fails. Its `detail` names the operation.
 *
 * @param options.queues The name of each queue, or its URL.
 */
export const openQuarantineQueue = async ({
  queues,
  region,
}: {
  readonly queues: QueueAddresses
  readonly region: string
}) => {
  const sqs = new SQSClient({
    region,
    maxAttempts: 3,
    // A variable can name another endpoint than the one in a queue's URL.
    useQueueUrlAsEndpoint: false,
  })

  const urlOf = async (queue: keyof QueueAddresses): Promise<string> => {
    const address = queues[queue]
    if (/^https?:/.test(address)) return address
    const { QueueUrl = '' } = await sqs
      .send(new GetQueueUrlCommand({ QueueName: address }))
      .catch(throwUnavailable(`GetQueueUrl of ${address}`))
    return QueueUrl
  }
  const urls = {
    quarantine: await urlOf('quarantine'),
    events: await urlOf('events'),
    handOver: await urlOf('handOver'),
  }

  return {
    /** Returns which of the two queues an ARN names. Undefined: neither. */
    nameOf: (arn: string): QueueName | undefined => {
      const name = lastPart(arn, ':')
      return (['events', 'handOver'] as const).find((queue) => lastPart(urls[queue], '/') === name)
    },

    /** Receives up to ten messages, and hides them from others for some seconds. */
    receive: async (hiddenSeconds: number): Promise<readonly Message[]> => {
      const { Messages = [] } = await sqs
        .send(
          new ReceiveMessageCommand({
            QueueUrl: urls.quarantine,
            MaxNumberOfMessages: BATCH_SIZE,
            WaitTimeSeconds: WAIT_SECONDS,
            VisibilityTimeout: hiddenSeconds,
            MessageAttributeNames: ['All'],
            MessageSystemAttributeNames: ['All'],
          }),
        )
        .catch(throwUnavailable('ReceiveMessage on the quarantine queue'))
      return Messages
    },

    /**
     * Hides received messages for some seconds from now, ten at most. 0: they are visible at once.
     *
     * @returns The handles for which this failed, since the message was received by someone else, or is gone.
     */
    hide: async (handles: readonly string[], seconds: number): Promise<readonly string[]> => {
      const { Failed = [] } = await sqs
        .send(
          new ChangeMessageVisibilityBatchCommand({
            QueueUrl: urls.quarantine,
            Entries: handles.map((ReceiptHandle, index) => ({
              Id: String(index),
              ReceiptHandle,
              VisibilityTimeout: seconds,
            })),
          }),
        )
        .catch(throwUnavailable('ChangeMessageVisibility on the quarantine queue'))
      return Failed.flatMap(({ Id }) => handles[Number(Id)] ?? [])
    },

    /** Deletes a received message. */
    remove: async (handle: string): Promise<void> => {
      await sqs
        .send(new DeleteMessageCommand({ QueueUrl: urls.quarantine, ReceiptHandle: handle }))
        .catch(throwUnavailable('DeleteMessage on the quarantine queue'))
    },

    /**
     * Sends a body to one of the service's queues, and returns the new message's id.
     *
     * @param group The message group, for fair queues. Undefined: none.
     */
    send: async (queue: QueueName, body: string, group: string | undefined): Promise<string> => {
      const { MessageId = '' } = await sqs
        .send(
          new SendMessageCommand({
            QueueUrl: urls[queue],
            MessageBody: body,
            ...(group !== undefined && { MessageGroupId: group }),
          }),
        )
        .catch(throwUnavailable(`SendMessage to the ${LABELS[queue]} queue`))
      return MessageId
    },

    /** Returns how many messages of the quarantine queue are hidden, because somebody has received them. */
    countHidden: async (): Promise<number> => {
      const { Attributes } = await sqs
        .send(
          new GetQueueAttributesCommand({
            QueueUrl: urls.quarantine,
            AttributeNames: ['ApproximateNumberOfMessagesNotVisible'],
          }),
        )
        .catch(throwUnavailable('GetQueueAttributes of the quarantine queue'))
      return Number(Attributes?.ApproximateNumberOfMessagesNotVisible ?? 0)
    },

    close: () => sqs.destroy(),
  }
}

/** What operators call the queues. */
export const LABELS = { events: 'events', handOver: 'hand-over' } as const satisfies Readonly<
  Record<QueueName, string>
>

const lastPart = (text: string, separator: string) => text.slice(text.lastIndexOf(separator) + 1)

const throwUnavailable =
  (operation: string) =>
  (cause: unknown): never => {
    throw new ServiceUnavailableError({ detail: `SQS ${operation} failed.`, cause })
  }
