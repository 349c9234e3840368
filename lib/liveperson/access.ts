import { CredentialsRefusedError, LivePersonUnavailableError } from '../errors/errors.ts'
import { type AppCredentials, type AppJwt, createAppJwts, requestAppJwt } from './app-jwt.ts'
import { type ConsumerJws, createConsumerJwss, requestConsumerJws } from './consumer-jws.ts'
import { type Hosts, type Service, toOrigin } from './hosts.ts'
import type { Http } from './http.ts'

/** How long a token that several calls wait for may take, in milliseconds; each call waits for its own deadline only. */
const TOKEN_TIMEOUT_MS = 10_000

export interface AccessOptions {
  readonly accountId: string
  readonly http: Http
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly loopback: boolean
  readonly hosts: {
    readonly get: () => Promise<Hosts>
    /** Asks the Domain API again; the hosts that are known are passed so that calls at the same time ask once. */
    readonly renew: (stale: Hosts) => Promise<Hosts>
  }
  readonly credentials: {
    readonly current: () => Promise<AppCredentials>
    /** Reads the current secret again, unless `refused` has been replaced meanwhile. */
    readonly reload: (refused: AppCredentials) => Promise<AppCredentials>
    /** The secret before the current one, if there is one. */
    readonly previous: () => Promise<AppCredentials | undefined>
  }
  /** Told each time that only the previous secret was taken. */
  readonly onPreviousSecret: () => void
}

/**
 * The ways into LivePerson for one account: its hosts, looked up anew when one can't be reached; one AppJWT, replaced
 * once where it is refused; a bounded number of ConsumerJWSs.
 *
 * Deadlines are in milliseconds since the epoch. Each function throws LivePersonUnavailableError, and those that need a
 * token CredentialsRefusedError.
 */
export const createAccess = (options: AccessOptions) => {
  const { accountId, http, now, loopback, hosts, credentials } = options

  /** Runs a call at a service's host; a host that can't be reached may have moved, so then once more at the new one. */
  const at = async <T>(
    service: Service,
    deadline: number,
    call: (origin: string) => Promise<T>,
  ): Promise<T> => {
    const known = await within(hosts.get(), deadline - now())
    try {
      return await call(originOf(known, service))
    } catch (error) {
      if (!(error instanceof LivePersonUnavailableError && error.unreachable)) throw error
      const renewed = await within(hosts.renew(known), deadline - now()).catch(() => known)
      return call(originOf(renewed, service))
    }
  }

  const originOf = (known: Hosts, service: Service): string => {
    const origin = toOrigin(known[service], loopback)
    if (origin !== undefined) return origin
    throw new LivePersonUnavailableError({
      detail: `The host of ${service} is not LivePerson's.`,
      reached: false,
    })
  }

  const issueAppJwt = (using: AppCredentials): Promise<AppJwt> => {
    const deadline = now() + TOKEN_TIMEOUT_MS
    return at('sentinel', deadline, (origin) =>
      requestAppJwt({ http, origin, accountId, credentials: using, deadline }),
    )
  }

  const appJwts = createAppJwts({
    now,
    request: async () => {
      const current = await credentials.current()
      try {
        return await issueAppJwt(current)
      } catch (error) {
        if (!(error instanceof CredentialsRefusedError)) throw error
      }
      const reloaded = await credentials.reload(current)
      try {
        if (!isSame(reloaded, current)) return await issueAppJwt(reloaded)
      } catch (error) {
        if (!(error instanceof CredentialsRefusedError)) throw error
      }
      const previous = await credentials.previous()
      if (!previous || isSame(previous, current) || isSame(previous, reloaded)) throw refused()
      const appJwt = await issueAppJwt(previous)
      options.onPreviousSecret()
      return appJwt
    },
  })

  /** Runs a call with an AppJWT; once more with a new one where `call` says by undefined that LivePerson refused it. */
  const withAppJwt = async <T>(
    deadline: number,
    call: (appJwt: string) => Promise<T | undefined>,
  ): Promise<T> => {
    const first = await within(appJwts.get(), deadline - now())
    const answer = await call(first)
    if (answer !== undefined) return answer
    appJwts.drop(first)
    const second = await call(await within(appJwts.get(), deadline - now()))
    if (second !== undefined) return second
    throw new CredentialsRefusedError({ detail: 'LivePerson refused a new AppJWT.' })
  }

  const consumerJwss = createConsumerJwss()

  const identify = (consumerId: string, deadline: number): Promise<ConsumerJws> => {
    const shared = consumerJwss.get(consumerId, () => {
      const sharedDeadline = now() + TOKEN_TIMEOUT_MS
      return withAppJwt(sharedDeadline, (appJwt) =>
        at('idp', sharedDeadline, (origin) =>
          requestConsumerJws({ http, origin, accountId, appJwt, consumerId, deadline: sharedDeadline }),
        ),
      )
    })
    return within(shared, deadline - now())
  }

  return {
    at,
    withAppJwt,

    /** Gives a consumer's ConsumerJWS, from the cache where it is known. */
    identify,

    /** Forgets a ConsumerJWS that LivePerson refused. */
    forget: consumerJwss.drop,
  }
}

const isSame = (a: AppCredentials, b: AppCredentials) =>
  a.clientId === b.clientId && a.clientSecret === b.clientSecret

const refused = () =>
  new CredentialsRefusedError({ detail: 'Sentinel took neither the current nor the previous secret.' })

/**
 * Waits no longer than `ms` for work that may be shared with other calls, and so goes on.
 *
 * @throws {LivePersonUnavailableError}
 */
const within = async <T>(work: Promise<T>, ms: number): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () => reject(new LivePersonUnavailableError({ detail: 'LivePerson took too long.', reached: false })),
      Math.max(0, ms),
    )
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}
