import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { type Pause, readPause, setPaused } from '../../lib/account/pause.ts'
import { createStateTable, type StateTable } from '../../lib/aws/state-table.ts'
import { AWS } from '../aws.ts'
import { COMMAND_OPTIONS, findStage } from '../settings.ts'
import { type Command, type CommandContext, type ExitCode, UsageError } from './command.ts'
import { chooseStage } from './local-stack.ts'
import { readAccountIds } from './stage-file.ts'

const HELP = `npm run account -- pause <accountId> [--stage <stage>] [--region <region>] [--json]
npm run account -- resume <accountId> …
npm run account -- status [<accountId>] …

Pauses an account, resumes it, or shows whether it is paused. Within a minute, LivePerson is no longer called
for a paused account: forms are answered with 202, events wait, and nothing is given up. After a resume, each
waiting request opens its conversation once. No deploy is needed. Without an id, status shows all accounts of
the stage.

  --stage          default dev
  --local          the local stack of npm start, with its default ports, as --stage local
  --region         default AWS_REGION, else eu-west-1
  --config-file    CONFIG_FILE, default config/<stage>.json
  --state-table    STATE_TABLE, default <service>-<stage>-state
  --json           print one JSON object: {stage, accounts: [{accountId, paused, pausedAt, resumedAt}]}. The times
                   are in milliseconds since the epoch. pause and resume add changed.

Exits with 0 if it was done, also if the account was in that state already, 1 if it failed, 2 for wrong
arguments. The AWS SDK finds its credentials as usual (AWS_PROFILE, …). They must allow dynamodb:GetItem and, to
pause or resume, dynamodb:UpdateItem on the state table.

If npm start uses another port, set AWS_ENDPOINT_URL_DYNAMODB to the URL that it prints.`

const ACTIONS = ['pause', 'resume', 'status'] as const

type Action = (typeof ACTIONS)[number]

interface Account extends Pause {
  readonly accountId: string
  /** Whether this command changed the state. Undefined: it only read it. */
  readonly changed?: boolean
}

const run = async (args: readonly string[], { env, print, now }: CommandContext): Promise<ExitCode> => {
  const { values: flags, positionals } = parseArgs({
    args: [...args],
    options: COMMAND_OPTIONS,
    allowPositionals: true,
  })
  const { action, accountId } = readArguments(positionals)
  const { stage, region, environment, stages } = findStage({ ...flags, stage: chooseStage(flags, env) }, env)
  const { CONFIG_FILE = '', STATE_TABLE = '' } = environment
  const known = readAccountIds(CONFIG_FILE, stages)
  if (accountId !== undefined && !known.includes(accountId))
    throw new Error(`Account ${accountId} is not in ${CONFIG_FILE}. Accounts: ${known.join(', ')}.`)

  // The SDK's clients read it when they are created.
  env.AWS_REGION = region
  const table = createStateTable({ name: STATE_TABLE, aws: AWS, sleep, random: Math.random })
  const accounts: Account[] = []
  for (const id of accountId === undefined ? known : [accountId])
    accounts.push(await perform(action, table, id, now()))
  if (flags.json) print(JSON.stringify({ stage, accounts }))
  else for (const account of accounts) print(describe(account))
  return 0
}

const readArguments = ([action, accountId, ...rest]: readonly string[]) => {
  const known = ACTIONS.find((each) => each === action)
  if (!known) throw new UsageError(`Say what to do: ${ACTIONS.join(', ')}.`)
  if (accountId === undefined && known !== 'status')
    throw new UsageError(`Say which account to ${known}: npm run account -- ${known} <accountId>.`)
  if (rest.length > 0) throw new UsageError('Name one account only.')
  return { action: known, accountId }
}

const perform = async (
  action: Action,
  table: StateTable,
  accountId: string,
  now: number,
): Promise<Account> => {
  if (action === 'status') return { accountId, ...(await readPause(table, accountId)) }
  const changed = await setPaused(table, accountId, action === 'pause', now)
  return { accountId, ...(await readPause(table, accountId)), changed }
}

const describe = ({ accountId, paused, pausedAt, resumedAt, changed }: Account): string => {
  const at = paused ? pausedAt : resumedAt
  const since = at === undefined ? '' : ` since ${new Date(at).toISOString()}`
  const state = `Account ${accountId} is ${paused ? 'paused' : 'active'}${since}.`
  if (changed === undefined) return state
  return changed ? `${state} This works within a minute.` : `${state} Nothing was changed.`
}

/** `account`: the switch that stops all calls for an account. */
export const account: Command = {
  summary: 'pauses an account, resumes it, or shows its state',
  help: HELP,
  run,
}
