import type { Item } from '../../lib/aws/state-table.ts'
import type { OpenService } from '../../lib/service/open.ts'
import type { Conversation } from '../../local/liveperson/state/store.ts'
import type { ContainerOdds } from './container.ts'
import {
  AWS_FAULTS,
  createFaults,
  type Fault,
  LIVEPERSON_FAULTS,
  numbersFor,
  SEND_FAULTS,
  type Struck,
} from './faults.ts'
import { check, type Ending, type Finding, type Quarantined, type Told } from './invariants.ts'
import type { Odds } from './network.ts'
import { captureOutput } from './output.ts'
import { ACCOUNTS, MARK, type Planned, planRequests } from './requests.ts'
import { installTime } from './time.ts'
import { createTrace, type TraceEvent } from './trace.ts'
import { createWorld, type World } from './world.ts'

export interface SimulationOptions {
  readonly seed: string
  readonly requests: number
  /** `day`: CRM events only, spread over 24 hours. Default: both doors, in waves. */
  readonly span?: 'day'
  readonly onLostAnswer?: 'repeat' | 'hold'
  /** Multiplies the odds of every fault. */
  readonly intensity?: number
  /** Faults that never strike. */
  readonly without?: readonly Fault[]
  /** Promises that are not checked. */
  readonly unchecked?: readonly string[]
  /** If set, only these faults strike. Shrinking a failing run needs this. */
  readonly only?: readonly Struck[]
  /** If set, only these requests are sent. */
  readonly keys?: ReadonlySet<string>
  readonly keepTrace?: boolean
  /** Replaces the service of every container, as a mutant does. */
  readonly change?: (service: OpenService) => OpenService
}

export interface Report {
  readonly seed: string
  readonly requests: number
  readonly findings: readonly Finding[]
  readonly struck: readonly Struck[]
  readonly digest: string
  readonly events: readonly TraceEvent[]
  readonly conversations: number
  /**
   * Requests with a second conversation, because an agent closed the first between a lost answer and the
   * repeat.
   */
  readonly reopened: number
  readonly states: Readonly<Record<string, number>>
  readonly answers: Readonly<Record<string, number>>
  readonly quarantined: number
  readonly virtualMs: number
  readonly peaks: ReturnType<World['peaks']>
  readonly containers: number
}

const START = Date.UTC(2026, 10, 26, 9)
const DAY = 24 * 3600 * 1000
/** Longer than a queue of the stage keeps a message. */
const PATIENCE_MS = 15 * DAY

const same = <F extends string>(faults: readonly F[], odds: number) =>
  Object.fromEntries(faults.map((fault) => [fault, odds])) as Record<F, number>

const odds: Odds = {
  livePerson: (service) => {
    if (service === 'send') return same(SEND_FAULTS, 0.006)
    const all = same(LIVEPERSON_FAULTS, 0.006)
    if (service === 'domain' || service === 'sentinel')
      return { ...all, 'AppJWT expired': 0, 'ConsumerJWS revoked': 0 }
    return service === 'idp' ? { ...all, 'ConsumerJWS revoked': 0 } : all
  },
  aws: (operation) =>
    same(AWS_FAULTS, operation === 'Secrets Manager' ? 0.05 : operation === 'SQS' ? 0.04 : 0.008),
}

const containerOdds: ContainerOdds = {
  'killed before': 0.002,
  'killed after': 0.002,
  frozen: 0.002,
  'frozen past the lease': 0.001,
}

