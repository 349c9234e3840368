import { LivePersonUnavailableError } from '../errors/errors.ts'
import { isRecord, parseLenientJson } from '../request/lenient-json.ts'
import { type Hosts, type Service, toOrigin } from './hosts.ts'
import { describeAnswer, type Http } from './http.ts'

/** The Domain API named a host that doesn't belong to LivePerson. Nothing may be sent there. */
export class ForeignHostError extends LivePersonUnavailableError {
  override readonly name = 'ForeignHostError'
}

/**
 * Returns the host of every service of an account, with one call to the Domain API.
 *
 * @param options.loopback Whether hosts on this machine are allowed.
 * @param options.deadline Milliseconds since the epoch.
 * @throws {ForeignHostError}
 * @throws {LivePersonUnavailableError} There was no answer, or it lacks a service.
 * @see https://developers.liveperson.com/domain-api.html
 */
export const fetchHosts = async ({
  http,
  domainApiUrl,
  accountId,
  loopback,
  deadline,
}: {
  readonly http: Http
  readonly domainApiUrl: string
  readonly accountId: string
  readonly loopback: boolean
  readonly deadline: number
}): Promise<Hosts> => {
  const url = `${domainApiUrl}/api/account/${accountId}/service/baseURI.json?version=1.0`
  const answer = await http({ method: 'GET', url, deadline, repeatable: true })
  if (answer.status !== 200)
    throw unusable(`The Domain API answered ${describeAnswer(answer)} for account ${accountId}.`)
  const named = toNamedHosts(parseLenientJson(answer.body))
  const hostOf = (service: Service): string => {
    const host = named.get(service)
    if (host === undefined || host === '') throw unusable(`The Domain API named no host of ${service}.`)
    if (typeof host === 'string' && toOrigin(host, loopback) !== undefined) return host
    throw new ForeignHostError({
      detail: `The Domain API named a host of ${service} that does not belong to LivePerson.`,
      mayHaveExecuted: false,
    })
  }
  return { sentinel: hostOf('sentinel'), idp: hostOf('idp'), asyncMessagingEnt: hostOf('asyncMessagingEnt') }
}

const unusable = (detail: string) => new LivePersonUnavailableError({ detail, mayHaveExecuted: false })

const toNamedHosts = (answer: unknown): ReadonlyMap<unknown, unknown> => {
  const list = isRecord(answer) && Array.isArray(answer.baseURIs) ? answer.baseURIs : []
  return new Map(list.filter(isRecord).map(({ service, baseURI }) => [service, baseURI]))
}
