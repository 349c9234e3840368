import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createQueues, type Queues } from '../../../lib/aws/queues.ts'
import type { StateTable } from '../../../lib/aws/state-table.ts'
import { type Facts, NOTHING } from '../../../lib/conversation/facts.ts'
import { toHandOver } from '../../../lib/conversation/hand-over.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { createOutbound, type Outbound } from '../../../lib/net/outbound.ts'
import type { AcceptedRequest } from '../../../lib/request/conversation-request.ts'
import { createPatientTable, patient, startAwsEndpoint } from '../../support/aws-endpoint.ts'
import { createPatientService, drain } from '../../support/drain.ts'
import {
  ACCOUNT,
  askStatus,
  bodyOf,
  CRM_UPGRADE,
  deliver,
  jobOf,
  ORDER_HELP,
  STAGE,
  startWorld,
  submit,
  toRecord,
  type World,
  withoutWaits,
} from '../../support/world.ts'

let world: World
let endpoint: Awaited<ReturnType<typeof startAwsEndpoint>>
let table: StateTable
let queues: Queues
let serial = 0
/** How many of DynamoDB's next answers to a claim are lost. */
let loseClaims = 0

const isClaim = (action: string, input: unknown) =>
  action === 'UpdateItem' && JSON.stringify(input).includes('leaseUntil')

beforeAll(async () => {
  world = await startWorld()
  endpoint = await startAwsEndpoint({
    behind: world.dynamoDb.url,
    answer: (action, input) => (isClaim(action, input) && loseClaims-- > 0 ? 'lost' : 'forward'),
  })
  process.env.AWS_ENDPOINT_URL_DYNAMODB = endpoint.url
  table = createPatientTable(world.dynamoDb.stateTable)
  queues = withoutWaits(createQueues({ ...world.configOf(), aws: patient }))
})
afterAll(async () => {
  await endpoint.close()
  await world.close()
})
afterEach(async () => {
  loseClaims = 0
  world.livePerson.reset()
  await world.receiveQuarantine()
})

const now = () => world.livePerson.clock.now()
const sleep = async (ms: number) => world.livePerson.clock.advance(ms)

/** A container whose waits only move the clock. */
const createService = (options: Parameters<World['createService']>[0] = {}) =>
  createPatientService(world, { table, queues, ...options })

const stageThat = (onLostAnswer: 'repeat' | 'hold') => ({
  ...STAGE,
  accounts: STAGE.accounts.map((account) => ({ ...account, onLostAnswer })),
})
const newForm = () => ({ requestId: `flow-form-${++serial}`, campaign: ORDER_HELP })
const newEvent = () => ({
  requestId: `flow-event-${++serial}`,
  campaign: CRM_UPGRADE,
  consumer: { id: `c-${serial}` },
})
const acceptedOf = (event: object): AcceptedRequest => jobOf(world.configOf().stage, toRecord(event)).request
const itemOf = (requestId: string) => table.get(`request#${ACCOUNT}#queue#crm#${requestId}`)
const recordOf = (request: AcceptedRequest, facts: Facts) =>
  toRecord(toHandOver({ request, destination, facts }), { queue: 'handOver', sentAt: now() })
const destination = { ...CRM_UPGRADE, ttr: 'NORMAL' as const, routeAttributes: [] }

const unavailable = async (): Promise<never> => {
  throw new ServiceUnavailableError({ detail: 'The table is away.' })
}
const TABLE_AWAY: StateTable = { get: unavailable, getMany: unavailable, update: unavailable }

type Update = Parameters<StateTable['update']>[0]

/** Whether a write is a claim. Any other one records facts. */
const isClaimed = ({ set }: Update): boolean => 'leaseId' in set

/** Returns a table in which writes of facts do something else. */
const withRecord = (record: StateTable['update']): StateTable => ({
  ...table,
  update: (update) => (isClaimed(update) ? table.update(update) : record(update)),
})

