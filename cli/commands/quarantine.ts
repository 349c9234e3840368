import { parseArgs } from 'node:util'
import type { QueueName } from '../../lib/aws/queues.ts'
import { createFindings } from '../../lib/conversation/findings.ts'
import { requestKey } from '../../lib/conversation/ledger-item.ts'
import { isRecord, parseLenientJson } from '../../lib/request/lenient-json.ts'
import { readCount, readSince } from '../arguments.ts'
import { describeOutcome } from '../describe-outcome.ts'
import { maskValues } from '../mask.ts'
import { type OpenStage, openStage } from '../open-stage.ts'
import { type Held, HIDDEN_SECONDS, holdRecords } from '../quarantine/hold.ts'
import { LABELS, type QuarantineQueue } from '../quarantine/queues.ts'
import { type QuarantinedRecord, readQuarantined, requestOf, toReplayBody } from '../quarantine/record.ts'
import { reopen } from '../quarantine/reopen.ts'
import { type Fate, type Replayed, replay } from '../quarantine/replay.ts'
import { readRequestStates } from '../request-states.ts'
import { STAGE_OPTIONS } from '../settings.ts'
import { type Command, type CommandContext, type CommandGroup, type ExitCode, UsageError } from './command.ts'

const FLAGS = `  --code           only records with this code, such as credentials_refused. none: SQS moved them
  --account        only records of this account
  --request        only records of this request id, or with this SQS message id
  --since          only records since a time such as 2026-11-26T09:00:00Z, or 90m, 24h, 7d
  --limit          at most so many records
  --stage          default dev
  --local          the local stack of npm start, with its default ports, as --stage local
  --region         default AWS_REGION, else eu-west-1
  --config-file, --state-table
                   default: those of the stage
  --json           print one JSON object`

const HIDDEN = `SQS can't look at a message without receiving it. So a command hides all messages from other commands while
it works, and shows them again when it ends. After a kill, they are back within ${HIDDEN_SECONDS / 60} minutes. Nothing is lost.`

const FILTER_OPTIONS = {
  ...STAGE_OPTIONS,
  local: { type: 'boolean' },
  json: { type: 'boolean' },
  code: { type: 'string' },
  account: { type: 'string' },
  request: { type: 'string' },
  since: { type: 'string' },
  limit: { type: 'string' },
} as const

type FilterFlags = {
  readonly [flag in 'code' | 'account' | 'request' | 'since' | 'limit']?: string | undefined
}

/** What the verbs share: an open stage, its queue, and the records that the flags choose. */
interface Work {
  readonly stage: OpenStage
  readonly queue: QuarantineQueue
  readonly held: Held
}

const toFilter = ({ code, account, request, since, limit }: FilterFlags, now: number) => {
  const from = since === undefined ? undefined : readSince(since, now)
  return {
    limit: readCount('--limit', limit, { minimum: 1, maximum: 10_000, fallback: undefined }),
    matches: (record: QuarantinedRecord) =>
      (code === undefined || record.code === code) &&
      (account === undefined || record.accountId === account) &&
      (request === undefined || record.requestId === request || record.messageId === request) &&
      (from === undefined || record.sentAt >= from),
  }
}

/** Holds the records while `work` runs, and releases those that are left. */
const withRecords = async <T>(
  flags: FilterFlags & Parameters<typeof openStage>[0],
  context: CommandContext,
  work: (work: Work) => Promise<T>,
): Promise<T> => {
  const { env, now, signal, progress, printError } = context
  const filter = toFilter(flags, now())
  const stage = openStage(flags, env)
  const queue = await stage.openQueue()
  try {
    const { config, table } = stage
    const held = await holdRecords({
      queue,
      read: (message) =>
        readQuarantined(message, { stage: config, table, queueOf: queue.nameOf, now: now() }),
      filter,
      now,
      signal,
      onReceived: (count) => progress(`Received ${count} messages …`),
    })
    try {
      return await work({ stage, queue, held })
    } finally {
      await held.release().catch(() => {
        printError(
          `The messages that are left could not be released. They are back in ${HIDDEN_SECONDS / 60} minutes.`,
        )
      })
    }
  } finally {
    queue.close()
  }
}

