import { readdirSync } from 'node:fs'
import { z } from 'zod'
import { readDeclaration } from './serverless-yml.ts'

/** The sustained rates that docs/scale.md describes, in requests per second. */
export const RATES = [1, 10, 100, 1000] as const

/**
 * AWS's default limits.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/warm-throughput-scenarios.html
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
 */
export const LIMITS = {
  concurrency: 1000,
  callsPerContainer: 10,
  writeUnits: 4000,
  inFlight: 120_000,
} as const

/**
 * Prices in eu-west-1, in US dollars. The tiers are those of AWS's price list.
 *
 * @see https://pricing.us-east-1.amazonaws.com/offers/v1.0/aws/index.json
 */
export const PRICES = {
  lambdaRequest: 0.2e-6,
  lambdaGbSecond: [
    [7.5e9, 13.3334e-6],
    [11.25e9, 12.0001e-6],
    [Number.POSITIVE_INFINITY, 10.6667e-6],
  ],
  httpApiCall: [
    [300e6, 1.11e-6],
    [Number.POSITIVE_INFINITY, 1e-6],
  ],
  writeUnit: 0.705e-6,
  readUnit: 0.1415e-6,
  tableGbMonth: 0.283,
  backupGbMonth: 0.22,
  sqsCall: 0.4e-6,
  logGb: 0.57,
  logGbMonth: 0.03,
  metricMonth: 0.3,
  dashboardMonth: 3,
  alarmMonth: 0.1,
  secretMonth: 0.4,
  secretCall: 5e-6,
  outGb: 0.09,
} as const

/** What one request is taken to be. Times are in seconds. */
export const ASSUMED = {
  formShare: 0.5,
  messageShare: 0.25,
  statusCallsPerForm: 1,
  livePersonCall: 0.2,
  tableCall: 0.01,
  ownTime: 0.02,
  accounts: 1,
  /** Routes of the stage configuration that requests use every hour. */
  routes: 5,
  /** START, END and REPORT of one invocation. */
  lambdaLogBytes: 300,
  /** One line of API Gateway's access log. */
  accessLogBytes: 300,
  outBytes: 4000,
  failingShare: 0.01,
  outageHours: 4,
} as const

/**
 * What one request uses in a warm container, as measured by test/docs/scale.test.ts. `logBytes` and
 * `logBytesPerBatch` count 26 bytes for each line besides its text, as CloudWatch Logs does.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
 */
export const USED = {
  writeUnits: 3,
  writeUnitsWithMessage: 4,
  livePersonCalls: 2,
  livePersonCallsWithMessage: 3,
  logBytes: 1230,
  logBytesWithMessage: 1610,
  logBytesPerBatch: 316,
  /** Both items of a request, with DynamoDB's 100 bytes for each. */
  itemBytes: 1400,
} as const

/**
 * CloudWatch's custom metrics without trouble. Those of an account are opened, existing, repeated, good
 * answers, the age of records, and the times of five calls to LivePerson. That of a route is opened. Those of
 * a route of the HTTP API are API Gateway's own.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
 */
export const METRICS = { perAccount: 10, perRoute: 1, perStage: 1, perApiRoute: 6, apiRoutes: 5 } as const

export const SECONDS_PER_MONTH = 730 * 3600
const DAYS_KEPT = 30

/** The settings of the deployed stack that limit its throughput. */
export interface Settings {
  readonly throttlingRate: number
  readonly throttlingBurst: number
  readonly batchSize: number
  readonly eventBatches: number
  readonly handOverBatches: number
  readonly formDeadline: number
  readonly memoryGb: number
  readonly alarms: number
}

const Sqs = z.object({ sqs: z.object({ batchSize: z.number(), maximumConcurrency: z.number() }) })
const Stack = z.object({
  provider: z.object({
    memorySize: z.number(),
    environment: z.object({ FORM_DEADLINE_MS: z.coerce.number() }),
  }),
  functions: z.object({ openFromQueue: z.object({ events: z.tuple([Sqs, Sqs]) }) }),
})
const Default = z.object({ Default: z.number() })
const Throttling = z.object({
  Parameters: z.object({ ThrottlingRate: Default, ThrottlingBurst: Default }),
})
const Resources = z.object({ Resources: z.record(z.string(), z.object({ Type: z.string() })).default({}) })

