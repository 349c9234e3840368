import { expect, test, vi } from 'vitest'
import { createMetrics } from '../../../lib/telemetry/metrics.ts'
import { captureOutput } from './output.ts'

const takeLines = captureOutput()

/** Returns a line in CloudWatch's embedded metric format. */
const emf = (name: string, dimensions: Readonly<Record<string, string>>) => ({
  _aws: {
    Timestamp: expect.any(Number),
    CloudWatchMetrics: [
      {
        Namespace: 'CampaignConversations',
        Dimensions: [Object.keys(dimensions)],
        Metrics: [{ Name: name, Unit: 'Count' }],
      },
    ],
  },
  ...dimensions,
  [name]: 1,
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

test('nothing is written if Powertools’ metrics are disabled', () => {
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'true')
  createMetrics()('request_queued')
  expect(takeLines()).toEqual([])
})
