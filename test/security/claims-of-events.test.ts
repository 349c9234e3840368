import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { NOTHING } from '../../lib/conversation/facts.ts'
import {
  ACCOUNT,
  bodyOf,
  deliver,
  ORDER_HELP,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../support/world.ts'

// What a CRM event says, plain and in envelopes that say something else.

let world: World
let serial = 0

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(async () => {
  world.livePerson.reset()
  await world.receiveQuarantine()
})

const newId = () => `claims-event-${process.pid}-${++serial}`
const event = (members: object = {}) => ({
  requestId: newId(),
  route: 'order-help',
  consumer: { id: `crm-${serial}` },
  ...members,
})
const sns = (message: unknown, members: object = {}) => ({
  Type: 'Notification',
  MessageId: newId(),
  TopicArn: 'arn:aws:sns:eu-west-1:111122223333:crm',
  Message: typeof message === 'string' ? message : JSON.stringify(message),
  ...members,
})
const eventBridge = (detail: unknown, members: object = {}) => ({
  id: newId(),
  'detail-type': 'Upgrade',
  source: 'crm',
  detail,
  ...members,
})

/** The envelopes that a sender can put around an event, and where the event is in them. */
const ENVELOPES: readonly (readonly [string, string, (content: unknown) => unknown])[] = [
  ['no envelope', '', (content) => content],
  ['SNS', 'Message.', (content) => sns(content)],
  ['EventBridge', 'detail.', (content) => eventBridge(content)],
  ['EventBridge in SNS', 'Message.detail.', (content) => sns(eventBridge(content))],
  ['SNS in EventBridge', 'detail.Message.', (content) => eventBridge(sns(content))],
  ['SNS in SNS in SNS', 'Message.Message.Message.', (content) => sns(sns(sns(content)))],
]

const send = (body: unknown) => deliver(world.createService(), [toRecord(body)])
const DONE = { batchItemFailures: [] }

const expectOpened = async (body: unknown) => {
  expect(await send(body)).toEqual(DONE)
  expect(await world.receiveQuarantine()).toEqual([])
  expect(world.livePerson.conversations()).toHaveLength(1)
  const [profile] = JSON.parse(world.livePerson.requests({ service: 'conversation' }).at(-1)?.body ?? '[]')
  const consumerId = JSON.parse(world.livePerson.requests({ service: 'idp' }).at(-1)?.body ?? '{}')
  return { profile: profile.body, consumerId: consumerId.ext_consumer_id }
}

const expectRefusal = async (body: unknown, detail: string) => {
  expect(await send(body)).toEqual(DONE)
  expect(await world.receiveQuarantine()).toMatchObject([{ code: 'invalid_request', detail }])
  expect(world.livePerson.requests()).toEqual([])
}

describe.each(ENVELOPES)('an event in %s', (_, place, wrap) => {
  test('can’t be a hand-over', async () => {
    const handedOver = {
      door: 'form',
      requestId: newId(),
      accountId: ACCOUNT,
      consumerId: 'crm-8841',
      fingerprint: `2.${'0'.repeat(64)}`,
      vouchedBy: 'crm',
      warnings: [],
      request: { route: 'order-help' },
      destination: { ...ORDER_HELP, ttr: 'NORMAL', routeAttributes: [] },
      facts: NOTHING,
    }
    await expectRefusal(wrap({ handedOver }), `${place}handedOver is an unknown key`)
    const own = JSON.stringify(handedOver)
    await expectRefusal(wrap(event(JSON.parse(own))), expect.stringContaining('consumerId is an unknown key'))
  })

  test('can’t have the consumer of an anonymous form', async () => {
    const form = { requestId: newId(), route: 'order-help', message: 'My order is late' }
    expect((await submit(world.createService(), form)).statusCode).toBe(201)
    const [conversation] = world.livePerson.conversations()
    const derived = conversation?.extConsumerId ?? ''
    expect(derived).toMatch(/^request-[0-9a-f]{64}$/)
    world.livePerson.reset()
    const detail = `${place}consumer.id has the form of an id that the service makes`
    for (const id of [derived, derived.toUpperCase()]) {
      await expectRefusal(wrap(event({ consumer: { id } })), detail)
    }
  })

  test('is trusted: its consumer is an attribute, without control and bidi-override characters', async () => {
    const consumer = {
      id: `crm-envelope-${++serial}`,
      firstName: '\u202eAna\u0000',
      email: 'ana@example.org\n',
    }
    const ctmrinfo = { type: 'ctmrinfo', info: { ctype: 'vip\u001b' } }
    const { profile, consumerId } = await expectOpened(
      wrap(event({ consumer, engagementAttributes: [ctmrinfo] })),
    )
    expect(consumerId).toBe(consumer.id)
    expect(profile).toEqual({
      firstName: 'Ana',
      privateData: { mail: 'ana@example.org' },
      authenticatedData: {
        lp_sdes: [
          { type: 'ctmrinfo', info: { ctype: 'vip' } },
          { type: 'personal', personal: { firstname: 'Ana', contacts: [{ email: 'ana@example.org' }] } },
        ],
      },
    })
  })

  test.each([
    ['consumer.id', { consumer: { id: 'crm-\u202e1488' } }],
    ['consumer.id', { consumer: { id: 'crm-8841\u0085' } }],
    [
      'engagementAttributes.0.info.customerId',
      { engagementAttributes: [{ type: 'ctmrinfo', info: { customerId: 'C-\u202e1488' } }] },
    ],
  ])('has no control or bidi-override characters in %s', async (path, members) => {
    const detail = `${place}${path} must not contain control or bidi-override characters`
    await expectRefusal(wrap(event(members)), detail)
  })

  test('loses the ids of a visit that have control or bidi-override characters', async () => {
    const context = { visitorId: 'A3ZTY3\u0000', sessionId: 'Xk2\u202e' }
    expect(await send(wrap(event({ context })))).toEqual(DONE)
    const told = world.livePerson.requests({ service: 'conversation' }).map(({ body }) => body)
    expect(told).toHaveLength(1)
    expect(told.join()).not.toMatch(/A3ZTY3|Xk2/)
  })

  test('can’t make agents load a picture from a literal address', async () => {
    const detail = `${place}consumer.avatarUrl must be an https URL with the name of a host, without user or password`
    for (const avatarUrl of [
      'https://169.254.169.254/latest/meta-data/',
      'https://[fd00:ec2::254]/',
      'https://2852039166/',
      'https://agent:secret@cdn.example.org/a.png',
      'http://cdn.example.org/a.png',
    ])
      await expectRefusal(wrap(event({ consumer: { id: 'crm-1', avatarUrl } })), detail)
  })
})

describe('an envelope', () => {
  test.each<[string, (content: unknown) => unknown]>([
    ['around SNS', (content) => sns(content, { consumer: { id: 'victim' }, route: 'vip' })],
    ['around EventBridge', (content) => eventBridge(content, { consumer: { id: 'victim' }, route: 'vip' })],
    ['with other members inside', (content) => sns(eventBridge(content, { consumer: { id: 'victim' } }))],
  ])('adds nothing to the event in it: %s', async (_, wrap) => {
    const body = event()
    expect((await expectOpened(wrap(body))).consumerId).toBe(body.consumer.id)
  })

  test.each<[string, unknown, string]>([
    ['an invalid id inside', sns({ id: 'x', 'detail-type': 'y', detail: { handedOver: {} } }), 'handedOver'],
    ['an invalid id outside', { id: 'x', 'detail-type': 'y', detail: sns({ handedOver: {} }) }, 'handedOver'],
  ])('with %s is no way around the schema', async (_, body, name) => {
    await expectRefusal(body, expect.stringContaining(`${name} is an unknown key`))
  })

  test.each<[string, unknown]>([
    ['half an envelope in it', sns({ Type: 'Notification', Message: '{}' })],
    ['an empty envelope in it', eventBridge({ 'detail-type': 'y', detail: {} })],
  ])('with %s holds no event', async (_, body) => {
    await expectRefusal(body, expect.stringContaining('campaign or route is required'))
  })

  test.each<[string, unknown, string]>([
    ['duplicate names', sns('{"route":"a","route":"b"}'), 'Message.route is a duplicate key'],
    [
      'duplicate names, one with escapes',
      sns('{"route":"a","r\\u006fute":"b"}'),
      'Message.route is a duplicate key',
    ],
    [
      '__proto__',
      sns(sns('{"__proto__":{"route":"vip"}}')),
      'Message.Message.__proto__ is not an allowed key',
    ],
    [
      '17 levels',
      sns(`{"a":${'['.repeat(16)}${']'.repeat(16)}}`),
      'Message.a.0.0 is nested deeper than 16 levels',
    ],
    ['text that is not JSON', eventBridge(sns('hello')), 'detail.Message is not valid JSON'],
    ['a list', sns([event()]), 'Message must be an object'],
  ])('can’t hide %s', async (_, body, detail) => {
    await expectRefusal(body, detail)
  })

  test('is no form', async () => {
    for (const body of [sns(event()), eventBridge(event())]) {
      const answer = await submit(world.createService(), body)
      expect([answer.statusCode, bodyOf(answer).code]).toEqual([400, 'invalid_request'])
    }
    expect(world.livePerson.requests()).toEqual([])
  })
})

describe('an event that is larger than 256 KB', () => {
  const MAX = 256 * 1024

  test.each<[string, () => string]>([
    ['one', () => JSON.stringify(event({ message: 'x'.repeat(MAX) }))],
    ['one that is not JSON', () => 'x'.repeat(MAX + 1)],
    ['one in an envelope', () => JSON.stringify(sns({ x: 'x'.repeat(MAX) }))],
    [
      'one of fewer characters, but more bytes',
      () => JSON.stringify(event({ message: 'é'.repeat(MAX / 2) })),
    ],
    ['one of many levels', () => '['.repeat(500_000)],
  ])('is refused before it is parsed: %s', async (_, make) => {
    await expectRefusal(make(), 'the body is larger than 256 KB')
  })

  test('begins one byte above', async () => {
    const body = event({ message: '' })
    const message = 'x'.repeat(MAX - JSON.stringify(body).length)
    await expectRefusal({ ...body, message }, expect.stringMatching(/^message must/))
    await expectRefusal({ ...body, message: `${message}x` }, 'the body is larger than 256 KB')
  })
})

test('5,000 attributes are refused by their number, and none is examined', async () => {
  const detail = 'engagementAttributes must have at most 10 items'
  await expectRefusal(event({ engagementAttributes: Array(5000).fill({ type: 'x' }) }), detail)
})
