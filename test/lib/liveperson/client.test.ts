import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  CredentialsRefusedError,
  InvalidConfigError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
  ServiceUnavailableError,
} from '../../../lib/errors/errors.ts'
import { createLivePerson, type LivePersonOptions } from '../../../lib/liveperson/client.ts'
import { toConversationBody, toMessageBody, toPresenceBody } from '../../../lib/liveperson/payload.ts'
import { createOutbound, type Outbound } from '../../../lib/net/outbound.ts'
import type { Fault } from '../../../local/liveperson/faults/faults.ts'
import { findFreePorts } from '../../../local/net/listen.ts'
import {
  ACCOUNT_ID,
  failureOf,
  type SimulatedAccount,
  startSimulatedAccount,
  type Trouble,
} from '../../support/simulated-account.ts'

const CRM_UPGRADE = { campaignId: '3120045610', engagementId: '3120047711' }
const INPUT = {
  ...CRM_UPGRADE,
  ttr: 'NORMAL',
  consumer: { firstName: 'Ana' },
  engagementAttributes: undefined,
  context: undefined,
  vouchedBy: 'crm' as const,
}

let simulated: SimulatedAccount

beforeAll(async () => {
  simulated = await startSimulatedAccount()
})
afterEach(() => simulated.reset())
afterAll(() => simulated.close())

/** A client with empty caches, which counts its ids as `id-1`, `id-2` and so on. */
const create = ({
  domainApiUrl,
  outbound,
  ...overrides
}: Partial<LivePersonOptions> & { readonly domainApiUrl?: string; readonly outbound?: Outbound } = {}) => {
  const onProfileRefused = vi.fn()
  const onLanguageRefused = vi.fn()
  let ids = 0
  const client = createLivePerson({
    ...simulated.createOptions({ ...(domainApiUrl && { domainApiUrl }), ...(outbound && { outbound }) }),
    uuid: () => `id-${++ids}`,
    onProfileRefused,
    onLanguageRefused,
    ...overrides,
  })
  return {
    ...client,
    onProfileRefused,
    onLanguageRefused,
    openWith: (members: object, beforeCall: () => void = () => undefined) =>
      client.openConversation(
        simulated.newConsumerId(),
        { ...INPUT, ...members },
        simulated.soon(),
        beforeCall,
      ),
    open: (consumerId = simulated.newConsumerId(), deadline = simulated.soon()) =>
      client.openConversation(consumerId, INPUT, deadline, () => undefined),
  }
}

/** Replaces the body and status of CONVERSATION's answer. */
const answering = (status: number, change: (items: readonly object[]) => unknown): Outbound => {
  const call = createOutbound()
  return async (request) => {
    const result = await call(request)
    if (result.kind !== 'answer' || !request.url.includes('/conversation?')) return result
    return { ...result, status, body: JSON.stringify(change(JSON.parse(result.body))) }
  }
}

const LOST_AFTERWARDS: readonly [string, Trouble][] = [
  ['a reset connection, afterwards', { kind: 'reset-after' }],
  ['half an answer', { kind: 'truncated' }],
  ['HTML, afterwards', { kind: 'html-after' }],
  ['503, afterwards', { kind: 'status-after', status: 503 }],
  ['200 and over 1 MB', { kind: 'status-after', status: 200, body: 'x'.repeat(1024 * 1024 + 1) }],
]

describe('the time of a call', () => {
  const measured = (overrides: Partial<LivePersonOptions> = {}) => {
    const hops: string[] = []
    const onAnswered: LivePersonOptions['onAnswered'] = (hop, ms) => void hops.push(`${hop} ${ms}`)
    // A clock that passes a millisecond each time it is read.
    let at = Date.now()
    return { client: create({ onAnswered, now: () => at++, ...overrides }), hops }
  }
  /** The names of the hops that took some milliseconds by that clock. */
  const names = (hops: readonly string[]) => hops.map((hop) => hop.replace(/ [1-9]\d?$/, ''))

  test('is told for each call that LivePerson answered', async () => {
    const { client, hops } = measured()
    await client.open('timed-consumer')
    await client.open('timed-consumer')
    await client.sendMessage('timed-consumer', 'c-1', 'Hello', simulated.soon())
    expect(names(hops)).toEqual(['app_jwt', 'consumer_jws', 'create', 'create', 'send'])
  })

  test('is told of tokens only if LivePerson issued one, so that they can be counted', async () => {
    const { client, hops } = measured()
    simulated.livePerson.faults.add({ service: 'sentinel', kind: 'status', status: 503 })
    await expect(client.open()).rejects.toThrow()
    expect(hops).toEqual([])
    simulated.livePerson.faults.add({ service: 'idp', kind: 'status', status: 503 })
    await expect(client.open()).rejects.toThrow()
    expect(names(hops)).toEqual(['app_jwt'])
    // The IDP refuses the AppJWT, so it issues no ConsumerJWS before there is a new one.
    simulated.livePerson.faults.add({ service: 'idp', kind: 'expired-app-jwt' })
    await client.open()
    expect(names(hops)).toEqual(['app_jwt', 'app_jwt', 'consumer_jws', 'create'])
  })

  test('is not told of a call without an answer, but of one with 503', async () => {
    const { client, hops } = measured()
    simulated.livePerson.faults.add({ service: 'conversation', kind: 'reset-after' })
    await expect(client.open()).rejects.toThrow()
    simulated.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503 })
    await expect(client.open()).rejects.toThrow()
    expect(names(hops)).toEqual(['app_jwt', 'consumer_jws', 'consumer_jws', 'create'])
  })
})

