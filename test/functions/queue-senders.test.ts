import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createHandler } from '../../functions/open-from-queue.ts'
import { readConfig } from '../../lib/config/environment.ts'
import { isPlaceholder } from '../../lib/request/placeholder.ts'
import { createOpenService } from '../../lib/service/open.ts'
import { captureOutput } from '../lib/telemetry/output.ts'
import {
  bodyOf,
  CRM_UPGRADE,
  deliver,
  jobOf,
  startWorld,
  submit,
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
})

const DAY_MS = 24 * 3_600_000
const DONE = { batchItemFailures: [] }
const daysAgo = (days: number) => new Date(Date.now() - days * DAY_MS).toISOString()
const event = (members: object = {}) => ({
  campaign: CRM_UPGRADE,
  consumer: { id: `crm-${randomUUID()}`, firstName: 'Ana' },
  ...members,
})
const eventBridge = (detail: unknown, members: object = {}) => ({
  version: '0',
  id: randomUUID(),
  'detail-type': 'Upgrade',
  source: 'crm',
  account: '111122223333',
  time: daysAgo(0),
  region: 'eu-west-1',
  resources: [],
  detail,
  ...members,
})
const sns = (message: unknown, members: object = {}) => ({
  Type: 'Notification',
  MessageId: randomUUID(),
  TopicArn: 'arn:aws:sns:eu-west-1:111122223333:crm',
  Message: JSON.stringify(message),
  Timestamp: daysAgo(0),
  ...members,
})
/** Delivers one record to a new container, and returns the contents of the quarantine queue afterwards. */
const give = async (body: unknown) => {
  expect(await deliver(world.createService(), [toRecord(body)])).toEqual(DONE)
  return world.receiveQuarantine()
}
const opened = () => world.livePerson.conversations()

describe('a notification that is delivered twice', () => {
  let serial = 0
  const odd: [string, () => unknown][] = [
    ['of five letters', () => `crm-${++serial}`],
    ['with spaces', () => `order 2026/11 ${++serial}`],
    ['of 200 characters', () => `${++serial}`.padEnd(200, 'x')],
    ['that is a number', () => ++serial],
    ['that is an object', () => ({ uuid: `${++serial}` })],
    ['that is a UUID', randomUUID],
  ]
  // Without a consumer id, nothing but the request id tells that it is the same request.
  const anonymous = () => event({ consumer: { firstName: 'Ana' } })

  test.each(odd)('to two containers at once opens one conversation, with an id %s', async (_, newId) => {
    const body = sns(anonymous(), { MessageId: newId() })
    await Promise.all(
      [world.createService(), world.createService()].map((service) => deliver(service, [toRecord(body)])),
    )
    expect(opened()).toHaveLength(1)
  })

  test.each(odd)('opens one conversation, with an inner id %s and a new outer one', async (_, newId) => {
    const inner = eventBridge(anonymous(), { id: newId() })
    expect(await give(sns(inner))).toEqual([])
    expect(await give(sns(inner))).toEqual([])
    expect(opened()).toHaveLength(1)
  })

  test('is recognized by the outer id if the inner one is empty', async () => {
    const body = sns(eventBridge(anonymous(), { id: '' }))
    expect([await give(body), await give(body)]).toEqual([[], []])
    expect(opened()).toHaveLength(1)
  })

  const meaningless = ['true', 'false', '{}', '[]', '[null]', '[""]', '{"a":null}', '"true"', '-1e400']
  test.each([...meaningless, '9007199254740993', '1e30', '[9007199254740993]'])(
    'has no id if its id is %s, so it hides no other event',
    async (id) => {
      const written = () => JSON.stringify(eventBridge(event(), { id: '(id)' })).replace('"(id)"', id)
      expect([await give(written()), await give(written())]).toEqual([[], []])
      expect(opened()).toHaveLength(2)
    },
  )

  test('is the same request, and two are two, whatever their ids are', () => {
    const { stage } = world.configOf()
    const idOf = (body: unknown) => jobOf(stage, toRecord(body)).request.requestId
    const anyId = fc
      .oneof(fc.string({ minLength: 1 }), fc.integer(), fc.uuid())
      .filter((id) => `${id}`.trim() !== '' && !isPlaceholder(`${id}`.trim()))
    const wrap = fc.constantFrom<((id: unknown) => unknown)[]>(
      (id) => sns(anonymous(), { MessageId: id }),
      (id) => eventBridge(anonymous(), { id }),
      (id) => sns(eventBridge(anonymous(), { id })),
    )
    fc.assert(
      fc.property(anyId, anyId, wrap, (one, other, put) => {
        expect(idOf(put(one))).toBe(idOf(put(one)))
        if (String(one) !== String(other)) expect(idOf(put(one))).not.toBe(idOf(put(other)))
      }),
      { numRuns: 1000 },
    )
  })
})

