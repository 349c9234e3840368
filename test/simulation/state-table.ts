import type { Item, StateTable, Update, UpdateResult } from '../../lib/aws/state-table.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import { hash } from './random.ts'
import { type Condition, parseCondition } from './state-table-condition.ts'

const FIVE_YEARS_MS = 5 * 365 * 86_400_000

/**
 * Returns a state table in memory, with the operations of lib/aws/state-table.ts. Items are copied on the way
 * in and out. Attributes are strings, numbers, booleans, null, lists and maps.
 *
 * Where DynamoDB would refuse an operation, it throws the ServiceUnavailableError of the real module. It
 * throws a plain Error for a condition or value that is invalid or not supported here, so that nobody takes a
 * typo for an outage. It has no limit on the size of an item, and no throughput: throttling is a fault of the
 * simulated world.
 *
 * @param options.onWrite Called with the item before and after each write that was applied. They must not be
 *   changed.
 */
export const createMemoryTable = ({
  onWrite = () => {},
}: {
  readonly onWrite?: (before: Item | undefined, after: Item) => void
} = {}) => {
  const stored = new Map<string, Item>()
  const conditions = new Map<string, Condition>()

  const toCondition = (text: string): Condition => {
    const known = conditions.get(text)
    if (known) return known
    const condition = parseCondition(text)
    conditions.set(text, condition)
    return condition
  }

  const get = (pk: string): Item | undefined => {
    ensure(isKey(pk), 'The key is empty or too long.')
    const item = stored.get(pk)
    return item && copyItem(item)
  }

  const getMany = (pks: readonly string[]): readonly Item[] => {
    ensure(pks.every(isKey), 'A key is empty or too long.')
    // DynamoDB returns the items in no particular order, so it must not be that of the request.
    return [...new Set(pks)]
      .sort((a, b) => hash(a) - hash(b))
      .flatMap((pk) => {
        const item = stored.get(pk)
        return item ? [copyItem(item)] : []
      })
  }

  const update = (given: Update): UpdateResult => {
    const { pk, set, setIfAbsent = {}, remove = [], add = {}, condition, values = {} } = given
    ensureValid(given)
    const parsed = condition === undefined || condition === '' ? NO_CONDITION : toCondition(condition)
    ensureUsed(parsed, values)
    const before = stored.get(pk)
    const item = before && copyItem(before)
    if (!parsed.isMet(before ?? {}, values)) return { applied: false, item }
    const after: Record<string, unknown> = { pk, ...before }
    for (const name in set) if (set[name] !== undefined) after[name] = copyValue(set[name])
    for (const name in setIfAbsent) {
      if (before?.[name] === undefined && setIfAbsent[name] !== undefined)
        after[name] = copyValue(setIfAbsent[name])
    }
    for (const name of remove) delete after[name]
    for (const name in add) after[name] = sum(before?.[name], add[name])
    stored.set(pk, after)
    onWrite(before, after)
    return { applied: true, item }
  }

  const now = { get, getMany, update }
  const table: StateTable = {
    get: async (pk) => get(pk),
    getMany: async (pks) => getMany(pks),
    update: async (given) => update(given),
  }

  return {
    ...table,

    /** The same operations, synchronous. */
    now,

    /** Returns the stored items by key, as they are at any time. An item in it is replaced, never changed. */
    items: (): ReadonlyMap<string, Item> => stored,

    /**
     * Deletes the items whose `expiresAt` has passed, and returns their keys. DynamoDB deletes an expired
     * item within a few days and returns it until then, so the caller decides when. An item that expired more
     * than five years ago stays.
     *
     * @param nowMs Milliseconds since the epoch.
     * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
     * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_UpdateTimeToLive.html
     */
    expire: (nowMs: number): readonly string[] => {
      const expired: string[] = []
      for (const [pk, { expiresAt }] of stored) {
        const passedMs = typeof expiresAt === 'number' ? nowMs - expiresAt * 1000 : 0
        if (passedMs > 0 && passedMs <= FIVE_YEARS_MS) expired.push(pk)
      }
      for (const pk of expired) stored.delete(pk)
      return expired
    },
  }
}

