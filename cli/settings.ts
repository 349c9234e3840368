import { readdirSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { readStageNames } from '../tools/serverless-yml.ts'

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

/** What to check. */
export interface Settings extends Stage {
  /** Check only this account. Undefined: all accounts of the stage. */
  readonly accountId: string | undefined
  readonly json: boolean
}

/** The text of `--help`. */
export const HELP = `npm run doctor -- --stage <stage> [--account <id>] [--region <region>] [--json]

Checks for each account of the stage: configuration, secret, domains, AppJWT, ConsumerJWS, and the
CONVERSATION body of its first route, which isn't sent. Prints one line per step: ok, failed (with what to do
next) or skipped. Exits with 0 if every step is ok, 1 if one isn't, 2 for wrong flags. Never prints a secret or a
token. Writes nothing to AWS. Registers one consumer with LivePerson, which never has a conversation.

  --stage              config/<stage>.json and its AWS resources, unless set below
  --account            only this account
  --region             default AWS_REGION, else eu-west-1
  --config-file        CONFIG_FILE, default config/<stage>.json
  --secret-id-prefix   SECRET_ID_PREFIX, default <service>/<stage>
  --state-table        STATE_TABLE, default <service>-<stage>-state
  --domain-api-url     LIVEPERSON_DOMAIN_API_URL, default https://api.liveperson.net
  --json               print one JSON object as the last line

The AWS SDK finds its credentials as usual (AWS_PROFILE, …). They must allow secretsmanager:GetSecretValue.
dynamodb:GetItem is needed to show the age of the hosts in the state table.

With the local stack of \`npm start\` (use the ports that it prints):
  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local \\
  AWS_ENDPOINT_URL_SECRETS_MANAGER=http://127.0.0.1:4584 AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000 \\
  LIVEPERSON_DOMAIN_API_URL=http://127.0.0.1:4570 npm run doctor -- --stage local`

/**
 * Returns the settings. Flags override environment variables, which override the names that the stage is
 * deployed with.
 *
 * @throws {Error} A flag is unknown, or neither the stage nor everything that it decides is named.
 */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings | 'help' {
  const { values: flags } = parseArgs({ args, options: OPTIONS })
  if (flags.help) return 'help'
  return { ...findStage(flags, env), accountId: flags.account, json: flags.json ?? false }
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

const OPTIONS = {
  ...STAGE_OPTIONS,
  account: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

/**
 * Returns where a stage's parts are. Flags override environment variables, which override the names that the
 * stage is deployed with.
 *
 * @throws {Error} Neither the stage nor everything that it decides is named.
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
    // Required by `readConfig`. No command uses a queue.
    EVENTS_QUEUE_URL: 'none',
    HANDOVER_QUEUE_URL: 'none',
    QUARANTINE_QUEUE_URL: 'none',
  }
  const { CONFIG_FILE, SECRET_ID_PREFIX, STATE_TABLE } = environment
  if ([CONFIG_FILE, SECRET_ID_PREFIX, STATE_TABLE].includes(undefined))
    throw new Error('Set --stage, or all of CONFIG_FILE, SECRET_ID_PREFIX and STATE_TABLE.')
  return { stage, region: flags.region ?? env.AWS_REGION ?? 'eu-west-1', environment, stages: readStages() }
}

function readStages(): readonly string[] {
  return readdirSync(new URL('../config', import.meta.url))
    .filter((name) => name.endsWith('.json') && name !== 'schema.json')
    .map((name) => name.replace(/\.json$/, ''))
    .toSorted()
}
