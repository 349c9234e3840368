/**
 * Returns a signal that is aborted by Ctrl-C, by SIGTERM, when the terminal is closed and, under npm, when
 * npm exits. A second Ctrl-C exits at once. One within a second is ignored, since the terminal and npm both
 * forward the first.
 */
export function listenForStop(): AbortSignal {
  const stop = new AbortController()
  let stoppedAt = 0
  for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(name, () => {
      if (!stop.signal.aborted) {
        stoppedAt = performance.now()
        stop.abort(new Error(`Stopped by ${name}.`))
      } else if (performance.now() - stoppedAt > 1_000) process.exit(1)
    })
  }
  if (process.env.npm_lifecycle_event !== undefined) {
    // npm forwards SIGTERM to its shell, and not every shell forwards it to this process.
    const parent = process.ppid
    const watch = setInterval(() => {
      if (process.ppid !== parent) stop.abort(new Error('Stopped: npm has exited.'))
    }, 250)
    watch.unref()
    stop.signal.addEventListener('abort', () => clearInterval(watch))
  }
  return stop.signal
}

/** Returns the result of the work. If the signal is aborted first, throws its reason. */
export function orStop<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolve, reject)
  })
}
