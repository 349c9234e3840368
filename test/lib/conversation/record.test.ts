import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { QueueName } from '../../../lib/aws/queues.ts'
import { parseStageConfig, type StageConfig } from '../../../lib/config/stage.ts'
import { NOTHING } from '../../../lib/conversation/facts.ts'
import { type HandOver, toHandOver } from '../../../lib/conversation/hand-over.ts'
import type { Job } from '../../../lib/conversation/job.ts'
import { readRecord } from '../../../lib/conversation/record.ts'
import { AppError, InvalidRequestError } from '../../../lib/errors/errors.ts'
import type { AcceptedRequest } from '../../../lib/request/conversation-request.ts'
import { anyFacts } from '../../support/any-facts.ts'
import { anyJson, crmRequest, mutated, withTextIds } from '../../support/requests.ts'
import { acceptedRequest } from './fakes.ts'

const ACCOUNT = '70123456'
const ORDER_HELP = { campaignId: '3120045610', engagementId: '3120047710' }

const stageWith = (account: object = {}) =>
  parseStageConfig(
    {
      accounts: [
        {
          accountId: ACCOUNT,
          default: true,
          routes: {
            'order-help': { ...ORDER_HELP, doors: ['form', 'queue'] },
            vip: { ...ORDER_HELP, ttr: 'URGENT', doors: ['form', 'queue'] },
            'form-only': { ...ORDER_HELP, doors: ['form'] },
            'queue-only': { ...ORDER_HELP, doors: ['queue'] },
          },
          ...account,
        },
        {
          accountId: '70999999',
          routes: { 'other-help': { campaignId: '1', engagementId: '2', doors: ['form', 'queue'] } },
        },
      ],
    },
    { name: 'the test', loopback: true },
  )
const stage = stageWith()
const SENT_AT = 1_800_000_000_000
const DESTINATION = { ...ORDER_HELP, ttr: 'NORMAL' as const, routeAttributes: [] }

interface Delivery {
  readonly queue?: QueueName
  readonly now?: number
  readonly messageId?: string
  readonly config?: StageConfig
}

const read = (
  body: unknown,
  { queue = 'events', messageId = 'message-0001', config = stage, now = SENT_AT }: Delivery = {},
) =>
  readRecord(config, queue, {
    body: typeof body === 'string' ? body : JSON.stringify(body),
    messageId,
    sentAt: SENT_AT,
    now,
  })

/** Returns the job of a record. Throws its error if it is refused. */
const parse = (body: unknown, delivery?: Delivery): Job => {
  const result = read(body, delivery)
  if (result.kind === 'job') return result.job
  throw result.error
}

/** The body of a hand-over. */
const handOver = (members: Partial<AcceptedRequest> = {}, others: Partial<HandOver> = {}) =>
  toHandOver({
    request: acceptedRequest({ accountId: ACCOUNT, ...members }),
    destination: DESTINATION,
    facts: NOTHING,
    ...others,
  })
const OWN: Delivery = { queue: 'handOver' }

/** Returns the AppError of a record that can't be read. Any other error fails the test. */
const errorOf = (work: () => unknown): AppError | undefined => {
  try {
    work()
    return undefined
  } catch (error) {
    if (error instanceof AppError) return error
    throw error
  }
}
const isRead = (work: () => unknown): boolean => errorOf(work) === undefined

const sns = (body: string, MessageId = 'sns-000001') => ({
  Type: 'Notification',
  MessageId,
  TopicArn: 'arn:aws:sns:eu-west-1:000000000000:crm',
  Message: body,
})
const eventBridge = (detail: unknown, id = 'eventbridge-1') => ({
  version: '0',
  id,
  'detail-type': 'Upgrade',
  source: 'crm',
  detail,
})

const anyQueue = fc.constantFrom<QueueName[]>('events', 'handOver')

