import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createHandler } from '../../functions/conversation-status.ts'
import type { StateTable } from '../../lib/aws/state-table.ts'
import { refusalKey } from '../../lib/conversation/refusals.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import { toHttpEvent } from '../../local/aws/http-event.ts'
import { invokeInProcess } from '../../local/aws/invoke.ts'
import {
  ACCOUNT,
  CRM_UPGRADE,
  deliver,
  OTHER_ACCOUNT,
  type Service,
  STAGE,
  startWorld,
  toRecord,
  type World,
  withoutWaits,
} from '../support/world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(async () => {
  world.livePerson.reset()
  await world.receiveQuarantine()
  await world.receiveHandOvers()
})

const EVENTS = 'GET /events/{accountId}/{requestId}'
const FORMS = 'GET /conversations/{requestId}'

/** What API Gateway adds to a call that IAM has authorized. */
const SIGNED = {
  authorizer: { iam: { accountId: '111122223333', userArn: 'arn:aws:sts::111122223333:assumed-role/crm/s' } },
}

interface Call {
  readonly accountId?: string | undefined
  readonly requestId: string
  readonly routeKey?: string
  readonly isSigned?: boolean
}

const ask = async (service: Service, { accountId, requestId, routeKey = EVENTS, isSigned = true }: Call) => {
  const event = toHttpEvent({
    method: 'GET',
    url: '/',
    headers: [],
    body: '',
    routeKey,
    pathParameters: { ...(accountId !== undefined && { accountId }), requestId },
  })
  const { payload } = await invokeInProcess(createHandler(() => service))({
    ...event,
    requestContext: { ...event.requestContext, ...(isSigned && SIGNED) },
  })
  const { statusCode, body } = JSON.parse(payload)
  return { status: statusCode, body: JSON.parse(body) }
}

const newEvent = (members: object = {}) => {
  const requestId = `crm-refused-${randomUUID()}`
  return { requestId, campaign: CRM_UPGRADE, consumer: { id: `consumer-${requestId}` }, ...members }
}

/** The stage has two accounts, and the first is the default. */
const [first, second] = STAGE.accounts
const WITHOUT_DEFAULT = { ...STAGE, accounts: [{ ...first, default: false }, second] }

const LISTED = { accounts: [{ ...first, queue: { campaigns: 'listed' } }, second] }

/** A table that fails to write items whose keys start so. Nobody knows whether it wrote. */
const failingAt = (table: StateTable, prefix: string): StateTable => ({
  ...table,
  update: async (update) => {
    if (update.pk.startsWith(prefix)) throw new ServiceUnavailableError({ detail: 'It failed.' })
    return table.update(update)
  },
})

const DONE = { batchItemFailures: [] }
const LONG_AGO = '2026-01-01T00:00:00Z'

