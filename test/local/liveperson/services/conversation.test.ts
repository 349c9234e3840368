import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { account, campaignInfo, createBody, member, startClient } from '../client.ts'

const client = await startClient()
const { liveperson, open } = client
afterAll(() => liveperson.close())

let headers: Awaited<ReturnType<typeof client.headers>>
beforeEach(async () => {
  liveperson.reset()
  headers = await client.headers()
})

const lpConsumerId = () => liveperson.consumers()[0]?.lpConsumerId

describe('CONVERSATION', () => {
  test('opens a conversation, routed by campaign and engagement', async () => {
    const context = {
      type: 'SharkContext',
      visitorId: '',
      sessionId: '',
      interactionContextId: '2',
      lang: 'en-GB',
    }
    const profile = { firstName: 'Ana', privateData: { mail: 'ana@example.org' } }
    const body = createBody({ conversationContext: context }, profile)
    const { status, json } = await open(headers, body)
    expect(status).toBe(200)
    expect(json).toEqual([
      { code: 'OK', body: { msg: 'OK User Profile set successfully' }, reqId: 'p' },
      { code: 'OK', body: { conversationId: expect.stringMatching(/^[0-9a-f-]{36}$/) }, reqId: 'c' },
    ])
    expect(liveperson.conversations()).toMatchObject([
      {
        conversationId: member(json, '1.body.conversationId'),
        accountId: account,
        extConsumerId: 'crm-1',
        lpConsumerId: lpConsumerId(),
        ...campaignInfo,
        skillId: 3120040010,
        skillName: 'Orders',
        state: 'OPEN',
        profile,
        messages: [],
        ttr: 'NORMAL',
        context,
        body,
      },
    ])
  })

  test('takes the request of the original example: one id for both, CUSTOM, SDEs', async () => {
    const sdes = [
      { type: 'ctmrinfo', info: { customerId: 'C-20417', ctype: 'gold', socialId: 'tw-889' } },
      { type: 'personal', personal: { firstname: 'Ana', gender: 'FEMALE', language: 'en-GB' } },
    ]
    const body = createBody({ ttrDefName: 'CUSTOM' }, { authenticatedData: { lp_sdes: sdes } })
    const { status, json } = await open(
      headers,
      body.map((request) => ({ ...request, id: '1,' })),
    )
    expect(status).toBe(200)
    expect([member(json, '0.reqId'), member(json, '1.reqId')]).toEqual(['1,', '1,'])
  })

  test('takes the smallest request and routes it to the default skill', async () => {
    const [profile, create] = createBody()
    const { status } = await open(headers, [profile, { ...create, body: { brandId: account } }])
    expect(status).toBe(200)
    const [conversation] = liveperson.conversations()
    expect(conversation).toMatchObject({ skillName: 'General', ttr: 'PRIORITIZED', profile: {} })
    expect(conversation).not.toHaveProperty('campaignId')
  })

  test('echoes a number id as a string', async () => {
    const body = createBody().map((request, index) => ({ ...request, id: index + 1 }))
    expect(member((await open(headers, body)).json, '1.reqId')).toBe('2')
  })

  test('answers in reverse order where the settings say so', async () => {
    liveperson.settings.answerShape = 'reversed'
    expect(member((await open(headers, createBody())).json, '0.reqId')).toBe('c')
  })

  test.each([400, 200] as const)(
    'refuses a second open conversation in an array, HTTP %i',
    async (status) => {
      liveperson.settings.failingElementStatus = status
      await open(headers, createBody())
      const second = await open(headers, createBody({}, { firstName: 'Eva' }))
      expect(second.status).toBe(status)
      expect(second.json).toEqual([
        { code: 'OK', body: { msg: 'OK User Profile set successfully' }, reqId: 'p' },
        {
          code: 'BAD_REQUEST',
          body: {
            msg: `Consumer request conversation failed: User ${lpConsumerId()} already has open conversation. Can't open another one.`,
          },
          reqId: 'c',
        },
      ])
      expect(liveperson.conversations()).toMatchObject([{ profile: { firstName: 'Eva' } }])
    },
  )

  test('opens one of many conversations that a consumer asks for at once', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => open(headers, createBody())))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(liveperson.conversations()).toHaveLength(1)
  })

  test('opens another one after the first was closed, or where the settings allow it', async () => {
    const { json } = await open(headers, createBody())
    liveperson.closeConversation(String(member(json, '1.body.conversationId')))
    expect((await open(headers, createBody())).status).toBe(200)
    liveperson.settings.oneOpenConversation = false
    expect((await open(headers, createBody())).status).toBe(200)
    expect(liveperson.conversations().map(({ state }) => state)).toEqual(['CLOSE', 'OPEN', 'OPEN'])
  })

  test('serves a thousand consumers at once', async () => {
    const app = await client.appJwt()
    const all = Array.from({ length: 1000 }, async (_, index) => {
      const consumerJws = await client.consumerJws(app, `crowd-${index}`)
      return open({ ...headers, 'x-lp-on-behalf': consumerJws }, createBody())
    })
    expect((await Promise.all(all)).every(({ status }) => status === 200)).toBe(true)
    expect(liveperson.conversations()).toHaveLength(1000)
  })
})

