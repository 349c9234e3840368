/**
 * Says what is wrong with a value, in one sentence that starts with its path, or `undefined` if nothing is.
 */
export type Check = (value: unknown, path: string) => string | undefined

/** What a JSON object is before its members are known. */
export type JsonObject = Record<string, unknown>

/** True for a JSON object (not null, not an array). */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The parsed JSON, or `undefined` where the text is no JSON. */
export const parseJson = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** A check by predicate; `expected` completes the sentence "… must be …". */
export const must =
  (expected: string, holds: (value: unknown) => boolean): Check =>
  (value, path) =>
    holds(value) ? undefined : `${path} must be ${expected}`

/** Any string. */
export const text = must('a string', (value) => typeof value === 'string')

/** A string that is an absolute URL. */
export const url = must('a URL', (value) => typeof value === 'string' && URL.canParse(value))

/** Any number. */
export const number = must('a number', (value) => typeof value === 'number')

/** A whole number. */
export const integer = must('an integer', Number.isInteger)

/** A string of this form. */
export const pattern = (form: RegExp): Check =>
  must(`of the form ${form.source}`, (value) => typeof value === 'string' && form.test(value))

/** One of these values. */
export const oneOf = (...values: readonly unknown[]): Check =>
  must(`one of ${values.join(', ')}`, (value) => values.includes(value))

/** An array whose elements all pass. */
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
 * An object whose known members pass.
 *
 * @param options.required Members that have to be there.
 * @param options.closed Refuse members that are not listed; default false, since LivePerson ignores unknown fields.
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