/** Returns the settings that serverless.yml and infrastructure/ declare. Times are in seconds. */
export const readSettings = (): Settings => {
  const { provider, functions } = Stack.parse(readDeclaration('serverless.yml', 'prod'))
  const [events, handOver] = functions.openFromQueue.events
  const { ThrottlingRate, ThrottlingBurst } = Throttling.parse(
    readDeclaration('infrastructure/parameters.yml', 'prod'),
  ).Parameters
  const alarms = readdirSync(new URL('../infrastructure/', import.meta.url))
    .filter((name) => name.endsWith('.yml'))
    .flatMap((name) =>
      Object.values(Resources.parse(readDeclaration(`infrastructure/${name}`, 'prod')).Resources),
    )
  return {
    throttlingRate: ThrottlingRate.Default,
    throttlingBurst: ThrottlingBurst.Default,
    batchSize: events.sqs.batchSize,
    eventBatches: events.sqs.maximumConcurrency,
    handOverBatches: handOver.sqs.maximumConcurrency,
    formDeadline: provider.environment.FORM_DEADLINE_MS / 1000,
    memoryGb: provider.memorySize / 1024,
    alarms: alarms.filter(({ Type }) => Type === 'AWS::CloudWatch::Alarm').length,
  }
}

/** The settings to change for a rate. The others stay as they are. */
export const CHANGED: Readonly<Record<(typeof RATES)[number], Partial<Settings>>> = {
  1: {},
  10: {},
  100: { throttlingRate: 150, throttlingBurst: 300, handOverBatches: 8 },
  1000: { throttlingRate: 1500, throttlingBurst: 3000, eventBatches: 45, handOverBatches: 70 },
}

const mean = (plain: number, withMessage: number): number =>
  plain + ASSUMED.messageShare * (withMessage - plain)

const secondsOf = (livePersonCalls: number, ledgerSteps: number): number =>
  ASSUMED.ownTime + livePersonCalls * ASSUMED.livePersonCall + ledgerSteps * ASSUMED.tableCall

/**
 * How long a form takes, in seconds. The claim runs alongside the first call, so the ledger adds one step,
 * and one more for a message.
 */
export const formSeconds = (): number =>
  mean(secondsOf(USED.livePersonCalls, 1), secondsOf(USED.livePersonCallsWithMessage, 2))

/** How long a full batch takes, in seconds: as long as a record with a message. */
export const batchSeconds = (): number => secondsOf(USED.livePersonCallsWithMessage, 2)

/** How long a batch takes on average, in seconds: longer if one of its records has a message. */
const meanBatchSeconds = (records: number): number => {
  const plain = secondsOf(USED.livePersonCalls, 1)
  return plain + (1 - (1 - ASSUMED.messageShare) ** records) * (batchSeconds() - plain)
}

/** How many records per second one batch at a time works off. */
export const recordsPerSecond = ({ batchSize }: Pick<Settings, 'batchSize'>): number =>
  batchSize / batchSeconds()

/** What a rate needs each second, or at once. */
export const loadOf = (rate: number, settings: Settings) => {
  const forms = rate * ASSUMED.formShare
  const events = rate - forms
  const statusCalls = forms * ASSUMED.statusCallsPerForm
  const statusContainers = statusCalls / LIMITS.callsPerContainer
  const eventCapacity = settings.eventBatches * recordsPerSecond(settings)
  const busyBatches = Math.min(settings.eventBatches, events * batchSeconds())
  const recordsPerBatch = Math.max(
    1,
    Math.min(events, eventCapacity) * (batchSeconds() / settings.eventBatches),
  )
  return {
    forms,
    events,
    statusCalls,
    apiCalls: forms + statusCalls,
    eventCapacity,
    recordsPerBatch,
    containers: forms * formSeconds() + statusContainers + busyBatches,
    containersAtDeadline: forms * settings.formDeadline + statusContainers + busyBatches,
    writeUnits: rate * mean(USED.writeUnits, USED.writeUnitsWithMessage),
    livePersonCalls: rate * mean(USED.livePersonCalls, USED.livePersonCallsWithMessage),
  }
}

/**
 * Returns the rows of the table that says how much of each limit a rate uses.
 *
 * @param longestBackOff How long a record that failed by itself waits at most, in seconds.
 */
export const limitRows = (settings: Settings, longestBackOff: number): readonly string[] => {
  const { throttlingRate, eventBatches, formDeadline } = settings
  const row = (name: string, usedBy: (load: ReturnType<typeof loadOf>, rate: number) => number) =>
    `| ${name} | ${RATES.map((rate) => percent(usedBy(loadOf(rate, settings), rate))).join(' | ')} |`
  return [
    row(`HTTP API: ${throttlingRate} calls per second`, ({ apiCalls }) => apiCalls / throttlingRate),
    row(
      `Events queue: ${eventBatches} batches at a time`,
      ({ events, eventCapacity }) => events / eventCapacity,
    ),
    row(
      `Lambda: ${format(LIMITS.concurrency)} containers`,
      ({ containers }) => containers / LIMITS.concurrency,
    ),
    row(
      `The same, if every form takes ${formDeadline} s`,
      ({ containersAtDeadline }) => containersAtDeadline / LIMITS.concurrency,
    ),
    row(
      `DynamoDB: ${format(LIMITS.writeUnits)} write units per second`,
      ({ writeUnits }) => writeUnits / LIMITS.writeUnits,
    ),
    row(
      `SQS: ${format(LIMITS.inFlight)} messages in flight`,
      ({ events }) => (events * ASSUMED.failingShare * longestBackOff) / LIMITS.inFlight,
    ),
    `| Calls to LivePerson per second | ${RATES.map((rate) => format(loadOf(rate, settings).livePersonCalls)).join(' | ')} |`,
  ]
}

