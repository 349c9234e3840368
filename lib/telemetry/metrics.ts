import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'

/** Every metric. docs/operations.md says what an operator reads from each. */
export type MetricName =
  | 'conversation_opened'
  | 'conversation_existing'
  | 'request_rejected'
  | 'request_queued'
  | 'request_repeated'
  | 'record_quarantined'
  | 'record_given_up'
  | 'record_parked'
  | 'oldest_record_age'
  | 'message_pending'
  | 'message_not_sent'
  | 'message_unknown'
  | 'outcome_unknown'
  | 'liveperson_good'
  | 'liveperson_busy'
  | 'liveperson_silent'
  | 'liveperson_failed'
  | 'breaker_open'
  | 'account_paused'
  | 'profile_refused'
  | 'secret_previous_used'
  | 'foreign_host_refused'
  | 'domains_refresh_failed'
  | 'consumer_token_refused'
  | 'bot_check_failed'
  | 'bot_check_misconfigured'
  | 'known_request_guessed'
  | 'origin_refused'
  | 'push_refused'
  | 'outcome_published'
  | 'outcome_unreadable'
  | `${Hop}_time`

/** A call to LivePerson whose time is measured. */
export type Hop = 'domain_api' | 'app_jwt' | 'consumer_jws' | 'create' | 'send'

/**
 * Metrics that tell of an account's trouble, and that an alarm watches. An alarm matches only metrics with
 * exactly its dimensions, so these are written with and without the account.
 */
const ALARMED: ReadonlySet<MetricName> = new Set([
  'record_given_up',
  'message_not_sent',
  'breaker_open',
  'oldest_record_age',
  'request_queued',
  'bot_check_misconfigured',
  'profile_refused',
])

/** How many times wait for a line of their account, at most. */
const MAX_WAITING = 20

/** What else is known. Each value of a dimension is billed, so none is an id that a sender may choose. */
interface MetricOptions {
  /** Default: 1. Of `oldest_record_age`, seconds. Of a time, milliseconds. */
  readonly value?: number
  /** The name of a route in the stage configuration. */
  readonly route?: string | undefined
  /** A code of `CODES`. */
  readonly code?: string
}

/** Counts one occurrence, or reports a value. */
export type CountMetric = (name: MetricName, accountId?: string, options?: MetricOptions) => void

/**
 * Returns two functions. `count` writes one line in CloudWatch's embedded metric format, at once. `measure`
 * keeps the time of a call to LivePerson, in milliseconds, for the next line of the same account. A line for
 * each call would cost more than it is worth.
 *
 * Every metric has the dimension `service` (from `POWERTOOLS_SERVICE_NAME`: name and stage). It is written
 * once for each of `accountId`, `route` and `code` that is given.
 *
 * @see
 * https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export const createMetrics = () => {
  const metrics = new Metrics({ namespace: 'CampaignConversations' })
  const waiting = new Map<string, (readonly [MetricName, number])[]>()

  const write = (times: Iterable<readonly [MetricName, number]>, dimensions: readonly Dimension[]) => {
    for (const dimension of dimensions) metrics.addDimensions(dimension)
    for (const [name, value] of times) metrics.addMetric(name, unitOf(name), value)
    // `singleMetric` would create a console for each.
    metrics.publishStoredMetrics()
  }

  const take = (accountId: string) => {
    const times = waiting.get(accountId) ?? []
    waiting.delete(accountId)
    return times
  }

  const count: CountMetric = (name, accountId, { value = 1, route, code } = {}) => {
    const dimensions: Dimension[] = accountId === undefined ? [] : [{ accountId }]
    if (accountId === undefined || ALARMED.has(name)) dimensions.push({})
    if (route !== undefined) dimensions.push({ route })
    if (code !== undefined) dimensions.push({ code })
    // All metrics of a line have all dimensions of the line.
    const times = accountId !== undefined && dimensions.length === 1 ? take(accountId) : []
    write([...times, [name, value]], dimensions)
  }

  return {
    count,

    measure: (hop: Hop, accountId: string, ms: number): void => {
      const times = waiting.get(accountId) ?? []
      waiting.set(accountId, [...times, [`${hop}_time`, ms]])
      if (times.length + 1 >= MAX_WAITING) write(take(accountId), [{ accountId }])
    },
  }
}

type Dimension = Readonly<Record<string, string>>

const unitOf = (name: MetricName) => {
  if (name.endsWith('_time')) return MetricUnit.Milliseconds
  return name === 'oldest_record_age' ? MetricUnit.Seconds : MetricUnit.Count
}
