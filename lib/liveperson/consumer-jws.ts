import { decodeJwt } from 'jose'
import QuickLRU from 'quick-lru'
import { LivePersonUnavailableError } from '../errors/errors.ts'
import { isRecord, parseLenientJson } from '../request/lenient-json.ts'
import { type Http, throwForStatus } from './http.ts'

/**
 * How many of the most recently used ConsumerJWSs are always kept, about a kilobyte each. At most twice as
 * many are kept.
 */
const CACHE_SIZE = 5000

export interface ConsumerJws {
  readonly token: string
  /** LivePerson's own id of the consumer: 64 hex digits. */
  readonly lpConsumerId: string
}

export type ConsumerJwsCache = ReturnType<typeof createConsumerJwsCache>

/**
 * Returns a cache of ConsumerJWSs by a key of account and consumer. They never expire. Concurrent calls for
 * one consumer share one request, and a failed request is not kept. The least recently used ones are dropped.
 */
export const createConsumerJwsCache = () => {
  const cache = new QuickLRU<string, ConsumerJws>({ maxSize: CACHE_SIZE })
  const pending = new Map<string, Promise<ConsumerJws>>()

  return {
    get: (key: string, request: () => Promise<ConsumerJws>): ConsumerJws | Promise<ConsumerJws> => {
      const known = cache.get(key) ?? pending.get(key)
      if (known) return known
      const requested = request()
        .then((consumerJws) => {
          cache.set(key, consumerJws)
          return consumerJws
        })
        .finally(() => pending.delete(key))
      pending.set(key, requested)
      return requested
    },
    /** Removes a refused ConsumerJWS, unless it has already been replaced. */
    drop: (key: string, { token }: ConsumerJws) => {
      if (cache.peek(key)?.token === token) cache.delete(key)
    },
  }
}

/**
 * Requests a consumer's ConsumerJWS from the IDP. Resolves to undefined if the IDP refuses the AppJWT, which
 * it does with 401, or with 500 and an `internalErrorCode`.
 *
 * @throws {LivePersonUnavailableError} Any other failure. Never with `mayHaveExecuted`, because a second
 * request has the same result.
 * @see https://developers.liveperson.com/connector-api-send-api-authorization-and-authentication.html#get-consumerjws
 */
export const requestConsumerJws = async ({
  http,
  origin,
  accountId,
  appJwt,
  consumerId,
  deadline,
}: {
  readonly http: Http
  readonly origin: string
  readonly accountId: string
  readonly appJwt: string
  readonly consumerId: string
  readonly deadline: number
}): Promise<ConsumerJws | undefined> => {
  const idp = await http({
    method: 'POST',
    url: `${origin}/api/account/${accountId}/consumer?v=1.0`,
    headers: { 'content-type': 'application/json', authorization: appJwt },
    body: JSON.stringify({ ext_consumer_id: consumerId }),
    deadline,
    repeatable: true,
  })
  const answer = parseLenientJson(idp.body)
  if (idp.status === 401 || (idp.status === 500 && isRecord(answer) && 'internalErrorCode' in answer))
    return undefined
  throwForStatus('The IDP', idp)
  const token = isRecord(answer) ? answer.token : undefined
  const consumerJws = typeof token === 'string' ? toConsumerJws(token, consumerId) : undefined
  if (consumerJws) return consumerJws
  throw new LivePersonUnavailableError({
    detail: 'The IDP answered without a token of this consumer.',
    mayHaveExecuted: false,
  })
}

/** LivePerson's ids of consumers have 64 hex digits. They are stored, so nothing else may look like one. */
const LP_CONSUMER_ID = /^[A-Za-z0-9._:-]{1,64}$/

/** Rejects a token of another consumer: it would open the conversation in that consumer's name. */
const toConsumerJws = (token: string, consumerId: string): ConsumerJws | undefined => {
  try {
    const { ext_consumer_id, lp_consumer_id } = decodeJwt(token)
    return ext_consumer_id === consumerId &&
      typeof lp_consumer_id === 'string' &&
      LP_CONSUMER_ID.test(lp_consumer_id)
      ? { token, lpConsumerId: lp_consumer_id }
      : undefined
  } catch {
    return undefined
  }
}
