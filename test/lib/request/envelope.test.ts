import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError, InvalidRequestError } from '../../../lib/errors/errors.ts'
import { refuseForeign, unwrap } from '../../../lib/request/envelope.ts'
import { isPlaceholder } from '../../../lib/request/placeholder.ts'
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
    ['an inner id that is null', sns(eventBridge(EVENT, null)), 'sns-000001'],
    ['an inner id that is empty', eventBridge(sns(EVENT, '')), 'eventbridge-1'],
    ['an inner id that a template left empty', eventBridge(sns(EVENT, 'undefined')), 'eventbridge-1'],
    ['an inner id that is 0', eventBridge(sns(EVENT, 0)), 'eventbridge-1'],
    [
      'an inner id that is the nil UUID',
      eventBridge(sns(EVENT, '00000000-0000-0000-0000-000000000000')),
      'eventbridge-1',
    ],
    ['an inner id of white space', eventBridge(sns(EVENT, ' \n')), 'eventbridge-1'],
    ['no id at all', eventBridge(EVENT, null), undefined],
    ['EventBridge without the member', { detail: EVENT, 'detail-type': 'x' }, undefined],
    ['SNS without the member', { Type: 'Notification', Message: JSON.stringify(EVENT) }, undefined],
  ])('%s: the event and the innermost id', (_, value, eventId) => {
    expect(unwrap(value)).toEqual({ input: EVENT, eventId, occurredAt: undefined })
  })

  test('an id that is no request id is replaced by its hash. A new formula needs a new version', () => {
    expect(unwrap(sns(eventBridge(EVENT, 'short'))).eventId).toBe(
      'envelope-v1-45c64a701df8ff2bfd81761e7d50e70c2479cfd3d533c2a1a184c0a13b768f35',
    )
  })

  describe('any value as an id', () => {
    const anyId = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.stringMatching(/^[A-Za-z0-9._:-]{1,140}$/),
      fc.integer(),
      fc.double(),
      fc.jsonValue({ maxDepth: 2 }),
    )
    const place = fc.constantFrom<((id: unknown) => unknown)[]>(
      (id) => sns(EVENT, id),
      (id) => eventBridge(EVENT, id),
      (id) => sns(eventBridge(EVENT, id)),
      (id) => eventBridge(sns(EVENT, id)),
    )
    const isAbsent = (id: unknown) =>
      id === null || (['string', 'number'].includes(typeof id) && isNothing(String(id).trim()))
    const isNothing = (id: string) => id === '' || isPlaceholder(id)
    /** What a queue delivers. */
    const delivered = (value: unknown): unknown => JSON.parse(JSON.stringify(value) ?? 'null')

    test('is a valid request id, and the same one at each delivery', () => {
      fc.assert(
        fc.property(anyId, place, (id, put) => {
          const { eventId } = unwrap(delivered(put(id)))
          if (isAbsent(delivered(id))) return
          expect(eventId).toMatch(/^[A-Za-z0-9._:-]{8,128}$/)
          expect(unwrap(delivered(put(id))).eventId).toBe(eventId)
        }),
        { numRuns: 2000 },
      )
    })

    test('is another request id than any other value', () => {
      const written = (id: unknown) => JSON.stringify(typeof id === 'number' ? String(id) : id)
      fc.assert(
        fc.property(anyId, anyId, place, (one, other, put) => {
          fc.pre(!isAbsent(delivered(one)) && !isAbsent(delivered(other)))
          fc.pre(written(delivered(one)) !== written(delivered(other)))
          expect(unwrap(delivered(put(one))).eventId).not.toBe(unwrap(delivered(put(other))).eventId)
        }),
        { numRuns: 2000 },
      )
    })

    test('is kept if it is a request id', () => {
      fc.assert(
        fc.property(fc.stringMatching(/^[A-Za-z._:-][A-Za-z0-9._:-]{8,127}$/), place, (id, put) => {
          fc.pre(!isPlaceholder(id))
          expect(unwrap(put(id)).eventId).toBe(id)
        }),
        { numRuns: 1000 },
      )
    })
  })

  test.each<[string, unknown]>([
    ['an array', [EVENT]],
    ['null', null],
    ['text', 'Notification'],
    ['SNS without a message', { Type: 'Notification', MessageId: 'sns-000001' }],
    ['another type of SNS message', { ...sns(EVENT), Type: 'SubscriptionConfirmation' }],
    ['EventBridge without a detail', { id: 'eventbridge-1', 'detail-type': 'x' }],
    ['EventBridge without a type', { id: 'eventbridge-1', detail: EVENT }],
  ])('%s is no envelope, and returned as it is', (_, value) => {
    expect(unwrap(value)).toEqual({ input: value, eventId: undefined, occurredAt: undefined })
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

describe('refuseForeign', () => {
  const cloudEvent = { specversion: '1.0', id: 'ce-000001', source: '/crm', type: 'crm.upgrade', data: EVENT }
  const pointer = { s3BucketName: 'large-events', s3Key: 'b7/4f' }
  const record = {
    messageId: 'message-0001',
    eventSource: 'aws:sqs',
    body: JSON.stringify(EVENT),
    attributes: {},
  }
  const confirmation = { Type: 'SubscriptionConfirmation', MessageId: 'sns-000001', Token: 't' }

  test.each<[string, unknown, RegExp]>([
    ['CloudEvents', cloudEvent, /^is in a CloudEvents envelope.* Send only what its data holds/],
    ['CloudEvents without data', { ...cloudEvent, data: undefined }, /CloudEvents/],
    [
      'CloudEvents with extensions',
      { ...cloudEvent, traceparent: '00-1-2-01', data_base64: 'e30=' },
      /CloudEvents/,
    ],
    ['a batch of CloudEvents', [cloudEvent, cloudEvent], /CloudEvents/],
    ['a pointer', ['software.amazon.payloadoffloading.PayloadS3Pointer', pointer], /pointer to S3/],
    ['an old pointer', ['com.amazon.sqs.javamessaging.MessageS3Pointer', pointer], /pointer to S3/],
    ['a pointer of other clients', pointer, /^is a pointer to S3 .* Send the event itself/],
    ['a record', record, /record of another queue.* input template of docs\/event-sources\.md$/],
    ['JSON in JSON', JSON.stringify(EVENT), /^is JSON in a JSON string/],
    ['a change event of Salesforce', { ChangeEventHeader: {}, Tier__c: 'Gold' }, /another system/],
    ['a relayed one', { payload: { ChangeEventHeader: {} }, schemaId: 's' }, /another system/],
    ['an event of Zendesk', { ticket_event: {} }, /another system/],
    ['an event of Shopify', { payload: {}, metadata: {} }, /another system/],
    ['a request to confirm', confirmation, /aws sns confirm-subscription/],
  ])('says what it is and what to do: %s', (_, input, message) => {
    expect(() => refuseForeign(input)).toThrow(InvalidRequestError)
    expect(() => refuseForeign(input)).toThrow(
      expect.objectContaining({ findings: [{ path: '', message: expect.stringMatching(message) }] }),
    )
  })

  test.each<[string, unknown]>([
    ['an event', EVENT],
    ['an event with members of such names', { ...EVENT, source: 'crm', type: 'x' }],
    ['an event with one of two members', { ...EVENT, payload: {} }],
    ['an event that names a version', { ...EVENT, specversion: '1.0' }],
    ['text', 'hello'],
    ['text that is JSON, but no object', '[1]'],
    ['an array', [EVENT]],
    ['null', null],
  ])('leaves it to the schema: %s', (_, input) => {
    expect(refuseForeign(input)).toBeUndefined()
  })

  test('never throws anything else', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        try {
          refuseForeign(value)
        } catch (error) {
          expect(error).toBeInstanceOf(InvalidRequestError)
        }
      }),
    )
  })
})
