import { expect, test } from 'vitest'
import { readDeclaration, readStageNames } from '../../tools/serverless-yml.ts'

test("a stage's names contain the service and the stage", () => {
  expect(readStageNames('dev')).toEqual({
    service: 'campaign-conversations',
    configFile: 'config/dev.json',
    secretIdPrefix: 'campaign-conversations/dev',
    stateTable: 'campaign-conversations-dev-state',
    outcomeBus: 'campaign-conversations-dev-outcomes',
  })
})

test('a declaration has its stage filled in, and keeps the functions of CloudFormation', () => {
  expect(readDeclaration('infrastructure/queues.yml', 'dev')).toMatchObject({
    Resources: {
      EventsQueue: {
        Properties: {
          QueueName: 'campaign-conversations-dev-events',
          RedrivePolicy: { deadLetterTargetArn: { 'Fn::GetAtt': ['QuarantineQueue', 'Arn'] } },
        },
      },
      HandOverQueue: { Properties: { QueueName: 'campaign-conversations-dev-hand-over' } },
    },
  })
})
