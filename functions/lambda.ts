import type { Context, SQSBatchResponse } from 'aws-lambda'
import { toAppError } from '../lib/errors/errors.ts'
import type { Service } from '../lib/service/open.ts'
import { createLog } from '../lib/telemetry/log.ts'
import { toProblem } from './http/problem.ts'

/**
 * Middy's own time-out is off: it would answer for a handler that is still at work, and a container that is frozen
 * instead of killed would go on with it after its lease.
 */
export const SHELL = { timeoutEarlyInMillis: 0 } as const

/** How long a container lives on where its context doesn't say, in milliseconds. */
const UNKNOWN_LIFE_MS = 15_000

/** When the container that runs this invocation is surely dead, by the service's clock. */
export const endOf = ({ now }: Service, context: Partial<Context>): number =>
  now() + (context.getRemainingTimeInMillis?.() ?? UNKNOWN_LIFE_MS)

/** Reads secrets and domains while the container starts. What is missing is told by the first request that needs it. */
export const start = async (service: () => Service): Promise<void> => {
  try {
    await service().warm()
  } catch (error) {
    createLog().error('The service is not set up', toAppError(error))
  }
}

/** The HTTP answer for what a handler threw. */
export const answerProblem = ({ error }: { readonly error: unknown }) => {
  const known = toAppError(error)
  createLog().error('A call failed', known)
  return toProblem(known)
}

/** Leaves a whole batch in the queue, with a line in the log that says why. */
export const failWhole = ({
  error,
  event,
}: {
  readonly error: unknown
  readonly event: { readonly Records: readonly { readonly messageId: string }[] }
}): SQSBatchResponse => {
  createLog().error('A batch failed', toAppError(error))
  return { batchItemFailures: event.Records.map(({ messageId }) => ({ itemIdentifier: messageId })) }
}
