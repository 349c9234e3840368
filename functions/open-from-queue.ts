import middy from '@middy/core'
import type { Context, SQSBatchResponse, SQSRecord } from 'aws-lambda'
import type { QueueName } from '../lib/aws/queues.ts'
import { backOffMs, retryDelayMs, unreadDelayMs } from '../lib/conversation/back-off.ts'
import { runInOrder } from '../lib/conversation/batch.ts'
import { withoutTimes } from '../lib/conversation/hand-over.ts'
import { type ReadRecord, readRecord } from '../lib/conversation/record.ts'
import { recordBudget } from '../lib/conversation/time-budget.ts'
import { toAppError } from '../lib/errors/errors.ts'
import { createOpenService, type OpenService } from '../lib/service/open.ts'
import { failBatch, invocationEndsAt, MIDDY_OPTIONS, oncePerContainer, recordsOf, warmUp } from './lambda.ts'

/** Returns the handler of the events queue and the hand-over queue. */
export const createHandler = (getService: () => OpenService) =>
  middy((event: unknown, context: Context) => {
    const records = recordsOf(event)
    return openFromQueue(getService(), records, context)
  }, MIDDY_OPTIONS).onError(failBatch)

interface Received {
  readonly record: SQSRecord
  readonly queue: QueueName
  readonly read: ReadRecord
}

/**
 * Opens a conversation for each record of a batch. Records of one consumer run one after another, others
 * concurrently. A record that must be retried is returned as failed. A record that can never succeed goes to
 * quarantine.
 */
const openFromQueue = async (
  service: OpenService,
  records: readonly SQSRecord[],
  context: Context,
): Promise<SQSBatchResponse> => {
  const now = service.now()
  const endsAt = invocationEndsAt(now, context)
  const received = records.map((record): Received => {
    const queue = service.queueOf(record.eventSourceARN)
    const { body, messageId, attributes } = record
    const sentAt = Number(attributes.SentTimestamp)
    return { record, queue, read: readRecord(service.stage, queue, { body, messageId, sentAt, now }) }
  })
  reportOldest(service, received)
  const attempts = await runInOrder(Map.groupBy(received.toSorted(formsFirst), groupKeyOf).values(), (item) =>
    open(service, item, endsAt),
  )
  const failed = attempts.flatMap(({ item, result }) =>
    result === undefined ? [] : [{ ...item, delayMs: result }],
  )
  await Promise.all(failed.map((item) => putOff(service, item)))
  return { batchItemFailures: failed.map(({ record }) => ({ itemIdentifier: record.messageId })) }
}

/** People wait for forms, so forms get the first turns at LivePerson. */
const formsFirst = (a: Received, b: Received): number => rankOf(a) - rankOf(b)

const rankOf = ({ read }: Received): number =>
  read.kind === 'job' && read.job.request.door === 'form' ? 0 : 1

const groupKeyOf = ({ record, read }: Received): string =>
  read.kind === 'job'
    ? JSON.stringify([read.job.request.accountId, read.job.request.consumerId])
    : record.messageId

/** SQS's own metric leaves out messages that were received several times. */
const reportOldest = ({ now, count }: OpenService, received: readonly Received[]): void => {
  const oldest = new Map<string, number>()
  for (const { read } of received) {
    if (read.kind !== 'job') continue
    const { accountId } = read.job.request
    oldest.set(accountId, Math.min(oldest.get(accountId) ?? Number.POSITIVE_INFINITY, read.job.acceptedAt))
  }
  for (const [accountId, acceptedAt] of oldest)
    count('oldest_record_age', accountId, { value: Math.max(0, Math.round((now() - acceptedAt) / 1000)) })
}

/** If this fails, the queue's own visibility timeout applies. */
const putOff = async (
  { delayRecord, log }: OpenService,
  { record, queue, delayMs }: Received & { readonly delayMs: number },
): Promise<void> => {
  const { messageId, receiptHandle } = record
  await delayRecord(queue, receiptHandle, delayMs).catch((error: unknown) => {
    log.error('A record could not be put off, so it is retried later', toAppError(error), { messageId })
  })
}

/**
 * Returns how long to leave the record alone, in milliseconds, or undefined if its queue need not keep it.
 */
const open = async (
  service: OpenService,
  { record, queue, read }: Received,
  endsAt: number,
): Promise<number | undefined> => {
  const { now, random, report } = service
  const startedAt = now()
  const receives = Number(record.attributes.ApproximateReceiveCount)
  if (read.kind === 'refused') return refuse(service, { record, queue, read }, read, receives)
  const budget = recordBudget(startedAt, endsAt)
  // Too little time is left: return the record to the queue.
  if (!budget) return backOffMs(receives, undefined, random)
  const { request, destination } = read.job
  const kind = queue === 'events' ? 'event' : 'hand_over'
  const result = await service.attempt(read.job, { kind, body: record.body, receives }, budget)
  report(request, destination, result, { durationMs: now() - startedAt, receives })
  return retryDelayMs(result, receives, random)
}

/**
 * Quarantines a record that can never succeed. A record that could not be read for another reason is retried
 * until it is too old. Its request in the ledger is ended first, so that the sender can see the status.
 */
const refuse = async (
  { quarantine, giveUp, log, count, now, random, giveUpAfterMs }: OpenService,
  { record: { body, messageId }, queue }: Received,
  { requestId, error, sentAt, campaign, event, ids }: Extract<ReadRecord, { kind: 'refused' }>,
  receives: number,
): Promise<number | undefined> => {
  const accountId = ids?.accountId
  const fields = { requestId, accountId, door: ids?.door ?? 'queue', messageId, receives, ...campaign }
  if (error.retryable && now() - sentAt < giveUpAfterMs) {
    log.error('A record could not be read', error, fields)
    return unreadDelayMs(receives, random)
  }
  try {
    const ended = ids ? await giveUp(ids, error.code) : 'finished'
    if (ended === 'held') return unreadDelayMs(receives, random)
    const kept = queue === 'handOver' ? withoutTimes(body) : body
    const refused = event && { ...event, messageId }
    await quarantine({ body: kept, queue, error, requestId, accountId, refused })
    const level = error.retryable ? 'error' : undefined
    log.error('A record was refused', error, { ...fields, status: 'rejected' }, level)
    if (error.retryable) count('record_given_up', accountId)
    if (ended !== 'finished' && ended.messageStatus === 'not_sent') count('message_not_sent', accountId)
    return undefined
  } catch (failure) {
    log.error('A refused record could not be quarantined', toAppError(failure), fields)
    return unreadDelayMs(receives, random)
  }
}

const getService = oncePerContainer(createOpenService)

await warmUp(getService)

export const handler = createHandler(getService)
