import { marshall } from '@aws-sdk/util-dynamodb'
import { UnsecuredJWT } from 'jose'
import { expect, test } from 'vitest'
import { createTimeline } from '../../../local/console/timeline.ts'
import type { ReceivedRequest } from '../../../local/liveperson/http/request.ts'

const ACCOUNT = '70123456'
const consumer = { accountId: ACCOUNT, extConsumerId: 'crm-1', lpConsumerId: 'lp-1' }
const item = {
  pk: `request#${ACCOUNT}#form#nobody#order-1`,
  requestId: 'order-1',
  accountId: ACCOUNT,
  createdAt: 1000,
  status: 'opening',
  attempts: 1,
  facts: { lpConsumerId: 'lp-1' },
}
const call = (more: Partial<ReceivedRequest>): ReceivedRequest => ({
  at: 1100,
  service: 'conversation',
  accountId: ACCOUNT,
  method: 'POST',
  path: '/',
  headers: { 'x-lp-on-behalf': new UnsecuredJWT({ lp_consumer_id: 'lp-1' }).encode() },
  body: '',
  status: 200,
  ...more,
})

const create = (calls: readonly ReceivedRequest[] = []) => {
  let now = 2000
  return createTimeline({ calls: () => calls, consumers: () => [consumer], now: () => now++ })
}

test('calls belong to the request of their consumer, the newest step comes first', () => {
  const timeline = create([
    call({ at: 1050, service: 'idp', headers: {}, body: '{"ext_consumer_id":"crm-1"}', status: 201 }),
    call({ at: 1100 }),
    call({ at: 900, service: 'sentinel', headers: {} }),
  ])
  timeline.addWrite(marshall(item))
  expect(timeline.list()).toEqual([
    { at: 2000, kind: 'ledger', text: 'Ledger: opening, attempt 1', isTrouble: false, requestId: 'order-1' },
    { at: 1100, kind: 'call', text: 'CONVERSATION, answered 200', isTrouble: false, requestId: 'order-1' },
    {
      at: 1050,
      kind: 'call',
      text: 'IDP: ConsumerJWS, answered 201',
      isTrouble: false,
      requestId: 'order-1',
    },
    { at: 900, kind: 'call', text: 'Sentinel: AppJWT, answered 200', isTrouble: false, requestId: undefined },
  ])
})

test('of two requests of one consumer, a call belongs to the one that existed by then', () => {
  const timeline = create([call({ at: 1100 }), call({ at: 5100 })])
  timeline.addWrite(marshall(item))
  timeline.addWrite(marshall({ ...item, pk: `${item.pk}b`, requestId: 'order-2', createdAt: 5000 }))
  const calls = timeline.list().filter(({ kind }) => kind === 'call')
  expect(calls.map(({ requestId }) => requestId)).toEqual(['order-2', 'order-1'])
})

test('a call without an answer, or with a fault, is trouble', () => {
  const { status: _, ...unanswered } = call({ fault: 'reset-after' })
  const [step] = create([unanswered]).list()
  expect(step).toMatchObject({ text: 'CONVERSATION, no answer (fault: reset-after)', isTrouble: true })
})

test('outcome events, lines of the log and switches are steps, anything else is not', () => {
  const timeline = create()
  timeline.addOutcome({
    'detail-type': 'Conversation Opened',
    detail: { requestId: 'order-1', sequence: 1, status: 'opened' },
  })
  timeline.addOutcome({ 'detail-type': 'Something else', detail: {} })
  timeline.addLine(
    JSON.stringify({
      level: 'ERROR',
      message: 'Request failed',
      timestamp: '2026-11-24T10:15:30.000Z',
      requestId: 'order-1',
      code: 'interrupted',
    }),
  )
  timeline.addLine('Server ready')
  timeline.addSwitch('Switched on: x')
  timeline.addWrite(marshall({ pk: 'domains#70123456' }))
  timeline.addWrite(undefined)
  expect(timeline.list()).toMatchObject([
    { kind: 'log', text: 'Request failed, code interrupted', isTrouble: true, requestId: 'order-1' },
    { kind: 'switch', text: 'Switched on: x' },
    { kind: 'outcome', text: 'Outcome event 1: Conversation Opened (opened)', requestId: 'order-1' },
  ])
})

test('it keeps the latest 500 steps', () => {
  const timeline = create()
  for (let index = 0; index < 600; index++) timeline.addSwitch(String(index))
  expect(timeline.list()[0]?.text).toBe('599')
  expect(timeline.list()).toHaveLength(80)
})
