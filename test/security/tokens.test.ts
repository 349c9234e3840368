import { createHmac } from 'node:crypto'
import { exportJWK, type JWK } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ACCOUNT, bodyOf, ORDER_HELP, startWorld, submit, type World } from '../support/world.ts'
import { type IdentityProvider, part, startIdentityProvider } from './third-parties.ts'

// Kinds of token that an identity provider's keys may sign, although no consumer of this service sent them.

let world: World
let brand: IdentityProvider
let partner: IdentityProvider
let serial = 0

beforeAll(async () => {
  world = await startWorld()
  brand = await startIdentityProvider('https://id.example.com/')
  partner = await startIdentityProvider('https://id.partner.example/')
})
afterAll(() => Promise.all([world.close(), brand.close(), partner.close()]))
afterEach(() => {
  world.livePerson.reset()
  brand.state.keys = [brand.rsa, brand.ec, brand.unlisted]
})

const seconds = () => Math.floor(Date.now() / 1000)
const HOUR = 3600

/** Submits a form with a token, at a stage whose account accepts the tokens of these issuers. */
const send = async (token: string, tokens: readonly object[] = brand.tokens) => {
  const form = { consumers: 'both', tokens }
  const routes = { help: { ...ORDER_HELP, doors: ['form'] } }
  const service = world.createService({ stage: { accounts: [{ accountId: ACCOUNT, form, routes }] } })
  const body = { requestId: `token-${process.pid}-${++serial}`, route: 'help' }
  return submit(service, body, { headers: { authorization: `Bearer ${token}` } })
}

const expectRefusal = async (token: string, detail: string, tokens?: readonly object[]) => {
  const answer = await send(token, tokens)
  expect([answer.statusCode, bodyOf(answer).code, bodyOf(answer).detail]).toEqual([
    401,
    'consumer_token_invalid',
    detail,
  ])
  expect(world.livePerson.requests()).toEqual([])
}

/** Expects the form to be accepted. Returns the consumer's id and profile as LivePerson got them. */
const expectAccepted = async (token: string, tokens?: readonly object[]) => {
  const answer = await send(token, tokens)
  expect([answer.statusCode, bodyOf(answer).detail]).toEqual([201, undefined])
  const last = (service: 'idp' | 'conversation') =>
    JSON.parse(world.livePerson.requests({ service }).at(-1)?.body ?? 'null')
  return { consumerId: last('idp').ext_consumer_id, profile: last('conversation')[0].body }
}

const wrong = (name: string) => `The consumer token's ${name} is missing or invalid.`
const NOT_TRUSTED = "The consumer token can't be trusted."
const TYPE = "The consumer token's typ is not accepted."
const BOUND = 'The consumer token has cnf: it is bound to a key, so a bearer may not use it.'
const EVENT = 'The consumer token has events: it reports an event, and nobody can sign in with it.'
const TOO_LONG = 'The consumer token is valid for too long. The limit is 24 hours.'

describe('a token of another kind is refused:', () => {
  test.each<[string, object, Record<string, unknown>, string]>([
    ['a logout token', { typ: 'logout+jwt' }, {}, TYPE],
    ['a security event token', { typ: 'secevent+jwt' }, {}, TYPE],
    ['a security event token by its full type', { typ: 'application/secevent+jwt' }, {}, TYPE],
    ['a DPoP proof', { typ: 'dpop+jwt' }, {}, TYPE],
    ['an introspection response', { typ: 'token-introspection+jwt' }, {}, TYPE],
    ['an authorization request', { typ: 'oauth-authz-req+jwt' }, {}, TYPE],
    ['a verifiable credential', { typ: 'dc+sd-jwt' }, {}, TYPE],
    ['a type of another tree', { typ: 'text/JWT' }, {}, TYPE],
    ['a type called absent', { typ: 'absent' }, {}, TYPE],
    ['a type that is a list', { typ: ['JWT'] }, {}, TYPE],
    ['an empty type', { typ: '' }, {}, TYPE],
    [
      'a logout token without a type',
      {},
      { events: { 'http://schemas.openid.net/event/backchannel-logout': {} } },
      EVENT,
    ],
    ['a security event token that says JWT', { typ: 'JWT' }, { events: { 'urn:example:x': {} } }, EVENT],
    ['events that are null', {}, { events: null }, EVENT],
    ['a token that DPoP binds to a key', {}, { cnf: { jkt: 'abc' } }, BOUND],
    ['a token that mutual TLS binds to a key', { typ: 'at+jwt' }, { cnf: { 'x5t#S256': 'abc' } }, BOUND],
    ['a binding that is null', {}, { cnf: null }, BOUND],
  ])('%s', async (_, header, claims, detail) => {
    await expectRefusal(await brand.sign(claims, brand.rsa, header), detail)
  })

  test('a type that the issuer’s configuration doesn’t list', async () => {
    const tokens = brand.tokensWith({ types: ['at+jwt'] })
    await expectRefusal(await brand.sign({}, brand.rsa, { typ: 'JWT' }), TYPE, tokens)
    await expectRefusal(await brand.sign(), TYPE, tokens)
    await expectAccepted(await brand.sign({ sub: 'type-1' }, brand.rsa, { typ: 'at+jwt' }), tokens)
  })

  test.each(['JWT', 'jwt', 'application/JWT', 'at+jwt', 'AT+JWT', 'application/at+jwt', undefined])(
    'but the type %s is accepted',
    async (typ) => {
      await expectAccepted(await brand.sign({ sub: `typ-${++serial}` }, brand.rsa, { typ }))
    },
  )
})

