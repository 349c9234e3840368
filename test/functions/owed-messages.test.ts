import { describe, expect, test } from 'vitest'
import { setPaused } from '../../lib/account/pause.ts'
import { createOutbound, type Outbound } from '../../lib/net/outbound.ts'
import type { AcceptedRequest } from '../../lib/request/conversation-request.ts'
import { deliverWaiting, drain } from '../support/drain.ts'
import { startDrainedWorld } from '../support/drained-world.ts'
import {
  ACCOUNT,
  askStatus,
  bodyOf,
  CRM_UPGRADE,
  deliver,
  ORDER_HELP,
  submit,
  toRecord,
} from '../support/world.ts'

const { world, createService, itemOf } = await startDrainedWorld()
let serial = 0

const newForm = (members: object = {}) => ({
  requestId: `owed-form-${++serial}`,
  campaign: ORDER_HELP,
  message: 'My order is late',
  ...members,
})
const newEvent = (members: object = {}) => ({
  requestId: `owed-event-${++serial}`,
  campaign: CRM_UPGRADE,
  consumer: { id: `owed-${serial}` },
  message: 'My order is late',
  ...members,
})
const textsOf = () =>
  world.livePerson.conversations().flatMap(({ messages }) => messages.map(({ text }) => text))
const lastConversation = () => world.livePerson.conversations().at(-1)?.conversationId ?? ''

const DONE = { batchItemFailures: [] }
const MINUTE = 60_000
const busySend = (times = 1) => world.livePerson.faults.add({ service: 'send', kind: '429', times })
const isSend = (url: string) => url.includes('/conversation/send')

/** Delivers each record to a container of its own, at the same time, until no queue keeps any of them. */
const deliverSideBySide = async (records: readonly ReturnType<typeof toRecord>[]): Promise<void> => {
  const waiting = new Map(records.map((record) => [record, createService()]))
  for (let round = 0; round < 20 && waiting.size > 0; round++) {
    const answers = await Promise.all(
      [...waiting].map(async ([record, service]) => ({ record, ...(await deliver(service, [record])) })),
    )
    for (const { record, batchItemFailures } of answers)
      if (batchItemFailures.length === 0) waiting.delete(record)
    world.livePerson.clock.advance(MINUTE)
  }
  expect(waiting.size).toBe(0)
  await drain(world, createService)
}

describe('a message that SEND answered with 429', () => {
  test('of a form is pending, and sent later', async () => {
    const body = newForm()
    busySend(2)
    const answer = await submit(createService(), body)
    expect(answer.statusCode).toBe(201)
    expect(bodyOf(answer)).toMatchObject({ status: 'opened', messageStatus: 'pending' })
    const pending = bodyOf(await askStatus(createService(), body.requestId))
    expect(pending).toMatchObject({ status: 'opened', messageStatus: 'pending' })
    expect(pending.conversationId).toBe(lastConversation())

    world.livePerson.faults.clear()
    await drain(world, createService)
    expect(bodyOf(await askStatus(createService(), body.requestId))).toEqual({
      requestId: body.requestId,
      status: 'opened',
      conversationId: lastConversation(),
      messageStatus: 'sent',
    })
    expect(textsOf()).toEqual(['My order is late'])
    expect(world.livePerson.requests({ service: 'conversation' })).toHaveLength(1)
  })

  test('of a CRM event is pending in its record, and sent later', async () => {
    const body = newEvent()
    const record = toRecord(body)
    busySend(2)
    for (const _ of [1, 2]) {
      expect((await deliver(createService(), [record])).batchItemFailures).toHaveLength(1)
      expect(await itemOf(body.requestId)).toMatchObject({ status: 'opened', messageStatus: 'pending' })
    }
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'opened', messageStatus: 'sent' })
    expect(textsOf()).toEqual(['My order is late'])
  })

  test('is not sent twice if the form is repeated while the queue has it', async () => {
    const body = newForm()
    busySend()
    await submit(createService(), body)
    expect(bodyOf(await submit(createService(), body))).toMatchObject({ messageStatus: 'sent' })
    await drain(world, createService)
    expect(textsOf()).toEqual(['My order is late'])
  })

  test('ends as not sent if the conversation was closed meanwhile, and none is opened for it', async () => {
    for (const door of ['form', 'queue'] as const) {
      const body = door === 'form' ? newForm() : newEvent()
      busySend()
      const record = toRecord(body)
      if (door === 'form') await submit(createService(), body)
      else await deliver(createService(), [record])
      const count = world.livePerson.conversations().length
      world.livePerson.closeConversation(lastConversation())
      if (door === 'form') await drain(world, createService)
      else expect(await deliver(createService(), [record])).toEqual(DONE)
      const ended =
        door === 'form'
          ? bodyOf(await askStatus(createService(), body.requestId))
          : await itemOf(body.requestId)
      expect(ended).toMatchObject({
        status: 'opened',
        messageStatus: 'not_sent',
        messageCode: 'conversation_closed',
      })
      expect(world.livePerson.conversations()).toHaveLength(count)
    }
    expect(textsOf()).toEqual([])
  })

  test('ends with a reason at the give-up age', async () => {
    const body = newForm()
    busySend(1e9)
    await submit(createService(), body)
    await deliverWaiting(world, createService())
    world.livePerson.clock.advance(73 * 60 * MINUTE)
    await drain(world, createService)
    expect(bodyOf(await askStatus(createService(), body.requestId))).toMatchObject({
      status: 'opened',
      messageStatus: 'not_sent',
      messageCode: 'given_up',
    })
    expect(bodyOf(await submit(createService(), body))).toMatchObject({
      messageStatus: 'not_sent',
      messageCode: 'given_up',
    })
    expect(await world.receiveQuarantine()).toEqual([])
  })
})

