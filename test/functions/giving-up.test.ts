import { describe, expect, test } from 'vitest'
import { setPaused } from '../../lib/account/pause.ts'
import { createQueues, type Queues } from '../../lib/aws/queues.ts'
import { createOutbound, type Outbound } from '../../lib/net/outbound.ts'
import { patient } from '../support/aws-endpoint.ts'
import { deliverWaiting, drain } from '../support/drain.ts'
import { startDrainedWorld } from '../support/drained-world.ts'
import {
  ACCOUNT,
  askStatus,
  bodyOf,
  CRM_UPGRADE,
  deliver,
  ORDER_HELP,
  STAGE,
  submit,
  toRecord,
  withoutWaits,
} from '../support/world.ts'

const { world, createService, itemOf } = await startDrainedWorld()
let serial = 0

const newForm = (members: object = {}) => ({
  requestId: `give-up-form-${++serial}`,
  campaign: ORDER_HELP,
  ...members,
})
const newEvent = (members: object = {}) => ({
  requestId: `give-up-event-${++serial}`,
  campaign: CRM_UPGRADE,
  consumer: { id: `give-up-${serial}` },
  ...members,
})
const now = () => world.livePerson.clock.now()
const DONE = { batchItemFailures: [] }
const HOUR = 3_600_000
const FOREVER = 1e9
const idpAway = (times = FOREVER) =>
  world.livePerson.faults.add({ service: 'idp', kind: 'html', status: 503, times })

describe('a request that fails until the give-up age', () => {
  test('as a CRM event is quarantined with the last code and the number of attempts', async () => {
    const body = newEvent()
    const record = toRecord(body, { sentAt: now() })
    idpAway()
    for (const hours of [0, 36, 35]) {
      world.livePerson.clock.advance(hours * HOUR)
      expect((await deliver(createService(), [record])).batchItemFailures).toHaveLength(1)
      expect((await itemOf(body.requestId))?.status).toBe('queued')
    }
    world.livePerson.clock.advance(HOUR)
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toMatchObject([
      {
        body: record.body,
        code: 'liveperson_unavailable',
        detail: expect.stringContaining('HTTP 503 with HTML'),
        requestId: body.requestId,
        attempts: '4',
      },
    ])
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'failed', code: 'liveperson_unavailable' })
  })

  test('as a form that was told 202 is quarantined, and its status is failed', async () => {
    const body = newForm()
    idpAway()
    expect((await submit(createService(), body)).statusCode).toBe(202)
    await deliverWaiting(world, createService())
    expect(bodyOf(await askStatus(createService(), body.requestId)).status).toBe('queued')
    world.livePerson.clock.advance(73 * HOUR)
    await drain(world, createService)
    expect(bodyOf(await askStatus(createService(), body.requestId))).toEqual({
      requestId: body.requestId,
      status: 'failed',
      code: 'liveperson_unavailable',
    })
    const [quarantined] = await world.receiveQuarantine()
    expect(quarantined).toMatchObject({ code: 'liveperson_unavailable', requestId: body.requestId })
    expect(Number(quarantined?.attempts)).toBeGreaterThan(1)

    // An operator's replay counts from when it was sent.
    const replay = toRecord(quarantined?.body, { queue: 'handOver', sentAt: now() })
    expect((await deliver(createService(), [replay])).batchItemFailures).toHaveLength(1)
    world.livePerson.faults.clear()
    await deliver(createService(), [replay])
    expect(bodyOf(await askStatus(createService(), body.requestId)).status).toBe('opened')
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('is not given up if it may have reached LivePerson: its outcome is unknown', async () => {
    const body = newEvent()
    const record = toRecord(body, { sentAt: now() })
    world.livePerson.faults.add({ service: 'conversation', kind: 'silence-after' })
    const impatient = createService({ outbound: inTime(50) })
    await deliver(impatient, [record])
    idpAway()
    world.livePerson.clock.advance(73 * HOUR)
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toMatchObject([{ code: 'outcome_unknown' }])
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'outcome_unknown' })
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('is opened if it succeeds at its first attempt after that', async () => {
    const body = newEvent()
    const record = toRecord(body, { sentAt: now() })
    world.livePerson.clock.advance(100 * HOUR)
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'opened' })
  })

  test('is given up at the age that the stage sets', async () => {
    const stage = { ...STAGE, giveUpAfterHours: 1 }
    const record = toRecord(newEvent(), { sentAt: now() })
    idpAway()
    world.livePerson.clock.advance(HOUR - 60_000)
    expect((await deliver(createService({ stage }), [record])).batchItemFailures).toHaveLength(1)
    world.livePerson.clock.advance(60_000)
    expect(await deliver(createService({ stage }), [record])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toHaveLength(1)
  })
})