describe('the checks of CONVERSATION', () => {
  const refusal = ({ status, json }: Awaited<ReturnType<typeof open>>) => [
    status,
    member(json, 'body.errorCode'),
    member(json, 'body.title'),
  ]

  test.each([
    [
      'no AppJWT before no ConsumerJWS',
      { authorization: '', 'x-lp-on-behalf': '' },
      40105,
      'AppJWT is missing',
    ],
    [
      'a bad AppJWT before no ConsumerJWS',
      { authorization: 'a.b.c', 'x-lp-on-behalf': '' },
      40102,
      'Invalid AppJWT',
    ],
    ['no ConsumerJWS', { 'x-lp-on-behalf': '' }, 40104, 'ConsumerJWS is missing'],
    ['a bad ConsumerJWS', { 'x-lp-on-behalf': 'a.b.c' }, 40103, 'Invalid ConsumerJWS'],
  ])('refuse %s', async (_name, changes, errorCode, title) => {
    const answer = await open({ ...headers, ...changes }, '')
    expect(refusal(answer)).toEqual([401, errorCode, title])
    expect(answer.json).toMatchObject({ kind: 'resp', code: 401, type: '.ReqBody$ErrorResp' })
  })

  test('refuse an AppJWT in place of the ConsumerJWS and the other way round', async () => {
    const { authorization, 'x-lp-on-behalf': jws } = headers
    expect(refusal(await open({ ...headers, 'x-lp-on-behalf': authorization }, ''))[1]).toBe(40103)
    expect(refusal(await open({ ...headers, authorization: jws }, ''))[1]).toBe(40001)
  })

  test('refuse "Bearer " before either token in strict mode', async () => {
    const app = { ...headers, authorization: `Bearer ${headers.authorization}` }
    const jws = { ...headers, 'x-lp-on-behalf': `Bearer ${headers['x-lp-on-behalf']}` }
    expect(refusal(await open(app, createBody()))[1]).toBe(40102)
    expect(refusal(await open(jws, createBody()))[1]).toBe(40103)
    liveperson.settings.mode = 'lenient'
    expect((await open(app, createBody())).status).toBe(200)
  })

  test('refuse an expired AppJWT, and revoked ConsumerJWSs until a new one comes', async () => {
    liveperson.revokeConsumerTokens()
    expect(refusal(await open(headers, createBody()))[1]).toBe(40103)
    expect((await open(await client.headers(), createBody())).status).toBe(200)
    liveperson.clock.advance(3_600_000)
    expect(refusal(await open(headers, createBody()))[1]).toBe(40102)
  })

  test('refuse an AppJWT of another issuer with 40001', async () => {
    liveperson.settings.appJwtIssuer = 'Guard'
    const { authorization } = { authorization: await client.appJwt() }
    expect(refusal(await open({ ...headers, authorization }, createBody())).slice(0, 2)).toEqual([400, 40001])
  })

  test.each(['', 'v=2', 'v=3.0'])('refuse the version "%s" with 404', async (query) => {
    expect(refusal(await open(headers, createBody(), query)).slice(0, 2)).toEqual([404, 40401])
  })

  test.each([
    ['missing', undefined, 'Missing parameter'],
    ['empty', '', 'Missing parameter'],
    ['a number', 70123456, 'Missing parameter'],
    ['of another account', '70999999', 'Invalid parameter'],
  ])('refuse a brandId that is %s, before anything is done', async (_name, brandId, title) => {
    const answer = await open(headers, createBody({ brandId }, { firstName: 'Ana' }))
    expect(refusal(answer)).toEqual([400, 40001, title])
    expect(liveperson.consumers()[0]?.profile).toBeUndefined()
  })

  const [profile, create] = createBody()
  test.each([
    ['no JSON', '['],
    ['no array', create],
    ['one element', [create]],
    ['the other order', [create, profile]],
    ['a third element', [profile, create, profile]],
    ['an element without kind', [{ ...profile, kind: undefined }, create]],
    ['an empty id', [{ ...profile, id: '' }, create]],
    ['an id of 65 characters', [{ ...profile, id: 'x'.repeat(65) }, create]],
    ['an element without body', [{ ...profile, body: undefined }, create]],
    ['an element without type', [{ ...profile, type: undefined }, create]],
    ['null', [null, create]],
  ])('refuse %s as a single BAD_REQUEST', async (_name, body) => {
    const { status, json } = await open(headers, body)
    expect([status, json]).toEqual([
      400,
      { code: 'BAD_REQUEST', body: { msg: expect.stringMatching(/^Bad Request/) }, reqId: '' },
    ])
    expect(liveperson.conversations()).toEqual([])
  })

  test('refuse another Content-Type', async () => {
    expect((await open({ ...headers, 'content-type': 'text/plain' }, createBody())).status).toBe(400)
  })

  test('refuse a body over the limit, where there is one', async () => {
    const long = createBody({}, { description: 'x'.repeat(6000) })
    expect((await open(headers, long)).status).toBe(200)
    liveperson.settings.conversationLimit = 5000
    expect((await open(headers, long)).status).toBe(400)
  })

  test.each([
    ['a JSON string', '{"type":".ClientProperties","features":["AUTO_MESSAGES"]}', 200],
    ['an object that became text', '[object Object]', 400],
    ['no type', '{"features":[]}', 400],
  ])('read Client-Properties: %s', async (_name, value, status) => {
    expect((await open({ ...headers, 'client-properties': value }, createBody())).status).toBe(status)
  })

  test('let a third element publish the first message in lenient mode', async () => {
    liveperson.settings.mode = 'lenient'
    const event = { type: 'ContentEvent', contentType: 'text/plain', message: 'Hello' }
    const third = { kind: 'req', id: 'm', type: 'ms.PublishEvent', body: { event } }
    const { json } = await open(headers, [profile, create, third])
    expect(member(json, '2')).toEqual({ code: 'OK', body: { sequence: 0 }, reqId: 'm' })
    expect(liveperson.conversations()[0]?.messages).toEqual([{ sequence: 0, text: 'Hello' }])
  })
})

