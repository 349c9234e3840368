import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { NOTHING } from '../../lib/conversation/facts.ts'
import { toHandOver } from '../../lib/conversation/hand-over.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import { createOutbound, type Outbound } from '../../lib/net/outbound.ts'
import { type IdentityProvider, startIdentityProvider } from '../security/third-parties.ts'
import { drain } from '../support/drain.ts'
import { startDrainedWorld } from '../support/drained-world.ts'
import {
  ACCOUNT,
  askStatus,
  bodyOf,
  CRM_UPGRADE,
  deliver,
  jobOf,
  ORDER_HELP,
  OTHER_ACCOUNT,
  type Service,
  STAGE,
  submit,
  toRecord,
} from '../support/world.ts'

const { world, createService, itemOf } = await startDrainedWorld()
let identityProvider: IdentityProvider
let serial = 0

beforeAll(async () => {
  identityProvider = await startIdentityProvider('https://id.example.com/')
})
afterAll(() => identityProvider.close())

const newForm = (members: object = {}) => ({
  requestId: `accepted-form-${++serial}`,
  campaign: ORDER_HELP,
  ...members,
})
const newEvent = (members: object = {}) => ({
  requestId: `accepted-event-${++serial}`,
  campaign: CRM_UPGRADE,
  consumer: { id: `accepted-${serial}` },
  ...members,
})
const DONE = { batchItemFailures: [] }
const now = () => world.livePerson.clock.now()
const away = () =>
  world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 1e9 })

describe('a form whose token says more than a form may', () => {
  const signedIn = () => ({
    ...STAGE,
    origins: [],
    accounts: STAGE.accounts.map((account) =>
      account.accountId === ACCOUNT
        ? { ...account, form: { campaigns: 'any', consumers: 'token', tokens: identityProvider.tokens } }
        : account,
    ),
  })
  /** A first name that is too long for a form. */
  const firstname = 'A'.repeat(300)

  test('is opened once LivePerson is back, under its own id, as it would have been at once', async () => {
    const lp_sdes = [{ type: 'personal', personal: { firstname } }]
    const headers = { authorization: `Bearer ${await identityProvider.sign({ lp_sdes })}` }
    const stage = signedIn()
    const direct = newForm()
    expect((await submit(createService({ stage }), direct, { headers })).statusCode).toBe(201)
    const [opened] = world.livePerson.conversations()
    world.livePerson.closeConversation(opened?.conversationId ?? '')

    const queued = newForm()
    const isBack = away()
    expect((await submit(createService({ stage }), queued, { headers })).statusCode).toBe(202)
    isBack()
    await drain(world, () => createService({ stage }))
    expect(await world.receiveQuarantine()).toEqual([])
    expect(bodyOf(await askStatus(createService(), queued.requestId)).status).toBe('opened')
    for (const conversation of world.livePerson.conversations())
      expect(JSON.stringify(conversation.body)).toContain(firstname)
    expect(world.livePerson.conversations()).toHaveLength(2)
  })
})

describe('a hand-over that can’t be read', () => {
  test('keeps its ids in quarantine, and closes its ledger item', async () => {
    const body = newForm()
    away()
    expect((await submit(createService(), body)).statusCode).toBe(202)
    const [handedOver] = await world.receiveHandOvers()
    const broken = JSON.parse(handedOver ?? '')
    broken.handedOver.facts.conversation.kind = 'from a later version'
    const record = toRecord(broken, { queue: 'handOver' })
    expect(await deliver(createService(), [record])).toEqual(DONE)
    const { acceptedAt: _, pausedMs: __, ...kept } = broken.handedOver
    expect(await world.receiveQuarantine()).toMatchObject([
      { code: 'invalid_request', requestId: body.requestId, body: JSON.stringify({ handedOver: kept }) },
    ])
    expect(bodyOf(await askStatus(createService(), body.requestId))).toMatchObject({
      status: 'failed',
      code: 'invalid_request',
    })
  })

  test('doesn’t change the status of a request that has been opened meanwhile', async () => {
    const body = newForm()
    const isBack = away()
    await submit(createService(), body)
    isBack()
    const [handedOver] = await world.receiveHandOvers()
    expect((await submit(createService(), body)).statusCode).toBe(201)
    const broken = JSON.parse(handedOver ?? '')
    delete broken.handedOver.request
    await deliver(createService(), [toRecord(broken, { queue: 'handOver' })])
    expect(bodyOf(await askStatus(createService(), body.requestId)).status).toBe('opened')
  })
})

