import { readFileSync } from 'node:fs'
import * as z from 'zod/mini'
import { InvalidConfigError } from '../errors/errors.ts'
import { isTrusted } from '../liveperson/hosts.ts'
import { isLoopback } from '../net/loopback.ts'
import { check } from '../request/conversation-request.ts'
import { parseJson } from '../request/strict-json.ts'
import { parseStageConfig, type StageConfig } from './stage.ts'

const needed = z.string('is not set').check(z.minLength(1, 'is empty'))

const variables = z.object({
  LIVEPERSON_DOMAIN_API_URL: z._default(z.url('must be an address'), 'https://api.liveperson.net'),
  SECRET_ID_PREFIX: needed,
  STATE_TABLE: needed,
  EVENTS_QUEUE_URL: needed,
  QUARANTINE_QUEUE_URL: needed,
  CONFIG_FILE: needed,
  FORM_DEADLINE_MS: z._default(
    z.string().check(z.regex(/^[1-9][0-9]{2,4}$/, 'must be milliseconds, 100 to 99999')),
    '6000',
  ),
})

/** All that this service is told from outside; the only reader of environment variables. */
export interface Config {
  readonly stage: StageConfig
  /** Origin of LivePerson's Domain API, without a slash at its end. */
  readonly domainApiUrl: string
  /** Whether LivePerson's hosts may be on loopback: the Domain API itself is. */
  readonly loopback: boolean
  readonly secretIdPrefix: string
  readonly stateTable: string
  readonly eventsQueueUrl: string
  readonly quarantineQueueUrl: string
  /** Milliseconds from the start of a form submit in which LivePerson has to answer. Default 6000. */
  readonly formDeadlineMs: number
}

/**
 * Reads the environment and the stage configuration that it names.
 *
 * @throws {InvalidConfigError} Names every variable that is missing or wrong, or every mistake in the file.
 */
export const readConfig = (env: Readonly<Record<string, string | undefined>> = process.env): Config => {
  const result = check(variables, env)
  if ('findings' in result)
    throw new InvalidConfigError({
      detail: `Environment: ${result.findings.map(({ path, message }) => `${path} ${message}`).join('; ')}.`,
    })
  const read = result.data
  const domainApi = new URL(read.LIVEPERSON_DOMAIN_API_URL)
  const loopback = isLoopback(domainApi.hostname)
  if (!isTrusted(domainApi, loopback))
    throw new InvalidConfigError({
      detail: "Environment: LIVEPERSON_DOMAIN_API_URL must be an https address of LivePerson's.",
    })
  return {
    stage: parseStageConfig(readStageFile(read.CONFIG_FILE), { name: read.CONFIG_FILE, loopback }),
    domainApiUrl: domainApi.origin,
    loopback,
    secretIdPrefix: read.SECRET_ID_PREFIX,
    stateTable: read.STATE_TABLE,
    eventsQueueUrl: read.EVENTS_QUEUE_URL,
    quarantineQueueUrl: read.QUARANTINE_QUEUE_URL,
    formDeadlineMs: Number(read.FORM_DEADLINE_MS),
  }
}

const readStageFile = (file: string): unknown => {
  let content: string
  try {
    content = readFileSync(file, 'utf8')
  } catch {
    throw new InvalidConfigError({ detail: `CONFIG_FILE names ${file}, which can't be read.` })
  }
  try {
    return parseJson(content)
  } catch (error) {
    throw new InvalidConfigError({ detail: `${file} is not JSON, or has a name twice.`, cause: error })
  }
}
