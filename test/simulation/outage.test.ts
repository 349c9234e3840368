import { describe, expect, test } from 'vitest'
import { type OutageCase, type OutageFigures, runCase } from './outage.ts'
import { CASES, missedGoals } from './outage-cases.ts'

/**
 * Returns the goals that a small case missed. The shorter an outage is, the more do its first and last seconds
 * count, so two goals are wider here: those for the healthy account and for the time until all is opened.
 */
const missedBy = (given: OutageCase, figures: OutageFigures) =>
  missedGoals({ name: 'a test', given, weight: 1 }, { ...figures, ideal: 1.5 * figures.ideal }, 1)

describe('the service in the simulated world', { timeout: 60_000 }, () => {
  test.each(['silent', '503'] as const)('outlasts an outage: %s', async (how) => {
    const given: OutageCase = {
      outage: { seconds: 180, how },
      eventsPerDay: 100_000,
      forms: 30,
      healthyPerDay: 20_000,
      limit: { perSecond: 10 },
    }
    const figures = await runCase(given)
    expect(missedBy(given, figures)).toEqual([])
    expect(figures.backlog).toBeGreaterThan(150)
    expect(figures.parkings).toBeGreaterThan(1000)
    expect(figures.formAnswers).toEqual({ 202: 30 })
  })

  test('takes a flood as fast as LivePerson does', async () => {
    const given: OutageCase = { flood: 1000, healthyPerDay: 20_000, limit: { perSecond: 10 } }
    const figures = await runCase(given)
    expect(missedBy(given, figures)).toEqual([])
    expect(figures.createsPerRequest).toBeGreaterThan(1)
  })

  test('sends messages that SEND refuses four times out of five, each one once', async () => {
    const given: OutageCase = { eventsPerDay: 86_400, seconds: 120, messages: { refused: 0.8 } }
    const figures = await runCase(given)
    expect(missedBy(given, figures)).toEqual([])
    expect(figures.messages).toEqual({ sent: figures.requests })
  })

  test('makes no call for a paused account, and opens everything once it is resumed', async () => {
    const given: OutageCase = {
      outage: { seconds: 600, how: 'paused' },
      eventsPerDay: 50_000,
      forms: 20,
      healthyPerDay: 20_000,
      limit: { perSecond: 10 },
    }
    const figures = await runCase(given)
    expect(missedBy(given, figures)).toEqual([])
    expect(figures.formAnswers).toEqual({ 202: 20 })
    expect(figures.callsPerSecond).toBe(0)
  })
})

test('a case misses the goals that its figures break', async () => {
  const given: OutageCase = { flood: 20, limit: { perSecond: 10 } }
  const figures = await runCase(given)
  expect(
    missedBy(given, { ...figures, drained: 0, quarantined: 1, notOnce: 2, createsPerRequest: 1.31 }),
  ).toEqual(['0 quarantined', 'one conversation per request', 'creates per request ≤ 1.3'])
})

test('every case has its own name', () => {
  expect(new Set(CASES.map(({ name }) => name)).size).toBe(CASES.length)
})
