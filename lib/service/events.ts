import { createClientSecrets } from '../account/client-secrets.ts'
import { createReadSecret } from '../account/secrets.ts'
import { awsOptions } from '../aws/options.ts'
import { createStateTable } from '../aws/state-table.ts'
import type { Config } from '../config/environment.ts'
import { createFindings } from '../conversation/findings.ts'
import { toAppError } from '../errors/errors.ts'
import { parsePush, type Unusable } from '../liveperson/push.ts'
import { isSigned } from '../liveperson/signature.ts'
import { parseLenientJson } from '../request/lenient-json.ts'
import { createLog } from '../telemetry/log.ts'
import { createMetrics } from '../telemetry/metrics.ts'
import { type Seams, system } from './seams.ts'

/**
 * LivePerson repeats a push for at most three days. An older one is a copy that somebody kept. In
 * milliseconds.
 */
const TOO_OLD_MS = 4 * 24 * 3600 * 1000

/** Why a change was ignored. */
const IGNORED = {
  unreadable: "A push, or a change in it, was ignored: it can't be read",
  other_account: 'A change in a push was ignored: it is about another account',
  no_conversation_id: 'A change in a push was ignored: it has no valid conversation id',
  no_state: 'A change in a push was ignored: it has no state',
  no_consumer: 'A change in a push was ignored: it has no valid consumer id',
  several_consumers: 'A change in a push was ignored: it names several consumers',
  no_time: 'A change in a push was ignored: it has no start time',
} as const satisfies Readonly<Record<Unusable, string>>

export type EventsService = ReturnType<typeof createEventsService>

/** Returns what `conversationEvents` needs. */
export const createEventsService = (config: Config, seams: Partial<Seams> = {}) => {
  const { now, sleep, random } = { ...system, ...seams }
  const {
    table = createStateTable({ name: config.stateTable, aws: awsOptions, sleep, random }),
    readSecret = createReadSecret(awsOptions),
  } = seams
  const log = createLog({ now })
  const { count } = createMetrics()
  const findings = createFindings({ table, now })
  const secrets = new Map(
    config.stage.accounts.map(({ accountId }) => [
      accountId,
      createClientSecrets({
        readSecret,
        secretId: `${config.secretIdPrefix}/${accountId}`,
        now,
        onFailure: (error) =>
          log.error("The previous version of the account's secret can't be read", toAppError(error), {
            accountId,
          }),
      }),
    ]),
  )

  return {
    sleep,
    count,
    log,

    /** Whether the stage has this account. */
    hasAccount: (accountId: string): boolean => secrets.has(accountId),

    /**
     * Returns whether LivePerson signed a body for this account. @throws The account's secret can't be read.
     */
    isGenuine: async (accountId: string, body: Uint8Array, signature: string | undefined): Promise<boolean> =>
      (await secrets.get(accountId)?.fits((clientSecrets) => isSigned(body, signature, clientSecrets))) ??
      false,

    /**
     * Records what a genuine push reports. A push that is too old is ignored, and so is a change that can't
     * be used. The log has the first of those.
     *
     * @throws {ServiceUnavailableError} LivePerson has to repeat it.
     */
    tell: async (accountId: string, body: Uint8Array): Promise<void> => {
      const json = parseLenientJson(new TextDecoder().decode(body))
      const { sentAt = now(), conversations, unusable } = parsePush(json, accountId)
      if (now() - sentAt > TOO_OLD_MS) return
      // LivePerson gets 200, so it won't repeat the push.
      const [first] = unusable
      if (first) log.warn(IGNORED[first.reason], { accountId, conversationId: first.conversationId })
      // One after another: changes of one consumer write the same item.
      for (const { lpConsumerId, ...told } of conversations) {
        const learned = await findings.tell(accountId, lpConsumerId, told)
        if (learned === 0) continue
        const { conversationId, closedAt } = told
        const status = closedAt === undefined ? 'OPEN' : 'CLOSE'
        log.info('A push told requests about their conversation', { accountId, conversationId, status })
      }
    },
  }
}
