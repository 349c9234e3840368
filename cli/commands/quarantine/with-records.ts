import { readCount, readSince } from '../../arguments.ts'
import { type OpenStage, openStage } from '../../open-stage.ts'
import { type Held, HIDDEN_SECONDS, holdRecords } from '../../quarantine/hold.ts'
import { LABELS, type QuarantineQueue } from '../../quarantine/queues.ts'
import { type QuarantinedRecord, readQuarantined } from '../../quarantine/record.ts'
import { COMMAND_FLAGS, COMMAND_OPTIONS } from '../../settings.ts'
import type { CommandContext } from '../command.ts'

/** The part of a help about the flags that all verbs have. */
export const FLAGS = `  --code           only records with this code, such as credentials_refused. none: SQS moved them
  --account        only records of this account
  --request        only records of this request id, or with this SQS message id
  --since          only records since a time such as 2026-11-26T09:00:00Z, or 90m, 24h, 7d
  --limit          at most so many records
${COMMAND_FLAGS}`

/** What a help says about messages that a command holds. */
export const HIDDEN = `SQS can't look at a message without receiving it. So a command hides all messages from other commands while
it works, and shows them again when it ends. After a kill, they are back within ${HIDDEN_SECONDS / 60} minutes. Nothing is lost.`

/** The flags that all verbs have, for `parseArgs`. */
export const FILTER_OPTIONS = {
  ...COMMAND_OPTIONS,
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
export interface Work {
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

/**
 * Holds the records that the flags choose while `work` runs, and releases those that are left.
 *
 * @throws {UsageError} A flag is wrong.
 * @throws {ServiceUnavailableError}
 */
export const withRecords = async <T>(
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

/** Returns a number and its noun, such as `1 record`. */
export const countOf = (count: number, noun: string): string => `${count} ${noun}${count === 1 ? '' : 's'}`

/** Returns a time, in milliseconds since the epoch, as ISO 8601. */
export const toIso = (time: number): string => new Date(time).toISOString()

/** Returns what tells a record from others, for JSON. */
export const idsOf = ({ requestId, accountId, key, code, queue }: QuarantinedRecord) => ({
  requestId,
  accountId,
  door: key?.door,
  code,
  queue: LABELS[queue],
})
