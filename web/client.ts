import type { DomainReport, FormSubmission, Problem, RequestStatus } from './types.ts'

export type * from './types.ts'

/** How the client calls the service. */
export interface ClientOptions {
  /** The stack's output `ApiUrl`, such as `https://conversations.example.org`. */
  readonly apiUrl: string
  /** Sends a call. `getEvent` and `refreshDomains` need one that signs it. Default: `globalThis.fetch`. */
  readonly fetch?: (request: Request) => Promise<Response>
}

/** What a form adds to its call. */
export interface SubmitOptions {
  /** The request's id. It wins over `requestId`. */
  readonly idempotencyKey?: string
  /** The token of a signed-in consumer. */
  readonly token?: string
  /** Whether the call outlives the page that makes it. */
  readonly keepalive?: boolean
  /** Aborts the call. The request may have been processed: repeat it with the same id. */
  readonly signal?: AbortSignal
}

/** The service answered as the contract says. */
export interface Answered<T> {
  readonly ok: true
  readonly httpStatus: number
  readonly body: T
  /** Where the status of a queued request is. */
  readonly statusUrl?: string
  /** How long to wait before asking for it, in seconds. */
  readonly retryAfter?: number
}

/** The service refused the call, or failed. */
export interface Refused {
  readonly ok: false
  readonly httpStatus: number
  /** Undefined: API Gateway or a proxy answered, and not the service. */
  readonly problem?: Problem
  /** How long to wait before the next call, in seconds. */
  readonly retryAfter?: number
}

export type Client = ReturnType<typeof createClient>

/**
 * Returns a client of the service's HTTP side, for browsers and for Node.js. Each function rejects as `fetch`
 * does if no answer arrives. The request may have been processed then: repeat it with the same id.
 *
 * The calls and their bodies are those of `contracts/openapi.json`.
 */
export const createClient = ({ apiUrl, fetch = globalThis.fetch }: ClientOptions) => {
  const base = new URL(`${apiUrl.replace(/\/+$/, '')}/`)

  const call = async <T>(
    isBody: (body: unknown) => body is T,
    address: string,
    init?: RequestInit,
  ): Promise<Answered<T> | Refused> => {
    const response = await fetch(new Request(new URL(address, base), init))
    const { status: httpStatus, headers } = response
    const body: unknown = await response.json().catch(() => undefined)
    const seconds = Number(headers.get('retry-after'))
    const after = seconds > 0 ? { retryAfter: seconds } : {}
    if (!response.ok || !isBody(body))
      return { ok: false, httpStatus, ...(isProblem(body) && { problem: body }), ...after }
    const location = headers.get('location')
    const statusUrl = location === null ? {} : { statusUrl: new URL(location, response.url || base).href }
    return { ok: true, httpStatus, body, ...statusUrl, ...after }
  }

  const pathOf = (...parts: readonly string[]) => parts.map(encodeURIComponent).join('/')

  return {
    /** Opens a conversation for a form. */
    submit: (
      form: FormSubmission,
      { idempotencyKey, token, keepalive, signal }: SubmitOptions = {},
    ): Promise<Answered<RequestStatus> | Refused> =>
      call(isStatus, 'conversations', {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          ...(idempotencyKey !== undefined && { 'idempotency-key': idempotencyKey }),
          ...(token !== undefined && { authorization: `Bearer ${token}` }),
        },
        body: JSON.stringify(form),
        ...(keepalive !== undefined && { keepalive }),
        ...(signal && { signal }),
      }),

    /** Returns the status of a form's request. @param address Its id, or the `statusUrl` of an answer. */
    getStatus: (address: string): Promise<Answered<RequestStatus> | Refused> =>
      call(isStatus, /^https?:/.test(address) ? address : pathOf('conversations', address)),

    /** Returns the status of a CRM event. @param id Its id, or its SQS message id if it was refused. */
    getEvent: (accountId: string, id: string): Promise<Answered<RequestStatus> | Refused> =>
      call(isStatus, pathOf('events', accountId, id)),

    /** Refreshes LivePerson's hosts. */
    refreshDomains: (): Promise<Answered<DomainReport> | Refused> =>
      call(isReport, 'domains/refresh', { method: 'POST' }),
  }
}

/** Proxies answer with JSON of their own, so the shape is checked, but not every member. */
const has = <T>(body: unknown, members: Readonly<Record<string, string>>): body is T =>
  typeof body === 'object' &&
  body !== null &&
  Object.entries(members).every(([name, type]) => typeof Reflect.get(body, name) === type)

const isStatus = (body: unknown): body is RequestStatus =>
  has<RequestStatus>(body, { requestId: 'string', status: 'string' })

const isProblem = (body: unknown): body is Problem =>
  has<Problem>(body, { code: 'string', detail: 'string', retryable: 'boolean' })

const isReport = (body: unknown): body is DomainReport => has<DomainReport>(body, { accounts: 'object' })
