import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { toHandOver } from '../../../lib/conversation/hand-over.ts'
import { NOTHING } from '../../../lib/conversation/protocol.ts'
import { readRecord } from '../../../lib/conversation/record.ts'
import { AppError, InvalidRequestError } from '../../../lib/errors/errors.ts'
import { anyFacts } from '../../support/any-facts.ts'
import { anyJson, crmRequest, mutated, withTextIds } from '../../support/requests.ts'
import { jobOf } from '../../support/world.ts'
import { acceptedRequest } from './fakes.ts'

const ACCOUNT = '70123456'
const ORDER_HELP = { campaignId: '3120045610', engagementId: '3120047710' }

const stageWith = (account: object = {}) =>
  parseStageConfig(
    {
      accounts: [
        {
          accountId: ACCOUNT,
          routes: {
            'order-help': ORDER_HELP,
            vip: { ...ORDER_HELP, ttr: 'URGENT' },
            'form-only': { ...ORDER_HELP, doors: ['form'] },
            'queue-only': { ...ORDER_HELP, doors: ['queue'] },
          },
          ...account,
        },
        { accountId: '70999999', routes: { 'other-help': { campaignId: '1', engagementId: '2' } } },
      ],
    },
    { name: 'the test', loopback: true },
  )
const stage = stageWith()
const parse = (body: unknown, { messageId = 'message-0001', config = stage } = {}) =>
  jobOf(config, { body: typeof body === 'string' ? body : JSON.stringify(body), messageId })

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

describe('a record is a job or is refused with an AppError, for', () => {
  test('any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (body) => void isRead(() => parse(body))),
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
      fc.property(anyJson, wrap, (value, put) => void isRead(() => parse(JSON.stringify(put(value)) ?? ''))),
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
    const handOver = fc
      .tuple(crmRequest, anyFacts)
      .map(([request, facts]): object => JSON.parse(toHandOver(parse(request).request, facts)))
    fc.assert(
      fc.property(mutated(handOver), (body) => void isRead(() => parse(body))),
      { numRuns: 300 },
    )
  })

  test.each([
    ['a text of a million characters', JSON.stringify({ message: 'x'.repeat(1_000_000) })],
    ['a million brackets', '['.repeat(500_000) + ']'.repeat(500_000)],
    ['a hundred thousand keys', `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":1`).join()}}`],
  ])('%s', (_, body) => {
    expect(isRead(() => parse(body))).toBe(false)
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

describe('a hand-over', () => {
  const handOver = fc
    .tuple(crmRequest, anyFacts, fc.constantFrom('form', 'queue'))
    .map(([event, facts, door]) => {
      const { request } = parse({ ...event, route: undefined, campaign: ORDER_HELP })
      return { request: { ...request, door }, facts }
    })

  test('is read back as the same request with the same facts, whatever the message id', () => {
    const config = stageWith({ form: { campaigns: 'any' } })
    fc.assert(
      fc.property(handOver, ({ request, facts }) => {
        const job = parse(toHandOver(request, facts), { messageId: 'another-message', config })
        expect(job).toMatchObject({ request, facts, destination: ORDER_HELP })
      }),
    )
  })

  test('is not accepted inside an envelope, because any sender can write one', () => {
    const body = toHandOver(acceptedRequest({ door: 'form' }), NOTHING)
    expect(() => parse(sns(body))).toThrow(InvalidRequestError)
    expect(() => parse(eventBridge(JSON.parse(body)))).toThrow(InvalidRequestError)
  })
})

describe('the request id', () => {
  const body = { route: 'order-help' }
  test.each<[string, unknown, string]>([
    ['is the event’s own first', sns(JSON.stringify({ ...body, requestId: 'its-own-id' })), 'its-own-id'],
    ['else the SNS message’s', sns(JSON.stringify(body)), 'sns-000001'],
    ['else the EventBridge event’s', eventBridge(body), 'eventbridge-1'],
    ['else the inner envelope’s', sns(JSON.stringify(eventBridge(body))), 'eventbridge-1'],
    ['else the record’s, if the envelope’s is invalid', eventBridge(body, 'x'), 'message-0001'],
    ['else the record’s', body, 'message-0001'],
  ])('%s', (_, content, requestId) => {
    expect(parse(content).request.requestId).toBe(requestId)
  })
})

describe('a record that its door may not send is refused before LivePerson is called', () => {
  const listed = stageWith({ queue: { campaigns: 'listed' } })
  const handedOver = (members: object) =>
    toHandOver(acceptedRequest({ campaign: undefined, ...members }), NOTHING)
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
    ['a form with a route for events only', handedOver({ door: 'form', route: 'queue-only' }), notAllowed],
    ['a form with a campaign', handedOver({ door: 'form', campaign: ORDER_HELP }), notAllowed],
    ['a hand-over with a removed route', handedOver({ route: 'nowhere' }), invalid('route')],
    [
      'a hand-over with a removed account',
      handedOver({ accountId: '1', campaign: ORDER_HELP }),
      invalid('accountId'),
    ],
  ])('%s', (_, body, error, config = stage) => {
    expect(errorOf(() => parse(body, { config }))).toMatchObject(error)
  })

  test('a form’s hand-over may use a route that is only for forms', () => {
    expect(parse(handedOver({ door: 'form', route: 'form-only' }))).toMatchObject({
      request: { door: 'form', route: 'form-only' },
    })
  })
})

describe('a refused record', () => {
  const read = (body: unknown, config = stage) =>
    readRecord(config, { body: JSON.stringify(body), messageId: 'message-0001' })

  test('that is a hand-over keeps its request', () => {
    const request = { ...acceptedRequest(), accountId: ACCOUNT, door: 'form' as const, route: 'gone' }
    const { campaign: _, ...routed } = request
    expect(read(JSON.parse(toHandOver(routed, NOTHING)))).toMatchObject({
      kind: 'refused',
      requestId: request.requestId,
      request: { requestId: request.requestId, door: 'form' },
    })
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

test('a hand-over inside an envelope is not one, whatever the id of the envelope is', () => {
  const handOver = JSON.parse(toHandOver({ ...acceptedRequest(), accountId: ACCOUNT }, NOTHING))
  for (const id of ['eventbridge-1', 'x', ''])
    expect(errorOf(() => parse(eventBridge(handOver, id)))).toMatchObject({ code: 'invalid_request' })
})
