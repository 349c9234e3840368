import middy from '@middy/core'
import type { Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import type { Job } from '../lib/conversation/attempt.ts'
import { retryAfterOf } from '../lib/conversation/attempt.ts'
import { backOffMs } from '../lib/conversation/back-off.ts'
import type { Result } from '../lib/conversation/protocol.ts'
import { parseRecord } from '../lib/conversation/record.ts'
import { recordBudget } from '../lib/conversation/time-budget.ts'
import { toAppError } from '../lib/errors/errors.ts'
import { createOpenService, type OpenService } from '../lib/service/open.ts'
import { createLog } from '../lib/telemetry/log.ts'
import { aliveUntil, MIDDY_OPTIONS, oncePerContainer, warmUp } from './lambda.ts'

/** Returns the handler of the events queue. */
export const createHandler = (service: () => OpenService) =>
  middy(
    ({ Records }: SQSEvent, context: Context) => openFromQueue(service(), Records, context),
    MIDDY_OPTIONS,
  ).onError(failBatch)

interface Parsed {
  readonly record: SQSRecord
  readonly job: Job
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
  const byConsumer = new Map<string, Parsed[]>()
  const unreadable: Promise<readonly SQSRecord[]>[] = []
  for (const record of records) {
    try {
      const job = parseRecord(service.stage, record)
      const consumer = JSON.stringify([job.request.accountId, job.request.consumerId])
      byConsumer.set(consumer, [...(byConsumer.get(consumer) ?? []), { record, job }])
    } catch (error) {
      unreadable.push(quarantineUnreadable(service, record, error))
    }
  }
  const failed = await Promise.all([
    ...unreadable,
    ...[...byConsumer.values()].map((group) => openInOrder(service, group, until)),
  ])
  return { batchItemFailures: failed.flat().map(({ messageId }) => ({ itemIdentifier: messageId })) }
}

const quarantineUnreadable = async (
  { quarantine, log }: OpenService,
  record: SQSRecord,
  thrown: unknown,
): Promise<readonly SQSRecord[]> => {
  const { body, messageId } = record
  try {
    await quarantine({ body, error: toAppError(thrown), requestId: messageId })
    return []
  } catch (error) {
    log.error('The quarantine queue refused a record', toAppError(error), { messageId })
    return [record]
  }
}

/** Returns the records that must be retried: the first that failed and those after it. */
const openInOrder = async (
  service: OpenService,
  group: readonly Parsed[],
  until: number,
): Promise<readonly SQSRecord[]> => {
  for (const [index, { record, job }] of group.entries()) {
    const startedAt = service.now()
    const rest = group.slice(index).map(({ record }) => record)
    const budget = recordBudget(startedAt, until)
    if (!budget) return rest
    const receives = Number(record.attributes.ApproximateReceiveCount)
    const result = await service.attempt(job, { kind: 'record', body: record.body, receives }, budget)
    const { request, destination } = job
    service.report({ ...request, campaign: destination }, result, service.now() - startedAt)
    const delayMs = retryDelayMs(result, receives, service.random)
    if (delayMs === undefined) continue
    // If this fails, the queue's own visibility timeout applies.
    await Promise.allSettled(rest.map(({ receiptHandle }) => service.delayRecord(receiptHandle, delayMs)))
    return rest
  }
  return []
}

/** Returns how long to leave a record alone, in milliseconds, or undefined if it is done. */
const retryDelayMs = (result: Result, receives: number, random: () => number): number | undefined => {
  switch (result.kind) {
    case 'finished':
    case 'failed':
      return undefined
    case 'opening':
      return backOffMs(receives, undefined, random)
    case 'queued':
      return backOffMs(receives, retryAfterOf(result.error), random)
  }
}

/** Leaves the whole batch in the queue. */
const failBatch = ({
  error,
  event,
}: {
  readonly error: unknown
  readonly event: SQSEvent
}): SQSBatchResponse => {
  createLog().error('A batch failed', toAppError(error))
  return { batchItemFailures: event.Records.map(({ messageId }) => ({ itemIdentifier: messageId })) }
}

const service = oncePerContainer(createOpenService)

await warmUp(service)

export const handler = createHandler(service)
