import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'

/** Every metric. docs/operations.md says what an operator reads from each. */
export type MetricName =
  | 'conversation_opened'
  | 'conversation_existing'
  | 'request_rejected'
  | 'request_queued'
  | 'request_repeated'
  | 'record_quarantined'
  | 'profile_refused'
  | 'secret_previous_used'
  | 'foreign_host_refused'
  | 'domains_refresh_failed'
  | 'consumer_token_refused'
  | 'bot_check_failed'
  | 'origin_refused'

/**
 * Counts one occurrence. Leave out `accountId` if an alarm watches the metric, because an alarm matches only
 * metrics with exactly its dimensions.
 */
export type CountMetric = (name: MetricName, accountId?: string) => void

/**
 * Returns a function that counts. Each occurrence is written at once in CloudWatch's embedded metric format.
 * The dimensions are `service` (from `POWERTOOLS_SERVICE_NAME`: name and stage) and `accountId`, if given.
 *
 * @see https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
 */
export const createMetrics = (): CountMetric => {
  const metrics = new Metrics({ namespace: 'CampaignConversations' })
  return (name, accountId) => {
    const metric = metrics.singleMetric()
    if (accountId !== undefined) metric.addDimension('accountId', accountId)
    metric.addMetric(name, MetricUnit.Count, 1)
  }
}