describe('the requests of an open', () => {
  test('a new client calls each service once', async () => {
    const client = create()
    expect(await simulated.counted(() => client.open())).toEqual({
      domain: 1,
      sentinel: 1,
      idp: 1,
      conversation: 1,
    })
  })

  test('afterwards a new consumer takes two requests, a known one takes one', async () => {
    const client = create()
    await client.open('known-consumer')
    expect(await simulated.counted(() => client.open())).toEqual({ idp: 1, conversation: 1 })
    expect(await simulated.counted(() => client.open('known-consumer'))).toEqual({ conversation: 1 })
  })

  test.each([
    [29, {}],
    [61, { sentinel: 1 }],
  ])('after %i minutes the AppJWT costs %j', async (minutes, appJwt) => {
    const client = create()
    await client.open()
    simulated.advance(minutes * 60_000)
    expect(await simulated.counted(() => client.open())).toEqual({ ...appJwt, idp: 1, conversation: 1 })
  })

  test('an AppJWT past half of its lifetime is renewed without delaying the open', async () => {
    const client = create()
    await client.open()
    simulated.advance(31 * 60_000)
    simulated.livePerson.faults.add({ service: 'sentinel', kind: 'silence' })
    expect((await client.open()).kind).toBe('opened')
    await vi.waitFor(() => expect(simulated.received('sentinel')).toHaveLength(2))
    expect(simulated.received('sentinel')[1]?.status).toBeUndefined()
  })

  test('1,000 concurrent opens share one AppJWT, one reading of the secret and one lookup of the hosts', async () => {
    const current = vi.fn(async () => simulated.credentials)
    const { credentials } = simulated.createOptions()
    const client = create({ credentials: { ...credentials, current } })
    const consumers = Array.from({ length: 1000 }, simulated.newConsumerId)
    const cost = await simulated.counted(async () => {
      const opened = await Promise.all(consumers.map((id) => client.open(id, simulated.soon(60_000))))
      expect(new Set(opened.map(({ kind }) => kind))).toEqual(new Set(['opened']))
    })
    expect(cost).toEqual({ domain: 1, sentinel: 1, idp: 1000, conversation: 1000 })
    expect(current).toHaveBeenCalledTimes(1)
  }, 60_000)

  test('a moved host is looked up once for all concurrent opens, and none fails', async () => {
    const client = create()
    const ids = Array.from({ length: 10 }, simulated.newConsumerId)
    await Promise.all(ids.map((id) => client.identify(id, simulated.soon())))
    await simulated.livePerson.moveHosts()
    await sleep(50)
    const cost = await simulated.counted(async () => {
      const opened = await Promise.all(ids.map((id) => client.open(id)))
      expect(new Set(opened.map(({ kind }) => kind))).toEqual(new Set(['opened']))
    })
    expect(cost).toEqual({ domain: 1, conversation: 10 })
  })

  test('tokens are sent as they are in headers, the secret in Sentinel’s body, and neither in a URL', async () => {
    const client = create()
    const id = simulated.newConsumerId()
    const opened = await client.open(id)
    if (opened.kind !== 'opened') throw new Error('The simulator opens it')
    await client.sendMessage(id, opened.conversationId, 'Hello', simulated.soon())
    const requests = simulated.livePerson.requests()
    const { clientId, clientSecret } = simulated.credentials
    const tokens = requests.flatMap(({ headers }) =>
      [headers.authorization, headers['x-lp-on-behalf']].flatMap((value) => value ?? []).map(String),
    )
    expect(tokens).toHaveLength(5)
    for (const token of tokens) expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    for (const { service, path, headers, body } of requests) {
      for (const token of tokens) expect(path + body).not.toContain(token)
      expect(path + JSON.stringify(headers)).not.toContain(clientSecret)
      expect(body.includes(clientSecret)).toBe(service === 'sentinel')
      expect(path).not.toContain(clientId)
    }
    expect(requests.filter(({ service }) => service === 'domain')[0]?.headers.authorization).toBeUndefined()
  })
})