describe('a record that fails so often that SQS would take it away', () => {
  test('is sent anew in time, keeps its age, and is given up with its reason', async () => {
    const body = newEvent()
    const sentAt = now()
    idpAway()
    const record = (attempt: number) => toRecord(body, { sentAt, attempt })
    expect((await deliver(createService(), [record(499)])).batchItemFailures).toHaveLength(1)
    expect(await deliver(createService(), [record(500)])).toEqual(DONE)
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'queued' })
    const [anew = ''] = await world.receiveHandOvers()
    expect(JSON.parse(anew).handedOver).toMatchObject({ requestId: body.requestId, acceptedAt: sentAt })

    world.livePerson.clock.advance(72 * HOUR)
    const handedOver = toRecord(anew, { queue: 'handOver', sentAt: now() })
    expect(await deliver(createService(), [handedOver])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toMatchObject([
      { code: 'liveperson_unavailable', requestId: body.requestId, attempts: '3' },
    ])
  })
})

/** Calls of at most `ms` milliseconds. */
const inTime = (ms: number): Outbound => {
  const call = createOutbound()
  return (request) => call({ ...request, timeoutMs: Math.min(ms, request.timeoutMs) })
}

const never = () => new Promise<never>(() => undefined)

type Records = ReturnType<typeof toRecord> | readonly ReturnType<typeof toRecord>[]

/**
 * Delivers records to a container that is killed once all of them are at their create, and waits until their
 * leases have expired.
 *
 * @param create What becomes of the creates. Default: they don't reach LivePerson.
 */
const killAtCreate = async (given: Records, create?: Outbound): Promise<void> => {
  const records = [given].flat()
  const call = createOutbound()
  let creates = 0
  await new Promise<void>((killed) => {
    const outbound: Outbound = async (request) => {
      if (!request.url.includes('/consumer/conversation')) return call(request)
      await create?.(request)
      creates += 1
      if (creates === records.length) killed()
      return never()
    }
    void deliver(createService({ outbound }), records)
  })
  world.livePerson.clock.advance(120_000)
}

const redelivered = (record: ReturnType<typeof toRecord>, receives: number): ReturnType<typeof toRecord> => ({
  ...record,
  attributes: { ...record.attributes, ApproximateReceiveCount: String(receives) },
})

/** Queues in which nothing waits. They tell how long a hand-over would have waited, in milliseconds. */
const withDelays = (tell: (delayMs: number) => void): Queues => {
  const real = withoutWaits(createQueues({ ...world.configOf(), aws: patient }))
  return {
    ...real,
    handOver: async (body, options) => {
      await real.handOver(body, options)
      tell(options.delayMs)
    },
  }
}

