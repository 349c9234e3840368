import { expect, test } from 'vitest'
import { median, timeOf } from '../../bench/figures.ts'

test.each([
  [[3], 3],
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
])('the median of %o is %d', (values, expected) => {
  expect(median(values)).toBe(expected)
})

test('the time of some work is in milliseconds', async () => {
  const taken = await timeOf(() => new Promise((resolve) => setTimeout(resolve, 30)))
  expect(taken).toBeGreaterThan(25)
})
