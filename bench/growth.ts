import { randomUUID } from 'node:crypto'
import {
  DeleteMessageBatchCommand,
  ReceiveMessageCommand,
  SendMessageBatchCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { awsClientConfig } from '../local/aws/sdk.ts'
import { startSqs } from '../local/aws/sqs.ts'
import { toSqsEvent } from '../local/aws/sqs-event.ts'
import { LATENCIES } from './comparison.ts'
import { median, rounded } from './figures.ts'
import type { Container } from './processes.ts'
import { createProgress } from './progress.ts'
import { BATCH_SIZE, toBatch, toCrmEvent } from './requests.ts'
import { toTable } from './table.ts'
import { startWorld, type World } from './world.ts'

/** How much is measured. */
export interface GrowthExtent {
  /** After how many distinct consumers a container is measured. */
  readonly consumers: readonly number[]
  /** How many records wait. */
  readonly backlog: number
  readonly accounts: number
  /** Batches that warm a container up. */
  readonly warmUp: number
  /** Batches per measurement. */
  readonly batches: number
}

export const FULL_GROWTH: GrowthExtent = {
  consumers: [100, 1_000, 10_000, 100_000],
  backlog: 100_000,
  accounts: 200,
  warmUp: 10,
  batches: 100,
}
export const QUICK_GROWTH: GrowthExtent = {
  consumers: [20, 40],
  backlog: 100,
  accounts: 12,
  warmUp: 2,
  batches: 2,
}

/** The records of the first measurement are spread over so many accounts, each with at most 50 per second. */
const ACCOUNTS = 40
/** Each hop takes a millisecond there, so that 100,000 opens take minutes. */
const FAST = { livePersonMs: 1, awsMs: 1 }
/** The pause between the batches that warm a container up, in milliseconds: it learns its accounts' rate. */
const WARM_UP_PAUSE_MS = 1200
/** One account starts with 8 records per second, and with so many batches in a measurement. */
const ONE_ACCOUNT = { batches: 40, pauseMs: 1000 }

/** One row of the table. */
export interface GrowthRow {
  readonly what: string
  /** Per record, in milliseconds. */
  readonly cpuMs: number
  /** Of a batch, in milliseconds. */
  readonly batchMs: number
  readonly heapMb: number
  readonly rssMb: number
}

/** Measures whether time and memory grow with consumers, backlog and accounts. */
export const measureGrowth = async (extent: GrowthExtent): Promise<readonly GrowthRow[]> => {
  const progress = createProgress(extent.consumers.length + 4)
  try {
    const fast = await within(FAST, (world) => measureConsumers(world, extent, progress.start))
    const usual = await within(LATENCIES, async (world) => [
      ...(await measureBacklog(world, extent, progress.start)),
      ...(await measureAccounts(world, extent, progress.start)),
    ])
    return [...fast, ...usual]
  } finally {
    progress.end()
  }
}

const within = async <T>(latencies: typeof FAST, measure: (world: World) => Promise<T>): Promise<T> => {
  const world = await startWorld(latencies, false)
  try {
    return await measure(world)
  } finally {
    await world.close()
  }
}

const newConsumers = () => Array.from({ length: BATCH_SIZE }, () => randomUUID())

const startQueue = (world: World, accounts: number): Promise<Container> =>
  world.startContainer('ours', 'queue', { accounts, nodeOptions: ['--expose-gc'] })

const measure = async (
  what: string,
  container: Container,
  events: readonly object[],
  pauseMs?: number,
): Promise<GrowthRow> => {
  const { cpuMs, durationsMs, heapMb, rssMb } = await container.invoke(events, pauseMs)
  return { what, cpuMs: cpuMs / events.length / BATCH_SIZE, batchMs: median(durationsMs), heapMb, rssMb }
}

const measureConsumers = async (
  world: World,
  { consumers, batches }: GrowthExtent,
  onStep: (what: string) => void,
): Promise<readonly GrowthRow[]> => {
  const container = await startQueue(world, ACCOUNTS)
  const rows: GrowthRow[] = []
  const batchOf = (batch: number, ids: readonly string[]) => toBatch(ids, ACCOUNTS, batch * BATCH_SIZE)
  // The engine compiles what runs often, so the first measurement would otherwise be the slowest.
  const few = newConsumers()
  const repeated = Array.from({ length: 4 * batches }, (_, batch) => batchOf(batch, few))
  await container.invoke(repeated.slice(0, batches), 20)
  await container.invoke(repeated)
  let seen = few.length
  for (const level of consumers) {
    onStep(`${level.toLocaleString('en')} consumers`)
    for (; seen < level; seen += batches * BATCH_SIZE) {
      const count = Math.min(batches, Math.ceil((level - seen) / BATCH_SIZE))
      await container.invoke(Array.from({ length: count }, (_, batch) => batchOf(batch, newConsumers())))
    }
    const events = Array.from({ length: batches }, (_, batch) => batchOf(batch, newConsumers()))
    rows.push(await measure(`after ${level.toLocaleString('en')} consumers`, container, events))
    seen += batches * BATCH_SIZE
  }
  await container.stop()
  return rows
}

/** Warms a container up, and returns it. */
const startWarm = async (world: World, accounts: number, batches: number): Promise<Container> => {
  const container = await startQueue(world, accounts)
  const events = Array.from({ length: batches }, (_, batch) =>
    toBatch(newConsumers(), accounts, batch * BATCH_SIZE),
  )
  await container.invoke(events, WARM_UP_PAUSE_MS)
  return container
}

/** Sends messages to a real queue of the local stack, and receives a batch at a time as Lambda does. */
const measureBacklog = async (
  world: World,
  { backlog, warmUp, batches }: GrowthExtent,
  onStep: (what: string) => void,
): Promise<readonly GrowthRow[]> => {
  const sqs = await startSqs()
  const client = new SQSClient(awsClientConfig(sqs.url))
  const QueueUrl = sqs.eventsQueueUrl
  const container = await startWarm(world, ACCOUNTS, warmUp)
  let sent = 0
  const send = (count: number) =>
    Promise.all(
      Array.from({ length: Math.ceil(count / BATCH_SIZE) }, () =>
        client.send(
          new SendMessageBatchCommand({
            QueueUrl,
            Entries: Array.from({ length: BATCH_SIZE }, (_, index) => ({
              Id: String(index),
              MessageBody: JSON.stringify(toCrmEvent(randomUUID(), sent++ % ACCOUNTS)),
            })),
          }),
        ),
      ),
    )
  const receive = async () => {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl,
        MaxNumberOfMessages: BATCH_SIZE,
        MessageSystemAttributeNames: ['All'],
      }),
    )
    await client.send(
      new DeleteMessageBatchCommand({
        QueueUrl,
        Entries: Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    )
    return toSqsEvent(Messages, 'arn:aws:sqs:eu-west-1:123456789012:events')
  }
  const receiveAll = async () => {
    const events: object[] = []
    for (let batch = 0; batch < batches; batch++) events.push(await receive())
    return events
  }
  try {
    onStep('no backlog')
    await send(batches * BATCH_SIZE)
    const alone = await measure('a batch of 10 alone', container, await receiveAll())
    onStep(`${backlog.toLocaleString('en')} waiting records`)
    for (let waiting = 0; waiting < backlog; waiting += 1000) await send(Math.min(1000, backlog - waiting))
    await send(batches * BATCH_SIZE)
    const what = `a batch of 10 beside ${backlog.toLocaleString('en')}`
    return [alone, await measure(what, container, await receiveAll())]
  } finally {
    await container.stop()
    client.destroy()
    await sqs.close()
  }
}

const measureAccounts = async (
  world: World,
  { accounts, warmUp, batches }: GrowthExtent,
  onStep: (what: string) => void,
): Promise<readonly GrowthRow[]> => {
  const rows: GrowthRow[] = []
  for (const count of [1, accounts]) {
    onStep(`${count} accounts`)
    const container = await startWarm(world, count, warmUp)
    const length = Math.min(batches, ONE_ACCOUNT.batches)
    const events = Array.from({ length }, (_, batch) => toBatch(newConsumers(), count, batch * BATCH_SIZE))
    rows.push(
      await measure(`${count} account${count === 1 ? '' : 's'}`, container, events, ONE_ACCOUNT.pauseMs),
    )
    await container.stop()
  }
  return rows
}

/** Returns the measurements as a table. */
export const toGrowthTable = (rows: readonly GrowthRow[]): string =>
  toTable(
    ['', 'CPU per record, ms', 'a batch, ms', 'heap, MB', 'RSS, MB'],
    rows.map(({ what, cpuMs, batchMs, heapMb, rssMb }) => [
      what,
      ...[cpuMs, batchMs, heapMb, rssMb].map(rounded),
    ]),
  )
