import { parseArgs } from 'node:util'
import {
  createFindings,
  type Findings,
  type Found,
  type ShownRequest,
} from '../../lib/conversation/findings.ts'
import { findRefusal, NO_ACCOUNT } from '../../lib/conversation/refusals.ts'
import { DOORS, VOUCHERS } from '../../lib/request/conversation-request.ts'
import { describeOutcome } from '../describe-outcome.ts'
import { type OpenStage, openStage } from '../open-stage.ts'
import { STAGE_OPTIONS } from '../settings.ts'
import { describeAttempts, meaningOfForget, whereaboutsOf } from '../whereabouts.ts'
import { type Command, type CommandContext, type CommandGroup, type ExitCode, UsageError } from './command.ts'

const FLAGS = `  --account        only this account. Default: all of the stage
  --door           form or queue. Default: both
  --sender         crm, token or nobody: who vouches for the consumer. Default: all
  --stage          default dev
  --local          the local stack of npm start, with its default ports, as --stage local
  --region         default AWS_REGION, else eu-west-1
  --config-file, --state-table
                   default: those of the stage
  --json           print one JSON object`

const OPTIONS = {
  ...STAGE_OPTIONS,
  local: { type: 'boolean' },
  json: { type: 'boolean' },
  account: { type: 'string' },
  door: { type: 'string' },
  sender: { type: 'string' },
} as const

type Flags = Parameters<typeof openStage>[0] & {
  readonly account?: string | undefined
  readonly door?: string | undefined
  readonly sender?: string | undefined
}

const SHOW_HELP = `npm run ops -- request show <request id> [--account <id>] [--door form|queue] [--json]

Shows what the ledger knows about a request: its outcome, its attempts, where its record should be now, and what
it would mean to forget it. The id may also be the SQS message id of an event that was refused.

${FLAGS}: {stage, requests: [{accountId, door, sender, requestId,
                   status, code, conversationId, messageStatus, messageCode, campaignId, engagementId, attempts,
                   createdAt, updatedAt, expiresAt, inUseUntil, handedOver, settled, forgotten, record, forget}],
                   refusals: [{accountId, messageId, requestId, code}]}

Exits with 0, or 1 if the ledger knows no such request. The operators' policy allows all that is needed.`

const show: Command = {
  summary: 'shows what the ledger knows about a request',
  help: SHOW_HELP,
  run: async (args, context): Promise<ExitCode> => {
    const { values: flags, positionals } = parseArgs({
      args: [...args],
      options: OPTIONS,
      allowPositionals: true,
    })
    const requestId = readId(positionals, 'show')
    const stage = openStage(flags, context.env)
    const requests = await find(stage, requestId, flags, context)
    const refusals = requests.length > 0 ? [] : await findRefusals(stage, requestId)
    if (flags.json) {
      const report = { stage: stage.name, requests: requests.map(toJson), refusals }
      context.print(JSON.stringify(report))
    } else {
      for (const request of requests) for (const line of describe(request, context)) context.print(line)
      for (const { accountId, messageId, requestId: id, code } of refusals)
        context.print(
          `The event ${messageId} of account ${accountId} was refused: ${code}. Its request id was ${id}.`,
        )
      if (requests.length + refusals.length === 0)
        context.print(`The ledger knows no request ${requestId}. It forgets requests after 30 days.`)
    }
    return requests.length + refusals.length === 0 ? 1 : 0
  },
}

const readId = ([id, ...more]: readonly string[], verb: string): string => {
  if (id === undefined || more.length > 0)
    throw new UsageError(`Name one request: request ${verb} <request id>.`)
  return id
}

const find = async (
  { config, table }: OpenStage,
  requestId: string,
  { account, door, sender }: Flags,
  { now }: CommandContext,
): Promise<readonly ShownRequest[]> => {
  const doors = DOORS.filter((one) => door === undefined || door === one)
  if (doors.length === 0) throw new UsageError(`--door must be ${DOORS.join(' or ')}.`)
  const senders = VOUCHERS.filter((one) => sender === undefined || sender === one)
  if (senders.length === 0) throw new UsageError(`--sender must be ${VOUCHERS.join(' or ')}.`)
  const known = config.accounts.map(({ accountId }) => accountId)
  const accounts = known.filter((one) => account === undefined || account === one)
  if (accounts.length === 0)
    throw new UsageError(`Account ${account} is not in this stage. Accounts: ${known.join(', ')}.`)
  const findings = createFindings({ table, now })
  const found = await Promise.all(
    accounts.flatMap((accountId) => doors.map((one) => findings.show(accountId, one, requestId))),
  )
  return found.flat().filter(({ key }) => senders.includes(key.vouchedBy))
}

