import { AsyncLocalStorage } from 'node:async_hooks'
import { createServer } from 'node:http'
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises'
import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import type {
  APIGatewayProxyEventV2,
  APIGatewayProxyStructuredResultV2,
  Context,
  SQSBatchResponse,
  SQSEvent,
  SQSRecord,
} from 'aws-lambda'
import { createHandler as createFormHandler } from '../../functions/open-from-form.ts'
import { createHandler as createQueueHandler } from '../../functions/open-from-queue.ts'
import { createReadSecret } from '../../lib/account/secrets.ts'
import { type AwsOptions, awsOptions } from '../../lib/aws/options.ts'
import { createQueues, type QueueName } from '../../lib/aws/queues.ts'
import { createStateTable, type Item } from '../../lib/aws/state-table.ts'
import { createOutbound, type OutboundRequest } from '../../lib/net/outbound.ts'
import type { Fault } from '../../local/liveperson/faults/faults.ts'
import { toReceived } from '../../local/liveperson/state/journal.ts'
import { closeServer, listen } from '../../local/net/listen.ts'
import { TIMEOUT_MS } from '../simulation/container.ts'
import { createRandom } from '../simulation/random.ts'
import { stageOf } from '../simulation/requests.ts'
import {
  type CallFault,
  createStrikes,
  isContainerFault,
  runScript,
  type Script,
  type ScriptEnding,
  type Site,
  type Strikes,
} from '../simulation/scripts.ts'
import { createPatientTable } from '../support/aws-endpoint.ts'
import { formEvent, type Service, toRecord, type World } from '../support/world.ts'

const START = Date.UTC(2026, 10, 26, 9)
const VISIBILITY_MS = 360_000
const MAX_DELAY_MS = 900_000
/** Received records stay invisible for this long, in seconds. Their due time is kept here. */
const HELD_BACK_S = 43_000
const PATIENCE_MS = 15 * 24 * 3600 * 1000

const HTML = 'text/html'

/** The simulator's own faults, by the names that scripts use. */
const AT_LIVEPERSON = {
  'reset before': { kind: 'reset' },
  'reset after': { kind: 'reset-after' },
  '429': { kind: '429' },
  '503 before': {
    kind: 'status',
    status: 503,
    body: '{"kind":"resp","code":503,"body":{"errorCode":50300}}',
  },
  '502 after': { kind: 'status-after', status: 502, body: '' },
  'HTML 503 before': {
    kind: 'status',
    status: 503,
    body: '<html></html>',
    headers: { 'content-type': HTML },
  },
  'HTML 200 after': { kind: 'html-after', status: 200 },
  'half an answer': { kind: 'truncated' },
  'AppJWT expired': { kind: 'expired-app-jwt' },
  'ConsumerJWS revoked': { kind: 'revoked-consumer-jws' },
} as const satisfies Readonly<Record<string, Fault>>

const withCode = (code: string) => Object.assign(new Error('There is no answer'), { code })

/** Starts what scripts over HTTP share: a closed port, and the connections to AWS. */
export const startScripts = async (world: World) => {
  const server = createServer()
  const closedPort = await listen(server)
  await closeServer(server)

  const struck = new AsyncLocalStorage<CallFault | undefined>()
  /** Each call to AWS is made once, so that a lost answer stays lost. */
  const aws: AwsOptions = {
    ...awsOptions,
    maxAttempts: 1,
    outbound: async (request) => {
      const fault = struck.getStore()
      if (fault === 'AWS is down') return { kind: 'not_sent', cause: withCode('ECONNREFUSED') }
      const result = await awsOptions.outbound(request)
      return fault === 'AWS answer lost'
        ? { kind: 'may_have_been_sent', cause: withCode('ECONNRESET') }
        : result
    },
  }
  const sqs = new SQSClient({})
  const table = createPatientTable(world.dynamoDb.stateTable)

  return {
    run: (script: Script): Promise<ScriptEnding> =>
      run({
        world,
        script,
        sqs,
        table,
        aws,
        closedPort,
        withFault: (fault, call) => struck.run(fault, call),
      }),

    close: () => {
      sqs.destroy()
    },
  }
}