const NAME = /^\w+$/

const NO_CONDITION: Condition = {
  values: new Set(),
  ordered: new Set(),
  texts: new Set(),
  isMet: () => true,
}

/** DynamoDB answers with a ValidationException, and the real module throws a ServiceUnavailableError. */
const refuse = (reason: string): never => {
  throw new ServiceUnavailableError({ detail: 'DynamoDB failed.', cause: new Error(reason) })
}

const ensure = (isValid: boolean, reason: string): void => {
  if (!isValid) refuse(reason)
}

const isKey = (pk: unknown): boolean =>
  typeof pk === 'string' && pk !== '' && (pk.length <= 682 || Buffer.byteLength(pk) <= 2048)

const ensureValid = ({ pk, set, setIfAbsent = {}, remove = [], add = {} }: Update): void => {
  ensure(isKey(pk), 'The key is empty or too long.')
  const isSet = (name: string) => set[name] !== undefined
  const isWritten = (name: string) => isSet(name) || setIfAbsent[name] !== undefined
  for (const name in set) if (isSet(name)) ensureName(name)
  for (const name in setIfAbsent) if (setIfAbsent[name] !== undefined) ensureName(name, isSet(name))
  for (const name in add) if (add[name] !== undefined) ensureName(name, isWritten(name))
  for (const [index, name] of remove.entries()) {
    if (isWritten(name) || add[name] !== undefined)
      throw new Error(`An update both writes and removes ${name}`)
    ensureName(name, remove.indexOf(name) < index)
  }
}

const ensureName = (name: string, isWrittenTwice = false): void => {
  if (isWrittenTwice) refuse(`Two document paths overlap with each other: ${name}`)
  if (name === 'pk') refuse('Cannot update attribute pk. This attribute is part of the key')
  if (!NAME.test(name)) refuse(`ExpressionAttributeNames contains the invalid key #${name}.`)
}

const ensureUsed = ({ values, ordered, texts }: Condition, given: Item): void => {
  for (const name in given) {
    const value = given[name]
    if (value === undefined) continue
    if (!values.has(name)) refuse(`The value :${name} is unused in expressions.`)
    if (typeof value === 'object' || typeof value === 'number') copyValue(value)
  }
  for (const name of values) if (given[name] === undefined) refuse(`The value :${name} is not defined.`)
  for (const name of ordered) {
    const type = typeof given[name]
    if (type !== 'string' && type !== 'number') refuse(`Incorrect operand type: :${name}`)
  }
  for (const name of texts)
    if (typeof given[name] !== 'string') refuse(`Incorrect operand type: begins_with, :${name}`)
}

/** Adds whole numbers. DynamoDB adds in decimal, which JavaScript's fractions can't follow. */
const sum = (before: unknown = 0, amount: number | undefined): number => {
  ensure(typeof before === 'number', 'An operand in the update expression has an incorrect data type')
  const total = Number(before) + Number(amount)
  if (![before, amount, total].every(Number.isSafeInteger)) throw new Error('Only whole numbers are added.')
  return total
}

/** Undefined members are dropped, as the service's `removeUndefinedValues` does. */
const copyItem = (item: Item): Item => {
  // A spread keeps the shape of the object, which is much faster than to add the members one by one.
  const copy: Record<string, unknown> = { ...item }
  for (const name in copy) {
    const value = copy[name]
    if (value === undefined) delete copy[name]
    else if (typeof value !== 'string') copy[name] = copyValue(value)
  }
  return copy
}

const copyValue = (value: unknown): unknown => {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value
    case 'number':
      if (Math.abs(value) <= Number.MAX_SAFE_INTEGER) return value + 0
      throw new Error(`The number ${value} is not supported.`)
    case 'object':
      if (value === null) return null
      if (Array.isArray(value)) return value.filter((member) => member !== undefined).map(copyValue)
      if (isPlain(value)) return copyItem(value)
  }
  throw new Error(`An attribute of the type ${typeof value} is not supported.`)
}

const isPlain = (value: object): value is Item => {
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}
