import { readStageNames } from '../tools/serverless-yml.ts'
import { chooseStage } from './commands/local-stack.ts'

/** The flags that say where a stage's outcomes are, for `parseArgs`. */
export const OUTCOME_OPTIONS = {
  stage: { type: 'string' },
  local: { type: 'boolean' },
  region: { type: 'string' },
  'state-table': { type: 'string' },
  'event-bus': { type: 'string' },
  account: { type: 'string' },
  json: { type: 'boolean' },
} as const

/** The description of these flags, for `--help`. */
export const OUTCOME_FLAGS = `  --account        only this account. Default: all
  --stage          default dev
  --local          the local stack of npm start, with its default ports, as --stage local
  --region         default AWS_REGION, else eu-west-1
  --state-table    STATE_TABLE, default <service>-<stage>-state
  --event-bus      OUTCOME_BUS, the name or ARN of the bus, default <service>-<stage>-outcomes. Set it if the
                   stage was deployed with the parameter outcomeBus`

/** Where the outcomes of a stage are. */
export interface OutcomeStage {
  readonly stage: string
  readonly service: string
  readonly region: string
  readonly stateTable: string
  readonly eventBus: string
}

/**
 * Returns where a stage's outcomes are. Flags override environment variables, which override the names that
 * the stage is deployed with.
 *
 * @throws {UsageError} Both --local and --stage are set.
 */
export const findOutcomeStage = (
  flags: {
    readonly stage?: string | undefined
    readonly local?: boolean | undefined
    readonly region?: string | undefined
    readonly 'state-table'?: string | undefined
    readonly 'event-bus'?: string | undefined
  },
  env: NodeJS.ProcessEnv,
): OutcomeStage => {
  const stage = chooseStage(flags, env)
  const { service, stateTable, outcomeBus } = readStageNames(stage)
  const region = flags.region ?? env.AWS_REGION ?? 'eu-west-1'
  // The SDK's clients read it when they are created.
  env.AWS_REGION = region
  return {
    stage,
    service,
    region,
    stateTable: flags['state-table'] ?? env.STATE_TABLE ?? stateTable,
    eventBus: flags['event-bus'] ?? env.OUTCOME_BUS ?? outcomeBus,
  }
}
