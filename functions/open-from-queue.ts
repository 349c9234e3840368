import middy from '@middy/core'
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { backOffMs, retryDelayMs } from '../lib/conversation/back-off.ts'
import { runInOrder } from '../lib/conversation/batch.ts'
import { type ReadRecord, readRecord } from '../lib/conversation/record.ts'
import { recordBudget } from '../lib/conversation/time-budget.ts'
import { toAppError } from '../lib/errors/errors.ts'
import { createOpenService, type OpenService } from '../lib/service/open.ts'
import { failBatch, invocationEndsAt, MIDDY_OPTIONS, oncePerContainer, warmUp } from './lambda.ts'

/** Returns the handler of the events queue. */
export const createHandler = (getService: () => OpenService) =>
  middy(
    ({ Records }: SQSEvent, context: Context) => openFromQueue(getService(), Records, context),
    MIDDY_OPTIONS,
  ).onError(failBatch)

interface Received {
  readonly record: SQSRecord
  readonly read: ReadRecord
}

/**
 * Opens a conversation for each record of a batch. Records of one consumer run in order, others concurrently.
 * A record that must be retried is returned as failed. A record that can never succeed goes to quarantine.
 */
const openFromQueue = async (
  service: OpenService,
  records: readonly SQSRecord[],
  context: Context,
): Promise<SQSBatchResponse> => {
  const endsAt = invocationEndsAt(service.now(), context)
  const received = records.map((record): Received => ({ record, read: readRecord(service.stage, record) }))
  const failed = await runInOrder(
    Map.groupBy(received, groupKeyOf).values(),
    (item) => open(service, item, endsAt),
    // If this fails, the queue's own visibility timeout applies.
    (rest, delayMs) =>
      Promise.allSettled(rest.map(({ record }) => service.delayRecord(record.receiptHandle, delayMs))),
  )
  return { batchItemFailures: failed.map(({ record }) => ({ itemIdentifier: record.messageId })) }
}

const groupKeyOf = ({ record, read }: Received): string =>
  read.kind === 'job'
    ? JSON.stringify([read.job.request.accountId, read.job.request.consumerId])
    : record.messageId

/** Returns how long to leave the record alone, in milliseconds, or undefined if it is done. */
const open = async (
  service: OpenService,
  { record, read }: Received,
  endsAt: number,
): Promise<number | undefined> => {
  const { now, random, report } = service
  const startedAt = now()
  const receives = Number(record.attributes.ApproximateReceiveCount)
  if (read.kind === 'refused') return refuse(service, record, read, receives)
  const budget = recordBudget(startedAt, endsAt)
  // Too little time is left: return the record to the queue.
  if (!budget) return backOffMs(receives, undefined, random)
  const { request, destination } = read.job
  const result = await service.attempt(read.job, { kind: 'record', body: record.body, receives }, budget)
  report(request, destination, result, { durationMs: now() - startedAt, receives })
  return retryDelayMs(result, receives, random)
}

/**
 * Quarantines a record that can never succeed. A record that could not be read for another reason is retried.
 */
const refuse = async (
  { quarantine, log, random }: OpenService,
  { body, messageId }: SQSRecord,
  refused: Extract<ReadRecord, { kind: 'refused' }>,
  receives: number,
): Promise<number | undefined> => {
  const { requestId, error } = refused
  const fields = { requestId, messageId, receives }
  if (error.retryable) log.error('A record could not be read', error, fields)
  else
    try {
      await quarantine({ body, ...refused })
      return undefined
    } catch (failure) {
      log.error('The quarantine queue did not accept a record', toAppError(failure), fields)
    }
  return backOffMs(receives, undefined, random)
}

const getService = oncePerContainer(createOpenService)

await warmUp(getService)

export const handler = createHandler(getService)
