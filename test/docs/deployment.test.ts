import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { toCostTable } from '../../tools/costs.ts'
import { coveredTypes, toDeployerPolicy } from '../../tools/deployer-policy.ts'
import { withDeployment } from '../../tools/deployment-docs.ts'
import { packageService } from '../../tools/package-service.ts'
import { readSettings } from '../../tools/scale.ts'
import { projectRoot } from '../structure/source.ts'
import { codeBlocksOf, codeSpansOf, documents } from './markdown.ts'

const read = (path: string) => readFileSync(join(projectRoot, path), 'utf8')
const page = read('docs/deployment.md')
const document = { path: 'docs/deployment.md', text: page }
const params: Readonly<Record<string, unknown>> = parseYaml(read('serverless.yml')).params.default

let service: Awaited<ReturnType<typeof packageService>>
beforeAll(async () => {
  service = await packageService()
}, 120_000)
afterAll(() => service.remove())

test('the policy and the costs on the page are what the scripts compute', () => {
  expect(page === withDeployment(page), 'Run npm run docs:deployment').toBe(true)
})

describe("the deployer's policy", () => {
  const ACCOUNT = '111122223333'
  const policy = JSON.parse(
    JSON.stringify(toDeployerPolicy())
      .replaceAll('<stage>', 'prod')
      .replaceAll('<region>', 'eu-west-1')
      .replaceAll('<AWS account>', ACCOUNT),
  )
  const matches = (pattern: string, text: string) =>
    new RegExp(`^${pattern.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&').replaceAll('*', '.*')}$`).test(text)
  const isAllowed = (action: string, resource: string) =>
    policy.Statement.some(
      ({ Action, Resource }: { Action: string[]; Resource: string[] }) =>
        Action.some((pattern) => matches(pattern, action)) &&
        Resource.some((pattern) => matches(pattern, resource)),
    )
  const arn = (service: string, resource: string, stage = 'prod') =>
    `arn:aws:${service}:eu-west-1:${ACCOUNT}:${resource.replace('{}', `campaign-conversations-${stage}`)}`

  /** What CloudFormation calls to create and to delete each type, and the ARN of one in a stage. */
  const CALLS: Readonly<Record<string, readonly [(stage: string) => string, readonly string[]]>> = {
    'AWS::S3::Bucket': [
      (stage) => `arn:aws:s3:::campaign-conversations-${stage}-serverlessdeploymentbucket-1x`,
      [
        's3:CreateBucket',
        's3:PutBucketPublicAccessBlock',
        's3:PutEncryptionConfiguration',
        's3:DeleteBucket',
      ],
    ],
    'AWS::S3::BucketPolicy': [
      (stage) => `arn:aws:s3:::campaign-conversations-${stage}-serverlessdeploymentbucket-1x`,
      ['s3:PutBucketPolicy', 's3:GetBucketPolicy', 's3:DeleteBucketPolicy'],
    ],
    'AWS::Logs::LogGroup': [
      (stage) => arn('logs', 'log-group:/aws/lambda/{}-openFromForm:log-stream:', stage),
      ['logs:CreateLogGroup', 'logs:PutRetentionPolicy', 'logs:TagResource', 'logs:DeleteLogGroup'],
    ],
    'AWS::Logs::QueryDefinition': [
      () => '*',
      ['logs:PutQueryDefinition', 'logs:DescribeQueryDefinitions', 'logs:DeleteQueryDefinition'],
    ],
    'AWS::Lambda::Function': [
      (stage) => arn('lambda', 'function:{}-openFromForm', stage),
      [
        'lambda:CreateFunction',
        'lambda:GetFunction',
        'lambda:UpdateFunctionCode',
        'lambda:UpdateFunctionConfiguration',
        'lambda:PutFunctionConcurrency',
        'lambda:PutFunctionRecursionConfig',
        'lambda:TagResource',
        'lambda:DeleteFunction',
      ],
    ],
    'AWS::Lambda::Permission': [
      (stage) => arn('lambda', 'function:{}-openFromForm', stage),
      ['lambda:AddPermission', 'lambda:GetPolicy', 'lambda:RemovePermission'],
    ],
    'AWS::Lambda::EventSourceMapping': [
      () => arn('lambda', 'event-source-mapping:1a2b'),
      [
        'lambda:CreateEventSourceMapping',
        'lambda:GetEventSourceMapping',
        'lambda:UpdateEventSourceMapping',
        'lambda:DeleteEventSourceMapping',
      ],
    ],
    'AWS::IAM::Role': [
      (stage) => `arn:aws:iam::${ACCOUNT}:role/campaign-conversations-${stage}-OpenFromFormRole-1X`,
      [
        'iam:CreateRole',
        'iam:PutRolePolicy',
        'iam:GetRolePolicy',
        'iam:PassRole',
        'iam:DeleteRolePolicy',
        'iam:DeleteRole',
      ],
    ],
    'AWS::IAM::ManagedPolicy': [
      (stage) => `arn:aws:iam::${ACCOUNT}:policy/campaign-conversations-${stage}-OperatorsPolicy-1X`,
      [
        'iam:CreatePolicy',
        'iam:CreatePolicyVersion',
        'iam:ListPolicyVersions',
        'iam:DeletePolicyVersion',
        'iam:DeletePolicy',
      ],
    ],
    'AWS::ApiGatewayV2::Api': [
      () => 'arn:aws:apigateway:eu-west-1::/apis',
      ['apigateway:POST', 'apigateway:TagResource'],
    ],
    'AWS::ApiGatewayV2::Stage': [
      () => 'arn:aws:apigateway:eu-west-1::/apis/a1/stages/$default',
      ['apigateway:PATCH', 'apigateway:DELETE'],
    ],
    'AWS::ApiGatewayV2::Integration': [
      () => 'arn:aws:apigateway:eu-west-1::/apis/a1/integrations/i1',
      ['apigateway:GET', 'apigateway:DELETE'],
    ],
    'AWS::ApiGatewayV2::Route': [
      () => 'arn:aws:apigateway:eu-west-1::/apis/a1/routes/r1',
      ['apigateway:PATCH'],
    ],
    'AWS::ApiGatewayV2::DomainName': [
      () => 'arn:aws:apigateway:eu-west-1::/domainnames/conversations.example.com',
      ['apigateway:PATCH', 'apigateway:DELETE'],
    ],
    'AWS::ApiGatewayV2::ApiMapping': [
      () => 'arn:aws:apigateway:eu-west-1::/domainnames/conversations.example.com/apimappings',
      ['apigateway:POST'],
    ],
    'AWS::SQS::Queue': [
      (stage) => arn('sqs', '{}-events', stage),
      [
        'sqs:CreateQueue',
        'sqs:GetQueueAttributes',
        'sqs:SetQueueAttributes',
        'sqs:TagQueue',
        'sqs:DeleteQueue',
      ],
    ],
    'AWS::SQS::QueuePolicy': [(stage) => arn('sqs', '{}-events', stage), ['sqs:SetQueueAttributes']],
    'AWS::DynamoDB::Table': [
      (stage) => arn('dynamodb', 'table/{}-state', stage),
      [
        'dynamodb:CreateTable',
        'dynamodb:DescribeTable',
        'dynamodb:UpdateTable',
        'dynamodb:UpdateTimeToLive',
        'dynamodb:UpdateContinuousBackups',
        'dynamodb:TagResource',
        'dynamodb:DeleteTable',
      ],
    ],
    'AWS::Events::Rule': [
      (stage) => arn('events', 'rule/{}-RefreshDomainsEventsRule-1X', stage),
      ['events:PutRule', 'events:PutTargets', 'events:RemoveTargets', 'events:DeleteRule'],
    ],
    'AWS::Events::EventBus': [
      (stage) => arn('events', 'event-bus/{}-outcomes', stage),
      ['events:CreateEventBus', 'events:DescribeEventBus', 'events:DeleteEventBus'],
    ],
    'AWS::SNS::Topic': [
      (stage) => arn('sns', '{}-AlarmsTopic-1X', stage),
      ['sns:CreateTopic', 'sns:SetTopicAttributes', 'sns:TagResource', 'sns:DeleteTopic'],
    ],
    'AWS::CloudWatch::Alarm': [
      (stage) => arn('cloudwatch', 'alarm:{}-QuarantineAlarm-1X', stage),
      ['cloudwatch:PutMetricAlarm', 'cloudwatch:DescribeAlarms', 'cloudwatch:DeleteAlarms'],
    ],
    'AWS::CloudWatch::Dashboard': [
      (stage) => `arn:aws:cloudwatch::${ACCOUNT}:dashboard/campaign-conversations-${stage}`,
      ['cloudwatch:PutDashboard', 'cloudwatch:GetDashboard', 'cloudwatch:DeleteDashboards'],
    ],
  }

  const typesOf = () =>
    [...new Set(Object.values(service.written.Resources).map(({ Type }) => Type))].toSorted()

  test('covers every resource type of the packaged template, and no other', () => {
    expect([...coveredTypes()].toSorted()).toEqual(typesOf())
    expect(Object.keys(CALLS).toSorted()).toEqual(typesOf())
  })

  test.each(Object.entries(CALLS))(
    'allows what CloudFormation does with %s, of this stage only',
    (_, [of, actions]) => {
      for (const action of actions) expect([action, isAllowed(action, of('prod'))]).toEqual([action, true])
      if (of('test') === of('prod')) return
      const elsewhere = of('test').startsWith('arn:aws:s3:') ? 'arn:aws:s3:::reports' : of('test')
      for (const action of actions) expect([action, isAllowed(action, elsewhere)]).toEqual([action, false])
    },
  )

  test.each([
    ['sqs:ReceiveMessage', arn('sqs', '{}-quarantine')],
    ['sqs:SendMessage', arn('sqs', '{}-hand-over')],
    ['dynamodb:GetItem', arn('dynamodb', 'table/{}-state')],
    ['dynamodb:Scan', arn('dynamodb', 'table/{}-state')],
    ['dynamodb:GetRecords', arn('dynamodb', 'table/{}-state/stream/x')],
    ['secretsmanager:GetSecretValue', arn('secretsmanager', 'secret:campaign-conversations/prod/7-x')],
    ['logs:GetLogEvents', arn('logs', 'log-group:/aws/lambda/{}-openFromForm')],
    ['lambda:InvokeFunction', arn('lambda', 'function:{}-openFromForm')],
    ['iam:CreateUser', `arn:aws:iam::${ACCOUNT}:user/x`],
  ])('does not allow %s', (action, resource) => {
    expect(isAllowed(action, resource)).toBe(false)
  })

  test('fits into one managed policy', () => {
    expect(JSON.stringify(toDeployerPolicy()).length).toBeLessThan(6144)
  })
})