describe('openConversation', () => {
  test('returns the id of the conversation and LivePerson’s id of the consumer', async () => {
    const client = create()
    const opened = await client.open('ana')
    const { lpConsumerId } = await client.identify('ana', simulated.soon())
    const [conversation] = simulated.livePerson.conversations()
    expect(opened).toEqual({
      kind: 'opened',
      conversationId: conversation?.conversationId,
      lpConsumerId,
      profileRefused: false,
      languageRefused: false,
    })
    expect(lpConsumerId).toMatch(/^[0-9a-f]{64}$/)
  })

  test('sends the documented request', async () => {
    const client = create()
    const { token } = await client.identify('ana', simulated.soon())
    await client.open('ana')
    const [request] = simulated.received('conversation')
    expect(request).toMatchObject({
      method: 'POST',
      path: `/api/account/${ACCOUNT_ID}/messaging/consumer/conversation?v=3`,
      headers: { 'content-type': 'application/json', 'x-lp-on-behalf': token },
    })
    expect(JSON.parse(request?.body ?? '')).toEqual(
      toConversationBody({ ...INPUT, accountId: ACCOUNT_ID }, { profile: 'id-1', conversation: 'id-2' }),
    )
  })

  test('both elements have new ids each time', async () => {
    const client = create()
    await client.open()
    await client.open()
    const ids = simulated
      .received('conversation')
      .flatMap(({ body }) => JSON.parse(body).map(({ id }: { id: string }) => id))
    expect(ids).toEqual(['id-1', 'id-2', 'id-3', 'id-4'])
  })

  test('a consumer with an open conversation gets no second one', async () => {
    const client = create()
    const id = simulated.newConsumerId()
    const { lpConsumerId } = await client.open(id)
    expect(await client.open(id)).toEqual({ kind: 'already_open', lpConsumerId })
  })

  test.each<[string, Outbound]>([
    ['the other way round', answering(200, ([profile, conversation]) => [conversation, profile])],
    ['with 400', answering(400, (items) => items)],
    ['as one item', answering(200, ([, conversation]) => conversation)],
    ['with numbers for codes', answering(200, (items) => items.map((item) => ({ ...item, code: 200 })))],
    ['with one reqId for both', answering(200, (items) => items.map((item) => ({ ...item, reqId: 'id-2' })))],
    ['with unknown reqIds', answering(200, (items) => items.map((item) => ({ ...item, reqId: 'x' })))],
  ])('an answer %s is read', async (_, outbound) => {
    const client = create({ outbound })
    expect((await client.open()).kind).toBe('opened')
    expect(client.onProfileRefused).not.toHaveBeenCalled()
  })

  test('an answer as text/plain is read', async () => {
    simulated.livePerson.faults.add({ service: 'conversation', kind: 'wrong-content-type' })
    expect((await create().open()).kind).toBe('opened')
  })

  describe('the language', () => {
    const context = { lang: 'fr-FR', visitorId: 'visitor-1' }
    const bodies = () =>
      simulated.livePerson.requests({ service: 'conversation' }).map(({ body }) => JSON.parse(body)[1].body)

    test('is sent, and no create is repeated if LivePerson takes it', async () => {
      const client = create()
      expect(await client.openWith({ context })).toMatchObject({ kind: 'opened', languageRefused: false })
      expect(bodies()).toMatchObject([{ conversationContext: context }])
      expect(client.onLanguageRefused).not.toHaveBeenCalled()
    })

    test('is left out if LivePerson refuses the conversation with it', async () => {
      simulated.livePerson.settings.unknownLanguage = 'reject'
      const client = create()
      const beforeCall = vi.fn()
      expect(await client.openWith({ context, requestId: 'request-1' }, beforeCall)).toMatchObject({
        kind: 'opened',
        languageRefused: true,
      })
      const [first, second, ...others] = bodies()
      expect(first).toMatchObject({ conversationContext: context })
      expect(second.conversationContext).toEqual({ type: 'SharkContext', visitorId: 'visitor-1' })
      expect(others).toEqual([])
      expect(beforeCall).toHaveBeenCalledTimes(2)
      expect(client.onLanguageRefused).toHaveBeenCalledExactlyOnceWith('request-1')
    })

    test('is not the reason if LivePerson refuses the conversation without it, too', async () => {
      const client = create()
      const unknown = client.openWith({ context, engagementId: '1' })
      expect(await failureOf(unknown)).toBeInstanceOf(LivePersonRejectedError)
      expect(bodies()).toHaveLength(2)
      expect(client.onLanguageRefused).not.toHaveBeenCalled()
    })

    test('is left out with the whole context if there is nothing else in it', async () => {
      simulated.livePerson.settings.unknownLanguage = 'reject'
      expect(await create().openWith({ context: { lang: 'fr-FR' } })).toMatchObject({ languageRefused: true })
      expect(bodies()[1]).not.toHaveProperty('conversationContext')
    })

    test('that is absent is not left out', async () => {
      const { lang, ...others } = context
      const unknown = create().openWith({ engagementId: '1', context: others })
      expect(await failureOf(unknown)).toBeInstanceOf(LivePersonRejectedError)
      expect(bodies()).toHaveLength(1)
    })
  })

  describe('the profile', () => {
    const withProfile = (code: string) =>
      answering(400, ([profile, ...others]) => [{ ...profile, code }, ...others])

    test('that is refused is reported, and the conversation is open', async () => {
      for (const code of ['BAD_REQUEST', 'INTERNAL_SERVER_ERROR', 'SOMETHING_NEW']) {
        const client = create({ outbound: withProfile(code) })
        expect(await client.open()).toMatchObject({ kind: 'opened', profileRefused: true })
        expect(client.onProfileRefused).toHaveBeenCalledTimes(1)
      }
    })

    test('that is refused is reported although another conversation is open', async () => {
      const client = create({ outbound: withProfile('BAD_REQUEST') })
      const id = simulated.newConsumerId()
      await client.open(id)
      expect(await client.open(id)).toMatchObject({ kind: 'already_open', profileRefused: true })
      expect(client.onProfileRefused).toHaveBeenCalledTimes(2)
    })

    test.each(['OK', '200', 'CREATED'])('with %s is not refused', async (code) => {
      const client = create({ outbound: withProfile(code) })
      expect((await client.open()).kind).toBe('opened')
      expect(client.onProfileRefused).not.toHaveBeenCalled()
    })

    test('is not reported if there is no conversation', async () => {
      const client = create({
        outbound: answering(400, (items) =>
          items.map((item) => ({ ...item, code: 'BAD_REQUEST', body: {} })),
        ),
      })
      expect(await failureOf(client.open())).toBeInstanceOf(LivePersonRejectedError)
      expect(client.onProfileRefused).not.toHaveBeenCalled()
    })
  })

  test.each<[string, Trouble]>([
    ['a reset connection', { kind: 'reset' }],
    ['503', { kind: 'status', status: 503 }],
    ['500', { kind: 'status', status: 500 }],
    ['503 without a body', { kind: 'empty' }],
    ['502 with HTML', { kind: 'html' }],
    ['408', { kind: 'status', status: 408, body: '' }],
    ['302', { kind: 'status', status: 302, body: '' }],
    [
      '200 without a conversationId',
      { kind: 'status', status: 200, body: '{"code":"OK","body":{},"reqId":"1"}' },
    ],
    [
      '200 with an empty conversationId',
      { kind: 'status', status: 200, body: '{"code":"OK","body":{"conversationId":""},"reqId":"1"}' },
    ],
    [
      '200 with a number for a conversationId',
      { kind: 'status', status: 200, body: '{"code":"OK","body":{"conversationId":5},"reqId":"1"}' },
    ],
    ...LOST_AFTERWARDS,
  ])('after %s the conversation may be open, and it is not repeated', async (_, fault) => {
    simulated.livePerson.faults.add({ ...fault, service: 'conversation' })
    const client = create()
    const error = await failureOf(client.open())
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({ mayHaveExecuted: true, retryable: true })
    expect(simulated.received('conversation')).toHaveLength(1)
  })

  test.each([
    [7, 7000],
    ['soon', undefined],
    [undefined, undefined],
  ])('after 429 with Retry-After %s it is certainly not open', async (retryAfter, retryAfterMs) => {
    simulated.livePerson.faults.add({
      service: 'conversation',
      kind: '429',
      ...(retryAfter !== undefined && { retryAfter }),
    })
    expect(await failureOf(create().open())).toMatchObject({
      message: 'LivePerson answered HTTP 429 without a body.',
      trouble: 'busy',
      mayHaveExecuted: false,
      retryAfterMs,
    })
  })

  test('Retry-After of a 503 is passed on too', async () => {
    simulated.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, retryAfter: 7 })
    expect(await failureOf(create().open())).toMatchObject({ mayHaveExecuted: true, retryAfterMs: 7000 })
  })

  test.each<[string, Trouble]>([
    [
      'the item code BAD_REQUEST',
      { kind: 'status', status: 400, body: '{"code":"BAD_REQUEST","body":{"msg":"about Ana"},"reqId":"1"}' },
    ],
    [
      'error code 40001',
      { kind: 'status', status: 400, body: '{"code":400,"body":{"title":"about Ana","errorCode":40001}}' },
    ],
    ['HTTP 400 without a body', { kind: 'status', status: 400, body: '' }],
    ['HTTP 403 with HTML', { kind: 'html', status: 403 }],
    ['HTTP 403 with JSON', { kind: 'status', status: 403, body: '{"message":"Forbidden"}' }],
    ['HTTP 404 with HTML', { kind: 'html', status: 404 }],
    ['HTTP 404 without a body', { kind: 'empty', status: 404 }],
    ['HTTP 409 with plain text', { kind: 'status', status: 409, body: 'about Ana' }],
  ])('%s is not a final refusal, and says that it is certainly not open', async (seen, fault) => {
    simulated.livePerson.faults.add({ ...fault, service: 'conversation' })
    const error = await failureOf(create().open())
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({ message: `LivePerson answered ${seen}.`, mayHaveExecuted: false })
    expect(simulated.received('conversation')).toHaveLength(1)
  })

  test.each([500, 501, 502, 507, 511])(
    'after the item code %i with HTTP 400, the conversation may be open',
    async (code) => {
      const outbound = answering(400, ([profile, conversation]) => [
        profile,
        { ...conversation, code, body: { msg: 'about Ana' } },
      ])
      const error = await failureOf(create({ outbound }).open())
      expect(error).toBeInstanceOf(LivePersonUnavailableError)
      expect(error).toMatchObject({
        message: `LivePerson answered the item code ${code}.`,
        mayHaveExecuted: true,
      })
    },
  )

  test('an open conversation in other words is not a final refusal', async () => {
    const client = create({
      outbound: answering(400, (items) =>
        items.map((item) => ({
          ...item,
          code: 'BAD_REQUEST',
          body: { msg: 'Consumer request conversation failed: there is an active conversation.' },
        })),
      ),
    })
    expect(await failureOf(client.open())).toMatchObject({
      code: 'liveperson_unavailable',
      mayHaveExecuted: false,
    })
  })

  test('a good code without a conversationId is no answer', async () => {
    const outbound = answering(200, ([profile, conversation]) => [profile, { ...conversation, body: {} }])
    expect(await failureOf(create({ outbound }).open())).toMatchObject({
      code: 'liveperson_unavailable',
      message: 'LivePerson answered without a conversationId.',
    })
  })

  test.each([
    ['500 KB', 'x'.repeat(500_000)],
    ['65 characters', 'x'.repeat(65)],
    ['a name and markup', 'Zoë <script>alert(1)</script>'],
    ['nothing', ''],
    ['a number', 42],
    ['a list', ['9f1c']],
    ['a line break', '9f1c\n'],
  ])('a conversationId of %s is no answer, and is not repeated', async (_, conversationId) => {
    const outbound = answering(200, ([profile, conversation]) => [
      profile,
      { ...conversation, body: { conversationId } },
    ])
    expect(await failureOf(create({ outbound }).open())).toMatchObject({
      code: 'liveperson_unavailable',
      mayHaveExecuted: true,
      message: 'LivePerson answered with an invalid conversationId.',
    })
  })

  test('a refusal is read by its reqId, wherever it is', async () => {
    const outbound = answering(400, ([profile, conversation]) => [
      { ...conversation, code: 'BAD_REQUEST', body: {} },
      profile,
    ])
    expect(await failureOf(create({ outbound }).open())).toMatchObject({
      message: 'LivePerson rejected the request (BAD_REQUEST).',
    })
  })

  test('an unknown campaign is rejected', async () => {
    const input = { ...INPUT, campaignId: '9', engagementId: '9' }
    const error = await failureOf(
      create().openConversation(simulated.newConsumerId(), input, simulated.soon(), () => undefined),
    )
    expect(error).toBeInstanceOf(LivePersonRejectedError)
  })

  test.each([400, 403, 404])('the IDP’s %i is no final refusal, and nothing was created', async (status) => {
    simulated.livePerson.faults.add({ service: 'idp', kind: 'html', status })
    expect(await failureOf(create().open())).toMatchObject({
      code: 'liveperson_unavailable',
      message: `The IDP answered HTTP ${status} with HTML.`,
      mayHaveExecuted: false,
    })
    expect(simulated.received('conversation')).toEqual([])
  })

  test('after the IDP’s 408 it is certainly not open', async () => {
    simulated.livePerson.faults.add({ service: 'idp', kind: 'status', status: 408 })
    expect(await failureOf(create().open())).toMatchObject({ retryable: true, mayHaveExecuted: false })
  })

  test('a ConsumerJWS of another consumer is not used', async () => {
    const client = create()
    const { token } = await client.identify('somebody-else', simulated.soon())
    const body = JSON.stringify({ token })
    simulated.livePerson.faults.add({ service: 'idp', kind: 'status', status: 201, body })
    expect(await failureOf(client.open())).toMatchObject({
      code: 'liveperson_unavailable',
      mayHaveExecuted: false,
    })
    expect(simulated.received('conversation')).toEqual([])
  })

  test('a dead host is looked up once more, and then the conversation is certainly not open', async () => {
    const [port] = await findFreePorts(1)
    simulated.livePerson.setHost('asyncMessagingEnt', `127.0.0.1:${port}`)
    const error = await failureOf(create().open())
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({ connectionFailed: true, mayHaveExecuted: false })
    expect(simulated.received('domain')).toHaveLength(2)
  })

  test('while a host is dead, the Domain API is asked once in 30 s', async () => {
    const [port] = await findFreePorts(1)
    simulated.livePerson.setHost('asyncMessagingEnt', `127.0.0.1:${port}`)
    const client = create()
    await client.identify('ana', simulated.soon())
    const cost = await simulated.counted(async () => {
      for (let attempt = 0; attempt < 10; attempt++)
        expect(await failureOf(client.open('ana'))).toMatchObject({ connectionFailed: true })
    })
    expect(cost).toEqual({ domain: 1 })
    simulated.livePerson.setHost('asyncMessagingEnt', undefined)
    simulated.advance(30_000)
    expect((await client.open('ana')).kind).toBe('opened')
  })

  describe('in an outage, one more open costs at most one request:', () => {
    test.each<[string, Fault]>([
      ['the IDP answers 503', { service: 'idp', kind: 'status', status: 503 }],
      ['the IDP answers 403 with HTML', { service: 'idp', kind: 'html', status: 403 }],
      ['the IDP refuses every AppJWT', { service: 'idp', kind: 'expired-app-jwt' }],
      ['CONVERSATION answers 503', { service: 'conversation', kind: 'status', status: 503 }],
      ['CONVERSATION answers 429', { service: 'conversation', kind: '429' }],
      ['CONVERSATION refuses every AppJWT', { service: 'conversation', kind: 'expired-app-jwt' }],
      ['CONVERSATION closes every connection', { service: 'conversation', kind: 'reset' }],
    ])('%s', async (_, fault) => {
      const client = create()
      if (fault.service === 'conversation') await client.identify('ana', simulated.soon())
      simulated.livePerson.faults.add({ ...fault, times: Number.POSITIVE_INFINITY })
      await failureOf(client.open('ana'))
      const cost = await simulated.counted(() => failureOf(client.open('ana')))
      expect(cost).toEqual({ [String(fault.service)]: 1 })
    })

    test.each<[string, Fault]>([
      ['Sentinel refuses the secret', { service: 'sentinel', kind: 'status', status: 401 }],
      ['Sentinel answers 429', { service: 'sentinel', kind: '429' }],
      ['the IDP answers 429', { service: 'idp', kind: '429' }],
    ])('none if %s', async (_, fault) => {
      const client = create()
      simulated.livePerson.faults.add({ ...fault, times: Number.POSITIVE_INFINITY })
      await failureOf(client.open('ana'))
      expect(await simulated.counted(() => failureOf(client.open('ana')))).toEqual({})
    })
  })

  test.each([
    'evil.example',
    'liveperson.net.evil.example',
    'evilliveperson.net',
    'lpx.liveperson.net:8443',
    'user@lpx.liveperson.net',
    'lpx.liveperson.net/path',
    'lpx.liveperson.net#',
    '169.254.169.254',
    '127.0.0.1.evil.example',
    '',
  ])('a foreign host, %j, is never called, whoever names it', async (host) => {
    const called: string[] = []
    const call = createOutbound()
    const outbound: Outbound = (request) => {
      called.push(new URL(request.url).host)
      return call(request)
    }
    simulated.livePerson.setHost('asyncMessagingEnt', host)
    expect(await failureOf(create({ outbound }).open())).toBeInstanceOf(LivePersonUnavailableError)
    const poisoned = { sentinel: host, idp: host, asyncMessagingEnt: host }
    const hosts = { get: async () => poisoned, reload: async () => poisoned }
    expect(await failureOf(create({ outbound, hosts }).open())).toMatchObject({ mayHaveExecuted: false })
    expect(new Set(called)).toEqual(new Set([new URL(simulated.livePerson.url).host]))
  })

  test.each<['domain' | 'sentinel' | 'idp' | 'conversation', boolean]>([
    ['domain', false],
    ['sentinel', false],
    ['idp', false],
    ['conversation', true],
  ])('silence of %s ends with the deadline, mayHaveExecuted: %s', async (service, mayHaveExecuted) => {
    simulated.livePerson.faults.add({ service, kind: 'silence', times: Number.POSITIVE_INFINITY })
    const client = create()
    const startedAt = performance.now()
    const error = await failureOf(client.open(simulated.newConsumerId(), simulated.soon(400)))
    expect(performance.now() - startedAt).toBeLessThan(5000)
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({ mayHaveExecuted, connectionFailed: false, trouble: 'silent' })
  })

  test('nothing is requested after the deadline', async () => {
    const client = create()
    const id = simulated.newConsumerId()
    await client.identify(id, simulated.soon())
    expect(await failureOf(client.open(id, simulated.now() - 1))).toMatchObject({ mayHaveExecuted: false })
    expect(simulated.received('conversation')).toEqual([])
  })
})

