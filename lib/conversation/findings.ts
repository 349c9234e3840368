import * as z from 'zod/mini'
import type { StateTable } from '../aws/state-table.ts'
import { ServiceUnavailableError } from '../errors/errors.ts'
import type { Door } from '../request/conversation-request.ts'
import {
  consumerItem,
  consumerKey,
  ERASED_LEASE,
  factsAt,
  keysOf,
  type RequestItem,
  type RequestKey,
  requestItem,
  requestKey,
  toFacts,
  toWrite,
  WRITE_ATTEMPTS,
} from './ledger-item.ts'
import {
  type Facts,
  forgottenAt,
  hasConversation,
  isSame,
  mayHaveOpened,
  merge,
  NOTHING,
  type Outcome,
  outcomeOf,
  type Settlement,
  settledBy,
} from './protocol.ts'

const shownItem = z.extend(requestItem, {
  vouchedBy: z.enum(['nobody', 'token', 'crm']),
  campaignId: z.optional(z.string()),
  engagementId: z.optional(z.string()),
  updatedAt: z.number(),
  expiresAt: z.number(),
})

/** Everything that the ledger holds about a request. Times are milliseconds since the epoch. */
export interface ShownRequest {
  readonly key: RequestKey
  readonly outcome: Outcome
  /** As stored: a claim whose lease has expired is still held. */
  readonly facts: Facts
  readonly hasMessage: boolean
  readonly createdAt: number
  readonly updatedAt: number
  /** When DynamoDB removes the item. */
  readonly expiresAt: number
  /** When the attempt that holds the claim is over. Undefined: none holds it. */
  readonly inUseUntil?: number
  readonly isErased: boolean
  /** Where the request was routed when it was last claimed. Undefined: the ids were erased. */
  readonly campaignId?: string | undefined
  readonly engagementId?: string | undefined
  /** What was left out of the request. */
  readonly warnings: readonly { readonly path: string; readonly message: string }[]
}

/** What became of a finding. `outcome`: what the sender is told from now on. */
export type Found =
  | { readonly kind: 'recorded'; readonly outcome: Outcome }
  /** The ledger has no such request. It is forgotten after 30 days. */
  | { readonly kind: 'not_found' }
  /** The ids of the request were erased. */
  | { readonly kind: 'erased' }
  /** An attempt holds the claim, until then at most, in milliseconds since the epoch. */
  | { readonly kind: 'in_use'; readonly until: number }
  /**
   * The finding contradicts what the ledger holds, or adds nothing: `has_conversation`: its conversation is
   * known; `no_doubt`: no create can have reached LivePerson; `may_have_opened`: a create may have reached
   * LivePerson, so a person has to look first; `nothing_to_forget`: the request can be claimed already.
   */
  | {
      readonly kind: 'has_conversation' | 'no_doubt' | 'may_have_opened' | 'nothing_to_forget'
      readonly outcome: Outcome
    }

export type Findings = ReturnType<typeof createFindings>

/** What a finding does to the facts, or why it can't be recorded. */
type Decision =
  | { readonly kind: 'add'; readonly facts: Facts; readonly attempts?: number }
  | Exclude<Found, { readonly kind: 'recorded' }>

/**
 * Returns what LivePerson and operators add to the ledger after an attempt. Each function is one write that
 * is conditional on the item's `revision`, and is decided again if an attempt wrote in the meantime: 1 read
 * unit and 1 write unit, and 1 write unit for each other write in the meantime.
 *
 * Every function throws ServiceUnavailableError if DynamoDB fails.
 *
 * @param options.now Milliseconds since the epoch.
 */
