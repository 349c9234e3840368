import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ACCOUNT, bodyOf, ORDER_HELP, startWorld, submit, type World } from '../support/world.ts'
import {
  type BotCheckProvider,
  type IdentityProvider,
  startBotCheckProvider,
  startIdentityProvider,
} from './third-parties.ts'

let world: World
let brand: IdentityProvider
let bots: BotCheckProvider
let serial = 0

beforeAll(async () => {
  world = await startWorld()
  brand = await startIdentityProvider('https://id.example.com/')
  bots = await startBotCheckProvider('bot-check-secret')
  world.secretsManager.put(`campaign-conversations/test/${ACCOUNT}/bot-check`, { secret: 'bot-check-secret' })
})
afterAll(() => Promise.all([world.close(), brand.close(), bots.close()]))
afterEach(() => {
  world.livePerson.reset()
  bots.state.mode = 'well'
})

const stageOf = (form: object) => ({
  accounts: [{ accountId: ACCOUNT, form, routes: { help: { ...ORDER_HELP, doors: ['form'] } } }],
})
const signedIn = (seams: object = {}) =>
  world.createService({ stage: stageOf({ consumers: 'both', tokens: brand.tokens }), ...seams })
const guarded = (seams: object = {}) =>
  world.createService({
    stage: stageOf({ botCheck: { verifyUrl: bots.verifyUrl, hostnames: ['www.example.com'] } }),
    ...seams,
  })
const help = (members: object = {}) => ({ requestId: `signed-in-${++serial}`, route: 'help', ...members })
const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } })
const outcomeOf = ({ statusCode, body = '' }: APIGatewayProxyStructuredResultV2) => {
  const { code, status, detail = '' } = JSON.parse(body)
  return [statusCode, code ?? status, detail]
}
const profile = () =>
  JSON.parse(world.livePerson.requests({ service: 'conversation' }).at(-1)?.body ?? '[{}]')[0].body

describe('401 consumer_token_invalid names the invalid claim and doesn’t quote the token', () => {
  const now = Math.floor(Date.now() / 1000)

  test.each<[string, Record<string, unknown>, string]>([
    ['exp', { exp: now - 60 }, 'The consumer token has expired.'],
    ['aud', { aud: 'x' }, "The consumer token's aud is missing or invalid."],
    ['iss', { iss: 'x' }, "The consumer token's iss is missing or invalid."],
    ['nbf', { nbf: now + 60 }, "The consumer token's nbf is missing or invalid."],
    ['iat', { iat: now + 60 }, "The consumer token's iat is missing or invalid."],
    ['sub', { sub: '\u0000' }, "The consumer token's sub is missing or invalid."],
    [
      'an SDE',
      { lp_sdes: [{ type: 'ctmrinfo', info: { 'ana@example.org': 1 } }] },
      "The consumer token's lp_sdes.0.info.(masked) is missing or invalid.",
    ],
  ])('%s', async (_, claims, detail) => {
    const answer = await submit(signedIn(), help(), bearer(await brand.sign(claims)))
    expect(outcomeOf(answer)).toEqual([401, 'consumer_token_invalid', detail])
    expect(world.livePerson.requests()).toEqual([])
  })

  test.each<[string, Record<string, unknown>, number]>([
    ['issued in eleven seconds', { iat: now + 11 }, 401],
    ['valid in eleven seconds', { nbf: now + 11 }, 401],
    ['issued in four seconds', { iat: now + 4 }, 201],
    ['valid for millennia, because its end is in milliseconds', { exp: Date.now(), iat: undefined }, 401],
  ])('a token that is %s: its times count with a tolerance of five seconds', async (_, claims, status) => {
    const service = signedIn({ now: () => now * 1000 })
    expect((await submit(service, help(), bearer(await brand.sign(claims)))).statusCode).toBe(status)
  })

  test('a token of one of several applications, each with an audience of its own', async () => {
    const audience = ['nord-web', 'nord-ios', 'nord-android']
    const stage = stageOf({ consumers: 'token', tokens: brand.tokensWith({ audience }) })
    const service = world.createService({ stage })
    for (const aud of audience)
      expect((await submit(service, help(), bearer(await brand.sign({ aud, sub: aud })))).statusCode).toBe(
        201,
      )
    const answer = await submit(service, help(), bearer(await brand.sign({ aud: 'nord-tv' })))
    expect(outcomeOf(answer)[2]).toBe("The consumer token's aud is missing or invalid.")
  })

  test.each<[string, Record<string, unknown>]>([
    ['aud', { aud: undefined }],
    ['iat', { iat: Date.now(), exp: Date.now() + 3_600_000 }],
  ])('%s of a token that was made for LivePerson itself', async (claim, claims) => {
    const lp_sdes = [
      { type: 'ctmrinfo', info: { ctype: 'gold', customerId: 'N-17', balance: -12.5, companySize: 40 } },
      { type: 'personal', personal: { firstname: 'Ana', age: { age: 41, year: 1985, month: 2, day: 9 } } },
    ]
    const token = await brand.sign({ phone_number: '+4520000000', lp_sdes, ...claims })
    expect(outcomeOf(await submit(signedIn(), help(), bearer(token)))).toEqual([
      401,
      'consumer_token_invalid',
      `The consumer token's ${claim} is missing or invalid.`,
    ])
  })

  test('the service’s clock decides, not the machine’s', async () => {
    const token = await brand.sign()
    const late = signedIn({ now: () => Date.now() + 3_600_000 })
    expect(outcomeOf(await submit(late, help(), bearer(token)))[0]).toBe(401)
    expect(outcomeOf(await submit(signedIn(), help(), bearer(token)))[0]).toBe(201)
  })
})

