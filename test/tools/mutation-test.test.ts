import { expect, test } from 'vitest'
import { rangesOf } from '../../tools/mutation-test.ts'

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