describe('a record whose container is killed', () => {
  test('five times is quarantined as interrupted, and can be replayed', async () => {
    const body = newEvent()
    const record = toRecord(body, { sentAt: now() })
    for (let deaths = 1; deaths <= 5; deaths++) {
      await killAtCreate(record)
      expect((await itemOf(body.requestId))?.attempts).toBe(deaths)
    }
    expect(await deliver(createService(), [record])).toEqual(DONE)
    const [quarantined] = await world.receiveQuarantine()
    expect(quarantined).toMatchObject({
      code: 'interrupted',
      detail: expect.stringContaining('interrupted'),
      requestId: body.requestId,
      attempts: '6',
    })
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'failed', code: 'interrupted' })
    expect(world.livePerson.conversations()).toEqual([])

    // Its conversation may be open, so a replay keeps the id.
    const replay = toRecord(quarantined?.body, { queue: 'handOver' })
    expect(await deliver(createService(), [replay])).toEqual(DONE)
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'opened' })
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('four times is opened', async () => {
    const body = newEvent()
    const record = toRecord(body, { sentAt: now() })
    for (let deaths = 1; deaths <= 4; deaths++) await killAtCreate(record)
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'opened' })
    expect(await world.receiveQuarantine()).toEqual([])
  })

  test('is replayed with the same consumer, although the event names neither id', async () => {
    const record = toRecord({ campaign: CRM_UPGRADE, consumer: { firstName: 'Zoë' } }, { sentAt: now() })
    const call = createOutbound()
    // The first of the five is killed after LivePerson opened the conversation.
    await killAtCreate(record, (request) => call(request))
    for (let deaths = 2; deaths <= 5; deaths++) await killAtCreate(record)
    expect(await deliver(createService(), [record])).toEqual(DONE)
    const [quarantined] = await world.receiveQuarantine()
    expect(quarantined).toMatchObject({ code: 'interrupted', requestId: record.messageId })

    const queue = quarantined?.body.startsWith('{"handedOver":') ? 'handOver' : 'events'
    expect(await deliver(createService(), [toRecord(quarantined?.body, { queue })])).toEqual(DONE)
    expect(world.livePerson.conversations()).toHaveLength(1)
    expect(queue).toBe('handOver')
  })

  test('twice leaves its batch, so that it doesn’t take its neighbours with it again', async () => {
    const bodies = Array.from({ length: 4 }, () => newEvent())
    const records = bodies.map((body, index) =>
      toRecord({ ...body, ...(index === 0 && { message: 'It kills' }) }, { sentAt: now() }),
    )
    await killAtCreate(records)
    await killAtCreate(records.map((record) => redelivered(record, 2)))
    // The third time, none of them is tried here: each goes to the hand-over queue.
    const delays: number[] = []
    const queues = withDelays((delayMs) => delays.push(delayMs))
    const third = records.map((record) => redelivered(record, 3))
    expect(await deliver(createService({ queues, random: () => 0.5 }), third)).toEqual(DONE)
    expect(world.livePerson.requests({ service: 'conversation' })).toEqual([])
    expect(delays).toEqual(Array(4).fill(150_000))

    // There they come one by one, so the others are opened, whatever the first one does.
    const handedOver = await world.receiveHandOvers()
    expect(handedOver).toHaveLength(4)
    for (const body of handedOver.filter((text) => !text.includes('It kills')))
      expect(await deliver(createService(), [toRecord(body, { queue: 'handOver' })])).toEqual(DONE)
    const items = await Promise.all(bodies.slice(1).map(({ requestId }) => itemOf(requestId)))
    expect(items.map((item) => item?.status)).toEqual(['opened', 'opened', 'opened'])
    expect(await world.receiveQuarantine()).toEqual([])
  })
})

describe('the status of a request whose attempt died', () => {
  const killForm = async (body: object): Promise<void> => {
    const call = createOutbound()
    await new Promise<void>((killed) => {
      const outbound: Outbound = (request) => {
        if (!request.url.includes('/consumer/conversation')) return call(request)
        killed()
        return never()
      }
      void submit(createService({ outbound }), body)
    })
  }

  test('is opening until the lease has expired, then failed, with the code interrupted', async () => {
    const body = newForm()
    await killForm(body)
    expect(bodyOf(await askStatus(createService(), body.requestId)).status).toBe('opening')
    world.livePerson.clock.advance(120_000)
    expect(bodyOf(await askStatus(createService(), body.requestId))).toEqual({
      requestId: body.requestId,
      status: 'failed',
      code: 'interrupted',
    })
    expect((await submit(createService(), body)).statusCode).toBe(201)
  })

  test('is queued if a queue has a copy of the request', async () => {
    const body = newForm()
    await killForm(body)
    // The copy is told 202, so it is in the queue.
    expect((await submit(createService(), body)).statusCode).toBe(202)
    world.livePerson.clock.advance(120_000)
    expect(bodyOf(await askStatus(createService(), body.requestId)).status).toBe('queued')
    await drain(world, createService)
    expect(bodyOf(await askStatus(createService(), body.requestId)).status).toBe('opened')
    expect(world.livePerson.conversations()).toHaveLength(1)
  })
})

