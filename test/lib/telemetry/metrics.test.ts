import { describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { createMetrics } from '../../../lib/telemetry/metrics.ts'
import { captureOutput } from './output.ts'

const takeLines = captureOutput()

const Line = z.looseObject({
  _aws: z.object({
    CloudWatchMetrics: z.tuple([
      z.object({
        Dimensions: z.array(z.array(z.string())),
        Metrics: z.array(z.object({ Name: z.string(), Unit: z.string() })),
      }),
    ]),
  }),
})

/** Returns a line in CloudWatch's embedded metric format. */
const emf = (
  name: string,
  dimensions: readonly Readonly<Record<string, string>>[],
  { value = 1, unit = 'Count' } = {},
) => ({
  _aws: {
    Timestamp: expect.any(Number),
    CloudWatchMetrics: [
      {
        Namespace: 'CampaignConversations',
        Dimensions: dimensions.map(Object.keys),
        Metrics: [{ Name: name, Unit: unit }],
      },
    ],
  },
  ...Object.assign({}, ...dimensions),
  [name]: value,
})

const service = 'campaign-conversations-test'
const accountId = '70123456'

test('an occurrence is written at once, with the service as its only dimension', () => {
  createMetrics().count('domains_refresh_failed')
  expect(takeLines()).toEqual([emf('domains_refresh_failed', [{ service }])])
})

test('an account is a second dimension', () => {
  createMetrics().count('conversation_opened', accountId)
  expect(takeLines()).toEqual([emf('conversation_opened', [{ service, accountId }])])
})

test('each occurrence has its own line, and the dimensions of one do not stay for the next', () => {
  const { count } = createMetrics()
  count('conversation_opened', accountId, { route: 'order-help' })
  count('domains_refresh_failed')
  count('record_parked', accountId)
  expect(takeLines()).toEqual([
    emf('conversation_opened', [
      { service, accountId },
      { service, route: 'order-help' },
    ]),
    emf('domains_refresh_failed', [{ service }]),
    emf('record_parked', [{ service, accountId }]),
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
  createMetrics().count(name, accountId)
  expect(takeLines()).toEqual([emf(name, [{ service, accountId }, { service }])])
})

test('a quarantined record is written by its code, whether or not its account is known', () => {
  const { count } = createMetrics()
  const code = 'liveperson_rejected'
  count('record_quarantined', accountId, { code })
  count('record_quarantined', undefined, { code })
  expect(takeLines()).toEqual([
    emf('record_quarantined', [
      { service, accountId },
      { service, code },
    ]),
    emf('record_quarantined', [{ service }, { service, code }]),
  ])
})

test('the age of the oldest record is in seconds', () => {
  createMetrics().count('oldest_record_age', accountId, { value: 691_200 })
  const age = { value: 691_200, unit: 'Seconds' }
  expect(takeLines()).toEqual([emf('oldest_record_age', [{ service, accountId }, { service }], age)])
})

describe('the time of a call', () => {
  /** Returns the dimensions and the times of each line. */
  const times = () =>
    takeLines().map((line) => {
      const { _aws, ...rest } = Line.parse(line)
      const [{ Dimensions, Metrics }] = _aws.CloudWatchMetrics
      const measured = Metrics.filter(({ Unit }) => Unit === 'Milliseconds')
      return [Dimensions, Object.fromEntries(measured.map(({ Name }) => [Name, rest[Name]]))]
    })

  test('is in milliseconds, and has no line of its own', () => {
    const { count, measure } = createMetrics()
    measure('consumer_jws', accountId, 40)
    measure('create', accountId, 85)
    measure('create', accountId, 90)
    expect(takeLines()).toEqual([])
    count('liveperson_good', accountId)
    count('liveperson_good', accountId)
    expect(times()).toEqual([
      [[['service', 'accountId']], { consumer_jws_time: 40, create_time: [85, 90] }],
      [[['service', 'accountId']], {}],
    ])
  })

  test('waits for a line of its account without more dimensions, each of which would be billed', () => {
    const { count, measure } = createMetrics()
    measure('create', accountId, 85)
    count('liveperson_good', '70999999')
    count('breaker_open', accountId)
    count('conversation_opened', accountId, { route: 'order-help' })
    count('liveperson_good', accountId)
    expect(times().map(([, found]) => found)).toEqual([{}, {}, {}, { create_time: 85 }])
  })

  test('does not wait for ever, and does not pile up', () => {
    const { measure } = createMetrics()
    for (let calls = 0; calls < 45; calls++) measure('send', accountId, calls)
    expect(times()).toEqual([
      [[['service', 'accountId']], { send_time: Array.from({ length: 20 }, (_, at) => at) }],
      [[['service', 'accountId']], { send_time: Array.from({ length: 20 }, (_, at) => at + 20) }],
    ])
  })

  test('of the Domain API is written at once', () => {
    createMetrics().count('domain_api_time', accountId, { value: 120 })
    expect(times()).toEqual([[[['service', 'accountId']], { domain_api_time: 120 }]])
  })
})

test('nothing is written if Powertools’ metrics are disabled', () => {
  vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'true')
  createMetrics().count('request_queued')
  expect(takeLines()).toEqual([])
})