test('owed messages make one call a second at most while their account is in trouble', async () => {
  world.livePerson.clock.set(world.livePerson.clock.now())
  const isOver = world.livePerson.faults.add({ service: 'send', kind: '429', times: 1e9 })
  for (let forms = 0; forms < 5; forms++) await submit(createService(), newForm())
  const owed = await world.receiveHandOvers()
  expect(owed).toHaveLength(5)
  isOver()
  world.livePerson.faults.add({ service: 'idp', kind: 'status', status: 503, times: 1e9 })
  const service = createService({ sleep: async () => undefined })
  const calls: number[] = []
  for (let second = 0; second < 5; second++) {
    world.livePerson.clock.advance(1000)
    const before = world.livePerson.requests().length
    await deliver(
      service,
      owed.map((body) => toRecord(body, { queue: 'handOver' })),
    )
    calls.push(world.livePerson.requests().length - before)
    await world.receiveHandOvers()
  }
  // The first rounds show that the account is in trouble.
  for (const count of calls.slice(2)) expect(count).toBeLessThanOrEqual(1)
})

test('a message that LivePerson may have accepted is unknown, and never sent again', async () => {
  const body = newForm()
  world.livePerson.faults.add({ service: 'send', kind: 'status-after', status: 502 })
  expect(bodyOf(await submit(createService(), body))).toMatchObject({ messageStatus: 'unknown' })
  await drain(world, createService)
  expect(bodyOf(await submit(createService(), body))).toMatchObject({ messageStatus: 'unknown' })
  expect(textsOf()).toEqual(['My order is late'])
})

