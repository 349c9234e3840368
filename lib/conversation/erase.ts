import * as z from 'zod/mini'
import type { Item, StateTable, Update } from '../aws/state-table.ts'
import { abandoned, closedAtOf, type Facts, isFinished, outcomeOf } from './facts.ts'
import { factsShape } from './facts-shape.ts'
import { ERASED_LEASE } from './ledger-item.ts'
import { isOutcome } from './published.ts'

/**
 * What is left of a request: what distinguishes a replay from a new request, its status, and its times. Every
 * other attribute is removed, including those that a later version of this service adds.
 */
const KEPT_OF_REQUEST: readonly string[] = [
  ...['pk', 'requestId', 'accountId', 'door', 'vouchedBy', 'fingerprint', 'hasMessage'],
  ...['status', 'code', 'messageStatus', 'messageCode', 'closedAt', 'finished', 'facts'],
  ...['outcomeNumber', 'outcomeAt'],
  ...['createdAt', 'updatedAt', 'expiresAt'],
  ...['revision', 'attempts', 'releases', 'releasedAttempt', 'claimState', 'leaseId', 'leaseUntil'],
]

/** What is left of a consumer's conversation. */
const KEPT_OF_CONSUMER: readonly string[] = ['pk', 'state', 'openedAt', 'updatedAt', 'expiresAt']

/** How many times an item is written, if others keep writing it in the meantime. */
const WRITE_ATTEMPTS = 5

const times = z.object({ pk: z.string(), expiresAt: z.number() })

const requestShape = z.extend(times, {
  status: z.string(),
  revision: z.number(),
  attempts: z.number(),
  releases: z.number(),
  claimState: z.enum(['held', 'failed', 'given_up', 'queued', 'done']),
  leaseId: z.string(),
  leaseUntil: z.number(),
  hasMessage: z.boolean(),
  consumerId: z.optional(z.string()),
  facts: factsShape,
})

const consumerShape = z.extend(times, { state: z.string() })

/** One item of the state table, and what happened to its ids. */
export interface ErasedItem {
  /** The item's key. It is never erased, and names the request, or LivePerson's consumer id. */
  readonly key: string
  /** The item's status before: of the request, or of the conversation. */
  readonly status: string
  /** When DynamoDB removes the item, in seconds since the epoch. */
  readonly expiresAt: number
  /**
   * `erased`: the ids are gone, or would be in a trial. `clean`: there were none. `in_use`: an attempt at the
   * request holds the item, and could write its ids again.
   */
  readonly outcome: 'erased' | 'clean' | 'in_use'
  /** Whether the request was still waiting. It has ended as `outcome_unknown`, or without its message. */
  readonly ended: boolean
  /** When the attempt that holds the item is over, in milliseconds since the epoch. */
  readonly inUseUntil?: number
  /** The ids, by the name of their attribute. */
  readonly ids: Readonly<Record<string, string>>
}

/** What {@link eraseItem} does to an item. */
type Plan =
  | { readonly kind: 'write'; readonly ended: boolean; readonly update: Update }
  | { readonly kind: 'clean' }
  | { readonly kind: 'in_use'; readonly until: number }

/**
 * Removes the ids from one item of a consumer. Costs 1 write unit, and 1 read and 1 write unit for each write
 * of someone else in the meantime. The item keeps its key, its status and its expiry, so that a replay opens
 * nothing.
 *
 * A request that is not finished is ended. Otherwise, a message that waits in a queue would open its
 * conversation later.
 *
 * @param options.item As it was read.
 * @param options.trial Whether nothing is written.
 * @param options.now Milliseconds since the epoch.
 * @throws {ServiceUnavailableError}
 */
export const eraseItem = async ({
  table,
  item,
  trial,
  now,
}: {
  readonly table: StateTable
  readonly item: Item
  readonly trial: boolean
  readonly now: () => number
}): Promise<ErasedItem> => {
  let found = item
  for (let attempt = 1; attempt <= WRITE_ATTEMPTS; attempt++) {
    const plan = toPlan(found, now())
    const described = describe(found)
    if (plan.kind === 'clean') return { ...described, outcome: 'clean', ended: false }
    if (plan.kind === 'in_use')
      return { ...described, outcome: 'in_use', ended: false, inUseUntil: plan.until }
    if (trial) return { ...described, outcome: 'erased', ended: plan.ended }
    const { applied, item: other } = await table.update(plan.update)
    if (applied) return { ...described, outcome: 'erased', ended: plan.ended }
    // DynamoDB has removed the item, because it has expired.
    if (!other) return { ...described, outcome: 'clean', ended: false }
    found = other
  }
  return { ...describe(found), outcome: 'in_use', ended: false }
}

/** Returns LivePerson's own id of the consumer in a request's item, if the item has it. */
export const lpConsumerIdIn = (item: Item): string | undefined =>
  z.parse(requestShape, item).facts.lpConsumerId

