import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Step } from '../../../cli/doctor/steps.ts'
import { type AwsAnswer, startAwsEndpoint } from '../../support/aws-endpoint.ts'
import { ACCOUNT, OTHER_ACCOUNT, refresh, STAGE, startWorld, type World } from '../../support/world.ts'

const root = fileURLToPath(new URL('../../..', import.meta.url))
/** Nothing listens on this port. */
const DEAD = 'http://127.0.0.1:2'

let world: World
let folder: string
/** All tests share one Secrets Manager, so each has its own prefix. */
let prefix: string
let count = 0

beforeAll(async () => {
  world = await startWorld()
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-doctor-'))
})
beforeEach(() => {
  prefix = `doctor-${count++}`
})
afterEach(() => world.livePerson.reset())
afterAll(async () => {
  await world.close()
  await rm(folder, { recursive: true })
})

const secretOf = (accountId: string) => {
  const account = world.accounts.find((candidate) => candidate.accountId === accountId)
  return { clientId: account?.clientId ?? '', clientSecret: account?.clientSecrets[0] ?? '' }
}

const putSecrets = () => {
  for (const id of [ACCOUNT, OTHER_ACCOUNT]) world.secretsManager.put(`${prefix}/${id}`, secretOf(id))
}

const write = async (stage: unknown): Promise<string> => {
  const file = join(folder, `${prefix}.json`)
  await writeFile(file, JSON.stringify(stage))
  return file
}

/** One run of the doctor. */
interface Run {
  readonly exitCode: number
  readonly printed: string
  readonly ok: boolean
  readonly steps: readonly Step[]
}

/**
 * Runs the doctor as an operator would, and checks that it printed no secret or token and opened no
 * conversation.
 */
const examine = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> => {
  const { exitCode, printed, output } = await run(['--json', ...args], env)
  const { ok, steps } = JSON.parse(output)
  expect(ok).toBe(exitCode === 0)
  expect(printed).not.toMatch(/eyJ[\w-]+\./)
  for (const { clientId, clientSecrets } of world.accounts)
    for (const secret of [clientId, ...clientSecrets]) expect(printed).not.toContain(secret)
  for (const token of tokens()) expect(printed).not.toContain(token)
  expect(world.livePerson.requests({ service: 'conversation' })).toEqual([])
  return { exitCode, printed, ok, steps }
}

const run = async (args: readonly string[], env: Readonly<Record<string, string>>) => {
  const { PATH = '', AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY } = process.env
  const environment = {
    PATH,
    AWS_REGION,
    AWS_ACCESS_KEY_ID,
    AWS_SECRET_ACCESS_KEY,
    AWS_ENDPOINT_URL_DYNAMODB: world.dynamoDb.url,
    AWS_ENDPOINT_URL_SECRETS_MANAGER: world.secretsManager.url,
    LIVEPERSON_DOMAIN_API_URL: world.livePerson.url,
    STATE_TABLE: world.dynamoDb.stateTable,
    SECRET_ID_PREFIX: prefix,
    ...env,
  }
  return promisify(execFile)(process.execPath, ['cli/ops.ts', 'doctor', ...args], {
    cwd: root,
    env: environment,
  })
    .then(({ stdout, stderr }) => ({ exitCode: 0, output: stdout, printed: stdout + stderr }))
    .catch(({ code, stdout, stderr }) => ({
      exitCode: Number(code),
      output: String(stdout),
      printed: `${stdout}${stderr}`,
    }))
}

/** Returns the AppJWTs that the IDP received. */
const tokens = () =>
  world.livePerson
    .requests({ service: 'idp' })
    .map(({ headers }) => headers.authorization ?? '')
    .filter(Boolean)

/** Returns the code or status of each step of an account. */
const codesOf = ({ steps }: Run, accountId = ACCOUNT) =>
  Object.fromEntries(
    steps
      .filter((step) => [accountId, ''].includes(step.accountId))
      .map(({ step, status, code }) => [step, code ?? status]),
  )

const stepOf = ({ steps }: Run, name: string) => steps.find(({ step }) => step === name)

const ALL_OK = {
  configuration: 'ok',
  secret: 'ok',
  domains: 'ok',
  AppJWT: 'ok',
  ConsumerJWS: 'ok',
  conversation: 'ok',
}

