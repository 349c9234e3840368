import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { hasBehaviour, projectRoot, readSources } from './source.ts'

/** Returns where the test of a source file has to be. */
const toTestFile = (path: string): string => `test/${path.replace(/\.ts$/, '.test.ts')}`

describe('test files', () => {
  const sources = readSources(['lib'], '.ts').filter(({ path }) => path.startsWith('lib/'))

  test('every file of lib/ with behaviour has a test file in the place that mirrors it', () => {
    const missing = sources
      .filter(hasBehaviour)
      .map(({ path }) => toTestFile(path))
      .filter((path) => !existsSync(join(projectRoot, path)))
    expect(sources.length).toBeGreaterThan(30)
    expect(missing).toEqual([])
  })

  test('every test file below test/lib/ is in the place of a module', () => {
    const modules = new Set(sources.map(({ path }) => dirname(path)))
    const stray = readSources(['test/lib'], '.test.ts')
      .map(({ path }) => path)
      .filter((path) => ![...modules].some((module) => path.startsWith(`test/${module}/`)))
    expect(stray).toEqual([])
  })

  test('a file mirrors its path', () => {
    expect(toTestFile('lib/net/outbound.ts')).toBe('test/lib/net/outbound.test.ts')
  })
})
