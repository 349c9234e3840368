/**
 * Returns a store that keeps one instance of each value, so that equal values are identical and have a
 * number.
 */
export const createInterner = <T extends object>() => {
  const byText = new Map<string, T>()
  const numbers = new WeakMap<T, number>()

  /** Returns the one instance that equals a value. Undefined members and the order of members don't count. */
  const intern = (value: T): T => {
    // Most values come with their members in the usual order. Sorting is for the first of a kind only.
    const text = JSON.stringify(value)
    const known = byText.get(text)
    if (known) return known
    const sorted = toCanonicalText(value)
    const one = byText.get(sorted) ?? value
    if (!numbers.has(one)) numbers.set(one, byText.size)
    byText.set(sorted, one)
    byText.set(text, one)
    return one
  }

  /** Returns the number of a value. Equal values have the same one. */
  const numberOf = (value: T): number => {
    const known = numbers.get(value)
    if (known !== undefined) return known
    const number = numbers.get(intern(value)) ?? -1
    numbers.set(value, number)
    return number
  }

  return { intern, numberOf }
}

/** Returns JSON with sorted members. An `AppError` becomes its code, with what else distinguishes it. */
export const toCanonicalText = (value: unknown): string =>
  JSON.stringify(value, (_, member: unknown) =>
    typeof member === 'object' && member !== null && !Array.isArray(member)
      ? Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)))
      : member,
  )
