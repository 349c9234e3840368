import type { LivePersonAccount } from './account.ts'
import type { Clock } from './clock.ts'
import type { Settings } from './settings.ts'
import type { Store } from './store.ts'
import type { Tokens } from './tokens.ts'

/** Everything that the services of one simulator share. */
export interface State {
  /** Keyed by account id. */
  readonly accounts: ReadonlyMap<string, LivePersonAccount>
  readonly settings: Settings
  readonly clock: Clock
  readonly tokens: Tokens
  readonly store: Store
  readonly hosts: Hosts
}

/** The hosts that the Domain API returns. */
interface Hosts {
  /** Host and port that Sentinel, the IDP and messaging listen on. */
  current: string
  /** Hosts to return instead of `current`. */
  readonly overrides: Map<NamedService, string>
}

/** A service whose host can be overridden. */
export type NamedService = (typeof NAMED_SERVICES)[number]

const NAMED_SERVICES = ['sentinel', 'idp', 'asyncMessagingEnt'] as const

/** Returns true for the name of a service whose host can be overridden. */
export const isNamedService = (name: unknown): name is NamedService =>
  NAMED_SERVICES.some((service) => service === name)
