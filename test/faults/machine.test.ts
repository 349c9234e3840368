import { describe, expect, test } from 'vitest'
import { runMachine, type Safeguard } from './machine.ts'

const REQUESTS = 80

describe('thousands of faults at every step, here in a short run', { timeout: 170_000 }, () => {
  test('open nothing twice, lose nothing, and tell nobody anything untrue', async () => {
    const report = await runMachine({ seed: 'short', requests: REQUESTS })
    expect(report.findings).toEqual([])
    expect(report.struckRequests).toBeGreaterThan(0.2 * REQUESTS)
    expect(report.conversations).toBeGreaterThan(0.8 * REQUESTS)
  })

  test.for<Safeguard>(['claim', 'stable consumer', 'answer-lost rule'])(
    'are noticed where the %s is missing',
    async (without) => {
      const report = await runMachine({ seed: `without ${without}`, requests: 60, severity: 4, without })
      expect(report.findings.length).toBeGreaterThan(0)
    },
  )
})
