import { parseArgs } from 'node:util'
import { createReadSecret } from '../../lib/account/secrets.ts'
import { readConfig } from '../../lib/config/environment.ts'
import type { AccountConfig } from '../../lib/config/stage.ts'
import { toAppError } from '../../lib/errors/errors.ts'
import { createHttp } from '../../lib/liveperson/http.ts'
import { createOutbound } from '../../lib/net/outbound.ts'
import { AWS } from '../aws.ts'
import { BearerRefusedError, openAccountConfig } from '../routes/campaigns.ts'
import { findIllFormed, findInLivePerson, type NamedRoute } from '../routes/findings.ts'
import { findSecret } from '../secrets.ts'
import { COMMAND_OPTIONS, findStage } from '../settings.ts'
import { type Command, type CommandContext, type CommandGroup, type ExitCode, UsageError } from './command.ts'
import { chooseStage } from './local-stack.ts'

const HELP = `npm run ops -- routes check [--account <id>] [--stage <stage>] [--json]

Checks the campaign and engagement of each route: that the ids are well-formed and, if LIVEPERSON_USER_BEARER is
set, what LivePerson's campaigns API says about them. LivePerson doesn't say what the Send API itself checks, so
a route with a finding may still work. Nothing is changed.

  LIVEPERSON_USER_BEARER
                   the bearer that a LivePerson user with access to campaigns gets at login. It is for one
                   account, so set --account, too
  --account        only this account. Default: all of the stage
  --stage          default dev
  --local          the local stack of npm start, with its default ports, as --stage local
  --region         default AWS_REGION, else eu-west-1
  --config-file, --secret-id-prefix, --domain-api-url
                   default: those of the stage, as for npm run doctor
  --json           print one JSON object: {stage, ok, accounts: [{accountId, checked, problem,
                   routes: [{name, campaignId, engagementId, findings}]}]}. checked: LivePerson was asked

With a bearer, an engagement's app installation is compared with the account's secret, if the AWS credentials
allow secretsmanager:GetSecretValue. Exits with 0 if there is no finding, 1 if there is one or LivePerson could
not be asked, 2 for wrong arguments.`

const OPTIONS = { ...COMMAND_OPTIONS, account: { type: 'string' } } as const

interface CheckedAccount {
  readonly accountId: string
  readonly checked: boolean
  /** Why LivePerson could not be asked. */
  readonly problem?: string
  readonly routes: readonly (NamedRoute & { readonly findings: readonly string[] })[]
}

const run = async (args: readonly string[], context: CommandContext): Promise<ExitCode> => {
  const { env, now, print, paint } = context
  const { values: flags } = parseArgs({ args: [...args], options: OPTIONS })
  const { stage, region, environment } = findStage({ ...flags, stage: chooseStage(flags, env) }, env)
  // The SDK's clients read it when they are created.
  env.AWS_REGION = region
  const config = readConfig(environment)
  const accounts = config.stage.accounts.filter(
    ({ accountId }) => flags.account === undefined || accountId === flags.account,
  )
  if (accounts.length === 0) throw new UsageError(`Account ${flags.account} is not in this stage.`)
  const bearer = (env.LIVEPERSON_USER_BEARER ?? '').replace(/^Bearer /, '')
  const { domainApiUrl, loopback, secretIdPrefix } = config
  const http = createHttp({ outbound: createOutbound(), now: Date.now, loopback })
  const checked: CheckedAccount[] = []
  for (const account of accounts) {
    const { accountId } = account
    const access = bearer === '' ? undefined : { http, domainApiUrl, accountId, bearer, loopback }
    checked.push(await checkAccount(account, access, `${secretIdPrefix}/${accountId}`, now()))
  }
  const ok = checked.every(
    ({ problem, routes }) => problem === undefined && routes.every(({ findings }) => findings.length === 0),
  )
  if (flags.json) print(JSON.stringify({ stage, ok, accounts: checked }))
  else {
    for (const { accountId, problem, routes } of checked) {
      print(paint('bold', `Account ${accountId}`))
      if (problem !== undefined) print(`  ${paint('red', 'not checked with LivePerson')}: ${problem}`)
      if (routes.length === 0) print('  no routes')
      for (const { name, campaignId, engagementId, findings } of routes) {
        const result = findings.length === 0 ? paint('green', 'ok') : paint('yellow', findings.join('; '))
        print(`  ${name} (campaign ${campaignId}, engagement ${engagementId}): ${result}`)
      }
    }
    if (bearer === '')
      print('\nOnly the ids were checked. Set LIVEPERSON_USER_BEARER to ask LivePerson, too.')
  }
  return ok ? 0 : 1
}

const checkAccount = async (
  { accountId, routes: configured }: AccountConfig,
  access: Parameters<typeof openAccountConfig>[0] | undefined,
  secretId: string,
  now: number,
): Promise<CheckedAccount> => {
  const routes = Object.entries(configured).map(
    ([name, { campaignId, engagementId }]): NamedRoute => ({ name, campaignId, engagementId }),
  )
  const illFormed = findIllFormed(routes)
  const found = (route: NamedRoute, more: readonly string[] = []) => ({
    ...route,
    findings: [...(illFormed.get(route.name) ?? []), ...more],
  })
  if (!access) return { accountId, checked: false, routes: routes.map((route) => found(route)) }
  try {
    const livePerson = await openAccountConfig(access)
    const skills = await livePerson.skills()
    const clientId = await findClientId(secretId)
    const asked = []
    for (const route of routes) {
      const campaign = await livePerson.campaign(route.campaignId)
      asked.push(found(route, findInLivePerson(route, { campaign, skills, clientId, now })))
    }
    return { accountId, checked: true, routes: asked }
  } catch (error) {
    const problem = error instanceof BearerRefusedError ? error.message : toAppError(error).message
    return { accountId, checked: false, problem, routes: routes.map((route) => found(route)) }
  }
}

/** Undefined if the secret can't be read: the operators' policy doesn't allow it. */
const findClientId = async (secretId: string): Promise<string | undefined> => {
  try {
    return (await findSecret(createReadSecret(AWS), secretId)).value.current.clientId
  } catch {
    // The help says that the comparison is left out then.
    return undefined
  }
}

/** `routes`: the routes of the configuration. */
export const routes: CommandGroup = {
  summary: 'checks the campaigns and engagements of the routes',
  notes: 'check needs no AWS credentials.',
  verbs: new Map([
    [
      'check',
      { summary: 'checks ids, and what LivePerson says about them', help: HELP, run } satisfies Command,
    ],
  ]),
}
