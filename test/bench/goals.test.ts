import { expect, test } from 'vitest'
import type { Measured } from '../../bench/comparison.ts'
import { toRows } from '../../bench/goals.ts'
import { costBySize } from '../../bench/memory-size.ts'
import { withPart } from '../../bench/page.ts'
import { toPlot } from '../../bench/plot.ts'
import { toComparisonTable, toPartsTable, toTable } from '../../bench/table.ts'

const perWorkload = <T>(value: T) => ({
  newForm: value,
  knownForm: value,
  newBatch: value,
  knownBatch: value,
})
const perDoor = <T>(value: T) => ({ form: value, queue: value })

/** Returns what was measured of a peer of which everything takes `size`. */
const measured = (size: number): Measured => ({
  cpuMs: perWorkload([size, 3 * size, 2 * size]),
  durationsMs: perWorkload([[size], [size]]),
  opensPerSecond: perWorkload([100 / size]),
  peakRssMb: perDoor(size),
  coldMs: perDoor([size]),
  importMs: perDoor([size]),
  loadsUndici: perDoor(false),
  codeKb: perDoor(size),
  parts: perDoor({ own: size, one: 2 }),
  calls: perWorkload({ idp: 1, conversation: 1, dynamodbWrites: 3, dynamodbRoundTrips: 2 }),
})

const peers = { ours: measured(4), usual: measured(10), floor: measured(2) }
const rows = toRows({ peers })
const rowOf = (figure: string) => rows.find((row) => row.figure === figure)

test.each([
  [
    'form, CPU per open, ms',
    { values: { ours: 8, usual: 20, floor: 4 }, goal: { reached: 0.4, isMet: true } },
  ],
  ['queue, records/s, steady', { goal: { text: '≥ 1.08 × usual stack', reached: 2.5, isMet: true } }],
  ['form p50, new consumer, ms', { goal: { text: '≤ 1.02 × ledger floor', reached: 2, isMet: false } }],
  ['code of the form function, kB', { goal: { text: '≤ 250', reached: 4, isMet: true } }],
  ['calls to LivePerson, new consumer', { goal: { reached: 2, isMet: true } }],
  ['calls to LivePerson, known consumer', { goal: { reached: 2, isMet: false } }],
  ['writes to DynamoDB, new consumer', { goal: { reached: 3, isMet: true } }],
])('%s', (figure, expected) => {
  expect(rowOf(figure)).toMatchObject(expected)
})

test('a figure for information has no goal', () => {
  expect(rowOf('form p99, new consumer, ms')).toEqual({
    figure: 'form p99, new consumer, ms',
    values: { ours: 4, usual: 10, floor: 2 },
  })
})

test('the table says what is met', () => {
  const lines = toComparisonTable(rows).split('\n')
  expect(lines[0]).toMatch(/^\| +\| +ours \| usual stack \| ledger floor \| +goal \| reached \| met \|$/)
  expect(lines[2]).toMatch(
    /^\| form, CPU per open, ms +\| +8\.00 \| +20\.0 \| +4\.00 \|.*\| +0\.40 \| yes \|$/,
  )
  expect(new Set(lines.map((line) => line.length)).size).toBe(1)
})

test('a table has its first column on the left, the others on the right', () => {
  expect(toTable(['a', 'value'], [['one', '1']])).toBe('| a   | value |\n| --- | ----: |\n| one |     1 |')
})

test('the parts beyond the largest ones are added up', () => {
  expect(toPartsTable({ one: 5, two: 3, three: 2 }, 1)).toContain('| others                    | 5.00 |')
})

test('a plot has a bar per peer for each figure with a goal', () => {
  const plot = toPlot(rows)
  const withGoal = rows.filter(({ goal }) => goal).length
  expect(plot.match(/<rect x="300" y="\d+" width="[\d.]+" height="10"/g)).toHaveLength(3 * withGoal)
  expect(plot).toMatch(/^<svg [^>]+>\n[\s\S]+<\/svg>\n$/)
})

test('with half a processor, the work takes twice as long and the waiting does not', () => {
  const sizes = costBySize({ durationMs: 90, cpuMs: 10, opens: 1 })
  expect(sizes.map(({ memoryMb }) => memoryMb)).toEqual([256, 512, 1024, 1769])
  const [smallest, , , largest] = sizes
  expect(smallest?.durationMs).toBeCloseTo(80 + (10 * 1769) / 256)
  expect(largest?.durationMs).toBeCloseTo(90)
  // 1,000 × (0.09 s × 1.7275 GB × $0.0000133334 + $0.0000002)
  expect(largest?.cost.arm64).toBeCloseTo(0.002273, 5)
  expect(largest?.cost.x86_64).toBeCloseTo(0.002791, 5)
})

test('a part of a page is replaced', () => {
  const page = 'a\n<!-- x:start -->\n\nold\n\n<!-- x:end -->\nb\n'
  expect(withPart(page, 'x', 'new')).toBe('a\n<!-- x:start -->\n\nnew\n\n<!-- x:end -->\nb\n')
  expect(() => withPart(page, 'y', 'new')).toThrow('<!-- y:start -->')
})
