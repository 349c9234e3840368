import { readFileSync } from 'node:fs'
import { parse } from 'yaml'
import { z } from 'zod'

/** The region and account number that everything local pretends to be in. */
export const REGION = 'eu-west-1'
const ACCOUNT = '000000000000'

/**
 * The AWS resources of a stage as serverless.yml and infrastructure/ declare them, for the local stand-ins: read from the same
 * files that are deployed, so that the two cannot drift apart.
 *
 * @param stage Default: `local`.
 */
export function readInfrastructure(stage = 'local') {
  const service = Service.parse(parse(readPart('serverless.yml')))
  const fill = (text: string): string =>
    text.replaceAll(`\${self:service}`, service.service).replaceAll(`\${sls:stage}`, stage)
  const read = (part: string): unknown => parse(fill(readPart(`infrastructure/${part}.yml`)))
  const { EventsQueue, QuarantineQueue } = Queues.parse(read('queues')).Resources
  const { TableName, BillingMode, AttributeDefinitions, KeySchema } = Tables.parse(read('state-table'))
    .Resources.StateTable.Properties

  const queueArn = (name: string): string => `arn:aws:sqs:${REGION}:${ACCOUNT}:${name}`
  const arns = {
    EventsQueue: queueArn(EventsQueue.Properties.QueueName),
    QuarantineQueue: queueArn(QuarantineQueue.Properties.QueueName),
  }
  const toQueue = ({ QueueName, ...properties }: z.infer<typeof Queue>['Properties']) => ({
    name: QueueName,
    arn: queueArn(QueueName),
    attributes: Object.fromEntries(
      Object.entries(properties).map(([name, value]) => [name, toAttribute(resolve(value, arns))]),
    ),
  })

  return {
    stateTable: { TableName, BillingMode, AttributeDefinitions, KeySchema },
    events: toQueue(EventsQueue.Properties),
    quarantine: toQueue(QuarantineQueue.Properties),
    eventSource: {
      functionName: `${service.service}-${stage}-openFromQueue`,
      /** Seconds. */
      timeout: service.functions.openFromQueue.timeout,
      ...service.functions.openFromQueue.events[0].sqs,
    },
  }
}

const Queue = z.object({ Properties: z.object({ QueueName: z.string() }).catchall(z.unknown()) })
const Queues = z.object({ Resources: z.object({ EventsQueue: Queue, QuarantineQueue: Queue }) })
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
const Service = z.object({
  service: z.string(),
  functions: z.object({
    openFromQueue: z.object({
      timeout: z.number(),
      events: z.tuple([
        z.object({
          sqs: z.object({
            batchSize: z.number(),
            maximumConcurrency: z.number(),
            functionResponseType: z.literal('ReportBatchItemFailures'),
          }),
        }),
      ]),
    }),
  }),
})

/** Replaces what CloudFormation would: a queue's ARN by its logical id, and AWS's own names in a text. */
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
      .replaceAll(`\${AWS::AccountId}`, ACCOUNT)
  }
  return Object.fromEntries(entries.map(([key, item]) => [key, resolve(item, arns)]))
}

function toAttribute(value: unknown): string {
  return typeof value === 'object' ? JSON.stringify(value) : String(value)
}

function readPart(path: string): string {
  return readFileSync(new URL(`../${path}`, import.meta.url), 'utf8')
}
