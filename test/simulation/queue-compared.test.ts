import { isDeepStrictEqual } from 'node:util'
import {
  ChangeMessageVisibilityCommand,
  CreateQueueCommand,
  DeleteMessageCommand,
  GetQueueAttributesCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
  SQSServiceException,
} from '@aws-sdk/client-sqs'
import { type Clock, install } from '@sinonjs/fake-timers'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { AWS_ACCOUNT_ID, awsClientConfig, REGION } from '../../local/aws/sdk.ts'
import { type LocalSqs, startSqs } from '../../local/aws/sqs.ts'
import { type Attributes, createMemoryQueue, type MemoryQueueOptions, SqsError } from './queue.ts'
import { createRandom, type Random } from './random.ts'

/**
 * The number of random operations. `COMPARED_OPERATIONS=10000 COMPARED_SEED=7 npx vitest run compared` runs
 * more of them, or others.
 */
const OPERATIONS = Number(process.env.COMPARED_OPERATIONS ?? 3000)
const SEED = process.env.COMPARED_SEED ?? '1'
/** Sequences of operations that run at the same time. Each has two queues of its own. */
const LANES = 24
const START = Date.UTC(2026, 10, 2)

const TOO_LONG = `${'é'.repeat(524_288)}x`
const VISIBILITY_SECONDS = 30
const RETENTION_SECONDS = 345_600
const MAX_RECEIVE_COUNT = 3

/** What nothing here compares with fauxqs, and why. */
const NOT_COMPARED: Readonly<Record<string, string>> = {
  'the order of messages': 'a standard queue promises none; fauxqs is first in, first out',
  'fair queues': 'fauxqs has none',
  'the limit of messages in flight': 'fauxqs has none',
  'the age of the oldest message': 'fauxqs has no metrics',
  'duplicate deliveries': 'fauxqs delivers once; in memory a fault asks for them',
  'long polling': 'the queue in memory never waits',
}

type Where = 'source' | 'dead'

/** A received message, as both queues tell it. */
interface Seen {
  readonly handle: string
  readonly body: string
  readonly receiveCount: number
  readonly sentAt: number
  readonly firstReceivedAt: number
  readonly attributes: Attributes
  readonly messageGroupId: string | undefined
  readonly sourceArn: string | undefined
}

type Told = Omit<Seen, 'handle' | 'messageGroupId' | 'sourceArn'>

/** A queue with a dead-letter queue. An operation returns the code of its error, or undefined. */
interface Side {
  readonly send: (
    body: string,
    options?: { delaySeconds?: number; attributes?: Attributes; messageGroupId?: string },
  ) => Promise<string | undefined>
  readonly receive: (where: Where, max: number) => Promise<readonly Seen[] | string>
  readonly delete: (where: Where, handle: string) => Promise<string | undefined>
  readonly change: (where: Where, handle: string, seconds: number) => Promise<string | undefined>
  readonly counts: (where: Where) => Promise<readonly [ready: number, delayed: number, inFlight: number]>
}

const memorySide = (options: Partial<MemoryQueueOptions> = {}): Side => {
  const shared = {
    now: Date.now,
    random: createRandom(SEED),
    visibilityTimeoutSeconds: VISIBILITY_SECONDS,
    retentionSeconds: RETENTION_SECONDS,
    ...options,
  }
  const dead = createMemoryQueue({ ...shared, name: 'dead' })
  const source = createMemoryQueue({
    ...shared,
    name: 'source',
    redrive: { maxReceiveCount: MAX_RECEIVE_COUNT, queue: dead },
  })
  const queues = { source, dead }
  return {
    send: (body, given) => codeOf(async () => source.send(body, given)),
    receive: (where, max) =>
      attempt(async () =>
        queues[where].receive(max).map((message) => ({
          handle: message.receiptHandle,
          body: message.body,
          receiveCount: message.receiveCount,
          sentAt: message.sentAt,
          firstReceivedAt: message.firstReceivedAt,
          attributes: message.attributes,
          messageGroupId: message.messageGroupId,
          sourceArn: message.deadLetterQueueSourceArn,
        })),
      ),
    delete: (where, handle) => codeOf(async () => queues[where].delete(handle)),
    change: (where, handle, seconds) => codeOf(async () => queues[where].changeVisibility(handle, seconds)),
    counts: async (where) => {
      const { ready, delayed, inFlight } = queues[where].counts()
      return [ready, delayed, inFlight]
    },
  }
}

