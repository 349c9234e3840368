import { expect, test } from 'vitest'
import { runFrozen } from './frozen.ts'

// `npm run test:faults` freezes for 3 and for 8 seconds, and runs the packaged functions.
test('of a frozen container, no request that never left counts as outcome_unknown', {
  timeout: 60_000,
}, async () => {
  const { findings, requests, resets, statuses } = await runFrozen({ freezesMs: [2500], containers: 4 })
  expect(findings).toEqual([])
  expect(requests).toBe(80)
  expect(resets).toBeGreaterThan(20)
  expect(statuses.opened).toBeGreaterThan(40)
})
