import { z } from 'zod'
import type { Item, StateTable } from '../../lib/aws/state-table.ts'
import type { Config } from '../../lib/config/environment.ts'
import { parseStageConfig } from '../../lib/config/stage.ts'
import { createOpenService } from '../../lib/service/open.ts'
import { ALL_FAULTS, createFaults } from '../simulation/faults.ts'
import { createSimulatedLivePerson, DOMAIN_API } from '../simulation/liveperson.ts'
import { captureOutput } from '../simulation/output.ts'
import { createRandom } from '../simulation/random.ts'
import { createMemoryTable } from '../simulation/state-table.ts'
import { installTime } from '../simulation/time.ts'
import { createTrace } from '../simulation/trace.ts'
import { createWorld } from '../simulation/world.ts'
import { ACCOUNT, CRM_UPGRADE, deliver, STAGE, submit, toRecord } from '../support/world.ts'

const START = Date.UTC(2026, 10, 26, 9)
/** What CloudWatch Logs counts for each line besides its text. */
const LINE_OVERHEAD_BYTES = 26
/** What DynamoDB counts for each item besides its attributes. */
const ITEM_OVERHEAD_BYTES = 100

/** What one request used. */
interface Usage {
  readonly writeUnits: number
  readonly readUnits: number
  readonly livePersonCalls: number
  /** The log and the metrics. Without the metrics of the batch. */
  readonly logBytes: number
  /** The metrics of the batch. 0 for a form. */
  readonly batchLogBytes: number
  readonly itemBytes: number
  /** Name and dimensions of each metric. */
  readonly metrics: readonly string[]
}

/** Sends requests of each kind to one warm container, and returns what each used. */
export const measureUsage = async () => {
  const time = installTime(START)
  try {
    const livePerson = await createSimulatedLivePerson(time, createRandom('LivePerson'), () => undefined)
    const [account] = livePerson.accounts
    const memory = createMemoryTable()
    let written = new Map<string, number>()
    let writeUnits = 0
    let readUnits = 0
    let livePersonCalls = 0
    const table: StateTable = {
      get: async (pk) => {
        readUnits += 1
        return memory.get(pk)
      },
      getMany: async (pks) => {
        readUnits += pks.length
        return memory.getMany(pks)
      },
      update: async (update) => {
        const before = sizeOfItem(await memory.get(update.pk))
        const result = await memory.update(update)
        const after = sizeOfItem(await memory.get(update.pk))
        written.set(update.pk, after)
        writeUnits += Math.ceil(Math.max(before, after) / 1024)
        return result
      },
    }
    const { next, uuid } = createRandom('container')
    const config: Config = {
      stage: parseStageConfig(STAGE, { name: 'the measurement', loopback: true }),
      domainApiUrl: DOMAIN_API,
      loopback: true,
      secretIdPrefix: 'campaign-conversations/prod',
      stateTable: 'state',
      eventsQueueUrl: 'https://sqs.example/events',
      handOverQueueUrl: 'https://sqs.example/hand-over',
      quarantineQueueUrl: 'https://sqs.example/quarantine',
      formDeadlineMs: 6000,
    }
    const service = createOpenService(config, {
      table,
      outbound: async (request) => {
        livePersonCalls += 1
        return { kind: 'answer', ...(await livePerson.carryOut(request)) }
      },
      readSecret: async () =>
        JSON.stringify({ clientId: account?.clientId, clientSecret: account?.clientSecrets[0] }),
      queues: {
        handOver: () => Promise.reject(new Error('Nothing is handed over without trouble.')),
        quarantine: () => Promise.reject(new Error('Nothing is quarantined without trouble.')),
        delay: () => Promise.reject(new Error('Nothing is put off without trouble.')),
      },
      now: time.now,
      sleep: time.sleep,
      uuid,
      random: next,
    })

    const measure = async (run: () => Promise<unknown>): Promise<Usage> => {
      written = new Map()
      writeUnits = readUnits = livePersonCalls = 0
      // Every line of the log and of the metrics has the service's name.
      const output = captureOutput('"service"')
      await run().finally(output.restore)
      const lines = output.leaks()
      const bytesOf = (some: readonly string[]) =>
        some.reduce((sum, line) => sum + Buffer.byteLength(line.trimEnd()) + LINE_OVERHEAD_BYTES, 0)
      const ofBatch = (line: string) => line.includes('"oldest_record_age"')
      return {
        writeUnits,
        readUnits,
        livePersonCalls,
        logBytes: bytesOf(lines.filter((line) => !ofBatch(line))),
        batchLogBytes: bytesOf(lines.filter(ofBatch)),
        itemBytes: [...written.values()].reduce((sum, bytes) => sum + bytes + ITEM_OVERHEAD_BYTES, 0),
        metrics: lines.flatMap(metricsIn),
      }
    }

    const message = 'My order is late'
    const form = (text?: string) => ({
      route: 'order-help',
      consumer: { firstName: 'Ana', lastName: 'Iversen', email: 'ana@example.org', phone: '+4520000000' },
      ...(text !== undefined && { message: text }),
    })
    const event = (id: string, text?: string, consumer = id) => ({
      requestId: `crm-upgrade-2026-11-23-000${id}`,
      accountId: ACCOUNT,
      campaign: CRM_UPGRADE,
      consumer: { id: `crm-${consumer}`, firstName: 'Ola', lastName: 'Berg' },
      ...(text !== undefined && { message: text }),
    })
    const deliverOne = (body: object) => deliver(service, [toRecord(body, { sentAt: time.now() })])

    await measure(() => submit(service, form()))
    return {
      form: await measure(() => submit(service, form())),
      formWithMessage: await measure(() => submit(service, form(message))),
      event: await measure(() => deliverOne(event('731'))),
      eventWithMessage: await measure(() => deliverOne(event('732', message))),
      repeat: await measure(() => deliverOne(event('731'))),
      existing: await measure(() => deliverOne(event('733', undefined, '731'))),
    }
  } finally {
    time.uninstall()
  }
}

