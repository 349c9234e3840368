import { AWS_ACCOUNT_ID, REGION } from '../../local/aws/sdk.ts'
import { createVisibleMessages, type Visible } from './queue-fairness.ts'
import { createHeap, type Place } from './queue-heap.ts'
import type { Random } from './random.ts'

/** The maximum of `DelaySeconds`: 15 minutes. */
const MAX_DELAY_SECONDS = 900
/** The maximum of `VisibilityTimeout`, and of a message's time in flight per receive: 12 hours. */
const MAX_VISIBILITY_SECONDS = 43_200
/** The most messages in flight in a standard queue. */
const MAX_IN_FLIGHT = 120_000
/** The largest message, in bytes, with its attributes: 1 MiB. */
const MAX_SIZE = 1_048_576
const MAX_ATTRIBUTES = 10
/** The most messages of one receive. */
const MAX_BATCH = 10
/** A message that was received this often without being deleted goes to the back of the queue. */
const POISON_PILL_RECEIVES = 3
/** How far a message may be delivered out of order. The documentation says "best-effort ordering" only. */
const DISORDER_MS = 1000

const INVALID_CHARACTER = /[^\t\n\r\u{20}-\u{D7FF}\u{E000}-\u{FFFD}\u{10000}-\u{10FFFF}]/u
const GROUP_ID = /^[\x21-\x7e]{1,128}$/
const RECEIPT_HANDLE = /^[0-9a-f-]{36}\.\d+\.\d+$/

type SqsErrorCode =
  | 'InvalidMessageContents'
  | 'InvalidParameterValue'
  | 'MessageNotInflight'
  | 'MissingParameter'
  | 'OverLimit'
  | 'ReceiptHandleIsInvalid'

/** The error of an SQS operation. */
export class SqsError extends Error {
  readonly code: SqsErrorCode

  constructor(code: SqsErrorCode, message: string) {
    super(message)
    this.code = code
  }
}

/** Message attributes of the type String. */
export type Attributes = Readonly<Record<string, string>>

/** A message as ReceiveMessage returns it. Times are in milliseconds since the epoch. */
export interface ReceivedMessage {
  readonly messageId: string
  /** A new one for each receive. */
  readonly receiptHandle: string
  readonly body: string
  readonly attributes: Attributes
  /** ApproximateReceiveCount: across all queues, including this receive. */
  readonly receiveCount: number
  readonly sentAt: number
  readonly firstReceivedAt: number
  readonly messageGroupId: string | undefined
  /** Set in a dead-letter queue. */
  readonly deadLetterQueueSourceArn: string | undefined
}

/** A message in the queue, for audits. */
export interface StoredMessage
  extends Omit<ReceivedMessage, 'receiptHandle' | 'firstReceivedAt' | 'receiveCount'> {
  readonly state: 'ready' | 'delayed' | 'inFlight'
  readonly receiveCount: number
  /** When it becomes or became visible. */
  readonly visibleAt: number
  /** Whether it is a second copy that `duplicate` made. */
  readonly isDuplicate: boolean
}

/** What a message brings along when its queue moves it to a dead-letter queue. */
export type DeadLetter = Pick<
  Message,
  'messageId' | 'body' | 'attributes' | 'messageGroupId' | 'sentAt' | 'receiveCount' | 'firstReceivedAt'
>

interface Message extends Visible {
  readonly messageId: string
  /** Identifies it in this queue. Two copies of a message have the same messageId and different keys. */
  readonly key: string
  readonly body: string
  readonly attributes: Attributes
  /** When it came into this queue. */
  readonly enteredAt: number
  readonly deadLetterQueueSourceArn: string | undefined
  readonly isDuplicate: boolean
  /** Whether it is in the queue: neither deleted nor moved nor expired. */
  isStored: boolean
  state: 'ready' | 'delayed' | 'inFlight'
  visibleAt: number
  receiveCount: number
  firstReceivedAt: number | undefined
  receivedAt: number
  /** The number of its last receive. Older receipt handles have lower ones. */
  receipt: number
  /** Its entry among the messages that become visible later. */
  timer: Place | undefined
}

interface Entry extends Place {
  readonly message: Message
}

export interface MemoryQueueOptions {
  readonly name: string
  /** Milliseconds since the epoch. Never goes back. */
  readonly now: () => number
  readonly random: Pick<Random, 'below' | 'uuid'>
  readonly visibilityTimeoutSeconds: number
  readonly retentionSeconds: number
  /** Where a message goes that was received `maxReceiveCount` times and not deleted. */
  readonly redrive?: { readonly maxReceiveCount: number; readonly queue: MemoryQueue }
}

