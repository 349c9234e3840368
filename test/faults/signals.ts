import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { createEnvironments } from '../security/deployment.ts'
import { drain } from '../support/drain.ts'
import { SOURCE_HANDLERS, startContainer } from '../support/process-container.ts'
import { createRandom } from '../support/random.ts'
import {
  ACCOUNT,
  bodyOf,
  CRM_UPGRADE,
  deliver,
  ORDER_HELP,
  STAGE,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../support/world.ts'

export interface SignalsOptions {
  readonly seed: string
  /** How many processes get SIGKILL. */
  readonly kills: number
  /** How many processes get SIGSTOP, and SIGCONT once another process has worked on their request. */
  readonly freezes: number
  /** URLs of the handlers' modules, by function. Default: the source files. */
  readonly handlers?: Readonly<Record<string, string>>
}

export interface SignalsReport {
  readonly findings: readonly string[]
  /** How many processes got each signal while they worked on a request, by signal and step. */
  readonly signals: Readonly<Record<string, number>>
  readonly conversations: number
}

/** When a process gets its signal: at a request to one of these services, or soon after it. */
const STEPS = ['sentinel', 'idp', 'conversation', 'send'] as const
const DELAYS_MS = [0, 0, 2, 5] as const

/** Longer than a claim lasts, in milliseconds. */
const LEASE_MS = 70_000

/**
 * Sends real signals to processes that run the handlers, in the middle of a request. Afterwards the sender
 * repeats the form, or the queue delivers the record again.
 */
export const runSignals = async (options: SignalsOptions): Promise<SignalsReport> => {
  const world = await startWorld()
  const environments = await createEnvironments(world)
  const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-clock-'))
  const clockFile = join(folder, 'ahead-ms')
  let aheadMs = 0
  const advance = (ms: number) => {
    aheadMs += ms
    world.livePerson.clock.advance(ms)
    writeFileSync(clockFile, String(aheadMs))
  }
  advance(0)
  try {
    const env = await environments.of(STAGE, {
      LOG_LEVEL: 'SILENT',
      POWERTOOLS_METRICS_DISABLED: 'true',
      NODE_OPTIONS: `--import=${new URL('shared-clock.ts', import.meta.url).href}`,
      CLOCK_FILE: clockFile,
    })
    return await run({ ...options, world, env, advance })
  } finally {
    await rm(folder, { recursive: true })
    await environments.remove()
    await world.close()
  }
}

const run = async ({
  world,
  env,
  advance,
  seed,
  kills,
  freezes,
  handlers = SOURCE_HANDLERS,
}: SignalsOptions & {
  readonly world: World
  readonly env: Readonly<Record<string, string>>
  /** Moves every clock forward by some milliseconds, also that of a frozen process. */
  readonly advance: (ms: number) => void
}): Promise<SignalsReport> => {
  const { livePerson } = world
  const { clock } = livePerson
  const random = createRandom(`${seed} signals`)
  const findings: string[] = []
  const signals: Record<string, number> = {}
  const { openFromForm = '', openFromQueue = '' } = handlers

  for (let index = 0; index < kills + freezes; index++) {
    const signal = index < kills ? 'SIGKILL' : 'SIGSTOP'
    const door = random.chance(0.5) ? 'form' : 'queue'
    const key = `${door}-${seed}-${index}`
    const message = `message of ${key}`
    const body = {
      requestId: `${key}-request`,
      campaign: door === 'form' ? ORDER_HELP : CRM_UPGRADE,
      context: { sessionId: key },
      message,
      ...(door === 'queue' && { consumer: { id: `consumer-${key}` } }),
    }
    const record = toRecord(body)
    const container = await startContainer({ openFromForm, openFromQueue }, env)
    const step = random.pick(STEPS)
    const delayMs = random.pick(DELAYS_MS)
    let remove: () => void = () => undefined
    const signalled = new Promise<true>((resolve) => {
      remove = livePerson.faults.add({
        service: step,
        kind: 'latency',
        ms: 0,
        match: () => {
          remove()
          setTimeout(() => {
            if (container.signal(signal))
              signals[`${signal} at ${step}`] = (signals[`${signal} at ${step}`] ?? 0) + 1
            resolve(true)
          }, delayMs)
          return false
        },
      })
    })
    const ids = new Set<string>()
    const work = (async () => {
      if (door === 'queue') return void (await container.deliver([record]))
      const { conversationId } = JSON.parse((await container.submit(body)).body)
      if (typeof conversationId === 'string') ids.add(conversationId)
    })().then(
      () => 'answered',
      () => 'killed',
    )
    await Promise.race([signalled, work])
    await wait(20)
    remove()

    // Others take over once the claim has expired.
    advance(LEASE_MS)
    const other = world.createService({ now: clock.now })
    if (door === 'form') {
      const { conversationId } = bodyOf(await submit(other, body))
      if (typeof conversationId === 'string') ids.add(conversationId)
    } else await deliver(other, [record])
    await drain(world)
    if (signal === 'SIGSTOP') {
      container.signal('SIGCONT')
      await work
      await drain(world)
    }
    container.signal('SIGKILL')

    const own = livePerson.conversations().filter(({ context }) => context?.sessionId === key)
    const sent = own.flatMap(({ messages }) => messages).filter(({ text }) => text === message).length
    const [item] = await other.ledger.find([ACCOUNT], door, body.requestId)
    const { status, conversationId, messageStatus } = item?.outcome ?? {}
    const say = (finding: string) => findings.push(`${key}, ${signal} at ${step} + ${delayMs} ms: ${finding}`)
    if (own.length !== 1) say(`${own.length} conversations`)
    if (sent > 1) say(`its message was sent ${sent} times`)
    if (status !== 'opened') say(`its status is ${status}`)
    if (conversationId !== undefined) ids.add(conversationId)
    if (ids.size > 1) say(`${ids.size} different ids were told`)
    for (const id of ids) if (own[0]?.conversationId !== id) say(`${id} isn't its conversation`)
    if (messageStatus === 'sent' && sent === 0) say('its message counts as sent, but was not sent')
    if (messageStatus === 'not_sent' && sent > 0) say('its message counts as not sent, but was sent')
  }
  return { findings, signals, conversations: livePerson.conversations().length }
}
