import { readdirSync, readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { parseStageConfig } from '../../lib/config/stage.ts'
import { toConfigSchema } from '../../tools/config-schema.ts'

const read = (name: string) => readFileSync(new URL(`../../config/${name}`, import.meta.url), 'utf8')
const stages = readdirSync(new URL('../../config/', import.meta.url)).filter((name) => name !== 'schema.json')

test('config/schema.json is what `npm run schema` writes', () => {
  expect(JSON.parse(read('schema.json'))).toEqual(JSON.parse(toConfigSchema()))
})

describe.each(stages)('config/%s', (name) => {
  test('names its schema for editors', () => {
    expect(JSON.parse(read(name)).$schema).toBe('./schema.json')
  })

  test('is valid', () => {
    expect(() => parseStageConfig(JSON.parse(read(name)), { name, loopback: false })).not.toThrow()
  })
})