describe('parameters', () => {
  /** Names of resources and addresses, which no deployer sets. */
  const INTERNAL = [
    'eventsQueueUrl',
    'handOverQueueUrl',
    'quarantineQueueUrl',
    'stateTable',
    'domainApiUrl',
    'outcomeBusName',
  ]
  const names = Object.keys(params).filter((name) => !INTERNAL.includes(name))

  test('of serverless.yml and of the template are all in the page', () => {
    const spans = codeSpansOf(document)
    const inTemplate = Object.keys(service.written.Parameters)
    expect(names.length).toBeGreaterThan(10)
    expect(inTemplate.length).toBeGreaterThan(10)
    expect([...names, ...inTemplate].filter((name) => !spans.includes(name))).toEqual([])
  })

  test('of the template each have a meaning and a default, and are used', () => {
    const { Parameters, Resources, Conditions, Outputs } = service.written
    const text = JSON.stringify({ Resources, Conditions, Outputs })
    for (const [name, { Default, Description }] of Object.entries(Parameters)) {
      expect([name, text.includes(`{"Ref":"${name}"}`)]).toEqual([name, true])
      expect([name, Description.length > 20, Default]).toEqual([name, true, Parameters[name]?.Default])
    }
  })

  test.each(['hcl', 'typescript'])('are all named by the snippet in %s, with their defaults', (language) => {
    const [snippet, ...others] = codeBlocksOf(document).filter((block) => block.language === language)
    expect(others).toEqual([])
    const [, list = ''] = /parameters(?: = |: )\{\n([\s\S]*?)\n +\}/.exec(snippet?.text ?? '') ?? []
    const given = new Map(
      list.split('\n').map((line) => {
        const [, name = '', value = ''] = /^ *(\w+) *[=:] *(.*?),?$/.exec(line) ?? []
        return [name, value.replaceAll(/['"]/g, '')]
      }),
    )
    const { Parameters } = service.written
    expect([...given.keys()].toSorted()).toEqual(Object.keys(Parameters).toSorted())
    for (const [name, value] of given)
      if (name !== 'Operators') expect([name, value]).toEqual([name, String(Parameters[name]?.Default)])
  })

  test.each(['hcl', 'typescript'])('the snippet in %s has all its brackets', (language) => {
    const [{ text = '' } = {}] = codeBlocksOf(document).filter((block) => block.language === language)
    const open: string[] = []
    for (const [bracket] of text.replaceAll(/'[^'\n]*'|"[^"\n]*"/g, '').matchAll(/[()[\]{}]/g))
      if ('([{'.includes(bracket)) open.push(bracket)
      else expect(`${open.pop()}${bracket}`).toMatch(/^(\(\)|\[\]|\{\})$/)
    expect(open).toEqual([])
  })
})

test('a template with a bucket that exists needs no other, and names it for the code', async () => {
  const packaged = await packageService({ deploymentBucket: 'acme-deployments' })
  await packaged.remove()
  const { Resources } = packaged.written
  const codes = Object.values(Resources).flatMap(({ Type, Properties }) =>
    Type === 'AWS::Lambda::Function' ? [Properties.Code] : [],
  )
  expect(codes.length).toBeGreaterThan(3)
  for (const code of codes)
    expect(code).toEqual({
      S3Bucket: 'acme-deployments',
      S3Key: expect.stringMatching(/^serverless\/campaign-conversations\/dev\/[^/]+\/\w+\.zip$/),
    })
  expect(JSON.stringify(packaged.written)).not.toContain('"Ref":"ServerlessDeploymentBucket"')
})

test('every output of the stack is in the page, and the page has no other', () => {
  const [, table = ''] = /## Outputs\n([\s\S]*?)\n## /.exec(page) ?? []
  const named = [...table.matchAll(/`([A-Z]\w+)`/g)].map(([, name]) => name)
  const outputs = Object.keys(service.written.Outputs)
  for (const name of ['QuarantineQueueArn', 'HandOverQueueArn', 'EventsQueueArn'])
    expect(outputs).toContain(name)
  expect(outputs.filter((name) => !named.includes(name))).toEqual([])
  expect(named.filter((name) => !outputs.includes(name ?? ''))).toEqual([])
})

test('what the page says is kept has both policies, and nothing else outlives the stack', () => {
  const kept = Object.entries(service.written.Resources)
    .filter(([, resource]) => 'DeletionPolicy' in resource && resource.DeletionPolicy === 'Retain')
    .map(([id, resource]) => [id, 'UpdateReplacePolicy' in resource && resource.UpdateReplacePolicy])
  expect(Object.fromEntries(kept)).toEqual({ QuarantineQueue: 'Retain', StateTable: 'Retain' })
})

test('removing a stage: what is deleted, what is kept and what keeps its name are in the page', () => {
  const [, section = ''] = /## Removing a stage\n([\s\S]*)/.exec(page) ?? []
  const prose = section.replaceAll(/\s+/g, ' ')
  expect(prose).toContain('deletes the events queue and the hand-over queue, and the accepted requests')
  expect(prose).toContain('The state table and the quarantine queue are kept')
  expect(prose).toContain('still have their names')
  for (const queue of ['EventsQueueUrl', 'HandOverQueueUrl', 'QuarantineQueueUrl'])
    expect(section).toContain(queue)
})

test('the alarm about hosts names the Domain API and the state table', () => {
  const { AlarmDescription } = service.template.Resources.DomainsRefreshFailedAlarm?.Properties ?? {}
  expect(AlarmDescription).toMatch(/Domain API or the state table/)
})

test('where --cli-binary-format is used, the page says which version of the AWS CLI has it', () => {
  const pages = documents.filter(({ text }) => /^.*aws [\s\S]*?--cli-binary-format raw/m.test(text))
  expect(pages.map(({ path }) => path)).toEqual(['docs/operations.md'])
  for (const { text } of pages)
    expect(text.replaceAll(/\s+/g, ' ')).toContain(
      '`--cli-binary-format` exists in version 2 of the AWS CLI only',
    )
})

describe('costs', () => {
  test('add up, and follow from the unit prices and the settings', () => {
    const sums = (table: string) => {
      const rows = table.split('\n').map((row) => row.split('|').map((cell) => cell.trim()))
      const dollars = (cell = '') => Number(/\$([\d.]+)/.exec(cell)?.[1] ?? 0)
      const [total] = rows.filter(([, name]) => name === '**All**')
      const parts = rows.filter(([, name]) => !/^(service|---|\*\*All\*\*)/.test(name ?? ''))
      return [3, 4].map((column) => [
        dollars(total?.[column]),
        parts.reduce((sum, row) => sum + dollars(row[column]), 0),
      ])
    }
    for (const [total = 0, sum = 0] of sums(toCostTable())) {
      expect(total).toBeGreaterThan(0)
      expect(Math.abs(total - sum) / total).toBeLessThan(0.05)
    }
    const settings = readSettings()
    const more = toCostTable({ ...settings, alarms: settings.alarms + 100, memoryGb: 2 })
    const [[one = 0], [idle = 0]] = [sums(toCostTable())[0] ?? [], sums(toCostTable())[1] ?? []]
    const [[oneMore = 0], [idleMore = 0]] = [sums(more)[0] ?? [], sums(more)[1] ?? []]
    expect(idleMore - idle).toBeGreaterThan(9)
    expect(oneMore / one).toBeGreaterThan(1.3)
  })
})
