import { createFastTime } from './outage-time.ts'
import type { Faults } from './faults.ts'
import type { Odds, TroubleKind } from './network.ts'
import { createRandom } from './random.ts'
import { ACCOUNTS } from './requests.ts'
import type { Trace } from './trace.ts'
import { createWorld } from './world.ts'

/** What happens in one run. Every rate is a mean: arrivals are random. */
export interface OutageCase {
  readonly name: string
  readonly seed?: string
  /** How long LivePerson is out of order for the account, in seconds, and how. */
  readonly outage?: { readonly seconds: number; readonly how: TroubleKind }
  /** CRM events of the account per day. */
  readonly eventsPerDay?: number
  /** CRM events of the account that arrive at once. */
  readonly flood?: number
  /** Forms of the account that are submitted during the outage, evenly. */
  readonly forms?: number
  /** CRM events of the other account per day. LivePerson works well for it. */
  readonly healthyPerDay?: number
  /** How many creates of an account LivePerson accepts per second, and what it says to the others. */
  readonly limit: { readonly perSecond: number; readonly retryAfterSeconds?: number }
  /** Whether CRM events carry their account as message group. Default: true. */
  readonly grouped?: boolean
  /** How long the run lasts if nothing else says so, in seconds. */
  readonly seconds?: number
}

/** What a run showed. Durations are in seconds. */
export interface OutageFigures {
  readonly requests: number
  readonly quarantined: number
  /** Requests with no conversation, or with more than one. */
  readonly notOnce: number
  /** Records that were sent to the hand-over queue. */
  readonly parkings: number
  readonly containers: number
  /** CONVERSATION calls of the account, divided by its requests. */
  readonly createsPerRequest: number
  /**
   * Calls of the account by one container during the outage, per second: the mean of its worst ten seconds. The
   * first 30 seconds in which a container meets the outage don't count: it finds out.
   */
  readonly callsPerSecond: number
  /** The most calls of one container within one second, without those seconds. */
  readonly peakCalls: number
  /** The most calls of one container within one second, in those seconds. */
  readonly discoveryCalls: number
  /** Requests of the account that waited when LivePerson was back. */
  readonly backlog: number
  /** From then until all requests that were accepted before are open. */
  readonly drained: number
  /** The backlog divided by the creates that LivePerson accepts beyond those that arrive. */
  readonly ideal: number
  /** From arrival to opened, of the other account. */
  readonly healthy: Percentiles
  /** From LivePerson's return to opened, of the forms that were handed over. */
  readonly forms: Percentiles
  readonly formAnswers: Readonly<Record<string, number>>
  /** Virtual. */
  readonly lasted: number
  /** Real. */
  readonly wall: number
}

interface Percentiles {
  readonly count: number
  readonly p50: number
  readonly p99: number
  readonly max: number
}

const [TROUBLED, HEALTHY] = ACCOUNTS
const START = Date.UTC(2026, 10, 26, 9)
const DAY = 24 * 3600
/** How long everything works before the outage, in seconds: containers, tokens and rates are as usual. */
const BEFORE = 600
/** How long a container takes to find out, in milliseconds. */
const DISCOVERY_MS = 30_000
/** A run that takes this many times as long as it should has failed. */
const PATIENCE = 4

const CAMPAIGNS = {
  form: { campaignId: '3120045610', engagementId: '3120047710' },
  event: { campaignId: '3120045610', engagementId: '3120047711' },
} as const

const NO_FAULTS: Faults = {
  strike: () => undefined,
  struck: [],
  stop: () => undefined,
  areOn: () => false,
}

const NO_ODDS: Odds = { livePerson: () => ({}), aws: () => ({}), fates: {} }

interface Sent {
  readonly accountId: string
  readonly door: 'form' | 'event'
  readonly at: number
  openedAt?: number
  conversations: number
}

