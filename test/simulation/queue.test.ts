import { beforeEach, describe, expect, test } from 'vitest'
import { createMemoryQueue, type MemoryQueue, type MemoryQueueOptions, SqsError } from './queue.ts'
import { createRandom } from './random.ts'

const START = Date.UTC(2026, 10, 2)
const DAY_SECONDS = 86_400
const MAX_IN_FLIGHT = 120_000

let now = START
beforeEach(() => {
  now = START
})
const pass = (seconds: number) => {
  now += seconds * 1000
}

const createQueue = (options: Partial<MemoryQueueOptions> = {}): MemoryQueue =>
  createMemoryQueue({
    name: 'events',
    now: () => now,
    random: createRandom('queue'),
    visibilityTimeoutSeconds: 30,
    retentionSeconds: 4 * DAY_SECONDS,
    ...options,
  })

const receiveOne = (queue: MemoryQueue) => {
  const [message] = queue.receive(1)
  if (!message) throw new Error('Nothing was received.')
  return message
}
const bodies = (queue: MemoryQueue, max = 10) => queue.receive(max).map(({ body }) => body)
const codeOf = (run: () => unknown): string | undefined => {
  try {
    run()
    return undefined
  } catch (error) {
    return error instanceof SqsError ? error.code : String(error)
  }
}

describe('send and receive', () => {
  test('a message is received as it was sent', () => {
    const queue = createQueue()
    const attributes = { code: 'liveperson_rejected' }
    const messageId = queue.send('body', { attributes, messageGroupId: '70123456' })
    attributes.code = 'changed'
    pass(2)
    expect(queue.receive(10)).toEqual([
      {
        messageId,
        receiptHandle: expect.any(String),
        body: 'body',
        attributes: { code: 'liveperson_rejected' },
        receiveCount: 1,
        sentAt: START,
        firstReceivedAt: START + 2000,
        messageGroupId: '70123456',
        deadLetterQueueSourceArn: undefined,
      },
    ])
    expect(queue.receive(10)).toEqual([])
  })

  test('a delayed message becomes visible after its delay', () => {
    const queue = createQueue()
    queue.send('body', { delaySeconds: 900 })
    expect(queue.counts()).toMatchObject({ ready: 0, delayed: 1, inFlight: 0 })
    expect(queue.nextVisibleAt()).toBe(START + 900_000)
    now = START + 899_999
    expect(bodies(queue)).toEqual([])
    now += 1
    expect(bodies(queue)).toEqual(['body'])
    expect(queue.counts()).toMatchObject({ ready: 0, delayed: 0, inFlight: 1 })
  })

  const attributesOf = (count: number, text = 'x') =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`a${index}`, text]))

  test.each<[string, string, Parameters<MemoryQueue['send']>[1], string | undefined]>([
    ['an empty body', '', {}, 'MissingParameter'],
    ['a control character', 'a\u0001', {}, 'InvalidMessageContents'],
    ['a lone surrogate', 'a\ud800', {}, 'InvalidMessageContents'],
    ['an emoji', '🦊', {}, undefined],
    ['1 MiB', 'x'.repeat(1_048_576), {}, undefined],
    ['a byte more', 'x'.repeat(1_048_577), {}, 'InvalidParameterValue'],
    ['1 MiB of two-byte characters', 'é'.repeat(524_288), {}, undefined],
    ['1 MiB with an attribute', 'x'.repeat(1_048_567), { attributes: attributesOf(1) }, undefined],
    ['a byte more with one', 'x'.repeat(1_048_568), { attributes: attributesOf(1) }, 'InvalidParameterValue'],
    ['10 attributes', 'x', { attributes: attributesOf(10) }, undefined],
    ['11 attributes', 'x', { attributes: attributesOf(11) }, 'InvalidParameterValue'],
    ['an empty attribute', 'x', { attributes: attributesOf(1, '') }, 'InvalidParameterValue'],
    ['an invalid attribute', 'x', { attributes: attributesOf(1, '\u0000') }, 'InvalidMessageContents'],
    ['a delay of 900 s', 'x', { delaySeconds: 900 }, undefined],
    ['a delay of 901 s', 'x', { delaySeconds: 901 }, 'InvalidParameterValue'],
    ['a negative delay', 'x', { delaySeconds: -1 }, 'InvalidParameterValue'],
    ['a fraction of a second', 'x', { delaySeconds: 0.5 }, 'InvalidParameterValue'],
    ['a group of 128 characters', 'x', { messageGroupId: 'g'.repeat(128) }, undefined],
    ['a group of 129 characters', 'x', { messageGroupId: 'g'.repeat(129) }, 'InvalidParameterValue'],
    ['a group with a space', 'x', { messageGroupId: 'a b' }, 'InvalidParameterValue'],
  ])('%s', (_, body, options, code) => {
    const queue = createQueue()
    expect(codeOf(() => queue.send(body, options))).toBe(code)
    expect(queue.messages()).toHaveLength(code === undefined ? 1 : 0)
  })

  test.each([0, 11, 1.5])('a receive of %d messages is refused', (max) => {
    expect(codeOf(() => createQueue().receive(max))).toBe('InvalidParameterValue')
  })
})

