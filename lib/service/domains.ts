import { createDomains } from '../account/domains.ts'
import { awsOptions } from '../aws/options.ts'
import { createStateTable } from '../aws/state-table.ts'
import type { Config } from '../config/environment.ts'
import { toAppError } from '../errors/errors.ts'
import { fetchHosts } from '../liveperson/domain-api.ts'
import { createHttp } from '../liveperson/http.ts'
import { createOutbound } from '../net/outbound.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { type Seams, system } from './seams.ts'

/** How long the Domain API may take, in milliseconds. */
const DOMAIN_API_MS = 5000

const DOMAINS_FAILURES = {
  table_read: "The account's domains can't be read from the state table",
  table_write: "The account's domains can't be written to the state table",
  domain_api: "The Domain API can't be asked for the account's domains",
} as const

export type DomainsService = ReturnType<typeof createDomainsService>

/** Returns what `refreshDomains` needs. Both doors are built on it. */
export const createDomainsService = (config: Config, seams: Partial<Seams> = {}) => {
  const { stage, domainApiUrl, loopback } = config
  const { now, sleep, random } = { ...system, ...seams }
  const {
    outbound = createOutbound(),
    table = createStateTable({ name: config.stateTable, aws: awsOptions, sleep, random }),
  } = seams
  const log = createLog({ now })
  const { count, measure } = createMetrics()
  const http = createHttp({ outbound, now, loopback })
  const accounts = stage.accounts.map((account) => {
    const { accountId } = account
    const domains = createDomains({
      accountId,
      table,
      loopback,
      now,
      fetchHosts: async () => {
        const startedAt = now()
        const hosts = await fetchHosts({
          http,
          domainApiUrl,
          accountId,
          loopback,
          deadline: startedAt + DOMAIN_API_MS,
        })
        count('domain_api_time', accountId, { value: now() - startedAt })
        return hosts
      },
      onForeignHost: () => {
        log.warn(
          "The Domain API returned a host that doesn't belong to LivePerson. The previous hosts stay in use",
          { accountId },
        )
        count('foreign_host_refused')
      },
      onFailure: (step, error) => log.error(DOMAINS_FAILURES[step], toAppError(error), { accountId }),
    })
    return { account, domains }
  })
  return { now, log, count, measure, outbound, http, table, accounts }
}
