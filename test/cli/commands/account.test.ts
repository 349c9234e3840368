import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createPauseSwitch, readPause, setPaused } from '../../../lib/account/pause.ts'
import type { StateTable } from '../../../lib/aws/state-table.ts'
import { startDynamoDb } from '../../../local/aws/dynamodb.ts'
import { projectRoot } from '../../structure/source.ts'
import { type AwsAnswer, createPatientTable, startAwsEndpoint } from '../../support/aws-endpoint.ts'
import { runOps } from '../../support/command.ts'
import { ACCOUNT, OTHER_ACCOUNT } from '../../support/world.ts'

const NOW = 1_800_000_000_000
/** Nothing listens on this port. */
const DEAD = 'http://127.0.0.1:2'

let dynamoDb: Awaited<ReturnType<typeof startDynamoDb>>
let endpoint: Awaited<ReturnType<typeof startAwsEndpoint>>
let table: StateTable
let folder: string
/** What the endpoint answers. Undefined: DynamoDB's own answer. */
let answer: AwsAnswer | undefined

beforeAll(async () => {
  dynamoDb = await startDynamoDb()
  endpoint = await startAwsEndpoint({ behind: dynamoDb.url, answer: () => answer ?? 'forward' })
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  })
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-account-'))
})
beforeEach(async () => {
  answer = undefined
  process.env.AWS_ENDPOINT_URL_DYNAMODB = endpoint.url
  table = createPatientTable(dynamoDb.stateTable)
  for (const accountId of [ACCOUNT, OTHER_ACCOUNT]) await setPaused(table, accountId, false, 0)
})
afterAll(async () => {
  await endpoint.close()
  await Promise.all([dynamoDb.close(), rm(folder, { recursive: true })])
})

/** Runs `npm run account` in this process. */
const account = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  runOps(['account', ...args], { env: { STATE_TABLE: dynamoDb.stateTable, ...env }, now: () => NOW })
const onLocal = (...args: string[]) => account([...args, '--stage', 'local'])

describe('an account', () => {
  test('is paused for every container that reads the switch, and then resumed', async () => {
    const paused = await onLocal('pause', ACCOUNT)
    expect(paused).toMatchObject({
      exitCode: 0,
      printed: `Account ${ACCOUNT} is paused since 2027-01-15T08:00:00.000Z. This works within a minute.`,
      errors: '',
    })
    const container = () =>
      createPauseSwitch({ table, accountId: ACCOUNT, now: Date.now, onFailed: () => {} })
    expect(await container().isPaused()).toBe(true)
    const resumed = await onLocal('resume', ACCOUNT)
    expect(resumed.printed).toContain(`Account ${ACCOUNT} is active since 2027-01-15T08:00:00.000Z.`)
    expect(await container().isPaused()).toBe(false)
  })

  test('that is paused already stays so, with the time of the first pause', async () => {
    await setPaused(table, ACCOUNT, true, 1000)
    const { exitCode, printed } = await onLocal('pause', ACCOUNT)
    expect(exitCode).toBe(0)
    expect(printed).toContain('since 1970-01-01T00:00:01.000Z. Nothing was changed.')
  })

  test('is shown alone, or with all others of the stage', async () => {
    await setPaused(table, OTHER_ACCOUNT, true, NOW)
    const { printed } = await onLocal('status', ACCOUNT)
    expect(printed).toMatch(new RegExp(`^Account ${ACCOUNT} is active( since \\S+)?\\.$`))
    const all = await onLocal('status')
    expect(all.printed.split('\n')).toHaveLength(2)
    expect(all.printed).toContain(`Account ${OTHER_ACCOUNT} is paused since 2027-01-15T08:00:00.000Z.`)
  })

  test('is printed as JSON for machines', async () => {
    const { printed } = await onLocal('pause', OTHER_ACCOUNT, '--json')
    expect(JSON.parse(printed)).toEqual({
      stage: 'local',
      accounts: [
        expect.objectContaining({ accountId: OTHER_ACCOUNT, paused: true, pausedAt: NOW, changed: true }),
      ],
    })
    const status = JSON.parse((await onLocal('status', '--json')).printed)
    expect(status.accounts).toMatchObject([
      { accountId: ACCOUNT, paused: false },
      { accountId: OTHER_ACCOUNT, paused: true, pausedAt: NOW },
    ])
    expect(status.accounts[0]).not.toHaveProperty('changed')
  })

  test('that the stage does not have is refused, with those that it has', async () => {
    const { exitCode, errors } = await onLocal('pause', '70000000')
    expect(exitCode).toBe(1)
    expect(errors).toBe(
      `Account 70000000 is not in config/local.json. Accounts: ${ACCOUNT}, ${OTHER_ACCOUNT}.`,
    )
    expect(await readPause(table, '70000000')).toEqual({ paused: false })
  })
})