/** Runs one seed to its end and checks every invariant. The same options give the same report. */
export const simulate = async (options: SimulationOptions): Promise<Report> => {
  const { seed, requests, onLostAnswer = 'repeat', keys } = options
  const time = installTime(START)
  const output = captureOutput(MARK)
  try {
    const trace = createTrace({ now: time.now, keep: options.keepTrace ?? false })
    const faults = createFaults({
      seed,
      intensity: options.intensity ?? 1,
      only: options.only,
      without: options.without ?? [],
    })
    const told: Told[] = []
    const closed: { conversation: Conversation; at: number }[] = []
    let agents = true
    const spanMs = options.span === 'day' ? DAY : Math.max(60_000, requests * 30)

    const planned = planRequests(seed, requests, spanMs, options.span)
      .filter(({ key }) => keys?.has(key) ?? true)
      .map((request) =>
        request.isShared &&
        request.body.message !== undefined &&
        !faults.strike(`message of ${request.key}`, { 'message of a shared consumer': 1 })
          ? withoutMessage(request)
          : request,
      )
    const world = await createWorld({
      seed,
      time,
      faults,
      trace,
      odds,
      containerOdds,
      onLostAnswer,
      maxSkewMs: 5000,
      ...(options.change && { change: options.change }),
      onOpened: (conversation) => {
        const key = String(conversation.context?.sessionId)
        trace.add('LivePerson', `opens ${conversation.conversationId} for ${key}`)
        const point = `agent of ${key} ${conversation.conversationId}`
        const fault = agents && faults.strike(point, { 'agent closes at once': 0.05, 'agent closes': 0.1 })
        if (!fault) return
        const numbers = numbersFor(seed, point)
        const waitMs =
          fault === 'agent closes' ? numbers.pick([3000, 20_000]) : numbers.pick([5, 40, 100, 400])
        time.after(waitMs, () => {
          if (conversation.state !== 'OPEN') return
          trace.add('agent', `closes ${conversation.conversationId} of ${key}`)
          closed.push({ conversation, at: time.now() })
          world.livePerson.close(conversation.conversationId)
        })
      },
    })

    let senders = 0
    const ask = async (
      planned: Planned,
      how: Told['how'],
      call: () => Promise<{ httpStatus: number; body: Told['body'] }>,
    ) => {
      const askedAt = time.now()
      const answer = await call()
      const { status, code } = answer.body
      // A request that isn't recorded yet has no status.
      if (how === 'status' && answer.httpStatus !== 200) return answer
      trace.add(`sender ${planned.key}`, `${how} ${answer.httpStatus} ${status ?? code ?? ''}`)
      told.push({ key: planned.key, askedAt, at: time.now(), how, ...answer })
      return answer
    }

    const followStatus = async (request: Planned) => {
      const { requestId } = request.body
      if (requestId === undefined) return
      for (const waitMs of [5000, 10_000, 20_000, 60_000, 300_000, 1_800_000]) {
        await time.sleep(waitMs)
        const { body } = await ask(request, 'status', () => world.askStatus(requestId))
        if (['opened', 'existing', 'rejected'].includes(String(body.status))) return
      }
    }

    /** Asks for the status again and again, as an impatient page does. */
    const askConstantly = async (request: Planned) => {
      if (!faults.strike(`status of ${request.key}`, { 'constant status requests': 0.03 })) return
      for (let asked = 0; asked < 40; asked++) {
        await time.sleep(150)
        await ask(request, 'status', () => world.askStatus(request.body.requestId ?? ''))
      }
    }

    const sendForm = async (request: Planned) => {
      void askConstantly(request)
      for (const waitMs of [1000, 3000, 10_000, 60_000, 600_000]) {
        const answer = await ask(request, 'answer', () => world.submit(request.body))
        if (answer.httpStatus < 500) break
        await time.sleep(waitMs)
      }
      await followStatus(request)
    }

    const send = async (request: Planned) => {
      trace.add(`sender ${request.key}`, 'sends')
      if (request.door === 'form') await sendForm(request)
      else world.events.send(JSON.stringify(request.body), {})
    }

    for (const request of planned)
      for (const at of request.copies) {
        senders += 1
        time.after(at, () => void send(request).finally(() => (senders -= 1)))
      }
    const scheduled = scheduleEvents({ seed, time, faults, world, spanMs })

    const isQuiet = () => {
      const { ready, delayed, inFlight } = world.events.counts()
      return senders === 0 && ready + delayed + inFlight === 0 && world.mapping.running() === 0
    }
    await time.runUntil(() => isQuiet() || time.now() > START + PATIENCE_MS)
    agents = false
    world.troubled.clear()

    const { conversations } = world.livePerson.state.store
    const troubles = scheduled.troubles
    const struckKeys = new Set(faults.struck.flatMap(({ point }) => point.match(/(?:form|queue)-\d+/g) ?? []))
    const isCalm = ({ key, accountId, copies: [sentAt = 0], isShared }: Planned) =>
      accountId === ACCOUNTS[0] &&
      !isShared &&
      !struckKeys.has(key) &&
      troubles.some(({ from, to }) => sentAt >= from && sentAt <= to)
    const lost = new Set(faults.struck.flatMap(({ point }) => /^send (\S+)/.exec(point)?.[1] ?? []))
    const lostQueue = new Set(
      planned.filter(({ body }) => lost.has(body.requestId ?? '')).map(({ key }) => key),
    )
    const ending = endingOf({
      world,
      planned,
      told,
      closed,
      output,
      onLostAnswer,
      isCalm,
      lostQueue,
      hasFaults: faults.struck.length > 0,
    })
    const findings = check(ending, options.unchecked ?? [])
    trace.add('the run', `ends with ${findings.length} findings`)
    return {
      seed,
      requests: planned.length,
      findings,
      struck: faults.struck,
      digest: trace.digest(),
      events: trace.events,
      conversations: conversations.size,
      reopened: ending.reopened.size,
      states: countBy([...ending.items.values()].map(({ status }) => String(status))),
      answers: countBy(told.map(({ httpStatus, body }) => `${httpStatus} ${body.code ?? body.status ?? ''}`)),
      quarantined: ending.quarantined.length,
      virtualMs: time.now() - START,
      peaks: world.peaks(),
      containers: world.containersMade(),
    }
  } finally {
    output.restore()
    time.uninstall()
  }
}

