import { PEERS } from './bundles.ts'
import { rounded } from './figures.ts'
import { NAMES, type Row } from './goals.ts'

/** Returns a Markdown table, its columns aligned. */
export const toTable = (head: readonly string[], rows: readonly (readonly string[])[]): string => {
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(3, ...lines.map((cells) => (cells[column] ?? '').length)))
  const toLine = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`))
  return [toLine(head), `| ${rule.join(' | ')} |`, ...rows.map(toLine)].join('\n')
}

/** Returns the rows of a comparison as a table. */
export const toComparisonTable = (rows: readonly Row[]): string =>
  toTable(
    ['', ...PEERS.map((peer) => NAMES[peer]), 'goal', 'reached', 'met'],
    rows.map(({ figure, values, goal }) => [
      figure,
      ...PEERS.map((peer) => rounded(values[peer])),
      goal?.text ?? '',
      goal ? rounded(goal.reached) : '',
      goal ? (goal.isMet ? 'yes' : 'no') : '',
    ]),
  )

/** Returns the largest packages of each bundle of the forms, in kB. */
export const toPartsTable = (parts: Readonly<Record<string, number>>, count = 8): string => {
  const entries = Object.entries(parts).toSorted(([, a], [, b]) => b - a)
  const others = entries.slice(count).reduce((sum, [, kB]) => sum + kB, 0)
  const rows = [...entries.slice(0, count), ...(others > 0 ? [['others', others] as const] : [])]
  return toTable(
    ['code of the form function', 'kB'],
    rows.map(([name, kB]) => [name, rounded(kB)]),
  )
}
