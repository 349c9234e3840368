import { isRecord } from './lenient-json.ts'
import { hasRemoved } from './schema-parts.ts'
import { toOneSpelling } from './spelling.ts'

/** Something that was left out of a request. For its sender, so it never contains a value. */
export interface Warning {
  /** The dotted path of a member, or of a claim of the consumer token, after `token.`. */
  readonly path: string
  readonly message: string
}

/** The maximum number of warnings about one request. It limits the size of responses and ledger items. */
export const MAX_WARNINGS = 20

/**
 * Returns a warning for each text from which a schema removed characters, at most 20.
 *
 * @param input The schema's input. In its lists, `undefined` stands in for an item that the output lacks.
 * @param parsed The schema's output, so it has no name that the sender chose.
 */
export const removalsIn = (input: unknown, parsed: unknown): readonly Warning[] =>
  changedTexts(input, parsed, [])
    .slice(0, MAX_WARNINGS)
    .map((path) => ({ path, message: 'had control or bidi-override characters, which were removed' }))

/** A text may also have been normalized, which isn't worth a warning. */
const changedTexts = (input: unknown, parsed: unknown, path: readonly string[]): string[] => {
  if (typeof input === 'string')
    return hasRemoved(input) && toOneSpelling(input) !== parsed ? [path.join('.')] : []
  if (Array.isArray(input) && Array.isArray(parsed))
    return [...input.entries()]
      .filter(([, item]) => item !== undefined)
      .flatMap(([place, item], index) => changedTexts(item, parsed[index], [...path, String(place)]))
  if (isRecord(input) && isRecord(parsed))
    return Object.entries(parsed).flatMap(([name, member]) =>
      changedTexts(input[name], member, [...path, name]),
    )
  return []
}
