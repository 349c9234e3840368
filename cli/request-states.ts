import * as z from 'zod'
import type { StateTable } from '../lib/aws/state-table.ts'
import { isGivenUp, type Outcome, outcomeOf } from '../lib/conversation/facts.ts'
import { factsAt, type RequestKey, requestItem, requestKey } from '../lib/conversation/ledger-item.ts'
import { refusalKey } from '../lib/conversation/refusals.ts'

/** What the ledger knows about a request, and which write that was. */
export interface RequestState {
  readonly outcome: Outcome
  /** Of the content with which the id was used first. */
  readonly fingerprint: string
  /** Raised by each write. */
  readonly revision: number
  /** Whether only a new copy of the request changes it. */
  readonly isSettled: boolean
}

/**
 * Returns what the ledger knows about requests, by the keys of their items: 1 read unit per request. Requests
 * that it doesn't know are missing.
 *
 * @param now Milliseconds since the epoch.
 * @throws {ServiceUnavailableError}
 */
export const readRequestStates = async (
  table: StateTable,
  keys: readonly RequestKey[],
  now: number,
): Promise<ReadonlyMap<string, RequestState>> => {
  const items = keys.length === 0 ? [] : await table.getMany(keys.map(requestKey))
  return new Map(
    items.map((found) => {
      const item = requestItem.parse(found)
      const facts = factsAt(item, now)
      const outcome = outcomeOf(facts, item.hasMessage)
      const isSettled = isFinal(outcome) || (outcome.status === 'failed' && isGivenUp(facts))
      return [item.pk, { outcome, fingerprint: item.fingerprint, revision: item.revision, isSettled }]
    }),
  )
}

const isFinal = ({ status, messageStatus }: Outcome): boolean =>
  ['opened', 'existing', 'rejected', 'outcome_unknown'].includes(status) && messageStatus !== 'pending'

const refusedItem = z.object({ pk: z.string(), code: z.string() })

/**
 * Returns the codes of events that were refused before their claim, by their SQS message ids: 1 read unit per
 * event and account.
 *
 * @param events Each event's SQS message id, and the account that it names.
 * @throws {ServiceUnavailableError}
 */
export const readRefusals = async (
  table: StateTable,
  events: readonly { readonly messageId: string; readonly accountIds: readonly string[] }[],
): Promise<ReadonlyMap<string, string>> => {
  const ids = new Map<string, string>(
    events.flatMap(({ messageId, accountIds }) =>
      accountIds.map((accountId) => [refusalKey(accountId, messageId), messageId] as const),
    ),
  )
  const items = ids.size === 0 ? [] : await table.getMany([...ids.keys()])
  return new Map(
    items.map((item) => {
      const { pk, code } = refusedItem.parse(item)
      return [ids.get(pk) ?? pk, code]
    }),
  )
}
