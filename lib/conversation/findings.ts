import * as z from 'zod/mini'
import type { Item, StateTable } from '../aws/state-table.ts'
import { ServiceUnavailableError } from '../errors/errors.ts'
import type { Door } from '../request/conversation-request.ts'
import {
  type Closing,
  closedBy,
  type Facts,
  forgottenAt,
  hasConversation,
  isSame,
  mayHaveOpened,
  merge,
  type Outcome,
  outcomeOf,
  type Settlement,
  settledBy,
} from './facts.ts'
import {
  consumerItem,
  consumerKey,
  ERASED_LEASE,
  factsAt,
  keysOf,
  openersIn,
  openingsIn,
  placeOf,
  type RequestItem,
  type RequestKey,
  requestItem,
  requestKey,
  type ToldConversation,
  timesAt,
  toFacts,
  toWrite,
  WRITE_ATTEMPTS,
  waitingIn,
} from './ledger-item.ts'
import { addTold, type Openers } from './matching.ts'

/** How many conversations that pushes have reported are remembered for one consumer. */
const MAX_TOLD = 4

/**
 * How long a push is remembered for a consumer that no request has named, in milliseconds: longer than a
 * request may wait between its create and the end of its last attempt.
 */
const UNNAMED_MS = 4 * 24 * 3600 * 1000

