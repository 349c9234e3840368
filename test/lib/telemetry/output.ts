import { afterEach, beforeEach, vi } from 'vitest'

/** Turns the log and the metrics on for a test file, and returns a function that takes what was written: parsed lines. */
export const captureOutput = (): (() => readonly unknown[]) => {
  let text = ''
  beforeEach(() => {
    text = ''
    vi.stubEnv('LOG_LEVEL', undefined)
    vi.stubEnv('POWERTOOLS_METRICS_DISABLED', undefined)
    vi.stubEnv('POWERTOOLS_SERVICE_NAME', 'campaign-conversations-test')
    // Lambda sends both streams to the same log group.
    for (const stream of [process.stdout, process.stderr])
      vi.spyOn(stream, 'write').mockImplementation((chunk) => {
        text += String(chunk)
        return true
      })
  })
  afterEach(() => {
    vi.restoreAllMocks()
    vi.unstubAllEnvs()
  })
  return () => {
    const lines = text.split('\n').filter((line) => line !== '')
    text = ''
    return lines.map((line) => JSON.parse(line))
  }
}
