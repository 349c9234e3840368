import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import * as mini from 'zod/mini'
import { check } from '../../../lib/request/check.ts'
import {
  atMost,
  decimalId,
  foreignId,
  lines,
  listOf,
  orInteger,
  safeLines,
  text,
  wellFormed,
  withLimits,
} from '../../../lib/request/schema-parts.ts'

const messagesOf = (schema: Parameters<typeof check>[0], value: unknown): readonly string[] => {
  const result = check(schema, value)
  return 'findings' in result ? result.findings.map(({ message }) => message) : []
}

test('a text that is too long says how long it may be', () => {
  const message = 'must have at most 3 characters'
  const schemas = [text(3), lines(3), foreignId(3)]
  expect(schemas.map((schema) => messagesOf(schema, 'four'))).toEqual([[message], [message], [message]])
  expect([text(3), lines(3)].map((schema) => messagesOf(schema, 'abc'))).toEqual([[], []])
})

test('an id that may be a number is missing if there is none', () => {
  expect(messagesOf(orInteger(mini.string()), undefined)).toEqual(['is missing'])
  expect(messagesOf(orInteger(mini.string()), true)).toEqual([expect.stringContaining('integer')])
})

describe('atMost', () => {
  const list = mini.array(mini.int()).check(atMost(2, 'items'))

  test.each<[string, unknown, readonly string[]]>([
    ['the maximum', [1, 2], []],
    ['more', [1, 2, 3], ['must have at most 2 items']],
    ['an object whose length is not a number', { length: { valueOf: 0, toString: 0 } }, ['must be an array']],
    ['a string, which also has a length', '123', ['must be an array']],
  ])('%s', (_, value, messages) => {
    expect(messagesOf(list, value)).toEqual(messages)
  })
})

test('the length of a text is counted in UTF-16 units', () => {
  const short = text(3)
  expect(messagesOf(short, '🦊a')).toEqual([])
  expect(messagesOf(short, '🦊🦊')).toEqual(['must have at most 3 characters'])
})

test.each<[string, string, readonly string[]]>([
  ['a surrogate pair', '🦊', []],
  ['a lone high surrogate', 'a\ud83e', ['must not contain lone surrogates']],
  ['a lone low surrogate', '\udd8aa', ['must not contain lone surrogates']],
  ['surrogates in the wrong order', '\udd8a\ud83e', ['must not contain lone surrogates']],
])('text may contain %s or is refused', (_, value, messages) => {
  expect(messagesOf(text(10), value)).toEqual(messages)
  expect(messagesOf(mini.string().check(wellFormed), value)).toEqual(messages)
})

describe('control and bidi-override characters', () => {
  const isUnsafe = (code: number) =>
    code < 0x20 ||
    (code >= 0x7f && code <= 0x9f) ||
    (code >= 0x2028 && code <= 0x202e) ||
    (code >= 0x2066 && code <= 0x2069)
  const isTab = (code: number) => code === 0x9
  const isLineEnd = (code: number) => [0xa, 0xb, 0xc, 0xd, 0x85, 0x2028, 0x2029].includes(code)
  const severalLines = mini.string().check(safeLines)

  test('are removed from one line of text, where line ends and tabs become a space', () => {
    for (let code = 0; code < 0xd800; code++) {
      const character = String.fromCharCode(code)
      const isSpace = isTab(code) || isLineEnd(code)
      const kept = (isSpace ? 'a b' : isUnsafe(code) ? 'ab' : `a${character}b`).normalize('NFC')
      expect(check(text(4), `a${character}b`)).toEqual({ data: kept })
    }
  })

  test('are removed from several lines of text, but tabs and line ends are kept', () => {
    for (let code = 0; code < 0xd800; code++) {
      const character = String.fromCharCode(code)
      const safe = isUnsafe(code) && !isTab(code) ? 'ab' : `a${character}b`
      const kept = (isLineEnd(code) ? 'a\nb' : safe).normalize('NFC')
      for (const schema of [severalLines, lines(4)])
        expect(check(schema, `a${character}b`)).toEqual({ data: kept })
    }
  })

  test('a run of line ends is one space in one line, and none at its start or end', () => {
    expect(check(text(20), '\r\n\t one\r\n\n\ttwo\u2028')).toEqual({ data: ' one two' })
  })

  // If the work grew with the square of the length, this test would not end in its time.
  test.each(['\n', '\t', '\r', '\n\u0000', ' \n'])('200,000 of them are too long: %j', (run) => {
    expect(messagesOf(text(20), `a${run.repeat(200_000)}b`)).toEqual(['must have at most 20 characters'])
  })

  test('are refused in an id', () => {
    for (let code = 0; code < 0xd800; code++) {
      const value = `a${String.fromCharCode(code)}b`
      expect(messagesOf(foreignId(3), value)).toEqual(
        isUnsafe(code) ? ['must not contain control or bidi-override characters'] : [],
      )
    }
  })

  test('are removed wherever they are, and however many', () => {
    expect(check(text(9), '\u202e\u0000ab\u202c\u0000c\u0000')).toEqual({ data: 'abc' })
  })

  test('count for the length: input is bounded before it is examined', () => {
    expect(messagesOf(text(3), '\u0000\u0000\u0000\u0000')).toEqual(['must have at most 3 characters'])
  })

  test('marks, joiners and emoji are kept: many languages need them', () => {
    for (const value of ['שלום\u200f', '\u200eabc', 'نمی\u200cخواهم', '👩\u200d👩\u200d👧 🏴󠁧󠁢󠁳󠁣󠁴󠁿 Nguyễn'])
      expect(check(text(99), value)).toEqual({ data: value })
  })
})

