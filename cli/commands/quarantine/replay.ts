import { parseArgs } from 'node:util'
import { createFindings } from '../../../lib/conversation/findings.ts'
import { requestKey } from '../../../lib/conversation/ledger-item.ts'
import { readCount } from '../../arguments.ts'
import { describeOutcome } from '../../describe-outcome.ts'
import type { OpenStage } from '../../open-stage.ts'
import type { Held } from '../../quarantine/hold.ts'
import { type QuarantinedRecord, requestOf, toReplayBody } from '../../quarantine/record.ts'
import { reopen } from '../../quarantine/reopen.ts'
import { type Fate, type Replayed, replay } from '../../quarantine/replay.ts'
import { readRequestStates } from '../../request-states.ts'
import type { Command, CommandContext, ExitCode } from '../command.ts'
import { countOf, FILTER_OPTIONS, FLAGS, HIDDEN, idsOf, withRecords } from './with-records.ts'

const HELP = `npm run ops -- quarantine replay [--code <code>] [--account <id>] [--since <time>] [--dry-run] [--reopen]

Returns records to the queue that they came from, and prints the outcome of each. One of several copies is sent.
A record that comes back is not taken again, so the command ends. The ledger answers a request that is
finished, so nothing is opened twice.

  --dry-run        only print what would be sent, and what the ledger knows
  --reopen         also retry requests that LivePerson rejected. Asks first
  --reason         why, for --reopen. It is stored with the request for 30 days: no personal data
  --yes            don't ask
  --rate           how many records to send per second, 1 to 100, default 5
  --wait           for how many seconds to wait for outcomes, 0 to 3600, default 60
${FLAGS}: {stage, dryRun, records: [{requestId, accountId,
                   door, code, queue, copies, result, outcome, detail}]}. result is settled, refused, waiting,
                   failed or skipped; in a dry run, planned

${HIDDEN}
After Ctrl-C, the records that were not sent stay in quarantine. Run the command again for the rest.
Exits with 0 if every request has a conversation, 1 if one doesn't, 3 if one is still waiting, 130 after
Ctrl-C.`

const OPTIONS = {
  ...FILTER_OPTIONS,
  'dry-run': { type: 'boolean' },
  reopen: { type: 'boolean' },
  reason: { type: 'string' },
  yes: { type: 'boolean' },
  rate: { type: 'string' },
  wait: { type: 'string' },
} as const

/** `quarantine replay` */
export const replayVerb: Command = {
  summary: 'returns records to their queues, and prints the outcome of each',
  help: HELP,
  run: (args, context) => {
    const { values: flags } = parseArgs({ args: [...args], options: OPTIONS })
    const ratePerSecond = readCount('--rate', flags.rate, { minimum: 1, maximum: 100, fallback: 5 })
    const waitSeconds = readCount('--wait', flags.wait, { minimum: 0, maximum: 3600, fallback: 60 })
    return withRecords(flags, context, async ({ stage, queue, held }): Promise<ExitCode> => {
      const { table, config, name } = stage
      const { now } = context
      if (flags['dry-run']) {
        await printPlan(held.records, stage, flags.json ?? false, context)
        return 0
      }
      const question = `Replay ${countOf(new Set(held.records.map(requestOf)).size, 'request')}, and retry those that LivePerson rejected?`
      if (flags.reopen && held.records.length > 0 && !flags.yes && !(await context.ask(question))) {
        context.printError('Nothing was sent. Add --yes to reopen without a question.')
        return 1
      }
      const findings = createFindings({ table, now })
      const reason = flags.reason ?? 'reopened from quarantine'
      const replayed = await replay({
        ...{ held, queue, table, ratePerSecond, context },
        accountIds: config.accounts.map(({ accountId }) => accountId),
        waitMs: waitSeconds * 1000,
        prepare: async (record) =>
          flags.reopen ? reopen(record, { findings, stage: config, reason }) : { body: toReplayBody(record) },
      })
      if (flags.json)
        context.print(JSON.stringify({ stage: name, dryRun: false, records: replayed.map(toJson) }))
      else for (const line of describeReplay(replayed, held, context)) context.print(line)
      return context.signal.aborted ? 130 : exitCodeOf(replayed)
    })
  },
}

