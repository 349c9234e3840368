import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, test, vi } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { backOffMs } from '../../lib/conversation/back-off.ts'
import { createPace } from '../../lib/liveperson/pace.ts'
import {
  ASSUMED,
  batchSeconds,
  CHANGED,
  costRows,
  drainRow,
  formSeconds,
  LIMITS,
  limitRows,
  loadOf,
  METRICS,
  PRICES,
  RATES,
  readSettings,
  recordsPerSecond,
  USED,
} from '../../tools/scale.ts'
import { projectRoot } from '../structure/source.ts'
import { measureFlood, measureUsage } from './usage.ts'

const text = readFileSync(join(projectRoot, 'docs/scale.md'), 'utf8')
const lines = text.split('\n')
const prose = text.replaceAll(/\s+/g, ' ')
const settings = readSettings()
const { functions } = parseYaml(readFileSync(join(projectRoot, 'serverless.yml'), 'utf8'))
const { Resources } = parseYaml(readFileSync(join(projectRoot, 'infrastructure/queues.yml'), 'utf8'))
const retentionDays = Resources.HandOverQueue.Properties.MessageRetentionPeriod / 86_400
const [, metricType = ''] =
  /export type MetricName =\n((?: {2}\| .*\n)+)/.exec(
    readFileSync(join(projectRoot, 'lib/telemetry/metrics.ts'), 'utf8'),
  ) ?? []
const metricNames = metricType.trimEnd().split('\n')
/** The longest wait of a record that failed by itself, in seconds. */
const longestBackOff = backOffMs(100, undefined, () => 1) / 1000

describe('the tables of scale.md are those of the formulas', () => {
  const batches = [settings.handOverBatches, ...RATES.map((rate) => CHANGED[rate].handOverBatches)]
  test.each([
    ...limitRows(settings, longestBackOff),
    ...[...new Set(batches)].flatMap((count) => (count === undefined ? [] : [drainRow(count, settings)])),
    ...costRows(settings),
  ])('%s', (row) => {
    expect(lines).toContain(row)
  })
})

describe('the settings that scale.md recommends', () => {
  test.each(RATES)('are enough for %i requests per second', (rate) => {
    const changed = { ...settings, ...CHANGED[rate] }
    const load = loadOf(rate, changed)
    const { apiCalls, events, eventCapacity } = load
    expect(apiCalls / changed.throttlingRate).toBeLessThanOrEqual(0.8)
    expect(events / eventCapacity).toBeLessThanOrEqual(0.8)
    expect(load.containersAtDeadline / 5000).toBeLessThanOrEqual(0.8)
    expect(load.writeUnits / 8000).toBeLessThanOrEqual(0.8)
    // The backlog of an outage takes no longer than the outage.
    expect(changed.handOverBatches * recordsPerSecond(changed)).toBeGreaterThan(rate)
  })

  test.each(RATES.filter((rate) => rate >= 100))('are told for %i requests per second', (rate) => {
    for (const value of Object.values(CHANGED[rate]))
      expect(lines.find((line) => line.startsWith(`| ${rate.toLocaleString('en-US')} |`))).toContain(
        `${value.toLocaleString('en-US')}`,
      )
  })
})

