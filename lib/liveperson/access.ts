import { CredentialsRefusedError, LivePersonUnavailableError } from '../errors/errors.ts'
import type { Hop } from '../telemetry/metrics.ts'
import { type AppCredentials, type AppJwt, createAppJwtCache, requestAppJwt } from './app-jwt.ts'
import { type ConsumerJws, type ConsumerJwsCache, requestConsumerJws } from './consumer-jws.ts'
import { type Hosts, type Service, toOrigin } from './hosts.ts'
import type { Http } from './http.ts'
import { createRetryAfter } from './retry-after.ts'

/**
 * Time limit of a token request that several calls may share, in milliseconds. Each call waits only until its
 * own deadline.
 */
const TOKEN_TIMEOUT_MS = 10_000
/** The minimum time between two look-ups of hosts to which no connection can be made, in milliseconds. */
const LOOK_UP_PAUSE_MS = 30_000
/** How long a refused new AppJWT counts as proof that others would be refused too, in milliseconds. */
const REFUSAL_PAUSE_MS = 5000

export interface AccessOptions {
  readonly accountId: string
  readonly http: Http
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly loopback: boolean
  readonly hosts: {
    readonly get: () => Hosts | Promise<Hosts>
    /** Asks the Domain API again, unless `stale` is already replaced. Concurrent calls share a request. */
    readonly reload: (stale: Hosts) => Promise<Hosts>
  }
  readonly credentials: {
    readonly current: () => Promise<AppCredentials>
    /** Reads the current secret again, unless `refused` is already replaced. */
    readonly reload: (refused: AppCredentials) => Promise<AppCredentials>
    /** Returns the secret before the current one, or undefined if there is none. */
    readonly previous: () => Promise<AppCredentials | undefined>
  }
  /** Shared by all accounts of a container, so that its memory doesn't grow with them. */
  readonly consumerJwss: ConsumerJwsCache
  /** Called with the time of each call that LivePerson answered, in milliseconds. */
  readonly onAnswered: (hop: Hop, ms: number) => void
  /** Called each time Sentinel accepts only the previous secret. */
  readonly onPreviousSecret: () => void
  /** Called with each error of a renewal of the AppJWT in the background, which no caller sees. */
  readonly onRenewalFailed: (error: unknown) => void
}

/**
 * Returns what every call to one account's LivePerson needs: its hosts, one AppJWT, and its consumers'
 * ConsumerJWSs. A refused AppJWT is replaced once.
 *
 * While the account is in trouble, an attempt makes few calls: hosts are looked up at most once in 30 s,
 * refused credentials and refused new AppJWTs are remembered for 5 s, and a `Retry-After` of Sentinel or the
 * IDP is kept.
 *
 * Deadlines are in milliseconds since the epoch. These errors can be thrown:
 *
 * - LivePersonUnavailableError by every function.
 * - CredentialsRefusedError by the functions that need a token.
 * - InvalidConfigError and ServiceUnavailableError by the functions that need a token, if the account's
 *   secret is missing, invalid or can't be read.
 */
