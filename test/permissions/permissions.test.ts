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
import { awsClientConfig } from '../../local/aws/sdk.ts'
import { toSqsEvent } from '../../local/aws/sqs-event.ts'
import { createEnvironments, deploy } from '../security/deployment.ts'
import { type BotCheckProvider, startBotCheckProvider } from '../security/third-parties.ts'
import { type Container, startContainer } from '../support/process-container.ts'
import { ACCOUNT, CRM_UPGRADE, ORDER_HELP, startWorld, toRecord, type World } from '../support/world.ts'
import { type Iam, startIam } from './iam.ts'
import { isAllowed, nameOf, type Permission, readPermissions } from './policy.ts'
import { type FunctionName, SCENARIOS, type Scenario, type ScenarioName, type Tools } from './scenarios.ts'

const PERMISSIONS = readPermissions()

/** What happens in a scenario without one permission. */
interface Refusal {
  readonly scenario: ScenarioName
  readonly told: string
  /** The operation, as the log names it. Undefined: Lambda makes the call, and reports it. */
  readonly logged?: string
}

/** By the name of the permission. Each permission that a function needs is listed. */
const REFUSALS: Readonly<Record<string, readonly Refusal[]>> = {
  'OpenFromFormRole dynamodb:GetItem campaign-conversations-local-state': [
    { scenario: 'a form', told: '201 opened', logged: 'DynamoDB GetItem failed.' },
  ],
  'OpenFromFormRole dynamodb:BatchGetItem campaign-conversations-local-state': [
    {
      scenario: 'a form with a spent challenge, again',
      told: '503 service_unavailable',
      logged: 'DynamoDB BatchGetItem failed.',
    },
  ],
  'OpenFromFormRole dynamodb:UpdateItem campaign-conversations-local-state': [
    { scenario: 'a form', told: '202 queued', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'OpenFromFormRole secretsmanager:GetSecretValue test': [
    { scenario: 'a form', told: '202 queued', logged: 'Secrets Manager GetSecretValue failed.' },
  ],
  'OpenFromFormRole sqs:SendMessage campaign-conversations-local-hand-over': [
    {
      scenario: 'a form while LivePerson is down',
      told: '503 liveperson_unavailable',
      logged: 'SQS SendMessage to the hand-over queue failed.',
    },
  ],
  'OpenFromFormRole sqs:SendMessage campaign-conversations-local-quarantine': [
    {
      scenario: 'a form whose outcome is unknown',
      told: '202 queued',
      logged: 'SQS SendMessage to the quarantine queue failed.',
    },
  ],
  'OpenFromQueueRole dynamodb:GetItem campaign-conversations-local-state': [
    { scenario: 'a CRM event', told: 'done', logged: 'DynamoDB GetItem failed.' },
  ],
  'OpenFromQueueRole dynamodb:UpdateItem campaign-conversations-local-state': [
    { scenario: 'a CRM event', told: 'kept', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'OpenFromQueueRole secretsmanager:GetSecretValue test': [
    { scenario: 'a CRM event', told: 'kept', logged: 'Secrets Manager GetSecretValue failed.' },
  ],
  'OpenFromQueueRole sqs:ReceiveMessage campaign-conversations-local-events': [
    { scenario: 'a record of the events queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:ReceiveMessage campaign-conversations-local-hand-over': [
    { scenario: 'a record of the hand-over queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:DeleteMessage campaign-conversations-local-events': [
    { scenario: 'a record of the events queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:DeleteMessage campaign-conversations-local-hand-over': [
    { scenario: 'a record of the hand-over queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:GetQueueAttributes campaign-conversations-local-events': [
    { scenario: 'a record of the events queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:GetQueueAttributes campaign-conversations-local-hand-over': [
    { scenario: 'a record of the hand-over queue', told: 'AccessDenied' },
  ],
  'OpenFromQueueRole sqs:ChangeMessageVisibility campaign-conversations-local-events': [
    {
      scenario: 'a CRM event that fails',
      told: 'kept',
      logged: 'SQS ChangeMessageVisibility on the events queue failed.',
    },
  ],
  'OpenFromQueueRole sqs:ChangeMessageVisibility campaign-conversations-local-hand-over': [
    {
      scenario: 'a hand-over that fails',
      told: 'kept',
      logged: 'SQS ChangeMessageVisibility on the hand-over queue failed.',
    },
  ],
  'OpenFromQueueRole sqs:SendMessage campaign-conversations-local-hand-over': [
    {
      scenario: 'a CRM event while the circuit breaker is open',
      told: 'kept',
      logged: 'SQS SendMessage to the hand-over queue failed.',
    },
  ],
  'OpenFromQueueRole sqs:SendMessage campaign-conversations-local-quarantine': [
    {
      scenario: 'an invalid CRM event',
      told: 'kept',
      logged: 'SQS SendMessage to the quarantine queue failed.',
    },
  ],
  'RefreshDomainsRole dynamodb:GetItem campaign-conversations-local-state': [
    { scenario: 'a refresh', told: '200', logged: 'DynamoDB GetItem failed.' },
  ],
  'RefreshDomainsRole dynamodb:UpdateItem campaign-conversations-local-state': [
    { scenario: 'a refresh', told: '502', logged: 'DynamoDB UpdateItem failed.' },
  ],
  'ConversationStatusRole dynamodb:BatchGetItem campaign-conversations-local-state': [
    { scenario: 'a status', told: '503 service_unavailable', logged: 'DynamoDB BatchGetItem failed.' },
  ],
}

const ROLES: Readonly<Record<FunctionName, string>> = {
  openFromForm: 'OpenFromFormRole',
  openFromQueue: 'OpenFromQueueRole',
  refreshDomains: 'RefreshDomainsRole',
  conversationStatus: 'ConversationStatusRole',
}

let world: World
let iam: Iam
let bots: BotCheckProvider
let deployed: Awaited<ReturnType<typeof deploy>>
let environments: Awaited<ReturnType<typeof createEnvironments>>
let sqs: SQSClient
let dynamoDb: DynamoDBClient
const containers: Container[] = []

beforeAll(async () => {
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
  allowed: readonly Permission[] = PERMISSIONS,
  silent?: Permission,
) => {
  iam.set(allowed, silent)
  const requestId = randomUUID()
  const container = await start(scenario.function, scenario.account)
  const tools: Tools = {
    container,
    world,
    requestId,
    privileged: async () => {
      iam.set(PERMISSIONS)
      const made = await start(scenario.function, scenario.account)
      return {
        ...made,
        submit: async (...args) => {
          const answer = await made.submit(...args)
          iam.set(allowed, silent)
          return answer
        },
      }
    },
    poll: (queue, body) => pollWith(container, queue, body),
  }
  const told = await scenario.perform(tools)
  // The output arrives after the answer.
  await new Promise((resolve) => setTimeout(resolve, 50))
  return { told, tools, calls: iam.calls(), lines: linesOf(container) }
}

const Line = z.looseObject({ detail: z.string().optional(), cause: z.array(z.string()).optional() })
const linesOf = (container: Container) =>
  container
    .output()
    .split('\n')
    .filter(Boolean)
    .map((line) => Line.parse(JSON.parse(line)))

/** After the trouble: what the queues hold and what the sender repeats opens exactly one conversation. */
const expectOneConversation = async (scenario: Scenario, tools: Tools) => {
  if (!scenario.again) return
  iam.set(PERMISSIONS)
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

const isOfLambda = ({ action }: Permission) => action.startsWith('logs:')

describe('each role', () => {
  test.each(Object.entries<Scenario>(SCENARIOS))(
    'has all the permissions that %s needs',
    async (_, scenario) => {
      const { told, calls, tools } = await perform(scenario)
      expect(told).toBe(scenario.whole)
      expect(calls.filter(({ allowed }) => !allowed)).toEqual([])
      expect(calls.length).toBeGreaterThan(0)
      await expectOneConversation(scenario, tools)
    },
  )

  test('has no permission that no scenario needs, except to write its own log', () => {
    const needed = PERMISSIONS.filter((permission) => !isOfLambda(permission)).map(nameOf)
    expect(needed.toSorted()).toEqual(Object.keys(REFUSALS).toSorted())
    expect(PERMISSIONS.filter(isOfLambda).map(nameOf)).toEqual(
      Object.values(ROLES).flatMap((role) =>
        ['CreateLogStream', 'PutLogEvents'].map(
          (action) => `${role} logs:${action} ${role.replace('Role', 'LogGroup')}`,
        ),
      ),
    )
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
      PERMISSIONS.filter((permission) => nameOf(permission) !== name),
    )
    const refused = calls.filter(({ allowed }) => !allowed)
    expect(refused.length).toBeGreaterThan(0)
    const one = PERMISSIONS.find((permission) => nameOf(permission) === name)
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
  const allBut = (name: string) => PERMISSIONS.filter((permission) => nameOf(permission) !== name)
  const SEND = 'OpenFromFormRole sqs:SendMessage campaign-conversations-local-hand-over'
  const UPDATE = 'OpenFromFormRole dynamodb:UpdateItem campaign-conversations-local-state'

  test('a hand-over of a form that SQS does not answer', async () => {
    const silent = PERMISSIONS.find((permission) => nameOf(permission) === SEND)
    const scenario = SCENARIOS['a form while LivePerson is down']
    const { told, lines, tools } = await perform(scenario, PERMISSIONS, silent)
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
    const update = PERMISSIONS.find((permission) => nameOf(permission) === UPDATE)
    const others = ['request#*', 'consumer#*'].map((key): Permission[] =>
      update ? [{ ...update, leadingKeys: [key] }] : [],
    )
    const { told, lines } = await perform(SCENARIOS['a form'], [...allBut(UPDATE), ...others.flat()])
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
