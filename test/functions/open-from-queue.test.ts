import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readConfig } from '../../lib/config/environment.ts'
import { toHandOver } from '../../lib/conversation/hand-over.ts'
import { NOTHING } from '../../lib/conversation/protocol.ts'
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
    expect(item).toMatchObject({
      status: 'existing',
      conversationId: conversation?.conversationId,
      messageStatus: 'sent',
    })
  })

  test('waits for earlier events of the same consumer', async () => {
    const consumer = { id: `consumer-${newId()}` }
    const records = [toRecord(event({ consumer })), toRecord(event({ consumer })), toRecord(event())]
    world.livePerson.faults.add({
      service: 'conversation',
      kind: 'status',
      status: 503,
      match: ({ body }) => !body.includes('"nobody"'),
    })
    const response = await deliver(service, records.slice(0, 2))
    expect(response).toEqual(failed(...records.slice(0, 2)))
    expect(await deliver(service, records.slice(2))).toEqual(DONE)
    expect(world.livePerson.requests({ service: 'conversation' })).toHaveLength(2)
  })

  test('that fails holds up the later events of its own consumer, and nothing else in its batch', async () => {
    const [first, later, other] = [
      event({ consumer: { id: 'held-up' } }),
      event({ consumer: { id: 'held-up' } }),
      event(),
    ]
    const records = [first, later, other].map((body) => toRecord(body))
    world.livePerson.faults.add({
      service: 'idp',
      kind: 'status',
      status: 503,
      times: Number.POSITIVE_INFINITY,
      match: ({ body }) => body.includes('held-up'),
    })
    expect(await deliver(service, records)).toEqual(failed(...records.slice(0, 2)))
    const statuses = await service.ledger.find(['70123456'], 'queue', other.requestId)
    expect(statuses).toMatchObject([{ status: 'opened' }])
    expect(await service.ledger.find(['70123456'], 'queue', later.requestId)).toEqual([])
  })

  test('stays in the queue if too little time is left to start it', async () => {
    const records = [toRecord(event())]
    expect(await deliver(service, records, 3000)).toEqual(failed(...records))
    expect(world.livePerson.requests()).toEqual([])
  })

  test('that is a form’s hand-over keeps door, id and consumer', () => {
    const handed = jobOf(world.configOf().stage, toRecord(event())).request
    const form = { ...handed, door: 'form' as const }
    expect(jobOf(world.configOf().stage, toRecord(toHandOver(form, NOTHING))).request).toEqual(form)
    expect(toHandOver(form, NOTHING)).toMatch(/^[\u0020-\u007e]*$/)
  })

  test('can’t be a hand-over inside an envelope', async () => {
    const form = { ...jobOf(world.configOf().stage, toRecord(event())).request, door: 'form' as const }
    const wrapped = { Type: 'Notification', MessageId: 'sns-000002', Message: toHandOver(form, NOTHING) }
    await deliver(service, [toRecord(wrapped)])
    expect(await world.receiveQuarantine()).toMatchObject([{ code: 'invalid_request' }])
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
      'the body is not valid JSON',
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
    expect(await world.receiveQuarantine()).toEqual([
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
  const gone = () => ({ eventsQueueUrl: `${world.sqs.url}/000000000000/gone` })
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
      config: { ...gone(), quarantineQueueUrl: `${world.sqs.url}/000000000000/gone` },
    })
    const record = toRecord('hello')
    expect(await deliver(lost, [record])).toEqual(failed(record))
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
