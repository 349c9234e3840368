/**
 * Captures standard output and standard error, where the service writes its log and its metrics. Keeps the
 * writes that contain the mark.
 */
export const captureOutput = (mark: string) => {
  const streams = [process.stdout, process.stderr] as const
  const writes = streams.map((stream) => stream.write)
  const leaks: string[] = []
  let lines = 0
  const captured = (chunk: unknown, ...rest: unknown[]): boolean => {
    const text = String(chunk)
    lines += 1
    if (text.includes(mark)) leaks.push(text.slice(0, 500))
    const done = rest.find((argument) => typeof argument === 'function')
    if (typeof done === 'function') done()
    return true
  }
  for (const stream of streams) stream.write = captured as typeof stream.write
  return {
    leaks: (): readonly string[] => leaks,
    lines: () => lines,
    restore: () => {
      streams.forEach((stream, index) => {
        stream.write = writes[index] ?? stream.write
      })
    },
  }
}
