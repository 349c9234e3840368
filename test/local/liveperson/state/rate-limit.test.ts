import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRateLimit } from '../../../../local/liveperson/state/rate-limit.ts'

const NOW = 1_800_000_000_000

test('a burst is accepted at once, then one request per interval', () => {
  const { accepts } = createRateLimit()
  const limit = { perSecond: 2, burst: 3 }
  const at = (ms: number) => accepts('1', limit, NOW + ms)
  expect([at(0), at(0), at(0), at(0)]).toEqual([true, true, true, false])
  expect([at(499), at(500), at(501), at(999), at(1000)]).toEqual([false, true, false, false, true])
  expect([at(60_000), at(60_000), at(60_000), at(60_000)]).toEqual([true, true, true, false])
})

test('each account has its own limit, and a clear fills them', () => {
  const { accepts, clear } = createRateLimit()
  const limit = { perSecond: 1, burst: 1 }
  expect([accepts('1', limit, NOW), accepts('2', limit, NOW), accepts('1', limit, NOW)]).toEqual([
    true,
    true,
    false,
  ])
  clear()
  expect(accepts('1', limit, NOW)).toBe(true)
})

test('a clock that goes back accepts no more than the limit', () => {
  const { accepts } = createRateLimit()
  const limit = { perSecond: 1, burst: 1 }
  expect([accepts('1', limit, NOW), accepts('1', limit, NOW - 60_000)]).toEqual([true, false])
})

test('no more than the burst and the rate are accepted, and with enough demand no fewer', () => {
  const times = fc.array(fc.integer({ min: 0, max: 20_000 }), { minLength: 1, maxLength: 300 })
  fc.assert(
    fc.property(
      times,
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 10 }),
      (at, perSecond, burst) => {
        const { accepts } = createRateLimit()
        const sorted = at.toSorted((a, b) => a - b)
        const accepted = sorted.filter((ms) => accepts('1', { perSecond, burst }, NOW + ms))
        const spanS = ((sorted.at(-1) ?? 0) - (sorted[0] ?? 0)) / 1000
        expect(accepted.length).toBeLessThanOrEqual(burst + spanS * perSecond + 1e-6)
        expect(accepted.length).toBeGreaterThanOrEqual(Math.min(sorted.length, burst))
      },
    ),
  )
})
