import { decodeJwt } from 'jose'
import { CredentialsRefusedError, LivePersonUnavailableError } from '../errors/errors.ts'
import { isRecord, parseLenientJson } from '../request/lenient-json.ts'
import { type Http, throwForStatus } from './http.ts'

/** How long before its end an AppJWT is not used any more, in milliseconds. */
const MARGIN_MS = 30_000
/** How long a failed renewal is left alone while the old AppJWT is valid, in milliseconds. */
const RENEWAL_PAUSE_MS = 15_000
const DEFAULT_LIFE_MS = 3_600_000

export interface AppCredentials {
  readonly clientId: string
  readonly clientSecret: string
}

export interface AppJwt {
  readonly token: string
  /** Milliseconds from its issue to its end. */
  readonly lifeMs: number
}

/**
 * Keeps one AppJWT, renewed from half of its life on (it lives one hour), beside the call that notices and not in its
 * way. Calls at the same time share one request. A failed renewal keeps the old one while that is valid.
 *
 * @param options.request Gets a new one.
 * @param options.now Milliseconds since the epoch.
 */
export const createAppJwts = ({
  request,
  now,
}: {
  readonly request: () => Promise<AppJwt>
  readonly now: () => number
}) => {
  let current: { readonly token: string; renewAt: number; readonly endsAt: number } | undefined
  let pending: Promise<string> | undefined

  const renew = (): Promise<string> => {
    const startedAt = now()
    pending ??= request()
      .then(({ token, lifeMs }) => {
        current = { token, renewAt: startedAt + lifeMs / 2, endsAt: startedAt + lifeMs - MARGIN_MS }
        return token
      })
      .finally(() => {
        pending = undefined
      })
    return pending
  }

  return {
    get: async (): Promise<string> => {
      if (!current || now() >= current.endsAt) return renew()
      if (now() >= current.renewAt) {
        current.renewAt = now() + RENEWAL_PAUSE_MS
        renew().catch(() => undefined)
      }
      return current.token
    },
    /** Forgets an AppJWT that LivePerson refused, unless a newer one is here already. */
    drop: (token: string) => {
      if (current?.token === token) current = undefined
    },
  }
}

/**
 * Asks Sentinel for an AppJWT. The secret goes in the body only.
 *
 * @throws {CredentialsRefusedError} Sentinel doesn't take this client id and secret.
 * @throws {LivePersonUnavailableError}
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
  const { status } = sentinel
  if (status >= 400 && status < 500 && status !== 429 && status !== 408)
    throw new CredentialsRefusedError({ detail: `Sentinel refused the client id and secret (${status}).` })
  throwForStatus('Sentinel', sentinel)
  const answer = parseLenientJson(sentinel.body)
  const token = isRecord(answer) ? answer.access_token : undefined
  if (typeof token !== 'string' || token === '')
    throw new LivePersonUnavailableError({ detail: 'Sentinel answered without a token.', reached: false })
  return { token, lifeMs: lifeOf(token, isRecord(answer) ? Number(answer.expires_in) : Number.NaN) }
}

/** By `exp` and `iat` rather than by the clock here, which may be off; `expires_in` can only shorten it. */
const lifeOf = (token: string, expiresIn: number): number => {
  const said = expiresIn > 0 ? expiresIn * 1000 : DEFAULT_LIFE_MS
  try {
    const { exp, iat } = decodeJwt(token)
    return exp !== undefined && iat !== undefined && exp > iat
      ? Math.min((exp - iat) * 1000, expiresIn > 0 ? said : Number.POSITIVE_INFINITY)
      : said
  } catch {
    return said
  }
}
