import { readDomains } from '../lib/account/domains.ts'
import {
  parseAppCredentials,
  parseBotCheckSecret,
  type ReadSecret,
  readCurrentSecret,
  readPreviousSecret,
} from '../lib/account/secrets.ts'
import type { StateTable } from '../lib/aws/state-table.ts'
import type { Config } from '../lib/config/environment.ts'
import { causesOf, toAppError } from '../lib/errors/errors.ts'
import type { AppCredentials } from '../lib/liveperson/app-jwt.ts'
import { fetchHosts } from '../lib/liveperson/domain-api.ts'
import { type Hosts, SERVICES } from '../lib/liveperson/hosts.ts'
import type { Http } from '../lib/liveperson/http.ts'
import type { Found } from './steps.ts'

/** An account's secret; `previous` where there is a version before the current one. */
export interface Secret {
  readonly current: AppCredentials
  readonly previous: AppCredentials | undefined
}

/** @throws {InvalidConfigError | ServiceUnavailableError} */
export const findSecret = async (readSecret: ReadSecret, secretId: string): Promise<Found<Secret>> => {
  const current = await readCurrentSecret(readSecret, secretId, parseAppCredentials)
  const { previous, note } = await readPreviousSecret(readSecret, secretId, parseAppCredentials).then(
    (previous) => ({ previous, note: previous ? 'AWSPREVIOUS too' : 'no AWSPREVIOUS' }),
    () => ({ previous: undefined, note: "AWSPREVIOUS can't be used" }),
  )
  return { value: { current, previous }, found: `${secretId} has clientId and clientSecret; ${note}` }
}

/** @throws {InvalidConfigError | ServiceUnavailableError} */
export const findBotCheckSecret = async (readSecret: ReadSecret, secretId: string): Promise<Found<true>> => {
  await readCurrentSecret(readSecret, secretId, parseBotCheckSecret)
  return { value: true, found: 'there, of the right form' }
}

/**
 * Asks the Domain API, and looks what the table has; a table that can't be read is told, and no failure: before the
 * first deploy there is none.
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
    readAge(table, accountId),
  ])
  const named = SERVICES.map((service) => `${service} ${hosts[service]}`).join(', ')
  return { value: hosts, found: `${named}; ${kept}` }
}

const readAge = async (table: StateTable, accountId: string): Promise<string> => {
  try {
    const data = await readDomains(table, accountId)
    return data
      ? `the table's were written ${inWords(Date.now() - data.fetchedAt)} ago`
      : 'the table has none yet'
  } catch (thrown) {
    return `the table can't be read (${causesOf(toAppError(thrown).cause).join(', ')})`
  }
}

const inWords = (ms: number): string => {
  const minutes = Math.round(ms / 60_000)
  if (minutes < 120) return `${minutes} min`
  return minutes < 48 * 60 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1440)} days`
}
