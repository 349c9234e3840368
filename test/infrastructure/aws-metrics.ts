import type { Template } from '../../tools/template.ts'

/** A metric with its dimensions. A value is a text, `Ref` or `Fn::GetAtt`. */
export interface ReadMetric {
  readonly namespace: string
  readonly name: string
  readonly dimensions: Readonly<Record<string, unknown>>
}

/**
 * What AWS's services write, as far as alarms and the dashboard read it: the one dimension of each metric, the
 * resource that it names, and the attribute with that name.
 *
 * @see https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-available-cloudwatch-metrics.html
 * @see https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-metrics.html
 */
const AWS_METRICS: Readonly<
  Record<
    string,
    {
      readonly dimension: string
      readonly type: string
      readonly attribute?: string
      readonly names: readonly string[]
    }
  >
> = {
  'AWS/SQS': {
    dimension: 'QueueName',
    type: 'AWS::SQS::Queue',
    attribute: 'QueueName',
    names: [
      'ApproximateNumberOfMessagesVisible',
      'ApproximateNumberOfMessagesNotVisible',
      'ApproximateNumberOfMessagesDelayed',
      'NumberOfMessagesSent',
      'NumberOfMessagesReceived',
    ],
  },
  'AWS/Lambda': {
    dimension: 'FunctionName',
    type: 'AWS::Lambda::Function',
    names: ['Errors', 'Throttles', 'Duration', 'IteratorAge'],
  },
  'AWS/ApiGateway': {
    dimension: 'ApiId',
    type: 'AWS::ApiGatewayV2::Api',
    names: ['Count', '4xx', '5xx', 'Latency'],
  },
}

/** Returns what is wrong with a metric of an AWS service, or undefined. */
export const findWrong = (
  { namespace, name, dimensions }: ReadMetric,
  { Resources }: Pick<Template, 'Resources'>,
): string | undefined => {
  const known = AWS_METRICS[namespace]
  if (!known) return `${namespace} isn't known here`
  if (!known.names.includes(name)) return `${namespace} has no ${name}`
  const entries = Object.entries(dimensions)
  if (entries.length !== 1 || entries[0]?.[0] !== known.dimension)
    return `${name} is written by ${known.dimension}, not by ${entries.map(([each]) => each).join(' and ')}`
  const { Ref, 'Fn::GetAtt': path } = Object(entries[0][1])
  const [id, attribute] = Array.isArray(path) ? path : [Ref, undefined]
  if (Resources[id]?.Type !== known.type) return `${id} is no ${known.type}`
  return attribute === known.attribute ? undefined : `${name} needs ${known.attribute ?? 'Ref'} of ${id}`
}
