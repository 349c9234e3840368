import { expect, test } from 'vitest'
import { readResources } from '../../../local/aws/resources.ts'

test('the resources are those that serverless.yml and infrastructure/ declare, with every reference resolved', () => {
  const { stateTable, events, quarantine, eventSource } = readResources()
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
  expect(JSON.parse(events.attributes.RedrivePolicy ?? '')).toMatchObject({
    deadLetterTargetArn: quarantine.arn,
  })
  expect(JSON.parse(quarantine.attributes.RedriveAllowPolicy ?? '')).toMatchObject({
    sourceQueueArns: [events.arn],
  })
  expect(eventSource).toEqual({
    functionName: 'campaign-conversations-local-openFromQueue',
    timeout: expect.any(Number),
    batchSize: expect.any(Number),
    maximumConcurrency: expect.any(Number),
    functionResponseType: 'ReportBatchItemFailures',
  })
  expect(JSON.stringify([events, quarantine, stateTable])).not.toMatch(/\$\{|Fn::/)
})
