import { type Answer, badRequest, json, refusals } from '../http/answer.ts'
import type { ReceivedRequest } from '../http/request.ts'
import { isObject, parseJson } from '../json/value.ts'
import { readClientProperties } from '../messaging/client-properties.ts'
import type { State } from '../state/state.ts'
import type { ConsumerIdentity } from '../state/tokens.ts'

/**
 * Runs the checks that CONVERSATION and SEND share: method, `v`, tokens, length, Content-Type,
 * Client-Properties, JSON.
 *
 * @param limit Maximum length of the body, in characters. Default: no limit.
 * @returns The refusal, or the consumer and the parsed body.
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
  if (parsed === undefined) return { refusal: badRequest("Bad Request: the body isn't JSON") }
  const { problem } = readClientProperties(request)
  if (problem !== undefined && state.settings.mode === 'strict')
    return { refusal: badRequest(`Bad Request: ${problem}`) }
  return { consumer: state.store.getConsumer(authorized.identity), json: parsed }
}

/**
 * Checks the Send API's two tokens, the AppJWT first. The order of the error codes is 40105, 40102 or 40001,
 * 40104, 40103.
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

/** Returns the token in a header. In lenient mode, `Bearer ` may precede it. */
export const rawToken = (state: State, header: string | string[] | undefined): string => {
  const value = Array.isArray(header) ? header.join(',') : (header ?? '')
  return state.settings.mode === 'lenient' ? value.replace(/^Bearer /i, '') : value
}
