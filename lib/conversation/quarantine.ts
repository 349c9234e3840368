import type { QueueName, Queues } from '../aws/queues.ts'
import { type AppError, toAppError } from '../errors/errors.ts'
import { toSafePath } from '../errors/mask.ts'
import type { Log } from '../telemetry/log.ts'
import type { CountMetric } from '../telemetry/metrics.ts'
import type { Ledger } from './ledger.ts'
import type { Refusal } from './refusals.ts'

const MAX_FINDINGS = 10

const LABELS = { events: 'events', handOver: 'hand-over' } as const satisfies Readonly<
  Record<QueueName, string>
>

/** What goes into quarantine, and why. */
export interface Quarantined {
  readonly body: string
  /**
   * The queue that a replay of the body goes to: the one that the body came from, or that the service would
   * have put it into. The body itself proves nothing: anyone who can send an event chooses its body.
   */
  readonly queue: QueueName
  readonly error: AppError
  readonly requestId: string
  /** Undefined if the body could not be read as a request. */
  readonly accountId?: string | undefined
  /** How many attempts were made. Default: none. */
  readonly attempts?: number | undefined
  /** Set for a CRM event that was refused before its claim. */
  readonly refused?: Pick<Refusal, 'messageId' | 'accountId'> | undefined
}

export type Quarantine = ReturnType<typeof createQuarantine>

/** Returns a function that puts a request into the quarantine queue, with the reason beside it. */
export const createQuarantine = ({
  queues,
  ledger,
  refuse,
  log,
  count,
}: {
  readonly queues: Queues
  readonly ledger: Ledger
  /** Records a refusal. */
  readonly refuse: (refusal: Refusal) => Promise<void>
  readonly log: Log
  readonly count: CountMetric
}) => {
  /** @throws {ServiceUnavailableError} The quarantine queue doesn't hold it. */
  return async (quarantined: Quarantined): Promise<void> => {
    const { body, queue, error, requestId, accountId, attempts, refused } = quarantined
    const reason = {
      code: error.code,
      detail: detailOf(error),
      requestId,
      queue: LABELS[queue],
      attempts,
    }
    // If this fails, the record is retried, and nothing is in the queue twice.
    if (refused) await refuse({ ...refused, requestId, code: error.code })
    const { messageId, hasReason } = await queues.quarantine(body, reason)
    count('record_quarantined', accountId, { code: error.code })
    // The request is safe in the queue, whether or not the table can be written.
    if (!hasReason)
      await ledger.keepReason(messageId, reason).catch((failure: unknown) => {
        log.error('The reason of a quarantined request was not kept', toAppError(failure), { requestId })
      })
  }
}

/** Lists the invalid fields, with sender-chosen names masked. */
const detailOf = ({ message, findings }: AppError): string =>
  findings
    .slice(0, MAX_FINDINGS)
    .map((finding) => `${toSafePath(finding) || 'the body'} ${finding.message}`)
    .join('; ') || message
