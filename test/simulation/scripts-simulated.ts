import { AWS_FAULTS, CONTAINER_FAULTS, type Fault, type Faults, LIVEPERSON_FAULTS } from './faults.ts'
import { ACCOUNTS } from './requests.ts'
import { createStrikes, planScript, runScript, type Script, type ScriptEnding, type Site } from './scripts.ts'
import { installTime } from './time.ts'
import { createTrace, toTimeline } from './trace.ts'
import { createWorld, type World } from './world.ts'

const START = Date.UTC(2026, 10, 26, 9)
const PATIENCE_MS = 15 * 24 * 3600 * 1000

const impossible = <F extends Fault>(faults: readonly F[]): Partial<Record<F, number>> => {
  const odds: Partial<Record<F, number>> = {}
  for (const fault of faults) odds[fault] = 0
  return odds
}

/** A script with its ending in the simulated world. */
export interface SimulatedScript {
  readonly script: Script
  readonly ending: ScriptEnding
  /** Returns what happened, as text. */
  readonly timeline: () => string
}

/** A script has this many attempts to be one whose faults all strike. */
const ATTEMPTS = 1000

/**
 * Returns the first script of a seed whose faults all strike in the simulated world. Many don't: a message
 * isn't sent if the create before it fails, for example.
 */
export const planStruckScript = async (seed: string): Promise<SimulatedScript> => {
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const simulated = await simulateScript(planScript(seed, attempt))
    if (simulated.ending.struck.length === simulated.script.faults.length) return simulated
  }
  throw new Error(`No script of seed ${seed} has only faults that strike`)
}

/** Runs a script in the simulated world. */
export const simulateScript = async (script: Script): Promise<SimulatedScript> => {
  const time = installTime(START)
  try {
    const trace = createTrace({ now: time.now, keep: true })
    let world: World | undefined
    const strikes = createStrikes({
      script,
      close: () => {
        for (const { conversationId } of world?.livePerson.state.store.conversations.values() ?? [])
          world?.livePerson.close(conversationId)
      },
    })
    world = await createWorld({
      seed: script.seed,
      time,
      trace,
      faults: toFaults(strikes.at),
      // A script decides what strikes. The odds only say what can strike where.
      odds: {
        livePerson: () => impossible(LIVEPERSON_FAULTS),
        aws: () => impossible(AWS_FAULTS),
        fates: {},
      },
      containerOdds: impossible(CONTAINER_FAULTS),
      onLostAnswer: script.onLostAnswer,
      maxSkewMs: 0,
      onOpened: () => undefined,
    })
    const { sendEvent, isQuiet, submit, table, quarantine, livePerson, waiting } = world
    let ending: ScriptEnding | undefined
    let failure: unknown
    runScript(script, {
      strikes,
      submit,
      sendEvent: async (body) => sendEvent(body, ACCOUNTS[0]),
      untilQuiet: async () => {
        while (!isQuiet() && time.now() < START + PATIENCE_MS) await time.sleep(100)
      },
      sleep: time.sleep,
      readItems: async () => table.items(),
      conversations: () => [...livePerson.state.store.conversations.values()],
      waiting: () => waiting().length,
      readQuarantine: async () =>
        quarantine
          .messages()
          .map(({ attributes }) => ({ requestId: attributes.requestId ?? '', code: attributes.code ?? '' })),
    }).then(
      (ended) => {
        ending = ended
      },
      (error: unknown) => {
        failure = error
      },
    )
    await time.runUntil(() => ending !== undefined || failure !== undefined)
    if (!ending) throw new Error(`Script ${script.seed} did not end`, { cause: failure })
    return { script, ending, timeline: () => toTimeline(trace.events, () => true) }
  } finally {
    time.uninstall()
  }
}

/** Adapts a script's strikes. The world asks twice per call: for the container first, then for the call. */
const toFaults = (at: ReturnType<typeof createStrikes>['at']): Faults => {
  const atCall = new Map<string, Fault>()
  return {
    struck: [],
    stop: () => undefined,
    areOn: () => true,
    strike: (point, among) => {
      const call = point.replace(/ \/ container$/, '')
      const isCall = call === point
      const site = isCall ? undefined : siteOf(call)
      const fault = isCall ? atCall.get(call) : site && at(site)
      if (fault === undefined) return undefined
      if (isAmong(fault, among)) return fault
      if (isCall) throw new Error(`${fault} can't strike ${call}`)
      atCall.set(call, fault)
      return undefined
    },
  }
}

const isAmong = <F extends Fault>(fault: Fault, among: Readonly<Partial<Record<F, number>>>): fault is F =>
  fault in among

const SITES: readonly (readonly [RegExp, Site])[] = [
  [/^conversation /, 'conversation'],
  [/^send /, 'send'],
  [/^hand-over /, 'hand-over'],
  [/^idp /, 'idp'],
  [/^update request#/, 'update request'],
  [/^get consumer#/, 'get consumer'],
  [/^update consumer#/, 'update consumer'],
  [/^secret /, 'secret'],
  [/^quarantine /, 'quarantine'],
]

const siteOf = (point: string): Site | undefined => SITES.find(([pattern]) => pattern.test(point))?.[1]
