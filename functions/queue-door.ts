import type { SQSBatchItemFailure, SQSBatchResponse, SQSRecord } from 'aws-lambda'
import type { Outcome } from '../lib/conversation/attempt.ts'
import { backOffMs } from '../lib/conversation/back-off.ts'
import { parseRecord, toHandedOver } from '../lib/conversation/hand-over.ts'
import { type AppError, LivePersonUnavailableError, toAppError, toRejection } from '../lib/errors/errors.ts'
import { toSafePath } from '../lib/errors/mask.ts'
import type { AcceptedRequest } from '../lib/request/conversation-request.ts'
import type { Service } from '../lib/service/open.ts'

/** How long one record may take, in milliseconds. */
const RECORD_MS = 25_000
/** A record that could have less than this is not begun any more, in milliseconds. */
const LEAST_MS = 8_000

type Parsed = ReturnType<typeof parseRecord> & { readonly record: SQSRecord }

/**
 * Opens conversations for the records of a batch: those of one consumer one after the other, others side by side. What
 * can't be done now is returned as failed and seen again after its back-off; what can never be done goes to the
 * quarantine queue with the reason.
 *
 * @param aliveUntil When this container is surely dead, in milliseconds since the epoch.
 */
export const openFromRecords = async (
  service: Service,
  records: readonly SQSRecord[],
  aliveUntil: number,
): Promise<SQSBatchResponse> => {
  const groups = new Map<string, Parsed[]>()
  const unusable: { readonly record: SQSRecord; readonly error: AppError }[] = []
  for (const record of records) {
    try {
      const parsed = { ...parseRecord(service.config.stage, record), record }
      const key = JSON.stringify([parsed.request.accountId, parsed.request.consumerId])
      groups.set(key, [...(groups.get(key) ?? []), parsed])
    } catch (thrown) {
      unusable.push({ record, error: toAppError(thrown) })
    }
  }
  const left = await Promise.all([
    ...unusable.map(async ({ record, error }) => ((await setAside(service, record, error)) ? [] : [record])),
    ...[...groups.values()].map((group) => openInOrder(service, group, aliveUntil)),
  ])
  return { batchItemFailures: left.flat().map(toFailure) }
}

const toFailure = ({ messageId }: SQSRecord): SQSBatchItemFailure => ({ itemIdentifier: messageId })

/** Gives the records that have to be seen again: from the first one that could not be done, all. */
const openInOrder = async (
  service: Service,
  group: readonly Parsed[],
  aliveUntil: number,
): Promise<readonly SQSRecord[]> => {
  for (const [index, parsed] of group.entries()) {
    if (service.now() + LEAST_MS > aliveUntil) return group.slice(index).map(({ record }) => record)
    const delayMs = await openOne(service, parsed, aliveUntil)
    if (delayMs === undefined) continue
    const rest = group.slice(index).map(({ record }) => record)
    // Should this fail, the queue's own visibility timeout holds.
    await Promise.all(
      rest.map(({ receiptHandle }) => service.queues.delay(receiptHandle, delayMs).catch(() => undefined)),
    )
    return rest
  }
  return []
}

/** Gives undefined where the record is done with, else how long to leave it alone, in milliseconds. */
const openOne = async (
  service: Service,
  { record, request, known }: Parsed,
  aliveUntil: number,
): Promise<number | undefined> => {
  const startedAt = service.now()
  const attempt = Number(record.attributes.ApproximateReceiveCount)
  try {
    const outcome = await service.openConversation(
      request,
      {
        deadline: Math.min(startedAt + RECORD_MS, aliveUntil - 2000),
        aliveUntil,
        // The record itself stays in the queue; only what was found out has to be added.
        keep: async (_, found) => {
          if (found) await service.queues.send(toHandedOver(request, found), backOffMs(attempt, undefined))
        },
        setAside: async () => undefined,
      },
      known,
    )
    service.report(request, outcome, service.now() - startedAt)
    return await settle(service, record, request, outcome, attempt)
  } catch (thrown) {
    const error = toAppError(thrown)
    if (!error.retryable && (await setAside(service, record, error, request))) return undefined
    service.log.error('A record failed', error, { requestId: request.requestId, door: request.door, attempt })
    return backOffMs(attempt, undefined)
  }
}

const settle = async (
  service: Service,
  record: SQSRecord,
  request: AcceptedRequest,
  outcome: Outcome,
  attempt: number,
): Promise<number | undefined> => {
  switch (outcome.status) {
    case 'opened':
    case 'existing':
      return undefined
    case 'rejected':
      return (await setAside(service, record, outcome.error ?? toRejection(outcome.code), request))
        ? undefined
        : backOffMs(attempt, undefined)
    case 'opening':
      return backOffMs(attempt, undefined)
    case 'queued': {
      const { error } = outcome
      return backOffMs(attempt, error instanceof LivePersonUnavailableError ? error.retryAfterMs : undefined)
    }
  }
}

/** Puts a record that can never succeed into the quarantine queue; gives whether it is there. */
const setAside = async (
  service: Service,
  record: SQSRecord,
  error: AppError,
  request?: AcceptedRequest,
): Promise<boolean> => {
  const requestId = request?.requestId ?? record.messageId
  // A replay gets another message id; what may have been opened must keep the request id that may come from it.
  const body = request && error.code === 'outcome_unknown' ? toHandedOver(request) : record.body
  service.log.error('A record can never succeed', error, { requestId, messageId: record.messageId })
  try {
    await service.queues.quarantine(body, {
      code: error.code,
      detail: detailOf(error),
      requestId,
    })
    service.count('record_quarantined', request?.accountId)
    // Whoever asks for its status should not wait any longer. Should this fail, they wait.
    if (request?.door === 'form') await service.ledger.giveUp(request, error.code).catch(() => undefined)
    return true
  } catch (thrown) {
    service.log.error('The quarantine queue did not take a record', toAppError(thrown), { requestId })
    return false
  }
}

/** Lists invalid fields, masking unsafe names. */
const detailOf = ({ message, findings }: AppError): string =>
  findings
    .slice(0, 10)
    .map((finding) => `${toSafePath(finding) || 'the body'} ${finding.message}`)
    .join('; ') || message
