import { createCredentials } from '../account/credentials.ts'
import { createPauseSwitch } from '../account/pause.ts'
import { createReadSecret } from '../account/secrets.ts'
import { awsOptions } from '../aws/options.ts'
import { createQueues, queueOf } from '../aws/queues.ts'
import type { Config } from '../config/environment.ts'
import { createBotCheck } from '../consumer/bot-check.ts'
import { type AcceptedForm, acceptForm, type FormSubmission } from '../consumer/policy.ts'
import { createThirdParty } from '../consumer/third-party.ts'
import { createConsumerTokens } from '../consumer/token.ts'
import type { Account } from '../conversation/admission.ts'
import { createAttempt } from '../conversation/attempt.ts'
import { createAnswerCopy } from '../conversation/copy.ts'
import { createLedger } from '../conversation/ledger.ts'
import { createQuarantine } from '../conversation/quarantine.ts'
import { createRefuse } from '../conversation/refusals.ts'
import { InvalidConfigError, toAppError } from '../errors/errors.ts'
import { createLivePerson } from '../liveperson/client.ts'
import { createConsumerJwsCache } from '../liveperson/consumer-jws.ts'
import { createPace } from '../liveperson/pace.ts'
import { createReport } from '../telemetry/report.ts'
import { createDomainsService } from './domains.ts'
import { type Seams, system } from './seams.ts'

const SECRET_FAILURES = {
  AWSCURRENT: "The account's secret can't be read again",
  AWSPREVIOUS: "The previous version of the account's secret can't be read",
} as const

/** The metric of each kind of answer. */
const ANSWERS = {
  good: 'liveperson_good',
  busy: 'liveperson_busy',
  silent: 'liveperson_silent',
  failed: 'liveperson_failed',
} as const

export type OpenService = ReturnType<typeof createOpenService>

/** Returns what both doors need, wired once per container. */
export const createOpenService = (config: Config, seams: Partial<Seams> = {}) => {
  const { stage, loopback, secretIdPrefix, formDeadlineMs } = config
  const { now, sleep, uuid, random } = { ...system, ...seams }
  const { queues = createQueues({ ...config, aws: awsOptions }), readSecret = createReadSecret(awsOptions) } =
    seams
  const { log, count, measure, outbound, http, table, accounts } = createDomainsService(config, seams)
  const ledger = createLedger({ table, now, uuid })
  const quarantine = createQuarantine({ queues, ledger, refuse: createRefuse({ table, now }), log, count })
  // Limits each call to the identity provider or the bot check to half of the form's deadline.
  const call = createThirdParty({ outbound, loopback, timeoutMs: Math.floor(formDeadlineMs / 2) })

  const consumerJwss = createConsumerJwsCache()
  const servicesByAccount = new Map(
    accounts.map(({ account: { accountId, form }, domains }) => {
      const secretId = `${secretIdPrefix}/${accountId}`
      const credentials = createCredentials({
        readSecret,
        secretId,
        now,
        random,
        onFailure: (stage, error) => log.error(SECRET_FAILURES[stage], toAppError(error), { accountId }),
      })
      const livePerson = createLivePerson({
        accountId,
        http,
        now,
        uuid,
        loopback,
        hosts: domains,
        credentials,
        consumerJwss,
        onAnswered: (hop, ms) => measure(hop, accountId, ms),
        onProfileRefused: (requestId) => {
          log.warn("LivePerson refused a consumer's profile", { accountId, requestId })
          count('profile_refused', accountId)
        },
        onLanguageRefused: (requestId) =>
          log.warn("LivePerson refused a conversation's language, so it was left out", {
            accountId,
            requestId,
          }),
        onPreviousSecret: () => {
          log.warn('Sentinel accepted only the previous secret', { accountId })
          count('secret_previous_used')
        },
        onRenewalFailed: (error) =>
          log.error("The AppJWT can't be renewed. The old one stays in use", toAppError(error), {
            accountId,
          }),
      })
      const { tokens, botCheck } = form
      const verifyConsumer = tokens && createConsumerTokens({ tokens, call, now })
      const checkBot =
        botCheck &&
        createBotCheck({
          botCheck,
          call,
          now,
          readSecret,
          secretId: `${secretId}/bot-check`,
          onFailure: (error) =>
            log.error("The bot check's secret can't be read again", toAppError(error), { accountId }),
          onMisconfigured: () => count('bot_check_misconfigured', accountId),
        })
      const account: Account = {
        livePerson,
        pause: createPauseSwitch({
          table,
          accountId,
          now,
          onFailed: (error) =>
            log.error("The account's pause switch can't be read", toAppError(error), { accountId }),
        }),
        createPace: createPace({ now, random }),
        sendPace: createPace({ now, random }),
        onAnswer: (answer, isOpen) => {
          count(ANSWERS[answer], accountId)
          if (isOpen) count('breaker_open', accountId)
        },
        onPaused: () => count('account_paused', accountId),
      }
      return [accountId, { domains, credentials, account, verifyConsumer, checkBot }] as const
    }),
  )

  const accountServices = (accountId: string) => {
    const services = servicesByAccount.get(accountId)
    if (services) return services
    throw new InvalidConfigError({ detail: `Account ${accountId} is not in the stage configuration.` })
  }

  const giveUpAfterMs = stage.giveUpAfterHours * 3_600_000
  const attempt = createAttempt({
    ledger,
    queues,
    quarantine,
    accountOf: (accountId) => accountServices(accountId).account,
    giveUpAfterMs,
    log,
    now,
    sleep,
    uuid,
    random,
  })

  return {
    stage,
    edge: config.edge,
    formDeadlineMs,
    /** How old a request gets before it is given up, in milliseconds. */
    giveUpAfterMs,
    now,
    uuid,
    random,
    log,
    count,
    report: createReport({ log, count }),

    /** Decides which consumer sent a form, and whether it may. See {@link acceptForm}. */
    acceptForm: (submission: FormSubmission): Promise<AcceptedForm> => {
      const { verifyConsumer, checkBot } = accountServices(submission.account.accountId)
      const { findOriginal } = ledger
      const onGuess = () => count('known_request_guessed')
      return acceptForm({ ...submission, verifyConsumer, checkBot, findOriginal, onGuess, sleep })
    },

    /** Makes one attempt at a request. */
    attempt,

    /** Answers a copy of a form that spent no challenge of its own. @throws {ServiceUnavailableError} */
    answerCopy: createAnswerCopy({ ledger, attempt, now, sleep }),

    /** Puts a refused record into quarantine. @throws {ServiceUnavailableError} */
    quarantine,

    /** Ends a request that is about to be quarantined unread. @throws {ServiceUnavailableError} */
    giveUp: ledger.giveUp,

    /** Returns the queue that a record came from. */
    queueOf: (eventSourceArn: string) => queueOf(config, eventSourceArn),

    /** Makes a record visible again after some milliseconds. @throws {ServiceUnavailableError} */
    delayRecord: queues.delay,

    /** Reads secrets, hosts and switches. A failure is logged; the first request tries again. */
    warm: async (): Promise<void> => {
      await Promise.all(
        [...servicesByAccount].flatMap(([accountId, { credentials, domains, account }]) => {
          const report = (error: unknown) =>
            log.error('The container could not be warmed up', toAppError(error), { accountId })
          return [
            credentials.current().catch(report),
            domains.loadTable().catch(report),
            account.pause.load(),
          ]
        }),
      )
    },
  }
}
