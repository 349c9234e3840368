import type { Facts, Outcome } from '../../../../lib/conversation/facts.ts'
import type { Known, Policy } from '../../../../lib/conversation/protocol.ts'

/**
 * One exploration: the request, the account, the bounds, and what is wrong with the environment on purpose.
 */
export interface Configuration {
  /** What the exploration is about, such as `overlap`. */
  readonly name: string
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

/** How often something can happen, and whether it can. Everything else is unbounded. */
export interface Bounds {
  /** Attempts in all: the first one, redeliveries, hand-overs, repeats and replays. */
  readonly attempts: number
  /** Attempts at the same time. */
  readonly alive: number
  /** Closings of a conversation by an agent. */
  readonly closings: number
  /** Surveys: the conversation counts as open, and accepts no message. */
  readonly surveys: number
  /** Conversations that other requests open for the same consumer. */
  readonly others: number
  /** What the webhook tells: the id of a conversation, or that a known one is closed. */
  readonly tellings: number
  /** What an operator records: the conversation of an unknown outcome, or that there is none. */
  readonly findings: number
  /** Repeats by the sender under the same id. */
  readonly repeats: number
  /** Replays from quarantine by an operator. */
  readonly replays: number
  /** What an attempt may be told about its account, first what is usual. */
  readonly admissions: readonly Policy['admission'][]
  /** Whether a record can be too old for another attempt. */
  readonly ageing: boolean
  /** Whether a failure can show that the whole account is in trouble. */
  readonly troubles: boolean
  readonly maxDeaths: number
}

/** What the real environment must not do. Some mutants use it. */
export type Flaw =
  | 'leases never expire'
  | 'a record replaces the item'
  | 'a claim keeps the status'
  | 'a record forgets the status'
  | 'the webhook takes any conversation'
  | 'the webhook calls any conversation closed'
  | 'the consumer keeps only the last opener'

/** The request's item in the state table. */
export interface Item {
  readonly facts: Facts
  /** What the item says to readers who don't know the facts. */
  readonly stored: Outcome
}

/** The consumer's item in the state table. */
export interface ConsumerItem {
  readonly conversationId: string
  readonly isOpen: boolean
  readonly openedBy: 'this' | 'other' | 'unknown'
  /** The number of the conversation, in the order in which LivePerson opened them. */
  readonly at: number
  /** A conversation that this request opened. */
  readonly own?: string | undefined
}

/** What LivePerson has done for the consumer. */
export interface LivePerson {
  /** The consumer's open conversation. */
  readonly open?: string | undefined
  /** Whether it is open for creates only. */
  readonly isSurvey: boolean
  /** How many conversations were opened for this request. */
  readonly opened: number
  /**
   * How many of these are excused, because an agent closed the one before: see `open` in `live-person.ts`.
   */
  readonly excused: number
  /** How often it accepted the first message. */
  readonly messages: number
  readonly closings: number
  readonly surveys: number
  readonly others: number
  /** The latest conversation that another request opened, and whose answer was lost. */
  readonly lost?: string | undefined
  readonly tellings: number
}

/**
 * A record of a queue. It can be received at any time, even twice at once, because SQS delivers at least
 * once.
 */
export interface QueueRecord {
  readonly id: number
  readonly carrier: RecordCarrier
  readonly facts: Facts
}

export type RecordCarrier = Exclude<Policy['carrier'], 'memory'>

/** What the quarantine queue holds. A replay puts it into the queue that it came from. */
export interface Quarantined {
  readonly code: string
  readonly carrier: RecordCarrier
}

/** An attempt that is alive. */
export interface Attempt {
  readonly name: string
  readonly carrier: Policy['carrier']
  readonly record?: QueueRecord | undefined
  readonly admission: Policy['admission']
  /** Undefined: it has made no difference so far. */
  readonly isTooOld: boolean | undefined
  /** The conversation that this attempt wrote into the consumer's item. */
  readonly stored?: string | undefined
  readonly known: Known
}

/** An answer to the sender of a form. */
export type Told =
  | { readonly kind: 'accepted' }
  | {
      readonly kind: 'finished'
      readonly outcome: Outcome
      /** Set if neither item held the conversation's id then. */
      readonly isUnrecorded?: true
    }

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
  /** How often an operator recorded something. */
  readonly findings: number
  /** Whether an operator found that there is no conversation. */
  readonly isForgotten: boolean
  /** Whether a claim was taken from an attempt that was still at work. */
  readonly isOverrun: boolean
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

/** Returns the same state, with a create in doubt. */
export const withDoubt = (world: World): World =>
  world.history.isInDoubt ? world : { ...world, history: { ...world.history, isInDoubt: true } }

/** Returns the attempt that still works under the claim that the ledger holds. */
export const holderOf = ({ item, attempts }: World): Attempt | undefined =>
  item?.facts.claim.state === 'held'
    ? attempts.find(
        ({ known: { facts, progress } }) =>
          progress.claim === 'claimed' && facts.claim.attempt === item.facts.claim.attempt,
      )
    : undefined

/** Returns the smallest id that no record in the queue or with an attempt has. */
export const nextRecordId = ({ queue, attempts }: World): number => {
  const used = new Set([...queue.map(({ id }) => id), ...attempts.map(({ record }) => record?.id)])
  let id = 1
  while (used.has(id)) id++
  return id
}