describe('the visibility timeout', () => {
  test('a message becomes visible after it, with another receipt handle', () => {
    const queue = createQueue()
    queue.send('body')
    const first = receiveOne(queue)
    pass(29.999)
    expect(bodies(queue)).toEqual([])
    pass(0.001)
    const second = receiveOne(queue)
    expect(second).toMatchObject({
      messageId: first.messageId,
      receiveCount: 2,
      firstReceivedAt: first.firstReceivedAt,
    })
    expect(second.receiptHandle).not.toBe(first.receiptHandle)
  })

  // The examples of API_ChangeMessageVisibility, of today and of 2013.
  test.each([
    { timeout: 60, after: 15, to: 10, total: 25 },
    { timeout: 300, after: 180, to: 600, total: 780 },
  ])(
    'of $timeout s, changed to $to s after $after s, is $total s in total',
    ({ timeout, after, to, total }) => {
      const queue = createQueue({ visibilityTimeoutSeconds: timeout })
      queue.send('body')
      const { receiptHandle } = receiveOne(queue)
      pass(after)
      queue.changeVisibility(receiptHandle, to)
      expect(queue.nextVisibleAt()).toBe(START + total * 1000)
      pass(total - after - 0.001)
      expect(bodies(queue)).toEqual([])
      pass(0.001)
      expect(bodies(queue)).toEqual(['body'])
    },
  )

  test('0 makes a message visible', () => {
    const queue = createQueue()
    queue.send('body')
    queue.changeVisibility(receiveOne(queue).receiptHandle, 0)
    expect(queue.counts()).toMatchObject({ ready: 1, inFlight: 0 })
    expect(receiveOne(queue).receiveCount).toBe(2)
  })

  test.each([
    [43_200, 0, undefined],
    [43_201, 0, 'InvalidParameterValue'],
    [-1, 0, 'InvalidParameterValue'],
    [43_199, 1, undefined],
    [43_200, 1, 'InvalidParameterValue'],
  ])('%d s, %d s after the receive: %s', (seconds, after, code) => {
    const queue = createQueue()
    queue.send('body')
    const { receiptHandle } = receiveOne(queue)
    pass(after)
    expect(codeOf(() => queue.changeVisibility(receiptHandle, seconds))).toBe(code)
  })

  test('the 12 hours begin with each receive', () => {
    const queue = createQueue()
    queue.send('body')
    queue.changeVisibility(receiveOne(queue).receiptHandle, 43_200)
    pass(43_200)
    const { receiptHandle } = receiveOne(queue)
    expect(codeOf(() => queue.changeVisibility(receiptHandle, 43_200))).toBeUndefined()
  })

  test('of a visible, a received again, a deleted and an unknown message does not change', () => {
    const queue = createQueue()
    queue.send('body')
    const first = receiveOne(queue).receiptHandle
    pass(30)
    expect(codeOf(() => queue.changeVisibility(first, 1))).toBe('MessageNotInflight')
    const second = receiveOne(queue).receiptHandle
    expect(codeOf(() => queue.changeVisibility(first, 1))).toBe('MessageNotInflight')
    queue.delete(second)
    expect(codeOf(() => queue.changeVisibility(second, 1))).toBe('MessageNotInflight')
    expect(codeOf(() => queue.changeVisibility('unknown', 1))).toBe('ReceiptHandleIsInvalid')
  })
})

