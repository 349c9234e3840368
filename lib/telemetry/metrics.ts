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

/**
 * Metrics that tell of an account's trouble, and that an alarm watches. An alarm matches only metrics with
 * exactly its dimensions, so these are written twice: with and without the account.
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

/**
 * Counts one occurrence, or reports a value. `accountId` becomes a dimension.
 *
 * @param value Default: 1. Of `oldest_record_age`, seconds.
 */
export type CountMetric = (name: MetricName, accountId?: string, value?: number) => void

/**
 * Returns a function that counts. Each occurrence is written at once in CloudWatch's embedded metric format.
 * The dimensions are `service` (from `POWERTOOLS_SERVICE_NAME`: name and stage) and `accountId`, if given.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export const createMetrics = (): CountMetric => {
  const metrics = new Metrics({ namespace: 'CampaignConversations' })
  const write = (name: MetricName, accountId: string | undefined, value: number) => {
    if (accountId !== undefined) metrics.addDimension('accountId', accountId)
    metrics.addMetric(name, name === 'oldest_record_age' ? MetricUnit.Seconds : MetricUnit.Count, value)
    // `singleMetric` would create a console for each.
    metrics.publishStoredMetrics()
  }
  return (name, accountId, value = 1) => {
    if (accountId === undefined || ALARMED.has(name)) write(name, undefined, value)
    if (accountId !== undefined) write(name, accountId, value)
  }
}
