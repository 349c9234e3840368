import { expect, test } from 'vitest'
import { readResources } from '../../../local/aws/resources.ts'

test('the resources are those that serverless.yml and infrastructure/ declare, with every reference resolved', () => {
  const resources = readResources()
  const { stateTable, events, handOver, quarantine, eventSources } = resources
  expect(stateTable).toEqual({
    TableName: 'campaign-conversations-local-state',
    BillingMode: 'PAY_PER_REQUEST',
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
  })
  expect(events).toMatchObject({
    name: 'campaign-conversations-local-events',
    arn: 'arn:aws:sqs:eu-west-1:000000000000:campaign-conversations-local-events',
    attributes: { ReceiveMessageWaitTimeSeconds: '20', SqsManagedSseEnabled: 'true' },
  })
  expect(handOver.arn).toBe('arn:aws:sqs:eu-west-1:000000000000:campaign-conversations-local-hand-over')
  for (const { attributes } of [events, handOver])
    expect(JSON.parse(attributes.RedrivePolicy ?? '')).toMatchObject({ deadLetterTargetArn: quarantine.arn })
  expect(JSON.parse(quarantine.attributes.RedriveAllowPolicy ?? '')).toMatchObject({
    sourceQueueArns: [events.arn, handOver.arn],
  })
  expect(eventSources).toEqual(
    [events, handOver].map(({ arn }) => ({
      functionName: 'campaign-conversations-local-openFromQueue',
      queueArn: arn,
      batchSize: expect.any(Number),
      maximumConcurrency: expect.any(Number),
    })),
  )
  expect(resources.outcomeBus).toBe('campaign-conversations-local-outcomes')
  expect(resources.streamSources).toEqual([
    {
      functionName: 'campaign-conversations-local-publishOutcomes',
      batchSize: 100,
      maximumRecordAgeMs: 23 * 3_600_000,
      patterns: [
        {
          eventName: ['INSERT', 'MODIFY'],
          dynamodb: {
            NewImage: {
              pk: { S: [{ prefix: 'request#' }, { prefix: 'refused#' }] },
              status: { S: [{ 'anything-but': ['opening', 'queued'] }] },
            },
          },
        },
      ],
      failedQueueArn: 'arn:aws:sqs:eu-west-1:000000000000:campaign-conversations-local-outcomes-failed',
    },
  ])
  expect(JSON.stringify([events, handOver, quarantine, stateTable])).not.toMatch(/\$\{|Fn::/)
})

test('the routes of the HTTP API are those of serverless.yml, and its CORS those of the stage', () => {
  const { routes, cors } = readResources().httpApi
  expect(routes).toEqual([
    {
      method: 'POST',
      path: '/conversations',
      functionName: 'campaign-conversations-local-openFromForm',
    },
    {
      method: 'POST',
      path: '/domains/refresh',
      functionName: 'campaign-conversations-local-refreshDomains',
    },
    {
      method: 'GET',
      path: '/conversations/{requestId}',
      functionName: 'campaign-conversations-local-conversationStatus',
    },
    {
      method: 'GET',
      path: '/events/{accountId}/{requestId}',
      functionName: 'campaign-conversations-local-conversationStatus',
    },
    {
      method: 'POST',
      path: '/liveperson/{accountId}/events',
      functionName: 'campaign-conversations-local-conversationEvents',
    },
  ])
  expect(cors).toMatchObject({ allowedOrigins: ['http://127.0.0.1:5173', 'http://localhost:5173'] })
})
