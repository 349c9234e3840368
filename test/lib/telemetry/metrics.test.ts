import { expect, test, vi } from 'vitest'
import { createMetrics } from '../../../lib/telemetry/metrics.ts'
import { captureOutput } from './output.ts'

const takeLines = captureOutput()

/** Returns a line in CloudWatch's embedded metric format. */
const emf = (
  name: string,
  dimensions: Readonly<Record<string, string>>,
  { value = 1, unit = 'Count' } = {},
) => ({
  _aws: {
    Timestamp: expect.any(Number),
    CloudWatchMetrics: [
      {
        Namespace: 'CampaignConversations',
        Dimensions: [Object.keys(dimensions)],
        Metrics: [{ Name: name, Unit: unit }],
      },
    ],
  },
  ...dimensions,
  [name]: value,
})

const service = 'campaign-conversations-test'

test('an occurrence is written at once, with the service as its only dimension', () => {
  createMetrics()('request_queued')
  expect(takeLines()).toEqual([emf('request_queued', { service })])
})

test('an account is a second dimension', () => {
  createMetrics()('conversation_opened', '70123456')
  expect(takeLines()).toEqual([emf('conversation_opened', { service, accountId: '70123456' })])
})

test('each occurrence has its own line, and the account of one does not stay for the next', () => {
  const count = createMetrics()
  count('conversation_opened', '70123456')
  count('request_queued')
  count('request_queued')
  expect(takeLines()).toEqual([
    emf('conversation_opened', { service, accountId: '70123456' }),
    emf('request_queued', { service }),
    emf('request_queued', { service }),
  ])
})

test.each([
  'record_given_up',
  'message_not_sent',
  'breaker_open',
  'request_queued',
  'bot_check_misconfigured',
  'profile_refused',
] as const)('%s is written with and without the account, because an alarm names all dimensions', (name) => {
  createMetrics()(name, '70123456')
  expect(takeLines()).toEqual([emf(name, { service }), emf(name, { service, accountId: '70123456' })])
})

test('the age of the oldest record is in seconds', () => {
  createMetrics()('oldest_record_age', '70123456', 691_200)
  const age = { value: 691_200, unit: 'Seconds' }
  expect(takeLines()).toEqual([
    emf('oldest_record_age', { service }, age),
    emf('oldest_record_age', { service, accountId: '70123456' }, age),
  ])
})

test('nothing is written if Powertools’ metrics are disabled', () => {
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'true')
  createMetrics()('request_queued')
  expect(takeLines()).toEqual([])
})
