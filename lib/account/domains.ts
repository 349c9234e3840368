import * as z from 'zod/mini'
import type { StateTable } from '../aws/state-table.ts'
import { ForeignHostError } from '../liveperson/domain-api.ts'
import { type Hosts, SERVICES, toOrigin } from '../liveperson/hosts.ts'
import { createRefreshing } from '../net/refreshing.ts'
import { createSingleFlight } from '../net/single-flight.ts'

/** How long hosts are used before the table is read again, in milliseconds. */
const LIFE_MS = 600_000

const item = z.object({
  hosts: z.object({ sentinel: z.string(), idp: z.string(), asyncMessagingEnt: z.string() }),
  // Hosts that haven't changed are not written again, so this is when they were new.
  fetchedAt: z.number(),
})

type Domains = z.infer<typeof item>

/** The result of a refresh of one account's hosts. */
export interface Refreshed {
  readonly accountId: string
  /** Whether the hosts in the table were replaced. */
  readonly changed: boolean
  /** The hosts that are used now, undefined if none are known. */
  readonly hosts: Hosts | undefined
  /**
   * When the hosts were fetched, in milliseconds since the epoch: now, or if the refresh failed, when the
   * hosts in the table were written. They may have been confirmed since then.
   */
  readonly fetchedAt: number | undefined
  /** Why the refresh failed. `hosts` are then the last good ones. */
  readonly error?: unknown
}

export interface DomainsOptions {
  readonly accountId: string
  readonly table: StateTable
  /** Calls the Domain API. */
  readonly fetchHosts: () => Promise<Hosts>
  /** Whether hosts on this machine are trusted. */
  readonly loopback: boolean
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Called each time the Domain API names a host that doesn't belong to LivePerson. */
  readonly onForeignHost: () => void
  /** Called with each error that doesn't reach a caller, because other hosts can be used. */
  readonly onFailure: (step: DomainsStep, error: unknown) => void
}

/** What failed: a read or a write of the state table, or a call to the Domain API during a request. */
export type DomainsStep = 'table_read' | 'table_write' | 'domain_api'

/**
 * Returns the LivePerson hosts of one account. They come from memory, else from the table, else from the
 * Domain API. Known hosts are used until they are replaced, however old they are.
 */
export const createDomains = ({
  accountId,
  table,
  fetchHosts,
  loopback,
  now,
  onForeignHost,
  onFailure,
}: DomainsOptions) => {
  const readTable = async (): Promise<Domains | undefined> => {
    const domains = await readDomains(table, accountId)
    return domains && SERVICES.every((service) => toOrigin(domains.hosts[service], loopback))
      ? domains
      : undefined
  }

  const readTableIfPossible = (): Promise<Domains | undefined> =>
    readTable().catch((error: unknown) => {
      onFailure('table_read', error)
      return undefined
    })

  const callDomainApi = async (): Promise<Hosts> => {
    try {
      return await fetchHosts()
    } catch (error) {
      if (error instanceof ForeignHostError) onForeignHost()
      throw error
    }
  }

  const save = (hosts: Hosts) => table.update({ pk: keyOf(accountId), set: { hosts, fetchedAt: now() } })

  const fetchAndSave = createSingleFlight(async () => {
    const hosts = await callDomainApi().catch((error: unknown) => {
      // Hosts that are already known stay in use, so the caller may never see the error.
      onFailure('domain_api', error)
      throw error
    })
    const before = cache.peek()
    // If the table fails, other containers ask the Domain API themselves.
    if (!before || !isSame(hosts, before))
      await save(hosts).catch((error: unknown) => onFailure('table_write', error))
    return hosts
  })

  const cache = createRefreshing<Hosts>({
    read: async () => (await readTableIfPossible())?.hosts ?? fetchAndSave(),
    readAgain: fetchAndSave,
    lifetimeOf: () => ({ renewAfterMs: LIFE_MS }),
    pauseMs: LIFE_MS / 10,
    now,
  })

  return {
    /**
     * Returns the hosts. Every ten minutes the table is read again, without delaying a call.
     *
     * @throws {LivePersonUnavailableError} No hosts are known, and the Domain API returned none.
     */
    get: cache.get,

    /**
     * Calls the Domain API, unless `stale` has already been replaced. Concurrent calls share one request.
     *
     * @throws {LivePersonUnavailableError}
     */
    reload: cache.reload,

    /**
     * Reads the table into memory, unless hosts are there already. A starting container does this.
     *
     * @throws {ServiceUnavailableError} The table can't be read.
     */
    loadTable: async (): Promise<void> => {
      const domains = await readTable()
      if (domains && !cache.peek()) cache.set(domains.hosts)
    },

    /** Calls the Domain API and saves the hosts if they changed. Never throws: a failure is in the result. */
    refresh: async (): Promise<Refreshed> => {
      const before = await readTableIfPossible()
      try {
        const hosts = await callDomainApi()
        const changed = !before || !isSame(hosts, before.hosts)
        if (changed) await save(hosts)
        cache.set(hosts)
        return { accountId, changed, hosts, fetchedAt: now() }
      } catch (error) {
        return { accountId, changed: false, hosts: before?.hosts, fetchedAt: before?.fetchedAt, error }
      }
    },
  }
}

/**
 * Returns an account's hosts from the table, or undefined if they are absent or malformed. Costs 1 read unit.
 *
 * @throws {ServiceUnavailableError} The table can't be read.
 */
export const readDomains = async (table: StateTable, accountId: string): Promise<Domains | undefined> =>
  z.safeParse(item, await table.get(keyOf(accountId))).data

const keyOf = (accountId: string) => `domains#${accountId}`

const isSame = (a: Hosts, b: Hosts) => SERVICES.every((service) => a[service] === b[service])
