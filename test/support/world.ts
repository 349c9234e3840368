import { randomUUID } from 'node:crypto'
import { DeleteMessageCommand, type Message, ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
  Context,
  SQSBatchResponse,
  SQSRecord,
} from 'aws-lambda'
import { createHandler as createStatusHandler } from '../../functions/conversation-status.ts'
import { createHandler as createFormHandler } from '../../functions/open-from-form.ts'
import { createHandler as createQueueHandler } from '../../functions/open-from-queue.ts'
import { createHandler as createRefreshHandler } from '../../functions/refresh-domains.ts'
import { createReadSecret } from '../../lib/account/secrets.ts'
import { type AwsOptions, awsOptions } from '../../lib/aws/options.ts'
import { createQueues, type QueueName, type Queues } from '../../lib/aws/queues.ts'
import { createStateTable } from '../../lib/aws/state-table.ts'
import type { Config } from '../../lib/config/environment.ts'
import type { StageConfig } from '../../lib/config/stage.ts'
import type { Job } from '../../lib/conversation/job.ts'
import { createLedger } from '../../lib/conversation/ledger.ts'
import { readRecord } from '../../lib/conversation/record.ts'
import { createDomainsService, type DomainsService } from '../../lib/service/domains.ts'
import { createOpenService, type OpenService } from '../../lib/service/open.ts'
import { type Seams, system } from '../../lib/service/seams.ts'
import { createStatusService, type StatusService } from '../../lib/service/status.ts'
import { readResources } from '../../local/aws/resources.ts'
import { startStandIns } from '../../local/stack/stand-ins.ts'

export const ACCOUNT = '70123456'
export const OTHER_ACCOUNT = '70999999'
export const ORDER_HELP = { campaignId: '3120045610', engagementId: '3120047710' }
export const CRM_UPGRADE = { campaignId: '3120045610', engagementId: '3120047711' }
export const ORDERS_SKILL = '3120040010'
export const UPGRADES_SKILL = '3120040011'

/** The stage configuration of most tests. */
export const STAGE = {
  origins: ['https://www.example.com'],
  accounts: [
    {
      accountId: ACCOUNT,
      default: true,
      form: { consumers: 'anonymous', campaigns: 'any' },
      routes: {
        'order-help': { ...ORDER_HELP, doors: ['form', 'queue'] },
        'crm-upgrade': { ...CRM_UPGRADE, ttr: 'URGENT', doors: ['queue'] },
        vip: {
          ...ORDER_HELP,
          doors: ['form', 'queue'],
          engagementAttributes: [{ type: 'ctmrinfo', info: { ctype: 'vip' } }],
        },
      },
    },
    {
      accountId: OTHER_ACCOUNT,
      routes: { 'other-help': { campaignId: '1', engagementId: '2', doors: ['form', 'queue'] } },
    },
  ],
}

/** How a test's container differs from a deployed one. */
interface ServiceOptions extends Partial<Seams> {
  readonly stage?: unknown
  readonly config?: Partial<Config>
  readonly aws?: AwsOptions
}

/** The services of all four functions, with caches of their own, and the operations beneath them. */
export type Service = ReturnType<typeof createContainer>

const createContainer = (config: Config, { aws = awsOptions, ...given }: ServiceOptions = {}) => {
  const { sleep, random, now, uuid } = { ...system, ...given }
  const {
    table = createStateTable({ name: config.stateTable, aws, sleep, random }),
    queues = createQueues({ ...config, aws }),
    readSecret = createReadSecret(aws),
  } = given
  const seams = { ...given, table, queues, readSecret }
  return {
    ...createDomainsService(config, seams),
    ...createStatusService(config, seams),
    ...createOpenService(config, seams),
    queues,
    ledger: createLedger({ table, now, uuid }),
  }
}

export type World = Awaited<ReturnType<typeof startWorld>>

/** Starts the stand-ins for everything that the service calls, in this process and on free ports. */
export const startWorld = async () => {
  const standIns = await startStandIns({ secretIdPrefix: 'campaign-conversations/test' })
  const { accounts, livePerson, sqs, dynamoDb, secretsManager, eventBridge } = standIns
  Object.assign(process.env, standIns.awsEnvironment)
  const client = new SQSClient({})

  const configOf = (stage: unknown = STAGE): Config => standIns.configOf(stage)

  const receive = async (queueUrl: string): Promise<readonly Message[]> => {
    const messages: Message[] = []
    for (;;) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 0,
          MessageAttributeNames: ['All'],
        }),
      )
      if (Messages.length === 0) return messages
      messages.push(...Messages)
      for (const { ReceiptHandle } of Messages)
        await client.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle }))
    }
  }

  return {
    accounts,
    livePerson,
    sqs,
    dynamoDb,
    secretsManager,
    eventBridge,
    configOf,

    /** Returns a new container, which has its own caches. */
    createService: ({ stage, config, ...options }: ServiceOptions = {}): Service =>
      createContainer({ ...configOf(stage), ...config }, options),

    /** Receives and deletes all visible messages of the quarantine queue. Returns their bodies and reasons. */
    receiveQuarantine: async () =>
      (await receive(sqs.quarantineQueueUrl)).map(({ Body = '', MessageId, MessageAttributes = {} }) => ({
        messageId: MessageId,
        body: Body,
        code: MessageAttributes.code?.StringValue,
        detail: MessageAttributes.detail?.StringValue,
        requestId: MessageAttributes.requestId?.StringValue,
        queue: MessageAttributes.queue?.StringValue,
        attempts: MessageAttributes.attempts?.StringValue,
      })),

    /** Receives and deletes all visible messages of the hand-over queue. Returns their bodies. */
    receiveHandOvers: async (): Promise<readonly string[]> =>
      (await receive(sqs.handOverQueueUrl)).map(({ Body = '' }) => Body),

    close: async () => {
      client.destroy()
      await standIns.close()
    },
  }
}

