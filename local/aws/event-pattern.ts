import { z } from 'zod'

/**
 * Returns whether an event matches a pattern, as for EventBridge's rules and Lambda's event filters: texts,
 * `prefix`, `suffix`, `anything-but` and `exists`.
 *
 * @throws {PatternError} The pattern is invalid, or has another operator.
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
 */
export function matchesPattern(pattern: unknown, event: unknown): boolean {
  const members = Members.safeParse(pattern)
  if (!members.success) throw new PatternError('A pattern must be an object.')
  return Object.entries(members.data).every(([name, wanted]) => {
    const value = Members.safeParse(event).data?.[name]
    if (!Array.isArray(wanted)) return matchesPattern(wanted, value)
    const values: readonly unknown[] = Array.isArray(value) ? value : [value]
    return wanted.some((condition) => values.some((each) => matchesOne(condition, each)))
  })
}

/** A pattern is invalid, or has an operator that isn't supported here. */
export class PatternError extends Error {}

const Members = z.record(z.string(), z.unknown())
const Condition = z.union([
  z.strictObject({ prefix: z.string() }),
  z.strictObject({ suffix: z.string() }),
  z.strictObject({ exists: z.boolean() }),
  z.strictObject({ 'anything-but': z.union([z.string(), z.array(z.string())]) }),
])

function matchesOne(condition: unknown, value: unknown): boolean {
  if (typeof condition !== 'object' || condition === null) return condition === value
  const parsed = Condition.safeParse(condition)
  if (!parsed.success) throw new PatternError(`This condition isn't supported: ${JSON.stringify(condition)}`)
  const wanted = parsed.data
  if ('exists' in wanted) return (value !== undefined) === wanted.exists
  if (typeof value !== 'string') return false
  if ('prefix' in wanted) return value.startsWith(wanted.prefix)
  if ('suffix' in wanted) return value.endsWith(wanted.suffix)
  return ![wanted['anything-but']].flat().includes(value)
}
