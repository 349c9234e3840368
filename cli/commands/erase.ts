import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createReadSecret } from '../../lib/account/secrets.ts'
import { createStateTable, type Item, type StateTable, scanTable } from '../../lib/aws/state-table.ts'
import { type Config, readConfig } from '../../lib/config/environment.ts'
import {
  type ErasedItem,
  eraseItem,
  isOfKnownConsumer,
  lpConsumerIdIn,
} from '../../lib/conversation/erase.ts'
import { createHttp } from '../../lib/liveperson/http.ts'
import { createOutbound } from '../../lib/net/outbound.ts'
import { isDerived } from '../../lib/request/identity.ts'
import { AWS } from '../aws.ts'
import { findHosts } from '../domains.ts'
import { findSecret } from '../secrets.ts'
import { COMMAND_OPTIONS, findStage } from '../settings.ts'
import { findAppJwt, findLpConsumerId } from '../tokens.ts'
import { type Command, type CommandContext, type ExitCode, UsageError } from './command.ts'
import { chooseStage } from './local-stack.ts'
import { readAccountIds } from './stage-file.ts'

const HELP = `npm run ops -- erase --account <accountId> --consumer <consumerId> [--dry-run] [--stage <stage>] [--json]
npm run ops -- erase --account <accountId> --request <requestId> …

Erases the ids of one consumer from the state table, and reports what is left, and where. An item keeps its
key, its status and its expiry, so that a replay opens nothing. A request that is still waiting is ended, so
that no message in a queue opens it later.

  --account        the account. Required
  --consumer       the CRM's id of the consumer, or the id from a token: the claim after its prefix.
                   LivePerson's IDP returns its own id of this consumer, and registers one that it doesn't know
  --request        the id of one request, for a consumer without an id of their own: that of an anonymous form,
                   or of an event without consumer.id. Run the command for each of their requests. Their
                   ids are derived from the request, so --consumer can't find them.
                   Also finds a request whose item has no id of its consumer: one that is still waiting for its
                   first attempt, that LivePerson's IDP didn't answer, or whose attempts were all killed
  --dry-run        only print what is stored and what would be erased
  --stage          default dev
  --local          the local stack of npm start, with its default ports, as --stage local
  --region         default AWS_REGION, else eu-west-1
  --config-file, --secret-id-prefix, --state-table, --domain-api-url
                   default: those of the stage, as for npm run doctor
  --json           print one JSON object: {stage, accountId, dryRun, lpConsumerIds, items: [{key, status,
                   expiresAt, outcome, ended, inUseUntil, ids}], needConsumer, kept, notErased}. outcome is
                   erased, clean (there was nothing to erase) or in_use. expiresAt is in seconds, inUseUntil in
                   milliseconds since the epoch

Exits with 0 if everything that was found is erased, 1 if nothing was found, something is in use or the
command failed, 2 for wrong arguments. The AWS credentials need the policy in docs/security.md.`

/** What stays in an erased item, and why. */
const KEPT: readonly string[] = [
  "The keys above: account, kind of sender and request id, or LivePerson's consumer id.",
  "Status, times and counters, and the SHA-256 of the request's content: without them, a replay would open another conversation.",
  'All of this is kept until the item expires.',
]

/** What the command can't erase. */
const NOT_ERASED: readonly string[] = [
  'Queues: bodies in the events and hand-over queues hold whole requests, for up to 10 days after each time that one is parked, in the quarantine queue for 14 days. A body of a request that was not found can bring ids back. Delete those in quarantine with npm run ops -- quarantine drop --request <requestId>, and run this command again once the queues are empty.',
  "Requests of the consumer whose items have no id of theirs: those that are still waiting for their first attempt, that LivePerson's IDP didn't answer, or whose attempts were all killed. --consumer can't find them: use --request, or run this command again once the queues are empty.",
  'The items quarantined#…: request ids and codes, for 30 days.',
  'The items refused#…: request ids, SQS message ids and codes, for 30 days.',
  'Backups of the state table: point-in-time recovery restores every state of the last 35 days. On-demand backups and exports stay until someone deletes them. Run this command again after a restore.',
  'Logs: request ids and conversation ids, for 30 days.',
  'Outcome events on the EventBridge bus, and what its consumers have stored of them: ids of requests and conversations.',
  "Memory of running functions: the consumer's id and token, until the container ends.",
  "LivePerson: the consumer's profile and conversations. Ask LivePerson, with the ids above.",
  'The CRM, the identity provider, the bot check, and the site that sent the form.',
]

