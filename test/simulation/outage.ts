import { createFaults, type Faults } from './faults.ts'
import type { Odds, TroubleKind } from './network.ts'
import { type CallRates, countCalls, type Percentiles, percentilesOf } from './outage-figures.ts'
import { createFastTime } from './outage-time.ts'
import { createRandom } from './random.ts'
import { ACCOUNTS } from './requests.ts'
import type { Trace } from './trace.ts'
import { createWorld, type World } from './world.ts'

/** What happens in one run. Arrivals are random, at a constant rate. */
export interface OutageCase {
  readonly seed?: string
  /** How long LivePerson is out of order for the account, in seconds, and how. */
  readonly outage?: { readonly seconds: number; readonly how: TroubleKind | 'paused' }
  /** CRM events of the account per day. */
  readonly eventsPerDay?: number
  /** CRM events of the account that arrive at once. */
  readonly flood?: number
  /** Forms of the account that are submitted during the outage. */
  readonly forms?: number
  /** CRM events of the other account per day. LivePerson works well for it. */
  readonly healthyPerDay?: number
  /** How many creates of the account LivePerson accepts per second, and the `Retry-After` of the others. */
  readonly limit?: { readonly perSecond: number; readonly retryAfterSeconds?: number }
  /** Whether CRM events carry their account as message group. Default: true. */
  readonly grouped?: boolean
  /** Whether CRM events have a first message, and the share of them that SEND answers with 429. */
  readonly messages?: { readonly refused: number }
  /** How long events arrive if neither an outage nor a flood says so, in seconds. */
  readonly seconds?: number
}

/** What a run showed. Durations are in seconds. */
export interface OutageFigures extends CallRates {
  readonly requests: number
  readonly quarantined: number
  /** Requests with no conversation, or with more than one. */
  readonly notOnce: number
  /** Records that were sent to the hand-over queue. */
  readonly parkings: number
  /** CONVERSATION calls of the account, divided by its requests. */
  readonly createsPerRequest: number
  /** Requests of the account that waited when LivePerson was back. */
  readonly backlog: number
  /** From then until all requests that were accepted before are open. */
  readonly drained: number
  /** The backlog, divided by the creates that LivePerson accepts beyond those that arrive. */
  readonly ideal: number
  /** From arrival to opened, of the other account, from the start of the outage on. */
  readonly healthy: Percentiles
  /** From LivePerson's return to opened, of the forms that were handed over. */
  readonly forms: Percentiles
  /** The number of forms with each status code. */
  readonly formAnswers: Readonly<Record<string, number>>
  /** The number of messages with each status, and how many were sent more than once. */
  readonly messages: Readonly<Record<string, number>>
  readonly sentTwice: number
  /** Promises that broke during the run. */
  readonly broken: readonly string[]
  /** In virtual time. */
  readonly lasted: number
  /** Processor time. */
  readonly cpu: number
}

const [TROUBLED, HEALTHY] = ACCOUNTS
const START = Date.UTC(2026, 10, 26, 9)
const DAY = 24 * 3600
const HOUR_MS = 3600_000
/** How long everything works before an outage, in seconds: containers, tokens and rates are as usual. */
const BEFORE = 600
/** The default of a stage. */
const GIVE_UP_HOURS = 72

const CAMPAIGNS = {
  form: { campaignId: '3120045610', engagementId: '3120047710' },
  event: { campaignId: '3120045610', engagementId: '3120047711' },
} as const

interface Sent {
  readonly key: string
  readonly accountId: string
  readonly door: 'form' | 'event'
  readonly at: number
  openedAt?: number
  conversations: number
  isHandedOver: boolean
}

