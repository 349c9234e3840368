import { randomUUID } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createCredentials } from '../account/credentials.ts'
import { createDomains } from '../account/domains.ts'
import { createBotCheckSecrets, createSecrets } from '../account/secrets.ts'
import { type AwsOptions, awsOptions } from '../aws/options.ts'
import { createQueues } from '../aws/queues.ts'
import { createStateTable } from '../aws/state-table.ts'
import { type Config, readConfig } from '../config/environment.ts'
import type { AccountConfig, StageConfig } from '../config/stage.ts'
import { createBotCheck } from '../consumer/bot-check.ts'
import { createThirdParty } from '../consumer/third-party.ts'
import { createConsumerTokens } from '../consumer/token.ts'
import { createOpenConversation, type Outcome } from '../conversation/attempt.ts'
import { createLedger } from '../conversation/ledger.ts'
import { InvalidConfigError } from '../errors/errors.ts'
import { createLivePerson } from '../liveperson/client.ts'
import { fetchHosts } from '../liveperson/domain-api.ts'
import { createHttp } from '../liveperson/http.ts'
import { createOutbound, type Outbound } from '../net/outbound.ts'
import type { AcceptedRequest } from '../request/conversation-request.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'

/** How long the Domain API may take, in milliseconds. */
const DOMAIN_API_MS = 5000

/** What a test may replace: outbound calls, the way to AWS, and the time. */
export interface Seams {
  readonly outbound: Outbound
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly aws: AwsOptions
}

export type Service = ReturnType<typeof createService>

/** What `conversationStatus` needs of a service, and no more: its bundle leaves the rest out. */
export type StatusService = ReturnType<typeof createStatusService>

export const createStatusService = (config: Config, seams: Partial<Seams> = {}) => {
  const { now = Date.now, aws = awsOptions } = seams
  return {
    ledger: createLedger({
      table: createStateTable({ name: config.stateTable, aws, sleep, random: Math.random }),
      now,
    }),
    accounts: config.stage.accounts.map(({ accountId }) => ({ accountId })),
  }
}

/** What `refreshDomains` needs of a service, and no more. */
export type DomainsService = Pick<
  ReturnType<typeof createDomainsService>,
  'now' | 'log' | 'count' | 'accounts'
>

export const createDomainsService = (config: Config, seams: Partial<Seams> = {}) => {
  const { outbound = createOutbound(), now = Date.now, aws = awsOptions } = seams
  const { stage, domainApiUrl, loopback } = config
  const log = createLog()
  const count = createMetrics()
  const http = createHttp({ outbound, now, loopback })
  const table = createStateTable({ name: config.stateTable, aws, sleep, random: Math.random })
  const accounts = stage.accounts.map(({ accountId }) => ({
    accountId,
    domains: createDomains({
      accountId,
      table,
      loopback,
      now,
      fetchHosts: () =>
        fetchHosts({ http, domainApiUrl, accountId, loopback, deadline: now() + DOMAIN_API_MS }),
      onForeignHost: () => {
        log.warn("The Domain API names a host that is not LivePerson's; the old ones are kept", { accountId })
        count('foreign_host_refused')
      },
    }),
  }))
  return { now, log, count, http, table, accounts }
}

/** Puts the real parts of both doors together, once a container. */
export const createService = (config: Config, seams: Partial<Seams> = {}) => {
  const { outbound = createOutbound(), aws = awsOptions } = seams
  const { stage, loopback, secretIdPrefix } = config
  const { now, log, count, http, table, accounts: withDomains } = createDomainsService(config, seams)
  // The other half is LivePerson's.
  const call = createThirdParty({ outbound, loopback, timeoutMs: Math.floor(config.formDeadlineMs / 2) })
  const queues = createQueues({ ...config, aws })
  const readSecret = createSecrets(aws)
  const ledger = createLedger({ table, now })

  const accounts = new Map(
    withDomains.map(({ accountId, domains }) => {
      const { tokens, botCheck } = formOf(stage, accountId)
      const credentials = createCredentials({
        read: (secretStage) => readSecret(`${secretIdPrefix}/${accountId}`, secretStage),
        now,
      })
      const livePerson = createLivePerson({
        accountId,
        http,
        now,
        sleep,
        uuid: randomUUID,
        loopback,
        hosts: domains,
        credentials,
        onProfileRefused: () => {
          log.warn('LivePerson did not take the profile of a consumer', { accountId })
          count('profile_refused', accountId)
        },
        onPreviousSecret: () => {
          log.warn('Sentinel took only the previous secret', { accountId })
          count('secret_previous_used')
        },
      })
      const verifyConsumer = tokens && createConsumerTokens({ tokens, call, now })
      const checkBot =
        botCheck &&
        createBotCheck({
          botCheck,
          call,
          now,
          readSecret: createBotCheckSecrets(aws, `${secretIdPrefix}/${accountId}/bot-check`),
        })
      return [accountId, { accountId, domains, credentials, livePerson, verifyConsumer, checkBot }] as const
    }),
  )

  const partsOf = (accountId: string) => {
    const account = accounts.get(accountId)
    if (account) return account
    throw new InvalidConfigError({ detail: `Account ${accountId} is not in the stage configuration.` })
  }

  return {
    config,
    now,
    log,
    count,
    queues,
    ledger,
    accounts: [...accounts.values()],
    partsOf,
    openConversation: createOpenConversation({
      stage,
      ledger,
      livePersonOf: (accountId) => partsOf(accountId).livePerson,
      now,
    }),

    /** Reads secrets and domains, all at once, so that the first request need not. What fails is tried again then. */
    warm: async (): Promise<void> => {
      await Promise.allSettled(
        [...accounts.values()].flatMap(({ credentials, domains }) => [credentials.current(), domains.warm()]),
      )
    },

    /** Writes down in log and metrics what an attempt came to. */
    report: (request: AcceptedRequest, outcome: Outcome, durationMs: number): void => {
      const { accountId, door, requestId, route } = request
      const fields = { requestId, accountId, door, route, status: outcome.status, durationMs }
      if (outcome.status === 'queued') {
        log.error('A request waits in the queue', outcome.error, fields)
        count('request_queued')
      } else if (outcome.status === 'opening') {
        log.info('Another attempt is at work on this request', fields)
      } else {
        const { conversationId, messageStatus, code, repeated, error } = outcome
        if (error) log.error('A request is rejected', error, fields)
        else log.info('A request is done', { ...fields, conversationId, messageStatus, code })
        count(repeated ? 'request_repeated' : METRICS[outcome.status], accountId)
      }
    },
  }
}

const formOf = ({ accounts }: StageConfig, accountId: string): Partial<AccountConfig['form']> =>
  accounts.find((account) => account.accountId === accountId)?.form ?? {}

const METRICS = {
  opened: 'conversation_opened',
  existing: 'conversation_existing',
  rejected: 'request_rejected',
} as const

/** The calls of it below are marked as pure, so that a bundle holds only the parts that its function uses. */
const once = <T>(create: (config: Config) => T): (() => T) => {
  let made: T | undefined
  return () => {
    made ??= create(readConfig())
    return made
  }
}

/**
 * Gives this container's service, put together at the first call.
 *
 * @throws {InvalidConfigError}
 */
export const connect = /* @__PURE__ */ once(createService)

/** The same for `refreshDomains`. */
export const connectDomains = /* @__PURE__ */ once(createDomainsService)

/** The same for `conversationStatus`. */
export const connectStatus = /* @__PURE__ */ once(createStatusService)
