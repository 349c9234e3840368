import { describe, expect, test } from 'vitest'
import {
  type MutationReport,
  rangesOf,
  scoresOf,
  survivorsIn,
  withoutJudged,
} from '../../tools/mutation-test.ts'

const files = [
  { path: 'a.ts', lines: 45 },
  { path: 'b.ts', lines: 20 },
]

test('each line belongs to exactly one part', () => {
  expect([1, 2, 3].map((part) => rangesOf(files, { part, of: 3 }))).toEqual([
    ['a.ts:1-20', 'b.ts:1-20'],
    ['a.ts:21-40'],
    ['a.ts:41-45'],
  ])
})

describe('a report', () => {
  const source = ['switch (kind) {', "  case 'a':", '    return max > 1', '}'].join('\n')
  const mutant = (status: string, [line, column]: [number, number], end: [number, number], to?: string) => ({
    status,
    location: { start: { line, column }, end: { line: end[0], column: end[1] } },
    ...(to !== undefined && { replacement: to }),
  })
  const mutants = [
    mutant('Killed', [3, 12], [3, 19], 'true'),
    mutant('Timeout', [3, 12], [3, 19], 'max < 1'),
    mutant('Survived', [3, 12], [3, 19], 'max >= 1'),
    mutant('NoCoverage', [2, 3], [3, 19], ''),
    mutant('Ignored', [3, 12], [3, 19], 'false'),
  ]
  const report: MutationReport = {
    files: {
      'lib/conversation/facts.ts': { source, mutants },
      'lib/conversation/ledger.ts': { source, mutants: mutants.slice(0, 3) },
    },
  }
  const survivors = survivorsIn(report)

  test('has scores, in which what no test executes counts as missed', () => {
    expect(scoresOf(report)).toEqual([
      'lib/conversation/: 4 of 7 mutants found, 57.1 %',
      'lib/conversation/facts.ts: 2 of 4 mutants found, 50.0 %',
    ])
  })

  test('has survivors in the pure parts, each with its line and its change', () => {
    expect(survivors).toEqual([
      { path: 'lib/conversation/facts.ts', at: 3, line: 'return max > 1', change: 'max > 1 -> max >= 1' },
      { path: 'lib/conversation/facts.ts', at: 2, line: "case 'a':", change: "case 'a': return max > 1 -> " },
    ])
  })

  test('is compared with the judgements, by file, line and change', () => {
    const judged = (of: Record<string, Record<string, string[]>>) =>
      withoutJudged(survivors, [{ because: 'the same', of }]).map(({ at }) => at)
    const [first] = survivors
    const { path = '', line = '', change = '' } = first ?? {}
    expect(judged({ [path]: { [line]: [change] } })).toEqual([2])
    expect(judged({ [path]: { [line]: ['max > 1 -> false'] } })).toEqual([3, 2])
    expect(judged({ [path]: { other: [change] } })).toEqual([3, 2])
    expect(judged({ 'lib/conversation/matching.ts': { [line]: [change] } })).toEqual([3, 2])
  })
})