const printPlan = async (
  records: readonly QuarantinedRecord[],
  { name, table }: OpenStage,
  json: boolean,
  { print, now }: CommandContext,
): Promise<void> => {
  const states = await readRequestStates(
    table,
    records.flatMap(({ key }) => key ?? []),
    now(),
  )
  const planned = [...Map.groupBy(records, requestOf).values()].flatMap((copies) => {
    const [record] = copies
    if (!record) return []
    const outcome = record.key && states.get(requestKey(record.key))?.outcome
    return [{ ...idsOf(record), copies: copies.length, result: 'planned', outcome }]
  })
  if (json) print(JSON.stringify({ stage: name, dryRun: true, records: planned }))
  else {
    for (const { requestId, accountId, code, queue, copies, outcome } of planned)
      print(
        `${requestId}  ${accountId ?? 'no account'}  ${code}  to the ${queue} queue${copiesOf(copies)}  ledger: ${outcome ? describeOutcome(outcome) : 'nothing'}`,
      )
    print(`${countOf(planned.length, 'request')} would be replayed. Nothing was sent.`)
  }
}

const toJson = ({ record, copies, fate }: Replayed) => ({
  ...idsOf(record),
  copies,
  result: fate.kind,
  ...('outcome' in fate && { outcome: fate.outcome }),
  ...(fate.kind === 'refused' && { outcome: { status: 'rejected', code: fate.code } }),
  ...(fate.kind === 'failed' && { detail: fate.detail }),
})

const describeReplay = (
  replayed: readonly Replayed[],
  { isPartial }: Held,
  { paint }: CommandContext,
): readonly string[] => {
  const done = replayed.filter(({ fate }) => isDone(fate)).length
  return [
    ...replayed.map(({ record, copies, fate }) => {
      const text = paint(
        isDone(fate) ? 'green' : fate.kind === 'waiting' ? 'yellow' : 'red',
        describeFate(fate),
      )
      return `${record.requestId}  ${record.accountId ?? 'no account'}${copiesOf(copies)}  ${text}`
    }),
    replayed.length === 0
      ? 'No records match.'
      : `${done} of ${countOf(replayed.length, 'request')} have a conversation.`,
    ...(isPartial ? ['There may be more records. Run the command again.'] : []),
  ]
}

const copiesOf = (copies: number) => (copies > 1 ? `  (${copies} copies)` : '')

const isDone = (fate: Fate): boolean =>
  fate.kind === 'settled' && ['opened', 'existing'].includes(fate.outcome.status)

const describeFate = (fate: Fate): string => {
  switch (fate.kind) {
    case 'settled':
      return `${describeOutcome(fate.outcome)}${fate.before ? ', before this replay' : ''}${isDone(fate) ? '' : '. Its record is in quarantine again'}`
    case 'refused':
      return `refused: ${fate.code}. Its record is in quarantine again`
    case 'waiting':
      return `sent, not finished yet${fate.outcome ? `: ${describeOutcome(fate.outcome)}` : ''}`
    case 'failed':
      return fate.isSent
        ? `sent, but still in quarantine, too: ${fate.detail}. A second replay does no harm`
        : `not sent: ${fate.detail}`
    case 'skipped':
      return 'not sent: another command holds it, or this one was ended'
  }
}

const exitCodeOf = (replayed: readonly Replayed[]): ExitCode => {
  const left = replayed.filter(({ fate }) => !isDone(fate))
  if (left.length === 0) return 0
  return left.every(({ fate }) => fate.kind === 'waiting') ? 3 : 1
}