describe('an event that is refused before its attempt is found under its SQS message id', () => {
  test.each<[string, string, unknown, string, object?]>([
    ['text that is not JSON', 'invalid_request', 'Upgrade!', ACCOUNT],
    [
      'text that is not JSON, without a default account',
      'invalid_request',
      'Upgrade!',
      'none',
      WITHOUT_DEFAULT,
    ],
    ['an event that is too large', 'invalid_request', `"${'x'.repeat(256 * 1024)}"`, ACCOUNT],
    ['an invalid event', 'invalid_request', newEvent({ priority: 1 }), ACCOUNT],
    [
      'one of another account',
      'invalid_request',
      newEvent({ accountId: OTHER_ACCOUNT, x: 1 }),
      OTHER_ACCOUNT,
    ],
    [
      'one whose account is a number',
      'invalid_request',
      newEvent({ accountId: 70999999, x: 1 }),
      OTHER_ACCOUNT,
    ],
    [
      'one whose route is of another account',
      'invalid_request',
      newEvent({ route: 'other-help' }),
      OTHER_ACCOUNT,
    ],
    ['one of an unknown account', 'invalid_request', newEvent({ accountId: '71111111' }), ACCOUNT],
    [
      'one of an unknown account, without a default account',
      'invalid_request',
      newEvent({ accountId: '71111111' }),
      'none',
      WITHOUT_DEFAULT,
    ],
    ['an unknown route', 'invalid_request', newEvent({ campaign: undefined, route: 'unknown' }), ACCOUNT],
    ['a campaign that is not allowed', 'campaign_not_allowed', newEvent(), ACCOUNT, LISTED],
    [
      'an old event',
      'event_too_old',
      { id: randomUUID(), 'detail-type': 'Upgrade', time: LONG_AGO, detail: newEvent() },
      ACCOUNT,
    ],
  ])('%s', async (_, code, body, accountId, stage = STAGE) => {
    const service = world.createService({ stage })
    const record = toRecord(body)
    expect(await deliver(service, [record])).toEqual(DONE)
    const { messageId } = record
    const found = await ask(service, { accountId, requestId: messageId })
    expect(found).toMatchObject({ status: 200, body: { messageId, status: 'rejected', code } })
    for (const other of [ACCOUNT, OTHER_ACCOUNT, 'none'].filter((id) => id !== accountId))
      expect((await ask(service, { accountId: other, requestId: messageId })).status).toBe(404)
    expect(world.livePerson.conversations()).toEqual([])
  })

  test('with its own id, if it has one', async () => {
    const service = world.createService()
    const body = newEvent({ priority: 1 })
    const record = toRecord(body)
    await deliver(service, [record])
    const { messageId } = record
    expect((await ask(service, { accountId: ACCOUNT, requestId: messageId })).body).toEqual({
      requestId: body.requestId,
      messageId,
      status: 'rejected',
      code: 'invalid_request',
    })
  })

  test('with its message id as its own, if it has none', async () => {
    const service = world.createService()
    const record = toRecord({ consumer: { id: 'crm-1' } })
    await deliver(service, [record])
    const { messageId } = record
    const { body } = await ask(service, { accountId: ACCOUNT, requestId: messageId })
    expect(body).toEqual({ requestId: messageId, messageId, status: 'rejected', code: 'invalid_request' })
  })

  test('a reused id, which the claim finds', async () => {
    const service = world.createService()
    const event = newEvent()
    const copy = toRecord({ ...event, consumer: { id: 'crm-other' } })
    await deliver(service, [toRecord(event)])
    expect(await deliver(service, [copy])).toEqual(DONE)
    const { requestId } = event
    expect((await ask(service, { accountId: ACCOUNT, requestId: copy.messageId })).body).toEqual({
      requestId,
      messageId: copy.messageId,
      status: 'rejected',
      code: 'request_id_reused',
    })
    expect((await ask(service, { accountId: ACCOUNT, requestId })).body).toMatchObject({ status: 'opened' })
  })

  test('a reused id of an event that was handed over because its claim failed', async () => {
    const service = world.createService()
    const event = newEvent()
    await deliver(service, [toRecord(event)])
    const copy = toRecord({ ...event, consumer: { id: 'crm-other' } })
    const broken = world.createService({
      table: failingAt(service.table, 'request#'),
      queues: withoutWaits(service.queues),
    })
    expect(await deliver(broken, [copy])).toEqual(DONE)
    const [handOver] = await world.receiveHandOvers()
    expect(handOver).toBeDefined()
    expect((await ask(service, { accountId: ACCOUNT, requestId: copy.messageId })).status).toBe(404)
    await deliver(world.createService(), [toRecord(handOver, { queue: 'handOver' })])
    expect((await ask(service, { accountId: ACCOUNT, requestId: copy.messageId })).body).toMatchObject({
      messageId: copy.messageId,
      status: 'rejected',
      code: 'request_id_reused',
    })
  })
})

describe('the id of a refused event stays free', () => {
  test('so that a corrected copy opens its conversation', async () => {
    const service = world.createService()
    const event = newEvent()
    await deliver(service, [toRecord({ ...event, priority: 1 })])
    const { requestId } = event
    expect((await ask(service, { accountId: ACCOUNT, requestId })).status).toBe(404)
    await deliver(service, [toRecord(event)])
    expect((await ask(service, { accountId: ACCOUNT, requestId })).body).toMatchObject({
      requestId,
      status: 'opened',
      conversationId: expect.any(String),
    })
  })

  test('so that a replay after a repair of the configuration is judged anew', async () => {
    const event = newEvent()
    const broken = world.createService({ stage: LISTED })
    await deliver(broken, [toRecord(event)])
    const [quarantined] = await world.receiveQuarantine()
    const repaired = world.createService()
    expect(await deliver(repaired, [toRecord(quarantined?.body)])).toEqual(DONE)
    const { requestId } = event
    const { body } = await ask(repaired, { accountId: ACCOUNT, requestId })
    expect(body.status).toBe('opened')
  })
})

