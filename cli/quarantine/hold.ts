import type { Message } from '@aws-sdk/client-sqs'
import { BATCH_SIZE, type QuarantineQueue } from './queues.ts'
import type { QuarantinedRecord } from './record.ts'

/**
 * How long received messages are hidden from others, in seconds. If a command is killed, they stay hidden
 * that long.
 */
export const HIDDEN_SECONDS = 900
/** The most messages that one command holds. SQS allows 120,000 in flight. */
const MAX_HELD = 10_000

/** Which records a command is about. */
export interface RecordFilter {
  readonly matches: (record: QuarantinedRecord) => boolean
  /** The most records. Undefined: as many as one command can hold. */
  readonly limit: number | undefined
}

/** Records that nobody else receives while they are held. */
export interface Held {
  /** The records that match, in the order of their times. */
  readonly records: readonly QuarantinedRecord[]
  /** How many messages don't match. */
  readonly others: number
  /** Whether the queue may have more records that match. */
  readonly isPartial: boolean
  /** Hides them for longer if they would soon be visible. Returns whether a record is still held. */
  readonly keep: (record: QuarantinedRecord) => Promise<boolean>
  /** Deletes a record from the queue. */
  readonly remove: (record: QuarantinedRecord) => Promise<void>
  /** Makes all that are left visible at once. */
  readonly release: () => Promise<void>
}

interface Receipt {
  readonly handle: string
  /** Milliseconds since the epoch. */
  readonly hiddenUntil: number
}

/**
 * Receives all messages of the quarantine queue, and returns the records that match. SQS can't read a message
 * without receiving it, so every message is hidden from others until it is released. Nothing else happens to
 * it: the queue has no redrive policy, so receives are not counted.
 *
 * All are received before the caller sends any. A record that comes back later is a new message, which is
 * never among them.
 *
 * @param options.now Milliseconds since the epoch.
 * @param options.onReceived Called with the number of messages received so far.
 * @throws {ServiceUnavailableError} SQS or the state table fails. Everything is released.
 */
export const holdRecords = async ({
  queue,
  read,
  filter: { matches, limit = MAX_HELD },
  now,
  signal,
  onReceived,
}: {
  readonly queue: QuarantineQueue
  readonly read: (message: Message) => Promise<QuarantinedRecord>
  readonly filter: RecordFilter
  readonly now: () => number
  readonly signal: AbortSignal
  readonly onReceived: (count: number) => void
}): Promise<Held> => {
  const receipts = new Map<string, Receipt>()
  const records: QuarantinedRecord[] = []

  const hide = async (ids: readonly string[], seconds: number) => {
    for (let start = 0; start < ids.length; start += BATCH_SIZE) {
      const chunk = ids.slice(start, start + BATCH_SIZE)
      const handles = chunk.flatMap((id) => receipts.get(id)?.handle ?? [])
      const hiddenUntil = now() + seconds * 1000
      const failed = await queue.hide(handles, seconds)
      for (const id of chunk) {
        const handle = receipts.get(id)?.handle ?? ''
        if (failed.includes(handle)) receipts.delete(id)
        else receipts.set(id, { handle, hiddenUntil })
      }
    }
  }

  const keepAll = () => {
    const soon = now() + (HIDDEN_SECONDS * 1000) / 2
    return hide(
      [...receipts].filter(([, { hiddenUntil }]) => hiddenUntil < soon).map(([id]) => id),
      HIDDEN_SECONDS,
    )
  }

  const release = () => hide([...receipts.keys()], 0)

  /** Returns whether there may be more. */
  const receiveAll = async (): Promise<boolean> => {
    for (;;) {
      if (signal.aborted || receipts.size >= MAX_HELD || records.length >= limit) return true
      const hiddenUntil = now() + HIDDEN_SECONDS * 1000
      const messages = await queue.receive(HIDDEN_SECONDS)
      // SQS may deliver a message twice. The last handle is the one that works.
      const fresh = messages.filter(({ MessageId = '' }) => !receipts.has(MessageId))
      for (const { MessageId = '', ReceiptHandle = '' } of messages)
        receipts.set(MessageId, { handle: ReceiptHandle, hiddenUntil })
      for (const record of await Promise.all(fresh.map(read)))
        if (records.length < limit && matches(record)) records.push(record)
      // A receive that waits asks all of SQS's servers, so none of them has another message.
      if (fresh.length === 0) return false
      onReceived(receipts.size)
      await keepAll()
    }
  }

  try {
    const isPartial = await receiveAll()
    return {
      records: records.toSorted((a, b) => a.sentAt - b.sentAt),
      others: receipts.size - records.length,
      isPartial,
      keep: async ({ messageId }) => {
        await keepAll()
        return receipts.has(messageId)
      },
      remove: async ({ messageId }) => {
        await queue.remove(receipts.get(messageId)?.handle ?? '')
        receipts.delete(messageId)
      },
      release,
    }
  } catch (error) {
    // If this fails, too, the messages are visible again after a quarter of an hour.
    await release().catch(() => {})
    throw error
  }
}
