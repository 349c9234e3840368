import {
  type Message,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createQueues, type Queues, queueOf } from '../../../lib/aws/queues.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { type LocalSqs, startSqs } from '../../../local/aws/sqs.ts'
import { findFreePorts } from '../../../local/net/listen.ts'
import { type AwsAnswer, patient, startAwsEndpoint } from '../../support/aws-endpoint.ts'

let sqs: LocalSqs
let endpoint: Awaited<ReturnType<typeof startAwsEndpoint>>
let client: SQSClient
/** What the endpoint answers instead of SQS. */
let answer: AwsAnswer | 'silence' | undefined
/** The input of each request since the last test. */
const asked: unknown[] = []

beforeAll(async () => {
  sqs = await startSqs()
  endpoint = await startAwsEndpoint({
    behind: sqs.url,
    answer: (_, input) => {
      asked.push(input)
      return answer ?? 'forward'
    },
  })
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_SQS: endpoint.url,
  })
  client = new SQSClient({ endpoint: sqs.url })
})
afterEach(async () => {
  answer = undefined
  asked.length = 0
  endpoint.take()
  for (const url of [sqs.eventsQueueUrl, sqs.handOverQueueUrl, sqs.quarantineQueueUrl]) await receiveAll(url)
})
afterAll(async () => {
  client.destroy()
  await Promise.all([endpoint.close(), sqs.close()])
})

const create = (aws = patient): Queues =>
  createQueues({
    eventsQueueUrl: atEndpoint(sqs.eventsQueueUrl),
    handOverQueueUrl: atEndpoint(sqs.handOverQueueUrl),
    quarantineQueueUrl: atEndpoint(sqs.quarantineQueueUrl),
    aws,
  })
/** The SDK sends a request to the host of its queue's URL. */
const atEndpoint = (queueUrl: string) => queueUrl.replace(sqs.url, endpoint.url)

const receive = async (
  QueueUrl: string,
  options: Partial<ReceiveMessageCommandInput> = {},
): Promise<readonly Message[]> => {
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({
      QueueUrl,
      MaxNumberOfMessages: 10,
      WaitTimeSeconds: 0,
      MessageAttributeNames: ['All'],
      ...options,
    }),
  )
  return Messages
}
const receiveAll = async (QueueUrl: string) => {
  while ((await receive(QueueUrl)).length > 0);
}

const BODY = '{"accountId":"70123456","consumer":{"firstName":"Žofie 🦊"}}'
const REASON = {
  code: 'liveperson_rejected',
  detail: 'LivePerson refused to open it.',
  requestId: 'crm-81723',
}

const GROUP = '70123456:form'

describe('handOver', () => {
  test('puts the body on the hand-over queue as it is, visible at once', async () => {
    await create().handOver(BODY, { delayMs: 0, group: GROUP })
    const [message] = await receive(sqs.handOverQueueUrl)
    expect(message?.Body).toBe(BODY)
    expect(message?.MessageAttributes).toBeUndefined()
    expect([sqs.depth('events').ready, sqs.depth('quarantine').ready]).toEqual([0, 0])
  })

  test('delays the body', async () => {
    await create().handOver(BODY, { delayMs: 60_000, group: GROUP })
    expect(sqs.depth('handOver')).toMatchObject({ ready: 0, delayed: 1 })
    expect(await receive(sqs.handOverQueueUrl)).toEqual([])
  })

  test.each([
    [0, 0],
    [1, 1],
    [1000, 1],
    [1001, 2],
    [899_001, 900],
    [900_000, 900],
    [900_001, 900],
    [86_400_000, 900],
  ])('a delay of %i ms is %i s, rounded up, 15 minutes at most', async (delayMs, DelaySeconds) => {
    await create().handOver(BODY, { delayMs, group: GROUP })
    expect(asked).toEqual([
      {
        QueueUrl: atEndpoint(sqs.handOverQueueUrl),
        MessageBody: BODY,
        MessageGroupId: GROUP,
        DelaySeconds,
      },
    ])
    expect(endpoint.take()).toEqual(['SendMessage'])
  })
})

