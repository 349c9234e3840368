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
  'attempts',
  'receives',
  'step',
  'durationMs',
  'messageId',
  'changed',
  'hosts',
  'ageMs',
] as const

/** A host per service. */
type Hosts = Readonly<Record<string, string>>

type LogFields = {
  readonly [name in (typeof FIELDS)[number]]?: (name extends 'hosts' ? Hosts : Value) | undefined
}

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
 */
export const createLog = () => {
  const logger = new Logger()
  return {
    info: <T extends string>(message: Literal<T>, fields: LogFields = {}) =>
      logger.info(message, toAllowed(fields)),

    warn: <T extends string>(message: Literal<T>, fields: LogFields = {}) =>
      logger.warn(message, toAllowed(fields)),

    /**
     * Logs the error's code and our own words, at its code's level. Of its causes, only names and codes are
     * logged.
     */
    error: <T extends string>(message: Literal<T>, error: AppError, fields: LogFields = {}) =>
      logger[CODES[error.code].logLevel](message, {
        ...toAllowed(fields),
        code: error.code,
        detail: error.code === 'invalid_request' ? undefined : error.message,
        cause: causesOf(error.cause),
      }),
  }
}

const toAllowed = (fields: LogFields) =>
  Object.fromEntries(
    FIELDS.map((name) => [name, fields[name]] as const).filter(([, value]) => value !== undefined),
  )
