import { expect, test } from 'vitest'
import { CODES } from '../../../lib/errors/codes.ts'
import { LivePersonRejectedError, LivePersonUnavailableError } from '../../../lib/errors/errors.ts'
import { createLog } from '../../../lib/telemetry/log.ts'
import { createReport } from '../../../lib/telemetry/report.ts'
import { captureOutput } from './output.ts'

const takeLines = captureOutput()

type Report = ReturnType<typeof createReport>

const request = {
  requestId: 'order-4711',
  accountId: '70123456',
  door: 'form',
  route: 'order-help',
  consumer: { firstName: 'personal' },
  message: 'personal',
}
const unavailable = new LivePersonUnavailableError({
  detail: 'LivePerson answered 503.',
  mayHaveExecuted: false,
})
const refused = new LivePersonRejectedError({ detail: 'LivePerson rejected the request (BAD_REQUEST).' })
const owed = { status: 'opened', conversationId: 'c-1', messageStatus: 'pending' }
const notSent = { ...owed, messageStatus: 'not_sent', messageCode: 'conversation_closed' }
const opened = { status: 'opened', conversationId: 'c-1', messageStatus: 'sent' }
const ROUTE = { route: 'order-help' }
const destination = { campaignId: '3120045610', engagementId: '3120047710' }

