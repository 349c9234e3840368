import { UsageError } from './commands/command.ts'

const UNITS_MS: Readonly<Record<string, number>> = { m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Returns a time in milliseconds since the epoch: that of a text such as `2026-11-26T09:00:00Z`, or as long
 * ago as `90m`, `24h` or `7d` says.
 *
 * @throws {UsageError}
 */
export const readSince = (text: string, now: number): number => {
  const [, amount, unit = ''] = /^(\d{1,6})([mhd])$/.exec(text) ?? []
  const unitMs = UNITS_MS[unit]
  if (amount !== undefined && unitMs !== undefined) return now - Number(amount) * unitMs
  const time = /^\d{4}-\d\d-\d\d/.test(text) ? Date.parse(text) : Number.NaN
  if (Number.isNaN(time))
    throw new UsageError('--since must be a time such as 2026-11-26T09:00:00Z, or 24h, 7d.')
  return time
}

/**
 * Returns a whole number.
 *
 * @param text Undefined: the flag is not set, and `fallback` is returned.
 * @throws {UsageError}
 */
export const readCount = <T>(
  flag: string,
  text: string | undefined,
  {
    minimum,
    maximum,
    fallback,
  }: { readonly minimum: number; readonly maximum: number; readonly fallback: T },
): number | T => {
  if (text === undefined) return fallback
  const count = Number(text)
  if (/^\d+$/.test(text) && count >= minimum && count <= maximum) return count
  throw new UsageError(`${flag} must be a number from ${minimum} to ${maximum}.`)
}
