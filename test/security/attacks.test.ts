import { createHmac } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NOTHING } from '../../lib/conversation/facts.ts'
import { type Container, type HttpAnswer, startContainer } from '../support/process-container.ts'
import { ACCOUNT, ORDER_HELP, OTHER_ACCOUNT, startWorld, toRecord, type World } from '../support/world.ts'
import { createEnvironments, deploy } from './deployment.ts'
import {
  type BotCheckProvider,
  type IdentityProvider,
  type KeysMode,
  part,
  startBotCheckProvider,
  startIdentityProvider,
  type VerdictMode,
} from './third-parties.ts'

/**
 * The deployment that a case attacks. `open` has accounts for anonymous and signed-in consumers, `guarded`
 * has a bot check, and in `dark` the identity provider's keys can't be fetched.
 */
type Where = 'open' | 'guarded' | 'dark'

let world: World
let brand: IdentityProvider
let other: IdentityProvider
let dark: IdentityProvider
let bots: BotCheckProvider
const containers = new Map<Where, Container>()
const closers: (() => unknown)[] = []
let serial = 0

beforeAll(async () => {
  const [deployment, started] = await Promise.all([deploy(), startWorld()])
  world = started
  brand = await startIdentityProvider('https://id.example.com/')
  other = await startIdentityProvider('https://id.other.example/')
  dark = await startIdentityProvider('https://id.dark.example/')
  bots = await startBotCheckProvider('bot-check-secret')
  world.secretsManager.put(`campaign-conversations/test/${ACCOUNT}/bot-check`, { secret: 'bot-check-secret' })
  const environments = await createEnvironments(world)
  closers.push(deployment.remove, environments.remove, () => world.close())
  closers.push(brand.close, other.close, dark.close, bots.close)

  const origins = ['https://www.example.com']
  const routes = {
    help: { ...ORDER_HELP, doors: ['form'] },
    crm: { ...ORDER_HELP, doors: ['queue'] },
  }
  const others = {
    'other-help': { campaignId: '4120045610', engagementId: '4120047710', doors: ['form', 'queue'] },
  }
  const stages: Record<Where, unknown> = {
    open: {
      origins,
      accounts: [
        { accountId: ACCOUNT, default: true, form: { consumers: 'both', tokens: brand.tokens }, routes },
        { accountId: OTHER_ACCOUNT, form: { consumers: 'token', tokens: other.tokens }, routes: others },
      ],
    },
    guarded: {
      origins,
      accounts: [
        {
          accountId: ACCOUNT,
          default: true,
          form: {
            consumers: 'both',
            tokens: brand.tokens,
            botCheck: { verifyUrl: bots.verifyUrl, hostnames: ['www.example.com'] },
          },
          routes,
        },
        { accountId: OTHER_ACCOUNT, routes: others },
      ],
    },
    dark: {
      origins,
      accounts: [{ accountId: ACCOUNT, form: { consumers: 'both', tokens: dark.tokens }, routes }],
    },
  }
  await Promise.all(
    (['open', 'guarded', 'dark'] as const).map(async (where) => {
      // Here the keys can't be fetched, and the tests shouldn't wait long for them.
      const more = where === 'dark' ? { FORM_DEADLINE_MS: '600' } : {}
      const container = await startContainer(deployment.handlers, await environments.of(stages[where], more))
      containers.set(where, container)
      closers.unshift(container.stop)
    }),
  )
})
afterAll(async () => {
  for (const close of closers) await close()
})

const at = (where: Where): Container => {
  const container = containers.get(where)
  if (!container) throw new Error(`There is no container ${where}`)
  return container
}

const newId = () => `attack-${process.pid}-${++serial}`
const help = (members: object = {}) => ({ requestId: newId(), route: 'help', ...members })
const personal = { type: 'personal', personal: { company: 'Nord A/S' } }
const ctmrinfo = { type: 'ctmrinfo', info: { ctype: 'vip' } }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
const codeOf = ({ body }: HttpAnswer): string => JSON.parse(body).code
const pathsOf = ({ body }: HttpAnswer): string[] =>
  (JSON.parse(body).errors ?? []).map(({ path }: { path: string }) => path)

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** What is sent. A string is sent as it is, anything else as JSON. */
interface Attack {
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
  readonly isBase64Encoded?: boolean
}

