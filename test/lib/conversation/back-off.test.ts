import { describe, expect, test } from 'vitest'
import { backOffMs, retryDelayMs, unreadDelayMs } from '../../../lib/conversation/back-off.ts'
import type { Result } from '../../../lib/conversation/protocol.ts'
import { LivePersonUnavailableError, toError } from '../../../lib/errors/errors.ts'

const longest = () => 0.999999
const shortest = () => 0
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
  ])('after attempt %i returns between a second and %i ms', (attempt, step) => {
    expect(backOffMs(attempt, undefined, shortest)).toBe(1000)
    expect(backOffMs(attempt, undefined, longest)).toBeCloseTo(step, -2)
    expect(backOffMs(attempt, undefined, longest)).toBeLessThan(step)
  })

  test.each([
    [0, 1000, 1000],
    [500, 1000, 1000],
    [7000, 7000, 8400],
    [600_000, 600_000, 720_000],
  ])(
    'returns the pause that LivePerson asked for (%i ms) plus up to a fifth, in the first three attempts',
    (asked, from, to) => {
      for (const attempt of [1, 2, 3]) {
        expect(backOffMs(attempt, asked, shortest)).toBe(from)
        expect(backOffMs(attempt, asked, longest)).toBeLessThanOrEqual(to)
        expect(backOffMs(attempt, asked, longest)).toBeCloseTo(to, -1)
      }
    },
  )

  test('never returns less than LivePerson asked for, and still grows with the attempts', () => {
    expect(backOffMs(9, 1000, shortest)).toBe(1000)
    expect(backOffMs(9, 1000, longest)).toBeCloseTo(8 * MINUTE, -2)
    expect(backOffMs(9, 600_000, shortest)).toBe(600_000)
  })

  test('spreads the waits over the whole step by default', () => {
    const delays = Array.from({ length: 500 }, () => backOffMs(4, undefined))
    expect(Math.min(...delays)).toBeLessThan(MINUTE / 2)
    expect(Math.max(...delays)).toBeGreaterThan(1.5 * MINUTE)
  })
})

describe('unreadDelayMs', () => {
  test.each([1, 5, 499])('returns the usual back-off up to delivery 499: %i', (receives) => {
    for (const random of [shortest, longest])
      expect(unreadDelayMs(receives, random)).toBe(backOffMs(receives, undefined, random))
  })

  test('returns half an hour to an hour from then on', () => {
    expect(unreadDelayMs(500, shortest)).toBe(30 * MINUTE)
    expect(unreadDelayMs(999, longest)).toBeCloseTo(60 * MINUTE, -2)
  })

  test('keeps a record of the highest give-up age below 1,000 deliveries', () => {
    const random = () => 0.5
    let [receives, age] = [1, 0]
    for (; age < 168 * 60 * MINUTE; receives++) age += unreadDelayMs(receives, random)
    expect(receives).toBeLessThan(1000)
    let usual = 0
    for (let count = 1; count < 1000; count++) usual += backOffMs(count, undefined, random)
    expect(usual).toBeLessThan(72 * 60 * MINUTE)
  })
})

describe('retryDelayMs', () => {
  const busy = new LivePersonUnavailableError({
    detail: 'LivePerson answered 429.',
    mayHaveExecuted: false,
    trouble: 'busy',
    retryAfterMs: 7000,
  })
  const opened = { kind: 'finished', outcome: { status: 'opened' }, repeated: false } as const
  test.each<[string, Result, number | undefined]>([
    ['a finished record', opened, undefined],
    ['a record whose message is owed', { ...opened, kept: 'in_record' }, 10_000],
    ['a record whose message LivePerson asked to delay', { ...opened, kept: 'in_record', error: busy }, 8400],
    ['a record whose message is in the hand-over queue', { ...opened, kept: 'in_hand_over' }, undefined],
    ['a record in quarantine', { kind: 'failed', code: 'request_id_reused' }, undefined],
    ['a record that another attempt holds', { kind: 'opening' }, 10_000],
    ['a record that its queue keeps', { kind: 'queued', kept: 'in_record' }, 10_000],
    [
      'a record that its queue keeps after a failure',
      { kind: 'queued', kept: 'in_record', error: toError('service_unavailable') },
      10_000,
    ],
    ['a record that LivePerson asked to delay', { kind: 'queued', kept: 'in_record', error: busy }, 8400],
    ['a record in the hand-over queue', { kind: 'queued', kept: 'in_hand_over', error: busy }, undefined],
  ])('of %s', (_, result, ms) => {
    const delayMs = retryDelayMs(result, 2, longest)
    if (ms === undefined) expect(delayMs).toBeUndefined()
    else expect(delayMs).toBeCloseTo(ms, -2)
  })
})