export type MemoryQueue = ReturnType<typeof createMemoryQueue>

/**
 * Returns a standard queue in memory, in the time that `now` tells. It has no timers: messages become
 * visible, and expire, as soon as an operation looks.
 *
 * Older messages come first, give or take a second. One that was received three times goes to the back of the
 * queue. A queue with message groups is a fair queue, see {@link createVisibleMessages}. The servers of a
 * real queue also return no message at times although some are visible. This queue doesn't.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_Operations.html
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues.html
 */
export const createMemoryQueue = ({
  name,
  now,
  random,
  visibilityTimeoutSeconds,
  retentionSeconds,
  redrive,
}: MemoryQueueOptions) => {
  const arn = `arn:aws:sqs:${REGION}:${AWS_ACCOUNT_ID}:${name}`
  const messages = new Map<string, Message>()
  const visible = createVisibleMessages<Message>()
  const hidden = createHeap<Entry>((entry) => entry.message.timer === entry)
  const bySentAt = createHeap<Entry>(({ message }) => message.isStored)
  const byAge = createHeap<Entry>(({ message }) => isCountedInAge(message))
  const listeners = new Set<() => void>()
  let serial = 0
  let delayed = 0
  let expired = 0

  /** Makes a message visible. SQS moves a poison pill to the back of the queue. */
  const show = (message: Message): void => {
    const isPoisonPill = message.receiveCount >= POISON_PILL_RECEIVES
    const rank = (isPoisonPill ? message.visibleAt : message.enteredAt) + random.below(DISORDER_MS)
    message.state = 'ready'
    message.timer = undefined
    visible.add(message, { rank, serial: ++serial })
  }

  const hide = (message: Message, state: 'delayed' | 'inFlight', visibleAt: number): void => {
    const entry = { rank: visibleAt, serial: ++serial, message }
    message.state = state
    message.visibleAt = visibleAt
    message.timer = entry
    hidden.push(entry)
  }

  /** Takes a message out of its current state. */
  const leave = (message: Message, at: number): void => {
    if (message.state === 'ready') visible.remove(message)
    if (message.state === 'delayed') delayed -= 1
    if (message.state === 'inFlight') visible.end(message.messageGroupId, at)
  }

  const forget = (message: Message): void => {
    message.isStored = false
    message.timer = undefined
    messages.delete(message.key)
  }

  const remove = (message: Message): void => {
    leave(message, now())
    forget(message)
  }

  /** Shows the messages whose time has come, and deletes those that are too old. */
  const advance = (): void => {
    const present = now()
    for (let first = hidden.peek(); first && first.rank <= present; first = hidden.peek()) {
      leave(first.message, first.rank)
      show(first.message)
    }
    const tooOld = present - retentionSeconds * 1000
    for (let first = bySentAt.peek(); first && first.rank <= tooOld; first = bySentAt.peek()) {
      remove(first.message)
      expired += 1
    }
  }

  const add = (
    given: DeadLetter & Pick<Message, 'isDuplicate' | 'deadLetterQueueSourceArn'>,
    delaySeconds: number,
  ): void => {
    const enteredAt = now()
    const message: Message = {
      messageId: given.messageId,
      key: `${given.messageId}.${++serial}`,
      body: given.body,
      attributes: given.attributes,
      messageGroupId: given.messageGroupId,
      sentAt: given.sentAt,
      enteredAt,
      deadLetterQueueSourceArn: given.deadLetterQueueSourceArn,
      isDuplicate: given.isDuplicate,
      isStored: true,
      state: 'ready',
      visibleAt: enteredAt,
      receiveCount: given.receiveCount,
      firstReceivedAt: given.firstReceivedAt,
      receivedAt: 0,
      receipt: 0,
      timer: undefined,
      place: undefined,
    }
    messages.set(message.key, message)
    bySentAt.push({ rank: given.sentAt, serial, message })
    byAge.push({ rank: isDeadLetter(message) ? enteredAt : given.sentAt, serial, message })
    if (delaySeconds === 0) show(message)
    else {
      delayed += 1
      hide(message, 'delayed', enteredAt + delaySeconds * 1000)
    }
    notify()
  }

  const notify = (): void => {
    for (const listener of [...listeners]) listener()
  }

  /** Returns the message of a receipt handle if it is still in the queue and the handle is its latest. */
  const find = (receiptHandle: string): Message | undefined => {
    if (!RECEIPT_HANDLE.test(receiptHandle))
      throw new SqsError('ReceiptHandleIsInvalid', 'The input receipt handle is invalid.')
    const end = receiptHandle.lastIndexOf('.')
    const message = messages.get(receiptHandle.slice(0, end))
    return message?.receipt === Number(receiptHandle.slice(end + 1)) ? message : undefined
  }

  const deliver = (message: Message): ReceivedMessage => {
    const receivedAt = now()
    message.receiveCount += 1
    message.receipt += 1
    message.receivedAt = receivedAt
    message.firstReceivedAt ??= receivedAt
    hide(message, 'inFlight', receivedAt + visibilityTimeoutSeconds * 1000)
    visible.start(message.messageGroupId, receivedAt)
    return {
      messageId: message.messageId,
      receiptHandle: `${message.key}.${message.receipt}`,
      body: message.body,
      attributes: message.attributes,
      receiveCount: message.receiveCount,
      sentAt: message.sentAt,
      firstReceivedAt: message.firstReceivedAt,
      messageGroupId: message.messageGroupId,
      deadLetterQueueSourceArn: message.deadLetterQueueSourceArn,
    }
  }

  return {
    name,
    arn,

    /**
     * Sends a message and returns its id. It becomes visible after `delaySeconds`, 900 at most.
     *
     * @throws {SqsError}
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
     */
    send: (
      body: string,
      {
        delaySeconds = 0,
        attributes = {},
        messageGroupId,
      }: {
        readonly delaySeconds?: number
        readonly attributes?: Attributes
        readonly messageGroupId?: string
      } = {},
    ): string => {
      ensureSendable(body, attributes, messageGroupId)
      ensureSeconds('DelaySeconds', delaySeconds, MAX_DELAY_SECONDS)
      advance()
      const messageId = random.uuid()
      const message = {
        messageId,
        body,
        attributes: Object.freeze({ ...attributes }),
        messageGroupId,
        sentAt: now(),
        receiveCount: 0,
        firstReceivedAt: undefined,
        deadLetterQueueSourceArn: undefined,
        isDuplicate: false,
      }
      add(message, delaySeconds)
      return messageId
    },

    /**
     * Receives up to `max` messages, 10 at most, and hides them for the queue's visibility timeout. A message
     * that has been received `maxReceiveCount` times moves to the dead-letter queue instead.
     *
     * With 120,000 messages in flight a long poll returns none, and a short poll fails with `OverLimit`. Both
     * return at once. A caller that waits uses `onVisible` and `nextVisibleAt`.
     *
     * @throws {SqsError}
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-queues.html
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
     */
    receive: (
      max: number,
      { isShortPoll = false }: { readonly isShortPoll?: boolean } = {},
    ): readonly ReceivedMessage[] => {
      if (!Number.isInteger(max) || max < 1 || max > MAX_BATCH)
        throw invalid(`MaxNumberOfMessages must be between 1 and ${MAX_BATCH}.`)
      advance()
      const free = MAX_IN_FLIGHT - visible.inFlight()
      if (free <= 0 && isShortPoll) throw new SqsError('OverLimit', 'Too many messages are in flight.')
      const received: ReceivedMessage[] = []
      while (received.length < Math.min(max, free)) {
        const message = visible.take(now())
        if (!message) break
        if (redrive && message.receiveCount >= redrive.maxReceiveCount) {
          forget(message)
          redrive.queue.acceptDeadLetter(message, arn)
        } else received.push(deliver(message))
      }
      return received
    },

    /**
     * Deletes a message, also if its visibility timeout has passed. A handle of an earlier receive succeeds
     * and deletes nothing.
     *
     * @throws {SqsError} The handle isn't one of a queue.
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
     */
    delete: (receiptHandle: string): void => {
      advance()
      const message = find(receiptHandle)
      if (message) remove(message)
    },

    /**
     * Hides a message in flight for `seconds` from now on. 0 makes it visible.
     *
     * @param seconds At most 43,200 (12 hours) after the message was received.
     * @throws {SqsError} The message is deleted, visible, or was received again since.
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-visibility-timeout.html
     */
    changeVisibility: (receiptHandle: string, seconds: number): void => {
      ensureSeconds('VisibilityTimeout', seconds, MAX_VISIBILITY_SECONDS)
      advance()
      const message = find(receiptHandle)
      if (message?.state !== 'inFlight')
        throw new SqsError(
          'MessageNotInflight',
          'The message is not available for a visibility timeout change.',
        )
      const visibleAt = now() + seconds * 1000
      if (visibleAt > message.receivedAt + MAX_VISIBILITY_SECONDS * 1000)
        throw invalid(`Total VisibilityTimeout for the message is beyond ${MAX_VISIBILITY_SECONDS} seconds.`)
      hide(message, 'inFlight', visibleAt)
      advance()
      notify()
    },

    /**
     * Makes a copy of a received message visible, as SQS does on rare occasions: it delivers at least once.
     * The copy has the same messageId. Deleting the original doesn't delete it. Does nothing if the message
     * is no longer in the queue.
     *
     * @param delaySeconds How long the copy stays hidden. Default: 0.
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/standard-queues-at-least-once-delivery.html
     */
    duplicate: (receiptHandle: string, delaySeconds = 0): void => {
      advance()
      const message = find(receiptHandle)
      if (message) add({ ...message, isDuplicate: true }, delaySeconds)
    },

    /**
     * Takes a message that another queue moves here. Its send time, and so its retention, stays. Its age in
     * the metric begins anew.
     *
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/setting-up-dead-letter-queue-retention.html
     */
    acceptDeadLetter: (message: DeadLetter, sourceArn: string): void => {
      advance()
      add({ ...message, isDuplicate: false, deadLetterQueueSourceArn: sourceArn }, 0)
    },

    /**
     * Calls a listener after each send, dead letter, duplicate or changed visibility timeout: `nextVisibleAt`
     * may be earlier than before. Returns how to stop that. Nothing is called when a timeout passes.
     */
    onVisible: (listener: () => void): (() => void) => {
      listeners.add(listener)
      return () => {
        listeners.delete(listener)
      }
    },

    /** Returns when a receive can next return a message: now, later, or undefined as things are. */
    nextVisibleAt: (): number | undefined => {
      advance()
      if (visible.count() > 0 && visible.inFlight() < MAX_IN_FLIGHT) return now()
      return hidden.peek()?.rank
    },

    /** Returns how many messages are visible. */
    ready: (): number => {
      advance()
      return visible.count()
    },

    /**
     * Returns the numbers that CloudWatch reports, exactly. The age is that of the oldest message that was
     * received less than three times. `expired` counts the messages that were deleted because they were too
     * old.
     *
     * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
     */
    counts: () => {
      advance()
      const oldest = byAge.peek()
      return {
        ready: visible.count(),
        delayed,
        inFlight: visible.inFlight(),
        expired,
        oldestAgeSeconds: oldest && Math.floor((now() - oldest.rank) / 1000),
      }
    },

    /** Returns every message in the queue. */
    messages: (): readonly StoredMessage[] => {
      advance()
      return [...messages.values()].map(toStored)
    },
  }
}

