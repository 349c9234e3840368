/**
 * Decides which conversation of a consumer belongs to a request, from what LivePerson's pushes have reported.
 * This file is pure.
 *
 * LivePerson's pushes name no request. A consumer whose id was derived from a request belongs to that request
 * alone, and so do all of its conversations. Any other consumer may have several requests, and conversations
 * that this service didn't open. But a consumer has at most one open conversation at a time. So what
 * LivePerson said about an open conversation is about the one that was open then.
 */

import {
  closedAtOf,
  closedBy,
  type Facts,
  hasConversation,
  isFinished,
  mayHaveOpened,
  outcomeOf,
  settledBy,
} from './facts.ts'
import type { ToldConversation } from './ledger-item.ts'

/** How much the clocks of LivePerson and of a container may differ, in milliseconds. */
const CLOCKS_MS = 5000
/** How long after we stopped waiting for a create LivePerson may still carry it out, in milliseconds. */
const LATE_MS = 10_000

/** What is needed of a request to match a conversation to it. Times are milliseconds since the epoch. */
export interface Seeker {
  readonly pk: string
  readonly facts: Facts
  readonly campaignId?: string | undefined
  readonly engagementId?: string | undefined
  /** Whether the consumer's id was derived from the request. */
  readonly isDerived: boolean
  /** When the request was first claimed. */
  readonly createdAt: number
  /** When its facts were last written. */
  readonly writtenAt: number
}

/** Which request opened which conversation, by the conversation's id. */
export type Openers = ReadonlyMap<string, string>

/**
 * Whether a request has, or may have, a conversation whose id is unknown, and no attempt will look for it:
 * none holds the claim, or the one that does has finished the request.
 */
export const isMissingId = (facts: Facts, hasMessage: boolean): boolean =>
  (facts.claim.state !== 'held' || isFinished(facts, hasMessage)) &&
  (hasConversation(facts) || mayHaveOpened(facts)) &&
  outcomeOf(facts, false).conversationId === undefined

/**
 * Whether a conversation began at a time at which a request's creates could have opened it.
 *
 * @param options.triedUntil By when the last create that may have opened it had stopped.
 */
export const couldHaveOpened = (
  { createdAt, triedUntil }: { readonly createdAt: number; readonly triedUntil: number },
  startedAt: number,
): boolean => startedAt >= createdAt - CLOCKS_MS && startedAt <= triedUntil + LATE_MS + CLOCKS_MS

/**
 * Returns a request's facts with what pushes add to them: an id that is missing, the conversation of an
 * unknown outcome if it is certain, and a closing. Undefined: nothing.
 */
export const addTold = (
  seeker: Seeker,
  told: readonly ToldConversation[],
  openers: Openers,
): Facts | undefined => {
  const known = outcomeOf(seeker.facts, false).conversationId
  const conversationId = known ?? ownIn(seeker, openers) ?? choose(seeker, told, openers)?.conversationId
  if (conversationId === undefined) return undefined
  const at = seeker.writtenAt
  const facts =
    known === undefined ? settledBy(seeker.facts, { by: 'liveperson', conversationId, at }) : seeker.facts
  const closedAt = told.find((each) => each.conversationId === conversationId)?.closedAt
  if (closedAt !== undefined && closedAtOf(facts) === undefined)
    return closedBy(facts, { conversationId, at: closedAt })
  return known === undefined ? facts : undefined
}

/** Returns the conversation that a request opened. An attempt that died may have written only who did. */
const ownIn = ({ pk, facts }: Seeker, openers: Openers): string | undefined =>
  facts.conversation.kind === 'opened' || mayHaveOpened(facts)
    ? [...openers].flatMap(([id, opener]) => (opener === pk ? [id] : [])).toSorted()[0]
    : undefined

const choose = (
  seeker: Seeker,
  told: readonly ToldConversation[],
  openers: Openers,
): ToldConversation | undefined => {
  const { facts, isDerived, writtenAt } = seeker
  const triedUntil = facts.doubtUntil ?? writtenAt
  const isOthers = ({ conversationId }: ToldConversation) =>
    (openers.get(conversationId) ?? seeker.pk) !== seeker.pk
  const byStart = told.toSorted((a, b) => a.startedAt - b.startedAt)
  if (isDerived) return byStart[0]
  const own = byStart.filter(
    (each) =>
      couldHaveOpened({ createdAt: seeker.createdAt, triedUntil }, each.startedAt) &&
      isOfCampaign(seeker, each) &&
      !isOthers(each),
  )
  if (facts.conversation.kind === 'unknown') {
    const [one, ...more] = own.filter(({ campaignId }) => campaignId !== undefined)
    return more.length === 0 ? one : undefined
  }
  if (!hasConversation(facts)) return undefined
  const saidAt = facts.idMissingSince ?? writtenAt
  const open = byStart.filter(
    ({ startedAt, closedAt = Number.POSITIVE_INFINITY }) =>
      startedAt <= saidAt + CLOCKS_MS && closedAt >= saidAt - CLOCKS_MS,
  )
  const opened = facts.conversation.kind === 'opened'
  return (opened ? (own.findLast((each) => open.includes(each)) ?? own.at(-1)) : undefined) ?? open.at(-1)
}

const isOfCampaign = (seeker: Seeker, { campaignId, engagementId }: ToldConversation): boolean =>
  campaignId === undefined || (campaignId === seeker.campaignId && engagementId === seeker.engagementId)
