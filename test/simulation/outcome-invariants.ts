import type { Item } from '../../lib/aws/state-table.ts'
import { OUTCOME_KEYS, outcomeItem, toOutcomeEvent } from '../../lib/conversation/outcome-event.ts'
import { publishedOf } from '../../lib/conversation/published.ts'
import { factsOf } from './statuses.ts'
import type { Outcome } from './world.ts'

/**
 * Returns a sentence for each item whose outcome events don't lead to what it holds: a number is missing or
 * used twice, or the last event tells something else. An item that is not final needs no event.
 *
 * @param outcomes In the order of the writes, or of their publication.
 */
export const findWrongOutcomes = (
  items: ReadonlyMap<string, Item>,
  outcomes: readonly Outcome[],
): readonly string[] => {
  const byKey = Map.groupBy(outcomes, ({ pk }) => pk)
  return [...items].flatMap(([pk, item]) => {
    if (!OUTCOME_KEYS.some((prefix) => pk.startsWith(prefix))) return []
    const details = (byKey.get(pk) ?? []).map(({ event }) => event.detail)
    const numbers = details.map(({ sequence }) => sequence)
    const count = Number(item.outcomeNumber)
    const expected = Array.from({ length: count }, (_, index) => index + 1)
    if (numbers.join() !== expected.join()) return [`${pk} has ${count} outcomes, and the events ${numbers}`]
    if (!isFinal(item)) return []
    if (count === 0) return [`${pk} is ${item.status}, and has no event`]
    const last = JSON.stringify(details.at(-1))
    const now = JSON.stringify(toOutcomeEvent(outcomeItem.parse(item)).detail)
    return last === now ? [] : [`${pk} is ${now}, and the last event says ${last}`]
  })
}

/** Whether an item holds something that is published. */
const isFinal = (item: Item): boolean =>
  String(item.pk).startsWith('refused#') || publishedOf(factsOf(item), item.hasMessage === true) !== undefined