/** Returns the row that says how long the backlog of an outage takes. */
export const drainRow = (batches: number, settings: Settings): string => {
  const hoursOf = (rate: number) => (rate * ASSUMED.outageHours) / (batches * recordsPerSecond(settings))
  return `| ${batches} | ${RATES.map((rate) => duration(hoursOf(rate))).join(' | ')} |`
}

/** Returns what a rate costs per month, in US dollars. */
export const costsOf = (rate: number, settings: Settings): Readonly<Record<string, number>> => {
  const { forms, events, statusCalls, apiCalls, recordsPerBatch, containers, writeUnits } = loadOf(
    rate,
    settings,
  )
  const perMonth = (perSecond: number) => perSecond * SECONDS_PER_MONTH
  const batches = events / recordsPerBatch
  const invocations = forms + statusCalls + batches
  const seconds =
    forms * formSeconds() + statusCalls * ASSUMED.ownTime + batches * meanBatchSeconds(recordsPerBatch)
  const logBytes =
    rate * mean(USED.logBytes, USED.logBytesWithMessage) +
    batches * USED.logBytesPerBatch +
    invocations * ASSUMED.lambdaLogBytes +
    apiCalls * ASSUMED.accessLogBytes
  const storedGb = (rate * USED.itemBytes * DAYS_KEPT * 86_400) / 1e9
  // Lambda's pollers wait 20 seconds for a message.
  const idlePolls = (settings.eventBatches + settings.handOverBatches) / 20
  const metrics =
    METRICS.perAccount * ASSUMED.accounts +
    METRICS.perRoute * ASSUMED.routes +
    METRICS.perStage +
    METRICS.perApiRoute * METRICS.apiRoutes
  return {
    Lambda:
      perMonth(invocations) * PRICES.lambdaRequest +
      tiered(perMonth(seconds) * settings.memoryGb, PRICES.lambdaGbSecond),
    'API Gateway': tiered(perMonth(apiCalls), PRICES.httpApiCall),
    'DynamoDB, writes and reads':
      perMonth(writeUnits) * PRICES.writeUnit + perMonth(statusCalls + containers / 20) * PRICES.readUnit,
    'DynamoDB, storage and backup': storedGb * (PRICES.tableGbMonth + PRICES.backupGbMonth),
    SQS: perMonth(events + 2 * batches + idlePolls) * PRICES.sqsCall,
    'Logs, metrics included': (perMonth(logBytes) / 1e9) * (PRICES.logGb + PRICES.logGbMonth),
    'Metrics, alarms and dashboard':
      metrics * PRICES.metricMonth + settings.alarms * PRICES.alarmMonth + PRICES.dashboardMonth,
    'Secrets Manager':
      ASSUMED.accounts * (PRICES.secretMonth + perMonth(containers / 300) * PRICES.secretCall),
    'Data transfer out': (perMonth(rate * ASSUMED.outBytes) / 1e9) * PRICES.outGb,
  }
}

/** Returns the rows of the table of costs, with the settings that each rate needs. */
export const costRows = (settings: Settings): readonly string[] => {
  const all = RATES.map((rate) => costsOf(rate, { ...settings, ...CHANGED[rate] }))
  const names = Object.keys(all[0] ?? {})
  const row = (name: string, values: readonly number[]) => `| ${name} | ${values.map(dollars).join(' | ')} |`
  const totals = all.map((costs) => Object.values(costs).reduce((sum, cost) => sum + cost, 0))
  return [
    ...names.map((name) =>
      row(
        name,
        all.map((costs) => costs[name] ?? 0),
      ),
    ),
    row('**All**', totals),
    row(
      'Per 1,000 requests',
      totals.map((total, index) => total / (((RATES[index] ?? 1) * SECONDS_PER_MONTH) / 1000)),
    ),
  ]
}

const tiered = (amount: number, tiers: readonly (readonly [size: number, price: number])[]): number => {
  let left = amount
  return tiers.reduce((sum, [size, price]) => {
    const used = Math.min(left, size)
    left -= used
    return sum + used * price
  }, 0)
}

/** Two significant digits, so that the document claims no more precision than the assumptions have. */
const round = (value: number): number => Number(value.toPrecision(2))

export const format = (value: number): string =>
  round(value).toLocaleString('en-US', { maximumFractionDigits: 4 })

const percent = (part: number): string => (part < 0.001 ? '< 0.1 %' : `${format(part * 100)} %`)

const dollars = (value: number): string => `$${format(value)}`

const duration = (hours: number): string => {
  if (hours < 1) return `${format(hours * 60)} min`
  return hours < 48 ? `${format(hours)} h` : `${format(hours / 24)} days`
}