describe('a refused token', () => {
  test('40102: the AppJWT is replaced, and the same request is sent once more', async () => {
    const client = create()
    const id = simulated.newConsumerId()
    await client.identify(id, simulated.soon())
    simulated.livePerson.revokeAppTokens()
    expect(await simulated.counted(() => client.open(id))).toEqual({ sentinel: 1, conversation: 2 })
    const [refused, accepted] = simulated.received('conversation')
    expect([refused?.status, accepted?.status]).toEqual([401, 200])
    expect(accepted?.headers.authorization).not.toBe(refused?.headers.authorization)
    expect(accepted?.headers['x-lp-on-behalf']).toBe(refused?.headers['x-lp-on-behalf'])
    expect(accepted?.body).toBe(refused?.body)
  })

  test('40102 for many concurrent opens: one new AppJWT', async () => {
    const client = create()
    const ids = Array.from({ length: 20 }, simulated.newConsumerId)
    await Promise.all(ids.map((id) => client.identify(id, simulated.soon())))
    simulated.livePerson.revokeAppTokens()
    const cost = await simulated.counted(() => Promise.all(ids.map((id) => client.open(id))))
    expect(cost).toEqual({ sentinel: 1, conversation: 40 })
  })

  test('40102 twice: CredentialsRefusedError, and no third attempt', async () => {
    simulated.livePerson.faults.add({
      service: 'conversation',
      kind: 'expired-app-jwt',
      times: Number.POSITIVE_INFINITY,
    })
    expect(await failureOf(create().open())).toBeInstanceOf(CredentialsRefusedError)
    expect(simulated.received('conversation')).toHaveLength(2)
    expect(simulated.received('sentinel')).toHaveLength(2)
  })

  test('40103: the ConsumerJWS is replaced, and the same request is sent once more', async () => {
    const client = create()
    const id = simulated.newConsumerId()
    await client.identify(id, simulated.soon())
    simulated.livePerson.revokeConsumerTokens()
    expect(await simulated.counted(() => client.open(id))).toEqual({ idp: 1, conversation: 2 })
    const [refused, accepted] = simulated.received('conversation')
    expect(accepted?.headers['x-lp-on-behalf']).not.toBe(refused?.headers['x-lp-on-behalf'])
    expect(accepted?.body).toBe(refused?.body)
  })

  test('40103 twice: CredentialsRefusedError, and no third attempt', async () => {
    simulated.livePerson.faults.add({ service: 'conversation', kind: 'revoked-consumer-jws', times: 9 })
    const error = await failureOf(create().open())
    expect(error).toBeInstanceOf(CredentialsRefusedError)
    expect(error).toMatchObject({ message: 'LivePerson refused a new ConsumerJWS.' })
    expect(simulated.received('conversation')).toHaveLength(2)
  })

  test('40103: the same request is not sent once more if that is not allowed any longer', async () => {
    simulated.livePerson.faults.add({ service: 'conversation', kind: 'revoked-consumer-jws' })
    let calls = 0
    const beforeCall = () => {
      calls += 1
      if (calls === 2) throw new LivePersonUnavailableError({ detail: 'Later.', mayHaveExecuted: false })
    }
    const open = create().openConversation(simulated.newConsumerId(), INPUT, simulated.soon(), beforeCall)
    expect(await failureOf(open)).toMatchObject({ message: 'Later.' })
    expect(simulated.received('conversation')).toHaveLength(1)
  })

  test('40103, then 40102: both are replaced', async () => {
    simulated.livePerson.faults.add({ service: 'conversation', kind: 'revoked-consumer-jws' })
    simulated.livePerson.faults.add({ service: 'conversation', kind: 'expired-app-jwt' })
    const client = create()
    expect((await client.open()).kind).toBe('opened')
    expect(simulated.livePerson.counts()).toMatchObject({ sentinel: 2, idp: 2, conversation: 3 })
  })
})

