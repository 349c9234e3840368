import type { Item } from '../../lib/aws/state-table.ts'
import type { Conversation } from '../../local/liveperson/state/store.ts'
import { MARK, type Planned } from './requests.ts'

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
    readonly retryable?: boolean
  }
}

/** A record in the quarantine queue. */
export interface Quarantined {
  readonly body: string
  readonly door: 'form' | 'queue'
  readonly requestId: string
  readonly code: string
  readonly detail: string
  readonly attributes: string
}

/** The state of a run when nothing is left to do. */
export interface Ending {
  readonly planned: readonly Planned[]
  readonly told: readonly Told[]
  /** The ledger's item of each request, by the request's key. */
  readonly items: ReadonlyMap<string, Item>
  readonly allItems: ReadonlyMap<string, Item>
  readonly conversations: readonly Conversation[]
  readonly byId: ReadonlyMap<string, Conversation>
  /** How many times each text was sent. */
  readonly messages: ReadonlyMap<string, number>
  readonly quarantined: readonly Quarantined[]
  /** Requests that a queue still holds, by their id and door. */
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
  /** Whether another account was in trouble, while its own was healthy and no fault struck the request. */
  readonly isCalm: (planned: Planned) => boolean
  /** Whether any fault struck in the run. */
  readonly hasFaults: boolean
  /** When the run began, in milliseconds since the epoch. */
  readonly startedAt: number
  readonly onLostAnswer: (accountId: string) => 'repeat' | 'hold'
}

export interface Finding {
  readonly invariant: string
  readonly key: string
  readonly detail: string
}

interface Subject {
  readonly ending: Ending
  readonly planned: Planned
  readonly item: Item | undefined
  readonly told: readonly Told[]
  readonly own: readonly Conversation[]
  readonly quarantined: readonly Quarantined[]
}

type Invariant = (subject: Subject) => readonly string[]

/** A healthy account needs far less. */
const MAX_DELAY_SECONDS = 20

const FINAL = ['opened', 'existing', 'rejected']
const isFinal = (status: unknown) => FINAL.includes(String(status))
const isRejection = ({ body: { code } }: Told) => code === 'liveperson_rejected' || code === 'outcome_unknown'