const findRefusals = async ({ config, table }: OpenStage, messageId: string) => {
  const accountIds = [...config.accounts.map(({ accountId }) => accountId), NO_ACCOUNT]
  const found = await Promise.all(
    accountIds.map(async (accountId) => {
      const refusal = await findRefusal(table, accountId, messageId)
      return refusal && { accountId, ...refusal }
    }),
  )
  return found.filter((refusal) => refusal !== undefined)
}

const toJson = (request: ShownRequest) => {
  const { key, outcome, facts, createdAt, updatedAt, expiresAt, inUseUntil, campaignId, engagementId } =
    request
  const { vouchedBy: sender, ...ids } = key
  const { status, code, conversationId, messageStatus, messageCode } = outcome
  return {
    ...{ ...ids, sender, status, code, conversationId, messageStatus, messageCode, campaignId, engagementId },
    attempts: facts.claim.attempt,
    createdAt: toIso(createdAt),
    updatedAt: toIso(updatedAt),
    expiresAt: toIso(expiresAt),
    ...(inUseUntil !== undefined && { inUseUntil: toIso(inUseUntil) }),
    handedOver: facts.handedOver,
    settled: facts.settled,
    forgotten: facts.forgotten,
    record: whereaboutsOf(request),
    forget: meaningOfForget(request),
  }
}

const describe = (request: ShownRequest, { paint }: CommandContext): readonly string[] => {
  const { key, outcome, facts, createdAt, updatedAt, expiresAt, inUseUntil, campaignId, engagementId } =
    request
  const { settled, forgotten } = facts
  const rows: readonly (readonly [string, string | undefined])[] = [
    ['outcome', describeOutcome(outcome)],
    ['campaign', campaignId && `${campaignId}, engagement ${engagementId}`],
    ['attempts', describeAttempts(request)],
    ['times', `first ${toIso(createdAt)}, last write ${toIso(updatedAt)}, kept until ${toIso(expiresAt)}`],
    ['in use', inUseUntil === undefined ? undefined : `until ${toIso(inUseUntil)} at most`],
    ['settled', settled && describeFinding(settled, `by ${settled.by}`)],
    ['forgotten', forgotten && describeFinding(forgotten, `after attempt ${forgotten.attempt}`)],
    ['record', whereaboutsOf(request)],
    ['forget', meaningOfForget(request)],
  ]
  return [
    paint(
      'bold',
      `Request ${key.requestId} of account ${key.accountId}, door ${key.door}, sender ${key.vouchedBy}`,
    ),
    ...rows.flatMap(([name, value]) => (value === undefined ? [] : [`  ${`${name}:`.padEnd(11)} ${value}`])),
    '',
  ]
}

const describeFinding = (
  { at, reason }: { readonly at: number; readonly reason?: string | undefined },
  how: string,
): string => `${how}, ${toIso(at)}${reason === undefined ? '' : `: ${reason}`}`

const SETTLE_HELP = `npm run ops -- request settle <request id> --conversation <id> [--reason <text>] [--account <id>] …

Records the conversation that a person found in LivePerson, for a request whose outcome is unknown, or whose
conversation's id is. Its sender is then told that the conversation is open. If its first message is owed, a
replay of its record sends it.

  --conversation   LivePerson's id of the conversation. Required
  --reason         how it was found. It is stored for 30 days: no personal data
${FLAGS}: {stage, result, outcome}. result is recorded,
                   has_conversation, no_doubt, erased, in_use or not_found

Exits with 0 if it was recorded, 1 if not.`

const settle: Command = {
  summary: 'records the conversation that a person found',
  help: SETTLE_HELP,
  run: (args, context) => {
    const { values: flags, positionals } = parseArgs({
      args: [...args],
      options: { ...OPTIONS, conversation: { type: 'string' }, reason: { type: 'string' } },
      allowPositionals: true,
    })
    const { conversation: conversationId = '', reason } = flags
    const requestId = readId(positionals, 'settle')
    if (!/^[\w.:-]{1,128}$/.test(conversationId))
      throw new UsageError('Say which conversation: --conversation <id>, with LivePerson’s id of it.')
    return change(requestId, flags, context, (findings, { key }) =>
      findings.settle(key, { conversationId, by: 'operator', reason: readReason(reason) }),
    )
  },
}