const OPTIONS = {
  ...COMMAND_OPTIONS,
  account: { type: 'string' },
  consumer: { type: 'string' },
  request: { type: 'string' },
  'dry-run': { type: 'boolean' },
} as const

/** Whom to erase. */
type Target =
  | { readonly kind: 'consumer'; readonly consumerId: string }
  | { readonly kind: 'request'; readonly requestId: string }

/** Where a consumer's data is. */
interface Place {
  readonly config: Config
  readonly accountId: string
  readonly table: StateTable
}

interface Report {
  readonly stage: string
  readonly accountId: string
  readonly dryRun: boolean
  readonly lpConsumerIds: readonly string[]
  readonly items: readonly ErasedItem[]
  /** The keys of requests with the id that was named, whose consumers have ids of their own. */
  readonly needConsumer: readonly string[]
  readonly kept: readonly string[]
  readonly notErased: readonly string[]
}

const run = async (args: readonly string[], { env, print, now }: CommandContext): Promise<ExitCode> => {
  const { values: flags } = parseArgs({ args: [...args], options: OPTIONS })
  const target = readTarget(flags)
  const accountId = flags.account ?? ''
  if (accountId === '') throw new UsageError('Say which account: --account <accountId>.')
  const named = { ...flags, stage: chooseStage(flags, env) }
  const { stage, region, environment, stages } = findStage(named, env)
  const { CONFIG_FILE = '', STATE_TABLE = '' } = environment
  const known = readAccountIds(CONFIG_FILE, stages)
  if (!known.includes(accountId))
    throw new Error(`Account ${accountId} is not in ${CONFIG_FILE}. Accounts: ${known.join(', ')}.`)

  // The SDK's clients read it when they are created.
  env.AWS_REGION = region
  const config = readConfig(environment)
  const table = createStateTable({ name: STATE_TABLE, aws: AWS, sleep, random: Math.random })
  const { items, ...found } = await find({ config, accountId, table }, target)
  const dryRun = flags['dry-run'] ?? false
  const erased: ErasedItem[] = []
  for (const item of items) erased.push(await eraseItem({ table, item, trial: dryRun, now }))
  const report = { stage, accountId, dryRun, ...found, items: erased, kept: KEPT, notErased: NOT_ERASED }
  if (flags.json) print(JSON.stringify(report))
  else for (const line of toLines(report, target)) print(line)
  const isDone = erased.length > 0 && found.needConsumer.length === 0
  return isDone && erased.every(({ outcome }) => outcome !== 'in_use') ? 0 : 1
}

const readTarget = ({
  consumer,
  request,
}: {
  readonly consumer?: string | undefined
  readonly request?: string | undefined
}): Target => {
  if ((consumer ?? '') === '' && (request ?? '') === '')
    throw new UsageError('Say whom to erase: --consumer <consumerId>, or --request <requestId>.')
  if (consumer && request) throw new UsageError('Set --consumer or --request, not both.')
  if (request) return { kind: 'request', requestId: request }
  const consumerId = consumer ?? ''
  if (isDerived(consumerId))
    throw new UsageError(
      'That id is derived from a request, whose consumer has none of their own. Use --request <requestId>.',
    )
  return { kind: 'consumer', consumerId }
}

const find = async (place: Place, target: Target) => {
  switch (target.kind) {
    case 'consumer': {
      const lpConsumerId = await identify(place, target.consumerId)
      const requests = await scanRequests(place, '#facts.#member = :value', {
        names: { facts: 'facts', member: 'lpConsumerId' },
        value: lpConsumerId,
      })
      const consumers = await findConsumers(place, [lpConsumerId])
      return { lpConsumerIds: [lpConsumerId], items: [...requests, ...consumers], needConsumer: [] }
    }
    case 'request': {
      const found = await scanRequests(place, '#member = :value', {
        names: { member: 'requestId' },
        value: target.requestId,
      })
      const requests = found.filter((item) => !isOfKnownConsumer(item))
      const needConsumer = found.filter(isOfKnownConsumer).map(({ pk }) => String(pk))
      const lpConsumerIds = requests.flatMap((item) => lpConsumerIdIn(item) ?? [])
      const consumers = await findConsumers(place, lpConsumerIds)
      return { lpConsumerIds, items: [...requests, ...consumers], needConsumer }
    }
  }
}

