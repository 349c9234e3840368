import { InvalidRequestError } from '../errors/errors.ts'
import { maskPath } from '../errors/mask.ts'

const MAX_DEPTH = 16
const TOKEN = /"(?:[^"\\]|\\.)*"|[{}[\],:]/g

/**
 * Reads JSON as strictly as its sender would want: a name twice in one object, `__proto__` as a name and nesting
 * deeper than 16 are refused, where JSON.parse would drop, hide or swallow them.
 *
 * @throws {InvalidRequestError} With the place; never with V8's message, which quotes the input.
 */
export const parseJson = (text: string): unknown => {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new InvalidRequestError([{ path: '', message: 'is not JSON' }])
  }
  checkNames(text)
  return value
}

interface Level {
  readonly names: Set<string> | undefined
  place: string | number
}

/** Walks the tokens of a text that JSON.parse took, so that a string before a colon is a name, and nothing else is. */
const checkNames = (text: string) => {
  const levels: Level[] = []
  let string = ''
  for (const [token] of text.matchAll(TOKEN)) {
    const level = levels.at(-1)
    if (token === '{' || token === '[') {
      if (levels.length === MAX_DEPTH) refuse(levels.slice(0, 3), `is nested deeper than ${MAX_DEPTH} levels`)
      levels.push(token === '{' ? { names: new Set(), place: '' } : { names: undefined, place: 0 })
    } else if (token === '}' || token === ']') levels.pop()
    else if (token === ',') {
      if (typeof level?.place === 'number') level.place++
    } else if (token === ':') {
      if (!level?.names) continue
      const name = String(JSON.parse(string))
      level.place = name
      if (name === '__proto__') refuse(levels, 'is not a name that is taken')
      if (level.names.has(name)) refuse(levels, 'stands twice in its object')
      level.names.add(name)
    } else string = token
  }
}

const refuse = (levels: readonly Level[], message: string): never => {
  const places = levels.map(({ place }) => place)
  const path = places.join('.')
  const place = maskPath(places)
  throw new InvalidRequestError([{ path, message, ...(place !== path && { place }) }])
}
