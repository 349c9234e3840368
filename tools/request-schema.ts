import { z } from 'zod'
import { conversationRequest } from '../lib/request/conversation-request.ts'

export type JsonSchema = z.core.JSONSchema.JSONSchema

/** The JSON Schema of what a sender may write. */
export const requestSchema: JsonSchema = z.toJSONSchema(conversationRequest, { io: 'input' })

/**
 * Returns the schemas of every member that has no members of its own, by path as in `MEMBERS`. A member has
 * several schemas if it may have several types.
 */
export const listMembers = (): ReadonlyMap<string, readonly JsonSchema[]> => {
  const members = new Map<string, JsonSchema[]>()
  for (const { path, schema } of leavesOf(requestSchema, ''))
    members.set(path, [...(members.get(path) ?? []), schema])
  return members
}

/** Returns the alternatives of a schema, or the schema itself. */
export const alternativesOf = (schema: JsonSchema): readonly JsonSchema[] =>
  schema.oneOf ?? schema.anyOf ?? [schema]

/** Returns the members of an object's schema. */
export const propertiesOf = ({ properties = {} }: JsonSchema): readonly (readonly [string, JsonSchema])[] =>
  Object.entries(properties).flatMap(([name, schema]) =>
    typeof schema === 'object' ? [[name, schema] as const] : [],
  )

/** Returns the schema of an array's items. */
export const itemsOf = ({ items }: JsonSchema): JsonSchema => {
  if (typeof items === 'object' && !Array.isArray(items)) return items
  throw new Error('The items of an array must have one schema')
}

interface Leaf {
  readonly path: string
  readonly schema: JsonSchema
}

const leavesOf = (schema: JsonSchema, path: string): readonly Leaf[] => {
  const alternatives = alternativesOf(schema)
  if (alternatives.length > 1) return alternatives.flatMap((alternative) => leavesOf(alternative, path))
  if (schema.type === 'array') return leavesOf(itemsOf(schema), `${path}[]`)
  if (schema.type !== 'object') return [{ path, schema }]
  return propertiesOf(schema).flatMap(([name, member]) =>
    leavesOf(member, path === '' ? name : `${path}.${name}`),
  )
}