export const createAccess = (options: AccessOptions) => {
  const { accountId, http, now, loopback, hosts, credentials } = options

  /**
   * Waits for `work` until the deadline at most. The work goes on, because other calls may share it. What is
   * known already needs no timer.
   *
   * @param name What the work returns, for the error's message.
   * @throws {LivePersonUnavailableError} Time ran out.
   */
  const within = async <T>(deadline: number, name: string, work: T | Promise<T>): Promise<T> => {
    if (!(work instanceof Promise)) return work
    let timer: NodeJS.Timeout | undefined
    const timeout = new Promise<never>((_, reject) => {
      const expire = () =>
        reject(
          new LivePersonUnavailableError({
            detail: `${name} was not available in time.`,
            mayHaveExecuted: false,
            trouble: 'silent',
          }),
        )
      timer = setTimeout(expire, Math.max(0, deadline - now()))
    })
    try {
      return await Promise.race([work, timeout])
    } finally {
      clearTimeout(timer)
    }
  }

  let lookUp: { readonly startedAt: number; readonly renewed: Promise<Hosts> } | undefined

  /** Returns the hosts by the latest look-up, which is at most 30 s old. Concurrent calls share one. */
  const lookUpAgain = (stale: Hosts): Promise<Hosts> => {
    if (!lookUp || now() - lookUp.startedAt >= LOOK_UP_PAUSE_MS)
      lookUp = { startedAt: now(), renewed: hosts.reload(stale) }
    return lookUp.renewed
  }

  /**
   * Calls a service at its host. If no connection can be made, looks the host up, and calls once more if it
   * has moved. The same host isn't called again: whoever needs the call repeats it after a pause, which helps
   * more against a short failure, and makes no second call during a long one.
   */
  const callHost = async <T>(
    service: Service,
    deadline: number,
    call: (origin: string) => Promise<T>,
  ): Promise<T> => {
    const name = `The host of ${service}`
    const known = await within(deadline, name, hosts.get())
    const origin = originOf(known, service)
    try {
      return await call(origin)
    } catch (error) {
      if (!(error instanceof LivePersonUnavailableError && error.connectionFailed)) throw error
      const moved = await within(deadline, name, lookUpAgain(known)).catch(() => {
        // `hosts` reports its own failures. The call's error says more about the call.
        throw error
      })
      if (moved[service] === known[service]) throw error
      return call(originOf(moved, service))
    }
  }

  /** Measures a call that LivePerson answered. A token request counts only if the answer has a token. */
  const timed = async <T>(hop: Hop, call: () => Promise<T>): Promise<T> => {
    const startedAt = now()
    const answer = await call()
    if (answer !== undefined) options.onAnswered(hop, now() - startedAt)
    return answer
  }

  const origins = new Map<Service, { readonly host: string; readonly origin: string }>()

  const originOf = (known: Hosts, service: Service): string => {
    const host = known[service]
    const last = origins.get(service)
    if (last?.host === host) return last.origin
    const origin = toOrigin(host, loopback)
    if (origin !== undefined) {
      origins.set(service, { host, origin })
      return origin
    }
    throw new LivePersonUnavailableError({
      detail: `The host of ${service} does not belong to LivePerson.`,
      mayHaveExecuted: false,
    })
  }

  const issueAppJwt = (using: AppCredentials): Promise<AppJwt> => {
    const deadline = now() + TOKEN_TIMEOUT_MS
    return callHost('sentinel', deadline, (origin) =>
      timed('app_jwt', () => requestAppJwt({ http, origin, accountId, credentials: using, deadline })),
    )
  }

  /** Tries the current secret, the current secret read again, and the previous one. None is tried twice. */
  const issueWithAnySecret = async (): Promise<AppJwt> => {
    const current = await credentials.current()
    const candidates = [async () => current, () => credentials.reload(current), credentials.previous]
    const tried: AppCredentials[] = []
    let refusal: CredentialsRefusedError | undefined
    for (const read of candidates) {
      const candidate = await read()
      if (!candidate)
        throw new CredentialsRefusedError({
          detail: 'Sentinel refused the current secret, and no previous one can be read.',
          cause: refusal,
        })
      if (tried.some((other) => isSame(other, candidate))) continue
      tried.push(candidate)
      try {
        const appJwt = await issueAppJwt(candidate)
        if (read === credentials.previous) options.onPreviousSecret()
        return appJwt
      } catch (error) {
        if (!(error instanceof CredentialsRefusedError)) throw error
        refusal = error
      }
    }
    throw new CredentialsRefusedError({
      detail: 'Sentinel accepted neither the current nor the previous secret.',
      cause: refusal,
    })
  }

  const appJwtCache = createAppJwtCache({
    now,
    request: issueWithAnySecret,
    onRenewalFailed: options.onRenewalFailed,
  })

  const unlessRefused = createRetryAfter({
    now,
    pauseMsOf: (error) => (error instanceof CredentialsRefusedError ? REFUSAL_PAUSE_MS : undefined),
  })

  /**
   * Makes a call with an AppJWT. If LivePerson refuses the AppJWT (`call` returns undefined), makes it once
   * more with a new one, unless it has just refused a new one.
   */
  const withAppJwt = async <T>(
    deadline: number,
    call: (appJwt: string) => Promise<T | undefined>,
  ): Promise<T> => {
    const getAppJwt = () => within(deadline, 'The AppJWT', appJwtCache.get())
    const first = await getAppJwt()
    const answer = await call(first)
    if (answer !== undefined) return answer
    return unlessRefused(async () => {
      appJwtCache.drop(first)
      const second = await call(await getAppJwt())
      if (second !== undefined) return second
      throw new CredentialsRefusedError({ detail: 'LivePerson refused a new AppJWT.' })
    })
  }

  const keyOf = (consumerId: string) => `${accountId}#${consumerId}`
  const afterPauseOfIdp = createRetryAfter({ now, pauseMsOf: (error) => error.retryAfterMs })

  const identify = (consumerId: string, deadline: number): Promise<ConsumerJws> => {
    const shared = options.consumerJwss.get(keyOf(consumerId), () => {
      const sharedDeadline = now() + TOKEN_TIMEOUT_MS
      return withAppJwt(sharedDeadline, (appJwt) =>
        afterPauseOfIdp(() =>
          callHost('idp', sharedDeadline, (origin) =>
            timed('consumer_jws', () =>
              requestConsumerJws({ http, origin, accountId, appJwt, consumerId, deadline: sharedDeadline }),
            ),
          ),
        ),
      )
    })
    return within(deadline, 'The ConsumerJWS', shared)
  }

  return {
    callHost,
    timed,
    withAppJwt,

    /** Returns a consumer's ConsumerJWS, from the cache if it is there. */
    identify,

    /** Removes a refused ConsumerJWS from the cache. */
    forget: (consumerId: string, consumerJws: ConsumerJws): void =>
      options.consumerJwss.drop(keyOf(consumerId), consumerJws),
  }
}

const isSame = (a: AppCredentials, b: AppCredentials) =>
  a.clientId === b.clientId && a.clientSecret === b.clientSecret
