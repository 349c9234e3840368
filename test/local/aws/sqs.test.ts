import { GetQueueAttributesCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { awsClientConfig } from '../../../local/aws/sdk.ts'
import { type LocalSqs, startSqs } from '../../../local/aws/sqs.ts'
import { PortTakenError } from '../../../local/net/listen.ts'

let sqs: LocalSqs
let client: SQSClient

beforeAll(async () => {
  sqs = await startSqs({ eventsAttributes: { VisibilityTimeout: '7' } })
  client = new SQSClient(awsClientConfig(sqs.url))
})

afterAll(async () => {
  client.destroy()
  await sqs.close()
})

test('the events queue has its declared attributes, except for those that are overridden', async () => {
  const { Attributes } = await client.send(
    new GetQueueAttributesCommand({ QueueUrl: sqs.eventsQueueUrl, AttributeNames: ['All'] }),
  )
  expect(Attributes).toMatchObject({ VisibilityTimeout: '7', MessageRetentionPeriod: '864000' })
  expect(JSON.parse(Attributes?.RedrivePolicy ?? '')).toEqual({
    deadLetterTargetArn: 'arn:aws:sqs:eu-west-1:000000000000:campaign-conversations-local-quarantine',
    maxReceiveCount: 1000,
  })
})

test('the hand-over queue accepts a message group, as a fair queue does', async () => {
  await client.send(
    new SendMessageCommand({
      QueueUrl: sqs.handOverQueueUrl,
      MessageBody: '{}',
      MessageGroupId: '70123456:form',
    }),
  )
  expect(sqs.depth('handOver')).toEqual({ ready: 1, delayed: 0, inFlight: 0 })
})

test('a message may contain any character that SQS accepts, and no other', async () => {
  const send = (MessageBody: string) =>
    client.send(new SendMessageCommand({ QueueUrl: sqs.quarantineQueueUrl, MessageBody }))
  await send('tab\t, line\n, Ærø and 🎉')
  expect(sqs.depth('quarantine')).toEqual({ ready: 1, delayed: 0, inFlight: 0 })
  await expect(send('bell\u0007')).rejects.toThrow()
})

test('a port that is in use is refused, and the error names it', async () => {
  const port = Number(new URL(sqs.url).port)
  await expect(startSqs({ port })).rejects.toThrow(new PortTakenError(port))
})
