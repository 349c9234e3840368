import fc from 'fast-check'
import { isRecord } from '../../lib/request/lenient-json.ts'
import {
  alternativesOf,
  itemsOf,
  type JsonSchema,
  propertiesOf,
  requestSchema,
} from '../../tools/request-schema.ts'

/** Returns the values that a caller would like at a path, best first. */
type Wish = (path: string) => readonly (string | number)[]

/**
 * Returns a request with every member of the schema, `route` and `campaign` both, and with one engagement
 * attribute of each type. It is the same at every call.
 *
 * @param wish The first valid value is taken. By default, and if none is valid, values come from the schema.
 */
export const wholeRequest = (wish: Wish = () => []): Readonly<Record<string, unknown>> => {
  const request = sampleOf(requestSchema, '', wish)
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

const sampleOf = (schema: JsonSchema, path: string, wish: Wish): unknown => {
  const [first = schema] = alternativesOf(schema)
  if (first.type === 'array')
    return alternativesOf(itemsOf(first)).map((item) => sampleOf(item, `${path}[]`, wish))
  if (first.type === 'object')
    return Object.fromEntries(
      propertiesOf(first).map(([name, member]) => [
        name,
        sampleOf(member, path === '' ? name : `${path}.${name}`, wish),
      ]),
    )
  return wish(path).find((value) => isValid(first, value)) ?? leafOf(first, path)
}

const isValid = (schema: JsonSchema, value: string | number): boolean => {
  const { enum: values, const: only, type, pattern = '', maxLength = Number.POSITIVE_INFINITY } = schema
  if (values) return values.includes(value)
  if (only !== undefined) return only === value
  if (typeof value === 'string')
    return type === 'string' && new RegExp(pattern).test(value) && value.length <= maxLength
  const { minimum = value, maximum = value } = schema
  return (
    (type === 'number' || (type === 'integer' && Number.isInteger(value))) &&
    value >= minimum &&
    value <= maximum
  )
}

const leafOf = (
  { enum: values, const: only, type, pattern, minimum = 0 }: JsonSchema,
  path: string,
): unknown => {
  const hash = [...path].reduce((sum, character) => (sum * 31 + character.charCodeAt(0)) % 1_000_003, 7)
  if (values) return values[0]
  if (only !== undefined) return only
  if (type === 'integer' || type === 'number') return minimum > 0 ? minimum : hash
  if (pattern === undefined) return `sample of ${path}`
  return fc.sample(fc.stringMatching(new RegExp(pattern)), { seed: hash, numRuns: 1 })[0]
}
