/**
 * The items of the ledger in the state table: their keys, their shape, and how facts are stored in them. The
 * ledger and the findings read and write them through this file. `erase.ts` and `outcome-event.ts` parse
 * items with shapes of their own.
 */
import * as z from 'zod/mini'
import type { Item } from '../aws/state-table.ts'
import { isCode } from '../errors/codes.ts'
import type { AcceptedRequest, Door, Voucher } from '../request/conversation-request.ts'
import { sha256 } from '../request/identity.ts'
import { afterExpiry, closedAtOf, type Facts, isFinished, outcomeOf } from './facts.ts'
import { factsShape } from './facts-shape.ts'
import { isOutcome } from './published.ts'

/**
 * How long a request is remembered, in milliseconds. Longer than any queue keeps a message, so that a replay
 * from quarantine can't open a second conversation.
 */
export const KEEP_MS = 30 * 24 * 3600 * 1000

/** The lease id of an item whose ids were erased. It is finished. */
export const ERASED_LEASE = 'erased'

/** How many times a write is merged with what others wrote in the meantime, at most. */
export const WRITE_ATTEMPTS = 5

/** A request's item in the state table. */
export const requestItem = z.object({
  pk: z.string(),
  requestId: z.string(),
  accountId: z.string(),
  door: z.enum(['form', 'queue']),
  fingerprint: z.string(),
  createdAt: z.number(),
  updatedAt: z.number(),
  revision: z.number(),
  attempts: z.number(),
  releases: z.number(),
  releasedAttempt: z.number(),
  claimState: z.enum(['held', 'failed', 'given_up', 'queued', 'done']),
  leaseId: z.string(),
  leaseUntil: z.number(),
  hasMessage: z.boolean(),
  code: z.optional(z.string()),
  /** Set if it was derived from the request. */
  consumerId: z.optional(z.string()),
  campaignId: z.optional(z.string()),
  engagementId: z.optional(z.string()),
  warnings: z.optional(z.array(z.object({ path: z.string(), message: z.string() }))),
  facts: factsShape,
})

export type RequestItem = z.infer<typeof requestItem>

/** Whether a request is the opener only because nobody knows of another one. */
const isInferred = z.optional(z.literal(true))

/** A conversation as LivePerson's pushes describe it. */
const toldConversation = z.object({
  conversationId: z.string(),
  /** Milliseconds since the epoch, by LivePerson's clock. */
  startedAt: z.number(),
  closedAt: z.optional(z.number()),
  /** Pushes need not name the campaign. */
  campaignId: z.optional(z.string()),
  engagementId: z.optional(z.string()),
  /** The key of the request that opened it. */
  openedBy: z.optional(z.string()),
  isInferred,
})

export type ToldConversation = z.infer<typeof toldConversation>

/**
 * The item of a consumer in the state table: the last known conversation, and what pushes have reported.
 * Besides these, it has `waiting_…` for each request that waits for an id, and `opener0` to `opener3`.
 */
export const consumerItem = z.object({
  conversationId: z.optional(z.string()),
  state: z.enum(['OPEN', 'CLOSE']),
  /** The key of the request that opened it. */
  openedBy: z.optional(z.string()),
  /** By a container's clock, until a push reports the time of LivePerson's. */
  openedAt: z.optional(z.number()),
  /** The latest ones. */
  told: z.optional(z.array(toldConversation)),
  /** Those of them that are closed. */
  closedIds: z.optional(z.array(z.string())),
  toldRevision: z.optional(z.number()),
})

/** How many conversations of a consumer are remembered with the request that opened them. */
const OPENERS = 4
const OPENER_NAMES = Array.from({ length: OPENERS }, (_, slot) => `opener${slot}`)

/** A request that opened a conversation. */
const opener = z.object({ conversationId: z.string(), openedBy: z.string(), isInferred })

/** `isInferred`: LivePerson didn't answer the request with the id, and another one may have opened it. */
export type Opener = z.infer<typeof opener>

const readOpener = (value: unknown): Opener | undefined => z.safeParse(opener, value).data

/** Returns the attribute of a consumer's item that says which request opened a conversation. */
export const openerOf = (opened: Opener): Item => ({ [openerName(opened)]: { ...opened } })

const openerName = ({ conversationId }: Opener): string =>
  `opener${Number.parseInt(sha256(conversationId).slice(0, 4), 16) % OPENERS}`

/**
 * Returns the attribute for an opener that a consumer's item lacks. It takes its own place if that is free or
 * has a closed conversation, else another such place, else its own all the same. Undefined: the item has the
 * opener.
 */
export const placeOf = (opened: Opener, item: Item): Item | undefined => {
  const { closedIds = [] } = z.parse(consumerItem, item)
  const isSame = (each: Opener | undefined) =>
    each?.conversationId === opened.conversationId && each.openedBy === opened.openedBy
  const own = openerName(opened)
  const known = OPENER_NAMES.find((name) => isSame(readOpener(item[name])))
  if (known !== undefined && (opened.isInferred || !readOpener(item[known])?.isInferred)) return undefined
  const free = [own, ...OPENER_NAMES].find((name) => {
    const kept = readOpener(item[name])
    return !kept || closedIds.includes(kept.conversationId)
  })
  return { [known ?? free ?? own]: { ...opened } }
}

