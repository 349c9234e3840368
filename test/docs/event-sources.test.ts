import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { z } from 'zod'
import {
  CRM_UPGRADE,
  deliver,
  ORDER_HELP,
  STAGE,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../support/world.ts'
import { type Json, matches, requires, transform, transformInPipe } from './event-bridge.ts'
import { codeBlocksOf, documents } from './markdown.ts'

const json: z.ZodType<Json> = z.json()
const record = z.record(z.string(), json)

const Rule = z.object({
  Type: z.literal('AWS::Events::Rule'),
  Properties: z.object({
    EventBusName: z.string(),
    EventPattern: record,
    Targets: z.tuple([
      z.object({
        InputTransformer: z.object({
          InputPathsMap: z.record(z.string(), z.string()),
          InputTemplate: z.string().max(8192),
        }),
      }),
    ]),
  }),
})
const Pipe = z.object({
  Type: z.literal('AWS::Pipes::Pipe'),
  Properties: z.object({ TargetParameters: z.object({ InputTemplate: z.string().max(8192) }) }),
})
const Integration = z.object({
  Type: z.literal('AWS::ApiGatewayV2::Integration'),
  Properties: z.object({ IntegrationSubtype: z.string(), RequestParameters: record }),
})
const Subscription = z.object({
  Type: z.literal('AWS::SNS::Subscription'),
  Properties: z.object({ FilterPolicyScope: z.literal('MessageBody'), FilterPolicy: record }),
})

/** The resources of docs/event-sources.md, exactly as they are printed. */
const resources: Readonly<Record<string, unknown>> = Object.assign(
  {},
  ...documents
    .filter(({ path }) => path === 'docs/event-sources.md')
    .flatMap(codeBlocksOf)
    .filter(({ language }) => language === 'yaml')
    .map(({ text }) => parseYaml(text)),
)
const page = readFileSync(new URL('../../docs/event-sources.md', import.meta.url), 'utf8')
const ruleOf = (name: string) => Rule.parse(resources[name]).Properties
const templateOf = (name: string) => Pipe.parse(resources[name]).Properties.TargetParameters.InputTemplate
const parametersOf = (name: string) => Integration.parse(resources[name]).Properties

const fixture = (name: string) =>
  record.parse(
    JSON.parse(readFileSync(new URL(`../fixtures/event-sources/${name}.json`, import.meta.url), 'utf8')),
  )
const DAY_MS = 24 * 3_600_000
const now = (days = 0) => new Date(Date.now() - days * DAY_MS).toISOString().replace(/\.\d+/, '')

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(async () => {
  world.livePerson.reset()
  await world.receiveQuarantine()
})

/** What the HTTP API puts on the bus for a call. */
const putEvents = (name: string, body: Json): Record<string, Json> => {
  const { IntegrationSubtype, RequestParameters } = parametersOf(name)
  expect(IntegrationSubtype).toBe('EventBridge-PutEvents')
  expect(RequestParameters.Detail).toBe('$request.body')
  return {
    version: '0',
    id: randomUUID(),
    'detail-type': RequestParameters.DetailType ?? null,
    source: RequestParameters.Source ?? null,
    account: '111122223333',
    time: now(),
    region: 'eu-west-1',
    resources: [],
    detail: body,
  }
}

/** What the rule sends to the queue for an event, which must match it. */
const send = (name: string, event: Json): string => {
  const { EventPattern, Targets } = ruleOf(name)
  expect(matches(EventPattern, event)).toBe(true)
  return transform(Targets[0].InputTransformer, event)
}

const give = async (body: string) => {
  expect(await deliver(world.createService(), [toRecord(body)])).toEqual({ batchItemFailures: [] })
  return world.receiveQuarantine()
}

/** Another event of the same shape. The ledger remembers those of other tests. */
const withOtherIds = (event: Json): Json => {
  const uuid = /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g
  return json.parse(JSON.parse(JSON.stringify(event).replaceAll(uuid, () => randomUUID())))
}

interface Recipe {
  readonly rule: string
  /** An event of the documented shape, as it is on the bus. */
  readonly event: () => Record<string, Json>
  readonly consumerId: string
  readonly engagementId: string
  /** Another event, which must not match. */
  readonly other: (detail: string) => string
}

const recipes: readonly [string, Recipe][] = [
  [
    'a Salesforce change event',
    {
      rule: 'SalesforceContacts',
      event: () => ({ ...fixture('salesforce'), time: now() }),
      consumerId: 'salesforce-003AA000005QwErYAK',
      engagementId: CRM_UPGRADE.engagementId,
      other: (text) => text.replace('"Gold"', '"Silver"'),
    },
  ],
  [
    'a Shopify webhook',
    {
      rule: 'ShopifyOrders',
      event: () => ({ ...fixture('shopify'), time: now() }),
      consumerId: 'gid://shopify/Customer/7310627314723',
      engagementId: ORDER_HELP.engagementId,
      other: (text) => text.replace('orders/cancelled', 'orders/create'),
    },
  ],
  [
    'a Zendesk webhook',
    {
      rule: 'ZendeskTickets',
      event: () => ({
        ...putEvents('HubSpotWebhook', fixture('zendesk-webhook')),
        source: 'webhook.zendesk',
      }),
      consumerId: 'zendesk-8447388095777',
      engagementId: ORDER_HELP.engagementId,
      other: (text) => text.replace('"URGENT"', '"LOW"'),
    },
  ],
  [
    'an event of Zendesk’s connector',
    {
      rule: 'ZendeskPartnerTickets',
      event: () => ({ ...fixture('zendesk-partner'), time: now() }),
      consumerId: 'zendesk-30412877',
      engagementId: ORDER_HELP.engagementId,
      other: (text) => text.replace('"urgent"', '"low"'),
    },
  ],
  [
    'a HubSpot workflow’s webhook',
    {
      rule: 'HubSpotContacts',
      event: () => putEvents('HubSpotWebhook', fixture('hubspot')),
      consumerId: 'hubspot-512034',
      engagementId: CRM_UPGRADE.engagementId,
      other: (text) => text.replace('"vid"', '"companyId"'),
    },
  ],
]

describe.each(recipes)('%s', (_, { rule, event, consumerId, engagementId, other }) => {
  test('opens a conversation', async () => {
    expect(await give(send(rule, event()))).toEqual([])
    const customerId = consumerId.replace(/^(salesforce|zendesk|hubspot)-/, '')
    expect(world.livePerson.conversations()).toMatchObject([
      {
        engagementId,
        extConsumerId: consumerId,
        profile: { authenticatedData: { lp_sdes: [{ type: 'ctmrinfo', info: { customerId } }] } },
      },
    ])
  })

  test('is one request if it is delivered twice', async () => {
    const body = send(rule, withOtherIds(event()))
    const calls = () => world.livePerson.requests({ service: 'conversation' }).length
    expect(await give(body)).toEqual([])
    expect(calls()).toBe(1)
    expect(await give(body)).toEqual([])
    expect(calls()).toBe(1)
  })

  test('is recognized as too old if it is replayed from an archive', async () => {
    expect(await give(send(rule, { ...event(), time: now(31) }))).toMatchObject([{ code: 'event_too_old' }])
  })

  test('has a pattern that requires what the template uses, and matches no other event', () => {
    const { EventPattern, Targets } = ruleOf(rule)
    const paths = Object.values(Targets[0].InputTransformer.InputPathsMap)
    const always = ['$.id', '$.time', '$.detail-type']
    expect(paths.filter((path) => !always.includes(path) && !requires(EventPattern, path))).toEqual([])
    expect(paths.length).toBeGreaterThan(2)
    expect(matches(EventPattern, JSON.parse(other(JSON.stringify(event()))))).toBe(false)
  })
})

describe('a webhook in the format of this service', () => {
  test('opens a conversation', async () => {
    const { IntegrationSubtype, RequestParameters } = parametersOf('EventsWebhook')
    expect([IntegrationSubtype, RequestParameters.MessageBody]).toEqual(['SQS-SendMessage', '$request.body'])
    const requestId = randomUUID()
    const body = JSON.stringify({ requestId, route: 'crm-upgrade', consumer: { id: 'crm-20734' } })
    expect(await give(body)).toEqual([])
    expect(world.livePerson.conversations()).toMatchObject([{ extConsumerId: 'crm-20734' }])
  })
})

describe('a pipe from another queue', () => {
  const event = { route: 'crm-upgrade', consumer: { id: 'crm-20735', firstName: 'Zoë "Z" Berg' } }
  const sqsRecord = (body: object) => ({
    messageId: randomUUID(),
    receiptHandle: 'AQEBexample',
    body: JSON.stringify(body),
    attributes: { ApproximateReceiveCount: '1', SentTimestamp: '1795672800000', SenderId: 'AIDAEXAMPLE' },
    messageAttributes: {},
    md5OfBody: 'c0ffee',
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-west-1:111122223333:orders',
    awsRegion: 'eu-west-1',
  })

  test('opens one conversation for a message that it delivers twice', async () => {
    const body = transformInPipe(templateOf('OrdersPipe'), sqsRecord(event))
    expect([await give(body), await give(body)]).toEqual([[], []])
    expect(world.livePerson.conversations()).toMatchObject([
      { extConsumerId: 'crm-20735', profile: { firstName: 'Zoë "Z" Berg' } },
    ])
  })

  describe('replaces a CloudEvents envelope', () => {
    /** With the required members and data only. */
    const newCloudEvent = (consumerId = 'crm-20735') => ({
      specversion: '1.0',
      id: randomUUID(),
      source: '/crm/upgrades',
      type: 'com.example.upgrade',
      data: { ...event, consumer: { id: consumerId } },
    })
    const template = templateOf('CloudEventsPipe')
    const pipe = (given: object, by = template) => transformInPipe(by, sqsRecord(given))

    test('with its source and id, although it has no optional member', async () => {
      const cloudEvent = newCloudEvent()
      expect([await give(pipe(cloudEvent)), await give(pipe(cloudEvent))]).toEqual([[], []])
      expect(world.livePerson.conversations()).toHaveLength(1)
    })

    test('of two sources that use the same id', async () => {
      const id = '1'
      const [one, other] = [newCloudEvent('crm-20738'), newCloudEvent('crm-20739')]
      expect(await give(pipe({ ...one, id }))).toEqual([])
      expect(await give(pipe({ ...other, id, source: 'https://shop.example.com' }))).toEqual([])
      expect(world.livePerson.conversations()).toHaveLength(2)
    })

    test('with its time, if the line that the page prints is added', async () => {
      const line = /`("time": <[^>]+>,)`/.exec(page)?.[1] ?? ''
      const withTime = template.replace('{', `{ ${line}`)
      expect(await give(pipe({ ...newCloudEvent('crm-20740'), time: now() }, withTime))).toEqual([])
      expect(await give(pipe({ ...newCloudEvent(), time: now(40) }, withTime))).toMatchObject([
        { code: 'event_too_old' },
      ])
    })
  })

  test('passes on a whole record without a template, which is quarantined with the way out', async () => {
    expect(await give(JSON.stringify(sqsRecord(event)))).toMatchObject([
      { code: 'invalid_request', detail: expect.stringContaining('docs/event-sources.md') },
    ])
  })

  test('removes the quotation marks of a body that is the whole template', () => {
    expect(transformInPipe('"<$.body>"', sqsRecord({ route: 'crm-upgrade' }))).toBe('"{route:crm-upgrade}"')
  })
})

describe('an SNS topic', () => {
  const { FilterPolicy } = Subscription.parse(resources.UpgradesSubscription).Properties
  const notify = (message: Json) =>
    matches(FilterPolicy, message)
      ? JSON.stringify({
          Type: 'Notification',
          MessageId: randomUUID(),
          TopicArn: 'arn:aws:sns:eu-west-1:111122223333:crm',
          Message: JSON.stringify(message),
          Timestamp: new Date().toISOString(),
          SignatureVersion: '1',
          Signature: 'EXAMPLE',
          SigningCertURL: 'https://sns.eu-west-1.amazonaws.com/SimpleNotificationService-0.pem',
          UnsubscribeURL: 'https://sns.eu-west-1.amazonaws.com/?Action=Unsubscribe',
        })
      : undefined

  test('opens a conversation for a message that its filter policy lets through', async () => {
    const body = notify({ route: 'crm-upgrade', consumer: { id: 'crm-20736' } })
    expect(await give(body ?? '')).toEqual([])
    expect(world.livePerson.conversations()).toMatchObject([{ extConsumerId: 'crm-20736' }])
  })

  test.each<[string, Json]>([
    ['another route', { route: 'newsletter', consumer: { id: 'crm-20737' } }],
    ['no consumer id', { route: 'crm-upgrade', consumer: { firstName: 'Zoë' } }],
  ])('holds back a message with %s', (_, message) => {
    expect(notify(message)).toBeUndefined()
  })
})

describe('an API destination', () => {
  const event = {
    version: '0',
    id: randomUUID(),
    'detail-type': 'order.help_requested',
    source: 'shop',
    account: '444455556666',
    time: now(),
    region: 'us-east-1',
    resources: [],
    detail: { orderId: '1042' },
  }

  test('opens one conversation, however often EventBridge repeats the call', async () => {
    const service = world.createService({ stage: STAGE })
    const headers = {
      'content-type': 'application/json; charset=utf-8',
      'user-agent': 'Amazon/EventBridge/ApiDestinations',
    }
    const body = send('OrdersDestination', event)
    const answers = [await submit(service, body, { headers }), await submit(service, body, { headers })]
    expect(answers.map(({ statusCode }) => statusCode)).toEqual([201, 200])
    expect(world.livePerson.conversations()).toMatchObject([{ engagementId: ORDER_HELP.engagementId }])
  })
})

test('every resource on the page is used here', () => {
  const used = [
    ...recipes.map(([, { rule }]) => rule),
    ...['HubSpotWebhook', 'EventsWebhook', 'OrdersPipe', 'CloudEventsPipe'],
    ...['UpgradesSubscription', 'OrdersDestination'],
  ]
  expect(Object.keys(resources).toSorted()).toEqual(used.toSorted())
})

/** The examples of the documentation, with other values. */
describe('a transformer', () => {
  const event = {
    'detail-type': 'State change',
    resources: ['arn:aws:ec2:eu-west-1:111122223333:instance/i-1'],
    detail: { 'instance-id': 'i-1', state: 'RUNNING', tags: { team: 'crm' }, count: 2 },
  }
  const paths = {
    instance: '$.detail.instance-id',
    state: '$.detail.state',
    tags: '$.detail.tags',
    count: '$.detail.count',
    resource: '$.resources[0]',
    missing: '$.detail.missing',
  }
  const apply = (InputTemplate: string) => transform({ InputPathsMap: paths, InputTemplate }, event)

  test.each([
    ['a string', '{"instance": <instance>}', '{"instance": "i-1"}'],
    ['a string in a string', '{"text": "<instance> is in <state>"}', '{"text": "i-1 is in RUNNING"}'],
    ['a number', '{"count": <count>}', '{"count": 2}'],
    ['an object', '{"tags": <tags>}', '{"tags": {"team":"crm"}}'],
    ['an object in a string', '"<tags>"', '"{team:crm}"'],
    ['an item of a list', '{"arn": <resource>}', `{"arn": "${event.resources[0]}"}`],
  ])('puts in %s', (_, template, text) => {
    expect(apply(template)).toBe(text)
  })

  test('may not use a path that doesn’t exist', () => {
    expect(() => apply('{"missing": <missing>}')).toThrow("$.detail.missing doesn't exist.")
  })
})
