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
      if (error instanceof AppError) {
        const until = now() + (pauseMsOf(error) ?? 0)
        // Of runs that overlap, the longest pause counts.
        if (until > (failure?.until ?? 0)) failure = { error, until }
      }
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
