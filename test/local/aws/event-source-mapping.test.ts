import { setTimeout as sleep } from 'node:timers/promises'
import { ChangeMessageVisibilityCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { SQSEvent, SQSRecord } from 'aws-lambda'
import { afterEach, expect, test, vi } from 'vitest'
import {
  type EventSourceMapping,
  findFailed,
  startEventSourceMapping,
} from '../../../local/aws/event-source-mapping.ts'
import { invokeInProcess } from '../../../local/aws/invoke.ts'
import { readResources } from '../../../local/aws/resources.ts'
import { awsClientConfig } from '../../../local/aws/sdk.ts'
import { type LocalSqs, startSqs } from '../../../local/aws/sqs.ts'

let sqs: LocalSqs
let client: SQSClient
let mapping: EventSourceMapping | undefined

afterEach(async () => {
  await mapping?.stop()
  client.destroy()
  await sqs.close()
})

async function start(
  handler: (event: SQSEvent) => unknown,
  { visibility = '1', maximumConcurrency = 2, timeoutMs = 60_000, attributes = {} } = {},
): Promise<void> {
  sqs = await startSqs({ eventsAttributes: { VisibilityTimeout: visibility, ...attributes } })
  client = new SQSClient(awsClientConfig(sqs.url))
  mapping = startEventSourceMapping({
    queueUrl: sqs.eventsQueueUrl,
    queueArn: sqs.eventsQueueArn,
    batchSize: 10,
    maximumConcurrency,
    invoke: invokeInProcess(handler, { timeoutMs }),
  })
}

const sendEvent = (MessageBody: string) =>
  client.send(
    new SendMessageCommand({
      QueueUrl: sqs.eventsQueueUrl,
      MessageBody,
      MessageAttributes: {
        code: { DataType: 'String', StringValue: 'invalid_request' },
        raw: { DataType: 'Binary', BinaryValue: new Uint8Array([1, 2, 255]) },
      },
    }),
  )

test("a record has Lambda's shape, and may contain characters outside the Basic Multilingual Plane", async () => {
  const records: SQSRecord[] = []
  await start((event) => void records.push(...event.Records))
  const sent = await sendEvent('{"name":"Ærø 🎉"}')
  await vi.waitFor(() => expect(records).toHaveLength(1))
  expect(records[0]).toEqual({
    messageId: sent.MessageId,
    receiptHandle: expect.any(String),
    body: '{"name":"Ærø 🎉"}',
    attributes: {
      ApproximateReceiveCount: '1',
      SentTimestamp: expect.stringMatching(/^\d{13}$/),
      SenderId: expect.any(String),
      ApproximateFirstReceiveTimestamp: expect.stringMatching(/^\d{13}$/),
    },
    messageAttributes: {
      code: {
        stringValue: 'invalid_request',
        dataType: 'String',
        stringListValues: [],
        binaryListValues: [],
      },
      raw: { binaryValue: 'AQL/', dataType: 'Binary', stringListValues: [], binaryListValues: [] },
    },
    md5OfBody: sent.MD5OfMessageBody,
    md5OfMessageAttributes: sent.MD5OfMessageAttributes,
    eventSource: 'aws:sqs',
    eventSourceARN: 'arn:aws:sqs:eu-west-1:000000000000:campaign-conversations-local-events',
    awsRegion: 'eu-west-1',
  })
  await vi.waitFor(() => expect(sqs.depth('events')).toEqual({ ready: 0, delayed: 0, inFlight: 0 }))
})

test('two mappings serve one function, and each record names its queue', async () => {
  const seen: string[] = []
  const handler = (event: SQSEvent) =>
    void seen.push(...event.Records.map(({ body, eventSourceARN }) => `${body} ${eventSourceARN}`))
  await start(handler)
  const other = startEventSourceMapping({
    queueUrl: sqs.handOverQueueUrl,
    queueArn: sqs.handOverQueueArn,
    batchSize: 10,
    maximumConcurrency: 2,
    invoke: invokeInProcess(handler),
  })
  await sendEvent('event')
  await client.send(new SendMessageCommand({ QueueUrl: sqs.handOverQueueUrl, MessageBody: 'handed over' }))
  await vi.waitFor(() => expect(seen).toHaveLength(2))
  expect(seen.toSorted()).toEqual([
    'event arn:aws:sqs:eu-west-1:000000000000:campaign-conversations-local-events',
    'handed over arn:aws:sqs:eu-west-1:000000000000:campaign-conversations-local-hand-over',
  ])
  await other.stop()
})

test('only the failed records of a batch are received again, after the visibility timeout', async () => {
  const seen: string[] = []
  await start((event) => {
    seen.push(...event.Records.map(({ body, attributes }) => `${body} ${attributes.ApproximateReceiveCount}`))
    return {
      batchItemFailures: event.Records.filter(
        ({ body, attributes }) => body === 'bad' && attributes.ApproximateReceiveCount === '1',
      ).map(({ messageId }) => ({ itemIdentifier: messageId })),
    }
  })
  await Promise.all([sendEvent('good'), sendEvent('bad')])
  await vi.waitFor(() => expect(seen).toHaveLength(3), 5_000)
  expect(seen.toSorted()).toEqual(['bad 1', 'bad 2', 'good 1'])
})

test('a failed record keeps the visibility timeout that the function has set', async () => {
  const times: number[] = []
  await start(
    async ({ Records: [record] }) => {
      times.push(performance.now())
      if (times.length > 1) return
      await client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: sqs.eventsQueueUrl,
          ReceiptHandle: record?.receiptHandle,
          VisibilityTimeout: 1,
        }),
      )
      return { batchItemFailures: [{ itemIdentifier: record?.messageId }] }
    },
    { visibility: '30' },
  )
  await sendEvent('later')
  await vi.waitFor(() => expect(times).toHaveLength(2), 5_000)
  expect((times[1] ?? 0) - (times[0] ?? 0)).toBeGreaterThan(900)
})

