import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createPatientService, drain } from '../support/drain.ts'
import { ACCOUNT, bodyOf, ORDER_HELP, startWorld, submit, type World } from '../support/world.ts'
import { type IdentityProvider, startIdentityProvider } from './third-parties.ts'

// What a form says about its sender, and where an agent sees it.

let world: World
let brand: IdentityProvider
let serial = 0

beforeAll(async () => {
  world = await startWorld()
  brand = await startIdentityProvider('https://id.example.com/')
})
afterAll(() => Promise.all([world.close(), brand.close()]))
afterEach(() => {
  world.livePerson.faults.clear()
  world.livePerson.reset()
})

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }
const WEB = { type: 'ctmrinfo', info: { ctype: 'web' } }
const personal = (members: object = { firstname: 'Mallory' }) => ({ type: 'personal', personal: members })

const stageOf = (form: object = {}) => {
  const route = { ...ORDER_HELP, doors: ['form'] }
  return {
    accounts: [
      {
        accountId: ACCOUNT,
        form: { consumers: 'both', campaigns: 'any', tokens: brand.tokens, ...form },
        routes: {
          help: route,
          web: { ...route, engagementAttributes: [WEB] },
          choice: { ...route, ttrAllowed: ['URGENT'] },
        },
      },
    ],
  }
}

const help = (members: object = {}) => ({
  requestId: `claims-${process.pid}-${++serial}`,
  route: 'help',
  ...members,
})
const CONSUMER = { firstName: 'Ana', lastName: 'Iversen', email: 'ana@example.org', phone: '+4520000000' }

interface Sent {
  readonly form?: object
  readonly headers?: Readonly<Record<string, string>>
}

const send = (body: unknown, { form, headers = {} }: Sent = {}) =>
  submit(createPatientService(world, { stage: stageOf(form) }), body, { headers })

/** The headers of a signed-in consumer. By default, the token has no claims but its `sub`. */
const signIn = async (claims: Record<string, unknown> = {}) => ({
  authorization: `Bearer ${await brand.sign({ sub: `claims-${++serial}`, ...claims })}`,
})

/** Expects the form to be opened. Returns the profile and the conversation that LivePerson received. */
const expectOpened = async (body: unknown, options?: Sent) => {
  const answer = await send(body, options)
  expect([answer.statusCode, bodyOf(answer).errors]).toEqual([201, undefined])
  return received()
}

const received = () => {
  const [profile, conversation] = JSON.parse(
    world.livePerson.requests({ service: 'conversation' }).at(-1)?.body ?? '[]',
  )
  return { profile: profile.body, conversation: conversation.body }
}

const expectRefusal = async (path: string, body: unknown, options?: Sent) => {
  const answer = await send(body, options)
  expect([answer.statusCode, bodyOf(answer).code]).toEqual([400, 'invalid_request'])
  expect(bodyOf(answer).errors.map((error: { path: string }) => error.path)).toContain(path)
  expect(world.livePerson.requests()).toEqual([])
}

describe('an anonymous form', () => {
  test('authenticates nothing: its name and contact are in the profile only', async () => {
    const { profile } = await expectOpened(help({ consumer: CONSUMER }))
    expect(profile).toEqual({
      firstName: 'Ana',
      lastName: 'Iversen',
      privateData: { mail: 'ana@example.org', mobileNum: '+4520000000' },
    })
  })

  test('authenticates nothing after a hand-over', async () => {
    const isBack = world.livePerson.faults.add({
      service: 'conversation',
      kind: 'status',
      status: 503,
      times: 9,
    })
    expect((await send(help({ consumer: CONSUMER }))).statusCode).toBe(202)
    isBack()
    await drain(world, () => createPatientService(world, { stage: stageOf() }))
    expect(world.livePerson.conversations()).toHaveLength(1)
    expect(received().profile).not.toHaveProperty('authenticatedData')
  })

  test('adds nothing to the attributes of its route', async () => {
    const { profile } = await expectOpened(help({ route: 'web', consumer: CONSUMER }))
    expect(profile.authenticatedData).toEqual({ lp_sdes: [WEB] })
  })

  test.each<[string, unknown, Readonly<Record<string, string>>]>([
    ['a name', help({ engagementAttributes: [personal()] }), {}],
    [
      'a name in a URL-encoded form',
      'route=help&engagementAttributes.0.type=personal&engagementAttributes.0.personal.firstname=Mallory',
      FORM,
    ],
  ])('can’t send a personal attribute with %s', async (_, body, headers) => {
    await expectRefusal('engagementAttributes.0', body, { headers })
  })

  test('may send one if the account allows it, which still makes no attribute of the rest', async () => {
    const given = personal({ company: 'Nord A/S' })
    const form = { anonymousAttributes: 'allowed' }
    const body = help({ consumer: CONSUMER, engagementAttributes: [given] })
    const { profile } = await expectOpened(body, { form })
    expect(profile.authenticatedData).toEqual({ lp_sdes: [given] })
    const other = await expectOpened(help({ consumer: CONSUMER }), { form })
    expect(other.profile).not.toHaveProperty('authenticatedData')
  })

  test('can’t send a ctmrinfo, even if the account allows personal attributes', async () => {
    const form = { anonymousAttributes: 'allowed' }
    await expectRefusal('engagementAttributes.0', help({ engagementAttributes: [WEB] }), { form })
  })
})

