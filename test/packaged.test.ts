import { type ChildProcess, spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { packageService } from '../tools/package-service.ts'
import { readZip } from '../tools/zip.ts'
import { formEvent, ORDERS_SKILL, startWorld, toRecord, UPGRADES_SKILL, type World } from './support/world.ts'

const FUNCTIONS = ['openFromForm', 'openFromQueue', 'refreshDomains', 'conversationStatus'] as const
type Name = (typeof FUNCTIONS)[number]

const VARIABLES = [
  'SECRET_ID_PREFIX',
  'STATE_TABLE',
  'EVENTS_QUEUE_URL',
  'HANDOVER_QUEUE_URL',
  'QUARANTINE_QUEUE_URL',
  'CONFIG_FILE',
]

/**
 * Emulates Lambda in a child process: loads the handler, then calls it with each event and sends back the
 * answer.
 */
const LAMBDA = `
const { handler } = await import(process.argv[1])
process.on('message', async (event) => {
  const context = { getRemainingTimeInMillis: () => 15_000, awsRequestId: 'request-1' }
  process.send({ answer: await handler(event, context) })
})
process.send({ ready: true })
`

interface Answer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

let world: World
const folders = new Map<string, string>()
const modes: string[] = []
const children: ChildProcess[] = []

beforeAll(async () => {
  // The strictest umask of a builder.
  const [service, started] = await Promise.all([packageService({}, 0o077), startWorld()])
  world = started
  for (const zip of service.zips) {
    modes.push(...readZip(await readFile(zip)).map(({ name, mode }) => `${mode.toString(8)} ${name}`))
    folders.set(basename(zip, '.zip'), await unzip(zip))
  }
  await service.remove()
}, 90_000)
afterEach(async () => {
  await Promise.all(children.splice(0).map(end))
  world.livePerson.reset()
})
afterAll(async () => {
  await world.close()
  await Promise.all([...folders.values()].map((folder) => rm(folder, { recursive: true })))
})

const unzip = async (zip: string): Promise<string> => {
  const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-unzipped-'))
  for (const entry of readZip(await readFile(zip))) {
    await mkdir(dirname(join(folder, entry.name)), { recursive: true })
    await writeFile(join(folder, entry.name), entry.read())
  }
  return folder
}

const end = (child: ChildProcess): Promise<void> =>
  new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) return resolve()
    child.once('exit', () => resolve())
    child.kill('SIGKILL')
  })

/** Starts a function as Lambda does: in its own folder, and with only its own variables. */
const start = async (name: Name, environment: Readonly<Record<string, string>> = {}) => {
  const folder = folders.get(name) ?? ''
  const file = `${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}.mjs`
  const handler = pathToFileURL(join(folder, 'functions', file)).href
  const child = spawn(process.execPath, ['--input-type=module', '--eval', LAMBDA, handler], {
    cwd: folder,
    env: environment,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  children.push(child)
  let printed = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => {
      printed += chunk
    })
  const next = () =>
    new Promise<{ answer?: unknown }>((resolve, reject) => {
      child.once('message', (message) => resolve(message as { answer?: unknown }))
      child.once('exit', (code) => reject(new Error(`${name} ended with ${code}: ${printed}`)))
    })
  await next()
  return {
    invoke: async <T = Answer>(event: unknown): Promise<T> => {
      const answered = next()
      child.send(event as object)
      return (await answered).answer as T
    },
    /** Returns what the function has printed so far. Every line must be JSON. */
    lines: async (): Promise<readonly Record<string, unknown>[]> => {
      await new Promise((resolve) => setTimeout(resolve, 50))
      return printed
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line))
    },
  }
}

const environment = () => ({
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'local',
  AWS_SECRET_ACCESS_KEY: 'local',
  AWS_ENDPOINT_URL_SQS: world.sqs.url,
  AWS_ENDPOINT_URL_DYNAMODB: world.dynamoDb.url,
  AWS_ENDPOINT_URL_SECRETS_MANAGER: world.secretsManager.url,
  CONFIG_FILE: 'config/dev.json',
  STATE_TABLE: world.dynamoDb.stateTable,
  EVENTS_QUEUE_URL: world.sqs.eventsQueueUrl,
  HANDOVER_QUEUE_URL: world.sqs.handOverQueueUrl,
  QUARANTINE_QUEUE_URL: world.sqs.quarantineQueueUrl,
  SECRET_ID_PREFIX: 'campaign-conversations/test',
  LIVEPERSON_DOMAIN_API_URL: world.livePerson.url,
})

const skills = () => world.livePerson.conversations().map(({ skillId }) => String(skillId))

