import { describe, expect, test } from 'vitest'
import { hasAbsent, toOneSpelling, withoutAbsent } from '../../../lib/request/spelling.ts'
import {
  alternativesOf,
  itemsOf,
  type JsonSchema,
  propertiesOf,
  requestSchema,
} from '../../../tools/request-schema.ts'

test.each([
  ['a browser’s line ends', 'a\r\nb\r\n', 'a\nb\n'],
  ['old line ends', 'a\rb\r\rc', 'a\nb\n\nc'],
  ['line ends of other systems', 'a\vb\fc\u0085d\u2028e\u2029f', 'a\nb\nc\nd\ne\nf'],
  ['line ends of a script', 'a\n\nb', 'a\n\nb'],
  ['decomposed accents', 'Nguyê\u0303n Zoe\u0308', 'Nguyễn Zoë'],
  ['decomposed Hangul', '\u1112\u1161\u11ab', '한'],
  ['compatibility characters, which stay', 'ﬁ①', 'ﬁ①'],
  ['nothing', '', ''],
  [
    '30 combining marks in a row',
    `a${'\u0301'.repeat(15)}${'\u0316'.repeat(15)}`,
    `a\u0316${'\u0316'.repeat(14)}\u0301${'\u0301'.repeat(14)}`.normalize('NFC'),
  ],
  [
    'more combining marks in a row, which stay as they are',
    `e\u0301 a${'\u0301'.repeat(16)}${'\u0316'.repeat(15)}`,
    `e\u0301 a${'\u0301'.repeat(16)}${'\u0316'.repeat(15)}`,
  ],
])('one spelling of %s', (_, text, expected) => {
  expect(toOneSpelling(text)).toBe(expected)
})

describe('withoutAbsent', () => {
  test.each<[string, unknown, unknown]>([
    ['null', { a: null, b: 1 }, { b: 1 }],
    ['an empty text', { a: '', b: 'x' }, { b: 'x' }],
    ['an unknown member, too', { nickname: null }, {}],
    ['an object of nothing', { consumer: { id: null, firstName: '' }, route: 'vip' }, { route: 'vip' }],
    ['an empty object', { consumer: {} }, {}],
    ['an empty list', { engagementAttributes: [] }, {}],
    ['a list of nothing', { engagementAttributes: [null, '', {}] }, {}],
    ['a date of nothing', { lastPaymentDate: { day: null, month: null, year: null } }, {}],
    ['an attribute that has only its type', { lp_sdes: [{ type: 'ctmrinfo', info: [] }] }, {}],
    ['a contact that has only its type', { contacts: [{ phoneType: 'HOME', email: null }] }, {}],
    ['an empty list for an object, as PHP writes it', { consumer: [], age: [] }, {}],
  ])('leaves out %s', (_, input, expected) => {
    expect(withoutAbsent(input)).toEqual(expected)
    expect(hasAbsent(Object(input))).toBe(true)
    expect(hasAbsent(Object(withoutAbsent(input)))).toBe(false)
  })

  test.each<[string, unknown]>([
    ['zero and false', { a: 0, b: false, c: ' ' }],
    ['an unknown type', { engagementAttributes: [{ type: 'purchase' }] }],
    ['the type of something else', { consumer: { type: 'personal' }, list: [{ type: 'personal' }] }],
    ['an object with something in it', { consumer: { id: '1' } }],
  ])('keeps %s', (_, input) => {
    expect(withoutAbsent(input)).toEqual(input)
    expect(hasAbsent(Object(input))).toBe(false)
  })

  test.each([{}, [], { a: null }, [null]])(
    'keeps %j where a text is expected, because it is a mistake',
    (value) => {
      expect(withoutAbsent({ message: value })).toHaveProperty('message')
    },
  )

  test('keeps the places of a list’s items', () => {
    expect(withoutAbsent({ contacts: [null, { email: 'a' }, { email: '' }, { email: 'b' }] })).toEqual({
      contacts: [undefined, { email: 'a' }, undefined, { email: 'b' }],
    })
  })

  test.each([null, 5, 'x', []])('returns %j as it is', (value) => {
    expect(withoutAbsent(value)).toEqual(value)
  })
})

const containersOf = (schema: JsonSchema): readonly string[] =>
  alternativesOf(schema).flatMap((each) => {
    if (each.type === 'array') return containersOf(itemsOf(each))
    return propertiesOf(each).flatMap(([name, member]) =>
      alternativesOf(member).some(({ type }) => type === 'object' || type === 'array')
        ? [name, ...containersOf(member)]
        : [],
    )
  })

test.each(containersOf(requestSchema))('%s is an object or a list, so it may be absent as one', (name) => {
  for (const nothing of [{}, [], { x: null }]) expect(withoutAbsent({ [name]: nothing })).toEqual({})
})
