import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { runOps } from '../../support/command.ts'
import { createPatientService } from '../../support/drain.ts'
import {
  ACCOUNT,
  CRM_UPGRADE,
  deliver,
  type Service,
  STAGE,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../../support/world.ts'

const [first, ...others] = STAGE.accounts
const stage = { ...STAGE, accounts: [{ ...first, onLostAnswer: 'hold' }, ...others] }

let world: World
let service: Service
let folder: string
let configFile: string
/** The ledger is shared, so each test has a request id of its own. */
let round = 0
const id = () => `event-${round}-0001`

beforeAll(async () => {
  world = await startWorld()
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-request-'))
  configFile = join(folder, 'stage.json')
  await writeFile(configFile, JSON.stringify(stage))
})
beforeEach(() => {
  round++
  // A new container: the rate of the calls that failed in another test doesn't hold this one back.
  service = createPatientService(world, { stage })
})
afterEach(async () => {
  await world.receiveQuarantine()
  world.livePerson.reset()
})
afterAll(() => Promise.all([world.close(), rm(folder, { recursive: true })]))

const request = (args: readonly string[]) =>
  runOps(['request', ...args, '--stage', 'local'], {
    env: {
      CONFIG_FILE: configFile,
      STATE_TABLE: world.dynamoDb.stateTable,
      SECRET_ID_PREFIX: 'campaign-conversations/test',
      LIVEPERSON_DOMAIN_API_URL: world.livePerson.url,
    },
    now: world.livePerson.clock.now,
  })

const showOne = async (...args: string[]) => {
  const { printed } = await request(['show', id(), '--json', ...args])
  const { requests } = JSON.parse(printed)
  expect(requests).toHaveLength(1)
  return requests[0]
}

const event = () => ({
  requestId: id(),
  accountId: ACCOUNT,
  campaign: CRM_UPGRADE,
  consumer: { id: `crm-${id()}` },
})

const open = (body: object = event()) => deliver(service, [toRecord(body)])

/** Leaves the outcome unknown: the create is carried out, and its answer is lost. */
const openWithLostAnswer = async () => {
  world.livePerson.faults.add({ service: 'conversation', kind: 'reset-after', times: 1 })
  await open()
  return world.livePerson.conversations()[0]?.conversationId ?? ''
}

const reject = () => open({ ...event(), campaign: { ...CRM_UPGRADE, engagementId: '3120047712' } })

describe('show', () => {
  test('prints the outcome, the attempts, where the record is, and what a forget would mean', async () => {
    await open()
    const [conversation] = world.livePerson.conversations()
    expect(await showOne()).toMatchObject({
      ...{ accountId: ACCOUNT, door: 'queue', sender: 'crm', requestId: id(), status: 'opened' },
      conversationId: conversation?.conversationId,
      ...CRM_UPGRADE,
      attempts: 1,
      record: 'nowhere: it is done',
      forget: 'refused: it has a conversation',
    })
    const { exitCode, printed } = await request(['show', id()])
    expect(exitCode).toBe(0)
    expect(printed).toContain(`Request ${id()} of account ${ACCOUNT}, door queue, sender crm`)
    expect(printed).toContain(`opened ${conversation?.conversationId}`)
  })

  test('finds requests of both doors, unless the flags say which', async () => {
    await open()
    await submit(service, { requestId: id(), route: 'order-help' })
    expect(JSON.parse((await request(['show', id(), '--json'])).printed).requests).toHaveLength(2)
    expect(await showOne('--door', 'form')).toMatchObject({ door: 'form', sender: 'nobody' })
    expect(await showOne('--sender', 'crm')).toMatchObject({ door: 'queue' })
  })

  test('finds an event that was refused, by its SQS message id', async () => {
    const messageId = `7f6f2f0e-1f3b-4f0c-9d52-1a2b3c4d5e${String(round).padStart(2, '0')}`
    await deliver(service, [
      toRecord({ requestId: id(), accountId: ACCOUNT, route: 'no-such' }, { messageId }),
    ])
    const { exitCode, printed } = await request(['show', messageId])
    expect(exitCode).toBe(0)
    expect(printed).toContain(`The event ${messageId} of account ${ACCOUNT} was refused: invalid_request.`)
  })

  test('says that the ledger knows nothing', async () => {
    const { exitCode, printed } = await request(['show', id()])
    expect(exitCode).toBe(1)
    expect(printed).toContain(`The ledger knows no request ${id()}.`)
  })

  test.each([
    [['show'], 'Name one request'],
    [['show', 'event-0001', 'event-0002'], 'Name one request'],
    [['show', 'event-0001', '--door', 'window'], '--door must be form or queue.'],
    [['show', 'event-0001', '--sender', 'me'], '--sender must be'],
    [['show', 'event-0001', '--account', '70000000'], 'Accounts: 70123456, 70999999.'],
    [['settle', 'event-0001'], '--conversation <id>'],
    [['forget', 'event-0001'], '--reason <text>'],
    [['forget', 'event-0001', '--reason', 'x'.repeat(201)], 'at most 200 characters'],
  ])('%s is refused', async (args, message) => {
    const { exitCode, errors } = await request(args)
    expect(exitCode).toBe(2)
    expect(errors).toContain(message)
  })
})

describe('settle', () => {
  test('records the conversation that a person found', async () => {
    const conversationId = await openWithLostAnswer()
    expect(await showOne()).toMatchObject({
      status: 'outcome_unknown',
      record: expect.stringContaining('quarantine'),
    })
    const { exitCode, printed } = await request([
      ...['settle', id(), '--conversation', conversationId, '--reason', 'found in the agent workspace'],
    ])
    expect([exitCode, printed]).toEqual([0, `Recorded: opened ${conversationId}.`])
    expect(await showOne()).toMatchObject({
      status: 'opened',
      settled: { by: 'operator', conversationId, reason: 'found in the agent workspace' },
    })
  })

  test('is refused where no create can have reached LivePerson, or the conversation is known', async () => {
    await reject()
    const { exitCode, errors } = await request(['settle', id(), '--conversation', 'a-conversation'])
    expect(exitCode).toBe(1)
    expect(errors).toContain('no create can have reached LivePerson: rejected')
    round++
    await open()
    const known = await request(['settle', id(), '--conversation', 'a-conversation'])
    expect(known.errors).toContain('the request has a conversation: opened')
  })

  test('of an id that several requests have needs to know which', async () => {
    await open()
    await submit(service, { requestId: id(), route: 'order-help' })
    const { exitCode, errors } = await request(['settle', id(), '--conversation', 'a-conversation'])
    expect(exitCode).toBe(2)
    expect(errors).toContain('--account 70123456 --door form --sender nobody')
  })
})

describe('forget', () => {
  test('lets the next copy of a rejected request be attempted again', async () => {
    await reject()
    await open({ ...event(), campaign: { ...CRM_UPGRADE, engagementId: '3120047712' } })
    const creates = () => world.livePerson.requests({ service: 'conversation' }).length
    const before = creates()
    const { exitCode, printed } = await request([
      'forget',
      id(),
      '--reason',
      'the engagement is published now',
    ])
    expect([exitCode, printed]).toEqual([0, 'Recorded: failed (liveperson_rejected).'])
    expect(await showOne()).toMatchObject({
      status: 'failed',
      forgotten: { reason: 'the engagement is published now', at: expect.any(Number) },
      record: 'in quarantine, unless it was dropped',
      forget: 'nothing: its next copy is attempted anyway',
    })
    await reject()
    expect(creates()).toBe(before + 1)
  })

  test('is refused where a create may have reached LivePerson, unless a person has looked', async () => {
    await openWithLostAnswer()
    const refused = await request(['forget', id(), '--reason', 'nothing found'])
    expect(refused.exitCode).toBe(1)
    expect(refused.errors).toContain('a create may have reached LivePerson')
    expect(refused.errors).toContain('--force')
    expect((await showOne()).status).toBe('outcome_unknown')
    const { exitCode } = await request(['forget', id(), '--reason', 'nothing found', '--force'])
    expect(exitCode).toBe(0)
    expect(await showOne()).toMatchObject({ status: 'failed', forgotten: { reason: 'nothing found' } })
  })

  test('of a request with a conversation, or of none, records nothing', async () => {
    await open()
    const known = await request(['forget', id(), '--reason', 'x', '--force'])
    expect([known.exitCode, known.errors]).toEqual([1, expect.stringContaining('has a conversation')])
    round++
    const none = await request(['forget', id(), '--reason', 'x', '--json'])
    expect([none.exitCode, JSON.parse(none.printed)]).toEqual([1, { stage: 'local', result: 'not_found' }])
  })
})
