import { readDomains } from '../lib/account/domains.ts'
import type { StateTable } from '../lib/aws/state-table.ts'
import type { Config } from '../lib/config/environment.ts'
import { causesOf, toAppError } from '../lib/errors/errors.ts'
import { fetchHosts } from '../lib/liveperson/domain-api.ts'
import { type Hosts, SERVICES } from '../lib/liveperson/hosts.ts'
import type { Http } from '../lib/liveperson/http.ts'
import type { Found } from './doctor/steps.ts'

/**
 * Asks the Domain API for an account's hosts, and reads the age of those in the state table. A table that
 * can't be read isn't a failure, since there is none before the first deploy.
 *
 * @throws {ForeignHostError | LivePersonUnavailableError}
 */
export const findHosts = async ({
  http,
  config: { domainApiUrl, loopback },
  accountId,
  table,
}: {
  readonly http: Http
  readonly config: Config
  readonly accountId: string
  readonly table: StateTable
}): Promise<Found<Hosts>> => {
  const [hosts, kept] = await Promise.all([
    fetchHosts({ http, domainApiUrl, accountId, loopback, deadline: Date.now() + 10_000 }),
    describeTable(table, accountId),
  ])
  const named = SERVICES.map((service) => `${service} ${hosts[service]}`).join(', ')
  return { value: hosts, found: `${named}; state table: ${kept}` }
}

const describeTable = async (table: StateTable, accountId: string): Promise<string> => {
  try {
    const domains = await readDomains(table, accountId)
    return domains ? `written ${toAge(Date.now() - domains.fetchedAt)} ago` : 'no hosts yet'
  } catch (thrown) {
    return `can't be read (${causesOf(toAppError(thrown).cause).join(', ')})`
  }
}

const toAge = (ms: number): string => {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 120) return `${minutes} min`
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} days`
}
