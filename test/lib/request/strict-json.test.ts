import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvalidRequestError } from '../../../lib/errors/errors.ts'
import { parseJson, parseRequestJson } from '../../../lib/request/strict-json.ts'

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

test('a byte order mark is ignored before the JSON, and kept in a text', () => {
  expect(parseJson('\ufeff{"a":"x\ufeffy"}')).toEqual({ a: 'x\ufeffy' })
  expect(parseJson('{"a":"x\ufeffy"}')).toEqual({ a: 'x\ufeffy' })
})

describe('parseRequestJson', () => {
  test('refuses nothing below a request’s context', () => {
    const deep = `${'['.repeat(99)}${']'.repeat(99)}`
    expect(
      parseRequestJson(`{"context":{"a":1,"a":2,"b":${deep},"__proto__":1,"c":{"d":1,"d":2}},"e":3}`),
    ).toEqual({
      context: JSON.parse(`{"a":[2],"b":${deep},"__proto__":1,"c":{"d":2}}`),
      e: 3,
    })
    expect(parseRequestJson('{"detail":{"context":{"a":1,"a":2}},"context":1,"context":2}')).toEqual({
      detail: { context: { a: [2] } },
      context: [2],
    })
    expect(parseRequestJson('{"context":{"__proto__":1,"__proto__":{"x":1}}}')).toEqual(
      JSON.parse('{"context":{"__proto__":{"x":1}}}'),
    )
  })

  test.each([
    ['a duplicate after it', '{"context":{"a":1},"b":1,"b":2}', 'b'],
    ['a duplicate before it', '{"b":1,"b":2,"context":{"a":1,"a":2}}', 'b'],
    ['another member of that name', '{"consumer":{"context":{"a":1,"a":2}}}', 'consumer.context.a'],
    ['a duplicate in a list', '[{"context":{"a":1,"a":2}}]', '0.context.a'],
    ['__proto__ beside it', '{"context":{},"__proto__":1}', '__proto__'],
    ['deep nesting beside it', `{"context":[],"b":${'['.repeat(17)}${']'.repeat(17)}}`, 'b.0.0'],
    ['the wrong case', '{"Context":{"a":1,"a":2}}', 'Context.a'],
  ])('refuses %s', (_, text, path) => {
    expect(() => parseRequestJson(text)).toThrow(
      expect.objectContaining({ findings: [expect.objectContaining({ path })] }),
    )
  })

  test('parseJson has no such exception', () => {
    expect(findingsOf('{"context":{"a":1,"a":2}}')?.[0]?.path).toBe('context.a')
  })

  test.each([
    ['[', ']'],
    ['{"context":', '}'],
    ['{"detail":', '}'],
  ])('reads a context of 20,000 levels of %s', (open, close) => {
    const levels = 20_000
    const value = parseRequestJson(`{"context":${open.repeat(levels)}1${close.repeat(levels)}}`)
    let [depth, inner] = [0, Object(value).context]
    for (; typeof inner === 'object'; depth++) [inner] = Object.values(inner)
    expect(depth).toBe(levels)
  })
})
