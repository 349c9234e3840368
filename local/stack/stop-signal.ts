/**
 * Gives a signal that is aborted by Ctrl-C, SIGTERM or a closed terminal, and under npm also by the end of npm. A second Ctrl-C
 * ends the process at once, but not one within a second: the terminal and npm both pass on the first.
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
    // npm passes a SIGTERM on to the shell between, and not every shell passes it on to this process.
    const parent = process.ppid
    const watch = setInterval(() => {
      if (process.ppid !== parent) stop.abort(new Error('Stopped: npm has ended.'))
    }, 250)
    watch.unref()
    stop.signal.addEventListener('abort', () => clearInterval(watch))
  }
  return stop.signal
}

/** Waits for the work unless the signal is aborted first, and then throws its reason. */
export function orStop<Result>(work: Promise<Result>, signal: AbortSignal): Promise<Result> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
    work.then(resolve, reject)
  })
}