describe('delete', () => {
  test('deletes a message in flight', () => {
    const queue = createQueue()
    queue.send('body')
    queue.delete(receiveOne(queue).receiptHandle)
    pass(30)
    expect(queue.messages()).toEqual([])
    expect(queue.counts()).toMatchObject({ ready: 0, delayed: 0, inFlight: 0, expired: 0 })
  })

  test('deletes a message whose visibility timeout has passed', () => {
    const queue = createQueue()
    queue.send('body')
    const { receiptHandle } = receiveOne(queue)
    pass(30)
    expect(queue.counts().ready).toBe(1)
    queue.delete(receiptHandle)
    expect(bodies(queue)).toEqual([])
  })

  test('with the handle of an earlier receive deletes nothing', () => {
    const queue = createQueue()
    queue.send('body')
    const { receiptHandle } = receiveOne(queue)
    pass(30)
    receiveOne(queue)
    queue.delete(receiptHandle)
    expect(queue.counts().inFlight).toBe(1)
  })

  test('twice is the same as once', () => {
    const queue = createQueue()
    queue.send('body')
    const { receiptHandle } = receiveOne(queue)
    queue.delete(receiptHandle)
    expect(codeOf(() => queue.delete(receiptHandle))).toBeUndefined()
    expect(codeOf(() => queue.delete('unknown'))).toBe('ReceiptHandleIsInvalid')
  })
})

describe('a dead-letter queue', () => {
  const createPair = (retentionSeconds = 14 * DAY_SECONDS) => {
    const dead = createQueue({ name: 'quarantine', retentionSeconds })
    return { dead, queue: createQueue({ redrive: { maxReceiveCount: 3, queue: dead } }) }
  }
  const exhaust = (queue: MemoryQueue) => {
    for (let count = 0; count < 3; count++) {
      receiveOne(queue)
      pass(30)
    }
  }

  test('gets a message at the receive after the last one allowed', () => {
    const { dead, queue } = createPair()
    const messageId = queue.send('body', { attributes: { code: 'x' }, messageGroupId: 'g' })
    exhaust(queue)
    expect(queue.counts()).toMatchObject({ ready: 1 })
    expect(dead.messages()).toEqual([])
    expect(queue.receive(10)).toEqual([])
    expect(queue.messages()).toEqual([])
    expect(dead.receive(10)).toEqual([
      expect.objectContaining({
        messageId,
        body: 'body',
        attributes: { code: 'x' },
        messageGroupId: 'g',
        // Across all queues.
        receiveCount: 4,
        sentAt: START,
        firstReceivedAt: START,
        deadLetterQueueSourceArn: 'arn:aws:sqs:eu-west-1:000000000000:events',
      }),
    ])
  })

  test('gets a message beside those that are received', () => {
    const { dead, queue } = createPair()
    queue.send('dead')
    exhaust(queue)
    for (const body of ['a', 'b', 'c']) queue.send(body)
    expect([...bodies(queue, 2), ...bodies(queue, 2)].toSorted()).toEqual(['a', 'b', 'c'])
    expect(bodies(dead)).toEqual(['dead'])
  })

  // The example of setting-up-dead-letter-queue-retention.html.
  test('deletes a message that spent 1 of its 4 days in the source queue after 3 days', () => {
    const { dead, queue } = createPair(4 * DAY_SECONDS)
    queue.send('body')
    exhaust(queue)
    now = START + DAY_SECONDS * 1000
    queue.receive(1)
    expect(dead.counts()).toMatchObject({ ready: 1, oldestAgeSeconds: 0 })
    pass(3 * DAY_SECONDS - 0.001)
    expect(dead.counts()).toMatchObject({ ready: 1, expired: 0 })
    pass(0.001)
    expect(dead.counts()).toMatchObject({ ready: 0, expired: 1, oldestAgeSeconds: undefined })
  })

  test('does not know the receipt handles of the source queue, nor the other way round', () => {
    const { dead, queue } = createPair()
    queue.send('body')
    exhaust(queue)
    queue.send('other')
    const [other] = queue.receive(10)
    expect(other?.body).toBe('other')
    expect(dead.counts().ready).toBe(1)
    dead.delete(other?.receiptHandle ?? '')
    queue.delete(receiveOne(dead).receiptHandle)
    pass(30)
    expect(queue.counts().ready).toBe(1)
    expect(dead.counts().ready).toBe(1)
  })
})