describe('two events of one consumer', () => {
  test('in two containers: both messages arrive in one conversation', async () => {
    for (let run = 0; run < 20; run++) {
      const consumer = { id: `two-containers-${++serial}` }
      const texts = [`First of run ${run}`, `Second of run ${run}`]
      const bodies = texts.map((message) => newEvent({ consumer, message }))
      await deliverSideBySide(bodies.map((body) => toRecord(body)))
      const conversations = world.livePerson
        .conversations()
        .filter(({ extConsumerId }) => extConsumerId === consumer.id)
      expect(conversations).toHaveLength(1)
      expect(conversations[0]?.messages.map(({ text }) => text).toSorted()).toEqual(texts)
      const items = await Promise.all(bodies.map(({ requestId }) => itemOf(requestId)))
      expect(items.map((item) => item?.messageStatus)).toEqual(['sent', 'sent'])
      expect(items.map((item) => item?.status).toSorted()).toEqual(['existing', 'opened'])
    }
  })

  test('open two conversations if an agent closes the first between “already open” and SEND', async () => {
    const consumer = { id: `closes-between-${++serial}` }
    await deliver(createService(), [toRecord(newEvent({ consumer, message: 'First' }))])
    const first = lastConversation()
    const second = newEvent({ consumer, message: 'Second' })
    const call = createOutbound()
    let isClosed = false
    const outbound: Outbound = async (request) => {
      if (isSend(request.url) && !isClosed) {
        isClosed = true
        world.livePerson.closeConversation(first)
      }
      return call(request)
    }
    expect(await deliver(createService({ outbound }), [toRecord(second)])).toEqual(DONE)
    expect(world.livePerson.conversations()).toMatchObject([
      { state: 'CLOSE', messages: [{ text: 'First' }] },
      { state: 'OPEN', messages: [{ text: 'Second' }] },
    ])
    expect(await itemOf(second.requestId)).toMatchObject({
      status: 'opened',
      messageStatus: 'sent',
      conversationId: lastConversation(),
    })
  })
})

describe('while a survey is open', () => {
  test('the message stays owed, and opens a conversation once the survey has ended', async () => {
    const consumer = { id: `survey-${++serial}` }
    await deliver(createService(), [toRecord(newEvent({ consumer, message: 'First' }))])
    const surveyed = lastConversation()
    world.livePerson.startSurvey(surveyed)
    const second = newEvent({ consumer, message: 'Second' })
    const record = toRecord(second)
    for (let hour = 0; hour < 24; hour++) {
      expect((await deliver(createService(), [record])).batchItemFailures).toHaveLength(1)
      expect((await itemOf(second.requestId))?.status).toBe('queued')
      world.livePerson.clock.advance(60 * MINUTE)
    }
    world.livePerson.closeConversation(surveyed)
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(world.livePerson.conversations()).toMatchObject([
      { messages: [{ text: 'First' }] },
      { state: 'OPEN', messages: [{ text: 'Second' }] },
    ])
    expect(await itemOf(second.requestId)).toMatchObject({ status: 'opened', messageStatus: 'sent' })
  })

  test('a form waits in the queue', async () => {
    const body = newForm()
    // This form's consumer has a conversation, as one whom a token vouches for may have.
    const first = createService()
    const { acceptForm } = first
    const service = {
      ...first,
      acceptForm: (form: Parameters<typeof acceptForm>[0]) =>
        acceptForm(form).then(({ request, isCopy }) => ({ request: asConsumer(request), isCopy })),
    }
    await submit(service, newForm({ message: undefined }))
    const surveyed = lastConversation()
    world.livePerson.startSurvey(surveyed)
    const answer = await submit(service, body)
    expect([answer.statusCode, bodyOf(answer).status]).toEqual([202, 'queued'])
    await deliverWaiting(world, createService())
    expect(bodyOf(await askStatus(createService(), body.requestId)).status).toBe('queued')
    world.livePerson.closeConversation(surveyed)
    await drain(world, createService)
    expect(bodyOf(await askStatus(createService(), body.requestId))).toMatchObject({
      status: 'opened',
      messageStatus: 'sent',
    })
    expect(textsOf()).toEqual(['My order is late'])
  })
})

const asConsumer = (request: AcceptedRequest): AcceptedRequest => ({ ...request, consumerId: 'signed-in' })

