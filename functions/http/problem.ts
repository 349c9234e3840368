import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'
import type { AppError, Finding } from '../../lib/errors/errors.ts'
import { ANSWER_HEADERS } from './answer.ts'

const TITLES: Readonly<Record<number, string>> = {
  400: 'The request is wrong',
  401: 'The consumer token is not valid',
  403: 'That is not allowed here',
  404: 'There is no such request',
  413: 'The body is too large',
  415: 'The body is of a type that is not taken',
  422: 'The request id was used before',
  500: 'The service is not set up, or failed',
  502: 'LivePerson did not open the conversation',
  503: 'A part of the service does not answer',
}

/** How long a sender should wait before it repeats a request that nobody took, in seconds. */
const RETRY_AFTER_SECONDS = 5

/** So that a small body can't be made to ask for a large answer. */
const MAX_FINDINGS = 20
const MAX_PATH = 200

/**
 * Turns an error into the HTTP answer for it; nothing upstream said and no stack goes out.
 *
 * @see https://www.rfc-editor.org/rfc/rfc9457
 */
export const toProblem = (error: AppError, requestId?: string): APIGatewayProxyStructuredResultV2 => ({
  statusCode: error.status,
  headers: {
    ...ANSWER_HEADERS,
    'content-type': 'application/problem+json',
    ...(error.status === 503 && { 'retry-after': String(RETRY_AFTER_SECONDS) }),
    ...(error.status === 401 && { 'www-authenticate': 'Bearer error="invalid_token"' }),
  },
  body: JSON.stringify({
    type: `urn:campaign-conversations:problem:${error.code}`,
    title: TITLES[error.status] ?? 'The request failed',
    status: error.status,
    code: error.code,
    detail:
      error.code === 'invalid_config'
        ? 'The service is not set up; its log says what is missing.'
        : error.message,
    requestId,
    ...(error.findings.length > 0 && { errors: error.findings.slice(0, MAX_FINDINGS).map(shorten) }),
  }),
})

const shorten = ({ path, message }: Finding): Finding => ({ path: path.slice(0, MAX_PATH), message })
