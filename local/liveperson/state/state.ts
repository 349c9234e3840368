import type { IncomingHttpHeaders } from 'node:http'
import type { LivePersonAccount } from './account.ts'
import type { Clock } from './clock.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'
import type { Tokens } from './tokens.ts'

/** Everything that the endpoints of one simulator share. */
export interface State {
  readonly accounts: ReadonlyMap<string, LivePersonAccount>
  readonly settings: Settings
  readonly clock: Clock
  readonly tokens: Tokens
  readonly store: Store
  readonly hosts: Hosts
}

/** What the Domain API names. */
interface Hosts {
  /** Host and port where Sentinel, IDP and messaging listen. */
  current: string
  /** Hosts that are named in place of `current`. */
  readonly named: Map<NamedService, string>
}

/** Services whose host can be set. */
export type NamedService = 'sentinel' | 'idp' | 'asyncMessagingEnt'

/** What requests are sorted by; `unknown` is every path that nothing serves. */
export type Service = 'domain' | 'sentinel' | 'idp' | 'conversation' | 'send' | 'unknown'

/** One request as it came, and how it was answered. */
export interface ReceivedRequest {
  /** Milliseconds since the epoch, by the simulator's clock. */
  readonly at: number
  readonly service: Service
  /** The account of the path. */
  readonly accountId?: string
  readonly method: string
  /** With its query. */
  readonly path: string
  /** Names in lower case. */
  readonly headers: IncomingHttpHeaders
  body: string
  /** Absent until answered, and where a fault left the request without one. */
  status?: number
  /** The kind of the fault that struck. */
  fault?: string
}
