import { type Answer, json } from '../http/answer.ts'
import type { ReceivedRequest } from '../http/request.ts'
import { isNamedService, type State } from '../state/state.ts'

/**
 * Answers the Domain API (CSDS) with the host of one service, or of all services of an account. Refuses
 * another version with 400, an unknown account with 401, and an unknown service with 404 (or 200 without a
 * host).
 *
 * @see https://developers.liveperson.com/domain-api.html
 */
export const answerDomainApi = (state: State, request: ReceivedRequest): Answer => {
  const [path = '', query] = request.path.split('?')
  const match = domainPath.exec(path)
  if (match === null) return json(404, { error: 'Not found' })
  if (request.method !== 'GET') return json(405, { error: 'Method not allowed' })
  if (new URLSearchParams(query).get('version') !== '1.0') return json(400, { error: 'version must be 1.0' })
  const [, account = '', service] = match
  if (!state.accounts.has(account)) return json(401, { error: 'Unknown account' })

  const toEntry = (name: string) => ({ service: name, account, baseURI: hostOf(state, name) })
  if (service === undefined) return json(200, { baseURIs: services.map(toEntry) })
  if (!services.includes(service)) {
    if (state.settings.unknownService === 'not-found') return json(404, { error: 'Unknown service' })
    return json(200, { service, account })
  }
  return json(
    200,
    state.settings.domainsShape === 'list' ? { baseURIs: [toEntry(service)] } : toEntry(service),
  )
}

const domainPath = /^\/api\/account\/([^/]+)\/service\/(?:([^/]+)\/)?baseURI(?:\.json)?$/

// In no particular order, as in LivePerson's list. The simulator serves three of them.
const services: readonly string[] = [
  'accountConfigReadOnly',
  'asyncMessaging',
  'asyncMessagingEnt',
  'agentVep',
  'sentinel',
  'swift',
  'smt',
  'msgHist',
  'idp',
  'mtlsGateway',
  'messagingRestApiDomain',
  'accountConfigReadWrite',
]

const hostOf = ({ hosts }: State, service: string) =>
  (isNamedService(service) ? hosts.overrides.get(service) : undefined) ?? hosts.current
