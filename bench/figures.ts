/** One row of the result. */
export interface Figure {
  readonly what: string
  readonly unit: string
  readonly ours: number
  /** The plain client's, if it can be compared. */
  readonly plain?: number
}

/** Returns the median. */
export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length / 2
  const [low = Number.NaN, high = low] = sorted.slice(Math.ceil(middle) - 1, Math.floor(middle) + 1)
  return (low + high) / 2
}

/** Returns the time that `work` takes, in milliseconds. */
export const timeOf = async (work: () => Promise<unknown>): Promise<number> => {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

/** Prints a table, and with `json` also one line of JSON. */
export const print = (
  { seconds, figures }: { readonly seconds: number; readonly figures: readonly Figure[] },
  { json }: { readonly json: boolean },
): void => {
  const rows = figures.map(({ what, unit, ours, plain }) => ({
    figure: what,
    unit,
    ours: rounded(ours),
    plain: plain === undefined ? '' : rounded(plain),
    'ours / plain': plain === undefined ? '' : (ours / plain).toFixed(3),
  }))
  const names = ['figure', 'unit', 'ours', 'plain', 'ours / plain'] as const
  const widths = names.map((name) => Math.max(name.length, ...rows.map((row) => row[name].length)))
  const toLine = (cells: readonly string[]) =>
    cells.map((cell, index) =>
      index < 2 ? cell.padEnd(widths[index] ?? 0) : cell.padStart(widths[index] ?? 0),
    )
  for (const cells of [names, ...rows.map((row) => names.map((name) => row[name]))])
    console.log(toLine(cells).join('  '))
  console.log(`\nTook ${seconds} s on Node ${process.version}.`)
  if (json) console.log(JSON.stringify({ seconds, node: process.version, figures }))
}

const rounded = (value: number): string =>
  Number.isInteger(value) ? String(value) : value.toFixed(value < 10 ? 2 : 1)
