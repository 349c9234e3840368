import { parseArgs } from 'node:util'
import { requestKey } from '../../../lib/conversation/ledger-item.ts'
import { isRecord, parseLenientJson } from '../../../lib/request/lenient-json.ts'
import { describeOutcome } from '../../describe-outcome.ts'
import { maskValues } from '../../mask.ts'
import { LABELS } from '../../quarantine/queues.ts'
import { readRequestStates } from '../../request-states.ts'
import { type Command, type ExitCode, UsageError } from '../command.ts'
import { FILTER_OPTIONS, FLAGS, HIDDEN, toIso, withRecords } from './with-records.ts'

const HELP = `npm run ops -- quarantine show <request id or SQS message id> [--show] [--json]

Shows the records of one request: the reason, the queue that a replay goes to, what the ledger knows, and the
body, whose personal values are masked.

  --show           print the body as it is. It contains personal data
${FLAGS}: {stage, records: [{messageId, requestId, accountId,
                   door, code, detail, queue, attempts, sentAt, ledger, body}]}

${HIDDEN}
Exits with 0, or 1 if there is no such record.`

/** `quarantine show` */
export const show: Command = {
  summary: 'shows the records of one request, with personal values masked',
  help: HELP,
  run: (args, context) => {
    const { values: flags, positionals } = parseArgs({
      args: [...args],
      options: { ...FILTER_OPTIONS, show: { type: 'boolean' } },
      allowPositionals: true,
    })
    const [id = flags.request, ...more] = positionals
    if (id === undefined || more.length > 0)
      throw new UsageError('Say which record: quarantine show <request id or SQS message id>.')
    return withRecords({ ...flags, request: id }, context, async ({ stage, held }): Promise<ExitCode> => {
      const keys = held.records.flatMap(({ key }) => key ?? [])
      const states = await readRequestStates(stage.table, keys, context.now())
      const records = held.records.map(({ key, queue, sentAt, body, ...record }) => ({
        ...record,
        door: key?.door,
        queue: LABELS[queue],
        sentAt: toIso(sentAt),
        ledger: key && states.get(requestKey(key))?.outcome,
        body: flags.show ? body : maskBody(body),
      }))
      if (flags.json) context.print(JSON.stringify({ stage: stage.name, records }))
      else if (records.length === 0) context.print(`There is no record of ${id} in quarantine.`)
      else
        for (const { body, ledger, ...record } of records) {
          for (const [name, value] of Object.entries(record))
            if (value !== undefined) context.print(`${`${name}:`.padEnd(12)} ${value}`)
          context.print(`${'ledger:'.padEnd(12)} ${ledger ? describeOutcome(ledger) : 'nothing'}`)
          context.print(`${body}\n`)
        }
      return records.length === 0 ? 1 : 0
    })
  },
}

const maskBody = (body: string): string => {
  const value = parseLenientJson(body)
  if (!isRecord(value)) return `(${Buffer.byteLength(body)} bytes that are no JSON object)`
  return JSON.stringify(maskValues(value), undefined, 2)
}