/** Creates two queues in fauxqs. */
const realSide = async (
  client: SQSClient,
  url: string,
  name: string,
  attributes: Readonly<Record<string, string>> = {},
): Promise<Side> => {
  const shared = { VisibilityTimeout: String(VISIBILITY_SECONDS), ...attributes }
  await client.send(new CreateQueueCommand({ QueueName: `${name}-dead`, Attributes: shared }))
  const RedrivePolicy = JSON.stringify({
    maxReceiveCount: MAX_RECEIVE_COUNT,
    deadLetterTargetArn: `arn:aws:sqs:${REGION}:${AWS_ACCOUNT_ID}:${name}-dead`,
  })
  await client.send(new CreateQueueCommand({ QueueName: name, Attributes: { ...shared, RedrivePolicy } }))
  const urls = { source: `${url}/${AWS_ACCOUNT_ID}/${name}`, dead: `${url}/${AWS_ACCOUNT_ID}/${name}-dead` }
  return {
    send: (body, { delaySeconds, attributes: given = {}, messageGroupId } = {}) =>
      codeOf(() =>
        client.send(
          new SendMessageCommand({
            QueueUrl: urls.source,
            MessageBody: body,
            DelaySeconds: delaySeconds,
            MessageGroupId: messageGroupId,
            MessageAttributes: Object.fromEntries(
              Object.entries(given).map(([key, text]) => [key, { DataType: 'String', StringValue: text }]),
            ),
          }),
        ),
      ),
    receive: (where, max) =>
      attempt(async () => {
        const { Messages = [] } = await client.send(
          new ReceiveMessageCommand({
            QueueUrl: urls[where],
            MaxNumberOfMessages: max,
            MessageAttributeNames: ['All'],
            MessageSystemAttributeNames: ['All'],
          }),
        )
        return Messages.map(({ ReceiptHandle, Body, Attributes, MessageAttributes = {} }) => ({
          handle: ReceiptHandle ?? '',
          body: Body ?? '',
          receiveCount: Number(Attributes?.ApproximateReceiveCount),
          sentAt: Number(Attributes?.SentTimestamp),
          firstReceivedAt: Number(Attributes?.ApproximateFirstReceiveTimestamp),
          attributes: Object.fromEntries(
            Object.entries(MessageAttributes).map(([key, { StringValue = '' }]) => [key, StringValue]),
          ),
          messageGroupId: Attributes?.MessageGroupId,
          sourceArn: Attributes?.DeadLetterQueueSourceArn,
        }))
      }),
    delete: (where, handle) =>
      codeOf(() => client.send(new DeleteMessageCommand({ QueueUrl: urls[where], ReceiptHandle: handle }))),
    change: (where, handle, seconds) =>
      codeOf(() =>
        client.send(
          new ChangeMessageVisibilityCommand({
            QueueUrl: urls[where],
            ReceiptHandle: handle,
            VisibilityTimeout: seconds,
          }),
        ),
      ),
    counts: async (where) => {
      const { Attributes = {} } = await client.send(
        new GetQueueAttributesCommand({ QueueUrl: urls[where], AttributeNames: ['All'] }),
      )
      return [
        Number(Attributes.ApproximateNumberOfMessages),
        Number(Attributes.ApproximateNumberOfMessagesDelayed),
        Number(Attributes.ApproximateNumberOfMessagesNotVisible),
      ]
    },
  }
}

const attempt = async <T>(run: () => Promise<T>): Promise<T | string> => {
  try {
    return await run()
  } catch (error) {
    if (error instanceof SqsError) return error.code
    // The prefix is a leftover of SQS's older protocol.
    if (error instanceof SQSServiceException) return error.name.replace('AWS.SimpleQueueService.', '')
    throw error
  }
}

const codeOf = async (run: () => Promise<unknown>): Promise<string | undefined> => {
  const value = await attempt(async () => {
    await run()
    return undefined
  })
  return value
}