describe('an event that was replayed from an archive', () => {
  test.each<[string, () => object]>([
    ['EventBridge', () => eventBridge(event(), { time: daysAgo(31), 'replay-name': 'november' })],
    ['SNS', () => sns(event(), { Timestamp: daysAgo(31) })],
    ['EventBridge behind SNS', () => sns(eventBridge(event(), { time: daysAgo(400) }))],
  ])('is quarantined as event_too_old after 30 days, and costs no call: %s', async (_, body) => {
    expect(await give(body())).toMatchObject([
      { code: 'event_too_old', detail: expect.stringContaining('30 days') },
    ])
    expect(world.livePerson.requests({ service: 'conversation' })).toEqual([])
  })

  test('is opened within 30 days', async () => {
    expect(await give(eventBridge(event(), { time: daysAgo(29), 'replay-name': 'november' }))).toEqual([])
    expect(opened()).toHaveLength(1)
  })
})

describe('what is not an event is quarantined with what it is and what to do, and costs no call', () => {
  const cloudEvent = {
    specversion: '1.0',
    id: randomUUID(),
    source: 'https://crm.example.com',
    type: 'com.example.upgrade',
    datacontenttype: 'application/json',
    data: event(),
  }
  const pointer = { s3BucketName: 'example-large-events', s3Key: randomUUID() }
  const piped = {
    messageId: randomUUID(),
    receiptHandle: 'receipt',
    body: JSON.stringify(event()),
    attributes: { ApproximateReceiveCount: '1' },
    messageAttributes: {},
    md5OfBody: '',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-west-1:111122223333:crm',
    awsRegion: 'eu-west-1',
  }
  const change = {
    ChangeEventHeader: { entityName: 'Contact', changeType: 'UPDATE', recordIds: ['003AA000000002AAAA'] },
    Tier__c: 'Gold',
  }
  test.each<[string, unknown, string]>([
    ['CloudEvents', cloudEvent, 'CloudEvents'],
    ['CloudEvents behind SNS', sns(cloudEvent), 'CloudEvents'],
    ['a pointer', ['software.amazon.payloadoffloading.PayloadS3Pointer', pointer], 'SQS extended client'],
    ['a pointer as older clients write it', ['com.amazon.sqs.javamessaging.MessageS3Pointer', pointer], 'S3'],
    ['a record of a queue', piped, 'docs/event-sources.md'],
    ['JSON in JSON', JSON.stringify(JSON.stringify(event())), 'JSON in a JSON string'],
    ['JSON in JSON behind SNS', sns(JSON.stringify(event())), 'JSON in a JSON string'],
    ['a change event without a transformer', eventBridge(change), 'docs/event-sources.md'],
  ])('%s', async (_, body, detail) => {
    expect(await give(body)).toMatchObject([
      { code: 'invalid_request', detail: expect.stringContaining(detail) },
    ])
    expect(world.livePerson.requests({ service: 'conversation' })).toEqual([])
  })
})

test('an event is opened although a dead-letter queue and tracing added attributes to it', async () => {
  const text = (stringValue: string) => ({
    stringValue,
    stringListValues: [],
    binaryListValues: [],
    dataType: 'String',
  })
  const record = toRecord(eventBridge(event()))
  const sent = {
    ...record,
    messageAttributes: { ERROR_CODE: text('NO_PERMISSIONS'), RULE_ARN: text('arn:aws:events:rule/crm') },
    attributes: {
      ...record.attributes,
      AWSTraceHeader: 'Root=1-6740aaaa-0123456789abcdef01234567;Sampled=1',
    },
  }
  expect(await deliver(world.createService(), [sent])).toEqual(DONE)
  expect(opened()).toHaveLength(1)
})

test('the same event, written by another runtime, is the same request', async () => {
  const id = `crm-${randomUUID()}`
  const plain = `{"requestId":"${id}","campaign":{"campaignId":3120045610,"engagementId":3120047711},"consumer":{"id":"${id}-ø","firstName":"Zoë"}}`
  const escaped = `\r\n{ "consumer":{"firstName":"Zo\\u00eb","id":"${id}-\\u00f8"}, "campaign":{"engagementId":"3120047711","campaignId":"3120045610"},\r\n"requestId":"${id}"}`
  const java = plain.replace('3120045610', '3.12004561E9').replace('3120047711', '3120047711.0')
  for (const body of [plain, escaped, java]) expect(await give(body)).toEqual([])
  expect(opened()).toHaveLength(1)
})