const withoutMessage = ({ body: { message: _, ...body }, ...request }: Planned): Planned => ({
  ...request,
  body,
})

/** Schedules what no call causes: hosts that move, deployments, rotated secrets and an account in trouble. */
const scheduleEvents = ({
  seed,
  time,
  faults,
  world,
  spanMs,
}: {
  readonly seed: string
  readonly time: ReturnType<typeof installTime>
  readonly faults: ReturnType<typeof createFaults>
  readonly world: World
  readonly spanMs: number
}) => {
  const plan = (fault: Fault, times: number, run: (point: string) => void) => {
    for (let index = 0; index < times; index++) {
      const point = `event ${fault} #${index + 1}`
      if (!faults.strike(point, { [fault]: 0.9 })) continue
      time.after(numbersFor(seed, point).below(spanMs), () => run(point))
    }
  }
  plan('domains move', 12, () => world.livePerson.moveHosts())
  plan('deploy', 12, () => world.deploy('reordered'))
  plan('deploy of a new key formula', 12, () => world.deploy('new formula'))
  const troubles: { readonly from: number; readonly to: number }[] = []
  plan('account in trouble', 4, (point) => {
    world.troubled.add(ACCOUNTS[1])
    const lengthMs = 20_000 + numbersFor(seed, `${point} length`).below(100_000)
    troubles.push({ from: time.now() - START, to: time.now() - START + lengthMs })
    time.after(lengthMs, () => world.troubled.delete(ACCOUNTS[1]))
  })
  plan('secret rotated', 12, (point) => {
    const accountId = ACCOUNTS[0]
    const account = world.livePerson.accounts.find((each) => each.accountId === accountId)
    const secretId = `campaign-conversations/test/${accountId}`
    const before = world.secrets.get(secretId)
    if (!account || !before) return
    const clientSecret = `rotated-${numbersFor(seed, point).uuid()}`
    account.clientSecrets = [clientSecret, ...account.clientSecrets].slice(0, 2)
    world.secrets.set(secretId, {
      AWSCURRENT: JSON.stringify({ clientId: account.clientId, clientSecret }),
      ...(before.AWSCURRENT !== undefined && { AWSPREVIOUS: before.AWSCURRENT }),
    })
  })
  return { troubles }
}