describe('compared with fauxqs', () => {
  let sqs: LocalSqs
  let client: SQSClient
  // fauxqs runs in this process and reads the time from Date.
  let clock: Clock

  beforeAll(async () => {
    sqs = await startSqs()
    client = new SQSClient({ ...awsClientConfig(sqs.url), maxAttempts: 1 })
    clock = install({ now: START, toFake: ['Date'] })
  })
  afterAll(async () => {
    clock.uninstall()
    client.destroy()
    await sqs.close()
  })

  test(
    `${OPERATIONS} random operations have the same outcome`,
    async () => {
      const lanes = await Promise.all(
        Array.from({ length: LANES }, async (_, index) =>
          createLane({
            real: await realSide(client, sqs.url, `lane-${index}`),
            memory: memorySide({ random: createRandom(`${SEED} memory ${index}`) }),
            random: createRandom(`${SEED} ${index}`),
          }),
        ),
      )
      const random = createRandom(`${SEED} time`)
      const sum = () => lanes.reduce((all, lane) => all + lane.operations(), 0)
      while (sum() < OPERATIONS && lanes.every((lane) => lane.differences.length === 0)) {
        await Promise.all(lanes.map((lane) => lane.run(3)))
        clock.tick(random.pick([0, 1, 500, 999, 1000, 2000, 5000, 29_999, 30_000, 60_000, 900_000]))
      }
      await Promise.all(lanes.map((lane) => lane.drain()))
      const differences = lanes.flatMap((lane) => lane.differences)
      const counts = new Map<string, number>()
      for (const lane of lanes)
        for (const [name, count] of lane.counts) counts.set(name, (counts.get(name) ?? 0) + count)
      console.log(`${sum()} operations compared with fauxqs, ${differences.length} differences:`, counts)
      console.log('Not compared:', NOT_COMPARED)
      expect(differences.slice(0, 3)).toEqual([])
    },
    60_000 + OPERATIONS * 10,
  )

  describe('differs on purpose, and is not compared at random', () => {
    const sendAndReceive = async (side: Side, options?: Parameters<Side['send']>[1]): Promise<Seen> => {
      await side.send('body', options)
      const received = await side.receive('source', 1)
      const [message] = typeof received === 'string' ? [] : received
      if (!message) throw new Error('Nothing was received.')
      return message
    }
    const countOf = async (side: Side, where: Where = 'source') => (await side.receive(where, 10)).length
    const texts = (count: number): Attributes =>
      Object.fromEntries(Array.from({ length: count }, (_, index) => [`name${index}`, 'text']))

    test.each<{
      readonly what: string
      readonly reason: string
      readonly run: (side: Side) => Promise<unknown>
      readonly fauxqs: unknown
      readonly memory: unknown
    }>([
      {
        what: 'the last handle deletes a message that ChangeMessageVisibility made visible',
        reason: 'fauxqs forgets the handle; in SQS it is still the most recent one',
        run: async (side) => {
          const { handle } = await sendAndReceive(side)
          await side.change('source', handle, 0)
          await side.delete('source', handle)
          return countOf(side)
        },
        fauxqs: 1,
        memory: 0,
      },
      {
        what: 'the visibility timeout of a visible message does not change',
        reason: 'fauxqs looks for expired timeouts in ReceiveMessage only',
        run: async (side) => {
          const { handle } = await sendAndReceive(side)
          clock.tick(VISIBILITY_SECONDS * 1000)
          return [await side.change('source', handle, 60), await countOf(side)]
        },
        fauxqs: [undefined, 0],
        memory: ['MessageNotInflight', 1],
      },
      {
        what: 'a message is in flight for at most 12 hours per receive',
        reason: 'fauxqs counts each timeout alone; SQS documents a total of 12 hours',
        run: async (side) => {
          const { handle } = await sendAndReceive(side)
          clock.tick(1)
          return side.change('source', handle, 43_200)
        },
        fauxqs: undefined,
        memory: 'InvalidParameterValue',
      },
      {
        what: 'a dead letter has been received as often as it was delivered',
        reason: 'fauxqs counts the attempt that moves it',
        run: async (side) => {
          await side.send('body')
          for (let receive = 0; receive <= MAX_RECEIVE_COUNT; receive++) {
            await side.receive('source', 1)
            clock.tick(VISIBILITY_SECONDS * 1000)
          }
          const received = await side.receive('dead', 1)
          return typeof received === 'string' ? received : received.map(({ receiveCount }) => receiveCount)
        },
        fauxqs: [MAX_RECEIVE_COUNT + 2],
        memory: [MAX_RECEIVE_COUNT + 1],
      },
      {
        what: 'a dead letter names its source queue',
        reason: 'fauxqs does not set DeadLetterQueueSourceArn',
        run: async (side) => {
          await side.send('body')
          for (let receive = 0; receive <= MAX_RECEIVE_COUNT; receive++) {
            await side.receive('source', 1)
            clock.tick(VISIBILITY_SECONDS * 1000)
          }
          const received = await side.receive('dead', 1)
          return typeof received === 'string' ? received : received.map(({ sourceArn }) => sourceArn)
        },
        fauxqs: [undefined],
        memory: [`arn:aws:sqs:${REGION}:${AWS_ACCOUNT_ID}:source`],
      },
      {
        what: 'a message expires after the retention period',
        reason: 'fauxqs keeps messages forever',
        run: async (side) => {
          await side.send('body')
          clock.tick(RETENTION_SECONDS * 1000)
          return countOf(side)
        },
        fauxqs: 1,
        memory: 0,
      },
      {
        what: 'a message has a group',
        reason: 'fauxqs drops MessageGroupId of standard queues',
        run: async (side) => (await sendAndReceive(side, { messageGroupId: 'one' })).messageGroupId,
        fauxqs: undefined,
        memory: 'one',
      },
      {
        what: 'a message is delayed for at most 15 minutes',
        reason: 'fauxqs takes any DelaySeconds',
        run: (side) => side.send('body', { delaySeconds: 901 }),
        fauxqs: undefined,
        memory: 'InvalidParameterValue',
      },
      {
        what: 'a message has at most 10 attributes',
        reason: 'fauxqs takes any number',
        run: (side) => side.send('body', { attributes: texts(11) }),
        fauxqs: undefined,
        memory: 'InvalidParameterValue',
      },
      {
        what: 'an attribute is not empty',
        reason: 'fauxqs takes empty ones',
        run: (side) => side.send('body', { attributes: { name: '' } }),
        fauxqs: undefined,
        memory: 'InvalidParameterValue',
      },
      {
        what: 'the handle of no queue is refused by DeleteMessage',
        reason: 'fauxqs ignores it',
        run: (side) => side.delete('source', 'unknown'),
        fauxqs: undefined,
        memory: 'ReceiptHandleIsInvalid',
      },
      {
        what: 'the handle of no queue is refused by ChangeMessageVisibility',
        reason: 'fauxqs answers as for a message that is not in flight',
        run: (side) => side.change('source', 'unknown', 1),
        fauxqs: 'MessageNotInflight',
        memory: 'ReceiptHandleIsInvalid',
      },
    ])('$what: $reason', async ({ what, run, fauxqs, memory }) => {
      const name = what.replaceAll(/[^\w]+/g, '-').slice(0, 70)
      expect(await run(await realSide(client, sqs.url, name))).toEqual(fauxqs)
      expect(await run(memorySide())).toEqual(memory)
    })
  })
})

