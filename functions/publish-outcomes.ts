import middy from '@middy/core'
import type { Context, DynamoDBBatchResponse } from 'aws-lambda'
import { fromImage } from '../lib/aws/state-table.ts'
import { readOutcomesConfig } from '../lib/config/environment.ts'
import { type OutcomeEvent, outcomeOfWrite } from '../lib/conversation/outcome-event.ts'
import { type Publication, publishInOrder } from '../lib/conversation/publish.ts'
import { InvalidConfigError, toAppError } from '../lib/errors/errors.ts'
import { isRecord } from '../lib/request/lenient-json.ts'
import { createOutcomesService, type OutcomesService } from '../lib/service/outcomes.ts'
import { createLog } from '../lib/telemetry/log.ts'
import { invocationEndsAt, MIDDY_OPTIONS, once } from './lambda.ts'

/** The longest time of one request to EventBridge with its second attempt, and some more, in milliseconds. */
const REQUEST_MS = 12_000

/** A record of the state table's stream: one write of one item. */
interface Write {
  readonly sequenceNumber: string
  readonly tableArn: string
  readonly after: unknown
  readonly before: unknown
}

interface Outcome extends Publication {
  readonly write: Write
}

/**
 * Returns the handler of the state table's stream. After an error, Lambda splits the batch in two and retries
 * both halves.
 */
export const createHandler = (getService: () => OutcomesService) =>
  middy((event: unknown, context: Context) => {
    const endsAt = invocationEndsAt(getService().now(), context)
    return publishOutcomes(getService(), writesOf(event), endsAt)
  }, MIDDY_OPTIONS).onError(({ error }) => {
    const appError = toAppError(error)
    createLog().error('A batch failed', appError)
    throw appError
  })

/**
 * Publishes the outcome of each write that changed one. If an event can't be published, reports the first
 * such record, and Lambda continues from there. What comes after it may then be published twice.
 */
const publishOutcomes = async (
  service: OutcomesService,
  writes: readonly Write[],
  endsAt: number,
): Promise<DynamoDBBatchResponse> => {
  const { bus, now, sleep, random, log, count } = service
  const outcomes = writes.flatMap((write) => toOutcome(service, write) ?? [])
  const { left, error } = await publishInOrder({
    bus,
    publications: outcomes,
    tableArn: writes[0]?.tableArn ?? '',
    hasTime: () => now() + REQUEST_MS < endsAt,
    sleep,
    random,
  })
  if (error !== undefined) log.error('Outcomes could not be published, and are retried', toAppError(error))
  if (left.length < outcomes.length)
    count('outcome_published', undefined, { value: outcomes.length - left.length })
  const first = left[0]
  return { batchItemFailures: first ? [{ itemIdentifier: first.write.sequenceNumber }] : [] }
}

/**
 * A record that can't be read must not hold back the others: the item can be published again from the table.
 */
const toOutcome = ({ log, count }: OutcomesService, write: Write): Outcome | undefined => {
  let event: OutcomeEvent | undefined
  let key = ''
  let requestId: string | undefined
  try {
    const after = write.after === undefined ? undefined : fromImage(write.after)
    key = String(after?.pk)
    if (typeof after?.requestId === 'string') requestId = after.requestId
    event = outcomeOfWrite(after, write.before === undefined ? undefined : fromImage(write.before))
  } catch (error) {
    log.error('An outcome could not be read from the stream, so it was not published', toAppError(error), {
      requestId,
    })
    count('outcome_unreadable')
  }
  return event && { key, event, write }
}

/**
 * Returns the writes in an event of the stream.
 *
 * @throws {InvalidConfigError} Something other than the stream invoked the function.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
 */
const writesOf = (event: unknown): readonly Write[] => {
  const records: unknown = isRecord(event) ? event.Records : undefined
  const writes = Array.isArray(records) ? records.map(toWrite) : []
  if (writes.length > 0 && writes.every((write) => write !== undefined)) return writes
  throw new InvalidConfigError({
    detail: "This is not an event of the state table's stream, which alone may invoke publishOutcomes.",
  })
}

const toWrite = (record: unknown): Write | undefined => {
  if (!isRecord(record) || record.eventSource !== 'aws:dynamodb' || !isRecord(record.dynamodb))
    return undefined
  const { SequenceNumber, NewImage, OldImage } = record.dynamodb
  if (typeof SequenceNumber !== 'string') return undefined
  return {
    sequenceNumber: SequenceNumber,
    tableArn: String(record.eventSourceARN).replace(/\/stream\/.*$/, ''),
    after: NewImage,
    before: OldImage,
  }
}

export const handler = createHandler(once(() => createOutcomesService(readOutcomesConfig())))