describe('an outcome that the table did not accept', () => {
  const facts: Facts = {
    ...NOTHING,
    conversation: { kind: 'opened', conversationId: 'conversation-known' },
    lpConsumerId: 'a'.repeat(64),
  }

  test('reaches the ledger through the queue, without another call to LivePerson', async () => {
    const answer = await submit(createService({ table: withRecord(unavailable) }), newForm())
    expect(answer.statusCode).toBe(201)
    const { requestId, conversationId } = bodyOf(answer)
    const calls = world.livePerson.requests().length
    await drain(world, createService)
    expect(world.livePerson.requests().length).toBe(calls)
    expect(bodyOf(await askStatus(createService(), requestId))).toEqual({
      requestId,
      status: 'opened',
      conversationId,
    })
  })

  test('stays in its record while the table is unavailable, and is not sent again', async () => {
    const handOver = vi.fn(queues.handOver)
    const service = createService({ table: TABLE_AWAY, queues: { ...queues, handOver } })
    const report = vi.spyOn(service, 'report')
    const response = await deliver(service, [recordOf(acceptedOf(newEvent()), facts)])
    expect(response.batchItemFailures).toHaveLength(1)
    expect(handOver).not.toHaveBeenCalled()
    expect(report.mock.calls.map(([, , result]) => result)).toMatchObject([
      { kind: 'finished', outcome: { status: 'opened' }, kept: 'in_record' },
    ])
  })

  test('adds the conversation id to an outcome that was recorded without it', async () => {
    const service = createService()
    const request = acceptedOf(newEvent())
    const claim = await service.ledger.claim(request, destination, now() + 1000)
    await claim.entry.record({ ...NOTHING, claim: released, conversation: { kind: 'opened' } })
    expect(await deliver(service, [recordOf(request, facts)])).toEqual({ batchItemFailures: [] })
    expect(await itemOf(request.requestId)).toMatchObject({
      status: 'opened',
      conversationId: 'conversation-known',
    })
  })

  test('is not lost if only the consumer’s item could be written', async () => {
    const first = newEvent()
    const halfway = withRecord((update) =>
      update.pk.startsWith('consumer#') ? table.update(update) : unavailable(),
    )
    expect(await deliver(createService({ table: halfway }), [toRecord(first)])).toEqual({
      batchItemFailures: [],
    })
    await drain(world, createService)
    expect((await itemOf(first.requestId))?.status).toBe('opened')
  })

  test('is not lost if only the request’s item could be written', async () => {
    const first = newEvent()
    const halfway = withRecord((update) =>
      update.pk.startsWith('consumer#') ? unavailable() : table.update(update),
    )
    await deliver(createService({ table: halfway }), [toRecord(first)])
    await drain(world, createService)
    // A later request finds the conversation, so the consumer's item was written too.
    const second = { ...newEvent(), consumer: first.consumer, message: 'Hello' }
    expect(await deliver(createService(), [toRecord(second)])).toEqual({ batchItemFailures: [] })
    expect(await itemOf(second.requestId)).toMatchObject({ status: 'existing', messageStatus: 'sent' })
  })
})

/** The claim of an attempt that is done. */
const released = { attempt: 1, releases: 1, state: 'done' } as const

describe('an attempt that wakes after its lease', () => {
  test('doesn’t undo what its successor recorded', async () => {
    const event = { ...newEvent(), message: 'Hello' }
    const record = toRecord(event, { sentAt: now() })
    let wake = () => {}
    const frozen = new Promise<void>((resolve) => {
      wake = resolve
    })
    const call = createOutbound()
    let isSending = () => {}
    const sending = new Promise<void>((resolve) => {
      isSending = resolve
    })
    const outbound: Outbound = async (request) => {
      const result = await call(request)
      if (!request.url.includes('/conversation/send')) return result
      isSending()
      await frozen
      return result
    }
    const first = deliver(createService({ outbound }), [record])
    await sending
    expect(await itemOf(event.requestId)).toMatchObject({ status: 'opened', messageStatus: 'pending' })
    await sleep(120_000)
    // The message may have been sent, so the successor doesn't send it again.
    expect(await deliver(createService(), [record])).toEqual({ batchItemFailures: [] })
    expect(await itemOf(event.requestId)).toMatchObject({ status: 'opened', messageStatus: 'unknown' })
    wake()
    await first
    expect(await itemOf(event.requestId)).toMatchObject({ status: 'opened', messageStatus: 'sent' })
    expect(world.livePerson.conversations()).toMatchObject([{ messages: [{ text: 'Hello' }] }])
  })
})

describe('an open conversation that another request opened', () => {
  test('is named only if LivePerson says that it is still open', async () => {
    const service = createService()
    const consumer = { id: `consumer-${++serial}` }
    const [first, second, third, elsewhere] = [newEvent(), newEvent(), newEvent(), newEvent()].map(
      (event) => ({ ...event, consumer }),
    )
    await deliver(service, [toRecord(first)])
    await deliver(service, [toRecord(second)])
    const [known] = world.livePerson.conversations()
    expect(await itemOf(second?.requestId ?? '')).toMatchObject({
      status: 'existing',
      conversationId: known?.conversationId,
    })

    // It is closed, and another one is opened that the table doesn't know.
    world.livePerson.closeConversation(known?.conversationId ?? '')
    const forgetful: StateTable = {
      get: async () => undefined,
      getMany: async () => [],
      update: async () => ({ applied: true, item: undefined }),
    }
    await deliver(createService({ table: forgetful }), [toRecord(elsewhere)])
    expect(world.livePerson.conversations()).toHaveLength(2)

    // The known one is closed, and another one is open: nobody knows which.
    await deliver(service, [toRecord(third)])
    expect((await itemOf(third?.requestId ?? ''))?.conversationId).not.toBe(known?.conversationId)
  })
})

