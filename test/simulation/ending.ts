import type { Item } from '../../lib/aws/state-table.ts'
import type { Conversation } from '../../local/liveperson/state/store.ts'
import { sessionIn } from './network.ts'
import { ACCOUNTS, type Planned } from './requests.ts'
import type { Witnessed } from './witness.ts'
import type { Outcome, World } from './world.ts'

/** What a sender was told about one request, and when. */
export interface Told {
  readonly key: string
  /** When the sender called. */
  readonly askedAt: number
  /** When the answer arrived. */
  readonly at: number
  readonly how: 'answer' | 'status'
  readonly httpStatus: number
  readonly body: {
    readonly requestId?: string
    readonly status?: string
    readonly code?: string
    readonly conversationId?: string
    readonly messageStatus?: string
    readonly messageCode?: string
    readonly retryable?: boolean
  }
}

/** A record in the quarantine queue. */
export interface Quarantined {
  readonly body: string
  readonly key: string
  /** When it came there, in milliseconds since the epoch. */
  readonly at: number
  readonly requestId: string
  readonly code: string
  readonly detail: string
  readonly attempts: number
  readonly attributes: string
  /** The queue that a replay goes to. Undefined if SQS moved the record. */
  readonly queue: string | undefined
}

/** The state of a run when nothing is left to do. */
export interface Ending {
  readonly planned: readonly Planned[]
  readonly told: readonly Told[]
  /** The ledger's item of each request, by the request's key. */
  readonly items: ReadonlyMap<string, Item>
  readonly allItems: ReadonlyMap<string, Item>
  /** The events that follow from the writes of the state table, in their order. */
  readonly outcomes: readonly Outcome[]
  readonly conversations: readonly Conversation[]
  readonly byId: ReadonlyMap<string, Conversation>
  /** How many times each text was sent. */
  readonly messages: ReadonlyMap<string, number>
  readonly quarantined: readonly Quarantined[]
  /** The keys of requests that a queue still holds. */
  readonly waiting: ReadonlySet<string>
  /**
   * Requests with a second conversation, because an agent closed the first between a lost answer and the
   * repeat.
   */
  readonly reopened: ReadonlySet<string>
  /** Conversation ids that an attempt read before it ended normally, by the request's key. */
  readonly readIds: ReadonlyMap<string, string>
  /** Lines of the log and of the metrics that contain personal data. */
  readonly leaks: readonly string[]
  readonly witnessed: (key: string) => Witnessed
  /** Returns how many writes of an item failed. */
  readonly failedWrites: (pk: string) => number
  /** Returns how many attempts had claimed the request of an item by a time. */
  readonly claimsBy: (pk: string, at: number) => number
  /** Whether a write of an item failed, although it was applied. */
  readonly hasLostWrite: (pk: string) => boolean
  /** Requests of which a call to a queue failed, by their keys. */
  readonly lostQueue: ReadonlySet<string>
  /**
   * Returns how long an account was paused between two times, in milliseconds.
   *
   * @param unnoticedMs The part of each pause that doesn't count, in milliseconds.
   */
  readonly pausedMs: (accountId: string, from: number, to: number, unnoticedMs: number) => number
  /** Returns whether a conversation was ever closed, or its main dialog was. */
  readonly wasClosed: (conversation: Conversation) => boolean
  /** Whether only another account was in trouble, in a run without any other fault. */
  readonly isCalm: (planned: Planned) => boolean
  /** Whether LivePerson's webhooks are set up. Every push has been delivered. */
  readonly hasWebhooks: boolean
  /** Whether any fault struck in the run. */
  readonly hasFaults: boolean
  /** When the run began, in milliseconds since the epoch. */
  readonly startedAt: number
  /** When it ended. */
  readonly endedAt: number
  readonly onLostAnswer: (accountId: string) => 'repeat' | 'hold'
}

/** A conversation that an agent closed, and when. */
export interface Closed {
  readonly conversationId: string
  readonly at: number
}