/** Runs the service's own handlers through one case, in virtual time. */
export const runCase = async (given: OutageCase): Promise<OutageFigures> => {
  const { seed = '1', outage, eventsPerDay = 0, flood = 0, forms = 0, healthyPerDay = 0, limit } = given
  const wallFrom = performance.now()
  const time = createFastTime(START)
  try {
    const random = createRandom(`${seed}\n${given.name}`)
    const sent = new Map<string, Sent>()
    const outageFrom = START + BEFORE * 1000
    const back = outage ? outageFrom + outage.seconds * 1000 : START
    const calls = countCalls({ from: outageFrom, to: outage ? back : outageFrom })
    let parkings = 0
    let creates = 0
    /** Requests of the account that are not open. */
    let waiting = 0
    let waitingFromBefore = 0
    let unopened = 0
    let drainedAt: number | undefined
    const trace: Trace = {
      add: (_, what) => {
        if (what.startsWith('hand-over ')) parkings += 1
      },
      digest: () => '',
      events: [],
    }
    const world = await createWorld({
      ...{ seed, time, faults: NO_FAULTS, trace, odds: NO_ODDS, containerOdds: {} },
      onLostAnswer: 'repeat',
      maxSkewMs: 0,
      giveUpAfterHours: 72,
      onCalled: (container, service, accountId) => {
        if (accountId !== TROUBLED || service === 'domain') return
        if (service === 'conversation') creates += 1
        calls.add(container, time.now())
      },
      onOpened: ({ context }) => {
        const request = sent.get(String(context?.sessionId))
        if (!request) return
        request.conversations += 1
        if (request.openedAt !== undefined) return
        request.openedAt = time.now()
        unopened -= 1
        if (request.accountId !== TROUBLED) return
        waiting -= 1
        if (request.at > back) return
        waitingFromBefore -= 1
        if (waitingFromBefore === 0 && time.now() >= back) drainedAt ??= time.now()
      },
    })
    const { perSecond, retryAfterSeconds } = limit
    world.livePerson.state.settings.createLimit = {
      perSecond,
      burst: perSecond,
      ...(retryAfterSeconds !== undefined && { retryAfter: retryAfterSeconds }),
    }

    const note = (accountId: string, door: Sent['door']) => {
      const key = `${door}-${sent.size}`
      sent.set(key, { accountId, door, at: time.now(), conversations: 0 })
      unopened += 1
      if (accountId === TROUBLED) {
        waiting += 1
        if (time.now() <= back) waitingFromBefore += 1
      }
      return key
    }

    const sendEvent = (accountId: string) => {
      const key = note(accountId, 'event')
      const body = {
        ...{ requestId: `${key}-id`, accountId, campaign: CAMPAIGNS.event },
        consumer: { id: `consumer-${key}`, firstName: 'Ada', email: `${key}@example.org` },
        context: { sessionId: key },
      }
      world.sendEvent(JSON.stringify(body), given.grouped === false ? undefined : accountId)
    }

    const formAnswers: Record<string, number> = {}
    const handedOver = new Set<string>()
    const submitForm = async () => {
      const key = note(TROUBLED, 'form')
      const { httpStatus } = await world.submit({
        ...{ requestId: `${key}-id`, campaign: CAMPAIGNS.form },
        consumer: { firstName: 'Ada', email: `${key}@example.org` },
        context: { sessionId: key },
      })
      formAnswers[httpStatus] = (formAnswers[httpStatus] ?? 0) + 1
      if (httpStatus === 202) handedOver.add(key)
    }

    let isOver = false
    const arrive = (accountId: string, perDay: number) => {
      if (perDay === 0 || isOver) return
      const next = () => {
        if (isOver) return
        sendEvent(accountId)
        arrive(accountId, perDay)
      }
      time.after((-Math.log(1 - random.next()) * DAY * 1000) / perDay, next)
    }

    arrive(TROUBLED, eventsPerDay)
    arrive(HEALTHY, healthyPerDay)
    let backlog = flood
    if (flood > 0) {
      // All are there before the first one is received.
      for (let index = 0; index < flood; index++) sendEvent(TROUBLED)
    }
    if (outage) {
      time.after(outageFrom - START, () => world.troubled.set(TROUBLED, outage.how))
      time.after(back - START, () => {
        world.troubled.delete(TROUBLED)
        backlog = waiting
      })
      for (let index = 0; index < forms; index++) {
        const at = outageFrom - START + ((index + random.next()) / forms) * outage.seconds * 1000
        time.after(at, () => void submitForm())
      }
    }

    const spare = perSecond - eventsPerDay / DAY
    const ends = () => {
      if (given.seconds !== undefined) return time.now() >= START + given.seconds * 1000
      return drainedAt !== undefined
    }
    const expected = given.seconds ?? BEFORE + (outage?.seconds ?? 0) * (1 + 2 / perSecond) + flood / perSecond
    const tooLate = START + expected * 1000 * PATIENCE + 3600_000
    await time.runUntil(() => ends() || time.now() > tooLate)
    isOver = true
    const endedAt = time.now()
    const stuckAt = endedAt + 2 * 3600_000
    await time.runUntil(() => (unopened === 0 && world.isQuiet()) || time.now() > stuckAt)

    const all = [...sent]
    const own = all.filter(([, { accountId }]) => accountId === TROUBLED)
    const seconds = (requests: readonly Sent[], since: (request: Sent) => number) =>
      percentilesOf(requests.map((request) => ((request.openedAt ?? time.now()) - since(request)) / 1000))
    const healthyFrom = outage ? outageFrom : START
    return {
      requests: sent.size,
      quarantined: world.quarantine.messages().length,
      notOnce: all.filter(([, { conversations }]) => conversations !== 1).length,
      parkings,
      containers: world.containersMade(),
      createsPerRequest: own.length === 0 ? 0 : creates / own.length,
      ...calls.figures(),
      backlog,
      drained: ((drainedAt ?? endedAt) - back) / 1000,
      ideal: backlog / spare,
      healthy: seconds(
        all.flatMap(([, request]) =>
          request.accountId === HEALTHY && request.at >= healthyFrom ? [request] : [],
        ),
        ({ at }) => at,
      ),
      forms: seconds(
        all.flatMap(([key, request]) => (handedOver.has(key) ? [request] : [])),
        ({ at }) => Math.max(at, back),
      ),
      formAnswers,
      lasted: (endedAt - START) / 1000,
      wall: (performance.now() - wallFrom) / 1000,
    }
  } finally {
    time.uninstall()
  }
}

