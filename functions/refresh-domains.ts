import middy from '@middy/core'
import type { APIGatewayProxyEventV2, EventBridgeEvent } from 'aws-lambda'
import { toAppError } from '../lib/errors/errors.ts'
import { createDomainsService, type DomainsService } from '../lib/service/domains.ts'
import { createLog } from '../lib/telemetry/log.ts'
import { type Answer, toAnswer } from './http/answer.ts'
import { answerProblem, MIDDY_OPTIONS, oncePerContainer } from './lambda.ts'

type Event = APIGatewayProxyEventV2 | EventBridgeEvent<string, unknown>

/**
 * Returns the handler of `POST /domains/refresh` and of the schedule. An unexpected error is a problem for
 * the caller of the API. For the schedule it is thrown, so that Lambda counts an error.
 */
export const createHandler = (getService: () => DomainsService) =>
  middy((_: Event) => refreshDomains(getService()), MIDDY_OPTIONS).onError(({ event, error }) => {
    if ('requestContext' in event) return answerProblem(noRequestId)({ error, event })
    const appError = toAppError(error)
    createLog().error('The scheduled refresh failed', appError)
    throw appError
  })

const noRequestId = () => undefined

/**
 * Refreshes the hosts of every account. For an account that failed, the answer has its last good hosts, their
 * age and the code. The status is 502 if every account failed.
 */
const refreshDomains = async ({ accounts, now, log, count }: DomainsService): Promise<Answer> => {
  const refreshed = await Promise.all(accounts.map(({ domains }) => domains.refresh()))
  const reports = refreshed.map(({ accountId, changed, hosts, fetchedAt, error }) => {
    const ageMs = fetchedAt === undefined ? undefined : now() - fetchedAt
    if (error === undefined) {
      log.info('Hosts refreshed', { accountId, changed, hosts })
      return { accountId, changed, hosts, fetchedAt: toIso(fetchedAt) }
    }
    const failure = toAppError(error)
    log.error('The hosts could not be refreshed. The last good hosts stay in use', failure, {
      accountId,
      hosts,
      ageMs,
    })
    count('domains_refresh_failed')
    return { accountId, changed, hosts, fetchedAt: toIso(fetchedAt), ageMs, code: failure.code }
  })
  return toAnswer(refreshed.every(({ error }) => error !== undefined) ? 502 : 200, { accounts: reports })
}

const toIso = (time: number | undefined) => (time === undefined ? undefined : new Date(time).toISOString())

export const handler = createHandler(oncePerContainer(createDomainsService))
