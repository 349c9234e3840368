import fc from 'fast-check'
import { isRecord } from '../../lib/request/lenient-json.ts'
import {
  alternativesOf,
  itemsOf,
  type JsonSchema,
  patternsOf,
  propertiesOf,
  requestSchema,
} from '../../tools/request-schema.ts'

/** Returns the values that a caller would like at a path, best first. */
type Wish = (path: string) => readonly (string | number)[]

/** Returns the value of a member that has no members of its own. */
type Choose = (schema: JsonSchema, path: string) => unknown

/**
 * Returns a request with every member of the schema, `route` and `campaign` both, and with one engagement
 * attribute of each type. It is the same at every call. No two members have the same value, not even as text,
 * unless the caller wishes it.
 *
 * @param wish The first valid value is taken. By default, and if none is valid, values come from the schema.
 * @throws {Error} The schema has no value for a member that no other member has.
 */
export const wholeRequest = (
  wish: Wish = () => [],
  schema: JsonSchema = requestSchema,
): Readonly<Record<string, unknown>> => {
  const taken = new Set<string>()
  const request = sampleOf(schema, '', (leaf, path) => {
    const wanted = wish(path).find((value) => isValid(leaf, value))
    const value =
      wanted ?? candidatesOf(leaf, path).find((each) => isValid(leaf, each) && !taken.has(String(each)))
    if (value === undefined) throw new Error(`${path} has no value that no other member has`)
    taken.add(String(value))
    return value
  })
  if (!isRecord(request)) throw new Error('A request is an object')
  return request
}

/** Returns every value at a path as in `MEMBERS`, such as `engagementAttributes[].info.ctype`. */
export const valuesAt = (value: unknown, path: string): readonly unknown[] =>
  path
    .replaceAll('[]', '.[]')
    .split('.')
    .reduce<readonly unknown[]>(
      (values, part) =>
        values
          .flatMap((each) => {
            if (part === '[]') return Array.isArray(each) ? each : []
            return isRecord(each) ? [each[part]] : []
          })
          .filter((each) => each !== undefined),
      [value],
    )

const sampleOf = (schema: JsonSchema, path: string, choose: Choose): unknown => {
  const [first = schema] = alternativesOf(schema)
  if (first.type === 'array')
    return alternativesOf(itemsOf(first)).map((item) => sampleOf(item, `${path}[]`, choose))
  if (first.type === 'object')
    return Object.fromEntries(
      propertiesOf(first).map(([name, member]) => [
        name,
        sampleOf(member, path === '' ? name : `${path}.${name}`, choose),
      ]),
    )
  return choose(first, path)
}

const isValid = (schema: JsonSchema, value: unknown): boolean => {
  const { enum: values, const: only, type, maxLength = Number.POSITIVE_INFINITY } = schema
  if (values) return values.some((each) => each === value)
  if (only !== undefined) return only === value
  if (typeof value === 'boolean') return type === 'boolean'
  if (typeof value === 'string')
    return (
      type === 'string' &&
      patternsOf(schema).every((pattern) => new RegExp(pattern).test(value)) &&
      value.length <= maxLength
    )
  if (typeof value !== 'number') return false
  const { minimum = value, maximum = value } = schema
  return (
    (type === 'number' || (type === 'integer' && Number.isInteger(value))) &&
    value >= minimum &&
    value <= maximum
  )
}

/** Members whose value is more than their schema says. These are accepted unchanged. */
const SAMPLES: ReadonlyMap<string, string> = new Map([
  ['context.lang', 'zh-Hant-TW'],
  ['engagementAttributes[].personal.language', 'pt-BR'],
  ['engagementAttributes[].personal.contacts[].address.country', 'DK'],
])

/** How many values of a pattern or a range are tried. */
const TRIES = 100

const candidatesOf = (schema: JsonSchema, path: string): readonly unknown[] => {
  const { enum: values, const: only, type, minimum = 0 } = schema
  const hash = [...path].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 1_000_003, 7)
  const sample = SAMPLES.get(path)
  if (sample !== undefined) return [sample]
  if (values) return values
  if (only !== undefined) return [only]
  if (type === 'boolean') return [true, false]
  if (type === 'integer' || type === 'number')
    return Array.from({ length: TRIES }, (_, index) => index + (minimum > 0 ? minimum : hash))
  const texts = patternsOf(schema).map((pattern) => fc.stringMatching(new RegExp(pattern)))
  return [`sample of ${path}`, ...texts.flatMap((text) => fc.sample(text, { seed: hash, numRuns: TRIES }))]
}
