import { AppError, LivePersonUnavailableError } from '../errors/errors.ts'

/**
 * Returns a function that runs `work`, unless an earlier run failed and its pause isn't over. It then throws
 * that run's error again, with the rest of the pause as `retryAfterMs` if LivePerson asked for it.
 *
 * @param options.now Milliseconds since the epoch.
 * @param options.pauseMsOf Returns the pause after an error, in milliseconds, undefined if there is none.
 */
export const createRetryAfter = ({
  now,
  pauseMsOf,
}: {
  readonly now: () => number
  readonly pauseMsOf: (error: AppError) => number | undefined
}) => {
  let failure: { readonly error: AppError; readonly until: number } | undefined

  return async <T>(work: () => Promise<T>): Promise<T> => {
    if (failure && now() < failure.until) throw again(failure.error, failure.until - now())
    try {
      return await work()
    } catch (error) {
      const pauseMs = error instanceof AppError ? (pauseMsOf(error) ?? 0) : 0
      if (error instanceof AppError && pauseMs > 0) failure = { error, until: now() + pauseMs }
      throw error
    }
  }
}

const again = (error: AppError, restMs: number): AppError =>
  error instanceof LivePersonUnavailableError && error.retryAfterMs !== undefined
    ? new LivePersonUnavailableError({
        detail: error.message,
        cause: error.cause,
        mayHaveExecuted: error.mayHaveExecuted,
        connectionFailed: error.connectionFailed,
        trouble: error.trouble,
        retryAfterMs: restMs,
      })
    : error