describe('a token for somebody else is refused:', () => {
  const clients = ['web', 'app']
  const cognito = { cognitoAccessTokens: true }
  const access = { aud: undefined, token_use: 'access', client_id: 'campaign-conversations' }

  test.each<[string, Record<string, unknown>, object, string]>([
    ['a foreign azp', { azp: 'shop' }, { clients }, 'azp'],
    ['a foreign client_id', { client_id: 'shop' }, { clients }, 'azp'],
    ['a foreign client_id beside a listed azp', { azp: 'web', client_id: 'shop' }, { clients }, 'azp'],
    ['neither azp nor client_id', {}, { clients }, 'azp'],
    ['a list of clients', { azp: ['web'] }, { clients }, 'azp'],
    ['a client of the same beginning', { azp: 'web-shop' }, { clients }, 'azp'],
    ['an audience that is an object', { aud: { 'campaign-conversations': true } }, {}, 'aud'],
    ['an audience as a part', { aud: 'x campaign-conversations' }, {}, 'aud'],
    ['Cognito’s access token, if it isn’t configured', access, {}, 'aud'],
    ['an access token of another app client', { ...access, client_id: 'shop' }, cognito, 'client_id'],
    ['a Cognito token that is no access token', { ...access, token_use: 'id' }, cognito, 'aud'],
    ['a token without a use', { ...access, token_use: undefined }, cognito, 'aud'],
    ['a foreign aud beside a listed client_id', { ...access, aud: 'shop' }, cognito, 'aud'],
    ['an aud that is null beside a listed client_id', { ...access, aud: null }, cognito, 'aud'],
  ])('%s', async (_, claims, members, name) => {
    await expectRefusal(await brand.sign(claims), wrong(name), brand.tokensWith(members))
  })

  test.each<[string, Record<string, unknown>, object]>([
    ['a listed azp', { azp: 'app' }, { clients }],
    ['a listed client_id', { client_id: 'web' }, { clients }],
    ['any azp, if no clients are configured', { azp: 'shop' }, {}],
    ['one audience of several', { aud: 'app' }, { audience: ['web', 'app'] }],
    ['Cognito’s access token, if it is configured', access, cognito],
    ['Cognito’s ID token beside it', { token_use: 'id' }, cognito],
  ])('but not %s', async (_, claims, members) => {
    const sub = `recipient-${++serial}`
    await expectAccepted(await brand.sign({ sub, ...claims }), brand.tokensWith(members))
  })

  test.each(['azp', 'client_id'])('an application’s own token, whose sub is its %s', async (name) => {
    const detail = 'The consumer token is for an application, not for a person.'
    await expectRefusal(await brand.sign({ sub: 'reporting-job', [name]: 'reporting-job' }), detail)
  })
})