const scanRequests = (
  { config, accountId }: Place,
  expression: string,
  { names, value }: { readonly names: Readonly<Record<string, string>>; readonly value: string },
): Promise<readonly Item[]> =>
  scanTable(
    { name: config.stateTable, aws: AWS },
    {
      expression: `begins_with(#pk, :prefix) AND ${expression}`,
      names: { pk: 'pk', ...names },
      values: { prefix: `request#${accountId}#`, value },
    },
  )

const findConsumers = async (
  { accountId, table }: Place,
  lpConsumerIds: readonly string[],
): Promise<readonly Item[]> => {
  const found = await Promise.all(lpConsumerIds.map((id) => table.get(`consumer#${accountId}#${id}`)))
  return found.filter((item) => item !== undefined)
}

/** Returns LivePerson's own id of the consumer. */
const identify = async ({ config, accountId, table }: Place, consumerId: string): Promise<string> => {
  const { loopback } = config
  const http = createHttp({ outbound: createOutbound(), now: Date.now, loopback })
  const secret = await findSecret(createReadSecret(AWS), `${config.secretIdPrefix}/${accountId}`)
  const hosts = await findHosts({ http, config, accountId, table })
  const reach = { http, hosts: hosts.value, accountId, loopback }
  const appJwt = await findAppJwt(reach, secret.value)
  return findLpConsumerId(reach, appJwt.value, consumerId)
}

const toLines = (
  { items, lpConsumerIds, needConsumer, ...report }: Report,
  target: Target,
): readonly string[] => {
  const about =
    target.kind === 'consumer'
      ? `Consumer ${target.consumerId} of account ${report.accountId}`
      : `Request ${target.requestId} of account ${report.accountId}`
  const known = lpConsumerIds.length === 0 ? '' : `: LivePerson's consumer ${lpConsumerIds.join(', ')}`
  return [
    `${about}${known}`,
    ...(items.length === 0 ? [`Nothing is stored. ${adviceOn(target)}`] : []),
    ...needConsumer.map((key) => `${key}\n  not erased: its consumer has an id of their own. Use --consumer`),
    ...items.map((item) => describe(item, report.dryRun)),
    ...(items.length === 0 ? [] : ['', 'What stays:', ...report.kept.map(toBullet)]),
    '',
    'What this command does not erase:',
    ...report.notErased.map(toBullet),
  ]
}

const adviceOn = ({ kind }: Target): string =>
  kind === 'consumer'
    ? "Check the id and its prefix. A consumer without an id of their own, such as an anonymous form's, needs --request. Items that are already erased, or have no id of their consumer yet, can't be found by a consumer's id."
    : 'Check the id and the account. Items are removed after 30 days.'

const toBullet = (text: string) => `- ${text}`

const describe = ({ key, status, expiresAt, ids, ...item }: ErasedItem, dryRun: boolean): string => {
  const until = new Date(expiresAt * 1000).toISOString()
  const named = Object.entries(ids).map(([name, id]) => `\n    ${name}: ${id}`)
  return `${key}\n  ${status}, stored until ${until}\n  ${happened(item, dryRun)}${named.join('')}`
}

const happened = (
  { outcome, ended, inUseUntil }: Pick<ErasedItem, 'outcome' | 'ended' | 'inUseUntil'>,
  dryRun: boolean,
): string => {
  switch (outcome) {
    case 'clean':
      return 'nothing to erase'
    case 'in_use': {
      const at = inUseUntil === undefined ? '' : ` after ${new Date(inUseUntil).toISOString()}`
      return `not erased: an attempt holds it. Run this command again${at}`
    }
    case 'erased': {
      const end = dryRun ? 'it still waits, and would be ended; ' : 'it was still waiting, and was ended; '
      return `${ended ? end : ''}${dryRun ? 'would be erased:' : 'erased:'}`
    }
  }
}

/** `erase`: removes the ids of one consumer from the state table. */
export const erase: Command = {
  summary: "erases a consumer's ids from the state table, and says what is left",
  help: HELP,
  run,
}