const shownItem = z.extend(requestItem, {
  vouchedBy: z.enum(['nobody', 'token', 'crm']),
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

/** The result of recording a finding. `outcome`: what the sender is told from now on. */
export type Found =
  | { readonly kind: 'recorded'; readonly outcome: Outcome }
  /** The ledger has no such request. It is forgotten after 30 days. */
  | { readonly kind: 'not_found' }
  /** The ids of the request were erased. */
  | { readonly kind: 'erased' }
  /** An attempt holds the claim, until then at most, in milliseconds since the epoch. */
  | { readonly kind: 'in_use'; readonly until: number }
  /**
   * The finding contradicts what the ledger holds, or adds nothing. `has_conversation`: the request has a
   * conversation. `no_doubt`: no create can have reached LivePerson. `may_have_opened`: a create may have
   * reached LivePerson, so a person has to look first. `nothing_to_forget`: the request can be claimed
   * already.
   */
  | {
      readonly kind: 'has_conversation' | 'no_doubt' | 'may_have_opened' | 'nothing_to_forget'
      readonly outcome: Outcome
    }

export type Findings = ReturnType<typeof createFindings>

/** How a finding changes the facts, or why it can't be recorded. */
type Decision =
  | { readonly kind: 'add'; readonly facts: Facts; readonly attempts?: number }
  | Exclude<Found, { readonly kind: 'recorded' }>

/**
 * Returns the functions by which LivePerson and operators add to the ledger after an attempt. Each write of a
 * request's item is conditional on its `revision`, and is decided again if an attempt wrote in the meantime.
 * `settle` and `forget` cost 1 read unit and 1 write unit, and 1 more write unit for each write of others in
 * the meantime.
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

  /**
   * Adds a conversation to those that pushes have reported for a consumer. Returns the consumer's item after
   * that. Undefined: the consumer was erased.
   */
  const rememberTold = async (pk: string, told: ToldConversation): Promise<Item | undefined> => {
    let found = await table.get(pk)
    for (let attempt = 1; attempt <= WRITE_ATTEMPTS; attempt++) {
      const item = found ? z.parse(consumerItem, found) : undefined
      if (item && isErased(item, told)) return undefined
      const openings = found ? openingsIn(found) : []
      const own = openings.filter(({ conversationId }) => conversationId === told.conversationId)
      const set = toTold(item, { ...told, ...(own.find((each) => !each.isInferred) ?? own[0]) })
      const after = { ...found, ...set }
      if (found && JSON.stringify(z.parse(consumerItem, after)) === JSON.stringify(item)) return found
      const isMoved = set.conversationId !== item?.conversationId
      const unchanged = (['conversationId', 'state', 'toldRevision'] as const).map((name) =>
        item?.[name] === undefined ? `attribute_not_exists(#${name})` : `#${name} = :${name}`,
      )
      const written = await table.update({
        pk,
        set: { ...set, ...timesOf(found, now()) },
        ...(isMoved && { remove: ['openedBy'] }),
        add: { toldRevision: 1 },
        condition: unchanged.join(' AND '),
        values: Object.fromEntries(
          (['conversationId', 'state', 'toldRevision'] as const).flatMap((name) =>
            item?.[name] === undefined ? [] : [[name, item[name]]],
          ),
        ),
      })
      // Between the read and the write, a request may have begun to wait.
      if (written.applied) return { ...written.item, ...set, ...(isMoved && { openedBy: undefined }) }
      found = written.item
    }
    throw new ServiceUnavailableError({ detail: 'Other pushes kept writing the same consumer.' })
  }

  /** Applies what pushes have reported about a consumer to one of its requests. */
  const tellRequest = async (
    pk: string,
    told: readonly ToldConversation[],
    openers: Openers,
    closed: Closing | undefined,
  ) => {
    let hasLearned = false
    const found = await change(pk, (item) => {
      const facts = toFacts(item)
      const { campaignId, engagementId, consumerId, createdAt } = item
      const isDerived = consumerId !== undefined
      const { updatedAt: writtenAt } = item
      const added = addTold(
        { pk, facts, campaignId, engagementId, isDerived, createdAt, writtenAt },
        told,
        openers,
      )
      hasLearned = added !== undefined
      // The request may record the id of the conversation only after this.
      const known = added ?? facts
      return { kind: 'add', facts: closed ? closedBy(known, closed) : known }
    })
    const outcome = found.kind === 'recorded' ? found.outcome : undefined
    const isKnown = outcome?.conversationId !== undefined
    const isOver = found.kind === 'not_found' || found.kind === 'erased'
    const opened = outcome?.status === 'opened' ? outcome.conversationId : undefined
    return { pk, hasLearned, isSettled: isKnown || isOver, opened }
  }

  return {
    /**
     * Records the conversation that was found for a request whose outcome is unknown, or whose conversation's
     * id is. A message that is owed is sent by the next copy of the request, such as a replay from
     * quarantine.
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
     * Records what a push of LivePerson reports about a consumer's conversation: in the consumer's item, and
     * in the items of the requests that wait for its id, or that opened it. The order and the number of
     * pushes make no difference.
     *
     * A consumer that no request has named is remembered, too: a push may overtake the answer to the create.
     *
     * Costs 1 read unit and 1 write unit, and as much again for each request that it concerns. A request that
     * no longer waits for its id costs 1 more write unit. A push without anything new costs 1 read unit, and
     * 1 for each request that it concerns.
     *
     * @returns How many requests learned something about their conversation.
     */
    tell: async (accountId: string, lpConsumerId: string, told: ToldConversation): Promise<number> => {
      const pk = consumerKey(accountId, lpConsumerId)
      const item = await rememberTold(pk, told)
      if (item === undefined) return 0
      const { told: remembered = [] } = z.parse(consumerItem, item)
      const isRemembered = remembered.some(({ conversationId }) => conversationId === told.conversationId)
      const all = isRemembered ? remembered : [told, ...remembered]
      const openers = openersIn(item)
      const waiting = waitingIn(item)
      const { conversationId, closedAt: at } = told
      const openings = at === undefined ? [] : openingsIn(item)
      const closed = new Set(
        openings.flatMap((each) => (each.conversationId === conversationId ? [each.openedBy] : [])),
      )
      const pks = new Set([...waiting.values(), ...closed])
      const found = await Promise.all(
        [...pks].map((each) =>
          tellRequest(
            each,
            all,
            openers,
            closed.has(each) && at !== undefined ? { conversationId, at } : undefined,
          ),
        ),
      )
      const settled = new Map(
        found.flatMap((each) => (each.isSettled ? [[each.pk, each.opened] as const] : [])),
      )
      const over = [...waiting].filter(([, each]) => settled.has(each))
      let known = item
      await Promise.all(
        over.map(([name, each]) => {
          const conversationId = settled.get(each)
          const opened = conversationId && ({ conversationId, openedBy: each, isInferred: true } as const)
          const place = opened ? placeOf(opened, known) : undefined
          known = { ...known, ...place }
          return table.update({
            ...{ pk, set: place ?? {}, remove: [name], add: { waiting: -1 } },
            condition: `attribute_exists(#${name})`,
          })
        }),
      )
      return found.filter(({ hasLearned }) => hasLearned).length
    },

    /** Returns the requests with an id at one door: 1 read unit per kind of sender. */
    show: async (accountId: string, door: Door, requestId: string): Promise<readonly ShownRequest[]> => {
      const items = await table.getMany(keysOf(accountId, door, requestId).map(requestKey))
      return items.map((item) => toShown(z.parse(shownItem, item), now()))
    },
  }
}

/** The ids of an erased consumer are not written again, except those of a conversation that began later. */
const isErased = (
  { conversationId, openedAt }: z.infer<typeof consumerItem>,
  { startedAt }: ToldConversation,
): boolean => conversationId === undefined && openedAt !== undefined && startedAt <= openedAt

/** Returns what a push adds to a consumer's item. */
const toTold = (item: z.infer<typeof consumerItem> | undefined, given: ToldConversation) => {
  const before = item?.told ?? []
  const known = before.find(({ conversationId }) => conversationId === given.conversationId)
  const closings = [known?.closedAt, given.closedAt].filter((at) => at !== undefined)
  const { openedBy, isInferred } = given
  const merged: ToldConversation = {
    ...given,
    ...known,
    ...{ openedBy, isInferred },
    ...(closings.length > 0 && { closedAt: Math.min(...closings) }),
  }
  const told = [...before.filter((each) => each !== known), merged]
    .toSorted((a, b) => a.startedAt - b.startedAt || (a.conversationId < b.conversationId ? -1 : 1))
    .slice(-MAX_TOLD)
  const closedIds = told.flatMap((each) => (each.closedAt === undefined ? [] : [each.conversationId]))
  const reported = { told, ...(closedIds.length > 0 && { closedIds }) }
  const isLast = item?.conversationId === given.conversationId
  const isLater = item?.openedAt === undefined || given.startedAt > item.openedAt
  if (!isLast && !isLater) return { ...reported, conversationId: item?.conversationId, state: item?.state }
  // A container's clock may have hidden a later one.
  const latest = told.at(-1) ?? merged
  const isKnown = item?.conversationId === latest.conversationId
  // An attempt may have found it closed for messages.
  const isClosed = latest.closedAt !== undefined || (isKnown && item?.state === 'CLOSE')
  return {
    ...{ ...reported, conversationId: latest.conversationId, openedAt: latest.startedAt },
    state: isClosed ? 'CLOSE' : 'OPEN',
  } as const
}

/** A consumer that no request has named is forgotten soon. */
const timesOf = (item: Item | undefined, now: number) => {
  if (item && (openingsIn(item).length > 0 || waitingIn(item).size > 0)) return timesAt(now)
  const expiresAt = Math.floor((now + UNNAMED_MS) / 1000)
  return { updatedAt: now, expiresAt: Math.max(expiresAt, Number(item?.expiresAt ?? 0)) }
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