describe('a token with odd times is refused:', () => {
  /** JSON can't hold infinity, but a number that is read as infinity. */
  const withNumber = (name: string, number: string) => {
    const claims = JSON.stringify(brand.claimsOf({ [name]: 7777777 })).replace('7777777', number)
    return brand.signText(claims)
  }

  test.each<[string, string, string]>([
    ['exp', '1e999', 'exp'],
    ['nbf', '-1e999', 'nbf'],
    ['iat', '-1e999', 'iat'],
    ['iat', '"1e999"', 'iat'],
    ['nbf', 'null', 'nbf'],
    ['exp', '[9999999999]', 'exp'],
  ])('%s is %s', async (name, number, claim) => {
    await expectRefusal(await withNumber(name, number), wrong(claim))
  })

  test.each<[string, () => Record<string, unknown>, object, string]>([
    [
      'it lives for more than a day',
      () => ({ exp: seconds() + 24 * HOUR + 1, iat: seconds() }),
      {},
      TOO_LONG,
    ],
    [
      'it lives for more than a day, of which most is over',
      () => ({ exp: seconds() + 10, iat: seconds() - 25 * HOUR }),
      {},
      TOO_LONG,
    ],
    ['it ends in more than a day', () => ({ exp: seconds() + 24 * HOUR + 60, iat: undefined }), {}, TOO_LONG],
    ['its times are milliseconds', () => ({ exp: Date.now() + HOUR, iat: undefined }), {}, TOO_LONG],
    [
      'it lives for longer than configured',
      () => ({ exp: seconds() + HOUR + 60, iat: seconds() }),
      { maxLifetimeHours: 1 },
      'The consumer token is valid for too long. The limit is 1 hour.',
    ],
    ['it has no exp', () => ({ exp: undefined }), {}, wrong('exp')],
    ['its iat is ahead', () => ({ iat: seconds() + 15 }), {}, wrong('iat')],
    ['its nbf is ahead', () => ({ nbf: seconds() + 15 }), {}, wrong('nbf')],
    [
      'its iat is ahead by more than configured',
      () => ({ iat: seconds() + 75 }),
      { leewaySeconds: 60 },
      wrong('iat'),
    ],
    [
      'its nbf is ahead by more than configured',
      () => ({ nbf: seconds() + 75 }),
      { leewaySeconds: 60 },
      wrong('nbf'),
    ],
    [
      'it is over by more than configured',
      () => ({ iat: seconds() - 90, exp: seconds() - 75 }),
      { leewaySeconds: 60 },
      'The consumer token has expired.',
    ],
    [
      'it is over, and no leeway is configured',
      () => ({ iat: seconds() - 90, exp: seconds() - 1 }),
      { leewaySeconds: 0 },
      'The consumer token has expired.',
    ],
  ])('%s', async (_, claimsOf, members, detail) => {
    await expectRefusal(await brand.sign(claimsOf()), detail, brand.tokensWith(members))
  })

  test.each<[string, () => Record<string, unknown>, object]>([
    ['a day', () => ({ iat: seconds(), exp: seconds() + 24 * HOUR }), {}],
    ['a day without iat', () => ({ iat: undefined, exp: seconds() + 24 * HOUR }), {}],
    ['48 hours, if they are configured', () => ({ exp: seconds() + 48 * HOUR }), { maxLifetimeHours: 48 }],
    ['a clock that is behind by the leeway', () => ({ iat: seconds() + 45 }), { leewaySeconds: 60 }],
    [
      'a clock that is ahead by the leeway',
      () => ({ iat: seconds() - 90, exp: seconds() - 45 }),
      { leewaySeconds: 60 },
    ],
  ])('but %s is accepted', async (_, claimsOf, members) => {
    const sub = `times-${++serial}`
    await expectAccepted(await brand.sign({ sub, ...claimsOf() }), brand.tokensWith(members))
  })
})

