import type { Item } from '../../lib/aws/state-table.ts'
import { createAgents } from './agents.ts'
import type { ContainerOdds } from './container.ts'
import { mayNameAnothers } from './conversation-invariants.ts'
import { type Ending, endingOf } from './ending.ts'
import {
  AWS_FAULTS,
  createFaults,
  FATES,
  type Fault,
  LIVEPERSON_FAULTS,
  SEND_FAULTS,
  type Struck,
} from './faults.ts'
import { check, type Finding, subjectsOf } from './invariants.ts'
import type { Odds } from './network.ts'
import { endOperations, scheduleOperations, type Trouble } from './operations.ts'
import { captureOutput } from './output.ts'
import { createPushes } from './pushes.ts'
import { checkReplay } from './replay-invariants.ts'
import { ACCOUNTS, MARK, type Planned, planRequests } from './requests.ts'
import { startSenders } from './senders.ts'
import type { Invariant } from './subject.ts'
import { installTime, type VirtualTime } from './time.ts'
import { createTrace, type TraceEvent } from './trace.ts'
import { untoldOf } from './webhook-invariants.ts'
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
  /** If set, only these faults strike. Shrinking a failing run needs this. */
  readonly only?: readonly Struck[]
  /** If set, only these requests are sent. */
  readonly keys?: ReadonlySet<string>
  readonly keepTrace?: boolean
  /** Whether LivePerson's webhooks are set up. Default: true. */
  readonly webhooks?: boolean
  /** Called with the item before and after each write of the state table. */
  readonly onWrite?: (before: Item | undefined, after: Item) => void
  /** Promises that are checked besides the service's own. */
  readonly others?: Readonly<Record<string, Invariant>>
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
  /** What no push can tell a request. See {@link untoldOf}. */
  readonly untold: { readonly closings: number; readonly outcomes: number }
  /** How many requests name another request's conversation. See {@link mayNameAnothers}. */
  readonly mistaken: number
  readonly states: Readonly<Record<string, number>>
  /** The number of messages in each state. */
  readonly messages: Readonly<Record<string, number>>
  readonly answers: Readonly<Record<string, number>>
  /** The number of quarantined records with each code. */
  readonly quarantined: Readonly<Record<string, number>>
  /** Conversations that the replay at the end opened. */
  readonly replayed: number
  readonly virtualMs: number
  readonly peaks: ReturnType<World['peaks']>
  readonly containers: number
}

const START = Date.UTC(2026, 10, 26, 9)
const DAY = 24 * 3600 * 1000
/** Longer than a queue of the stage keeps a message. */
const PATIENCE_MS = 15 * DAY
/** A queue may keep a second copy of a deleted message for this long. */
const CALM_AFTER_MS = 10_000

const same = <F extends string>(faults: readonly F[], odds: number) =>
  Object.fromEntries(faults.map((fault) => [fault, odds])) as Record<F, number>

const odds: Odds = {
  livePerson: (service) => {
    if (service === 'send') return sendOdds
    if (service === 'domain' || service === 'sentinel') return tokenOdds
    return service === 'idp' ? idpOdds : createOdds
  },
  aws: (operation) =>
    operation === 'Secrets Manager' ? secretOdds : operation === 'SQS' ? sqsOdds : tableOdds,
  fates: same(FATES, 0.002),
}
const createOdds = same(LIVEPERSON_FAULTS, 0.006)
const sendOdds = same(SEND_FAULTS, 0.006)
const idpOdds = { ...createOdds, 'ConsumerJWS revoked': 0 }
const tokenOdds = { ...idpOdds, 'AppJWT expired': 0 }
const secretOdds = same(AWS_FAULTS, 0.05)
const sqsOdds = same(AWS_FAULTS, 0.04)
const tableOdds = same(AWS_FAULTS, 0.008)

const containerOdds: ContainerOdds = {
  'killed before': 0.002,
  'killed after': 0.002,
  frozen: 0.002,
  'frozen past the lease': 0.001,
}

/** Faults that a healthy account doesn't notice. */
const TROUBLE: readonly Fault[] = ['account in trouble', 'account in trouble for hours']

