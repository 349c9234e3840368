import { createHash } from 'node:crypto'
import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
  Context,
  SQSBatchResponse,
} from 'aws-lambda'
import { createHandler as createStatusHandler } from '../../functions/conversation-status.ts'
import { createHandler as createFormHandler } from '../../functions/open-from-form.ts'
import { createHandler as createQueueHandler } from '../../functions/open-from-queue.ts'
import type { SecretStage } from '../../lib/account/secrets.ts'
import type { Queues } from '../../lib/aws/queues.ts'
import type { Config } from '../../lib/config/environment.ts'
import { parseStageConfig } from '../../lib/config/stage.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import { createOpenService, type OpenService } from '../../lib/service/open.ts'
import type { Seams } from '../../lib/service/seams.ts'
import { createStatusService, type StatusService } from '../../lib/service/status.ts'
import type { Conversation } from '../../local/liveperson/state/store.ts'
import { formEvent, toRecord } from '../support/world.ts'
import {
  type Container,
  type ContainerOdds,
  createContainer,
  type FunctionName,
  type Invoked,
} from './container.ts'
import { startEventSourceMapping } from './event-source-mapping.ts'
import type { Faults } from './faults.ts'
import { createSimulatedLivePerson, DOMAIN_API } from './liveperson.ts'
import { createNetwork, type Odds } from './network.ts'
import { createMemoryQueue, type ReceivedMessage } from './queue.ts'
import { createRandom } from './random.ts'
import { stageOf } from './requests.ts'
import { createMemoryTable } from './state-table.ts'
import type { VirtualTime } from './time.ts'
import type { Trace } from './trace.ts'

export interface WorldOptions {
  readonly seed: string
  readonly time: VirtualTime
  readonly faults: Faults
  readonly trace: Trace
  readonly odds: Odds
  readonly containerOdds: ContainerOdds
  readonly onLostAnswer: 'repeat' | 'hold'
  /** The most that a container's clock may be off, in milliseconds. */
  readonly maxSkewMs: number
  /** Replaces the service of every container, as a mutant does. */
  readonly change?: (service: OpenService) => OpenService
  /** Called with each conversation that is opened. */
  readonly onOpened: (conversation: Conversation) => void
}

/** As in infrastructure/queues.yml. */
const VISIBILITY_SECONDS = 360
const RETENTION_SECONDS = 14 * 24 * 3600
const MAX_RECEIVES = 20
/** As in serverless.yml. */
const QUEUE_CONCURRENCY = 5

export type World = Awaited<ReturnType<typeof createWorld>>

