import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { Context } from 'aws-lambda'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createHandler } from '../../functions/open-from-queue.ts'
import { createOpenService } from '../../lib/service/open.ts'
import { startEventSourceMapping } from '../../local/aws/event-source-mapping.ts'
import { readResources } from '../../local/aws/resources.ts'
import { startStandIns } from '../../local/stack/stand-ins.ts'
import { projectRoot } from '../structure/source.ts'
import { ACCOUNT, CRM_UPGRADE } from '../support/world.ts'

/**
 * An operator at work, with the commands alone. The stand-ins, the queues, their event source mappings and
 * the commands are those of the local stack. The functions run in this process: the check of a stage allows
 * no `giveUpAfterHours` below 1, so the minute is set behind it.
 */
const GIVE_UP_AFTER_MINUTES = 1

type Service = ReturnType<typeof createOpenService>

let standIns: Awaited<ReturnType<typeof startStandIns>>
let sqs: SQSClient
let folder: string
let configFile: string
let service: Service
let sent = 0
const stops: (() => Promise<unknown>)[] = []

/** What the operator writes, before every test. */
const stageWith = (engagementId: string) => ({
  accounts: [
    {
      accountId: ACCOUNT,
      default: true,
      routes: { 'crm-upgrade': { ...CRM_UPGRADE, engagementId, doors: ['queue'] } },
    },
  ],
})

/** Writes the stage's configuration and starts a new container with it, as a deploy does. */
const deploy = async (stage: object) => {
  await writeFile(configFile, JSON.stringify(stage))
  const config = standIns.configOf(stage)
  service = createOpenService({
    ...config,
    stage: { ...config.stage, giveUpAfterHours: GIVE_UP_AFTER_MINUTES / 60 },
  })
}

beforeAll(async () => {
  standIns = await startStandIns({ secretIdPrefix: 'campaign-conversations/local' })
  Object.assign(process.env, standIns.awsEnvironment)
  sqs = new SQSClient({})
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-operator-'))
  configFile = join(folder, 'stage.json')
  await deploy(stageWith(CRM_UPGRADE.engagementId))
  const handler = createHandler(() => service)
  for (const { queueArn, functionName: _, ...source } of readResources().eventSources) {
    const mapping = startEventSourceMapping({
      ...source,
      queueArn,
      queueUrl: standIns.sqs.urlOf(queueArn),
      invoke: async (event) => {
        const context = { getRemainingTimeInMillis: () => 60_000 } as Context
        return { payload: JSON.stringify(await handler(event, context)) }
      },
    })
    stops.push(() => mapping.stop())
  }
})
afterAll(async () => {
  for (const stop of stops) await stop()
  sqs.destroy()
  await Promise.all([standIns.close(), rm(folder, { recursive: true })])
})
beforeEach(() => {
  standIns.livePerson.reset()
})

/** Runs a command as an operator does. @param end Resolves to a signal that ends it early. */
const ops = (args: readonly string[], end?: Promise<NodeJS.Signals>) => {
  const { PATH } = process.env
  const env = {
    PATH,
    ...standIns.awsEnvironment,
    CONFIG_FILE: configFile,
    LIVEPERSON_DOMAIN_API_URL: standIns.livePerson.url,
  }
  return new Promise<{ readonly exitCode: number; readonly stdout: string; readonly stderr: string }>(
    (resolve) => {
      const command = ['cli/ops.ts', ...args, '--local']
      const child = execFile(process.execPath, command, { cwd: projectRoot, env }, (error, stdout, stderr) =>
        resolve({ exitCode: error === null ? 0 : Number(error.code), stdout, stderr }),
      )
      end?.then((signal) => child.kill(signal))
    },
  )
}

const send = async (QueueUrl: string, requestId: string, attributes?: Readonly<Record<string, string>>) => {
  await sqs.send(
    new SendMessageCommand({
      QueueUrl,
      MessageBody: JSON.stringify({
        requestId,
        route: 'crm-upgrade',
        consumer: { id: `consumer-of-${requestId}`, firstName: 'Zoë' },
      }),
      ...(attributes && {
        MessageAttributes: Object.fromEntries(
          Object.entries(attributes).map(([name, StringValue]) => [
            name,
            { DataType: 'String', StringValue },
          ]),
        ),
      }),
    }),
  )
}

