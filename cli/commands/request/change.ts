import {
  createFindings,
  type Findings,
  type Found,
  type ShownRequest,
} from '../../../lib/conversation/findings.ts'
import { describeOutcome } from '../../describe-outcome.ts'
import { openStage } from '../../open-stage.ts'
import { type CommandContext, type ExitCode, UsageError } from '../command.ts'
import { type Flags, find, toIso } from './find.ts'

/** Returns the reason of a finding. Undefined: there is none. @throws {UsageError} It is too long. */
export const readReason = (reason: string | undefined): string | undefined => {
  if (reason === undefined || reason.trim() === '') return undefined
  if (reason.length > 200) throw new UsageError('--reason must have at most 200 characters.')
  return reason
}

/**
 * Adds a finding to the one request that the flags choose.
 *
 * @throws {UsageError} Several requests have the id.
 * @throws {ServiceUnavailableError}
 */
export const change = async (
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
