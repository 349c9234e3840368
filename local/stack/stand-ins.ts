import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { Config } from '../../lib/config/environment.ts'
import { parseStageConfig } from '../../lib/config/stage.ts'
import { startDynamoDb } from '../aws/dynamodb.ts'
import { startEventBridge } from '../aws/event-bridge.ts'
import { readResources } from '../aws/resources.ts'
import { awsClientConfig, CREDENTIALS, REGION } from '../aws/sdk.ts'
import { startSecretsManager } from '../aws/secrets-manager.ts'
import { startSqs } from '../aws/sqs.ts'
import type { TableStream } from '../aws/table-stream.ts'
import { startLivePerson } from '../liveperson/server.ts'
import { loadFixture } from '../liveperson/state/account.ts'
import { type ConfiguredAccount, withConfigured } from '../liveperson/state/configured.ts'

/** The stand-ins that listen on a port. */
export type StandInName = 'livePerson' | 'sqs' | 'dynamoDb' | 'secretsManager' | 'eventBridge'

/**
 * Starts the LivePerson simulator, SQS, DynamoDB, Secrets Manager and EventBridge on 127.0.0.1, with the
 * simulator's accounts and their secrets. Several sets can run at once.
 *
 * @param options.secretIdPrefix The secret of an account is stored as `<prefix>/<accountId>`.
 * @param options.configured Accounts that the simulator has in addition, with the campaigns of their routes.
 *   Default: none.
 * @param options.stream Gets each write of the state table. Default: writes are not captured.
 * @param options.ports Default: free ones.
 * @throws {PortTakenError} Those that had started are stopped.
 */
export async function startStandIns({
  secretIdPrefix,
  configured = [],
  stream,
  ports = {},
}: {
  readonly secretIdPrefix: string
  readonly configured?: readonly ConfiguredAccount[]
  readonly stream?: TableStream
  readonly ports?: Readonly<Partial<Record<StandInName, number>>>
}) {
  const accounts = withConfigured(loadFixture(), configured)
  const startingSqs = startSqs(toPort(ports.sqs))
  /** Sends an event to a queue, as a rule of EventBridge does. */
  const deliver = async (targetArn: string, event: object) => {
    const { url, urlOf } = await startingSqs
    const client = new SQSClient(awsClientConfig(url))
    await client.send(
      new SendMessageCommand({ QueueUrl: urlOf(targetArn), MessageBody: JSON.stringify(event) }),
    )
    client.destroy()
  }
  const starting = [
    startLivePerson({ accounts, ...toPort(ports.livePerson) }),
    startingSqs,
    startDynamoDb({ ...toPort(ports.dynamoDb), ...(stream && { onWrite: stream.push }) }),
    startSecretsManager(toPort(ports.secretsManager)),
    startEventBridge({ deliver, ...toPort(ports.eventBridge) }),
  ] as const
  const close = async () => {
    const settled = await Promise.allSettled(starting)
    await Promise.all(settled.map((part) => part.status === 'fulfilled' && part.value.close()))
  }
  const [livePerson, sqs, dynamoDb, secretsManager, eventBridge] = await Promise.all(starting).catch(
    async (error) => {
      await close()
      throw error
    },
  )
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
    eventBridge,

    /** The variables that AWS's SDK reads to reach the stand-ins. */
    awsEnvironment: {
      AWS_REGION: REGION,
      AWS_ACCESS_KEY_ID: CREDENTIALS.accessKeyId,
      AWS_SECRET_ACCESS_KEY: CREDENTIALS.secretAccessKey,
      AWS_ENDPOINT_URL_SQS: sqs.url,
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
      AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
      AWS_ENDPOINT_URL_EVENTBRIDGE: eventBridge.url,
    },

    /** The service's own variables, without CONFIG_FILE. */
    serviceEnvironment: {
      LIVEPERSON_DOMAIN_API_URL: livePerson.url,
      SECRET_ID_PREFIX: secretIdPrefix,
      STATE_TABLE: dynamoDb.stateTable,
      EVENTS_QUEUE_URL: sqs.eventsQueueUrl,
      HANDOVER_QUEUE_URL: sqs.handOverQueueUrl,
      QUARANTINE_QUEUE_URL: sqs.quarantineQueueUrl,
      OUTCOME_BUS: readResources().outcomeBus,
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
