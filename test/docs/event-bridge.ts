/** A JSON value. */
export type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json }

export interface InputTransformer {
  readonly InputPathsMap: Readonly<Record<string, string>>
  readonly InputTemplate: string
}

/**
 * Returns whether an event matches a pattern. Supports what the recipes use: values, `exists` and `prefix`.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-patterns.html
 */
export const matches = (pattern: Json, event: Json | undefined): boolean => {
  if (!isObject(pattern)) throw new Error('A pattern is an object.')
  return Object.entries(pattern).every(([name, expected]) => {
    const value = isObject(event) ? event[name] : undefined
    if (!Array.isArray(expected)) return matches(expected, value)
    const values: readonly (Json | undefined)[] = Array.isArray(value) ? value : [value]
    return expected.some((condition) => values.some((one) => fulfills(condition, one)))
  })
}

const fulfills = (condition: Json, value: Json | undefined): boolean => {
  if (!isObject(condition)) return condition === value
  const [[name = '', expected] = []] = Object.entries(condition)
  if (name === 'exists') return expected === (value !== undefined)
  if (name === 'prefix') return typeof value === 'string' && value.startsWith(String(expected))
  throw new Error(`${name} isn't supported here.`)
}

/** Returns whether every event that matches a pattern has a value at a path. */
export const requires = (pattern: Json, path: string): boolean => {
  const [name = '', ...names] = stepsOf(path)
  if (!isObject(pattern)) return false
  const expected = pattern[name]
  if (expected === undefined) return false
  if (!Array.isArray(expected)) return requires(expected, ['$', ...names].join('.'))
  // The last step may be the index of a value in a list.
  return expected.every((one) => !isObject(one) || one.exists !== false) && names.every((one) => one === '0')
}

/**
 * Returns the text that a rule's target gets, as the documentation says: strings get quotation marks unless
 * they are in a string already, values are not escaped, and objects in a string lose their quotation marks.
 *
 * @throws {Error} A path doesn't exist in the event. Such a variable is left out, so no recipe may rely on it.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
 */
export const transform = ({ InputPathsMap, InputTemplate }: InputTransformer, event: Json): string =>
  fill(InputTemplate, (name) => valueAt(event, InputPathsMap[name] ?? fail(`<${name}> has no path.`)))

/**
 * Returns the text that a pipe's target gets. Variables are paths into the record, in which a body that is
 * JSON has been parsed.
 *
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-input-transformation.html
 */
export const transformInPipe = (template: string, record: { readonly [name: string]: Json }): string => {
  const parsed = { ...record, body: parseIfJson(String(record.body)) }
  return fill(template, (path) => valueAt(parsed, path))
}

const parseIfJson = (text: string): Json => {
  try {
    return JSON.parse(text)
  } catch {
    return text
  }
}

const fill = (template: string, lookUp: (name: string) => Json): string => {
  let isInString = false
  return template.trim().replaceAll(/"|<([^<>]+)>/g, (found, name?: string) => {
    if (name === undefined) {
      isInString = !isInString
      return found
    }
    const value = lookUp(name)
    if (typeof value === 'string') return isInString ? value : `"${value}"`
    const text = JSON.stringify(value)
    return isInString ? text.replaceAll('"', '') : text
  })
}

const valueAt = (event: Json, path: string): Json => {
  const value = stepsOf(path).reduce<Json | undefined>((at, step) => {
    if (Array.isArray(at)) return at[Number(step)]
    return isObject(at) ? at[step] : undefined
  }, event)
  return value === undefined ? fail(`${path} doesn't exist.`) : value
}

/** Returns the names and indices in a path such as `$.detail.ids[0]`. */
const stepsOf = (path: string): readonly string[] => {
  if (!/^\$(\.[\w-]+(\[\d+\])?)+$/.test(path)) throw new Error(`${path} isn't a supported path.`)
  return path
    .slice(2)
    .split(/\.|\[|\]\.?/)
    .filter((step) => step !== '')
}

const isObject = (value: Json | undefined): value is { readonly [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

const fail = (message: string): never => {
  throw new Error(message)
}
