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

/** A running event source mapping. */
export interface EventSourceMapping {
  /** Stops receiving, and waits for the batches that the function is processing. */
  stop(): Promise<void>
}

/**
 * Starts an event source mapping between an SQS queue and a function with ReportBatchItemFailures. Like
 * Lambda's, it receives batches, invokes the function, and deletes the messages that succeeded. A message
 * that failed is received again after its visibility timeout, which is the queue's unless the function has
 * changed it.
 *
 * @param options.maximumConcurrency The largest number of batches to process at once.
 * @param options.log Called for each batch that fails as a whole, and if SQS can't be reached. Default:
 *   nothing is logged.
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
        if (messages.length > 0) await handle(messages)
      } catch (error) {
        if (stopping.signal.aborted) return
        log(`The event source mapping will retry: ${error}`)
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

  async function handle(messages: Message[]): Promise<void> {
    const invocation = await invoke(toSqsEvent(messages, queueArn))
    const ids = messages.map(({ MessageId }) => MessageId ?? '')
    const failed = findFailed(invocation, ids)
    if (failed.reason) log(`A batch of ${messages.length} failed as a whole: ${failed.reason}`)
    const succeeded = messages.filter(({ MessageId = '' }) => !failed.ids.has(MessageId))
    if (succeeded.length === 0) return
    await client.send(
      new DeleteMessageBatchCommand({
        QueueUrl: queueUrl,
        Entries: succeeded.map(({ ReceiptHandle }, index) => ({ Id: String(index), ReceiptHandle })),
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
 * Returns the ids of the failed messages, read from a partial batch response as Lambda reads it. If the
 * response is empty, null or has no failures, none failed. After a function error, or if the response has
 * another shape or an identifier that isn't in the batch, all failed, and `reason` says why.
 *
 * @see https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
 */
export function findFailed(
  invocation: Invocation,
  ids: readonly string[],
): { readonly ids: ReadonlySet<string>; readonly reason?: string } {
  const allFailed = (reason: string) => ({ ids: new Set(ids), reason })
  if (invocation.functionError) return allFailed(`${invocation.functionError} ${invocation.payload}`)
  const answer = readJson(invocation.payload || 'null')
  if (answer === null) return { ids: new Set() }
  const response = BatchResponse.safeParse(answer)
  if (!response.success) return allFailed(`the answer isn't a batch response: ${invocation.payload}`)
  const failed = (response.data.batchItemFailures ?? []).map(({ itemIdentifier }) => itemIdentifier)
  const unknown = failed.find((id) => !ids.includes(id))
  return unknown === undefined
    ? { ids: new Set(failed) }
    : allFailed(`no message of the batch has the id ${unknown}`)
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
