import middy from '@middy/core'
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import type { Job } from '../lib/conversation/attempt.ts'
import { backOffMs, retryDelayMs } from '../lib/conversation/back-off.ts'
import { runInOrder } from '../lib/conversation/batch.ts'
import { parseRecord } from '../lib/conversation/record.ts'
import { recordBudget } from '../lib/conversation/time-budget.ts'
import { type AppError, toAppError, toError } from '../lib/errors/errors.ts'
import { createOpenService, type OpenService } from '../lib/service/open.ts'
import { aliveUntil, failBatch, MIDDY_OPTIONS, oncePerContainer, warmUp } from './lambda.ts'

/** Returns the handler of the events queue. */
export const createHandler = (service: () => OpenService) =>
  middy(
    ({ Records }: SQSEvent, context: Context) => openFromQueue(service(), Records, context),
    MIDDY_OPTIONS,
  ).onError(failBatch)

interface Parsed {
  readonly record: SQSRecord
  /** Undefined if the record can't be read; `error` says why. */
  readonly job?: Job
  readonly error?: AppError
}

/**
 * Opens a conversation for each record of a batch. Records of one consumer run in order, others side by side. A record that
 * must be retried is returned as failed; a record that can never succeed goes to quarantine.
 */
const openFromQueue = async (
  service: OpenService,
  records: readonly SQSRecord[],
  context: Context,
): Promise<SQSBatchResponse> => {
  const until = aliveUntil(service.now(), context)
  const groups = Map.groupBy(
    records.map((record) => parse(service, record)),
    ({ record, job }) =>
      job ? JSON.stringify([job.request.accountId, job.request.consumerId]) : record.messageId,
  )
  const failed = await runInOrder(
    groups.values(),
    (parsed) => (parsed.job ? open(service, parsed.record, parsed.job, until) : refuse(service, parsed)),
    // If this fails, the queue's own visibility timeout applies.
    (rest, delayMs) =>
      Promise.allSettled(rest.map(({ record }) => service.delayRecord(record.receiptHandle, delayMs))),
  )
  return { batchItemFailures: failed.map(({ record }) => ({ itemIdentifier: record.messageId })) }
}

const parse = ({ stage }: OpenService, record: SQSRecord): Parsed => {
  try {
    return { record, job: parseRecord(stage, record) }
  } catch (error) {
    return { record, error: toAppError(error) }
  }
}

const open = async (
  service: OpenService,
  record: SQSRecord,
  job: Job,
  until: number,
): Promise<number | undefined> => {
  const { now, random } = service
  const startedAt = now()
  const receives = Number(record.attributes.ApproximateReceiveCount)
  const budget = recordBudget(startedAt, until)
  if (!budget) return backOffMs(receives, undefined, random)
  const { request, destination } = job
  const result = await service.attempt(job, { kind: 'record', body: record.body, receives }, budget)
  service.report({ ...request, campaign: destination }, result, now() - startedAt)
  return retryDelayMs(result, receives, random)
}

const refuse = async (
  { quarantine, log, random }: OpenService,
  { record: { body, messageId, attributes }, error = toError('internal_error') }: Parsed,
): Promise<number | undefined> => {
  try {
    await quarantine({ body, error, requestId: messageId })
    return undefined
  } catch (failure) {
    log.error('The quarantine queue refused a record', toAppError(failure), { messageId })
    return backOffMs(Number(attributes.ApproximateReceiveCount), undefined, random)
  }
}

const service = oncePerContainer(createOpenService)

await warmUp(service)

export const handler = createHandler(service)