/** Runs the service's own handlers through one case, in virtual time, until every request has come to an end. */
export const runCase = async (given: OutageCase): Promise<OutageFigures> => {
  const { seed = '1', outage, eventsPerDay = 0, flood = 0, forms = 0, healthyPerDay = 0 } = given
  const { limit, grouped = true, messages, seconds = 0 } = given
  const cpuBefore = process.cpuUsage().user
  const time = createFastTime(START)
  try {
    const random = createRandom(`${seed}\narrivals`)
    const from = START + (outage ? BEFORE * 1000 : 0)
    const back = from + (outage?.seconds ?? 0) * 1000
    const calls = countCalls({ from, to: back })
    const ledger = createWaiting({ back, now: time.now })
    let creates = 0
    let parkings = 0

    const trace: Trace = {
      add: (_, what) => {
        if (what.startsWith('hand-over ')) parkings += 1
      },
      digest: () => '',
      events: [],
    }
    const world = await createWorld({
      ...{ seed, time, trace, containerOdds: {}, onLostAnswer: 'repeat', maxSkewMs: 0 },
      faults: messages ? createFaults({ seed }) : NO_FAULTS,
      odds: toOdds(messages?.refused ?? 0),
      giveUpAfterHours: GIVE_UP_HOURS,
      onCalled: (container, service, accountId) => {
        if (accountId !== TROUBLED) return
        if (service === 'conversation') creates += 1
        calls.add(container, time.now())
      },
      onOpened: ({ context }) => ledger.opened(String(context?.sessionId)),
    })
    if (limit) limitCreates(world, limit)

    const sendEvent = (accountId: string): void => {
      const key = ledger.note(accountId, 'event')
      const body = {
        ...{ requestId: `${key}-id`, accountId, campaign: CAMPAIGNS.event },
        consumer: { id: `consumer-${key}`, firstName: 'Ada', email: `${key}@example.org` },
        context: { sessionId: key },
        ...(messages && { message: `message of ${key}` }),
      }
      world.sendEvent(JSON.stringify(body), grouped ? accountId : undefined)
    }

    const formAnswers: Record<string, number> = {}
    const submitForm = async (): Promise<void> => {
      const key = ledger.note(TROUBLED, 'form')
      const { httpStatus } = await world.submit({
        ...{ requestId: `${key}-id`, campaign: CAMPAIGNS.form },
        consumer: { firstName: 'Ada', email: `${key}@example.org` },
        context: { sessionId: key },
      })
      formAnswers[httpStatus] = (formAnswers[httpStatus] ?? 0) + 1
      if (httpStatus === 202) ledger.handedOver(key)
    }

    let areArriving = true
    const arrive = (accountId: string, perDay: number): void => {
      if (perDay === 0) return
      const waitMs = (-Math.log(1 - random.next()) * DAY * 1000) / perDay
      time.after(waitMs, () => {
        if (!areArriving) return
        sendEvent(accountId)
        arrive(accountId, perDay)
      })
    }

    let backlog = flood
    for (let index = 0; index < flood; index++) sendEvent(TROUBLED)
    arrive(TROUBLED, eventsPerDay)
    arrive(HEALTHY, healthyPerDay)
    if (outage) {
      time.after(from - START, () => setTrouble(world, outage.how))
      time.after(back - START, () => {
        setTrouble(world, outage.how === 'paused' ? 'resumed' : undefined)
        backlog = ledger.waiting()
      })
      for (let index = 0; index < forms; index++) {
        const at = from - START + ((index + random.next()) / forms) * outage.seconds * 1000
        time.after(at, () => void submitForm())
      }
    }

    const spare = (limit?.perSecond ?? Number.POSITIVE_INFINITY) - eventsPerDay / DAY
    const tooLate =
      back + 4 * HOUR_MS + (seconds + (5 * (backlog + (outage ? eventsPerDay : 0))) / spare) * 1000
    const drains = outage !== undefined || flood > 0
    const hasArrived = drains
      ? () => ledger.drainedAt() !== undefined
      : () => time.now() >= START + seconds * 1000
    await time.runUntil(() => hasArrived() || time.now() > tooLate)
    areArriving = false
    const endedAt = time.now()
    await time.runUntil(
      () =>
        (ledger.unopened() === 0 && world.isQuiet()) || time.now() > endedAt + 2 * GIVE_UP_HOURS * HOUR_MS,
    )

    const all = ledger.all()
    const own = all.filter(({ accountId }) => accountId === TROUBLED)
    const healthy = all.filter(({ accountId, at }) => accountId === HEALTHY && at >= from)
    const handedOver = own.filter(({ isHandedOver }) => isHandedOver)
    const after = (since: (request: Sent) => number) => (request: Sent) =>
      ((request.openedAt ?? time.now()) - since(request)) / 1000
    return {
      ...calls.rates(),
      requests: all.length,
      quarantined: world.quarantine.messages().length,
      notOnce: all.filter(({ conversations }) => conversations !== 1).length,
      parkings,
      createsPerRequest: creates / Math.max(1, own.length),
      backlog,
      drained: ((ledger.drainedAt() ?? time.now()) - back) / 1000,
      ideal: backlog / spare,
      healthy: percentilesOf(healthy.map(after(({ at }) => at))),
      forms: percentilesOf(handedOver.map(after(({ at }) => Math.max(at, back)))),
      formAnswers,
      ...(messages ? countMessages(world) : { messages: {}, sentTwice: 0 }),
      broken: world.witness.broken().map(({ invariant, detail }) => `${invariant}: ${detail}`),
      lasted: (endedAt - START) / 1000,
      cpu: (process.cpuUsage().user - cpuBefore) / 1e6,
    }
  } finally {
    time.uninstall()
  }
}

