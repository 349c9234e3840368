import {
  DeleteRuleCommand,
  EventBridgeClient,
  PutEventsCommand,
  PutRuleCommand,
  PutTargetsCommand,
  RemoveTargetsCommand,
} from '@aws-sdk/client-eventbridge'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type LocalEventBridge, startEventBridge } from '../../../local/aws/event-bridge.ts'
import { awsClientConfig } from '../../../local/aws/sdk.ts'
import { PortTakenError } from '../../../local/net/listen.ts'

let eventBridge: LocalEventBridge
let client: EventBridgeClient
/** What was delivered to targets. */
const delivered: (readonly [arn: string, event: object])[] = []
/** What the subscriber got. */
const events: (readonly [bus: string, event: object])[] = []

beforeAll(async () => {
  eventBridge = await startEventBridge({
    deliver: async (arn, event) => void delivered.push([arn, event]),
  })
  eventBridge.subscribe((event, bus) => events.push([bus, event]))
  client = new EventBridgeClient({ ...awsClientConfig(eventBridge.url), maxAttempts: 1 })
})
afterEach(() => {
  eventBridge.onPutEvents(() => ({}))
  delivered.length = 0
  events.length = 0
})
afterAll(async () => {
  client.destroy()
  await eventBridge.close()
})

const entryOf = (detail: object, bus = 'outcomes') => ({
  EventBusName: bus,
  Source: 'campaign-conversations',
  DetailType: 'Conversation Opened',
  Detail: JSON.stringify(detail),
  Resources: ['arn:table/state'],
  Time: new Date('2026-11-26T09:30:00.700Z'),
})
const put = (...entries: ReturnType<typeof entryOf>[]) =>
  client.send(new PutEventsCommand({ Entries: entries }))

test("an event has EventBridge's members", async () => {
  const { Entries, FailedEntryCount } = await put(entryOf({ requestId: 'a' }))
  expect(FailedEntryCount).toBe(0)
  expect(events).toEqual([
    [
      'outcomes',
      {
        version: '0',
        id: Entries?.[0]?.EventId,
        'detail-type': 'Conversation Opened',
        source: 'campaign-conversations',
        account: '000000000000',
        time: '2026-11-26T09:30:00Z',
        region: 'eu-west-1',
        resources: ['arn:table/state'],
        detail: { requestId: 'a' },
      },
    ],
  ])
})

test('a rule delivers the events of its bus that match its pattern to its targets, until it is deleted', async () => {
  const rule = { EventBusName: 'arn:aws:events:eu-west-1:000000000000:event-bus/outcomes' }
  const EventPattern = JSON.stringify({ detail: { accountId: ['70123456'] } })
  const { RuleArn } = await client.send(new PutRuleCommand({ Name: 'r', EventPattern, ...rule }))
  expect(RuleArn).toBe('arn:aws:events:eu-west-1:000000000000:rule/outcomes/r')
  const Targets = [{ Id: 'queue', Arn: 'arn:aws:sqs:eu-west-1:000000000000:q' }]
  await client.send(new PutTargetsCommand({ Rule: 'r', Targets, ...rule }))
  const send = () =>
    put(
      entryOf({ accountId: '70123456' }),
      entryOf({ accountId: '70999999' }),
      entryOf({ accountId: '70123456' }, 'other'),
    )
  await send()
  expect(delivered).toMatchObject([[Targets[0]?.Arn, { detail: { accountId: '70123456' } }]])

  const refused = client.send(new DeleteRuleCommand({ Name: 'r', ...rule }))
  await expect(refused).rejects.toThrow('it has targets')
  await client.send(new RemoveTargetsCommand({ Rule: 'r', Ids: ['queue'], ...rule }))
  await client.send(new DeleteRuleCommand({ Name: 'r', ...rule }))
  await send()
  expect(delivered).toHaveLength(1)
  expect(eventBridge.rules()).toEqual([])
})

describe('what EventBridge refuses is refused', () => {
  const big = entryOf({ text: 'x'.repeat(140_000) })
  test.each<[string, () => Promise<unknown>, string]>([
    ['eleven events', () => put(...Array.from({ length: 11 }, () => entryOf({}))), 'ValidationException'],
    ['no event', () => put(), 'ValidationException'],
    ['more than 256 KB', () => put(big, big), 'ValidationException'],
    [
      'a target of a rule that does not exist',
      () => client.send(new PutTargetsCommand({ Rule: 'none', Targets: [{ Id: 'a', Arn: 'b' }] })),
      'ResourceNotFoundException',
    ],
    [
      'a pattern that is no JSON',
      () => client.send(new PutRuleCommand({ Name: 'r', EventPattern: '{' })),
      'InvalidEventPatternException',
    ],
  ])('%s', async (_, send, name) => {
    await expect(send()).rejects.toMatchObject({ name })
    expect(events).toEqual([])
  })

  test('a detail that is no JSON object, alone', async () => {
    const { Entries } = await put({ ...entryOf({}), Detail: '[]' }, entryOf({ requestId: 'b' }))
    expect(Entries).toMatchObject([{ ErrorCode: 'MalformedDetail' }, { EventId: expect.any(String) }])
    expect(events).toHaveLength(1)
  })
})

describe('on demand', () => {
  test('some entries of a request fail', async () => {
    eventBridge.onPutEvents(() => ({ failed: new Map([[1, 'ThrottlingException']]) }))
    const answer = await put(entryOf({ n: 0 }), entryOf({ n: 1 }), entryOf({ n: 2 }))
    expect(answer.FailedEntryCount).toBe(1)
    expect(answer.Entries?.map(({ ErrorCode }) => ErrorCode)).toEqual([
      undefined,
      'ThrottlingException',
      undefined,
    ])
    expect(events).toMatchObject([
      ['outcomes', { detail: { n: 0 } }],
      ['outcomes', { detail: { n: 2 } }],
    ])
  })

  test('a request is refused, slow, or chosen by its events', async () => {
    eventBridge.onPutEvents(([detail]) =>
      JSON.stringify(detail).includes('slow') ? { delayMs: 60 } : { error: 'ThrottlingException' },
    )
    await expect(put(entryOf({}))).rejects.toMatchObject({ name: 'ThrottlingException' })
    const startedAt = performance.now()
    await put(entryOf({ slow: true }))
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(55)
    expect(events).toHaveLength(1)
  })

  test.each([
    ['before', 0],
    ['after', 1],
  ] as const)('the connection is cut %s the events are on the bus', async (cut, count) => {
    eventBridge.onPutEvents(() => ({ cut }))
    await expect(put(entryOf({}))).rejects.toThrow()
    expect(events).toHaveLength(count)
  })

  test('it refuses connections for a while', async () => {
    await eventBridge.goDown()
    await expect(put(entryOf({}))).rejects.toThrow('ECONNREFUSED')
    await eventBridge.comeUp()
    await put(entryOf({}))
    expect(events).toHaveLength(1)
  })
})

test('a port that is in use is named', async () => {
  const port = Number(new URL(eventBridge.url).port)
  await expect(startEventBridge({ port, deliver: async () => undefined })).rejects.toThrow(
    new PortTakenError(port),
  )
})
