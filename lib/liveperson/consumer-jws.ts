import { decodeJwt } from 'jose'
import QuickLRU from 'quick-lru'
import { LivePersonUnavailableError } from '../errors/errors.ts'
import { type Http, throwForStatus } from './http.ts'
import { isRecord, parseAnswer } from './json-answer.ts'

/** How many consumers' tokens an account keeps at least; about half a kilobyte each. */
const CACHE_SIZE = 5000

export interface ConsumerJws {
  readonly token: string
  /** LivePerson's own id of the consumer: 64 hex digits. */
  readonly lpConsumerId: string
}

/**
 * Keeps ConsumerJWSs, which never expire, by consumer id. Calls at the same time for one consumer share one request.
 */
export const createConsumerJwss = () => {
  const cache = new QuickLRU<string, ConsumerJws>({ maxSize: CACHE_SIZE })
  const pending = new Map<string, Promise<ConsumerJws>>()

  return {
    get: async (consumerId: string, request: () => Promise<ConsumerJws>): Promise<ConsumerJws> => {
      const kept = cache.get(consumerId) ?? pending.get(consumerId)
      if (kept) return kept
      const asked = request()
        .then((consumerJws) => {
          cache.set(consumerId, consumerJws)
          return consumerJws
        })
        .finally(() => pending.delete(consumerId))
      pending.set(consumerId, asked)
      return asked
    },
    /** Forgets a ConsumerJWS that LivePerson refused, unless a newer one is here already. */
    drop: (consumerId: string, { token }: ConsumerJws) => {
      if (cache.peek(consumerId)?.token === token) cache.delete(consumerId)
    },
  }
}

/**
 * Asks the IDP who a consumer is to LivePerson. Resolves to undefined where it refused the AppJWT: with 401, or with
 * 500 and an `internalErrorCode`.
 *
 * @throws {LivePersonRejectedError}
 * @throws {LivePersonUnavailableError} Never with `reached`: asking twice gives the same consumer.
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
  const answer = parseAnswer(idp.body)
  if (idp.status === 401 || (idp.status === 500 && isRecord(answer) && 'internalErrorCode' in answer))
    return undefined
  throwForStatus('The IDP', idp)
  const token = isRecord(answer) ? answer.token : undefined
  const consumerJws = typeof token === 'string' ? toConsumerJws(token, consumerId) : undefined
  if (consumerJws) return consumerJws
  throw new LivePersonUnavailableError({
    detail: "The IDP answered without this consumer's token.",
    reached: false,
  })
}

/** A token that names another consumer would open the conversation as somebody else. */
const toConsumerJws = (token: string, consumerId: string): ConsumerJws | undefined => {
  try {
    const { ext_consumer_id, lp_consumer_id } = decodeJwt(token)
    return ext_consumer_id === consumerId && typeof lp_consumer_id === 'string'
      ? { token, lpConsumerId: lp_consumer_id }
      : undefined
  } catch {
    return undefined
  }
}
