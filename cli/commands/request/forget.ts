import { parseArgs } from 'node:util'
import { type Command, UsageError } from '../command.ts'
import { change, readReason } from './change.ts'
import { FLAGS, OPTIONS, readId } from './find.ts'

const HELP = `npm run ops -- request forget <request id> --reason <text> [--force] [--account <id>] …

Records that a request has no conversation, so that its next copy is attempted again: a replay of its record, or
its sender's repeat. It is refused if a create may have reached LivePerson, unless --force says that a person
has looked there.

  --reason         why. Required. It is stored for 30 days: no personal data
  --force          a person has looked in LivePerson, and the consumer has no such conversation. If they have, the
                   next copy opens a second one
${FLAGS}: {stage, result, outcome}. result is recorded,
                   has_conversation, may_have_opened, nothing_to_forget, erased, in_use or not_found

Exits with 0 if it was recorded, 1 if not.`

/** `request forget` */
export const forget: Command = {
  summary: 'records that a request has no conversation',
  help: HELP,
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
