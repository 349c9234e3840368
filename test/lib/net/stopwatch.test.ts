import { expect, test } from 'vitest'
import { startStopwatch } from '../../../lib/net/stopwatch.ts'

test.each([
  ['both clocks go on', 3000, 3000, 3000, 0],
  ['only the wall clock goes on', 3000, 1, 3000, 2999],
  ['somebody sets the wall clock back', -3_600_000, 50, 50, 3_600_050],
  ['somebody sets the wall clock forward', 3_600_050, 50, 3_600_050, 3_600_000],
])('where %s, the longer time counts', (_, wallMs, monotonicMs, elapsedMs, driftMs) => {
  const clock = { wall: 1_800_000_000_000, monotonic: 17 }
  const watch = startStopwatch({ now: () => clock.wall, monotonicNow: () => clock.monotonic })
  expect(watch.elapsedMs()).toBe(0)
  clock.wall += wallMs
  clock.monotonic += monotonicMs
  expect(watch.elapsedMs()).toBe(elapsedMs)
  expect(watch.driftMs()).toBe(driftMs)
})
