import type { IncomingHttpHeaders } from 'node:http'

/** The service that a request is for, judged by its path. `unknown`: no service has this path. */
export type Service = 'domain' | 'sentinel' | 'idp' | 'conversation' | 'send' | 'accountConfig' | 'unknown'

/** One request as received, and how it was answered. */
export interface ReceivedRequest {
  /** Milliseconds since the epoch, by the simulator's clock. */
  readonly at: number
  readonly service: Service
  /** The account in the path. */
  readonly accountId?: string
  readonly method: string
  /** Includes the query. */
  readonly path: string
  /** Names are in lower case. */
  readonly headers: IncomingHttpHeaders
  /** Empty until the whole body has arrived. */
  body: string
  /** HTTP status of the answer. Absent until then, and if a fault prevented an answer. */
  status?: number
  /** Kind of the fault that struck. */
  fault?: string
}