test('ten events of one consumer, of which the first always fails: the other nine are tried', async () => {
  const consumer = { id: `ten-events-${++serial}` }
  const bodies = Array.from({ length: 10 }, (_, index) =>
    newEvent({ consumer: { ...consumer, firstName: index === 0 ? 'Unlucky' : 'Lucky' } }),
  )
  const records = bodies.map((body) => toRecord(body))
  world.livePerson.faults.add({
    service: 'conversation',
    kind: 'status',
    status: 500,
    times: FOREVER,
    match: ({ body }) => body.includes('Unlucky'),
  })
  const { batchItemFailures } = await deliver(createService(), records)
  expect(batchItemFailures.map(({ itemIdentifier }) => itemIdentifier)).toEqual([records[0]?.messageId])
  const items = await Promise.all(bodies.map(({ requestId }) => itemOf(requestId)))
  expect(items.map((item) => item?.status)).toEqual(['queued', 'opened', ...Array(8).fill('existing')])
  expect(world.livePerson.conversations()).toHaveLength(1)
})

describe('Retry-After: 20', () => {
  /** A container whose pauses and hand-overs are recorded. */
  const createRecording = () => {
    const pauses: number[] = []
    const delays: number[] = []
    const real = withoutWaits(createQueues({ ...world.configOf(), aws: patient }))
    const service = createService({
      sleep: async (ms) => {
        pauses.push(ms)
        world.livePerson.clock.advance(ms)
      },
      queues: {
        ...real,
        handOver: async (body, options) => {
          delays.push(options.delayMs)
          await real.handOver(body, options)
        },
        delay: async (_queue, _receiptHandle, delayMs) => void delays.push(delayMs),
      },
    })
    return { service, pauses, delays }
  }

  test.each(['form', 'queue'] as const)('is not slept inside the function, at the door %s', async (door) => {
    const { service, pauses, delays } = createRecording()
    world.livePerson.faults.add({ service: 'conversation', kind: '429', retryAfter: 20, times: FOREVER })
    if (door === 'form') expect((await submit(service, newForm())).statusCode).toBe(202)
    else expect((await deliver(service, [toRecord(newEvent())])).batchItemFailures).toHaveLength(1)
    for (const ms of pauses) expect(ms).toBeLessThanOrEqual(2000)
    expect(delays).toHaveLength(1)
    expect(delays[0]).toBeGreaterThanOrEqual(20_000)
    expect(world.livePerson.requests({ service: 'conversation' })).toHaveLength(1)
  })
})

