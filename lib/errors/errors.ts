/** One thing that is wrong, at one place of the sender's input; `path` is dotted, '' for the whole. */
export interface Finding {
  readonly path: string
  readonly message: string
  /** The path for others than the sender, where a name in it is the sender's own and may be anything, personal too. */
  readonly place?: string
}

interface Reason {
  /** What goes out with it: our own words, nothing personal, nothing that an upstream said. */
  readonly detail: string
  /** For the log only. Never an error that quotes input or a token. */
  readonly cause?: unknown
}

/**
 * What every error that this service makes has in common.
 *
 * `code` is stable and public, `status` the HTTP status of it, `retryable` means: repeating may help and does no harm.
 */
export abstract class AppError extends Error {
  abstract readonly code: string
  abstract readonly status: number
  abstract readonly retryable: boolean
  readonly findings: readonly Finding[] = []

  constructor({ detail, cause }: Reason) {
    super(detail, cause === undefined ? undefined : { cause })
  }
}

/** The form or CRM event is wrong; only its sender can mend it. */
export class InvalidRequestError extends AppError {
  readonly code = 'invalid_request'
  readonly status = 400
  readonly retryable = false
  override readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    super({ detail: 'The request has members that are missing, unknown or wrong; see errors.' })
    this.findings = findings
  }
}

/** The consumer's token is missing where it is needed, or not to be trusted. */
export class ConsumerTokenInvalidError extends AppError {
  readonly code = 'consumer_token_invalid'
  readonly status = 401
  readonly retryable = false
}

/** This door may not use that campaign or route. */
export class CampaignNotAllowedError extends AppError {
  readonly code = 'campaign_not_allowed'
  readonly status = 403
  readonly retryable = false
}

/** A page of a site that is not listed in `origins` called the API. */
export class OriginNotAllowedError extends AppError {
  readonly code = 'origin_not_allowed'
  readonly status = 403
  readonly retryable = false
}

/** The form's bot check was not passed. */
export class BotCheckFailedError extends AppError {
  readonly code = 'bot_check_failed'
  readonly status = 403
  readonly retryable = false
}

/** There is no request of that id at the form door. */
export class NotFoundError extends AppError {
  readonly code = 'not_found'
  readonly status = 404
  readonly retryable = false
}

/** The body reaches the limit; nothing of it was parsed. */
export class PayloadTooLargeError extends AppError {
  readonly code = 'payload_too_large'
  readonly status = 413
  readonly retryable = false
}

/** The body is neither JSON nor a urlencoded form. */
export class UnsupportedMediaTypeError extends AppError {
  readonly code = 'unsupported_media_type'
  readonly status = 415
  readonly retryable = false
}

/** The same requestId came before with other content. */
export class RequestIdReusedError extends AppError {
  readonly code = 'request_id_reused'
  readonly status = 422
  readonly retryable = false
}

/** A variable, the stage configuration or a secret is missing or wrong; an operator has to mend it, then a repeat works. */
export class InvalidConfigError extends AppError {
  readonly code = 'invalid_config'
  readonly status = 500
  readonly retryable = true
}

/** LivePerson understood and said no: the same request will not succeed. */
export class LivePersonRejectedError extends AppError {
  readonly code = 'liveperson_rejected'
  readonly status = 502
  readonly retryable = false
}

/** LivePerson may or may not have opened the conversation, and the account's `onLostAnswer` is `hold`. */
export class OutcomeUnknownError extends AppError {
  readonly code = 'outcome_unknown'
  readonly status = 502
  readonly retryable = false
}

/** LivePerson answered 429 or 5xx, was silent, or could not be reached. */
export class LivePersonUnavailableError extends AppError {
  readonly code = 'liveperson_unavailable'
  readonly status = 503
  readonly retryable = true
  /** Whether LivePerson may have carried the request out all the same. */
  readonly reached: boolean
  /** Whether there was no connection at all: the host may have moved. */
  readonly unreachable: boolean
  /** Milliseconds that LivePerson asked to wait. */
  readonly retryAfterMs: number | undefined

  constructor(
    reason: Reason & {
      readonly reached: boolean
      readonly unreachable?: boolean
      readonly retryAfterMs?: number | undefined
    },
  ) {
    super(reason)
    this.reached = reason.reached
    this.unreachable = reason.unreachable ?? false
    this.retryAfterMs = reason.retryAfterMs
  }
}

/** Sentinel took neither the current nor the previous secret. A repeat works once the secret is mended. */
export class CredentialsRefusedError extends AppError {
  readonly code = 'credentials_refused'
  readonly status = 503
  readonly retryable = true
}

/** DynamoDB, Secrets Manager, SQS or another part beside LivePerson did not do its work. */
export class ServiceUnavailableError extends AppError {
  readonly code = 'service_unavailable'
  readonly status = 503
  readonly retryable = true
}

/** Something that nobody foresaw. */
export class InternalError extends AppError {
  readonly code = 'internal_error'
  readonly status = 500
  readonly retryable = true
}

/** Gives an AppError for whatever was thrown. */
export const toAppError = (thrown: unknown): AppError =>
  thrown instanceof AppError
    ? thrown
    : new InternalError({ detail: 'The service failed; its log says more.', cause: thrown })

/** Gives the error that a request was rejected with, of which the ledger keeps the code. */
export const toRejection = (code: string | undefined): LivePersonRejectedError | OutcomeUnknownError =>
  code === 'outcome_unknown'
    ? new OutcomeUnknownError({
        detail: 'LivePerson may have opened the conversation already; a person has to look.',
      })
    : new LivePersonRejectedError({ detail: 'LivePerson refused to open this conversation.' })

/** Gives names, codes and our own words of what is below an error; messages of others may quote what they were given. */
export const causesOf = (cause: unknown, depth = 0): readonly string[] => {
  if (!(cause instanceof Error) || depth > 4) return []
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const own = cause instanceof AppError ? cause.message : ''
  return [[cause.name, code, own].filter(Boolean).join(' '), ...causesOf(cause.cause, depth + 1)]
}
