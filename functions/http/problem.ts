import { CODES, type Code } from '../../lib/errors/codes.ts'
import type { AppError, Finding } from '../../lib/errors/errors.ts'
import { type Answer, toAnswer } from './answer.ts'

/** How long a sender should wait after a 503, in seconds. */
const RETRY_AFTER_SECONDS = 5

/** How many findings a problem lists. A small body must not cause a large response. */
export const MAX_FINDINGS = 20

/** How many characters of a finding's path a problem has. */
export const MAX_PATH = 200

/**
 * Returns the problem details for an error. They contain our own words only: no upstream text and no stack.
 *
 * @param requestId The request's id: the one that the sender gave, if it could be read, or the generated one.
 * @see https://www.rfc-editor.org/rfc/rfc9457
 */
export const toProblem = (error: AppError, requestId?: string): Answer => {
  const { code, status, retryable, findings } = error
  return toAnswer(
    status,
    {
      type: `urn:campaign-conversations:problem:${code}`,
      title: CODES[code].title,
      status,
      code,
      detail: publicDetailOf(error, requestId),
      retryable,
      requestId,
      ...(findings.length > 0 && { errors: findings.slice(0, MAX_FINDINGS).map(toPublicFinding) }),
    },
    {
      'content-type': 'application/problem+json',
      ...(status === 503 && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
      ...(status === 401 && { 'www-authenticate': 'Bearer error="invalid_token"' }),
    },
  )
}

/** Their messages name files, accounts, secrets and operations, so they are for the log only. */
const INTERNAL: ReadonlySet<Code> = new Set(['invalid_config', 'service_unavailable'])

const publicDetailOf = ({ code, message, retryable }: AppError, requestId: string | undefined): string => {
  const detail = INTERNAL.has(code) ? CODES[code].detail : message
  return retryable && requestId !== undefined
    ? `${detail} Send the request again with the same requestId.`
    : detail
}

/** Leaves out `maskedPath`, which is for logs. */
const toPublicFinding = ({ path, message }: Finding): Finding => ({ path: path.slice(0, MAX_PATH), message })
