import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AppError, InvalidRequestError } from '../../../lib/errors/errors.ts'
import { refuseForeign, unwrap } from '../../../lib/request/envelope.ts'
import { isPlaceholder } from '../../../lib/request/placeholder.ts'
import { anyJson } from '../../support/requests.ts'

const EVENT = { route: 'order-help' }
const fixture = (name: string): unknown =>
  JSON.parse(readFileSync(new URL(`../../fixtures/event-sources/${name}.json`, import.meta.url), 'utf8'))
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
    ['an inner id that is true', sns(eventBridge(EVENT, true)), 'sns-000001'],
    ['an inner id of flags', sns(eventBridge(EVENT, { isTest: false })), 'sns-000001'],
    ['an inner id that is empty', eventBridge(sns(EVENT, '')), 'eventbridge-1'],
    ['an inner id that a template left empty', eventBridge(sns(EVENT, 'undefined')), 'eventbridge-1'],
    ['an inner id that is 0', eventBridge(sns(EVENT, 0)), 'eventbridge-1'],
    [
      'an inner id that is the nil UUID',
      eventBridge(sns(EVENT, '00000000-0000-0000-0000-000000000000')),
      'eventbridge-1',
    ],
    ['an inner id of white space', eventBridge(sns(EVENT, ' \n')), 'eventbridge-1'],
    ...[true, false, {}, [], [null], [''], [[]], { a: null }, { a: [true, {}] }].map(
      (id): [string, unknown, string] => [
        `an inner id that says nothing, ${JSON.stringify(id)}`,
        eventBridge(sns(EVENT, id)),
        'eventbridge-1',
      ],
    ),
    ...['true', 'FALSE', ' true '].map((id): [string, unknown, string] => [
      `an inner id that is a boolean in a text, ${id}`,
      eventBridge(sns(EVENT, id)),
      'eventbridge-1',
    ]),
    ...[
      2 ** 53,
      -(2 ** 53),
      1e300,
      Number.POSITIVE_INFINITY,
      [2 ** 53],
      { account: 'crm', n: 2 ** 60 },
      { account: 'crm', n: Number.NEGATIVE_INFINITY },
      1 / 3,
    ].map((id): [string, unknown, string] => [
      `an inner id that may have lost digits, ${JSON.stringify(id)}`,
      eventBridge(sns(EVENT, id)),
      'eventbridge-1',
    ]),
    [
      'an inner id that is the largest safe integer',
      sns(eventBridge(EVENT, 2 ** 53 - 1)),
      '9007199254740991',
    ],
    ['no id at all', eventBridge(EVENT, null), undefined],
    ['EventBridge without the member', { detail: EVENT, 'detail-type': 'x' }, undefined],
    ['SNS without the member', { Type: 'Notification', Message: JSON.stringify(EVENT) }, undefined],
  ])('%s: the event and the innermost id', (_, value, eventId) => {
    expect(unwrap(value)).toMatchObject({ input: EVENT, eventId, occurredAt: undefined })
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
      fc.jsonValue({ maxDepth: 2 }).filter(
        // The key is refused, wherever it is.
        (id) => !JSON.stringify(id).includes('"__proto__"'),
      ),
    )
    const place = fc.constantFrom<((id: unknown) => unknown)[]>(
      (id) => sns(EVENT, id),
      (id) => eventBridge(EVENT, id),
      (id) => sns(eventBridge(EVENT, id)),
      (id) => eventBridge(sns(EVENT, id)),
    )
    const isAbsent = (id: unknown) => leavesOf(id).every(isNothing) || leavesOf(id).some(hasLostDigits)
    const leavesOf = (id: unknown): readonly unknown[] =>
      typeof id === 'object' && id !== null ? Object.values(id).flatMap(leavesOf) : [id]
    const isNothing = (leaf: unknown) =>
      leaf === null ||
      typeof leaf === 'boolean' ||
      ['', 'true', 'false'].includes(String(leaf).trim().toLowerCase()) ||
      isPlaceholder(String(leaf).trim())
    const hasLostDigits = (leaf: unknown) =>
      typeof leaf === 'number' &&
      (Number.isInteger(leaf) ? !Number.isSafeInteger(leaf) : Number(leaf.toPrecision(15)) !== leaf)
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

  describe('the time', () => {
    const AT = Date.UTC(2020, 1, 29, 12, 30, 45)
    const timeOf = (time: unknown) => unwrap({ ...eventBridge(EVENT), time }).occurredAt

    test.each([
      ['the inner one', '2020-02-29T12:30:46Z', '2020-02-29T12:30:45Z'],
      ['the outer one', '2020-02-29T12:30:45Z', '2020-02-29T12:30:46Z'],
      ['the only one, outside', '2020-02-29T12:30:45Z', undefined],
      ['the only one, inside', undefined, '2020-02-29T12:30:45Z'],
    ])('is the earliest of two envelopes: %s', (_, outer, inner) => {
      const value = { ...sns({ ...eventBridge(EVENT), time: inner }), Timestamp: outer }
      expect(unwrap(value).occurredAt).toBe(AT)
    })

    test.each<[string, unknown, number]>([
      ['RFC 3339', '2020-02-29T12:30:45Z', AT],
      ['seconds, with an exponent of two digits', '0.1582979445e10', AT],
      ['seconds, with an exponent', '1.582979445e9', AT],
      ['the first number that is milliseconds', '100000000000', 100_000_000_000],
      ['in lower case', '2020-02-29t12:30:45z', AT],
      ['with a space', '2020-02-29 12:30:45Z', AT],
      ['with a space before the zone', '2020-02-29 13:30:45 +0100', AT],
      ['with a zone of hours only', '2020-02-29T13:30:45+01', AT],
      ['with UTC', '2020-02-29 12:30:45 UTC', AT],
      ['as Go writes it', '2020-02-29 12:30:45.5 +0000 UTC', AT + 500],
      ['as Java writes it', '2020-02-29T13:30:45+01:00[Europe/Copenhagen]', AT],
      ['without a zone', '2020-02-29T12:30:45', AT],
      ['without a zone, with a fraction of .NET', '2020-02-29T12:30:45.1234567', AT + 123],
      ['with a comma', '2020-02-29T12:30:45,123Z', AT + 123],
      ['with nanoseconds', '2020-02-29T12:30:45.123456789Z', AT + 123],
      ['in the basic format', '20200229T123045Z', AT],
      ['without seconds', '2020-02-29T12:30Z', Date.UTC(2020, 1, 29, 12, 30)],
      ['a day', '2020-02-29', Date.UTC(2020, 1, 29)],
      ['a leap second', '2016-12-31T23:59:60Z', Date.UTC(2016, 11, 31, 23, 59, 59)],
      [
        'a leap second in lower case, elsewhere',
        '2017-01-01t00:59:60.5+01:00',
        Date.UTC(2016, 11, 31, 23, 59, 59, 500),
      ],
      ['with white space around it', ' 2020-02-29T12:30:45Z\n', AT],
      ['RFC 9110', 'Sat, 29 Feb 2020 12:30:45 GMT', AT],
      ['RFC 5322', 'Sat, 29 Feb 2020 13:30:45 +0100', AT],
      ['JavaScript’s toString', 'Sat Feb 29 2020 13:30:45 GMT+0100 (Central European Standard Time)', AT],
      ['Java’s toString', 'Sat Feb 29 12:30:45 UTC 2020', AT],
      ...[AT / 1000, AT / 1000 + 0.123, AT, AT * 1000, AT * 1e6].flatMap(
        (epoch): [string, unknown, number][] => [
          [`${epoch}, since the epoch`, epoch, Number.isInteger(epoch) ? AT : AT + 123],
          [`${epoch}, since the epoch, as text`, String(epoch), Number.isInteger(epoch) ? AT : AT + 123],
        ],
      ),
      ['the first second that is one', 100_000_000, 100_000_000_000],
      ['seconds as Java writes a double', '1.582979445E9', AT],
    ])('is recognized: %s', (_, time, at) => {
      expect(timeOf(time)).toBe(at)
    })

    test.each<unknown>([
      ...[undefined, null, '', ' ', true, {}, [], 0, -1, 31, 99_999_999, 1e30, Number.NaN],
      ...['yesterday', 'crm 1', '0', '31', '1e99', '2020', '2020-13-01T00:00:00Z', '2020-02-29T25:00:00Z'],
      ...['2020-02-29T12:30:45X', 'Sat', '01/02/2020', '2020-02-29T12:30:45+25:00'],
      ['2020-02-29T12:30:45Z'],
    ])('is not known: %j', (time) => {
      expect(timeOf(time)).toBeUndefined()
    })

    test('is the same instant in every spelling, for any instant', () => {
      const anyTime = fc.integer({ min: 1_000_000_000, max: 4_000_000_000 })
      fc.assert(
        fc.property(anyTime, (seconds) => {
          const at = seconds * 1000
          const iso = new Date(at).toISOString()
          const spellings = [
            iso,
            iso.toLowerCase(),
            iso.replace('T', ' '),
            iso.replace('Z', ''),
            iso.replace('.000Z', '+00:00'),
            iso.replace('.000Z', '-0000'),
            iso.replaceAll(/[-:]/g, ''),
            new Date(at).toUTCString(),
            new Date(at).toString(),
            seconds,
            at,
            String(seconds),
            String(at),
          ]
          expect(spellings.filter((time) => timeOf(time) !== at)).toEqual([])
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
    expect(unwrap(value)).toEqual({ input: value, eventId: undefined, occurredAt: undefined, at: '' })
  })

  test.each<[string, unknown, object]>([
    ['an object', { ...sns(EVENT), Message: EVENT }, { path: 'Message', message: 'must be a string' }],
    ['not JSON', { ...sns(EVENT), Message: 'hello' }, { path: 'Message', message: 'is not valid JSON' }],
    [
      'JSON with a duplicate key',
      { ...sns(EVENT), Message: '{"a":1,"a":2}' },
      { path: 'Message.a', message: 'is a duplicate key' },
    ],
    [
      'not JSON, in an event of EventBridge',
      { ...eventBridge(undefined), detail: { ...sns(EVENT), Message: 'hello' } },
      { path: 'detail.Message', message: 'is not valid JSON' },
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
    [
      'a record',
      record,
      /record of another queue.* input template of docs\/event-sources\.md, under Another queue$/,
    ],
    ['JSON in JSON', JSON.stringify(EVENT), /^is JSON in a JSON string/],
    ['JSON in JSON in JSON', JSON.stringify(JSON.stringify(EVENT)), /^is JSON in a JSON string/],
    ['a list of events in JSON', JSON.stringify([EVENT]), /^is JSON in a JSON string/],
    [
      'a pointer in JSON',
      JSON.stringify(['software.amazon.payloadoffloading.PayloadS3Pointer', pointer]),
      /pointer to S3/,
    ],
    ['a pointer in JSON in JSON', JSON.stringify(JSON.stringify(pointer)), /pointer to S3/],
    ['CloudEvents in JSON', JSON.stringify(cloudEvent), /CloudEvents/],
    [
      'a pointer of JavaScript',
      { S3Payload: { Id: 'b7', Bucket: 'large-events', Key: 'b7.json', Location: 'https://example.com' } },
      /pointer to S3/,
    ],
    [
      'an old CloudEvent',
      { cloudEventsVersion: '0.1', eventID: '1', source: '/crm', data: EVENT },
      /CloudEvents/,
    ],
    [
      'a message as the SQS API returns it',
      { MessageId: 'm', ReceiptHandle: 'r', Body: '{}' },
      /record of another queue/,
    ],
    [
      'a record of a stream',
      { eventSource: 'aws:kinesis', data: 'e30=' },
      /record of another queue or stream/,
    ],
    [
      'a change in DynamoDB',
      { eventSource: 'aws:dynamodb', dynamodb: {} },
      /record of another queue or stream/,
    ],
    [
      'an event of a later version of Zendesk',
      { zendesk_event_version: '2030-01-01', type: 'x' },
      /event of Zendesk/,
    ],
    ['a product of Shopify', { id: 1, admin_graphql_api_id: 'gid://' }, /event of Shopify/],
    ['records of another queue', { Records: [record] }, /record of another queue/],
    [
      'a change event of Salesforce',
      { ChangeEventHeader: {}, Tier__c: 'Gold' },
      /^is an event of Salesforce\. .* docs\/event-sources\.md, under Salesforce$/,
    ],
    ['a relayed one', { payload: { ChangeEventHeader: {} }, schemaId: 's' }, /event of Salesforce/],
    ['a platform event', { payload: { CreatedById: '005' }, schemaId: 's', id: '1' }, /event of Salesforce/],
    [
      'a platform event of the streaming API',
      { schema: 's', payload: {}, event: { replayId: 1 } },
      /event of Salesforce/,
    ],
    [
      'an event of Zendesk',
      { ticket_event: {} },
      /^is an event of Zendesk\. .* docs\/event-sources\.md, under Zendesk$/,
    ],
    ['a webhook of Zendesk', fixture('zendesk-webhook'), /event of Zendesk/],
    [
      'a webhook of Zendesk about another thing',
      { account_id: 1, detail: {}, subject: 'zen:user:1', type: 'zen:event-type:user.created' },
      /event of Zendesk/,
    ],
    [
      'an event of Shopify',
      { payload: {}, metadata: {} },
      /^is an event of Shopify\. .* docs\/event-sources\.md, under Shopify$/,
    ],
    [
      'an order of Shopify',
      { id: 5623419874307, admin_graphql_api_id: 'gid://shopify/Order/5623419874307' },
      /event of Shopify/,
    ],
    [
      'a contact of HubSpot',
      fixture('hubspot'),
      /^is an event of HubSpot\. .* docs\/event-sources\.md, under HubSpot$/,
    ],
    ['a contact of HubSpot, in JSON', JSON.stringify(fixture('hubspot')), /event of HubSpot/],
    [
      'a list of changes of HubSpot',
      [
        {
          eventId: 1,
          subscriptionId: 2,
          portalId: 3,
          appId: 4,
          occurredAt: 5,
          subscriptionType: 'contact.creation',
          objectId: 6,
        },
      ],
      /event of HubSpot/,
    ],
    ['a request to confirm', confirmation, /aws sns confirm-subscription/],
    [
      'a confirmation that a subscription ended',
      { ...confirmation, Type: 'UnsubscribeConfirmation' },
      /aws sns confirm-subscription/,
    ],
    ['a CloudEvent with data only', { specversion: '1.0', data: EVENT }, /CloudEvents/],
    ['a CloudEvent with binary data only', { specversion: '1.0', data_base64: 'e30=' }, /CloudEvents/],
    ['a CloudEvent with a source only', { specversion: '1.0', source: '/crm' }, /CloudEvents/],
    ['a record of Kinesis', { eventSource: 'aws:kinesis', kinesis: {} }, /record of another queue/],
    ['a change event of Salesforce only', { ChangeEventHeader: {} }, /event of Salesforce/],
    ['one below a payload', { payload: { ChangeEventHeader: {} } }, /event of Salesforce/],
    ['a contact of a workflow of HubSpot', { vid: 1, properties: {} }, /event of HubSpot/],
    ['an old contact of HubSpot', { 'canonical-vid': 1 }, /event of HubSpot/],
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
    ['an event that names its source', { ...EVENT, eventSource: 'crm' }],
    ['an event with a body', { ...EVENT, body: 'x', kinesis: 'x' }],
    ['an event with a vid', { ...EVENT, vid: 1 }],
    ['an event with properties', { ...EVENT, properties: {} }],
    ['text', 'hello'],
    ['text that is JSON, but no object', '[1]'],
    ['text that is JSON of text', '"hello"'],
    ['an array', [EVENT]],
    ['null', null],
  ])('leaves it to the schema: %s', (_, input) => {
    expect(refuseForeign(input)).toBeUndefined()
  })

  test('decodes four levels of JSON in JSON', () => {
    const encoded = (times: number): string =>
      times === 0 ? '' : JSON.stringify(encoded(times - 1) || pointer)
    expect(() => refuseForeign(encoded(4))).toThrow(InvalidRequestError)
    expect(refuseForeign(encoded(5))).toBeUndefined()
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
