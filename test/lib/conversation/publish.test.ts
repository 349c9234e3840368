import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { BusEvent, EventBus } from '../../../lib/aws/event-bus.ts'
import { type Publication, publishInOrder } from '../../../lib/conversation/publish.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'

const publicationOf = (key: string, sequence: number): Publication => ({
  key,
  event: {
    detailType: 'Conversation Opened',
    detail: {
      ...{ version: 1, sequence, requestId: key, accountId: '70123456', door: 'queue', status: 'opened' },
      occurredAt: '2026-11-26T09:30:00.000Z',
    },
  },
})

/** A bus that keeps what it takes. */
const busOf = (answer: (event: BusEvent, call: number, index: number) => string | undefined) => {
  const has: string[] = []
  let calls = 0
  const bus: EventBus = {
    put: async (events) => {
      calls += 1
      return events.slice(0, 10).map((event, index) => {
        const code = answer(event, calls, index)
        if (code === 'down') throw new ServiceUnavailableError({ detail: 'It is down.' })
        if (code === undefined) has.push(nameOf(event))
        return code
      })
    },
  }
  return { bus, has, calls: () => calls }
}

const nameOf = ({ detail }: BusEvent): string => {
  const { requestId, sequence } = JSON.parse(detail)
  return `${requestId}-${sequence}`
}

const publish = (bus: EventBus, publications: readonly Publication[], hasTime = () => true) => {
  const slept: number[] = []
  const sleep = async (ms: number) => void slept.push(ms)
  return publishInOrder({ bus, publications, tableArn: 'arn:table', hasTime, sleep, random: () => 1 }).then(
    (result) => ({ ...result, slept }),
  )
}
const leftOf = ({ left }: { readonly left: readonly Publication[] }) =>
  left.map(({ key, event }) => `${key}-${event.detail.sequence}`)

test('an event for the bus names its source, its table and when it happened', async () => {
  const put: BusEvent[] = []
  const bus: EventBus = {
    put: async (events) => {
      put.push(...events)
      return events.map(() => undefined)
    },
  }
  await publish(bus, [publicationOf('a', 1)])
  expect(put).toEqual([
    {
      source: 'campaign-conversations',
      detailType: 'Conversation Opened',
      detail:
        '{"version":1,"sequence":1,"requestId":"a","accountId":"70123456","door":"queue","status":"opened","occurredAt":"2026-11-26T09:30:00.000Z"}',
      resources: ['arn:table'],
      time: Date.UTC(2026, 10, 26, 9, 30),
    },
  ])
})

test('events of one request are put one after the other, those of others together', async () => {
  const { bus, has, calls } = busOf(() => undefined)
  const order = [publicationOf('a', 1), publicationOf('a', 2), publicationOf('b', 1), publicationOf('a', 3)]
  expect(await publish(bus, order)).toEqual({ left: [], slept: [] })
  expect(has).toEqual(['a-1', 'b-1', 'a-2', 'a-3'])
  expect(calls()).toBe(3)
})

test('more events than one request takes are put with several', async () => {
  const { bus, has, calls } = busOf(() => undefined)
  const many = Array.from({ length: 25 }, (_, index) => publicationOf(`k${index}`, 1))
  expect(leftOf(await publish(bus, many))).toEqual([])
  expect([has.length, calls()]).toEqual([25, 3])
})

describe('an event that the bus refuses', () => {
  test('is put again after a pause, and holds back only those of its request', async () => {
    const { bus, has } = busOf((event, call) =>
      nameOf(event) === 'a-1' && call < 3 ? 'ThrottlingException' : undefined,
    )
    const result = await publish(bus, [publicationOf('a', 1), publicationOf('a', 2), publicationOf('b', 1)])
    expect(result).toEqual({ left: [], slept: [200, 400] })
    expect(has).toEqual(['b-1', 'a-1', 'a-2'])
  })

  test('is left after three times, with those after it', async () => {
    const { bus, has, calls } = busOf((event) =>
      nameOf(event).startsWith('a') ? 'InternalFailure' : undefined,
    )
    const result = await publish(bus, [publicationOf('b', 1), publicationOf('a', 1), publicationOf('a', 2)])
    expect(leftOf(result)).toEqual(['a-1', 'a-2'])
    expect(String(result.error)).toContain('InternalFailure')
    expect([has, calls()]).toEqual([['b-1'], 3])
  })
})

test('a request that fails leaves everything that is not on the bus', async () => {
  const { bus, has } = busOf((_, call) => (call === 2 ? 'down' : undefined))
  const result = await publish(bus, [publicationOf('a', 1), publicationOf('a', 2), publicationOf('b', 1)])
  expect([has, leftOf(result)]).toEqual([['a-1', 'b-1'], ['a-2']])
  expect(result.error).toBeInstanceOf(ServiceUnavailableError)
})

test('without time, no request is made', async () => {
  const { bus, calls } = busOf(() => undefined)
  const result = await publish(bus, [publicationOf('a', 1)], () => false)
  expect([leftOf(result), result.error, calls()]).toEqual([['a-1'], undefined, 0])
})

test('under any faults, the bus has the events of each request in order, and what it lacks is left', async () => {
  const code = fc.constantFrom(undefined, undefined, undefined, 'ThrottlingException', 'down')
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 30 }),
      fc.infiniteStream(code),
      async (keys, answers) => {
        const counts = new Map<string, number>()
        const publications = keys.map((key) => {
          counts.set(key, (counts.get(key) ?? 0) + 1)
          return publicationOf(key, counts.get(key) ?? 0)
        })
        const { bus, has } = busOf(() => answers.next().value)
        const left = leftOf(await publish(bus, publications))
        for (const [key, count] of counts) {
          const own = has.filter((name) => name.startsWith(key))
          const distinct = [...new Set(own)]
          const all = Array.from({ length: count }, (_, index) => `${key}-${index + 1}`)
          expect(distinct).toEqual(all.slice(0, distinct.length))
          // A request that failed may have put some.
          const missing = left.filter((name) => name.startsWith(key))
          expect(missing).toEqual(all.slice(count - missing.length))
          expect(distinct.length + missing.length).toBeGreaterThanOrEqual(count)
        }
      },
    ),
  )
})
