import { setTimeout as wait } from 'node:timers/promises'
import type { DynamoDBRecord } from 'aws-lambda'
import { z } from 'zod'
import { matchesPattern } from './event-pattern.ts'
import { findFailed } from './event-source-mapping.ts'
import type { Invocation, Invoke } from './invoke.ts'
import type { TableStream } from './table-stream.ts'

/** The longest pause between two invocations for the same records, in milliseconds. */
const MAX_PAUSE_MS = 10_000

/** A running event source mapping of a stream. */
export interface StreamMapping {
  /** Stops reading, and waits for the batch that the function is processing. */
  stop(): Promise<void>
  /** Returns whether every record that was written was processed or discarded. */
  isIdle(): boolean
}

/**
 * Starts an event source mapping between a table's stream and a function with ReportBatchItemFailures and
 * BisectBatchOnFunctionError. Like Lambda's, it keeps the order of the records, and nothing passes a record
 * that failed:
 *
 * - If the function reports failures, it is invoked again with all records from the first failure on.
 * - If it fails, it is invoked again with each half of its batch, one after the other.
 * - Records that are too old are discarded. Lambda sends their place in the stream to the failure
 *   destination.
 *
 * @param options.patterns The function is invoked only with records that match one of them.
 * @param options.maximumRecordAgeMs Undefined: a record is never too old.
 * @param options.firstPauseMs The pause before the function is invoked again with the same records, in
 *   milliseconds. It doubles each time, up to 10 seconds. Default: 100.
 * @param options.onDiscarded Called with records that were too old.
 * @param options.log Called for each batch that fails. Default: nothing is logged.
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-batchfailurereporting.html
 */
export function startStreamMapping(options: {
  readonly stream: TableStream
  readonly batchSize: number
  readonly patterns: readonly unknown[]
  readonly maximumRecordAgeMs?: number | undefined
  readonly firstPauseMs?: number
  readonly invoke: Invoke
  readonly onDiscarded: (records: readonly DynamoDBRecord[], streamArn: string) => Promise<void>
  readonly log?: (line: string) => void
  readonly now?: () => number
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<unknown>
}): StreamMapping {
  const { stream, batchSize, patterns, maximumRecordAgeMs, invoke, onDiscarded, firstPauseMs = 100 } = options
  const { log = () => {}, now = Date.now, sleep = (ms, signal) => wait(ms, undefined, { signal }) } = options
  const stopping = new AbortController()
  let isWorking = false

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await stream.wait(stopping.signal)
      isWorking = true
      const batch = stream.take(batchSize).filter((record) => isWanted(record))
      if (batch.length > 0) await process(batch)
      isWorking = false
    }
  }

  const isWanted = (record: DynamoDBRecord): boolean =>
    patterns.length === 0 || patterns.some((pattern) => matchesPattern(pattern, record))

  const isTooOld = ({ dynamodb }: DynamoDBRecord): boolean =>
    maximumRecordAgeMs !== undefined &&
    now() - Number(dynamodb?.ApproximateCreationDateTime) * 1000 > maximumRecordAgeMs

  /** Invokes the function with the records until all of them are processed or discarded. */
  async function process(batch: readonly DynamoDBRecord[]): Promise<void> {
    let left = batch
    for (let pauseMs = firstPauseMs; ; pauseMs = Math.min(MAX_PAUSE_MS, pauseMs * 2)) {
      const old = left.filter(isTooOld)
      if (old.length > 0) await onDiscarded(old, stream.arn)
      left = left.filter((record) => !old.includes(record))
      if (left.length === 0) return
      const numbers = left.map(sequenceNumberOf)
      // Without an answer, the function is invoked again with the same records.
      const invocation = await invoke({ Records: left }).catch(
        (error: unknown): Invocation => ({ functionError: 'NoAnswer', payload: String(error) }),
      )
      const failed = findFailed(invocation, numbers)
      if (failed.ids.size === 0) return
      if (stopping.signal.aborted) return
      if (failed.reason !== undefined) log(`${left.length} records of the stream failed: ${failed.reason}`)
      const first = numbers.findIndex((number) => failed.ids.has(number))
      const isError = failed.reason !== undefined
      left = left.slice(first)
      await sleep(pauseMs, stopping.signal).catch(() => undefined)
      if (stopping.signal.aborted) return
      if (isError && left.length > 1) {
        const half = Math.ceil(left.length / 2)
        await process(left.slice(0, half))
        return process(left.slice(half))
      }
    }
  }

  const running = run()
  return {
    async stop() {
      stopping.abort()
      await running
    },
    isIdle: () => !isWorking && stream.size() === 0,
  }
}

const SequenceNumber = z.object({ dynamodb: z.object({ SequenceNumber: z.string() }) })

const sequenceNumberOf = (record: DynamoDBRecord): string =>
  SequenceNumber.parse(record).dynamodb.SequenceNumber
