import { type JsonSchema, propertiesOf } from '../request-schema.ts'

const WIDTH = 100

/**
 * Returns the text of a TypeScript module with one type per schema.
 *
 * @param schemas By the name of the type. The type of an enumeration is used wherever another schema has the
 *   same values.
 * @throws {Error} A schema has a form that is not known here.
 */
export const toTypes = (schemas: Readonly<Record<string, JsonSchema>>): string => {
  const enumerations = Object.entries(schemas).flatMap(([name, { enum: values }]) =>
    values ? [{ name, union: toUnion(values) }] : [],
  )
  const types = Object.entries(schemas).map(([name, schema]) => {
    const type = enumerations
      .filter((each) => each.name !== name)
      .reduce((text, { name: other, union }) => text.replaceAll(union, other), toType(schema))
    return `${toComment(schema)}export type ${name} = ${type}`
  })
  return ['// Generated from the contracts by `npm run contracts`.', ...types, ''].join('\n\n')
}

const toUnion = (values: readonly unknown[]): string => values.map(toLiteral).join(' | ')

const toType = (schema: JsonSchema): string => {
  const { type, enum: values, const: only, anyOf, oneOf, items } = schema
  if (values) return toUnion(values)
  if (only !== undefined) return toLiteral(only)
  // Rules about members that are present, such as those of an age, are no types.
  if (anyOf && type === undefined) return anyOf.map(toType).join(' | ')
  if (oneOf && type === undefined) return oneOf.map(toType).join(' | ')
  switch (type) {
    case 'array':
      return `readonly (${toType(isSchema(items) ? items : {})})[]`
    case 'object':
      return toObject(schema)
    case 'integer':
    case 'number':
      return 'number'
    case 'string':
    case 'boolean':
      return type
    default:
      throw new Error(`A schema can't be a type: ${JSON.stringify(schema).slice(0, 200)}`)
  }
}

const isSchema = (value: JsonSchema['items']): value is JsonSchema =>
  typeof value === 'object' && !Array.isArray(value)

const toLiteral = (value: unknown): string => (typeof value === 'string' ? `'${value}'` : String(value))

const toObject = (schema: JsonSchema): string => {
  const { required = [], oneOf = [], additionalProperties } = schema
  if (schema.properties === undefined && isSchema(additionalProperties))
    return `Readonly<Record<string, ${toType(additionalProperties)}>>`
  const alternatives = oneOf.flatMap((each) => each.required ?? [])
  const members = propertiesOf(schema).filter(([name]) => !alternatives.includes(name))
  const common = toMembers(members, required)
  if (alternatives.length === 0) return common
  return `${common} & (${alternatives.map((name) => toAlternative(schema, name, alternatives)).join(' | ')})`
}

/** One of several members of which a value has exactly one. */
const toAlternative = (schema: JsonSchema, name: string, names: readonly string[]): string => {
  const given = propertiesOf(schema).filter(([member]) => member === name)
  const others = names.filter((other) => other !== name).map((other) => `readonly ${other}?: never\n`)
  return toMembers(given, [name], others)
}

const toMembers = (
  members: readonly (readonly [string, JsonSchema])[],
  required: readonly string[],
  others: readonly string[] = [],
): string => {
  const lines = members.map(([name, member]) => {
    const key = /^[A-Za-z]\w*$/.test(name) ? name : `'${name}'`
    return `${toComment(member)}readonly ${key}${required.includes(name) ? '' : '?'}: ${toType(member)}\n`
  })
  return `{\n${[...lines, ...others].join('')}}`
}

const toComment = ({ description = '' }: JsonSchema): string => {
  if (description === '') return ''
  const lines: string[] = ['']
  for (const word of description.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && line.length + 1 + word.length > WIDTH) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines.length === 1
    ? `/** ${lines[0]} */\n`
    : `/**\n${lines.map((line) => ` * ${line}\n`).join('')} */\n`
}
