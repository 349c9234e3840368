import { ASSUMED, costsOf, format, PRICES, readSettings, SECONDS_PER_MONTH, type Settings } from './scale.ts'

/**
 * Prices that only some stages pay, in eu-west-1, in US dollars.
 *
 * @see https://aws.amazon.com/eventbridge/pricing/
 * @see https://aws.amazon.com/cloudwatch/pricing/
 */
const MORE_PRICES = { busEvent: 1e-6, dashboardMonth: 3 } as const

/** The schedule of refreshDomains, and how long a refresh takes, in seconds. */
const REFRESH = { everySeconds: 600, seconds: 1 } as const

/**
 * What a conversation publishes: its outcome, and for some a later one. `seconds` of the function for each.
 */
const OUTCOMES = { perConversation: 1.5, seconds: 0.05 } as const

interface Row {
  readonly service: string
  /** The prices that the figures are made of. */
  readonly prices: string
  /** US dollars. */
  readonly perThousand: number
  readonly idlePerMonth: number
}

/** A price as it is, without the noise of floating-point numbers. */
const million = (price: number) => `$${Number((price * 1e6).toPrecision(8))} per million`

/**
 * Returns what 1,000 conversations cost, and what a stage costs in a month in which nothing happens. The
 * conversations are those of docs/scale.md, at 1 per second.
 */
const toRows = (settings: Settings): readonly Row[] => {
  const requests = SECONDS_PER_MONTH / 1000
  const busy = costsOf(1, settings)
  const still = costsOf(0, settings)
  const perThousand = (name: string) => ((busy[name] ?? 0) - (still[name] ?? 0)) / requests
  const gbSecond = PRICES.lambdaGbSecond[0][1]
  const lambda = (calls: number, seconds: number) =>
    calls * (PRICES.lambdaRequest + seconds * settings.memoryGb * gbSecond)
  const refreshes = SECONDS_PER_MONTH / REFRESH.everySeconds
  return [
    {
      service: 'Lambda',
      prices: `${million(PRICES.lambdaRequest)} calls, ${million(gbSecond)} GB-seconds`,
      perThousand: perThousand('Lambda') + lambda(1000 * OUTCOMES.perConversation, OUTCOMES.seconds),
      idlePerMonth: lambda(refreshes, REFRESH.seconds),
    },
    {
      service: 'API Gateway',
      prices: `${million(PRICES.httpApiCall[0][1])} calls`,
      perThousand: perThousand('API Gateway'),
      idlePerMonth: 0,
    },
    {
      service: 'DynamoDB, writes and reads',
      prices: `${million(PRICES.writeUnit)} write units, ${million(PRICES.readUnit)} read units`,
      perThousand: perThousand('DynamoDB, writes and reads'),
      idlePerMonth: refreshes * ASSUMED.accounts * PRICES.readUnit,
    },
    {
      service: 'DynamoDB, 30 days of storage and backup',
      prices: `$${PRICES.tableGbMonth} and $${PRICES.backupGbMonth} per GB and month`,
      perThousand: perThousand('DynamoDB, storage and backup'),
      idlePerMonth: 0,
    },
    {
      service: 'SQS',
      prices: `${million(PRICES.sqsCall)} calls`,
      perThousand: perThousand('SQS'),
      idlePerMonth: still.SQS ?? 0,
    },
    {
      service: 'EventBridge',
      prices: `${million(MORE_PRICES.busEvent)} events`,
      perThousand: 1000 * OUTCOMES.perConversation * MORE_PRICES.busEvent,
      idlePerMonth: 0,
    },
    {
      service: 'Logs, metrics included',
      prices: `$${PRICES.logGb} per GB, and $${PRICES.logGbMonth} per GB and month`,
      perThousand: perThousand('Logs, metrics included'),
      idlePerMonth: (refreshes * ASSUMED.lambdaLogBytes * (PRICES.logGb + PRICES.logGbMonth)) / 1e9,
    },
    {
      service: 'Alarms and dashboard',
      prices: `$${PRICES.alarmMonth} per alarm, $${MORE_PRICES.dashboardMonth} per dashboard`,
      perThousand: 0,
      idlePerMonth: settings.alarms * PRICES.alarmMonth + MORE_PRICES.dashboardMonth,
    },
    {
      service: 'Secrets Manager, for each account',
      prices: `$${PRICES.secretMonth} per secret, ${million(PRICES.secretCall)} calls`,
      perThousand: perThousand('Secrets Manager'),
      idlePerMonth: PRICES.secretMonth,
    },
    {
      service: 'Data transfer out',
      prices: `$${PRICES.outGb} per GB`,
      perThousand: perThousand('Data transfer out'),
      idlePerMonth: 0,
    },
  ]
}

/** Returns the table of costs in Markdown. */
export const toCostTable = (settings: Settings = readSettings()): string => {
  const rows = toRows(settings)
  const sum = (of: (row: Row) => number) => rows.reduce((total, row) => total + of(row), 0)
  const dollars = (value: number) => (value < 0.0001 ? (value > 0 ? '< $0.0001' : '–') : `$${format(value)}`)
  return [
    '| service | unit price | 1,000 conversations | idle, per month |',
    '| --- | --- | ---: | ---: |',
    ...rows.map(
      ({ service, prices, perThousand, idlePerMonth }) =>
        `| ${service} | ${prices} | ${dollars(perThousand)} | ${dollars(idlePerMonth)} |`,
    ),
    `| **All** | | ${dollars(sum((row) => row.perThousand))} | ${dollars(sum((row) => row.idlePerMonth))} |`,
  ].join('\n')
}
