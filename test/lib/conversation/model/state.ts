import type { Facts, Known, Outcome, Policy } from '../../../../lib/conversation/protocol.ts'

/**
 * One exploration: the request, the account, the bounds, and what is wrong with the environment on purpose.
 */
export interface Configuration {
  readonly door: 'form' | 'queue'
  readonly onLostAnswer: Policy['onLostAnswer']
  readonly hasMessage: boolean
  /** Whether the ledger has this requestId with other content. Default: false. */
  readonly isIdTaken?: boolean
  readonly bounds: Bounds
  /** Default: none. */
  readonly flaw?: Flaw
  /** Whether every order is explored, also those that reach nothing new: see `world.ts`. Default: false. */
  readonly isExhaustive?: boolean
}

/** How often something can happen. Everything else is unbounded. */
export interface Bounds {
  /** Attempts in all: the first one, redeliveries, hand-overs, repeats and replays. */
  readonly attempts: number
  /** Attempts at the same time. */
  readonly alive: number
  /** Closings of a conversation by an agent. */
  readonly closings: number
  /** Conversations that other requests open for the same consumer. */
  readonly others: number
  /** Repeats by the sender under the same id. */
  readonly repeats: number
  /** Replays from quarantine by an operator. */
  readonly replays: number
}

/** What the real environment must not do. Some mutants use it. */
export type Flaw = 'leases never expire' | 'writes need no lease'

/** The request's item in the state table. */
export interface Item {
  readonly facts: Facts
  /** The attempt that holds the lease, if it is still alive. */
  readonly owner?: string | undefined
}

/** The consumer's item in the state table. */
export interface ConsumerItem {
  readonly conversationId: string
  readonly isOpen: boolean
  readonly openedByThis: boolean
}

/** What LivePerson has done for the consumer. */
export interface LivePerson {
  /** The consumer's open conversation. */
  readonly open?: string | undefined
  /** How many conversations were opened for this request. */
  readonly opened: number
  /** How many of these are excused, because an agent closed the one before: see `open` in `live-person.ts`. */
  readonly excused: number
  /** How often it accepted the first message. */
  readonly messages: number
  readonly closings: number
  readonly others: number
}

/**
 * A record of the queue. It can be received at any time, even twice at once, because SQS delivers at least
 * once.
 */
export interface QueueRecord {
  readonly id: number
  readonly facts: Facts
}

/** What the quarantine queue holds. */
export interface Quarantined {
  /** Undefined if the redrive policy moved the record. */
  readonly code?: string | undefined
  readonly facts: Facts
}

/** An attempt that is alive. */
export interface Attempt {
  readonly name: string
  readonly carrier: Policy['carrier']
  readonly record?: QueueRecord | undefined
  readonly lease?: Lease | undefined
  readonly known: Known
}

/** What an attempt remembers about its claim, as the ledger's `Lease` does. */
export interface Lease {
  readonly attempt: number
  readonly previousAttemptDied: boolean
  /** Whether the ledger has it. It has none for a finished request. */
  readonly isStored: boolean
}

/** An answer to the sender of a form. */
export type Told = { readonly kind: 'accepted' } | { readonly kind: 'finished'; readonly outcome: Outcome }

/** What happened, as far as the bounds and the invariants have to remember it. */
export interface History {
  readonly begun: number
  readonly repeats: number
  readonly replays: number
  readonly told: readonly Told[]
  /** Whether a create may have been carried out without the service's knowledge. */
  readonly isInDoubt: boolean
  /** Whether LivePerson refused a create. */
  readonly isRefused: boolean
}

/** One state of the exploration. */
export interface World {
  readonly item?: Item | undefined
  readonly consumer?: ConsumerItem | undefined
  readonly livePerson: LivePerson
  readonly queue: readonly QueueRecord[]
  readonly quarantine: readonly Quarantined[]
  readonly attempts: readonly Attempt[]
  readonly history: History
}

/** Returns a list with one of each. */
export const addOnce = <T>(list: readonly T[], added: T): readonly T[] =>
  list.some((other) => JSON.stringify(other) === JSON.stringify(added)) ? list : [...list, added]

/** Returns the same state, with a create in doubt. Nobody asks for it on an account that repeats one. */
export const withDoubt = (world: World, { onLostAnswer }: Configuration): World =>
  world.history.isInDoubt || onLostAnswer === 'repeat'
    ? world
    : { ...world, history: { ...world.history, isInDoubt: true } }

/** Returns the smallest id that no record in the queue or with an attempt has. */
export const nextRecordId = ({ queue, attempts }: World): number => {
  const used = new Set([...queue.map(({ id }) => id), ...attempts.map(({ record }) => record?.id)])
  let id = 1
  while (used.has(id)) id++
  return id
}
