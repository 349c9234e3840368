import type { APIGatewayProxyEventV2, Context, SQSBatchResponse, SQSEvent } from 'aws-lambda'
import { type Config, readConfig } from '../lib/config/environment.ts'
import { toAppError } from '../lib/errors/errors.ts'
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
export const oncePerContainer = <T>(create: (config: Config) => T): (() => T) => {
  let service: T | undefined
  return () => {
    service ??= create(readConfig())
    return service
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

/** Leaves the whole batch in the queue. */
export const failBatch = ({
  error,
  event,
}: {
  readonly error: unknown
  readonly event: SQSEvent
}): SQSBatchResponse => {
  createLog().error('A batch failed', toAppError(error))
  return { batchItemFailures: event.Records.map(({ messageId }) => ({ itemIdentifier: messageId })) }
}
