import type { BusEvent, EventBus } from '../aws/event-bus.ts'
import { ServiceUnavailableError } from '../errors/errors.ts'
import { OUTCOME_SOURCE, type OutcomeEvent } from './outcome-event.ts'

/** How many refusals end a call. The events that are left wait for Lambda's next attempt. */
const MAX_REFUSALS = 3
/** The longest pause before the second attempt, in milliseconds. It doubles with each attempt. */
const PAUSE_MS = 200

/** An event of one request. */
export interface Publication {
  /** The key of the request's item. */
  readonly key: string
  readonly event: OutcomeEvent
}

/**
 * Which events were not confirmed by the bus, in their order, and why. It may have some of them nevertheless.
 */
export interface Unpublished<T> {
  readonly left: readonly T[]
  /** Undefined: there was no time. */
  readonly error?: unknown
}

/**
 * Puts events on the bus. The events of one request are put one after the other, and one that fails holds
 * back those after it.
 *
 * @param options.tableArn What the events are about. Consumers tell stages apart by it.
 * @param options.hasTime Returns whether there is time for another request.
 * @param options.sleep Takes milliseconds.
 * @param options.random Returns a number from 0 up to, but not including, 1.
 */
export const publishInOrder = async <T extends Publication>({
  bus,
  publications,
  tableArn,
  hasTime,
  sleep,
  random,
}: {
  readonly bus: EventBus
  readonly publications: readonly T[]
  readonly tableArn: string
  readonly hasTime: () => boolean
  readonly sleep: (ms: number) => Promise<void>
  readonly random: () => number
}): Promise<Unpublished<T>> => {
  let left = publications
  for (let refusals = 0; left.length > 0; ) {
    if (!hasTime()) return { left }
    const next = firstOfEachKey(left)
    let answers: readonly (string | undefined)[]
    try {
      answers = await bus.put(next.map(({ event }) => toBusEvent(event, tableArn)))
    } catch (error) {
      return { left, error }
    }
    const done = new Set(next.filter((_, index) => index < answers.length && answers[index] === undefined))
    left = left.filter((publication) => !done.has(publication))
    const refused = answers.find((code) => code !== undefined)
    if (refused === undefined) continue
    refusals += 1
    if (refusals === MAX_REFUSALS)
      return {
        left,
        error: new ServiceUnavailableError({ detail: `EventBridge refused an event: ${refused}.` }),
      }
    await sleep(PAUSE_MS * 2 ** (refusals - 1) * random())
  }
  return { left }
}

const firstOfEachKey = <T extends Publication>(publications: readonly T[]): readonly T[] => {
  const keys = new Set<string>()
  return publications.filter(({ key }) => !keys.has(key) && keys.add(key))
}

const toBusEvent = ({ detailType, detail }: OutcomeEvent, tableArn: string): BusEvent => ({
  source: OUTCOME_SOURCE,
  detailType,
  detail: JSON.stringify(detail),
  resources: [tableArn],
  time: Date.parse(detail.occurredAt),
})
