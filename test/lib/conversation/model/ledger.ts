/** The abstract ledger. It has the conditions of `lib/conversation/ledger.ts`. */
import { type Facts, NOTHING } from '../../../../lib/conversation/facts.ts'
import { createInterner } from './interner.ts'
import type { Protocol } from './load-protocol.ts'
import {
  type Attempt,
  type Configuration,
  type ConsumerItem,
  holderOf,
  type Item,
  type World,
  withDoubt,
} from './state.ts'

/**
 * What the ledger answers to a claim. A lease has no clock here: a claim of a held request can find it expired
 * at any time. If the attempt that holds it is alive, then it was frozen, and goes on later.
 */
export type Claim =
  | { readonly kind: 'claimed'; readonly before: Facts; readonly world: World }
  | { readonly kind: 'held'; readonly facts: Facts }
  | { readonly kind: 'final'; readonly facts: Facts }

export type Ledger = ReturnType<typeof createLedger>

/** Returns the ledger of one configuration. It remembers what it computed before. */
export const createLedger = (
  { merge, isFinished, outcomeOf }: Protocol,
  { hasMessage, flaw }: Configuration,
) => {
  const items = createInterner<Item>()
  const written = new WeakMap<Item, WeakMap<Facts, Item>>()

  const write = (before: Item, facts: Facts): Item => {
    const merged = flaw === 'a record replaces the item' ? facts : merge(before.facts, facts)
    const stored = flaw === 'a record forgets the status' ? before.stored : outcomeOf(merged, hasMessage)
    return items.intern({ facts: merged, stored })
  }

  /** Returns what the ledger can answer to a claim, first what it answers if nothing goes wrong. */
  const claim = (world: World, { known: { carried } }: Pick<Attempt, 'known'>): readonly Claim[] => {
    const before = world.item?.facts ?? NOTHING
    const isHeld = before.claim.state === 'held'
    if (isFinished(before, hasMessage)) return [{ kind: 'final', facts: before }]
    const { attempt, releases } = before.claim
    const facts: Facts = { ...before, claim: { attempt: attempt + 1, releases, state: 'held' } }
    // An item whose message is owed keeps its status.
    const isKept = hasConversation(before) || flaw === 'a claim keeps the status'
    const stored = (isKept && world.item?.stored) || outcomeOf(facts, hasMessage)
    const claimed: World = { ...world, item: items.intern({ facts, stored }) }
    const overrun: World = holderOf(world)
      ? { ...claimed, history: { ...claimed.history, isOverrun: true } }
      : claimed
    // A hand-over tells that the attempt which held the claim is over, and what it did.
    const isDead = isHeld && carried.claim.attempt < attempt
    return [
      ...(isHeld && flaw === 'leases never expire'
        ? []
        : [{ kind: 'claimed', before, world: isDead ? withDoubt(overrun) : overrun } as const]),
      ...(isHeld ? [{ kind: 'held', facts: before } as const] : []),
    ]
  }

  /** Returns the world with facts added to the request's item. */
  const record = (world: World, facts: Facts): World => {
    const before = world.item
    if (!before) throw new Error('The ledger has lost a request')
    const byFacts = written.get(before) ?? new WeakMap<Facts, Item>()
    written.set(before, byFacts)
    const item = byFacts.get(facts) ?? write(before, facts)
    byFacts.set(facts, item)
    return { ...world, item }
  }

  return { claim, record }
}

const hasConversation = ({ conversation: { kind } }: Facts): boolean =>
  kind === 'opened' || kind === 'existing'

/**
 * Returns the world with a conversation in the consumer's item, unless it has a later one. The item keeps
 * which conversation this request opened.
 */
export const putConsumer = (world: World, consumer: ConsumerItem): World => {
  const before = world.consumer
  const own = before?.own ?? (consumer.openedBy === 'this' ? consumer.conversationId : undefined)
  const latest = before && before.at > consumer.at ? before : consumer
  return { ...world, consumer: { ...latest, ...(own !== undefined && { own }) } }
}

/** Returns the world without a conversation that the consumer's item calls open. */
export const forget = (world: World, conversationId: string): World =>
  world.consumer?.conversationId === conversationId
    ? { ...world, consumer: { ...world.consumer, isOpen: false } }
    : world