/** Expects a refusal without a call to LivePerson, in the same shape for all errors. */
const expectRefusal = async (
  where: Where,
  { body = help(), headers = {}, isBase64Encoded = false }: Attack,
  expected: { readonly status: number; readonly code: string; readonly path?: string | undefined },
) => {
  const before = world.livePerson.requests().length
  const answer = await at(where).submit(body, { headers, isBase64Encoded })
  expect({ status: answer.statusCode, code: codeOf(answer) }).toEqual({
    status: expected.status,
    code: expected.code,
  })
  if (expected.path !== undefined) expect(pathsOf(answer)).toContain(expected.path)
  expect(world.livePerson.requests().slice(before)).toEqual([])
  expect(answer.headers).toMatchObject({
    'content-type': 'application/problem+json',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  expect(answer.body.length).toBeLessThan(16_384)
  return answer
}

describe('a legitimate request is accepted', () => {
  test('an anonymous form', async () => {
    expect((await at('open').submit(help())).statusCode).toBe(201)
  })

  test('a form from a listed origin', async () => {
    const headers = { origin: 'https://www.example.com' }
    expect((await at('open').submit(help(), { headers })).statusCode).toBe(201)
  })

  test.each<[string, () => Promise<Record<string, string>>]>([
    ['RS256', async () => bearer(await brand.sign({ sub: 'let-in-1' }))],
    ['ES256', async () => bearer(await brand.sign({ sub: 'let-in-2' }, brand.ec))],
    [
      'bearer in lower case',
      async () => ({ authorization: `bearer ${await brand.sign({ sub: 'let-in-3' })}` }),
    ],
    [
      'one of several audiences',
      async () => bearer(await brand.sign({ sub: 'let-in-4', aud: ['x', 'campaign-conversations'] })),
    ],
    [
      'a token that expired within the clock tolerance',
      async () => bearer(await brand.sign({ sub: 'let-in-5', exp: Math.floor(Date.now() / 1000) - 2 })),
    ],
  ])('a signed-in consumer: %s', async (_, headersOf) => {
    const headers = await headersOf()
    expect((await at('open').submit(help(), { headers })).statusCode).toBe(201)
  })

  test('a signed-in consumer of the other account, with its route', async () => {
    const headers = bearer(await other.sign())
    const answer = await at('open').submit(help({ route: 'other-help' }), { headers })
    expect(answer.statusCode).toBe(201)
  })

  test('a signed-in consumer, for whom the token overrides the body', async () => {
    const lp_sdes = [{ type: 'ctmrinfo', info: { ctype: 'gold', customerId: 'c-1' } }]
    const token = await brand.sign({ sub: 'let-in-6', given_name: 'Ana', email: 'ana@example.org', lp_sdes })
    const body = help({
      consumer: { id: 'let-in-6', firstName: 'Mallory', email: 'm@evil.example', lastName: 'Iversen' },
      engagementAttributes: [ctmrinfo],
    })
    expect((await at('open').submit(body, { headers: bearer(token) })).statusCode).toBe(201)
    const conversation = world.livePerson.requests({ service: 'conversation' }).at(-1)
    expect(world.livePerson.requests({ service: 'idp' }).at(-1)?.body).toBe('{"ext_consumer_id":"let-in-6"}')
    expect(JSON.parse(conversation?.body ?? '')[0].body).toEqual({
      firstName: 'Ana',
      lastName: 'Iversen',
      privateData: { mail: 'ana@example.org' },
      authenticatedData: {
        lp_sdes: [
          ...lp_sdes,
          {
            type: 'personal',
            personal: { firstname: 'Ana', contacts: [{ email: 'ana@example.org' }] },
          },
        ],
      },
    })
  })

  test('a copy with a refreshed token, but not with another consumer’s token', async () => {
    const body = help()
    const first = await at('open').submit(body, { headers: bearer(await brand.sign({ sub: 'let-in-7' })) })
    const refreshed = bearer(await brand.sign({ sub: 'let-in-7', jti: 'another' }))
    const again = await at('open').submit(body, { headers: refreshed })
    expect([first.statusCode, again.statusCode]).toEqual([201, 200])
    expect(JSON.parse(again.body)).toEqual(JSON.parse(first.body))
    // By design, the IDP is called at the same time as the ledger. No conversation is opened.
    const opened = world.livePerson.counts().conversation
    const headers = bearer(await brand.sign({ sub: 'let-in-8' }))
    const answer = await at('open').submit(body, { headers })
    expect([answer.statusCode, codeOf(answer)]).toEqual([422, 'request_id_reused'])
    expect(world.livePerson.counts().conversation).toBe(opened)
  })

  test('a form that is handed over to the queue, with the token’s consumer and claims', async () => {
    const headers = bearer(await brand.sign({ sub: 'let-in-9', given_name: 'Ana' }))
    const stop = world.livePerson.faults.add({
      service: 'conversation',
      kind: 'status',
      status: 503,
      times: 9,
    })
    const body = help({ consumer: { firstName: 'Mallory' } })
    const answer = await at('open').submit(body, { headers })
    stop()
    expect(answer.statusCode).toBe(202)
    const inspected = await fetch(
      `${world.sqs.url}/_fauxqs/queues/${new URL(world.sqs.handOverQueueUrl).pathname.split('/').at(-1)}`,
    )
    const kept = JSON.stringify(await inspected.json())
    expect(kept).toContain('\\"consumerId\\":\\"let-in-9\\"')
    expect(kept).toContain('\\"firstName\\":\\"Ana\\"')
    expect(kept).not.toContain('Mallory')
  })
})

describe('a forged or invalid token is refused', () => {
  const seconds = () => Math.floor(Date.now() / 1000)
  const hs256 = (secret: string) => {
    const signed = `${part({ alg: 'HS256', kid: 'rsa-1' })}.${part(brand.claimsOf())}`
    return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`
  }
  const attacker = () => startedAttacker
  let startedAttacker: IdentityProvider

  beforeAll(async () => {
    startedAttacker = await startIdentityProvider('https://id.example.com/')
    closers.push(startedAttacker.close)
  })

  test.each<[string, () => Promise<string> | string]>([
    ['a changed signature', async () => (await brand.sign()).replace(/.{8}$/, 'AAAAAAAA')],
    ['no signature', async () => (await brand.sign()).replace(/[^.]+$/, '')],
    [
      'changed claims',
      async () => (await brand.sign()).replace(/\.[^.]+\./, `.${part(brand.claimsOf({ sub: 'admin' }))}.`),
    ],
    ['another key with the same kid', () => attacker().sign({})],
    ['an unknown kid', async () => brand.sign({}, await brand.makeKey('rsa-9', 'RS256'))],
    ['no kid', async () => brand.sign({}, await brand.makeKey('rsa-1', 'RS256'), { kid: undefined })],
    ['a kid that is a path', () => brand.sign({}, brand.rsa, { kid: '../../rsa-1' })],
    ['its own key in the header', () => attacker().sign({}, undefined, { jwk: attacker().rsa.publicJwk })],
    ['the URL of its own keys', () => attacker().sign({}, undefined, { jku: attacker().jwksUrl })],
    ['alg none', () => `${part({ alg: 'none' })}.${part(brand.claimsOf())}.`],
    [
      'alg none with a signature',
      () => `${part({ alg: 'none', kid: 'rsa-1' })}.${part(brand.claimsOf())}.AAAA`,
    ],
    ['alg nOnE', () => `${part({ alg: 'nOnE', kid: 'rsa-1' })}.${part(brand.claimsOf())}.AAAA`],
    ['HS256 with the public key as PEM', () => hs256(brand.rsa.pem)],
    ['HS256 with the public key as JWK', () => hs256(JSON.stringify(brand.rsa.publicJwk))],
    ['HS256 with an empty secret', () => hs256('')],
    ['a published key with an algorithm that isn’t listed', () => brand.sign({}, brand.unlisted)],
    [
      'another algorithm with the same kid',
      async () => brand.sign({}, await brand.makeKey('rsa-1', 'PS256')),
    ],
    [
      'ES256 in the header of an RSA signature',
      async () => (await brand.sign()).replace(/^[^.]+/, part({ alg: 'ES256', kid: 'rsa-1' })),
    ],
    [
      'an unknown critical header',
      async () =>
        (await brand.sign()).replace(/^[^.]+/, part({ alg: 'RS256', kid: 'rsa-1', crit: ['x'], x: 1 })),
    ],
    [
      'an unencoded payload',
      async () =>
        (await brand.sign()).replace(
          /^[^.]+/,
          part({ alg: 'RS256', kid: 'rsa-1', crit: ['b64'], b64: false }),
        ),
    ],
    ['an encrypted token', () => 'e30.e30.e30.e30.e30'],
    ['only two parts', () => `${part({ alg: 'RS256' })}.${part(brand.claimsOf())}`],
    ['a header that is not JSON', () => `${part('hello')}.${part(brand.claimsOf())}.AAAA`],
    ['claims that are not JSON', () => brand.signText('hello')],
    ['claims that are an array', () => brand.signText('[]')],
    ['claims that are not UTF-8', async () => (await brand.sign()).replace(/\.[^.]+\./, '._____w.')],
    ['expired', () => brand.sign({ exp: seconds() - 60 })],
    ['expired just beyond the tolerance', () => brand.sign({ exp: seconds() - 8 })],
    ['not valid yet', () => brand.sign({ nbf: seconds() + 60 })],
    ['issued in the future', () => brand.sign({ iat: seconds() + 60 })],
    ['no exp', () => brand.sign({ exp: undefined })],
    ['an exp that is a string', () => brand.sign({ exp: String(seconds() + 60) })],
    ['another issuer', () => brand.sign({ iss: 'https://evil.example/' })],
    ['an issuer with the same beginning', () => brand.sign({ iss: 'https://id.example.com/evil' })],
    ['an issuer without the trailing slash', () => brand.sign({ iss: 'https://id.example.com' })],
    ['no issuer', () => brand.sign({ iss: undefined })],
    ['another audience', () => brand.sign({ aud: 'another-service' })],
    ['other audiences', () => brand.sign({ aud: ['a', 'campaign-conversations-2'] })],
    ['no audience', () => brand.sign({ aud: undefined })],
    ['another account’s provider', () => other.sign()],
    ['no sub', () => brand.sign({ sub: undefined })],
    ['an empty sub', () => brand.sign({ sub: '' })],
    ['a sub that is a number', () => brand.sign({ sub: 5 })],
    ['a sub of 257 characters', () => brand.sign({ sub: 'x'.repeat(257) })],
    ['a line break in its sub', () => brand.sign({ sub: 'crm-8841\r\nx: y' })],
    ['a lone surrogate in its sub', () => brand.sign({ sub: 'crm-\ud800' })],
    ['an SDE of another type', () => brand.sign({ lp_sdes: [{ type: 'cart' }] })],
    ['an SDE with an unknown member', () => brand.sign({ lp_sdes: [{ type: 'ctmrinfo', info: { x: 1 } }] })],
    ['eleven SDEs', () => brand.sign({ lp_sdes: Array(11).fill(personal) })],
    ['more than 8 KB', () => brand.sign({ padding: 'x'.repeat(9000) })],
  ])('%s', async (_, make) => {
    const answer = await expectRefusal(
      'open',
      { headers: bearer(await make()) },
      {
        status: 401,
        code: 'consumer_token_invalid',
      },
    )
    expect(answer.headers['www-authenticate']).toMatch(/^Bearer/)
    expect(attacker().urls).toEqual([])
  })

  test.each<[string, () => Promise<string> | string]>([
    ['nothing', () => ''],
    ['only Bearer', () => 'Bearer'],
    ['only Bearer and a space', () => 'Bearer '],
    ['Basic', () => `Basic ${Buffer.from('admin:admin').toString('base64')}`],
    ['no scheme', () => brand.sign()],
    ['the tokens of two headers', async () => `Bearer ${await brand.sign()},Bearer ${await brand.sign()}`],
    ['two tokens', async () => `Bearer ${await brand.sign()} ${await brand.sign()}`],
    ['a valid token and Basic', async () => `Bearer ${await brand.sign()}, Basic eDp5`],
    ['a valid token, followed by a header', async () => `Bearer ${await brand.sign()}\r\nx-role: admin`],
    ['a valid token, followed by NUL', async () => `Bearer ${await brand.sign()}\u0000`],
  ])('Authorization contains %s', async (_, make) => {
    await expectRefusal(
      'open',
      { headers: { authorization: await make() } },
      {
        status: 401,
        code: 'consumer_token_invalid',
      },
    )
  })

  test('no token if one is required', async () => {
    const body = help({ route: 'other-help' })
    await expectRefusal('open', { body }, { status: 401, code: 'consumer_token_invalid' })
  })

  test('a token of the first account at the second', async () => {
    const body = help({ route: 'other-help' })
    const headers = bearer(await brand.sign())
    await expectRefusal('open', { body, headers }, { status: 401, code: 'consumer_token_invalid' })
  })

  test('a valid token if the account accepts none', async () => {
    const body = help({ route: 'other-help' })
    const headers = bearer(await brand.sign())
    await expectRefusal('guarded', { body, headers }, { status: 401, code: 'consumer_token_invalid' })
  })
})

describe('the identity provider’s keys', () => {
  test.each<[KeysMode]>([['html'], ['redirect'], ['error'], ['large'], ['empty'], ['silent']])(
    'if the answer is %s: 503, and the consumer is not treated as anonymous',
    async (mode) => {
      await at('dark').advance(2000)
      dark.state.mode = mode
      const before = dark.urls.length
      const answer = await expectRefusal(
        'dark',
        { headers: bearer(await dark.sign()) },
        {
          status: 503,
          code: 'service_unavailable',
        },
      )
      expect(answer.headers['retry-after']).toBe('5')
      expect(dark.urls.slice(before)).toEqual(['/jwks.json'])
      expect(world.sqs.depth('quarantine')).toMatchObject({ ready: 0 })
    },
  )

  test('are not requested again right after a failure, and work again once they are available', async () => {
    const headers = bearer(
      await dark.sign({ sub: 'dark-1', iat: undefined, exp: Math.floor(Date.now() / 1000) + 900 }),
    )
    const before = dark.urls.length
    dark.state.mode = 'well'
    await expectRefusal('dark', { headers }, { status: 503, code: 'service_unavailable' })
    expect(dark.urls.length).toBe(before)
    await at('dark').advance(2000)
    const answer = await at('dark').submit(help(), { headers })
    expect([201, 202]).toContain(answer.statusCode)
  })

  test('are requested again for an unknown key, but not for every one', async () => {
    const rotated = await brand.makeKey('rsa-2', 'RS256')
    const old = brand.rsa
    // The container's clock goes ahead below.
    const claims = { exp: Math.floor(Date.now() / 1000) + 900 }
    const tokens = {
      old: await brand.sign({ ...claims, sub: 'rotation-1' }, old),
      new: await brand.sign({ ...claims, sub: 'rotation-2' }, rotated),
      back: await brand.sign({ ...claims, sub: 'rotation-3' }, old),
    }
    brand.state.keys = [rotated]
    const before = brand.urls.length
    await expectRefusal(
      'open',
      { headers: bearer(tokens.new) },
      { status: 401, code: 'consumer_token_invalid' },
    )
    expect(brand.urls.length).toBe(before)
    expect((await at('open').submit(help(), { headers: bearer(tokens.old) })).statusCode).toBe(201)

    await at('open').advance(31_000)
    expect((await at('open').submit(help(), { headers: bearer(tokens.new) })).statusCode).toBe(201)
    expect(brand.urls.length).toBe(before + 1)
    await expectRefusal(
      'open',
      { headers: bearer(tokens.old) },
      { status: 401, code: 'consumer_token_invalid' },
    )
    brand.state.keys = [old, brand.ec]
    await at('open').advance(31_000)
    expect((await at('open').submit(help(), { headers: bearer(tokens.back) })).statusCode).toBe(201)
  })
})

describe('a body that claims an identity is refused', () => {
  const wrong = (path: string) => ({ status: 400, code: 'invalid_request', path })

  test.each<[string, Attack, string]>([
    ['an anonymous consumer id', { body: help({ consumer: { id: 'crm-8841' } }) }, 'consumer.id'],
    ['an anonymous VIP', { body: help({ engagementAttributes: [ctmrinfo] }) }, 'engagementAttributes.0'],
    [
      'an anonymous VIP after another SDE',
      { body: help({ engagementAttributes: [personal, ctmrinfo] }) },
      'engagementAttributes.1',
    ],
    [
      'an anonymous name as an attribute',
      { body: help({ engagementAttributes: [personal] }) },
      'engagementAttributes.0',
    ],
    [
      'an id in a URL-encoded form',
      { body: 'route=help&consumer.id=crm-8841', headers: FORM },
      'consumer.id',
    ],
    [
      'a VIP in a URL-encoded form',
      {
        body: 'route=help&engagementAttributes.0.type=ctmrinfo&engagementAttributes.0.info.ctype=vip',
        headers: FORM,
      },
      'engagementAttributes.0',
    ],
    [
      'an id hidden by a second consumer',
      { body: '{"route":"help","consumer":{"id":"crm-8841"},"consumer":{}}' },
      'consumer',
    ],
    ['an id as consumerId', { body: help({ consumerId: 'crm-8841' }) }, 'consumerId'],
    ['an account', { body: help({ accountId: OTHER_ACCOUNT }) }, 'accountId'],
    ['a hand-over', { body: { handedOver: { consumerId: 'crm-8841' } } }, 'handedOver'],
    [
      'an SDE that is a string',
      { body: help({ engagementAttributes: ['ctmrinfo'] }) },
      'engagementAttributes.0',
    ],
  ])('%s', async (_, attack, path) => {
    await expectRefusal('open', attack, wrong(path))
  })

  test.each<[string, object, string]>([
    ['another consumer’s id', { consumer: { id: 'crm-1' } }, 'consumer.id'],
    ['the same id in another case', { consumer: { id: 'CRM-8841' } }, 'consumer.id'],
    ['a VIP that the token doesn’t confirm', { engagementAttributes: [ctmrinfo] }, 'engagementAttributes.0'],
    ['a name as an attribute', { engagementAttributes: [personal] }, 'engagementAttributes.0'],
  ])('of a signed-in consumer: %s', async (_, members, path) => {
    const headers = bearer(await brand.sign({ lp_sdes: [] }))
    await expectRefusal('open', { body: help(members), headers }, wrong(path))
  })
})

describe('a body that could confuse a parser is refused', () => {
  const wrong = (path: string) => ({ status: 400, code: 'invalid_request', path })
  const bytes = (...values: number[]) => ({
    body: Buffer.from([...Buffer.from('{"route":"'), ...values, ...Buffer.from('"}')]).toString('base64'),
    isBase64Encoded: true,
  })
  const tooLarge = { status: 413, code: 'payload_too_large' }
  const form = (body: string): Attack => ({ body, headers: FORM })

  test.each<[string, Attack, { status: number; code: string; path?: string }]>([
    ['__proto__', { body: '{"route":"help","__proto__":{"consumer":{"id":"x"}}}' }, wrong('__proto__')],
    ['__proto__ with escapes', { body: '{"route":"help","\\u005f_proto__":{}}' }, wrong('__proto__')],
    ['nested __proto__', { body: '{"consumer":{"__proto__":{"id":"x"}}}' }, wrong('consumer.__proto__')],
    ['constructor', { body: '{"route":"help","constructor":{"prototype":{"x":1}}}' }, wrong('constructor')],
    ['hasOwnProperty', { body: '{"route":"help","hasOwnProperty":1}' }, wrong('hasOwnProperty')],
    ['toJSON', { body: '{"route":"help","consumer":{"toJSON":1}}' }, wrong('consumer.toJSON')],
    ['17 levels', { body: `{"a":${'['.repeat(16)}${']'.repeat(16)}}` }, wrong('a.0.0')],
    ['8,000 levels', { body: '['.repeat(8000) + ']'.repeat(8000) }, wrong('0.0.0')],
    ['3,000 unclosed levels', { body: '{"a":'.repeat(3000) }, wrong('')],
    ['a duplicate name', { body: '{"route":"help","route":"help"}' }, wrong('route')],
    ['a duplicate name with escapes', { body: '{"route":"help","\\u0072oute":"crm"}' }, wrong('route')],
    ['a byte order mark inside', { body: '{"route":"help"\ufeff}' }, wrong('')],
    ['two values', { body: '{"route":"help"}{"route":"help"}' }, wrong('')],
    ['a comment', { body: '{"route":"help"/**/}' }, wrong('')],
    ['NaN', { body: '{"route":NaN}' }, wrong('')],
    ['a list', { body: '[{"route":"help"}]' }, wrong('')],
    ['null', { body: 'null' }, wrong('')],
    ['an empty body', { body: '' }, wrong('')],
    ['a list as route', { body: '{"route":["help"]}' }, wrong('route')],
    ['an object as a string', { body: '{"route":"help","message":{"$gt":""}}' }, wrong('message')],
    ['10 MB', { body: `{"route":"help","message":"${'x'.repeat(10_000_000)}"}` }, tooLarge],
    ['10 MB of levels', { body: '['.repeat(10_000_000) }, tooLarge],
    ['10 MB in base64', { body: 'e30='.repeat(2_500_000), isBase64Encoded: true }, tooLarge],
    ['10 MB of fields', form('a=1&'.repeat(2_500_000)), tooLarge],
    ['32 KB of four-byte characters', { body: `{"message":"${'🦊'.repeat(8200)}"}` }, tooLarge],
    ['a byte that is not UTF-8', bytes(0xff), wrong('')],
    ['an overlong slash', bytes(0xc0, 0xaf), wrong('')],
    ['a lone surrogate in bytes', bytes(0xed, 0xa0, 0x80), wrong('')],
    ['a lone surrogate in an escape', { body: '{"route":"help","message":"\\ud800"}' }, wrong('message')],
    ['invalid base64', { body: '{"route":"help"}', isBase64Encoded: true }, wrong('')],
    ['a field that is not UTF-8', form('route=help&consumer.firstName=%FF'), wrong('')],
    ['a field with an incomplete escape', form('route=help&message=100%'), wrong('')],
    ['a duplicate field', form('route=help&route=crm'), wrong('route')],
    [
      'a field that is a string, then an object',
      form('route=help&consumer=x&consumer.firstName=y'),
      wrong('consumer.firstName'),
    ],
    [
      'a field that is an object, then a string',
      form('route=help&consumer.firstName=y&consumer=x'),
      wrong('consumer'),
    ],
    ['a field name with __proto__', form('route=help&__proto__.id=x'), wrong('__proto__')],
    [
      'a field name with nested __proto__',
      form('route=help&consumer.__proto__.id=x'),
      wrong('consumer.__proto__'),
    ],
    ['a field name with constructor', form('route=help&constructor.prototype.id=x'), wrong('constructor')],
    ['two dots', form('route=help&consumer..id=x'), wrong('consumer.')],
    ['a leading dot', form('route=help&.consumer.id=x'), wrong('')],
    ['an escaped dot', form('route=help&consumer%2Eid=x'), wrong('consumer.id')],
    ['brackets', form('route=help&consumer[id]=x'), wrong('consumer[id]')],
    ['eleven parts', form('route=help&a.b.c.d.e.f.g.h.i.j.k=x'), wrong('')],
    [
      'a list that starts at 1',
      form('route=help&engagementAttributes.1.type=personal'),
      wrong('engagementAttributes'),
    ],
    ['the length of a list', form('route=help&engagementAttributes.length=9'), wrong('engagementAttributes')],
    ['201 fields', form(Array.from({ length: 201 }, (_, i) => `a${i}=1`).join('&')), wrong('')],
    [
      '1,500 unknown members',
      { body: `{${Array.from({ length: 1500 }, (_, i) => `"a${i}":1`)}}` },
      wrong('a0'),
    ],
    ['a name of 15 KB', { body: `{"${'x'.repeat(15_000)}":1}` }, wrong('x'.repeat(200))],
  ])('%s', async (_, attack, expected) => {
    await expectRefusal('open', attack, expected)
  })

  test.each<[string, object, string]>([
    ['a first name of 257 characters', { consumer: { firstName: 'x'.repeat(257) } }, 'consumer.firstName'],
    ['an email of 321 characters', { consumer: { email: 'x'.repeat(321) } }, 'consumer.email'],
    ['a phone number of 65 characters', { consumer: { phone: '1'.repeat(65) } }, 'consumer.phone'],
    [
      'a description of 4,097 characters',
      { consumer: { description: 'x'.repeat(4097) } },
      'consumer.description',
    ],
    ['a javascript: avatarUrl', { consumer: { avatarUrl: 'javascript:alert(1)' } }, 'consumer.avatarUrl'],
    ['a message of 4,500 characters', { message: 'x'.repeat(4500) }, 'message'],
    ['a message that is too long with escapes', { message: '\u005c'.repeat(2300) }, 'message'],
    ['eleven SDEs', { engagementAttributes: Array(11).fill(personal) }, 'engagementAttributes'],
  ])('%s', async (_, members, path) => {
    await expectRefusal('open', { body: help(members) }, wrong(path))
  })
})

describe('a request id', () => {
  test.each([
    ['followed by a header', 'attack-1\r\nset-cookie: a=b'],
    ['with a line feed at the end', 'attack-12345\n'],
    ['that is a path', '../../domains'],
    ['that is a key of the table', 'request#70123456#queue#x'],
    ['with a space', 'attack 12345'],
    ['with a lookalike letter', 'аttack-12345'],
    ['of seven characters', 'attack1'],
    ['of 129 characters', 'x'.repeat(129)],
  ])('%s is refused', async (_, id) => {
    const inBody = { status: 400, code: 'invalid_request', path: 'requestId' }
    await expectRefusal('open', { body: help({ requestId: id }) }, inBody)
    const headers = { 'idempotency-key': id }
    await expectRefusal('open', { headers }, { ...inBody, path: 'Idempotency-Key' })
  })

  test.each([
    ['is unknown', 'nobody-has-this-one'],
    ['is a path', '../../../etc/passwd'],
    ['is a key of the table', 'request#70123456#form#x'],
    ['is empty', ''],
  ])('that %s has no status', async (_, id) => {
    const answer = await at('open').askStatus(id)
    expect([answer.statusCode, codeOf(answer)]).toEqual([404, 'not_found'])
  })

  test('of a CRM event has no status, and a form with the same id doesn’t affect it', async () => {
    const requestId = newId()
    const taken = await at('open').submit(help({ requestId }))
    expect(
      await at('open').deliver([toRecord({ requestId, route: 'crm', consumer: { id: 'crm-event-1' } })]),
    ).toEqual([])
    expect(world.livePerson.requests({ service: 'idp' }).at(-1)?.body).toContain('crm-event-1')
    const queueOnly = newId()
    await at('open').deliver([
      toRecord({ requestId: queueOnly, route: 'crm', consumer: { id: 'crm-event-2' } }),
    ])
    expect((await at('open').askStatus(queueOnly)).statusCode).toBe(404)
    const status = JSON.parse((await at('open').askStatus(requestId)).body)
    expect(status).toEqual({
      requestId,
      status: 'opened',
      conversationId: JSON.parse(taken.body).conversationId,
    })
  })
})

describe('a campaign, origin or content type that isn’t allowed is refused', () => {
  const notAllowed = { status: 403, code: 'campaign_not_allowed' }
  const unknown = { status: 400, code: 'invalid_request', path: 'route' }

  test.each<[string, object, { status: number; code: string }]>([
    ['a campaign if only routes are allowed', { route: undefined, campaign: ORDER_HELP }, notAllowed],
    ['a route for the queue', { route: 'crm' }, notAllowed],
    ['an unknown route', { route: 'nowhere' }, unknown],
    ['a route named constructor', { route: 'constructor' }, unknown],
    ['a route named __proto__', { route: '__proto__' }, unknown],
    ['a campaign and a route', { campaign: ORDER_HELP }, { ...unknown, path: 'campaign' } as typeof unknown],
    [
      'a campaign id that is not decimal',
      { route: undefined, campaign: { campaignId: '1 OR 1=1', engagementId: '1' } },
      { ...unknown, path: 'campaign.campaignId' } as typeof unknown,
    ],
  ])('%s', async (_, members, expected) => {
    await expectRefusal('open', { body: help(members) }, expected)
  })

  test.each([
    ['another', 'https://evil.example'],
    ['null', 'null'],
    ['the same beginning', 'https://www.example.com.evil.example'],
    ['the same end', 'https://evil-www.example.com'],
    ['http', 'http://www.example.com'],
    ['another port', 'https://www.example.com:8443'],
    ['two', 'https://www.example.com, https://evil.example'],
    ['*', '*'],
    ['empty', ''],
  ])('origin: %s', async (_, origin) => {
    const answer = await expectRefusal(
      'open',
      { headers: { origin } },
      {
        status: 403,
        code: 'origin_not_allowed',
      },
    )
    expect(Object.keys(answer.headers).join()).not.toContain('access-control')
  })

  test.each([
    ['text', 'text/plain'],
    ['none', ''],
    ['multipart', 'multipart/form-data; boundary=x'],
    ['XML', 'application/xml'],
    ['JSONP', 'application/jsonp'],
    ['JSON and text', 'application/json, text/plain'],
    ['JSON in UTF-16', 'application/json; charset=utf-16'],
    ['JSON in UTF-7', 'application/json;charset=utf-7'],
    ['JSON, followed by a header', 'application/json\r\nx: y'],
  ])('content type: %s', async (_, type) => {
    await expectRefusal(
      'open',
      { headers: { 'content-type': type } },
      {
        status: 415,
        code: 'unsupported_media_type',
      },
    )
  })
})

describe('a bot check', () => {
  const failed = { status: 403, code: 'bot_check_failed' }
  const solved = () => ({ 'cf-turnstile-response': `solved-${newId()}` })

  test('accepts a solved challenge for one request and its copies, but not for another request', async () => {
    const body = help(solved())
    const first = await at('guarded').submit(body)
    const copy = await at('guarded').submit(body)
    expect([first.statusCode, copy.statusCode]).toEqual([201, 200])
    expect(JSON.parse(copy.body)).toEqual(JSON.parse(first.body))
    const refreshed = await at('guarded').submit({ ...body, ...solved() })
    expect(refreshed.statusCode).toBe(200)
    await expectRefusal('guarded', { body: { ...body, requestId: newId() } }, failed)
    await expectRefusal('guarded', { body: { ...body, message: 'something else' } }, failed)
    expect(new URLSearchParams(bots.bodies[0]).get('secret')).toBe('bot-check-secret')
    expect(bots.urls).toEqual(bots.urls.map(() => '/siteverify'))
  })

  test('accepts the field of any widget in a URL-encoded form', async () => {
    for (const field of ['h-captcha-response', 'cf-turnstile-response', 'g-recaptcha-response']) {
      const answer = await at('guarded').submit(`route=help&${field}=solved-${newId()}`, { headers: FORM })
      expect(answer.statusCode).toBe(201)
    }
  })

  test('doesn’t apply to signed-in consumers', async () => {
    const headers = bearer(await brand.sign({ sub: 'guarded-1' }))
    expect((await at('guarded').submit(help(), { headers })).statusCode).toBe(201)
  })

  test.each<[string, () => object, { status: number; code: string; path?: string }]>([
    ['no challenge', () => ({}), failed],
    ['an empty challenge', () => ({ 'cf-turnstile-response': '' }), failed],
    ['an unsolved challenge', () => ({ 'cf-turnstile-response': 'guessed' }), failed],
    ['one from another site', () => ({ 'cf-turnstile-response': `solved-elsewhere-${newId()}` }), failed],
    [
      'one of the wrong type',
      () => ({ 'cf-turnstile-response': ['solved'] }),
      { status: 400, code: 'invalid_request', path: 'cf-turnstile-response' },
    ],
    [
      'one of 8,193 characters',
      () => ({ 'h-captcha-response': 'x'.repeat(8193) }),
      { status: 400, code: 'invalid_request', path: 'h-captcha-response' },
    ],
    [
      'one for an account without a bot check',
      () => ({ route: 'other-help', ...solved() }),
      { status: 400, code: 'invalid_request', path: 'cf-turnstile-response' },
    ],
  ])('refuses %s', async (_, make, expected) => {
    await expectRefusal('guarded', { body: help(make()) }, expected)
  })

  test('can’t be bypassed with an invalid token', async () => {
    const headers = bearer(await other.sign())
    await expectRefusal('guarded', { headers }, { status: 401, code: 'consumer_token_invalid' })
  })

  test.each<[VerdictMode, { status: number; code: string }]>([
    ['html', { status: 503, code: 'service_unavailable' }],
    ['redirect', { status: 503, code: 'service_unavailable' }],
    ['error', { status: 503, code: 'service_unavailable' }],
    ['internal', { status: 503, code: 'service_unavailable' }],
    ['secret', { status: 500, code: 'invalid_config' }],
  ])('refuses every form if the provider’s answer is %s', async (mode, expected) => {
    bots.state.mode = mode
    await expectRefusal('guarded', { body: help(solved()) }, expected)
    bots.state.mode = 'well'
    expect((await at('guarded').submit(help(solved()))).statusCode).toBe(201)
    expect(bots.urls).not.toContain('/moved')
  })
})

describe('a record of the queue', () => {
  const handedOver = (members: object) => ({
    handedOver: {
      door: 'form',
      requestId: newId(),
      accountId: ACCOUNT,
      consumerId: 'crm-8841',
      fingerprint: `2.${'0'.repeat(64)}`,
      vouchedBy: 'token',
      warnings: [],
      request: { route: 'help' },
      destination: ORDER_HELP,
      facts: NOTHING,
      ...members,
    },
  })
  const sns = (message: unknown) => ({
    Type: 'Notification',
    MessageId: newId(),
    Message: JSON.stringify(message),
  })
  const eventBridge = (detail: unknown) => ({ id: newId(), 'detail-type': 'x', source: 'crm', detail })

  test.each<[string, () => unknown, string]>([
    ['a hand-over from SNS', () => sns(handedOver({})), 'invalid_request'],
    ['a hand-over from EventBridge', () => eventBridge(handedOver({})), 'invalid_request'],
    ['a hand-over', () => handedOver({}), 'invalid_request'],
    ['__proto__', () => '{"route":"crm","__proto__":{"consumer":{"id":"x"}}}', 'invalid_request'],
    ['a duplicate name', () => '{"route":"crm","consumer":{"id":"a","id":"b"}}', 'invalid_request'],
    [
      'a duplicate name inside SNS',
      () => ({ ...sns({}), Message: '{"route":"a","route":"b"}' }),
      'invalid_request',
    ],
    ['17 levels', () => `{"a":${'['.repeat(16)}${']'.repeat(16)}}`, 'invalid_request'],
    ['200,000 levels', () => '['.repeat(200_000), 'invalid_request'],
    ['a line break in the consumer', () => ({ route: 'crm', consumer: { id: 'a\r\nb' } }), 'invalid_request'],
    ['a route for the form', () => ({ route: 'help', consumer: { id: 'a' } }), 'campaign_not_allowed'],
    ['a challenge', () => ({ route: 'crm', 'cf-turnstile-response': 'x' }), 'invalid_request'],
  ])('%s is quarantined', async (_, make, code) => {
    await world.receiveQuarantine()
    const before = world.livePerson.requests().length
    const made = make()
    expect(await at('open').deliver([toRecord(made)])).toEqual([])
    expect(world.livePerson.requests().slice(before)).toEqual([])
    expect((await world.receiveQuarantine()).map((record) => record.code)).toEqual([code])
  })

  test.each<[string, () => unknown, string]>([
    ['a CRM event', () => ({ route: 'crm', consumer: { id: 'a' } }), 'invalid_request'],
    ['a hand-over in an envelope', () => sns(handedOver({})), 'invalid_request'],
    ['a hand-over without a consumer', () => handedOver({ consumerId: undefined }), 'invalid_request'],
    ['a hand-over with an unknown member', () => handedOver({ admin: true }), 'invalid_request'],
  ])('%s in the hand-over queue is quarantined', async (_, make, code) => {
    await world.receiveQuarantine()
    const before = world.livePerson.requests().length
    expect(await at('open').deliver([toRecord(make(), { queue: 'handOver' })])).toEqual([])
    expect(world.livePerson.requests().slice(before)).toEqual([])
    expect((await world.receiveQuarantine()).map((record) => record.code)).toEqual([code])
  })

  test('a hand-over to an unknown account waits until the account is configured', async () => {
    const before = world.livePerson.requests().length
    const record = toRecord(handedOver({ accountId: '7' }), { queue: 'handOver' })
    expect(await at('open').deliver([record])).toEqual([record.messageId])
    expect(world.livePerson.requests().slice(before)).toEqual([])
  })
})