/** Returns everything that the invariants look at. */
export const endingOf = ({
  world,
  planned,
  closed,
  onLostAnswer,
  ...given
}: {
  readonly world: World
  readonly planned: readonly Planned[]
  readonly closed: readonly Closed[]
  readonly onLostAnswer: 'repeat' | 'hold'
} & Pick<
  Ending,
  'lostQueue' | 'told' | 'leaks' | 'isCalm' | 'hasWebhooks' | 'hasFaults' | 'startedAt' | 'endedAt'
>): Ending => {
  const allItems = new Map(world.table.items())
  const itemOf = ({ accountId, door, body }: Planned): Item | undefined => {
    const kinds = door === 'queue' ? ['crm'] : ['nobody', 'token']
    const pks = [accountId, ...ACCOUNTS].flatMap((account) =>
      kinds.map((kind) => `request#${account}#${door}#${kind}#${body.requestId}`),
    )
    return pks.map((pk) => allItems.get(pk)).find((item) => item !== undefined)
  }
  const conversations = [...world.livePerson.state.store.conversations.values()]
  const policyOf = (accountId: string) => (accountId === ACCOUNTS[0] ? onLostAnswer : 'repeat')
  return {
    ...given,
    planned,
    items: new Map(
      planned.flatMap((each) => {
        const item = itemOf(each)
        return item ? [[each.key, item] as const] : []
      }),
    ),
    allItems,
    outcomes: [...world.outcomes],
    conversations,
    byId: new Map(conversations.map((each) => [each.conversationId, each])),
    messages: countTexts(conversations),
    quarantined: world.quarantine.messages().map(({ body, attributes, sentAt }) => ({
      body,
      key: sessionIn(body),
      at: sentAt,
      requestId: attributes.requestId ?? '',
      code: attributes.code ?? '',
      detail: attributes.detail ?? '',
      attempts: Number(attributes.attempts ?? 0),
      attributes: JSON.stringify(attributes),
      queue: attributes.queue,
    })),
    waiting: new Set(world.waiting().map(sessionIn)),
    reopened: findReopened(conversations, closed, policyOf),
    // If the call to the queue failed too, an attempt had nowhere to keep the id.
    readIds: new Map([...world.readIds].filter(([key]) => !given.lostQueue.has(key))),
    witnessed: world.witness.of,
    failedWrites: world.witness.failedWrites,
    claimsBy: world.witness.claimsBy,
    hasLostWrite: world.witness.hasLostWrite,
    pausedMs: (accountId, from, to, unnoticedMs) =>
      world.witness
        .pauses()
        .filter((pause) => pause.accountId === accountId)
        .map((pause) => Math.min(to, pause.to) - Math.max(from, pause.from) - unnoticedMs)
        .reduce((sum, ms) => sum + Math.max(0, ms), 0),
    wasClosed: ({ state, mainDialog }) => state === 'CLOSE' || mainDialog === 'CLOSE',
    onLostAnswer: policyOf,
  }
}

/** Returns the requests whose every conversation but the last was closed before the next one opened. */
export const findReopened = (
  conversations: readonly Conversation[],
  closed: readonly Closed[],
  policyOf: Ending['onLostAnswer'],
): ReadonlySet<string> => {
  const closedAt = new Map(closed.map(({ conversationId, at }) => [conversationId, at]))
  const reopened = new Set<string>()
  for (const [key, own] of Map.groupBy(conversations, ({ context }) => String(context?.sessionId))) {
    if (own.length < 2) continue
    const sorted = own.toSorted((a, b) => a.openedAt - b.openedAt)
    const isAllowed = sorted.slice(1).every(({ openedAt, accountId }, index) => {
      const before = closedAt.get(sorted[index]?.conversationId ?? '')
      return before !== undefined && before <= openedAt && policyOf(accountId) === 'repeat'
    })
    if (isAllowed) reopened.add(key)
  }
  return reopened
}

const countTexts = (conversations: readonly Conversation[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { messages } of conversations)
    for (const { text } of messages) counts.set(text, (counts.get(text) ?? 0) + 1)
  return counts
}
