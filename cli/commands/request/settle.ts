import { parseArgs } from 'node:util'
import { type Command, UsageError } from '../command.ts'
import { change, readReason } from './change.ts'
import { FLAGS, OPTIONS, readId } from './find.ts'

const HELP = `npm run ops -- request settle <request id> --conversation <id> [--reason <text>] [--account <id>] …

Records the conversation that a person found in LivePerson, for a request whose outcome or conversation id is
unknown. The request's status then says that the conversation is open. If its first message is still to be sent,
a replay of its record sends it.

  --conversation   LivePerson's id of the conversation. Required
  --reason         how it was found. It is stored for 30 days: no personal data
${FLAGS}: {stage, result, outcome}. result is recorded,
                   has_conversation, no_doubt, erased, in_use or not_found

Exits with 0 if it was recorded, 1 if not.`

/** `request settle` */
export const settle: Command = {
  summary: 'records the conversation that a person found',
  help: HELP,
  run: (args, context) => {
    const { values: flags, positionals } = parseArgs({
      args: [...args],
      options: { ...OPTIONS, conversation: { type: 'string' }, reason: { type: 'string' } },
      allowPositionals: true,
    })
    const { conversation: conversationId = '', reason } = flags
    const requestId = readId(positionals, 'settle')
    if (!/^[\w.:-]{1,128}$/.test(conversationId))
      throw new UsageError(
        'Say which conversation: --conversation <id>, with the id that LivePerson has for it.',
      )
    return change(requestId, flags, context, (findings, { key }) =>
      findings.settle(key, { conversationId, by: 'operator', reason: readReason(reason) }),
    )
  },
}
