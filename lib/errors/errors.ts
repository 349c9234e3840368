import { CODES, type Code } from './codes.ts'

/** One problem in the sender's input. */
export interface Finding {
  /** Dotted, '' for the whole input. It can contain names that the sender chose. */
  readonly path: string
  readonly message: string
  /** `path` for logs, with sender-chosen names masked. Set only where it differs from `path`. */
  readonly maskedPath?: string
}

interface Reason {
  /** The public explanation: our own words, without personal data or upstream text. */
  readonly detail: string
  /** For the log only. Never an error that quotes input or a token. */
  readonly cause?: unknown
}

/** Every error of this service. `code` is public; what follows from it is in `CODES`. */
export abstract class AppError extends Error {
  abstract readonly code: Code
  readonly findings: readonly Finding[] = []
  /** How long LivePerson asked to wait, in milliseconds. */
  readonly retryAfterMs: number | undefined = undefined

  constructor({ detail, cause }: Reason) {
    super(detail, cause === undefined ? undefined : { cause })
  }

  /** The HTTP status. */
  get status(): number {
    return CODES[this.code].httpStatus
  }

  /** Whether the same request may succeed later. */
  get retryable(): boolean {
    return CODES[this.code].retryable
  }
}

/** The form or CRM event is invalid. Only its sender can fix it. */
export class InvalidRequestError extends AppError {
  readonly code = 'invalid_request'
  override readonly findings: readonly Finding[]

  constructor(findings: readonly Finding[]) {
    super(CODES.invalid_request)
    this.findings = findings
  }
}

/** The consumer token is missing, not accepted here, or can't be trusted. */
export class ConsumerTokenInvalidError extends AppError {
  readonly code = 'consumer_token_invalid'
}

/** The request may not use that campaign or route. */
export class CampaignNotAllowedError extends AppError {
  readonly code = 'campaign_not_allowed'
}

/** A page of a site that isn't listed in `origins` called the API. */
export class OriginNotAllowedError extends AppError {
  readonly code = 'origin_not_allowed'
}

/** The form's challenge was not solved. */
export class BotCheckFailedError extends AppError {
  readonly code = 'bot_check_failed'
}

/** No request has this id. */
export class NotFoundError extends AppError {
  readonly code = 'not_found'
}

/** The body is too large. It was not parsed. */
export class PayloadTooLargeError extends AppError {
  readonly code = 'payload_too_large'
}

/** The body is neither JSON nor a URL-encoded form. */
export class UnsupportedMediaTypeError extends AppError {
  readonly code = 'unsupported_media_type'
}

/** The requestId was used before with different content. */
export class RequestIdReusedError extends AppError {
  readonly code = 'request_id_reused'
}

/**
 * An environment variable, the stage configuration or a secret is missing or invalid. Only an operator can
 * fix it.
 */
export class InvalidConfigError extends AppError {
  readonly code = 'invalid_config'
}

/** LivePerson understood the request and rejected it. A repeat would be rejected, too. */
export class LivePersonRejectedError extends AppError {
  readonly code = 'liveperson_rejected'
}

/** LivePerson or its configuration is in trouble: no answer, no connection, or no documented answer. */
export class LivePersonUnavailableError extends AppError {
  readonly code = 'liveperson_unavailable'
  /** Whether LivePerson may have executed the request, although no answer proves it. */
  readonly mayHaveExecuted: boolean
  /** Whether no connection was made, so that LivePerson received nothing. The host may have moved. */
  readonly connectionFailed: boolean
  /** What it says about LivePerson: too many calls (429), no answer in time, or any other failure. */
  readonly trouble: 'busy' | 'silent' | 'failed'
  override readonly retryAfterMs: number | undefined

  constructor(
    reason: Reason & {
      readonly mayHaveExecuted: boolean
      readonly connectionFailed?: boolean
      /** Default: `failed`. */
      readonly trouble?: LivePersonUnavailableError['trouble']
      readonly retryAfterMs?: number | undefined
    },
  ) {
    super(reason)
    this.mayHaveExecuted = reason.mayHaveExecuted
    this.connectionFailed = reason.connectionFailed ?? false
    this.trouble = reason.trouble ?? 'failed'
    this.retryAfterMs = reason.retryAfterMs
  }
}

/** LivePerson accepted neither the current nor the previous secret. */
export class CredentialsRefusedError extends AppError {
  readonly code = 'credentials_refused'
}

/** DynamoDB, Secrets Manager, SQS or another third party other than LivePerson failed. */
export class ServiceUnavailableError extends AppError {
  readonly code = 'service_unavailable'
  /** Whether it certainly did nothing. */
  readonly isRefused: boolean

  constructor(reason: Reason & { readonly isRefused?: boolean }) {
    super(reason)
    this.isRefused = reason.isRefused ?? false
  }
}

/** An unexpected failure. */
export class InternalError extends AppError {
  readonly code = 'internal_error'
}

/** An error of which only the code was kept, for example in the ledger. */
class KnownByCodeError extends AppError {
  readonly code: Code

  constructor(code: Code) {
    super(CODES[code])
    this.code = code
  }
}

/**
 * Returns an error for a code, with the table's `detail`. It is an instance of `AppError` only: match on its
 * `code`.
 */
export const toError = (code: Code): AppError => new KnownByCodeError(code)

/** Returns an `AppError` for whatever was thrown. */
export const toAppError = (thrown: unknown): AppError =>
  thrown instanceof AppError
    ? thrown
    : new InternalError({ detail: CODES.internal_error.detail, cause: thrown })

/**
 * Returns one text per error in a chain of causes, outermost first, at most five: its name and code, and the
 * message of our own errors. Other messages are left out, because they can quote their input.
 */
export const causesOf = (cause: unknown, depth = 0): readonly string[] => {
  if (!(cause instanceof Error) || depth > 4) return []
  const code = 'code' in cause && typeof cause.code === 'string' ? cause.code : ''
  const own = cause instanceof AppError ? cause.message : ''
  return [[cause.name, code, own].filter(Boolean).join(' '), ...causesOf(cause.cause, depth + 1)]
}