describe('an open conversation whose id nobody knows', () => {
  /** Opens a conversation for a consumer outside this service. */
  const openElsewhere = async (consumer: object) => {
    const forgetful = {
      get: async () => undefined,
      getMany: async () => [],
      update: async () => ({ applied: true, item: undefined }),
    }
    await deliver(createService({ table: forgetful }), [toRecord(newEvent({ consumer, message: undefined }))])
    expect(world.livePerson.conversations()).toHaveLength(1)
  }

  test('gets no message after 15 minutes', async () => {
    const consumer = { id: `unknown-id-${++serial}` }
    await openElsewhere(consumer)
    const body = newEvent({ consumer })
    const record = toRecord(body)
    for (const minutes of [0, 7, 7]) {
      world.livePerson.clock.advance(minutes * MINUTE)
      expect((await deliver(createService(), [record])).batchItemFailures).toHaveLength(1)
      expect((await itemOf(body.requestId))?.status).toBe('queued')
    }
    world.livePerson.clock.advance(MINUTE)
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(await itemOf(body.requestId)).toMatchObject({
      status: 'existing',
      messageStatus: 'not_sent',
      messageCode: 'conversation_unknown',
    })
    expect(await world.receiveQuarantine()).toEqual([])
  })

  test('gets the message if the id is told in time', async () => {
    const consumer = { id: `told-id-${++serial}` }
    await openElsewhere(consumer)
    const [conversation] = world.livePerson.conversations()
    const { conversationId = '', lpConsumerId = '' } = conversation ?? {}
    const body = newEvent({ consumer })
    const record = toRecord(body)
    expect((await deliver(createService(), [record])).batchItemFailures).toHaveLength(1)
    world.livePerson.clock.advance(14 * MINUTE)
    await createService().table.update({
      pk: `consumer#${ACCOUNT}#${lpConsumerId}`,
      set: { conversationId, state: 'OPEN' },
    })
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(await itemOf(body.requestId)).toMatchObject({
      status: 'existing',
      conversationId,
      messageStatus: 'sent',
    })
    expect(textsOf()).toEqual(['My order is late'])
  })

  describe('while the last known one is closed', () => {
    /** Closes the consumer's known conversation, and opens another one outside this service. */
    const openAnother = async (consumer: object) => {
      await deliver(createService(), [toRecord(newEvent({ consumer, message: undefined }))])
      world.livePerson.closeConversation(lastConversation())
      const { table } = createService()
      const update: typeof table.update = async (wanted) =>
        wanted.pk.startsWith('consumer#') ? { applied: true, item: undefined } : table.update(wanted)
      await deliver(createService({ table: { ...table, update } }), [
        toRecord(newEvent({ consumer, message: undefined })),
      ])
      expect(world.livePerson.conversations()).toMatchObject([{ state: 'CLOSE' }, { state: 'OPEN' }])
    }

    test.each([
      ['after 15 minutes if there is no message', undefined, 15, {}],
      [
        'at the give-up age if there is a message, which is not sent',
        'My order is late',
        72 * 60,
        { messageStatus: 'not_sent', messageCode: 'conversation_unknown' },
      ],
    ])('is existing %s', async (_, message, minutes, expected) => {
      const consumer = { id: `another-${++serial}` }
      await openAnother(consumer)
      const body = newEvent({ consumer, message })
      const record = toRecord(body, { sentAt: world.livePerson.clock.now() })
      for (const wait of [0, minutes - 1]) {
        world.livePerson.clock.advance(wait * MINUTE)
        expect((await deliver(createService(), [record])).batchItemFailures).toHaveLength(1)
        expect((await itemOf(body.requestId))?.status).toBe('queued')
      }
      world.livePerson.clock.advance(MINUTE)
      expect(await deliver(createService(), [record])).toEqual(DONE)
      expect(await itemOf(body.requestId)).toMatchObject({ status: 'existing', ...expected })
      expect(await world.receiveQuarantine()).toEqual([])
      expect(world.livePerson.conversations()).toHaveLength(2)
    })
  })

  test('keeps its message while the account is paused', async () => {
    const body = newEvent()
    const record = toRecord(body, { sentAt: world.livePerson.clock.now() })
    const pause = (paused: boolean) =>
      setPaused(createService().table, ACCOUNT, paused, world.livePerson.clock.now())
    // The answer to the first create is lost, so nobody is told the id. The second says that it is open.
    world.livePerson.faults.add({ service: 'conversation', kind: 'status-after', status: 502 })
    for (const _ of [1, 2]) await deliver(createService(), [record])
    const before = await itemOf(body.requestId)
    expect(before).toMatchObject({ status: 'opened', messageStatus: 'pending' })
    await pause(true)
    world.livePerson.clock.advance(20 * MINUTE)
    await deliver(createService(), [record])
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'opened', messageStatus: 'pending' })
    await pause(false)
  })
})
