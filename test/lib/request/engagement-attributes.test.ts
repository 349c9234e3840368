import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { check } from '../../../lib/request/check.ts'
import {
  engagementAttribute,
  engagementAttributes,
  MAX_ATTRIBUTES,
} from '../../../lib/request/engagement-attributes.ts'
import { anyJson } from '../../support/requests.ts'

const findingsOf = (value: unknown) => {
  const result = check(engagementAttribute, value)
  return 'findings' in result ? result.findings.map(({ path, message }) => `${path} ${message}`) : []
}
const info = (members: object) => ({ type: 'ctmrinfo', info: members })
const personal = (members: object) => ({ type: 'personal', personal: members })

describe('an engagement attribute', () => {
  test('has a gender in any spelling, because a form can only send texts', () => {
    const genders = ['male', 'Female', 'OTHER', '0', '1', '2', 2]
    const read = genders.map((gender) => check(engagementAttribute, personal({ gender })))
    expect(read).toEqual(
      ['MALE', 'FEMALE', 'OTHER', 0, 1, 2, 2].map((gender) => ({ data: personal({ gender }) })),
    )
    for (const gender of ['3', '01', '10', '1 ', 'x', 3, null])
      expect(findingsOf(personal({ gender }))).toEqual([
        'personal.gender must be one of MALE, FEMALE, OTHER, 0, 1, 2',
      ])
  })

  test('has an age or a year in its parts of an age', () => {
    expect(findingsOf(personal({ age: { month: 5 } }))).toEqual([
      'personal.age.year is missing, because age is',
    ])
    expect(findingsOf(personal({ age: { age: 30, month: 5 } }))).toEqual([])
  })

  test.each<[string, object]>([
    ['ctmrinfo without members', info({})],
    [
      'ctmrinfo of texts and numbers',
      info({ ctype: 'vip', balance: -400.5, companySize: 500, loginStatus: 1 }),
    ],
    ['ctmrinfo with a date', info({ lastPaymentDate: { day: 31, month: 12, year: 2026 } })],
    ['personal without members', personal({})],
    ['personal with parts of an age', personal({ age: { year: 1996, month: 1 } })],
    ['personal with an empty age', personal({ age: {} })],
    [
      'personal with a contact',
      personal({ contacts: [{ phoneType: 'HOME_FAX', address: { country: 'DK' } }] }),
    ],
    ['a gender by name', personal({ gender: 'FEMALE' })],
    ['a gender by number', personal({ gender: 2 })],
    ['a language with a hyphen', personal({ language: 'en-GB' })],
  ])('may be %s, and is not changed', (_, value) => {
    expect(check(engagementAttribute, value)).toEqual({ data: value })
  })

  test.each<[string, unknown, readonly string[]]>([
    ['another type', { type: 'purchase', total: 1 }, ['type must be one of ctmrinfo, personal']],
    ['no type', { info: {} }, ['type is missing']],
    ['no content', { type: 'ctmrinfo' }, ['info is missing']],
    [
      'the content of another type',
      { type: 'ctmrinfo', personal: {} },
      ['info is missing', 'personal is an unknown key'],
    ],
    ['a store member', info({ storeNumber: '4' }), ['info.storeNumber is an unknown key']],
    ['a balance as text', info({ balance: '400' }), ['info.balance must be a number']],
    ['a size with a fraction', info({ companySize: 1.5 }), ['info.companySize must be an integer']],
    [
      'half a date',
      info({ registrationDate: { year: 2026 } }),
      ['info.registrationDate.day is missing', 'info.registrationDate.month is missing'],
    ],
    [
      'a 32nd of a 13th month',
      info({ registrationDate: { day: 32, month: 13, year: 2026 } }),
      ['info.registrationDate.day must be at most 31', 'info.registrationDate.month must be at most 12'],
    ],
    ['month 0', personal({ age: { age: 30, month: 0 } }), ['personal.age.month must be at least 1']],
    [
      'a text of 4097 characters',
      info({ role: 'x'.repeat(4097) }),
      ['info.role must have at most 4096 characters'],
    ],
    [
      'a lone surrogate',
      personal({ firstname: '\ud800' }),
      ['personal.firstname must not contain lone surrogates'],
    ],
    ...(['customerId', 'socialId', 'imei'] as const).map(
      (name) =>
        [
          `a control character in ${name}`,
          info({ [name]: 'C-20731\u0000' }),
          [`info.${name} must not contain control or bidi-override characters`],
        ] satisfies [string, unknown, readonly string[]],
    ),
    [
      '21 contacts, of which none is examined',
      personal({ contacts: Array(21).fill(5) }),
      ['personal.contacts must have at most 20 items'],
    ],
    [
      '21 contacts',
      personal({ contacts: Array.from({ length: 21 }, () => ({})) }),
      ['personal.contacts must have at most 20 items'],
    ],
    [
      'a country of three letters',
      personal({ contacts: [{ address: { country: 'DNK' } }] }),
      ['personal.contacts.0.address.country must be a country code of two letters, such as DK'],
    ],
    [
      'an unknown type of phone',
      personal({ contacts: [{ phoneType: 'FAXES' }] }),
      [
        'personal.contacts.0.phoneType must be one of HOME, MOBILE, WORK, FAX, MAIN, HOME_FAX, WORK_FAX, PAGER, OTHER',
      ],
    ],
    [
      'an unknown gender',
      personal({ gender: 3 }),
      ['personal.gender must be one of MALE, FEMALE, OTHER, 0, 1, 2'],
    ],
    [
      'a language without a country',
      personal({ language: 'en' }),
      ['personal.language must be a language and a country such as en-GB'],
    ],
  ])('with %s is refused', (_, value, findings) => {
    expect(findingsOf(value)).toEqual(findings)
  })

  test('is accepted or refused with findings, for any JSON', () => {
    fc.assert(
      fc.property(anyJson, (value) => {
        const result = check(engagementAttribute, value)
        if ('findings' in result) expect(result.findings.length).toBeGreaterThan(0)
      }),
    )
  })
})

test('control and bidi-override characters are removed from texts', () => {
  const value = personal({ firstname: 'Ana\u202e', contacts: [{ email: 'a\u0000@example.org' }] })
  expect(check(engagementAttribute, value)).toEqual({
    data: personal({ firstname: 'Ana', contacts: [{ email: 'a@example.org' }] }),
  })
})

test('a request may have ten engagement attributes', () => {
  const list = (length: number) => Array.from({ length }, () => info({}))
  expect(check(engagementAttributes, list(MAX_ATTRIBUTES))).toEqual({ data: list(10) })
  expect(check(engagementAttributes, list(11))).toMatchObject({
    findings: [{ path: '', message: 'must have at most 10 items' }],
  })
  expect(check(engagementAttributes, Array(5000).fill({}))).toEqual({
    findings: [{ path: '', message: 'must have at most 10 items' }],
  })
})
