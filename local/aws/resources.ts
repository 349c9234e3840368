import { z } from 'zod'
import { readCors } from '../../tools/cors.ts'
import { readDeclaration } from '../../tools/serverless-yml.ts'
import { AWS_ACCOUNT_ID, REGION } from './sdk.ts'

/** The stage that the local stack runs. */
const STAGE = 'local'

/**
 * Returns the AWS resources of the stage `local` as serverless.yml and infrastructure/ declare them. The
 * stand-ins read the same files that are deployed, so the two can't drift apart.
 */
export function readResources() {
  const { service, functions } = Service.parse(readDeclaration('serverless.yml', STAGE))
  const nameOf = (functionKey: string) => `${service}-${STAGE}-${functionKey}`
  const { EventsQueue, HandOverQueue, QuarantineQueue } = Queues.parse(
    readDeclaration('infrastructure/queues.yml', STAGE),
  ).Resources
  const { OutcomeBus, OutcomesFailedQueue } = Outcomes.parse(
    readDeclaration('infrastructure/outcomes.yml', STAGE),
  ).Resources
  const { TableName, BillingMode, AttributeDefinitions, KeySchema } = Tables.parse(
    readDeclaration('infrastructure/state-table.yml', STAGE),
  ).Resources.StateTable.Properties

  const arns = {
    EventsQueue: toQueueArn(EventsQueue.Properties.QueueName),
    HandOverQueue: toQueueArn(HandOverQueue.Properties.QueueName),
    QuarantineQueue: toQueueArn(QuarantineQueue.Properties.QueueName),
    OutcomesFailedQueue: toQueueArn(OutcomesFailedQueue.Properties.QueueName),
  }
  const toQueue = ({ QueueName, ...properties }: z.infer<typeof Queue>['Properties']) => ({
    name: QueueName,
    arn: toQueueArn(QueueName),
    attributes: Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [name, toAttribute(resolve(value, arns))]),
    ),
  })

  return {
    stateTable: { TableName, BillingMode, AttributeDefinitions, KeySchema },
    events: toQueue(EventsQueue.Properties),
    quarantine: toQueue(QuarantineQueue.Properties),
    handOver: toQueue(HandOverQueue.Properties),
    outcomesFailed: toQueue(OutcomesFailedQueue.Properties),
    /** The name of the bus. */
    outcomeBus: OutcomeBus.Properties.Name,
    streamArn: `arn:aws:dynamodb:${REGION}:${AWS_ACCOUNT_ID}:table/${TableName}/stream/2026-01-01T00:00:00.000`,
    /** The event source mappings of the table's stream. */
    streamSources: Object.entries(functions).flatMap(([key, { events }]) =>
      events.flatMap(({ stream }) =>
        stream === undefined
          ? []
          : {
              functionName: nameOf(key),
              batchSize: stream.batchSize,
              maximumRecordAgeMs: stream.maximumRecordAgeInSeconds * 1000,
              patterns: stream.filterPatterns,
              failedQueueArn: String(resolve(stream.destinations.onFailure.arn, arns)),
            },
      ),
    ),
    /** The event source mappings. */
    eventSources: Object.entries(functions).flatMap(([key, { events }]) =>
      events.flatMap(({ sqs }) =>
        sqs === undefined
          ? []
          : {
              functionName: nameOf(key),
              queueArn: String(resolve(sqs.arn, arns)),
              batchSize: sqs.batchSize,
              maximumConcurrency: sqs.maximumConcurrency,
            },
      ),
    ),
    httpApi: {
      routes: Object.entries(functions).flatMap(([key, { events }]) =>
        events.flatMap(({ httpApi }) =>
          httpApi === undefined ? [] : { ...httpApi, functionName: nameOf(key) },
        ),
      ),
      cors: readCors(STAGE),
    },
  }
}

const Queue = z.object({ Properties: z.object({ QueueName: z.string() }).catchall(z.unknown()) })
const Queues = z.object({
  Resources: z.object({ EventsQueue: Queue, HandOverQueue: Queue, QuarantineQueue: Queue }),
})
const Outcomes = z.object({
  Resources: z.object({
    OutcomeBus: z.object({ Properties: z.object({ Name: z.string() }) }),
    OutcomesFailedQueue: Queue,
  }),
})
const Tables = z.object({
  Resources: z.object({
    StateTable: z.object({
      Properties: z.object({
        TableName: z.string(),
        BillingMode: z.literal('PAY_PER_REQUEST'),
        AttributeDefinitions: z.array(
          z.object({ AttributeName: z.string(), AttributeType: z.enum(['S', 'N', 'B']) }),
        ),
        KeySchema: z.array(z.object({ AttributeName: z.string(), KeyType: z.enum(['HASH', 'RANGE']) })),
      }),
    }),
  }),
})
const HttpApiEvent = z.union([
  z.templateLiteral([z.string(), ' ', z.string()]).transform((text) => {
    const [method = '', path = ''] = text.split(' ')
    return { method, path }
  }),
  z.object({ method: z.string(), path: z.string() }),
])
const Service = z.object({
  service: z.string(),
  functions: z.record(
    z.string(),
    z.object({
      events: z.array(
        z.object({
          sqs: z
            .object({
              arn: z.unknown(),
              batchSize: z.number(),
              maximumConcurrency: z.number(),
              functionResponseType: z.literal('ReportBatchItemFailures'),
            })
            .optional(),
          httpApi: HttpApiEvent.optional(),
          stream: z
            .object({
              batchSize: z.number(),
              functionResponseType: z.literal('ReportBatchItemFailures'),
              bisectBatchOnFunctionError: z.literal(true),
              maximumRetryAttempts: z.literal(-1),
              maximumRecordAgeInSeconds: z.number(),
              filterPatterns: z.array(z.unknown()),
              destinations: z.object({ onFailure: z.object({ arn: z.unknown() }) }),
            })
            .optional(),
        }),
      ),
    }),
  ),
})

function toQueueArn(name: string): string {
  return `arn:aws:sqs:${REGION}:${AWS_ACCOUNT_ID}:${name}`
}

/**
 * Resolves what CloudFormation would: the ARN of a queue by its logical id, and AWS's pseudo parameters in a
 * text.
 */
function resolve(value: unknown, arns: Readonly<Record<string, string>>): unknown {
  if (Array.isArray(value)) return value.map((item) => resolve(item, arns))
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value)
  const [name, argument] = entries[0] ?? []
  if (name === 'Fn::GetAtt' && Array.isArray(argument)) return arns[String(argument[0])]
  if (name === 'Fn::Sub') {
    return String(argument)
      .replaceAll(`\${AWS::Partition}`, 'aws')
      .replaceAll(`\${AWS::Region}`, REGION)
      .replaceAll(`\${AWS::AccountId}`, AWS_ACCOUNT_ID)
  }
  return Object.fromEntries(entries.map(([key, item]) => [key, resolve(item, arns)]))
}

function toAttribute(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}
