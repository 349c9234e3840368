import { describe, expect, test } from 'vitest'
import {
  FORM_HELD_WAITS_MS,
  formBudget,
  hasTimeFor,
  messageDeadline,
  recordBudget,
} from '../../../lib/conversation/time-budget.ts'

/** When the attempt started, in milliseconds since the epoch. */
const START = 1_800_000_000_000

describe('formBudget', () => {
  test.each([
    ['the configured time', { aliveMs: 15_000, formDeadlineMs: 6000, deadlineMs: 6000 }],
    [
      'the configured time if exactly 4 s remain after it',
      { aliveMs: 10_000, formDeadlineMs: 6000, deadlineMs: 6000 },
    ],
    ['less if the container stops sooner', { aliveMs: 9999, formDeadlineMs: 6000, deadlineMs: 5999 }],
    [
      'no time at all if the container is about to stop',
      { aliveMs: 3000, formDeadlineMs: 6000, deadlineMs: -1000 },
    ],
  ])('gives LivePerson %s', (_, { aliveMs, formDeadlineMs, deadlineMs }) => {
    expect(formBudget(START, START + aliveMs, formDeadlineMs)).toEqual({
      deadline: START + deadlineMs,
      aliveUntil: START + aliveMs,
    })
  })
})

describe('recordBudget', () => {
  test.each([
    ['25 s', { aliveMs: 60_000, deadlineMs: 25_000 }],
    ['25 s if exactly 2 s remain after it', { aliveMs: 27_000, deadlineMs: 25_000 }],
    ['less if the container stops sooner', { aliveMs: 26_999, deadlineMs: 24_999 }],
    ['6 s if the least time is left', { aliveMs: 8000, deadlineMs: 6000 }],
  ])('gives LivePerson %s', (_, { aliveMs, deadlineMs }) => {
    expect(recordBudget(START, START + aliveMs)).toEqual({
      deadline: START + deadlineMs,
      aliveUntil: START + aliveMs,
    })
  })

  test.each([7999, 0, -1])('is undefined if only %i ms are left', (aliveMs) => {
    expect(recordBudget(START, START + aliveMs)).toBeUndefined()
  })
})

describe('hasTimeFor', () => {
  const budget = { deadline: START + 5000, aliveUntil: START + 9000 }

  test.each([
    ['a create that then has exactly 1.5 s', { ms: 1000, at: 2500, expected: true }],
    ['a create that then has less', { ms: 1000, at: 2501, expected: false }],
    ['a create after a long pause', { ms: 3500, at: 0, expected: true }],
    ['a create after a pause that is too long', { ms: 3501, at: 0, expected: false }],
    ['a create after the deadline', { ms: 1000, at: 6000, expected: false }],
  ])('for %s', (_, { ms, at, expected }) => {
    expect(hasTimeFor({ kind: 'wait', ms, before: 'create' }, budget, START + at)).toBe(expected)
  })

  test('is the same before a claim: a form doesn’t wait past its own time', () => {
    const [first = 0] = FORM_HELD_WAITS_MS
    expect(hasTimeFor({ kind: 'wait', ms: first, before: 'claim' }, budget, START)).toBe(true)
    expect(hasTimeFor({ kind: 'wait', ms: first, before: 'claim' }, budget, START + 4999)).toBe(false)
  })
})

describe('messageDeadline', () => {
  test.each([
    ['is the deadline if 3 s are left until then', { at: 0, aliveMs: 15_000, expected: 6000 }],
    ['is the deadline if exactly 3 s are left until then', { at: 3000, aliveMs: 15_000, expected: 6000 }],
    ['is 3 s from now if the create took longer', { at: 3001, aliveMs: 15_000, expected: 6001 }],
    ['is 3 s from now if the create took all the time', { at: 6000, aliveMs: 15_000, expected: 9000 }],
    ['leaves 1.5 s to write the outcome', { at: 6000, aliveMs: 10_000, expected: 8500 }],
    ['is never before the deadline', { at: 6000, aliveMs: 7000, expected: 6000 }],
  ])('%s', (_, { at, aliveMs, expected }) => {
    const budget = { deadline: START + 6000, aliveUntil: START + aliveMs }
    expect(messageDeadline(budget, START + at)).toBe(START + expected)
  })
})