/** Returns a whole deployed stage in one process: containers, queues, table, secrets and LivePerson. */
export const createWorld = async (options: WorldOptions) => {
  const { seed, time, faults, trace, odds, containerOdds, onLostAnswer, maxSkewMs, onOpened } = options
  const change = options.change ?? ((service: OpenService) => service)
  const livePerson = await createSimulatedLivePerson(time, createRandom(`${seed}\nLivePerson`), onOpened)
  const table = createMemoryTable()
  const queueOptions = {
    now: time.now,
    visibilityTimeoutSeconds: VISIBILITY_SECONDS,
    retentionSeconds: RETENTION_SECONDS,
  }
  const quarantine = createMemoryQueue({
    ...queueOptions,
    name: 'quarantine',
    random: createRandom(`${seed}\nquarantine`),
  })
  const events = createMemoryQueue({
    ...queueOptions,
    name: 'events',
    random: createRandom(`${seed}\nevents`),
    redrive: { maxReceiveCount: MAX_RECEIVES, queue: quarantine },
  })
  const secrets = new Map(
    livePerson.accounts.map(({ accountId, clientId, clientSecrets }) => [
      `campaign-conversations/test/${accountId}`,
      { AWSCURRENT: JSON.stringify({ clientId, clientSecret: clientSecrets[0] }) } as Partial<
        Record<SecretStage, string>
      >,
    ]),
  )
  const troubled = new Set<string>()
  /** Conversation ids read by invocations that still run, by container. `readIds` has those that returned. */
  const reading = new Map<string, (readonly [key: string, id: string])[]>()
  const readIds = new Map<string, string>()
  const network = createNetwork({
    seed,
    time,
    faults,
    odds,
    trace,
    livePerson,
    isInTrouble: (accountId) => troubled.has(accountId),
    onRead: (container, key, id) => {
      reading.set(container.name, [...(reading.get(container.name) ?? []), [key, id]])
    },
  })

  /** Reports an error of SQS as `lib/aws/queues.ts` does. */
  const sqs = async (run: () => unknown): Promise<void> => {
    try {
      run()
    } catch (cause) {
      throw new ServiceUnavailableError({ detail: 'SQS did not respond.', cause })
    }
  }

  const queues: Queues = {
    send: (body, delayMs) =>
      sqs(() => events.send(body, { delaySeconds: Math.min(900, Math.ceil(delayMs / 1000)) })),
    quarantine: (body, { code, detail, requestId }) =>
      sqs(() => quarantine.send(body, { attributes: { code, detail, requestId } })),
    delay: (receiptHandle, delayMs) =>
      sqs(() => events.changeVisibility(receiptHandle, Math.min(43_200, Math.ceil(delayMs / 1000)))),
  }

  let version = 1
  let isReordered = false
  let formula = 1
  let made = 0
  const configOf = (): Config => ({
    stage: parseStageConfig(stageOf({ onLostAnswer, reordered: isReordered }), {
      name: 'the simulation',
      loopback: true,
    }),
    domainApiUrl: DOMAIN_API,
    loopback: true,
    secretIdPrefix: 'campaign-conversations/test',
    stateTable: 'state',
    eventsQueueUrl: 'events',
    quarantineQueueUrl: 'quarantine',
    formDeadlineMs: 6000,
  })
  let config = configOf()

  interface Slot {
    readonly container: Container
    readonly version: number
    readonly open: OpenService
    readonly status: StatusService
  }

  /** Idle containers, the most recently used last. It is reused first, as in Lambda. */
  const idle: Record<FunctionName, Slot[]> = { openFromForm: [], openFromQueue: [], conversationStatus: [] }
  let alive = 0
  let peakContainers = 0

  const createSlot = (functionName: FunctionName): Slot => {
    made += 1
    const name = `${functionName}-${made}`
    const random = createRandom(`${seed}\n${name}`)
    const container = createContainer({
      name,
      time,
      faults,
      odds: containerOdds,
      trace,
      skewMs: faults.strike(`clock of ${name}`, { 'clock skew': 0.5 })
        ? random.between(-maxSkewMs, maxSkewMs + 1)
        : 0,
    })
    const seams: Seams = {
      outbound: network.outboundOf(container),
      table: network.tableOf(container, table),
      queues: network.queuesOf(container, queues),
      readSecret: network.readSecretOf(container, async (secretId, stage) => secrets.get(secretId)?.[stage]),
      now: container.now,
      sleep: container.sleep,
      uuid: random.uuid,
      random: random.next,
    }
    return {
      container,
      version,
      open: change(withFormula(createOpenService(config, seams), formula)),
      status: createStatusService(config, seams),
    }
  }

  const take = (functionName: FunctionName): Slot => {
    for (;;) {
      const slot = idle[functionName].pop()
      if (!slot) break
      if (slot.version === version && !slot.container.isDead()) return slot
      alive -= 1
    }
    alive += 1
    peakContainers = Math.max(peakContainers, alive)
    return createSlot(functionName)
  }

  let inFlight = 0
  let peakInFlight = 0

  const invoke = async <T>(
    functionName: FunctionName,
    run: (slot: Slot, context: Context) => Promise<T>,
  ): Promise<Invoked<T>> => {
    const slot = take(functionName)
    const context = slot.container.contextOf(functionName) as Context
    const invoked = await slot.container.invoke(functionName, () => run(slot, context))
    const { name } = slot.container
    if (invoked.kind === 'returned') for (const [key, id] of reading.get(name) ?? []) readIds.set(key, id)
    reading.delete(name)
    if (invoked.kind === 'returned' || invoked.kind === 'threw') idle[functionName].push(slot)
    else alive -= 1
    return invoked
  }

  const inFlightWhile = async <T>(count: number, run: () => Promise<T>): Promise<T> => {
    inFlight += count
    peakInFlight = Math.max(peakInFlight, inFlight)
    try {
      return await run()
    } finally {
      inFlight -= count
    }
  }

  const deliveries = new Map<string, number>()
  const mapping = startEventSourceMapping({
    queue: events,
    time,
    onDelete: ({ messageId, receiptHandle }) => {
      // SQS delivers at least once: a server that missed the deletion delivers the message again.
      const count = (deliveries.get(messageId) ?? 0) + 1
      deliveries.set(messageId, count)
      if (faults.strike(`delivery of ${messageId} #${count}`, { 'duplicate delivery': 0.01 }))
        events.duplicate(receiptHandle, 1)
    },
    maximumConcurrency: QUEUE_CONCURRENCY,
    invoke: (messages) =>
      inFlightWhile(
        messages.length,
        () =>
          invoke('openFromQueue', ({ open }, context) =>
            createQueueHandler(() => open)({ Records: messages.map(asRecord) }, context),
          ) as Promise<Invoked<SQSBatchResponse>>,
      ),
  })

  const toAnswer = (invoked: Invoked<APIGatewayProxyStructuredResultV2>) =>
    invoked.kind === 'returned'
      ? { httpStatus: invoked.value.statusCode ?? 0, body: JSON.parse(invoked.value.body ?? '{}') }
      : { httpStatus: invoked.kind === 'timed_out' ? 503 : 500, body: {}, isDead: true }

  return {
    table,
    events,
    quarantine,
    livePerson,
    mapping,
    secrets,
    troubled,
    readIds,

    /**
     * Submits a form through API Gateway. If the container dies, API Gateway answers with a bare 500 or 503.
     */
    submit: async (body: object, headers: Readonly<Record<string, string>> = {}) =>
      toAnswer(
        await inFlightWhile(1, () =>
          invoke(
            'openFromForm',
            ({ open }, context) =>
              createFormHandler(() => open)(
                formEvent(body, { headers }),
                context,
              ) as Promise<APIGatewayProxyStructuredResultV2>,
          ),
        ),
      ),

    askStatus: async (requestId: string) =>
      toAnswer(
        await invoke(
          'conversationStatus',
          ({ status }, context) =>
            createStatusHandler(() => status)(
              { pathParameters: { requestId } } as unknown as APIGatewayProxyEventV2,
              context,
            ) as Promise<APIGatewayProxyStructuredResultV2>,
        ),
      ),

    /**
     * Replaces every container with a new version. Either its configuration lists the accounts in reverse
     * order, or it derives fingerprints and consumers with another formula.
     */
    deploy: (what: 'reordered' | 'new formula') => {
      version += 1
      if (what === 'reordered') isReordered = true
      else formula += 1
      config = configOf()
      trace.add('operator', `deploys version ${version}`)
    },

    peaks: () => ({ containers: peakContainers, inFlight: peakInFlight, pollers: mapping.peak() }),
    containersMade: () => made,
  }
}

/** Returns the service of a later version that derives fingerprints and consumers with another formula. */
const withFormula = (service: OpenService, formula: number): OpenService =>
  formula === 1
    ? service
    : {
        ...service,
        acceptForm: async (submission) => {
          const request = await service.acceptForm(submission)
          const fingerprint = createHash('sha256').update(`${formula} ${request.fingerprint}`).digest('hex')
          return { ...request, fingerprint, consumerId: `request-${fingerprint}` }
        },
      }

const asRecord = ({ messageId, receiptHandle, body, receiveCount, sentAt }: ReceivedMessage) => {
  const record = toRecord(body, { messageId, attempt: receiveCount })
  return { ...record, receiptHandle, attributes: { ...record.attributes, SentTimestamp: String(sentAt) } }
}
