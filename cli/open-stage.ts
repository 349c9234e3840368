import { setTimeout as sleep } from 'node:timers/promises'
import * as z from 'zod'
import { createStateTable, type StateTable } from '../lib/aws/state-table.ts'
import { readConfig } from '../lib/config/environment.ts'
import type { StageConfig } from '../lib/config/stage.ts'
import { readDeclaration } from '../tools/serverless-yml.ts'
import { AWS } from './aws.ts'
import { UsageError } from './commands/command.ts'
import { chooseStage } from './commands/local-stack.ts'
import { openQuarantineQueue, type QuarantineQueue, type QueueAddresses } from './quarantine/queues.ts'
import { findStage, type STAGE_OPTIONS } from './settings.ts'

/** A stage that a command works on. */
export interface OpenStage {
  readonly name: string
  readonly region: string
  readonly config: StageConfig
  readonly table: StateTable
  /** Opens the queues. @throws {ServiceUnavailableError} */
  readonly openQueue: () => Promise<QuarantineQueue>
}

type Flags = { readonly [flag in keyof typeof STAGE_OPTIONS]?: string | undefined } & {
  readonly local?: boolean | undefined
}

/**
 * Returns the stage that the flags choose, `dev` by default.
 *
 * @throws {UsageError} Both --local and --stage are set.
 * @throws {InvalidConfigError} The stage's configuration is missing or invalid.
 */
export const openStage = (flags: Flags, env: NodeJS.ProcessEnv): OpenStage => {
  const { stage, region, environment, stages } = findStage({ ...flags, stage: chooseStage(flags, env) }, env)
  if (!stages.includes(stage) && flags['config-file'] === undefined && env.CONFIG_FILE === undefined)
    throw new UsageError(`There is no config/${stage}.json. Stages in config/: ${stages.join(', ')}.`)
  // The SDK's clients read it when they are created.
  env.AWS_REGION = region
  const { stage: config, stateTable } = readConfig(environment)
  return {
    name: stage,
    region,
    config,
    table: createStateTable({ name: stateTable, aws: AWS, sleep, random: Math.random }),
    openQueue: () => openQuarantineQueue({ queues: addressesOf(stage, env), region }),
  }
}

const queueResource = z.object({ Properties: z.object({ QueueName: z.string() }) })
const Queues = z.object({
  Resources: z.object({
    EventsQueue: queueResource,
    HandOverQueue: queueResource,
    QuarantineQueue: queueResource,
  }),
})

/** A variable can have the URL of a queue. Default: the name that the stage is deployed with. */
const addressesOf = (stage: string, env: NodeJS.ProcessEnv): QueueAddresses => {
  const { EventsQueue, HandOverQueue, QuarantineQueue } = Queues.parse(
    readDeclaration('infrastructure/queues.yml', stage),
  ).Resources
  return {
    events: env.EVENTS_QUEUE_URL ?? EventsQueue.Properties.QueueName,
    handOver: env.HANDOVER_QUEUE_URL ?? HandOverQueue.Properties.QueueName,
    quarantine: env.QUARANTINE_QUEUE_URL ?? QuarantineQueue.Properties.QueueName,
  }
}