describe('the stage', () => {
  test('is dev by default', async () => {
    const { printed } = await account(['status', '--json'])
    expect(JSON.parse(printed)).toMatchObject({ stage: 'dev', accounts: [{ accountId: ACCOUNT }] })
  })

  test('that does not exist is refused, with those that do', async () => {
    const { exitCode, errors } = await account(['status', '--stage', 'nowhere'])
    expect(exitCode).toBe(1)
    expect(errors).toBe("config/nowhere.json can't be read. Stages in config/: dev, local.")
  })

  test('decides the table, unless a flag does', async () => {
    endpoint.take()
    const { exitCode, errors } = await account(['status', '--stage', 'local', '--state-table', 'not-yet'])
    expect(exitCode).toBe(1)
    expect(errors).toContain('ResourceNotFoundException')
    expect(errors).toContain('Check --stage and --region')
  })

  test.each([
    ['no JSON', '{', 'is not valid JSON'],
    ['invalid', '{"accounts":[]}', 'accounts'],
  ])('whose file is %s is refused with the reason', async (_, content, reason) => {
    const file = join(folder, 'stage.json')
    await writeFile(file, content)
    const { exitCode, errors } = await account(['status', '--config-file', file])
    expect(exitCode).toBe(1)
    expect(errors).toContain(file)
    expect(errors).toContain(reason)
  })
})

describe('wrong arguments', () => {
  test.each([
    ['no action', [], 'Say what to do: pause, resume, status.'],
    ['an unknown action', ['stop'], 'Say what to do: pause, resume, status.'],
    ['a pause of no account', ['pause'], 'Say which account to pause'],
    ['two accounts', ['pause', ACCOUNT, OTHER_ACCOUNT], 'Name one account only.'],
    ['an unknown flag', ['status', '--stag', 'local'], '--stag'],
    ['a flag without its value', ['status', '--stage'], '--stage'],
  ])('such as %s exit with 2, and change nothing', async (_, args, message) => {
    endpoint.take()
    const { exitCode, errors, printed } = await account(args)
    expect(exitCode).toBe(2)
    expect(errors).toContain(message)
    expect(errors).toContain('See npm run ops -- account --help')
    expect(printed).toBe('')
    expect(endpoint.take()).toEqual([])
  })
})

describe('a failure of AWS says what to do', () => {
  const refuse = (type: string): AwsAnswer => ({
    status: 400,
    body: { __type: `com.amazon#${type}`, message: '' },
  })

  test.each([
    ['AccessDeniedException', 'dynamodb:UpdateItem'],
    ['ExpiredTokenException', 'Renew them'],
    ['UnrecognizedClientException', 'Renew them'],
  ])('%s', async (type, advice) => {
    answer = refuse(type)
    const { exitCode, errors } = await onLocal('pause', ACCOUNT)
    expect(exitCode).toBe(1)
    expect(errors).toContain('DynamoDB UpdateItem failed.')
    expect(errors).toContain(type)
    expect(errors).toContain(advice)
  })

  test('no connection', async () => {
    process.env.AWS_ENDPOINT_URL_DYNAMODB = DEAD
    const { exitCode, errors } = await onLocal('status', ACCOUNT)
    expect(exitCode).toBe(1)
    expect(errors).toContain('AWS_ENDPOINT_URL_DYNAMODB')
  })
})

describe('as a process', () => {
  const run = (env: NodeJS.ProcessEnv, ...args: string[]) =>
    promisify(execFile)(process.execPath, ['cli/ops.ts', 'account', ...args], {
      cwd: projectRoot,
      env: { PATH: process.env.PATH, AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url, ...env },
    })
      .then(({ stdout, stderr }) => ({ exitCode: 0, stdout, stderr }))
      .catch(({ code, stdout, stderr }) => ({
        exitCode: Number(code),
        stdout: `${stdout}`,
        stderr: `${stderr}`,
      }))
  const local = { AWS_ACCESS_KEY_ID: 'local', AWS_SECRET_ACCESS_KEY: 'local' }

  test('it finds the local table by the name of the stage', async () => {
    const { exitCode, stdout } = await run(local, 'pause', ACCOUNT, '--stage', 'local')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('is paused since')
    expect(await readPause(table, ACCOUNT)).toMatchObject({ paused: true })
  })

  test('without credentials it says what to set', async () => {
    const env = { AWS_EC2_METADATA_DISABLED: 'true', HOME: folder }
    const { exitCode, stderr } = await run(env, 'status', '--stage', 'local')
    expect(exitCode).toBe(1)
    expect(stderr).toContain('There are no AWS credentials. Set AWS_PROFILE')
  })
})
