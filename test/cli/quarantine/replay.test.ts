import { expect, test } from 'vitest'
import type { Held } from '../../../cli/quarantine/hold.ts'
import type { QuarantinedRecord } from '../../../cli/quarantine/record.ts'
import { replay } from '../../../cli/quarantine/replay.ts'
import { NOTHING } from '../../../lib/conversation/facts.ts'
import { createLedger } from '../../../lib/conversation/ledger.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { createMemoryTable } from '../../simulation/state-table.ts'

const FINGERPRINT = `3.${'a'.repeat(64)}`

const record = (number: number): QuarantinedRecord => ({
  messageId: `message-${number}`,
  body: `{"requestId":"event-000${number}"}`,
  queue: 'events',
  code: 'credentials_refused',
  detail: '',
  requestId: `event-000${number}`,
  accountId: '70123456',
  key: { accountId: '70123456', door: 'queue', vouchedBy: 'crm', requestId: `event-000${number}` },
  fingerprint: FINGERPRINT,
  attempts: 1,
  sentAt: number,
})

/** Replays records with parts that can fail. The time passes only in waits. */
const run = async (
  records: readonly QuarantinedRecord[],
  failing: Partial<Held> & { readonly send?: () => Promise<string> } = {},
  table = createMemoryTable(),
) => {
  const steps: string[] = []
  let now = 0
  const { send, ...failingHeld } = failing
  const replayed = await replay({
    held: {
      ...{ records, others: 0, isPartial: false },
      keep: async () => true,
      remove: async ({ messageId }) => {
        steps.push(`remove ${messageId}`)
      },
      release: async () => {},
      ...failingHeld,
    },
    queue: {
      send:
        send ??
        (async (queue, body) => {
          steps.push(`send ${body} to ${queue} at ${now}`)
          return 'sent'
        }),
    },
    table,
    accountIds: ['70123456'],
    ratePerSecond: 2,
    waitMs: 3000,
    prepare: async ({ body }) => ({ body }),
    context: {
      now: () => now,
      sleep: async (ms) => {
        now += ms
      },
      signal: new AbortController().signal,
      progress: () => {},
    },
  })
  return { steps, replayed, fates: replayed.map(({ fate }) => fate), now }
}

test('a record is sent before it is deleted, and the rate is kept', async () => {
  const { steps, fates, now } = await run([record(1), record(2)])
  expect(steps).toEqual([
    'send {"requestId":"event-0001"} to events at 0',
    'remove message-1',
    'send {"requestId":"event-0002"} to events at 500',
    'remove message-2',
  ])
  expect(fates).toMatchObject([{ kind: 'waiting' }, { kind: 'waiting' }])
  // The time limit counts from the last message.
  expect(now).toBe(3500)
})

test('a record that could not be sent stays in quarantine, and the others are sent', async () => {
  let calls = 0
  const send = async () => {
    if (++calls === 1) throw new ServiceUnavailableError({ detail: 'SQS SendMessage failed.' })
    return 'sent'
  }
  const { steps, fates } = await run([record(1), record(2)], { send })
  expect(steps).toEqual(['remove message-2'])
  expect(fates).toEqual([
    { kind: 'failed', isSent: false, detail: 'SQS SendMessage failed.' },
    { kind: 'waiting', outcome: undefined },
  ])
})

test('a record that was sent and could not be deleted is told apart', async () => {
  const remove = () => Promise.reject(new ServiceUnavailableError({ detail: 'SQS DeleteMessage failed.' }))
  const { fates } = await run([record(1)], { remove })
  expect(fates).toEqual([{ kind: 'failed', isSent: true, detail: 'SQS DeleteMessage failed.' }])
})

test('a record that another command has taken is skipped', async () => {
  const { steps, fates } = await run([record(1), record(2)], {
    keep: async ({ messageId }) => messageId === 'message-2',
  })
  expect(fates).toMatchObject([{ kind: 'skipped' }, { kind: 'waiting' }])
  expect(steps).toHaveLength(2)
})

test('a record whose id another request used first is refused, whatever became of that request', async () => {
  const table = createMemoryTable()
  const ledger = createLedger({ table, now: () => 0, uuid: () => 'lease-1' })
  const { key, requestId } = record(1)
  if (!key) throw new Error('The record has a key.')
  const first = { ...key, requestId, consumerId: 'consumer-1', fingerprint: FINGERPRINT, warnings: [] }
  const ids = { campaignId: '3120045610', engagementId: '3120047711' }
  const claimed = await ledger.claim(first, { ...ids, ttr: 'NORMAL', routeAttributes: [] }, 1000)
  if (claimed.kind !== 'claimed') throw new Error('The request is claimed.')
  const conversation = { kind: 'opened', conversationId: 'conversation-1' } as const
  await claimed.entry.record({
    ...NOTHING,
    conversation,
    claim: { attempt: 1, releases: 1, state: 'done' },
  })
  const other = { ...record(1), fingerprint: `3.${'b'.repeat(64)}` }
  expect((await run([other], {}, table)).fates).toEqual([{ kind: 'refused', code: 'request_id_reused' }])
  expect((await run([record(1)], {}, table)).fates).toMatchObject([
    { kind: 'settled', outcome: { status: 'opened' } },
  ])
})
