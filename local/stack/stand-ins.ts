import type { Config } from '../../lib/config/environment.ts'
import { parseStageConfig } from '../../lib/config/stage.ts'
import { startDynamoDb } from '../aws/dynamodb.ts'
import { CREDENTIALS, REGION } from '../aws/sdk.ts'
import { startSecretsManager } from '../aws/secrets-manager.ts'
import { startSqs } from '../aws/sqs.ts'
import { startLivePerson } from '../liveperson/server.ts'
import { loadFixture } from '../liveperson/state/account.ts'
import { type ConfiguredAccount, withConfigured } from '../liveperson/state/configured.ts'

/** The stand-ins that listen on a port. */
export type StandInName = 'livePerson' | 'sqs' | 'dynamoDb' | 'secretsManager'

/**
 * Starts the LivePerson simulator, SQS, DynamoDB and Secrets Manager on 127.0.0.1, with the simulator's
 * accounts and their secrets. Several sets can run at once.
 *
 * @param options.secretIdPrefix The secret of an account is stored as `<prefix>/<accountId>`.
 * @param options.configured Accounts that the simulator has in addition, with the campaigns of their routes.
 *   Default: none.
 * @param options.ports Default: free ones.
 * @throws {PortTakenError} Those that had started are stopped.
 */
export async function startStandIns({
  secretIdPrefix,
  configured = [],
  ports = {},
}: {
  readonly secretIdPrefix: string
  readonly configured?: readonly ConfiguredAccount[]
  readonly ports?: Readonly<Partial<Record<StandInName, number>>>
}) {
  const accounts = withConfigured(loadFixture(), configured)
  const starting = [
    startLivePerson({ accounts, ...toPort(ports.livePerson) }),
    startSqs(toPort(ports.sqs)),
    startDynamoDb(toPort(ports.dynamoDb)),
    startSecretsManager(toPort(ports.secretsManager)),
  ] as const
  const close = async () => {
    const settled = await Promise.allSettled(starting)
    await Promise.all(settled.map((part) => part.status === 'fulfilled' && part.value.close()))
  }
  const [livePerson, sqs, dynamoDb, secretsManager] = await Promise.all(starting).catch(async (error) => {
    await close()
    throw error
  })
  for (const { accountId, clientId, clientSecrets } of accounts) {
    secretsManager.put(`${secretIdPrefix}/${accountId}`, { clientId, clientSecret: clientSecrets[0] })
  }

  return {
    /** Shared with the simulator: a change to `clientSecrets` changes what Sentinel accepts. */
    accounts,
    livePerson,
    sqs,
    dynamoDb,
    secretsManager,

    /** The variables that AWS's SDK reads to reach the stand-ins. */
    awsEnvironment: {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL_SQS: sqs.url,
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
    },

    /** The service's own variables, without CONFIG_FILE. */
    serviceEnvironment: {
      LIVEPERSON_DOMAIN_API_URL: livePerson.url,
      SECRET_ID_PREFIX: secretIdPrefix,
      STATE_TABLE: dynamoDb.stateTable,
      EVENTS_QUEUE_URL: sqs.eventsQueueUrl,
      HANDOVER_QUEUE_URL: sqs.handOverQueueUrl,
      QUARANTINE_QUEUE_URL: sqs.quarantineQueueUrl,
    },

    /**
     * Returns the configuration of a service that uses the stand-ins.
     *
     * @param stage The content of a stage configuration file.
     * @throws {InvalidConfigError}
     */
    configOf: (stage: unknown): Config => ({
      stage: parseStageConfig(stage, { name: 'the stage configuration', loopback: true }),
      domainApiUrl: livePerson.url,
      loopback: true,
      secretIdPrefix,
      stateTable: dynamoDb.stateTable,
      eventsQueueUrl: sqs.eventsQueueUrl,
      handOverQueueUrl: sqs.handOverQueueUrl,
      quarantineQueueUrl: sqs.quarantineQueueUrl,
      formDeadlineMs: 6000,
    }),

    close,
  }
}

function toPort(port: number | undefined): { port?: number } {
  return port === undefined ? {} : { port }
}
