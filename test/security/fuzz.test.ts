import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { idempotencyKeyOf, readBody } from '../../functions/http/event.ts'
import { parseForm } from '../../lib/request/form.ts'
import {
  ACCOUNT,
  deliver,
  formEvent,
  jobOf,
  ORDER_HELP,
  type Service,
  STAGE,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../support/world.ts'
import { isHandled } from './handled.ts'

/** 20,000 cases in total. */
const RUNS = { formParser: 6000, formHandler: 4000, recordParser: 6000, queueHandler: 4000 }

let world: World
let service: Service
const quarantined: string[] = []

beforeAll(async () => {
  world = await startWorld()
  const real = world.createService({ stage: { ...STAGE, origins: ['https://www.example.com'] } })
  // The real doors, without LivePerson: every accepted request counts as opened.
  service = {
    ...real,
    report: () => undefined,
    delayRecord: async () => undefined,
    attempt: async () => ({
      kind: 'finished',
      outcome: { status: 'opened', conversationId: 'c-1' },
      repeated: false,
    }),
    quarantine: async ({ error }) => {
      quarantined.push(error.code)
    },
  }
})
afterAll(() => world.close())

const NAMES = [
  'requestId',
  'accountId',
  'route',
  'campaign',
  'campaignId',
  'engagementId',
  'consumer',
  'id',
  'firstName',
  'email',
  'engagementAttributes',
  'type',
  'info',
  'personal',
  'contacts',
  'ttr',
  'context',
  'lang',
  'message',
  'handedOver',
  'door',
  'consumerId',
  'fingerprint',
  'request',
  'facts',
  'conversation',
  'Type',
  'Message',
  'MessageId',
  'detail',
  'detail-type',
  'cf-turnstile-response',
  '__proto__',
  'constructor',
  'toString',
  'length',
  '0',
  '1',
  '',
  '.',
]
const VALUES = [
  'order-help',
  ACCOUNT,
  'ctmrinfo',
  'personal',
  'NORMAL',
  'Notification',
  'form',
  'queue',
  '\ud800',
]

/** JSON that is similar to a request. */
const near: fc.Arbitrary<unknown> = fc.letrec<{ value: unknown; object: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom(...VALUES),
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.integer(),
    fc.double(),
    fc.constantFrom(null, true, false, [], {}, 1e308, -0),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('object'),
  ),
  object: fc.dictionary(fc.oneof(fc.constantFrom(...NAMES), fc.string({ maxLength: 8 })), tie('value'), {
    maxKeys: 6,
  }),
})).object

/** A valid request with one member replaced. */
const nearlyGood = fc
  .tuple(fc.constantFrom(...NAMES), near)
  .map(([name, value]) => ({ campaign: ORDER_HELP, consumer: { firstName: 'Ana' }, [name]: value }))

/** A valid request, with any text. */
const good = fc.record(
  {
    campaign: fc.constant(ORDER_HELP),
    consumer: fc.record(
      { firstName: fc.string({ unit: 'grapheme' }), description: fc.string({ unit: 'grapheme' }) },
      { requiredKeys: [] },
    ),
    context: fc.record({ visitorId: fc.string({ unit: 'grapheme' }) }, { requiredKeys: [] }),
    message: fc.string({ unit: 'grapheme', minLength: 1 }),
  },
  { requiredKeys: ['campaign'] },
)

const wrapped = fc.oneof(
  near,
  good,
  nearlyGood,
  near.map((inner) => ({ Type: 'Notification', MessageId: 'm-12345678', Message: JSON.stringify(inner) })),
  near.map((detail) => ({ id: 'e-12345678', 'detail-type': 'x', detail })),
  near.map((request) => ({
    handedOver: {
      door: 'form',
      requestId: 'r-12345678',
      accountId: ACCOUNT,
      consumerId: 'x',
      fingerprint: '0'.repeat(64),
      request,
    },
  })),
)

