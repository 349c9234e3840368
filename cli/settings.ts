import { readdirSync } from 'node:fs'
import { readStageNames } from '../tools/serverless-yml.ts'
import { UsageError } from './commands/command.ts'

/** A stage, and where its parts are. */
export interface Stage {
  /** '' if the flags and variables replace everything that the stage would decide. */
  readonly stage: string
  readonly region: string
  /** The variables of the functions, for `readConfig`. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** The stages that have a file in config/. */
  readonly stages: readonly string[]
}

/** The flags that say where a stage's parts are, for `parseArgs`. */
export const STAGE_OPTIONS = {
  stage: { type: 'string' },
  region: { type: 'string' },
  'config-file': { type: 'string' },
  'secret-id-prefix': { type: 'string' },
  'state-table': { type: 'string' },
  'domain-api-url': { type: 'string' },
} as const

/** The flags of every command that works on a stage, for `parseArgs`. */
export const COMMAND_OPTIONS = {
  ...STAGE_OPTIONS,
  local: { type: 'boolean' },
  json: { type: 'boolean' },
} as const

/** The description of these flags, for `--help`, as far as commands on the state table have them. */
export const COMMAND_FLAGS = `  --stage          default dev
  --local          the local stack of npm start, with its default ports, as --stage local
  --region         default AWS_REGION, else eu-west-1
  --config-file, --state-table
                   default: those of the stage
  --json           print one JSON object`

/**
 * Returns where a stage's parts are. Flags override environment variables, which override the names that the
 * stage is deployed with.
 *
 * @throws {UsageError} Neither the stage nor everything that it decides is named.
 */
export function findStage(
  flags: { readonly [flag in keyof typeof STAGE_OPTIONS]?: string | undefined },
  env: NodeJS.ProcessEnv,
): Stage {
  const stage = flags.stage ?? ''
  const deployed = stage === '' ? undefined : readStageNames(stage)
  const environment = {
    CONFIG_FILE: flags['config-file'] ?? env.CONFIG_FILE ?? deployed?.configFile,
    SECRET_ID_PREFIX: flags['secret-id-prefix'] ?? env.SECRET_ID_PREFIX ?? deployed?.secretIdPrefix,
    STATE_TABLE: flags['state-table'] ?? env.STATE_TABLE ?? deployed?.stateTable,
    LIVEPERSON_DOMAIN_API_URL: flags['domain-api-url'] ?? env.LIVEPERSON_DOMAIN_API_URL,
    // Required by `readConfig`. Commands that use a queue ask SQS for its URL.
    EVENTS_QUEUE_URL: env.EVENTS_QUEUE_URL ?? 'none',
    HANDOVER_QUEUE_URL: env.HANDOVER_QUEUE_URL ?? 'none',
    QUARANTINE_QUEUE_URL: env.QUARANTINE_QUEUE_URL ?? 'none',
  }
  const { CONFIG_FILE, SECRET_ID_PREFIX, STATE_TABLE } = environment
  if ([CONFIG_FILE, SECRET_ID_PREFIX, STATE_TABLE].includes(undefined))
    throw new UsageError('Set --stage, or all of CONFIG_FILE, SECRET_ID_PREFIX and STATE_TABLE.')
  return { stage, region: flags.region ?? env.AWS_REGION ?? 'eu-west-1', environment, stages: readStages() }
}

function readStages(): readonly string[] {
  return readdirSync(new URL('../config', import.meta.url))
    .filter((name) => name.endsWith('.json') && name !== 'schema.json')
    .map((name) => name.replace(/\.json$/, ''))
    .toSorted()
}
