import { type Answer, json } from '../http/answer.ts'
import { rawToken } from './authorize.ts'
import { isObject, parseJson } from '../json/check.ts'
import type { ReceivedRequest, State } from '../state/state.ts'
import { type ConsumerIdentity, toLpConsumerId } from '../state/tokens.ts'

/**
 * Answers the IDP: 201 with the ConsumerJWS of one `ext_consumer_id`, which becomes a consumer by being asked for.
 * 401 for a bad AppJWT, or 500 with an internalErrorCode, as sibling endpoints do; 400 for a bad body.
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

/** How the IDP refuses an AppJWT: 401, or 500 with internalErrorCode 9007. */
export const refuseAppJwt = (asInternalError: boolean): Answer =>
  asInternalError
    ? json(500, { internalErrorCode: '9007' })
    : json(401, { error: 'unauthorized', error_description: 'The AppJWT is missing, expired or invalid' })

const printable = /^[^\p{Cc}]{1,1024}$/u

const answerToken = async (state: State, identity: ConsumerIdentity): Promise<Answer> =>
  json(201, { token: await state.tokens.issueConsumerJws(identity) })
