import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Item, StateTable } from '../../../lib/aws/state-table.ts'
import { startStandIns } from '../../../local/stack/stand-ins.ts'
import { createPatientTable } from '../../support/aws-endpoint.ts'
import { runOps } from '../../support/command.ts'

const NOW = Date.UTC(2026, 10, 26, 12)
const HOUR_MS = 3_600_000

let standIns: Awaited<ReturnType<typeof startStandIns>>
let table: StateTable
let events: { readonly 'detail-type': string; readonly detail: unknown; readonly resources: unknown }[] = []

beforeAll(async () => {
  standIns = await startStandIns({ secretIdPrefix: 'outcomes' })
  Object.assign(process.env, standIns.awsEnvironment)
  table = createPatientTable(standIns.dynamoDb.stateTable)
  standIns.eventBridge.subscribe((event) => events.push(event))
  await write('request#70123456#queue#crm#new', { requestId: 'new', conversationId: 'c-1', ...at(1) })
  await write('request#70123456#form#nobody#old', { requestId: 'old', ...at(30) })
  await write('request#70999999#queue#crm#other', { requestId: 'other', accountId: '70999999', ...at(2) })
  await write('request#70123456#queue#crm#again', { requestId: 'again', status: 'opening', ...at(1) })
  await write('request#70123456#queue#crm#first', { requestId: 'first', outcomeNumber: 0, ...at(1) })
  await write('refused#70123456#m-1', {
    messageId: 'm-1',
    status: 'rejected',
    code: 'invalid_request',
    updatedAt: NOW - 1,
  })
  await write('consumer#70123456#lp-1', { state: 'OPEN', ...at(1) })
})
afterEach(() => {
  events = []
  standIns.eventBridge.onPutEvents(() => ({}))
})
afterAll(() => standIns.close())

const at = (hoursAgo: number) => ({
  outcomeAt: NOW - hoursAgo * HOUR_MS,
  updatedAt: NOW - hoursAgo * HOUR_MS + 1,
})

const write = (pk: string, members: Item) =>
  table.update({
    pk,
    set: { accountId: '70123456', door: 'queue', status: 'opened', outcomeNumber: 2, ...members },
  })

const republish = (...args: string[]) =>
  runOps(['outcomes', 'republish', '--local', ...args], { env: process.env, now: () => NOW })

test('each outcome since then is published again, the oldest first, as it is now', async () => {
  const { exitCode, printed } = await republish('--since', '24h')
  expect([exitCode, printed]).toEqual([0, '3 of 3 events were published.'])
  expect(events.map((event) => [event['detail-type'], event.detail])).toMatchObject([
    ['Conversation Opened', { requestId: 'other', sequence: 2 }],
    [
      'Conversation Opened',
      { requestId: 'new', conversationId: 'c-1', occurredAt: new Date(NOW - HOUR_MS).toISOString() },
    ],
    ['Conversation Request Rejected', { messageId: 'm-1', code: 'invalid_request' }],
  ])
  for (const { resources } of events)
    expect(resources).toEqual([expect.stringMatching(/:table\/campaign-conversations-local-state$/)])
})

test('only one account’s, and all since an earlier time', async () => {
  const { printed } = await republish('--since', '2026-11-24T00:00:00Z', '--account', '70123456', '--json')
  expect(JSON.parse(printed)).toEqual({
    ...{ stage: 'local', since: '2026-11-24T00:00:00.000Z', found: 3, published: 3 },
    ...{ unreadable: 0, dryRun: false },
  })
  expect(events.map(({ detail }) => Object(detail).requestId ?? Object(detail).messageId)).toEqual([
    'old',
    'new',
    'm-1',
  ])
})

test('--dry-run publishes nothing', async () => {
  const { exitCode, printed } = await republish('--since', '24h', '--dry-run')
  expect([exitCode, printed, events]).toEqual([0, '3 events would be published.', []])
})

test('if the bus refuses events, the command says how many it has, and fails', async () => {
  standIns.eventBridge.onPutEvents((details) => ({
    failed: new Map(
      details.flatMap((detail, index) =>
        Object(detail).requestId === 'new' ? [[index, 'ThrottlingException'] as const] : [],
      ),
    ),
  }))
  const { exitCode, printed, errors } = await republish('--since', '24h')
  expect([exitCode, printed]).toEqual([1, '2 of 3 events were published.'])
  expect(errors).toContain('does not take more: EventBridge refused an event: ThrottlingException.')
})

test('an item that can not be read is counted', async () => {
  await write('request#70123456#queue#crm#broken', { requestId: 'broken', door: 'window', ...at(50) })
  const { exitCode, printed } = await republish('--since', '60h', '--dry-run')
  expect(exitCode).toBe(1)
  expect(printed).toContain('1 items could not be read.')
})

describe('wrong arguments are refused', () => {
  test.each([
    [[], 'Say since when'],
    [['--since', 'yesterday'], '--since must be a time'],
    [['--since', '1h', '--until', '2h'], "Unknown option '--until'"],
  ])('%j', async (args, reason) => {
    const { exitCode, errors } = await republish(...args)
    expect(exitCode).toBe(2)
    expect(errors).toContain(reason)
  })
})

test('the help names every flag', async () => {
  const { printed } = await runOps(['outcomes', 'republish', '--help'])
  for (const flag of [
    'since',
    'dry-run',
    'account',
    'stage',
    'local',
    'region',
    'state-table',
    'event-bus',
    'json',
  ])
    expect(printed).toContain(`--${flag}`)
})
