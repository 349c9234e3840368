/** A statement of the policy, and the resource types for which CloudFormation needs it. */
interface Covering {
  readonly types: readonly string[]
  readonly Sid: string
  readonly Action: readonly string[]
  readonly Resource: readonly string[]
  readonly Condition?: Readonly<Record<string, Readonly<Record<string, string>>>>
}

/** What a stage's stack and everything in it is called, or begins with. */
const NAME = 'campaign-conversations-<stage>'
const arn = (service: string, resource: string) => `arn:aws:${service}:<region>:<AWS account>:${resource}`

/**
 * What the person or the pipeline needs that deploys, changes and removes one stage. CloudFormation makes its
 * calls with their credentials. None of the actions reads what the service stores.
 *
 * @see https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
 */
const STATEMENTS: readonly Covering[] = [
  {
    types: [],
    Sid: 'Stack',
    Action: [
      'cloudformation:CreateChangeSet',
      'cloudformation:CreateStack',
      'cloudformation:DeleteChangeSet',
      'cloudformation:DeleteStack',
      'cloudformation:Describe*',
      'cloudformation:ExecuteChangeSet',
      'cloudformation:GetTemplate',
      'cloudformation:ListStackResources',
      'cloudformation:TagResource',
      'cloudformation:UntagResource',
      'cloudformation:UpdateStack',
    ],
    Resource: [arn('cloudformation', `stack/${NAME}/*`)],
  },
  {
    types: ['AWS::Logs::QueryDefinition', 'AWS::Lambda::EventSourceMapping'],
    Sid: 'WithoutResource',
    Action: [
      'cloudformation:ValidateTemplate',
      'lambda:ListEventSourceMappings',
      'logs:DeleteQueryDefinition',
      'logs:DescribeLogGroups',
      'logs:DescribeQueryDefinitions',
      'logs:PutQueryDefinition',
    ],
    Resource: ['*'],
  },
  {
    types: ['AWS::S3::Bucket', 'AWS::S3::BucketPolicy'],
    Sid: 'Code',
    Action: [
      's3:CreateBucket',
      's3:DeleteBucket',
      's3:DeleteBucketPolicy',
      's3:DeleteObject',
      's3:GetBucket*',
      's3:GetEncryptionConfiguration',
      's3:GetObject',
      's3:ListBucket*',
      's3:PutBucket*',
      's3:PutEncryptionConfiguration',
      's3:PutObject',
    ],
    Resource: ['arn:aws:s3:::campaign-conversations-*-serverlessdeploymentbucket*'],
  },
  {
    types: ['AWS::Lambda::Function', 'AWS::Lambda::Permission'],
    Sid: 'Functions',
    Action: [
      'lambda:AddPermission',
      'lambda:CreateFunction',
      'lambda:DeleteFunction*',
      'lambda:GetFunction*',
      'lambda:GetPolicy',
      'lambda:GetRuntimeManagementConfig',
      'lambda:ListTags',
      'lambda:ListVersionsByFunction',
      'lambda:PutFunction*',
      'lambda:RemovePermission',
      'lambda:TagResource',
      'lambda:UntagResource',
      'lambda:UpdateFunction*',
    ],
    Resource: [arn('lambda', `function:${NAME}-*`)],
  },
  {
    types: ['AWS::Lambda::EventSourceMapping'],
    Sid: 'Mappings',
    Action: [
      'lambda:CreateEventSourceMapping',
      'lambda:DeleteEventSourceMapping',
      'lambda:UpdateEventSourceMapping',
    ],
    Resource: ['*'],
    Condition: { ArnLike: { 'lambda:FunctionArn': arn('lambda', `function:${NAME}-*`) } },
  },
  {
    types: ['AWS::Lambda::EventSourceMapping'],
    Sid: 'ReadMappings',
    Action: ['lambda:GetEventSourceMapping', 'lambda:ListTags', 'lambda:TagResource', 'lambda:UntagResource'],
    Resource: [arn('lambda', 'event-source-mapping:*')],
  },
  {
    types: ['AWS::IAM::Role', 'AWS::IAM::ManagedPolicy'],
    Sid: 'Roles',
    Action: [
      'iam:CreatePolicy*',
      'iam:CreateRole',
      'iam:DeletePolicy*',
      'iam:DeleteRole*',
      'iam:GetPolicy*',
      'iam:GetRole*',
      'iam:List*',
      'iam:PutRolePolicy',
      'iam:TagPolicy',
      'iam:TagRole',
      'iam:UntagPolicy',
      'iam:UntagRole',
      'iam:UpdateAssumeRolePolicy',
      'iam:UpdateRole*',
    ],
    Resource: [`arn:aws:iam::<AWS account>:role/${NAME}-*`, `arn:aws:iam::<AWS account>:policy/${NAME}-*`],
  },
  {
    types: ['AWS::Lambda::Function'],
    Sid: 'PassRoles',
    Action: ['iam:PassRole'],
    Resource: [`arn:aws:iam::<AWS account>:role/${NAME}-*`],
    Condition: { StringEquals: { 'iam:PassedToService': 'lambda.amazonaws.com' } },
  },
  {
    types: [
      'AWS::ApiGatewayV2::Api',
      'AWS::ApiGatewayV2::Stage',
      'AWS::ApiGatewayV2::Integration',
      'AWS::ApiGatewayV2::Route',
      'AWS::ApiGatewayV2::DomainName',
      'AWS::ApiGatewayV2::ApiMapping',
    ],
    Sid: 'Api',
    Action: [
      'apigateway:DELETE',
      'apigateway:GET',
      'apigateway:PATCH',
      'apigateway:POST',
      'apigateway:PUT',
      'apigateway:TagResource',
      'apigateway:UntagResource',
    ],
    Resource: [
      'arn:aws:apigateway:<region>::/apis*',
      'arn:aws:apigateway:<region>::/domainnames*',
      'arn:aws:apigateway:<region>::/tags/*',
    ],
  },
  {
    // The access log of the API.
    types: ['AWS::ApiGatewayV2::Stage'],
    Sid: 'ApiLog',
    Action: [
      'logs:CreateLogDelivery',
      'logs:DeleteLogDelivery',
      'logs:DescribeResourcePolicies',
      'logs:GetLogDelivery',
      'logs:ListLogDeliveries',
      'logs:PutResourcePolicy',
      'logs:UpdateLogDelivery',
    ],
    Resource: ['*'],
  },
  {
    types: ['AWS::Logs::LogGroup'],
    Sid: 'LogGroups',
    Action: [
      'logs:AssociateKmsKey',
      'logs:CreateLogGroup',
      'logs:DeleteLogGroup',
      'logs:DeleteRetentionPolicy',
      'logs:DisassociateKmsKey',
      'logs:ListTagsForResource',
      'logs:PutRetentionPolicy',
      'logs:TagResource',
      'logs:UntagResource',
    ],
    Resource: [
      arn('logs', `log-group:/aws/lambda/${NAME}-*`),
      arn('logs', `log-group:/aws/http-api/${NAME}*`),
    ],
  },
  {
    types: ['AWS::SQS::Queue', 'AWS::SQS::QueuePolicy'],
    Sid: 'Queues',
    Action: [
      'sqs:CreateQueue',
      'sqs:DeleteQueue',
      'sqs:GetQueue*',
      'sqs:ListQueueTags',
      'sqs:SetQueueAttributes',
      'sqs:TagQueue',
      'sqs:UntagQueue',
    ],
    Resource: [arn('sqs', `${NAME}-*`)],
  },
  {
    types: ['AWS::DynamoDB::Table'],
    Sid: 'Table',
    Action: [
      'dynamodb:CreateTable',
      'dynamodb:DeleteTable',
      'dynamodb:DescribeContinuousBackups',
      'dynamodb:DescribeContributorInsights',
      'dynamodb:DescribeKinesisStreamingDestination',
      'dynamodb:DescribeTable',
      'dynamodb:DescribeTimeToLive',
      'dynamodb:GetResourcePolicy',
      'dynamodb:ListTagsOfResource',
      'dynamodb:TagResource',
      'dynamodb:UntagResource',
      'dynamodb:UpdateContinuousBackups',
      'dynamodb:UpdateTable',
      'dynamodb:UpdateTimeToLive',
    ],
    Resource: [arn('dynamodb', `table/${NAME}-state`), arn('dynamodb', `table/${NAME}-state/*`)],
  },
  {
    types: ['AWS::Events::Rule', 'AWS::Events::EventBus'],
    Sid: 'Events',
    Action: [
      'events:CreateEventBus',
      'events:DeleteEventBus',
      'events:DeleteRule',
      'events:DescribeEventBus',
      'events:DescribeRule',
      'events:ListTagsForResource',
      'events:ListTargetsByRule',
      'events:PutRule',
      'events:PutTargets',
      'events:RemoveTargets',
      'events:TagResource',
      'events:UntagResource',
      'events:UpdateEventBus',
    ],
    Resource: [arn('events', `rule/${NAME}-*`), arn('events', `event-bus/${NAME}-*`)],
  },
  {
    types: ['AWS::SNS::Topic'],
    Sid: 'Topic',
    Action: [
      'sns:CreateTopic',
      'sns:DeleteTopic',
      'sns:GetDataProtectionPolicy',
      'sns:GetTopicAttributes',
      'sns:ListSubscriptionsByTopic',
      'sns:ListTagsForResource',
      'sns:SetTopicAttributes',
      'sns:Subscribe',
      'sns:TagResource',
      'sns:UntagResource',
    ],
    Resource: [arn('sns', `${NAME}-*`)],
  },
  {
    types: ['AWS::CloudWatch::Alarm', 'AWS::CloudWatch::Dashboard'],
    Sid: 'Monitoring',
    Action: [
      'cloudwatch:DeleteAlarms',
      'cloudwatch:DeleteDashboards',
      'cloudwatch:DescribeAlarms',
      'cloudwatch:GetDashboard',
      'cloudwatch:ListTagsForResource',
      'cloudwatch:PutDashboard',
      'cloudwatch:PutMetricAlarm',
      'cloudwatch:TagResource',
      'cloudwatch:UntagResource',
    ],
    Resource: [arn('cloudwatch', `alarm:${NAME}-*`), `arn:aws:cloudwatch::<AWS account>:dashboard/${NAME}*`],
  },
]

/** Returns the resource types that a deployer with the policy can create, change and remove. */
export const coveredTypes = (): ReadonlySet<string> => new Set(STATEMENTS.flatMap(({ types }) => types))

/**
 * Returns the IAM policy of the deployer of one stage. `<stage>`, `<region>` and `<AWS account>` stand for
 * its values.
 */
export const toDeployerPolicy = () => ({
  Version: '2012-10-17',
  Statement: STATEMENTS.map(({ types: _, Sid, ...rest }) => ({ Sid, Effect: 'Allow', ...rest })),
})