/**
 * Returns the conversations of a consumer, each with a request that opened it. After a lost answer, two
 * requests may have the same conversation.
 */
export const openingsIn = (item: Item): readonly Opener[] =>
  [item, item.told, ...OPENER_NAMES.map((name) => item[name])]
    .flat()
    .flatMap((each) => readOpener(each) ?? [])

/** Returns which request certainly opened which conversation of a consumer, by the conversation's id. */
export const openersIn = (item: Item): ReadonlyMap<string, string> =>
  new Map(
    openingsIn(item)
      .filter((each) => !each.isInferred)
      .map(({ conversationId, openedBy }) => [conversationId, openedBy]),
  )

/** Returns the name of the attribute of a consumer's item under which a request waits for an id. */
export const waitingName = (pk: string): string => `waiting_${sha256(pk).slice(0, 16)}`

/** Returns the keys of the requests that wait for an id, by the name of their attribute. */
export const waitingIn = (item: Item): ReadonlyMap<string, string> =>
  new Map(
    Object.entries(item).flatMap(([name, pk]) =>
      name.startsWith('waiting_') && typeof pk === 'string' ? [[name, pk] as const] : [],
    ),
  )

/** What makes the key of a request's item. */
export type RequestKey = Pick<AcceptedRequest, 'accountId' | 'door' | 'vouchedBy' | 'requestId'>

/** Who may vouch for the consumers of each door. Each of them has its own namespace of request ids. */
const VOUCHERS_AT: Readonly<Record<Door, readonly Voucher[]>> = { form: ['nobody', 'token'], queue: ['crm'] }

/** Returns the keys of all requests that can have an id at one door. */
export const keysOf = (accountId: string, door: Door, requestId: string): readonly RequestKey[] =>
  VOUCHERS_AT[door].map((vouchedBy) => ({ accountId, door, vouchedBy, requestId }))

/** Returns the key of a request's item. */
export const requestKey = ({ accountId, door, vouchedBy, requestId }: RequestKey) =>
  `request#${accountId}#${door}#${vouchedBy}#${requestId}`

/** Returns the key of a consumer's item. @param lpConsumerId LivePerson's own id of the consumer. */
export const consumerKey = (accountId: string, lpConsumerId: string) =>
  `consumer#${accountId}#${lpConsumerId}`

/** Returns the times of an item that is written now. @param now Milliseconds since the epoch. */
export const timesAt = (now: number) => ({
  updatedAt: now,
  expiresAt: Math.floor((now + KEEP_MS) / 1000),
})

/**
 * Returns what to write when a request's facts change. A change of what is published raises the number of the
 * outcome in the same write.
 *
 * @param before The facts that the item holds.
 * @param now Milliseconds since the epoch.
 */
export const toWrite = (before: Facts, facts: Facts, hasMessage: boolean, now: number) => {
  const { claim, ...others } = facts
  const { status, ...told } = outcomeOf(facts, hasMessage)
  const { conversationId, code, messageStatus, messageCode } = told
  const said = { conversationId, code, messageStatus, messageCode }
  const read = { ...said, closedAt: closedAtOf(facts) }
  const outcome = isOutcome(before, facts, hasMessage)
  return {
    set: {
      status,
      ...read,
      facts: others,
      finished: isFinished(facts, hasMessage),
      releases: claim.releases,
      ...(claim.state !== 'none' && { claimState: claim.state }),
      ...(claim.state !== 'held' && { leaseUntil: 0, releasedAttempt: claim.attempt }),
      ...(outcome && { outcomeAt: now }),
      ...timesAt(now),
    },
    add: { revision: 1, ...(outcome && { outcomeNumber: 1 }) },
    remove: Object.entries(read).flatMap(([name, value]) => (value === undefined ? [name] : [])),
  }
}

/** The claim is stored in attributes of its own, so that claiming needs no read. */
export const toStored = ({ claim: _, ...facts }: Facts): Omit<Facts, 'claim'> => facts

/** Returns the facts in a request's item. */
export const toFacts = (item: RequestItem): Facts => {
  const { attempts: attempt, releases, claimState: state, facts } = item
  // Only the code of a released claim is one; the outcome's own code is derived from the facts.
  const code = state === 'held' || state === 'done' ? undefined : item.code
  return {
    ...facts,
    claim: { attempt, releases, state, ...(code !== undefined && isCode(code) && { code }) },
  }
}

/**
 * Returns the facts as readers see them: a claim whose lease has expired is over.
 *
 * @param now Milliseconds since the epoch.
 */
export const factsAt = (item: RequestItem, now: number): Facts => {
  const facts = toFacts(item)
  return item.leaseUntil < now ? afterExpiry(facts, item.door === 'queue' || facts.handedOver) : facts
}
