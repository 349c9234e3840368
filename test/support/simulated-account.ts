import { randomUUID } from 'node:crypto'
import type { LivePersonOptions } from '../../lib/liveperson/client.ts'
import { createConsumerJwsCache } from '../../lib/liveperson/consumer-jws.ts'
import { fetchHosts } from '../../lib/liveperson/domain-api.ts'
import type { Hosts } from '../../lib/liveperson/hosts.ts'
import { createHttp } from '../../lib/liveperson/http.ts'
import { createOutbound, type Outbound } from '../../lib/net/outbound.ts'
import type { Fault } from '../../local/liveperson/faults/faults.ts'
import type { ReceivedRequest, Service } from '../../local/liveperson/http/request.ts'
import { startLivePerson } from '../../local/liveperson/server.ts'
import { loadFixture } from '../../local/liveperson/state/account.ts'

export const ACCOUNT_ID = '70123456'

export type SimulatedAccount = Awaited<ReturnType<typeof startSimulatedAccount>>

type WithoutService<Kind> = Kind extends unknown ? Omit<Kind, 'service'> : never

/** A fault whose service the test adds. */
export type Trouble = WithoutService<Fault>

/**
 * Starts a simulated LivePerson and returns what tests of `lib/liveperson/` need to call it for one account.
 */
export const startSimulatedAccount = async () => {
  const accounts = loadFixture()
  const account = accounts.find(({ accountId }) => accountId === ACCOUNT_ID)
  if (!account) throw new Error(`The fixture lacks account ${ACCOUNT_ID}`)
  const clientSecrets = [...account.clientSecrets]
  const credentials = { clientId: account.clientId, clientSecret: String(clientSecrets[0]) }
  const livePerson = await startLivePerson({ accounts })
  let aheadMs = 0
  let serial = 0
  const now = () => Date.now() + aheadMs
  const soon = (ms = 20_000) => now() + ms

  return {
    livePerson,
    account,
    credentials,
    now,

    /** Returns a deadline, by default one that a busy machine meets. */
    soon,

    /** Moves the clocks of client and simulator forward. */
    advance: (ms: number) => {
      aheadMs += ms
      livePerson.clock.advance(ms)
    },

    newConsumerId: () => `consumer-${++serial}`,

    /** Returns the requests that a service has received since the last reset, oldest first. */
    received: (service: Service): readonly ReceivedRequest[] => livePerson.requests({ service }),

    /** Runs work and returns how many requests each service received meanwhile. */
    counted: async (work: () => Promise<unknown>): Promise<Readonly<Record<string, number>>> => {
      const before: Readonly<Record<string, number>> = livePerson.counts()
      await work()
      return Object.fromEntries(
        Object.entries(livePerson.counts())
          .map(([name, count]) => [name, count - (before[name] ?? 0)] as const)
          .filter(([, count]) => count > 0),
      )
    },

    /** Returns the options of a client with empty caches. */
    createOptions: ({
      domainApiUrl = livePerson.url,
      outbound = createOutbound(),
      loopback = true,
    }: {
      readonly domainApiUrl?: string
      readonly outbound?: Outbound
      readonly loopback?: boolean
    } = {}): LivePersonOptions => {
      const http = createHttp({ outbound, now, loopback })
      return {
        accountId: ACCOUNT_ID,
        http,
        now,
        uuid: randomUUID,
        loopback,
        hosts: createHosts(() =>
          fetchHosts({ http, domainApiUrl, accountId: ACCOUNT_ID, loopback, deadline: soon() }),
        ),
        credentials: {
          current: async () => credentials,
          reload: async () => credentials,
          previous: async () => undefined,
        },
        consumerJwss: createConsumerJwsCache(),
        onAnswered: () => undefined,
        onPreviousSecret: () => undefined,
        onProfileRefused: () => undefined,
        onLanguageRefused: () => undefined,
        onRenewalFailed: () => undefined,
      }
    },

    reset: () => {
      aheadMs = 0
      livePerson.reset()
      account.clientSecrets = [...clientSecrets]
    },

    close: livePerson.close,
  }
}

/** Keeps the hosts in memory. Concurrent calls share one request. */
const createHosts = (fetch: () => Promise<Hosts>): LivePersonOptions['hosts'] => {
  let known: Hosts | undefined
  let pending: Promise<Hosts> | undefined
  const ask = (): Promise<Hosts> => {
    pending ??= fetch()
      .then((hosts) => {
        known = hosts
        return hosts
      })
      .finally(() => {
        pending = undefined
      })
    return pending
  }
  return {
    get: async () => known ?? ask(),
    reload: async (stale) => (known !== undefined && known !== stale ? known : ask()),
  }
}

/** Returns what work throws, or undefined if it succeeds. */
export const failureOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )
