import { expect, test } from 'vitest'
import { median, medianRatio, quantile, rounded } from '../../bench/figures.ts'

test.each([
  [[3], 3],
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
  [[], Number.NaN],
])('the median of %o is %d', (values, expected) => {
  expect(median(values)).toBe(expected)
})

test.each([
  [0, 1],
  [0.25, 2],
  [0.99, 4.96],
  [1, 5],
])('the quantile %d of 1 to 5 is %d', (part, expected) => {
  expect(quantile([5, 3, 1, 4, 2], part)).toBeCloseTo(expected)
})

test('the ratio of two series is the median of the ratios of each round', () => {
  expect(medianRatio([1, 20, 3], [2, 20, 12])).toBe(0.5)
})

test.each([
  [0.6049, '0.60'],
  [12.34, '12.3'],
  [1234.5, '1235'],
])('%d is printed as %s', (value, expected) => {
  expect(rounded(value)).toBe(expected)
})
