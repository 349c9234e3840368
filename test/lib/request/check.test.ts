import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import { InvalidRequestError } from '../../../lib/errors/errors.ts'
import { check, parse } from '../../../lib/request/check.ts'
import { anyJson } from '../../support/requests.ts'

const schema = z.strictObject({
  text: z.optional(z.string().check(z.minLength(1), z.maxLength(2))),
  count: z.optional(z.int().check(z.minimum(1), z.maximum(9))),
  ratio: z.optional(z.number()),
  flag: z.optional(z.boolean()),
  list: z.optional(z.array(z.string()).check(z.minLength(2), z.maxLength(3))),
  kind: z.optional(z.enum(['one', 'two'])),
  url: z.optional(z.url()),
  mail: z.optional(z.email()),
  map: z.optional(z.record(z.string().check(z.regex(/^[a-z]$/, 'must be one letter')), z.string())),
  either: z.optional(z.union([z.string(), z.number()])),
  tagged: z.optional(
    z.discriminatedUnion('type', [z.object({ type: z.literal('a') }), z.object({ type: z.literal('b') })]),
  ),
  own: z.optional(z.string().check(z.refine((value) => value === 'x', 'must be x'))),
  unnamed: z.optional(z.string().check(z.refine((value) => value === 'x'))),
  nested: z.optional(z.strictObject({ needed: z.string() })),
})

describe('a finding', () => {
  test.each<[string, unknown, string, string]>([
    ['a missing member', { nested: {} }, 'nested.needed', 'is missing'],
    ['an unknown key', { other: 1 }, 'other', 'is an unknown key'],
    ['a type', { text: 1 }, 'text', 'must be a string'],
    ['an integer', { count: 1.5 }, 'count', 'must be an integer'],
    ['a boolean', { flag: 'true' }, 'flag', 'must be a boolean'],
    ['an array', { list: {} }, 'list', 'must be an array'],
    ['an object', { nested: [] }, 'nested', 'must be an object'],
    ['a record', { map: [] }, 'map', 'must be an object'],
    ['a number that is too small', { count: 0 }, 'count', 'must be at least 1'],
    ['a number that is too large', { count: 10 }, 'count', 'must be at most 9'],
    ['a text that is too short', { text: '' }, 'text', 'must have at least 1 character'],
    ['a text that is too long', { text: 'abc' }, 'text', 'must have at most 2 characters'],
    ['too few items', { list: ['a'] }, 'list', 'must have at least 2 items'],
    ['too many items', { list: ['a', 'b', 'c', 'd'] }, 'list', 'must have at most 3 items'],
    ['a value', { kind: 'three' }, 'kind', 'must be one of one, two'],
    ['a URL', { url: 'api' }, 'url', 'must be a URL'],
    ['another format', { mail: 'ana' }, 'mail', 'has the wrong format'],
    ['a name in a record', { map: { AB: 'x' } }, 'map.AB', 'must be one letter'],
    ['a union', { either: true }, 'either', 'has the wrong type'],
    ['a union, for an object', { either: {} }, 'either', 'has the wrong type'],
    ['a tag', { tagged: { type: 'c' } }, 'tagged.type', 'must be one of a, b'],
    ['a rule with its own message', { own: 'y' }, 'own', 'must be x'],
    ['a rule without a message', { unnamed: 'y' }, 'unnamed', 'is invalid'],
  ])('names %s', (_, value, path, message) => {
    expect(check(schema, value)).toEqual({ findings: [expect.objectContaining({ path, message })] })
  })

  test('masks names that may be personal in the masked path only', () => {
    expect(check(schema, { nested: { needed: '', 'ana@example.org': 1 } })).toEqual({
      findings: [
        { path: 'nested.ana@example.org', maskedPath: 'nested.(masked)', message: 'is an unknown key' },
      ],
    })
  })
})

test('parse returns the data, or throws every finding', () => {
  expect(parse(schema, { text: 'a' })).toEqual({ text: 'a' })
  const work = () => parse(schema, { text: 1, count: 0, other: 1 })
  expect(work).toThrow(InvalidRequestError)
  expect(work).toThrow(
    expect.objectContaining({
      findings: [
        { path: 'text', message: 'must be a string' },
        { path: 'count', message: 'must be at least 1' },
        { path: 'other', maskedPath: 'other', message: 'is an unknown key' },
      ],
    }),
  )
})

test('any JSON is data or has findings', () => {
  fc.assert(
    fc.property(anyJson, (value) => {
      const result = check(schema, value)
      if ('findings' in result) {
        expect(result.findings.length).toBeGreaterThan(0)
        for (const { message } of result.findings) expect(message).toMatch(/^(is|must|has) /)
      }
    }),
  )
})
