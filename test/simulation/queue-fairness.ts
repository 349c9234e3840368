import { createHeap, type Heap, isBefore, type Place } from './queue-heap.ts'

/** The share of the messages in flight counts from this many of the group's own on. */
const NOISY_IN_FLIGHT = 30
/** A group that has sent nothing for this long is quiet. */
const QUIET_AFTER_MS = 5 * 60_000
/** What counts as recent processing time: this window and the one before. The page doesn't say. */
const WINDOW_MS = 5 * 60_000
/** Idle groups are forgotten from this many groups on. */
const SMALLEST_LIMIT = 64

/** A visible message. */
export interface Visible {
  readonly messageGroupId: string | undefined
  /** Milliseconds since the epoch. */
  readonly sentAt: number
  /** Its place in the order. Undefined unless it is visible. */
  place: Place | undefined
}

interface Waiting<M> extends Place {
  readonly message: M
}

interface Group<M> {
  readonly id: string | undefined
  readonly waiting: Heap<Waiting<M>>
  readonly usage: Usage
  /** The number of its visible messages. */
  visible: number
  lastSentAt: number
  /** Its place among the quiet groups. */
  turn: Turn<M> | undefined
}

interface Turn<M> extends Place {
  readonly group: Group<M>
}

/**
 * Returns the visible messages of a queue, in the order in which a fair queue delivers them. A group is a
 * tenant, and so is each message without a group.
 *
 * A tenant is a noisy neighbor if it has at least 30 messages in flight and more than 10 % of all of them, or
 * more than 10 % of the recent processing time. Here processing time is the time in flight. Messages of quiet
 * tenants come first, by rank. If only noisy tenants have any, the one with the fewest messages in flight
 * comes first. A tenant without visible messages is quiet, and so is one that has sent nothing for five
 * minutes.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues-detailed.html
 */
export const createVisibleMessages = <M extends Visible>() => {
  const groups = new Map<string | undefined, Group<M>>()
  const noisy = new Set<Group<M>>()
  const all = createUsage()
  const turns = createHeap<Turn<M>>((turn) => turn.group.turn === turn)
  let visible = 0
  let limit = SMALLEST_LIMIT

  const toGroup = (id: string | undefined): Group<M> => {
    const known = groups.get(id)
    if (known) return known
    if (groups.size >= limit) forgetIdleGroups()
    const group: Group<M> = {
      id,
      waiting: createHeap<Waiting<M>>((place) => place.message.place === place),
      usage: createUsage(),
      visible: 0,
      lastSentAt: 0,
      turn: undefined,
    }
    groups.set(id, group)
    return group
  }

  const forgetIdleGroups = (): void => {
    for (const group of groups.values()) {
      if (group.visible > 0 || group.usage.inFlight() > 0) continue
      noisy.delete(group)
      groups.delete(group.id)
    }
    limit = Math.max(SMALLEST_LIMIT, 2 * groups.size)
  }

  const isNoisy = (group: Group<M>, now: number): boolean => {
    if (group.id === undefined || now - group.lastSentAt >= QUIET_AFTER_MS) return false
    const inFlight = group.usage.inFlight()
    if (inFlight >= NOISY_IN_FLIGHT && isShareNoisy(inFlight, all.inFlight())) return true
    return isShareNoisy(group.usage.recentMs(now), all.recentMs(now))
  }

  /** Moves a quiet group to the place of its first message. */
  const enter = (group: Group<M>): void => {
    const first = group.waiting.peek()
    if (!first || noisy.has(group) || (group.turn && !isBefore(first, group.turn))) return
    group.turn = { rank: first.rank, serial: first.serial, group }
    turns.push(group.turn)
  }

  const takeFrom = (group: Group<M>): M | undefined => {
    const first = group.waiting.pop()
    if (!first) return undefined
    remove(first.message)
    return first.message
  }

  const remove = (message: M): void => {
    const group = toGroup(message.messageGroupId)
    message.place = undefined
    group.visible -= 1
    visible -= 1
    enter(group)
  }

  const findQuiet = (now: number): Group<M> | undefined => {
    for (const group of noisy) {
      if (group.visible > 0 && isNoisy(group, now)) continue
      noisy.delete(group)
      enter(group)
    }
    for (let turn = turns.pop(); turn; turn = turns.pop()) {
      const { group } = turn
      group.turn = undefined
      const first = group.waiting.peek()
      if (first && isNoisy(group, now)) noisy.add(group)
      else if (first && isBefore(turn, first)) enter(group)
      else if (first) return group
    }
    return undefined
  }

  const findQuietest = (): Group<M> | undefined => {
    let quietest: Group<M> | undefined
    for (const group of noisy) {
      if (group.visible === 0) continue
      if (!quietest || group.usage.inFlight() < quietest.usage.inFlight()) quietest = group
    }
    return quietest
  }

  return {
    count: () => visible,

    add: (message: M, { rank, serial }: Place): void => {
      const group = toGroup(message.messageGroupId)
      const waiting = { rank, serial, message }
      message.place = waiting
      group.lastSentAt = Math.max(group.lastSentAt, message.sentAt)
      group.visible += 1
      visible += 1
      group.waiting.push(waiting)
      enter(group)
    },

    remove,

    /** Removes the next message and returns it. */
    take: (now: number): M | undefined => {
      if (visible === 0) return undefined
      const group = findQuiet(now) ?? findQuietest()
      return group && takeFrom(group)
    },

    /** Records that a message of a group is in flight from now on. */
    start: (messageGroupId: string | undefined, now: number): void => {
      toGroup(messageGroupId).usage.change(1, now)
      all.change(1, now)
    },

    /** Records that it no longer is. */
    end: (messageGroupId: string | undefined, now: number): void => {
      toGroup(messageGroupId).usage.change(-1, now)
      all.change(-1, now)
    },

    inFlight: () => all.inFlight(),
  }
}

/** A noisy group has more than 10 % of the messages in flight, or of the processing time. */
const isShareNoisy = (part: number, whole: number): boolean => part * 10 > whole

type Usage = ReturnType<typeof createUsage>

/** Returns the number of messages in flight and the time that they have spent there recently. */
const createUsage = () => {
  let inFlight = 0
  let since = 0
  let current = 0
  let previous = 0

  const advance = (now: number): void => {
    if (since === 0) since = now
    while (since < now) {
      const end = (Math.floor(since / WINDOW_MS) + 1) * WINDOW_MS
      const until = Math.min(now, end)
      current += inFlight * (until - since)
      since = until
      if (until < end) return
      previous = current
      current = 0
    }
  }

  return {
    inFlight: () => inFlight,
    change: (by: 1 | -1, now: number): void => {
      advance(now)
      inFlight += by
    },
    recentMs: (now: number): number => {
      advance(now)
      return current + previous
    },
  }
}
