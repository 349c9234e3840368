import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { parse } from 'yaml'
import { z } from 'zod'
import { startAwsEndpoint } from '../support/aws-endpoint.ts'
import { runOps } from '../support/command.ts'
import { ACCOUNT, deliver, startWorld, submit, toRecord, type World } from '../support/world.ts'
import { ARNS, type Call, isAllowed, type Permission, secretArnOf } from './policy.ts'

const ROLE = 'eraser'

let world: World
let dynamoDb: Awaited<ReturnType<typeof startAwsEndpoint>>
let secretsManager: Awaited<ReturnType<typeof startAwsEndpoint>>
/** The calls of the command. */
const calls: Call[] = []
let permissions: readonly Permission[]

const Statements = z.array(
  z.strictObject({
    Effect: z.literal('Allow'),
    Action: z.string(),
    Resource: z.string(),
    Condition: z
      .strictObject({
        'ForAllValues:StringLike': z.strictObject({ 'dynamodb:LeadingKeys': z.array(z.string()) }),
      })
      .optional(),
  }),
)

/** Returns the permissions in docs/security.md, with the names of the local resources. */
const readPermissions = async (): Promise<readonly Permission[]> => {
  const page = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8')
  const [, block = ''] = /### Who may erase[\s\S]*?```yaml\n([\s\S]*?)```/.exec(page) ?? []
  return Statements.parse(parse(block)).flatMap(({ Action, Resource, Condition }) =>
    (Condition?.['ForAllValues:StringLike']['dynamodb:LeadingKeys'] ?? [undefined]).map((leadingKey) => ({
      role: ROLE,
      effect: 'Allow',
      action: Action,
      resource: Resource.includes(':table/<service>-<stage>-state') ? ARNS.StateTable : toSecret(Resource),
      leadingKey,
    })),
  )
}
const toSecret = (resource: string) =>
  resource
    .replace(
      'arn:aws:secretsmanager:<region>:<AWS account>:secret:<service>/<stage>/<accountId>-*',
      secretArnOf(ACCOUNT),
    )
    .replace('-aB3dE6', '-*')

const Input = z.object({ Key: z.object({ pk: z.object({ S: z.string() }) }).optional() })

beforeAll(async () => {
  world = await startWorld()
  permissions = await readPermissions()
  dynamoDb = await startAwsEndpoint({
    behind: world.dynamoDb.url,
    answer: (action, input) => {
      const { Key } = Input.parse(input)
      const leadingKeys = Key ? [Key.pk.S] : []
      calls.push({ role: ROLE, action: `dynamodb:${action}`, resource: ARNS.StateTable, leadingKeys })
      return 'forward'
    },
  })
  secretsManager = await startAwsEndpoint({
    behind: world.secretsManager.url,
    answer: (action) => {
      const resource = secretArnOf(ACCOUNT)
      calls.push({ role: ROLE, action: `secretsmanager:${action}`, resource, leadingKeys: [] })
      return 'forward'
    },
  })
  const service = world.createService()
  const event = { requestId: 'event-0001', route: 'crm-upgrade', consumer: { id: 'crm-20731' } }
  await deliver(service, [toRecord(event)])
  await submit(service, { requestId: 'form-0001', route: 'order-help' })
})
afterAll(async () => {
  await Promise.all([dynamoDb.close(), secretsManager.close(), world.close()])
})

const erase = async (...args: string[]) => {
  Object.assign(process.env, {
    AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: secretsManager.url,
  })
  const { exitCode } = await runOps(['erase', '--account', ACCOUNT, ...args], {
    env: {
      CONFIG_FILE: 'config/local.json',
      STATE_TABLE: world.dynamoDb.stateTable,
      SECRET_ID_PREFIX: 'campaign-conversations/test',
      LIVEPERSON_DOMAIN_API_URL: world.livePerson.url,
    },
    now: () => Date.now() + 10 * 60_000,
  })
  return exitCode
}

test('the policy in docs/security.md allows what the erase command calls', async () => {
  expect(permissions.length).toBeGreaterThan(5)
  expect(await erase('--consumer', 'crm-20731')).toBe(0)
  expect(await erase('--request', 'form-0001')).toBe(0)
  expect(new Set(calls.map(({ action }) => action))).toEqual(
    new Set(['dynamodb:Scan', 'dynamodb:GetItem', 'dynamodb:UpdateItem', 'secretsmanager:GetSecretValue']),
  )
  expect(calls.filter((call) => !isAllowed(permissions, call))).toEqual([])
})

test('the policy allows nothing that the command does not need', () => {
  // DynamoDB's client reads an item again if a conditional write didn't say what it met.
  const all = [
    ...calls,
    { role: ROLE, action: 'dynamodb:GetItem', resource: ARNS.StateTable, leadingKeys: ['request#1'] },
  ]
  for (const removed of permissions) {
    const left = permissions.filter((one) => one !== removed)
    expect([removed, all.filter((call) => !isAllowed(left, call))]).not.toEqual([removed, []])
  }
})

test('the policy does not allow to delete, or to write hosts and pauses', () => {
  for (const [action, key] of [
    ['dynamodb:DeleteItem', 'request#1'],
    ['dynamodb:UpdateItem', 'domains#70123456'],
    ['dynamodb:UpdateItem', 'account#70123456'],
  ] as const)
    expect(
      isAllowed(permissions, { role: ROLE, action, resource: ARNS.StateTable, leadingKeys: [key] }),
    ).toBe(false)
})
