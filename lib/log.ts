import { Logger } from '@aws-lambda-powertools/logger'
import { AppError } from './errors.ts'

/** All that may be logged: nothing that a sender or LivePerson wrote, but the request id and the campaign's ids. */
export interface LogFields {
  readonly requestId?: string | undefined
  readonly accountId?: string | undefined
  readonly door?: string | undefined
  readonly campaignId?: string | undefined
  readonly engagementId?: string | undefined
  readonly route?: string | undefined
  readonly status?: string | undefined
  readonly code?: string | undefined
  readonly conversationId?: string | undefined
  readonly messageStatus?: string | undefined
  readonly attempt?: number | undefined
  readonly delayMs?: number | undefined
  readonly durationMs?: number | undefined
  readonly messageId?: string | undefined
  readonly changed?: boolean | undefined
  readonly hosts?: Readonly<Record<string, string>> | undefined
  readonly ageMs?: number | undefined
}

const ALLOWED: ReadonlySet<string> = new Set([
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
] satisfies (keyof LogFields)[])

export type Log = ReturnType<typeof createLog>

/** The one way to the log: JSON lines of known fields. `LOG_LEVEL` decides what is written, INFO by default. */
export const createLog = () => {
  const logger = new Logger({ serviceName: 'campaign-conversations' })
  return {
    info: (message: string, fields: LogFields = {}) => logger.info(message, allowed(fields)),
    warn: (message: string, fields: LogFields = {}) => logger.warn(message, allowed(fields)),
    /**
     * An error is told by its code and our own words; of its cause only names and codes. What its sender has to mend
     * is a warning.
     */
    error: (message: string, error: AppError, fields: LogFields = {}) =>
      logger[error.status < 500 ? 'warn' : 'error'](message, {
        ...allowed(fields),
        code: error.code,
        detail: error.code === 'invalid_request' ? undefined : error.message,
        cause: causes(error.cause),
      }),
  }
}

const allowed = (fields: LogFields) =>
  Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => ALLOWED.has(name) && value !== undefined),
  )

/** Names, codes and our own words: messages of other errors may quote what they were given. */
const causes = (cause: unknown, depth = 0): readonly string[] => {
  if (!(cause instanceof Error) || depth > 4) return []
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const own = cause instanceof AppError ? cause.message : ''
  return [[cause.name, code, own].filter(Boolean).join(' '), ...causes(cause.cause, depth + 1)]
}