describe('the limits of one open conversation per consumer', () => {
  test.each([
    ['repeat', 'opens a second conversation', 2],
    ['hold', 'asks a person', 1],
  ] as const)(
    'after a lost answer, %s %s if the conversation was closed meanwhile',
    async (onLostAnswer, _, conversations) => {
      const stage = stageThat(onLostAnswer)
      world.livePerson.faults.add({ service: 'conversation', kind: 'status-after', status: 502 })
      await submit(createService({ stage }), newForm())
      const [conversation] = world.livePerson.conversations()
      world.livePerson.closeConversation(conversation?.conversationId ?? '')
      await drain(world, () => createService({ stage }))
      expect(world.livePerson.conversations()).toHaveLength(conversations)
    },
  )

  describe.each<[string, (killed: () => void) => Parameters<World['createService']>[0]]>([
    ['before it read the answer', (killed) => ({ outbound: outboundThatDies(killed) })],
    [
      'before it wrote the outcome',
      (killed) => ({
        table: withRecord(() => {
          killed()
          return never()
        }),
      }),
    ],
  ])('if a container is killed %s', (_, options) => {
    test.each([
      ['repeat', 'opens a second one', 2],
      ['hold', 'asks a person', 1],
    ] as const)('and the conversation is closed, %s %s', async (onLostAnswer, __, conversations) => {
      const stage = stageThat(onLostAnswer)
      const event = newEvent()
      await new Promise<void>((killed) => {
        void deliver(createService({ stage, ...options(killed) }), [toRecord(event)])
      })
      const [conversation] = world.livePerson.conversations()
      world.livePerson.closeConversation(conversation?.conversationId ?? '')
      await sleep(120_000)
      expect(await deliver(createService({ stage }), [toRecord(event)])).toEqual({ batchItemFailures: [] })
      expect(world.livePerson.conversations()).toHaveLength(conversations)
      const quarantined = await world.receiveQuarantine()
      expect(quarantined).toMatchObject(
        onLostAnswer === 'hold' ? [{ code: 'outcome_unknown', requestId: event.requestId }] : [],
      )
    })
  })

  test('the replay of a held event that has no id of its own opens no second conversation', async () => {
    const stage = stageThat('hold')
    const { requestId: _, ...event } = newEvent()
    world.livePerson.faults.add({ service: 'conversation', kind: 'status-after', status: 502 })
    const service = createService({ stage })
    expect(await deliver(service, [toRecord(event)])).toEqual({ batchItemFailures: [] })
    const [held] = await world.receiveQuarantine()
    expect(held).toMatchObject({ code: 'outcome_unknown' })
    const [conversation] = world.livePerson.conversations()
    world.livePerson.closeConversation(conversation?.conversationId ?? '')
    // SQS gives a replayed record another message id.
    await deliver(service, [toRecord(held?.body, { queue: 'handOver' })])
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test.each([
    ['arrives', 0],
    ['is lost', 1],
  ])(
    'hold needs no person if the earlier attempt certainly did nothing, and the answer to the next claim %s',
    async (_, lost) => {
      const stage = stageThat('hold')
      const event = newEvent()
      world.livePerson.faults.add({ service: 'idp', kind: '429', times: 5 })
      expect((await deliver(createService({ stage }), [toRecord(event)])).batchItemFailures).toHaveLength(1)
      world.livePerson.faults.clear()
      loseClaims = lost
      endpoint.take()
      await deliver(createService({ stage }), [toRecord(event)])
      const writes = endpoint.take().filter((action) => action === 'UpdateItem')
      // The claim, the request's item and the consumer's.
      expect(writes).toHaveLength(3 + lost)
      expect(await itemOf(event.requestId)).toMatchObject({ status: 'opened', attempts: 2 })
      expect(await world.receiveQuarantine()).toEqual([])
    },
  )
})

const never = () => new Promise<never>(() => undefined)

/** Calls that die as soon as LivePerson has carried out a create. */
const outboundThatDies = (died: () => void): Outbound => {
  const call = createOutbound()
  return async (request) => {
    const result = await call(request)
    if (!request.url.includes('/consumer/conversation?')) return result
    died()
    return never()
  }
}

test('a form that was accepted is opened, whatever a later configuration says of its route', async () => {
  const body = { requestId: `flow-form-${++serial}`, route: 'order-help' }
  world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503 })
  expect((await submit(createService(), body)).statusCode).toBe(202)
  const without = { accounts: [{ accountId: ACCOUNT }] }
  await drain(world, () => createService({ stage: without }))
  expect(await world.receiveQuarantine()).toEqual([])
  expect(bodyOf(await askStatus(createService(), body.requestId)).status).toBe('opened')
})

