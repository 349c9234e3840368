import { randomUUID } from 'node:crypto'
import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import {
  DeleteMessageBatchCommand,
  GetQueueAttributesCommand,
  PurgeQueueCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { z } from 'zod'
import type { QueueName } from '../../lib/aws/queues.ts'
import { readResources } from '../../local/aws/resources.ts'
import { awsClientConfig } from '../../local/aws/sdk.ts'
import { toSqsEvent } from '../../local/aws/sqs-event.ts'
import { readGrants } from '../../tools/iam.ts'
import { packageService } from '../../tools/package-service.ts'
import { createEnvironments, deploy } from '../security/deployment.ts'
import { type BotCheckProvider, startBotCheckProvider } from '../security/third-parties.ts'
import { type Container, startContainer } from '../support/process-container.ts'
import { ACCOUNT, CRM_UPGRADE, ORDER_HELP, startWorld, toRecord, type World } from '../support/world.ts'
import { type Iam, startIam } from './iam.ts'
import { ARNS, type Call, isAllowed, nameOf, type Permission, secretArnOf, toPermissions } from './policy.ts'
import { type FunctionName, SCENARIOS, type Scenario, type ScenarioName, type Tools } from './scenarios.ts'

/** What happens in a scenario without one permission. */
interface Refusal {
  readonly scenario: ScenarioName
  readonly told: string
  /** The operation, as the log names it. Undefined: Lambda makes the call, and reports it. */
  readonly logged?: string
}

/** How the log describes a secret that may not be read. */
const refusedSecret = (name: string) =>
  `Secrets Manager refused access to the secret campaign-conversations/test/${name}. ` +
  "Allow secretsmanager:GetSecretValue on it, for the role that reads it and in the secret's own policy. " +
  'Check that it exists: access to other names is refused, too.'

/** By the name of the permission. Each permission that a function needs is listed. */
const REFUSALS: Readonly<Record<string, readonly Refusal[]>> = {
  'OpenFromFormRole dynamodb:GetItem account#*': [
    { scenario: 'a form', told: '201 opened', logged: 'DynamoDB GetItem failed.' },
  ],
  'OpenFromFormRole dynamodb:GetItem consumer#*': [
    {
      scenario: 'a form after a create that got no answer',
      told: '202 queued',
      logged: 'DynamoDB GetItem failed.',
    },
  ],
  'OpenFromFormRole dynamodb:GetItem domains#*': [
    { scenario: 'a form', told: '201 opened', logged: 'DynamoDB GetItem failed.' },
  ],
  'OpenFromFormRole dynamodb:GetItem request#*': [
    { scenario: 'a form whose item is lost', told: '201 opened', logged: 'DynamoDB GetItem failed.' },
    {
      scenario: 'a form with a spent challenge, again',
      told: '503 service_unavailable',
      logged: 'DynamoDB GetItem failed.',
    },
  ],
  'OpenFromFormRole dynamodb:UpdateItem consumer#*': [
    { scenario: 'a form', told: '201 opened', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'OpenFromFormRole dynamodb:UpdateItem domains#*': [
    { scenario: 'a form', told: '201 opened', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'OpenFromFormRole dynamodb:UpdateItem request#*': [
    { scenario: 'a form', told: '202 queued', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'OpenFromFormRole secretsmanager:GetSecretValue campaign-conversations/test/*': [
    { scenario: 'a form', told: '202 queued', logged: refusedSecret(ACCOUNT) },
    {
      scenario: 'a form with a spent challenge, again',
      told: '500 invalid_config',
      logged: refusedSecret(`${ACCOUNT}/bot-check`),
    },
  ],
  'OpenFromFormRole sqs:SendMessage HandOverQueue': [
    {
      scenario: 'a form while LivePerson is down',
      told: '503 liveperson_unavailable',
      logged: 'SQS SendMessage to the hand-over queue failed.',
    },
  ],
  'OpenFromFormRole sqs:SendMessage QuarantineQueue': [
    {
      scenario: 'a form whose outcome is unknown',
      told: '202 queued',
      logged: 'SQS SendMessage to the quarantine queue failed.',
    },
  ],
  'OpenFromQueueRole dynamodb:GetItem account#*': [
    { scenario: 'a CRM event', told: 'done', logged: 'DynamoDB GetItem failed.' },
  ],
  'OpenFromQueueRole dynamodb:GetItem consumer#*': [
    {
      scenario: 'a CRM event for a consumer with an open conversation',
      told: 'kept',
      logged: 'DynamoDB GetItem failed.',
    },
  ],
  'OpenFromQueueRole dynamodb:GetItem domains#*': [
    { scenario: 'a CRM event', told: 'done', logged: 'DynamoDB GetItem failed.' },
  ],
  'OpenFromQueueRole dynamodb:GetItem request#*': [
    { scenario: 'a CRM event whose item is lost', told: 'done', logged: 'DynamoDB GetItem failed.' },
    { scenario: 'a hand-over that can no longer be read', told: 'kept', logged: 'DynamoDB GetItem failed.' },
  ],
  'OpenFromQueueRole dynamodb:UpdateItem consumer#*': [
    { scenario: 'a CRM event', told: 'done', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'OpenFromQueueRole dynamodb:UpdateItem domains#*': [
    { scenario: 'a CRM event', told: 'done', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'OpenFromQueueRole dynamodb:UpdateItem quarantined#*': [
    {
      scenario: 'an invalid CRM event that leaves no room for the reason',
      told: 'done',
      logged: 'DynamoDB UpdateItem failed.',
    },
  ],
  'OpenFromQueueRole dynamodb:UpdateItem refused#*': [
    { scenario: 'an invalid CRM event', told: 'kept', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'OpenFromQueueRole dynamodb:UpdateItem request#*': [
    { scenario: 'a CRM event', told: 'kept', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'OpenFromQueueRole secretsmanager:GetSecretValue campaign-conversations/test/*': [
    { scenario: 'a CRM event', told: 'kept', logged: refusedSecret(ACCOUNT) },
  ],
  'OpenFromQueueRole sqs:ReceiveMessage EventsQueue': [
    { scenario: 'a record of the events queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:ReceiveMessage HandOverQueue': [
    { scenario: 'a record of the hand-over queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:DeleteMessage EventsQueue': [
    { scenario: 'a record of the events queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:DeleteMessage HandOverQueue': [
    { scenario: 'a record of the hand-over queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:GetQueueAttributes EventsQueue': [
    { scenario: 'a record of the events queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:GetQueueAttributes HandOverQueue': [
    { scenario: 'a record of the hand-over queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:ChangeMessageVisibility EventsQueue': [
    {
      scenario: 'a CRM event that fails',
      told: 'kept',
      logged: 'SQS ChangeMessageVisibility on the events queue failed.',
    },
  ],
  'OpenFromQueueRole sqs:ChangeMessageVisibility HandOverQueue': [
    {
      scenario: 'a hand-over that fails',
      told: 'kept',
      logged: 'SQS ChangeMessageVisibility on the hand-over queue failed.',
    },
  ],
  'OpenFromQueueRole sqs:SendMessage HandOverQueue': [
    {
      scenario: 'a CRM event while the circuit breaker is open',
      told: 'kept',
      logged: 'SQS SendMessage to the hand-over queue failed.',
    },
  ],
  'OpenFromQueueRole sqs:SendMessage QuarantineQueue': [
    {
      scenario: 'an invalid CRM event',
      told: 'kept',
      logged: 'SQS SendMessage to the quarantine queue failed.',
    },
  ],
  'RefreshDomainsRole dynamodb:GetItem domains#*': [
    { scenario: 'a refresh', told: '200', logged: 'DynamoDB GetItem failed.' },
  ],
  'RefreshDomainsRole dynamodb:UpdateItem domains#*': [
    { scenario: 'a refresh', told: '502', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'ConversationStatusRole dynamodb:BatchGetItem refused#*': [
    {
      scenario: 'a status of a CRM event',
      told: '503 service_unavailable',
      logged: 'DynamoDB BatchGetItem failed.',
    },
  ],
  'ConversationStatusRole dynamodb:BatchGetItem request#*': [
    { scenario: 'a status', told: '503 service_unavailable', logged: 'DynamoDB BatchGetItem failed.' },
  ],
  'ConversationEventsRole dynamodb:GetItem consumer#*': [
    { scenario: 'a push', told: '503', logged: 'DynamoDB GetItem failed.' },
  ],
  'ConversationEventsRole dynamodb:GetItem request#*': [
    { scenario: 'a push', told: '503', logged: 'DynamoDB GetItem failed.' },
  ],
  'ConversationEventsRole dynamodb:UpdateItem consumer#*': [
    { scenario: 'a push', told: '503', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'ConversationEventsRole dynamodb:UpdateItem request#*': [
    { scenario: 'a push', told: '503', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'ConversationEventsRole secretsmanager:GetSecretValue campaign-conversations/test/*': [
    { scenario: 'a push', told: '500', logged: refusedSecret(ACCOUNT) },
  ],
  'PublishOutcomesRole events:PutEvents OutcomeBus': [
    { scenario: 'an outcome', told: 'kept', logged: 'EventBridge PutEvents failed.' },
  ],
}

const ROLES: Readonly<Record<FunctionName, string>> = {
  openFromForm: 'OpenFromFormRole',
  openFromQueue: 'OpenFromQueueRole',
  refreshDomains: 'RefreshDomainsRole',
  conversationStatus: 'ConversationStatusRole',
  conversationEvents: 'ConversationEventsRole',
  publishOutcomes: 'PublishOutcomesRole',
}

let permissions: readonly Permission[]
let world: World
let iam: Iam
let bots: BotCheckProvider
let deployed: Awaited<ReturnType<typeof deploy>>
let environments: Awaited<ReturnType<typeof createEnvironments>>
let sqs: SQSClient
let dynamoDb: DynamoDBClient
const containers: Container[] = []

beforeAll(async () => {
  const service = await packageService()
  await service.remove()
  permissions = toPermissions(readGrants(service.template))
  ;[world, deployed, bots] = await Promise.all([startWorld(), deploy(), startBotCheckProvider('bot-secret')])
  world.secretsManager.put(`campaign-conversations/test/${ACCOUNT}/bot-check`, { secret: 'bot-secret' })
  iam = await startIam(world)
  environments = await createEnvironments(world)
  sqs = new SQSClient(awsClientConfig(world.sqs.url))
  dynamoDb = new DynamoDBClient(awsClientConfig(world.dynamoDb.url))
}, 120_000)

afterAll(async () => {
  for (const container of containers) container.stop()
  sqs.destroy()
  dynamoDb.destroy()
  await Promise.all([iam.close(), bots.close(), world.close(), deployed.remove(), environments.remove()])
})

beforeEach(async () => {
  for (const container of containers.splice(0)) container.stop()
  world.livePerson.reset()
  for (const url of [world.sqs.eventsQueueUrl, world.sqs.handOverQueueUrl, world.sqs.quarantineQueueUrl])
    await sqs.send(new PurgeQueueCommand({ QueueUrl: url }))
  // Containers write the hosts that they fetch only if the table has none.
  await dynamoDb.send(
    new DeleteItemCommand({
      TableName: world.dynamoDb.stateTable,
      Key: { pk: { S: `domains#${ACCOUNT}` } },
    }),
  )
})

const start = async (name: FunctionName, account: object = {}): Promise<Container> => {
  const stage = {
    origins: ['https://www.example.com'],
    accounts: [
      {
        accountId: ACCOUNT,
        form: { consumers: 'anonymous' },
        routes: {
          'order-help': { ...ORDER_HELP, doors: ['form'] },
          'crm-upgrade': { ...CRM_UPGRADE, doors: ['queue'] },
        },
        ...JSON.parse(
          JSON.stringify(account).replace(
            '"siteverify"',
            `{"verifyUrl":"${bots.verifyUrl}","hostnames":["www.example.com"]}`,
          ),
        ),
      },
    ],
  }
  const env = await environments.of(stage, {
    AWS_ACCESS_KEY_ID: ROLES[name],
    AWS_ENDPOINT_URL_DYNAMODB: iam.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: iam.url,
    AWS_ENDPOINT_URL_SQS: iam.url,
    AWS_ENDPOINT_URL_EVENTBRIDGE: iam.url,
    OUTCOME_BUS: readResources().outcomeBus,
    EVENTS_QUEUE_URL: guarded(world.sqs.eventsQueueUrl),
    HANDOVER_QUEUE_URL: guarded(world.sqs.handOverQueueUrl),
    QUARANTINE_QUEUE_URL: guarded(world.sqs.quarantineQueueUrl),
    FORM_DEADLINE_MS: '3000',
  })
  const container = await startContainer({ [name]: deployed.handlers[name] ?? '' }, env)
  containers.push(container)
  return container
}

/** The SDK calls the host in a queue's URL. */
const guarded = (queueUrl: string) => queueUrl.replace(world.sqs.url, iam.url)

const Inspected = z.object({
  messages: z.object({
    ready: z.array(z.object({ body: z.string() })),
    delayed: z.array(z.object({ body: z.string() })),
    inflight: z.array(z.object({ message: z.object({ body: z.string() }) })),
  }),
})

const bodiesIn = async (queueUrl: string): Promise<readonly string[]> => {
  const name = new URL(queueUrl).pathname.split('/').at(-1)
  const inspected: unknown = await (await fetch(`${world.sqs.url}/_fauxqs/queues/${name}`)).json()
  const { ready, delayed, inflight } = Inspected.parse(inspected).messages
  return [...ready, ...delayed, ...inflight.map(({ message }) => message)].map(({ body }) => body)
}

/** Returns how Lambda's poller gets on with one record, with the role of openFromQueue. */
const pollWith = async (container: Container, queue: QueueName, body: string): Promise<string> => {
  const [url, arn] =
    queue === 'events'
      ? [world.sqs.eventsQueueUrl, world.sqs.eventsQueueArn]
      : [world.sqs.handOverQueueUrl, world.sqs.handOverQueueArn]
  await sqs.send(new SendMessageCommand({ QueueUrl: url, MessageBody: body }))
  const QueueUrl = guarded(url)
  const lambda = new SQSClient({
    ...awsClientConfig(iam.url),
    credentials: { accessKeyId: ROLES.openFromQueue, secretAccessKey: 'local' },
  })
  try {
    await lambda.send(new GetQueueAttributesCommand({ QueueUrl, AttributeNames: ['VisibilityTimeout'] }))
    const { Messages = [] } = await lambda.send(
      new ReceiveMessageCommand({ QueueUrl, MessageSystemAttributeNames: ['All'] }),
    )
    const kept = await container.deliver(toSqsEvent(Messages, arn).Records)
    const Entries = Messages.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle }))
    await lambda.send(new DeleteMessageBatchCommand({ QueueUrl, Entries }))
    return kept.length === 0 ? 'done' : 'kept'
  } catch (error) {
    // Nothing is lost: the record is still there.
    expect(await bodiesIn(url)).toHaveLength(1)
    return error instanceof Error ? error.name : String(error)
  } finally {
    lambda.destroy()
  }
}

const perform = async (
  scenario: Scenario,
  allowed: readonly Permission[] = permissions,
  silent?: Permission,
) => {
  const requestId = randomUUID()
  const toolsOf = (container: Container): Tools => ({
    container,
    world,
    requestId,
    loseItem: iam.loseItem,
    poll: (queue, body) => pollWith(container, queue, body),
  })
  if (scenario.before) {
    iam.set(permissions)
    await scenario.before(toolsOf(await start(scenario.function, scenario.account)))
  }
  iam.set(allowed, silent)
  const container = await start(scenario.function, scenario.account)
  const tools = toolsOf(container)
  const told = await scenario.perform(tools)
  // The output arrives after the answer.
  await new Promise((resolve) => setTimeout(resolve, 50))
  return { told, tools, calls: iam.calls(), lines: linesOf(container) }
}

const Reason = z.looseObject({ detail: z.string().optional(), cause: z.array(z.string()).optional() })
const Line = Reason.extend({ failures: z.array(Reason).default([]) })

/** Returns the lines of the log, and each of their failures with the members of its line. */
const linesOf = (container: Container) =>
  container
    .output()
    .split('\n')
    .filter(Boolean)
    .map((line) => Line.parse(JSON.parse(line)))
    .flatMap((line) => [line, ...line.failures.map((failure) => ({ ...line, ...failure }))])

/** After the trouble: what the queues hold and what the sender repeats opens exactly one conversation. */
const expectOneConversation = async (scenario: Scenario, tools: Tools) => {
  if (!scenario.again) return
  iam.set(permissions)
  const handedOver = (await bodiesIn(world.sqs.handOverQueueUrl)).filter((body) =>
    body.includes(tools.requestId),
  )
  const queue = await start('openFromQueue', scenario.account)
  for (const body of handedOver)
    expect(await queue.deliver([toRecord(body, { queue: 'handOver' })])).toEqual([])
  const container = await start(scenario.function, scenario.account)
  expect(['200 opened', '201 opened', 'done']).toContain(await scenario.again({ ...tools, container }))
  const opened = world.livePerson
    .conversations()
    .filter(
      ({ extConsumerId }) =>
        scenario.function === 'openFromForm' || extConsumerId === `consumer-of-${tools.requestId}`,
    )
  expect(opened).toHaveLength(1)
}

/** What only Lambda does: it writes the log, reads the stream, and tells what it has given up of the stream. */
const isOfLambda = ({ action, resource }: Permission) =>
  action.startsWith('logs:') || [ARNS['StateTable/stream'], ARNS.OutcomesFailedQueue].includes(resource)

/** The calls of all scenarios. */
const recorded: Call[] = []

const OTHER_SECRET = 'arn:aws:secretsmanager:eu-west-1:000000000000:secret:other-service/test/key-aB3dE6'

/** Kinds of calls that a role could make: those of the service, and those that nobody may make. */
const IMAGINED: readonly Omit<Call, 'role'>[] = [
  ...[
    'GetItem',
    'BatchGetItem',
    'UpdateItem',
    'PutItem',
    'DeleteItem',
    'BatchWriteItem',
    'Query',
    'Scan',
  ].flatMap((action) =>
    [ARNS.StateTable, `${ARNS.StateTable}-other`].flatMap((resource) =>
      ['account', 'consumer', 'domains', 'quarantined', 'refused', 'request', 'requests', 'other'].map(
        (family) => ({
          action: `dynamodb:${action}`,
          resource,
          leadingKeys: [`${family}#1`],
        }),
      ),
    ),
  ),
  ...[
    ...['SendMessage', 'ReceiveMessage', 'DeleteMessage', 'ChangeMessageVisibility', 'GetQueueAttributes'],
    ...['SetQueueAttributes', 'PurgeQueue', 'StartMessageMoveTask'],
  ].flatMap((action) =>
    [ARNS.EventsQueue, ARNS.HandOverQueue, ARNS.QuarantineQueue, `${ARNS.EventsQueue}-other`].map(
      (resource) => ({ action: `sqs:${action}`, resource, leadingKeys: [] }),
    ),
  ),
  ...['PutEvents', 'PutRule'].flatMap((action) =>
    [ARNS.OutcomeBus, `${ARNS.OutcomeBus}-other`].map((resource) => ({
      action: `events:${action}`,
      resource,
      leadingKeys: [],
    })),
  ),
  ...['GetSecretValue', 'PutSecretValue', 'DeleteSecret'].flatMap((action) =>
    [secretArnOf(ACCOUNT), secretArnOf(`${ACCOUNT}/bot-check`), OTHER_SECRET].map((resource) => ({
      action: `secretsmanager:${action}`,
      resource,
      leadingKeys: [],
    })),
  ),
]

const kindsOf = ({ role, action, resource, leadingKeys }: Call): readonly string[] =>
  (leadingKeys.length === 0 ? [''] : leadingKeys).map((key) =>
    `${role} ${action} ${resource} ${key.split('#')[0]}`.trim(),
  )

/** Returns how permissions differ from the recorded calls. Empty: they are exactly what is needed. */
const differencesOf = (given: readonly Permission[]) => {
  const possible = Object.values(ROLES).flatMap((role) => IMAGINED.map((call) => ({ ...call, role })))
  const used = new Set(recorded.flatMap(kindsOf))
  const granted = new Set(possible.filter((call) => isAllowed(given, call)).flatMap(kindsOf))
  const idle = given.filter(
    (one) => one.effect === 'Allow' && !isOfLambda(one) && !recorded.some((call) => isAllowed([one], call)),
  )
  return [
    ...[...used].filter((kind) => !granted.has(kind)).map((kind) => `used, not granted: ${kind}`),
    ...[...granted].filter((kind) => !used.has(kind)).map((kind) => `granted, not used: ${kind}`),
    ...idle.map((one) => `granted, not used: ${nameOf(one)}`),
  ]
}

describe('each role', () => {
  test.each(Object.entries<Scenario>(SCENARIOS))(
    'has all the permissions that %s needs',
    async (_, scenario) => {
      const { told, calls, tools } = await perform(scenario)
      recorded.push(...calls)
      expect(told).toBe(scenario.whole)
      expect(calls.filter(({ allowed }) => !allowed)).toEqual([])
      expect(calls.length).toBeGreaterThan(0)
      await expectOneConversation(scenario, tools)
    },
  )

  test('grants exactly what the scenarios need: actions, resources and key ranges', () => {
    expect(differencesOf(permissions)).toEqual([])
  })

  test('would not, with one permission less', () => {
    for (const removed of permissions.filter((one) => !isOfLambda(one)))
      expect([nameOf(removed), differencesOf(permissions.filter((one) => one !== removed))]).not.toEqual([
        nameOf(removed),
        [],
      ])
  })

  test.each<[string, Partial<Permission>]>([
    ['one more action', { action: 'dynamodb:DeleteItem', leadingKey: 'request#*' }],
    ['all actions', { action: 'dynamodb:*', leadingKey: 'request#*' }],
    ['one more range of keys', { leadingKey: 'account#*' }],
    ['a wider range of keys', { leadingKey: 'request*' }],
    ['all keys', { leadingKey: undefined }],
    ['another table', { resource: '*', leadingKey: 'request#*' }],
    ['one more queue', { action: 'sqs:SendMessage', resource: ARNS.EventsQueue }],
    ['an action on the right queue', { action: 'sqs:PurgeQueue', resource: ARNS.QuarantineQueue }],
    ['a service that it does not use', { action: 's3:GetObject', resource: '*' }],
    ['the secrets of others', { action: 'secretsmanager:GetSecretValue', resource: '*' }],
  ])('would not, with %s', (_, change) => {
    const added: Permission = {
      role: 'OpenFromFormRole',
      effect: 'Allow',
      action: 'dynamodb:UpdateItem',
      resource: ARNS.StateTable,
      ...change,
    }
    expect(differencesOf([...permissions, added])).not.toEqual([])
  })

  test('has besides what Lambda itself uses to write its log, and to read the stream', () => {
    const ofLogs = Object.values(ROLES).flatMap((role) =>
      ['CreateLogStream', 'PutLogEvents'].map(
        (action) => `${role} logs:${action} ${role.replace('Role', 'LogGroup')}`,
      ),
    )
    const ofStream = ['DescribeStream', 'GetRecords', 'GetShardIterator', 'ListStreams'].map(
      (action) => `PublishOutcomesRole dynamodb:${action} StateTable/stream`,
    )
    expect(permissions.filter(isOfLambda).map(nameOf)).toEqual([
      ...ofLogs,
      ...ofStream,
      'PublishOutcomesRole sqs:SendMessage OutcomesFailedQueue',
    ])
  })

  test('has each of its permissions taken away below', () => {
    const names = permissions.filter((one) => one.effect === 'Allow' && !isOfLambda(one)).map(nameOf)
    expect(names.toSorted()).toEqual(Object.keys(REFUSALS).toSorted())
  })
})

describe('without', () => {
  const rows = Object.entries(REFUSALS).flatMap(([name, refusals]) =>
    refusals.map((refusal) => [name, refusal] as const),
  )

  test.each(rows)('%s, the log names the operation and nothing is lost', async (name, refusal) => {
    const scenario: Scenario = SCENARIOS[refusal.scenario]
    const { told, calls, lines, tools } = await perform(
      scenario,
      permissions.filter((permission) => nameOf(permission) !== name),
    )
    const refused = calls.filter(({ allowed }) => !allowed)
    expect(refused.length).toBeGreaterThan(0)
    const one = permissions.find((permission) => nameOf(permission) === name)
    for (const call of refused) expect(one && isAllowed([one], call)).toBe(true)
    expect(told).toBe(refusal.told)
    if (refusal.logged) {
      const found = lines.filter(({ detail }) => detail === refusal.logged)
      expect(found, JSON.stringify(lines, undefined, 1)).not.toEqual([])
      for (const { cause = [] } of found) expect(cause[0]).toMatch(/^AccessDenied/)
    }
    await expectOneConversation(scenario, tools)
  })
})

describe('no failure is silent:', () => {
  const allBut = (name: string) => permissions.filter((permission) => nameOf(permission) !== name)
  const SEND = 'OpenFromFormRole sqs:SendMessage HandOverQueue'

  test('a hand-over of a form that SQS does not answer', async () => {
    const silent = permissions.find((permission) => nameOf(permission) === SEND)
    const scenario = SCENARIOS['a form while LivePerson is down']
    const { told, lines, tools } = await perform(scenario, permissions, silent)
    expect(told).toBe('503 liveperson_unavailable')
    const failed = lines.find(({ detail }) => detail === 'SQS SendMessage to the hand-over queue failed.')
    expect(failed?.cause?.[0]).toMatch(/^TimeoutError/)
    await expectOneConversation(scenario, tools)
  })

  test('a hand-over of a form that SQS refuses', async () => {
    const { lines } = await perform(SCENARIOS['a form while LivePerson is down'], allBut(SEND))
    const failed = lines.find(({ detail }) => detail === 'SQS SendMessage to the hand-over queue failed.')
    expect(failed).toMatchObject({ level: 'ERROR', step: 'hand_over', cause: ['AccessDenied'] })
  })

  test('domains that the table refuses to keep', async () => {
    const { told, lines } = await perform(
      SCENARIOS['a form'],
      allBut('OpenFromFormRole dynamodb:UpdateItem domains#*'),
    )
    expect(told).toBe('201 opened')
    expect(lines).toContainEqual(
      expect.objectContaining({
        level: 'ERROR',
        message: "The account's domains can't be written to the state table",
        detail: 'DynamoDB UpdateItem failed.',
        cause: ['AccessDeniedException'],
      }),
    )
  })
})
