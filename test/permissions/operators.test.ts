import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'
import { readResources } from '../../local/aws/resources.ts'
import { type Grant, readGrants } from '../../tools/iam.ts'
import { readDeclaration } from '../../tools/serverless-yml.ts'
import { parseTemplate, resolveTemplate } from '../../tools/template.ts'
import { startAwsEndpoint } from '../support/aws-endpoint.ts'
import { runOps } from '../support/command.ts'
import { createPatientService, drain } from '../support/drain.ts'
import { ACCOUNT, CRM_UPGRADE, deliver, startWorld, toRecord, type World } from '../support/world.ts'
import { ARNS, type Call, isAllowed, nameOf, type Permission, toPermissions } from './policy.ts'

const ROLE = 'OperatorsRole'

let world: World
let dynamoDb: Awaited<ReturnType<typeof startAwsEndpoint>>
let sqs: Awaited<ReturnType<typeof startAwsEndpoint>>
/** The calls of the commands. */
const calls: Call[] = []

const declared = parseTemplate({
  Outputs: {},
  ...Object(readDeclaration('infrastructure/roles.yml', 'test')),
})
const { OperatorsPolicy } = declared.Resources

/** What the operators' policy allows, on the table and the queues. The key of a customer is not among them. */
const permissions: readonly Permission[] = toPermissions(
  readGrants(
    resolveTemplate(
      { ...declared, Resources: OperatorsPolicy ? { OperatorsPolicy } : {} },
      { HasCustomerKey: false },
    ),
  )
    .filter(({ resource }) => Object.hasOwn(ARNS, resource))
    .map((grant): Grant => ({ ...grant, holder: ROLE })),
)

const Keys = z.object({ pk: z.object({ S: z.string() }) })
const TableInput = z.object({
  Key: Keys.optional(),
  RequestItems: z.record(z.string(), z.object({ Keys: z.array(Keys) })).optional(),
})
const QueueInput = z.object({ QueueUrl: z.string().optional(), QueueName: z.string().optional() })

const { events, handOver, quarantine } = readResources()
const arnOf = ({ QueueUrl, QueueName }: z.infer<typeof QueueInput>): string => {
  const name = QueueName ?? QueueUrl?.split('/').at(-1)
  const found = [events, handOver, quarantine].find((queue) => queue.name === name)
  if (!found) throw new Error(`There is no queue ${name}`)
  return found.arn
}

beforeAll(async () => {
  world = await startWorld()
  dynamoDb = await startAwsEndpoint({
    behind: world.dynamoDb.url,
    answer: (action, input) => {
      const { Key, RequestItems = {} } = TableInput.parse(input)
      const keys = Key ? [Key] : Object.values(RequestItems).flatMap((request) => request.Keys)
      const leadingKeys = keys.map(({ pk }) => pk.S)
      calls.push({ role: ROLE, action: `dynamodb:${action}`, resource: ARNS.StateTable, leadingKeys })
      return 'forward'
    },
  })
  sqs = await startAwsEndpoint({
    behind: world.sqs.url,
    answer: (action, input) => {
      // IAM has no actions for batches.
      const name = action.replace(/Batch$/, '')
      calls.push({
        role: ROLE,
        action: `sqs:${name}`,
        resource: arnOf(QueueInput.parse(input)),
        leadingKeys: [],
      })
      return 'forward'
    },
  })
})
afterAll(() => Promise.all([dynamoDb.close(), sqs.close(), world.close()]))

/** Runs a command with its calls recorded. The service's own calls are not. */
const ops = async (...args: string[]) => {
  const service = { AWS_ENDPOINT_URL_DYNAMODB: world.dynamoDb.url, AWS_ENDPOINT_URL_SQS: world.sqs.url }
  const recorded = { AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url, AWS_ENDPOINT_URL_SQS: sqs.url }
  Object.assign(process.env, recorded)
  try {
    return await runOps([...args, '--stage', 'local'], {
      env: {
        STATE_TABLE: world.dynamoDb.stateTable,
        SECRET_ID_PREFIX: 'campaign-conversations/test',
        LIVEPERSON_DOMAIN_API_URL: world.livePerson.url,
      },
      now: world.livePerson.clock.now,
      sleep: async () => {
        Object.assign(process.env, service)
        await drain(world)
        Object.assign(process.env, recorded)
      },
    })
  } finally {
    Object.assign(process.env, service)
  }
}

const id = (number: number) => `event-of-operators-${number}`
const event = (number: number, more: object = {}) => ({
  requestId: id(number),
  accountId: ACCOUNT,
  campaign: { ...CRM_UPGRADE, engagementId: '3120047712' },
  consumer: { id: `crm-${number}` },
  ...more,
})

test('the policy allows what the operators’ commands call', async () => {
  const service = createPatientService(world)
  await deliver(service, [toRecord(event(1)), toRecord(event(2)), toRecord({ requestId: id(3) })])
  // Its reason doesn't fit into its attributes.
  await deliver(service, [toRecord('x'.repeat(1_048_570))])
  await deliver(service, [toRecord(event(4))])
  const errors: string[] = []
  for (const args of [
    ['account', 'pause', ACCOUNT],
    ['account', 'resume', ACCOUNT],
    ['account', 'status'],
    ['request', 'show', id(1)],
    ['request', 'show', 'no-such-request'],
    ['request', 'forget', id(1), '--reason', 'the engagement is published'],
    ['request', 'settle', id(2), '--conversation', 'a-conversation'],
    ['quarantine', 'list'],
    ['quarantine', 'show', id(1)],
    ['quarantine', 'replay', '--dry-run'],
    ['quarantine', 'replay', '--reopen', '--yes', '--request', id(4)],
    ['quarantine', 'drop', '--code', 'invalid_request', '--yes'],
  ])
    errors.push((await ops(...args)).errors)
  expect(errors.filter((text) => /AccessDenied|SQS|DynamoDB/.test(text))).toEqual([])
  const refused = calls.filter((call) => !isAllowed(permissions, call))
  expect(refused).toEqual([])
})

test('the policy allows nothing that the commands do not need', () => {
  const all = [
    ...calls,
    // A record goes back to the queue that it came from. Here, all came from the events queue.
    { role: ROLE, action: 'sqs:SendMessage', resource: ARNS.HandOverQueue, leadingKeys: [] },
  ]
  const idle = permissions.filter((removed) => {
    const left = permissions.filter((one) => one !== removed)
    return all.every((call) => isAllowed(left, call))
  })
  expect(idle.map(nameOf)).toEqual([])
  expect(permissions.length).toBeGreaterThan(10)
})

test('the policy does not allow to delete or scan items, to write hosts, or to purge a queue', () => {
  const call = (action: string, resource: string, ...leadingKeys: string[]) =>
    isAllowed(permissions, { role: ROLE, action, resource, leadingKeys })
  expect(call('dynamodb:DeleteItem', ARNS.StateTable, 'request#1')).toBe(false)
  expect(call('dynamodb:UpdateItem', ARNS.StateTable, 'domains#1')).toBe(false)
  expect(call('dynamodb:UpdateItem', ARNS.StateTable, 'request#1', 'consumer#1')).toBe(false)
  expect(call('sqs:PurgeQueue', ARNS.QuarantineQueue)).toBe(false)
  expect(call('sqs:ReceiveMessage', ARNS.EventsQueue)).toBe(false)
  expect(call('sqs:DeleteMessage', ARNS.HandOverQueue)).toBe(false)
})