test('a proxy’s error page is not a refusal by LivePerson', async () => {
  const body = newForm()
  world.livePerson.faults.add({ service: 'conversation', kind: 'html', status: 404, times: 5 })
  expect((await submit(createService(), body)).statusCode).toBe(202)
  world.livePerson.faults.clear()
  await drain(world, createService)
  expect(world.livePerson.conversations()).toHaveLength(1)
})

test('of one id in two accounts, the status is the oldest request’s', async () => {
  const service = createService()
  const base = { ...acceptedOf(newEvent()), door: 'form' as const, vouchedBy: 'nobody' as const }
  for (const accountId of ['70999999', ACCOUNT]) {
    await sleep(5)
    const claim = await service.ledger.claim({ ...base, accountId }, destination, now() + 1000)
    await claim.entry.record({
      ...NOTHING,
      claim: released,
      conversation:
        accountId === ACCOUNT
          ? { kind: 'opened' }
          : { kind: 'refused', code: 'liveperson_rejected', attempt: 1 },
    })
  }
  expect(bodyOf(await askStatus(service, base.requestId)).status).toBe('rejected')
})

describe('the DynamoDB calls of a new request', () => {
  const body = (members: object = {}) => ({
    requestId: `cost-${++serial}-test`,
    campaign: ORDER_HELP,
    ...members,
  })

  // The request's item and the consumer's are written in parallel.
  test.each([
    ['a form: one claim and two writes, no read', {}, 3],
    ['a form with a message: one write more, before the message is sent', { message: 'Hello' }, 4],
  ])('%s', async (_, members, writes) => {
    const service = createService()
    await submit(service, body())
    endpoint.take()
    expect((await submit(service, body(members))).statusCode).toBe(201)
    expect(endpoint.take()).toEqual(Array(writes).fill('UpdateItem'))
  })

  test('a CRM event: the same', async () => {
    const service = createService()
    await deliver(service, [toRecord(body({ consumer: { id: `cost-${++serial}` } }))])
    endpoint.take()
    await deliver(service, [toRecord(body({ consumer: { id: `cost-${++serial}` } }))])
    expect(endpoint.take()).toEqual(Array(3).fill('UpdateItem'))
  })
})

test('no item contains personal data, for any outcome', async () => {
  const mark = 'Zaphod'
  const anonymous = {
    firstName: `${mark}1`,
    lastName: `${mark}2`,
    email: `${mark}3@example.org`,
    phone: `${mark}4`,
    description: `${mark}6`,
  }
  const consumer = { ...anonymous, avatarUrl: `https://example.org/${mark}5` }
  const personal = {
    type: 'personal',
    personal: { firstname: `${mark}7`, contacts: [{ email: `${mark}8` }] },
  }
  const info = {
    type: 'ctmrinfo',
    info: { ctype: `${mark}9`, customerId: `${mark}10`, socialId: `${mark}11` },
  }
  const request = (members: object = {}) => ({
    requestId: `personal-${++serial}`,
    campaign: ORDER_HELP,
    consumer: anonymous,
    context: {
      visitorId: `${mark}12`,
      sessionId: `${mark}13`,
      interactionContextId: `${mark}14`,
      lang: 'en-GB',
    },
    message: `${mark}15`,
    ...members,
  })
  const event = (members: object = {}) =>
    toRecord(
      request({
        consumer: { ...consumer, id: `${mark}${++serial}` },
        engagementAttributes: [personal, info],
        ...members,
      }),
    )
  const service = createService()
  const unknown = { campaign: { campaignId: '9', engagementId: '9' } }
  expect((await submit(service, request())).statusCode).toBe(201)
  expect((await submit(service, request(unknown))).statusCode).toBe(422)
  const again = { consumer: { ...consumer, id: `${mark}-again` } }
  expect(await deliver(service, [event(), event(unknown), event(again), event(again)])).toEqual({
    batchItemFailures: [],
  })
  world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 9 })
  expect(bodyOf(await submit(service, request())).status).toBe('queued')
  await deliver(service, [event()])

  const client = new DynamoDBClient({})
  const { Items = [] } = await client.send(new ScanCommand({ TableName: world.dynamoDb.stateTable }))
  client.destroy()
  const items = Items.map((item) => unmarshall(item))
  expect(items.length).toBeGreaterThan(8)
  expect(items.filter((item) => JSON.stringify(item).includes(mark))).toEqual([])
})
