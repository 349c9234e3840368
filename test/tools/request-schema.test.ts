import { expect, test } from 'vitest'
import { alternativesOf, itemsOf, listMembers, propertiesOf } from '../../tools/request-schema.ts'

test.each<[string, readonly object[]]>([
  ['route', [{ type: 'string', pattern: '^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$' }]],
  ['consumer.firstName', [{ type: 'string', maxLength: 256 }]],
  ['campaign.campaignId', [{ type: 'string' }, { type: 'integer', minimum: 0 }]],
  ['engagementAttributes[].type', [{ const: 'ctmrinfo' }, { const: 'personal' }]],
  ['engagementAttributes[].personal.contacts[].address.country', [{ pattern: '^[A-Z]{2}$' }]],
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
