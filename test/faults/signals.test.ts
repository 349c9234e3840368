import { expect, test } from 'vitest'
import { runSignals } from './signals.ts'

// `npm run test:faults` sends 40 and 20.
test('SIGKILL and SIGSTOP in the middle of a request open nothing twice and lose nothing', {
  timeout: 120_000,
}, async () => {
  const { findings, signals, conversations } = await runSignals({ seed: 'short', kills: 2, freezes: 2 })
  expect(findings).toEqual([])
  expect(conversations).toBe(4)
  expect(Object.values(signals).reduce((sum, times) => sum + times, 0)).toBeGreaterThanOrEqual(3)
})