interface RunOptions {
  readonly world: World
  readonly script: Script
  readonly sqs: SQSClient
  readonly table: ReturnType<typeof createPatientTable>
  readonly aws: AwsOptions
  readonly closedPort: number
  readonly withFault: <T>(fault: CallFault | undefined, call: () => Promise<T>) => Promise<T>
}

const run = async (options: RunOptions): Promise<ScriptEnding> => {
  const { world, script, sqs, table } = options
  const { livePerson } = world
  livePerson.reset()
  livePerson.clock.set(START)
  for (const [name, fault] of Object.entries(AT_LIVEPERSON))
    livePerson.faults.add({
      ...fault,
      times: Number.POSITIVE_INFINITY,
      match: ({ headers }) => headers['x-fault'] === name,
    })
  const { clock } = livePerson
  const strikes = createStrikes({
    script,
    close: () => {
      for (const { state, conversationId } of livePerson.conversations())
        if (state === 'OPEN') livePerson.closeConversation(conversationId)
    },
  })
  /** When a record that the service sent or delayed becomes visible, by its body or receipt handle. */
  const visibleAt = new Map<string, number>()
  const containers: Container[] = []
  const idle: Partial<Record<FunctionName, Container>> = {}
  const take = (functionName: FunctionName): Container => {
    const kept = idle[functionName]
    if (kept && !kept.isDead()) return kept
    const name = `${functionName}-${containers.length + 1}`
    const container = createContainer({ ...options, name, strikes, visibleAt })
    containers.push(container)
    idle[functionName] = container
    return container
  }
  const settle = async () => {
    for (const container of containers) await container.settle()
  }

  interface Held {
    readonly record: SQSRecord
    readonly queueUrl: string
    readonly dueAt: number
  }
  const held = new Map<string, Held>()
  const dueBy = new Map<string, number>()
  const sentAt = new Map<string, number>()
  const receiveFrom = async (queue: QueueName, queueUrl: string) => {
    for (;;) {
      const { Messages = [] } = await sqs.send(
        new ReceiveMessageCommand({
          QueueUrl: queueUrl,
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 0,
          VisibilityTimeout: HELD_BACK_S,
          MessageSystemAttributeNames: ['All'],
        }),
      )
      if (Messages.length === 0) return
      for (const { MessageId = '', ReceiptHandle = '', Body = '', Attributes } of Messages) {
        // The queue's own clock is not the simulator's.
        const sent = sentAt.get(MessageId) ?? clock.now()
        sentAt.set(MessageId, sent)
        const attempt = Number(Attributes?.ApproximateReceiveCount)
        const init = { queue, messageId: MessageId, receiptHandle: ReceiptHandle, attempt, sentAt: sent }
        const record = toRecord(Body, init)
        held.set(MessageId, {
          record,
          queueUrl,
          dueAt: dueBy.get(MessageId) ?? visibleAt.get(Body) ?? clock.now(),
        })
      }
    }
  }
  const receive = async () => {
    await receiveFrom('events', world.sqs.eventsQueueUrl)
    await receiveFrom('handOver', world.sqs.handOverQueueUrl)
  }
  /** @param batch Records of one queue. */
  const deliver = async (batch: readonly Held[]) => {
    const records = batch.map(({ record }) => record)
    const response = await take('openFromQueue').invokeQueue({ Records: [...records] })
    const failed = new Set(
      response === 'killed'
        ? records.map(({ messageId }) => messageId)
        : response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
    )
    for (const { queueUrl, record } of batch) {
      const { messageId, receiptHandle } = record
      held.delete(messageId)
      const message = { QueueUrl: queueUrl, ReceiptHandle: receiptHandle }
      if (!failed.has(messageId)) {
        await sqs.send(new DeleteMessageCommand(message))
        continue
      }
      dueBy.set(messageId, visibleAt.get(receiptHandle) ?? clock.now() + VISIBILITY_MS)
      await sqs.send(new ChangeMessageVisibilityCommand({ ...message, VisibilityTimeout: 0 })).catch(() => {
        // The service has made it visible already.
      })
    }
  }
  /** Delivers records as they become visible. Resolves if none becomes visible any more until then. */
  const deliverUntil = async (at: number) => {
    for (;;) {
      await settle()
      await receive()
      const next = Math.min(...[...held.values()].map(({ dueAt }) => dueAt))
      if (next > at) return
      if (next > clock.now()) clock.advance(next - clock.now())
      const [first, ...others] = [...held.values()].filter(({ dueAt }) => dueAt <= clock.now())
      if (!first) continue
      await deliver([first, ...others.filter(({ queueUrl }) => queueUrl === first.queueUrl)].slice(0, 10))
    }
  }

  const ending = await runScript(script, {
    strikes,
    submit: async (body) => {
      const answer = await take('openFromForm').invokeForm(formEvent(body))
      return answer === 'killed'
        ? { httpStatus: 500, body: {}, isDead: true }
        : { httpStatus: answer.statusCode ?? 0, body: JSON.parse(answer.body ?? '{}') }
    },
    sendEvent: async (body) => {
      await sqs.send(new SendMessageCommand({ QueueUrl: world.sqs.eventsQueueUrl, MessageBody: body }))
    },
    untilQuiet: () => deliverUntil(START + PATIENCE_MS),
    sleep: async (ms) => {
      const endsAt = clock.now() + ms
      await deliverUntil(endsAt)
      clock.advance(Math.max(0, endsAt - clock.now()))
    },
    readItems: async (pks) => {
      const items = new Map<string, Item>()
      for (const pk of pks) {
        const item = await table.get(pk)
        if (item) items.set(pk, item)
      }
      return items
    },
    conversations: livePerson.conversations,
    waiting: () => held.size,
    readQuarantine: async () =>
      (await world.receiveQuarantine()).map(({ requestId = '', code = '' }) => ({ requestId, code })),
  })
  for (const { queueUrl, record } of held.values())
    await sqs.send(new DeleteMessageCommand({ QueueUrl: queueUrl, ReceiptHandle: record.receiptHandle }))
  return ending
}

