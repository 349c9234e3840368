import type { SQSBatchResponse } from 'aws-lambda'
import type { Invoked } from './container.ts'
import type { MemoryQueue, ReceivedMessage } from './queue.ts'
import type { VirtualTime } from './time.ts'

const BATCH_SIZE = 10
/** Lambda starts with five concurrent batches. */
const FIRST_POLLERS = 5
/** Lambda adds up to this many concurrent batches per minute while messages are waiting. */
const POLLERS_PER_MINUTE = 300

/**
 * Polls a queue and invokes a function with batches of records, as Lambda's event source mapping does. It
 * scales with the backlog up to `maximumConcurrency`. It deletes the records that the partial batch response
 * doesn't name. The records of a failed batch return when their visibility timeout ends.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export const startEventSourceMapping = ({
  queue,
  time,
  maximumConcurrency,
  invoke,
  onDelete,
}: {
  readonly queue: MemoryQueue
  readonly time: VirtualTime
  readonly maximumConcurrency: number
  /** Called before a message is deleted. */
  readonly onDelete: (message: ReceivedMessage) => void
  readonly invoke: (messages: readonly ReceivedMessage[]) => Promise<Invoked<SQSBatchResponse>>
}) => {
  let running = 0
  let peak = 0
  let allowed = FIRST_POLLERS
  let scaledAt = time.now()
  let stopped = false
  let wake: (() => void) | undefined

  const scale = () => {
    const now = time.now()
    const added = Math.floor(((now - scaledAt) / 60_000) * POLLERS_PER_MINUTE)
    if (queue.ready() === 0) {
      allowed = Math.max(FIRST_POLLERS, running)
      scaledAt = now
    } else if (added > 0) {
      allowed = Math.min(maximumConcurrency, allowed + added)
      scaledAt = now
    }
  }

  const poll = () => {
    if (stopped) return
    scale()
    while (running < Math.min(allowed, maximumConcurrency)) {
      const messages = queue.receive(BATCH_SIZE)
      if (messages.length === 0) break
      running += 1
      peak = Math.max(peak, running)
      void run(messages)
    }
    schedule()
  }

  const run = async (messages: readonly ReceivedMessage[]) => {
    const invoked = await invoke(messages)
    running -= 1
    if (invoked.kind === 'returned') {
      const failed = new Set(invoked.value.batchItemFailures.map(({ itemIdentifier }) => itemIdentifier))
      const known = new Set(messages.map(({ messageId }) => messageId))
      // An unknown or empty id fails the whole batch.
      if ([...failed].every((id) => known.has(id)))
        for (const message of messages) {
          const { messageId, receiptHandle } = message
          if (!failed.has(messageId)) {
            onDelete(message)
            queue.delete(receiptHandle)
          }
        }
    }
    poll()
  }

  /** Waits until the next message becomes visible, or until more pollers are allowed. */
  const schedule = () => {
    wake?.()
    wake = undefined
    const waitsForPoller = running >= allowed && allowed < maximumConcurrency && queue.ready() > 0
    const next = waitsForPoller ? time.now() + 60_000 / POLLERS_PER_MINUTE : queue.nextVisibleAt()
    if (next === undefined || running >= maximumConcurrency) return
    wake = time.after(Math.max(1, next - time.now()), () => {
      wake = undefined
      poll()
    })
  }

  queue.onVisible(poll)
  poll()

  return {
    peak: () => peak,
    running: () => running,
    stop: () => {
      stopped = true
      wake?.()
    },
  }
}
