import { setTimeout as sleep } from 'node:timers/promises'
import { createReadSecret } from '../../lib/account/secrets.ts'
import { createStateTable } from '../../lib/aws/state-table.ts'
import { type Config, readConfig } from '../../lib/config/environment.ts'
import { type AccountConfig, warningsOf } from '../../lib/config/stage.ts'
import { InvalidConfigError } from '../../lib/errors/errors.ts'
import { createHttp } from '../../lib/liveperson/http.ts'
import { createOutbound } from '../../lib/net/outbound.ts'
import { AWS } from '../aws.ts'
import { findHosts } from '../domains.ts'
import { findBotCheckSecret, findSecret } from '../secrets.ts'
import type { Stage } from '../settings.ts'
import { findAppJwt, findConsumerJws } from '../tokens.ts'
import { buildConversations } from './conversation.ts'
import { createRunStep } from './run-step.ts'
import { STEPS, type Step } from './steps.ts'

/** What to check. */
export interface Checked extends Stage {
  /** Check only this account. Undefined: all accounts of the stage. */
  readonly accountId: string | undefined
}

/**
 * Checks a stage with the service's own components, one account after the other.
 *
 * @param report Called with each step when it is finished.
 */
export const checkStage = async (settings: Checked, report: (step: Step) => void): Promise<void> => {
  const { environment, stages } = settings
  const runStep = createRunStep(report, { accountId: '', secretId: '', stages })
  const checked = await runStep('configuration', async () => findAccounts(settings))
  if (checked)
    for (const account of checked.accounts) await checkAccount(checked.config, account, environment, report)
  // Without a configuration, neither the accounts nor their bot checks are known.
  else for (const step of STEPS.slice(1)) if (step !== 'bot-check secret') await runStep(step, undefined)
}

const findAccounts = ({ environment, accountId }: Checked) => {
  const config = readConfig(environment)
  const { accounts } = config.stage
  const chosen = accounts.filter((account) => accountId === undefined || account.accountId === accountId)
  const ids = accounts.map((account) => account.accountId).join(', ')
  if (chosen.length === 0)
    throw new InvalidConfigError({ detail: `Account ${accountId} is not in ${environment.CONFIG_FILE}.` })
  return {
    value: { config, accounts: chosen },
    found: `${environment.CONFIG_FILE}, accounts ${ids}`,
    warnings: warningsOf(config.stage).map(({ path, message }) => `${path} ${message}.`),
  }
}

const checkAccount = async (
  config: Config,
  account: AccountConfig,
  { STATE_TABLE = '' }: Stage['environment'],
  report: (step: Step) => void,
): Promise<void> => {
  const { accountId } = account
  const { loopback } = config
  const secretId = `${config.secretIdPrefix}/${accountId}`
  const runStep = createRunStep(report, { accountId, secretId, stages: [] })
  const http = createHttp({ outbound: createOutbound(), now: Date.now, loopback })
  const readSecret = createReadSecret(AWS)
  const table = createStateTable({ name: STATE_TABLE, aws: AWS, sleep, random: Math.random })

  const secret = await runStep('secret', () => findSecret(readSecret, secretId))
  if (account.form.botCheck)
    await runStep('bot-check secret', () => findBotCheckSecret(readSecret, `${secretId}/bot-check`))
  const hosts = await runStep('domains', () => findHosts({ http, config, accountId, table }))
  const reach = hosts && { http, hosts, accountId, loopback }
  const appJwt = await runStep('AppJWT', secret && reach && (() => findAppJwt(reach, secret)))
  await runStep('ConsumerJWS', appJwt && reach && (() => findConsumerJws(reach, appJwt)))
  await runStep('conversation', async () => buildConversations(account))
}
