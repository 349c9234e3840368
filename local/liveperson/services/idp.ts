import { type Answer, json } from '../http/answer.ts'
import type { ReceivedRequest } from '../http/request.ts'
import { isObject, parseJson } from '../json/value.ts'
import type { State } from '../state/state.ts'
import { type ConsumerIdentity, toLpConsumerId } from '../state/tokens.ts'
import { rawToken } from './authorize.ts'

/**
 * Answers the IDP with 201 and the ConsumerJWS for an `ext_consumer_id`. Creates the consumer on first use.
 * Refuses a bad AppJWT with 401 (or 500 with an internalErrorCode, as related endpoints do) and a bad body
 * with 400.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-authorization-and-authentication.html#get-consumerjws
 */
export const answerIdp = (state: State, request: ReceivedRequest): Answer | Promise<Answer> => {
  const { accountId = '', headers, method, path } = request
  const version = new URLSearchParams(path.split('?')[1]).get('v')
  if (version !== null && version !== '1.0') return json(404, { error: 'Not found' })
  if (method !== 'POST') return json(405, { error: 'Method not allowed' })
  if (state.tokens.checkAppJwt(rawToken(state, headers.authorization), accountId) !== 'valid') {
    return refuseAppJwt(state.settings.internalErrorCodeOn401)
  }
  if (!/^application\/json\b/i.test(headers['content-type'] ?? '')) {
    return json(400, { error: 'The body must be application/json' })
  }
  const body = parseJson(request.body)
  const extConsumerId = isObject(body) ? body.ext_consumer_id : undefined
  if (typeof extConsumerId !== 'string' || !printable.test(extConsumerId)) {
    return json(400, { error: 'ext_consumer_id must be a string of 1 to 1024 printable characters' })
  }
  const identity = { accountId, extConsumerId, lpConsumerId: toLpConsumerId(accountId, extConsumerId) }
  state.store.getConsumer(identity)
  return answerToken(state, identity)
}

/** Returns the IDP's refusal of an AppJWT: 401, or 500 with internalErrorCode 9007. */
export const refuseAppJwt = (asInternalError: boolean): Answer =>
  asInternalError
    ? json(500, { internalErrorCode: '9007' })
    : json(401, { error: 'unauthorized', error_description: 'The AppJWT is missing, expired or invalid' })

const printable = /^[^\p{Cc}]{1,1024}$/u

const answerToken = async (state: State, identity: ConsumerIdentity): Promise<Answer> =>
  json(201, { token: await state.tokens.issueConsumerJws(identity) })
