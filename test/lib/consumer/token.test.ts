import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { createThirdParty } from '../../../lib/consumer/third-party.ts'
import { createConsumerTokens } from '../../../lib/consumer/token.ts'
import { ConsumerTokenInvalidError, ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { createOutbound } from '../../../lib/net/outbound.ts'
import { type IdentityProvider, type KeysMode, startIdentityProvider } from '../../security/third-parties.ts'

const MINUTE = 60_000
const SECONDS = Math.floor(Date.now() / 1000)

let brand: IdentityProvider
let partner: IdentityProvider

beforeAll(async () => {
  brand = await startIdentityProvider('https://id.example.com/')
  partner = await startIdentityProvider('https://id.partner.example/')
})
afterAll(() => Promise.all([brand.close(), partner.close()]))
afterEach(() => {
  vi.useRealTimers()
  brand.state.mode = 'well'
  brand.state.keys = [brand.rsa, brand.ec, brand.unlisted]
  brand.urls.length = 0
  partner.urls.length = 0
  partner.state.mode = 'well'
})

const issuersOf = (tokens: readonly object[]) => {
  const stage = { accounts: [{ accountId: '70123456', form: { consumers: 'both', tokens } }] }
  const [account] = parseStageConfig(stage, { name: 'the test', loopback: true }).accounts
  return account?.form.tokens ?? []
}

/** A verifier with an empty cache of keys. */
const arrange = ({ now = Date.now, timeoutMs = 10_000 } = {}) =>
  createConsumerTokens({
    tokens: issuersOf([
      ...brand.tokensWith({ consumerId: { claim: 'sub', prefix: 'c-' } }),
      ...partner.tokensWith({ consumerId: { claim: 'sub', prefix: 'p-' } }),
    ]),
    call: createThirdParty({ outbound: createOutbound(), loopback: true, timeoutMs }),
    now,
  })

const verify = async (claims: Readonly<Record<string, unknown>>) =>
  arrange()(`Bearer ${await brand.sign(claims)}`)

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('a good token', () => {
  test('names the consumer by its prefix and sub', async () => {
    expect(await verify({ sub: 'crm-8841' })).toEqual({
      consumerId: 'c-crm-8841',
      firstName: undefined,
      lastName: undefined,
      email: undefined,
      phone: undefined,
      avatarUrl: undefined,
      warnings: [],
      engagementAttributes: [],
    })
  })

  test('may be signed by any key and algorithm that is published and listed', async () => {
    const verifyConsumer = arrange()
    for (const key of [brand.rsa, brand.ec])
      expect(await verifyConsumer(`Bearer ${await brand.sign({}, key)}`)).toMatchObject({
        consumerId: 'c-crm-8841',
      })
  })

  test.each(['Bearer', 'bearer', 'BEARER  '])('comes after the scheme %j', async (scheme) => {
    expect(await arrange()(`${scheme} ${await brand.sign()}`)).toMatchObject({ consumerId: 'c-crm-8841' })
  })

  test('may be five seconds off', async () => {
    const seconds = Math.floor(Date.now() / 1000)
    const verifyConsumer = arrange({ now: () => seconds * 1000 })
    for (const claims of [
      { iat: seconds + 5 },
      { nbf: seconds + 5 },
      { iat: seconds - 60, exp: seconds - 4 },
    ])
      expect(await verifyConsumer(`Bearer ${await brand.sign(claims)}`)).toMatchObject({
        consumerId: 'c-crm-8841',
      })
  })

  test.each<[string, Record<string, unknown>, object]>([
    [
      'the standard claims',
      { given_name: 'Ana', family_name: 'Iversen', email: 'ana@example.org', phone_number: '+45' },
      { firstName: 'Ana', lastName: 'Iversen', email: 'ana@example.org', phone: '+45' },
    ],
    [
      'a personal attribute, if they are missing',
      {
        lp_sdes: [
          {
            type: 'personal',
            personal: {
              firstname: 'Ana',
              lastname: 'Iversen',
              contacts: [{ phone: '+45' }, { email: 'ana@example.org' }],
            },
          },
        ],
      },
      { firstName: 'Ana', lastName: 'Iversen', email: 'ana@example.org', phone: '+45' },
    ],
    [
      'the standard claims before a personal attribute',
      { given_name: 'Ana', lp_sdes: [{ type: 'personal', personal: { firstname: 'Anastasia' } }] },
      { firstName: 'Ana' },
    ],
  ])('describes the consumer by %s', async (_, claims, expected) => {
    expect(await verify(claims)).toMatchObject(expected)
  })

  test('vouches for its attributes', async () => {
    const lp_sdes = [
      { type: 'ctmrinfo', info: { ctype: 'vip', balance: 12.5 } },
      { type: 'personal', personal: { company: 'Nord' } },
    ]
    expect((await verify({ lp_sdes })).engagementAttributes).toEqual(lp_sdes)
  })
})

describe('a token is refused, and never quoted:', () => {
  const wrong = (claim: string) => `The consumer token's ${claim} is missing or invalid.`
  const personalOf = (path: string, value: unknown): unknown => {
    if (typeof value !== 'string') return value
    return path === 'age.age' ? { age: { age: value } } : { [path]: value }
  }

  test.each<[string, Record<string, unknown>, string]>([
    ['expired', { exp: SECONDS - 60 }, 'The consumer token has expired.'],
    ['without an expiry', { exp: undefined }, wrong('exp')],
    ['for another audience', { aud: 'secret-words' }, wrong('aud')],
    ['of another issuer', { iss: 'https://id.example.com/secret-words' }, wrong('iss')],
    ['not valid yet', { nbf: SECONDS + 60 }, wrong('nbf')],
    ['issued in the future', { iat: SECONDS + 60 }, wrong('iat')],
    ['without a sub', { sub: undefined }, wrong('sub')],
    [
      'with a line break in its sub',
      { sub: 'secret-words\r\nx: y' },
      expect.stringMatching(/^The consumer token's sub has white space in it, .* Set consumerId\.claim /),
    ],
    ['with a control character in its sub', { sub: 'secret-words\u0007' }, wrong('sub')],
    ['with an unknown attribute', { lp_sdes: [{ type: 'secret-words' }] }, wrong('lp_sdes.0.type')],
    [
      'with an unknown member of an attribute',
      { lp_sdes: [{ type: 'ctmrinfo', info: { 'secret-words': 1 } }] },
      wrong('lp_sdes.0.info.(masked)'),
    ],
    [
      'with an unknown member in a member',
      { lp_sdes: [{ type: 'personal', personal: { contacts: [{ address: { 'secret.words': 1 } }] } }] },
      wrong('lp_sdes.0.personal.contacts.0.address.(masked)'),
    ],
    ...[
      ['language', 'secret-words'],
      ['gender', 'secret-words'],
      ['age.age', 'secret-words'],
      ['age.year', { age: { month: 1 } }],
      ['contacts.0.phoneType', { contacts: [{ phoneType: 'secret-words' }] }],
      ['contacts.0.address.country', { contacts: [{ address: { country: 'secret-words' } }] }],
    ].map(([path, value]): [string, Record<string, unknown>, string] => [
      `with an invalid ${path}`,
      {
        lp_sdes: [
          { type: 'ctmrinfo', info: {} },
          { type: 'personal', personal: personalOf(String(path), value) },
        ],
      },
      wrong(`lp_sdes.1.personal.${path}`),
    ]),
    ...['balance', 'companySize', 'loginStatus', 'lastPaymentDate', 'registrationDate'].map(
      (name): [string, Record<string, unknown>, string] => [
        `with an invalid ${name}`,
        { lp_sdes: [{ type: 'ctmrinfo', info: { [name]: 'secret-words' } }] },
        wrong(`lp_sdes.0.info.${name}`),
      ],
    ),
  ])('%s', async (_, claims, message) => {
    const error = await failure(verify(claims))
    expect(error).toBeInstanceOf(ConsumerTokenInvalidError)
    expect(error).toMatchObject({ message })
    expect(String(error)).not.toContain('secret-words')
  })

  test('by the clock that is passed in', async () => {
    const header = `Bearer ${await brand.sign()}`
    const late = arrange({ now: () => Date.now() + 60 * MINUTE })
    expect(await failure(late(header))).toMatchObject({ message: 'The consumer token has expired.' })
  })

  test.each<[string, () => Promise<string> | string]>([
    ['a changed signature', async () => (await brand.sign()).replace(/.{8}$/, 'AAAAAAAA')],
    ['a key that is not published', async () => brand.sign({}, await brand.makeKey('rsa-9', 'RS256'))],
    [
      'an unpublished key with a published name',
      async () => brand.sign({}, await brand.makeKey('rsa-1', 'RS256')),
    ],
    ['an algorithm that is not listed', () => brand.sign({}, brand.unlisted)],
    ['claims that are not JSON', () => brand.signText('hello')],
  ])('with %s', async (_, make) => {
    expect(await failure(arrange()(`Bearer ${await make()}`))).toMatchObject({
      code: 'consumer_token_invalid',
      message: "The consumer token can't be trusted.",
    })
  })

  test.each<[string, (token: string) => string]>([
    ['nothing', () => ''],
    ['no token', () => 'Bearer '],
    ['no scheme', (token) => token],
    ['another scheme', (token) => `Basic ${token}`],
    ['two tokens', (token) => `Bearer ${token} ${token}`],
    ['more after the token', (token) => `Bearer ${token}\r\nx-role: admin`],
    ['an unsigned token', (token) => `Bearer ${token.replace(/[^.]+$/, '')}`],
  ])('if Authorization holds %s', async (_, toHeader) => {
    expect(await failure(arrange()(toHeader(await brand.sign())))).toMatchObject({
      code: 'consumer_token_invalid',
      message: 'The Authorization header must be Bearer, followed by one signed JWT.',
    })
    expect(brand.urls).toEqual([])
  })

  test.each<[string, (token: string) => string]>([
    ['a token', (token) => `Bearer ${token}${'A'.repeat(8193 - token.length - 'Bearer '.length)}`],
    ['a token that is much too long', (token) => `Bearer ${token}${'A'.repeat(60_000)}`],
    ['what is no token', () => 'A'.repeat(8193)],
  ])('if Authorization holds more than 8192 characters: %s', async (_, toHeader) => {
    expect(await failure(arrange()(toHeader(await brand.sign())))).toMatchObject({
      code: 'consumer_token_invalid',
      message: 'The Authorization header is too long. The limit is 8192 characters.',
    })
    expect(brand.urls).toEqual([])
  })

  test('not for its length if Authorization holds 8192 characters', async () => {
    const token = await brand.sign()
    const header = `Bearer ${token}${'A'.repeat(8192 - token.length - 'Bearer '.length)}`
    expect(await failure(arrange()(header))).toMatchObject({
      message: "The consumer token can't be trusted.",
    })
  })
})

describe('the types of claims', () => {
  const isText = (value: unknown) => typeof value === 'string'
  const isNumber = (value: unknown) => typeof value === 'number'
  /** Any other value. A token with the name __proto__ is refused. */
  const not = (isRight: (value: unknown) => boolean) =>
    fc
      .jsonValue({ maxDepth: 2 })
      .filter((value) => !isRight(value) && !JSON.stringify(value).includes('__proto__'))
  const wrongTypes: fc.Arbitrary<readonly [string, unknown]> = fc.oneof(
    fc.tuple(fc.constant('iss'), not(isText)),
    fc.tuple(
      fc.constant('aud'),
      fc.oneof(
        not((value) => isText(value) || Array.isArray(value)),
        fc.tuple(fc.constant('campaign-conversations'), not(isText)),
      ),
    ),
    fc.tuple(fc.constant('sub'), not(isText)),
    fc.tuple(fc.constantFrom('exp', 'nbf', 'iat'), not(isNumber)),
  )

  test('that decide about a token: a claim of another type is a bad token', async () => {
    const verifyConsumer = arrange()
    await fc.assert(
      fc.asyncProperty(wrongTypes, async ([name, value]) => {
        const token = await brand.sign({ [name]: value }, brand.ec)
        expect(await failure(verifyConsumer(`Bearer ${token}`))).toMatchObject({
          code: 'consumer_token_invalid',
          message: `The consumer token's ${name} is missing or invalid.`,
        })
      }),
      { numRuns: 1000 },
    )
  }, 60_000)

  test('that describe a person: a claim of another type is absent, and no reason to refuse the token', async () => {
    const verifyConsumer = arrange()
    const nothing = fc.oneof(fc.constantFrom(null, '', ' ', '\t\n', undefined), not(isText))
    const name = fc.oneof(fc.stringMatching(/^[A-Za-z]{1,20}$/), nothing)
    const claims = fc.record({
      given_name: name,
      family_name: name,
      email: name,
      phone_number: name,
      picture: nothing,
      lp_sdes: nothing.filter((value) => !Array.isArray(value) || value.length === 0),
    })
    const textOf = (value: unknown) => (typeof value === 'string' && value.trim() !== '' ? value : undefined)
    await fc.assert(
      fc.asyncProperty(claims, async (claims) => {
        const verified = await verifyConsumer(`Bearer ${await brand.sign(claims, brand.ec)}`)
        expect(verified).toMatchObject({
          consumerId: 'c-crm-8841',
          firstName: textOf(claims.given_name),
          lastName: textOf(claims.family_name),
          email: textOf(claims.email),
          phone: textOf(claims.phone_number),
          avatarUrl: undefined,
          warnings: [],
        })
      }),
      { numRuns: 1000 },
    )
  }, 60_000)
})

describe('the keys', () => {
  test('are fetched once for concurrent calls, and kept for ten minutes', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const verifyConsumer = arrange()
    const header = `Bearer ${await brand.sign({ exp: SECONDS + 3600 })}`
    await Promise.all(Array.from({ length: 10 }, () => verifyConsumer(header)))
    vi.setSystemTime(Date.now() + 10 * MINUTE - 1000)
    await verifyConsumer(header)
    expect(brand.urls).toEqual(['/jwks.json'])
    vi.setSystemTime(Date.now() + 2000)
    await verifyConsumer(header)
    expect(brand.urls).toHaveLength(2)
  })

  test('are those of the token’s issuer, and each issuer has its own', async () => {
    const verifyConsumer = arrange()
    partner.state.mode = 'error'
    expect(await failure(verifyConsumer(`Bearer ${await partner.sign()}`))).toBeInstanceOf(
      ServiceUnavailableError,
    )
    expect([brand.urls, partner.urls]).toEqual([[], ['/jwks.json']])
    expect(await verifyConsumer(`Bearer ${await brand.sign()}`)).toMatchObject({ consumerId: 'c-crm-8841' })
    expect(partner.urls).toEqual(['/jwks.json'])
  })

  test('are fetched again for an unknown key, at most twice a minute', async () => {
    vi.useFakeTimers({ toFake: ['Date'] })
    const verifyConsumer = arrange()
    await verifyConsumer(`Bearer ${await brand.sign({ exp: SECONDS + 3600 })}`)
    const rotated = await brand.makeKey('rsa-2', 'RS256')
    brand.state.keys = [rotated]
    const header = `Bearer ${await brand.sign({ exp: SECONDS + 3600 }, rotated)}`
    vi.setSystemTime(Date.now() + 29_000)
    expect(await failure(verifyConsumer(header))).toBeInstanceOf(ConsumerTokenInvalidError)
    expect(brand.urls).toHaveLength(1)
    vi.setSystemTime(Date.now() + 2000)
    expect(await verifyConsumer(header)).toMatchObject({ consumerId: 'c-crm-8841' })
    expect(brand.urls).toHaveLength(2)
  })

  test.each<KeysMode>(['html', 'redirect', 'error', 'large', 'empty'])(
    'can’t be fetched if the answer is %s: 503',
    async (mode) => {
      brand.state.mode = mode
      const error = await failure(arrange()(`Bearer ${await brand.sign()}`))
      expect(error).toBeInstanceOf(ServiceUnavailableError)
      expect(error).toMatchObject({ message: "The keys for consumer tokens can't be fetched." })
      expect(brand.urls).toEqual(['/jwks.json'])
    },
  )

  test('can’t be fetched if the provider is silent: 503', async () => {
    brand.state.mode = 'silent'
    const work = arrange({ timeoutMs: 200 })(`Bearer ${await brand.sign()}`)
    expect(await failure(work)).toBeInstanceOf(ServiceUnavailableError)
  })

  test('are not fetched again within a second after a failure', async () => {
    let time = Date.now()
    const verifyConsumer = arrange({ now: () => time })
    const header = `Bearer ${await brand.sign()}`
    brand.state.mode = 'error'
    expect(await failure(verifyConsumer(header))).toBeInstanceOf(ServiceUnavailableError)
    brand.state.mode = 'well'
    time += 999
    expect(await failure(verifyConsumer(header))).toBeInstanceOf(ServiceUnavailableError)
    expect(brand.urls).toHaveLength(1)
    time += 1
    expect(await verifyConsumer(header)).toMatchObject({ consumerId: 'c-crm-8841' })
  })
})