test.each<[string, Parameters<Report>[2], object, readonly unknown[]]>([
  [
    'opened',
    { kind: 'finished', outcome: opened, repeated: false },
    { level: 'INFO', message: 'Request finished', ...opened },
    [['conversation_opened', '70123456', ROUTE]],
  ],
  [
    'existing, without an id',
    { kind: 'finished', outcome: { status: 'existing' }, repeated: false },
    { level: 'INFO', message: 'Request finished', status: 'existing' },
    [['conversation_existing', '70123456', ROUTE]],
  ],
  [
    'opened before',
    { kind: 'finished', outcome: opened, repeated: true },
    { level: 'INFO', message: 'Request repeated', ...opened },
    [['request_repeated', '70123456']],
  ],
  [
    'refused',
    {
      kind: 'finished',
      outcome: { status: 'rejected', code: refused.code },
      repeated: false,
      error: refused,
    },
    {
      level: 'ERROR',
      message: 'Request rejected',
      status: 'rejected',
      code: 'liveperson_rejected',
      detail: refused.message,
    },
    [['request_rejected', '70123456', ROUTE]],
  ],
  [
    'refused before',
    { kind: 'finished', outcome: { status: 'rejected', code: refused.code }, repeated: true },
    { level: 'INFO', message: 'Request repeated', status: 'rejected', code: 'liveperson_rejected' },
    [['request_repeated', '70123456']],
  ],
  [
    'opened without its message, which a queue keeps',
    { kind: 'finished', outcome: owed, repeated: false, kept: 'in_record' },
    { level: 'INFO', message: 'Request finished', ...owed },
    [
      ['conversation_opened', '70123456', ROUTE],
      ['message_pending', '70123456', ROUTE],
    ],
  ],
  [
    'opened in an earlier attempt, and its message sent now',
    { kind: 'finished', outcome: opened, repeated: false, wasOpen: true },
    { level: 'INFO', message: 'Request finished', ...opened },
    [],
  ],
  [
    'opened without its message, which is not sent any more',
    { kind: 'finished', outcome: notSent, repeated: false },
    { level: 'INFO', message: 'Request finished', ...notSent },
    [
      ['conversation_opened', '70123456', ROUTE],
      ['message_not_sent', '70123456', ROUTE],
    ],
  ],
  [
    'opened with a message that may have been sent',
    { kind: 'finished', outcome: { status: 'opened', messageStatus: 'unknown' }, repeated: false },
    { level: 'INFO', message: 'Request finished', status: 'opened', messageStatus: 'unknown' },
    [
      ['conversation_opened', '70123456', ROUTE],
      ['message_unknown', '70123456', ROUTE],
    ],
  ],
  [
    'unknown',
    { kind: 'finished', outcome: { status: 'outcome_unknown', code: 'outcome_unknown' }, repeated: false },
    {
      level: 'ERROR',
      message: 'Outcome unknown',
      status: 'outcome_unknown',
      code: 'outcome_unknown',
      detail: CODES.outcome_unknown.detail,
    },
    [['outcome_unknown', '70123456', ROUTE]],
  ],
  [
    'queued, in its record',
    { kind: 'queued', kept: 'in_record', error: unavailable },
    {
      level: 'INFO',
      message: 'Request queued',
      status: 'queued',
      code: 'liveperson_unavailable',
      detail: unavailable.message,
    },
    [['request_queued', '70123456', ROUTE]],
  ],
  [
    'queued, in the hand-over queue',
    { kind: 'queued', kept: 'in_hand_over', error: unavailable },
    {
      level: 'INFO',
      message: 'Request queued',
      status: 'queued',
      code: 'liveperson_unavailable',
      detail: unavailable.message,
    },
    [
      ['request_queued', '70123456', ROUTE],
      ['record_parked', '70123456'],
    ],
  ],
  [
    'parked without an attempt',
    { kind: 'queued', kept: 'in_hand_over' },
    { level: 'INFO', message: 'Request parked', status: 'queued' },
    [['record_parked', '70123456']],
  ],
  [
    'held by another attempt',
    { kind: 'opening' },
    { level: 'INFO', message: 'Another attempt is in progress', status: 'opening' },
    [],
  ],
  [
    'given up',
    { kind: 'failed', code: 'liveperson_unavailable', error: unavailable },
    {
      level: 'ERROR',
      message: 'Request failed',
      status: 'failed',
      code: 'liveperson_unavailable',
      detail: unavailable.message,
    },
    [['record_given_up', '70123456']],
  ],
  [
    'unknown, because LivePerson did not answer,',
    {
      kind: 'finished',
      outcome: { status: 'outcome_unknown', code: 'outcome_unknown' },
      repeated: false,
      error: unavailable,
    },
    {
      level: 'ERROR',
      message: 'Outcome unknown',
      status: 'outcome_unknown',
      code: 'liveperson_unavailable',
      detail: unavailable.message,
    },
    [['outcome_unknown', '70123456', ROUTE]],
  ],
  [
    'unknown before',
    { kind: 'finished', outcome: { status: 'outcome_unknown', code: 'outcome_unknown' }, repeated: true },
    { level: 'INFO', message: 'Request repeated', status: 'outcome_unknown', code: 'outcome_unknown' },
    [['request_repeated', '70123456']],
  ],
  [
    'opened although a step failed',
    {
      kind: 'finished',
      outcome: opened,
      repeated: false,
      failures: [{ step: 'record', error: unavailable }],
    },
    {
      level: 'INFO',
      message: 'Request finished',
      ...opened,
      failures: [{ step: 'record', code: 'liveperson_unavailable', detail: unavailable.message, cause: [] }],
    },
    [['conversation_opened', '70123456', ROUTE]],
  ],
  [
    'with a code of its sender',
    { kind: 'failed', code: 'request_id_reused' },
    {
      level: 'WARN',
      message: 'Request failed',
      status: 'failed',
      code: 'request_id_reused',
      detail: CODES.request_id_reused.detail,
    },
    [['record_given_up', '70123456']],
  ],
  [
    'interrupted',
    { kind: 'failed', code: 'interrupted' },
    {
      level: 'ERROR',
      message: 'Request failed',
      status: 'failed',
      code: 'interrupted',
      detail: CODES.interrupted.detail,
    },
    [['record_given_up', '70123456']],
  ],
])('an attempt that ended %s is one line and what is counted', (_, result, line, counted) => {
  const counts: unknown[] = []
  const report = createReport({ log: createLog(), count: (...args) => void counts.push(args) })
  report(request, destination, result, { durationMs: 12, receives: 3 })
  const { consumer, message, ...fields } = request
  const error = 'detail' in line && { cause: [] }
  const envelope = {
    timestamp: expect.any(String),
    service: expect.any(String),
    sampling_rate: 0,
    xray_trace_id: expect.any(String),
  }
  expect(takeLines()).toEqual([
    { ...envelope, ...destination, ...fields, durationMs: 12, receives: 3, ...line, ...error },
  ])
  expect(counts).toEqual(counted)
})

test.each<[string, Parameters<Report>[2], readonly unknown[]]>([
  [
    'that was queued',
    { kind: 'queued', kept: 'in_hand_over', error: unavailable },
    [['request_queued', '70123456', ROUTE]],
  ],
  [
    'that was handed over without an attempt',
    { kind: 'queued', kept: 'in_hand_over' },
    [['request_queued', '70123456', ROUTE]],
  ],
  [
    'whose message is owed',
    { kind: 'finished', outcome: owed, repeated: false, kept: 'in_hand_over' },
    [
      ['conversation_opened', '70123456', ROUTE],
      ['message_pending', '70123456', ROUTE],
    ],
  ],
  ['that no queue has', { kind: 'failed', code: 'service_unavailable' }, []],
])('a form %s is counted as what its sender was told', (_, result, counted) => {
  const counts: unknown[] = []
  const report = createReport({ log: createLog(), count: (...args) => void counts.push(args) })
  report(request, destination, result, { durationMs: 12 })
  expect(counts).toEqual(counted)
})