interface FormInit {
  readonly headers?: Readonly<Record<string, string>>
  readonly isBase64Encoded?: boolean
}

/** What API Gateway gives the function for a POST. */
export const formEvent = (body: unknown, { headers = {}, isBase64Encoded = false }: FormInit = {}) =>
  ({
    version: '2.0',
    routeKey: 'POST /conversations',
    rawPath: '/conversations',
    rawQueryString: '',
    headers: { 'content-type': 'application/json', ...headers },
    requestContext: { http: { method: 'POST', path: '/conversations' } },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    isBase64Encoded,
  }) as unknown as APIGatewayProxyEventV2

const RESOURCES = readResources()

interface RecordInit {
  /** Default: the events queue. */
  readonly queue?: QueueName
  /** How many times the queue has delivered it. Default: 1. */
  readonly attempt?: number
  readonly messageId?: string
  readonly receiptHandle?: string
  /** Milliseconds since the epoch. Default: now, by the system's clock. */
  readonly sentAt?: number
}

/** What Lambda gives the function for a record of a queue. */
export const toRecord = (body: unknown, init: RecordInit = {}) => {
  const { queue = 'events', attempt = 1, messageId = randomUUID(), sentAt = Date.now() } = init
  return {
    messageId,
    receiptHandle: init.receiptHandle ?? `receipt-${messageId}`,
    body: typeof body === 'string' ? body : JSON.stringify(body),
    attributes: { ApproximateReceiveCount: String(attempt), SentTimestamp: String(sentAt) },
    messageAttributes: {},
    eventSource: 'aws:sqs',
    eventSourceARN: RESOURCES[queue].arn,
  } as unknown as SQSRecord
}

const contextOf = (remainingMs: number) => ({ getRemainingTimeInMillis: () => remainingMs }) as Context

/** The JSON that an answer's body holds. */
export const bodyOf = ({ body }: APIGatewayProxyStructuredResultV2) => JSON.parse(body ?? 'null')

type Answer = Promise<APIGatewayProxyStructuredResultV2>

/** Submits a form to a container, through its handler. */
export const submit = (service: OpenService | (() => OpenService), body: unknown, init?: FormInit): Answer =>
  createFormHandler(typeof service === 'function' ? service : () => service)(
    formEvent(body, init),
    contextOf(15_000),
  ) as Answer

/** Delivers records to a container, through its handler. */
export const deliver = (
  service: OpenService | (() => OpenService),
  records: readonly SQSRecord[],
  remainingMs = 60_000,
): Promise<SQSBatchResponse> =>
  createQueueHandler(typeof service === 'function' ? service : () => service)(
    { Records: [...records] },
    contextOf(remainingMs),
  ) as Promise<SQSBatchResponse>

/** Asks a container for a request's status, through its handler. */
export const askStatus = (service: StatusService | (() => StatusService), requestId?: string): Answer =>
  createStatusHandler(typeof service === 'function' ? service : () => service)(
    {
      pathParameters: requestId === undefined ? undefined : { requestId },
    } as unknown as APIGatewayProxyEventV2,
    contextOf(10_000),
  ) as Answer

/** Asks a container for the status of a CRM event, through its handler, as a caller that IAM has authorized. */
export const askEventStatus = (service: StatusService, accountId: string, requestId: string): Answer =>
  createStatusHandler(() => service)(
    {
      routeKey: 'GET /events/{accountId}/{requestId}',
      pathParameters: { accountId, requestId },
      requestContext: { authorizer: { iam: {} } },
    } as unknown as APIGatewayProxyEventV2,
    contextOf(10_000),
  ) as Answer

/** Refreshes the domains of a container, through its handler. */
export const refresh = (service: DomainsService | (() => DomainsService)): Answer =>
  createRefreshHandler(typeof service === 'function' ? service : () => service)(
    {} as unknown as APIGatewayProxyEventV2,
    contextOf(10_000),
  ) as Answer

/** Returns queues in which nothing waits: no hand-over is delayed, and no record is put off. */
export const withoutWaits = (queues: Queues): Queues => ({
  ...queues,
  handOver: (body, options) => queues.handOver(body, { ...options, delayMs: 0 }),
  delay: async () => undefined,
})

/** Returns the job of a record, which must not be refused. */
export const jobOf = (
  stage: StageConfig,
  record: Pick<SQSRecord, 'body' | 'messageId'> & Partial<Pick<SQSRecord, 'eventSourceARN'>>,
): Job => {
  const { body, messageId, eventSourceARN } = record
  const queue = eventSourceARN === RESOURCES.handOver.arn ? 'handOver' : 'events'
  const now = Date.now()
  const read = readRecord(stage, queue, { body, messageId, sentAt: now, now })
  if (read.kind === 'job') return read.job
  throw read.error
}
