import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { readConfig } from '../../lib/config/environment.ts'
import { NOTHING } from '../../lib/conversation/facts.ts'
import { toHandOver } from '../../lib/conversation/hand-over.ts'
import { createOpenService, type OpenService } from '../../lib/service/open.ts'
import {
  CRM_UPGRADE,
  deliver,
  jobOf,
  type Service,
  startWorld,
  toRecord,
  UPGRADES_SKILL,
  type World,
} from '../support/world.ts'

let world: World
let service: Service
let serial = 0

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
beforeEach(() => {
  service = world.createService()
})
afterEach(async () => {
  world.livePerson.reset()
  await world.receiveQuarantine()
})

const newId = () => `crm-test-${process.pid}-${++serial}`
const event = (members: object = {}) => {
  const requestId = newId()
  return {
    requestId,
    campaign: CRM_UPGRADE,
    consumer: { id: `consumer-${requestId}`, firstName: 'Ola 🦊' },
    ...members,
  }
}
const statusOf = async (requestId: string) =>
  (await service.ledger.find(['70123456'], 'queue', requestId))[0]?.outcome.status
const DONE = { batchItemFailures: [] }
const failed = (...records: { messageId: string }[]) => ({
  batchItemFailures: records.map(({ messageId }) => ({ itemIdentifier: messageId })),
})