/** Counts the calls of each container during the outage. */
const countCalls = ({ from, to }: { readonly from: number; readonly to: number }) => {
  const containers = new Map<string, Counts>()
  let [callsPerSecond, peakCalls, discoveryCalls] = [0, 0, 0]
  return {
    add: (container: string, at: number): void => {
      if (at < from || at >= to) return
      let counts = containers.get(container)
      if (!counts) {
        counts = { since: at, second: createWindow(1000), tenSeconds: createWindow(10_000) }
        containers.set(container, counts)
      }
      const inSecond = counts.second(at)
      if (at - counts.since < DISCOVERY_MS) {
        discoveryCalls = Math.max(discoveryCalls, inSecond)
        return
      }
      peakCalls = Math.max(peakCalls, inSecond)
      callsPerSecond = Math.max(callsPerSecond, counts.tenSeconds(at) / 10)
    },
    figures: () => ({ callsPerSecond, peakCalls, discoveryCalls }),
  }
}

interface Counts {
  /** When the container met the outage. */
  readonly since: number
  readonly second: (at: number) => number
  readonly tenSeconds: (at: number) => number
}

/** Returns a function that notes an event, and returns how many there were in the last `ms` milliseconds. */
const createWindow = (ms: number) => {
  let times: number[] = []
  return (at: number): number => {
    times = times.filter((earlier) => earlier > at - ms)
    times.push(at)
    return times.length
  }
}

const percentilesOf = (values: readonly number[]): Percentiles => {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (part: number) => sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)] ?? 0
  return { count: sorted.length, p50: at(0.5), p99: at(0.99), max: sorted.at(-1) ?? 0 }
}
