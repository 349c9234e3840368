import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'

/** The names that serverless.yml and infrastructure/ give to one stage. */
export interface StageNames {
  /** The Serverless service, such as `campaign-conversations`. */
  readonly service: string
  /** CONFIG_FILE, relative to the project's root. */
  readonly configFile: string
  /** SECRET_ID_PREFIX */
  readonly secretIdPrefix: string
  /** STATE_TABLE */
  readonly stateTable: string
  /** The name of the stage's own bus of outcomes. */
  readonly outcomeBus: string
}

/** Returns the names of a stage as they are deployed. */
export function readStageNames(stage: string): StageNames {
  const { service, provider } = Service.parse(readDeclaration('serverless.yml', stage))
  const { Resources } = StateTable.parse(readDeclaration('infrastructure/state-table.yml', stage))
  return {
    service,
    configFile: provider.environment.CONFIG_FILE,
    secretIdPrefix: provider.environment.SECRET_ID_PREFIX,
    stateTable: Resources.StateTable.Properties.TableName,
    outcomeBus: OutcomeBus.parse(readDeclaration('infrastructure/outcomes.yml', stage)).Resources.OutcomeBus
      .Properties.Name,
  }
}

/**
 * Returns the parsed content of serverless.yml or of a file in infrastructure/. The variables for the
 * service's name and the stage are filled in. Other variables and CloudFormation's functions stay as they
 * are.
 *
 * @param path Relative to the project's root.
 */
export function readDeclaration(path: string, stage: string): unknown {
  const { service } = Name.parse(parse(read('serverless.yml')))
  return parse(read(path).replaceAll(`\${self:service}`, service).replaceAll(`\${sls:stage}`, stage))
}

const Name = z.object({ service: z.string() })
const Service = Name.extend({
  provider: z.object({ environment: z.object({ CONFIG_FILE: z.string(), SECRET_ID_PREFIX: z.string() }) }),
})
const OutcomeBus = z.object({
  Resources: z.object({ OutcomeBus: z.object({ Properties: z.object({ Name: z.string() }) }) }),
})
const StateTable = z.object({
  Resources: z.object({ StateTable: z.object({ Properties: z.object({ TableName: z.string() }) }) }),
})

function read(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
}
