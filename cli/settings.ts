import { readdirSync, readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { parse } from 'yaml'
import { z } from 'zod'
import { readInfrastructure } from '../tools/deployed-resources.ts'

/** What an operator asks the doctor. */
export interface Settings {
  /** '' where none is named, and everything that it would decide is. */
  readonly stage: string
  /** Only this one; undefined: all accounts of the stage. */
  readonly accountId: string | undefined
  readonly region: string
  /** The variables of the functions, as `readConfig` takes them. */
  readonly environment: Readonly<Record<string, string | undefined>>
  /** Names of the stages that have a file in config/. */
  readonly stages: readonly string[]
  readonly json: boolean
}

/** What `--help` prints. */
export const HELP = `npm run doctor -- --stage <stage> [--account <id>] [--region <region>] [--json]

For each account of the stage: configuration, secret, domains, AppJWT, ConsumerJWS, and the CONVERSATION body of its
first route, which is never sent. One line a step: ok, failed (with what to do next) or skipped. Exit code 0 only if all
are ok. Secrets and tokens are never printed. It writes nothing in AWS; LivePerson's IDP gets to know one consumer, which
has no conversation.

  --stage              config/<stage>.json decides the rest, unless a flag or variable says otherwise
  --account            only this account of the stage
  --region             default AWS_REGION, else eu-west-1
  --config-file        CONFIG_FILE, default config/<stage>.json
  --secret-id-prefix   SECRET_ID_PREFIX, default <service>/<stage>
  --state-table        STATE_TABLE, default <service>-<stage>-state
  --domain-api-url     LIVEPERSON_DOMAIN_API_URL, default https://api.liveperson.net
  --json               one JSON object as the last line

AWS credentials come from where the AWS SDK finds them (AWS_PROFILE, …); they need secretsmanager:GetSecretValue, and
dynamodb:GetItem to see how old the hosts in the table are.

With the local stack of \`npm start\` (put in the ports that it prints):
  AWS_ACCESS_KEY_ID=local AWS_SECRET_ACCESS_KEY=local \\
  AWS_ENDPOINT_URL_SECRETS_MANAGER=http://127.0.0.1:4584 AWS_ENDPOINT_URL_DYNAMODB=http://127.0.0.1:8000 \\
  LIVEPERSON_DOMAIN_API_URL=http://127.0.0.1:4570 npm run doctor -- --stage local`

/**
 * Reads flags first, then variables, then what the stage is deployed with.
 *
 * @throws {Error} A flag is unknown, or no stage is named where one is needed.
 */
export function readSettings(args: string[], env: NodeJS.ProcessEnv): Settings | 'help' {
  const { values: flags } = parseArgs({ args, options: OPTIONS })
  if (flags.help) return 'help'
  const stage = flags.stage ?? ''
  const deployed = stage === '' ? undefined : readDeployed(stage)
  const environment = {
    CONFIG_FILE: flags['config-file'] ?? env.CONFIG_FILE ?? deployed?.CONFIG_FILE,
    SECRET_ID_PREFIX: flags['secret-id-prefix'] ?? env.SECRET_ID_PREFIX ?? deployed?.SECRET_ID_PREFIX,
    STATE_TABLE: flags['state-table'] ?? env.STATE_TABLE ?? deployed?.STATE_TABLE,
    LIVEPERSON_DOMAIN_API_URL: flags['domain-api-url'] ?? env.LIVEPERSON_DOMAIN_API_URL,
    // The doctor uses no queue.
    EVENTS_QUEUE_URL: 'none',
    QUARANTINE_QUEUE_URL: 'none',
  }
  const { CONFIG_FILE, SECRET_ID_PREFIX, STATE_TABLE } = environment
  if ([CONFIG_FILE, SECRET_ID_PREFIX, STATE_TABLE].includes(undefined))
    throw new Error('--stage is missing, or else CONFIG_FILE, SECRET_ID_PREFIX and STATE_TABLE.')
  return {
    stage,
    accountId: flags.account,
    region: flags.region ?? env.AWS_REGION ?? 'eu-west-1',
    environment,
    stages: readStages(),
    json: flags.json ?? false,
  }
}

const OPTIONS = {
  stage: { type: 'string' },
  account: { type: 'string' },
  region: { type: 'string' },
  'config-file': { type: 'string' },
  'secret-id-prefix': { type: 'string' },
  'state-table': { type: 'string' },
  'domain-api-url': { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

const Service = z.object({ service: z.string() })

/** Names as serverless.yml and infrastructure/ give them. */
function readDeployed(stage: string) {
  const { service } = Service.parse(parse(readFileSync(fromRoot('serverless.yml'), 'utf8')))
  return {
    CONFIG_FILE: `config/${stage}.json`,
    SECRET_ID_PREFIX: `${service}/${stage}`,
    STATE_TABLE: readInfrastructure(stage).stateTable.TableName,
  }
}

function readStages(): readonly string[] {
  return readdirSync(fromRoot('config'))
    .filter((name) => name.endsWith('.json') && name !== 'schema.json')
    .map((name) => name.replace(/\.json$/, ''))
    .toSorted()
}

const fromRoot = (path: string) => new URL(`../${path}`, import.meta.url)
