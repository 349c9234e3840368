import { setTimeout as sleep } from 'node:timers/promises'
import {
  DeleteMessageBatchCommand,
  type Message,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import { z } from 'zod'
import type { Invocation, Invoke } from './invoke.ts'
import { awsClientConfig } from './sdk.ts'
import { toSqsEvent } from './sqs-event.ts'

/** A running mapping. */
export interface EventSourceMapping {
  /** Receives nothing more, and waits for the batches that the function works on. */
  stop(): Promise<void>
}

/**
 * Does what Lambda's event source mapping does between an SQS queue and a function with ReportBatchItemFailures: receives
 * batches, invokes, and deletes what succeeded. What failed stays as it is and comes back when the visibility timeout is over
 * that is on it, the queue's or the one the function has set.
 *
 * @param options.queueUrl On the endpoint that it is received from.
 * @param options.maximumConcurrency How many batches are worked on at once.
 * @param options.log Told of every batch that failed as a whole. Default: nobody.
 */
export function startEventSourceMapping(options: {
  readonly queueUrl: string
  readonly queueArn: string
  readonly batchSize: number
  readonly maximumConcurrency: number
  readonly invoke: Invoke
  readonly log?: (line: string) => void
}): EventSourceMapping {
  const { queueUrl, queueArn, batchSize, invoke, log = () => {} } = options
  const client = new SQSClient(awsClientConfig(new URL(queueUrl).origin))
  const stopping = new AbortController()

  async function poll(): Promise<void> {
    while (!stopping.signal.aborted) {
      try {
        const messages = await receive()
        if (messages.length > 0) await work(messages)
      } catch (error) {
        if (stopping.signal.aborted) return
        log(`The event source mapping tries again in a moment: ${error}`)
        await sleep(200)
      }
    }
  }

  async function receive(): Promise<Message[]> {
    const { Messages = [] } = await client.send(
      new ReceiveMessageCommand({
        QueueUrl: queueUrl,
        MaxNumberOfMessages: batchSize,
        WaitTimeSeconds: 20,
        MessageSystemAttributeNames: ['All'],
        MessageAttributeNames: ['All'],
      }),
      { abortSignal: stopping.signal },
    )
    return Messages
  }

  async function work(messages: Message[]): Promise<void> {
    const invocation = await invoke(toSqsEvent(messages, queueArn))
    const ids = messages.map(({ MessageId }) => MessageId ?? '')
    const failed = findFailed(invocation, ids)
    if (failed.reason) log(`A batch of ${messages.length} failed as a whole: ${failed.reason}`)
    const done = messages.filter(({ MessageId = '' }) => !failed.ids.has(MessageId))
    if (done.length === 0) return
    await client.send(
      new DeleteMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: done.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
      }),
    )
  }

  const pollers = Array.from({ length: options.maximumConcurrency }, poll)
  return {
    async stop() {
      stopping.abort()
      await Promise.all(pollers)
      client.destroy()
    },
  }
}

const BatchResponse = z.object({
  batchItemFailures: z.array(z.object({ itemIdentifier: z.string().min(1) })).nullish(),
})

/**
 * Reads a partial batch response as Lambda does: nothing, null or an empty list means that all succeeded; a function error, an
 * answer of another shape and an identifier that is empty, null or of no message of the batch mean that all failed.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function findFailed(
  invocation: Invocation,
  ids: readonly string[],
): { readonly ids: ReadonlySet<string>; readonly reason?: string } {
  const whole = (reason: string) => ({ ids: new Set(ids), reason })
  if (invocation.functionError) return whole(`${invocation.functionError} ${invocation.payload}`)
  const answer = readJson(invocation.payload || 'null')
  if (answer === null) return { ids: new Set() }
  const response = BatchResponse.safeParse(answer)
  if (!response.success) return whole(`its answer is no batch response: ${invocation.payload}`)
  const failed = (response.data.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier)
  const unknown = failed.find((id) => !ids.includes(id))
  return unknown === undefined
    ? { ids: new Set(failed) }
    : whole(`no message of the batch has the id ${unknown}`)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
