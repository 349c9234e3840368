/**
 * The abstract ledger. It has the conditions of `lib/conversation/ledger.ts`, and it forgets what that one
 * doesn't store.
 */
import { type Facts, NOTHING } from '../../../../lib/conversation/protocol.ts'
import type { Protocol } from './load-protocol.ts'
import { type Attempt, type Configuration, type Lease, type World, withDoubt } from './state.ts'

/**
 * What the ledger answers to a claim. A lease has no clock here: a claim of a held request can find it expired
 * at any time. If the attempt that holds it is alive, then it was frozen, and goes on later.
 */
export type Claim =
  | { readonly kind: 'claimed'; readonly before: Facts; readonly lease: Lease; readonly world: World }
  | { readonly kind: 'held' }
  | { readonly kind: 'final'; readonly facts: Facts; readonly lease: Lease }

/** Returns what the ledger can answer to a claim, first what it answers if nothing goes wrong. */
export const claim = (
  { isFinal }: Protocol,
  configuration: Configuration,
  world: World,
  { name }: Attempt,
): readonly Claim[] => {
  const before = world.item?.facts ?? NOTHING
  const isHeld = before.claim.state === 'held'
  const attempt = before.claim.attempt + 1
  if (isFinal(before))
    return [
      { kind: 'final', facts: before, lease: { attempt, previousAttemptDied: isHeld, isStored: false } },
    ]
  const facts: Facts = { ...before, claim: { ...before.claim, attempt, state: 'held' } }
  const claimed: World = { ...world, item: { facts, owner: name } }
  return [
    ...(isHeld && configuration.flaw === 'leases never expire'
      ? []
      : [
          {
            kind: 'claimed',
            before,
            lease: { attempt, previousAttemptDied: isHeld, isStored: true },
            world: isHeld ? withDoubt(claimed, configuration) : claimed,
          } as const,
        ]),
    ...(isHeld ? [{ kind: 'held' } as const] : []),
  ]
}

/** Returns whether LivePerson's id makes `complete` write without a condition. */
export const isUnconditional = ({ conversation, lpConsumerId }: Facts): boolean =>
  conversation.kind === 'opened' && conversation.conversationId !== undefined && lpConsumerId !== undefined

/** Returns the world with the request's item replaced, whoever holds the lease. */
export const putItem = (world: World, { lease }: Attempt, facts: Facts, hasMessage: boolean): World => ({
  ...world,
  item: { facts: toFinal(facts, NOTHING, lease?.attempt ?? 0, hasMessage) },
})

/** Returns the world with the consumer's item replaced. */
export const putConsumer = (world: World, { conversation }: Facts): World =>
  conversation.kind === 'opened' && conversation.conversationId !== undefined
    ? {
        ...world,
        consumer: { conversationId: conversation.conversationId, isOpen: true, openedByThis: true },
      }
    : world

/**
 * Returns the world with a final outcome that needs the lease, and the facts that the ledger answers with.
 */
export const completeOwn = (
  protocol: Protocol,
  configuration: Configuration,
  world: World,
  attempt: Attempt,
  facts: Facts,
): { readonly world: World; readonly facts: Facts; readonly isOwn: boolean } => {
  const { item } = world
  if (item && isOwn(protocol, configuration, world, attempt)) {
    const { attempt: number } = item.facts.claim
    return {
      world: { ...world, item: { facts: toFinal(facts, item.facts, number, configuration.hasMessage) } },
      facts,
      isOwn: true,
    }
  }
  return { world, facts: item && protocol.isFinal(item.facts) ? item.facts : facts, isOwn: false }
}

/** The item has the public outcome, and of the facts before it only the doubt about the message. */
const toFinal = (
  { conversation, message, lpConsumerId }: Facts,
  before: Facts,
  attempt: number,
  hasMessage: boolean,
): Facts => ({
  claim: { ...before.claim, attempt, state: 'held' },
  conversation,
  message:
    hasMessage && (conversation.kind === 'opened' || conversation.kind === 'existing')
      ? message === 'unsent'
        ? 'not_sent'
        : message
      : before.message,
  lpConsumerId: lpConsumerId ?? before.lpConsumerId,
})

/**
 * Returns the world with a claim released, if the attempt still holds it. Of the facts, only doubts are
 * stored.
 */
export const release = (
  protocol: Protocol,
  configuration: Configuration,
  world: World,
  attempt: Attempt,
  { claim, conversation, message }: Facts,
): World => {
  const { item } = world
  if (!item || !isOwn(protocol, configuration, world, attempt)) return world
  const before = item.facts
  const isReached =
    before.conversation.kind === 'in_doubt' ||
    attempt.lease?.previousAttemptDied === true ||
    conversation.kind === 'in_doubt' ||
    conversation.kind === 'opened' ||
    conversation.kind === 'held'
  const isMessageInDoubt = before.message === 'in_doubt' || message === 'in_doubt' || message === 'sent'
  return {
    ...world,
    item: {
      facts: {
        ...before,
        claim: { ...claim, attempt: before.claim.attempt },
        conversation: { kind: isReached ? 'in_doubt' : 'none' },
        message: isMessageInDoubt ? 'in_doubt' : 'unsent',
      },
    },
  }
}

/** Returns the world without a request that is still called queued. */
export const giveUp = (world: World, code: Facts['claim']['code']): World => {
  const { item } = world
  if (item?.facts.claim.state !== 'queued') return world
  const { attempt } = item.facts.claim
  return { ...world, item: { ...item, facts: { ...item.facts, claim: { attempt, state: 'failed', code } } } }
}

/** Returns the world without the lease of an attempt that ended. Nobody else notices. */
export const disown = (world: World, name: string): World =>
  world.item?.owner === name ? { ...world, item: { facts: world.item.facts } } : world

const isOwn = ({ isFinal }: Protocol, { flaw }: Configuration, { item }: World, { name }: Attempt): boolean =>
  item !== undefined && (flaw === 'writes need no lease' || (item.owner === name && !isFinal(item.facts)))