describe('a form of a signed-in consumer', () => {
  test('authenticates nothing that the token doesn’t say', async () => {
    const { profile } = await expectOpened(help({ consumer: CONSUMER }), { headers: await signIn() })
    expect(profile).toEqual({
      firstName: 'Ana',
      lastName: 'Iversen',
      privateData: { mail: 'ana@example.org', mobileNum: '+4520000000' },
    })
  })

  test('doesn’t fill up what the token says', async () => {
    const headers = await signIn({ given_name: 'Bo', email: 'bo@example.org' })
    const { profile } = await expectOpened(help({ consumer: CONSUMER }), { headers })
    expect(profile).toMatchObject({ firstName: 'Bo', lastName: 'Iversen' })
    expect(profile.authenticatedData).toEqual({
      lp_sdes: [personal({ firstname: 'Bo', contacts: [{ email: 'bo@example.org' }] })],
    })
  })

  test('doesn’t authenticate an address that the token calls unverified', async () => {
    const headers = await signIn({ email: CONSUMER.email, email_verified: false })
    const { profile } = await expectOpened(help({ consumer: { email: CONSUMER.email } }), { headers })
    expect(profile).toEqual({ privateData: { mail: CONSUMER.email } })
  })

  test('authenticates the same after a hand-over', async () => {
    const isBack = world.livePerson.faults.add({
      service: 'conversation',
      kind: 'status',
      status: 503,
      times: 9,
    })
    const headers = await signIn({ given_name: 'Bo' })
    expect((await send(help({ consumer: CONSUMER }), { headers })).statusCode).toBe(202)
    isBack()
    await drain(world, () => createPatientService(world, { stage: stageOf() }))
    expect(received().profile.authenticatedData).toEqual({ lp_sdes: [personal({ firstname: 'Bo' })] })
  })

  test.each<[string, Record<string, unknown>, object]>([
    ['by default', {}, {}],
    ['if anonymous forms may', {}, { anonymousAttributes: 'allowed' }],
    ['if the token has one', { lp_sdes: [personal({ firstname: 'Ana' })] }, {}],
  ])('can’t send a personal attribute: %s', async (_, claims, form) => {
    const headers = await signIn(claims)
    await expectRefusal('engagementAttributes.0', help({ engagementAttributes: [personal()] }), {
      headers,
      form,
    })
  })
})

describe.each(['anonymous', 'signed-in'])('the priority of a form: %s', (kind) => {
  const headersOf = async () => (kind === 'anonymous' ? {} : signIn())

  test.each(['URGENT', 'PRIORITIZED', 'CUSTOM'])('%s is refused if the route is NORMAL', async (ttr) => {
    await expectRefusal('ttr', help({ ttr }), { headers: await headersOf() })
  })

  test('only what the route lists may be asked for', async () => {
    const headers = await headersOf()
    await expectRefusal('ttr', help({ route: 'choice', ttr: 'CUSTOM' }), { headers })
    const { conversation } = await expectOpened(help({ route: 'choice', ttr: 'URGENT' }), { headers })
    expect(conversation.ttrDefName).toBe('URGENT')
  })

  test('only NORMAL may be asked for with campaign ids', async () => {
    const headers = await headersOf()
    const campaign = { route: undefined, campaign: ORDER_HELP }
    await expectRefusal('ttr', help({ ...campaign, ttr: 'URGENT' }), { headers })
    const { conversation } = await expectOpened(help({ ...campaign, ttr: 'NORMAL' }), { headers })
    expect(conversation.ttrDefName).toBe('NORMAL')
  })

  test('a picture is refused, whatever its address is', async () => {
    const headers = await headersOf()
    for (const avatarUrl of ['https://cdn.example.org/a.png', 'https://169.254.169.254/latest/meta-data/'])
      await expectRefusal('consumer.avatarUrl', help({ consumer: { avatarUrl } }), { headers })
  })
})

test('the picture of a token is left out if its address is a literal or has a password', async () => {
  for (const picture of [
    'https://169.254.169.254/',
    'https://ana:secret@cdn.example.org/',
    'http://a.example/',
  ])
    expect((await expectOpened(help(), { headers: await signIn({ picture }) })).profile).toEqual({})
  const headers = await signIn({ picture: 'https://cdn.example.org/a.png' })
  expect((await expectOpened(help(), { headers })).profile).toEqual({
    avatarUrl: 'https://cdn.example.org/a.png',
  })
})

