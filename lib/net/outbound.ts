/** One HTTP call to something outside AWS. */
export interface OutboundRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The longest time from the start of the call until the whole answer has been read, in milliseconds. */
  readonly timeoutMs: number
  /** The largest answer that is read, in bytes. A call with a larger one counts as unanswered. */
  readonly maxAnswerBytes: number
}

/** What is known after a call. */
export type OutboundResult =
  | {
      readonly kind: 'answer'
      readonly status: number
      /** By lower-case name. */
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
  /** No connection was made, so the other side received nothing. */
  | { readonly kind: 'not_sent'; readonly cause: unknown }
  /** No complete answer was read. The other side may have received the request and acted on it. */
  | { readonly kind: 'may_have_been_sent'; readonly cause: unknown }

/** Makes one HTTP call and never throws. This type is the seam that tests and the simulated world replace. */
export type Outbound = (request: OutboundRequest) => Promise<OutboundResult>

/** Returns the {@link Outbound} of a deployed function. It uses `fetch` and doesn't follow redirects. */
export const createOutbound =
  (fetch: typeof globalThis.fetch = globalThis.fetch): Outbound =>
  async ({ method, url, headers = {}, body, timeoutMs, maxAnswerBytes }) => {
    if (timeoutMs <= 0) return { kind: 'not_sent', cause: new Error('No time was left for the call') }
    try {
      const response = await fetch(url, {
        method,
        headers,
        body: body ?? null,
        redirect: 'manual',
        // AbortSignal.timeout throws for fractions.
        signal: AbortSignal.timeout(Math.ceil(timeoutMs)),
      })
      return {
        kind: 'answer',
        status: response.status,
        headers: Object.fromEntries(response.headers),
        body: await readBody(response, maxAnswerBytes),
      }
    } catch (cause) {
      return { kind: isUnreachable(cause) ? 'not_sent' : 'may_have_been_sent', cause }
    }
  }

const readBody = async (response: Response, maxBytes: number): Promise<string> => {
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength
    if (size > maxBytes) throw new Error(`The answer is larger than ${maxBytes} bytes`)
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/**
 * Returns whether an error of `fetch` proves that no connection was made. TLS codes appear only for a failed
 * handshake. A TLS error on an open connection is reported as UND_ERR_SOCKET, which proves nothing.
 */
const isUnreachable = (error: unknown): boolean => {
  const cause: unknown = error instanceof Error ? error.cause : undefined
  if (typeof cause !== 'object' || cause === null || !('code' in cause)) return false
  if ('syscall' in cause && cause.syscall === 'connect') return true
  const code = String(cause.code)
  return UNREACHABLE.some((start) => code.startsWith(start))
}

/** How the codes of failed connections start: addresses first, then TLS. */
const UNREACHABLE = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'CERT_',
  'ERR_TLS_',
  'ERR_SSL_',
  'DEPTH_ZERO_',
  'SELF_SIGNED_',
  'UNABLE_TO_',
]
