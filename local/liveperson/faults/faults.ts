import type { ReceivedRequest, Service } from '../http/request.ts'

/**
 * Returns the faults of one simulator, initially none. A request is struck by every matching `latency` and by
 * the first other fault that matches, in the order they were added.
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

/** Which requests a fault strikes. */
interface When {
  /** Default: every service. */
  readonly service?: Service
  /** Number of requests to strike. Infinity: until the fault is removed. Default 1. */
  readonly times?: number
  /** 0 to 1. Default 1. */
  readonly probability?: number
  /** Strikes only if this returns true. */
  readonly match?: (request: ReceivedRequest) => boolean
}

/** An HTTP answer. Default body: an error in the service's usual form. */
interface FaultAnswer {
  readonly status: number
  readonly body?: string
  readonly headers?: Readonly<Record<string, string>>
  /** Retry-After: seconds, or an HTTP date. Default: no header. */
  readonly retryAfter?: number | string
}

/** Kinds of fault without members of their own. */
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
 * A failure of LivePerson or the network. "after": the request is processed and its answer is lost.
 *
 * - `latency`: processed and answered `ms` later, even if the client has disconnected by then
 * - `status`, `status-after`: this HTTP status. `429`: not processed, empty body
 * - `reset`, `reset-after`: the connection is destroyed. `truncated`: processed, then destroyed halfway
 *   through the answer
 * - `silence`, `silence-after`: no answer, the connection stays open
 * - `html`, `html-after`: an HTML page, status 502 by default. `empty`: no body, status 503 by default
 * - `wrong-content-type`: processed, and answered correctly but as text/plain
 * - `expired-app-jwt`: 40102, or the IDP's refusal. `revoked-consumer-jws`: 40103
 * - `idp-500-internal-error-code`: HTTP 500 `{"internalErrorCode":"9007"}`
 */
export type Fault = When &
  (
    | { readonly kind: 'latency'; readonly ms: number }
    | ({ readonly kind: 'status' | 'status-after' } & FaultAnswer)
    | ({ readonly kind: '429' } & Omit<FaultAnswer, 'status'>)
    | { readonly kind: 'html' | 'html-after' | 'empty'; readonly status?: number }
    | { readonly kind: (typeof plainKinds)[number] }
  )

/** The faults of one simulator. */
export interface Faults {
  /** Returns a number from 0 to below 1, for `probability`. Tests replace it with a seeded one. */
  random: () => number
  /** Adds a fault and returns a function that removes it. */
  add(fault: Fault): () => void
  /** Removes all faults and resets the counts. */
  clear(): void
  /**
   * Number of times each fault has struck, keyed by `<service>:<kind>`, such as `conversation:reset-after`.
   */
  struck(): Record<string, number>
  /** Faults that can still strike. `times` is the number of times left. */
  active(): readonly Fault[]
  /** Takes the faults that strike this request. */
  strike(request: ReceivedRequest): { readonly latencyMs: number; readonly fault: Fault | undefined }
}

interface Active {
  readonly fault: Fault
  left: number
}