describe('control and bidi-override characters', () => {
  test.each<[string, string]>([
    ['a right-to-left override', '\u202eanA'],
    ['an embedding and its end', '\u202bAna\u202c'],
    ['isolates', '\u2066Ana\u2069'],
    ['NUL', 'Ana\u0000'],
    ['an escape sequence', '\u001b]8;;https://evil.example\u0007Ana'],
    ['a C1 control sequence', '\u009b31mAna'],
    ['a line break', 'Ana\r\nAgent: hello'],
    ['a line separator', 'Ana\u2028Agent: hello'],
  ])('%s doesn’t reach an agent in a name', async (_, firstName) => {
    const { profile } = await expectOpened(help({ consumer: { firstName, description: firstName } }))
    // A description may have several lines.
    const texts = [profile.firstName, profile.description.replaceAll('\n', ' ')]
    expect(texts.join('')).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u)
    expect(profile.firstName.length).toBeGreaterThan(2)
  })

  test('don’t reach an agent in a URL-encoded form', async () => {
    const body = 'route=help&consumer.firstName=%E2%80%AEAna%00&message=a%0D%0Ab%1B'
    const { profile } = await expectOpened(body, { headers: FORM })
    expect(profile).toEqual({ firstName: 'Ana' })
    expect(world.livePerson.conversations()).toMatchObject([{ messages: [{ text: 'a\nb' }] }])
  })

  test('don’t reach an agent in a token’s claims', async () => {
    const headers = await signIn({
      given_name: 'Ana\u202e',
      lp_sdes: [WEB, personal({ company: 'A\u0000' })],
    })
    const { profile } = await expectOpened(help(), { headers })
    expect(profile.firstName).toBe('Ana')
    expect(profile.authenticatedData.lp_sdes).toContainEqual(personal({ company: 'A' }))
  })

  test('that were removed from a token are listed, like those of a form', async () => {
    const headers = await signIn({ given_name: 'Ana\u202e', lp_sdes: [personal({ company: 'A\u0000' })] })
    const answer = await send(help({ message: 'Hello\u202e' }), { headers })
    const message = 'had control or bidi-override characters, which were removed'
    expect([answer.statusCode, bodyOf(answer).warnings]).toEqual([
      201,
      ['message', 'token.given_name', 'token.lp_sdes.0.personal.company'].map((path) => ({ path, message })),
    ])
    expect(answer.body).not.toContain('Ana')
  })

  test('leave out the ids of a visit that have them, with a warning', async () => {
    for (const name of ['visitorId', 'sessionId', 'interactionContextId'])
      for (const character of ['\u0000', '\u009b', '\u202e', '\u2066']) {
        const answer = await send(help({ context: { [name]: `A3Z${character}TY3` } }))
        expect([answer.statusCode, bodyOf(answer).warnings]).toEqual([
          201,
          [expect.objectContaining({ path: `context.${name}` })],
        ])
        expect(JSON.stringify(received())).not.toMatch(/A3Z|TY3/)
      }
  })

  test('are refused in a token’s consumer id', async () => {
    for (const sub of ['crm-\u202e1488', 'crm-\u009b', '\u2067crm']) {
      const answer = await send(help(), { headers: await signIn({ sub }) })
      expect([answer.statusCode, bodyOf(answer).code]).toEqual([401, 'consumer_token_invalid'])
    }
  })

  test('make no other request of a copy: written as an escape, as bytes, or left out', async () => {
    const body = help({ consumer: { firstName: 'Ana\u202e' } })
    const clean = { ...body, consumer: { firstName: 'Ana' } }
    const escaped = JSON.stringify(body).replace('\u202e', '\\u202E')
    const answers = [await send(body), await send(escaped), await send(clean)]
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([201, 200, 200])
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('are not mistaken for the characters that languages and emoji need', async () => {
    const firstName = 'Zoë 👩\u200d👩\u200d👧 שלום\u200f نمی\u200cخواهم Nguyê\u0303n'
    const { profile } = await expectOpened(help({ consumer: { firstName } }))
    expect(profile).toEqual({ firstName: firstName.normalize('NFC') })
  })
})

describe('a long list', () => {
  const errorsOf = async (body: unknown) => bodyOf(await send(body)).errors

  test('of 5,000 attributes is refused by its length, and none is examined', async () => {
    const attributes = JSON.stringify(help({ engagementAttributes: Array(5000).fill({ type: 'x' }) }))
    expect(await errorsOf(attributes)).toEqual([
      { path: 'engagementAttributes', message: 'must have at most 10 items' },
    ])
  })

  test('of 4,000 contacts is refused by its length, and none is examined', async () => {
    const contacts = Array(4000).fill({ x: 1 })
    expect(await errorsOf(help({ engagementAttributes: [personal({ contacts })] }))).toEqual([
      { path: 'engagementAttributes.0.personal.contacts', message: 'must have at most 20 items' },
    ])
  })
})