const FORGET_HELP = `npm run ops -- request forget <request id> --reason <text> [--force] [--account <id>] …

Records that a request has no conversation, so that its next copy is attempted again: a replay of its record, or
its sender's repeat. Refused where a create may have reached LivePerson, unless --force says that a person has
looked there.

  --reason         why. Required. It is stored for 30 days: no personal data
  --force          a person has looked in LivePerson, and the consumer has no such conversation. If they have, the
                   next copy opens a second one
${FLAGS}: {stage, result, outcome}. result is recorded,
                   has_conversation, may_have_opened, nothing_to_forget, erased, in_use or not_found

Exits with 0 if it was recorded, 1 if not.`

const forget: Command = {
  summary: 'records that a request has no conversation',
  help: FORGET_HELP,
  run: (args, context) => {
    const { values: flags, positionals } = parseArgs({
      args: [...args],
      options: { ...OPTIONS, reason: { type: 'string' }, force: { type: 'boolean' } },
      allowPositionals: true,
    })
    const requestId = readId(positionals, 'forget')
    const reason = readReason(flags.reason)
    if (reason === undefined) throw new UsageError('Say why: --reason <text>.')
    return change(requestId, flags, context, (findings, { key }) =>
      findings.forget(key, { reason, force: flags.force ?? false }),
    )
  },
}

const readReason = (reason: string | undefined): string | undefined => {
  if (reason === undefined || reason.trim() === '') return undefined
  if (reason.length > 200) throw new UsageError('--reason must have at most 200 characters.')
  return reason
}

/** Adds a finding to the one request that the flags choose. */
const change = async (
  requestId: string,
  flags: Flags & { readonly json?: boolean | undefined },
  context: CommandContext,
  add: (findings: Findings, request: ShownRequest) => Promise<Found>,
): Promise<ExitCode> => {
  const stage = openStage(flags, context.env)
  const [request, ...others] = await find(stage, requestId, flags, context)
  if (others.length > 0)
    throw new UsageError(
      `Several requests have this id: ${[request, ...others]
        .flatMap((one) => (one ? [one.key] : []))
        .map(
          ({ accountId, door, vouchedBy }) => `--account ${accountId} --door ${door} --sender ${vouchedBy}`,
        )
        .join('; ')}. Say which.`,
    )
  const findings = createFindings({ table: stage.table, now: context.now })
  const found: Found = request ? await add(findings, request) : { kind: 'not_found' }
  if (flags.json)
    context.print(
      JSON.stringify({
        stage: stage.name,
        result: found.kind,
        ...('outcome' in found && { outcome: found.outcome }),
      }),
    )
  else if (found.kind === 'recorded') context.print(`Recorded: ${describeOutcome(found.outcome)}.`)
  else context.printError(explain(found))
  return found.kind === 'recorded' ? 0 : 1
}

const explain = (found: Exclude<Found, { readonly kind: 'recorded' }>): string => {
  switch (found.kind) {
    case 'not_found':
      return 'The ledger knows no such request. Check the id, --account and --stage.'
    case 'erased':
      return 'Nothing was recorded: the ids of this request were erased.'
    case 'in_use':
      return `Nothing was recorded: an attempt holds the request until ${toIso(found.until)} at most. Try again then.`
    case 'has_conversation':
      return `Nothing was recorded: the request has a conversation: ${describeOutcome(found.outcome)}.`
    case 'no_doubt':
      return `Nothing was recorded: no create can have reached LivePerson: ${describeOutcome(found.outcome)}. If the consumer has a conversation, it is another one.`
    case 'may_have_opened':
      return 'Nothing was recorded: a create may have reached LivePerson. Look there for a conversation of this consumer. If there is one, settle the request. If not, add --force.'
    case 'nothing_to_forget':
      return `Nothing was recorded: the next copy of the request is attempted anyway: ${describeOutcome(found.outcome)}.`
  }
}

const toIso = (time: number): string => new Date(time).toISOString()

/** `request`: what the ledger knows about one request, and what a person adds to it. */
export const request: CommandGroup = {
  summary: 'shows, settles or forgets one request',
  notes: 'settle and forget add facts to the ledger. Nothing is removed from it.',
  verbs: new Map([
    ['show', show],
    ['settle', settle],
    ['forget', forget],
  ]),
}
