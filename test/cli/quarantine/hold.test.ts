import type { Message } from '@aws-sdk/client-sqs'
import { expect, test } from 'vitest'
import { HIDDEN_SECONDS, holdRecords } from '../../../cli/quarantine/hold.ts'
import type { QuarantineQueue } from '../../../cli/quarantine/queues.ts'
import type { QuarantinedRecord } from '../../../cli/quarantine/record.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'

const toRecord = ({ MessageId = '' }: Message): QuarantinedRecord => ({
  messageId: MessageId,
  body: '{}',
  queue: 'events',
  code: 'interrupted',
  detail: '',
  requestId: MessageId,
  accountId: undefined,
  key: undefined,
  fingerprint: undefined,
  attempts: undefined,
  sentAt: 0,
})

const message = (id: string, handle = `handle-${id}`): Message => ({ MessageId: id, ReceiptHandle: handle })

/** Holds what a queue delivers. The time passes only in `pass`. */
const hold = async (
  deliveries: readonly (readonly Message[])[],
  given: {
    readonly matches?: (record: QuarantinedRecord) => boolean
    readonly limit?: number
    readonly read?: (message: Message) => Promise<QuarantinedRecord>
    readonly lost?: readonly string[]
  } = {},
) => {
  const calls: string[] = []
  let now = 0
  let receives = 0
  const queue: QuarantineQueue = {
    nameOf: () => undefined,
    receive: async () => {
      now += 1000
      return deliveries[receives++] ?? []
    },
    hide: async (handles, seconds) => {
      calls.push(`hide ${handles.join(' ')} for ${seconds}`)
      return handles.filter((handle) => given.lost?.includes(handle))
    },
    remove: async (handle) => {
      calls.push(`remove ${handle}`)
    },
    send: () => Promise.reject(new Error('Nothing is sent')),
    countHidden: async () => 0,
    close: () => {},
  }
  const held = holdRecords({
    queue,
    read: given.read ?? (async (one) => toRecord(one)),
    filter: { matches: given.matches ?? (() => true), limit: given.limit },
    now: () => now,
    signal: new AbortController().signal,
    onReceived: () => {},
  })
  return {
    held,
    calls,
    receives: () => receives,
    pass: (ms: number) => {
      now += ms
    },
  }
}

test('everything is received before anything is returned, and the rest is released', async () => {
  const { held, calls } = await hold([[message('a'), message('b')], [message('c')]], {
    matches: ({ messageId }) => messageId !== 'b',
  })
  const { records, others, isPartial, release } = await held
  expect(records.map(({ messageId }) => messageId)).toEqual(['a', 'c'])
  expect([others, isPartial]).toEqual([1, false])
  await release()
  expect(calls).toEqual(['hide handle-a handle-b handle-c for 0'])
})

test('a message that SQS delivers twice is one record, and its last handle is used', async () => {
  const { held, calls } = await hold([[message('a', 'first')], [message('a', 'second')]])
  const { records, remove } = await held
  expect(records).toHaveLength(1)
  for (const record of records) await remove(record)
  expect(calls).toEqual(['remove second'])
})

test('a queue that always delivers the same messages ends the receiving', async () => {
  const { held, receives } = await hold(Array.from({ length: 50 }, () => [message('a')]))
  expect((await held).records).toHaveLength(1)
  expect(receives()).toBe(2)
})

test('at a limit, nothing more is received, and there may be more', async () => {
  const { held, receives } = await hold([[message('a'), message('b'), message('c')], [message('d')]], {
    limit: 2,
  })
  const { records, isPartial } = await held
  expect([records.length, isPartial, receives()]).toEqual([2, true, 1])
})

test('records are hidden for longer while the command works on others', async () => {
  const { held, calls, pass } = await hold([[message('a'), message('b')]])
  const { records, keep } = await held
  const [first] = records
  if (!first) throw new Error('Nothing is held')
  expect(await keep(first)).toBe(true)
  expect(calls).toEqual([])
  pass((HIDDEN_SECONDS * 1000) / 2)
  expect(await keep(first)).toBe(true)
  expect(calls).toEqual([`hide handle-a handle-b for ${HIDDEN_SECONDS}`])
})

test('a record whose handle is no longer valid is not held', async () => {
  const { held, pass } = await hold([[message('a'), message('b')]], { lost: ['handle-a'] })
  const { records, keep } = await held
  pass(HIDDEN_SECONDS * 1000)
  const kept: boolean[] = []
  for (const record of records) kept.push(await keep(record))
  expect(kept).toEqual([false, true])
})

test('if a record can not be read, everything is released', async () => {
  const read = () => Promise.reject(new ServiceUnavailableError({ detail: 'DynamoDB GetItem failed.' }))
  const { held, calls } = await hold([[message('a'), message('b')]], { read })
  await expect(held).rejects.toThrow('DynamoDB GetItem failed.')
  expect(calls).toEqual(['hide handle-a handle-b for 0'])
})

test('more than ten are released in several requests', async () => {
  const many = Array.from({ length: 12 }, (_, index) => message(String(index)))
  const { held, calls } = await hold([many.slice(0, 10), many.slice(10)])
  await (await held).release()
  expect(calls).toHaveLength(2)
})