describe('the number of items in a list', () => {
  const examined: unknown[] = []
  const item = mini.string().check(
    mini.refine((value) => {
      examined.push(value)
      return true
    }),
  )

  test('is checked before any of them is', () => {
    const many = Array(100_000).fill('x')
    expect(messagesOf(listOf(item, 2), many)).toEqual(['must have at most 2 items'])
    expect(messagesOf(listOf(item, 2), Array(3).fill(5))).toEqual(['must have at most 2 items'])
    expect(examined).toEqual([])
    expect(check(listOf(item, 2), ['a', 'b'])).toEqual({ data: ['a', 'b'] })
    expect(examined).toEqual(['a', 'b'])
  })

  test.each<[string, unknown]>([
    ['an object with a length', { length: 1 }],
    ['a string', 'abc'],
    ['null', null],
  ])('%s is no list', (_, value) => {
    expect(messagesOf(listOf(item, 2), value)).toEqual(['must be an array'])
  })

  test('a list may be optional', () => {
    const schema = mini.strictObject({ list: mini.optional(listOf(item, 2)) })
    expect(check(schema, {})).toEqual({ data: {} })
    expect(z.toJSONSchema(schema, { io: 'input' }).required).toBeUndefined()
  })
})

test('limits are part of the JSON Schema', () => {
  const schema = mini.strictObject({
    name: text(64),
    list: mini.array(text(1)).check(atMost(2, 'items')),
    other: listOf(text(1), 2),
    id: foreignId(8),
    message: mini.string().check(withLimits({ minimum: 1, maximum: 9 }, mini.refine<string>(Boolean))),
  })
  expect(z.toJSONSchema(schema, { io: 'input' }).properties).toEqual({
    name: { type: 'string', maxLength: 64 },
    list: { type: 'array', maxItems: 2, items: { type: 'string', maxLength: 1 } },
    other: { type: 'array', maxItems: 2, items: { type: 'string', maxLength: 1 } },
    id: {
      anyOf: [
        {
          type: 'string',
          maxLength: 8,
          allOf: [
            { pattern: String.raw`^[^\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]*$` },
            { pattern: String.raw`^(\S([\s\S]*\S)?)?$` },
          ],
        },
        { type: 'integer', minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER },
      ],
    },
    message: { type: 'string', minLength: 1, maxLength: 9 },
  })
})

describe('decimalId', () => {
  const DECIMAL = 'must be a decimal id: a string of 1 to 19 digits, or a safe integer'

  test.each<[unknown, string]>([
    ['3120045610', '3120045610'],
    [3120045610, '3120045610'],
    ['0', '0'],
    [0, '0'],
    ['007', '007'],
    ['9'.repeat(19), '9'.repeat(19)],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'],
  ])('%j becomes %j', (value, id) => {
    expect(check(decimalId, value)).toEqual({ data: id })
  })

  test.each<[string, unknown, string]>([
    ['an empty string', '', DECIMAL],
    ['20 digits', '1'.repeat(20), DECIMAL],
    ['a sign', '-1', DECIMAL],
    ['a space', ' 1', DECIMAL],
    ['digits of another script', '١٢', DECIMAL],
    ['a negative number', -1, DECIMAL],
    ['a fraction', 1.5, DECIMAL],
    ['a number above 2^53', 2 ** 53, DECIMAL],
    ['an object', { toString: 0 }, DECIMAL],
    ['null', null, DECIMAL],
    ['nothing', undefined, 'is missing'],
  ])('%s is refused', (_, value, message) => {
    expect(messagesOf(decimalId, value)).toEqual([message])
  })

  test('a string or a number of the same digits becomes the same id', () => {
    fc.assert(
      fc.property(fc.maxSafeNat(), (value) => {
        expect(check(decimalId, value)).toEqual(check(decimalId, String(value)))
      }),
    )
  })
})
