import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import type { KnownOutcome } from '../../../lib/conversation/conclude.ts'
import { parseRecord, toHandedOver } from '../../../lib/conversation/hand-over.ts'
import { AppError, InvalidRequestError } from '../../../lib/errors/errors.ts'
import { anyJson, crmRequest, formRequest, mutated, withTextIds } from '../../support/requests.ts'
import { STAGE, toRecord } from '../../support/world.ts'

const stage = parseStageConfig(STAGE, { name: 'the test', loopback: true })
const parse = (body: unknown, messageId = 'message-0001') => parseRecord(stage, toRecord(body, { messageId }))
const MESSAGE_ID = fc.constant('message-0001')

const isTaken = (work: () => unknown): boolean => {
  try {
    work()
    return true
  } catch (error) {
    if (error instanceof AppError) return false
    throw error
  }
}
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

describe('whatever comes in, parseRecord gives a request or an AppError', () => {
  test('any text', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (body) => void isTaken(() => parse(body))),
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
      fc.property(anyJson, wrap, (value, put) => void isTaken(() => parse(JSON.stringify(put(value)) ?? ''))),
      { numRuns: 500 },
    )
  })

  test('a good request with something wrong in it', () => {
    let taken = 0
    fc.assert(
      fc.property(mutated(crmRequest), (body) => {
        if (isTaken(() => parse(body))) taken++
      }),
      { numRuns: 500 },
    )
    expect(taken).toBeGreaterThan(0)
    expect(taken).toBeLessThan(500)
  })

  test('a request that was handed over, with something wrong in it', () => {
    const handed = crmRequest.map((request): object => JSON.parse(toHandedOver(parse(request).request)))
    fc.assert(
      fc.property(mutated(handed), (body) => void isTaken(() => parse(body))),
      { numRuns: 300 },
    )
  })

  test.each([
    ['a text of a million characters', JSON.stringify({ message: 'x'.repeat(1_000_000) })],
    ['a million brackets', '['.repeat(500_000) + ']'.repeat(500_000)],
    ['a hundred thousand names', `{${Array.from({ length: 100_000 }, (_, i) => `"${i}":1`).join()}}`],
  ])('%s', (_, body) => {
    expect(isTaken(() => parse(body))).toBe(false)
  })
})

describe('a good request', () => {
  test('comes out as it came in, ids as text, whatever its envelope', () => {
    const wrap = fc.constantFrom(
      (request: object): unknown => request,
      (request: object) => sns(JSON.stringify(request)),
      (request: object) => eventBridge(request),
      (request: object) => sns(JSON.stringify(eventBridge(request))),
      (request: object) => eventBridge(sns(JSON.stringify(request))),
    )
    fc.assert(
      fc.property(crmRequest, wrap, (request, put) => {
        const { request: parsed, known } = parse(put(request))
        const plain: Record<string, unknown> = { ...withTextIds(request) }
        expect(parsed).toMatchObject(plain)
        expect(parsed).toMatchObject({ door: 'queue', accountId: '70123456' })
        expect(known).toBeUndefined()
        const consumer = plain.consumer as { id?: string } | undefined
        if (consumer?.id !== undefined) expect(parsed.consumerId).toBe(consumer.id)
        else expect(parsed.consumerId).toMatch(/^request-[0-9a-f]{64}$/)
      }),
    )
  })

  test('that is handed over comes back as the same, in ASCII', () => {
    const known = fc.option(
      fc.record({
        outcome: fc.record(
          {
            status: fc.constantFrom('opened' as const, 'existing' as const),
            conversationId: fc.uuid(),
            messageStatus: fc.constantFrom('sent' as const, 'not_sent' as const, 'unknown' as const),
          },
          { requiredKeys: ['status'] },
        ),
        lpConsumerId: fc.stringMatching(/^[0-9a-f]{64}$/),
      }),
      { nil: undefined },
    )
    fc.assert(
      fc.property(fc.oneof(formRequest, crmRequest), known, MESSAGE_ID, (request, found, messageId) => {
        const accepted = { ...parse(request, messageId).request, door: 'form' as const }
        const body = toHandedOver(accepted, found)
        expect(body).toMatch(/^[\u0020-\u007e]*$/)
        expect(parse(body, 'another-message')).toEqual({ request: accepted, known: found })
      }),
    )
  })

  test('with a lost outcome that LivePerson could not have had is refused', () => {
    const { request } = parse({ route: 'order-help' })
    const known = { outcome: { status: 'rejected' }, lpConsumerId: 'a' } as KnownOutcome
    expect(() => parse(toHandedOver(request, known))).toThrow(InvalidRequestError)
  })
})

describe('the request id', () => {
  const body = { route: 'order-help' }
  test.each<[string, unknown, string]>([
    ['is its own first', sns(JSON.stringify({ ...body, requestId: 'its-own-id' })), 'its-own-id'],
    ['is the SNS message’s', sns(JSON.stringify(body)), 'sns-000001'],
    ['is the EventBridge event’s', eventBridge(body), 'eventbridge-1'],
    ['is the inner event’s', sns(JSON.stringify(eventBridge(body))), 'eventbridge-1'],
    ['is the message’s where an event has one that can’t be used', eventBridge(body, 'x'), 'message-0001'],
    ['is the message’s', body, 'message-0001'],
  ])('%s', (_, content, requestId) => {
    expect(parse(content).request.requestId).toBe(requestId)
  })
})
