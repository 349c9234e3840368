/** An item in DynamoDB's own notation. */
type Item = Readonly<Record<string, unknown>>

/** The input of an UpdateItem, as far as it is read here. */
export interface UpdateInput {
  readonly Key: Item
  readonly UpdateExpression?: string
  readonly ExpressionAttributeNames?: Readonly<Record<string, string>>
  readonly ExpressionAttributeValues?: Item
  readonly ReturnValues?: string
}

/** How many items are kept. */
const MAX_ITEMS = 20_000

/** `#a = :b`, `#a = if_not_exists(#a, :b)` or `#a = if_not_exists(#a, :b) + :c`. */
const ASSIGNMENT = /(#\w+) = (?:if_not_exists\((#\w+), (:\w+)\)(?: \+ (:\w+))?|(:\w+))/g

/**
 * Returns a table that answers in microseconds. It keeps the latest items, so that an update answers with an
 * item of the real size. Conditions are not evaluated: every request of the benchmark is a new one.
 */
export const createTable = () => {
  const items = new Map<string, Item>()
  const keyOf = (key: Item) => JSON.stringify(key.pk)

  const put = (item: Item): void => {
    items.set(keyOf(item), item)
    if (items.size <= MAX_ITEMS) return
    const oldest = items.keys().next().value
    if (oldest !== undefined) items.delete(oldest)
  }

  return {
    get: (key: Item): Item | undefined => items.get(keyOf(key)),
    put,
    /** Returns the item as it was before. */
    update: (input: UpdateInput): Item | undefined => {
      const { Key, UpdateExpression = '', ExpressionAttributeNames = {} } = input
      const values = input.ExpressionAttributeValues ?? {}
      const before = items.get(keyOf(Key))
      const after: Record<string, unknown> = { ...before, ...Key }
      const nameOf = (name = '') => ExpressionAttributeNames[name] ?? name
      const [assignments = '', removed = ''] = UpdateExpression.split('REMOVE ')
      for (const [, name, existing, initial = '', added, value = ''] of assignments.matchAll(ASSIGNMENT)) {
        const current = existing === undefined ? values[value] : (after[nameOf(existing)] ?? values[initial])
        after[nameOf(name)] = added === undefined ? current : sum(current, values[added])
      }
      for (const [name] of removed.matchAll(/#\w+/g)) delete after[nameOf(name)]
      put(after)
      return before
    },
  }
}

const sum = (...numbers: readonly unknown[]) => ({
  N: String(numbers.reduce<number>((total, number) => total + numberOf(number), 0)),
})

const numberOf = (value: unknown): number =>
  typeof value === 'object' && value !== null && 'N' in value ? Number(value.N) : 0