const newIds = (count: number) =>
  Array.from({ length: count }, () => `operator-event-${String(++sent).padStart(4, '0')}`)

const quarantined = (count: number) =>
  vi.waitFor(() => expect(standIns.sqs.depth('quarantine').ready).toBe(count), {
    timeout: 150_000,
    interval: 500,
  })

const conversationsOf = (ids: readonly string[]) =>
  ids.map(
    (id) =>
      standIns.livePerson.conversations().filter(({ extConsumerId }) => extConsumerId === `consumer-of-${id}`)
        .length,
  )

const account = () => {
  const found = standIns.accounts.find(({ accountId }) => accountId === ACCOUNT)
  if (!found) throw new Error('The simulator has no such account')
  return found
}
const storeSecret = (clientSecret: string | undefined) =>
  standIns.secretsManager.put(`campaign-conversations/local/${ACCOUNT}`, {
    clientId: account().clientId,
    clientSecret,
  })

describe('secrets that are broken', { timeout: 300_000 }, () => {
  test('are seen, fixed, and every event then has exactly one conversation', async () => {
    // Written twice, so that the previous version is wrong, too.
    storeSecret('wrong')
    storeSecret('wrong as well')
    await deploy(stageWith(CRM_UPGRADE.engagementId))
    const ids = newIds(8)
    for (const id of ids) await send(standIns.sqs.eventsQueueUrl, id)
    await quarantined(ids.length)
    expect(standIns.livePerson.conversations()).toEqual([])

    const doctor = await ops(['doctor'])
    expect(doctor.exitCode).toBe(1)
    expect(doctor.stdout).toMatch(/AppJWT +failed +credentials_refused/)
    const list = await ops(['quarantine', 'list'])
    expect(list).toMatchObject({ exitCode: 0, stderr: '' })
    expect(list.stdout).toContain('credentials_refused: 8 requests')
    expect(list.stdout).toContain('8 requests in 8 records.')
    const [first = ''] = ids
    const show = await ops(['request', 'show', first])
    expect(show.stdout).toContain('outcome:    failed (credentials_refused)')
    expect(show.stdout).toContain('record:     in quarantine, unless it was dropped')

    storeSecret(account().clientSecrets[0])
    expect(await ops(['doctor'])).toMatchObject({ exitCode: 0 })
    const replay = await ops(['quarantine', 'replay', '--wait', '50'])
    expect(replay.stdout).toContain('8 of 8 requests have a conversation.')
    expect(replay.exitCode).toBe(0)
    expect(conversationsOf(ids)).toEqual(ids.map(() => 1))
    expect(standIns.sqs.depth('quarantine')).toEqual({ ready: 0, delayed: 0, inFlight: 0 })
  })
})

describe('a wrong campaign', { timeout: 120_000 }, () => {
  test('is corrected, and --reopen retries what LivePerson rejected', async () => {
    await deploy(stageWith('3120047712'))
    const ids = newIds(6)
    for (const id of ids) await send(standIns.sqs.eventsQueueUrl, id)
    await quarantined(ids.length)
    expect((await ops(['quarantine', 'list'])).stdout).toContain('liveperson_rejected: 6 requests')

    await deploy(stageWith(CRM_UPGRADE.engagementId))
    expect(await ops(['quarantine', 'replay', '--reopen'])).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining('Add --yes'),
    })
    const why = ['--reason', 'the engagement was wrong']
    const replay = await ops(['quarantine', 'replay', '--reopen', '--yes', ...why])
    expect(replay.stdout).toContain('6 of 6 requests have a conversation.')
    expect(replay.exitCode).toBe(0)
    expect(conversationsOf(ids)).toEqual(ids.map(() => 1))
    expect((await ops(['request', 'show', ids[0] ?? ''])).stdout).toContain('the engagement was wrong')
  })

  test('that is not corrected comes back, and the command ends', async () => {
    await deploy(stageWith('3120047712'))
    const ids = newIds(3)
    for (const id of ids) await send(standIns.sqs.eventsQueueUrl, id)
    await quarantined(ids.length)
    const replay = await ops(['quarantine', 'replay', '--reopen', '--yes'])
    expect(replay.exitCode).toBe(1)
    expect(replay.stdout).toContain('0 of 3 requests have a conversation.')
    expect(conversationsOf(ids)).toEqual([0, 0, 0])
    await quarantined(ids.length)
    expect(await ops(['quarantine', 'drop', '--code', 'liveperson_rejected', '--yes'])).toMatchObject({
      exitCode: 0,
      stdout: '3 records deleted.\n',
    })
  })
})

