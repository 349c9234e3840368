import { setTimeout as sleep } from 'node:timers/promises'
import { createReadSecret } from '../lib/account/secrets.ts'
import type { AwsOptions } from '../lib/aws/options.ts'
import { createStateTable } from '../lib/aws/state-table.ts'
import { type Config, readConfig } from '../lib/config/environment.ts'
import type { AccountConfig } from '../lib/config/stage.ts'
import { InvalidConfigError } from '../lib/errors/errors.ts'
import { createHttp } from '../lib/liveperson/http.ts'
import { createOutbound } from '../lib/net/outbound.ts'
import { buildConversation } from './conversation.ts'
import { findAppJwt, findConsumerJws } from './liveperson.ts'
import { findBotCheckSecret, findHosts, findSecret } from './parts.ts'
import type { Settings } from './settings.ts'
import { createWalk, STEPS, type Step } from './steps.ts'

/** More patient than the functions: nobody waits for a form's answer here, and the region may be far away. */
const AWS: AwsOptions = {
  maxAttempts: 2,
  requestHandler: { connectionTimeout: 3000, requestTimeout: 5000, throwOnRequestTimeout: true },
}

/** Walks a stage by the service's own parts, one account after the other, and tells each step as it is done. */
export const checkStage = async (settings: Settings, tell: (step: Step) => void): Promise<void> => {
  const { environment, stages } = settings
  const walk = createWalk(tell, { accountId: '', secretId: '', stages })
  const checked = await walk('configuration', async () => findAccounts(settings))
  if (checked)
    for (const account of checked.accounts) await checkAccount(checked.config, account, environment, tell)
  // Which accounts there are, and whether they have a bot check, is not known.
  else for (const step of STEPS.slice(1)) if (step !== 'bot-check secret') await walk(step, undefined)
}

const findAccounts = ({ environment, accountId }: Settings) => {
  const config = readConfig(environment)
  const { accounts } = config.stage
  const chosen = accounts.filter((account) => accountId === undefined || account.accountId === accountId)
  const ids = accounts.map((account) => account.accountId).join(', ')
  if (chosen.length === 0)
    throw new InvalidConfigError({ detail: `Account ${accountId} is not in ${environment.CONFIG_FILE}.` })
  return { value: { config, accounts: chosen }, found: `${environment.CONFIG_FILE}, accounts ${ids}` }
}

const checkAccount = async (
  config: Config,
  account: AccountConfig,
  { STATE_TABLE = '' }: Settings['environment'],
  tell: (step: Step) => void,
): Promise<void> => {
  const { accountId } = account
  const { loopback } = config
  const secretId = `${config.secretIdPrefix}/${accountId}`
  const walk = createWalk(tell, { accountId, secretId, stages: [] })
  const http = createHttp({ outbound: createOutbound(), now: Date.now, loopback })

  const readSecret = createReadSecret(AWS)

  const secret = await walk('secret', () => findSecret(readSecret, secretId))
  if (account.form.botCheck)
    await walk('bot-check secret', () => findBotCheckSecret(readSecret, `${secretId}/bot-check`))
  const hosts = await walk('domains', () =>
    findHosts({
      http,
      config,
      accountId,
      table: createStateTable({ name: STATE_TABLE, aws: AWS, sleep, random: Math.random }),
    }),
  )
  const reach = hosts && { http, hosts, accountId, loopback }
  const appJwt = await walk('AppJWT', secret && reach && (() => findAppJwt(reach, secret)))
  await walk('ConsumerJWS', appJwt && reach && (() => findConsumerJws(reach, appJwt)))
  await walk('conversation', async () => buildConversation(account))
}
