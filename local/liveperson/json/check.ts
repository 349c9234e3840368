import { isObject } from './value.ts'

/**
 * Returns what is wrong with a value, or `undefined` if it is valid.
 *
 * @param path Where the value is, such as `body.campaignInfo`. The returned sentence starts with it.
 */
export type Check = (value: unknown, path: string) => string | undefined

/** Returns a check from a predicate. `expected` completes the sentence "… must be …". */
export const must =
  (expected: string, holds: (value: unknown) => boolean): Check =>
  (value, path) =>
    holds(value) ? undefined : `${path} must be ${expected}`

/** Accepts any string. */
export const text = must('a string', (value) => typeof value === 'string')

/** Accepts an absolute URL. */
export const url = must('a URL', (value) => typeof value === 'string' && URL.canParse(value))

/** Accepts any number. */
export const number = must('a number', (value) => typeof value === 'number')

/** Accepts a whole number. */
export const integer = must('an integer', Number.isInteger)

/** Accepts true and false. */
export const boolean = must('true or false', (value) => typeof value === 'boolean')

/** Accepts a string that matches the expression. */
export const pattern = (expression: RegExp): Check =>
  must(`a string like ${expression.source}`, (value) => typeof value === 'string' && expression.test(value))

/** Accepts one of these values. */
export const oneOf = (...values: readonly unknown[]): Check =>
  must(`one of ${values.join(', ')}`, (value) => values.includes(value))

/** Accepts an array of valid elements. Reports the first invalid one. */
export const list =
  (check: Check): Check =>
  (value, path) => {
    if (!Array.isArray(value)) return `${path} must be an array`
    for (const [index, element] of value.entries()) {
      const problem = check(element, `${path}[${index}]`)
      if (problem !== undefined) return problem
    }
    return undefined
  }

/**
 * Accepts an object with valid members. Reports the first problem.
 *
 * @param options.required Names of members that must be present. Default: none.
 * @param options.closed Whether to refuse unlisted members. Default false, since LivePerson ignores unknown
 *   fields.
 */
export const object =
  (
    members: Readonly<Record<string, Check>>,
    options: { readonly required?: readonly string[]; readonly closed?: boolean } = {},
  ): Check =>
  (value, path) => {
    if (!isObject(value)) return `${path} must be an object`
    for (const name of options.required ?? []) {
      if (value[name] === undefined) return `${path}.${name} is missing`
    }
    for (const [name, member] of Object.entries(value)) {
      const check = Object.hasOwn(members, name) ? members[name] : undefined
      if (check === undefined && options.closed) return `${path}.${name} is unknown`
      const problem = check?.(member, `${path}.${name}`)
      if (problem !== undefined) return problem
    }
    return undefined
  }
