import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  DeleteMessageCommand,
  type MessageAttributeValue,
  ReceiveMessageCommand,
  SendMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { CommandContext } from '../../cli/commands/command.ts'
import { runOps } from '../support/command.ts'
import { createPatientService, drain } from '../support/drain.ts'
import { ACCOUNT, CRM_UPGRADE, deliver, STAGE, startWorld, toRecord, type World } from '../support/world.ts'

let world: World
let sqs: SQSClient
let folder: string
let configFile: string
/** The ledger is shared, so each test has request ids of its own. */
let round = 0
const id = (number: number) => `event-${round}-000${number}`

beforeAll(async () => {
  world = await startWorld()
  sqs = new SQSClient({})
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-quarantine-'))
  configFile = join(folder, 'stage.json')
  await writeFile(configFile, JSON.stringify(STAGE))
})
beforeEach(() => {
  round++
})
afterEach(async () => {
  world.livePerson.faults.clear()
  await drain(world)
  await world.receiveQuarantine()
  world.livePerson.reset()
})
afterAll(async () => {
  sqs.destroy()
  await Promise.all([world.close(), rm(folder, { recursive: true })])
})

/** Runs a verb of `npm run ops -- quarantine`. The service works while the command waits. */
const quarantine = (args: readonly string[], given: Partial<CommandContext> & { answer?: boolean } = {}) =>
  runOps(['quarantine', ...args, '--stage', 'local'], {
    env: {
      CONFIG_FILE: configFile,
      STATE_TABLE: world.dynamoDb.stateTable,
      SECRET_ID_PREFIX: 'campaign-conversations/test',
      LIVEPERSON_DOMAIN_API_URL: world.livePerson.url,
    },
    now: world.livePerson.clock.now,
    sleep: async () => {
      await drain(world)
    },
    ...given,
  })

const json = async (args: readonly string[], given: Parameters<typeof quarantine>[1] = {}) => {
  const { exitCode, printed, errors } = await quarantine([...args, '--json'], given)
  expect(errors).toBe('')
  return { exitCode, report: JSON.parse(printed) }
}

const event = (requestId: string, more: object = {}) => ({
  requestId,
  route: 'crm-upgrade',
  consumer: { id: `crm-${requestId}`, firstName: 'Zoë' },
  ...more,
})

const text = (StringValue: string): MessageAttributeValue => ({ DataType: 'String', StringValue })

/** Puts a body into quarantine, as the service does. */
const put = async (
  body: unknown,
  { code = 'credentials_refused', requestId = '', queue = 'events', detail = 'It failed.' } = {},
) => {
  const MessageBody = typeof body === 'string' ? body : JSON.stringify(body)
  const id = requestId || JSON.parse(MessageBody).requestId
  await sqs.send(
    new SendMessageCommand({
      QueueUrl: world.sqs.quarantineQueueUrl,
      MessageBody,
      MessageAttributes: {
        code: text(code),
        detail: text(detail),
        requestId: text(id),
        queue: text(queue),
      },
    }),
  )
}

const depth = () => world.sqs.depth('quarantine')
const opened = () =>
  world.livePerson
    .conversations()
    .map(({ extConsumerId }) => extConsumerId)
    .toSorted()

/** The campaign of an engagement that was deleted, so LivePerson rejects it. */
const WRONG = { campaignId: CRM_UPGRADE.campaignId, engagementId: '3120047712' }
const wrong = (requestId: string) => ({
  ...event(requestId),
  route: undefined,
  accountId: ACCOUNT,
  campaign: WRONG,
})

/** Sends an event that LivePerson rejects. It ends in quarantine. */
const reject = (requestId: string) =>
  deliver(createPatientService(world), [toRecord(JSON.stringify(wrong(requestId)))])

