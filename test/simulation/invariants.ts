import { ANSWER_INVARIANTS } from './answer-invariants.ts'
import { CONVERSATION_INVARIANTS } from './conversation-invariants.ts'
import type { Ending } from './ending.ts'
import { MESSAGE_INVARIANTS } from './message-invariants.ts'
import { findWrongOutcomes } from './outcome-invariants.ts'
import { QUARANTINE_INVARIANTS } from './quarantine-invariants.ts'
import { MARK } from './requests.ts'
import type { Invariant, Subject } from './subject.ts'
import { WEBHOOK_GLOBAL_INVARIANTS, WEBHOOK_INVARIANTS } from './webhook-invariants.ts'

export interface Finding {
  readonly invariant: string
  /** The request, or `the run`. */
  readonly key: string
  readonly detail: string
}

/** Every promise about one request. */
export const INVARIANTS: Readonly<Record<string, Invariant>> = {
  ...CONVERSATION_INVARIANTS,
  ...MESSAGE_INVARIANTS,
  ...QUARANTINE_INVARIANTS,
  ...ANSWER_INVARIANTS,
  ...WEBHOOK_INVARIANTS,
}

/** Promises about the whole run. */
export const GLOBAL_INVARIANTS: Readonly<Record<string, (ending: Ending) => readonly string[]>> = {
  'nothing personal is kept or logged': ({ leaks, allItems, quarantined }) => [
    ...leaks.slice(0, 5),
    ...[...allItems.values()]
      .filter((item) => JSON.stringify(item).includes(MARK))
      .slice(0, 5)
      .map((item) => `the item ${item.pk}`),
    ...quarantined
      .filter(({ attributes, detail }) => `${attributes}${detail}`.includes(MARK))
      .map(({ requestId }) => `the attributes of ${requestId} in quarantine`),
  ],

  'the last outcome event is what the ledger holds, and no number is missing': ({ allItems, outcomes }) =>
    findWrongOutcomes(allItems, outcomes).slice(0, 5),

  'no record stays in its queue for ever': ({ waiting }) =>
    waiting.size > 0 ? [`the queues still hold ${[...waiting].slice(0, 5).join(', ')}`] : [],

  ...WEBHOOK_GLOBAL_INVARIANTS,
}

/** The promises that are watched during the run, by `witness.ts`. */
export const WATCHED_INVARIANTS = [
  'a Retry-After is kept',
  'no call for an account a minute after it was paused',
] as const

/** Returns the subjects of a run. */
export const subjectsOf = (ending: Ending): readonly Subject[] => {
  const told = Map.groupBy(ending.told, ({ key }) => key)
  const own = Map.groupBy(ending.conversations, ({ context }) => String(context?.sessionId))
  const quarantined = Map.groupBy(ending.quarantined, ({ key }) => key)
  return ending.planned.map((planned) => ({
    ending,
    planned,
    item: ending.items.get(planned.key),
    told: told.get(planned.key) ?? [],
    own: own.get(planned.key) ?? [],
    quarantined: quarantined.get(planned.key) ?? [],
    witnessed: ending.witnessed(planned.key),
  }))
}

/** Returns a finding for each broken promise. @param others Promises besides {@link INVARIANTS}. */
export const check = (
  ending: Ending,
  others: Readonly<Record<string, Invariant>> = {},
): readonly Finding[] => {
  const findings: Finding[] = []
  for (const subject of subjectsOf(ending))
    for (const [invariant, holds] of Object.entries({ ...INVARIANTS, ...others }))
      for (const detail of holds(subject)) findings.push({ invariant, key: subject.planned.key, detail })
  for (const [invariant, holds] of Object.entries(GLOBAL_INVARIANTS))
    for (const detail of holds(ending)) findings.push({ invariant, key: 'the run', detail })
  return findings
}
