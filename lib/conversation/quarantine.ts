import type { Queues } from '../aws/queues.ts'
import { type AppError, toAppError } from '../errors/errors.ts'
import { toSafePath } from '../errors/mask.ts'
import type { AcceptedRequest } from '../request/conversation-request.ts'
import type { Log } from '../telemetry/log.ts'
import type { CountMetric } from '../telemetry/metrics.ts'
import type { Ledger } from './ledger.ts'

const MAX_FINDINGS = 10

/** What goes into quarantine, and why. */
export interface Quarantined {
  readonly body: string
  readonly error: AppError
  readonly requestId: string
  /** Undefined if the body could not be read as a request. */
  readonly request?: AcceptedRequest
}

export type Quarantine = ReturnType<typeof createQuarantine>

/** Returns a function that puts a request into the quarantine queue, with the reason beside it. */
export const createQuarantine = ({
  queues,
  ledger,
  log,
  count,
}: {
  readonly queues: Queues
  readonly ledger: Ledger
  readonly log: Log
  readonly count: CountMetric
}) => {
  /** @throws {ServiceUnavailableError} The quarantine queue doesn't hold it. */
  return async ({ body, error, requestId, request }: Quarantined): Promise<void> => {
    await queues.quarantine(body, { code: error.code, detail: detailOf(error), requestId })
    log.error('A request was quarantined', error, { requestId, accountId: request?.accountId })
    count('record_quarantined', request?.accountId)
    // Without this, the status of a form that was handed over stays `queued`. The request itself is safe
    // either way.
    if (request?.door === 'form')
      await ledger.giveUp(request, error.code).catch((failure: unknown) => {
        log.error('The ledger did not record a quarantined request', toAppError(failure), { requestId })
      })
  }
}

/** Lists the invalid fields, with sender-chosen names masked. */
const detailOf = ({ message, findings }: AppError): string =>
  findings
    .slice(0, MAX_FINDINGS)
    .map((finding) => `${toSafePath(finding) || 'the body'} ${finding.message}`)
    .join('; ') || message
