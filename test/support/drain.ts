import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { createQueues, type QueueName } from '../../lib/aws/queues.ts'
import { patient } from './aws-endpoint.ts'
import { deliver, type Service, toRecord, type World, withoutWaits } from './world.ts'

const QUEUES: readonly QueueName[] = ['events', 'handOver']

/**
 * Creates a container in which nothing waits. It has the simulator's clock, which its pauses move forward, and
 * what it hands over or puts off is visible at once.
 */
export const createPatientService = (
  world: World,
  options: Parameters<World['createService']>[0] = {},
): Service => {
  const { now, advance } = world.livePerson.clock
  const queues = withoutWaits(createQueues({ ...world.configOf(), aws: patient }))
  return world.createService({ aws: patient, now, sleep: async (ms) => advance(ms), queues, ...options })
}

/**
 * Delivers up to ten records of each queue to a service, once, as the event source mappings do. A record that
 * must be retried is visible again at once. Returns the number of records, and of those that failed.
 */
export const deliverWaiting = async (
  world: World,
  service: Service,
): Promise<{ readonly delivered: number; readonly failed: number }> => {
  const client = new SQSClient({})
  const urls = { events: world.sqs.eventsQueueUrl, handOver: world.sqs.handOverQueueUrl }
  let [delivered, failed] = [0, 0]
  try {
    for (const queue of QUEUES) {
      const QueueUrl = urls[queue]
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 0,
          MessageSystemAttributeNames: ['All'],
        }),
      )
      if (Messages.length === 0) continue
      delivered += Messages.length
      const { batchItemFailures } = await deliver(
        service,
        Messages.map(({ Body, MessageId = '', ReceiptHandle = '', Attributes = {} }) =>
          toRecord(Body, {
            queue,
            messageId: MessageId,
            receiptHandle: ReceiptHandle,
            attempt: Number(Attributes.ApproximateReceiveCount),
            sentAt: Number(Attributes.SentTimestamp),
          }),
        ),
      )
      const retried = new Set(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
      failed += retried.size
      for (const { MessageId = '', ReceiptHandle } of Messages)
        if (retried.has(MessageId))
          await client.send(
            new ChangeMessageVisibilityCommand({ QueueUrl, ReceiptHandle, VisibilityTimeout: 0 }),
          )
        else await client.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
    }
    return { delivered, failed }
  } finally {
    client.destroy()
  }
}

/**
 * Delivers the records of both queues to a service, without waits, until both are empty. Returns the number of
 * deliveries.
 *
 * The service uses the simulator's clock, which advances by a minute per round, so that leases expire.
 *
 * @param make Creates the service. Default: {@link createPatientService}.
 * @throws {Error} A queue is not empty after 500 rounds.
 */
export const drain = async (world: World, make?: () => Service): Promise<number> => {
  const service = make?.() ?? createPatientService(world)
  let delivered = 0
  for (let round = 0; round < 500; round++) {
    const depths = QUEUES.map((queue) => world.sqs.depth(queue))
    if (depths.every(({ ready, delayed, inFlight }) => ready + delayed + inFlight === 0)) return delivered
    if (depths.every(({ ready }) => ready === 0)) await new Promise((resolve) => setTimeout(resolve, 100))
    world.livePerson.clock.advance(60_000)
    delivered += (await deliverWaiting(world, service)).delivered
  }
  throw new Error('A queue is still not empty')
}