describe('the retention period', () => {
  test.each<[string, (queue: MemoryQueue) => void]>([
    ['visible', () => {}],
    ['in flight', (queue) => queue.changeVisibility(receiveOne(queue).receiptHandle, 43_200)],
  ])('deletes a message that is %s', (_, prepare) => {
    const queue = createQueue({ retentionSeconds: 3600 })
    queue.send('body')
    prepare(queue)
    now = START + 3_599_999
    expect(queue.messages()).toHaveLength(1)
    now += 1
    expect(queue.messages()).toEqual([])
    expect(queue.counts()).toMatchObject({ ready: 0, delayed: 0, inFlight: 0, expired: 1 })
    expect(queue.nextVisibleAt()).toBeUndefined()
  })

  test('deletes a delayed message', () => {
    const queue = createQueue({ retentionSeconds: 60 })
    queue.send('body', { delaySeconds: 900 })
    pass(60)
    expect(queue.counts()).toMatchObject({ delayed: 0, expired: 1 })
  })
})

describe('the order', () => {
  test('older messages come first, give or take a second', () => {
    const queue = createQueue()
    for (let index = 0; index < 200; index++) {
      queue.send(String(index))
      now += 50
    }
    const received = Array.from({ length: 20 }, () => bodies(queue))
      .flat()
      .map(Number)
    expect(received).toHaveLength(200)
    expect(received).not.toEqual(received.toSorted((a, b) => a - b))
    for (const [place, index] of received.entries()) expect(Math.abs(place - index)).toBeLessThan(20)
  })

  test('the same seed gives the same order, ids and handles', () => {
    const run = (seed: string) => {
      const queue = createQueue({ random: createRandom(seed) })
      for (let index = 0; index < 30; index++) queue.send(String(index))
      return [...queue.receive(10), ...queue.receive(10), ...queue.receive(10)]
    }
    expect(run('a')).toEqual(run('a'))
    expect(run('a').map(({ body }) => body)).not.toEqual(run('b').map(({ body }) => body))
  })

  test('a message that was received three times goes to the back of the queue', () => {
    const queue = createQueue()
    queue.send('poison pill')
    for (let receives = 1; receives <= 3; receives++) {
      pass(30)
      queue.send(`younger ${receives}`)
      if (receives === 3) break
      expect(bodies(queue, 1)).toEqual(['poison pill'])
    }
    pass(30)
    expect(bodies(queue, 1)).toEqual(['poison pill'])
    pass(30)
    expect(queue.counts().oldestAgeSeconds).toBe(120)
    expect([...bodies(queue, 3), ...bodies(queue, 3)]).toEqual([
      'younger 1',
      'younger 2',
      'younger 3',
      'poison pill',
    ])
  })
})

describe('the limit of messages in flight', () => {
  const fill = () => {
    const queue = createQueue()
    const handles: string[] = []
    for (let index = 0; index < MAX_IN_FLIGHT + 5; index++) queue.send('body')
    while (handles.length < MAX_IN_FLIGHT - 3)
      handles.push(...queue.receive(Math.min(10, MAX_IN_FLIGHT - 3 - handles.length)).map(toHandle))
    return { queue, handles }
  }
  const toHandle = ({ receiptHandle }: { readonly receiptHandle: string }) => receiptHandle

  test('a receive stops there. A long poll then returns nothing, a short poll fails', () => {
    const { queue, handles } = fill()
    expect(queue.receive(10)).toHaveLength(3)
    expect(queue.counts()).toMatchObject({ ready: 5, inFlight: MAX_IN_FLIGHT })
    expect(queue.receive(10)).toEqual([])
    expect(codeOf(() => queue.receive(10, { isShortPoll: true }))).toBe('OverLimit')
    expect(queue.nextVisibleAt()).toBe(START + 30_000)
    for (const handle of handles.slice(0, 2)) queue.delete(handle)
    expect(queue.nextVisibleAt()).toBe(START)
    expect(queue.receive(10, { isShortPoll: true })).toHaveLength(2)
  })
})

