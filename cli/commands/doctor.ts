import { parseArgs } from 'node:util'
import { checkStage } from '../doctor/checkup.ts'
import type { Step } from '../doctor/steps.ts'
import { COMMAND_OPTIONS, findStage } from '../settings.ts'
import type { Command, CommandContext, ExitCode } from './command.ts'
import { chooseStage } from './local-stack.ts'

const HELP = `npm run doctor -- --stage <stage> [--account <id>] [--region <region>] [--json]

Checks for each account of the stage: configuration, secret, domains, AppJWT, ConsumerJWS, and the
CONVERSATION body of each route, which isn't sent. Prints one line per step: ok, failed (with what to do
next) or skipped. Never prints a secret or a token. Writes nothing to AWS. Registers one consumer with
LivePerson, which never has a conversation.

  --stage              config/<stage>.json and its AWS resources, unless set below
  --local              the local stack of npm start, with its default ports, as --stage local
  --account            only this account
  --region             default AWS_REGION, else eu-west-1
  --config-file        CONFIG_FILE, default config/<stage>.json
  --secret-id-prefix   SECRET_ID_PREFIX, default <service>/<stage>
  --state-table        STATE_TABLE, default <service>-<stage>-state
  --domain-api-url     LIVEPERSON_DOMAIN_API_URL, default https://api.liveperson.net
  --json               print one JSON object: {ok, stage, steps: [{accountId, step, status, found, warnings,
                       code, next}]}. The lines are written to the standard error

Exits with 0 if every step is ok, 1 if one isn't, 2 for wrong flags. The AWS SDK finds its credentials as usual
(AWS_PROFILE, …). They must allow secretsmanager:GetSecretValue, which the operators' policy doesn't.
dynamodb:GetItem is needed to show the age of the hosts in the state table.

If npm start uses other ports, set AWS_ENDPOINT_URL_SECRETS_MANAGER, AWS_ENDPOINT_URL_DYNAMODB and
LIVEPERSON_DOMAIN_API_URL to the URLs that it prints.`

const OPTIONS = { ...COMMAND_OPTIONS, account: { type: 'string' } } as const

const run = async (args: readonly string[], context: CommandContext): Promise<ExitCode> => {
  const { env } = context
  const { values: flags } = parseArgs({ args: [...args], options: OPTIONS })
  const print = flags.json ? context.printError : context.print
  const stage = flags.local ? chooseStage(flags, env) : flags.stage
  const found = findStage({ ...flags, stage }, env)
  // The SDK's clients read it when they are created.
  env.AWS_REGION = found.region
  const steps: Step[] = []
  await checkStage({ ...found, accountId: flags.account }, (step) => {
    steps.push(step)
    print(toLine(step, context))
  })
  const ok = steps.every(({ status }) => status === 'ok')
  const failed = steps.filter(({ status }) => status === 'failed').length
  print(ok ? '\nAll steps are ok.' : `\n${failed} ${failed === 1 ? 'step' : 'steps'} failed.`)
  if (flags.json) context.print(JSON.stringify({ ok, stage: found.stage, steps }))
  return ok ? 0 : 1
}

const STYLES = { ok: 'green', failed: 'red', skipped: 'dim' } as const

const toLine = (
  { accountId, step, status, found, warnings = [], code, next }: Step,
  { paint }: Pick<CommandContext, 'paint'>,
): string => {
  const head = `${accountId.padEnd(10)}  ${step.padEnd(16)}  ${paint(STYLES[status], status.padEnd(7))}  `
  const reason = code === undefined ? found : `${code}: ${found}`
  const line = head + (next === undefined ? reason : `${reason} Next: ${next}`)
  return [line, ...warnings.map((warning) => paint('yellow', `  warning: ${warning}`))].join('\n')
}

/** `doctor`: checks for each account what must work before a conversation can be opened. */
export const doctor: Command = {
  summary: 'checks configuration, secrets, hosts and tokens of a stage',
  help: HELP,
  run,
}
