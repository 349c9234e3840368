import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createOutbound, type Outbound } from '../../lib/net/outbound.ts'
import { createClient, member, sendBody } from '../local/liveperson/client.ts'
import {
  ACCOUNT,
  askStatus,
  bodyOf,
  CRM_UPGRADE,
  deliver,
  ORDER_HELP,
  type Service,
  STAGE,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../support/world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(async () => {
  world.livePerson.reset()
  await world.receiveQuarantine()
})

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

const event = (members: object = {}) => ({
  requestId: `crm-${randomUUID()}`,
  campaign: CRM_UPGRADE,
  consumer: { id: `contact-${randomUUID()}`, firstName: 'Ida' },
  ...members,
})

const form = (members: object = {}) => ({ requestId: randomUUID(), route: 'order-help', ...members })

const fields = (members: Readonly<Record<string, string>>) =>
  new URLSearchParams({ route: 'order-help', ...members }).toString()

/** Delivers a record. Returns what is in quarantine then. */
const give = async (body: unknown, service: Service = world.createService()) => {
  expect(await deliver(service, [toRecord(body)])).toEqual({ batchItemFailures: [] })
  return world.receiveQuarantine()
}

const opened = () => world.livePerson.conversations()

describe('a CRM event', () => {
  test.each<[string, object]>([
    ['null for a name', { consumer: { id: 'contact-a', firstName: 'Ida', lastName: null } }],
    ['an empty ttr', { ttr: '' }],
    ['an empty picture', { consumer: { id: 'contact-a', firstName: 'Ida', avatarUrl: '' } }],
    ['null for every object', { engagementAttributes: null, context: null, accountId: null, route: null }],
    ['an empty message', { message: '' }],
  ])('with %s is opened without it', async (_, members) => {
    expect(await give(event(members))).toEqual([])
    expect(opened()).toMatchObject([{ profile: { firstName: 'Ida' }, ttr: 'NORMAL', messages: [] }])
    expect(JSON.stringify(opened()[0]?.body)).not.toMatch(/null|""/)
  })

  test('with numbers for ids is opened with the same consumer as with texts', async () => {
    const service = world.createService()
    const attributes = (customerId: unknown) => [{ type: 'ctmrinfo', info: { customerId } }]
    const requestId = Date.now()
    const numbers = { requestId, accountId: Number(ACCOUNT), consumer: { id: 40127 } }
    expect(await give(event({ ...numbers, engagementAttributes: attributes(40127) }), service)).toEqual([])
    const texts = { requestId: String(requestId), accountId: ACCOUNT, consumer: { id: '40127' } }
    expect(await give(event({ ...texts, engagementAttributes: attributes('40127') }), service)).toEqual([])
    expect(opened()).toMatchObject([
      {
        extConsumerId: '40127',
        profile: { authenticatedData: { lp_sdes: [{ type: 'ctmrinfo', info: { customerId: '40127' } }] } },
      },
    ])
    expect(world.livePerson.requests({ service: 'conversation' })).toHaveLength(1)
  })

  test('with attributes that say nothing keeps those of its route and of its consumer', async () => {
    const service = world.createService()
    const { campaign, ...rest } = event()
    const empty = [
      { type: 'ctmrinfo', info: { ctype: null, customerId: '' } },
      { type: 'personal', personal: { firstname: null, contacts: [{ phone: '', phoneType: 'MOBILE' }] } },
      { type: 'ctmrinfo', info: [] },
    ]
    expect(await give({ ...rest, route: 'vip', engagementAttributes: empty }, service)).toEqual([])
    expect(await give({ ...rest, route: 'vip' }, service)).toEqual([])
    expect(opened()).toMatchObject([
      {
        profile: {
          authenticatedData: {
            lp_sdes: expect.arrayContaining([
              { type: 'ctmrinfo', info: { ctype: 'vip' } },
              { type: 'personal', personal: { firstname: 'Ida' } },
            ]),
          },
        },
      },
    ])
  })

  test.each([7, -1])('may have the number %d for its request id', async (requestId) => {
    const service = world.createService()
    const consumer = { id: `contact-${randomUUID()}` }
    expect(await give(event({ requestId, consumer }), service)).toEqual([])
    expect(await give(event({ requestId, consumer }), service)).toEqual([])
    expect(opened()).toHaveLength(1)
  })

  test('is opened whatever is below its context, in an envelope, too', async () => {
    const { requestId, ...rest } = event()
    const detail = JSON.stringify(rest).replace('{', '{"context":{"lang":"en","lang":"de","x":1,"x":2},')
    const envelope = `{"version":"0","id":"${randomUUID()}","detail-type":"Upgrade","source":"crm","detail":${detail}}`
    const notification = JSON.stringify({ Type: 'Notification', MessageId: randomUUID(), Message: envelope })
    for (const body of [detail, envelope, notification]) expect(await give(body)).toEqual([])
    expect(world.livePerson.requests({ service: 'conversation' }).at(-1)?.body).not.toContain('"lang"')
  })

  test('with a placeholder for its consumer is quarantined by the name of the member', async () => {
    const service = world.createService()
    for (const id of ['undefined', '{{contact.id}}', 0]) {
      const consumer = { id, firstName: 'Ida' }
      expect(await give(event({ consumer, message: 'Hello' }), service)).toMatchObject([
        { code: 'invalid_request', detail: expect.stringContaining('consumer.id') },
      ])
    }
    expect(opened()).toEqual([])
  })

  test('is the same request if another runtime writes it', async () => {
    const service = world.createService()
    const id = `contact-${randomUUID()}`
    const plain = `{"requestId":"${id}","campaign":{"campaignId":3120045610,"engagementId":3120047711},"consumer":{"id":"${id}","firstName":"Chloé"},"message":"one\\ntwo"}`
    const others = [
      `\ufeff {\r\n "message":"one\\r\\ntwo", "consumer":{"firstName":"Chloe\\u0301","id":"${id}","phone":""},"ttr":null,"campaign":{"engagementId":"3120047711","campaignId":"3120045610"},"requestId":"${id}"}\r\n`,
      plain.replace('3120045610', '3.12004561E9').replace('3120047711', '3120047711.0'),
    ]
    for (const body of [plain, ...others]) expect(await give(body, service)).toEqual([])
    expect(opened()).toMatchObject([{ profile: { firstName: 'Chloé' }, messages: [{ text: 'one\ntwo' }] }])
    expect(opened()).toHaveLength(1)
  })

  test('keeps its attributes if the case of a language is wrong', async () => {
    const personal = { firstname: 'Ida', language: 'da-dk', contacts: [{ address: { country: 'dk' } }] }
    const engagementAttributes = [
      { type: 'personal', personal },
      { type: 'ctmrinfo', info: { ctype: 'gold' } },
    ]
    expect(await give(event({ engagementAttributes }))).toEqual([])
    expect(opened()).toMatchObject([
      {
        profile: {
          authenticatedData: {
            lp_sdes: [
              { personal: { language: 'da-DK', contacts: [{ address: { country: 'DK' } }] } },
              { info: { ctype: 'gold' } },
            ],
          },
        },
      },
    ])
  })

  test.each(['sv', 'es-419', 'sr-Latn'])(
    'with the language %s is quarantined by its name',
    async (language) => {
      const engagementAttributes = [{ type: 'personal', personal: { language } }]
      expect(await give(event({ engagementAttributes }))).toMatchObject([
        { code: 'invalid_request', detail: expect.stringContaining('personal.language') },
      ])
      expect(opened()).toEqual([])
    },
  )
})

describe('a form', () => {
  test('of a script and the browser’s own submit of it are one request', async () => {
    const service = world.createService()
    const requestId = randomUUID()
    const send = (message: string) => submit(service, fields({ requestId, message }), { headers: FORM })
    expect((await send('first\nsecond')).statusCode).toBe(201)
    expect((await send('first\r\nsecond')).statusCode).toBe(200)
    const json = await submit(
      service,
      form({ requestId, message: 'first\r\nsecond', ttr: '', context: null }),
    )
    expect(json.statusCode).toBe(200)
    expect(opened()).toMatchObject([{ messages: [{ text: 'first\nsecond' }] }])
  })

  test('may have 1,900 Chinese characters, as JSON and URL-encoded', async () => {
    const service = world.createService()
    const message = '消息'.repeat(950)
    for (const [body, headers] of [
      [form({ message }), {}],
      [fields({ message }), FORM],
      [JSON.stringify(form({ message })).replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16)}`), {}],
    ] as const)
      expect((await submit(service, body, { headers })).statusCode).toBe(201)
    expect(opened().map(({ messages }) => messages[0]?.text)).toEqual([message, message, message])
  })

  test.each<[string, string, Readonly<Record<string, string>>, number, RegExp]>([
    ['JSON that is called a form', JSON.stringify(form()), FORM, 400, /Content-Type/],
    ['JSON with a percent sign that is called a form', '{"message":"5% off"}', FORM, 400, /Content-Type/],
    ['a form that is called JSON', fields({}), {}, 400, /Content-Type/],
    ['a compressed body', JSON.stringify(form()), { 'content-encoding': 'gzip' }, 415, /Content-Encoding/],
    [
      'another charset',
      JSON.stringify(form()),
      { 'content-type': 'application/json; charset=windows-1252' },
      415,
      /charset in Content-Type/,
    ],
    ['a multipart form', '--x', { 'content-type': 'multipart/form-data; boundary=x' }, 415, /Content-Type/],
  ])('with %s gets a problem that names the header', async (_, body, headers, status, named) => {
    const answer = await submit(world.createService(), body, { headers })
    expect(answer.statusCode).toBe(status)
    expect(answer.body).toMatch(named)
  })

  test('with attributes as a page has them is opened with what they say', async () => {
    const accounts = STAGE.accounts.map((account) => ({
      ...account,
      form: { ...account.form, anonymousAttributes: 'allowed' },
    }))
    const engagementAttributes = [
      { type: 'personal', personal: { firstname: null, lastname: 'Holm', contacts: { email: null } } },
    ]
    const answer = await submit(
      world.createService({ stage: { ...STAGE, accounts } }),
      form({ engagementAttributes }),
    )
    expect(answer.statusCode).toBe(201)
    expect(opened()).toMatchObject([
      { profile: { authenticatedData: { lp_sdes: [{ type: 'personal', personal: { lastname: 'Holm' } }] } } },
    ])
  })

  test('with an integer for its request id has a status under its text', async () => {
    const service = world.createService()
    const { statusCode, body } = await submit(service, form({ requestId: 4711 }))
    expect([statusCode, JSON.parse(String(body)).requestId]).toEqual([201, '4711'])
    expect(bodyOf(await askStatus(service, '4711'))).toMatchObject({ requestId: '4711', status: 'opened' })
    expect(bodyOf(await askStatus(service, '4712'))).toMatchObject({ code: 'not_found' })
  })

  test('keeps the lines of its texts apart', async () => {
    const consumer = { description: 'one\r\ntwo\u2028three', firstName: 'Ana\r\nBerg' }
    await submit(world.createService(), form({ consumer, message: 'one\vtwo\u0085three' }))
    expect(opened()).toMatchObject([
      {
        profile: { description: 'one\ntwo\nthree', firstName: 'Ana Berg' },
        messages: [{ text: 'one\ntwo\nthree' }],
      },
    ])
  })

  test('is opened whatever the browser’s language is, and says what was left out', async () => {
    const service = world.createService()
    const context = { lang: 'en-GB-u-hc-h23', visitorId: ' visitor', sessionId: 77 }
    const request = form({ context })
    const warnings = [
      { path: 'context.visitorId', message: 'must not start or end with white space, so it was left out' },
      {
        path: 'context.lang',
        message: 'had more than a language, a script and a region. The other parts were left out',
      },
    ]
    const answer = await submit(service, request)
    expect(answer.statusCode).toBe(201)
    expect(bodyOf(answer).warnings).toEqual(warnings)
    expect(bodyOf(await submit(service, request)).warnings).toEqual(warnings)
    expect(bodyOf(await askStatus(service, request.requestId)).warnings).toEqual(warnings)
    expect(opened()).toMatchObject([{ context: { lang: 'en-GB', sessionId: '77' } }])
  })
})

describe('a language that is not the engagement’s', () => {
  const context = { lang: 'en-US', visitorId: 'visitor-1' }

  test('is sent', async () => {
    const answer = await submit(world.createService(), form({ context }))
    expect(answer.statusCode).toBe(201)
    expect(opened()).toMatchObject([{ context }])
  })

  test('costs no conversation if LivePerson refuses it, and is a warning', async () => {
    world.livePerson.settings.unknownLanguage = 'reject'
    const service = world.createService()
    const warn = vi.spyOn(service.log, 'warn')
    const request = form({ context, message: 'Hello' })
    const warnings = [{ path: 'context.lang', message: 'was refused by LivePerson, so it was left out' }]
    const answer = await submit(service, request)
    expect(answer.statusCode).toBe(201)
    expect(bodyOf(answer).warnings).toEqual(warnings)
    expect(bodyOf(await askStatus(service, request.requestId)).warnings).toEqual(warnings)
    expect(opened()).toMatchObject([{ ...ORDER_HELP, messages: [{ text: 'Hello' }] }])
    expect(opened()[0]?.context).toEqual({ type: 'SharkContext', visitorId: 'visitor-1' })
    expect(warn).toHaveBeenCalledWith("LivePerson refused a conversation's language, so it was left out", {
      accountId: ACCOUNT,
      requestId: request.requestId,
    })
  })

  test('costs no CRM event its conversation either', async () => {
    world.livePerson.settings.unknownLanguage = 'reject'
    expect(await give(event({ context }))).toEqual([])
    expect(opened()).toMatchObject([{ profile: { firstName: 'Ida' } }])
  })
})

describe('a profile that LivePerson refuses', () => {
  const call = createOutbound()
  const refuseProfiles: Outbound = async (sent) => {
    const result = await call(sent)
    if (result.kind !== 'answer' || !sent.url.includes('/conversation?')) return result
    const [profile, ...others] = JSON.parse(result.body)
    return {
      ...result,
      status: 400,
      body: JSON.stringify([{ ...profile, code: 'BAD_REQUEST' }, ...others]),
    }
  }

  test('is in the answer, in the status and in the log, with the request’s id', async () => {
    const service = world.createService({ outbound: refuseProfiles })
    const warn = vi.spyOn(service.log, 'warn')
    const request = form({ consumer: { firstName: 'Ida' } })
    const answer = await submit(service, request)
    expect(answer.statusCode).toBe(201)
    const warnings = [{ path: 'consumer', message: 'was refused by LivePerson, so agents see no profile' }]
    expect(bodyOf(answer).warnings).toEqual(warnings)
    expect(bodyOf(await askStatus(service, request.requestId)).warnings).toEqual(warnings)
    expect(warn).toHaveBeenCalledWith("LivePerson refused a consumer's profile", {
      accountId: ACCOUNT,
      requestId: request.requestId,
    })
  })

  test('is in the ledger, too, if the consumer’s conversation was open before', async () => {
    const service = world.createService({ outbound: refuseProfiles })
    const first = event()
    const second = event({ consumer: first.consumer })
    for (const body of [first, second]) expect(await give(body, service)).toEqual([])
    expect(opened()).toHaveLength(1)
    for (const [{ requestId }, status] of [
      [first, 'opened'],
      [second, 'existing'],
    ] as const)
      expect((await service.ledger.find([ACCOUNT], 'queue', requestId))[0]?.outcome).toMatchObject({
        status,
        profileRefused: true,
      })
  })
})

describe('Sentinel’s expires_in', () => {
  test.each(['absent', 'number', 'string'] as const)(
    'may be %s: the AppJWT is used as long as it lives, and renewed after that',
    async (expiresIn) => {
      Object.assign(world.livePerson.settings, { expiresIn, appJwtLifetimeSeconds: 600 })
      let late = 0
      const service = world.createService({ now: () => Date.now() + late })
      const jwts = () => world.livePerson.counts().sentinel
      for (const _ of [1, 2]) expect((await submit(service, form())).statusCode).toBe(201)
      expect(jwts()).toBe(1)
      late = 601_000
      world.livePerson.clock.advance(late)
      expect((await submit(service, form())).statusCode).toBe(201)
      expect(jwts()).toBe(2)
    },
  )
})

test('a record waits while its consumer’s own client has closed the main dialog and answers the survey', async () => {
  const service = world.createService()
  const first = event({ message: 'Hello' })
  expect(await give(first, service)).toEqual([])
  const conversationId = opened()[0]?.conversationId

  const client = createClient(world.livePerson)
  const headers = {
    ...(await client.headers(first.consumer.id)),
    'client-properties': JSON.stringify({ type: '.ClientProperties', features: ['MULTI_DIALOG'] }),
  }
  const closeDialog = (dialogId: unknown) => {
    const change = { field: 'DialogChange', type: 'UPDATE', dialog: { dialogId, state: 'CLOSE' } }
    return client.send(
      headers,
      sendBody('cm.UpdateConversationField', { conversationId, conversationField: change }),
    )
  }
  expect((await closeDialog(conversationId)).status).toBe(200)
  const survey = member((await client.inspect('conversations')).json, '0')
  expect(survey).toMatchObject({ state: 'OPEN', mainDialog: 'CLOSE' })

  const record = toRecord(event({ consumer: first.consumer, message: 'Once more' }))
  const waiting = { batchItemFailures: [{ itemIdentifier: record.messageId }] }
  expect(await deliver(service, [record])).toEqual(waiting)
  expect(opened()).toHaveLength(1)

  expect((await closeDialog(member(survey, 'surveyDialogId'))).status).toBe(200)
  expect(await deliver(service, [record])).toEqual({ batchItemFailures: [] })
  expect(opened()).toMatchObject([
    { state: 'CLOSE', messages: [{ text: 'Hello' }] },
    { state: 'OPEN', messages: [{ text: 'Once more' }] },
  ])
})
