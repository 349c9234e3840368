import type { ConversationDetail } from './form-messages.ts'
import { TIMEOUT_MS } from './limits.ts'

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

/** What an answer means: how the request stands, otherwise what became of the call. */
export type Verdict =
  | NonNullable<ConversationDetail['status']>
  /** The service was not reached, can't answer now, or doesn't know the request yet. */
  | 'busy'
  | 'refused'

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

/** Returns what an answer means. @param isAsking Whether the call asked for the request's status. */
export const verdictOf = ({ status, body }: Answer, isAsking: boolean): Verdict => {
  // What doesn't say how the request stands may be the rest of an answer, or not from the service.
  if (status < 400) return body.status || 'busy'
  const isBusy = status === 429 || (status >= 500 && body.retryable !== false)
  // A request isn't recorded at once.
  return isBusy || (isAsking && status === 404) ? 'busy' : 'refused'
}