describe('scale.md says', () => {
  const pace = createPace({ now: () => 0, random: () => 0 })
  const start = pace.rate()
  for (let before = 0; pace.rate() > before; ) {
    before = pace.rate()
    // The rate grows only while calls have to wait.
    for (let call = 0; call <= before; call++) pace.take(0)
    pace.good()
  }
  const cap = pace.rate()
  for (let call = 0; call < 10; call++) pace.trouble({ startedAt: 0, kind: 'silent' })
  const floor = pace.rate()
  const perBatch = recordsPerSecond(settings)
  const { batchSize, eventBatches, handOverBatches } = settings
  const atMost = { ...settings, ...CHANGED[1000] }
  const slowest = (handOverBatches * batchSize) / 2

  test.each([
    `A form takes ${formSeconds().toFixed(2)} s, a full batch ${batchSeconds().toFixed(2)} s.`,
    `a call to LivePerson takes ${ASSUMED.livePersonCall * 1000} ms, a call to DynamoDB ${ASSUMED.tableCall * 1000} ms`,
    `Each batch processes ${perBatch.toFixed(1)} records per second,`,
    `${eventBatches} batches of the events queue and ${handOverBatches} of the hand-over queue`,
    `${(eventBatches * perBatch).toFixed(0)} and ${(handOverBatches * perBatch).toFixed(0)} records per second`,
    `starts at ${start} calls per second and account. It reaches its maximum of ${cap}`,
    `after ${cap - start} good answers`,
    `Each container still makes ${floor} call per second`,
    `${eventBatches + handOverBatches} calls per second with the defaults, and ${atMost.eventBatches + atMost.handOverBatches} with the settings for 1,000`,
    `between ${slowest} and ${handOverBatches * batchSize} records per second`,
    `retention of ${retentionDays} days. A backlog of more than ${((slowest * retentionDays * 86_400) / 1e6).toFixed(1)} million records`,
    `48 hours at 100 requests per second are ${((48 * 3600 * 100) / 1e6).toFixed(0)} million`,
    `at most ${Math.ceil(metricNames.length / 10) * 10} per account`,
    `${USED.writeUnits} write units, or ${USED.writeUnitsWithMessage} with a message`,
    `${settings.throttlingRate} calls per second with bursts of ${settings.throttlingBurst}`,
    `${settings.alarms} alarms`,
    `${METRICS.perAccount} metrics per account, ${METRICS.perRoute} for each of ${ASSUMED.routes} routes`,
    `${METRICS.perApiRoute * METRICS.apiRoutes} route metrics of the HTTP API`,
    `$${PRICES.dashboardMonth} for the dashboard`,
    `up to ${longestBackOff / 60} minutes`,
    `more than ${LIMITS.inFlight / longestBackOff} records per second`,
    `${settings.memoryGb * 1024} MB`,
    `${ASSUMED.outBytes / 1000} KB for each request, to LivePerson`,
  ])('%s', (sentence) => {
    expect(prose).toContain(sentence)
  })
})

describe('what scale.md counts with is what a warm container uses', () => {
  let measured: Awaited<ReturnType<typeof measureUsage>>

  beforeAll(async () => {
    vi.stubEnv('LOG_LEVEL', 'INFO')
    vi.stubEnv('POWERTOOLS_METRICS_DISABLED', 'false')
    vi.stubEnv('POWERTOOLS_SERVICE_NAME', 'campaign-conversations-prod')
    measured = await measureUsage()
    vi.unstubAllEnvs()
  })

  test.each(['form', 'event'] as const)('%s', (kind) => {
    const plain = measured[kind]
    const withMessage = measured[`${kind}WithMessage`]
    expect([plain.writeUnits, withMessage.writeUnits]).toEqual([USED.writeUnits, USED.writeUnitsWithMessage])
    expect([plain.readUnits, withMessage.readUnits]).toEqual([0, 0])
    expect([plain.livePersonCalls, withMessage.livePersonCalls]).toEqual([
      USED.livePersonCalls,
      USED.livePersonCallsWithMessage,
    ])
    expectNear(plain.logBytes, USED.logBytes)
    expectNear(withMessage.logBytes, USED.logBytesWithMessage)
    expectNear(plain.itemBytes, USED.itemBytes)
  })

  test('batches', () => {
    expectNear(measured.event.batchLogBytes, USED.logBytesPerBatch)
    expect(measured.form.batchLogBytes).toBe(0)
  })

  test('metrics', () => {
    const names = new Set(Object.values(measured).flatMap(({ metrics }) => metrics))
    const ofAccount = [...names].filter((name) => name.includes('accountId'))
    const ofRoute = [...names].filter((name) => name.includes('route'))
    // A warm container asks for no hosts and no AppJWT.
    const seldom = ['domain_api_time', 'app_jwt_time']
    expect(ofAccount).toHaveLength(METRICS.perAccount - seldom.length)
    expect(ofRoute).toHaveLength(METRICS.perRoute)
    expect(names.size - ofAccount.length - ofRoute.length).toBe(METRICS.perStage)
    const events: readonly object[] = Object.values<{ events: object[] }>(functions).flatMap(
      (one) => one.events,
    )
    expect(events.filter((event) => 'httpApi' in event)).toHaveLength(METRICS.apiRoutes)
  })
})

test('what scale.md says of a flood is what the simulated world does', { timeout: 120_000 }, async () => {
  const [, count = '', half = '', all = '', rate = ''] =
    /half of ([\d,]+) events that arrive at once are open after (\d+) s, and all after (\d+) s\. The rate at the end is (\d+) per second/.exec(
      prose,
    ) ?? []
  const events = Number(count.replace(',', ''))
  const opened = await measureFlood(events)
  expect(opened).toHaveLength(events)
  const middle = opened[events / 2] ?? 0
  const last = opened.at(-1) ?? 0
  expectNear(middle, Number(half))
  expectNear(last, Number(all))
  expectNear(events / 2 / (last - middle), Number(rate))
})

const expectNear = (actual: number, stated: number) => {
  expect(actual).toBeGreaterThan(stated * 0.9)
  expect(actual).toBeLessThan(stated * 1.1)
}