describe('list', () => {
  test('groups records by reason, counts a request once, and leaves every message visible', async () => {
    await put(event(id(1)))
    await put(event(id(1)))
    await put(event(id(2)))
    await put({ requestId: id(3) }, { code: 'invalid_request', detail: 'campaign is required' })
    const { exitCode, report } = await json(['list'])
    expect(exitCode).toBe(0)
    expect(report).toMatchObject({ stage: 'local', records: 4, requests: 3, hidden: 0 })
    expect(report.groups).toMatchObject([
      {
        code: 'credentials_refused',
        requests: [
          { requestId: id(1), accountId: ACCOUNT, door: 'queue', queue: 'events', records: 2 },
          { requestId: id(2), records: 1 },
        ],
      },
      { code: 'invalid_request', detail: 'campaign is required', requests: [{ requestId: id(3) }] },
    ])
    expect(depth()).toEqual({ ready: 4, delayed: 0, inFlight: 0 })
    const { printed } = await quarantine(['list'])
    expect(printed).toContain('credentials_refused: 2 requests. It failed.')
    expect(printed).toContain('2 records')
    expect(printed).toContain('3 requests in 4 records.')
    expect(printed).not.toContain('Zoë')
  })

  test.each<[string, () => readonly string[], readonly number[]]>([
    ['--code', () => ['--code', 'invalid_request'], [2]],
    ['--account', () => ['--account', '70999999'], [3]],
    ['--request', () => ['--request', id(1)], [1]],
    ['--since', () => ['--since', '24h'], [1, 2, 3]],
  ])('%s chooses records', async (_, flags, chosen) => {
    await put(event(id(1)))
    await put({ ...event(id(2)), route: undefined }, { code: 'invalid_request' })
    await put({ ...event(id(3)), route: 'other-help' })
    const { report } = await json(['list', ...flags()])
    const found = report.groups.flatMap(({ requests }: { requests: { requestId: string }[] }) =>
      requests.map(({ requestId }) => requestId),
    )
    expect(found.toSorted()).toEqual(chosen.map(id))
  })

  test('says how many messages another command holds', async () => {
    await put(event(id(1)))
    const QueueUrl = world.sqs.quarantineQueueUrl
    const { Messages = [] } = await sqs.send(new ReceiveMessageCommand({ QueueUrl, VisibilityTimeout: 60 }))
    const { printed } = await quarantine(['list'])
    expect(printed).toContain('No records match.')
    expect(printed).toContain('1 message hidden: another command holds them, or was killed.')
    for (const { ReceiptHandle } of Messages)
      await sqs.send(new DeleteMessageCommand({ QueueUrl, ReceiptHandle }))
  })
})

describe('show', () => {
  test('prints the reason, what the ledger knows, and the body with its personal values masked', async () => {
    await put(event(id(1), { message: 'My order is late' }))
    const { exitCode, printed } = await quarantine(['show', id(1)])
    expect(exitCode).toBe(0)
    for (const word of ['credentials_refused', 'It failed.', 'events', 'nothing', 'crm-upgrade'])
      expect(printed).toContain(word)
    for (const word of ['Zoë', `crm-${id(1)}`, 'order is late']) expect(printed).not.toContain(word)
    expect((await quarantine(['show', id(1), '--show'])).printed).toContain('Zoë')
    expect(depth().ready).toBe(1)
  })

  test('finds nothing under another id', async () => {
    await put(event(id(1)))
    expect((await quarantine(['show', id(2)])).exitCode).toBe(1)
  })
})

describe('replay', () => {
  test('sends one of several copies, and prints the outcome of each request', async () => {
    for (const each of [id(1), id(1), id(2)]) await put(event(each))
    const { exitCode, report } = await json(['replay'])
    expect(report.records).toMatchObject([
      { requestId: id(1), copies: 2, result: 'settled', outcome: { status: 'opened' } },
      { requestId: id(2), copies: 1, result: 'settled', outcome: { status: 'opened' } },
    ])
    expect(exitCode).toBe(0)
    expect(opened()).toEqual([`crm-${id(1)}`, `crm-${id(2)}`])
    expect(depth()).toEqual({ ready: 0, delayed: 0, inFlight: 0 })
  })

  test('ends, although a record comes back', async () => {
    await reject(id(1))
    await put(event(id(2)))
    const { exitCode, report } = await json(['replay'])
    expect(exitCode).toBe(1)
    expect(report.records).toMatchObject([
      { requestId: id(1), result: 'settled', outcome: { status: 'rejected' } },
      { requestId: id(2), result: 'settled', outcome: { status: 'opened' } },
    ])
    expect(depth().ready).toBe(1)
  })

  test('returns a record to the queue that its attribute names, whatever its body says', async () => {
    const looksLikeAHandOver = { handedOver: { door: 'form', requestId: id(1) } }
    await put(looksLikeAHandOver, { requestId: id(1), code: 'invalid_request' })
    const { report } = await json(['replay', '--wait', '0'])
    expect(report.records).toMatchObject([{ queue: 'events', result: 'waiting' }])
    expect(world.sqs.depth('events').ready).toBe(1)
    expect(world.sqs.depth('handOver').ready).toBe(0)
  })

  test('of a trial only prints what would be sent', async () => {
    await reject(id(1))
    const { exitCode, printed } = await quarantine(['replay', '--dry-run'])
    expect(exitCode).toBe(0)
    expect(printed).toContain(id(1))
    expect(printed).toContain('ledger: rejected (liveperson_rejected)')
    expect(printed).toContain('Nothing was sent.')
    expect(depth()).toEqual({ ready: 1, delayed: 0, inFlight: 0 })
    expect(world.sqs.depth('events').ready).toBe(0)
  })

  test('stops after the present record on Ctrl-C, and the next run does the rest', async () => {
    for (const each of [id(1), id(2), id(3)]) await put(event(each))
    const stopping = new AbortController()
    const startedAt = world.livePerson.clock.now()
    const { exitCode, report } = await json(['replay'], {
      signal: stopping.signal,
      // Sending takes no time, so the command waits after the first record.
      now: () => startedAt,
      sleep: async () => stopping.abort(),
    })
    expect(exitCode).toBe(130)
    expect(report.records.map(({ result }: { result: string }) => result).toSorted()).toEqual([
      'skipped',
      'skipped',
      'waiting',
    ])
    expect(depth()).toEqual({ ready: 2, delayed: 0, inFlight: 0 })
    expect((await json(['replay'])).exitCode).toBe(0)
    expect(opened()).toHaveLength(3)
  })

  test('says that a record is still waiting at the time limit', async () => {
    await put(event(id(1)))
    const { exitCode, printed } = await quarantine(['replay', '--wait', '0'])
    expect(exitCode).toBe(3)
    expect(printed).toContain('sent, not finished yet')
  })

  test.each([
    [['--rate', '0'], '--rate must be a number from 1 to 100.'],
    [['--wait', 'x'], '--wait must be'],
    [['--limit', '0'], '--limit must be'],
    [['--since', 'yesterday'], '--since must be a time'],
  ])('refuses %s', async (flags, message) => {
    const { exitCode, errors } = await quarantine(['replay', ...flags])
    expect(exitCode).toBe(2)
    expect(errors).toContain(message)
  })

  test('takes at most --limit records', async () => {
    for (const each of [id(1), id(2), id(3)]) await put(event(each))
    const { report } = await json(['replay', '--limit', '2'])
    expect(report.records).toHaveLength(2)
    expect(depth().ready).toBe(1)
  })
})

