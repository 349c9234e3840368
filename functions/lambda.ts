import type { APIGatewayProxyEventV2, Context, SQSBatchResponse, SQSEvent, SQSRecord } from 'aws-lambda'
import { type Config, readConfig } from '../lib/config/environment.ts'
import { InvalidConfigError, toAppError } from '../lib/errors/errors.ts'
import { isRecord } from '../lib/request/lenient-json.ts'
import { createLog } from '../lib/telemetry/log.ts'
import type { Answer } from './http/answer.ts'
import { toProblem } from './http/problem.ts'

/**
 * Middy's own timeout is off. It would answer for a handler that is still working, and the frozen container
 * would resume that work in a later invocation, after the lease has expired.
 */
export const MIDDY_OPTIONS = { timeoutEarlyInMillis: 0 } as const

/** The remaining time of an invocation whose context doesn't say, in milliseconds. */
const UNKNOWN_REMAINING_MS = 15_000

/**
 * Returns a function that creates a service on its first call and then returns the same one. It throws
 * InvalidConfigError if the environment or the stage configuration is invalid.
 */
export const oncePerContainer = <T>(create: (config: Config) => T): (() => T) =>
  once(() => create(readConfig()))

/** Returns a function that creates a value on its first call and then returns the same one. */
export const once = <T>(create: () => T): (() => T) => {
  let value: T | undefined
  return () => {
    value ??= create()
    return value
  }
}

/**
 * Returns when Lambda will have ended this invocation, in milliseconds since the epoch. Read `now` right
 * before the call: the remaining time counts from there.
 */
export const invocationEndsAt = (now: number, context: Partial<Context>): number =>
  now + (context.getRemainingTimeInMillis?.() ?? UNKNOWN_REMAINING_MS)

/** Creates the service and warms it up while the container starts. Logs an invalid configuration. */
export const warmUp = async (getService: () => { readonly warm: () => Promise<void> }): Promise<void> => {
  try {
    await getService().warm()
  } catch (error) {
    createLog().error('The service is not configured', toAppError(error))
  }
}

/**
 * Returns the error handler of an HTTP function: it answers with a problem.
 *
 * @param requestIdOf Returns the sender's request id from the event, undefined if there is none.
 */
export const answerProblem =
  (requestIdOf: (event: APIGatewayProxyEventV2) => string | undefined) =>
  ({ error, event }: { readonly error: unknown; readonly event: APIGatewayProxyEventV2 }): Answer => {
    const requestId = requestIdOf(event)
    const appError = toAppError(error)
    createLog().error('A call failed', appError, { requestId })
    return toProblem(appError, requestId)
  }

/**
 * Returns the records of a queue's event.
 *
 * @throws {InvalidConfigError} Something other than a queue invoked the function, or the event is a test.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
 */
export const recordsOf = (event: unknown): readonly SQSRecord[] => {
  if (isSqsEvent(event)) return event.Records
  throw new InvalidConfigError({
    detail:
      'This is not an event of SQS. Only the events queue and the hand-over queue may invoke openFromQueue. To test it, send a message to the events queue.',
  })
}

const isSqsEvent = (event: unknown): event is SQSEvent =>
  isRecord(event) &&
  Array.isArray(event.Records) &&
  event.Records.length > 0 &&
  event.Records.every(isSqsRecord)

const isSqsRecord = (record: unknown): boolean =>
  isRecord(record) &&
  record.eventSource === 'aws:sqs' &&
  isRecord(record.attributes) &&
  [record.messageId, record.body].every((member) => typeof member === 'string')

/** Leaves the whole batch in the queue. Without a batch, the invocation fails with the error itself. */
export const failBatch = ({
  error,
  event,
}: {
  readonly error: unknown
  readonly event: unknown
}): SQSBatchResponse | undefined => {
  if (!isSqsEvent(event)) {
    createLog().error('An event is not from a queue', toAppError(error))
    return undefined
  }
  createLog().error('A batch failed', toAppError(error))
  return { batchItemFailures: event.Records.map(({ messageId }) => ({ itemIdentifier: messageId })) }
}
