import { readdirSync, readFileSync } from 'node:fs'
import { parseStageConfig } from '../lib/config/stage.ts'
import { AppError } from '../lib/errors/errors.ts'

/**
 * Checks every stage configuration before packaging, and prints every mistake. Returns whether there is none.
 */
const checkConfig = (): boolean => {
  const folder = new URL('../config/', import.meta.url)
  const names = readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'schema.json')
  const isValid = (name: string) => {
    try {
      const content: unknown = JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
      parseStageConfig(content, { name: `config/${name}`, loopback: name === 'local.json' })
      return true
    } catch (error) {
      console.error(error instanceof AppError ? error.message : `config/${name}: ${String(error)}`)
      return false
    }
  }
  return names.map(isValid).every(Boolean)
}

if (!checkConfig()) process.exitCode = 1