describe('the outcome of a refused event', () => {
  const numberOf = async (service: Service, messageId: string) =>
    (await service.table.get(refusalKey(ACCOUNT, messageId)))?.outcomeNumber

  test('has the number 1, also if its record is delivered again', async () => {
    const service = world.createService()
    const record = toRecord('Upgrade!')
    await deliver(service, [record])
    await deliver(service, [record])
    expect(await numberOf(service, record.messageId)).toBe(1)
  })

  test('has a new number if it is refused for another reason then', async () => {
    const listed = world.createService({ stage: LISTED })
    const record = toRecord(newEvent({ accountId: ACCOUNT, route: 'unknown', campaign: undefined }))
    await deliver(listed, [record])
    const renamed = world.createService({
      stage: {
        accounts: [{ ...first, routes: { unknown: { ...CRM_UPGRADE, doors: ['form'] } } }, second],
      },
    })
    await deliver(renamed, [record])
    expect(await numberOf(renamed, record.messageId)).toBe(2)
    const { body } = await ask(renamed, { accountId: ACCOUNT, requestId: record.messageId })
    expect(body.code).toBe('campaign_not_allowed')
  })
})

describe('if the table fails', () => {
  test.each<[string, (event: object) => object]>([
    ['an invalid event', (event) => ({ ...event, priority: 1 })],
    ['a reused id', (event) => ({ ...event, consumer: { id: 'crm-other' } })],
  ])('%s is retried, and neither deleted nor quarantined', async (_, change) => {
    const service = world.createService()
    const event = newEvent()
    await deliver(service, [toRecord(event)])
    const record = toRecord(change(event))
    const { messageId } = record
    const broken = world.createService({ table: failingAt(service.table, 'refused#') })
    expect(await deliver(broken, [record])).toEqual({ batchItemFailures: [{ itemIdentifier: messageId }] })
    expect(await world.receiveQuarantine()).toEqual([])
    expect(await deliver(service, [record])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toHaveLength(1)
    expect((await ask(service, { accountId: ACCOUNT, requestId: messageId })).status).toBe(200)
  })
})

describe('the status of an event', () => {
  test('is answered only on its own route', async () => {
    const service = world.createService()
    const event = newEvent()
    const { messageId } = toRecord(event)
    await deliver(service, [toRecord(event, { messageId })])
    for (const requestId of [event.requestId, messageId, `${ACCOUNT}/${event.requestId}`])
      for (const accountId of [undefined, ACCOUNT])
        expect((await ask(service, { routeKey: FORMS, accountId, requestId })).status).toBe(404)
  })

  test('of another account is not found', async () => {
    const service = world.createService()
    const event = newEvent()
    await deliver(service, [toRecord(event)])
    const { requestId } = event
    expect((await ask(service, { accountId: OTHER_ACCOUNT, requestId })).status).toBe(404)
    expect((await ask(service, { accountId: ACCOUNT, requestId })).status).toBe(200)
  })

  test('is not answered on a deployed stage if IAM has not authorized the call', async () => {
    const service = world.createService()
    const event = newEvent()
    await deliver(service, [toRecord(event)])
    const deployed = world.createService({ config: { loopback: false } })
    const { requestId } = event
    const call = { accountId: ACCOUNT, requestId }
    expect(await ask(deployed, { ...call, isSigned: false })).toMatchObject({
      status: 500,
      body: { code: 'invalid_config' },
    })
    expect((await ask(deployed, call)).status).toBe(200)
    // The local API has no IAM.
    expect((await ask(service, { ...call, isSigned: false })).status).toBe(200)
  })

  test.each(['none', ACCOUNT])('is not found under an unknown id at %s', async (accountId) => {
    const found = await ask(world.createService(), { accountId, requestId: randomUUID() })
    expect(found).toMatchObject({
      status: 404,
      body: { code: 'not_found', detail: 'No event of this account has this id.' },
    })
  })

  test('is that of the request if its record was refused before, and delivered again after a repair', async () => {
    const record = toRecord({ campaign: CRM_UPGRADE, consumer: { id: `consumer-${randomUUID()}` } })
    const requestId = record.messageId
    await deliver(world.createService({ stage: LISTED }), [record])
    const service = world.createService()
    expect((await ask(service, { accountId: ACCOUNT, requestId })).body.status).toBe('rejected')
    await deliver(service, [record])
    expect((await ask(service, { accountId: ACCOUNT, requestId })).body.status).toBe('opened')
  })

  /** A container that must not read the table. */
  const withoutTable = () => {
    const { table } = world.createService()
    const getMany = () => Promise.reject(new ServiceUnavailableError({ detail: 'It was read.' }))
    return world.createService({ table: { ...table, getMany } })
  }

  test.each(['', 'a b', '../x', 'x'.repeat(129)])(
    'is not looked for under the invalid id %j',
    async (requestId) => {
      expect((await ask(withoutTable(), { accountId: ACCOUNT, requestId })).status).toBe(404)
    },
  )

  test.each(['', 'a#b', 'x'.repeat(33)])('is not looked for at the invalid account %j', async (accountId) => {
    const { status } = await ask(withoutTable(), { accountId, requestId: randomUUID() })
    expect(status).toBe(404)
  })
})