describe('a token that two readers could understand differently is refused:', () => {
  const header = '{"alg":"RS256","kid":"rsa-1"}'
  const claims = () => JSON.stringify(brand.claimsOf())
  const nested = (depth: number) => `{"a":${'['.repeat(depth)}${']'.repeat(depth)},`

  test.each<[string, string, () => string]>([
    ['sub twice', header, () => claims().replace('{', '{"sub":"admin",')],
    ['sub twice, once escaped', header, () => claims().replace('{', '{"s\\u0075b":"admin",')],
    ['iss twice', header, () => claims().replace('{', '{"iss":"https://id.partner.example/",')],
    ['aud twice', header, () => claims().replace('{', '{"aud":"shop",')],
    ['alg twice', '{"alg":"none","alg":"RS256","kid":"rsa-1"}', claims],
    ['typ twice', '{"typ":"logout+jwt","typ":"JWT","alg":"RS256","kid":"rsa-1"}', claims],
    [
      'email_verified twice',
      header,
      () => claims().replace('{', '{"email_verified":1,"email_verified":true,'),
    ],
    [
      'an attribute’s member twice',
      header,
      () => claims().replace('{', '{"lp_sdes":[{"type":"a","type":"b"}],'),
    ],
    ['__proto__', header, () => claims().replace('{', '{"__proto__":{"sub":"admin"},')],
    ['more than 16 levels', header, () => claims().replace('{', nested(16))],
    ['a header that is a list', '[]', claims],
    ['claims that are null', header, () => 'null'],
    ['claims that are a list', header, () => '[]'],
  ])('%s', async (_, head, body) => {
    await expectRefusal(await brand.signParts(head, body()), NOT_TRUSTED)
  })

  test('bytes that are not UTF-8', async () => {
    const bytes = Buffer.from(claims().replace('crm-8841', 'crm-\u00ff'), 'latin1')
    const before = brand.urls.length
    await expectRefusal(await brand.signParts(header, bytes), NOT_TRUSTED)
    expect(brand.urls.length).toBe(before)
  })

  test('but the same parts without that are accepted', async () => {
    await expectAccepted(await brand.signParts(header, claims().replace('{', nested(15))))
  })
})

describe('the issuer', () => {
  const both = () => [
    ...brand.tokensWith({ consumerId: { claim: 'sub', prefix: 'web-' } }),
    ...partner.tokensWith({ consumerId: { claim: 'sub', prefix: 'shop-' }, audience: ['partner-api'] }),
  ]

  test('decides whose keys are used: another issuer’s key is refused', async () => {
    await expectRefusal(await partner.sign({ iss: brand.issuer }), NOT_TRUSTED, both())
    await expectRefusal(await brand.sign({ iss: partner.issuer, aud: 'partner-api' }), NOT_TRUSTED, both())
  })

  test('decides which audience counts: another issuer’s is refused', async () => {
    await expectRefusal(await brand.sign({ aud: 'partner-api' }), wrong('aud'), both())
    await expectRefusal(await partner.sign(), wrong('aud'), both())
  })

  test('decides the consumer id: two people with one sub are two consumers', async () => {
    const own = await expectAccepted(await brand.sign({ sub: '20731' }), both())
    const other = await expectAccepted(await partner.sign({ sub: '20731', aud: 'partner-api' }), both())
    expect([own.consumerId, other.consumerId]).toEqual(['web-20731', 'shop-20731'])
  })

  test.each<[string, unknown]>([
    ['a list', ['https://id.example.com/']],
    ['an object', { 'https://id.example.com/': true }],
    ['a number', 5],
    ['null', null],
    ['in upper case', 'HTTPS://ID.EXAMPLE.COM/'],
    ['with a space', 'https://id.example.com/ '],
    ['the name of a method', 'constructor'],
  ])('is refused as %s, without a call to anybody', async (_, iss) => {
    const before = brand.urls.length + partner.urls.length
    await expectRefusal(await brand.sign({ iss }), wrong('iss'), both())
    expect(brand.urls.length + partner.urls.length).toBe(before)
  })
})