describe('an event without an id of its own', () => {
  const body = { route: 'crm-upgrade', consumer: { firstName: 'Zoë' } }
  const messageId = '7f6f2f0e-1f3b-4f0c-9d52-1a2b3c4d5e6f'

  test('keeps the id that it had, so that a second replay opens nothing', async () => {
    for (const _ of ['first', 'second']) {
      await put(body, { requestId: messageId })
      const { report } = await json(['replay'])
      expect(report.records).toMatchObject([{ requestId: messageId, outcome: { status: 'opened' } }])
    }
    expect(opened()).toHaveLength(1)
  })

  test('would open another conversation without it', async () => {
    const service = createPatientService(world)
    for (const _ of ['first', 'second']) await deliver(service, [toRecord(body)])
    expect(opened()).toHaveLength(2)
  })
})

describe('replay --reopen', () => {
  test('asks first, and sends nothing without an answer', async () => {
    await reject(id(1))
    const { exitCode, errors, asked } = await quarantine(['replay', '--reopen'])
    expect(asked).toEqual(['Replay 1 request, and retry those that LivePerson rejected?'])
    expect(exitCode).toBe(1)
    expect(errors).toContain('--yes')
    expect(depth()).toEqual({ ready: 1, delayed: 0, inFlight: 0 })
  })

  test('retries rejected requests after the campaign was corrected', async () => {
    for (const each of [id(1), id(2)]) await reject(each)
    const [account] = world.accounts
    const engagement = account?.campaigns[0]?.engagements.find((one) => one.id === Number(WRONG.engagementId))
    if (!engagement) throw new Error('The fixture has no such engagement')
    Object.assign(engagement, { deleted: false })
    try {
      const { exitCode, report } = await json(['replay', '--reopen', '--yes'])
      expect(report.records).toMatchObject([
        { requestId: id(1), outcome: { status: 'opened' } },
        { requestId: id(2), outcome: { status: 'opened' } },
      ])
      expect(exitCode).toBe(0)
      expect(opened()).toHaveLength(2)
      expect(depth().ready).toBe(0)
    } finally {
      Object.assign(engagement, { deleted: true })
    }
  })
})

describe('drop', () => {
  test('asks first, and deletes what the flags choose', async () => {
    for (const each of [id(1), id(1), id(2)]) await put(event(each))
    const refused = await quarantine(['drop', '--request', id(1)])
    expect(refused.asked).toEqual(["Delete 2 records of 1 request? They can't be restored."])
    expect([refused.exitCode, depth().ready]).toEqual([1, 3])
    const dry = await quarantine(['drop', '--request', id(1), '--dry-run'])
    expect([dry.exitCode, dry.printed, depth().ready]).toEqual([
      0,
      '2 records of 1 request would be deleted.',
      3,
    ])
    const { exitCode, printed } = await quarantine(['drop', '--request', id(1)], { answer: true })
    expect([exitCode, printed]).toEqual([0, '2 records deleted.'])
    expect(depth()).toEqual({ ready: 1, delayed: 0, inFlight: 0 })
    expect((await quarantine(['drop', '--all', '--yes'])).printed).toBe('1 record deleted.')
  })

  test('needs to know which records', async () => {
    const { exitCode, errors } = await quarantine(['drop', '--yes'])
    expect(exitCode).toBe(2)
    expect(errors).toContain('--all')
  })
})

test('a stage that does not exist is refused, with those that do', async () => {
  const { exitCode, errors } = await runOps(['quarantine', 'list', '--stage', 'nowhere'])
  expect(exitCode).toBe(2)
  expect(errors).toContain('There is no config/nowhere.json. Stages in config/: dev, local.')
})
