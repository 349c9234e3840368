import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidRequestError } from '../../../lib/errors/errors.ts'
import { toConversationBody } from '../../../lib/liveperson/payload.ts'
import { parseConversationRequest } from '../../../lib/request/conversation-request.ts'
import { findProfileProblem } from '../../../local/liveperson/messaging/profile.ts'

// The schema and the simulator's check are both written from LivePerson's documentation, and share no code.

const RUNS = { numRuns: 10_000 }

/** Values of every type, among them those that some member may be mistaken for. */
const anything = fc.oneof(
  fc.constantFrom<unknown>('', '1', 'x', 'DK', 'en-GB', 0, 1, 2, 31, 32, 1.5, -1, 2 ** 31, 2 ** 53, 1e300),
  fc.constantFrom<unknown>(null, true, false, {}, [], [null], { day: 1 }, { age: 1 }, 'FEMALE', 'MOBILE'),
)

const text = fc
  .string({ unit: 'grapheme', minLength: 1, maxLength: 12 })
  .map((value) => value.normalize('NFC').replace(/[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/gu, 'x'))
const id = text.map((value) => `x${value}x`)
/** Mostly valid values, and others near them. */
const near = (valid: fc.Arbitrary<unknown>, others: fc.Arbitrary<unknown>) =>
  fc.oneof({ arbitrary: valid, weight: 12 }, { arbitrary: others, weight: 1 })
const int = near(fc.integer(), fc.constantFrom(-(2 ** 31), 2 ** 31 - 1, -(2 ** 31) - 1, 2 ** 31, 0.5))
const day = near(fc.integer({ min: 1, max: 31 }), fc.integer({ min: -1, max: 33 }))
const month = near(fc.integer({ min: 1, max: 12 }), fc.integer({ min: -1, max: 14 }))

/** A value of the right type, or, once in a while, anything. */
const mostly = (value: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> =>
  fc.oneof({ arbitrary: value, weight: 100 }, { arbitrary: anything, weight: 1 })

/** An object with some of its members, and once in a while an unknown one. */
const someOf = (members: Readonly<Record<string, fc.Arbitrary<unknown>>>, others: readonly string[] = []) =>
  fc
    .tuple(
      fc.record(Object.fromEntries(Object.entries(members).map(([name, value]) => [name, mostly(value)])), {
        requiredKeys: [],
      }),
      fc.oneof(
        { arbitrary: fc.constant({}), weight: 20 },
        {
          arbitrary: fc.constantFrom(...others, 'nickname', 'type').map((name) => ({ [name]: 'x' })),
          weight: 1,
        },
      ),
    )
    .map(([known, unknown]) => ({ ...known, ...unknown }))

const date = fc.record({ day: mostly(day), month: mostly(month), year: mostly(int) })

const info = someOf(
  {
    ...{ ctype: text, cstatus: text, balance: fc.double({ noNaN: true, noDefaultInfinity: true }) },
    ...{ currency: text, customerId: id, socialId: id, imei: id, userName: text, companySize: int },
    ...{ companyBranch: text, accountName: text, role: text, lastPaymentDate: date, registrationDate: date },
    loginStatus: int,
  },
  ['storeNumber', 'storeZipCode'],
)

const letters = fc.stringMatching(/^[A-Za-z]{1,3}$/)
const language = near(
  fc.stringMatching(/^[a-z]{2}[-_][A-Z]{2}$/),
  fc.stringMatching(/^[A-Za-z]{1,3}([-_][A-Za-z0-9]{2,4}){0,2}$/),
)
const gender = near(
  fc.constantFrom<unknown>('MALE', 'FEMALE', 'OTHER', 0, 1, 2, '0', '2'),
  fc.constantFrom<unknown>('female', 3, '3', 'F'),
)
const phoneType = near(
  fc.constantFrom('HOME', 'MOBILE', 'WORK_FAX', 'HOME_FAX', 'PAGER', 'WORK', 'FAX', 'MAIN', 'OTHER'),
  fc.constantFrom('mobile', 'CELL'),
)
const contact = someOf({
  ...{ email: text, phone: text, phoneType },
  address: someOf({ country: near(fc.stringMatching(/^[A-Z]{2}$/), letters), region: text }),
})
const personal = someOf(
  {
    ...{ firstname: text, lastname: text, company: text, gender, language },
    age: someOf({ age: int, year: int, month, day }),
    contacts: fc.array(mostly(contact), { maxLength: 3 }),
  },
  ['firstName'],
)

const attribute = fc.oneof(
  { arbitrary: fc.record({ type: fc.constant('ctmrinfo'), info }), weight: 10 },
  { arbitrary: fc.record({ type: fc.constant('personal'), personal }), weight: 10 },
  { arbitrary: fc.record({ type: mostly(fc.constantFrom('ctmrinfo', 'cart')), info, personal }), weight: 1 },
)

/** Returns the profile that LivePerson gets of a request, or undefined if the door refuses it. */
const profileOf = (members: object): unknown => {
  try {
    const { request } = parseConversationRequest({ route: 'vip', ...members })
    const ids = { profile: 'p', conversation: 'c' }
    const place = { accountId: '70123456', campaignId: '1', engagementId: '2', ttr: 'NORMAL' }
    const [profile] = toConversationBody({ ...request, ...place, vouchedBy: 'crm' }, ids)
    return JSON.parse(JSON.stringify(profile?.body))
  } catch (error) {
    if (error instanceof InvalidRequestError) return undefined
    throw error
  }
}

const isTaken = (lp_sdes: readonly unknown[]): boolean =>
  findProfileProblem({ authenticatedData: { lp_sdes } }) === undefined

describe('the door and LivePerson agree', () => {
  test('LivePerson takes every attribute that the door accepts', () => {
    let accepted = 0
    fc.assert(
      fc.property(attribute, (value) => {
        const profile = profileOf({ engagementAttributes: [value] })
        if (profile === undefined) return
        accepted++
        expect(findProfileProblem(profile)).toBeUndefined()
      }),
      RUNS,
    )
    expect(accepted).toBeGreaterThan(2000)
    expect(accepted).toBeLessThan(9000)
  })

  test('the door accepts every attribute that LivePerson takes, with the same values', () => {
    let taken = 0
    fc.assert(
      fc.property(attribute, (value) => {
        if (!isTaken([value])) return
        taken++
        const profile = profileOf({ engagementAttributes: [value] })
        expect(profile).toBeDefined()
        expect(textsIn(profile)).toEqual(textsIn(withoutLabels(value)))
      }),
      RUNS,
    )
    expect(taken).toBeGreaterThan(2000)
    expect(taken).toBeLessThan(9000)
  })

  test('LivePerson takes every consumer that the door accepts', () => {
    const label = fc.stringMatching(/^[a-z0-9-]{1,8}$/)
    const avatarUrl = fc
      .tuple(
        fc.constantFrom('https://', 'http://'),
        fc.array(label, { minLength: 1, maxLength: 3 }),
        fc.nat(99_999),
        text,
      )
      .map(
        ([scheme, labels, port, rest]) =>
          `${scheme}${labels.join('.')}.org:${port}/${rest.replaceAll(/\s/g, '')}`,
      )
    const consumer = someOf({
      ...{ id, firstName: text, lastName: text, email: text, phone: text, description: text },
      avatarUrl,
    })
    let accepted = 0
    fc.assert(
      fc.property(consumer, (value) => {
        const profile = profileOf({ consumer: value })
        if (profile === undefined) return
        accepted++
        expect(findProfileProblem(profile)).toBeUndefined()
      }),
      RUNS,
    )
    expect(accepted).toBeGreaterThan(1000)
  })
})

/** Returns an attribute without types that say nothing: its own, and those of phones. */
const withoutLabels = ({ type, info, personal }: { type: unknown; info?: object; personal?: object }) => {
  const contacts = personal !== undefined && 'contacts' in personal ? personal.contacts : undefined
  const said = Array.isArray(contacts)
    ? contacts.map((contact) => {
        const { phoneType, ...rest } = Object(contact)
        return textsIn(rest).length > 0 ? contact : {}
      })
    : contacts
  const content = [info ?? '', { ...personal, contacts: said ?? '' }]
  return textsIn(content).length > 0 ? [type, content] : []
}

/** Returns all values as sorted text. A form can send a number as text only, and an empty text says nothing. */
const textsIn = (value: unknown): readonly string[] =>
  (typeof value === 'object' && value !== null
    ? Object.values(value).flatMap((each) => [...textsIn(each)])
    : // The one spelling of a language.
      [String(value).replace(/^([A-Za-z]{2})_([A-Za-z]{2})$/, '$1-$2')]
  )
    .filter((each) => each !== '')
    .toSorted()

describe('the door refuses by name what LivePerson would refuse with the whole profile', () => {
  const findingsOf = (members: object) => {
    try {
      parseConversationRequest({ route: 'vip', ...members })
    } catch (error) {
      if (error instanceof InvalidRequestError) return error.findings
      throw error
    }
    return []
  }

  test.each([
    ['de', 'a language without a country'],
    ['es-419', 'a region that is no country'],
    ['zh-Hans', 'a script'],
    ['zh-Hant-TW', 'a script and a country'],
    ['deu-DE', 'a language of three letters'],
    ['en GB', 'a space'],
  ])('the language %s: %s', (language) => {
    const personal = { type: 'personal', personal: { firstname: 'Ana', language } }
    expect(isTaken([personal])).toBe(false)
    expect(findingsOf({ engagementAttributes: [personal] })).toEqual([
      {
        path: 'engagementAttributes.0.personal.language',
        message: 'must be a language and a country such as en-GB',
      },
    ])
  })

  test('an age without a year', () => {
    const personal = { type: 'personal', personal: { age: { month: 4, day: 15 } } }
    expect(isTaken([personal])).toBe(false)
    expect(findingsOf({ engagementAttributes: [personal] })).toEqual([
      { path: 'engagementAttributes.0.personal.age.year', message: 'is missing, because age is' },
    ])
  })

  test('a picture whose address is no URL', () => {
    const avatarUrl = 'https://a.example.org:99999/x.png'
    expect(findProfileProblem({ avatarUrl })).toBeDefined()
    expect(findingsOf({ consumer: { avatarUrl } }).map(({ path }) => path)).toEqual(['consumer.avatarUrl'])
  })
})

test.each([
  ['a language in lower case', { language: 'pt-br' }, { language: 'pt-BR' }],
  ['a language in capitals', { language: 'PT_BR' }, { language: 'pt-BR' }],
  ['a gender in lower case', { gender: 'female' }, { gender: 'FEMALE' }],
  ['a gender’s number as text', { gender: '1' }, { gender: 1 }],
  [
    'a country and a type of phone in lower case',
    { contacts: [{ phoneType: 'home_fax', address: { country: 'dk' } }] },
    { contacts: [{ phoneType: 'HOME_FAX', address: { country: 'DK' } }] },
  ],
])('%s has one canonical form', (_, given, expected) => {
  const of = (personal: object) => ({ engagementAttributes: [{ type: 'personal', personal }] })
  const result = parseConversationRequest({ route: 'vip', ...of(given) })
  expect(result).toEqual({ request: { route: 'vip', ...of(expected) }, warnings: [] })
})