describe('the consumer id', () => {
  const withId = (claim: string, prefix: string) => brand.tokensWith({ consumerId: { claim, prefix } })
  const derived = `request-${'0123456789abcdef'.repeat(4)}`
  const reserved = (name: string) =>
    `The consumer token's ${name} has the form of an id that this service makes.`

  test.each<[string, Record<string, unknown>, string, string, string]>([
    ['a derived id', { sub: derived }, 'sub', '', reserved('sub')],
    ['the rest of a derived id', { sub: derived.slice(2) }, 'sub', 're', reserved('sub')],
    ['a prefix alone', { sub: '' }, 'sub', 'web-', wrong('sub')],
    ['a number', { sub: 5 }, 'sub', 'web-', wrong('sub')],
    ['null', { sub: null }, 'sub', 'web-', wrong('sub')],
    ['a list', { sub: ['20731'] }, 'sub', 'web-', wrong('sub')],
    ['more than 256 characters with the prefix', { sub: 'x'.repeat(253) }, 'sub', 'web-', wrong('sub')],
    ['a claim that is missing', {}, 'oid', 'web-', wrong('oid')],
    ['a claim that every object has', {}, 'constructor', 'web-', wrong('constructor')],
  ])('is refused if it is %s', async (_, claims, claim, prefix, detail) => {
    await expectRefusal(await brand.sign(claims), detail, withId(claim, prefix))
  })

  test.each<[string, Record<string, unknown>]>([
    ['email', { email: 'ana@example.org', email_verified: false }],
    ['email', { email: 'ana@example.org', email_verified: 'false' }],
    ['phone_number', { phone_number: '+4520000000', phone_number_verified: false }],
  ])('is refused if it is an unverified %s', async (claim, claims) => {
    const detail = `The consumer token says that its ${claim} is not verified.`
    await expectRefusal(await brand.sign(claims), detail, withId(claim, 'mail-'))
  })

  test('is the prefix and the configured claim, whatever sub is', async () => {
    const token = await brand.sign({ sub: 'Not supported currently. Use oid claim.', oid: '1111-2222' })
    expect((await expectAccepted(token, withId('oid', 'entra-'))).consumerId).toBe('entra-1111-2222')
    const bare = await brand.sign({ sub: undefined, oid: '3333' })
    expect((await expectAccepted(bare, withId('oid', ''))).consumerId).toBe('3333')
  })
})

describe('what agents see as authenticated', () => {
  const email = 'ana@example.org'
  const phone = '+4520000000'

  test.each<[string, unknown]>([
    ['false', false],
    ['"false"', 'false'],
    ['"False"', 'False'],
    ['0', 0],
    ['"no"', 'no'],
    ['an object', {}],
  ])('has no email and phone if the token calls them verified: %s', async (_, statement) => {
    const claims = { email, phone_number: phone, given_name: 'Ana' }
    const sub = `unverified-${++serial}`
    const both = { email_verified: statement, phone_number_verified: statement }
    const { profile } = await expectAccepted(await brand.sign({ sub, ...claims, ...both }))
    expect(profile).toEqual({
      firstName: 'Ana',
      authenticatedData: { lp_sdes: [{ type: 'personal', personal: { firstname: 'Ana' } }] },
    })
  })

  test('has no unverified contact of an attribute either', async () => {
    const lp_sdes = [
      { type: 'ctmrinfo', info: { ctype: 'vip' } },
      { type: 'personal', personal: { company: 'Nord', contacts: [{ email, phone, phoneType: 'HOME' }] } },
    ]
    const sub = 'unverified-sde'
    const { profile } = await expectAccepted(await brand.sign({ sub, lp_sdes, email_verified: false }))
    expect(profile).toEqual({
      privateData: { mobileNum: phone },
      authenticatedData: {
        lp_sdes: [
          lp_sdes[0],
          { type: 'personal', personal: { company: 'Nord', contacts: [{ phone, phoneType: 'HOME' }] } },
        ],
      },
    })
  })

  test.each<[string, Record<string, unknown>]>([
    ['no statement', {}],
    ['null', { email_verified: null, phone_number_verified: null }],
    ['true', { email_verified: true, phone_number_verified: true }],
    ['"true"', { email_verified: 'true', phone_number_verified: 'True' }],
  ])('has email and phone with %s', async (_, statements) => {
    const claims = { sub: `verified-${++serial}`, email, phone_number: phone, ...statements }
    expect((await expectAccepted(await brand.sign(claims))).profile).toEqual({
      privateData: { mail: email, mobileNum: phone },
      authenticatedData: { lp_sdes: [{ type: 'personal', personal: { contacts: [{ email, phone }] } }] },
    })
  })

  test('has an avatar only from a safe picture', async () => {
    const picture = 'https://cdn.example.com/ana.jpg'
    const { profile } = await expectAccepted(await brand.sign({ sub: 'picture-1', picture }))
    expect(profile.avatarUrl).toBe(picture)
    for (const unsafe of [
      'https://a:b@cdn.example.com/x.jpg',
      'http://cdn.example.com/x.jpg',
      'https://[fd00::1]/',
    ])
      expect(
        (await expectAccepted(await brand.sign({ sub: `picture-${++serial}`, picture: unsafe }))).profile,
      ).not.toHaveProperty('avatarUrl')
  })
})

