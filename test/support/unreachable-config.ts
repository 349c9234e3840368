import type { Config } from '../../lib/config/environment.ts'
import { parseStageConfig } from '../../lib/config/stage.ts'

/**
 * Returns a configuration whose AWS services and LivePerson can't be reached, for services that get stand-ins
 * for all of them.
 *
 * @param accounts The accounts of the stage.
 */
export const configOf = (accounts: readonly object[]): Config => ({
  stage: parseStageConfig({ origins: [], accounts }, { name: 'the test', loopback: true }),
  domainApiUrl: 'http://127.0.0.1:1',
  loopback: true,
  secretIdPrefix: 'prefix',
  stateTable: 'state',
  eventsQueueUrl: 'https://sqs.example/events',
  handOverQueueUrl: 'https://sqs.example/hand-over',
  quarantineQueueUrl: 'https://sqs.example/quarantine',
  formDeadlineMs: 6000,
})