describe('if every step is ok, the doctor', () => {
  test('reports each step of every account, and opens nothing', async () => {
    putSecrets()
    await refresh(world.createService())
    const file = await write(STAGE)
    const result = await examine(['--config-file', file])
    expect(result.exitCode).toBe(0)
    expect(codesOf(result)).toEqual(ALL_OK)
    expect(codesOf(result, OTHER_ACCOUNT)).toEqual(ALL_OK)
    expect(stepOf(result, 'domains')?.found).toContain('state table: written 0 min ago')
    expect(stepOf(result, 'AppJWT')?.found).toContain('valid for 60 min')
    expect(stepOf(result, 'conversation')?.found).toContain('"campaignId":"3120045610"')
    expect(world.livePerson.conversations()).toEqual([])
    const [appJwt = ''] = tokens()
    expect(decodeJwt(appJwt)).toBeTruthy()
  })

  test('finds the names of a stage by itself, and needs no state table', async () => {
    putSecrets()
    const result = await examine(['--stage', 'local', '--account', ACCOUNT, '--state-table', 'not-yet'])
    expect(result.exitCode).toBe(0)
    expect(stepOf(result, 'configuration')?.found).toContain('config/local.json')
    expect(stepOf(result, 'domains')?.found).toContain(
      "state table: can't be read (ResourceNotFoundException)",
    )
    expect(new Set(result.steps.map(({ accountId }) => accountId))).toEqual(new Set(['', ACCOUNT]))
  })
})