/** JSON, any text, and JSON with a part replaced by other text. */
const json = fc.oneof(
  wrapped.map((value) => JSON.stringify(value)),
  fc.string({ unit: 'binary' }),
  fc.tuple(wrapped, fc.nat(), fc.string({ unit: 'binary', maxLength: 5 })).map(([value, at, put]) => {
    const text = JSON.stringify(value)
    return text.slice(0, at % (text.length + 1)) + put + text.slice((at * 7) % (text.length + 1))
  }),
)

const fields = fc
  .array(
    fc.tuple(
      fc.array(fc.constantFrom(...NAMES), { minLength: 1, maxLength: 5 }).map((parts) => parts.join('.')),
      fc.oneof(
        fc.constantFrom(...VALUES),
        fc.string({ maxLength: 20 }),
        fc.constantFrom('%', '%FF', '%ED%A0%80'),
      ),
    ),
    { maxLength: 12 },
  )
  .map((pairs) => pairs.map(([name, value]) => `${name}=${value}`).join('&'))

const headers = fc.record(
  {
    'content-type': fc.constantFrom(
      'application/json',
      'application/json',
      'application/json; charset=utf-8',
      'application/x-www-form-urlencoded',
      'application/x-www-form-urlencoded',
      'text/plain',
      ';;;=',
    ),
    'idempotency-key': fc.oneof(
      fc.constant('key-12345678'),
      fc.constant('"key-12345678"'),
      fc.string({ unit: 'binary', maxLength: 20 }),
    ),
    authorization: fc.oneof(fc.constant('Bearer a.b.c'), fc.string({ unit: 'binary', maxLength: 20 })),
    origin: fc.constantFrom('https://www.example.com', 'https://www.example.com', 'https://evil.example', ''),
  },
  { requiredKeys: ['content-type'] },
)

const formSubmit = fc
  .tuple(fc.oneof(json, json, fields), headers, fc.constantFrom(false, false, false, true), fc.boolean())
  .map(([text, given, isBase64Encoded, isHonest]) => ({
    body: isBase64Encoded && isHonest ? Buffer.from(text).toString('base64') : text,
    headers: given,
    isBase64Encoded,
  }))

describe('for any input', () => {
  test('the form’s parser accepts or refuses it, and throws no other error', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(formSubmit, ({ body, ...init }) => {
        const event = formEvent(body, init)
        seen.add(
          isHandled(() => {
            idempotencyKeyOf(event)
            return parseForm(readBody(event))
          }),
        )
      }),
      { numRuns: RUNS.formParser },
    )
    expect([...seen].toSorted()).toEqual(['accepted', 'refused'])
  })

  test('the queue’s parser accepts or refuses it, and throws no other error', () => {
    const { stage } = world.configOf()
    const seen = new Set<string>()
    fc.assert(
      fc.property(json, (body) => {
        seen.add(isHandled(() => jobOf(stage, toRecord(body))))
      }),
      { numRuns: RUNS.recordParser },
    )
    expect([...seen].toSorted()).toEqual(['accepted', 'refused'])
  })

  test('the form’s handler never returns 5xx or a long response', async () => {
    const seen = new Set<number | undefined>()
    await fc.assert(
      fc.asyncProperty(formSubmit, async ({ body, ...init }) => {
        const { statusCode = 500, body: answer = '' } = await submit(service, body, init)
        expect(statusCode).toBeLessThan(500)
        expect(answer.length).toBeLessThan(16_384)
        seen.add(statusCode)
      }),
      { numRuns: RUNS.formHandler },
    )
    expect([...seen].toSorted()).toEqual(expect.arrayContaining([201, 400, 401, 403, 415]))
  })

  test('the queue’s handler opens or quarantines every record', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(json, { minLength: 1, maxLength: 3 }), async (bodies) => {
        expect(
          await deliver(
            service,
            bodies.map((body) => toRecord(body)),
          ),
        ).toEqual({ batchItemFailures: [] })
      }),
      { numRuns: RUNS.queueHandler },
    )
    expect(new Set(quarantined)).toEqual(new Set(['invalid_request']))
  })
})
