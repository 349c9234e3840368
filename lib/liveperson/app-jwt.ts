import { decodeJwt } from 'jose'
import { CredentialsRefusedError, LivePersonUnavailableError } from '../errors/errors.ts'
import { createRefreshing } from '../net/refreshing.ts'
import { isRecord, parseLenientJson } from '../request/lenient-json.ts'
import { type Http, type HttpAnswer, throwForStatus } from './http.ts'
import { createRetryAfter } from './retry-after.ts'

/** How long before its expiry an AppJWT is no longer used, in milliseconds. */
const MARGIN_MS = 30_000
/**
 * The minimum time between two attempts to renew a valid AppJWT, in milliseconds. They come on top of the one
 * call per second that an account in trouble gets.
 */
const RENEWAL_PAUSE_MS = 60_000
/** The lifetime that LivePerson documents, in milliseconds. */
const DEFAULT_LIFE_MS = 3_600_000

/** The time before another request once Sentinel has refused the credentials, in milliseconds. */
const REFUSAL_PAUSE_MS = 5000

/** What identifies this service to Sentinel. */
export interface AppCredentials {
  readonly clientId: string
  readonly clientSecret: string
}

export interface AppJwt {
  readonly token: string
  /** From its issue to its expiry, in milliseconds. */
  readonly lifeMs: number
}

/**
 * Returns a cache of one AppJWT. It is renewed once half of its lifetime has passed, without delaying a call.
 * Concurrent calls share one request. A failed renewal keeps the old AppJWT while that is valid.
 *
 * No request is made for five seconds after refused credentials, or, after a failed request, for as long as
 * its `Retry-After` asks. Until then, calls fail with the same error. LivePerson advises five seconds between
 * token calls.
 *
 * @param options.request Requests a new AppJWT.
 * @param options.now Milliseconds since the epoch.
 * @param options.onRenewalFailed Called each time a renewal fails while the AppJWT is still valid.
 * @see https://developers.liveperson.com/retry-policy-recommendations.html
 */
export const createAppJwtCache = ({
  request,
  now,
  onRenewalFailed,
}: {
  readonly request: () => Promise<AppJwt>
  readonly now: () => number
  readonly onRenewalFailed: (error: unknown) => void
}) => {
  const afterPause = createRetryAfter({
    now,
    pauseMsOf: (error) => (error instanceof CredentialsRefusedError ? REFUSAL_PAUSE_MS : error.retryAfterMs),
  })

  const cache = createRefreshing<AppJwt>({
    read: () =>
      afterPause(request).catch((error: unknown) => {
        if (cache.peek()) onRenewalFailed(error)
        throw error
      }),
    lifetimeOf: ({ lifeMs }) => ({ renewAfterMs: lifeMs / 2, expireAfterMs: lifeMs - MARGIN_MS }),
    pauseMs: RENEWAL_PAUSE_MS,
    now,
  })

  return {
    /**
     * Returns a valid AppJWT, or a promise of one if there is none yet.
     *
     * @throws Whatever `request` throws, if there is none.
     */
    get: (): string | Promise<string> => {
      const appJwt = cache.get()
      return appJwt instanceof Promise ? appJwt.then(({ token }) => token) : appJwt.token
    },

    /** Removes an AppJWT that LivePerson refused, unless it has already been replaced. */
    drop: (token: string): void => {
      const current = cache.peek()
      if (current?.token === token) cache.drop(current)
    },
  }
}

/**
 * Requests an AppJWT from Sentinel. The secret is sent in the body only.
 *
 * @param options.deadline Milliseconds since the epoch.
 * @throws {CredentialsRefusedError} Sentinel refused the client id and secret.
 * @throws {LivePersonUnavailableError} Sentinel returned no token. Never with `mayHaveExecuted`.
 * @see https://developers.liveperson.com/connector-api-send-api-authorization-and-authentication.html#get-appjwt
 */
export const requestAppJwt = async ({
  http,
  origin,
  accountId,
  credentials,
  deadline,
}: {
  readonly http: Http
  readonly origin: string
  readonly accountId: string
  readonly credentials: AppCredentials
  readonly deadline: number
}): Promise<AppJwt> => {
  const sentinel = await http({
    method: 'POST',
    url: `${origin}/sentinel/api/account/${accountId}/app/token?v=1.0&grant_type=client_credentials`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      client_id: credentials.clientId,
      client_secret: credentials.clientSecret,
    }).toString(),
    deadline,
    repeatable: true,
  })
  if (isRefusal(sentinel))
    throw new CredentialsRefusedError({
      detail: `Sentinel refused the client id and secret (HTTP ${sentinel.status}).`,
    })
  throwForStatus('Sentinel', sentinel)
  const answer = parseLenientJson(sentinel.body)
  const token = isRecord(answer) ? answer.access_token : undefined
  if (typeof token !== 'string' || token === '')
    throw new LivePersonUnavailableError({
      detail: 'Sentinel answered without a token.',
      mayHaveExecuted: false,
    })
  return { token, lifeMs: lifeOf(token, isRecord(answer) ? Number(answer.expires_in) : Number.NaN) }
}

/**
 * Returns whether Sentinel refuses the credentials. It follows OAuth 2.0: 400 with an error object, or 401.
 * HTML comes from a proxy. Any other 4xx can mean that the app or the host is in trouble for a while.
 *
 * @see https://www.rfc-editor.org/rfc/rfc6749#section-5.2
 */
const isRefusal = ({ status, body }: HttpAnswer): boolean => {
  if (status === 401) return !body.trim().startsWith('<')
  const answer = parseLenientJson(body)
  return status === 400 && isRecord(answer) && typeof answer.error === 'string'
}

/**
 * Returns the lifetime of a token in milliseconds: the shorter of the one in its claims and `expires_in`.
 */
const lifeOf = (token: string, expiresIn: number): number => {
  const stated = [lifeInClaims(token), expiresIn * 1000].filter((ms) => ms > 0)
  return stated.length > 0 ? Math.min(...stated) : DEFAULT_LIFE_MS
}

/**
 * Returns the lifetime that `exp` and `iat` state, in milliseconds, else NaN. It doesn't depend on this
 * machine's clock, which may be off.
 */
const lifeInClaims = (token: string): number => {
  try {
    const { exp, iat } = decodeJwt(token)
    return (Number(exp) - Number(iat)) * 1000
  } catch {
    return Number.NaN
  }
}
