import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { DynamoDBRecord } from 'aws-lambda'
import type { Invoke } from '../aws/invoke.ts'
import { readResources } from '../aws/resources.ts'
import { awsClientConfig } from '../aws/sdk.ts'
import type { LocalSqs } from '../aws/sqs.ts'
import { type StreamMapping, startStreamMapping } from '../aws/stream-mapping.ts'
import { createTableStream, type TableStream } from '../aws/table-stream.ts'

/** Returns the stream of the local state table. */
export const createStateStream = (): TableStream => createTableStream({ arn: readResources().streamArn })

/**
 * Starts the event source mapping from the state table's stream to its function, as serverless.yml declares
 * it.
 *
 * @param options.invoke Invokes the function with this name.
 * @param options.firstPauseMs See `startStreamMapping`.
 * @param options.log Called for each batch that fails. Default: nothing is logged.
 */
export const startOutcomes = ({
  stream,
  sqs,
  invoke,
  ...options
}: {
  readonly stream: TableStream
  readonly sqs: LocalSqs
  readonly invoke: (functionName: string) => Invoke
  readonly firstPauseMs?: number
  readonly log?: ((line: string) => void) | undefined
}): StreamMapping => {
  const [source, ...others] = readResources().streamSources
  if (source === undefined || others.length > 0) throw new Error('One function reads the stream.')
  const { functionName, failedQueueArn, ...mapping } = source
  const { log, firstPauseMs } = options

  /** Lambda reports the position of the records, and not the records themselves. */
  const onDiscarded = async (records: readonly DynamoDBRecord[], streamArn: string) => {
    const numbers = records.map(({ dynamodb }) => dynamodb?.SequenceNumber)
    const client = new SQSClient(awsClientConfig(sqs.url))
    const body = {
      requestContext: { condition: 'RecordAgeExceeded' },
      version: '1.0',
      DDBStreamBatchInfo: {
        startSequenceNumber: numbers[0],
        endSequenceNumber: numbers.at(-1),
        batchSize: records.length,
        streamArn,
      },
    }
    const QueueUrl = sqs.urlOf(failedQueueArn)
    await client.send(new SendMessageCommand({ QueueUrl, MessageBody: JSON.stringify(body) }))
    client.destroy()
  }

  return startStreamMapping({
    ...mapping,
    stream,
    invoke: invoke(functionName),
    onDiscarded,
    ...(log && { log }),
    ...(firstPauseMs !== undefined && { firstPauseMs }),
  })
}