test('everyone may read each file of a package, whatever the umask of its builder', () => {
  expect(modes.toSorted()).toEqual([
    ...Array(6).fill('100644 config/dev.json'),
    '100644 functions/conversation-events.mjs',
    '100644 functions/conversation-status.mjs',
    '100644 functions/open-from-form.mjs',
    '100644 functions/open-from-queue.mjs',
    '100644 functions/publish-outcomes.mjs',
    '100644 functions/refresh-domains.mjs',
  ])
})

describe('without any environment, a packaged function', () => {
  test.each<[Name, unknown]>([
    ['openFromForm', formEvent({ route: 'order-help' })],
    ['refreshDomains', { requestContext: {} }],
    ['conversationStatus', { pathParameters: { requestId: 'some-request' } }],
  ])('%s answers 500 invalid_config, and its log names the variables', async (name, event) => {
    const { invoke, lines } = await start(name)
    const before = (await lines()).length
    const answer = await invoke(event)
    expect(answer.statusCode).toBe(500)
    expect(answer.headers['content-type']).toBe('application/problem+json')
    expect(JSON.parse(answer.body)).toMatchObject({ status: 500, code: 'invalid_config' })
    for (const variable of VARIABLES) expect(answer.body).not.toContain(variable)
    expectOneLine((await lines()).slice(before))
  })

  test('openFromQueue leaves all records in the queue, and its log names the variables', async () => {
    const { invoke, lines } = await start('openFromQueue')
    const before = (await lines()).length
    const Records = [toRecord({ route: 'order-help' }), toRecord('hello')]
    expect(await invoke<unknown>({ Records })).toEqual({
      batchItemFailures: Records.map(({ messageId }) => ({ itemIdentifier: messageId })),
    })
    expectOneLine((await lines()).slice(before))
  })

  test.each(['openFromForm', 'openFromQueue'] as const)('%s logs it once while it starts', async (name) => {
    const { lines } = await start(name)
    expectOneLine(await lines())
  })

  const expectOneLine = (lines: readonly Record<string, unknown>[]) => {
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatchObject({ level: 'ERROR', code: 'invalid_config' })
    for (const variable of VARIABLES) expect(lines[0]?.detail).toContain(variable)
    expect(JSON.stringify(lines)).not.toMatch(/\n|\bat .*\.mjs/)
  }
})

describe('with a missing stage file, a packaged function', () => {
  test('names it in its log', async () => {
    const { lines } = await start('openFromForm', { ...environment(), CONFIG_FILE: 'config/none.json' })
    expect(await lines()).toMatchObject([
      { code: 'invalid_config', detail: expect.stringContaining('config/none.json') },
    ])
  })
})

describe('with its environment, a packaged function', () => {
  test('opens a conversation for a form, and another function returns its status', async () => {
    const { invoke, lines } = await start('openFromForm', environment())
    const answer = await invoke(formEvent({ route: 'order-help', consumer: { firstName: 'Ana' } }))
    expect(answer.statusCode).toBe(201)
    const { requestId, conversationId } = JSON.parse(answer.body)
    expect(world.livePerson.conversations()).toMatchObject([{ conversationId, state: 'OPEN' }])
    expect(skills()).toEqual([ORDERS_SKILL])
    expect(JSON.stringify(await lines())).not.toContain('Ana')

    const status = await start('conversationStatus', environment())
    const told = await status.invoke({ pathParameters: { requestId } })
    expect(told.statusCode).toBe(200)
    expect(JSON.parse(told.body)).toEqual({ requestId, status: 'opened', conversationId })
  })

  test('opens a conversation for a record', async () => {
    const { invoke } = await start('openFromQueue', environment())
    const record = toRecord({ route: 'crm-upgrade', consumer: { id: `packaged-${process.pid}` } })
    expect(await invoke<unknown>({ Records: [record] })).toEqual({ batchItemFailures: [] })
    expect(skills()).toEqual([UPGRADES_SKILL])
  })

  test('hands a form over to the queue, with a client that is loaded on first use', async () => {
    world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 9 })
    const { invoke } = await start('openFromForm', environment())
    const answer = await invoke(formEvent({ route: 'order-help' }))
    expect(answer.statusCode).toBe(202)
    const { ready, delayed } = world.sqs.depth('handOver')
    expect(ready + delayed).toBe(1)
  })

  test('refreshes the domains', async () => {
    const { invoke } = await start('refreshDomains', environment())
    const answer = await invoke({})
    expect(answer.statusCode).toBe(200)
    expect(JSON.parse(answer.body)).toMatchObject({ accounts: [{ accountId: '70123456', hosts: {} }] })
  })

  test('returns 404 for an unknown request', async () => {
    const { invoke } = await start('conversationStatus', environment())
    expect((await invoke({ pathParameters: { requestId: 'nobody-made-it' } })).statusCode).toBe(404)
  })
})
