import { describe, expect, test } from 'vitest'
import { backOffMs } from '../../../lib/conversation/back-off.ts'

const most = () => 0.999999
const least = () => 0
const MINUTE = 60_000

describe('backOffMs', () => {
  test.each([
    [0, 5000],
    [1, 5000],
    [2, 10_000],
    [3, 15_000],
    [4, 2 * MINUTE],
    [5, 4 * MINUTE],
    [6, 8 * MINUTE],
    [7, 8 * MINUTE],
    [1000, 8 * MINUTE],
  ])('after attempt %i is between a second and %i ms', (attempt, step) => {
    expect(backOffMs(attempt, undefined, least)).toBe(1000)
    expect(backOffMs(attempt, undefined, most)).toBeCloseTo(step, -2)
    expect(backOffMs(attempt, undefined, most)).toBeLessThan(step)
  })

  test.each([
    [0, 1000, 1000],
    [500, 1000, 1000],
    [7000, 7000, 8400],
    [600_000, 600_000, 720_000],
  ])(
    'is what LivePerson asked for (%i ms) and up to a fifth more, in the first attempts',
    (asked, from, to) => {
      for (const attempt of [1, 2, 3]) {
        expect(backOffMs(attempt, asked, least)).toBe(from)
        expect(backOffMs(attempt, asked, most)).toBeLessThanOrEqual(to)
        expect(backOffMs(attempt, asked, most)).toBeCloseTo(to, -1)
      }
    },
  )

  test('is never less than what LivePerson asked for, but grows as it does otherwise', () => {
    expect(backOffMs(9, 1000, least)).toBe(1000)
    expect(backOffMs(9, 1000, most)).toBeCloseTo(8 * MINUTE, -2)
    expect(backOffMs(9, 600_000, least)).toBe(600_000)
  })

  test('is spread over the whole step by itself', () => {
    const delays = Array.from({ length: 500 }, () => backOffMs(4, undefined))
    expect(Math.min(...delays)).toBeLessThan(MINUTE / 2)
    expect(Math.max(...delays)).toBeGreaterThan(1.5 * MINUTE)
  })
})
