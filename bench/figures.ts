/** Returns the median. NaN: there are no values. */
export const median = (values: readonly number[]): number => quantile(values, 0.5)

/**
 * Returns the value below which a part of the values is, interpolated between its neighbours.
 *
 * @param part From 0 to 1.
 */
export const quantile = (values: readonly number[], part: number): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const position = (sorted.length - 1) * part
  const [low = Number.NaN, high = low] = sorted.slice(Math.floor(position), Math.floor(position) + 2)
  return low + (high - low) * (position - Math.floor(position))
}

/** Returns the median of the ratios of two series, value by value. */
export const medianRatio = (values: readonly number[], others: readonly number[]): number =>
  median(values.map((value, index) => value / (others[index] ?? Number.NaN)))

/** Returns a number with three significant digits, or with none after the point from 100 on. */
export const rounded = (value: number): string =>
  value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
