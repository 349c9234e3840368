import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Step } from '../../cli/steps.ts'
import { ACCOUNT, OTHER_ACCOUNT, refresh, STAGE, startWorld, type World } from '../support/world.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Nothing listens there. */
const DEAD = 'http://127.0.0.1:2'

let world: World
let folder: string
/** Ids of secrets live in the world of all tests; each test has its own. */
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

/** What one run of the doctor printed, with its verdict. */
interface Run {
  readonly exitCode: number
  readonly printed: string
  readonly ok: boolean
  readonly steps: readonly Step[]
}

/** Runs the doctor as an operator does, and searches all that it printed for every secret and token of the world. */
const examine = async (args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Run> => {
  const { exitCode, printed } = await run(['--json', ...args], env)
  const { ok, steps } = JSON.parse(printed.trimEnd().split('\n').at(-1) ?? '')
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
  return promisify(execFile)(process.execPath, ['cli/doctor.ts', ...args], { cwd: root, env: environment })
    .then(({ stdout, stderr }) => ({ exitCode: 0, printed: stdout + stderr }))
    .catch(({ code, stdout, stderr }) => ({ exitCode: Number(code), printed: `${stdout}${stderr}` }))
}

/** AppJWTs as the IDP got them. */
const tokens = () =>
  world.livePerson
    .requests({ service: 'idp' })
    .map(({ headers }) => headers.authorization ?? '')
    .filter(Boolean)

const inShort = ({ steps }: Run, accountId = ACCOUNT) =>
  Object.fromEntries(
    steps
      .filter((step) => [accountId, ''].includes(step.accountId))
      .map(({ step, status, code }) => [step, code ?? status]),
  )

const stepOf = ({ steps }: Run, name: string) => steps.find(({ step }) => step === name)

const WELL = {
  configuration: 'ok',
  secret: 'ok',
  domains: 'ok',
  AppJWT: 'ok',
  ConsumerJWS: 'ok',
  conversation: 'ok',
}

describe('where all is well, the doctor', () => {
  test('says so of every account, and opens nothing', async () => {
    putSecrets()
    await refresh(world.createService())
    const file = await write(STAGE)
    const said = await examine(['--config-file', file])
    expect(said.exitCode).toBe(0)
    expect(inShort(said)).toEqual(WELL)
    expect(inShort(said, OTHER_ACCOUNT)).toEqual(WELL)
    expect(stepOf(said, 'domains')?.found).toContain('state table: written 0 min ago')
    expect(stepOf(said, 'AppJWT')?.found).toContain('valid for 60 min')
    expect(stepOf(said, 'conversation')?.found).toContain('"campaignId":"3120045610"')
    expect(world.livePerson.conversations()).toEqual([])
    const [appJwt = ''] = tokens()
    expect(decodeJwt(appJwt)).toBeTruthy()
  })

  test('finds what a stage is made of by its name, before there is a table', async () => {
    putSecrets()
    const said = await examine(['--stage', 'local', '--account', ACCOUNT, '--state-table', 'not-yet'])
    expect(said.exitCode).toBe(0)
    expect(stepOf(said, 'configuration')?.found).toContain('config/local.json')
    expect(stepOf(said, 'domains')?.found).toContain("state table: can't be read (ResourceNotFoundException)")
    expect(new Set(said.steps.map(({ accountId }) => accountId))).toEqual(new Set(['', ACCOUNT]))
  })
})

describe('a secret', () => {
  test('that is missing fails its account only, and skips what needs it', async () => {
    world.secretsManager.put(`${prefix}/${OTHER_ACCOUNT}`, secretOf(OTHER_ACCOUNT))
    const said = await examine(['--stage', 'local'])
    expect(said.exitCode).toBe(1)
    expect(inShort(said)).toEqual({
      ...WELL,
      secret: 'invalid_config',
      AppJWT: 'skipped',
      ConsumerJWS: 'skipped',
    })
    expect(stepOf(said, 'secret')?.next).toContain(`create-secret --name ${prefix}/${ACCOUNT}`)
    expect(inShort(said, OTHER_ACCOUNT)).toEqual(WELL)
  })

  test('of another form is refused, and not quoted', async () => {
    world.secretsManager.put(`${prefix}/${ACCOUNT}`, { id: 'a', secret: 'hunter2-of-another-form' })
    const said = await examine(['--stage', 'local', '--account', ACCOUNT])
    expect(inShort(said)).toMatchObject({ secret: 'invalid_config', AppJWT: 'skipped' })
    expect(said.printed).not.toContain('hunter2')
  })

  test('that Sentinel refuses fails the AppJWT, and is not quoted', async () => {
    world.secretsManager.put(`${prefix}/${ACCOUNT}`, {
      ...secretOf(ACCOUNT),
      clientSecret: 'wrong-and-private',
    })
    const said = await examine(['--stage', 'local', '--account', ACCOUNT])
    expect(inShort(said)).toEqual({ ...WELL, AppJWT: 'credentials_refused', ConsumerJWS: 'skipped' })
    expect(stepOf(said, 'AppJWT')?.next).toContain('put-secret-value')
    expect(said.printed).not.toContain('wrong-and-private')
  })

  test('that only its previous version is right for is told as that', async () => {
    putSecrets()
    world.secretsManager.put(`${prefix}/${ACCOUNT}`, {
      ...secretOf(ACCOUNT),
      clientSecret: 'wrong-and-private',
    })
    const said = await examine(['--stage', 'local', '--account', ACCOUNT])
    expect(stepOf(said, 'secret')?.found).toContain('AWSPREVIOUS is valid')
    expect(stepOf(said, 'AppJWT')).toMatchObject({
      status: 'failed',
      found: expect.stringContaining('AWSPREVIOUS'),
    })
    expect(said.printed).not.toContain('wrong-and-private')
  })

  test('that Secrets Manager does not give is told with the name of its error', async () => {
    const said = await examine(['--stage', 'local'], { AWS_ENDPOINT_URL_SECRETS_MANAGER: DEAD })
    expect(inShort(said)).toMatchObject({ secret: 'service_unavailable', domains: 'ok' })
    expect(stepOf(said, 'secret')?.found).toContain('ECONNREFUSED')
    expect(stepOf(said, 'secret')?.next).toContain('secretsmanager:GetSecretValue')
  })
})

describe('domains', () => {
  test("with a host that is not LivePerson's are refused, and get no secret", async () => {
    putSecrets()
    world.livePerson.setHost('sentinel', 'sentinel.example.com')
    const said = await examine(['--stage', 'local', '--account', ACCOUNT])
    expect(inShort(said)).toEqual({
      ...WELL,
      domains: 'liveperson_unavailable',
      AppJWT: 'skipped',
      ConsumerJWS: 'skipped',
    })
    expect(stepOf(said, 'domains')?.next).toContain('ask LivePerson')
    expect(world.livePerson.requests({ service: 'sentinel' })).toEqual([])
  })

  test('of a Domain API that is down are told with the reason', async () => {
    putSecrets()
    const said = await examine(['--stage', 'local', '--account', ACCOUNT, '--domain-api-url', DEAD])
    expect(inShort(said)).toMatchObject({ domains: 'liveperson_unavailable', AppJWT: 'skipped' })
    expect(stepOf(said, 'domains')?.found).toContain('ECONNREFUSED')
  })
})

test.each([
  ['sentinel', { AppJWT: 'liveperson_unavailable', ConsumerJWS: 'skipped' }],
  ['idp', { AppJWT: 'ok', ConsumerJWS: 'liveperson_unavailable' }],
] as const)('a %s in trouble fails its own step', async (service, expected) => {
  putSecrets()
  world.livePerson.faults.add({ service, kind: 'status', status: 503, times: 9 })
  const said = await examine(['--stage', 'local', '--account', ACCOUNT])
  expect(inShort(said)).toEqual({ ...WELL, ...expected })
})

describe('a configuration', () => {
  test('that is wrong is told with all its mistakes at once', async () => {
    const file = await write({
      origins: ['no origin'],
      accounts: [{ accountId: 'not-an-id', routes: { help: { campaignId: 'x', engagementId: '1' } } }],
    })
    const said = await examine(['--config-file', file])
    expect(said.exitCode).toBe(1)
    const { found } = stepOf(said, 'configuration') ?? {}
    for (const path of ['origins.0', 'accounts.0.accountId', 'accounts.0.routes.help.campaignId'])
      expect(found).toContain(path)
    const { configuration, ...later } = inShort(said)
    expect(configuration).toBe('invalid_config')
    expect(new Set(Object.values(later))).toEqual(new Set(['skipped']))
  })

  test.each([
    ['stage', ['--stage', 'nowhere'], 'config/nowhere.json'],
    ['account', ['--stage', 'local', '--account', '70000000'], '70000000'],
  ])('of an unknown %s is told by its name', async (_, args, name) => {
    const said = await examine(args)
    expect(inShort(said)).toMatchObject({ configuration: 'invalid_config', secret: 'skipped' })
    expect(stepOf(said, 'configuration')?.found).toContain(name)
    expect(stepOf(said, 'configuration')?.next).toContain('dev, local')
  })
})

test('wrong flags are told by exit code 2, and --help by 0', async () => {
  expect((await run(['--stag', 'local'], {})).exitCode).toBe(2)
  expect((await run([], {})).exitCode).toBe(2)
  const help = await run(['--help'], {})
  expect(help).toMatchObject({ exitCode: 0, printed: expect.stringContaining('npm start') })
})
