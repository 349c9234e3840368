import { expect, test } from 'vitest'
import { readLogLine, toReadable } from '../../../local/stack/log-line.ts'

const line = {
  level: 'INFO',
  message: 'Request finished',
  timestamp: '2026-11-24T10:15:30.123Z',
  service: 'campaign-conversations-local',
  accountId: '70123456',
  requestId: 'order-4711',
  status: 'opened',
  durationMs: 87,
  failures: [{ step: 'create', code: 'liveperson_unavailable' }],
}
const metrics = { _aws: { Timestamp: 1, CloudWatchMetrics: [{ Namespace: 'CampaignConversations' }] } }

test('a line of the log is readable', () => {
  expect(toReadable(JSON.stringify(line))).toBe(
    '10:15:30.123 INFO  Request finished requestId=order-4711 status=opened durationMs=87' +
      ' failures=[{"step":"create","code":"liveperson_unavailable"}]',
  )
})

test('a prefix of the process that prints it is dropped', () => {
  expect(toReadable(`openFromForm: ${JSON.stringify(line)}`)).toMatch(/^10:15:30\.123 INFO {2}Request/)
})

test('metrics are not printed', () => {
  expect(readLogLine(JSON.stringify(metrics))).toBe('metrics')
  expect(toReadable(JSON.stringify(metrics))).toBeUndefined()
})

test.each([
  'Server ready: http://127.0.0.1:3002',
  '{"level":"INFO"}',
  '{',
  '',
  '{"level":"INFO","message":"x"}',
])('what is no line of the log stays as it is: %j', (text) => {
  expect(readLogLine(text)).toBeUndefined()
  expect(toReadable(text)).toBe(text)
})
