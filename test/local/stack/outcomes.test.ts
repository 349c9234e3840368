import { ReceiveMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterEach, expect, test, vi } from 'vitest'
import { awsClientConfig } from '../../../local/aws/sdk.ts'
import { type LocalSqs, startSqs } from '../../../local/aws/sqs.ts'
import type { StreamMapping } from '../../../local/aws/stream-mapping.ts'
import { createStateStream, startOutcomes } from '../../../local/stack/outcomes.ts'

let sqs: LocalSqs
let mapping: StreamMapping
afterEach(async () => {
  vi.useRealTimers()
  await mapping.stop()
  await sqs.close()
})

const newImage = (status: string) => ({ pk: { S: 'request#1' }, status: { S: status } })

test('the function gets the writes that serverless.yml lets through', async () => {
  sqs = await startSqs()
  const stream = createStateStream()
  const invoked: (readonly [string, string])[] = []
  mapping = startOutcomes({
    stream,
    sqs,
    invoke: (name) => async (event) => {
      invoked.push([name, JSON.stringify(event)])
      return { payload: '{"batchItemFailures":[]}' }
    },
  })
  stream.push({ newImage: newImage('opening') })
  stream.push({ newImage: newImage('opened') })
  stream.push({ newImage: { ...newImage('opened'), pk: { S: 'consumer#1' } } })
  await vi.waitFor(() => expect(invoked).toHaveLength(1))
  const [name, event = ''] = invoked[0] ?? []
  expect(name).toBe('campaign-conversations-local-publishOutcomes')
  expect(JSON.parse(event).Records).toMatchObject([{ dynamodb: { NewImage: newImage('opened') } }])
})

test('what was given up after 23 hours is told to the failure queue', async () => {
  sqs = await startSqs()
  const stream = createStateStream()
  let time = Date.now()
  vi.spyOn(Date, 'now').mockImplementation(() => time)
  mapping = startOutcomes({
    stream,
    sqs,
    firstPauseMs: 1,
    invoke: () => async () => {
      time += 12 * 3_600_000
      return { functionError: 'Unhandled', payload: '{}' }
    },
  })
  stream.push({ newImage: newImage('opened') })
  await vi.waitFor(() => expect(mapping.isIdle()).toBe(true))
  vi.restoreAllMocks()
  const client = new SQSClient(awsClientConfig(sqs.url))
  const { Messages = [] } = await client.send(
    new ReceiveMessageCommand({ QueueUrl: sqs.outcomesFailedQueueUrl, WaitTimeSeconds: 0 }),
  )
  client.destroy()
  expect(JSON.parse(Messages[0]?.Body ?? '')).toMatchObject({
    requestContext: { condition: 'RecordAgeExceeded' },
    DDBStreamBatchInfo: { batchSize: 1, startSequenceNumber: expect.any(String) },
  })
})
