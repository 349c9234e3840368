import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import type { SQSRecord } from 'aws-lambda'
import type { QueueName } from '../../lib/aws/queues.ts'
import { isRecord } from '../../lib/request/lenient-json.ts'
import {
  type Container,
  createContainer,
  NO_FAULTS,
  type Plan,
  type Tap,
} from '../support/faulty-container.ts'
import { createRandom, type Random } from '../support/random.ts'
import type { Service } from '../support/world.ts'
import {
  ACCOUNT,
  bodyOf,
  deliver,
  OTHER_ACCOUNT,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../support/world.ts'
import { type Audit, audit } from './audit.ts'
import { type Planned, planRequests, type Told } from './requests.ts'

/** A safeguard that a run can switch off, to show that the run notices. */
export type Safeguard = 'claim' | 'stable consumer' | 'answer-lost rule'

export interface MachineOptions {
  readonly seed: string
  /** The number of different requests, without copies, repeats and redeliveries. */
  readonly requests: number
  readonly without?: Safeguard
  /** Factor for the probability of CONVERSATION's faults. A short run needs more of them. Default 1. */
  readonly severity?: number
  /** The number of concurrent containers. Default 96. */
  readonly containers?: number
  readonly onProgress?: (done: number, of: number) => void
}

export interface Report extends Audit {
  readonly requests: number
  /** Requests with a fault in at least one attempt. */
  readonly struckRequests: number
  readonly invocations: number
  /** How often each fault struck. */
  readonly struck: Readonly<Record<string, number>>
  /** How often processes were killed, by step. */
  readonly killPoints: Readonly<Record<string, number>>
}

interface Work {
  readonly dueAt: number
  readonly run: (slot: Slot) => Promise<void>
}

/** A received record, and when it may be delivered. */
interface Held {
  readonly record: SQSRecord
  readonly from: QueueName
  readonly dueAt: number
}

interface Slot {
  container: Container | undefined
}

const FORM_DEADLINE_MS = 1500
const VISIBILITY_MS = 360_000
const HELD_BACK_S = 43_000

/** Faults that the simulator causes for a request with this name in its `x-fault` header. */
const LIVEPERSON_FAULTS = {
  '429': { kind: '429' },
  '429 with Retry-After': { kind: '429', retryAfter: 1 },
  '503 before it is carried out': { kind: 'status', status: 503 },
  '502 after it was carried out': { kind: 'status-after', status: 502 },
  'reset before it is carried out': { kind: 'reset' },
  'reset after it was carried out': { kind: 'reset-after' },
  'HTML before it is carried out': { kind: 'html' },
  'HTML after it was carried out': { kind: 'html-after', status: 200 },
  'half an answer': { kind: 'truncated' },
  'empty answer': { kind: 'empty' },
  'slow past the deadline of a form': { kind: 'latency', ms: FORM_DEADLINE_MS + 300 },
} as const

const TOKEN_FAULTS = {
  'expired AppJWT': { kind: 'expired-app-jwt' },
  'revoked ConsumerJWS': { kind: 'revoked-consumer-jws' },
} as const

const IDP_FAULTS = { 'IDP 500 with internalErrorCode': { kind: 'idp-500-internal-error-code' } } as const

const evenly = (names: readonly string[], probability: number) =>
  Object.fromEntries(names.map((name) => [name, probability]))

const generic = evenly(Object.keys(LIVEPERSON_FAULTS), 0.006)
const STRIKES: Plan = {
  livePerson: (step) => {
    if (step === 'Domain API') return { ...generic, '503 before it is carried out': 0.2 }
    if (step === 'Sentinel') return generic
    if (step === 'IDP')
      return { ...generic, ...evenly(Object.keys(IDP_FAULTS), 0.02), 'expired AppJWT': 0.01 }
    return { ...generic, ...evenly(Object.keys(TOKEN_FAULTS), 0.01) }
  },
  aws: (service) => {
    if (service === 'Secrets Manager') return { throttled: 0.15, down: 0.15 }
    if (service === 'SQS') return { throttled: 0.05, down: 0.1, 'lost answer': 0.05 }
    return { throttled: 0.008, down: 0.008, 'lost answer': 0.008 }
  },
  kill: (random) => random.chance(0.004),
}

/** Two accounts. Forms may use any campaign, so that every request can use either door. */
const STAGE = {
  accounts: [ACCOUNT, OTHER_ACCOUNT].map((accountId) => ({
    accountId,
    default: accountId === ACCOUNT,
    form: { campaigns: 'any' },
  })),
}

/**
 * Runs thousands of requests through both doors while LivePerson, AWS and the processes fail. At the end, it
 * compares LivePerson's conversations with the ledger, the queues and every response. The seed determines
 * requests and faults.
 */
export const runMachine = async (options: MachineOptions): Promise<Report> => {
  const world = await startWorld()
  try {
    return await run(world, options)
  } finally {
    await world.close()
  }
}

const run = async (
  world: World,
  { seed, requests, without, severity = 1, containers = 96, onProgress }: MachineOptions,
): Promise<Report> => {
  const { livePerson, sqs } = world
  const random = createRandom(`${seed} machine`)
  const queue = new SQSClient({})
  const now = () => livePerson.clock.now()
  livePerson.settings.rememberedRequests = 0
  for (const [name, fault] of Object.entries({ ...LIVEPERSON_FAULTS, ...TOKEN_FAULTS, ...IDP_FAULTS }))
    livePerson.faults.add({
      ...fault,
      times: Number.POSITIVE_INFINITY,
      match: ({ headers }) => headers['x-fault'] === name,
    })

  const struck: Record<string, number> = {}
  const strike = (name: string) => {
    struck[name] = (struck[name] ?? 0) + 1
  }
  const killPoints: Record<string, number> = {}
  let plan: Plan = {
    ...STRIKES,
    livePerson: (step) =>
      Object.fromEntries(
        Object.entries(STRIKES.livePerson(step)).map(([name, probability]) => [
          name,
          step === 'CONVERSATION' ? probability * severity : probability,
        ]),
      ),
  }
  let invocations = 0
  const visibility = new Map<string, number>()
  /** When a record that the service sent becomes visible, by its body. */
  const delays = new Map<string, number>()
  const fabric = {
    world,
    now,
    plan: () => plan,
    strike,
    killedAt: (step: string) => {
      killPoints[step] = (killPoints[step] ?? 0) + 1
    },
    createService: (seams: Parameters<World['createService']>[0]) =>
      weaken(
        world.createService({ ...seams, stage: STAGE, config: { formDeadlineMs: FORM_DEADLINE_MS } }),
        random,
        without,
      ),
    onVisibility: (receiptHandle: string, seconds: number) => {
      visibility.set(receiptHandle, now() + seconds * 1000)
    },
    onDelay: (body: string, seconds: number) => {
      delays.set(body, now() + seconds * 1000)
    },
    ...(without && { tap: tapWithout(without) }),
  }

  const planned = planRequests(createRandom(`${seed} requests`), requests)
  const told: Told[] = []
  const struckRequests = new Set<string>()
  const work: Work[] = []
  const enter = (dueAt: number, task: Work['run']) => work.push({ dueAt, run: task })

  const containerOf = (slot: Slot): Container => {
    if (!slot.container || slot.container.isDead()) slot.container = createContainer(fabric)
    return slot.container
  }
  const invoke = async <T>(
    slot: Slot,
    name: string,
    ids: readonly string[],
    task: (service: Service) => Promise<T>,
  ): Promise<T | 'killed'> => {
    const container = containerOf(slot)
    invocations++
    const outcome = await container.run(`${seed} ${name}`, task)
    if (container.wasStruck()) for (const id of ids) struckRequests.add(id)
    return outcome
  }

  /** Submits a form. The sender repeats a failed request up to four times. */
  const submitForm =
    (request: Planned, copy: number, attempt: number): Work['run'] =>
    async (slot) => {
      const answer = await invoke(slot, `${request.id} form ${copy} ${attempt}`, [request.id], (service) =>
        submit(service, request.body, { headers: request.headers }),
      )
      if (answer !== 'killed') told.push({ request, status: answer.statusCode ?? 0, body: bodyOf(answer) })
      const failed = answer === 'killed' || (answer.statusCode ?? 0) >= 500
      if (failed && attempt < 4)
        enter(now() + 1000 + random.below(20_000), submitForm(request, copy, attempt + 1))
    }

  const sendEvent =
    (request: Planned): Work['run'] =>
    async () => {
      await queue.send(
        new SendMessageCommand({ QueueUrl: sqs.eventsQueueUrl, MessageBody: JSON.stringify(request.body) }),
      )
    }

  /**
   * Emulates Lambda's poller: receives records, delivers those that are due, and deletes those that succeed.
   */
  const held = new Map<string, Held>()
  const dueBy = new Map<string, number>()
  const sentAt = new Map<string, number>()
  const urls = { events: sqs.eventsQueueUrl, handOver: sqs.handOverQueueUrl }
  const receiveFrom = async (from: QueueName) => {
    for (;;) {
      const { Messages = [] } = await queue.send(
        new ReceiveMessageCommand({
          QueueUrl: urls[from],
          MaxNumberOfMessages: 10,
          WaitTimeSeconds: 0,
          VisibilityTimeout: HELD_BACK_S,
          MessageSystemAttributeNames: ['All'],
        }),
      )
      for (const { MessageId = '', ReceiptHandle = '', Body = '', Attributes } of Messages) {
        // The queue's own clock is not the simulator's.
        const sent = sentAt.get(MessageId) ?? now()
        sentAt.set(MessageId, sent)
        const attempt = Number(Attributes?.ApproximateReceiveCount)
        const init = {
          queue: from,
          messageId: MessageId,
          receiptHandle: ReceiptHandle,
          attempt,
          sentAt: sent,
        }
        const dueAt = dueBy.get(MessageId) ?? delays.get(Body) ?? now()
        held.set(MessageId, { record: toRecord(Body, init), from, dueAt })
      }
      if (Messages.length === 0) return
    }
  }
  const receive = async () => {
    await receiveFrom('events')
    await receiveFrom('handOver')
  }
  let batches = 0
  const deliverBatch =
    (batch: readonly Held[]): Work['run'] =>
    async (slot) => {
      const records = batch.map(({ record }) => record)
      const ids = records.map(({ body }) => idIn(body))
      const response = await invoke(slot, `batch ${++batches}`, ids, (service) => deliver(service, records))
      const failed =
        response === 'killed'
          ? new Set(records.map(({ messageId }) => messageId))
          : new Set(response.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
      for (const { record, from } of batch) {
        const { messageId, receiptHandle } = record
        const changed = visibility.get(receiptHandle)
        if (!failed.has(messageId))
          await queue.send(new DeleteMessageCommand({ QueueUrl: urls[from], ReceiptHandle: receiptHandle }))
        else {
          dueBy.set(messageId, changed ?? now() + VISIBILITY_MS)
          // If the handler has already done so, this changes nothing.
          await queue
            .send(
              new ChangeMessageVisibilityCommand({
                QueueUrl: urls[from],
                ReceiptHandle: receiptHandle,
                VisibilityTimeout: 0,
              }),
            )
            .catch(() => undefined)
        }
      }
    }

  const slots: Slot[] = Array.from({ length: containers }, () => ({ container: undefined }))
  const idle = [...slots]
  const running = new Set<Promise<void>>()
  const start = (task: Work['run']) => {
    const slot = idle.pop()
    if (!slot) throw new Error('No container is idle')
    const done = task(slot).finally(() => {
      idle.push(slot)
      running.delete(done)
    })
    running.add(done)
  }

  const takeDue = (): Work['run'] | undefined => {
    const index = work.findIndex(({ dueAt }) => dueAt <= now())
    const [first, ...others] = [...held.values()].filter(({ dueAt }) => dueAt <= now())
    if (first && (index < 0 || random.chance(0.5))) {
      const ofQueue = [first, ...others.filter(({ from }) => from === first.from)]
      const batch = ofQueue.slice(0, 1 + random.below(10))
      for (const { record } of batch) held.delete(record.messageId)
      return deliverBatch(batch)
    }
    return index < 0 ? undefined : work.splice(index, 1)[0]?.run
  }

  /** Runs until nothing is left to do, in simulated time. */
  const settle = async () => {
    for (;;) {
      await receive()
      for (
        let task = idle.length > 0 ? takeDue() : undefined;
        task;
        task = idle.length > 0 ? takeDue() : undefined
      )
        start(task)
      if (running.size > 0) {
        await Promise.race(running)
        continue
      }
      await receive()
      const next = Math.min(
        ...work.map(({ dueAt }) => dueAt),
        ...[...held.values()].map(({ dueAt }) => dueAt),
      )
      if (next === Number.POSITIVE_INFINITY) return
      if (next > now()) livePerson.clock.advance(next - now())
    }
  }

  const WAVE = Math.min(1000, Math.max(250, Math.ceil(planned.length / 4)))
  for (let from = 0; from < planned.length; from += WAVE) {
    const wave = planned.slice(from, from + WAVE)
    for (const request of wave)
      for (const [copy, delayMs] of request.copies.entries())
        enter(now() + delayMs, request.door === 'form' ? submitForm(request, copy, 0) : sendEvent(request))
    const trouble = (async () => {
      for (let times = 0; times < wave.length / 125; times++) await makeTrouble(world, random, strike)
    })()
    await settle()
    await trouble
    closeSome(world, random)
    onProgress?.(from + wave.length, planned.length)
  }

  plan = NO_FAULTS
  await settle()
  const before = await audit(world, planned, told)

  // Sends everything once more: the quarantined records and all events.
  const quarantined = await world.receiveQuarantine()
  const refused = new Set(planned.filter(({ isRefused }) => isRefused).map(({ body }) => body.requestId))
  const misplaced = quarantined.filter(
    ({ code = '', requestId = '' }) =>
      !['liveperson_rejected', 'outcome_unknown'].includes(code) || !refused.has(requestId),
  )
  for (const conversation of livePerson.conversations())
    if (conversation.state === 'OPEN' && random.chance(0.5))
      livePerson.closeConversation(conversation.conversationId)
  const opened = livePerson.conversations().length
  const events = planned.filter(({ door }) => door === 'queue').map(({ body }) => JSON.stringify(body))
  for (const body of [...quarantined.map(({ body }) => body), ...events]) {
    const QueueUrl = body.startsWith('{"handedOver":') ? sqs.handOverQueueUrl : sqs.eventsQueueUrl
    await queue.send(new SendMessageCommand({ QueueUrl, MessageBody: body }))
  }
  await settle()
  const reopened = livePerson.conversations().length - opened

  queue.destroy()
  return {
    ...before,
    findings: [
      ...before.findings,
      ...misplaced.map(({ code, requestId }) => `${requestId} is in quarantine as ${code}`),
      ...(reopened > 0 ? [`a replay of everything opened ${reopened} more conversations`] : []),
    ],
    requests,
    invocations,
    struckRequests: struckRequests.size,
    struck,
    killPoints,
  }
}

/** Moves hosts, rotates secrets and revokes tokens in the middle of a wave. */
const makeTrouble = async (world: World, random: Random, strike: (name: string) => void) => {
  const { livePerson, secretsManager, accounts } = world
  await new Promise((resolve) => setTimeout(resolve, 200 + random.below(400)))
  strike('Domain API moves the hosts')
  await livePerson.moveHosts()
  for (const account of accounts) {
    const [old = ''] = account.clientSecrets
    const next = `secret-${random.below(1e9)}-${account.accountId}`
    const value = { clientId: account.clientId, clientSecret: next }
    strike('secret rotated')
    if (random.chance(0.5)) {
      // LivePerson accepts both for a while, then revokes the old one.
      account.clientSecrets = [next, old]
      secretsManager.put(`campaign-conversations/test/${account.accountId}`, value)
      await new Promise((resolve) => setTimeout(resolve, 150))
      account.clientSecrets = [next]
    } else {
      // Secrets Manager is ahead of LivePerson: only the previous version works for a while.
      secretsManager.put(`campaign-conversations/test/${account.accountId}`, value)
      await new Promise((resolve) => setTimeout(resolve, 150))
      account.clientSecrets = [next]
    }
  }
  strike('AppJWTs revoked')
  livePerson.revokeAppTokens()
  if (random.chance(0.25)) return
  strike('ConsumerJWSs revoked')
  livePerson.revokeConsumerTokens()
}

/** Closes some conversations, as agents do. Called only between waves, when no request is in progress. */
const closeSome = ({ livePerson }: World, random: Random) => {
  for (const { state, conversationId } of livePerson.conversations())
    if (state === 'OPEN' && random.chance(0.3)) livePerson.closeConversation(conversationId)
  if (random.chance(0.5)) livePerson.clock.advance(3_700_000)
}

/** Returns the id of the planned request that a record holds. */
const idIn = (body: string) => {
  const { handedOver, requestId } = JSON.parse(body)
  return handedOver ? `${handedOver.door} ${handedOver.requestId}` : `queue ${requestId}`
}

/** Returns the service, or one that uses another consumer in every attempt. */
const weaken = (service: Service, random: Random, without: Safeguard | undefined): Service =>
  without === 'stable consumer'
    ? {
        ...service,
        attempt: (job, carrier, budget) => {
          const consumerId = `${job.request.consumerId}-${random.below(1e9)}`
          return service.attempt({ ...job, request: { ...job.request, consumerId } }, carrier, budget)
        },
      }
    : service

/**
 * Returns a tap that removes the claim's condition, or the earlier attempts' facts, from the calls to
 * DynamoDB.
 */
const tapWithout = (without: Safeguard): Tap => {
  if (without === 'claim')
    return {
      request: (target, body) => {
        if (target !== 'UpdateItem') return
        delete body.ConditionExpression
        const values = body.ExpressionAttributeValues as Record<string, unknown> | undefined
        const used = String(body.UpdateExpression)
        if (values) for (const name of Object.keys(values)) if (!used.includes(name)) delete values[name]
        const names = body.ExpressionAttributeNames as Record<string, unknown> | undefined
        if (names)
          for (const name of Object.keys(names)) if (!new RegExp(`${name}\\b`).test(used)) delete names[name]
      },
    }
  if (without === 'answer-lost rule')
    return {
      answer: (target, body) => {
        const before = target === 'UpdateItem' ? body.Attributes : undefined
        if (isRecord(before)) forgetDoubt(before)
      },
    }
  return {}
}

/** Makes an item of the ledger look as if no create had been lost, and no attempt had died. */
const forgetDoubt = (item: Record<string, unknown>): void => {
  const facts = mapIn(item.facts)
  const conversation = mapIn(facts.conversation)
  if (textIn(conversation.kind) === 'in_doubt') conversation.kind = { S: 'none' }
  if (textIn(item.claimState) === 'held') item.claimState = { S: 'queued' }
}

/** Returns the members of a map, in DynamoDB's notation. */
const mapIn = (value: unknown): Record<string, unknown> =>
  isRecord(value) && isRecord(value.M) ? value.M : {}

const textIn = (value: unknown): unknown => (isRecord(value) ? value.S : undefined)
