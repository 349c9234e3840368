import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { alternativesOf, itemsOf, listMembers, propertiesOf } from '../../tools/request-schema.ts'

const recursive = z.strictObject({
  get child() {
    return z.optional(recursive)
  },
})

test.each<[string, readonly object[]]>([
  ['route', [{ type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' }]],
  ['consumer.firstName', [{ type: 'string', maxLength: 256 }]],
  ['campaign.campaignId', [{ type: 'string' }, { type: 'integer', minimum: 0 }]],
  ['engagementAttributes[].type', [{ const: 'ctmrinfo' }, { const: 'personal' }]],
  ['engagementAttributes[].personal.contacts[].address.country', [{ pattern: '^[A-Za-z]{2}$' }]],
])('%s is a member', (path, schemas) => {
  expect(listMembers().get(path)).toMatchObject(schemas)
})

test.each([
  'consumer',
  'engagementAttributes',
  'engagementAttributes[]',
  'campaign',
  'engagementAttributes[].info',
])('%s is no member, because it has members', (path) => {
  expect(listMembers().has(path)).toBe(false)
})

test('a schema without alternatives is its only one, and boolean schemas are no members', () => {
  const text = { type: 'string' } as const
  expect(alternativesOf({ anyOf: [text, {}] })).toEqual([text, {}])
  expect(alternativesOf(text)).toEqual([text])
  expect(propertiesOf({ properties: { a: text, b: false } })).toEqual([['a', text]])
})

test.each([{ items: [{}] }, {}])('%j has no schema for all items', (schema) => {
  expect(() => itemsOf(schema)).toThrow('must have one schema')
})

describe('a schema is refused by the name of the member', () => {
  const text = z.string()
  test.each<[string, z.core.$ZodType, string]>([
    ['a record', z.record(text, text), 'consumer.tags: propertyNames'],
    ['an object without members', z.strictObject({}), 'consumer.tags: an object without members'],
    ['an object that drops unknown members', z.object({ a: text }), 'consumer.tags: additionalProperties'],
    [
      'an object that keeps unknown members',
      z.looseObject({ a: text }),
      'consumer.tags: additionalProperties',
    ],
    ['a list of records', z.array(z.record(text, text)), 'consumer.tags[]: propertyNames'],
    ['a tuple', z.tuple([text]), 'consumer.tags: prefixItems'],
    [
      'an intersection',
      z.intersection(z.strictObject({ a: text }), z.record(text, text)),
      'consumer.tags: allOf',
    ],
    ['a recursive schema', recursive, 'consumer.tags: $ref'],
    ['any value', z.unknown(), 'consumer.tags: a schema without a type'],
    ['null', z.nullable(text), 'consumer.tags: the type string,null'],
    ['a default', z._default(text, 'a'), 'consumer.tags: default'],
    ['an alternative', z.union([text, z.record(text, text)]), 'consumer.tags: propertyNames'],
  ])('%s', (_, tags, message) => {
    const schema = z.toJSONSchema(z.strictObject({ consumer: z.strictObject({ tags: z.optional(tags) }) }), {
      io: 'input',
    })
    expect(() => listMembers(schema)).toThrow(message)
  })

  test('none that is used', () => {
    expect(listMembers().size).toBeGreaterThan(50)
  })
})
