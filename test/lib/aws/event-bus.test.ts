import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type BusEvent, createEventBus } from '../../../lib/aws/event-bus.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { type AwsAnswer, patient, startAwsEndpoint } from '../../support/aws-endpoint.ts'

let endpoint: Awaited<ReturnType<typeof startAwsEndpoint>>
let answer: AwsAnswer
/** The inputs since the last test. */
const asked: { readonly Entries: readonly { readonly Detail: string }[] }[] = []

const GOOD = { status: 200, body: { FailedEntryCount: 0, Entries: Array(10).fill({ EventId: 'e' }) } }

beforeAll(async () => {
  endpoint = await startAwsEndpoint({
    answer: (_, input) => {
      asked.push(input as (typeof asked)[number])
      return answer
    },
  })
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_EVENTBRIDGE: endpoint.url,
  })
  answer = GOOD
})
afterEach(() => {
  answer = GOOD
  asked.length = 0
  endpoint.take()
})
afterAll(() => endpoint.close())

const bus = createEventBus({ name: 'outcomes', aws: { ...patient, maxAttempts: 1 } })

const eventOf = (detail: object): BusEvent => ({
  source: 'campaign-conversations',
  detailType: 'Conversation Opened',
  detail: JSON.stringify(detail),
  resources: ['arn:aws:dynamodb:eu-west-1:000000000000:table/state'],
  time: 1_764_150_000_123,
})

test('an event is put as the SDK puts it', async () => {
  await bus.put([eventOf({ requestId: 'žofie 🦊' })])
  const client = new EventBridgeClient({})
  const { source, detailType, detail, resources, time } = eventOf({ requestId: 'žofie 🦊' })
  await client.send(
    new PutEventsCommand({
      Entries: [
        {
          EventBusName: 'outcomes',
          Source: source,
          DetailType: detailType,
          Detail: detail,
          Resources: [...resources],
          Time: new Date(time),
        },
      ],
    }),
  )
  client.destroy()
  expect(asked[0]).toEqual(asked[1])
})

test('each event has its own answer', async () => {
  answer = {
    status: 200,
    body: {
      FailedEntryCount: 2,
      Entries: [{ EventId: 'e' }, { ErrorCode: 'ThrottlingException', ErrorMessage: 'x' }],
    },
  }
  expect(await bus.put([1, 2, 3].map((n) => eventOf({ n })))).toEqual([
    undefined,
    'ThrottlingException',
    'NoAnswer',
  ])
})

test('one request has ten events at most', async () => {
  expect(await bus.put(Array.from({ length: 25 }, (_, n) => eventOf({ n })))).toHaveLength(10)
  expect(asked[0]?.Entries.map(({ Detail }) => JSON.parse(Detail).n)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test.each([
  [[100_000, 100_000, 100_000], 2],
  // Bytes count, not characters.
  [[70_000, 70_000, 70_000], 1, 'Ž'.repeat(2)],
  // EventBridge refuses it. It must not block the others.
  [[300_000, 10], 1],
])('of events with %j characters, %i fit into one request', async (sizes, count, letter = 'x') => {
  const events = sizes.map((size) => eventOf({ text: letter.repeat(size) }))
  expect(await bus.put(events)).toHaveLength(count)
})

test.each([
  [{ status: 500, body: {} }],
  [{ status: 400, body: { __type: 'AccessDeniedException' } }],
  [{ status: 200, body: {} }],
])('a request that is answered %j fails as a whole', async (failure) => {
  answer = failure
  await expect(bus.put([eventOf({})])).rejects.toThrow(ServiceUnavailableError)
})