describe('a CRM event', () => {
  test('opens a conversation that is routed to the skill of its engagement', async () => {
    const body = event({ ttr: 'CUSTOM' })
    expect(await deliver(service, [toRecord(body)])).toEqual(DONE)
    expect(world.livePerson.conversations()).toMatchObject([
      { ...CRM_UPGRADE, extConsumerId: body.consumer.id, state: 'OPEN', ttr: 'CUSTOM' },
    ])
    expect(String(world.livePerson.conversations()[0]?.skillId)).toBe(UPGRADES_SKILL)
  })

  test.each([
    [
      'SNS',
      (body: object) => ({
        Type: 'Notification',
        MessageId: `sns-${newId()}`,
        TopicArn: 'arn',
        Message: JSON.stringify(body),
      }),
    ],
    [
      'EventBridge',
      (body: object) => ({
        version: '0',
        id: `eb-${newId()}`,
        'detail-type': 'Upgrade',
        source: 'crm',
        detail: body,
      }),
    ],
    [
      'EventBridge inside SNS',
      (body: object) => ({
        Type: 'Notification',
        MessageId: `sns-${newId()}`,
        Message: JSON.stringify({ id: `eb-${newId()}`, 'detail-type': 'Upgrade', detail: body }),
      }),
    ],
  ])('can be in an envelope: %s', async (_, wrap) => {
    expect(await deliver(service, [toRecord(wrap(event()))])).toEqual(DONE)
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('without a request id gets the envelope’s id or, without an envelope, the message’s', () => {
    const { requestId: _, ...body } = event()
    const idOf = (content: unknown) =>
      jobOf(world.configOf().stage, toRecord(content, { messageId: 'message-0001' })).request.requestId
    expect(idOf(body)).toBe('message-0001')
    expect(idOf({ Type: 'Notification', MessageId: 'sns-000001', Message: JSON.stringify(body) })).toBe(
      'sns-000001',
    )
    expect(idOf({ id: 'eventbridge-1', 'detail-type': 'x', detail: body })).toBe('eventbridge-1')
  })

  test('that is in a batch twice opens one conversation', async () => {
    const body = event()
    await deliver(service, [toRecord(body), toRecord(body)])
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('for a consumer with an open conversation uses that conversation', async () => {
    const consumer = { id: `consumer-${newId()}` }
    const [first, second] = [event({ consumer }), event({ consumer, message: 'One thing more' })]
    expect(await deliver(service, [toRecord(first), toRecord(second)])).toEqual(DONE)
    const [conversation] = world.livePerson.conversations()
    expect(conversation?.messages).toMatchObject([{ text: 'One thing more' }])
    const [item] = await service.ledger.find(['70123456'], 'queue', second.requestId)
    expect(item?.outcome).toEqual({
      status: 'existing',
      conversationId: conversation?.conversationId,
      messageStatus: 'sent',
    })
  })

  test('doesn’t run side by side with another one of the same consumer', async () => {
    const consumer = { id: `consumer-${newId()}` }
    const records = Array.from({ length: 3 }, () => toRecord(event({ consumer })))
    let running = 0
    let mostAtOnce = 0
    const counting: Service = {
      ...service,
      attempt: async (...input) => {
        running++
        mostAtOnce = Math.max(mostAtOnce, running)
        const result = await service.attempt(...input)
        running--
        return result
      },
    }
    expect(await deliver(counting, records)).toEqual(DONE)
    expect(mostAtOnce).toBe(1)
    await deliver(counting, [toRecord(event()), toRecord(event())])
    expect(mostAtOnce).toBe(2)
  })

  test('that fails doesn’t hold up the later events of its own consumer', async () => {
    const consumer = { id: `consumer-${newId()}` }
    const bodies = [event({ consumer: { ...consumer, firstName: 'Unlucky' } }), event({ consumer }), event()]
    const records = bodies.map((body) => toRecord(body))
    world.livePerson.faults.add({
      service: 'conversation',
      kind: 'status',
      status: 503,
      times: 1e9,
      match: ({ body }) => body.includes('Unlucky'),
    })
    expect(await deliver(service, records)).toEqual(failed(...records.slice(0, 1)))
    expect(await Promise.all(bodies.map(({ requestId }) => statusOf(requestId)))).toEqual([
      'queued',
      'opened',
      'opened',
    ])
  })

  test('stays in the queue if too little time is left to start it', async () => {
    const records = [toRecord(event())]
    expect(await deliver(service, records, 3000)).toEqual(failed(...records))
    expect(world.livePerson.requests()).toEqual([])
  })
})

describe('a hand-over', () => {
  const handOverOf = (body: object) => {
    const { request, destination } = jobOf(world.configOf().stage, toRecord(body))
    return { request: { ...request, door: 'form' as const }, destination, facts: NOTHING }
  }

  test('keeps door, id, consumer and destination', () => {
    const handOver = handOverOf(event())
    const body = toHandOver(handOver)
    const record = toRecord(body, { queue: 'handOver' })
    expect(jobOf(world.configOf().stage, record)).toMatchObject(handOver)
    expect(body).toMatch(/^[\u0020-\u007e]*$/)
  })

  test('is opened if it comes from the hand-over queue', async () => {
    const body = event()
    const record = toRecord(toHandOver(handOverOf(body)), { queue: 'handOver' })
    expect(await deliver(service, [record])).toEqual(DONE)
    expect(world.livePerson.conversations()).toMatchObject([{ extConsumerId: body.consumer.id }])
  })

  test.each([
    ['in the events queue', (text: string) => text],
    ['in an SNS envelope', (Message: string) => ({ Type: 'Notification', MessageId: 'sns-000002', Message })],
    [
      'in an EventBridge envelope with an id of one letter, in an SNS envelope',
      (text: string) => ({
        Type: 'Notification',
        MessageId: 'sns-000002',
        Message: JSON.stringify({ id: 'x', 'detail-type': 'x', detail: JSON.parse(text) }),
      }),
    ],
  ])('is an invalid CRM event %s', async (_, wrap) => {
    const record = toRecord(wrap(toHandOver(handOverOf(event()))))
    expect(await deliver(service, [record])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toMatchObject([{ code: 'invalid_request', body: record.body }])
    expect(world.livePerson.requests()).toEqual([])
  })

  test('is the only thing that the hand-over queue may hold', async () => {
    const record = toRecord(event(), { queue: 'handOver' })
    expect(await deliver(service, [record])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toMatchObject([
      { code: 'invalid_request', requestId: record.messageId },
    ])
    expect(world.livePerson.requests()).toEqual([])
  })
})

describe('a record that can never succeed is quarantined with its reason, and the rest of the batch is opened', () => {
  const campaign = CRM_UPGRADE
  test.each<[string, unknown, string, string]>([
    ['not JSON', 'hello', 'invalid_request', 'the body is not valid JSON'],
    ['empty', ' ', 'invalid_request', 'the body is not valid JSON'],
    ['a bare number', '5', 'invalid_request', 'the body must be an object'],
    ['an array', '[]', 'invalid_request', 'the body must be an object'],
    ['an unknown member', { campaign, skill: 1 }, 'invalid_request', 'skill is an unknown key'],
    ['a wrong type', { campaign, message: 5 }, 'invalid_request', 'message must be a string'],
    [
      'half a campaign',
      { campaign: { engagementId: 1 } },
      'invalid_request',
      'campaign.campaignId is missing',
    ],
    ['a prototype key', '{"__proto__":{}}', 'invalid_request', '__proto__ is not an allowed key'],
    ['an unknown route', { route: 'nowhere' }, 'invalid_request', 'route is not a configured route'],
    [
      'an unknown account',
      { campaign, accountId: '1' },
      'invalid_request',
      'accountId is not a configured account',
    ],
    [
      'a route of another account',
      { route: 'other-help', accountId: '70123456' },
      'invalid_request',
      'route belongs to another account',
    ],
    [
      'an SNS message that is not JSON',
      { Type: 'Notification', MessageId: 'sns-000003', Message: 'hi' },
      'invalid_request',
      'Message is not valid JSON',
    ],
    [
      'a name that may be personal',
      { campaign, 'ana@example.org': 1 },
      'invalid_request',
      '(masked) is an unknown key',
    ],
    [
      'names that may be personal',
      { campaign, consumer: { '4533112233': 1, 'anna.berg': 2 } },
      'invalid_request',
      'consumer.(masked) is an unknown key; consumer.(masked) is an unknown key',
    ],
    [
      'a campaign that LivePerson refuses',
      { campaign: { campaignId: 9, engagementId: 9 } },
      'liveperson_rejected',
      'LivePerson rejected the request (BAD_REQUEST).',
    ],
  ])('%s', async (_, body, code, detail) => {
    const record = toRecord(body)
    const response = await deliver(service, [toRecord(event()), record, toRecord(event())])
    expect(response).toEqual(DONE)
    expect(await world.receiveQuarantine()).toMatchObject([
      { body: record.body, code, detail, requestId: record.messageId },
    ])
    expect(world.livePerson.conversations()).toHaveLength(2)
  })

  test('campaign_not_allowed: a raw campaign if the queue may use only routes', async () => {
    const strict = world.createService({
      stage: { accounts: [{ accountId: '70123456', queue: { campaigns: 'listed' } }] },
    })
    expect(await deliver(strict, [toRecord(event())])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toMatchObject([{ code: 'campaign_not_allowed' }])
  })

  test('request_id_reused: the same id with different content', async () => {
    const body = event()
    await deliver(service, [toRecord(body)])
    await deliver(service, [toRecord({ ...body, ttr: 'URGENT' })])
    expect(await world.receiveQuarantine()).toMatchObject([
      { code: 'request_id_reused', requestId: body.requestId },
    ])
    expect(world.livePerson.conversations()).toHaveLength(1)
  })
})

describe('a record that may succeed later stays in the queue', () => {
  test.each<[string, () => OpenService | (() => OpenService)]>([
    [
      'liveperson_unavailable',
      () => {
        world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 502 })
        return service
      },
    ],
    [
      'credentials_refused',
      () => {
        world.livePerson.faults.add({ service: 'sentinel', kind: 'status', status: 401, times: 10 })
        return service
      },
    ],
    ['service_unavailable: no table', () => world.createService({ config: { stateTable: 'gone' } })],
    ['invalid_config: no secret', () => world.createService({ config: { secretIdPrefix: 'gone' } })],
    ['invalid_config: no variables', () => () => createOpenService(readConfig({}))],
    [
      'internal_error',
      () => () => {
        throw new TypeError('unforeseen')
      },
    ],
  ])('%s', async (_, arrange) => {
    const body = event()
    const record = toRecord(body)
    expect(await deliver(arrange(), [record])).toEqual(failed(record))
    expect(await world.receiveQuarantine()).toEqual([])
    world.livePerson.reset()
    expect(await deliver(world.createService(), [record])).toEqual(DONE)
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test('if an unexpected error kept it from being read', async () => {
    const { stage } = world.configOf()
    const broken = {
      ...service,
      stage: {
        ...stage,
        get accounts(): typeof stage.accounts {
          throw new TypeError('unexpected')
        },
      },
    }
    const record = toRecord(event())
    expect(await deliver(broken, [record])).toEqual(failed(record))
    expect(await world.receiveQuarantine()).toEqual([])
  })

  test('if the quarantine queue is unavailable', async () => {
    const lost = world.createService({
      config: { quarantineQueueUrl: `${world.sqs.url}/000000000000/gone` },
    })
    const record = toRecord('hello')
    expect(await deliver(lost, [record])).toEqual(failed(record))
  })

  test('until its visibility timeout if it can’t be put off, and the log names the operation', async () => {
    const lost = world.createService({
      config: { eventsQueueUrl: `${world.sqs.url}/000000000000/gone` },
    })
    const error = vi.spyOn(lost.log, 'error')
    world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 502 })
    const record = toRecord(event())
    expect(await deliver(lost, [record])).toEqual(failed(record))
    expect(error.mock.calls.map(([message, { message: detail }]) => [message, detail])).toContainEqual([
      'A record could not be put off, so it is retried later',
      'SQS ChangeMessageVisibility on the events queue failed.',
    ])
  })

  test('if another attempt holds its claim', async () => {
    const body = event()
    const record = toRecord(body)
    const { stage } = world.configOf()
    const { request } = jobOf(stage, record)
    await service.ledger.claim(
      request,
      { ...CRM_UPGRADE, ttr: 'NORMAL', routeAttributes: [] },
      Date.now() + 60_000,
    )
    expect(await deliver(service, [record])).toEqual(failed(record))
    expect(world.livePerson.conversations()).toEqual([])
  })
})

describe('the age of the oldest record of a batch', () => {
  test('is reported per account, in seconds since the request was accepted', async () => {
    const count = vi.fn<Service['count']>()
    const hour = 3_600_000
    const { request, destination } = jobOf(world.configOf().stage, toRecord(event()))
    const acceptedAt = Date.now() - 30 * hour
    const parked = toHandOver({ request, destination, facts: NOTHING, acceptedAt })
    await deliver({ ...service, count }, [
      toRecord(event(), { sentAt: Date.now() - 2 * hour }),
      toRecord(parked, { queue: 'handOver' }),
      toRecord('not JSON', { sentAt: 0 }),
    ])
    const ages = count.mock.calls.filter(([name]) => name === 'oldest_record_age')
    expect(ages).toEqual([['oldest_record_age', '70123456', { value: expect.any(Number) }]])
    expect(ages[0]?.[2]?.value).toBeGreaterThanOrEqual(30 * 3600)
    expect(ages[0]?.[2]?.value).toBeLessThan(30 * 3600 + 60)
  })
})
