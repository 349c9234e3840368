import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import type { Service } from '../support/world.ts'
import { deliver, toRecord, type World } from '../support/world.ts'

/**
 * Delivers the records of the events queue to a service, without waits, until the queue is empty. Returns the
 * number of deliveries.
 *
 * The service uses the simulator's clock, which advances by a minute per round, so that leases expire.
 *
 * @param make Creates the service. Default: an ordinary one.
 * @throws {Error} The queue is not empty after 500 rounds.
 */
export const drain = async (world: World, make?: () => Service): Promise<number> => {
  const client = new SQSClient({})
  const QueueUrl = world.sqs.eventsQueueUrl
  let delivered = 0
  const service = make?.() ?? world.createService({ now: world.livePerson.clock.now })
  try {
    for (let round = 0; round < 500; round++) {
      const { ready, delayed, inFlight } = world.sqs.depth('events')
      if (ready + delayed + inFlight === 0) return delivered
      world.livePerson.clock.advance(60_000)
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 1,
          MessageSystemAttributeNames: ['All'],
        }),
      )
      delivered += Messages.length
      const { batchItemFailures } = await deliver(
        service,
        Messages.map(({ Body = '', MessageId = '', ReceiptHandle = '' }) => ({
          ...toRecord(Body, { messageId: MessageId }),
          receiptHandle: ReceiptHandle,
        })),
      )
      const failed = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
      for (const { MessageId = '', ReceiptHandle } of Messages)
        if (failed.has(MessageId))
          await client.send(
            new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }),
          )
        else await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
    }
    throw new Error('The events queue is still not empty')
  } finally {
    client.destroy()
  }
}
