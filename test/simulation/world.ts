import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
  Context,
  SQSBatchResponse,
} from 'aws-lambda'
import { createHandler as createEventsHandler } from '../../functions/conversation-events.ts'
import { createHandler as createStatusHandler } from '../../functions/conversation-status.ts'
import { createHandler as createFormHandler } from '../../functions/open-from-form.ts'
import { createHandler as createQueueHandler } from '../../functions/open-from-queue.ts'
import { setPaused } from '../../lib/account/pause.ts'
import type { SecretStage } from '../../lib/account/secrets.ts'
import type { QueueName, Queues } from '../../lib/aws/queues.ts'
import type { Item } from '../../lib/aws/state-table.ts'
import type { Config } from '../../lib/config/environment.ts'
import { parseStageConfig } from '../../lib/config/stage.ts'
import { type OutcomeEvent, outcomeOfWrite } from '../../lib/conversation/outcome-event.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import { createEventsService, type EventsService } from '../../lib/service/events.ts'
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
import { createFormula } from './formula.ts'
import { createSimulatedLivePerson, DOMAIN_API } from './liveperson.ts'
import { createNetwork, type Odds, sessionIn, type TroubleKind } from './network.ts'
import { createMemoryQueue, type MemoryQueue, type ReceivedMessage } from './queue.ts'
import { createRandom } from './random.ts'
import { stageOf } from './requests.ts'
import { createMemoryTable } from './state-table.ts'
import type { VirtualTime } from './time.ts'
import type { Trace } from './trace.ts'
import { createWitness } from './witness.ts'

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
  /** Called with each conversation that is opened. */
  readonly onOpened: (conversation: Conversation) => void
  /** Called with each conversation that was opened, surveyed or closed. Default: no push is sent. */
  readonly onChanged?: (conversation: Conversation) => void
  /** Called with each call to LivePerson. */
  readonly onCalled?: (container: string, service: string, accountId: string) => void
  /** Default: the give-up age of a usual run. */
  readonly giveUpAfterHours?: number
  /** Called with the item before and after each write of the state table. */
  readonly onWrite?: (before: Item | undefined, after: Item) => void
}

/** As in infrastructure/queues.yml. */
const VISIBILITY_SECONDS = 360
const RETENTION_SECONDS = 10 * 24 * 3600
const QUARANTINE_RETENTION_SECONDS = 14 * 24 * 3600
const MAX_RECEIVES = 1000
/** As in serverless.yml. */
/** A record that is parked again and again is no longer duplicated after this many deliveries. */
const MAX_DUPLICATES = 10
const CONCURRENCY: Readonly<Record<QueueName, number>> = { events: 5, handOver: 2 }

/** An event that follows from a write of the state table. */
export interface Outcome {
  readonly pk: string
  readonly event: OutcomeEvent
}

export type World = Awaited<ReturnType<typeof createWorld>>

