import { afterAll, beforeAll, expect, test } from 'vitest'
import { createEventBus } from '../../lib/aws/event-bus.ts'
import { awsOptions } from '../../lib/aws/options.ts'
import { type LocalEventBridge, startEventBridge } from '../../local/aws/event-bridge.ts'
import { CREDENTIALS, REGION } from '../../local/aws/sdk.ts'
import { createRandom } from '../simulation/random.ts'
import {
  createFaultyBus,
  createPlayClock,
  createTally,
  judge,
  play,
  toReceived,
  type Write,
  writesOf,
} from '../support/outcome-play.ts'

const HOUR_MS = 3_600_000
const REQUESTS = 1000

let writes: readonly Write[] = []
let eventBridge: LocalEventBridge

beforeAll(async () => {
  const simulated = await writesOf('outcomes', REQUESTS)
  const { struck, states, messages } = simulated.report
  console.log(
    `${REQUESTS} requests, ${struck.length} faults, ${simulated.writes.length} writes`,
    states,
    messages,
  )
  expect(simulated.wrong).toEqual([])
  writes = simulated.writes
  eventBridge = await startEventBridge({ deliver: async () => undefined })
}, 300_000)
afterAll(() => eventBridge.close())

/** Every kind of trouble has happened. @param others What can't happen here. */
const expectTrouble = (tally: ReturnType<typeof createTally>, ...others: readonly (keyof typeof tally)[]) => {
  const missing = Object.entries(tally).filter(
    ([name, count]) => count === 0 && !others.some((each) => each === name),
  )
  expect(missing).toEqual([])
}

test('under every fault of the stream, the function and the bus, each final state has its events', async () => {
  const tally = createTally()
  const clock = createPlayClock()
  const outage = { from: clock.now() + 30_000, to: clock.now() + 30_000 + HOUR_MS }
  const { bus, has } = createFaultyBus({ seed: '1', clock, tally, outage })
  const startedAt = clock.now()
  await play({ seed: '1', writes, bus, clock, tally })
  const judged = judge(writes, has.map(toReceived))
  console.log('in memory', tally, judged, `${Math.round((clock.now() - startedAt) / 60_000)} minutes`)
  expect(judged.wrong).toEqual([])
  expect(judged.requests).toBeGreaterThan(REQUESTS * 0.9)
  expectTrouble(tally)
  // It was down for an hour, and nothing was lost.
  expect(tally.down).toBeGreaterThan(100)
})

test('the same goes for real requests to an EventBridge that throttles, fails partially, is slow and goes down', async () => {
  Object.assign(process.env, {
    AWS_REGION: REGION,
    AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
    AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
    AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
  })
  const tally = createTally()
  const random = createRandom('EventBridge')
  const arrived: object[] = []
  const unsubscribe = eventBridge.subscribe((event) => arrived.push(event))
  let requests = 0
  eventBridge.onPutEvents((details) => {
    requests += 1
    if (random.chance(0.1)) {
      tally.throttled += 1
      return { error: 'ThrottlingException' }
    }
    if (random.chance(0.03)) {
      tally['answer lost'] += 1
      return { cut: random.chance(0.5) ? 'before' : 'after' }
    }
    if (random.chance(0.05)) {
      tally.slow += 1
      return { delayMs: 40 }
    }
    if (!random.chance(0.2)) return {}
    tally['partial failure'] += 1
    return { failed: new Map([[random.below(details.length), 'ThrottlingException']]) }
  })
  const real = createEventBus({ name: 'outcomes', aws: { ...awsOptions, maxAttempts: 2, timeoutMs: 5000 } })
  let puts = 0
  const bus: typeof real = {
    put: async (events) => {
      puts += 1
      if (puts === 40) {
        await eventBridge.goDown()
        setTimeout(() => void eventBridge.comeUp(), 500)
      }
      const before = requests
      try {
        return await real.put(events)
      } catch (error) {
        if (requests === before) tally.down += 1
        throw error
      }
    },
  }
  // The clock's pauses cost no time, except while it is down.
  const clock = createPlayClock()
  const patient = {
    now: clock.now,
    sleep: async (ms: number) => {
      await clock.sleep(ms)
      await new Promise((resolve) => setTimeout(resolve, Math.min(10, ms)))
    },
  }
  await play({ seed: '2', writes, bus, clock: patient, tally })
  unsubscribe()
  eventBridge.onPutEvents(() => ({}))
  const judged = judge(writes, arrived)
  console.log('over HTTP', tally, judged)
  expect(judged.wrong).toEqual([])
  expect(judged.requests).toBeGreaterThan(REQUESTS * 0.9)
  expectTrouble(tally)
}, 300_000)
