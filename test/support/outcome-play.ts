import { marshall } from '@aws-sdk/util-dynamodb'
import type { Context, DynamoDBBatchResponse } from 'aws-lambda'
import { createHandler } from '../../functions/publish-outcomes.ts'
import type { BusEvent, EventBus } from '../../lib/aws/event-bus.ts'
import type { Item } from '../../lib/aws/state-table.ts'
import { type OutcomeDetail, readOutcomeEvent } from '../../lib/conversation/outcome-event.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import { createOutcomesService } from '../../lib/service/outcomes.ts'
import type { Invocation } from '../../local/aws/invoke.ts'
import { readResources } from '../../local/aws/resources.ts'
import { startStreamMapping } from '../../local/aws/stream-mapping.ts'
import { createTableStream, type Image } from '../../local/aws/table-stream.ts'
import { findWrongOutcomes } from '../simulation/outcome-invariants.ts'
import { createRandom } from '../simulation/random.ts'
import { simulate } from '../simulation/simulate.ts'
import type { Outcome } from '../simulation/world.ts'

/** A write of the state table: the item before and after. */
export type Write = readonly [before: Item | undefined, after: Item]

/**
 * Runs requests over both doors through the simulated world, with all its faults. Returns every write, and
 * what is wrong with the outcomes. `npm run test:simulation` checks the other promises, with many seeds.
 */
export const writesOf = async (seed: string, requests: number) => {
  const writes: Write[] = []
  const report = await simulate({ seed, requests, onWrite: (before, after) => writes.push([before, after]) })
  const wrong = report.findings.filter(({ invariant }) => invariant.includes('outcome event'))
  return { writes, report, wrong }
}

/** How often each thing happened. */
export type Tally = Record<
  | 'invocations'
  | 'killed before PutEvents'
  | 'killed after PutEvents, before its answer'
  | 'delivered again'
  | 'bisected'
  | 'partial failure'
  | 'throttled'
  | 'answer lost'
  | 'slow'
  | 'down',
  number
>

export const createTally = (): Tally => ({
  invocations: 0,
  'killed before PutEvents': 0,
  'killed after PutEvents, before its answer': 0,
  'delivered again': 0,
  bisected: 0,
  'partial failure': 0,
  throttled: 0,
  'answer lost': 0,
  slow: 0,
  down: 0,
})

/** A clock that moves when something waits. */
export interface PlayClock {
  readonly now: () => number
  readonly sleep: (ms: number) => Promise<void>
}

export const createPlayClock = (startAt = 1_764_150_000_000): PlayClock => {
  let time = startAt
  return {
    now: () => time,
    sleep: async (ms) => {
      time += ms
    },
  }
}

/**
 * Returns a bus in memory that fails in every way of EventBridge's, and what it has in the order of arrival.
 *
 * @param options.outage When it is down, in milliseconds since the epoch.
 */
export const createFaultyBus = ({
  seed,
  clock,
  tally,
  outage,
}: {
  readonly seed: string
  readonly clock: PlayClock
  readonly tally: Tally
  readonly outage?: { readonly from: number; readonly to: number }
}) => {
  const random = createRandom(`${seed}\nbus`)
  const has: BusEvent[] = []
  const refuse = (): never => {
    throw new ServiceUnavailableError({ detail: 'EventBridge PutEvents failed.' })
  }
  const bus: EventBus = {
    put: async (events) => {
      const fitting = events.slice(0, 10)
      if (outage && clock.now() >= outage.from && clock.now() < outage.to) {
        tally.down += 1
        await clock.sleep(10_000)
        return refuse()
      }
      if (random.chance(0.1)) {
        tally.slow += 1
        await clock.sleep(random.between(1000, 20_000))
      }
      if (random.chance(0.1)) {
        tally.throttled += 1
        return refuse()
      }
      const failing = random.chance(0.2)
      const answers = fitting.map((event) => {
        if (failing && random.chance(0.3))
          return random.chance(0.5) ? 'ThrottlingException' : 'InternalFailure'
        has.push(event)
        return undefined
      })
      if (answers.some((code) => code !== undefined)) tally['partial failure'] += 1
      if (random.chance(0.1)) {
        tally['answer lost'] += 1
        return refuse()
      }
      return answers
    },
  }
  return { bus, has }
}

/**
 * Invokes `publishOutcomes` with the writes, as Lambda does, until all of them are processed. The function is
 * killed around its calls, and batches that succeeded are delivered again.
 *
 * @param options.bus Where the function publishes.
 */
