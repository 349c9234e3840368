import { type Answer, json } from '../http/answer.ts'
import type { NamedService, ReceivedRequest, State } from '../state/state.ts'

/**
 * Answers the Domain API (CSDS): the host of one service, or of all services of an account.
 *
 * 400 for another version, 401 for an unknown account, 404 (or 200 without a host) for an unknown service.
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

// In no useful order, like the real list; only three of them are served by the simulator.
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

const isNamed = (service: string): service is NamedService =>
  service === 'sentinel' || service === 'idp' || service === 'asyncMessagingEnt'

const hostOf = (state: State, service: string) =>
  (isNamed(service) ? state.hosts.named.get(service) : undefined) ?? state.hosts.current