describe('the consumer’s profile comes from', () => {
  test.each<[string, Record<string, unknown>, object, object]>([
    [
      'the standard claims',
      { given_name: 'Ana', family_name: 'Iversen', email: 'a@example.org', phone_number: '+45' },
      {},
      { firstName: 'Ana', lastName: 'Iversen', privateData: { mail: 'a@example.org', mobileNum: '+45' } },
    ],
    [
      'the personal SDE, for missing standard claims',
      {
        lp_sdes: [
          { type: 'personal', personal: { firstname: 'Ana', contacts: [{ email: 'a@example.org' }] } },
        ],
      },
      { consumer: { firstName: 'Mallory', email: 'm@evil.example', phone: '+46' } },
      { firstName: 'Ana', privateData: { mail: 'a@example.org', mobileNum: '+46' } },
    ],
    ['the body, for claims that are missing', {}, { consumer: { firstName: 'Bo' } }, { firstName: 'Bo' }],
  ])('%s', async (_, claims, body, expected) => {
    const sub = `claims-${++serial}`
    const answer = await submit(signedIn(), help(body), bearer(await brand.sign({ sub, ...claims })))
    expect(answer.statusCode).toBe(201)
    expect(profile()).toMatchObject(expected)
  })

  test('the token’s SDE, which replaces the body’s SDE of the same type as a whole', async () => {
    const lp_sdes = [{ type: 'ctmrinfo', info: { ctype: 'vip' } }]
    const body = help({ engagementAttributes: [{ type: 'ctmrinfo', info: { role: 'buyer' } }] })
    await submit(signedIn(), body, bearer(await brand.sign({ sub: 'whole-sde', lp_sdes })))
    expect(profile().authenticatedData.lp_sdes).toEqual(lp_sdes)
  })

  test('the token alone, as far as agents see it as authenticated', async () => {
    const consumer = { firstName: 'Mallory', lastName: 'Iversen', email: 'm@evil.example' }
    const token = await brand.sign({ sub: 'authenticated', given_name: 'Ana', phone_number: '+45' })
    await submit(signedIn(), help({ consumer }), bearer(token))
    expect(profile()).toEqual({
      firstName: 'Ana',
      lastName: 'Iversen',
      privateData: { mail: 'm@evil.example', mobileNum: '+45' },
      authenticatedData: {
        lp_sdes: [{ type: 'personal', personal: { firstname: 'Ana', contacts: [{ phone: '+45' }] } }],
      },
    })
  })
})