/** Returns a whole deployed stage in one process: containers, queues, table, secrets and LivePerson. */
export const createWorld = async (options: WorldOptions) => {
  const { seed, time, faults, trace, odds, containerOdds, onLostAnswer, maxSkewMs, onOpened } = options
  const livePerson = await createSimulatedLivePerson(
    time,
    createRandom(`${seed}\nLivePerson`),
    onOpened,
    options.onChanged,
  )
  const outcomes: Outcome[] = []
  const table = createMemoryTable({
    onWrite: (before, after) => {
      const event = outcomeOfWrite(after, before)
      if (event) outcomes.push({ pk: String(after.pk), event })
      options.onWrite?.(before, after)
    },
  })
  const createQueue = (name: string, retentionSeconds: number, deadLetters?: MemoryQueue) =>
    createMemoryQueue({
      name,
      now: time.now,
      visibilityTimeoutSeconds: VISIBILITY_SECONDS,
      retentionSeconds,
      random: createRandom(`${seed}\n${name}`),
      ...(deadLetters && { redrive: { maxReceiveCount: MAX_RECEIVES, queue: deadLetters } }),
    })
  const quarantine = createQueue('quarantine', QUARANTINE_RETENTION_SECONDS)
  const events = createQueue('events', RETENTION_SECONDS, quarantine)
  const handOver = createQueue('hand-over', RETENTION_SECONDS, quarantine)
  const queueOf: Readonly<Record<QueueName, MemoryQueue>> = { events, handOver }
  const secrets = new Map(
    livePerson.accounts.map(({ accountId, clientId, clientSecrets }) => [
      `campaign-conversations/test/${accountId}`,
      { AWSCURRENT: JSON.stringify({ clientId, clientSecret: clientSecrets[0] }) } as Partial<
        Record<SecretStage, string>
      >,
    ]),
  )
  const troubled = new Map<string, TroubleKind>()
  const witness = createWitness({ now: time.now, onCalled: options.onCalled })
  /** Conversation ids read by invocations that still run, by container. `readIds` has those that returned. */
  const reading = new Map<string, (readonly [key: string, id: string])[]>()
  const readIds = new Map<string, string>()
  /** The requests of the records in flight, by receipt handle. */
  const recordOf = new Map<string, string>()
  const network = createNetwork({
    seed,
    time,
    faults,
    odds,
    trace,
    livePerson,
    witness,
    troubleOf: (accountId) => troubled.get(accountId),
    recordOf: (receiptHandle) => recordOf.get(receiptHandle) ?? '',
    onRead: (container, key, id) => {
      reading.set(container.name, [...(reading.get(container.name) ?? []), [key, id]])
    },
  })

  /** Reports an error of SQS as `lib/aws/queues.ts` does. */
  const sqs = async <T>(run: () => T): Promise<T> => {
    try {
      return run()
    } catch (cause) {
      throw new ServiceUnavailableError({ detail: 'SQS did not respond.', cause })
    }
  }

  const queues: Queues = {
    handOver: (body, { delayMs, group }) =>
      sqs(() => {
        handOver.send(body, { delaySeconds: toSeconds(delayMs, 900), messageGroupId: group })
      }),
    quarantine: (body, { code, detail, requestId, attempts }) =>
      sqs(() => ({
        messageId: quarantine.send(body, {
          attributes: { code, detail, requestId, ...(attempts !== undefined && { attempts: `${attempts}` }) },
        }),
        hasReason: true,
      })),
    delay: (queue, receiptHandle, delayMs) =>
      sqs(() => queueOf[queue].changeVisibility(receiptHandle, toSeconds(delayMs, 3600))),
  }

  let version = 1
  let isReordered = false
  let formula = 1
  let made = 0
  const configOf = (): Config => ({
    stage: parseStageConfig(
      stageOf({ onLostAnswer, reordered: isReordered, giveUpAfterHours: options.giveUpAfterHours }),
      {
        name: 'the simulation',
        loopback: true,
      },
    ),
    domainApiUrl: DOMAIN_API,
    loopback: true,
    secretIdPrefix: 'campaign-conversations/test',
    stateTable: 'state',
    eventsQueueUrl: `https://sqs.example/${events.name}`,
    handOverQueueUrl: `https://sqs.example/${handOver.name}`,
    quarantineQueueUrl: `https://sqs.example/${quarantine.name}`,
    formDeadlineMs: 6000,
  })
  let config = configOf()

  interface Slot {
    readonly container: Container
    readonly version: number
    readonly open: OpenService
    readonly status: StatusService
    readonly events: EventsService
    /** Returns a record's body as this version of the service reads it. */
    readonly bodyOf: (body: string) => string
  }

  /** Idle containers, the most recently used last. It is reused first, as in Lambda. */
  const idle: Record<FunctionName, Slot[]> = {
    openFromForm: [],
    openFromQueue: [],
    conversationStatus: [],
    conversationEvents: [],
  }
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
      onFreeze: () => witness.excuse(name),
      skewMs: faults.strike(`clock of ${name}`, { 'clock skew': 0.5 })
        ? random.between(-maxSkewMs, maxSkewMs + 1)
        : 0,
    })
    const { tableOf, queuesOf, serviceOf, bodyOf } = createFormula(formula)
    const seams: Seams = {
      outbound: network.outboundOf(container),
      table: tableOf(network.tableOf(container, table)),
      queues: queuesOf(network.queuesOf(container, queues)),
      readSecret: network.readSecretOf(container, async (secretId, stage) => secrets.get(secretId)?.[stage]),
      now: container.now,
      sleep: container.sleep,
      uuid: random.uuid,
      random: random.next,
    }
    return {
      container,
      version,
      open: serviceOf(createOpenService(config, seams)),
      status: createStatusService(config, seams),
      events: createEventsService(config, seams),
      bodyOf,
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

  /** @param keys The requests that the invocation works on. */
  const invoke = async <T>(
    functionName: FunctionName,
    keys: readonly string[],
    run: (slot: Slot, context: Context) => Promise<T>,
  ): Promise<Invoked<T>> => {
    const slot = take(functionName)
    const context = slot.container.contextOf(functionName) as Context
    inFlight += keys.length
    peakInFlight = Math.max(peakInFlight, inFlight)
    const invoked = await slot.container.invoke(functionName, () => run(slot, context))
    inFlight -= keys.length
    const { name } = slot.container
    if (invoked.kind === 'returned') for (const [key, id] of reading.get(name) ?? []) readIds.set(key, id)
    else witness.died(keys)
    reading.delete(name)
    if (invoked.kind === 'returned' || invoked.kind === 'threw') idle[functionName].push(slot)
    else alive -= 1
    return invoked
  }

  const deliveries = new Map<string, number>()
  const startMapping = (name: QueueName) => {
    const queue = queueOf[name]
    return startEventSourceMapping({
      queue,
      time,
      maximumConcurrency: CONCURRENCY[name],
      onDelete: ({ body, receiptHandle }) => {
        // SQS delivers at least once: a server that missed the deletion delivers the message again.
        const key = sessionIn(body)
        const count = (deliveries.get(key) ?? 0) + 1
        deliveries.set(key, count)
        if (count > MAX_DUPLICATES) return
        if (faults.strike(`delivery of ${key} #${count}`, { 'duplicate delivery': 0.01 }))
          queue.duplicate(receiptHandle, 1)
      },
      invoke: async (messages) => {
        const keys = messages.map(({ body }) => sessionIn(body))
        for (const { receiptHandle, body } of messages) recordOf.set(receiptHandle, sessionIn(body))
        const invoked = await (invoke('openFromQueue', keys, ({ open, bodyOf }, context) =>
          createQueueHandler(() => open)(
            { Records: messages.map((message) => asRecord(message, queue.arn, bodyOf)) },
            context,
          ),
        ) as Promise<Invoked<SQSBatchResponse>>)
        for (const { receiptHandle } of messages) recordOf.delete(receiptHandle)
        return invoked
      },
    })
  }
  const mappings = [startMapping('events'), startMapping('handOver')]

  const toAnswer = (invoked: Invoked<APIGatewayProxyStructuredResultV2>) =>
    invoked.kind === 'returned'
      ? { httpStatus: invoked.value.statusCode ?? 0, body: JSON.parse(invoked.value.body ?? '{}') }
      : { httpStatus: invoked.kind === 'timed_out' ? 503 : 500, body: {}, isDead: true }

  return {
    table,
    /** The events that follow from the writes, in their order. */
    outcomes,
    quarantine,
    livePerson,
    secrets,
    troubled,
    readIds,
    witness,

    /** Sends a CRM event, with its account as message group, as the documentation advises, or without. */
    sendEvent: (body: string, accountId: string | undefined): void => {
      events.send(body, accountId === undefined ? {} : { messageGroupId: accountId })
    },

    /**
     * Sends a record of the quarantine queue to the queue that its attribute names, as an operator does. For a
     * record that SQS moved, an operator reads the queue from SQS, which is the one that the body is for.
     */
    replay: ({ body, queue }: { readonly body: string; readonly queue: string | undefined }): void => {
      const isHandOver = queue === undefined ? body.startsWith('{"handedOver":') : queue === 'hand-over'
      const target = isHandOver ? handOver : events
      target.send(body, {})
    },

    /** Whether both queues are empty and no function works on a record. */
    isQuiet: (): boolean =>
      [events, handOver].every((queue) => {
        const { ready, delayed, inFlight } = queue.counts()
        return ready + delayed + inFlight === 0
      }) && mappings.every((mapping) => mapping.running() === 0),

    /** Returns the bodies that the queues still hold. */
    waiting: (): readonly string[] =>
      [events, handOver].flatMap((queue) => queue.messages().map(({ body }) => body)),

    /**
     * Submits a form through API Gateway. If the container dies, API Gateway answers with a bare 500 or 503.
     */
    submit: async (body: object, headers: Readonly<Record<string, string>> = {}) =>
      toAnswer(
        await invoke(
          'openFromForm',
          [sessionIn(JSON.stringify(body))],
          ({ open }, context) =>
            createFormHandler(() => open)(
              formEvent(body, { headers }),
              context,
            ) as Promise<APIGatewayProxyStructuredResultV2>,
        ),
      ),

    askStatus: async (requestId: string) =>
      toAnswer(
        await invoke(
          'conversationStatus',
          [],
          ({ status }, context) =>
            createStatusHandler(() => status)(
              { pathParameters: { requestId } } as unknown as APIGatewayProxyEventV2,
              context,
            ) as Promise<APIGatewayProxyStructuredResultV2>,
        ),
      ),

    /** Delivers a push of LivePerson. Returns whether LivePerson is done with it. */
    push: async (accountId: string, body: string, signature: string): Promise<boolean> => {
      const { httpStatus } = toAnswer(
        await invoke(
          'conversationEvents',
          [],
          ({ events }, context) =>
            createEventsHandler(() => events)(
              {
                pathParameters: { accountId },
                headers: { 'x-liveperson-signature': signature },
                body,
              } as unknown as APIGatewayProxyEventV2,
              context,
            ) as Promise<APIGatewayProxyStructuredResultV2>,
        ),
      )
      return httpStatus === 200
    },

    /** Pauses or resumes an account, as `npm run account` does. */
    setPaused: async (accountId: string, paused: boolean): Promise<void> => {
      if (!(await setPaused(table, accountId, paused, time.now()))) return
      trace.add('operator', `${paused ? 'pauses' : 'resumes'} ${accountId}`)
      if (paused) witness.paused(accountId)
      else witness.resumed(accountId)
    },

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

    peaks: () => ({
      containers: peakContainers,
      inFlight: peakInFlight,
      pollers: mappings.reduce((sum, mapping) => sum + mapping.peak(), 0),
    }),
    containersMade: () => made,
  }
}

const toSeconds = (ms: number, maximum: number) => Math.min(maximum, Math.ceil(ms / 1000))

const asRecord = (
  { messageId, receiptHandle, body, receiveCount, sentAt }: ReceivedMessage,
  eventSourceARN: string,
  bodyOf: (body: string) => string,
) => {
  const attempt = receiveCount
  return { ...toRecord(bodyOf(body), { messageId, attempt, sentAt, receiptHandle }), eventSourceARN }
}
