import { beforeAll, expect, test } from 'vitest'
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

// test/trials/outcomes.test.ts does the same with 1,000 requests, and over HTTP.
let writes: readonly Write[] = []
let arrived: readonly object[] = []

beforeAll(async () => {
  const simulated = await writesOf('few', 60)
  expect(simulated.wrong).toEqual([])
  writes = simulated.writes
  const tally = createTally()
  const clock = createPlayClock()
  const { bus, has } = createFaultyBus({ seed: 'few', clock, tally })
  await play({ seed: 'few', writes, bus, clock, tally })
  arrived = has.map(toReceived)
})

test('under every fault of the stream, the function and the bus, each final state has its events', () => {
  const judged = judge(writes, arrived)
  expect(judged.wrong).toEqual([])
  expect(judged.requests).toBeGreaterThan(50)
  expect(judged.duplicates).toBeGreaterThan(0)
})

test('what is missing, out of order or different is found', () => {
  const [first] = arrived
  const name = JSON.stringify(first)
  const others = arrived.filter((event) => JSON.stringify(event) !== name)
  expect(others.length).toBeLessThan(arrived.length)
  expect(judge(writes, others).wrong).not.toEqual([])
  expect(judge(writes, arrived.toReversed()).wrong).not.toEqual([])
  expect(judge(writes, [...arrived, { ...first, detail: {} }]).wrong).not.toEqual([])
})
