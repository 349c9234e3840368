import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseStageConfig, warningsOf } from '../lib/config/stage.ts'
import { AppError, InvalidConfigError } from '../lib/errors/errors.ts'
import { parseJson } from '../lib/request/strict-json.ts'

/**
 * Checks every stage configuration in a folder before packaging. Prints every mistake and every warning, and
 * returns whether there is no mistake.
 */
const checkConfig = (folder: string): boolean => {
  const names = readdirSync(folder).filter((name) => name.endsWith('.json') && name !== 'schema.json')
  const isValid = (name: string) => {
    try {
      const stage = parseStageConfig(read(join(folder, name), name), {
        name: `config/${name}`,
        loopback: name === 'local.json',
      })
      for (const { path, message } of warningsOf(stage))
        console.warn(`config/${name}: warning: ${path} ${message}.`)
      return true
    } catch (error) {
      console.error(error instanceof AppError ? error.message : `config/${name}: ${String(error)}`)
      return false
    }
  }
  return names.map(isValid).every(Boolean)
}

const read = (file: string, name: string): unknown => {
  const text = readFileSync(file, 'utf8')
  try {
    return parseJson(text)
  } catch {
    throw new InvalidConfigError({ detail: `config/${name} is not valid JSON, or has a duplicate key.` })
  }
}

const [folder = fileURLToPath(new URL('../config/', import.meta.url))] = process.argv.slice(2)
if (!checkConfig(folder)) process.exitCode = 1
