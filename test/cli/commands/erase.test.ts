import { describe, expect, test } from 'vitest'
import { runOps } from '../../support/command.ts'

/** Nothing listens on this port. */
const DEAD = 'http://127.0.0.1:2'

/** Runs `npm run ops -- erase`. What it does is in test/security/erasure.test.ts. */
const erase = async (args: readonly string[], env: NodeJS.ProcessEnv = {}) => ({
  ...(await runOps(['erase', ...args], { env })),
  env,
})
const ACCOUNT = ['--account', '70123456']

describe('wrong arguments', () => {
  test.each<[string, readonly string[], string]>([
    ['nobody', ACCOUNT, 'Say whom to erase'],
    ['an empty consumer', [...ACCOUNT, '--consumer', ''], 'Say whom to erase'],
    ['no account', ['--consumer', 'crm-20731'], 'Say which account'],
    ['two targets', [...ACCOUNT, '--consumer', 'crm-20731', '--request', 'form-1'], 'not both'],
    ['a derived consumer', [...ACCOUNT, '--consumer', `request-${'0'.repeat(64)}`], 'Use --request'],
    ['two stages', [...ACCOUNT, '--request', 'form-1', '--local', '--stage', 'dev'], 'not both'],
    ['an unknown flag', [...ACCOUNT, '--everything'], '--everything'],
    ['a word without a flag', ['crm-20731'], 'crm-20731'],
  ])('such as %s exit with 2', async (_, args, message) => {
    const { exitCode, errors, printed } = await erase(args)
    expect(exitCode).toBe(2)
    expect(errors).toContain(message)
    expect(errors).toContain('See npm run ops -- erase --help')
    expect(printed).toBe('')
  })
})

test('an account that the stage does not have is refused, with those that it has', async () => {
  const { exitCode, errors } = await erase(['--account', '1', '--request', 'form-1', '--stage', 'local'])
  expect(exitCode).toBe(1)
  expect(errors).toContain('Account 1 is not in config/local.json. Accounts: 70123456')
})

test('--local reaches the local stack, unless a variable says otherwise', async () => {
  const { exitCode, errors, env } = await erase([...ACCOUNT, '--consumer', 'crm-20731', '--local'], {
    AWS_ENDPOINT_URL_DYNAMODB: DEAD,
    STATE_TABLE: 'state',
    LIVEPERSON_DOMAIN_API_URL: DEAD,
  })
  expect(exitCode).toBe(1)
  expect(errors).not.toBe('')
  expect(env).toMatchObject({
    AWS_ENDPOINT_URL_DYNAMODB: DEAD,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: 'http://127.0.0.1:4584',
    LIVEPERSON_DOMAIN_API_URL: DEAD,
  })
})

test('the help names every flag, and whom each of them finds', async () => {
  const { exitCode, printed } = await erase(['--help'])
  expect(exitCode).toBe(0)
  for (const flag of ['account', 'consumer', 'request', 'dry-run', 'stage', 'local', 'region', 'json'])
    expect(printed).toContain(`--${flag}`)
  expect(printed).toMatch(/derived from the request, so --consumer can't find/)
})