describe('a hand-over that can’t be read is ended in the ledger first', () => {
  /** Hands a form over. Returns its body, and a record of a later version. */
  const handOverOfLaterVersion = async (members: object = {}) => {
    const body = newForm(members)
    if ('message' in members) busySend()
    else away()
    await submit(createService(), body)
    world.livePerson.faults.clear()
    const [handedOver = ''] = await world.receiveHandOvers()
    const later = JSON.parse(handedOver)
    later.handedOver.member = 'of a later version'
    return { body, record: toRecord(later, { queue: 'handOver' }) }
  }
  const busySend = () => world.livePerson.faults.add({ service: 'send', kind: '429', times: 1e9 })
  const statusOf = async (requestId: string) => bodyOf(await askStatus(createService(), requestId))

  test('and stays in its queue until the table can be written', async () => {
    const { body, record } = await handOverOfLaterVersion()
    const { table, queues } = createService()
    const update: typeof table.update = async () => {
      throw new ServiceUnavailableError({ detail: 'The table is down.' })
    }
    const delays: number[] = []
    const delay: typeof queues.delay = async (_queue, _receiptHandle, ms) => void delays.push(ms)
    const random = () => 0.5
    const unable = createService({ table: { ...table, update }, queues: { ...queues, delay }, random })
    // It can't be sent anew, so it is delivered less often before SQS takes it away.
    for (const attempt of [1, 499, 500]) {
      const again = toRecord(record.body, { queue: 'handOver', attempt })
      expect((await deliver(unable, [again])).batchItemFailures).toHaveLength(1)
    }
    expect(delays).toEqual([2500, 240_000, 2_700_000])
    expect(await world.receiveQuarantine()).toEqual([])
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toHaveLength(1)
    expect(await statusOf(body.requestId)).toMatchObject({ status: 'failed', code: 'invalid_request' })
  })

  test('and stays in its queue while another attempt holds the request', async () => {
    const { body, record } = await handOverOfLaterVersion()
    const call = createOutbound()
    // A copy of the form gets the claim, and its container is killed.
    await new Promise<void>((killed) => {
      const outbound: Outbound = async (request) => {
        if (!request.url.includes('/consumer/conversation')) return call(request)
        killed()
        return new Promise<never>(() => undefined)
      }
      void submit(createService({ outbound }), body)
    })
    expect((await deliver(createService(), [record])).batchItemFailures).toHaveLength(1)
    expect(await world.receiveQuarantine()).toEqual([])
    world.livePerson.clock.advance(120_000)
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toHaveLength(1)
    expect(await statusOf(body.requestId)).toMatchObject({ status: 'failed', code: 'invalid_request' })
  })

  test('and a message that it owes is not sent, and counted', async () => {
    const { body, record } = await handOverOfLaterVersion({ message: 'My order is late' })
    const count = vi.fn<Service['count']>()
    expect(await deliver({ ...createService(), count }, [record])).toEqual(DONE)
    expect(count).toHaveBeenCalledWith('message_not_sent', ACCOUNT)
    expect(await statusOf(body.requestId)).toMatchObject({
      status: 'opened',
      messageStatus: 'not_sent',
      messageCode: 'given_up',
    })
  })

  test('and is counted as given up at its age. A replay is as old as the replay', async () => {
    const { record } = await handOverOfLaterVersion()
    const { member: _, ...handedOver } = JSON.parse(record.body).handedOver
    const removed = { ...STAGE, accounts: [{ accountId: OTHER_ACCOUNT, default: true }] }
    const sentAt = now()
    world.livePerson.clock.advance(73 * 3_600_000)
    const count = vi.fn<Service['count']>()
    const unknown = toRecord({ handedOver }, { queue: 'handOver', sentAt })
    expect(await deliver({ ...createService({ stage: removed }), count }, [unknown])).toEqual(DONE)
    expect(count).toHaveBeenCalledWith('record_given_up', ACCOUNT)
    const [quarantined] = await world.receiveQuarantine()
    expect(quarantined?.code).toBe('invalid_config')

    // The account is back, but LivePerson is away: the replay is not given up at once.
    away()
    const replay = toRecord(quarantined?.body, { queue: 'handOver', sentAt: now() })
    expect((await deliver(createService(), [replay])).batchItemFailures).toHaveLength(1)
    expect(await world.receiveQuarantine()).toEqual([])
  })
})

describe('a CRM event of 1 MiB', () => {
  const MAX = 1_048_576

  test('is quarantined as it is, and the table says why', async () => {
    const event = newEvent({ note: '' })
    const note = 'x'.repeat(MAX - JSON.stringify(event).length)
    const body = JSON.stringify({ ...event, note })
    const record = toRecord(body)
    expect(await deliver(createService(), [record])).toEqual(DONE)
    const [quarantined] = await world.receiveQuarantine()
    expect(quarantined?.body).toBe(body)
    expect(quarantined?.code).toBeUndefined()
    expect(await createService().table.get(`quarantined#${quarantined?.messageId}`)).toMatchObject({
      code: 'invalid_request',
      detail: 'the body is larger than 256 KB',
      requestId: record.messageId,
      expiresAt: expect.any(Number),
    })
  })
})

test('a later version that derives another consumer uses the one of the first attempt', async () => {
  const { consumer: _, ...body } = newEvent()
  const record = toRecord(body)
  const { request, destination } = jobOf(world.configOf().stage, record)
  const earlier = `request-${'e'.repeat(64)}`
  const service = createService()
  // The version before derived it by another formula, and its attempt died.
  await service.ledger.claim(
    { ...request, consumerId: earlier, fingerprint: `0.${'f'.repeat(64)}` },
    destination,
    now() - 60_000,
  )
  expect(await deliver(createService(), [record])).toEqual(DONE)
  expect(world.livePerson.conversations()).toMatchObject([{ extConsumerId: earlier }])
  expect(await itemOf(body.requestId)).toMatchObject({ status: 'opened', consumerId: earlier })
})

test('a hand-over of the version before opens the conversation of its own consumer', async () => {
  const { consumer: _, ...body } = newEvent()
  const { request, destination } = jobOf(world.configOf().stage, toRecord(body))
  const earlier = { ...request, consumerId: `request-${'d'.repeat(64)}`, fingerprint: `0.${'f'.repeat(64)}` }
  const text = toHandOver({ request: earlier, destination, facts: NOTHING })
  expect(await deliver(createService(), [toRecord(text, { queue: 'handOver' })])).toEqual(DONE)
  // The event itself comes again.
  expect(await deliver(createService(), [toRecord(body)])).toEqual(DONE)
  expect(world.livePerson.conversations()).toMatchObject([{ extConsumerId: earlier.consumerId }])
})
