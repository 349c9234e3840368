import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { JUDGED } from '../../tools/judged-mutants.ts'

const judged = JUDGED.flatMap(({ of }) =>
  Object.entries(of).flatMap(([path, lines]) =>
    Object.entries(lines).flatMap(([line, changes]) => changes.map((change) => ({ path, line, change }))),
  ),
)

test('each judged mutant changes a line that its file has', () => {
  expect(judged.length).toBeGreaterThan(0)
  const readLines = (path: string) => readFileSync(path, 'utf8').split('\n')
  const paths = [...new Set(judged.map(({ path }) => path))]
  const lines = new Map(paths.map((path) => [path, new Set(readLines(path).map((line) => line.trim()))]))
  expect(judged.filter(({ path, line }) => !lines.get(path)?.has(line))).toEqual([])
  expect(judged.filter(({ change }) => !change.includes(' -> '))).toEqual([])
})

test('each mutant is judged once', () => {
  const names = judged.map((one) => Object.values(one).join(' | '))
  expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([])
})
