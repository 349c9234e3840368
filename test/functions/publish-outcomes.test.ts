import { marshall } from '@aws-sdk/util-dynamodb'
import type { Context, DynamoDBBatchResponse } from 'aws-lambda'
import { describe, expect, test } from 'vitest'
import { createHandler } from '../../functions/publish-outcomes.ts'
import type { BusEvent, EventBus } from '../../lib/aws/event-bus.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import { createOutcomesService } from '../../lib/service/outcomes.ts'
import { createTableStream } from '../../local/aws/table-stream.ts'

const TABLE = 'arn:aws:dynamodb:eu-west-1:000000000000:table/state'

const itemOf = (requestId: string, outcomeNumber: number, members: object = {}) => ({
  pk: `request#70123456#queue#crm#${requestId}`,
  ...{ requestId, accountId: '70123456', door: 'queue', outcomeNumber, updatedAt: 1_764_150_000_000 },
  status: outcomeNumber === 0 ? 'opening' : 'opened',
  ...members,
})

type Write = readonly [before: object | undefined, after: object | undefined]

/** Returns what Lambda gives the function for some writes. */
const eventOf = (writes: readonly Write[]) => {
  const stream = createTableStream({ arn: `${TABLE}/stream/2026-11-26T00:00:00.000` })
  for (const [before, after] of writes)
    stream.push({
      oldImage: before && marshall(before),
      newImage: after && marshall(after),
    } as Parameters<typeof stream.push>[0])
  return { Records: stream.take(1000) }
}
const opening = (requestId: string): Write => [undefined, itemOf(requestId, 0)]
const outcome = (requestId: string, number = 1): Write => [
  itemOf(requestId, number - 1, { revision: number }),
  itemOf(requestId, number, { revision: number + 1 }),
]

const arrange = (answer: (event: BusEvent) => string | undefined = () => undefined) => {
  const has: string[] = []
  const events: BusEvent[] = []
  const bus: EventBus = {
    put: async (all) =>
      all.slice(0, 10).map((event) => {
        const code = answer(event)
        if (code === 'down') throw new ServiceUnavailableError({ detail: 'It is down.' })
        if (code !== undefined) return code
        const { requestId, sequence } = JSON.parse(event.detail)
        has.push(`${requestId}-${sequence}`)
        events.push(event)
        return undefined
      }),
  }
  const service = createOutcomesService(
    { eventBus: 'none' },
    { bus, now: () => 0, sleep: async () => undefined, random: () => 0 },
  )
  const handle = (event: unknown, remainingMs = 60_000) =>
    createHandler(() => service)(event, {
      getRemainingTimeInMillis: () => remainingMs,
    } as Context) as Promise<DynamoDBBatchResponse>
  return { handle, has, events }
}

const numberOf = (event: ReturnType<typeof eventOf>, index: number) =>
  event.Records[index]?.dynamodb?.SequenceNumber

test('each write that changed an outcome is published once', async () => {
  const { handle, has, events } = arrange()
  const event = eventOf([
    opening('a'),
    outcome('a'),
    [itemOf('a', 1), itemOf('a', 1, { revision: 9 })],
    outcome('a', 2),
    [undefined, { pk: 'consumer#70123456#lp', state: 'OPEN' }],
    [itemOf('a', 2), undefined],
  ])
  expect(await handle(event)).toEqual({ batchItemFailures: [] })
  expect(has).toEqual(['a-1', 'a-2'])
  expect(events[0]?.resources).toEqual([TABLE])
})

test('the first record that is not published is reported, and others are not held back', async () => {
  const { handle, has } = arrange(({ detail }) =>
    detail.includes('"a"') ? 'ThrottlingException' : undefined,
  )
  const event = eventOf([outcome('b'), opening('a'), outcome('a'), outcome('a', 2), outcome('c')])
  expect(await handle(event)).toEqual({ batchItemFailures: [{ itemIdentifier: numberOf(event, 2) }] })
  expect(has).toEqual(['b-1', 'c-1'])
})

test('if the bus is down, Lambda continues from the first outcome', async () => {
  const { handle } = arrange(() => 'down')
  const event = eventOf([opening('a'), outcome('a'), outcome('b')])
  expect(await handle(event)).toEqual({ batchItemFailures: [{ itemIdentifier: numberOf(event, 1) }] })
})

test('an invocation that is about to end puts nothing', async () => {
  const { handle, has } = arrange()
  const event = eventOf([outcome('a')])
  expect(await handle(event, 11_000)).toEqual({ batchItemFailures: [{ itemIdentifier: numberOf(event, 0) }] })
  expect(has).toEqual([])
})

test('a record that can not be read holds back no other', async () => {
  const { handle, has } = arrange()
  const unreadable: Write = [itemOf('a', 0), itemOf('a', 1, { status: 'from a later version' })]
  expect(await handle(eventOf([unreadable, outcome('b')]))).toEqual({ batchItemFailures: [] })
  expect(has).toEqual(['b-1'])
})

describe('an event that is not from the stream fails', () => {
  test.each([
    {},
    { Records: [] },
    { Records: [{ eventSource: 'aws:sqs', messageId: 'm', body: '{}' }] },
    { Records: [{ eventSource: 'aws:dynamodb', dynamodb: {} }] },
    null,
  ])('%j', async (event) => {
    await expect(arrange().handle(event)).rejects.toThrow('not an event of the state')
  })
})