const endingOf = ({
  world,
  planned,
  told,
  closed,
  output,
  onLostAnswer,
  isCalm,
  lostQueue,
  hasFaults,
}: {
  readonly hasFaults: boolean
  readonly lostQueue: ReadonlySet<string>
  readonly isCalm: Ending['isCalm']
  readonly world: World
  readonly planned: readonly Planned[]
  readonly told: readonly Told[]
  readonly closed: readonly { conversation: Conversation; at: number }[]
  readonly output: ReturnType<typeof captureOutput>
  readonly onLostAnswer: 'repeat' | 'hold'
}): Ending => {
  const allItems = world.table.items()
  const itemOf = ({ accountId, door, body }: Planned): Item | undefined => {
    const pks = [accountId, ...ACCOUNTS].map((account) => `request#${account}#${door}#${body.requestId}`)
    return pks.map((pk) => allItems.get(pk)).find((item) => item !== undefined)
  }
  const conversations = [...world.livePerson.state.store.conversations.values()]
  const closedAt = new Map(closed.map(({ conversation, at }) => [conversation.conversationId, at]))
  const policyOf = (accountId: string) => (accountId === ACCOUNTS[0] ? onLostAnswer : 'repeat')
  const reopened = new Set<string>()
  for (const [key, own] of Map.groupBy(conversations, ({ context }) => String(context?.sessionId))) {
    const sorted = own.toSorted((a, b) => a.openedAt - b.openedAt)
    const isAllowed = sorted.slice(1).every(({ openedAt, accountId }, index) => {
      const before = closedAt.get(sorted[index]?.conversationId ?? '')
      return before !== undefined && before <= openedAt && policyOf(accountId) === 'repeat'
    })
    if (own.length > 1 && isAllowed) reopened.add(key)
  }
  const quarantined: Quarantined[] = world.quarantine.messages().map(({ body, attributes = {} }) => ({
    body,
    door: body.startsWith('{"handedOver":{"door":"form"') ? 'form' : 'queue',
    requestId: attributes.requestId ?? /"requestId":"([^"]*)"/.exec(body)?.[1] ?? '',
    code: attributes.code ?? '',
    detail: attributes.detail ?? '',
    attributes: JSON.stringify(attributes),
  }))
  return {
    planned,
    told,
    items: new Map(
      planned.flatMap((each) => {
        const item = itemOf(each)
        return item ? [[each.key, item] as const] : []
      }),
    ),
    allItems,
    conversations,
    byId: new Map(conversations.map((each) => [each.conversationId, each])),
    messages: countTexts(conversations),
    quarantined,
    waiting: new Set(world.events.messages().map(({ body }) => waitingKeyOf(body))),
    reopened,
    // If the call to the queue failed too, an attempt had nowhere to keep the id.
    readIds: new Map([...world.readIds].filter(([key]) => !lostQueue.has(key))),
    leaks: output.leaks(),
    isCalm,
    startedAt: START,
    hasFaults,
    onLostAnswer: policyOf,
  }
}

const countTexts = (conversations: readonly Conversation[]): ReadonlyMap<string, number> => {
  const counts = new Map<string, number>()
  for (const { messages } of conversations)
    for (const { text } of messages) counts.set(text, (counts.get(text) ?? 0) + 1)
  return counts
}

const waitingKeyOf = (body: string): string => {
  const said = JSON.parse(body)
  return said.handedOver ? `${said.handedOver.door} ${said.handedOver.requestId}` : `queue ${said.requestId}`
}

const countBy = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
