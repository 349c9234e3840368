import { InvalidRequestError } from '../errors/errors.ts'
import { maskPath } from '../errors/mask.ts'
import { isRecord } from './lenient-json.ts'

const MAX_DEPTH = 16
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/**
 * Returns the parsed value. Refuses duplicate keys, `__proto__` and nesting deeper than 16 levels, which
 * JSON.parse accepts. A byte order mark, which .NET writes, is ignored.
 *
 * @throws {InvalidRequestError} With the path. V8's message quotes the input, so it is dropped.
 */
export const parseJson = (text: string): unknown => {
  const value = parse(text)
  checkKeys(text, false)
  return value
}

/**
 * Like {@link parseJson}, for a request and its envelopes. Its `context` comes from a visitor's browser and
 * may cost nobody a conversation, so nothing below it is refused. There, a duplicate is returned as a list,
 * which is no valid member.
 *
 * @throws {InvalidRequestError} With the path.
 */
export const parseRequestJson = (text: string): unknown => {
  const value = parse(text)
  for (const path of checkKeys(text, true)) markAt(value, path)
  return value
}

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    throw new InvalidRequestError([{ path: '', message: 'is not valid JSON' }])
  }
}

type Path = readonly (string | number)[]

const markAt = (value: unknown, [name, ...rest]: Path): void => {
  if (!isRecord(value) || name === undefined || name === '__proto__') return
  const member = value[name]
  if (rest.length > 0) markAt(member, rest)
  else Object.assign(value, { [name]: [member] })
}

interface Level {
  /** The keys of this object so far. `undefined` in an array. */
  readonly keys: Set<string> | undefined
  /** The current key or index. */
  key: string | number
}

/**
 * Walks the tokens of valid JSON. There, a string before a colon is a key, and nothing else is. Returns the
 * paths of duplicates that are not refused.
 */
const checkKeys = (text: string, isRequest: boolean): readonly Path[] => {
  const levels: Level[] = []
  const duplicates: Path[] = []
  let string = ''
  // The level of the key `context`, until a key that is not below it.
  let context = Number.POSITIVE_INFINITY
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1)
    if (token === '{' || token === '[') {
      if (levels.length >= MAX_DEPTH && levels.length < context)
        refuse(levels.slice(0, 3), `is nested deeper than ${MAX_DEPTH} levels`)
      levels.push(token === '{' ? { keys: new Set(), key: '' } : { keys: undefined, key: 0 })
    } else if (token === '}' || token === ']') {
      levels.pop()
    } else if (token === ',') {
      if (typeof level?.key === 'number') level.key++
    } else if (token === ':') {
      if (!level?.keys) continue
      const key = String(JSON.parse(string))
      level.key = key
      if (levels.length <= context)
        context = isRequest && isContext(levels) ? levels.length : Number.POSITIVE_INFINITY
      const isDecoration = levels.length >= context
      if (key === '__proto__' && !isDecoration) refuse(levels, 'is not an allowed key')
      if (level.keys.has(key)) {
        if (!isDecoration) refuse(levels, 'is a duplicate key')
        if (levels.length <= context + 1) duplicates.push(levels.map((each) => each.key))
      }
      level.keys.add(key)
    } else string = token
  }
  return duplicates
}

/** Returns whether the current key is the context of a request, which EventBridge puts into `detail`. */
const isContext = (levels: readonly Level[]): boolean =>
  levels.at(-1)?.key === 'context' && levels.slice(0, -1).every(({ key }) => key === 'detail')

const refuse = (levels: readonly Level[], message: string): never => {
  const keys = levels.map(({ key }) => key)
  const path = keys.join('.')
  const maskedPath = maskPath(keys)
  throw new InvalidRequestError([{ path, message, ...(maskedPath !== path && { maskedPath }) }])
}
