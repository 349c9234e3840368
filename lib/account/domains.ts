import * as z from 'zod/mini'
import type { StateTable } from '../aws/state-table.ts'
import { ForeignHostError } from '../liveperson/domain-api.ts'
import { type Hosts, SERVICES, toOrigin } from '../liveperson/hosts.ts'

/** How long hosts are used before the table is read again, in milliseconds. */
const LIFE_MS = 600_000

const item = z.object({
  hosts: z.object({ sentinel: z.string(), idp: z.string(), asyncMessagingEnt: z.string() }),
  fetchedAt: z.number(),
})

type Domains = z.infer<typeof item>

/** What a refresh of one account's domains came to. */
export interface Refreshed {
  readonly accountId: string
  readonly changed: boolean
  readonly hosts: Hosts | undefined
  /** When the Domain API gave these hosts, in milliseconds since the epoch. */
  readonly fetchedAt: number | undefined
  /** Why the Domain API's answer was not taken; then `hosts` are the last good ones, if there are any. */
  readonly error?: unknown
}

export interface DomainsOptions {
  readonly accountId: string
  readonly table: StateTable
  /** Asks the Domain API. */
  readonly fetchHosts: () => Promise<Hosts>
  readonly loopback: boolean
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Told when the Domain API named a host that is not LivePerson's. */
  readonly onForeignHost: () => void
}

/**
 * Keeps an account's LivePerson hosts: in memory, else in the table, else by the Domain API. What is known is used for
 * as long as nothing newer is to be had.
 */
export const createDomains = ({
  accountId,
  table,
  fetchHosts,
  loopback,
  now,
  onForeignHost,
}: DomainsOptions) => {
  const pk = keyOf(accountId)
  let kept: { hosts: Hosts; renewAt: number } | undefined
  let reading: Promise<Hosts> | undefined
  let renewing: Promise<Hosts> | undefined

  const keep = (hosts: Hosts): Hosts => {
    kept = { hosts, renewAt: now() + LIFE_MS }
    return hosts
  }

  const readTable = async (): Promise<Domains | undefined> => {
    const data = await readDomains(table, accountId)
    return data && SERVICES.every((service) => toOrigin(data.hosts[service], loopback)) ? data : undefined
  }

  const ask = async (): Promise<Hosts> => {
    try {
      return await fetchHosts()
    } catch (error) {
      if (error instanceof ForeignHostError) onForeignHost()
      throw error
    }
  }

  const save = (hosts: Hosts) => table.putMany([{ pk, hosts, fetchedAt: now() }])

  const renew = (): Promise<Hosts> => {
    renewing ??= ask()
      .then(async (hosts) => {
        // Other containers find out by themselves should the table not take it.
        if (!kept || !isSame(hosts, kept.hosts)) await save(hosts).catch(() => undefined)
        return keep(hosts)
      })
      .finally(() => {
        renewing = undefined
      })
    return renewing
  }

  const read = (): Promise<Hosts> => {
    reading ??= readTable()
      .catch(() => undefined)
      .then((domains) => (domains ? keep(domains.hosts) : renew()))
      .finally(() => {
        reading = undefined
      })
    return reading
  }

  return {
    get: async (): Promise<Hosts> => {
      if (!kept) return read()
      if (now() >= kept.renewAt) {
        kept.renewAt = now() + LIFE_MS / 10
        read().catch(() => undefined)
      }
      return kept.hosts
    },

    /** Asks the Domain API, unless `stale` has been replaced meanwhile. */
    renew: async (stale: Hosts): Promise<Hosts> => (kept && kept.hosts !== stale ? kept.hosts : renew()),

    /** Reads the table into memory, and nothing more: what a container does while it starts. */
    warm: async (): Promise<void> => {
      const domains = await readTable()
      if (domains && !kept) keep(domains.hosts)
    },

    /** Asks the Domain API and writes to the table what has changed. */
    refresh: async (): Promise<Refreshed> => {
      const before = await readTable().catch(() => undefined)
      try {
        const hosts = await ask()
        const changed = !before || !isSame(hosts, before.hosts)
        if (changed) await save(hosts)
        keep(hosts)
        return { accountId, changed, hosts, fetchedAt: now() }
      } catch (error) {
        return { accountId, changed: false, hosts: before?.hosts, fetchedAt: before?.fetchedAt, error }
      }
    },
  }
}

/** Gives what the table holds of an account's domains: 1 read unit. */
export const readDomains = async (table: StateTable, accountId: string): Promise<Domains | undefined> =>
  z.safeParse(item, await table.get(keyOf(accountId))).data

const keyOf = (accountId: string) => `domains#${accountId}`

const isSame = (a: Hosts, b: Hosts) => SERVICES.every((service) => a[service] === b[service])