describe('while the circuit breaker of an account is open', () => {
  /** A container that has met so much trouble that its circuit breaker is open. Its clock stands still. */
  const createTroubled = async () => {
    world.livePerson.clock.set(now())
    const service = createService({ sleep: async () => undefined })
    world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: FOREVER })
    for (let forms = 0; forms < 3; forms++) await submit(service, newForm())
    return service
  }

  test('a form is handed over at once, and opened once LivePerson is back', async () => {
    const service = await createTroubled()
    const before = world.livePerson.requests().length
    const bodies = [newForm(), newForm(), newForm()]
    for (const body of bodies) {
      const answer = await submit(service, body)
      expect([answer.statusCode, bodyOf(answer).status]).toEqual([202, 'queued'])
    }
    expect(world.livePerson.requests()).toHaveLength(before)
    world.livePerson.faults.clear()
    await drain(world, createService)
    for (const { requestId } of bodies)
      expect(bodyOf(await askStatus(createService(), requestId)).status).toBe('opened')
    expect(await world.receiveQuarantine()).toEqual([])
  })

  test('a CRM event is parked with its time of acceptance, and its record is deleted', async () => {
    const service = await createTroubled()
    await world.receiveHandOvers()
    const before = world.livePerson.requests().length
    const body = newEvent()
    const sentAt = now() - 5 * HOUR
    expect(await deliver(service, [toRecord(body, { sentAt })])).toEqual(DONE)
    expect(world.livePerson.requests()).toHaveLength(before)
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'queued' })
    const [parked] = await world.receiveHandOvers()
    expect(JSON.parse(parked ?? '').handedOver).toMatchObject({
      requestId: body.requestId,
      acceptedAt: sentAt,
    })
    world.livePerson.faults.clear()
    await deliver(createService(), [toRecord(parked, { queue: 'handOver' })])
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'opened' })
  })

  test('the other account’s requests are opened', async () => {
    const stage = {
      ...STAGE,
      accounts: STAGE.accounts.map((account) => ({ ...account, queue: { campaigns: 'any' } })),
    }
    const healthy = world.accounts.find(({ accountId }) => accountId !== ACCOUNT)?.accountId ?? ''
    const service = createService({
      stage: { ...stage, accounts: [...STAGE.accounts.slice(0, 1), { accountId: healthy }] },
    })
    world.livePerson.clock.set(now())
    world.livePerson.settings.unknownCampaign = 'default-skill'
    world.livePerson.faults.add({
      service: 'conversation',
      kind: 'status',
      status: 503,
      times: FOREVER,
      match: ({ accountId }) => accountId === ACCOUNT,
    })
    for (let events = 0; events < 4; events++) await deliver(service, [toRecord(newEvent())])
    const body = newEvent({ accountId: healthy })
    expect(await deliver(service, [toRecord(body)])).toEqual(DONE)
    expect(world.livePerson.conversations()).toMatchObject([{ accountId: healthy }])
    await world.receiveHandOvers()
  })
})

describe('while an account is paused', () => {
  const pause = (paused: boolean) => setPaused(createService().table, ACCOUNT, paused, now())

  test('forms and events wait without a call, don’t age, and are opened once after the resume', async () => {
    const stage = { ...STAGE, giveUpAfterHours: 1 }
    let delayMs = 0
    const queues = withDelays((ms) => {
      delayMs = Math.max(delayMs, ms)
    })
    const create = () => createService({ stage, queues })
    await pause(true)
    const form = newForm()
    const event = newEvent()
    const answer = await submit(create(), form)
    expect([answer.statusCode, bodyOf(answer).status]).toEqual([202, 'queued'])
    expect(await deliver(create(), [toRecord(event, { sentAt: now() })])).toEqual(DONE)
    const service = create()
    for (const start = now(); now() < start + 5 * HOUR; ) {
      // A record comes back later than its delay says if many others are before it.
      world.livePerson.clock.advance(2 * delayMs)
      delayMs = 0
      expect(await deliverWaiting(world, service)).toEqual({ delivered: 2, failed: 0 })
      expect(delayMs).toBeGreaterThanOrEqual(30_000)
    }
    expect(world.livePerson.requests()).toEqual([])
    expect(await world.receiveQuarantine()).toEqual([])
    expect(bodyOf(await askStatus(create(), form.requestId)).status).toBe('queued')

    await pause(false)
    world.livePerson.clock.advance(60_000)
    idpAway(2)
    await drain(world, create)
    expect(bodyOf(await askStatus(create(), form.requestId)).status).toBe('opened')
    expect(await itemOf(event.requestId)).toMatchObject({ status: 'opened' })
    expect(world.livePerson.conversations()).toHaveLength(2)
    expect(await world.receiveQuarantine()).toEqual([])
  })

  test('a request ages again once the account is resumed', async () => {
    await pause(true)
    const body = newEvent()
    const sentAt = now()
    expect(await deliver(createService(), [toRecord(body, { sentAt })])).toEqual(DONE)
    const [parked] = await world.receiveHandOvers()
    world.livePerson.clock.advance(10 * HOUR)
    await pause(false)
    idpAway()
    const record = toRecord(parked, { queue: 'handOver', sentAt })
    world.livePerson.clock.advance(71 * HOUR)
    expect((await deliver(createService(), [record])).batchItemFailures).toHaveLength(1)
    world.livePerson.clock.advance(HOUR)
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toMatchObject([{ code: 'liveperson_unavailable' }])
  })
})
