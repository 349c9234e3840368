import { readFileSync } from 'node:fs'
import { parseStageConfig } from '../../lib/config/stage.ts'
import { InvalidConfigError } from '../../lib/errors/errors.ts'
import { parseJson } from '../../lib/request/strict-json.ts'

/**
 * Returns the ids of a stage's accounts.
 *
 * @param file The stage's configuration file.
 * @param stages The stages that have one, for the error.
 * @throws {Error} The file can't be read.
 * @throws {InvalidConfigError} It is invalid.
 */
export const readAccountIds = (file: string, stages: readonly string[]): readonly string[] => {
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Error(`${file} can't be read. Stages in config/: ${stages.join(', ')}.`, { cause })
  }
  // No URL in the file is called, so those on this machine are fine.
  const { accounts } = parseStageConfig(parse(file, text), { name: file, loopback: true })
  return accounts.map(({ accountId }) => accountId)
}

const parse = (file: string, text: string): unknown => {
  try {
    return parseJson(text)
  } catch (cause) {
    throw new InvalidConfigError({ detail: `${file} is not valid JSON, or has a duplicate key.`, cause })
  }
}