describe('quarantine', () => {
  test('puts the body on the quarantine queue as it is, with the reason in its attributes', async () => {
    const quarantined = await create().quarantine(BODY, REASON)
    const [message] = await receive(sqs.quarantineQueueUrl)
    expect(quarantined).toEqual({ messageId: message?.MessageId, hasReason: true })
    expect(message?.Body).toBe(BODY)
    expect(message?.MessageAttributes).toMatchObject({
      code: { DataType: 'String', StringValue: REASON.code },
      detail: { DataType: 'String', StringValue: REASON.detail },
      requestId: { DataType: 'String', StringValue: REASON.requestId },
    })
    expect(Object.keys(message?.MessageAttributes ?? {})).toHaveLength(3)
    expect([sqs.depth('events').ready, sqs.depth('handOver').ready]).toEqual([0, 0])
    expect(endpoint.take()).toEqual(['SendMessage'])
  })

  test('the reason may include the number of attempts', async () => {
    await create().quarantine(BODY, { ...REASON, attempts: 12 })
    const [message] = await receive(sqs.quarantineQueueUrl)
    expect(message?.MessageAttributes?.attempts).toEqual({ DataType: 'Number', StringValue: '12' })
  })

  test('the reason may include the queue that a replay goes to', async () => {
    await create().quarantine(BODY, { ...REASON, queue: 'hand-over' })
    const [message] = await receive(sqs.quarantineQueueUrl)
    expect(message?.MessageAttributes?.queue).toEqual({ DataType: 'String', StringValue: 'hand-over' })
  })

  test('leaves out what is empty, because SQS refuses empty attributes', async () => {
    await create().quarantine(BODY, { ...REASON, requestId: '', attempts: undefined })
    const [message] = await receive(sqs.quarantineQueueUrl)
    expect(Object.keys(message?.MessageAttributes ?? {}).toSorted()).toEqual(['code', 'detail'])
  })

  describe('of a body of up to 1 MiB', () => {
    const LIMIT = 1_048_576
    const attributes = Object.entries({ ...REASON, attempts: '7' })
    // The type of `attempts`, Number, is as long as String.
    const attributesSize = attributes.reduce(
      (size, [name, value]) => size + Buffer.byteLength(name + value) + 'String'.length,
      0,
    )

    test.each([
      ['a reason that just fits', LIMIT - attributesSize, true],
      ['a reason that is one byte too long', LIMIT - attributesSize + 1, false],
      ['no room for a reason', LIMIT, false],
    ])('with %s', async (_, length, hasReason) => {
      // Two bytes per character, so that characters and bytes differ.
      const body = `${'ø'.repeat(Math.floor(length / 2))}${'x'.repeat(length % 2)}`
      const quarantined = await create().quarantine(body, { ...REASON, attempts: 7 })
      const [message] = await receive(sqs.quarantineQueueUrl)
      expect(message?.Body === body).toBe(true)
      expect(quarantined).toEqual({ messageId: message?.MessageId, hasReason })
      expect(Object.keys(message?.MessageAttributes ?? {})).toHaveLength(hasReason ? 4 : 0)
    })
  })
})

describe('delay', () => {
  const QUEUES = ['events', 'handOver'] as const
  const urlOf = (queue: (typeof QUEUES)[number]) =>
    queue === 'events' ? sqs.eventsQueueUrl : sqs.handOverQueueUrl
  const receiveOne = async (queue: (typeof QUEUES)[number]) => {
    await client.send(new SendMessageCommand({ QueueUrl: urlOf(queue), MessageBody: BODY }))
    const [message] = await receive(urlOf(queue))
    return message?.ReceiptHandle ?? ''
  }

  describe.each(QUEUES)('%s', (queue) => {
    test('makes a received record visible again at once', async () => {
      await create().delay(queue, await receiveOne(queue), 0)
      const [message] = await receive(urlOf(queue))
      expect(message?.Body).toBe(BODY)
    })

    test('makes a received record visible again later', async () => {
      await create().delay(queue, await receiveOne(queue), 2000)
      expect(await receive(urlOf(queue))).toEqual([])
      const [message] = await receive(urlOf(queue), { WaitTimeSeconds: 10 })
      expect(message?.Body).toBe(BODY)
    })

    test.each([
      [0, 0],
      [1, 1],
      [1001, 2],
      [3_600_000, 3600],
      [3_600_001, 3600],
      [43_200_000, 3600],
    ])('a delay of %i ms is %i s, rounded up, one hour at most', async (delayMs, VisibilityTimeout) => {
      const ReceiptHandle = await receiveOne(queue)
      await create().delay(queue, ReceiptHandle, delayMs)
      expect(asked).toEqual([{ QueueUrl: atEndpoint(urlOf(queue)), ReceiptHandle, VisibilityTimeout }])
    })
  })
})

