import type { Context } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createHandler } from '../../functions/open-from-form.ts'
import { type Config, readConfig } from '../../lib/config/environment.ts'
import { formBudget } from '../../lib/conversation/time-budget.ts'
import { createOpenService } from '../../lib/service/open.ts'
import { createPatientService, drain } from '../support/drain.ts'
import {
  askStatus,
  bodyOf,
  formEvent,
  ORDER_HELP,
  ORDERS_SKILL,
  type Service,
  startWorld,
  submit,
  type World,
} from '../support/world.ts'

let world: World
let service: Service
let serial = 0

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => {
  service = world.createService()
})
afterEach(async () => {
  world.livePerson.reset()
  await world.receiveQuarantine()
  await world.receiveHandOvers()
})

const newId = () => `form-test-${process.pid}-${++serial}`
const request = (members: object = {}) => ({
  requestId: newId(),
  campaign: ORDER_HELP,
  consumer: { firstName: 'Ana', lastName: 'Iversen 🦊', email: 'ana@example.org', phone: '+4520000000' },
  ...members,
})
const goneQueue = () => `${world.sqs.url}/000000000000/gone`
const livePersonCalls = () =>
  world.livePerson.requests().filter(({ service: name }) => name !== 'domain').length

describe('a form', () => {
  test('is told what was left out of it, at once and later', async () => {
    const body = request({ consumer: { firstName: 'Ana\u202e' } })
    const answer = await submit(service, body)
    const warnings = [
      {
        path: 'consumer.firstName',
        message: 'had control or bidi-override characters, which were removed',
      },
    ]
    expect(bodyOf(answer)).toMatchObject({ status: 'opened', warnings })
    expect(bodyOf(await askStatus(service, body.requestId))).toEqual(bodyOf(answer))
    expect(world.livePerson.conversations()[0]?.profile.firstName).toBe('Ana')
  })

  test('opens a conversation that is routed to the skill of its engagement', async () => {
    const body = request()
    const answer = await submit(service, body)
    const [conversation] = world.livePerson.conversations()
    expect(answer.statusCode).toBe(201)
    expect(bodyOf(answer)).toEqual({
      requestId: body.requestId,
      status: 'opened',
      conversationId: conversation?.conversationId,
    })
    expect(conversation).toMatchObject({ ...ORDER_HELP, state: 'OPEN', accountId: '70123456' })
    expect(String(conversation?.skillId)).toBe(ORDERS_SKILL)
    expect(conversation?.profile).toMatchObject({
      firstName: 'Ana',
      lastName: 'Iversen 🦊',
      privateData: { mail: 'ana@example.org', mobileNum: '+4520000000' },
    })
  })

  test('needs two calls to LivePerson in a warm container', async () => {
    await submit(service, request())
    const before = livePersonCalls()
    await submit(service, request())
    expect(livePersonCalls() - before).toBe(2)
  })

  test('with a route goes to the route’s campaign, with the route’s attributes', async () => {
    const { campaign: _, ...body } = request({ route: 'vip' })
    expect((await submit(service, body)).statusCode).toBe(201)
    expect(JSON.stringify(world.livePerson.conversations()[0]?.body)).toContain('"ctype":"vip"')
  })

  test('can be URL-encoded, in base64 or not', async () => {
    const fields = new URLSearchParams({
      requestId: newId(),
      'campaign.campaignId': ORDER_HELP.campaignId,
      'campaign.engagementId': ORDER_HELP.engagementId,
      'consumer.firstName': 'Zoë & Co',
      'consumer.phone': '',
      'context.lang': 'en-GB',
      message: 'Hello\nthere',
    })
    const headers = { 'content-type': 'application/x-www-form-urlencoded; charset=UTF-8' }
    const base64 = Buffer.from(fields.toString()).toString('base64')
    const first = await submit(service, fields.toString(), { headers })
    const again = await submit(service, base64, { headers, isBase64Encoded: true })
    expect([first.statusCode, again.statusCode]).toEqual([201, 200])
    expect(bodyOf(first).messageStatus).toBe('sent')
    expect(bodyOf(again)).toEqual(bodyOf(first))
    expect(world.livePerson.conversations()).toMatchObject([
      { profile: { firstName: 'Zoë & Co' }, messages: [{ text: 'Hello\nthere' }] },
    ])
  })

  test('that is repeated is answered from the ledger', async () => {
    const body = request()
    const first = await submit(service, body)
    const again = await submit(world.createService(), body)
    expect(again.statusCode).toBe(200)
    expect(bodyOf(again)).toEqual(bodyOf(first))
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('without an id gets a random one, with which its status can be read', async () => {
    const { requestId: _, ...body } = request()
    const { requestId, conversationId } = bodyOf(await submit(service, body))
    expect(requestId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-/)
    const status = await askStatus(service, requestId)
    expect(status.statusCode).toBe(200)
    expect(bodyOf(status)).toEqual({ requestId, status: 'opened', conversationId })
  })

  test.each([
    ['without quotes', (id: string) => id],
    ['in quotes', (id: string) => `"${id}"`],
  ])('uses the Idempotency-Key, %s, rather than the body’s id', async (_, write) => {
    const key = newId()
    const answer = await submit(service, request(), { headers: { 'idempotency-key': write(key) } })
    expect(bodyOf(answer).requestId).toBe(key)
  })

  test('opens a conversation even if the message fails', async () => {
    world.livePerson.faults.add({ service: 'send', kind: 'status', status: 503 })
    const answer = await submit(service, request({ message: 'My order is late' }))
    expect(answer.statusCode).toBe(201)
    expect(bodyOf(answer).messageStatus).toBe('unknown')
    expect(world.livePerson.conversations()).toHaveLength(1)
  })
})

test('the time that a slow bot check takes does not shorten the lease', async () => {
  const startedAt = 1_800_000_000_000
  const endsAt = startedAt + 15_000
  let time = startedAt
  const budgets: unknown[] = []
  const slow: Service = {
    ...service,
    now: () => time,
    acceptForm: async (submission) => {
      time += 2500
      return service.acceptForm(submission)
    },
    attempt: async (_job, _carrier, budget) => {
      budgets.push(budget)
      return { kind: 'opening' }
    },
  }
  const context = { getRemainingTimeInMillis: () => endsAt - time } as Context
  await createHandler(() => slow)(formEvent(request()), context)
  expect(budgets).toEqual([formBudget(startedAt, endsAt, service.formDeadlineMs)])
})

describe('each error code of a form', () => {
  const large = { ...request(), message: 'x'.repeat(16_384) }
  const campaign = { campaignId: '3120045610', engagementId: '3120047710' }
  const wrong = (path: string) => ({ status: 400, code: 'invalid_request', path })

  test.each<[string, unknown, Parameters<typeof submit>[2], { status: number; code: string; path?: string }]>(
    [
      ['no body', '', {}, wrong('')],
      ['not JSON', '{"campaign":', {}, wrong('')],
      ['a bare number', '5', {}, wrong('')],
      ['null', 'null', {}, wrong('')],
      ['an array', '[]', {}, wrong('')],
      ['an unknown member', { campaign, skill: 1 }, {}, wrong('skill')],
      ['an unknown nested member', { campaign, consumer: { nickname: 'x' } }, {}, wrong('consumer.nickname')],
      ['a wrong type', { campaign, consumer: { firstName: 5 } }, {}, wrong('consumer.firstName')],
      ['half a campaign', { campaign: { campaignId: '1' } }, {}, wrong('campaign.engagementId')],
      ['no campaign and no route', { consumer: {} }, {}, wrong('campaign')],
      ['a campaign and a route', { campaign, route: 'vip' }, {}, wrong('campaign')],
      [
        'an id that is not decimal',
        { campaign: { ...campaign, campaignId: '1e3' } },
        {},
        wrong('campaign.campaignId'),
      ],
      [
        'an id above 2^53',
        '{"campaign":{"campaignId":9007199254740993,"engagementId":1}}',
        {},
        wrong('campaign.campaignId'),
      ],
      ['a prototype key', '{"__proto__":{"route":"vip"},"route":"vip"}', {}, wrong('__proto__')],
      [
        'a prototype key in a URL-encoded form',
        '__proto__.route=vip',
        { headers: { 'content-type': 'application/x-www-form-urlencoded' } },
        wrong('__proto__'),
      ],
      ['an unknown route', { route: 'nowhere' }, {}, wrong('route')],
      ['a route named like a prototype member', { route: 'constructor' }, {}, wrong('route')],
      ['an account', { campaign, accountId: '70123456' }, {}, wrong('accountId')],
      ['a consumer id', { campaign, consumer: { id: 'crm-1' } }, {}, wrong('consumer.id')],
      [
        'customer info',
        { campaign, engagementAttributes: [{ type: 'ctmrinfo', info: { ctype: 'vip' } }] },
        {},
        wrong('engagementAttributes.0'),
      ],
      [
        'an SDE of an unsupported type',
        { campaign, engagementAttributes: [{ type: 'cart' }] },
        {},
        wrong('engagementAttributes.0.type'),
      ],
      [
        'a store member',
        { campaign, engagementAttributes: [{ type: 'personal', personal: { storeNumber: '1' } }] },
        {},
        wrong('engagementAttributes.0.personal.storeNumber'),
      ],
      [
        'an object that pretends to have a length',
        '{"route":"vip","consumer":{"email":{"length":[{"toString":0}]}}}',
        {},
        wrong('consumer.email'),
      ],
      ['a short id', { campaign, requestId: 'short' }, {}, wrong('requestId')],
      [
        'a header id with spaces',
        { campaign },
        { headers: { 'idempotency-key': 'not an id at all' } },
        wrong('Idempotency-Key'),
      ],
      ['invalid base64', 'e30*', { isBase64Encoded: true }, wrong('')],
      [
        'bytes that are not UTF-8',
        Buffer.from([0x22, 0xff, 0x22]).toString('base64'),
        { isBase64Encoded: true },
        wrong(''),
      ],
      [
        'a duplicate field',
        'route=vip&route=vip',
        { headers: { 'content-type': 'application/x-www-form-urlencoded' } },
        wrong('route'),
      ],
      ['a message above the limit', { campaign, message: 'é'.repeat(4600) }, {}, wrong('message')],
      ['more than 16,384 characters', large, {}, { status: 413, code: 'payload_too_large' }],
      [
        'more than 16,384 characters in base64',
        Buffer.from(JSON.stringify(large)).toString('base64'),
        { isBase64Encoded: true },
        { status: 413, code: 'payload_too_large' },
      ],
      [
        'text',
        'hello',
        { headers: { 'content-type': 'text/plain' } },
        { status: 415, code: 'unsupported_media_type' },
      ],
      [
        'a compressed body',
        '{}',
        { headers: { 'content-encoding': 'gzip' } },
        { status: 415, code: 'unsupported_media_type' },
      ],
      [
        'JSON that is called a form',
        JSON.stringify({ campaign }),
        { headers: { 'content-type': 'application/x-www-form-urlencoded' } },
        wrong('Content-Type'),
      ],
      [
        'another charset',
        '{}',
        { headers: { 'content-type': 'application/json; charset=latin1' } },
        { status: 415, code: 'unsupported_media_type' },
      ],
      ['a route for the queue', { route: 'crm-upgrade' }, {}, { status: 403, code: 'campaign_not_allowed' }],
      [
        'a foreign origin',
        { campaign },
        { headers: { origin: 'https://evil.example' } },
        { status: 403, code: 'origin_not_allowed' },
      ],
    ],
  )('%s is refused without a call to LivePerson', async (_, body, init, { status, code, path }) => {
    const answer = await submit(service, body, init)
    const problem = bodyOf(answer)
    expect(answer.headers?.['content-type']).toBe('application/problem+json')
    expect({ status: answer.statusCode, code: problem.code }).toEqual({ status, code })
    expect(problem.status).toBe(status)
    if (path !== undefined)
      expect(problem.errors.map((error: { path: string }) => error.path)).toContain(path)
    expect(world.livePerson.requests()).toEqual([])
  })

  test('422 request_id_reused: the same id with different content', async () => {
    const body = request()
    await submit(service, body)
    const answer = await submit(service, { ...body, message: 'Another wish' })
    expect([answer.statusCode, bodyOf(answer).code]).toEqual([422, 'request_id_reused'])
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('422 liveperson_rejected: LivePerson refuses, and later copies are answered from the ledger', async () => {
    const body = request({ campaign: { campaignId: '9', engagementId: '9' } })
    const first = await submit(service, body)
    const again = await submit(service, body)
    expect([first.statusCode, bodyOf(first).code]).toEqual([422, 'liveperson_rejected'])
    expect(bodyOf(again)).toEqual(bodyOf(first))
    expect(world.livePerson.requests({ service: 'conversation' })).toHaveLength(1)
    expect(bodyOf(await askStatus(service, body.requestId))).toMatchObject({
      status: 'rejected',
      code: 'liveperson_rejected',
    })
  })

  test('503 liveperson_unavailable: LivePerson and the queue are unavailable. A repeat works', async () => {
    const body = request()
    const lost = world.createService({ config: { handOverQueueUrl: goneQueue() } })
    world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503 })
    const answer = await submit(lost, body)
    expect([answer.statusCode, bodyOf(answer).code]).toEqual([503, 'liveperson_unavailable'])
    expect(bodyOf(await askStatus(service, body.requestId)).status).toBe('failed')
    expect((await submit(service, body)).statusCode).toBe(201)
  })

  test('503 credentials_refused: Sentinel refuses every secret, and the queue is unavailable', async () => {
    const lost = world.createService({ config: { handOverQueueUrl: goneQueue() } })
    world.livePerson.faults.add({ service: 'sentinel', kind: 'status', status: 401, times: 10 })
    const answer = await submit(lost, request())
    expect([answer.statusCode, bodyOf(answer).code]).toEqual([503, 'credentials_refused'])
  })

  test('503 service_unavailable: the table and the queue are unavailable', async () => {
    const lost = world.createService({
      config: { stateTable: 'gone', handOverQueueUrl: goneQueue() },
    })
    const answer = await submit(lost, request())
    expect([answer.statusCode, bodyOf(answer).code]).toEqual([503, 'service_unavailable'])
    expect(world.livePerson.conversations()).toEqual([])
  })

  test('503 says what to do: the hand-over and the ledger fail', async () => {
    const body = request()
    const lost = world.createService({ config: { stateTable: 'gone', handOverQueueUrl: goneQueue() } })
    const answer = await submit(lost, body)
    expect(answer.statusCode).toBe(503)
    expect(answer.headers).toMatchObject({
      'content-type': 'application/problem+json',
      'retry-after': '5',
    })
    expect(bodyOf(answer)).toMatchObject({
      status: 503,
      code: 'service_unavailable',
      retryable: true,
      requestId: body.requestId,
      detail: expect.stringContaining('Send the request again with the same requestId.'),
    })
    expect(answer.body).not.toMatch(/DynamoDB|SQS/)
    // Nothing is known of it, so the sender repeats it under the same id, and one conversation is opened.
    expect((await askStatus(service, body.requestId)).statusCode).toBe(404)
    expect((await submit(service, body)).statusCode).toBe(201)
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('500 invalid_config: a secret is missing, and the queue is unavailable. The response doesn’t name it', async () => {
    const lost = world.createService({
      config: { secretIdPrefix: 'nothing-here', handOverQueueUrl: goneQueue() },
    })
    const answer = await submit(lost, request())
    expect([answer.statusCode, bodyOf(answer).code]).toEqual([500, 'invalid_config'])
    expect(answer.body).not.toContain('nothing-here')
  })

  test('500 invalid_config: a variable is missing. The response doesn’t name it', async () => {
    const answer = await submit(() => createOpenService(readConfig({})), request())
    expect([answer.statusCode, bodyOf(answer).code]).toEqual([500, 'invalid_config'])
    expect(answer.body).not.toContain('STATE_TABLE')
  })

  test('500 internal_error: an unexpected error. The response doesn’t quote it', async () => {
    const answer = await submit(() => {
      throw new TypeError('secret-words')
    }, request())
    expect([answer.statusCode, bodyOf(answer).code]).toEqual([500, 'internal_error'])
    expect(answer.body).not.toContain('secret-words')
  })

  test('404 not_found: no form request has the id', async () => {
    const answer = await askStatus(service, 'never-was-here')
    expect([answer.statusCode, bodyOf(answer).code]).toEqual([404, 'not_found'])
  })
})

test('a hand-over that fails is logged, with the operation', async () => {
  const lost = world.createService({ config: { handOverQueueUrl: goneQueue() } })
  const error = vi.spyOn(lost.log, 'error')
  world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503 })
  await submit(lost, request())
  const lines = error.mock.calls.map(([message, { code }, fields]) => [
    message,
    code,
    fields?.failures?.map(({ step, error: { message: detail } }) => `${step}: ${detail}`),
  ])
  expect(lines).toEqual([
    [
      'Request failed',
      'liveperson_unavailable',
      ['hand_over: SQS SendMessage to the hand-over queue failed.'],
    ],
  ])
})

describe('a form that only an operator can help', () => {
  test.each<[string, Partial<Config>, string]>([
    ['a secret is missing', { secretIdPrefix: 'nothing-here' }, 'invalid_config'],
    ['the table is missing', { stateTable: 'gone' }, 'service_unavailable'],
  ])('is queued, gets 202, and is opened once that is repaired: %s', async (_, config, code) => {
    const body = request()
    const broken = createPatientService(world, { config })
    const error = vi.spyOn(broken.log, 'error')
    const answer = await submit(broken, body)
    expect([answer.statusCode, bodyOf(answer)]).toEqual([
      202,
      { requestId: body.requestId, status: 'queued' },
    ])
    expect(error.mock.calls.map(([message, { code }]) => [message, code])).toContainEqual([
      'Request queued',
      code,
    ])
    await drain(world)
    expect(bodyOf(await askStatus(service, body.requestId)).status).toBe('opened')
    expect(world.livePerson.conversations()).toHaveLength(1)
  })
})

describe('a form that LivePerson doesn’t accept in time', () => {
  test.each([
    ['429', { kind: 'status', status: 429 }],
    ['503', { kind: 'status', status: 503 }],
    ['HTML', { kind: 'html' }],
    ['a reset', { kind: 'reset' }],
  ] as const)('is queued and gets 202: %s', async (_, fault) => {
    const body = request()
    world.livePerson.faults.add({ service: 'conversation', ...fault, times: Number.POSITIVE_INFINITY })
    const answer = await submit(service, body)
    expect(answer.statusCode).toBe(202)
    expect(bodyOf(answer)).toEqual({ requestId: body.requestId, status: 'queued' })
    expect(answer.headers?.location).toMatch(/^conversations\/form-test-[0-9-]+\?holder=[0-9a-f]{16}$/)
    expect(answer.headers?.['retry-after']).toBe('5')
    expect(bodyOf(await askStatus(service, body.requestId)).status).toBe('queued')
  })
})
