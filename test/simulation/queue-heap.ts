/** Where an entry stands: the lowest rank comes first, and of two equal ones the lower serial. */
export interface Place {
  readonly rank: number
  readonly serial: number
}

/** Returns whether one place is before another. */
export const isBefore = (a: Place, b: Place): boolean =>
  a.rank < b.rank || (a.rank === b.rank && a.serial < b.serial)

/** A priority queue. Entries that are no longer live are dropped on the way. */
export interface Heap<T> {
  readonly push: (entry: T) => void
  /** Returns the first live entry. */
  readonly peek: () => T | undefined
  /** Removes the first live entry and returns it. */
  readonly pop: () => T | undefined
}

const SMALLEST_LIMIT = 64

/**
 * Returns an empty binary heap. An entry is removed by making it not live: the heap forgets it when it comes
 * first, or when the heap has doubled in size.
 */
export const createHeap = <T extends Place>(isLive: (entry: T) => boolean): Heap<T> => {
  let entries: T[] = []
  let limit = SMALLEST_LIMIT

  const swap = (at: number, other: number): void => {
    const [a, b] = [entries[at], entries[other]]
    if (a === undefined || b === undefined) return
    entries[at] = b
    entries[other] = a
  }
  const isEntryBefore = (at: number, other: number): boolean => {
    const [a, b] = [entries[at], entries[other]]
    return a !== undefined && b !== undefined && isBefore(a, b)
  }
  const rise = (from: number): void => {
    for (let at = from; at > 0; ) {
      const parent = (at - 1) >> 1
      if (!isEntryBefore(at, parent)) return
      swap(at, parent)
      at = parent
    }
  }
  const sink = (from: number): void => {
    for (let at = from; ; ) {
      const [left, right] = [2 * at + 1, 2 * at + 2]
      let first = at
      if (isEntryBefore(left, first)) first = left
      if (isEntryBefore(right, first)) first = right
      if (first === at) return
      swap(at, first)
      at = first
    }
  }
  const compact = (): void => {
    entries = entries.filter(isLive)
    for (let at = (entries.length >> 1) - 1; at >= 0; at--) sink(at)
    limit = Math.max(SMALLEST_LIMIT, 2 * entries.length)
  }
  const removeFirst = (): T | undefined => {
    const first = entries[0]
    const last = entries.pop()
    if (entries.length > 0 && last !== undefined) {
      entries[0] = last
      sink(0)
    }
    return first
  }
  const peek = (): T | undefined => {
    let first = entries[0]
    while (first !== undefined && !isLive(first)) {
      removeFirst()
      first = entries[0]
    }
    return first
  }

  return {
    push: (entry) => {
      if (entries.length >= limit) compact()
      entries.push(entry)
      rise(entries.length - 1)
    },
    peek,
    pop: () => (peek() === undefined ? undefined : removeFirst()),
  }
}
