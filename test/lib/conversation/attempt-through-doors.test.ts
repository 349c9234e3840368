import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { createQueues, type Queues } from '../../../lib/aws/queues.ts'
import type { StateTable } from '../../../lib/aws/state-table.ts'
import { toHandOver } from '../../../lib/conversation/hand-over.ts'
import { type Facts, NOTHING } from '../../../lib/conversation/protocol.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { createOutbound, type Outbound } from '../../../lib/net/outbound.ts'
import type { AcceptedRequest } from '../../../lib/request/conversation-request.ts'
import { drain } from '../../faults/drain.ts'
import { createPatientTable, patient, startAwsEndpoint } from '../../support/aws-endpoint.ts'
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
  const real = createQueues({ ...world.configOf(), aws: patient })
  // Nothing waits in the queue, so that no test does.
  queues = { ...real, send: (body) => real.send(body, 0), delay: async () => undefined }
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
  world.createService({ aws: patient, now, sleep, table, queues, ...options })

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
const itemOf = async (requestId: string) =>
  (await createService().ledger.find([ACCOUNT], 'queue', requestId))[0]
const destination = { ...CRM_UPGRADE, ttr: 'NORMAL' as const, routeAttributes: [] }

const unavailable = async (): Promise<never> => {
  throw new ServiceUnavailableError({ detail: 'The table is away.' })
}
const TABLE_AWAY: StateTable = {
  get: unavailable,
  getMany: unavailable,
  putMany: unavailable,
  update: unavailable,
}

describe('an outcome that the table did not accept', () => {
  const facts: Facts = {
    ...NOTHING,
    conversation: { kind: 'opened', conversationId: 'conversation-known' },
    lpConsumerId: 'a'.repeat(64),
  }

  test('reaches the ledger through the queue, without another call to LivePerson', async () => {
    const answer = await submit(createService({ table: { ...table, putMany: unavailable } }), newForm())
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
    const send = vi.fn(queues.send)
    const service = createService({ table: TABLE_AWAY, queues: { ...queues, send } })
    const report = vi.spyOn(service, 'report')
    const record = toRecord(toHandOver(acceptedOf(newEvent()), facts))
    const response = await deliver(service, [record])
    expect(response.batchItemFailures).toHaveLength(1)
    expect(send).not.toHaveBeenCalled()
    expect(report.mock.calls.map(([, , result]) => result.kind)).toEqual(['queued'])
  })

  test('adds the conversation id to an outcome that was recorded without it', async () => {
    const service = createService()
    const request = acceptedOf(newEvent())
    const claim = await service.ledger.claim(request, destination, now() + 1000)
    if (claim.kind !== 'claimed') throw new Error('Nobody else claims it')
    await service.ledger.complete(claim.lease, { ...NOTHING, conversation: { kind: 'opened' } })
    expect(await deliver(service, [toRecord(toHandOver(request, facts))])).toEqual({ batchItemFailures: [] })
    expect(await itemOf(request.requestId)).toMatchObject({
      status: 'opened',
      conversationId: 'conversation-known',
    })
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
      putMany: async () => undefined,
      update: async () => ({ applied: true, item: undefined }),
    }
    await deliver(createService({ table: forgetful }), [toRecord(elsewhere)])
    expect(world.livePerson.conversations()).toHaveLength(2)

    await deliver(service, [toRecord(third)])
    const item = await itemOf(third?.requestId ?? '')
    expect(item?.status).toBe('existing')
    expect(item?.conversationId).toBeUndefined()
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
        table: {
          ...table,
          putMany: () => {
            killed()
            return never()
          },
        },
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
      await sleep(61_000)
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
    await deliver(service, [toRecord(held?.body)])
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
      const claims = endpoint.take().filter((action) => action === 'UpdateItem')
      expect(claims).toHaveLength(1 + lost)
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

test('the status of a form whose request ends in quarantine is failed', async () => {
  const body = { requestId: `flow-form-${++serial}`, route: 'order-help' }
  world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503 })
  expect((await submit(createService(), body)).statusCode).toBe(202)
  const without = { accounts: [{ accountId: ACCOUNT }] }
  await drain(world, () => createService({ stage: without }))
  expect(await world.receiveQuarantine()).toMatchObject([
    { code: 'invalid_request', requestId: body.requestId },
  ])
  expect(bodyOf(await askStatus(createService(), body.requestId))).toMatchObject({
    status: 'failed',
    code: 'invalid_request',
  })
})

test('a proxy’s error page is not a refusal by LivePerson', async () => {
  const body = newForm()
  world.livePerson.faults.add({ service: 'conversation', kind: 'html', status: 404, times: 5 })
  expect((await submit(createService(), body)).statusCode).toBe(202)
  world.livePerson.faults.clear()
  await drain(world, createService)
  expect(world.livePerson.conversations()).toHaveLength(1)
})

test('of one id in two accounts, the status is the first account’s', async () => {
  const service = createService()
  const base = { ...acceptedOf(newEvent()), door: 'form' as const }
  for (const accountId of ['70999999', ACCOUNT]) {
    const claim = await service.ledger.claim({ ...base, accountId }, destination, now() + 1000)
    if (claim.kind !== 'claimed') throw new Error('Nobody else claims it')
    await service.ledger.complete(claim.lease, {
      ...NOTHING,
      conversation:
        accountId === ACCOUNT ? { kind: 'opened' } : { kind: 'refused', code: 'liveperson_rejected' },
    })
  }
  expect(bodyOf(await askStatus(service, base.requestId)).status).toBe('opened')
})

describe('the DynamoDB calls of a new request', () => {
  const body = (members: object = {}) => ({
    requestId: `cost-${++serial}-test`,
    campaign: ORDER_HELP,
    ...members,
  })

  test.each([
    ['a form', {}],
    ['a form with a message', { message: 'Hello' }],
  ])('%s: one claim, one write of two items, no read', async (_, members) => {
    const service = createService()
    await submit(service, body())
    endpoint.take()
    expect((await submit(service, body(members))).statusCode).toBe(201)
    expect(endpoint.take()).toEqual(['UpdateItem', 'BatchWriteItem'])
  })

  test('a CRM event: the same', async () => {
    const service = createService()
    await deliver(service, [toRecord(body({ consumer: { id: `cost-${++serial}` } }))])
    endpoint.take()
    await deliver(service, [toRecord(body({ consumer: { id: `cost-${++serial}` } }))])
    expect(endpoint.take()).toEqual(['UpdateItem', 'BatchWriteItem'])
  })
})

test('no item contains personal data, for any outcome', async () => {
  const mark = 'Zaphod'
  const consumer = {
    firstName: `${mark}1`,
    lastName: `${mark}2`,
    email: `${mark}3@example.org`,
    phone: `${mark}4`,
    avatarUrl: `https://example.org/${mark}5`,
    description: `${mark}6`,
  }
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
    consumer,
    engagementAttributes: [personal],
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