const Emitted = z.object({
  _aws: z.object({
    CloudWatchMetrics: z.array(
      z.object({
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string() })),
      }),
    ),
  }),
})

/** Returns the metrics that CloudWatch stores of a line: each name with each set of dimensions. */
const metricsIn = (line: string): readonly string[] => {
  const { data } = Emitted.safeParse(JSON.parse(line))
  return (data?._aws.CloudWatchMetrics ?? []).flatMap(({ Dimensions, Metrics }) =>
    Metrics.flatMap(({ Name }) => Dimensions.map((dimensions) => `${Name} by ${dimensions.join(' and ')}`)),
  )
}

/**
 * Sends CRM events to the simulated world, all at once and without faults. Returns when each conversation was
 * opened, in seconds. Sorted.
 */
export const measureFlood = async (events: number): Promise<readonly number[]> => {
  const time = installTime(START)
  const output = captureOutput('\n\n')
  const opened: number[] = []
  try {
    const world = await createWorld({
      seed: 'flood',
      time,
      faults: createFaults({ seed: 'flood', intensity: 1, only: undefined, without: ALL_FAULTS }),
      trace: createTrace({ now: time.now, keep: false }),
      odds: { livePerson: () => ({}), aws: () => ({}), fates: {} },
      containerOdds: {},
      onLostAnswer: 'repeat',
      maxSkewMs: 0,
      onOpened: () => {
        opened.push((time.now() - START) / 1000)
      },
    })
    for (let index = 0; index < events; index++)
      world.sendEvent(
        JSON.stringify({
          requestId: `flood-event-${index}`,
          accountId: ACCOUNT,
          campaign: CRM_UPGRADE,
          consumer: { id: `crm-${index + 1}`, firstName: 'Ola' },
          context: { sessionId: `queue-${index}` },
        }),
        ACCOUNT,
      )
    await time.runUntil(() => world.isQuiet() || time.now() > START + 3_600_000)
    return opened
  } finally {
    output.restore()
    time.uninstall()
  }
}

/**
 * Returns the size of an item, in bytes.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
 */
const sizeOfItem = (item: Item | undefined): number =>
  Object.entries(item ?? {}).reduce((sum, [name, value]) => sum + Buffer.byteLength(name) + sizeOf(value), 0)

const sizeOf = (value: unknown): number => {
  switch (typeof value) {
    case 'string':
      return Buffer.byteLength(value)
    case 'number':
      return Math.ceil(String(value).replace(/\D/g, '').length / 2) + 1
    case 'object':
      return value === null ? 1 : 3 + Object.values(value).length + sizeOfMembers(value)
    default:
      return 1
  }
}

const sizeOfMembers = (value: object): number =>
  Array.isArray(value) ? value.reduce((sum: number, one) => sum + sizeOf(one), 0) : sizeOfItem({ ...value })
