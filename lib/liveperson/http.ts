import { LivePersonRejectedError, LivePersonUnavailableError } from '../errors/errors.ts'
import { isTrusted } from './hosts.ts'

const MAX_TIMEOUT_MS = 10_000
/** LivePerson's advised wait for calls that get a token, in milliseconds. */
const TOKEN_RETRY_AFTER_MS = 5000
/** Nobody is asked to wait longer than this, in milliseconds. */
const MAX_RETRY_AFTER_MS = 900_000
const MAX_ANSWER_BYTES = 1024 * 1024

export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Milliseconds since the epoch; no call takes longer than 10 s either way. */
  readonly deadline: number
  /** Whether being carried out twice is the same as once, so that a lost answer leaves nothing in doubt. */
  readonly repeatable: boolean
}

export interface HttpAnswer {
  readonly status: number
  readonly body: string
  /** What `Retry-After` says, in milliseconds from now. */
  readonly retryAfterMs: number | undefined
}

export type Http = (request: HttpRequest) => Promise<HttpAnswer>

/**
 * Returns the one function that calls LivePerson: trusted hosts only, no redirects, a timeout on each call.
 *
 * @throws {LivePersonUnavailableError} No answer was read. `reached` is false only where nothing can have been sent.
 */
export const createHttp = ({
  fetch,
  now,
  loopback,
}: {
  readonly fetch: typeof globalThis.fetch
  readonly now: () => number
  readonly loopback: boolean
}): Http => {
  return async ({ method, url, headers = {}, body, deadline, repeatable }) => {
    if (!isTrusted(new URL(url), loopback))
      throw new LivePersonUnavailableError({ detail: "A host is not LivePerson's.", reached: false })
    const timeoutMs = Math.min(MAX_TIMEOUT_MS, deadline - now())
    if (timeoutMs <= 0)
      throw new LivePersonUnavailableError({ detail: 'No time was left to ask LivePerson.', reached: false })
    try {
      const response = await fetch(url, {
        method,
        headers,
        body: body ?? null,
        redirect: 'manual',
        signal: AbortSignal.timeout(timeoutMs),
      })
      return {
        status: response.status,
        body: await readBody(response),
        retryAfterMs: toMilliseconds(response.headers.get('retry-after'), now()),
      }
    } catch (error) {
      const unreachable = isUnreachable(error)
      throw new LivePersonUnavailableError({
        detail: unreachable ? 'LivePerson could not be reached.' : 'LivePerson gave no answer.',
        reached: !unreachable && !repeatable,
        unreachable,
        cause: error,
      })
    }
  }
}

/**
 * Throws what a status means that stands for a failure of a repeatable call.
 *
 * @throws {LivePersonUnavailableError} 408, 429, 5xx, or a redirect, which is never followed.
 * @throws {LivePersonRejectedError} Any other 4xx.
 */
export const throwForStatus = (service: string, { status, retryAfterMs: askedMs }: HttpAnswer) => {
  if (status >= 200 && status < 300) return
  const retryAfterMs = status === 429 ? Math.max(TOKEN_RETRY_AFTER_MS, askedMs ?? 0) : askedMs
  const detail = `${service} answered ${status}.`
  if (status >= 400 && status < 500 && status !== 429 && status !== 408)
    throw new LivePersonRejectedError({ detail })
  throw new LivePersonUnavailableError({ detail, reached: false, retryAfterMs })
}

const readBody = async (response: Response): Promise<string> => {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > MAX_ANSWER_BYTES) throw new Error('The answer is larger than 1 MB')
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** Whether the connection was never made, so that LivePerson can't have taken anything. */
const isUnreachable = (error: unknown): boolean => {
  const cause: unknown = error instanceof Error ? error.cause : undefined
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return false
  if ('syscall' in cause && cause.syscall === 'connect') return true
  return /^(ECONNREFUSED|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_|ERR_TLS_|ERR_SSL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/.test(
    String(cause.code),
  )
}

const toMilliseconds = (retryAfter: string | null, now: number): number | undefined => {
  if (retryAfter === null) return undefined
  const ms = /^\d{1,9}$/.test(retryAfter.trim()) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms))
}