describe('a fair queue', () => {
  const send = (queue: MemoryQueue, messageGroupId: string | undefined, count: number) => {
    for (let index = 0; index < count; index++)
      queue.send(messageGroupId ?? 'none', messageGroupId === undefined ? {} : { messageGroupId })
  }
  const receive = (queue: MemoryQueue, count: number) =>
    Array.from({ length: count }, () => receiveOne(queue))
  /** Long enough for a younger message to come after an older one for certain. */
  const later = () => pass(1.001)

  test('delivers a quiet group before a noisy one with 30 messages in flight', () => {
    const queue = createQueue()
    send(queue, 'noisy', 100)
    receive(queue, 30)
    send(queue, 'quiet', 3)
    expect(bodies(queue, 4)).toEqual(['quiet', 'quiet', 'quiet', 'noisy'])
  })

  test('a group with 29 messages in flight is quiet, with the thirtieth it is noisy', () => {
    const queue = createQueue({ random: { ...createRandom('queue'), below: () => 0 } })
    send(queue, 'one', 100)
    receive(queue, 29)
    send(queue, 'two', 50)
    expect(bodies(queue, 3)).toEqual(['one', 'two', 'two'])
  })

  test('a group with 10 % of the messages in flight is quiet, with more it is noisy', () => {
    const queue = createQueue()
    for (let group = 0; group < 27; group++) send(queue, `other-${group}`, 10)
    receive(queue, 270)
    send(queue, 'large', 100)
    receive(queue, 30)
    later()
    send(queue, 'late', 1)
    expect(bodies(queue, 3)).toEqual(['large', 'late', 'large'])
  })

  test('delivers noisy groups if no quiet one is waiting', () => {
    const queue = createQueue()
    send(queue, 'noisy', 60)
    expect(receive(queue, 60)).toHaveLength(60)
  })

  test('of several noisy groups, the one with the fewest messages in flight comes first', () => {
    const queue = createQueue()
    send(queue, 'a', 200)
    receive(queue, 50)
    send(queue, 'b', 200)
    // b comes first until it is noisy too, and then until it has as many in flight as a.
    expect(new Set(receive(queue, 50).map(({ body }) => body))).toEqual(new Set(['b']))
    const next = receive(queue, 40).map(({ body }) => body)
    expect(next.filter((body) => body === 'a')).toHaveLength(20)
  })

  test('a group is noisy by its share of the processing time, with few messages in flight', () => {
    const queue = createQueue({ visibilityTimeoutSeconds: 600 })
    send(queue, 'slow', 10)
    receive(queue, 2)
    pass(60)
    send(queue, 'slow', 1)
    send(queue, 'quick', 2)
    expect(bodies(queue, 3)).toEqual(['quick', 'quick', 'slow'])
  })

  test('processing time of more than ten minutes ago does not count', () => {
    const queue = createQueue({ visibilityTimeoutSeconds: 600 })
    send(queue, 'slow', 10)
    const slow = receive(queue, 2)
    pass(60)
    for (const { receiptHandle } of slow) queue.delete(receiptHandle)
    pass(600)
    send(queue, 'slow', 1)
    later()
    send(queue, 'quick', 1)
    expect(bodies(queue, 1)).toEqual(['slow'])
  })

  test('a group that has sent nothing for five minutes is quiet', () => {
    const queue = createQueue({ visibilityTimeoutSeconds: 3600 })
    send(queue, 'noisy', 100)
    receive(queue, 40)
    pass(299)
    send(queue, 'quiet', 1)
    expect(bodies(queue, 1)).toEqual(['quiet'])
    later()
    send(queue, 'quiet', 1)
    expect(bodies(queue, 1)).toEqual(['noisy'])
  })

  test('a group is quiet again when enough of its messages are deleted', () => {
    const queue = createQueue()
    send(queue, 'noisy', 100)
    const received = receive(queue, 40)
    send(queue, 'quiet', 1)
    const [quiet] = receive(queue, 1)
    expect(quiet?.body).toBe('quiet')
    for (const { receiptHandle } of [...received, quiet ?? receiveOne(queue)]) queue.delete(receiptHandle)
    later()
    send(queue, 'quiet', 1)
    expect(bodies(queue, 1)).toEqual(['noisy'])
  })

  test('a message without a group is a tenant of its own, and never noisy', () => {
    const queue = createQueue()
    send(queue, undefined, 100)
    receive(queue, 60)
    later()
    send(queue, 'quiet', 1)
    expect(bodies(queue, 1)).toEqual(['none'])
    const noisy = createQueue()
    send(noisy, 'noisy', 100)
    receive(noisy, 40)
    send(noisy, undefined, 1)
    expect(bodies(noisy, 1)).toEqual(['none'])
  })

  test('a group takes its turn by its first message, also after that one is deleted', () => {
    const queue = createQueue()
    queue.send('first of a', { messageGroupId: 'a' })
    const { receiptHandle } = receiveOne(queue)
    // Until the processing time no longer counts.
    pass(1200)
    send(queue, 'b', 1)
    later()
    queue.send('second of a', { messageGroupId: 'a' })
    expect(queue.counts().ready).toBe(3)
    queue.delete(receiptHandle)
    expect([...bodies(queue, 1), ...bodies(queue, 1)]).toEqual(['b', 'second of a'])
  })

  test('loses no message of thousands of groups', () => {
    const queue = createQueue({ visibilityTimeoutSeconds: 5 })
    const random = createRandom('groups')
    const left = new Set<string>()
    for (let step = 0; step < 4000; step++) {
      for (let count = random.below(4); count > 0; count--)
        left.add(
          queue.send('body', {
            messageGroupId: random.chance(0.5) ? `g${random.below(3)}` : `g${random.below(3000)}`,
            delaySeconds: random.pick([0, 0, 0, 3]),
          }),
        )
      for (const { messageId, receiptHandle } of queue.receive(1 + random.below(4))) {
        if (random.chance(0.6)) {
          queue.delete(receiptHandle)
          left.delete(messageId)
        } else if (random.chance(0.3)) queue.changeVisibility(receiptHandle, 0)
      }
      now += random.below(400)
    }
    expect(new Set(queue.messages().map(({ messageId }) => messageId))).toEqual(left)
    const { ready, delayed, inFlight } = queue.counts()
    expect(ready + delayed + inFlight).toBe(left.size)
    pass(5)
    while (left.size > 0) {
      const received = queue.receive(10)
      if (received.length === 0) break
      for (const { messageId, receiptHandle } of received) {
        queue.delete(receiptHandle)
        left.delete(messageId)
      }
    }
    expect(left.size).toBe(0)
    expect(queue.messages()).toEqual([])
  })
})