export const createFindings = ({
  table,
  now,
}: {
  readonly table: StateTable
  readonly now: () => number
}) => {
  const change = async (pk: string, decide: (item: RequestItem) => Decision): Promise<Found> => {
    let found = await table.get(pk)
    for (let attempt = 1; attempt <= WRITE_ATTEMPTS && found !== undefined; attempt++) {
      const item = z.parse(requestItem, found)
      if (item.leaseId === ERASED_LEASE) return { kind: 'erased' }
      const decision = decide(item)
      if (decision.kind !== 'add') return decision
      const before = toFacts(item)
      const facts = merge(before, decision.facts)
      const outcome = outcomeOf(facts, item.hasMessage)
      if (isSame(facts, before)) return { kind: 'recorded', outcome }
      const write = toWrite(before, facts, item.hasMessage, now())
      const written = await table.update({
        pk,
        ...write,
        add: { ...write.add, attempts: decision.attempts ?? 0 },
        condition: '#revision = :revision',
        values: { revision: item.revision },
      })
      if (written.applied) return { kind: 'recorded', outcome }
      found = written.item
    }
    if (found === undefined) return { kind: 'not_found' }
    throw new ServiceUnavailableError({ detail: 'Other attempts kept writing the same request.' })
  }

  const decideToSettle = (item: RequestItem, settled: Settlement): Decision => {
    const facts = factsAt(item, now())
    const outcome = outcomeOf(facts, item.hasMessage)
    if (outcome.conversationId !== undefined) return { kind: 'has_conversation', outcome }
    return hasConversation(facts) || mayHaveOpened(facts)
      ? { kind: 'add', facts: settledBy(toFacts(item), settled) }
      : { kind: 'no_doubt', outcome }
  }

  const decideToForget = (item: RequestItem, reason: string, force: boolean): Decision => {
    if (item.leaseUntil >= now()) return { kind: 'in_use', until: item.leaseUntil }
    const facts = toFacts(item)
    // An attempt that died may have created.
    const isDoubtful = mayHaveOpened(facts) || facts.claim.state === 'held'
    const outcome = outcomeOf(factsAt(item, now()), item.hasMessage)
    if (hasConversation(facts)) return { kind: 'has_conversation', outcome }
    if (!isDoubtful && facts.conversation.kind === 'none') return { kind: 'nothing_to_forget', outcome }
    return isDoubtful && !force
      ? { kind: 'may_have_opened', outcome }
      : { kind: 'add', facts: forgottenAt(facts, now(), reason), attempts: 1 }
  }

  return {
    /**
     * Records the conversation that was found for a request whose outcome is unknown, or whose conversation's
     * id is. A message that is owed is sent by the next copy of the request, such as a replay from quarantine.
     */
    settle: (
      key: RequestKey,
      found: {
        readonly conversationId: string
        readonly by: Settlement['by']
        readonly reason?: string | undefined
      },
    ): Promise<Found> => change(requestKey(key), (item) => decideToSettle(item, { ...found, at: now() })),

    /**
     * Records that a request has no conversation. The next copy of the request is attempted again: also a
     * request that LivePerson rejected.
     *
     * @param options.force A person has looked in LivePerson, so a create that may have reached it counts as
     *   not carried out.
     */
    forget: (
      key: RequestKey,
      { reason, force }: { readonly reason: string; readonly force: boolean },
    ): Promise<Found> => change(requestKey(key), (item) => decideToForget(item, reason, force)),

    /**
     * Records that a conversation was closed: for the request that opened it, and in the consumer's item.
     *
     * @param at When LivePerson closed it, in milliseconds since the epoch.
     */
    close: async (
      accountId: string,
      lpConsumerId: string,
      conversationId: string,
      at: number,
    ): Promise<void> => {
      const pk = consumerKey(accountId, lpConsumerId)
      const { applied, item } = await table.update({
        pk,
        set: { state: 'CLOSE', updatedAt: now() },
        condition: '#conversationId = :conversationId',
        values: { conversationId },
      })
      if (!applied || item === undefined) return
      const { openedBy } = z.parse(consumerItem, item)
      if (openedBy === undefined) return
      await change(openedBy, () => ({
        kind: 'add',
        facts: { ...NOTHING, closed: { conversationId, at } },
      }))
    },

    /** Returns the requests with an id at one door: 1 read unit per kind of sender. */
    show: async (accountId: string, door: Door, requestId: string): Promise<readonly ShownRequest[]> => {
      const items = await table.getMany(keysOf(accountId, door, requestId).map(requestKey))
      return items.map((item) => toShown(z.parse(shownItem, item), now()))
    },
  }
}

const toShown = (item: z.infer<typeof shownItem>, now: number): ShownRequest => {
  const { accountId, door, vouchedBy, requestId, hasMessage, leaseUntil, warnings = [] } = item
  const { createdAt, updatedAt, expiresAt, campaignId, engagementId } = item
  return {
    key: { accountId, door, vouchedBy, requestId },
    outcome: outcomeOf(factsAt(item, now), hasMessage),
    facts: toFacts(item),
    ...{ hasMessage, createdAt, updatedAt, campaignId, engagementId, warnings },
    expiresAt: expiresAt * 1000,
    ...(leaseUntil >= now && { inUseUntil: leaseUntil }),
    isErased: item.leaseId === ERASED_LEASE,
  }
}
