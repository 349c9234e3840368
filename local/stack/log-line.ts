import { z } from 'zod'

/** A line of a function's log. */
export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly level: string
  readonly message: string
  /** Its other fields, such as `requestId`. */
  readonly fields: Readonly<Record<string, unknown>>
}

/** What Lambda and the logger add to each line, and what a person at the terminal knows. */
const OMITTED = ['service', 'timestamp', 'level', 'message', 'xray_trace_id', 'accountId', 'cause']

const Line = z.looseObject({
  level: z.string(),
  message: z.string(),
  timestamp: z.iso.datetime({ offset: true }),
})

const Metrics = z.object({ _aws: z.object({ CloudWatchMetrics: z.array(z.unknown()) }) })

/**
 * Reads a line that a function printed.
 *
 * @returns `metrics` for metrics in CloudWatch's embedded format, undefined for anything else.
 */
export const readLogLine = (text: string): LogLine | 'metrics' | undefined => {
  const json = text.slice(text.indexOf('{'))
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch {
    return undefined
  }
  if (Metrics.safeParse(value).success) return 'metrics'
  const line = Line.safeParse(value)
  if (!line.success) return undefined
  const { timestamp, level, message, ...fields } = line.data
  return { at: Date.parse(timestamp), level, message, fields }
}

/**
 * Returns a line as a person reads it, without ANSI colors: time, level, message and fields. `undefined` for
 * metrics. What isn't a line of the log stays as it is.
 */
export const toReadable = (text: string): string | undefined => {
  const line = readLogLine(text)
  if (line === 'metrics') return undefined
  if (line === undefined) return text
  const time = new Date(line.at).toISOString().slice(11, 23)
  const fields = Object.entries(line.fields)
    .filter(([name]) => !OMITTED.includes(name))
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
  return [time, line.level.padEnd(5), line.message, ...fields].join(' ')
}
