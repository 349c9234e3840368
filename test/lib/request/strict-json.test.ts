import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidRequestError } from '../../../lib/errors/errors.ts'
import { parseJson } from '../../../lib/request/strict-json.ts'

const findingsOf = (text: string) => {
  try {
    parseJson(text)
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.findings
    throw error
  }
  return undefined
}

describe('parseJson', () => {
  test.each([
    ['an empty text', '', '', 'is not JSON'],
    ['half an object', '{"a":', '', 'is not JSON'],
    ['two values', '{} {}', '', 'is not JSON'],
    ['a name twice', '{"a":1,"a":2}', 'a', 'stands twice in its object'],
    ['a name twice, once escaped', '{"a":1,"\\u0061":2}', 'a', 'stands twice in its object'],
    ['a name twice, further in', '{"x":[{},{"a":1,"b":2,"a":3}]}', 'x.1.a', 'stands twice in its object'],
    ['__proto__', '{"a":{"__proto__":{"x":1}}}', 'a.__proto__', 'is not a name that is taken'],
    ['deep nesting', '['.repeat(17) + ']'.repeat(17), '0.0.0', 'is nested deeper than 16 levels'],
  ])('%s is refused, with its place', (_, text, path, message) => {
    expect(findingsOf(text)).toEqual([{ path, message }])
  })

  test('a refusal never quotes the input', () => {
    expect(JSON.stringify(findingsOf('{"name": secret-words}'))).not.toContain('secret')
  })

  test('names in strings and in other objects are no doubles', () => {
    const text = '{"a":"\\"a\\":1,{","b":[{"a":1},{"a":2}],"c":{"a":{"a":1}}}'
    expect(parseJson(text)).toEqual(JSON.parse(text))
  })

  test('whatever JSON.stringify writes is read back as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value)
        fc.pre(!text.includes('__proto__'))
        expect(parseJson(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  test('whatever is read, nothing but an InvalidRequestError is thrown', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void findingsOf(text)))
  })
})
