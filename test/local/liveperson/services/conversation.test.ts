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

  test('accepts the original example, with one id for both requests, CUSTOM and SDEs', async () => {
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

  test('accepts the smallest request and routes it to the default skill', async () => {
    const [profile, create] = createBody()
    const { status } = await open(headers, [profile, { ...create, body: { brandId: account } }])
    expect(status).toBe(200)
    const [conversation] = liveperson.conversations()
    expect(conversation).toMatchObject({ skillName: 'General', ttr: 'PRIORITIZED', profile: {} })
    expect(conversation).not.toHaveProperty('campaignId')
  })

  test('repeats a numeric id as a string', async () => {
    const body = createBody().map((request, index) => ({ ...request, id: index + 1 }))
    expect(member((await open(headers, body)).json, '1.reqId')).toBe('2')
  })

  test('answers in reverse order if the settings say so', async () => {
    liveperson.settings.answerShape = 'reversed'
    expect(member((await open(headers, createBody())).json, '0.reqId')).toBe('c')
  })

  test.each([400, 200] as const)(
    'refuses a second open conversation with an array and HTTP %i',
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

  test('opens only one of many conversations that a consumer requests concurrently', async () => {
    const answers = await Promise.all(Array.from({ length: 20 }, () => open(headers, createBody())))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(liveperson.conversations()).toHaveLength(1)
  })

  test('opens another conversation after the first was closed, or if the settings allow it', async () => {
    const { json } = await open(headers, createBody())
    liveperson.closeConversation(String(member(json, '1.body.conversationId')))
    expect((await open(headers, createBody())).status).toBe(200)
    liveperson.settings.oneOpenConversation = false
    expect((await open(headers, createBody())).status).toBe(200)
    expect(liveperson.conversations().map(({ state }) => state)).toEqual(['CLOSE', 'OPEN', 'OPEN'])
  })

  test('opens no conversation while a survey is open', async () => {
    const { json } = await open(headers, createBody())
    const id = String(member(json, '1.body.conversationId'))
    liveperson.startSurvey(id)
    const second = await open(headers, createBody())
    expect([second.status, member(second.json, '1.body.msg')]).toEqual([
      400,
      expect.stringContaining('already has open conversation'),
    ])
    liveperson.closeConversation(id)
    expect((await open(headers, createBody())).status).toBe(200)
  })

  test.each([undefined, 20])('answers 429 above its limit, with Retry-After %s', async (retryAfter) => {
    liveperson.clock.set(Date.now())
    liveperson.settings.createLimit = {
      perSecond: 2,
      burst: 1,
      ...(retryAfter === undefined ? {} : { retryAfter }),
    }
    expect((await open(headers, createBody())).status).toBe(200)
    const refused = await open(headers, createBody())
    expect([refused.status, refused.text]).toEqual([429, ''])
    expect(refused.headers.get('retry-after')).toBe(retryAfter === undefined ? null : String(retryAfter))
    liveperson.clock.advance(500)
    expect((await open(headers, createBody())).status).toBe(400)
    liveperson.reset()
    expect(liveperson.settings.createLimit).toBeUndefined()
  })

  test('serves a thousand concurrent consumers', async () => {
    const app = await client.appJwt()
    const all = Array.from({ length: 1000 }, async (_, index) => {
      const consumerJws = await client.consumerJws(app, `crowd-${index}`)
      return open({ ...headers, 'x-lp-on-behalf': consumerJws }, createBody())
    })
    expect((await Promise.all(all)).every(({ status }) => status === 200)).toBe(true)
    expect(liveperson.conversations()).toHaveLength(1000)
  })
})

describe('a CONVERSATION body', () => {
  const refusal = ({ status, json }: Awaited<ReturnType<typeof open>>) => [
    status,
    member(json, 'body.errorCode'),
    member(json, 'body.title'),
  ]

  test.each([
    ['missing', undefined, 'Missing parameter'],
    ['empty', '', 'Missing parameter'],
    ['a number', 70123456, 'Missing parameter'],
    ['of another account', '70999999', 'Invalid parameter'],
  ])('is refused for a brandId that is %s, before the profile is set', async (_name, brandId, title) => {
    const answer = await open(headers, createBody({ brandId }, { firstName: 'Ana' }))
    expect(refusal(answer)).toEqual([400, 40001, title])
    expect(liveperson.consumers()[0]?.profile).toBeUndefined()
  })

  const [profile, create] = createBody()
  test.each([
    ['text that is not JSON', '['],
    ['an object', create],
    ['one element', [create]],
    ['the other order', [create, profile]],
    ['a third element', [profile, create, profile]],
    ['an element without kind', [{ ...profile, kind: undefined }, create]],
    ['an empty id', [{ ...profile, id: '' }, create]],
    ['an id of 65 characters', [{ ...profile, id: 'x'.repeat(65) }, create]],
    ['an element without body', [{ ...profile, body: undefined }, create]],
    ['an element without type', [{ ...profile, type: undefined }, create]],
    ['null', [null, create]],
  ])('is refused with a single BAD_REQUEST: %s', async (_name, body) => {
    const { status, json } = await open(headers, body)
    expect([status, json]).toEqual([
      400,
      { code: 'BAD_REQUEST', body: { msg: expect.stringMatching(/^Bad Request/) }, reqId: '' },
    ])
    expect(liveperson.conversations()).toEqual([])
  })

  test('may publish the first message in a third element in lenient mode', async () => {
    liveperson.settings.mode = 'lenient'
    const event = { type: 'ContentEvent', contentType: 'text/plain', message: 'Hello' }
    const third = { kind: 'req', id: 'm', type: 'ms.PublishEvent', body: { event } }
    const { json } = await open(headers, [profile, create, third])
    expect(member(json, '2')).toEqual({ code: 'OK', body: { sequence: 0 }, reqId: 'm' })
    expect(liveperson.conversations()[0]?.messages).toEqual([{ sequence: 0, text: 'Hello' }])
  })
})