describe('a claim that says nothing keeps what the consumer typed:', () => {
  const typed = { firstName: 'Typed', lastName: 'Byhand', email: 'typed@example.org', phone: '+4511111111' }

  test.each<[string, Record<string, unknown>, object]>([
    [
      'family_name is null',
      { given_name: 'Ana', family_name: null },
      { firstName: 'Ana', lastName: 'Byhand' },
    ],
    [
      'family_name is empty',
      { given_name: 'Ana', family_name: '' },
      { firstName: 'Ana', lastName: 'Byhand' },
    ],
    ['given_name is white space', { given_name: ' ' }, { firstName: 'Typed' }],
    [
      'phone_number is null',
      { given_name: 'Ana', phone_number: null },
      { firstName: 'Ana', privateData: { mail: 'typed@example.org', mobileNum: '+4511111111' } },
    ],
    [
      'email is a list',
      { given_name: 'Ana', email: ['ana@example.org'] },
      { firstName: 'Ana', privateData: { mail: 'typed@example.org', mobileNum: '+4511111111' } },
    ],
    [
      'a name is an object',
      { given_name: { first: 'Ana' }, picture: {}, lp_sdes: '' },
      { firstName: 'Typed' },
    ],
  ])('%s', async (_, claims, expected) => {
    const token = await brand.sign({ sub: `nothing-${++serial}`, ...claims })
    const answer = await submit(signedIn(), help({ consumer: typed }), bearer(token))
    expect([answer.statusCode, bodyOf(answer).warnings]).toEqual([201, undefined])
    expect(profile()).toMatchObject(expected)
  })

  test('and one that is too long does, too, with a warning', async () => {
    const token = await brand.sign({ sub: `nothing-${++serial}`, given_name: 'x'.repeat(257) })
    const answer = await submit(signedIn(), help({ consumer: typed }), bearer(token))
    expect([answer.statusCode, bodyOf(answer).warnings]).toEqual([
      201,
      [{ path: 'token.given_name', message: 'was left out, because it is too long or not well-formed' }],
    ])
    expect(profile()).toMatchObject({ firstName: 'Typed' })
  })
})

describe('403 bot_check_failed', () => {
  test('for an unsolved challenge', async () => {
    const answer = await submit(guarded(), help({ 'g-recaptcha-response': 'guessed' }))
    expect(outcomeOf(answer).slice(0, 2)).toEqual([403, 'bot_check_failed'])
    expect(world.livePerson.requests()).toEqual([])
  })

  test('not for a copy of a known request', async () => {
    const body = help({ 'g-recaptcha-response': `solved-${++serial}` })
    const first = await submit(guarded(), body)
    const copy = await submit(guarded(), body)
    expect([first.statusCode, copy.statusCode]).toEqual([201, 200])
    expect(bodyOf(copy)).toEqual(bodyOf(first))
  })

  test('not after the operator has changed the secret, which is read again', async () => {
    const id = `campaign-conversations/test/${ACCOUNT}/bot-check`
    const service = guarded()
    world.secretsManager.put(id, { secret: 'old' })
    const solved = () => help({ 'g-recaptcha-response': `solved-${++serial}` })
    expect(outcomeOf(await submit(service, solved())).slice(0, 2)).toEqual([500, 'invalid_config'])
    world.secretsManager.put(id, { secret: 'bot-check-secret' })
    expect(outcomeOf(await submit(service, solved()))[0]).toBe(201)
  })

  test.each(['secret', 'mismatch', 'malformed'] as const)(
    'but 500 invalid_config after a mistake of the operator (%s), and nothing is handed over',
    async (mode) => {
      bots.state.mode = mode
      const service = guarded()
      const body = help({ 'g-recaptcha-response': `solved-${++serial}` })
      expect(outcomeOf(await submit(service, body))).toEqual([
        500,
        'invalid_config',
        expect.stringContaining('The service is not configured correctly. The log has the details.'),
      ])
      expect(world.livePerson.requests()).toEqual([])
      expect(await world.receiveHandOvers()).toEqual([])
      bots.state.mode = 'well'
      expect(outcomeOf(await submit(service, body))[0]).toBe(201)
    },
  )

  test('but 503 service_unavailable while the provider is silent', async () => {
    bots.state.mode = 'silent'
    const service = guarded({ config: { formDeadlineMs: 300 } })
    const answer = await submit(service, help({ 'g-recaptcha-response': 'solved' }))
    expect(outcomeOf(answer).slice(0, 2)).toEqual([503, 'service_unavailable'])
    expect(world.livePerson.requests()).toEqual([])
  })
})