/** Every promise about one request. Each string that it returns is a finding. */
export const INVARIANTS: Readonly<Record<string, Invariant>> = {
  'at most one conversation per request': ({ own, ending, planned }) =>
    own.length <= 1 || ending.reopened.has(planned.key) ? [] : [`${own.length} conversations`],

  'no conversation for a request that was told rejected': ({ own, told }) => {
    const rejection = told.find((each) => each.body.code === 'liveperson_rejected')
    return rejection && own.length > 0 ? [`told ${rejection.body.code}, and LivePerson opened one`] : []
  },

  'an accepted request is finished or owed': ({ planned, item, told, ending, quarantined }) => {
    const isAccepted =
      planned.door === 'queue' || told.some(({ how, httpStatus }) => how === 'answer' && httpStatus < 300)
    if (!isAccepted || isFinal(item?.status)) return []
    if (quarantined.length > 0) return []
    return ending.waiting.has(waitingKey(planned))
      ? []
      : [`its status is ${item?.status}, and nothing holds it`]
  },

  'every 202 is kept': ({ told, item, quarantined, ending, planned }) => {
    if (!told.some(({ how, httpStatus }) => how === 'answer' && httpStatus === 202)) return []
    if (isFinal(item?.status) || quarantined.length > 0 || ending.waiting.has(waitingKey(planned))) return []
    return [`told 202, and its status is ${item?.status}`]
  },

  'a message is sent at most once': ({ planned: { key, body }, ending }) => {
    if (body.message === undefined || ending.reopened.has(key)) return []
    const sent = ending.messages.get(body.message) ?? 0
    return sent > 1 ? [`sent ${sent} times`] : []
  },

  'what is said about a message is true': ({ planned: { key, body }, item, ending }) => {
    if (ending.reopened.has(key)) return []
    if (body.message === undefined || !isFinal(item?.status) || item?.status === 'rejected') return []
    const sent = ending.messages.has(body.message)
    if (item?.messageStatus === undefined) return ['nothing is said about it']
    if (item.messageStatus === 'sent' && !sent) return ['said to be sent, and LivePerson has none']
    return item.messageStatus === 'not_sent' && sent ? ['said not to be sent, and LivePerson has it'] : []
  },

  'a message that was certainly not sent is sent later or accounted for': (subject) =>
    subject.item?.conversationId === undefined ? [] : unaccounted(subject),

  'a message whose conversation isn’t known is accounted for': (subject) =>
    subject.item?.conversationId === undefined ? unaccounted(subject) : [],

  'a refusal is one of LivePerson’s': ({ planned, item }) =>
    item?.status === 'rejected' && item.code === 'liveperson_rejected' && !planned.isRefused
      ? ['rejected, although LivePerson never refused it']
      : [],

  'a quarantined record has a true reason': ({ quarantined, planned, own }) =>
    quarantined.flatMap(({ code }) => {
      if (code === '') return ['it has no reason']
      if (code === 'liveperson_rejected' && own.length > 0) return ['quarantined as refused, and it is open']
      if (code === 'liveperson_rejected' && !planned.isRefused)
        return ['quarantined as refused, which it was not']
      return []
    }),

  'an event that ended as rejected is in quarantine': ({ planned, item, quarantined }) =>
    planned.door === 'queue' &&
    item?.status === 'rejected' &&
    quarantined.every(({ code }) => code !== item.code)
      ? [`rejected with ${item.code}, and not in quarantine with that code`]
      : [],

  'one account’s trouble costs the others nothing': ({ planned, own, ending }) => {
    const [sentAt = 0] = planned.copies
    const openedAt = own[0]?.openedAt
    if (!ending.isCalm(planned) || openedAt === undefined) return []
    const seconds = (openedAt - ending.startedAt - sentAt) / 1000
    return seconds > MAX_DELAY_SECONDS
      ? [`opened after ${seconds.toFixed(0)} s, while another account was in trouble`]
      : []
  },

  'LivePerson has what the sender said': ({ planned, own }) => {
    const [conversation] = own
    if (!conversation || planned.isShared) return []
    const { profile, campaignId } = conversation
    const { firstName, email } = planned.body.consumer
    return [
      ...(profile.firstName === firstName ? [] : ['the first name is missing']),
      ...(JSON.stringify(profile.privateData ?? {}).includes(email) ? [] : ['the e-mail address is missing']),
      ...(planned.body.campaign && campaignId !== planned.body.campaign.campaignId
        ? [`the campaign is ${campaignId}`]
        : []),
    ]
  },

  'without a fault, nothing is unknown or late': ({ planned: { body }, item, told, ending }) => {
    if (ending.hasFaults) return []
    const statuses = told.filter(({ httpStatus }) => httpStatus < 300).map((each) => each.body.status)
    const later = statuses.slice(statuses.findIndex(isFinal)).filter((status) => !isFinal(status))
    return [
      ...(body.message !== undefined && item?.messageStatus === 'unknown' ? ['the message is unknown'] : []),
      ...(statuses.some(isFinal) ? later.map((status) => `told ${status} after a final status`) : []),
    ]
  },

  'the ledger agrees with LivePerson': ({ item, own, planned, ending }) => {
    const { status, conversationId } = item ?? {}
    // A conversation that an agent closed before the repeat leaves no trace at LivePerson.
    if (status === 'existing' && own.some(({ state }) => state === 'OPEN'))
      return ['existing, and it opened one']
    if (status === 'existing' && !planned.isShared) return ['existing, and nobody else is this consumer']
    if (status === 'opened' && own.length === 0 && !planned.isShared)
      return ['opened, and LivePerson has none']
    if (conversationId === undefined || (status !== 'opened' && status !== 'existing')) return []
    const named = ending.byId.get(String(conversationId))
    if (!named) return [`it names ${conversationId}, which LivePerson doesn't have`]
    if (status === 'opened' && own.length > 0 && !own.includes(named))
      return ["it names another request's conversation"]
    const consumer = planned.body.consumer.id
    return consumer !== undefined && named.extConsumerId !== consumer
      ? ["it names another consumer's conversation"]
      : []
  },

  'a conversationId that an attempt read is in the ledger': ({ item, planned, ending }) => {
    const read = ending.readIds.get(planned.key)
    if (read === undefined || ending.waiting.has(waitingKey(planned))) return []
    return item?.conversationId === undefined ? [`an attempt read ${read}, and the ledger has none`] : []
  },

  'answers and status never contradict each other': ({ planned: { key }, told, item, ending }) => {
    if (ending.reopened.has(key)) return []
    const ids = new Set(told.flatMap(({ body }) => body.conversationId ?? []))
    if (ids.size > 1) return [`two ids were told: ${[...ids].join(', ')}`]
    const [id] = ids
    if (id !== undefined && item?.conversationId !== id)
      return [`told ${id}, the ledger has ${item?.conversationId}`]
    const finals = new Set(told.map(({ body, httpStatus }) => finalOf(body, httpStatus)).filter(Boolean))
    if (finals.size > 1) return [`told ${[...finals].join(' and ')}`]
    const [final] = finals
    return final !== undefined && item !== undefined && isFinal(item.status) && item.status !== final
      ? [`told ${final}, the ledger has ${item.status}`]
      : []
  },

  'a status never goes back from final': ({ told }) => {
    const statuses = told.filter(({ how }) => how === 'status')
    const first = statuses.find(({ body }) => isFinal(body.status))
    // Of two calls that overlap, either may have read the table first.
    const later = first
      ? statuses.filter(({ askedAt, body }) => askedAt > first.at && !isFinal(body.status))
      : []
    return later.length > 0
      ? [`after a final status: ${later.map(({ body }) => body.status).join(', ')}`]
      : []
  },

  'retryable says whether a retry can help': ({ told }) =>
    told.flatMap(({ httpStatus, body }) =>
      body.retryable === false && httpStatus >= 500 ? [`${httpStatus} that is not retryable`] : [],
    ),

  'every answer carries the sender’s id': ({ told, planned }) =>
    told.flatMap(({ body, httpStatus }) =>
      Object.keys(body).length > 0 && body.requestId !== planned.body.requestId
        ? [`${httpStatus} with the id ${body.requestId}`]
        : [],
    ),

  'nothing else is refused': ({ told }) =>
    told.flatMap((each) => {
      const { httpStatus, body } = each
      // API Gateway's own answers don't have a body of the service.
      const isExpected =
        httpStatus < 300 || httpStatus === 503 || isRejection(each) || Object.keys(body).length === 0
      return isExpected ? [] : [`${httpStatus} ${body.code}`]
    }),
}

