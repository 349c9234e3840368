import { type Answer, badRequest, json, refusals } from '../http/answer.ts'
import { isObject, parseJson } from '../json/check.ts'
import { readClientProperties } from '../messaging/client-properties.ts'
import type { ReceivedRequest, State } from '../state/state.ts'
import type { ConsumerIdentity } from '../state/tokens.ts'

/**
 * What CONVERSATION and SEND have in common: method, `v`, tokens, size, Content-Type, Client-Properties and JSON.
 *
 * @param limit Most characters of the body.
 */
export const readAuthorized = (state: State, request: ReceivedRequest, limit = Number.POSITIVE_INFINITY) => {
  if (request.method !== 'POST') return { refusal: json(405, { error: 'Method not allowed' }) }
  if (new URLSearchParams(request.path.split('?')[1]).get('v') !== '3')
    return { refusal: refusals.versionWrong }
  const authorized = authorize(state, request)
  if (authorized.refusal !== undefined) return { refusal: authorized.refusal }
  const parsed = parseJson(request.body)
  if (request.body.length > limit) {
    return { refusal: badRequest('Bad Request', isObject(parsed) ? String(parsed.id ?? '') : '') }
  }
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    return { refusal: badRequest('Bad Request: Content-Type must be application/json') }
  }
  if (parsed === undefined) return { refusal: badRequest('Bad Request: the body is no JSON') }
  const { problem } = readClientProperties(request)
  if (problem !== undefined && state.settings.mode === 'strict')
    return { refusal: badRequest(`Bad Request: ${problem}`) }
  return { consumer: state.store.getConsumer(authorized.identity), json: parsed }
}

/**
 * Checks the two tokens of the Send API in a fixed order, AppJWT first: 40105, 40102 or 40001, 40104, 40103.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-authorization-and-authentication.html#authorization-responses
 */
const authorize = (state: State, request: ReceivedRequest): Authorized | Refused => {
  const accountId = request.accountId ?? ''
  const appJwt = rawToken(state, request.headers.authorization)
  if (!appJwt) return { refusal: refusals.appJwtMissing }
  const app = state.tokens.checkAppJwt(appJwt, accountId)
  if (app === 'claim-missing') return { refusal: refusals.claimMissing }
  if (app === 'invalid') return { refusal: refusals.appJwtInvalid }
  const consumerJws = rawToken(state, request.headers['x-lp-on-behalf'])
  if (!consumerJws) return { refusal: refusals.consumerJwsMissing }
  const identity = state.tokens.readConsumerJws(consumerJws, accountId)
  return identity === undefined ? { refusal: refusals.consumerJwsInvalid } : { identity }
}

interface Authorized {
  readonly identity: ConsumerIdentity
  readonly refusal?: undefined
}

interface Refused {
  readonly refusal: Answer
}

/** A token as its header holds it; only lenient mode takes a `Bearer ` before it. */
export const rawToken = (state: State, header: string | string[] | undefined): string => {
  const value = Array.isArray(header) ? header.join(',') : (header ?? '')
  return state.settings.mode === 'lenient' ? value.replace(/^Bearer /i, '') : value
}
