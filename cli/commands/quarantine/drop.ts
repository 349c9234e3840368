import { parseArgs } from 'node:util'
import { requestOf } from '../../quarantine/record.ts'
import { type Command, type ExitCode, UsageError } from '../command.ts'
import { countOf, FILTER_OPTIONS, FLAGS, HIDDEN, idsOf, withRecords } from './with-records.ts'

const HELP = `npm run ops -- quarantine drop --request <id> | --code <code> … | --all [--dry-run] [--yes]

Deletes records from quarantine. They can't be restored. Asks first. The ledger keeps what it knows.

  --all            needed if no other flag chooses records
  --dry-run        only print what would be deleted
  --yes            don't ask
${FLAGS}: {stage, dryRun, deleted, records: [{requestId,
                   accountId, door, code, queue}]}

${HIDDEN}
Exits with 0 if they are deleted, 1 if you said no or something failed.`

/** `quarantine drop` */
export const drop: Command = {
  summary: 'deletes records',
  help: HELP,
  run: (args, context) => {
    const { values: flags } = parseArgs({
      args: [...args],
      options: {
        ...FILTER_OPTIONS,
        all: { type: 'boolean' },
        'dry-run': { type: 'boolean' },
        yes: { type: 'boolean' },
      },
    })
    const { code, account, request, since } = flags
    if (!flags.all && [code, account, request, since].every((flag) => flag === undefined))
      throw new UsageError('Say which records: --code, --account, --request, --since, or --all.')
    return withRecords(flags, context, async ({ stage, held }): Promise<ExitCode> => {
      const { records } = held
      const dryRun = flags['dry-run'] ?? false
      const about = `${countOf(records.length, 'record')} of ${countOf(new Set(records.map(requestOf)).size, 'request')}`
      const isWanted =
        dryRun ||
        records.length === 0 ||
        flags.yes === true ||
        (await context.ask(`Delete ${about}? They can't be restored.`))
      if (!isWanted) {
        context.printError('Nothing was deleted. Add --yes to delete without a question.')
        return 1
      }
      let deleted = 0
      for (const record of dryRun ? [] : records) {
        if (context.signal.aborted) break
        context.progress(`Deleting ${deleted + 1} of ${records.length} …`)
        if (!(await held.keep(record))) continue
        await held.remove(record)
        deleted++
      }
      if (flags.json)
        context.print(JSON.stringify({ stage: stage.name, dryRun, deleted, records: records.map(idsOf) }))
      else if (dryRun) context.print(`${about} would be deleted.`)
      else context.print(`${countOf(deleted, 'record')} deleted.`)
      if (context.signal.aborted) return 130
      return dryRun || deleted === records.length ? 0 : 1
    })
  },
}
