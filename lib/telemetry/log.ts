import { Logger } from '@aws-lambda-powertools/logger'
import { CODES } from '../errors/codes.ts'
import { type AppError, causesOf } from '../errors/errors.ts'

/** Every field that may be logged. None holds free text from senders or LivePerson. */
const FIELDS = [
  'requestId',
  'accountId',
  'door',
  'campaignId',
  'engagementId',
  'route',
  'status',
  'code',
  'conversationId',
  'messageStatus',
  'messageCode',
  'receives',
  'durationMs',
  'messageId',
  'changed',
  'hosts',
  'ageMs',
] as const

/** How long a failure that the service retries is not logged as `ERROR` again, in milliseconds. */
const QUIET_MS = 600_000

/** A host per service. */
type Hosts = Readonly<Record<string, string>>

type LogFields = {
  readonly [name in (typeof FIELDS)[number]]?: (name extends 'hosts' ? Hosts : Value) | undefined
} & {
  /** What failed on the way to the result. */
  readonly failures?: readonly Failure[] | undefined
}

/** A step of an attempt that failed. */
export interface Failure {
  readonly step: string
  readonly error: AppError
}

type Level = (typeof CODES)[AppError['code']]['logLevel']

type Value = string | number | boolean

/**
 * Accepts string literals only. A message built at run time could contain anything, so its type (`string`, or
 * a template with a placeholder) becomes `never`. A record with such a key type requires no keys, so an empty
 * record extends it.
 */
type Literal<T extends string> = T extends string
  ? Record<never, true> extends Record<T, true>
    ? never
    : T
  : never

export type Log = ReturnType<typeof createLog>

/**
 * Returns the only way to the log: JSON lines with known fields. `LOG_LEVEL` sets the lowest level, INFO by
 * default.
 *
 * A failure has the level of its code. If the service tries again, it is an `ERROR` once in ten minutes per
 * account and code, and `INFO` in between: an outage fails millions of attempts.
 *
 * @param options.now Milliseconds since the epoch.
 */
export const createLog = ({ now = Date.now }: { readonly now?: () => number } = {}) => {
  const logger = new Logger()
  const toldAt = new Map<string, number>()

  const levelOfOne = ({ code }: AppError, accountId: Value | undefined): Level => {
    const { logLevel, retryable } = CODES[code]
    if (logLevel !== 'error' || !retryable) return logLevel
    const key = `${code} ${accountId}`
    if (now() - (toldAt.get(key) ?? Number.NEGATIVE_INFINITY) < QUIET_MS) return 'info'
    toldAt.set(key, now())
    return 'error'
  }

  /** A line has the level of the worst failure in it. */
  const levelOf = (own: AppError | undefined, { accountId, failures = [] }: LogFields): Level => {
    const others = failures.map(({ error }) => levelOfOne(error, accountId))
    const level = own ? levelOfOne(own, accountId) : 'info'
    return others.includes('error') ? 'error' : level
  }

  return {
    /** Logs at INFO, or at ERROR if one of the failures is. */
    info: <T extends string>(message: Literal<T>, fields: LogFields = {}) =>
      logger[levelOf(undefined, fields)](message, toAllowed(fields)),

    warn: <T extends string>(message: Literal<T>, fields: LogFields = {}) =>
      logger.warn(message, toAllowed(fields)),

    /**
     * Logs the error's code and our own words. Of its causes, only names and codes are logged.
     *
     * @param level Default: see above.
     */
    error: <T extends string>(
      message: Literal<T>,
      error: AppError,
      fields: LogFields = {},
      level: Level = levelOf(error, fields),
    ) => logger[level](message, { ...toAllowed(fields), ...toReason(error) }),
  }
}

const toAllowed = ({ failures, ...fields }: LogFields) => ({
  ...Object.fromEntries(
    FIELDS.map((name) => [name, fields[name]] as const).filter(([, value]) => value !== undefined),
  ),
  ...(failures && { failures: failures.map(({ step, error }) => ({ step, ...toReason(error) })) }),
})

const toReason = (error: AppError) => ({
  code: error.code,
  detail: error.code === 'invalid_request' ? undefined : error.message,
  cause: causesOf(error.cause),
})
