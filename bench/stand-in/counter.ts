import type { LivePersonService } from './liveperson.ts'

/**
 * What is counted. A round trip is any number of writes that overlap. Reads are those of hosts and switches,
 * which happen now and then.
 */
export type Counted =
  | LivePersonService
  | 'dynamodbReads'
  | 'dynamodbWrites'
  | 'dynamodbRoundTrips'
  | 'secrets'
  | 'unknown'

/** Returns a counter of calls. */
export const createCounter = () => {
  let counts = new Map<Counted, number>()
  let inProgress = 0
  const add = (what: Counted) => counts.set(what, (counts.get(what) ?? 0) + 1)
  return {
    start: (what: Counted): void => {
      add(what)
      if (what !== 'dynamodbWrites') return
      if (inProgress === 0) add('dynamodbRoundTrips')
      inProgress++
    },
    end: (what: Counted): void => {
      if (what === 'dynamodbWrites') inProgress--
    },
    /** Returns the counts since the last call of this function. */
    take: (): Readonly<Partial<Record<Counted, number>>> => {
      const taken = Object.fromEntries(counts)
      counts = new Map()
      return taken
    },
  }
}
