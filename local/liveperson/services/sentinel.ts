import { type Answer, json } from '../http/answer.ts'
import type { ReceivedRequest } from '../http/request.ts'
import type { LivePersonAccount } from '../state/account.ts'
import type { State } from '../state/state.ts'
import type { AppJwtVersion } from '../state/tokens.ts'

/**
 * Answers Sentinel: AppJWT V1 (parameters in the form body or the query), V2 (form body only), and the JWKS
 * of V2. LivePerson doesn't document the bodies of refusals, so RFC 6749 error objects are a guess.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-authorization-and-authentication.html#get-appjwt
 * @see https://developers.liveperson.com/oauth-2-0-client-credentials.html
 */
export const answerSentinel = (state: State, request: ReceivedRequest): Answer | Promise<Answer> => {
  const [path = '', query] = request.path.split('?')
  if (path === '/sentinel/well-known/jwks') return json(200, state.tokens.jwks())
  const match = tokenPath.exec(path)
  if (match === null) return json(404, { error: 'Not found' })
  if (request.method !== 'POST') return json(405, { error: 'Method not allowed' })

  const version: AppJwtVersion = match[1] === undefined ? 1 : 2
  const inQuery = new URLSearchParams(query)
  if (version === 1 && !['1.0', '2.0'].includes(inQuery.get('v') ?? '')) {
    return refuse(400, 'invalid_request', 'v must be 1.0')
  }
  if (
    request.body !== '' &&
    !/^application\/x-www-form-urlencoded\b/i.test(request.headers['content-type'] ?? '')
  ) {
    return refuse(400, 'invalid_request', 'The body must be application/x-www-form-urlencoded')
  }
  const parameters = new URLSearchParams(request.body)
  if (version === 1) for (const [name, value] of inQuery) parameters.append(name, value)

  for (const name of ['grant_type', 'client_id', 'client_secret']) {
    const given = parameters.getAll(name)
    if (given.length !== 1 || given[0] === '') {
      return refuse(400, 'invalid_request', `${name} must be present exactly once`)
    }
  }
  if (parameters.get('grant_type') !== 'client_credentials') {
    return refuse(400, 'unsupported_grant_type', 'grant_type must be client_credentials')
  }
  const account = state.accounts.get(match[2] ?? '')
  const secret = parameters.get('client_secret') ?? ''
  if (account?.clientId !== parameters.get('client_id') || !account?.clientSecrets.includes(secret)) {
    return refuse(401, 'invalid_client', 'Client authentication failed')
  }
  return answerToken(state, account, version)
}

const tokenPath = /^\/sentinel\/api\/(v2\/)?account\/([^/]+)\/app\/token$/

const refuse = (status: number, error: string, description: string) =>
  json(status, { error, error_description: description })

const answerToken = async (
  state: State,
  account: LivePersonAccount,
  version: AppJwtVersion,
): Promise<Answer> => {
  const { expiresIn, appJwtLifetimeSeconds: life } = state.settings
  return json(200, {
    access_token: await state.tokens.issueAppJwt(account, version),
    token_type: 'Bearer',
    ...(expiresIn === 'absent' ? {} : { expires_in: expiresIn === 'string' ? String(life) : life }),
  })
}
