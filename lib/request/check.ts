import * as z from 'zod/mini'
import { type Finding, InvalidRequestError } from '../errors/errors.ts'
import { maskPath } from '../errors/mask.ts'
import { isRecord } from './lenient-json.ts'

/**
 * Returns the input as a schema's type.
 *
 * @throws {InvalidRequestError} With one finding for each unknown, missing or invalid member.
 */
export const parse = <T extends z.ZodMiniType>(schema: T, input: unknown): z.infer<T> => {
  const result = check(schema, input)
  if ('findings' in result) throw new InvalidRequestError(result.findings)
  return result.data
}

/**
 * Returns the input as a schema's type, or everything that is wrong with it. Findings never contain values of
 * the input.
 */
export const check = <T extends z.ZodMiniType>(
  schema: T,
  input: unknown,
): { readonly data: z.infer<T> } | { readonly findings: readonly Finding[] } => {
  const result = z.safeParse(schema, input, { error: messageOf })
  return result.success ? { data: result.data } : { findings: result.error.issues.flatMap(toFindings) }
}

const toFindings = (issue: z.core.$ZodIssue): Finding[] =>
  issue.code === 'unrecognized_keys'
    ? issue.keys.map((key) => ({
        path: [...issue.path, key].join('.'),
        maskedPath: maskPath([...issue.path, key]),
        message: UNKNOWN_KEY,
      }))
    : [{ path: issue.path.join('.'), message: issue.message }]

/**
 * The message for a key that the schema doesn't have. Like every message, it continues a sentence that starts
 * with the path.
 */
export const UNKNOWN_KEY = 'is an unknown key'

const messageOf = (issue: z.core.$ZodRawIssue): string => {
  if (issue.input === undefined) return 'is missing'
  switch (issue.code) {
    case 'invalid_type':
      return `must be ${TYPES[issue.expected] ?? `a ${issue.expected}`}`
    case 'invalid_format':
      return issue.format === 'url' ? 'must be a URL' : 'has the wrong format'
    case 'too_small':
      return `must ${toAmount(issue.origin, 'at least', issue.minimum)}`
    case 'too_big':
      return `must ${toAmount(issue.origin, 'at most', issue.maximum)}`
    case 'invalid_value':
      return `must be one of ${issue.values.join(', ')}`
    case 'invalid_key':
      return issue.issues[0]?.message ?? 'is not a valid name'
    case 'invalid_union':
      if (isRecord(issue.input) && issue.discriminator !== undefined) {
        if (issue.input[issue.discriminator] === undefined) return 'is missing'
      }
      return 'options' in issue && Array.isArray(issue.options)
        ? `must be one of ${issue.options.join(', ')}`
        : 'has the wrong type'
    default:
      return 'is invalid'
  }
}

const TYPES: Readonly<Record<string, string>> = {
  array: 'an array',
  int: 'an integer',
  object: 'an object',
  record: 'an object',
}

const UNITS: Readonly<Record<string, string>> = { array: 'item', string: 'character' }

const toAmount = (origin: string, bound: 'at least' | 'at most', count: number | bigint): string => {
  const unit = UNITS[origin]
  return unit ? `have ${bound} ${count} ${unit}${count === 1 ? '' : 's'}` : `be ${bound} ${count}`
}
