import type { StateTable } from '../../lib/aws/state-table.ts'
import type { Outcome } from '../../lib/conversation/facts.ts'
import { hasContent } from '../../lib/conversation/ledger.ts'
import { type RequestKey, requestKey } from '../../lib/conversation/ledger-item.ts'
import { NO_ACCOUNT } from '../../lib/conversation/refusals.ts'
import type { Code } from '../../lib/errors/codes.ts'
import { toAppError } from '../../lib/errors/errors.ts'
import type { CommandContext } from '../commands/command.ts'
import { type RequestState, readRefusals, readRequestStates } from '../request-states.ts'
import type { Held } from './hold.ts'
import type { QuarantineQueue } from './queues.ts'
import { identityOf, type QuarantinedRecord } from './record.ts'

/** What became of a record. */
export type Fate =
  /** The ledger has its outcome. `before`: it had it before the replay. */
  | { readonly kind: 'settled'; readonly outcome: Outcome; readonly before: boolean }
  /** The service refused it. It is in quarantine again. */
  | { readonly kind: 'refused'; readonly code: string }
  /** It was sent, and nothing was known about it at the time limit. */
  | { readonly kind: 'waiting'; readonly outcome: Outcome | undefined }
  /** It was not sent, or is still in quarantine, too. */
  | { readonly kind: 'failed'; readonly isSent: boolean; readonly detail: string }
  /** Another command holds it, or Ctrl-C ended this one before its turn. */
  | { readonly kind: 'skipped' }

/** A record that was replayed, with its copies. */
export interface Replayed {
  readonly record: QuarantinedRecord
  /** How many records of the queue had the same request and content. One of them was sent. */
  readonly copies: number
  readonly fate: Fate
}

/** What a replay needs. */
export interface ReplayOptions {
  readonly held: Held
  readonly queue: Pick<QuarantineQueue, 'send'>
  readonly table: StateTable
  /** The ids of the stage's accounts. */
  readonly accountIds: readonly string[]
  /** The most messages to send per second. */
  readonly ratePerSecond: number
  /** How long to wait for outcomes after the last message was sent, in milliseconds. */
  readonly waitMs: number
  /** Called before a record is sent. Returns the body to send, or why it must not be sent. */
  readonly prepare: (record: QuarantinedRecord) => Promise<Prepared>
  readonly context: Pick<CommandContext, 'now' | 'sleep' | 'signal' | 'progress'>
}

export type Prepared = { readonly body: string } | { readonly obstacle: string }

interface Sent {
  readonly record: QuarantinedRecord
  readonly copies: number
  readonly messageId: string
  /** What the ledger knew before the replay. */
  readonly before: RequestState | undefined
}

/** How often the ledger is asked, in milliseconds. */
const POLL_MS = 1000

/**
 * Returns records to the queues that they came from, each once, and says what became of them. A record is
 * sent before it is deleted. If the command is killed in between, a later replay sends it again, and the
 * ledger answers the copy.
 */
export const replay = async (options: ReplayOptions): Promise<readonly Replayed[]> => {
  const { held, context } = options
  const groups = [...Map.groupBy(held.records, identityOf).values()]
  const replayed: Replayed[] = []
  const sent: Sent[] = []
  for (const [index, records] of groups.entries()) {
    context.progress(`Sending ${index + 1} of ${groups.length} …`)
    const startedAt = context.now()
    const result = context.signal.aborted ? { kind: 'skipped' as const } : await sendOne(records, options)
    if ('messageId' in result) sent.push(result)
    else replayed.push({ record: firstOf(records), copies: records.length, fate: result })
    const restMs = 1000 / options.ratePerSecond - (context.now() - startedAt)
    if (restMs > 0 && index < groups.length - 1 && !context.signal.aborted) await context.sleep(restMs)
  }
  return [...replayed, ...(await watch(sent, options))].toSorted((a, b) => a.record.sentAt - b.record.sentAt)
}

const firstOf = ([record]: readonly QuarantinedRecord[]): QuarantinedRecord => {
  if (record) return record
  throw new Error('A group has at least one record.')
}

const sendOne = async (
  records: readonly QuarantinedRecord[],
  { held, queue, table, prepare, context }: ReplayOptions,
): Promise<Sent | Fate> => {
  const record = firstOf(records)
  const { key } = record
  let isSent = false
  try {
    if (!(await held.keep(record))) return { kind: 'skipped' }
    const prepared = await prepare(record)
    if ('obstacle' in prepared) return { kind: 'failed', isSent, detail: prepared.obstacle }
    const before = key && (await readRequestStates(table, [key], context.now())).get(requestKey(key))
    const group = record.queue === 'handOver' && key ? `${key.accountId}-${key.door}` : undefined
    const messageId = await queue.send(record.queue, prepared.body, group)
    isSent = true
    for (const copy of records) await held.remove(copy)
    return { record, copies: records.length, messageId, before }
  } catch (error) {
    return { kind: 'failed', isSent, detail: toAppError(error).message }
  }
}

/** Asks the ledger until it has the outcome of each record, or the time is over. */
const watch = async (
  sent: readonly Sent[],
  { table, accountIds, waitMs, context }: ReplayOptions,
): Promise<readonly Replayed[]> => {
  const { now, sleep, signal, progress } = context
  const until = now() + waitMs
  const done = new Map<Sent, Fate>()
  const states = new Map<string, RequestState>()
  for (;;) {
    const open = sent.filter((one) => !done.has(one))
    const keys = open.flatMap(({ record }): readonly RequestKey[] => (record.key ? [record.key] : []))
    for (const [pk, state] of await readRequestStates(table, keys, now())) states.set(pk, state)
    const refusals = await readRefusals(
      table,
      open.map(({ messageId, record: { accountId } }) => ({
        messageId,
        accountIds: accountId === undefined ? [...accountIds, NO_ACCOUNT] : [accountId, NO_ACCOUNT],
      })),
    )
    for (const one of open) {
      const fate = fateOf(one, states.get(pkOf(one)), refusals.get(one.messageId))
      if (fate) done.set(one, fate)
    }
    if (done.size === sent.length || now() >= until || signal.aborted) break
    progress(`Waiting for ${sent.length - done.size} of ${sent.length} outcomes …`)
    await sleep(Math.min(POLL_MS, until - now()))
  }
  return sent.map((one) => ({
    record: one.record,
    copies: one.copies,
    fate: done.get(one) ?? { kind: 'waiting', outcome: states.get(pkOf(one))?.outcome },
  }))
}

const pkOf = ({ record: { key } }: Sent): string => (key ? requestKey(key) : '')

const fateOf = (
  { before, record: { fingerprint } }: Sent,
  state: RequestState | undefined,
  refusal: string | undefined,
): Fate | undefined => {
  if (refusal !== undefined) return { kind: 'refused', code: refusal }
  // The outcome of another request with the same id. This one is refused.
  if (state && fingerprint !== undefined && !hasContent(state, fingerprint))
    return { kind: 'refused', code: 'request_id_reused' satisfies Code }
  if (!state?.isSettled) return undefined
  // A request that was given up can be tried again, so only a later write is its outcome.
  if (before?.revision === state.revision && state.outcome.status === 'failed') return undefined
  return { kind: 'settled', outcome: state.outcome, before: before?.revision === state.revision }
}
