import type { Item } from '../../lib/aws/state-table.ts'

/** A parsed condition. */
export interface Condition {
  /** The names that it uses with a colon. */
  readonly values: ReadonlySet<string>
  /** Those of them that it orders with `<`, `<=`, `>` or `>=`. */
  readonly ordered: ReadonlySet<string>
  /** Those of them that it uses as the start in `begins_with`. */
  readonly texts: ReadonlySet<string>
  readonly isMet: (item: Item, values: Item) => boolean
}

type Test = Condition['isMet']

interface Operand {
  readonly text: string
  readonly read: (item: Item, values: Item) => unknown
}

const TOKEN = /\s*(#\w+|:\w+|<>|<=|>=|[=<>(),]|[A-Za-z_]\w*)/y

const COMPARATORS: ReadonlyMap<string, (a: unknown, b: unknown) => boolean> = new Map([
  ['=', (a, b) => isEqual(a, b)],
  ['<>', (a, b) => !isEqual(a, b)],
  ['<', (a, b) => compare(a, b) < 0],
  ['<=', (a, b) => compare(a, b) <= 0],
  ['>', (a, b) => compare(a, b) > 0],
  ['>=', (a, b) => compare(a, b) >= 0],
])

/**
 * Parses a condition with `attribute_exists`, `attribute_not_exists`, `begins_with`, `contains`, the six
 * comparators, `IN`, `AND`, `OR`, `NOT` and parentheses. Attributes are `#name`, values are `:name`. Other functions,
 * `BETWEEN`, bare attribute names and paths into an attribute are not supported, because the service uses
 * none.
 *
 * A comparison with a missing attribute is false. The exception is `<>`, which is true.
 *
 * @throws {Error} DynamoDB would refuse the condition, or it is not supported.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html
 */
export const parseCondition = (text: string): Condition => {
  const tokens = toTokens(text)
  const values = new Set<string>()
  const ordered = new Set<string>()
  const texts = new Set<string>()
  let at = 0

  const isNext = (token: string) => tokens[at]?.toUpperCase() === token
  const skip = (token: string): boolean => {
    if (!isNext(token)) return false
    at += 1
    return true
  }
  const expect = (token: string): void => {
    if (!skip(token)) throw new Error(`Expected ${token} before "${tokens[at] ?? ''}" in: ${text}`)
  }

  const parseOr = (): Test => {
    let left = parseAnd()
    while (skip('OR')) left = or(left, parseAnd())
    return left
  }
  const parseAnd = (): Test => {
    let left = parseNot()
    while (skip('AND')) left = and(left, parseNot())
    return left
  }
  const parseNot = (): Test => {
    if (!skip('NOT')) return parsePrimary()
    const test = parseNot()
    return (item, given) => !test(item, given)
  }
  const parsePrimary = (): Test => {
    if (skip('(')) {
      const from = at
      const test = parseOr()
      if (tokens[from] === '(' && closes(tokens, from) === at - 1)
        throw new Error(`The expression has redundant parentheses: ${text}`)
      expect(')')
      return test
    }
    const name = tokens[at]
    if (name === 'begins_with') return parseBeginsWith()
    if (name === 'contains') return parseContains()
    if (name !== 'attribute_exists' && name !== 'attribute_not_exists') return parseComparison()
    at += 1
    expect('(')
    const { text: path, read } = parseOperand()
    if (!path.startsWith('#')) throw new Error(`${name} requires an attribute in: ${text}`)
    expect(')')
    const isWanted = name === 'attribute_exists'
    return (item, given) => (read(item, given) !== undefined) === isWanted
  }
  const parseTwoOperands = (): readonly [Operand, Operand] => {
    at += 1
    expect('(')
    const whole = parseOperand()
    expect(',')
    const part = parseOperand()
    expect(')')
    if (whole.text === part.text) throw new Error(`The operands must be distinct in: ${text}`)
    return [whole, part]
  }
  const parseContains = (): Test => {
    const [whole, part] = parseTwoOperands()
    return (item, given) => {
      const [a, b] = [whole.read(item, given), part.read(item, given)]
      if (Array.isArray(a)) return a.some((each) => isEqual(each, b))
      return typeof a === 'string' && typeof b === 'string' && a.includes(b)
    }
  }
  const parseBeginsWith = (): Test => {
    const [whole, start] = parseTwoOperands()
    for (const side of [whole, start]) if (side.text.startsWith(':')) texts.add(side.text.slice(1))
    return (item, given) => {
      const [a, b] = [whole.read(item, given), start.read(item, given)]
      return typeof a === 'string' && typeof b === 'string' && a.startsWith(b)
    }
  }
  const parseComparison = (): Test => {
    const left = parseOperand()
    if (skip('IN')) {
      expect('(')
      const options = [parseOperand()]
      while (skip(',')) options.push(parseOperand())
      expect(')')
      return (item, given) => {
        const value = left.read(item, given)
        return options.some((option) => isEqual(value, option.read(item, given)))
      }
    }
    const operator = tokens[at] ?? ''
    const holds = COMPARATORS.get(operator)
    if (!holds) throw new Error(`"${operator}" is not supported in: ${text}`)
    at += 1
    const right = parseOperand()
    if (left.text === right.text) throw new Error(`The operands must be distinct in: ${text}`)
    if (operator !== '=' && operator !== '<>')
      for (const side of [left, right]) if (side.text.startsWith(':')) ordered.add(side.text.slice(1))
    return (item, given) => holds(left.read(item, given), right.read(item, given))
  }
  const parseOperand = (): Operand => {
    const token = tokens[at] ?? ''
    const name = token.slice(1)
    at += 1
    if (token.startsWith('#')) return { text: token, read: (item) => item[name] }
    if (!token.startsWith(':')) throw new Error(`"${token}" is not supported in: ${text}`)
    values.add(name)
    return { text: token, read: (_, given) => given[name] }
  }

  const isMet = parseOr()
  if (at < tokens.length) throw new Error(`"${tokens[at]}" is not supported in: ${text}`)
  return { values, ordered, texts, isMet }
}

const toTokens = (text: string): readonly string[] => {
  const tokens: string[] = []
  const source = text.trimEnd()
  let at = 0
  while (at < source.length) {
    TOKEN.lastIndex = at
    const [all = '', token = ''] = TOKEN.exec(source) ?? []
    if (token === '') throw new Error(`"${source.slice(at)}" is not supported in: ${text}`)
    tokens.push(token)
    at += all.length
  }
  return tokens
}

/** Returns the place of the parenthesis that closes the one at `from`. */
const closes = (tokens: readonly string[], from: number): number => {
  let depth = 0
  for (let at = from; at < tokens.length; at++) {
    if (tokens[at] === '(') depth += 1
    if (tokens[at] === ')') depth -= 1
    if (depth === 0) return at
  }
  return -1
}

const or =
  (a: Test, b: Test): Test =>
  (item, values) =>
    a(item, values) || b(item, values)

const and =
  (a: Test, b: Test): Test =>
  (item, values) =>
    a(item, values) && b(item, values)

/** A missing attribute equals nothing, not even another one. */
const isEqual = (a: unknown, b: unknown): boolean => {
  if (a === undefined || b === undefined) return false
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (Array.isArray(a) !== Array.isArray(b)) return false
  const [ofA, ofB] = [Object.entries(a), new Map(Object.entries(b))]
  return ofA.length === ofB.size && ofA.every(([name, value]) => isEqual(value, ofB.get(name)))
}

/** Returns NaN if the two aren't both numbers or both strings. Every comparison with NaN is false. */
const compare = (a: unknown, b: unknown): number => {
  if (typeof a === 'number' && typeof b === 'number') return a - b
  if (typeof a === 'string' && typeof b === 'string') return compareText(a, b)
  return Number.NaN
}

/**
 * DynamoDB orders strings by their UTF-8 bytes, which is the order of code points. JavaScript orders code
 * units.
 */
const compareText = (a: string, b: string): number => {
  const end = Math.min(a.length, b.length)
  for (let at = 0; at < end; at++) {
    const [x, y] = [a.charCodeAt(at), b.charCodeAt(at)]
    if (x !== y) return toCodePointOrder(x) - toCodePointOrder(y)
  }
  return a.length - b.length
}

/** Moves surrogates behind the other code units. */
const toCodePointOrder = (unit: number): number => {
  if (unit < 0xd800) return unit
  return unit < 0xe000 ? unit + 0x2000 : unit - 0x800
}
