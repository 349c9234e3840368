import { describe, expect, test } from 'vitest'
import type { QuarantinedRecord } from '../../../cli/quarantine/record.ts'
import { reopen } from '../../../cli/quarantine/reopen.ts'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { NOTHING } from '../../../lib/conversation/facts.ts'
import type { Findings, Found } from '../../../lib/conversation/findings.ts'
import { readHandOver, toHandOver } from '../../../lib/conversation/hand-over.ts'
import type { ConversationRequest } from '../../../lib/request/conversation-request.ts'
import { ACCOUNT, CRM_UPGRADE, ORDER_HELP, STAGE } from '../../support/world.ts'

const KEY = { accountId: ACCOUNT, door: 'form', vouchedBy: 'nobody', requestId: 'form-0001' } as const
const WRONG = { campaignId: '1', engagementId: '2', ttr: 'NORMAL', routeAttributes: [] } as const

type Asked = Pick<ConversationRequest, 'route' | 'campaign'>

const handOver = (asked: Asked) =>
  toHandOver({
    request: { ...KEY, consumerId: 'consumer-1', fingerprint: `3.${'0'.repeat(64)}`, warnings: [], ...asked },
    destination: WRONG,
    facts: { ...NOTHING, handedOver: true },
  })

const record = (body: string, given: Partial<QuarantinedRecord> = {}): QuarantinedRecord => ({
  ...{ body, messageId: 'message-1', queue: 'handOver', code: 'liveperson_rejected', detail: '' },
  ...{ requestId: KEY.requestId, accountId: ACCOUNT, key: KEY, attempts: 1, sentAt: 0 },
  fingerprint: undefined,
  ...given,
})

/** Reopens a record, and returns what is replayed and what the ledger was told. */
const run = async (
  one: QuarantinedRecord,
  found: Found = { kind: 'recorded', outcome: { status: 'failed' } },
) => {
  const told: unknown[] = []
  const findings: Pick<Findings, 'forget'> = {
    forget: async (key, options) => {
      told.push([key, options])
      return found
    },
  }
  const stage = parseStageConfig(STAGE, { name: 'the test', loopback: true })
  return { told, prepared: await reopen(one, { findings, stage, reason: 'corrected' }) }
}

const destinationIn = (prepared: object) =>
  'body' in prepared ? readHandOver(JSON.parse(String(prepared.body))).destination : undefined

describe('a hand-over', () => {
  test('gets the campaign that its route has now, and the rejection is forgotten', async () => {
    const { told, prepared } = await run(record(handOver({ route: 'order-help' })))
    expect(destinationIn(prepared)).toMatchObject(ORDER_HELP)
    expect(told).toEqual([[KEY, { reason: 'corrected', force: false }]])
  })

  test.each<[string, Asked]>([
    ['that names its campaign', { campaign: CRM_UPGRADE }],
    ['whose route is gone', { route: 'no-such-route' }],
    ['whose door may not use the route any more', { route: 'crm-upgrade' }],
  ])('%s is replayed unchanged', async (_, asked) => {
    const body = handOver(asked)
    expect((await run(record(body))).prepared).toEqual({ body })
  })

  test('that can not be read is replayed unchanged', async () => {
    expect((await run(record('{"handedOver":{}}'))).prepared).toEqual({ body: '{"handedOver":{}}' })
  })
})

test('a record that names no request is replayed, and nothing is forgotten', async () => {
  const { told, prepared } = await run(record('hello', { queue: 'events', key: undefined }))
  expect([told, prepared]).toEqual([[], { body: 'hello' }])
})

test('a record whose id another request used first is replayed, and nothing of that request is forgotten', async () => {
  const body = '{"requestId":"event-0001"}'
  const { told, prepared } = await run(record(body, { queue: 'events', code: 'request_id_reused' }))
  expect([told, prepared]).toEqual([[], { body }])
})

test.each<[Found, string]>([
  [
    { kind: 'may_have_opened', outcome: { status: 'outcome_unknown' } },
    'a create may have reached LivePerson',
  ],
  [{ kind: 'in_use', until: 1 }, 'an attempt holds it'],
  [{ kind: 'erased' }, 'erased'],
])('%j is not reopened', async (found, obstacle) => {
  const { prepared } = await run(record(handOver({ route: 'order-help' })), found)
  expect(prepared).toEqual({ obstacle: expect.stringContaining(obstacle) })
})

test.each<Found>([
  { kind: 'not_found' },
  { kind: 'nothing_to_forget', outcome: { status: 'failed' } },
  { kind: 'has_conversation', outcome: { status: 'opened' } },
])('%j is replayed as it is', async (found) => {
  expect((await run(record(handOver({ route: 'order-help' })), found)).prepared).toHaveProperty('body')
})
