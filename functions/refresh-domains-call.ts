import { toAppError } from '../lib/errors/errors.ts'
import type { DomainsService } from '../lib/service/open.ts'
import { type Answer, toAnswer } from './http/answer.ts'

/**
 * Refreshes the domains of every account, all at once, and says of each how old what is used now is. 502 when the
 * Domain API failed for every account.
 */
export const refreshDomains = async (service: DomainsService): Promise<Answer> => {
  const refreshed = await Promise.all(service.accounts.map(({ domains }) => domains.refresh()))
  const accounts = refreshed.map(({ accountId, changed, hosts, fetchedAt, error }) => {
    const ageMs = fetchedAt === undefined ? undefined : service.now() - fetchedAt
    if (error === undefined) {
      service.log.info('Domains are fresh', { accountId, changed, hosts })
      return { accountId, changed, hosts, fetchedAt: toIso(fetchedAt) }
    }
    const { code } = toAppError(error)
    service.log.error('Domains could not be refreshed; the last good ones are kept', toAppError(error), {
      accountId,
      hosts,
      ageMs,
    })
    service.count('domains_refresh_failed')
    return { accountId, changed, hosts, fetchedAt: toIso(fetchedAt), ageMs, code }
  })
  return toAnswer(refreshed.every(({ error }) => error !== undefined) ? 502 : 200, { accounts })
}

const toIso = (time: number | undefined) => (time === undefined ? undefined : new Date(time).toISOString())
