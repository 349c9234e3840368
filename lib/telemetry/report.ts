import type { Code } from '../errors/codes.ts'
import { type AppError, toError } from '../errors/errors.ts'
import type { Failure, Log } from './log.ts'
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
  readonly messageCode?: string | undefined
}

/** How an attempt at a request ended. `failures` are those that `error` doesn't include. */
type ReportedResult = Ended & { readonly failures?: readonly Failure[] | undefined }

type Ended =
  /**
   * `repeated`: the outcome was known before. `error`: why the request was refused, if that happened just
   * now.
   */
  | {
      readonly kind: 'finished'
      readonly outcome: ReportedOutcome
      readonly repeated: boolean
      readonly wasOpen?: boolean | undefined
      readonly kept?: string | undefined
      readonly error?: AppError | undefined
    }
  | { readonly kind: 'opening' }
  | { readonly kind: 'queued'; readonly kept: string; readonly error?: AppError | undefined }
  | { readonly kind: 'failed'; readonly code: Code; readonly error?: AppError | undefined }

const METRICS: ReadonlyMap<string, MetricName> = new Map([
  ['opened', 'conversation_opened'],
  ['existing', 'conversation_existing'],
  ['rejected', 'request_rejected'],
  ['outcome_unknown', 'outcome_unknown'],
])

const MESSAGE_METRICS: ReadonlyMap<string, MetricName> = new Map([
  ['pending', 'message_pending'],
  ['not_sent', 'message_not_sent'],
  ['unknown', 'message_unknown'],
])

/** Returns a function that logs and counts how an attempt ended: one line in the log. */
export const createReport =
  ({ log, count }: { readonly log: Log; readonly count: CountMetric }) =>
  (
    { requestId, accountId, door, route }: ReportedRequest,
    { campaignId, engagementId }: ReportedDestination,
    result: ReportedResult,
    { durationMs, receives }: ReportedAttempt,
  ): void => {
    const request = { requestId, accountId, door, route, campaignId, engagementId }
    const fields = { ...request, durationMs, receives, failures: result.failures }
    switch (result.kind) {
      case 'opening':
        log.info('Another attempt is in progress', { ...fields, status: 'opening' })
        break
      case 'queued': {
        const { error, kept } = result
        if (error) log.error('Request queued', error, { ...fields, status: 'queued' })
        else log.info('Request parked', { ...fields, status: 'queued' })
        if (error || receives === undefined) count('request_queued', accountId, { route })
        if (receives !== undefined && kept === 'in_hand_over') count('record_parked', accountId)
        break
      }
      case 'failed': {
        const error = result.error ?? toError(result.code)
        const isGivenUp = receives !== undefined
        // Its sender repeats a form. Only the operator replays a record.
        const level = isGivenUp && error.retryable ? 'error' : undefined
        log.error('Request failed', error, { ...fields, status: 'failed' }, level)
        if (isGivenUp) count('record_given_up', accountId)
        break
      }
      case 'finished': {
        const { outcome, repeated, wasOpen, error } = result
        const { status, messageStatus } = outcome
        if (status === 'outcome_unknown' && !repeated)
          log.error('Outcome unknown', error ?? toError(status), { ...fields, status }, 'error')
        else if (error) log.error('Request rejected', error, { ...fields, status })
        else log.info(repeated ? 'Request repeated' : 'Request finished', { ...fields, ...outcome })
        if (repeated) count('request_repeated', accountId)
        const metric = repeated || wasOpen ? undefined : METRICS.get(status)
        const messageMetric = repeated ? undefined : MESSAGE_METRICS.get(messageStatus ?? '')
        if (metric) count(metric, accountId, { route })
        if (messageMetric) count(messageMetric, accountId, { route })
      }
    }
  }
