import type { ConversationDetail } from './form-messages.ts'

/** What came back from the service. */
export interface Answer {
  /** 0: nothing came back. */
  readonly status: number
  /** The absolute address of the request's status. */
  readonly location?: string | null
  /** The shortest wait before the next call, in seconds. 0: none. NaN: a date, which is ignored. */
  readonly retryAfter?: number
  readonly body: ConversationDetail
}

/** What an answer means. */
export type Verdict =
  | 'opened'
  | 'existing'
  | 'queued'
  /** No queue holds the request. It has to be sent again. */
  | 'lost'
  /** The service was not reached, or can't answer now. */
  | 'busy'
  /** Nobody knows the request. */
  | 'unknown'
  | 'failed'

/** How long the service may take, in milliseconds. */
const TIMEOUT_MS = 20_000

/** Returns the answer to a call. Never rejects: what goes wrong before the call counts as no answer, too. */
export const call = async (address: string, toInit?: () => Promise<RequestInit>): Promise<Answer> => {
  try {
    const signal = AbortSignal.timeout(TIMEOUT_MS)
    const response = await fetch(address, { ...(await toInit?.()), signal })
    const location = response.headers.get('location')
    return {
      status: response.status,
      location: location && new URL(location, response.url).href,
      retryAfter: Number(response.headers.get('retry-after')),
      // API Gateway's own answers may have no JSON, and an answer may break off.
      body: Object(await response.json().catch(() => undefined)),
    }
  } catch {
    return { status: 0, body: {} }
  }
}

/** Returns what to do about an answer. */
export const verdictOf = ({ status, body }: Answer): Verdict => {
  switch (body.status) {
    case 'opened':
    case 'existing':
    case 'queued':
      return body.status
    case 'opening':
      return 'queued'
    case 'failed':
      return 'lost'
  }
  // What doesn't say how the request stands may be the rest of an answer, or not from the service.
  if ((status < 400 && !body.status) || status === 429 || (status >= 500 && body.retryable !== false))
    return 'busy'
  if (status === 404) return 'unknown'
  return 'failed'
}