describe('a secret', () => {
  test('that is missing fails only its own account, and skips the steps that need it', async () => {
    world.secretsManager.put(`${prefix}/${OTHER_ACCOUNT}`, secretOf(OTHER_ACCOUNT))
    const result = await examine(['--stage', 'local'])
    expect(result.exitCode).toBe(1)
    expect(codesOf(result)).toEqual({
      ...ALL_OK,
      secret: 'invalid_config',
      AppJWT: 'skipped',
      ConsumerJWS: 'skipped',
    })
    expect(stepOf(result, 'secret')?.next).toContain(`create-secret --name ${prefix}/${ACCOUNT}`)
    expect(codesOf(result, OTHER_ACCOUNT)).toEqual(ALL_OK)
  })

  test('of another shape is refused, and not quoted', async () => {
    world.secretsManager.put(`${prefix}/${ACCOUNT}`, { id: 'a', secret: 'hunter2-of-another-shape' })
    const result = await examine(['--stage', 'local', '--account', ACCOUNT])
    expect(codesOf(result)).toMatchObject({ secret: 'invalid_config', AppJWT: 'skipped' })
    expect(result.printed).not.toContain('hunter2')
  })

  test('that Sentinel refuses fails the AppJWT, and is not quoted', async () => {
    world.secretsManager.put(`${prefix}/${ACCOUNT}`, {
      ...secretOf(ACCOUNT),
      clientSecret: 'wrong-and-private',
    })
    const result = await examine(['--stage', 'local', '--account', ACCOUNT])
    expect(codesOf(result)).toEqual({ ...ALL_OK, AppJWT: 'credentials_refused', ConsumerJWS: 'skipped' })
    expect(stepOf(result, 'AppJWT')?.next).toContain('put-secret-value')
    expect(result.printed).not.toContain('wrong-and-private')
  })

  test('is reported if Sentinel accepts only its previous version', async () => {
    putSecrets()
    world.secretsManager.put(`${prefix}/${ACCOUNT}`, {
      ...secretOf(ACCOUNT),
      clientSecret: 'wrong-and-private',
    })
    const result = await examine(['--stage', 'local', '--account', ACCOUNT])
    expect(stepOf(result, 'secret')?.found).toContain('AWSPREVIOUS is valid')
    expect(stepOf(result, 'AppJWT')).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('AWSPREVIOUS'),
    })
    expect(result.printed).not.toContain('wrong-and-private')
  })

  test('that Secrets Manager does not return is reported with the name of the error', async () => {
    const result = await examine(['--stage', 'local'], { AWS_ENDPOINT_URL_SECRETS_MANAGER: DEAD })
    expect(codesOf(result)).toMatchObject({ secret: 'service_unavailable', domains: 'ok' })
    expect(stepOf(result, 'secret')?.found).toContain('ECONNREFUSED')
    expect(stepOf(result, 'secret')?.next).toContain('the network to Secrets Manager')
  })

  const error = (type: string, message: string): AwsAnswer => ({
    status: 400,
    body: { __type: type, message },
  })
  const id = () => `${prefix}/${ACCOUNT}`
  test.each<[string, AwsAnswer, string, () => string, () => string]>([
    [
      'is marked for deletion',
      error(
        'InvalidRequestException',
        "You can't perform this operation on the secret because it was marked for deletion.",
      ),
      'invalid_config',
      () => `The secret ${id()} is marked for deletion.`,
      () => `aws secretsmanager restore-secret --secret-id ${id()}.`,
    ],
    [
      'has no value yet',
      error(
        'ResourceNotFoundException',
        "Secrets Manager can't find the specified secret value for staging label: AWSCURRENT",
      ),
      'invalid_config',
      () => `The secret ${id()} has no value yet.`,
      () => `aws secretsmanager put-secret-value --secret-id ${id()} --secret-string '{"clientId"`,
    ],
    [
      'may not be read',
      error('AccessDeniedException', 'User is not authorized to perform: secretsmanager:GetSecretValue'),
      'invalid_config',
      () => `Secrets Manager refused access to the secret ${id()}.`,
      () => 'Allow secretsmanager:GetSecretValue',
    ],
    [
      'has a key that may not be used',
      error('AccessDeniedException', 'Access to KMS is not allowed'),
      'invalid_config',
      () => `The KMS key of the secret ${id()}`,
      () => 'allow kms:Decrypt',
    ],
    [
      'is throttled',
      error('ThrottlingException', 'Rate exceeded'),
      'service_unavailable',
      () => `throttled the call that reads the secret ${id()}`,
      () => 'quota',
    ],
  ])('that %s is reported with its name and the remedy', async (_, answer, code, problem, remedy) => {
    const endpoint = await startAwsEndpoint({ answer: () => answer })
    const env = { AWS_ENDPOINT_URL_SECRETS_MANAGER: endpoint.url }
    const result = await examine(['--stage', 'local', '--account', ACCOUNT], env)
    await endpoint.close()
    expect(codesOf(result)).toMatchObject({ secret: code, AppJWT: 'skipped' })
    expect(stepOf(result, 'secret')?.found).toContain(problem())
    expect(stepOf(result, 'secret')?.next).toContain(remedy())
    expect(stepOf(result, 'secret')?.found).not.toContain(remedy())
  })

  test.each([
    ['a line break behind it', (secret: string) => `${secret}\n`],
    ['a space in front of it', (secret: string) => ` ${secret}`],
    ['a byte order mark', (secret: string) => `\ufeff${secret}`],
  ])('with %s is pointed out, and not quoted', async (_, put) => {
    const { clientId, clientSecret } = secretOf(ACCOUNT)
    world.secretsManager.put(id(), { clientId, clientSecret: put(clientSecret) })
    const result = await examine(['--stage', 'local', '--account', ACCOUNT])
    expect(stepOf(result, 'secret')).toMatchObject({
      status: 'ok',
      warnings: [expect.stringContaining('clientSecret of AWSCURRENT has white space around it')],
    })
    expect(result.printed).toContain('  warning: clientSecret of AWSCURRENT')
    world.secretsManager.put(id(), secretOf(ACCOUNT))
    const repaired = await examine(['--stage', 'local', '--account', ACCOUNT])
    expect(stepOf(repaired, 'secret')?.warnings).toBeUndefined()
  })
})

test('without AWS credentials, that is what the doctor says', async () => {
  const env = {
    AWS_ACCESS_KEY_ID: '',
    AWS_SECRET_ACCESS_KEY: '',
    AWS_EC2_METADATA_DISABLED: 'true',
    HOME: folder,
  }
  const result = await examine(['--stage', 'local', '--account', ACCOUNT], env)
  expect(stepOf(result, 'secret')).toMatchObject({
    status: 'failed',
    found: 'There are no AWS credentials.',
    next: expect.stringContaining('Set AWS_PROFILE'),
  })
})

