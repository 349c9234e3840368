import { readFileSync } from 'node:fs'
import * as z from 'zod/mini'
import { InvalidConfigError } from '../errors/errors.ts'
import { isTrusted } from '../liveperson/hosts.ts'
import { isLoopback } from '../net/loopback.ts'
import { check } from '../request/check.ts'
import { parseJson } from '../request/strict-json.ts'
import { parseStageConfig, type StageConfig } from './stage.ts'

const required = z.string('is not set').check(z.minLength(1, 'is empty'))

const variables = z.object({
  LIVEPERSON_DOMAIN_API_URL: z._default(z.url(), 'https://api.liveperson.net'),
  SECRET_ID_PREFIX: required,
  STATE_TABLE: required,
  EVENTS_QUEUE_URL: required,
  HANDOVER_QUEUE_URL: required,
  QUARANTINE_QUEUE_URL: required,
  CONFIG_FILE: required,
  FORM_DEADLINE_MS: z._default(
    z.string().check(z.regex(/^[1-9][0-9]{2,4}$/, 'must be 100 to 99999, in milliseconds')),
    '6000',
  ),
  EDGE_HEADER: z._default(
    z.string().check(z.regex(/^([a-z0-9-]+)?$/, 'must be the lower-case name of a header')),
    '',
  ),
  EDGE_SECRET_SHA256: z._default(
    z
      .string()
      .check(
        z.regex(/^([0-9a-f]{64}(,[0-9a-f]{64})?)?$/, 'must be one or two SHA-256 hashes in lower-case hex'),
      ),
    '',
  ),
})

/** What the CDN in front of the API adds to each call, so that calls past it can be refused. */
export interface Edge {
  /** The lower-case name of the header that has the secret. */
  readonly header: string
  /** The SHA-256 of each accepted secret, in hex. There are two while the secret is being changed. */
  readonly secretHashes: readonly string[]
}

/** Everything that the environment decides. */
export interface Config {
  readonly stage: StageConfig
  /** The origin of LivePerson's Domain API, without a trailing slash. */
  readonly domainApiUrl: string
  /** Whether LivePerson's hosts may be on this machine. They may only if the Domain API is. */
  readonly loopback: boolean
  readonly secretIdPrefix: string
  readonly stateTable: string
  readonly eventsQueueUrl: string
  /** The queue of everything that the service sends to itself. */
  readonly handOverQueueUrl: string
  readonly quarantineQueueUrl: string
  /** How long a form may wait for LivePerson, in milliseconds from the start of the call. Default: 6000. */
  readonly formDeadlineMs: number
  /** Undefined: calls need not come through a CDN. */
  readonly edge?: Edge | undefined
}

/**
 * Returns the configuration in the environment variables and in the stage file that they name. This is the
 * only reader of environment variables.
 *
 * @throws {InvalidConfigError} Lists every missing or invalid variable, or every mistake in the file.
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
      detail: 'Environment: LIVEPERSON_DOMAIN_API_URL must be an https URL of a LivePerson host.',
    })
  return {
    stage: parseStageConfig(readStageFile(read.CONFIG_FILE), { name: read.CONFIG_FILE, loopback }),
    domainApiUrl: domainApi.origin,
    loopback,
    secretIdPrefix: read.SECRET_ID_PREFIX,
    stateTable: read.STATE_TABLE,
    eventsQueueUrl: read.EVENTS_QUEUE_URL,
    handOverQueueUrl: read.HANDOVER_QUEUE_URL,
    quarantineQueueUrl: read.QUARANTINE_QUEUE_URL,
    formDeadlineMs: Number(read.FORM_DEADLINE_MS),
    edge: toEdge(read.EDGE_HEADER, read.EDGE_SECRET_SHA256),
  }
}

/** What the environment of `publishOutcomes` decides. */
export interface OutcomesConfig {
  /** The name or ARN of the bus. */
  readonly eventBus: string
}

/**
 * Returns the configuration of `publishOutcomes`, which needs no stage file.
 *
 * @throws {InvalidConfigError} A variable is missing.
 */
export const readOutcomesConfig = (
  { OUTCOME_BUS }: Readonly<Record<string, string | undefined>> = process.env,
): OutcomesConfig => {
  if (OUTCOME_BUS) return { eventBus: OUTCOME_BUS }
  throw new InvalidConfigError({ detail: 'Environment: OUTCOME_BUS is not set.' })
}

const toEdge = (header: string, hashes: string): Edge | undefined => {
  if ((header === '') !== (hashes === ''))
    throw new InvalidConfigError({
      detail: 'Environment: EDGE_HEADER and EDGE_SECRET_SHA256 must be set together.',
    })
  return header === '' ? undefined : { header, secretHashes: hashes.split(',') }
}

const readStageFile = (file: string): unknown => {
  let content: string
  try {
    content = readFileSync(file, 'utf8')
  } catch (error) {
    throw new InvalidConfigError({ detail: `CONFIG_FILE is ${file}, which can't be read.`, cause: error })
  }
  try {
    return parseJson(content)
  } catch (error) {
    throw new InvalidConfigError({
      detail: `${file} is not valid JSON, or has a duplicate key.`,
      cause: error,
    })
  }
}