test('the redrive policy moves an event that fails too often to the quarantine queue', async () => {
  const RedrivePolicy = JSON.stringify({
    deadLetterTargetArn: readResources().quarantine.arn,
    maxReceiveCount: 3,
  })
  await start(
    async ({ Records }) => {
      for (const { receiptHandle } of Records) {
        await client.send(
          new ChangeMessageVisibilityCommand({
            QueueUrl: sqs.eventsQueueUrl,
            ReceiptHandle: receiptHandle,
            VisibilityTimeout: 0,
          }),
        )
      }
      throw new Error('never')
    },
    { visibility: '30', attributes: { RedrivePolicy } },
  )
  await sendEvent('hopeless')
  await vi.waitFor(() => expect(sqs.depth('quarantine').ready).toBe(1), 10_000)
})

test('a function that exceeds its timeout has failed', async () => {
  const seen: unknown[] = []
  await start(
    async () => {
      seen.push(1)
      if (seen.length === 1) await sleep(2_000)
    },
    { timeoutMs: 100 },
  )
  await sendEvent('slow')
  await vi.waitFor(() => expect(seen).toHaveLength(2), 5_000)
})

test('the number of concurrent batches never exceeds the maximum concurrency', async () => {
  let running = 0
  let most = 0
  let done = 0
  await start(
    async ({ Records }) => {
      most = Math.max(most, ++running)
      await sleep(20)
      running--
      done += Records.length
    },
    { maximumConcurrency: 3 },
  )
  await Promise.all(Array.from({ length: 60 }, (_, index) => sendEvent(String(index))))
  await vi.waitFor(() => expect(done).toBe(60), 5_000)
  expect(most).toBeLessThanOrEqual(3)
})

test('stopping waits for the batch that is being processed', async () => {
  let state = 'waiting'
  await start(async () => {
    state = 'working'
    await sleep(200)
    state = 'done'
  })
  await sendEvent('one')
  await vi.waitFor(() => expect(state).toBe('working'))
  await mapping?.stop()
  expect(state).toBe('done')
  expect(sqs.depth('events')).toEqual({ ready: 0, delayed: 0, inFlight: 0 })
})

const ids = ['a', 'b']
test.each<[string, string | { payload: string; functionError: string }, string[]]>([
  ['nothing', '', []],
  ['null', 'null', []],
  ['an object without failures', '{}', []],
  ['a null list of failures', '{"batchItemFailures":null}', []],
  ['an empty list of failures', '{"batchItemFailures":[]}', []],
  ['one failure', '{"batchItemFailures":[{"itemIdentifier":"b"}]}', ['b']],
  ['an empty identifier', '{"batchItemFailures":[{"itemIdentifier":""}]}', ids],
  ['a null identifier', '{"batchItemFailures":[{"itemIdentifier":null}]}', ids],
  ['an identifier under another name', '{"batchItemFailures":[{"messageId":"b"}]}', ids],
  ['an identifier that is not in the batch', '{"batchItemFailures":[{"itemIdentifier":"c"}]}', ids],
  ['a JSON string', '"done"', ids],
  ['text that is not JSON', '{', ids],
  ['a function error', { functionError: 'Unhandled', payload: '{"errorMessage":"x"}' }, ids],
])('after an answer of %s, the right records have failed', (_, answer, failed) => {
  const invocation = typeof answer === 'string' ? { payload: answer } : answer
  expect([...findFailed(invocation, ids).ids]).toEqual(failed)
})