describe('a duplicate', () => {
  test('is received beside the original, with the same id', () => {
    const queue = createQueue()
    const messageId = queue.send('body', { messageGroupId: 'g' })
    const original = receiveOne(queue)
    queue.duplicate(original.receiptHandle)
    expect(queue.messages()).toMatchObject([{ isDuplicate: false }, { isDuplicate: true, state: 'ready' }])
    const copy = receiveOne(queue)
    expect(copy).toMatchObject({
      messageId,
      body: 'body',
      receiveCount: 2,
      sentAt: START,
      messageGroupId: 'g',
    })
    queue.delete(copy.receiptHandle)
    expect(queue.counts().inFlight).toBe(1)
    queue.delete(original.receiptHandle)
    expect(queue.messages()).toEqual([])
  })

  test('can be received after the original is deleted', () => {
    const queue = createQueue()
    queue.send('body')
    const { receiptHandle } = receiveOne(queue)
    queue.duplicate(receiptHandle, 60)
    queue.delete(receiptHandle)
    expect(bodies(queue)).toEqual([])
    pass(60)
    expect(bodies(queue)).toEqual(['body'])
  })

  test('of a deleted message is none', () => {
    const queue = createQueue()
    queue.send('body')
    const { receiptHandle } = receiveOne(queue)
    queue.delete(receiptHandle)
    queue.duplicate(receiptHandle)
    expect(queue.messages()).toEqual([])
  })
})

