import { LivePersonUnavailableError } from '../errors/errors.ts'
import { type Hosts, SERVICES, toOrigin } from './hosts.ts'
import type { Http } from './http.ts'
import { isRecord, parseAnswer } from './json-answer.ts'

/** The Domain API named a host that is not LivePerson's; nothing may be sent there. */
export class ForeignHostError extends LivePersonUnavailableError {
  override readonly name = 'ForeignHostError'
}

/**
 * Asks the Domain API for the hosts of an account, all services in one call.
 *
 * @throws {ForeignHostError}
 * @throws {LivePersonUnavailableError} It gave no answer, or none that names every service.
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
  const { status, body } = await http({ method: 'GET', url, deadline, repeatable: true })
  if (status !== 200) throw unusable(`The Domain API answered ${status} for account ${accountId}.`)
  const named = toNamedHosts(parseAnswer(body))
  for (const service of SERVICES) {
    const host = named.get(service)
    if (host === undefined || host === '') throw unusable(`The Domain API names no host of ${service}.`)
    if (toOrigin(host, loopback) === undefined)
      throw new ForeignHostError({
        detail: `The Domain API names a host of ${service} that is not LivePerson's.`,
        reached: false,
      })
  }
  const hostOf = (service: (typeof SERVICES)[number]) => String(named.get(service))
  return { sentinel: hostOf('sentinel'), idp: hostOf('idp'), asyncMessagingEnt: hostOf('asyncMessagingEnt') }
}

const unusable = (detail: string) => new LivePersonUnavailableError({ detail, reached: false })

const toNamedHosts = (answer: unknown): ReadonlyMap<string, unknown> => {
  const list = isRecord(answer) && Array.isArray(answer.baseURIs) ? answer.baseURIs : []
  return new Map(list.filter(isRecord).map(({ service, baseURI }) => [String(service), baseURI]))
}