/** Opens a conversation to write to. */
const openConversation = async (overrides?: Partial<LivePersonOptions>) => {
  const client = create(overrides)
  const consumerId = simulated.newConsumerId()
  const opened = await client.open(consumerId)
  if (opened.kind !== 'opened') throw new Error('The simulator opens it')
  const { conversationId } = opened
  return {
    ...client,
    consumerId,
    conversationId,
    send: (deadline = simulated.soon()) =>
      client.sendMessage(consumerId, conversationId, 'My order is late', deadline),
    ask: () => client.isOpen(consumerId, conversationId, simulated.soon()),
  }
}
const messages = () => simulated.livePerson.conversations().flatMap((conversation) => conversation.messages)

describe('sendMessage', () => {
  test('sends the documented request', async () => {
    const { send, conversationId, consumerId, identify } = await openConversation()
    expect(await send()).toEqual({ kind: 'sent' })
    expect(messages()).toMatchObject([{ text: 'My order is late' }])
    const [request] = simulated.received('send')
    const { token } = await identify(consumerId, simulated.soon())
    expect(request).toMatchObject({
      method: 'POST',
      path: `/api/account/${ACCOUNT_ID}/messaging/consumer/conversation/send?v=3`,
      headers: { 'content-type': 'application/json', 'x-lp-on-behalf': token },
    })
    expect(JSON.parse(request?.body ?? '')).toEqual(toMessageBody(conversationId, 'My order is late', 'id-3'))
  })

  test('a closed conversation accepts no message', async () => {
    const { send, conversationId } = await openConversation()
    simulated.livePerson.closeConversation(conversationId)
    expect(await send()).toEqual({ kind: 'closed' })
  })

  test('an open survey accepts no message, and prevents another conversation', async () => {
    const { send, open, conversationId, consumerId } = await openConversation()
    simulated.livePerson.startSurvey(conversationId)
    expect(await send()).toEqual({ kind: 'closed' })
    expect((await open(consumerId)).kind).toBe('already_open')
    simulated.livePerson.closeConversation(conversationId)
    expect((await open(consumerId)).kind).toBe('opened')
  })

  test('its answer is read by its reqId', async () => {
    const { send } = await openConversation()
    const items = [
      { code: 'BAD_REQUEST', body: { msg: 'Conversation is close' }, reqId: 'id-3' },
      { code: 'OK', body: {}, reqId: 'id-4' },
    ]
    simulated.livePerson.faults.add({
      service: 'send',
      kind: 'status',
      status: 400,
      body: JSON.stringify(items),
    })
    expect(await send()).toEqual({ kind: 'closed' })
  })

  test.each<[string, Trouble, number | undefined]>([
    ['HTTP 429 without a body', { kind: '429' }, undefined],
    ['HTTP 429 without a body', { kind: '429', retryAfter: 20 }, 20_000],
    ['HTTP 404 with HTML', { kind: 'html', status: 404 }, undefined],
    ['HTTP 404 without a body', { kind: 'empty', status: 404 }, undefined],
    ['HTTP 403 with JSON', { kind: 'status', status: 403, body: '{"message":"Forbidden"}' }, undefined],
    [
      'the item code BAD_REQUEST',
      { kind: 'status', status: 400, body: '{"code":"BAD_REQUEST","body":{"msg":"x"},"reqId":"1"}' },
      undefined,
    ],
    [
      'the item code TOO_MANY_REQUESTS',
      { kind: 'status', status: 400, body: '{"code":"TOO_MANY_REQUESTS","body":{},"reqId":"1"}' },
      undefined,
    ],
    ['error code 40001', { kind: 'status', status: 400, body: '{"body":{"errorCode":40001}}' }, undefined],
  ])('after %s the message is owed, and it is not sent again', async (seen, fault, retryAfterMs) => {
    const { send } = await openConversation()
    simulated.livePerson.faults.add({ ...fault, service: 'send' })
    expect(await send()).toMatchObject({
      kind: 'owed',
      error: {
        code: 'liveperson_unavailable',
        message: `LivePerson answered ${seen}.`,
        mayHaveExecuted: false,
        retryAfterMs,
      },
    })
    expect(messages()).toEqual([])
    expect(simulated.received('send')).toHaveLength(1)
  })

  test('a message is owed if the host is dead', async () => {
    const [port] = await findFreePorts(1)
    simulated.livePerson.setHost('asyncMessagingEnt', `127.0.0.1:${port}`)
    const answer = await create().sendMessage(simulated.newConsumerId(), 'c-1', 'Hello', simulated.soon())
    expect(answer).toMatchObject({ kind: 'owed', error: { connectionFailed: true } })
  })

  test('a message is owed if no time is left', async () => {
    const { send } = await openConversation()
    expect(await send(simulated.now() - 1)).toMatchObject({ kind: 'owed' })
    expect(simulated.received('send')).toEqual([])
  })

  test.each<[string, Trouble]>([
    ['400', { kind: 'status', status: 400 }],
    ['503', { kind: 'status', status: 503 }],
    ['no answer', { kind: 'reset' }],
  ])('a message is owed if the IDP returns no ConsumerJWS: %s', async (_, fault) => {
    simulated.livePerson.faults.add({ ...fault, service: 'idp' })
    const answer = await create().sendMessage(simulated.newConsumerId(), 'c-1', 'Hello', simulated.soon())
    expect(answer).toMatchObject({ kind: 'owed', error: { code: 'liveperson_unavailable' } })
    expect(simulated.received('send')).toEqual([])
  })

  test.each([
    new InvalidConfigError({ detail: 'There is no secret x in Secrets Manager.' }),
    new ServiceUnavailableError({ detail: 'The call to Secrets Manager failed.' }),
  ])('a message is owed if the secret can’t be used: $code', async (error) => {
    const credentials = {
      ...simulated.createOptions().credentials,
      current: async () => {
        throw error
      },
    }
    const client = create({ credentials })
    const answer = await client.sendMessage(simulated.newConsumerId(), 'c-1', 'Hello', simulated.soon())
    expect(answer).toEqual({ kind: 'owed', error })
  })

  test('after an unexpected error nobody knows whether it was sent, and it is not repeated', async () => {
    const { http } = simulated.createOptions()
    const { send } = await openConversation({
      http: async (request) => {
        const answer = await http(request)
        if (request.url.includes('/send?')) throw new TypeError('Unexpected')
        return answer
      },
    })
    expect(await send()).toMatchObject({ kind: 'unknown', error: { code: 'internal_error' } })
    expect(simulated.received('send')).toHaveLength(1)
  })

  test.each<[string, Trouble]>([
    ['a reset connection', { kind: 'reset' }],
    ['503', { kind: 'status', status: 503 }],
    ['503 with a JSON page', { kind: 'status', status: 503, body: '{"message":"Service Unavailable"}' }],
    ['408', { kind: 'empty', status: 408 }],
    ['200 without a body', { kind: 'empty', status: 200 }],
    [
      'the item code 507 with 400',
      { kind: 'status', status: 400, body: '{"code":507,"body":{},"reqId":"1"}' },
    ],
    ['HTML', { kind: 'html' }],
    ...LOST_AFTERWARDS,
  ])('after %s nobody knows whether it was sent, and it is not repeated', async (_, fault) => {
    const { send } = await openConversation()
    simulated.livePerson.faults.add({ ...fault, service: 'send' })
    expect(await send()).toMatchObject({ kind: 'unknown', error: { code: 'liveperson_unavailable' } })
    expect(simulated.received('send')).toHaveLength(1)
    expect(messages().length).toBeLessThanOrEqual(1)
  })

  test.each(['expired-app-jwt', 'revoked-consumer-jws'] as const)(
    'refused for its token (%s), it is sent once with a new one',
    async (kind) => {
      const { send } = await openConversation()
      simulated.livePerson.faults.add({ service: 'send', kind })
      expect(await send()).toEqual({ kind: 'sent' })
      expect(simulated.received('send')).toHaveLength(2)
      expect(messages()).toHaveLength(1)
    },
  )

  test.each(['expired-app-jwt', 'revoked-consumer-jws'] as const)(
    'refused for its token twice (%s), it is owed',
    async (kind) => {
      const { send } = await openConversation()
      simulated.livePerson.faults.add({ service: 'send', kind, times: 2 })
      expect(await send()).toMatchObject({ kind: 'owed', error: { code: 'credentials_refused' } })
      expect(messages()).toEqual([])
    },
  )
})

describe('isOpen', () => {
  test('is true while the conversation is open, and leaves nothing in it', async () => {
    const { ask, conversationId } = await openConversation()
    expect(await ask()).toBe(true)
    expect(messages()).toEqual([])
    const [request] = simulated.received('send')
    expect(JSON.parse(request?.body ?? '')).toEqual(toPresenceBody(conversationId, 'id-3'))
  })

  test.each(['closeConversation', 'startSurvey'] as const)('is false after %s', async (operation) => {
    const { ask, conversationId } = await openConversation()
    simulated.livePerson[operation](conversationId)
    expect(await ask()).toBe(false)
  })

  test.each<[string, Trouble]>([
    ['429', { kind: '429' }],
    ['503', { kind: 'status', status: 503 }],
    ['a reset connection', { kind: 'reset' }],
    ['HTML', { kind: 'html' }],
    ['404', { kind: 'status', status: 404, body: '' }],
  ])('is an error if LivePerson doesn’t say: %s', async (_, fault) => {
    const { ask } = await openConversation()
    simulated.livePerson.faults.add({ ...fault, service: 'send' })
    expect(await ask()).toBeInstanceOf(LivePersonUnavailableError)
    expect(simulated.received('send')).toHaveLength(1)
  })
})
