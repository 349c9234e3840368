import { parseArgs } from 'node:util'
import type { ShownRequest } from '../../../lib/conversation/findings.ts'
import { findRefusal, NO_ACCOUNT } from '../../../lib/conversation/refusals.ts'
import { describeOutcome } from '../../describe-outcome.ts'
import { type OpenStage, openStage } from '../../open-stage.ts'
import { describeAttempts, meaningOfForget, whereaboutsOf } from '../../whereabouts.ts'
import type { Command, CommandContext, ExitCode } from '../command.ts'
import { FLAGS, find, OPTIONS, readId, toIso } from './find.ts'

const HELP = `npm run ops -- request show <request id> [--account <id>] [--door form|queue] [--json]

Shows what the ledger knows about a request: its outcome, its attempts, where its record should be now, and what
would happen if you forgot it. The id may also be the SQS message id of an event that was refused.

${FLAGS}: {stage, requests: [{accountId, door, sender, requestId,
                   status, code, conversationId, messageStatus, messageCode, campaignId, engagementId, attempts,
                   createdAt, updatedAt, expiresAt, inUseUntil, handedOver, settled, forgotten, record, forget}],
                   refusals: [{accountId, messageId, requestId, code}]}

Exits with 0, or 1 if the ledger knows no such request. The operators' policy allows all that is needed.`

/** `request show` */
export const show: Command = {
  summary: 'shows what the ledger knows about a request',
  help: HELP,
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