describe('a record is a job or is refused with an AppError, for', () => {
  test('any text', () => {
    fc.assert(
      fc.property(anyQueue, fc.string({ unit: 'binary', maxLength: 200 }), (queue, body) => {
        isRead(() => parse(body, { queue }))
      }),
      { numRuns: 300 },
    )
  })

  test('any JSON, in any envelope', () => {
    const wrap = fc.constantFrom(
      (value: unknown) => value,
      (value: unknown) => sns(JSON.stringify(value)),
      (value: unknown) => ({ ...sns(''), Message: value }),
      (value: unknown) => eventBridge(value),
      (value: unknown) => sns(JSON.stringify(eventBridge(value))),
      (value: unknown) => ({ handedOver: value }),
      (value: unknown) => ({ handedOver: { door: 'form', request: value } }),
    )
    fc.assert(
      fc.property(anyQueue, anyJson, wrap, (queue, value, put) => {
        isRead(() => parse(JSON.stringify(put(value)) ?? '', { queue }))
      }),
      { numRuns: 500 },
    )
  })

  test('a valid event with something wrong in it', () => {
    let read = 0
    fc.assert(
      fc.property(mutated(crmRequest), (body) => {
        if (isRead(() => parse(body))) read++
      }),
      { numRuns: 500 },
    )
    expect(read).toBeGreaterThan(0)
    expect(read).toBeLessThan(500)
  })

  test('a hand-over with something wrong in it', () => {
    const any = fc
      .tuple(crmRequest, anyFacts)
      .map(([request, facts]): object =>
        JSON.parse(toHandOver({ request: parse(request).request, destination: DESTINATION, facts })),
      )
    let accepted = 0
    fc.assert(
      fc.property(mutated(any), (body) => {
        if (isRead(() => parse(body, OWN))) accepted++
      }),
      { numRuns: 300 },
    )
    expect(accepted).toBeGreaterThan(0)
    expect(accepted).toBeLessThan(300)
  })

  test.each([
    ['a text of a million characters', JSON.stringify({ message: 'x'.repeat(1_000_000) })],
    ['a million brackets', '['.repeat(500_000) + ']'.repeat(500_000)],
    ['a hundred thousand keys', `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":1`).join()}}`],
  ])('%s', (_, body) => {
    expect(isRead(() => parse(body))).toBe(false)
  })
})

describe('what is wrong with an event is named with its envelopes', () => {
  const event = { requestId: 'crm-00000001' }
  test.each<[string, unknown, string, string]>([
    ['no envelope', event, 'campaign', 'or route is required'],
    ['SNS', sns(JSON.stringify(event)), 'Message.campaign', 'or route is required'],
    ['EventBridge', eventBridge(event), 'detail.campaign', 'or route is required'],
    ['both', sns(JSON.stringify(eventBridge(event))), 'Message.detail.campaign', 'or route is required'],
    ['an unknown route in SNS', sns('{"route":"x"}'), 'Message.route', 'is not a configured route'],
    ['no JSON in SNS', sns('hello'), 'Message', 'is not valid JSON'],
    ['no object in EventBridge', eventBridge('hello'), 'detail', 'must be an object'],
  ])('%s', (_, body, path, message) => {
    expect(errorOf(() => parse(body))?.findings).toEqual([expect.objectContaining({ path, message })])
  })

  test('names that the sender chose stay masked', () => {
    const error = errorOf(() => parse(sns(JSON.stringify({ ...event, 'Ana Berg': 1, route: 'vip' }))))
    expect(error?.findings).toEqual([
      { path: 'Message.Ana Berg', maskedPath: 'Message.(masked)', message: 'is an unknown key' },
    ])
  })
})

describe('a valid event', () => {
  test('keeps its content, with ids as text, in any envelope', () => {
    const wrap = fc.constantFrom(
      (request: object): unknown => request,
      (request: object) => sns(JSON.stringify(request)),
      (request: object) => eventBridge(request),
      (request: object) => sns(JSON.stringify(eventBridge(request))),
      (request: object) => eventBridge(sns(JSON.stringify(request))),
    )
    fc.assert(
      fc.property(crmRequest, wrap, (request, put) => {
        const { request: parsed, facts } = parse(put(request))
        const plain: Record<string, unknown> = { ...withTextIds(request) }
        expect(parsed).toMatchObject(plain)
        expect(parsed).toMatchObject({ door: 'queue', accountId: ACCOUNT })
        expect(facts).toBeUndefined()
        const { consumer } = parsed
        if (consumer?.id !== undefined) expect(parsed.consumerId).toBe(consumer.id)
        else expect(parsed.consumerId).toMatch(/^request-[0-9a-f]{64}$/)
      }),
    )
  })

  test('gets its account and destination from the stage configuration', () => {
    expect(parse({ route: 'vip' })).toMatchObject({
      account: { accountId: ACCOUNT, onLostAnswer: 'repeat' },
      destination: { ...ORDER_HELP, ttr: 'URGENT' },
    })
    expect(parse({ route: 'other-help' })).toMatchObject({
      account: { accountId: '70999999' },
      request: { accountId: '70999999' },
      destination: { campaignId: '1', engagementId: '2' },
    })
  })
})

describe('what an event says about its consumer', () => {
  const campaign = ORDER_HELP

  test('is vouched for by the CRM, even without a consumer id', () => {
    expect(parse({ campaign, consumer: { firstName: 'Ana' } }).request.vouchedBy).toBe('crm')
  })

  test('has no unsafe characters, and says where they were', () => {
    const { request } = parse(sns(JSON.stringify({ campaign, consumer: { firstName: 'Ana\u202e' } })))
    expect(request).toMatchObject({
      consumer: { firstName: 'Ana' },
      warnings: [{ path: 'consumer.firstName' }],
    })
  })

  test('is refused if its id looks like a derived one', () => {
    const consumer = { id: `request-${'0'.repeat(64)}` }
    expect(errorOf(() => parse({ campaign, consumer }))).toMatchObject({
      code: 'invalid_request',
      findings: [{ path: 'consumer.id' }],
    })
  })
})

describe('the age of an event', () => {
  const MONTH_MS = 30 * 24 * 3_600_000
  const at = (ms: number) => new Date(ms).toISOString()
  const event = { route: 'vip' }
  const bridge = (time: unknown, detail: unknown = event) => ({ ...eventBridge(detail), time })
  const notification = (Timestamp: unknown, message: unknown = event) => ({
    ...sns(JSON.stringify(message)),
    Timestamp,
  })

  test.each<[string, (time: string) => unknown]>([
    ['EventBridge', (time) => bridge(time)],
    ['SNS', (time) => notification(time)],
    ['an event in a new notification', (time) => notification(at(SENT_AT), bridge(time))],
    ['a notification in a new event', (time) => bridge(at(SENT_AT), notification(time))],
    ['a notification with an event without a time', (time) => notification(time, bridge(undefined))],
  ])('is that of its envelope: %s', (_, put) => {
    const last = put(at(SENT_AT - MONTH_MS))
    expect(read(last).kind).toBe('job')
    expect(read(last, { now: SENT_AT + 1 })).toMatchObject({
      kind: 'refused',
      error: { code: 'event_too_old', retryable: false },
    })
  })

  test('is counted to now, not to when the record was sent', () => {
    expect(read(bridge(at(SENT_AT - MONTH_MS + 1)), { now: SENT_AT + 1 }).kind).toBe('job')
    expect(read(bridge(at(SENT_AT - MONTH_MS + 1)), { now: SENT_AT + 2 }).kind).toBe('refused')
  })

  test.each<[string, unknown]>([
    ['in the future', '2100-01-01T00:00:00Z'],
    ['absent', undefined],
    ['null', null],
    ['a number', 5],
    ['another format', '23/11/2020 09:00'],
    ['a year', '2001'],
    ['no date', '2020-13-45T00:00:00Z'],
  ])('is not known, and the event is accepted, if the time is %s', (_, time) => {
    expect(read(bridge(time)).kind).toBe('job')
  })

  test.each<unknown>([
    ...['2020-11-23T09:00:00Z', '2020-11-23T09:00:00.123456789Z', '2020-11-23T10:00+01:00'],
    ...['2020-11-23t09:00:00z', '2020-11-23 09:00:00', 1606122000, '1606122000000'],
    ...['2016-12-31T23:59:60Z', 'Mon, 23 Nov 2020 09:00:00 GMT'],
  ])('is read from %s', (time) => {
    expect(read(bridge(time))).toMatchObject({ error: { code: 'event_too_old' } })
  })

  test('doesn’t hide the event’s own id', () => {
    const refused = read(bridge('2020-11-23T09:00:00Z', { ...event, requestId: 'crm-00000731' }))
    expect(refused).toMatchObject({ kind: 'refused', requestId: 'crm-00000731' })
  })

  test('is not asked for in a hand-over', () => {
    expect(read(handOver(), { ...OWN, now: SENT_AT + 2 * MONTH_MS }).kind).toBe('job')
  })
})

describe('a record of more than 256 KB', () => {
  const long = 'x'.repeat(256 * 1024)

  test('is refused if it is an event, and not parsed, so that it has the id of its message', () => {
    const event = { requestId: 'request-0001', campaign: ORDER_HELP, message: long }
    expect(read(event, { messageId: 'message-1' })).toMatchObject({
      kind: 'refused',
      requestId: 'message-1',
      error: { code: 'invalid_request', findings: [{ path: '', message: 'is larger than 256 KB' }] },
    })
  })

  test('is accepted if it is a hand-over: its request was accepted already', () => {
    expect(parse(handOver({ message: long }), OWN).request.message).toBe(long)
  })
})

describe('a hand-over', () => {
  const any = fc.tuple(crmRequest, anyFacts, fc.constantFrom('form', 'queue')).map(([event, facts, door]) => {
    const { request } = parse(event)
    return { request: { ...request, door }, facts, destination: DESTINATION }
  })

  test('is read back as the same request with the same facts, whatever the message id', () => {
    fc.assert(
      fc.property(any, (given) => {
        expect(parse(toHandOver(given), { ...OWN, messageId: 'another-message' })).toMatchObject(given)
      }),
    )
  })

  test('is not validated again', () => {
    const personal = { type: 'personal' as const, personal: { firstname: 'x'.repeat(300) } }
    const request = acceptedRequest({ accountId: ACCOUNT, door: 'form', engagementAttributes: [personal] })
    expect(parse(handOver(request), OWN).request).toEqual(request)
  })

  test('keeps the destination that its door decided, although the route is gone', () => {
    const destination = { campaignId: '7', engagementId: '8', ttr: 'URGENT' as const, routeAttributes: [] }
    const job = parse(handOver({ campaign: undefined, route: 'gone' }, { destination }), OWN)
    expect(job).toMatchObject({ destination, account: { accountId: ACCOUNT } })
  })

  test.each<[string, Partial<HandOver>, object]>([
    ['the time of acceptance', { acceptedAt: 5, pausedMs: 7 }, { acceptedAt: 5, pausedMs: 7 }],
    ['since when it waits for its account', { pausedSince: 9 }, { pausedSince: 9 }],
    ['the time of its replay if there is none', {}, { acceptedAt: SENT_AT, pausedMs: 0 }],
  ])('has %s', (_, others, expected) => {
    expect(parse(handOver({}, others), OWN)).toMatchObject(expected)
  })

  test('is an invalid event in the events queue, because any sender can write one', () => {
    expect(() => parse(handOver({ door: 'form' }))).toThrow(InvalidRequestError)
    expect(() => parse(sns(handOver({ door: 'form' })))).toThrow(InvalidRequestError)
    for (const id of ['eventbridge-1', 'x', ''])
      expect(() => parse(eventBridge(JSON.parse(handOver()), id))).toThrow(InvalidRequestError)
  })

  test('is not accepted inside an envelope, not even in its own queue', () => {
    expect(() => parse(sns(handOver()), OWN)).toThrow(InvalidRequestError)
    expect(() => parse(eventBridge(JSON.parse(handOver())), OWN)).toThrow(InvalidRequestError)
  })
})

test('an event is accepted when its record was sent', () => {
  expect(parse({ route: 'vip' })).toMatchObject({ acceptedAt: SENT_AT, pausedMs: 0 })
})

test('an event in the hand-over queue is not read as one', () => {
  expect(read({ route: 'vip' }, OWN)).toMatchObject({
    kind: 'refused',
    requestId: 'message-0001',
    ids: undefined,
    error: { code: 'invalid_request' },
  })
})

describe('the request id', () => {
  const body = { route: 'order-help' }
  test.each<[string, unknown, string]>([
    ['is the event’s own first', sns(JSON.stringify({ ...body, requestId: 'its-own-id' })), 'its-own-id'],
    ['else the SNS message’s', sns(JSON.stringify(body)), 'sns-000001'],
    ['else the EventBridge event’s', eventBridge(body), 'eventbridge-1'],
    ['else the inner envelope’s', sns(JSON.stringify(eventBridge(body))), 'eventbridge-1'],
    ['else the record’s, if the envelope’s is empty', eventBridge(body, ''), 'message-0001'],
    ['else the record’s', body, 'message-0001'],
  ])('%s', (_, content, requestId) => {
    expect(parse(content).request.requestId).toBe(requestId)
  })
})

describe('a record that its door may not send is refused before LivePerson is called', () => {
  const listed = stageWith({ queue: { campaigns: 'listed' } })
  const invalid = (path: string) => ({ code: 'invalid_request', findings: [{ path }] })
  const notAllowed = { code: 'campaign_not_allowed' }

  test.each<[string, unknown, object, typeof stage?]>([
    ['an unknown route', { route: 'nowhere' }, invalid('route')],
    ['an unknown account', { accountId: '1', campaign: ORDER_HELP }, invalid('accountId')],
    ['a route of another account', { accountId: ACCOUNT, route: 'other-help' }, invalid('route')],
    ['a route for forms only', { route: 'form-only' }, notAllowed],
    ['a campaign where only routes are allowed', { campaign: ORDER_HELP }, notAllowed, listed],
    [
      'a campaign in an envelope where only routes are allowed',
      sns(JSON.stringify({ campaign: ORDER_HELP })),
      notAllowed,
      listed,
    ],
  ])('%s', (_, body, error, config = stage) => {
    expect(errorOf(() => parse(body, { config }))).toMatchObject(error)
  })
})

describe('a refused record', () => {
  const ids = { door: 'form', accountId: ACCOUNT, vouchedBy: 'token', requestId: 'form-0001' } as const

  test('that is a hand-over keeps its ids', () => {
    const body = { handedOver: { ...JSON.parse(handOver(ids)).handedOver, facts: 'of another version' } }
    expect(read(body, OWN)).toMatchObject({
      kind: 'refused',
      requestId: 'form-0001',
      ids,
      error: { code: 'invalid_request' },
    })
  })

  test('that is a hand-over of a removed account is retried, until an operator configures the account', () => {
    const result = read(handOver({ ...ids, accountId: '1' }), OWN)
    expect(result).toMatchObject({
      kind: 'refused',
      requestId: 'form-0001',
      ids: { ...ids, accountId: '1' },
      error: { code: 'invalid_config', retryable: true },
    })
  })

  test('that is in the hand-over queue and has no ids is named after its message', () => {
    expect(read({ handedOver: {} }, OWN)).toMatchObject({ requestId: 'message-0001', ids: undefined })
    expect(read('not JSON', OWN)).toMatchObject({ requestId: 'message-0001', ids: undefined })
  })

  test('that is an event keeps its own id', () => {
    expect(read({ requestId: 'crm-event-1', route: 'form-only' })).toMatchObject({
      kind: 'refused',
      requestId: 'crm-event-1',
      error: { code: 'campaign_not_allowed' },
    })
  })

  test.each([
    ['its own id, although a member is invalid', { requestId: 'crm-event-1', skill: 1 }, 'crm-event-1'],
    ['its envelope’s id if it has none', eventBridge({ skill: 1 }), 'eventbridge-1'],
    ['the message’s id if its own is invalid', { requestId: 'x', skill: 1 }, 'message-0001'],
    ['the message’s id if it is not an object', 'a text', 'message-0001'],
  ])('that is invalid has %s', (_, body, requestId) => {
    expect(read(body)).toMatchObject({ kind: 'refused', requestId, error: { code: 'invalid_request' } })
  })
})
