import { describe, expect, test } from 'vitest'
import { runMachine, type Safeguard } from './machine.ts'

const REQUESTS = 80

describe('a short run with faults at every step', { timeout: 170_000 }, () => {
  test('opens no conversation twice, loses no request, and returns no wrong response', async () => {
    const report = await runMachine({ seed: 'short', requests: REQUESTS })
    expect(report.findings).toEqual([])
    expect(report.struckRequests).toBeGreaterThan(0.2 * REQUESTS)
    expect(report.conversations).toBeGreaterThan(0.8 * REQUESTS)
  })

  // What happens without the claim is shown by a mutant in test/simulation/: here it would depend on timing.
  test.for<[Safeguard, number]>([
    ['stable consumer', 25],
    ['answer-lost rule', 45],
  ])('has findings without this safeguard: %s', async ([without, requests]) => {
    const report = await runMachine({ seed: `without ${without}`, requests, severity: 4, without })
    expect(report.findings.length).toBeGreaterThan(0)
  })
})
