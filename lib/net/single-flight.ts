/**
 * Returns a function that runs `work`. Calls made while it runs share that run and its result, failures
 * included.
 */
export const createSingleFlight = <T>(work: () => Promise<T>): (() => Promise<T>) => {
  let running: Promise<T> | undefined
  return () => {
    running ??= work().finally(() => {
      running = undefined
    })
    return running
  }
}