/**
 * Returns whether a request's consumer was identified by the CRM or a token, and has reached LivePerson. An
 * id that was derived from the request is in the item.
 */
export const isOfKnownConsumer = (item: Item): boolean => {
  const { consumerId, facts } = z.parse(requestShape, item)
  return consumerId === undefined && facts.lpConsumerId !== undefined
}

const isConsumer = ({ pk }: Item): boolean => String(pk).startsWith('consumer#')

const toPlan = (item: Item, now: number): Plan =>
  isConsumer(item) ? planOfConsumer(item) : planOfRequest(item, now)

const planOfConsumer = (item: Item): Plan => {
  const { pk } = z.parse(consumerShape, item)
  const remove = othersThan(KEPT_OF_CONSUMER, item)
  if (remove.length === 0) return { kind: 'clean' }
  return { kind: 'write', ended: false, update: { pk, set: {}, remove, condition: 'attribute_exists(#pk)' } }
}

const planOfRequest = (item: Item, now: number): Plan => {
  const { pk, revision, leaseId, leaseUntil, hasMessage, ...request } = z.parse(requestShape, item)
  if (leaseUntil >= now) return { kind: 'in_use', until: leaseUntil }
  const { attempts: attempt, releases, claimState: state } = request
  const facts: Facts = { ...request.facts, claim: { attempt, releases, state } }
  const remove = othersThan(KEPT_OF_REQUEST, item)
  if (remove.length === 0 && leaseId === ERASED_LEASE && namesIn(request.facts).length === 0)
    return { kind: 'clean' }
  const ended = isFinished(facts, hasMessage) ? undefined : toEnded(facts)
  const outcome = ended !== undefined && isOutcome(facts, ended, hasMessage)
  return {
    kind: 'write',
    ended: ended !== undefined,
    update: {
      pk,
      set: {
        facts: withoutIds(ended ?? facts),
        leaseId: ERASED_LEASE,
        ...(ended && { claimState: ended.claim.state, finished: true, ...toldOf(ended, hasMessage) }),
        ...(outcome && { outcomeAt: now }),
      },
      remove,
      add: { revision: 1, ...(outcome && { outcomeNumber: 1 }) },
      condition: '#revision = :revision',
      values: { revision },
    },
  }
}

/** Returns the facts of a request that nobody may continue. What LivePerson has done stays unknown. */
const toEnded = (facts: Facts): Facts => {
  const { kind } = facts.conversation
  if (kind === 'existing' || kind === 'opened') return abandoned(facts, 'interrupted')
  return { ...facts, conversation: { kind: 'unknown' }, claim: { ...facts.claim, state: 'done' } }
}

const toldOf = (facts: Facts, hasMessage: boolean) => {
  const { status, code, messageStatus, messageCode } = outcomeOf(facts, hasMessage)
  return { status, code, messageStatus, messageCode }
}

const withoutIds = (facts: Facts): Item => {
  const { claim: _, lpConsumerId: __, closings: ___, conversation, ...others } = facts
  const closedAt = closedAtOf(facts)
  return {
    ...others,
    ...(closedAt !== undefined && { closings: [{ at: closedAt }] }),
    ...(others.settled && { settled: { by: others.settled.by, at: others.settled.at } }),
    ...(others.forgotten && { forgotten: { attempt: others.forgotten.attempt, at: others.forgotten.at } }),
    conversation:
      conversation.kind === 'existing' || conversation.kind === 'opened'
        ? { kind: conversation.kind }
        : conversation,
  }
}

/** The names of what {@link withoutIds} leaves out. */
const namesIn = ({ lpConsumerId, conversation, closings = [], settled, forgotten }: Omit<Facts, 'claim'>) =>
  Object.entries({
    lpConsumerId,
    conversationId: 'conversationId' in conversation ? conversation.conversationId : undefined,
    'closings.conversationId': closings.find((each) => each.conversationId !== undefined)?.conversationId,
    'settled.conversationId': settled?.conversationId,
    'settled.reason': settled?.reason,
    'forgotten.reason': forgotten?.reason,
  }).flatMap(([name, id]) => (id === undefined ? [] : [{ name: `facts.${name}`, id }]))

const othersThan = (kept: readonly string[], item: Item): readonly string[] =>
  Object.keys(item).filter((name) => !kept.includes(name))

const describe = (item: Item): Omit<ErasedItem, 'outcome' | 'ended'> => {
  const kept = isConsumer(item) ? KEPT_OF_CONSUMER : KEPT_OF_REQUEST
  const { pk: key, expiresAt } = z.parse(times, item)
  const inFacts = isConsumer(item) ? [] : namesIn(z.parse(requestShape, item).facts)
  const removed = othersThan(kept, item).map((name) => ({ name, id: toText(item[name]) }))
  return {
    key,
    status: String(item.status ?? item.state),
    expiresAt,
    ids: Object.fromEntries([...removed, ...inFacts].map(({ name, id }) => [name, id])),
  }
}

const toText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