describe('the second element', () => {
  test.each([
    ['a campaign without engagement', { campaignInfo: { campaignId: '3120045610' } }],
    ['letters as an id', { campaignInfo: { campaignId: 'order-care', engagementId: '1' } }],
    ['an id of 20 digits', { campaignInfo: { campaignId: '1'.repeat(20), engagementId: '1' } }],
    ['campaignInfo null', { campaignInfo: null }],
    ['an unknown campaign', { campaignInfo: { campaignId: '1', engagementId: '3120047710' } }],
    ['an unknown engagement', { campaignInfo: { campaignId: '3120045610', engagementId: '1' } }],
    [
      "another campaign's engagement",
      { campaignInfo: { campaignId: '3120045610', engagementId: '3120047720' } },
    ],
    [
      "another account's campaign",
      { campaignInfo: { campaignId: '4120045610', engagementId: '4120047710' } },
    ],
    ['an unpublished campaign', { campaignInfo: { campaignId: '3120045630', engagementId: '3120047730' } }],
    ['a deleted engagement', { campaignInfo: { campaignId: '3120045610', engagementId: '3120047712' } }],
    ['an unknown skill', { skillId: '17' }],
    ['a skill of 11 digits', { skillId: '12345678901' }],
    ['another channel', { channelType: 'LIVE_CHAT' }],
    ['an unknown ttrDefName', { ttrDefName: 'SOON' }],
    ['a context without type', { conversationContext: { visitorId: 'v' } }],
    ['an unknown context', { conversationContext: { type: 'Shark' } }],
    [
      'a language that the engagement has not',
      { conversationContext: { type: 'SharkContext', lang: 'fr-FR' } },
    ],
  ])('is refused for %s, the profile being set', async (_name, changes) => {
    const { status, json } = await open(headers, createBody(changes, { firstName: 'Ana' }))
    expect(status).toBe(400)
    expect(json).toMatchObject([
      { code: 'OK' },
      {
        code: 'BAD_REQUEST',
        body: { msg: expect.stringMatching(/^Consumer request conversation failed: /) },
        reqId: 'c',
      },
    ])
    expect(liveperson.consumers()[0]?.profile).toEqual({ firstName: 'Ana' })
    expect(liveperson.conversations()).toEqual([])
  })

  test.each([
    ['the skill of the engagement', {}, 'Orders'],
    ['ids as numbers', { campaignInfo: { campaignId: 3120045610, engagementId: 3120047711 } }, 'Upgrades'],
    ['the named skill before the engagement', { skillId: '3120040011' }, 'Upgrades'],
    ['the engagement where the skill is -1', { skillId: '-1' }, 'Orders'],
    [
      'the default skill of an engagement without',
      { campaignInfo: { campaignId: '3120045620', engagementId: '3120047720' } },
      'General',
    ],
    ['the default skill without campaign', { campaignInfo: undefined }, 'General'],
    ['any ttrDefName of the five, or null', { ttrDefName: null }, 'Orders'],
  ])('is routed by %s', async (_name, changes, skillName) => {
    expect((await open(headers, createBody(changes))).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([{ skillName }])
  })

  test.each([
    ['lenient mode', { mode: 'lenient' }],
    ['the setting', { unknownCampaign: 'default-skill' }],
  ] as const)('with an unknown campaign goes to the default skill by %s', async (_name, settings) => {
    Object.assign(liveperson.settings, settings)
    const unknown = { campaignId: '1', engagementId: '2' }
    expect((await open(headers, createBody({ campaignInfo: unknown }))).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([{ ...unknown, skillName: 'General' }])
  })
})

describe('the first element', () => {
  const sde = (...attributes: unknown[]) => ({ authenticatedData: { lp_sdes: attributes } })

  test.each([
    ['an attribute of another type', sde({ type: 'cart', total: 3 })],
    ['the payload of another attribute', sde({ type: 'ctmrinfo', personal: {} })],
    ['an attribute without payload', sde({ type: 'personal' })],
    ['an unknown field', sde({ type: 'personal', personal: { firstName: 'Ana' } })],
    ['a field that is not supported here', sde({ type: 'ctmrinfo', info: { storeNumber: '1' } })],
    ['a number as text', sde({ type: 'ctmrinfo', info: { balance: '12.5' } })],
    ['a date without year', sde({ type: 'ctmrinfo', info: { lastPaymentDate: { day: 1, month: 2 } } })],
    ['an unknown gender', sde({ type: 'personal', personal: { gender: 'F' } })],
    ['a language without country', sde({ type: 'personal', personal: { language: 'en' } })],
    ['an unknown phoneType', sde({ type: 'personal', personal: { contacts: [{ phoneType: 'CELL' }] } })],
    [
      'a country name',
      sde({ type: 'personal', personal: { contacts: [{ address: { country: 'Denmark' } }] } }),
    ],
    ['an age without year', sde({ type: 'personal', personal: { age: { month: 2 } } })],
    ['attributes that are no list', { authenticatedData: { lp_sdes: { type: 'ctmrinfo' } } }],
    ['a name that is no string', { firstName: 1 }],
    ['an avatar that is no URL', { avatarUrl: 'a.png' }],
    ['a wrong private member', { privateData: { mail: 1 } }],
  ])('is refused for %s, the conversation being opened', async (_name, profile) => {
    const { status, json } = await open(headers, createBody({}, profile))
    expect([status, member(json, '0.code'), member(json, '1.code')]).toEqual([400, 'BAD_REQUEST', 'OK'])
    expect(liveperson.conversations()).toMatchObject([{ profile: {} }])
  })

  test('may hold every documented attribute field', async () => {
    const date = { day: 1, month: 2, year: 2026 }
    const info = {
      ...{
        ctype: 'vip',
        cstatus: 'a',
        balance: 1.5,
        currency: 'DKK',
        customerId: 'c',
        socialId: 's',
        imei: 'i',
      },
      ...{ userName: 'u', companySize: 5, companyBranch: 'b', accountName: 'a', role: 'r', loginStatus: 1 },
      ...{ lastPaymentDate: date, registrationDate: date },
    }
    const contact = {
      email: 'a@example.org',
      phone: '+45',
      phoneType: 'MOBILE',
      address: { country: 'DK', region: 'x' },
    }
    const personal = {
      ...{ firstname: 'Ana', lastname: 'Iversen', age: { age: 34, ...date }, contacts: [contact] },
      ...{ gender: 'OTHER', company: 'c', language: 'da_DK' },
    }
    const profile = sde({ type: 'ctmrinfo', info }, { type: 'personal', personal })
    expect((await open(headers, createBody({}, profile))).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([{ profile }])
  })

  test('is not looked into in lenient mode', async () => {
    liveperson.settings.mode = 'lenient'
    expect((await open(headers, createBody({}, sde({ type: 'cart' })))).status).toBe(200)
  })
})