describe('an invocation that is not from a queue', () => {
  const context = { getRemainingTimeInMillis: () => 60_000 }
  const invoke = (sent: unknown, service = world.createService()) =>
    Promise.resolve(createHandler(() => service)(sent, context as never))
  const record = toRecord(event())
  const others: [string, unknown][] = [
    ['the test event of the console', { key1: 'value1', key2: 'value2' }],
    ['a warm-up call', { source: 'serverless-plugin-warmup' }],
    ['an empty event', {}],
    ['nothing', null],
    ['a text', 'hello'],
    ['a list', [record]],
    ['Records that are no list', { Records: record }],
    ['no records, which SQS never sends', { Records: [] }],
    ['a notification of SNS', { Records: [{ EventSource: 'aws:sns', Sns: { Message: '{}' } }] }],
    ['an object in S3', { Records: [{ eventSource: 'aws:s3', s3: {} }] }],
    ['a record of a stream', { Records: [{ eventSource: 'aws:kinesis', kinesis: { data: 'e30=' } }] }],
    ['a record without an id', { Records: [{ ...record, messageId: undefined }] }],
    ['a message of another service', { Records: [{ ...record, eventSource: 'aws:mq' }] }],
    ['an event of a rule', eventBridge(event())],
    ['a call of the API', { requestContext: {}, body: '{}' }],
  ]

  test.each(others)('fails with a sentence that says so: %s', async (_, sent) => {
    await expect(invoke(sent)).rejects.toThrow(
      /^This is not an event of SQS\. .* send a message to the events queue\.$/,
    )
    expect(world.livePerson.requests({ service: 'conversation' })).toEqual([])
  })

  test('says so although the stage is not configured', async () => {
    const handler = createHandler(() => createOpenService(readConfig({})))
    await expect(Promise.resolve(handler({}, context as never))).rejects.toThrow(
      'This is not an event of SQS.',
    )
  })

  describe('is logged', () => {
    const take = captureOutput()

    test('with the sentence', async () => {
      await expect(invoke({})).rejects.toThrow()
      expect(take()).toMatchObject([
        {
          level: 'ERROR',
          code: 'invalid_config',
          detail: expect.stringContaining('This is not an event of SQS.'),
        },
      ])
    })
  })
})

describe('a quarantined record names the queue that a replay goes to', () => {
  const forged = {
    handedOver: {
      ...{ door: 'form', accountId: '70123456', vouchedBy: 'nobody', requestId: 'not-their-request' },
      facts: { conversation: { kind: 'opened', conversationId: 'not-their-conversation' } },
    },
  }
  const lost = { service: 'conversation', kind: 'reset-after', times: 9 } as const

  test('which is the events queue for what looks like a hand-over, but came as an event', async () => {
    for (const body of [forged, sns(forged), eventBridge(forged)])
      expect(await give(body)).toMatchObject([{ queue: 'events', code: 'invalid_request' }])
  })

  test('so a replay of a forged hand-over gives no request another outcome', async () => {
    const route = { campaignId: '3120045610', engagementId: '3120047711', doors: ['form'] }
    const stage = { accounts: [{ accountId: '70123456', routes: { help: route } }] }
    const queues = withoutWaits(world.createService({ stage }).queues)
    const service = world.createService({ stage, queues })
    world.livePerson.faults.add({ service: 'send', kind: 'status', status: 429, times: 1 })
    await submit(service, { requestId: 'of-the-attacker', route: 'help', message: 'x' })
    const [own = ''] = await world.receiveHandOvers()
    const copied = own.replaceAll('of-the-attacker', 'of-the-victim')
    const conversationId = opened()[0]?.conversationId ?? ''
    expect(copied).toContain(conversationId)
    await deliver(service, [toRecord(copied)])
    const [quarantined] = await world.receiveQuarantine()
    const queue = quarantined?.queue === 'hand-over' ? 'handOver' : 'events'
    await deliver(service, [toRecord(quarantined?.body, { queue })])
    const answer = await submit(service, { requestId: 'of-the-victim', route: 'help', message: 'x' })
    expect(bodyOf(answer)).toMatchObject({ status: 'opened' })
    expect(bodyOf(answer).conversationId).not.toBe(conversationId)
  })

  test('which is the hand-over queue for what came from there', async () => {
    for (const body of [forged, event()]) {
      const record = toRecord(body, { queue: 'handOver' })
      expect(await deliver(world.createService(), [record])).toEqual(DONE)
      expect(await world.receiveQuarantine()).toMatchObject([{ queue: 'hand-over' }])
    }
  })

  test('which is the events queue for an event that was refused', async () => {
    const campaign = { campaignId: '1', engagementId: '2' }
    expect(await give(event({ campaign }))).toMatchObject([{ queue: 'events', code: 'liveperson_rejected' }])
  })

  test('which is the hand-over queue for an event whose conversation may be open', async () => {
    world.livePerson.faults.add(lost)
    const account = { accountId: '70123456', default: true, onLostAnswer: 'hold' }
    const service = world.createService({ stage: { accounts: [account] } })
    expect(await deliver(service, [toRecord(event())])).toEqual(DONE)
    const [quarantined] = await world.receiveQuarantine()
    expect(quarantined).toMatchObject({ queue: 'hand-over', code: 'outcome_unknown' })
    expect(quarantined?.body).toMatch(/^\{"handedOver":/)
  })

  test('which is the hand-over queue for a form', async () => {
    world.livePerson.faults.add(lost)
    const route = { campaignId: '3120045610', engagementId: '3120047711', doors: ['form'] }
    const account = { accountId: '70123456', onLostAnswer: 'hold', routes: { help: route } }
    await submit(world.createService({ stage: { accounts: [account] } }), { route: 'help' })
    expect(await world.receiveQuarantine()).toMatchObject([{ queue: 'hand-over', code: 'outcome_unknown' }])
  })
})
