import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isRecord, parseLenientJson } from '../../../lib/request/lenient-json.ts'

describe('parseLenientJson', () => {
  test.each<[string, string]>([
    ['an empty text', ''],
    ['HTML', '<!DOCTYPE html><title>502 Bad Gateway</title>'],
    ['half an object', '{"a":'],
    ['two values', '{} {}'],
  ])('%s becomes undefined', (_, text) => {
    expect(parseLenientJson(text)).toBeUndefined()
  })

  test('the last of two equal keys counts', () => {
    expect(parseLenientJson('{"a":1,"a":2}')).toEqual({ a: 2 })
  })

  test('any JSON is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(parseLenientJson(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  test('no text makes it throw', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseLenientJson(text)))
  })
})

test.each<[string, unknown, boolean]>([
  ['an object', {}, true],
  ['an object without a prototype', Object.create(null), true],
  ['an array', [], false],
  ['null', null, false],
  ['undefined', undefined, false],
  ['text', '{}', false],
  ['a number', 1, false],
])('isRecord: %s', (_, value, expected) => {
  expect(isRecord(value)).toBe(expected)
})
