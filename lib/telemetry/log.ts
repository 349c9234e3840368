import { Logger } from '@aws-lambda-powertools/logger'
import { type AppError, causesOf } from '../errors/errors.ts'

/** All that may be logged: nothing that a sender or LivePerson wrote, but the request id and the campaign's ids. */
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
  'attempt',
  'delayMs',
  'durationMs',
  'messageId',
  'changed',
  'hosts',
  'ageMs',
] as const

/** Which of them are more than one value: hosts by service. */
type Hosts = Readonly<Record<string, string>>

export type LogFields = {
  readonly [name in (typeof FIELDS)[number]]?: (name extends 'hosts' ? Hosts : Value) | undefined
}

type Value = string | number | boolean

/** Text that stands in the source as it is: nothing can be put into it at run time. */
type Fixed<T extends string> = string extends T ? never : T

/** The one way to the log: JSON lines of known fields. `LOG_LEVEL` decides what is written, INFO by default. */
export const createLog = () => {
  const logger = new Logger()
  return {
    info: <T extends string>(message: Fixed<T>, fields: LogFields = {}) =>
      logger.info(message, allowed(fields)),
    warn: <T extends string>(message: Fixed<T>, fields: LogFields = {}) =>
      logger.warn(message, allowed(fields)),
    /**
     * An error is told by its code and our own words; of its cause only names and codes. What its sender has to mend
     * is a warning.
     */
    error: <T extends string>(message: Fixed<T>, error: AppError, fields: LogFields = {}) =>
      logger[error.status < 500 ? 'warn' : 'error'](message, {
        ...allowed(fields),
        code: error.code,
        detail: error.code === 'invalid_request' ? undefined : error.message,
        cause: causesOf(error.cause),
      }),
  }
}

const allowed = (fields: LogFields) =>
  Object.fromEntries(
    FIELDS.map((name) => [name, fields[name]] as const).filter(([, value]) => value !== undefined),
  )
