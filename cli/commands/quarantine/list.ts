import { parseArgs } from 'node:util'
import { type Held, HIDDEN_SECONDS } from '../../quarantine/hold.ts'
import { LABELS } from '../../quarantine/queues.ts'
import { type QuarantinedRecord, requestOf } from '../../quarantine/record.ts'
import type { Command, CommandContext, ExitCode } from '../command.ts'
import { countOf, FILTER_OPTIONS, FLAGS, HIDDEN, toIso, withRecords } from './with-records.ts'

const HELP = `npm run ops -- quarantine list [--code <code>] [--account <id>] [--since <time>] [--json]

Lists the records in quarantine by reason. Copies of a request count once.

${FLAGS}: {stage, records, requests, hidden,
                   groups: [{code, detail, requests: [{requestId, accountId, door, queue, records, attempts,
                   firstAt, lastAt, messageIds}]}]}. hidden: messages that another command holds

${HIDDEN}
Exits with 0. The operators' policy allows all that is needed.`

/** `quarantine list` */
export const list: Command = {
  summary: 'lists the records in quarantine, by reason',
  help: HELP,
  run: (args, context) => {
    const { values: flags } = parseArgs({ args: [...args], options: FILTER_OPTIONS })
    return withRecords(flags, context, async ({ stage, queue, held }): Promise<ExitCode> => {
      const groups = toGroups(held.records)
      const hidden = Math.max(0, (await queue.countHidden()) - held.records.length - held.others)
      const report = {
        stage: stage.name,
        records: held.records.length,
        requests: new Set(held.records.map(requestOf)).size,
        hidden,
        groups,
      }
      if (flags.json) context.print(JSON.stringify(report))
      else for (const line of describeList(report, held, context)) context.print(line)
      return 0
    })
  },
}

const toGroups = (records: readonly QuarantinedRecord[]) =>
  [...Map.groupBy(records, ({ code, detail }) => `${code}\n${detail}`).values()].flatMap((group) => {
    const [first] = group
    if (!first) return []
    const requests = [...Map.groupBy(group, requestOf).values()].flatMap(toRequest)
    return [{ code: first.code, detail: first.detail, requests }]
  })

const toRequest = (records: readonly QuarantinedRecord[]) => {
  const [first] = records
  if (!first) return []
  const times = records.map(({ sentAt }) => sentAt)
  return [
    {
      requestId: first.requestId,
      accountId: first.accountId,
      door: first.key?.door,
      queue: LABELS[first.queue],
      records: records.length,
      attempts: first.attempts,
      firstAt: toIso(Math.min(...times)),
      lastAt: toIso(Math.max(...times)),
      messageIds: records.map(({ messageId }) => messageId),
    },
  ]
}

const describeList = (
  {
    records,
    requests,
    hidden,
    groups,
  }: { records: number; requests: number; hidden: number; groups: ReturnType<typeof toGroups> },
  { isPartial }: Held,
  { paint }: CommandContext,
): readonly string[] => [
  ...groups.flatMap(({ code, detail, requests: found }) => [
    `${paint('bold', code)}: ${countOf(found.length, 'request')}${detail === '' ? '' : `. ${detail}`}`,
    ...found.map(
      (one) =>
        `  ${one.requestId}  ${one.accountId ?? 'no account'}  ${one.door ?? one.queue}  ${one.lastAt}` +
        (one.records > 1 ? `  ${one.records} records` : ''),
    ),
    '',
  ]),
  records === 0
    ? 'No records match.'
    : `${countOf(requests, 'request')} in ${countOf(records, 'record')}.${isPartial ? ' There may be more.' : ''}`,
  ...(hidden > 0
    ? [
        `${countOf(hidden, 'message')} hidden: another command holds them, or was killed. They are back in at most ${HIDDEN_SECONDS / 60} minutes.`,
      ]
    : []),
]