describe('queueOf', () => {
  const handOverQueueUrl = 'https://sqs.eu-west-1.amazonaws.com/123456789012/service-dev-hand-over'

  test.each([
    ['the hand-over queue', 'arn:aws:sqs:eu-west-1:123456789012:service-dev-hand-over', 'handOver'],
    ['the events queue', 'arn:aws:sqs:eu-west-1:123456789012:service-dev-events', 'events'],
    [
      'a queue whose name only ends the same',
      'arn:aws:sqs:eu-west-1:123456789012:x-service-dev-hand-over',
      'events',
    ],
    ['no queue', '', 'events'],
  ])('a record from %s', (_, arn, queue) => {
    expect(queueOf({ handOverQueueUrl }, arn)).toBe(queue)
  })
})

test('the functions share one client', async () => {
  const queues = create()
  await Promise.all([queues.handOver(BODY, { delayMs: 0, group: GROUP }), queues.quarantine(BODY, REASON)])
  expect(endpoint.take()).toEqual(['SendMessage', 'SendMessage'])
})

describe('each function throws ServiceUnavailableError', () => {
  const handOver = (queues: Queues) => queues.handOver(BODY, { delayMs: 0, group: GROUP })
  const calls: readonly [string, (queues: Queues) => Promise<unknown>, string][] = [
    ['handOver', handOver, 'SQS SendMessage to the hand-over queue failed.'],
    [
      'quarantine',
      (queues) => queues.quarantine(BODY, REASON),
      'SQS SendMessage to the quarantine queue failed.',
    ],
    [
      'delay of an event',
      (queues) => queues.delay('events', 'receipt', 0),
      'SQS ChangeMessageVisibility on the events queue failed.',
    ],
    [
      'delay of a hand-over',
      (queues) => queues.delay('handOver', 'receipt', 0),
      'SQS ChangeMessageVisibility on the hand-over queue failed.',
    ],
  ]
  const error = (name: string, status = 400): AwsAnswer => ({
    status,
    body: { __type: `com.amazonaws.sqs#${name}`, message: 'secret-words' },
  })

  describe.each(calls)('%s', (_, call, message) => {
    test.each<[string, AwsAnswer | 'silence']>([
      ['throttling', error('RequestThrottled')],
      ['an unknown queue', error('QueueDoesNotExist')],
      ['a missing permission', error('AccessDeniedException', 403)],
      ['an error of SQS', error('InternalFailure', 500)],
      ['an answer that is not JSON', { status: 503, body: '<html>' }],
      ['silence', 'silence'],
    ])('%s', async (_name, given) => {
      answer = given
      const once = { ...patient, maxAttempts: 1, timeoutMs: 200 }
      const thrown = await call(create(once)).catch((reason: unknown) => reason)
      expect(thrown).toBeInstanceOf(ServiceUnavailableError)
      expect(thrown).toMatchObject({ message, cause: expect.any(Error) })
      expect(String(thrown)).not.toContain('secret-words')
      expect(endpoint.take()).toHaveLength(1)
    })

    test('no connection', async () => {
      const [port] = await findFreePorts(1)
      const nowhere = `http://127.0.0.1:${port}/000000000000/events`
      const queues = createQueues({
        eventsQueueUrl: nowhere,
        handOverQueueUrl: nowhere,
        quarantineQueueUrl: nowhere,
        aws: patient,
      })
      process.env.AWS_ENDPOINT_URL_SQS = `http://127.0.0.1:${port}`
      try {
        await expect(call(queues)).rejects.toBeInstanceOf(ServiceUnavailableError)
      } finally {
        process.env.AWS_ENDPOINT_URL_SQS = endpoint.url
      }
    })
  })

  test('a receipt handle that SQS does not know', async () => {
    await expect(create().delay('events', 'unknown', 0)).rejects.toBeInstanceOf(ServiceUnavailableError)
  })

  test('an answer with another body’s checksum', async () => {
    answer = { status: 200, body: { MessageId: '1', MD5OfMessageBody: '0'.repeat(32) } }
    await expect(handOver(create())).rejects.toBeInstanceOf(ServiceUnavailableError)
  })
})