type FunctionName = 'openFromForm' | 'openFromQueue'

type Container = ReturnType<typeof createContainer>

/**
 * Returns a container whose calls use real sockets. Their order is that of the simulated world: AWS answers
 * before LivePerson does, and LivePerson before a pause ends.
 */
const createContainer = ({
  world,
  script,
  aws,
  closedPort,
  withFault,
  name,
  strikes,
  visibleAt,
}: RunOptions & {
  readonly name: string
  readonly strikes: Strikes
  readonly visibleAt: Map<string, number>
}) => {
  const { clock } = world.livePerson
  const random = createRandom(`${script.seed}\n${name}`)
  const never = new Promise<never>(() => undefined)
  let dead = false
  let busy = false
  let die: () => void = () => undefined
  const pending = { aws: 0, livePerson: 0 }

  const kill = () => {
    dead = true
    die()
  }

  const step = async <T>(
    site: Site | undefined,
    perform: (fault: CallFault | undefined) => Promise<T>,
  ): Promise<T> => {
    if (dead) return never
    const fault = busy && site ? strikes.at(site) : undefined
    if (fault === 'killed before') {
      kill()
      return never
    }
    const settled = await perform(isContainerFault(fault) ? undefined : fault).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    if (dead) return never
    if (fault === 'killed after') {
      kill()
      return never
    }
    if ('error' in settled) throw settled.error
    return settled.value
  }

  const awsQuiet = async () => {
    for (let quiet = 0; quiet < 3; quiet++) {
      await turn()
      while (pending.aws > 0) {
        quiet = 0
        await wait(1)
      }
    }
  }
  const settle = async () => {
    for (let quiet = 0; quiet < 3; quiet++) {
      await awsQuiet()
      while (pending.livePerson > 0) {
        quiet = 0
        await wait(1)
      }
    }
  }

  const toAws = <T>(site: Site | undefined, call: () => Promise<T>): Promise<T> =>
    step(site, async (fault) => {
      pending.aws += 1
      try {
        return await withFault(fault, call)
      } finally {
        pending.aws -= 1
      }
    })

  const sleep = async (ms: number) => {
    await settle()
    clock.advance(ms)
    if (dead) await never
  }

  const outbound = createOutbound()
  const toLivePerson = (request: OutboundRequest) =>
    step(siteOf(request), async (fault) => {
      pending.livePerson += 1
      try {
        await awsQuiet()
        return await outbound(strike(request, fault, closedPort))
      } finally {
        pending.livePerson -= 1
      }
    })

  const stage = stageOf({ onLostAnswer: script.onLostAnswer, reordered: false })
  const config = world.configOf(stage)
  const table = createStateTable({ name: config.stateTable, aws, sleep, random: random.next })
  const queues = createQueues({ ...config, aws })
  const readSecret = createReadSecret(aws)
  const service: Service = world.createService({
    stage,
    aws,
    outbound: toLivePerson,
    now: clock.now,
    sleep,
    uuid: random.uuid,
    random: random.next,
    table: {
      get: (pk) => toAws(pk.startsWith('consumer#') ? 'get consumer' : undefined, () => table.get(pk)),
      getMany: (pks) => toAws(undefined, () => table.getMany(pks)),
      update: (update) => toAws(siteOfUpdate(update.pk), () => table.update(update)),
    },
    queues: {
      handOver: (body, { delayMs, group }) =>
        toAws('hand-over', () => {
          visibleAt.set(body, clock.now() + Math.min(MAX_DELAY_MS, wholeSeconds(delayMs)))
          return queues.handOver(body, { delayMs: 0, group })
        }),
      quarantine: (body, reason) => toAws('quarantine', () => queues.quarantine(body, reason)),
      delay: (queue, handle, delayMs) =>
        toAws(undefined, () => {
          visibleAt.set(handle, clock.now() + wholeSeconds(delayMs))
          return queues.delay(queue, handle, 0)
        }),
    },
    readSecret: (secretId, versionStage) => toAws('secret', () => readSecret(secretId, versionStage)),
  })

  const invoke = async <T>(
    functionName: FunctionName,
    handle: (context: Context) => Promise<T>,
  ): Promise<T | 'killed'> => {
    const endsAt = clock.now() + TIMEOUT_MS[functionName]
    const context = { getRemainingTimeInMillis: () => Math.max(0, endsAt - clock.now()) } as Context
    busy = true
    const killed = new Promise<'killed'>((resolve) => {
      die = () => resolve('killed')
    })
    try {
      return await Promise.race([handle(context), killed])
    } finally {
      busy = false
    }
  }

  return {
    isDead: () => dead,
    /** Resolves when no call is on its way. */
    settle,
    invokeForm: (event: APIGatewayProxyEventV2) =>
      invoke(
        'openFromForm',
        (context) =>
          createFormHandler(() => service)(event, context) as Promise<APIGatewayProxyStructuredResultV2>,
      ),
    invokeQueue: (event: SQSEvent) =>
      invoke(
        'openFromQueue',
        (context) => createQueueHandler(() => service)(event, context) as Promise<SQSBatchResponse>,
      ),
  }
}

const siteOfUpdate = (pk: string): Site | undefined => {
  if (pk.startsWith('request#')) return 'update request'
  return pk.startsWith('consumer#') ? 'update consumer' : undefined
}

const wholeSeconds = (ms: number): number => Math.ceil(ms / 1000) * 1000

const siteOf = ({ method, url }: OutboundRequest): Site | undefined => {
  const { service } = toReceived({ at: 0, method, path: new URL(url).pathname, headers: {}, body: '' })
  return service === 'conversation' || service === 'send' || service === 'idp' ? service : undefined
}

/** Returns the call with its fault: to a port that refuses, or with the header that the simulator reads. */
const strike = (
  request: OutboundRequest,
  fault: CallFault | undefined,
  closedPort: number,
): OutboundRequest => {
  if (fault === undefined) return request
  if (fault !== 'connection refused') return { ...request, headers: { ...request.headers, 'x-fault': fault } }
  const url = new URL(request.url)
  url.port = String(closedPort)
  return { ...request, url: url.href }
}