export const play = async ({
  seed,
  writes,
  bus,
  clock,
  tally,
}: {
  readonly seed: string
  readonly writes: readonly Write[]
  readonly bus: EventBus
  readonly clock: PlayClock
  readonly tally: Tally
}): Promise<void> => {
  const random = createRandom(`${seed}\nplay`)
  const { streamArn, streamSources } = readResources()
  const [source] = streamSources
  if (!source) throw new Error('No function reads the stream.')
  const stream = createTableStream({ arn: streamArn, now: clock.now })
  for (const [before, after] of writes)
    stream.push({ oldImage: before && toImage(before), newImage: toImage(after) })

  /** Each invocation has a container of its own, so that a dead one never continues. */
  const invokeOnce = async (event: object): Promise<Invocation> => {
    tally.invocations += 1
    let kill = () => {}
    const killed = new Promise<Invocation>((resolve) => {
      kill = () => resolve({ functionError: 'Unhandled', payload: '{"errorType":"Runtime.ExitError"}' })
    })
    const die = (why: 'killed before PutEvents' | 'killed after PutEvents, before its answer') => {
      tally[why] += 1
      kill()
      return new Promise<never>(() => undefined)
    }
    const mortal: EventBus = {
      put: async (events) => {
        if (random.chance(0.04)) return die('killed before PutEvents')
        const answers = await bus.put(events)
        if (random.chance(0.04)) return die('killed after PutEvents, before its answer')
        return answers
      },
    }
    const service = createOutcomesService(
      { eventBus: 'none' },
      { bus: mortal, now: clock.now, sleep: clock.sleep, random: random.next },
    )
    const endsAt = clock.now() + 60_000
    const context = { getRemainingTimeInMillis: () => endsAt - clock.now() } as Context
    const handled = createHandler(() => service)(JSON.parse(JSON.stringify(event)), context)
    return Promise.race([
      killed,
      Promise.resolve(handled as Promise<DynamoDBBatchResponse>).then(
        (answer): Invocation => ({ payload: JSON.stringify(answer) }),
      ),
    ])
  }

  const mapping = startStreamMapping({
    ...source,
    stream,
    now: clock.now,
    sleep: clock.sleep,
    onDiscarded: async () => {
      throw new Error('A record was given up')
    },
    invoke: async (event) => {
      const invocation = await invokeOnce(event)
      if (invocation.functionError !== undefined) {
        if (JSON.stringify(event).split('SequenceNumber').length > 2) tally.bisected += 1
        return invocation
      }
      if (!random.chance(0.1)) return invocation
      tally['delivered again'] += 1
      return invokeOnce(event)
    },
  })
  while (!mapping.isIdle()) await new Promise((resolve) => setImmediate(resolve))
  await mapping.stop()
}

const toImage = (item: Item): Image =>
  // The attributes of a marshalled item are those of a stream's image.
  JSON.parse(JSON.stringify(marshall(item, { removeUndefinedValues: true })))

/** What consumers of the bus got, and what is wrong with it. */
export interface Judgement {
  /** Requests that have an outcome. */
  readonly requests: number
  readonly events: number
  readonly duplicates: number
  readonly types: Readonly<Record<string, number>>
  readonly wrong: readonly string[]
}

/**
 * Returns what is wrong with the events on a bus, in the order of their arrival: one that is missing, differs
 * from its duplicate, precedes the one before it, or tells something else than the ledger holds in the end.
 */
export const judge = (writes: readonly Write[], arrived: readonly object[]): Judgement => {
  const items = new Map(writes.map(([, after]) => [String(after.pk), after]))
  const pkOf = new Map(
    [...items.values()].map((item) => [
      keyOf(item.accountId, item.door, item.requestId, item.messageId),
      String(item.pk),
    ]),
  )
  const wrong: string[] = []
  const outcomes: Outcome[] = []
  const first = new Map<string, string>()
  const types: Record<string, number> = {}
  for (const each of arrived) {
    const event = readOutcomeEvent(each)
    if (!event) {
      wrong.push(`This is no outcome event: ${JSON.stringify(each)}`)
      continue
    }
    const { accountId, door, requestId, messageId, sequence } = event.detail
    const pk = pkOf.get(keyOf(accountId, door, requestId, messageId)) ?? 'unknown'
    const name = `${pk} ${sequence}`
    const detail = JSON.stringify(event.detail)
    const before = first.get(name)
    if (before !== undefined && before !== detail)
      wrong.push(`Two events are ${name}: ${before} and ${detail}`)
    if (before !== undefined) continue
    if (sequence > 1 && !first.has(`${pk} ${sequence - 1}`)) wrong.push(`${name} precedes the one before it`)
    first.set(name, detail)
    types[event.detailType] = (types[event.detailType] ?? 0) + 1
    outcomes.push({ pk, event })
  }
  wrong.push(...findWrongOutcomes(items, outcomes))
  return {
    requests: new Set(outcomes.map(({ pk }) => pk)).size,
    events: outcomes.length,
    duplicates: arrived.length - outcomes.length,
    types,
    wrong,
  }
}

const keyOf = (
  accountId: unknown,
  door: unknown,
  requestId: unknown,
  messageId: OutcomeDetail['messageId'] | unknown,
): string => JSON.stringify([accountId, door, requestId, messageId])

/** Returns an event as a rule's target gets it. */
export const toReceived = ({ source, detailType, detail }: BusEvent): object => ({
  source,
  'detail-type': detailType,
  detail: JSON.parse(detail),
})
