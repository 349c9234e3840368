import type { AppError } from '../errors/errors.ts'
import type { Log } from './log.ts'
import type { CountMetric, MetricName } from './metrics.ts'

interface ReportedRequest {
  readonly requestId: string
  readonly accountId: string
  readonly door: string
  readonly route?: string | undefined
}

interface ReportedDestination {
  readonly campaignId: string
  readonly engagementId: string
}

interface ReportedAttempt {
  readonly durationMs: number
  /** How many times the queue has delivered the record, including this time. Undefined for a form. */
  readonly receives?: number
}

interface ReportedOutcome {
  readonly status: string
  readonly code?: string | undefined
  readonly conversationId?: string | undefined
  readonly messageStatus?: string | undefined
}

/** How an attempt at a request ended. */
type ReportedResult =
  /**
   * `repeated`: the outcome was known before. `error`: why the request was refused, if that happened just
   * now.
   */
  | {
      readonly kind: 'finished'
      readonly outcome: ReportedOutcome
      readonly repeated: boolean
      readonly error?: AppError | undefined
    }
  | { readonly kind: 'opening' }
  | { readonly kind: 'queued'; readonly error: AppError }
  | { readonly kind: 'failed'; readonly error: AppError }

const METRICS: ReadonlyMap<string, MetricName> = new Map([
  ['opened', 'conversation_opened'],
  ['existing', 'conversation_existing'],
  ['rejected', 'request_rejected'],
])

/** Returns a function that logs and counts how an attempt ended. */
export const createReport =
  ({ log, count }: { readonly log: Log; readonly count: CountMetric }) =>
  (
    { requestId, accountId, door, route }: ReportedRequest,
    { campaignId, engagementId }: ReportedDestination,
    result: ReportedResult,
    { durationMs, receives }: ReportedAttempt,
  ): void => {
    const fields = { requestId, accountId, door, route, durationMs, receives }
    switch (result.kind) {
      case 'opening':
        log.info('Another attempt is in progress', { ...fields, status: 'opening' })
        break
      case 'queued':
        log.error('Request queued', result.error, { ...fields, status: 'queued' })
        count('request_queued')
        break
      case 'failed':
        log.error('Request failed', result.error, { ...fields, status: 'failed' })
        break
      case 'finished': {
        const { outcome, repeated, error } = result
        const { status, code, conversationId, messageStatus } = outcome
        const metric = repeated ? 'request_repeated' : METRICS.get(status)
        if (error) log.error('Request rejected', error, { ...fields, status, campaignId, engagementId })
        else log.info('Request finished', { ...fields, status, code, conversationId, messageStatus })
        if (metric) count(metric, accountId)
      }
    }
  }
