import { Metrics, MetricUnit } from '@aws-lambda-powertools/metrics'

/** Everything that is counted, and what an operator reads from it. */
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

export type CountMetric = (name: MetricName, accountId?: string) => void

/**
 * Returns a function that counts one occurrence, written at once in the embedded metric format. Dimensions are `service`
 * (`POWERTOOLS_SERVICE_NAME`: name and stage) and, where one is given, `accountId`; an alarm needs a metric without.
 */
export const createMetrics = (): CountMetric => {
  const metrics = new Metrics({ namespace: 'CampaignConversations' })
  return (name, accountId) => {
    const metric = metrics.singleMetric()
    if (accountId !== undefined) metric.addDimension('accountId', accountId)
    metric.addMetric(name, MetricUnit.Count, 1)
  }
}
