import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { parseRecord, toHandedOver } from '../../../lib/conversation/hand-over.ts'
import type { AcceptedRequest } from '../../../lib/request/conversation-request.ts'
import { createContainer, createFabric, NO_FAULTS, type Plan } from '../../faults/container.ts'
import { drain } from '../../faults/drain.ts'
import {
  ACCOUNT,
  askStatus,
  bodyOf,
  CRM_UPGRADE,
  deliver,
  ORDER_HELP,
  STAGE,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../../support/world.ts'

let world: World
let serial = 0
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(async () => {
  world.livePerson.reset()
  await world.receiveQuarantine()
})

const now = () => world.livePerson.clock.now()
const newForm = () => ({ requestId: `flow-form-${++serial}`, campaign: ORDER_HELP })
const newEvent = () => ({
  requestId: `flow-event-${++serial}`,
  campaign: CRM_UPGRADE,
  consumer: { id: `c-${serial}` },
})
const acceptedOf = (event: object): AcceptedRequest =>
  parseRecord(world.configOf().stage, toRecord(event)).request

describe('an outcome that the table did not take down', () => {
  const found = {
    outcome: { status: 'opened' as const, conversationId: 'conversation-known' },
    lpConsumerId: 'a'.repeat(64),
  }

  test('comes to the ledger by the queue, without another call to LivePerson', async () => {
    const event = newEvent()
    const noComplete: Plan = {
      ...NO_FAULTS,
      aws: (service) => (service === 'DynamoDB' && opened() ? { down: 1 } : {}),
    }
    const opened = () => world.livePerson.conversations().length > 0
    const container = createContainer(createFabric(world, () => noComplete))
    const answer = await container.run('complete fails', (service) => submit(service, { ...newForm() }))
    expect(answer !== 'killed' && answer.statusCode).toBe(201)
    const { requestId, conversationId } = bodyOf(answer === 'killed' ? {} : answer)
    const calls = world.livePerson.requests().length
    await drain(world)
    expect(world.livePerson.requests().length).toBe(calls)
    expect(bodyOf(await askStatus(world.createService(), requestId))).toEqual({
      requestId,
      status: 'opened',
      conversationId,
    })
    expect(event.requestId).not.toBe(requestId)
  })

  test('waits with a back-off, and is not sent round and round, while the table is away', async () => {
    const service = world.createService({ config: { stateTable: 'gone' } })
    const send = vi.spyOn(service.queues, 'send')
    const count = vi.spyOn(service, 'report')
    const record = toRecord(toHandedOver(acceptedOf(newEvent()), found))
    const response = await deliver(service, [record])
    expect(response.batchItemFailures).toHaveLength(1)
    expect(send).not.toHaveBeenCalled()
    expect(count.mock.calls.map(([, outcome]) => outcome.status)).toEqual(['queued'])
  })

  test('mends an outcome that was written down without its conversation', async () => {
    const service = world.createService()
    const request = acceptedOf(newEvent())
    const destination = { ...CRM_UPGRADE, ttr: 'NORMAL' as const, engagementAttributes: [] }
    const claim = await service.ledger.claim(request, destination, now() + 1000)
    if (claim.kind !== 'claimed') throw new Error('Nobody else claims it')
    await service.ledger.complete(claim.lease, { status: 'opened' })
    expect(await deliver(service, [toRecord(toHandedOver(request, found))])).toEqual({
      batchItemFailures: [],
    })
    const [item] = await service.ledger.find([ACCOUNT], 'queue', request.requestId)
    expect(item).toMatchObject({ status: 'opened', conversationId: 'conversation-known' })
  })
})

describe('an open conversation that nobody asked for', () => {
  test('is named only where LivePerson says that it is still open', async () => {
    const service = world.createService()
    const consumer = { id: `consumer-${++serial}` }
    const [first, second, third] = [newEvent(), newEvent(), newEvent()].map((event) => ({
      ...event,
      consumer,
    }))
    await deliver(service, [toRecord(first)])
    await deliver(service, [toRecord(second)])
    const [known] = world.livePerson.conversations()
    const itemOf = async ({ requestId = '' } = {}) =>
      (await service.ledger.find([ACCOUNT], 'queue', requestId))[0]
    expect(await itemOf(second)).toMatchObject({ status: 'existing', conversationId: known?.conversationId })

    // It is closed, and another one opened, behind the service's back.
    world.livePerson.closeConversation(known?.conversationId ?? '')
    const elsewhere = world.createService({ config: { stateTable: 'gone' } })
    await elsewhere.partsOf(ACCOUNT).livePerson.openConversation(
      consumer.id,
      {
        ...CRM_UPGRADE,
        ttr: 'NORMAL',
        consumer: undefined,
        context: undefined,
        engagementAttributes: undefined,
      },
      now() + 5000,
    )
    await deliver(service, [toRecord(third)])
    const item = await itemOf(third)
    expect(item?.status).toBe('existing')
    expect(item?.conversationId).toBeUndefined()
  })
})

describe('the limits of one open conversation a consumer', () => {
  test('a conversation that is closed between a lost answer and the repeat is opened once more; hold asks a person', async () => {
    for (const [onLostAnswer, conversations] of [
      ['repeat', 2],
      ['hold', 1],
    ] as const) {
      world.livePerson.reset()
      const stage = { ...STAGE, accounts: STAGE.accounts.map((account) => ({ ...account, onLostAnswer })) }
      world.livePerson.faults.add({ service: 'conversation', kind: 'status-after', status: 502 })
      await submit(world.createService({ now, stage }), newForm())
      const [conversation] = world.livePerson.conversations()
      world.livePerson.closeConversation(conversation?.conversationId ?? '')
      await drain(world, () => world.createService({ now, stage }))
      expect(world.livePerson.conversations()).toHaveLength(conversations)
    }
  })

  test('hold does not ask a person where the earlier attempt certainly did nothing, even if the claim’s answer is lost', async () => {
    const stage = {
      ...STAGE,
      accounts: STAGE.accounts.map((account) => ({ ...account, onLostAnswer: 'hold' })),
    }
    const event = newEvent()
    world.livePerson.faults.add({ service: 'idp', kind: '429', times: 5 })
    expect(
      (await deliver(world.createService({ now, stage }), [toRecord(event)])).batchItemFailures,
    ).toHaveLength(1)
    world.livePerson.faults.clear()
    let claims = 0
    const plan: Plan = {
      ...NO_FAULTS,
      aws: (service) => (service === 'DynamoDB' && ++claims === 2 ? { 'lost answer': 1 } : {}),
    }
    const container = createContainer(createFabric(world, () => plan, { stage }))
    await container.run('lost claim', (service) => deliver(service, [toRecord(event)]))
    const [item] = await world.createService().ledger.find([ACCOUNT], 'queue', event.requestId)
    expect(item?.status).toBe('opened')
    expect(await world.receiveQuarantine()).toEqual([])
  })
})

test('a form whose request ends in quarantine is told so when it asks', async () => {
  const body = { requestId: `flow-form-${++serial}`, route: 'order-help' }
  world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503 })
  expect((await submit(world.createService({ now }), body)).statusCode).toBe(202)
  const without = { accounts: [{ accountId: ACCOUNT }] }
  await drain(world, () => world.createService({ now, stage: without }))
  expect(await world.receiveQuarantine()).toMatchObject([
    { code: 'invalid_request', requestId: body.requestId },
  ])
  expect(bodyOf(await askStatus(world.createService(), body.requestId))).toMatchObject({
    status: 'failed',
    code: 'invalid_request',
  })
})

test('a page of a proxy is no refusal of LivePerson’s', async () => {
  const body = newForm()
  world.livePerson.faults.add({ service: 'conversation', kind: 'html', status: 404, times: 5 })
  expect((await submit(world.createService({ now }), body)).statusCode).toBe(202)
  world.livePerson.faults.clear()
  await drain(world)
  expect(world.livePerson.conversations()).toHaveLength(1)
})

test('one id in two accounts is told in the order of the accounts', async () => {
  const service = world.createService()
  const destination = { ...ORDER_HELP, ttr: 'NORMAL' as const, engagementAttributes: [] }
  const base = { ...acceptedOf(newEvent()), door: 'form' as const }
  for (const accountId of ['70999999', ACCOUNT]) {
    const claim = await service.ledger.claim({ ...base, accountId }, destination, now() + 1000)
    if (claim.kind !== 'claimed') throw new Error('Nobody else claims it')
    await service.ledger.complete(claim.lease, {
      status: accountId === ACCOUNT ? 'opened' : 'rejected',
      code: 'x',
    })
  }
  expect(bodyOf(await askStatus(service, base.requestId)).status).toBe('opened')
})