interface Receipt {
  readonly where: Where
  readonly body: string
  readonly handles: { readonly real: string; readonly memory: string }
  readonly receivedAt: number
  /** When the message becomes visible. */
  visibleAt: number
  /** Whether ChangeMessageVisibility made the message visible. */
  isReturned: boolean
}

/** Runs random operations on a pair of queues, one after the other. */
const createLane = ({
  real,
  memory,
  random,
}: {
  readonly real: Side
  readonly memory: Side
  readonly random: Random
}) => {
  const differences: unknown[] = []
  const counts = new Map<string, number>()
  const receipts: Receipt[] = []
  let operations = 0
  let sent = 0

  const count = (name: string, by = 1): void => {
    counts.set(name, (counts.get(name) ?? 0) + by)
  }

  const compare = (operation: string, detail: unknown, expected: unknown, outcome: unknown): void => {
    operations += 1
    count(typeof expected === 'string' ? `${operation} ${expected}` : operation)
    if (isDeepStrictEqual(expected, outcome)) return
    differences.push({ operation, detail, at: Date.now() - START, fauxqs: expected, memory: outcome })
  }

  /** Compares what several receives returned. */
  const compareMessages = (where: Where, expected: readonly Told[], outcome: readonly Told[]): void => {
    count(`(messages received from ${where})`, expected.length)
    if (isDeepStrictEqual(expected, outcome)) return
    differences.push({ operation: `messages of ${where}`, fauxqs: expected, memory: outcome })
  }

  const send = async (): Promise<void> => {
    const body = anyBody(random, ++sent)
    const options = {
      delaySeconds: random.pick([0, 0, 0, 0, 1, 2, 60, 900]),
      attributes: anyAttributes(random),
    }
    compare('send', { body, options }, await real.send(body, options), await memory.send(body, options))
  }

  const wrong = async (): Promise<void> => {
    const body = random.chance(0.1) ? TOO_LONG : random.pick(['', '\u0000', 'a\u000bb', '\uffff'])
    const max = random.pick([0, 11, -1])
    const where = random.pick<Where>(['source', 'dead'])
    if (random.chance(0.5)) compare('send', body.slice(0, 9), await real.send(body), await memory.send(body))
    else compare('receive', max, await real.receive(where, max), await memory.receive(where, max))
  }

  /** Receives until nothing is left: which message comes first is up to the queue. */
  const receiveAll = async (): Promise<void> => {
    const where = random.pick<Where>(['source', 'source', 'dead'])
    const seen: { readonly real: Seen[]; readonly memory: Seen[] } = { real: [], memory: [] }
    for (let isMore = true; isMore; ) {
      const max = 1 + random.below(10)
      const [expected, outcome] = [await real.receive(where, max), await memory.receive(where, max)]
      compare(`receive ${where}`, max, expected.length, outcome.length)
      if (typeof expected !== 'string') seen.real.push(...expected)
      if (typeof outcome !== 'string') seen.memory.push(...outcome)
      isMore = expected.length > 0 || outcome.length > 0
    }
    const memoryHandles = new Map(seen.memory.map(({ body, handle }) => [body, handle]))
    for (const { body, handle } of seen.real) {
      receipts.push({
        where,
        body,
        handles: { real: handle, memory: memoryHandles.get(body) ?? '' },
        receivedAt: Date.now(),
        visibleAt: Date.now() + VISIBILITY_SECONDS * 1000,
        isReturned: false,
      })
    }
    receipts.splice(0, receipts.length - 40)
    const attempts = where === 'dead' ? 1 : 0
    compareMessages(where, toTold(seen.real, attempts), toTold(seen.memory, 0))
    compare(`counts of ${where}`, undefined, await real.counts(where), await memory.counts(where))
  }

  /** Returns any receipt, with whether it is the last one of its message. */
  const anyReceipt = () => {
    const among = random.chance(0.7) ? Math.min(8, receipts.length) : receipts.length
    const receipt = receipts[receipts.length - 1 - random.below(among)]
    const last = receipts.findLast(({ body }) => body === receipt?.body)
    return receipt && { receipt, isLast: receipt === last }
  }

  const remove = async (): Promise<void> => {
    const chosen = anyReceipt()
    if (!chosen || (chosen.isLast && chosen.receipt.isReturned)) return
    const { where, handles, body } = chosen.receipt
    compare(
      'delete',
      body,
      await real.delete(where, handles.real),
      await memory.delete(where, handles.memory),
    )
  }

  const change = async (): Promise<void> => {
    const chosen = anyReceipt()
    if (!chosen) return
    const { receipt, isLast } = chosen
    const { where, handles, body } = receipt
    if (isLast && !receipt.isReturned && Date.now() >= receipt.visibleAt) return
    const seconds = random.pick([0, 0, 1, 2, 5, 60, 600, 3600, -1, 43_201])
    if (Date.now() + seconds * 1000 > receipt.receivedAt + 43_200_000 && seconds <= 43_200) return
    const expected = await real.change(where, handles.real, seconds)
    compare('change', { body, seconds }, expected, await memory.change(where, handles.memory, seconds))
    if (expected !== undefined) return
    receipt.visibleAt = Date.now() + seconds * 1000
    receipt.isReturned = seconds === 0
  }

  return {
    differences,
    counts,
    operations: () => operations,

    run: async (steps: number): Promise<void> => {
      for (let step = 0; step < steps && differences.length === 0; step++) {
        const drawn = random.next()
        if (drawn < 0.3) await send()
        else if (drawn < 0.33) await wrong()
        else if (drawn < 0.55) await receiveAll()
        else if (drawn < 0.78) await remove()
        else await change()
      }
    },

    /** Receives what is visible in both queues. */
    drain: async (): Promise<void> => {
      for (let step = 0; step < 4; step++) await receiveAll()
    },
  }
}

/** Returns what a queue told of messages, in the order of their bodies. */
const toTold = (seen: readonly Seen[], attempts: number): readonly Told[] =>
  seen
    .map(({ handle: _, messageGroupId: __, sourceArn: ___, receiveCount, ...told }) => ({
      ...told,
      receiveCount: receiveCount - attempts,
    }))
    .toSorted((a, b) => (a.body < b.body ? -1 : 1))

const anyBody = (random: Random, index: number): string =>
  `${index} ${random.pick(['', '{"accountId":"70123456"}', 'Žofie 🦊', '\t\r\n', '\ud7ff\ue000\ufffd'])}`

const anyAttributes = (random: Random): Attributes =>
  Object.fromEntries(
    Array.from({ length: random.pick([0, 0, 0, 1, 3, 10]) }, (_, index) => [
      `name${index}`,
      random.pick(['x', 'Žofie 🦊', '1']),
    ]),
  )
