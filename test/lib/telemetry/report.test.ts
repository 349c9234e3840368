import { expect, test } from 'vitest'
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
const opened = { status: 'opened', conversationId: 'c-1', messageStatus: 'sent' }
const destination = { campaignId: '3120045610', engagementId: '3120047710' }

test.each<[string, Parameters<Report>[2], object, readonly unknown[]]>([
  [
    'opened',
    { kind: 'finished', outcome: opened, repeated: false },
    { level: 'INFO', message: 'Request finished', ...opened },
    [['conversation_opened', '70123456']],
  ],
  [
    'existing, without an id',
    { kind: 'finished', outcome: { status: 'existing' }, repeated: false },
    { level: 'INFO', message: 'Request finished', status: 'existing' },
    [['conversation_existing', '70123456']],
  ],
  [
    'opened before',
    { kind: 'finished', outcome: opened, repeated: true },
    { level: 'INFO', message: 'Request finished', ...opened },
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
      ...destination,
    },
    [['request_rejected', '70123456']],
  ],
  [
    'refused before',
    { kind: 'finished', outcome: { status: 'rejected', code: refused.code }, repeated: true },
    { level: 'INFO', message: 'Request finished', status: 'rejected', code: 'liveperson_rejected' },
    [['request_repeated', '70123456']],
  ],
  [
    'queued',
    { kind: 'queued', error: unavailable },
    {
      level: 'ERROR',
      message: 'Request queued',
      status: 'queued',
      code: 'liveperson_unavailable',
      detail: unavailable.message,
    },
    [['request_queued']],
  ],
  [
    'held by another attempt',
    { kind: 'opening' },
    { level: 'INFO', message: 'Another attempt is in progress', status: 'opening' },
    [],
  ],
  [
    'failed',
    { kind: 'failed', error: unavailable },
    {
      level: 'ERROR',
      message: 'Request failed',
      status: 'failed',
      code: 'liveperson_unavailable',
      detail: unavailable.message,
    },
    [],
  ],
])('an attempt that ended %s is one line and what is counted', (_, result, line, counted) => {
  const counts: unknown[] = []
  const report = createReport({ log: createLog(), count: (...args) => void counts.push(args) })
  report(request, destination, result, { durationMs: 12, receives: 3 })
  const { requestId, accountId, door, route } = request
  const error = 'detail' in line && { cause: [] }
  const envelope = { timestamp: expect.any(String), service: expect.any(String), sampling_rate: 0 }
  expect(takeLines()).toEqual([
    { ...envelope, requestId, accountId, door, route, durationMs: 12, receives: 3, ...line, ...error },
  ])
  expect(counts).toEqual(counted)
})
