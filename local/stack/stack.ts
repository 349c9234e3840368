import { setTimeout as sleep } from 'node:timers/promises'
import { startDynamoDb } from '../aws/dynamodb.ts'
import { startEventSourceMapping } from '../aws/event-source-mapping.ts'
import { REGION, readInfrastructure } from '../../tools/deployed-resources.ts'
import { invokeByApi } from '../aws/invoke.ts'
import { loadFixture } from '../liveperson/state/account.ts'
import { startLivePerson } from '../liveperson/server.ts'
import { startOffline } from './offline.ts'
import { startSecretsManager } from '../aws/secrets-manager.ts'
import { startSqs } from '../aws/sqs.ts'

/** The whole service on this machine, with everything that it talks to. */
export type Stack = Awaited<ReturnType<typeof startStack>>

/** The parts that listen on a port. */
export type PortName = 'api' | 'lambda' | 'livePerson' | 'sqs' | 'dynamoDb' | 'secretsManager'

/**
 * Starts the LivePerson simulator, SQS, DynamoDB, Secrets Manager, API Gateway with Lambda and the schedule
 * (`serverless offline`), and the event source mapping between queue and function. Several stacks can run at once.
 *
 * @param options.ports Default: free ones.
 * @param options.watch Whether a change in functions/ or lib/ is built at once. Default: no.
 * @param options.environment Further variables for the handlers, of those that serverless.yml takes from outside, e.g. LOG_LEVEL.
 * @param options.log Gets every line that the functions and the mapping print.
 * @param options.signal Gives up starting.
 * @throws {Error} A part did not start; what had started is stopped.
 */
export async function startStack(
  options: {
    readonly ports?: Readonly<Partial<Record<PortName, number>>>
    readonly watch?: boolean
    readonly environment?: Readonly<Record<string, string>>
    readonly log?: (line: string) => void
    readonly signal?: AbortSignal
  } = {},
) {
  const { ports = {}, log } = options
  const started: (() => unknown)[] = []
  const start = async <Part extends { close(): unknown }>(starting: Part | Promise<Part>): Promise<Part> => {
    const part = await starting
    started.push(() => part.close())
    return part
  }
  async function close(): Promise<void> {
    for (const stop of started.splice(0).reverse()) await stop()
  }

  try {
    const accounts = loadFixture()
    const [livePerson, sqs, dynamoDb, secretsManager] = await allOrNone([
      start(startLivePerson({ accounts, ...toPort(ports.livePerson) })),
      start(startSqs(toPort(ports.sqs))),
      start(startDynamoDb(toPort(ports.dynamoDb))),
      start(startSecretsManager(toPort(ports.secretsManager))),
    ])
    for (const { accountId, clientId, clientSecrets } of accounts) {
      secretsManager.put(`campaign-conversations/local/${accountId}`, {
        clientId,
        clientSecret: clientSecrets[0],
      })
    }

    const offline = await start(
      startOffline({
        environment: {
          AWS_REGION: REGION,
          AWS_ACCESS_KEY_ID: 'local',
          AWS_SECRET_ACCESS_KEY: 'local',
          AWS_ENDPOINT_URL_SQS: sqs.url,
          AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
          AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
          EVENTS_QUEUE_URL: sqs.eventsQueueUrl,
          QUARANTINE_QUEUE_URL: sqs.quarantineQueueUrl,
          LIVEPERSON_DOMAIN_API_URL: livePerson.url,
          ...options.environment,
        },
        apiPort: ports.api,
        lambdaPort: ports.lambda,
        watch: options.watch,
        log,
        signal: options.signal,
      }),
    )

    const { functionName, batchSize, maximumConcurrency } = readInfrastructure().eventSource
    const invoke = await start(invokeByApi({ url: offline.lambdaUrl, functionName }))
    const mapping = startEventSourceMapping({
      queueUrl: sqs.eventsQueueUrl,
      queueArn: sqs.eventsQueueArn,
      batchSize,
      maximumConcurrency,
      invoke,
      ...(log ? { log } : {}),
    })
    started.push(async () => {
      const stopped = mapping.stop()
      // A batch that hangs must not hold up the end: with `serverless offline` gone, its invocation fails.
      await Promise.race([stopped, sleep(2_000, undefined, { ref: false })])
      await offline.close()
      await stopped
    })

    return {
      apiUrl: offline.apiUrl,
      lambdaUrl: offline.lambdaUrl,
      livePerson,
      sqs,
      dynamoDb,
      secretsManager,

      /** Stops everything; no process, port or file of it is left. */
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Like Promise.all, but waits for the others when one fails, so that what they start can be stopped. */
async function allOrNone<Parts extends readonly unknown[] | []>(parts: Parts) {
  await Promise.allSettled(parts)
  return Promise.all(parts)
}

function toPort(port: number | undefined): { port?: number } {
  return port === undefined ? {} : { port }
}
