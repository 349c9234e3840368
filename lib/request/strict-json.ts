import { InvalidRequestError } from '../errors/errors.ts'
import { maskPath } from '../errors/mask.ts'

const MAX_DEPTH = 16
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/**
 * Returns the parsed value. Refuses duplicate keys, `__proto__` and nesting deeper than 16 levels, which
 * JSON.parse accepts. A byte order mark, which .NET writes, is ignored.
 *
 * @throws {InvalidRequestError} With the path. V8's message quotes the input, so it is dropped.
 */
export const parseJson = (text: string): unknown => {
  let value: unknown
  try {
    value = JSON.parse(text.replace(/^\ufeff/, ''))
  } catch {
    throw new InvalidRequestError([{ path: '', message: 'is not valid JSON' }])
  }
  checkKeys(text)
  return value
}

interface Level {
  /** The keys of this object so far. `undefined` in an array. */
  readonly keys: Set<string> | undefined
  /** The current key or index. */
  key: string | number
}

/** Walks the tokens of valid JSON. There, a string before a colon is a key, and nothing else is. */
const checkKeys = (text: string) => {
  const levels: Level[] = []
  let string = ''
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1)
    if (token === '{' || token === '[') {
      if (levels.length === MAX_DEPTH) refuse(levels.slice(0, 3), `is nested deeper than ${MAX_DEPTH} levels`)
      levels.push(token === '{' ? { keys: new Set(), key: '' } : { keys: undefined, key: 0 })
    } else if (token === '}' || token === ']') levels.pop()
    else if (token === ',') {
      if (typeof level?.key === 'number') level.key++
    } else if (token === ':') {
      if (!level?.keys) continue
      const key = String(JSON.parse(string))
      level.key = key
      if (key === '__proto__') refuse(levels, 'is not an allowed key')
      if (level.keys.has(key)) refuse(levels, 'is a duplicate key')
      level.keys.add(key)
    } else string = token
  }
}

const refuse = (levels: readonly Level[], message: string): never => {
  const keys = levels.map(({ key }) => key)
  const path = keys.join('.')
  const maskedPath = maskPath(keys)
  throw new InvalidRequestError([{ path, message, ...(maskedPath !== path && { maskedPath }) }])
}
