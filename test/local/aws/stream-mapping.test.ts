import type { DynamoDBBatchResponse, DynamoDBStreamEvent } from 'aws-lambda'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { invokeInProcess } from '../../../local/aws/invoke.ts'
import { type StreamMapping, startStreamMapping } from '../../../local/aws/stream-mapping.ts'
import { createTableStream } from '../../../local/aws/table-stream.ts'

let mapping: StreamMapping | undefined
afterEach(() => mapping?.stop())

interface Given {
  readonly batchSize?: number
  readonly patterns?: readonly unknown[]
  readonly maximumRecordAgeMs?: number
}

/**
 * Starts a mapping, whose clock moves only while it pauses. Returns the names of the records of each batch.
 */
const start = (
  handler: (names: readonly string[], batch: number) => readonly string[] | 'fail',
  { batchSize = 10, patterns = [], maximumRecordAgeMs }: Given = {},
) => {
  let time = 1_764_150_000_000
  const stream = createTableStream({ arn: 'arn:stream', now: () => time })
  const batches: string[][] = []
  const discarded: string[] = []
  const slept: number[] = []
  const nameOf = ({ dynamodb }: DynamoDBStreamEvent['Records'][number]) => dynamodb?.Keys?.pk?.S ?? ''
  const handle = ({ Records }: DynamoDBStreamEvent): DynamoDBBatchResponse => {
    const names = Records.map(nameOf)
    batches.push(names)
    const failed = handler(names, batches.length)
    if (failed === 'fail') throw new Error('The function failed')
    return {
      batchItemFailures: Records.filter((record) => failed.includes(nameOf(record))).map(({ dynamodb }) => ({
        itemIdentifier: dynamodb?.SequenceNumber ?? '',
      })),
    }
  }
  const write = (...names: readonly string[]) => {
    for (const name of names) stream.push({ newImage: { pk: { S: name } } })
  }
  const run = async (...names: readonly string[]) => {
    write(...names)
    mapping = startStreamMapping({
      stream,
      batchSize,
      patterns,
      maximumRecordAgeMs,
      invoke: invokeInProcess(handle),
      onDiscarded: async (records) => void discarded.push(...records.map(nameOf)),
      now: () => time,
      sleep: async (ms) => {
        slept.push(ms)
        time += ms
      },
    })
    await vi.waitFor(() => expect(mapping?.isIdle()).toBe(true))
  }
  return { run, write, batches, discarded, slept }
}

test('the function is invoked with records in their order, in batches', async () => {
  const { run, batches } = start(() => [], { batchSize: 2 })
  await run('a', 'b', 'c')
  expect(batches).toEqual([['a', 'b'], ['c']])
})

test('it is invoked again with the records from the first failure on, and nothing passes them', async () => {
  const { run, batches, slept } = start((_, batch) => (batch < 3 ? ['c', 'b'] : []), { batchSize: 3 })
  await run('a', 'b', 'c', 'd')
  expect(batches).toEqual([['a', 'b', 'c'], ['b', 'c'], ['b', 'c'], ['d']])
  expect(slept).toEqual([100, 200])
})

test('after an error, it is invoked with each half of the batch, one after the other', async () => {
  const { run, batches } = start((names) => (names.length > 1 && names.includes('b') ? 'fail' : []))
  await run('a', 'b', 'c')
  expect(batches).toEqual([['a', 'b', 'c'], ['a', 'b'], ['a'], ['b'], ['c']])
})

test('an invocation without an answer counts as an error', async () => {
  const stream = createTableStream({ arn: 'arn:stream' })
  let invoked = 0
  stream.push({ newImage: { pk: { S: 'a' } } })
  mapping = startStreamMapping({
    ...{ stream, batchSize: 10, patterns: [], firstPauseMs: 1 },
    onDiscarded: async () => undefined,
    invoke: async () => {
      invoked += 1
      if (invoked === 1) throw new Error('The connection was cut')
      return { payload: 'null' }
    },
  })
  await vi.waitFor(() => expect([mapping?.isIdle(), invoked]).toEqual([true, 2]))
})

test('an answer of another shape counts as an error', async () => {
  const { run, batches } = start((_, batch) => (batch === 1 ? ['unknown'] : []))
  await run('a')
  expect(batches).toEqual([['a']])
})

describe('a record that is too old', () => {
  test('is discarded, and the function is invoked with the next one', async () => {
    const { run, write, batches, discarded } = start(
      (names, batch) => {
        if (batch === 5) write('b')
        return names.includes('a') ? ['a'] : []
      },
      { batchSize: 1, maximumRecordAgeMs: 2500 },
    )
    await run('a')
    expect(discarded).toEqual(['a'])
    expect(batches.at(-1)).toEqual(['b'])
    expect(batches.length).toBeGreaterThan(3)
  })
})

test('it is not invoked with records that match no pattern', async () => {
  const patterns = [{ dynamodb: { NewImage: { pk: { S: [{ prefix: 'request#' }] } } } }]
  const { run, batches } = start(() => [], { patterns })
  await run('request#1', 'consumer#1', 'request#2')
  expect(batches).toEqual([['request#1', 'request#2']])
})

test('it is invoked with records that are written later, too', async () => {
  const { run, write, batches } = start(() => [])
  await run('a')
  write('b')
  await vi.waitFor(() => expect(batches).toEqual([['a'], ['b']]))
})