const isDeadLetter = (message: Message): boolean => message.deadLetterQueueSourceArn !== undefined

const isCountedInAge = (message: Message): boolean =>
  message.isStored && (message.receiveCount < POISON_PILL_RECEIVES || isDeadLetter(message))

const toStored = (message: Message): StoredMessage => ({
  messageId: message.messageId,
  body: message.body,
  attributes: message.attributes,
  receiveCount: message.receiveCount,
  sentAt: message.sentAt,
  messageGroupId: message.messageGroupId,
  deadLetterQueueSourceArn: message.deadLetterQueueSourceArn,
  state: message.state,
  visibleAt: message.visibleAt,
  isDuplicate: message.isDuplicate,
})

const invalid = (reason: string) => new SqsError('InvalidParameterValue', reason)

const ensureSeconds = (parameter: string, seconds: number, max: number): void => {
  if (!Number.isInteger(seconds) || seconds < 0 || seconds > max)
    throw invalid(`${parameter} must be between 0 and ${max}.`)
}

const ensureSendable = (body: string, attributes: Attributes, messageGroupId: string | undefined): void => {
  if (body === '') throw new SqsError('MissingParameter', 'MessageBody is missing.')
  const texts = Object.entries(attributes)
  if ([body, ...Object.values(attributes)].some((text) => INVALID_CHARACTER.test(text)))
    throw new SqsError('InvalidMessageContents', 'The message contains invalid characters.')
  if (texts.length > MAX_ATTRIBUTES) throw invalid(`A message has up to ${MAX_ATTRIBUTES} attributes.`)
  if (texts.some(([, text]) => text === '')) throw invalid('An attribute must not be empty.')
  if (messageGroupId !== undefined && !GROUP_ID.test(messageGroupId))
    throw invalid('MessageGroupId is invalid.')
  const size = texts.reduce(
    (sum, [name, text]) => sum + Buffer.byteLength(name) + 'String'.length + Buffer.byteLength(text),
    Buffer.byteLength(body),
  )
  if (size > MAX_SIZE) throw invalid(`A message must be shorter than ${MAX_SIZE} bytes.`)
}
