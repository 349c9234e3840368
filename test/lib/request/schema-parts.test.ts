import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import * as mini from 'zod/mini'
import { check } from '../../../lib/request/check.ts'
import { atMost, decimalId, text, wellFormed, withLimits } from '../../../lib/request/schema-parts.ts'

const messagesOf = (schema: Parameters<typeof check>[0], value: unknown): readonly string[] => {
  const result = check(schema, value)
  return 'findings' in result ? result.findings.map(({ message }) => message) : []
}

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

test('limits are part of the JSON Schema', () => {
  const schema = mini.strictObject({
    name: text(64),
    list: mini.array(text(1)).check(atMost(2, 'items')),
    message: mini.string().check(withLimits({ minimum: 1, maximum: 9 }, mini.refine<string>(Boolean))),
  })
  expect(z.toJSONSchema(schema).properties).toEqual({
    name: { type: 'string', maxLength: 64 },
    list: { type: 'array', maxItems: 2, items: { type: 'string', maxLength: 1 } },
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