/** Keeps what was sent and what became of it. */
const createWaiting = ({ back, now }: { readonly back: number; readonly now: () => number }) => {
  const sent = new Map<string, Sent>()
  let unopened = 0
  let waiting = 0
  let waitingFromBefore = 0
  let drainedAt: number | undefined
  const isFromBefore = ({ at }: Sent) => at <= back

  return {
    all: (): readonly Sent[] => [...sent.values()],
    /** How many requests of both accounts have no conversation. */
    unopened: () => unopened,
    /** How many requests of the troubled account have none. */
    waiting: () => waiting,
    /** When the last request was opened that was accepted before LivePerson was back. */
    drainedAt: () => drainedAt,

    note: (accountId: string, door: Sent['door']): string => {
      const key = `${door}-${sent.size}`
      const request = { key, accountId, door, at: now(), conversations: 0, isHandedOver: false }
      sent.set(key, request)
      unopened += 1
      if (accountId !== TROUBLED) return key
      waiting += 1
      if (isFromBefore(request)) waitingFromBefore += 1
      return key
    },

    handedOver: (key: string): void => {
      const request = sent.get(key)
      if (request) request.isHandedOver = true
    },

    opened: (key: string): void => {
      const request = sent.get(key)
      if (!request) return
      request.conversations += 1
      if (request.openedAt !== undefined) return
      request.openedAt = now()
      unopened -= 1
      if (request.accountId !== TROUBLED) return
      waiting -= 1
      if (!isFromBefore(request)) return
      waitingFromBefore -= 1
      if (waitingFromBefore === 0 && now() >= back) drainedAt ??= now()
    },
  }
}

const NO_FAULTS: Faults = {
  strike: () => undefined,
  struck: [],
  stop: () => undefined,
  areOn: () => false,
}

const toOdds = (refused: number): Odds => ({
  livePerson: (service) => (service === 'send' ? { 'SEND: 429': refused } : {}),
  aws: () => ({}),
  fates: {},
})

const setTrouble = (world: World, how: TroubleKind | 'paused' | 'resumed' | undefined): void => {
  if (how === 'paused' || how === 'resumed') void world.setPaused(TROUBLED, how === 'paused')
  else if (how) world.troubled.set(TROUBLED, how)
  else world.troubled.delete(TROUBLED)
}

/** Limits the creates of the troubled account only. */
const limitCreates = (
  world: World,
  { perSecond, retryAfterSeconds }: NonNullable<OutageCase['limit']>,
): void => {
  const { settings, store } = world.livePerson.state
  const { accepts } = store.creates
  store.creates.accepts = (accountId, ...rest) => accountId !== TROUBLED || accepts(accountId, ...rest)
  settings.createLimit = {
    perSecond,
    burst: perSecond,
    ...(retryAfterSeconds !== undefined && { retryAfter: retryAfterSeconds }),
  }
}

const countMessages = (world: World): Pick<OutageFigures, 'messages' | 'sentTwice'> => {
  const messages: Record<string, number> = {}
  for (const [pk, { messageStatus, messageCode }] of world.table.items()) {
    if (!pk.startsWith('request#')) continue
    const name = messageCode === undefined ? String(messageStatus) : `${messageStatus} (${messageCode})`
    messages[name] = (messages[name] ?? 0) + 1
  }
  const texts = new Map<string, number>()
  for (const conversation of world.livePerson.state.store.conversations.values())
    for (const { text } of conversation.messages) texts.set(text, (texts.get(text) ?? 0) + 1)
  return { messages, sentTwice: [...texts.values()].filter((count) => count > 1).length }
}
