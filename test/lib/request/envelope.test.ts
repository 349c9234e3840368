import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError } from '../../../lib/errors/errors.ts'
import { unwrap } from '../../../lib/request/envelope.ts'
import { anyJson } from '../../support/requests.ts'

const EVENT = { route: 'order-help' }
const sns = (content: unknown, MessageId: unknown = 'sns-000001') => ({
  Type: 'Notification',
  MessageId,
  TopicArn: 'arn:aws:sns:eu-west-1:000000000000:crm',
  Message: JSON.stringify(content),
})
const eventBridge = (detail: unknown, id: unknown = 'eventbridge-1') => ({
  version: '0',
  id,
  'detail-type': 'Upgrade',
  source: 'crm',
  detail,
})

describe('unwrap', () => {
  test.each<[string, unknown, string | undefined]>([
    ['a plain event', EVENT, undefined],
    ['SNS', sns(EVENT), 'sns-000001'],
    ['EventBridge', eventBridge(EVENT), 'eventbridge-1'],
    ['EventBridge in SNS', sns(eventBridge(EVENT)), 'eventbridge-1'],
    ['SNS in EventBridge', eventBridge(sns(EVENT)), 'sns-000001'],
    ['an envelope whose id is not a valid request id', eventBridge(EVENT, 'short'), undefined],
    ['an envelope whose id is not a string', sns(EVENT, { toString: 0 }), undefined],
    ['an inner envelope whose id is not a valid request id', sns(eventBridge(EVENT, 'short')), undefined],
  ])('%s: the event and the innermost id', (_, value, eventId) => {
    expect(unwrap(value)).toEqual({ input: EVENT, eventId })
  })

  test.each<[string, unknown]>([
    ['an array', [EVENT]],
    ['null', null],
    ['text', 'Notification'],
    ['SNS without an id', { Type: 'Notification', Message: '{}' }],
    ['another type of SNS message', { ...sns(EVENT), Type: 'SubscriptionConfirmation' }],
    ['EventBridge without a detail', { id: 'eventbridge-1', 'detail-type': 'x' }],
    ['EventBridge without an id', { detail: EVENT, 'detail-type': 'x' }],
  ])('%s is no envelope, and returned as it is', (_, value) => {
    expect(unwrap(value)).toEqual({ input: value, eventId: undefined })
  })

  test.each<[string, unknown, object]>([
    ['an object', { ...sns(EVENT), Message: EVENT }, { path: 'Message', message: 'must be a string' }],
    ['not JSON', { ...sns(EVENT), Message: 'hello' }, { path: '', message: 'is not valid JSON' }],
    [
      'JSON with a duplicate key',
      { ...sns(EVENT), Message: '{"a":1,"a":2}' },
      { path: 'a', message: 'is a duplicate key' },
    ],
  ])('an SNS message that is %s is refused', (_, value, finding) => {
    expect(() => unwrap(value)).toThrow(expect.objectContaining({ findings: [finding] }))
  })

  test('any content comes out of any envelope', () => {
    const content = fc
      .jsonValue({ maxDepth: 2 })
      .map((value) => JSON.stringify(value))
      .filter((text) => !text.includes('__proto__'))
      .map((text): unknown => JSON.parse(text))
    const wrap = fc.constantFrom(
      (value: unknown) => sns(value),
      (value: unknown) => eventBridge(value),
      (value: unknown) => sns(eventBridge(value)),
      (value: unknown) => eventBridge(sns(eventBridge(sns(value)))),
    )
    fc.assert(
      fc.property(content, wrap, (value, put) => {
        expect(unwrap(put(value)).input).toEqual(value)
      }),
    )
  })

  test('nothing but an AppError is thrown', () => {
    const wrap = fc.constantFrom(
      (value: unknown) => value,
      (value: unknown) => sns(value),
      (value: unknown) => ({ ...sns(''), Message: value }),
      (value: unknown) => eventBridge(value, value),
    )
    fc.assert(
      fc.property(anyJson, wrap, (value, put) => {
        try {
          unwrap(put(value))
        } catch (error) {
          if (!(error instanceof AppError)) throw error
        }
      }),
    )
  })
})