describe('domains', () => {
  test("with a host that isn't LivePerson's are refused, and no secret is sent there", async () => {
    putSecrets()
    world.livePerson.setHost('sentinel', 'sentinel.example.com')
    const result = await examine(['--stage', 'local', '--account', ACCOUNT])
    expect(codesOf(result)).toEqual({
      ...ALL_OK,
      domains: 'liveperson_unavailable',
      AppJWT: 'skipped',
      ConsumerJWS: 'skipped',
    })
    expect(stepOf(result, 'domains')?.next).toContain('ask LivePerson')
    expect(world.livePerson.requests({ service: 'sentinel' })).toEqual([])
  })

  test('are reported with the reason if the Domain API is down', async () => {
    putSecrets()
    const result = await examine(['--stage', 'local', '--account', ACCOUNT, '--domain-api-url', DEAD])
    expect(codesOf(result)).toMatchObject({ domains: 'liveperson_unavailable', AppJWT: 'skipped' })
    expect(stepOf(result, 'domains')?.found).toContain('ECONNREFUSED')
  })
})

test.each([
  ['sentinel', { AppJWT: 'liveperson_unavailable', ConsumerJWS: 'skipped' }],
  ['idp', { AppJWT: 'ok', ConsumerJWS: 'liveperson_unavailable' }],
] as const)('an outage of %s fails its own step', async (service, expected) => {
  putSecrets()
  world.livePerson.faults.add({ service, kind: 'status', status: 503, times: 9 })
  const result = await examine(['--stage', 'local', '--account', ACCOUNT])
  expect(codesOf(result)).toEqual({ ...ALL_OK, ...expected })
})

describe('a configuration', () => {
  test('that is valid is reported with what npm run package warns of', async () => {
    putSecrets()
    const route = { campaignId: '1', engagementId: '2', doors: ['queue'], ttrAllowed: ['URGENT'] }
    const file = await write({ accounts: [{ accountId: ACCOUNT, routes: { crm: route } }] })
    const result = await examine(['--config-file', file])
    const warning =
      'accounts.0.routes.crm.ttrAllowed is not used, because doors has no form. Remove it, or add form to doors.'
    expect(codesOf(result)).toEqual(ALL_OK)
    expect(result.exitCode).toBe(0)
    expect(stepOf(result, 'configuration')).toMatchObject({ status: 'ok', warnings: [warning] })
    expect(result.printed.split('\n')).toContain(`  warning: ${warning}`)
  })

  test('that is invalid is reported with all its mistakes at once', async () => {
    const file = await write({
      origins: ['no origin'],
      accounts: [{ accountId: 'not-an-id', routes: { help: { campaignId: 'x', engagementId: '1' } } }],
    })
    const result = await examine(['--config-file', file])
    expect(result.exitCode).toBe(1)
    const { found } = stepOf(result, 'configuration') ?? {}
    for (const path of ['origins.0', 'accounts.0.accountId', 'accounts.0.routes.help.campaignId'])
      expect(found).toContain(path)
    const { configuration, ...later } = codesOf(result)
    expect(configuration).toBe('invalid_config')
    expect(new Set(Object.values(later))).toEqual(new Set(['skipped']))
  })

  test.each([
    ['stage', ['--stage', 'nowhere'], 'config/nowhere.json'],
    ['account', ['--stage', 'local', '--account', '70000000'], '70000000'],
  ])('of an unknown %s is reported with its name', async (_, args, name) => {
    const result = await examine(args)
    expect(codesOf(result)).toMatchObject({ configuration: 'invalid_config', secret: 'skipped' })
    expect(stepOf(result, 'configuration')?.found).toContain(name)
    expect(stepOf(result, 'configuration')?.next).toContain('dev, local')
  })
})

test('wrong flags exit with 2, and --help exits with 0', async () => {
  expect((await run(['--stag', 'local'], {})).exitCode).toBe(2)
  expect((await run([], {})).exitCode).toBe(2)
  expect((await run(['--local', '--stage', 'local'], {})).exitCode).toBe(2)
  const help = await run(['--help'], {})
  expect(help).toMatchObject({ exitCode: 0, printed: expect.stringContaining('npm start') })
})
