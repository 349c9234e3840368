import type { ReceivedRequest, Service } from '../state/state.ts'

/**
 * Makes the list of faults of one simulator. For each request every matching `latency` strikes, and the first other
 * fault that matches, in the order they were added.
 */
export const createFaults = (): Faults => {
  const active: Active[] = []
  let struck: Record<string, number> = {}

  const strikes = (candidate: Active, request: ReceivedRequest) => {
    const { service, match, probability = 1 } = candidate.fault
    if (service !== undefined && service !== request.service) return false
    if (match !== undefined && !match(request)) return false
    return probability >= 1 || faults.random() < probability
  }

  const use = (candidate: Active, request: ReceivedRequest) => {
    candidate.left -= 1
    if (candidate.left <= 0) active.splice(active.indexOf(candidate), 1)
    const name = `${request.service}:${candidate.fault.kind}`
    struck[name] = (struck[name] ?? 0) + 1
  }

  const faults: Faults = {
    random: Math.random,

    add: (fault) => {
      const added = { fault, left: fault.times ?? 1 }
      active.push(added)
      return () => {
        const index = active.indexOf(added)
        if (index >= 0) active.splice(index, 1)
      }
    },

    clear: () => {
      active.length = 0
      struck = {}
      faults.random = Math.random
    },

    struck: () => ({ ...struck }),

    active: () => active.map(({ fault, left }) => ({ ...fault, times: left })),

    strike: (request) => {
      let latencyMs = 0
      let fatal: Fault | undefined
      for (const candidate of active.slice()) {
        if (candidate.fault.kind !== 'latency' && fatal !== undefined) continue
        if (!strikes(candidate, request)) continue
        use(candidate, request)
        if (candidate.fault.kind === 'latency') latencyMs += candidate.fault.ms
        else fatal = candidate.fault
      }
      return { latencyMs, fault: fatal }
    },
  }
  return faults
}

/** When a fault strikes. */
interface When {
  /** Default: every service. */
  readonly service?: Service
  /** How many requests it strikes; Infinity: all until it is removed. Default 1. */
  readonly times?: number
  /** 0 to 1. Default 1. */
  readonly probability?: number
  /** Strikes only requests for which this is true. */
  readonly match?: (request: ReceivedRequest) => boolean
}

/** An HTTP answer of a fault's own; without `body` one in the service's usual form. */
interface Own {
  readonly status: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Value of Retry-After: seconds, or a date. Default: no header. */
  readonly retryAfter?: number | string
}

/** Kinds that need nothing but their name. */
export const plainKinds = [
  'reset',
  'reset-after',
  'silence',
  'silence-after',
  'truncated',
  'wrong-content-type',
  'expired-app-jwt',
  'revoked-consumer-jws',
  'idp-500-internal-error-code',
] as const

/**
 * One trouble that LivePerson or the network may make. "after" means: the request was carried out, its answer is lost.
 *
 * - `latency`: carried out and answered `ms` later, even if the client has gone by then
 * - `status`, `status-after`: this HTTP status; `429`: not carried out, empty body
 * - `reset`, `reset-after`: the connection is destroyed; `truncated`: after half of the answer, carried out
 * - `silence`, `silence-after`: no answer, the connection stays open
 * - `html`, `html-after`: an HTML page (status 502 unless given); `empty`: no body (status 503 unless given)
 * - `wrong-content-type`: carried out, the right body as text/plain
 * - `expired-app-jwt`: 40102, or what the IDP answers; `revoked-consumer-jws`: 40103
 * - `idp-500-internal-error-code`: HTTP 500 `{"internalErrorCode":"9007"}`
 */
export type Fault = When &
  (
    | { readonly kind: 'latency'; readonly ms: number }
    | ({ readonly kind: 'status' | 'status-after' } & Own)
    | ({ readonly kind: '429' } & Omit<Own, 'status'>)
    | { readonly kind: 'html' | 'html-after' | 'empty'; readonly status?: number }
    | { readonly kind: (typeof plainKinds)[number] }
  )

/** Faults of one simulator. */
export interface Faults {
  /** From 0 to below 1, used for `probability`; replace it by a seeded one. */
  random: () => number
  /** Adds a fault and returns what removes it. */
  add(fault: Fault): () => void
  /** Removes all faults and counts. */
  clear(): void
  /** How often faults struck, by `<service>:<kind>`, such as `conversation:reset-after`. */
  struck(): Record<string, number>
  /** Faults that may strike still, `times` being what is left. */
  active(): readonly Fault[]
  /** Takes the faults for one request. */
  strike(request: ReceivedRequest): { readonly latencyMs: number; readonly fault: Fault | undefined }
}

interface Active {
  readonly fault: Fault
  left: number
}