const unaccounted = ({ planned: { body }, item }: Subject): readonly string[] => {
  if (body.message === undefined || (item?.status !== 'opened' && item?.status !== 'existing')) return []
  if (item.messageStatus !== 'not_sent') return []
  return item.messageCode === undefined ? ['not sent, and nothing says why'] : []
}

/** Promises about the whole run. */
export const GLOBAL_INVARIANTS: Readonly<Record<string, (ending: Ending) => readonly string[]>> = {
  'nothing personal is kept or logged': ({ leaks, allItems, quarantined }) => [
    ...leaks.slice(0, 5),
    ...[...allItems.values()]
      .filter((item) => JSON.stringify(item).includes(MARK))
      .slice(0, 5)
      .map((item) => `the item ${item.pk}`),
    ...quarantined
      .filter(({ attributes, detail }) => `${attributes}${detail}`.includes(MARK))
      .map(({ requestId }) => `the attributes of ${requestId} in quarantine`),
  ],
}

const waitingKey = ({ door, body }: Planned) => `${door} ${body.requestId}`

/** Returns the outcome if it is final. `outcome_unknown` is not, because it may be settled later. */
const finalOf = ({ status, code }: Told['body'], httpStatus: number): string | undefined => {
  if (code === 'outcome_unknown') return undefined
  if (isFinal(status)) return status
  return httpStatus >= 400 && code === 'liveperson_rejected' ? 'rejected' : undefined
}

/** Returns a finding for each broken promise. */
export const check = (ending: Ending, unchecked: readonly string[]): readonly Finding[] => {
  const told = Map.groupBy(ending.told, ({ key }) => key)
  const own = Map.groupBy(ending.conversations, ({ context }) => String(context?.sessionId))
  const quarantined = Map.groupBy(ending.quarantined, ({ door, requestId }) => `${door} ${requestId}`)
  const findings: Finding[] = []
  for (const planned of ending.planned) {
    const { key } = planned
    const subject: Subject = {
      ending,
      planned,
      item: ending.items.get(key),
      told: told.get(key) ?? [],
      own: own.get(key) ?? [],
      quarantined: quarantined.get(waitingKey(planned)) ?? [],
    }
    for (const [invariant, holds] of Object.entries(INVARIANTS))
      for (const detail of holds(subject)) findings.push({ invariant, key, detail })
  }
  for (const [invariant, holds] of Object.entries(GLOBAL_INVARIANTS))
    for (const detail of holds(ending)) findings.push({ invariant, key: 'the run', detail })
  return findings.filter(({ invariant }) => !unchecked.includes(invariant))
}