describe('of the published keys, only one that fits is used:', () => {
  const publish = (...keys: readonly object[]) => {
    const published: readonly JWK[] = JSON.parse(JSON.stringify(keys))
    brand.state.keys = published.map((publicJwk) => ({ ...brand.rsa, publicJwk }))
  }

  test.each<[string, () => Promise<readonly object[]> | readonly object[]]>([
    ['a key for encryption', () => [{ ...brand.rsa.publicJwk, use: 'enc' }]],
    ['a key for another operation', () => [{ ...brand.rsa.publicJwk, key_ops: ['encrypt'] }]],
    ['a key for another algorithm', () => [{ ...brand.rsa.publicJwk, alg: 'RS512' }]],
    ['a key of another type', () => [{ ...brand.ec.publicJwk, kid: 'rsa-1' }]],
    [
      'a private key',
      async () => [{ ...(await exportJWK(brand.rsa.privateKey)), kid: 'rsa-1', alg: 'RS256' }],
    ],
    ['a key that is incomplete', () => [{ kty: 'RSA', kid: 'rsa-1', alg: 'RS256', e: 'AQAB' }]],
    ['a key whose name is a number', () => [{ ...brand.rsa.publicJwk, kid: 1 }]],
    [
      'two keys of one name',
      async () => [brand.rsa.publicJwk, (await brand.makeKey('rsa-1', 'RS256')).publicJwk],
    ],
  ])('%s is refused, and is no outage', async (_, keysOf) => {
    publish(...(await keysOf()))
    await expectRefusal(await brand.sign(), NOT_TRUSTED)
  })

  test('a key of less than 2048 bits is refused', async () => {
    const ofBits = (modulusLength: number) =>
      crypto.subtle.generateKey(
        {
          name: 'RSASSA-PKCS1-v1_5',
          hash: 'SHA-256',
          modulusLength,
          publicExponent: new Uint8Array([1, 0, 1]),
        },
        true,
        ['sign', 'verify'],
      )
    const [weak, strong] = [await ofBits(1024), await ofBits(2048)]
    const kid = 'rsa-1'
    const sign = async ({ privateKey: key }: typeof weak) => {
      const input = `${part({ alg: 'RS256', kid })}.${part(brand.claimsOf({ sub: `bits-${++serial}` }))}`
      const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', key, new TextEncoder().encode(input))
      return `${input}.${Buffer.from(signature).toString('base64url')}`
    }
    publish({ ...(await exportJWK(weak.publicKey)), kid, alg: 'RS256' })
    await expectRefusal(await sign(weak), NOT_TRUSTED)
    publish({ ...(await exportJWK(strong.publicKey)), kid, alg: 'RS256' })
    await expectAccepted(await sign(strong))
  })

  test('a symmetric key is refused, even if a token names it', async () => {
    const secret = 'a-secret-of-more-than-32-bytes-in-public'
    publish(brand.rsa.publicJwk, { kty: 'oct', kid: 'hmac', alg: 'HS256', k: part(secret) })
    const input = `${part({ alg: 'HS256', kid: 'hmac' })}.${part(brand.claimsOf())}`
    const signature = createHmac('sha256', secret).update(input).digest('base64url')
    await expectRefusal(`${input}.${signature}`, NOT_TRUSTED)
  })

  test('the others keep working beside them', async () => {
    const encryption = { ...brand.rsa.publicJwk, use: 'enc' }
    publish(encryption, { kty: 'oct', kid: 'rsa-1', k: 'AAAA' }, brand.rsa.publicJwk)
    await expectAccepted(await brand.sign({ sub: 'beside-1' }))
  })
})

describe('a header that asks for more is refused:', () => {
  test.each<[string, object]>([
    ['an extension that must be understood', { crit: ['exp'], exp: 9_999_999_999 }],
    ['an empty list of extensions', { crit: [] }],
    ['a payload that isn’t encoded', { crit: ['b64'], b64: false }],
  ])('%s', async (_, extra) => {
    const header = JSON.stringify({ alg: 'RS256', kid: 'rsa-1', ...extra })
    await expectRefusal(await brand.signParts(header, JSON.stringify(brand.claimsOf())), NOT_TRUSTED)
  })

  test('an algorithm that the issuer’s configuration doesn’t list, with its own key', async () => {
    const tokens = brand.tokensWith({ algorithms: ['ES256'] })
    await expectRefusal(await brand.sign(), NOT_TRUSTED, tokens)
    await expectAccepted(await brand.sign({ sub: 'algorithm-1' }, brand.ec), tokens)
  })
})