describe('waiting', () => {
  test('a listener is called after each send, dead letter, duplicate and change', () => {
    const dead = createQueue()
    const queue = createQueue({ redrive: { maxReceiveCount: 1, queue: dead } })
    const calls = { queue: 0, dead: 0 }
    const stop = queue.onVisible(() => {
      calls.queue += 1
    })
    dead.onVisible(() => {
      calls.dead += 1
    })
    queue.send('a')
    queue.send('b', { delaySeconds: 5 })
    expect(calls).toEqual({ queue: 2, dead: 0 })
    const { receiptHandle } = receiveOne(queue)
    queue.duplicate(receiptHandle)
    queue.changeVisibility(receiptHandle, 10)
    expect(calls).toEqual({ queue: 4, dead: 0 })
    pass(10)
    expect(bodies(queue)).toEqual(['b'])
    expect(calls).toEqual({ queue: 4, dead: 2 })
    stop()
    queue.send('c')
    expect(calls.queue).toBe(4)
  })

  test('a listener can receive the message that it is called for', () => {
    const queue = createQueue()
    const received: string[] = []
    queue.onVisible(() => received.push(...bodies(queue)))
    queue.send('a')
    queue.send('b')
    expect(received).toEqual(['a', 'b'])
  })

  test('nextVisibleAt is now, the end of the first timeout, or undefined', () => {
    const queue = createQueue()
    expect(queue.nextVisibleAt()).toBeUndefined()
    queue.send('a')
    expect(queue.nextVisibleAt()).toBe(START)
    const { receiptHandle } = receiveOne(queue)
    expect(queue.nextVisibleAt()).toBe(START + 30_000)
    queue.send('b', { delaySeconds: 10 })
    expect(queue.nextVisibleAt()).toBe(START + 10_000)
    queue.changeVisibility(receiptHandle, 5)
    expect(queue.nextVisibleAt()).toBe(START + 5000)
    queue.delete(receiptHandle)
    expect(queue.nextVisibleAt()).toBe(START + 10_000)
  })
})

test('messages() tells of every message in the queue', () => {
  const queue = createQueue()
  const messageId = queue.send('body', { attributes: { code: 'x' } })
  queue.send('delayed', { delaySeconds: 5 })
  receiveOne(queue)
  expect(queue.messages()).toEqual([
    {
      messageId,
      body: 'body',
      attributes: { code: 'x' },
      receiveCount: 1,
      sentAt: START,
      messageGroupId: undefined,
      deadLetterQueueSourceArn: undefined,
      state: 'inFlight',
      visibleAt: START + 30_000,
      isDuplicate: false,
    },
    expect.objectContaining({ body: 'delayed', state: 'delayed', visibleAt: START + 5000, receiveCount: 0 }),
  ])
})

test('holds 200,000 waiting messages and 100,000 in flight', () => {
  const queue = createQueue({ visibilityTimeoutSeconds: 360 })
  for (let index = 0; index < 300_000; index++) {
    queue.send(String(index), index % 2 === 0 ? {} : { messageGroupId: `g${index % 1000}` })
    if (index % 100 === 0) now += 1
  }
  const handles: string[] = []
  while (handles.length < 100_000)
    handles.push(...queue.receive(10).map(({ receiptHandle }) => receiptHandle))
  expect(queue.counts()).toMatchObject({ ready: 200_000, inFlight: 100_000 })
  for (const handle of handles.slice(0, 50_000)) queue.delete(handle)
  for (const handle of handles.slice(50_000)) queue.changeVisibility(handle, 60)
  pass(60)
  expect(queue.counts()).toMatchObject({ ready: 250_000, inFlight: 0 })
  const bodiesLeft = new Set<string>()
  for (let taken = 0; taken < 3000; taken++)
    for (const { body, receiptHandle } of queue.receive(10)) {
      bodiesLeft.add(body)
      queue.delete(receiptHandle)
    }
  expect(bodiesLeft.size).toBe(30_000)
  expect(queue.counts()).toMatchObject({ ready: 220_000, inFlight: 0 })
})
