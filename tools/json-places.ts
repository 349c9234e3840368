import { getNodeValue, type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'

/** A place in a text. Both count from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

/** A mistake in how the JSON is written. */
interface JsonMistake {
  /** Dotted, '' if the mistake is in no member. */
  readonly path: string
  readonly place: Place
  readonly message: string
}

/** A member or an item. */
interface Found {
  readonly place: Place
  readonly type: Node['type']
  /** As it is written in the text. */
  readonly source: string
}

/** A JSON text that was read with the places of its members. */
export interface PlacedJson {
  readonly mistakes: readonly JsonMistake[]
  /** `undefined` if the mistakes leave no value that is worth checking. */
  readonly value: unknown
  /** Returns what is at a dotted path. `undefined` if nothing is. */
  readonly find: (path: string) => Found | undefined
  /** Returns the place of the path, or of the innermost object around it that exists. */
  readonly placeOf: (path: string) => Place
}

/**
 * Reads a JSON text and finds every mistake in it, duplicate names included. A text whose commas and comments
 * alone are wrong still has a value. A byte order mark is ignored.
 */
export const readPlacedJson = (given: string): PlacedJson => {
  const text = given.replace(/^\ufeff/, '')
  const errors: ParseError[] = []
  const root = parseTree(text, errors, { disallowComments: true })
  const toPlace = (offset: number): Place => {
    const lines = text.slice(0, offset).split('\n')
    return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 }
  }
  const syntax = toSyntaxMistakes(errors, text, toPlace)
  const isReadable = root !== undefined && syntax.every(({ isHarmless }) => isHarmless)
  const find = (path: string) => (root === undefined ? undefined : locate(root, path))
  return {
    mistakes: [...syntax, ...(root === undefined ? [] : findDuplicates(root, '', toPlace))],
    value: isReadable ? getNodeValue(root) : undefined,
    find: (path) => {
      const node = find(path)
      if (node === undefined || path === '') return undefined
      const { type, offset, length } = node
      return { place: toPlace(offset), type, source: text.slice(offset, offset + length) }
    },
    placeOf: (path) => {
      for (let around = path; ; around = around.slice(0, Math.max(0, around.lastIndexOf('.')))) {
        const node = find(around)
        if (node !== undefined || around === '') return toPlace(node === undefined ? 0 : startOf(node))
      }
    },
  }
}

/** Returns where a member starts: at its name if its value is an object or a list, else at its value. */
const startOf = ({ type, offset, parent }: Node): number =>
  (type === 'object' || type === 'array') && parent?.type === 'property' ? parent.offset : offset

/** Names may have dots, so each name that fits is tried. Of duplicates, JSON.parse takes the last. */
const locate = (node: Node, path: string): Node | undefined => {
  if (path === '') return node
  const members = (node.children ?? []).map((child, index) => {
    const [name, value] = child.type === 'property' ? (child.children ?? []) : [undefined, child]
    return { name: String(name?.value ?? index), value }
  })
  const fitting = members.toReversed().filter(({ name }) => path === name || path.startsWith(`${name}.`))
  for (const { name, value } of fitting) {
    const found = value === undefined ? undefined : locate(value, path.slice(name.length + 1))
    if (found !== undefined) return found
  }
  return undefined
}

const findDuplicates = (
  { type, children = [] }: Node,
  path: string,
  toPlace: (offset: number) => Place,
): JsonMistake[] => {
  const lines = new Map<string, number>()
  return children.flatMap((child, index) => {
    const [key, value] = type === 'object' ? (child.children ?? []) : [undefined, child]
    const name = String(key?.value ?? index)
    const at = path === '' ? name : `${path}.${name}`
    const inner = value === undefined ? [] : findDuplicates(value, at, toPlace)
    if (key === undefined) return inner
    const place = toPlace(key.offset)
    const first = lines.get(name)
    if (first === undefined) lines.set(name, place.line)
    return first === undefined
      ? inner
      : [{ path: at, place, message: `is written twice, first on line ${first}: keep one of them` }, ...inner]
  })
}

/** What the parser's errors mean for somebody who writes the file. */
const MESSAGES: Readonly<Record<string, string>> = {
  InvalidSymbol:
    'has a value here that is not JSON: write text in double quotes, a number, true, false or null',
  PropertyNameExpected: "is missing a name here: write the member's name in double quotes",
  ValueExpected: 'is missing a value here: add it',
  ColonExpected: 'is missing a colon here: add it between the name and the value',
  CommaExpected: 'is missing a comma before this: add it',
  CloseBraceExpected: 'is missing a } here: add it',
  CloseBracketExpected: 'is missing a ] here: add it',
  EndOfFileExpected: 'has text after its end: remove it',
  InvalidCommentToken: 'has a comment here, which JSON does not allow: remove it',
  UnexpectedEndOfComment: 'has a comment here, which JSON does not allow: remove it',
  UnexpectedEndOfString: 'has a text here without a closing quotation mark: add it',
  InvalidUnicode: 'has \\u here without four hexadecimal digits: add them',
  InvalidEscapeCharacter: 'has an invalid escape sequence here: write \\\\ for a backslash',
  InvalidCharacter: 'has a control character in a text here: write \\n or \\t',
}

const TRAILING_COMMA = 'has a trailing comma before this: remove it'
const HARMLESS = [TRAILING_COMMA, MESSAGES.CommaExpected, MESSAGES.InvalidCommentToken]

/**
 * Returns the first mistake of each line, up to a text that doesn't end. The others are usually consequences.
 */
const toSyntaxMistakes = (
  errors: readonly ParseError[],
  text: string,
  toPlace: (offset: number) => Place,
): (JsonMistake & { readonly isHarmless: boolean })[] => {
  if (text.trim() === '') return [{ path: '', place: toPlace(0), message: 'is empty', isHarmless: false }]
  const found = errors.map(({ error, offset, length }) => {
    const name = printParseErrorCode(error)
    const isTrailing =
      ['PropertyNameExpected', 'ValueExpected'].includes(name) &&
      /^[}\]]/.test(text.slice(offset, offset + length)) &&
      /,\s*$/.test(text.slice(0, offset))
    const message = isTrailing ? TRAILING_COMMA : (MESSAGES[name] ?? 'is not JSON')
    return { path: '', place: toPlace(offset), message, isHarmless: HARMLESS.includes(message) }
  })
  const last = errors.findIndex(({ error }) => printParseErrorCode(error) === 'UnexpectedEndOfString')
  return found
    .slice(0, last < 0 ? undefined : last + 1)
    .filter(({ place }, index) => found.findIndex((other) => other.place.line === place.line) === index)
}