/**
 * Runs one seed to its end, checks every invariant, and replays everything that was quarantined and every
 * event. The same options give the same report.
 */
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
    const spanMs = options.span === 'day' ? DAY : Math.max(60_000, requests * 30)
    const planned = planRequests(seed, requests, spanMs, options.span).filter(
      ({ key }) => keys?.has(key) ?? true,
    )
    const agents = createAgents({ seed, time, faults, trace, livePerson: () => world.livePerson })
    const hasWebhooks = options.webhooks !== false
    const pushes = createPushes({ seed, time, faults, trace, world: () => world })
    const world = await createWorld({
      ...{ seed, time, faults, trace, odds, containerOdds, onLostAnswer },
      maxSkewMs: 5000,
      onOpened: agents.onOpened,
      ...(options.onWrite && { onWrite: options.onWrite }),
      ...(hasWebhooks && { onChanged: pushes.onChanged }),
    })
    const senders = startSenders({ world, time, faults, trace, planned })
    const { troubles } = scheduleOperations({ seed, time, faults, world, spanMs })

    const isOver = () => senders.active() === 0 && world.isQuiet() && pushes.pending() === 0
    await time.runUntil(() => isOver() || time.now() > START + PATIENCE_MS)
    const takeEnding = () =>
      endingOf({
        ...{ world, planned, onLostAnswer },
        told: senders.told,
        closed: agents.closed,
        leaks: output.leaks(),
        isCalm: calmOf(faults.struck, troubles),
        lostQueue: lostQueueOf(planned, faults.struck),
        hasWebhooks,
        hasFaults: faults.struck.length > 0,
        startedAt: START,
        endedAt: time.now(),
      })
    const ending = takeEnding()
    const endedAt = time.now()
    const subjects = subjectsOf(ending)
    const untold = subjects.map(untoldOf)
    const countUntold = (kind: ReturnType<typeof untoldOf>) => untold.filter((each) => each === kind).length
    const findings = [...check(ending, options.others)]
    const opened = ending.conversations.length

    faults.stop()
    await endOperations(world)
    agents.closeHalf()
    await replay({ world, time, ending, planned, isOver })
    const replayed = takeEnding()
    findings.push(...checkReplay(ending, replayed), ...world.witness.broken())
    trace.add('the run', `ends with ${findings.length} findings`)
    return {
      seed,
      requests: planned.length,
      findings,
      struck: faults.struck,
      digest: trace.digest(),
      events: trace.events,
      conversations: opened,
      reopened: replayed.reopened.size,
      untold: { closings: countUntold('closing'), outcomes: countUntold('outcome') },
      mistaken: subjects.filter(mayNameAnothers).length,
      states: countBy([...ending.items.values()].map(({ status }) => String(status))),
      messages: countBy(
        [...ending.items.values()].flatMap(({ messageStatus }) =>
          typeof messageStatus === 'string' ? [messageStatus] : [],
        ),
      ),
      answers: countBy(
        senders.told.map(({ httpStatus, body }) => `${httpStatus} ${body.code ?? body.status ?? ''}`),
      ),
      quarantined: countBy(ending.quarantined.map(({ code }) => code)),
      replayed: replayed.conversations.length - opened,
      virtualMs: endedAt - START,
      peaks: world.peaks(),
      containers: world.containersMade(),
    }
  } finally {
    output.restore()
    time.uninstall()
  }
}

/** Sends everything that is in quarantine, and every event, once more. */
const replay = async ({
  world,
  time,
  ending,
  planned,
  isOver,
}: {
  readonly world: World
  readonly time: VirtualTime
  readonly ending: Ending
  readonly planned: readonly Planned[]
  readonly isOver: () => boolean
}): Promise<void> => {
  for (const record of ending.quarantined) world.replay(record)
  for (const { door, body, accountId } of planned)
    if (door === 'queue') world.sendEvent(JSON.stringify(body), accountId)
  const from = time.now()
  await time.runUntil(() => isOver() || time.now() > from + PATIENCE_MS)
  await time.runUntil(() => time.now() > from + CALM_AFTER_MS)
}

/** Whether a request of the first account was sent while only the second was in trouble, and no fault struck. */
const calmOf = (struck: readonly Struck[], troubles: readonly Trouble[]): Ending['isCalm'] => {
  const isAlone = struck.every(({ fault }) => TROUBLE.includes(fault))
  return ({ accountId, copies: [sentAt = 0], isShared }) =>
    isAlone &&
    accountId === ACCOUNTS[0] &&
    !isShared &&
    troubles.some(({ from, to }) => sentAt >= from && sentAt <= to)
}

/** Returns the requests of which a call to a queue failed. */
const lostQueueOf = (planned: readonly Planned[], struck: readonly Struck[]): ReadonlySet<string> => {
  const lost = new Set(struck.flatMap(({ point }) => /^hand-over (\S+)/.exec(point)?.[1] ?? []))
  return new Set(planned.filter(({ body }) => lost.has(body.requestId ?? '')).map(({ key }) => key))
}

const countBy = (names: readonly string[]): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const name of names.toSorted()) counts[name] = (counts[name] ?? 0) + 1
  return counts
}
