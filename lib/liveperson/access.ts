import { CredentialsRefusedError, LivePersonUnavailableError } from '../errors/errors.ts'
import { type AppCredentials, type AppJwt, createAppJwts, requestAppJwt } from './app-jwt.ts'
import { type ConsumerJws, createConsumerJwss, requestConsumerJws } from './consumer-jws.ts'
import { type Hosts, type Service, toOrigin } from './hosts.ts'
import type { Http } from './http.ts'

/**
 * Time limit of a token request that several calls may share, in milliseconds. Each call waits only until its
 * own deadline.
 */
const TOKEN_TIMEOUT_MS = 10_000

export interface AccessOptions {
  readonly accountId: string
  readonly http: Http
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly loopback: boolean
  readonly hosts: {
    readonly get: () => Promise<Hosts>
    /** Asks the Domain API again, unless `stale` is already replaced. Concurrent calls share a request. */
    readonly renew: (stale: Hosts) => Promise<Hosts>
  }
  readonly credentials: {
    readonly current: () => Promise<AppCredentials>
    /** Reads the current secret again, unless `refused` is already replaced. */
    readonly reload: (refused: AppCredentials) => Promise<AppCredentials>
    /** Returns the secret before the current one, or undefined if there is none. */
    readonly previous: () => Promise<AppCredentials | undefined>
  }
  /** Called each time Sentinel accepts only the previous secret. */
  readonly onPreviousSecret: () => void
}

/**
 * Returns what every call to one account's LivePerson needs: its hosts, one AppJWT, and a bounded cache of
 * ConsumerJWSs. An unreachable host is looked up again once. A refused AppJWT is replaced once.
 *
 * Deadlines are in milliseconds since the epoch. Every function throws LivePersonUnavailableError. The
 * functions that need a token also throw CredentialsRefusedError.
 */
export const createAccess = (options: AccessOptions) => {
  const { accountId, http, now, loopback, hosts, credentials } = options

  /** Calls a service at its host. An unreachable host may have moved: looks it up and calls once more. */
  const at = async <T>(
    service: Service,
    deadline: number,
    call: (origin: string) => Promise<T>,
  ): Promise<T> => {
    const known = await within(hosts.get(), deadline - now())
    try {
      return await call(originOf(known, service))
    } catch (error) {
      if (!(error instanceof LivePersonUnavailableError && error.connectionFailed)) throw error
      const renewed = await within(hosts.renew(known), deadline - now()).catch(() => known)
      return call(originOf(renewed, service))
    }
  }

  const originOf = (known: Hosts, service: Service): string => {
    const origin = toOrigin(known[service], loopback)
    if (origin !== undefined) return origin
    throw new LivePersonUnavailableError({
      detail: `The host of ${service} does not belong to LivePerson.`,
      mayHaveExecuted: false,
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

  /**
   * Makes a call with an AppJWT. If LivePerson refuses the AppJWT (`call` returns undefined), makes it once
   * more with a new one.
   */
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

    /** Returns a consumer's ConsumerJWS, from the cache if it is there. */
    identify,

    /** Removes a refused ConsumerJWS from the cache. */
    forget: consumerJwss.drop,
  }
}

const isSame = (a: AppCredentials, b: AppCredentials) =>
  a.clientId === b.clientId && a.clientSecret === b.clientSecret

const refused = () =>
  new CredentialsRefusedError({ detail: 'Sentinel accepted neither the current nor the previous secret.' })

/**
 * Waits for `work` for at most `ms` milliseconds. The work goes on, because other calls may share it.
 *
 * @throws {LivePersonUnavailableError} Time ran out.
 */
const within = async <T>(work: Promise<T>, ms: number): Promise<T> => {
  let timer: NodeJS.Timeout | undefined
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new LivePersonUnavailableError({
            detail: 'LivePerson did not answer in time.',
            mayHaveExecuted: false,
          }),
        ),
      Math.max(0, ms),
    )
  })
  try {
    return await Promise.race([work, timeout])
  } finally {
    clearTimeout(timer)
  }
}