const LIST_HELP = `npm run ops -- quarantine list [--code <code>] [--account <id>] [--since <time>] [--json]

Lists the records in quarantine by reason. Copies of a request count once.

${FLAGS}: {stage, records, requests, hidden,
                   groups: [{code, detail, requests: [{requestId, accountId, door, queue, records, attempts,
                   firstAt, lastAt, messageIds}]}]}. hidden: messages that another command holds

${HIDDEN}
Exits with 0. The operators' policy allows all that is needed.`

const list: Command = {
  summary: 'lists the records in quarantine, by reason',
  help: LIST_HELP,
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

const SHOW_HELP = `npm run ops -- quarantine show <request id or SQS message id> [--show] [--json]

Shows the records of one request: the reason, the queue that a replay goes to, what the ledger knows, and the
body, whose personal values are masked.

  --show           print the body as it is. It contains personal data
${FLAGS}: {stage, records: [{messageId, requestId, accountId,
                   door, code, detail, queue, attempts, sentAt, ledger, body}]}

${HIDDEN}
Exits with 0, or 1 if there is no such record.`

const show: Command = {
  summary: 'shows the records of one request, with personal values masked',
  help: SHOW_HELP,
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

const REPLAY_HELP = `npm run ops -- quarantine replay [--code <code>] [--account <id>] [--since <time>] [--dry-run] [--reopen]

Returns records to the queue that they came from, and says what became of each. One of several copies is sent.
A record that comes back is not taken again, so the command ends. The ledger answers a request that is
finished, so nothing is opened twice.

  --dry-run        only print what would be sent, and what the ledger knows
  --reopen         also give requests that LivePerson rejected a new try. Asks first
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

const REPLAY_OPTIONS = {
  ...FILTER_OPTIONS,
  'dry-run': { type: 'boolean' },
  reopen: { type: 'boolean' },
  reason: { type: 'string' },
  yes: { type: 'boolean' },
  rate: { type: 'string' },
  wait: { type: 'string' },
} as const

const replayVerb: Command = {
  summary: 'returns records to their queues, and says what became of each',
  help: REPLAY_HELP,
  run: (args, context) => {
    const { values: flags } = parseArgs({ args: [...args], options: REPLAY_OPTIONS })
    const ratePerSecond = readCount('--rate', flags.rate, { minimum: 1, maximum: 100, fallback: 5 })
    const waitSeconds = readCount('--wait', flags.wait, { minimum: 0, maximum: 3600, fallback: 60 })
    return withRecords(flags, context, async ({ stage, queue, held }): Promise<ExitCode> => {
      const { table, config, name } = stage
      const { now } = context
      if (flags['dry-run']) {
        await printPlan(held.records, stage, flags.json ?? false, context)
        return 0
      }
      const question = `Give ${countOf(new Set(held.records.map(requestOf)).size, 'request')} a new try, where LivePerson rejected them?`
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

const idsOf = ({ requestId, accountId, key, code, queue }: QuarantinedRecord) => ({
  requestId,
  accountId,
  door: key?.door,
  code,
  queue: LABELS[queue satisfies QueueName],
})

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

const DROP_HELP = `npm run ops -- quarantine drop --request <id> | --code <code> … | --all [--dry-run] [--yes]

Deletes records from quarantine. They can't be restored. Asks first. The ledger keeps what it knows.

  --all            needed if no other flag chooses records
  --dry-run        only print what would be deleted
  --yes            don't ask
${FLAGS}: {stage, dryRun, deleted, records: [{requestId,
                   accountId, door, code, queue}]}

${HIDDEN}
Exits with 0 if they are deleted, 1 if you said no or something failed.`

const drop: Command = {
  summary: 'deletes records',
  help: DROP_HELP,
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

const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

const toIso = (time: number): string => new Date(time).toISOString()

/** `quarantine`: the records that a person has to look at. */
export const quarantine: CommandGroup = {
  summary: 'lists, shows, replays and deletes the records in quarantine',
  notes: HIDDEN,
  verbs: new Map([
    ['list', list],
    ['show', show],
    ['replay', replayVerb],
    ['drop', drop],
  ]),
}
