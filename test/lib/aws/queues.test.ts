import {
  type Message,
  ReceiveMessageCommand,
  type ReceiveMessageCommandInput,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createQueues, type Queues } from '../../../lib/aws/queues.ts'
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
  await receiveAll(sqs.eventsQueueUrl)
  await receiveAll(sqs.quarantineQueueUrl)
})
afterAll(async () => {
  client.destroy()
  await Promise.all([endpoint.close(), sqs.close()])
})

const create = (aws = patient): Queues =>
  createQueues({
    eventsQueueUrl: atEndpoint(sqs.eventsQueueUrl),
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

describe('send', () => {
  test('puts the body on the events queue as it is, visible at once', async () => {
    await create().send(BODY, 0)
    const [message] = await receive(sqs.eventsQueueUrl)
    expect(message?.Body).toBe(BODY)
    expect(message?.MessageAttributes).toBeUndefined()
    expect(sqs.depth('quarantine')).toEqual({ ready: 0, delayed: 0, inFlight: 0 })
  })

  test('delays the body', async () => {
    await create().send(BODY, 60_000)
    expect(sqs.depth('events')).toMatchObject({ ready: 0, delayed: 1 })
    expect(await receive(sqs.eventsQueueUrl)).toEqual([])
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
    await create().send(BODY, delayMs)
    expect(asked).toEqual([{ QueueUrl: atEndpoint(sqs.eventsQueueUrl), MessageBody: BODY, DelaySeconds }])
    expect(endpoint.take()).toEqual(['SendMessage'])
  })
})

describe('quarantine', () => {
  test('puts the body on the quarantine queue as it is, with the reason in its attributes', async () => {
    await create().quarantine(BODY, REASON)
    const [message] = await receive(sqs.quarantineQueueUrl)
    expect(message?.Body).toBe(BODY)
    expect(message?.MessageAttributes).toMatchObject({
      code: { DataType: 'String', StringValue: REASON.code },
      detail: { DataType: 'String', StringValue: REASON.detail },
      requestId: { DataType: 'String', StringValue: REASON.requestId },
    })
    expect(Object.keys(message?.MessageAttributes ?? {})).toHaveLength(3)
    expect(sqs.depth('events').ready).toBe(0)
    expect(endpoint.take()).toEqual(['SendMessage'])
  })
})

describe('delay', () => {
  const receiveOne = async () => {
    await create().send(BODY, 0)
    const [message] = await receive(sqs.eventsQueueUrl)
    asked.length = 0
    return message?.ReceiptHandle ?? ''
  }

  test('makes a received record visible again at once', async () => {
    await create().delay(await receiveOne(), 0)
    const [message] = await receive(sqs.eventsQueueUrl)
    expect(message?.Body).toBe(BODY)
  })

  test('makes a received record visible again later', async () => {
    await create().delay(await receiveOne(), 2000)
    expect(await receive(sqs.eventsQueueUrl)).toEqual([])
    const [message] = await receive(sqs.eventsQueueUrl, { WaitTimeSeconds: 10 })
    expect(message?.Body).toBe(BODY)
  })

  test.each([
    [0, 0],
    [1, 1],
    [1001, 2],
    [43_200_000, 43_200],
    [43_200_001, 43_200],
  ])('a delay of %i ms is %i s, rounded up, 12 hours at most', async (delayMs, VisibilityTimeout) => {
    const ReceiptHandle = await receiveOne()
    // SQS refuses more than is left of 12 hours since the record was received.
    answer = { status: 200, body: {} }
    await create().delay(ReceiptHandle, delayMs)
    expect(asked).toEqual([{ QueueUrl: atEndpoint(sqs.eventsQueueUrl), ReceiptHandle, VisibilityTimeout }])
  })
})

test('the functions share one client', async () => {
  const queues = create()
  await Promise.all([queues.send(BODY, 0), queues.quarantine(BODY, REASON)])
  expect(endpoint.take()).toEqual(['SendMessage', 'SendMessage'])
})

describe('each function throws ServiceUnavailableError', () => {
  const calls: readonly [string, (queues: Queues) => Promise<void>][] = [
    ['send', (queues) => queues.send(BODY, 0)],
    ['quarantine', (queues) => queues.quarantine(BODY, REASON)],
    ['delay', (queues) => queues.delay('receipt', 0)],
  ]
  const error = (name: string, status = 400): AwsAnswer => ({
    status,
    body: { __type: `com.amazonaws.sqs#${name}`, message: 'secret-words' },
  })

  describe.each(calls)('%s', (_, call) => {
    test.each<[string, AwsAnswer | 'silence']>([
      ['throttling', error('RequestThrottled')],
      ['an unknown queue', error('QueueDoesNotExist')],
      ['a missing permission', error('AccessDeniedException', 403)],
      ['an error of SQS', error('InternalFailure', 500)],
      ['an answer that is not JSON', { status: 503, body: '<html>' }],
      ['silence', 'silence'],
    ])('%s', async (_name, given) => {
      answer = given
      const once = { maxAttempts: 1, requestHandler: { requestTimeout: 200, throwOnRequestTimeout: true } }
      const thrown = await call(create(once)).catch((reason: unknown) => reason)
      expect(thrown).toBeInstanceOf(ServiceUnavailableError)
      expect(thrown).toMatchObject({ message: 'The call to SQS failed.', cause: expect.any(Error) })
      expect(String(thrown)).not.toContain('secret-words')
      expect(endpoint.take()).toHaveLength(1)
    })

    test('no connection', async () => {
      const [port] = await findFreePorts(1)
      const nowhere = `http://127.0.0.1:${port}/000000000000/events`
      const queues = createQueues({ eventsQueueUrl: nowhere, quarantineQueueUrl: nowhere, aws: patient })
      process.env.AWS_ENDPOINT_URL_SQS = `http://127.0.0.1:${port}`
      try {
        await expect(call(queues)).rejects.toBeInstanceOf(ServiceUnavailableError)
      } finally {
        process.env.AWS_ENDPOINT_URL_SQS = endpoint.url
      }
    })
  })

  test('a receipt handle that SQS does not know', async () => {
    await expect(create().delay('unknown', 0)).rejects.toBeInstanceOf(ServiceUnavailableError)
  })

  test('an answer with another body’s checksum', async () => {
    answer = { status: 200, body: { MessageId: '1', MD5OfMessageBody: '0'.repeat(32) } }
    await expect(create().send(BODY, 0)).rejects.toBeInstanceOf(ServiceUnavailableError)
  })
})
