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
    ['an empty text', '', '', 'is not valid JSON'],
    ['half an object', '{"a":', '', 'is not valid JSON'],
    ['two values', '{} {}', '', 'is not valid JSON'],
    ['a duplicate key', '{"a":1,"a":2}', 'a', 'is a duplicate key'],
    ['a duplicate key, once escaped', '{"a":1,"\\u0061":2}', 'a', 'is a duplicate key'],
    ['a duplicate key, nested', '{"x":[{},{"a":1,"b":2,"a":3}]}', 'x.1.a', 'is a duplicate key'],
    ['__proto__', '{"a":{"__proto__":{"x":1}}}', 'a.__proto__', 'is not an allowed key'],
    ['deep nesting', '['.repeat(17) + ']'.repeat(17), '0.0.0', 'is nested deeper than 16 levels'],
  ])('%s is refused, with its path', (_, text, path, message) => {
    expect(findingsOf(text)).toEqual([{ path, message }])
  })

  test('a key that may be personal is masked beside its path', () => {
    const [finding] = findingsOf('{"ana@example.org":1,"ana@example.org":2}') ?? []
    expect(finding?.path).toBe('ana@example.org')
    expect(finding?.maskedPath).not.toContain('ana')
    expect(findingsOf('{"a":1,"a":2}')?.[0]).not.toHaveProperty('maskedPath')
  })

  test('lists and objects beside each other are not nested', () => {
    for (const text of [`[${'[],'.repeat(20)}[]]`, `[${'{},'.repeat(20)}{}]`])
      expect(parseJson(text)).toEqual(JSON.parse(text))
  })

  test('a refusal never quotes the input', () => {
    expect(JSON.stringify(findingsOf('{"name": secret-words}'))).not.toContain('secret')
  })

  test('keys in strings and in other objects are no duplicates', () => {
    const text = '{"a":"\\"a\\":1,{","b":[{"a":1},{"a":2}],"c":{"a":{"a":1}}}'
    expect(parseJson(text)).toEqual(JSON.parse(text))
  })

  test('anything that JSON.stringify writes is read as JSON.parse reads it', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), (value) => {
        const text = JSON.stringify(value)
        fc.pre(!text.includes('__proto__'))
        expect(parseJson(text)).toEqual(JSON.parse(text))
      }),
    )
  })

  test('nothing but an InvalidRequestError is thrown', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void findingsOf(text)))
  })
})
