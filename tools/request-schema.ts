import { z } from 'zod'
import { conversationRequest } from '../lib/request/conversation-request.ts'

export type JsonSchema = z.core.JSONSchema.JSONSchema

/** The JSON Schema of what a sender may write. */
export const requestSchema: JsonSchema = z.toJSONSchema(conversationRequest, { io: 'input' })

/** Returns the JSON Schema of one value, as a part of another document. */
export const toJsonSchema = (schema: z.core.$ZodType): JsonSchema => {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}

/**
 * Returns the schemas of every member that has no members of its own, by path as in `MEMBERS`. A member has
 * several schemas if it may have several types.
 *
 * @throws {Error} A member could hide others, or nobody knows its kind of schema here. The message names it.
 */
export const listMembers = (schema = requestSchema): ReadonlyMap<string, readonly JsonSchema[]> => {
  const members = new Map<string, JsonSchema[]>()
  for (const { path, schema: leaf } of leavesOf(schema, ''))
    members.set(path, [...(members.get(path) ?? []), leaf])
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

/** Returns the patterns that a text must match. */
export const patternsOf = ({ pattern, allOf = [] }: JsonSchema): readonly string[] =>
  [pattern, ...allOf.map((each) => each.pattern)].filter((each) => each !== undefined)

interface Leaf {
  readonly path: string
  readonly schema: JsonSchema
}

const leavesOf = (schema: JsonSchema, path: string): readonly Leaf[] => {
  const problem = problemOf(schema)
  if (problem !== undefined) throw new Error(`${path}: ${problem} can't be listed as members`)
  if (schema.oneOf || schema.anyOf)
    return alternativesOf(schema).flatMap((alternative) => leavesOf(alternative, path))
  if (schema.type === 'array') return leavesOf(itemsOf(schema), `${path}[]`)
  if (schema.type !== 'object') return [{ path, schema }]
  return propertiesOf(schema).flatMap(([name, member]) =>
    leavesOf(member, path === '' ? name : `${path}.${name}`),
  )
}

/** Returns why the members of a schema can't be known, or undefined if they can. */
const problemOf = (schema: JsonSchema): string | undefined => {
  const { additionalProperties, type } = schema
  const unknown = Object.keys(schema).find((keyword) => !KEYWORDS.has(keyword))
  if (unknown !== undefined) return unknown
  if (schema.allOf?.some((part) => Object.keys(part).join() !== 'pattern')) return 'allOf'
  if (schema.anyOf || schema.oneOf || schema.enum || schema.const !== undefined) return undefined
  if (type === undefined) return 'a schema without a type'
  if (!TYPES.has(String(type))) return `the type ${type}`
  if (type !== 'object') return undefined
  if (additionalProperties !== false) return 'additionalProperties'
  return propertiesOf(schema).length === 0 ? 'an object without members' : undefined
}

const TYPES = new Set(['array', 'boolean', 'integer', 'number', 'object', 'string'])

/** The keywords that don't add members in a way that is unknown here. */
const KEYWORDS = new Set([
  '$defs',
  '$schema',
  'additionalProperties',
  'allOf',
  'anyOf',
  'const',
  'enum',
  'items',
  'maxItems',
  'maximum',
  'maxLength',
  'minimum',
  'minLength',
  'oneOf',
  'pattern',
  'properties',
  'required',
  'type',
])