describe('200 records with 50 duplicates', { timeout: 180_000 }, () => {
  test('end after one pass, and each request has exactly one conversation', async () => {
    await deploy(stageWith(CRM_UPGRADE.engagementId))
    const ids = newIds(150)
    const reason = { code: 'liveperson_unavailable', detail: 'It did not answer.', queue: 'events' }
    for (const requestId of [...ids, ...ids.slice(0, 50)])
      await send(standIns.sqs.quarantineQueueUrl, requestId, { ...reason, requestId })
    const replay = await ops(['quarantine', 'replay', '--rate', '100', '--json'])
    expect(replay.exitCode).toBe(0)
    const { records } = JSON.parse(replay.stdout)
    expect(records).toHaveLength(150)
    expect(records.filter(({ copies }: { copies: number }) => copies === 2)).toHaveLength(50)
    expect(conversationsOf(ids)).toEqual(ids.map(() => 1))
    expect(standIns.sqs.depth('quarantine')).toEqual({ ready: 0, delayed: 0, inFlight: 0 })
    expect((await ops(['quarantine', 'replay'])).stdout).toContain('No records match.')
  })
})

describe('a replay that is ended early', { timeout: 120_000 }, () => {
  const REASON = { code: 'liveperson_unavailable', detail: 'It did not answer.', queue: 'events' }

  /** Starts a slow replay of 20 records, and ends it after some of them were sent. */
  const endEarly = async (signal: NodeJS.Signals) => {
    await deploy(stageWith(CRM_UPGRADE.engagementId))
    const ids = newIds(20)
    for (const requestId of ids)
      await send(standIns.sqs.quarantineQueueUrl, requestId, { ...REASON, requestId })
    const end = vi
      .waitFor(() => expect(standIns.livePerson.conversations().length).toBeGreaterThan(2), {
        timeout: 30_000,
      })
      .then(() => signal)
    const ended = await ops(['quarantine', 'replay', '--rate', '2'], end)
    return { ids, ...ended }
  }

  test('by Ctrl-C says what was sent, and the next run does the rest', async () => {
    const { ids, exitCode, stdout } = await endEarly('SIGINT')
    expect(exitCode).toBe(130)
    expect(stdout).toContain('not sent: another command holds it, or this one was ended')
    const { ready, inFlight } = standIns.sqs.depth('quarantine')
    expect(inFlight).toBe(0)
    expect(ready).toBe(stdout.match(/not sent/g)?.length)
    expect((await ops(['quarantine', 'replay'])).exitCode).toBe(0)
    expect(conversationsOf(ids)).toEqual(ids.map(() => 1))
  })

  test('by a kill loses nothing: what it held is still in the queue', async () => {
    const { ids } = await endEarly('SIGKILL')
    await new Promise((resolve) => setTimeout(resolve, 2000))
    const { ready, inFlight } = standIns.sqs.depth('quarantine')
    const opened = conversationsOf(ids).filter((count) => count === 1).length
    expect(ready + inFlight + opened).toBeGreaterThanOrEqual(ids.length)
    expect(Math.max(...conversationsOf(ids))).toBe(1)
    const list = await ops(['quarantine', 'list'])
    expect(list.stdout).toMatch(/\d+ messages hidden: another command holds them, or was killed/)
  })
})
