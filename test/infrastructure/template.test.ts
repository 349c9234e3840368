import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import { readResources } from '../../local/aws/resources.ts'
import { bundleFunctions } from '../../tools/bundle.ts'
import { type Grant, readGrants } from '../../tools/iam.ts'
import { withIamTable } from '../../tools/iam-docs.ts'
import { packageService } from '../../tools/package-service.ts'
import { type Resource, resolveTemplate } from '../../tools/template.ts'
import { readZip } from '../../tools/zip.ts'
import { metricsOf as metricsOfAlarm, parseAlarm } from './alarm.ts'
import { findWrong, type ReadMetric } from './aws-metrics.ts'
import { metricsOf as metricsOfDashboard, parseDashboard } from './dashboard.ts'

const FUNCTIONS = [
  'openFromForm',
  'openFromQueue',
  'refreshDomains',
  'conversationStatus',
  'conversationEvents',
  'publishOutcomes',
] as const
const KEY = 'arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab'
const CERTIFICATE = 'arn:aws:acm:eu-west-1:111122223333:certificate/1234abcd-12ab-34cd-56ef-1234567890ab'
let service: Awaited<ReturnType<typeof packageService>>
/** With every optional parameter. */
let full: Awaited<ReturnType<typeof packageService>>

const startedAt = Date.now()

beforeAll(async () => {
  service = await packageService()
  full = await packageService({
    kmsKeyArn: KEY,
    domainName: 'conversations.example.com',
    certificateArn: CERTIFICATE,
    disableDefaultEndpoint: 'true',
    edgeHeader: 'x-edge-secret',
    edgeSecretSha256: 'a'.repeat(64),
    formConcurrency: '100',
    statusConcurrency: '20',
    queueConcurrency: '10',
    runbook: 'https://example.com/runbook.md',
    outcomeBus: 'arn:aws:events:eu-west-1:111122223333:event-bus/shared',
  })
}, 120_000)
afterAll(() => Promise.all([service.remove(), full.remove()]))

/** Returns the properties of a resource by its logical id. */
function get(id: string, { template } = service): Resource['Properties'] {
  const resource = template.Resources[id]
  if (!resource) throw new Error(`The template has no ${id}.`)
  return resource.Properties
}

const ofType = (type: string) => Object.values(service.template.Resources).filter(({ Type }) => Type === type)
const logicalId = (name: string) => name[0]?.toUpperCase() + name.slice(1)

describe('packaging', () => {
  test('refuses a disableDefaultEndpoint that is neither true nor false', async () => {
    const packaging = packageService({ domainName: 'a.example.com', disableDefaultEndpoint: 'yes' })
    await expect(packaging).rejects.toMatchObject({ stdout: expect.stringContaining('strToBool') })
  })

  test('needs no AWS credentials and prints no warning', () => {
    expect(service.printed).toContain('Service packaged')
    expect(service.printed).not.toMatch(/warn|deprecat/i)
  })

  test('produces one zip per function, which contains only its handler and the stage configuration', async () => {
    expect(service.zips.map((path) => basename(path, '.zip')).toSorted()).toEqual([...FUNCTIONS].toSorted())
    for (const path of service.zips) {
      const names = readZip(await readFile(path)).map(({ name }) => name)
      expect(names.toSorted()).toEqual([
        'config/dev.json',
        expect.stringMatching(/^functions\/[a-z-]+\.mjs$/),
      ])
    }
  })

  test('and the code of which the SBOM is made are the same, byte for byte', async () => {
    for (const { name, code } of await bundleFunctions()) {
      const zip = service.zips.find((path) => basename(path, '.zip') === name) ?? ''
      const packaged = readZip(await readFile(zip)).find((entry) => entry.name.endsWith('.mjs'))
      expect(packaged?.read().equals(code), name).toBe(true)
    }
  })

  test('are made without leaving a copy in the folder for temporary files', async () => {
    const copy = new RegExp(`^(?:${FUNCTIONS.join('|')})-\\d+-(?<at>\\d{13})-[0-9a-f]{8}$`)
    const left = (await readdir(tmpdir())).filter(
      (name) => Number(copy.exec(name)?.groups?.at ?? 0) >= startedAt,
    )
    expect(left).toEqual([])
  })

  test.each(FUNCTIONS)('%s loads from its zip without any other files', async (name) => {
    const folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-zip-'))
    const zip = service.zips.find((path) => basename(path, '.zip') === name) ?? ''
    const entries = readZip(await readFile(zip))
    for (const entry of entries) {
      await mkdir(dirname(join(folder, entry.name)), { recursive: true })
      await writeFile(join(folder, entry.name), entry.read())
    }
    const handler = pathToFileURL(
      join(folder, entries.find((entry) => entry.name.endsWith('.mjs'))?.name ?? ''),
    )
    const script = `const { handler } = await import('${handler.href}'); console.log(typeof handler); process.exit()`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', script],
      {
        cwd: folder,
        env: { ...lambdaEnvironment, LAMBDA_TASK_ROOT: folder },
      },
    )
    // Nothing listens there, so it may log that before.
    expect(stdout.trim().split('\n').at(-1)).toBe('function')
    await rm(folder, { recursive: true })
  })
})

const lambdaEnvironment = {
  AWS_REGION: 'eu-west-1',
  AWS_ACCESS_KEY_ID: 'none',
  AWS_SECRET_ACCESS_KEY: 'none',
  CONFIG_FILE: 'config/dev.json',
  STATE_TABLE: 'state',
  EVENTS_QUEUE_URL: 'http://127.0.0.1:9/events',
  HANDOVER_QUEUE_URL: 'http://127.0.0.1:9/hand-over',
  QUARANTINE_QUEUE_URL: 'http://127.0.0.1:9/quarantine',
  SECRET_ID_PREFIX: 'campaign-conversations/dev',
  AWS_ENDPOINT_URL: 'http://127.0.0.1:9',
  LIVEPERSON_DOMAIN_API_URL: 'http://127.0.0.1:9',
  OUTCOME_BUS: 'outcomes',
}

describe('functions', () => {
  test('run Node 24 on arm64', () => {
    const functions = ofType('AWS::Lambda::Function')
    expect(functions).toHaveLength(FUNCTIONS.length)
    for (const { Properties } of functions) {
      expect(Properties).toMatchObject({ Runtime: 'nodejs24.x', Architectures: ['arm64'] })
    }
  })

  test.each(FUNCTIONS)('%s has every environment variable', (name) => {
    expect(get(`${logicalId(name)}LambdaFunction`).Environment).toEqual({
      Variables: {
        CONFIG_FILE: 'config/dev.json',
        STATE_TABLE: { Ref: 'StateTable' },
        EVENTS_QUEUE_URL: { Ref: 'EventsQueue' },
        HANDOVER_QUEUE_URL: { Ref: 'HandOverQueue' },
        QUARANTINE_QUEUE_URL: { Ref: 'QuarantineQueue' },
        SECRET_ID_PREFIX: 'campaign-conversations/dev',
        LIVEPERSON_DOMAIN_API_URL: 'https://api.liveperson.net',
        FORM_DEADLINE_MS: '6000',
        EDGE_HEADER: '',
        EDGE_SECRET_SHA256: '',
        LOG_LEVEL: 'INFO',
        POWERTOOLS_SERVICE_NAME: 'campaign-conversations-dev',
        ...(name === 'publishOutcomes' && { OUTCOME_BUS: { Ref: 'OutcomeBus' } }),
      },
    })
  })

  test('time out before API Gateway does after 30 s, and openFromForm well after the form’s deadline', () => {
    for (const name of ['openFromForm', 'refreshDomains', 'conversationStatus', 'conversationEvents']) {
      expect(get(`${logicalId(name)}LambdaFunction`).Timeout).toBeLessThan(30)
    }
    expect(get('OpenFromFormLambdaFunction').Timeout).toBeGreaterThan(12)
  })

  test('only openFromQueue may send to a queue that it reads, again and again', () => {
    for (const name of FUNCTIONS) {
      const expected = name === 'openFromQueue' ? 'Allow' : undefined
      expect(get(`${logicalId(name)}LambdaFunction`).RecursiveLoop).toBe(expected)
    }
  })

  test('keep their logs for 30 days', () => {
    const groups = ofType('AWS::Logs::LogGroup')
    expect(groups).toHaveLength(FUNCTIONS.length + 1)
    for (const { Properties } of groups) expect(Properties.RetentionInDays).toBe(30)
  })
})

describe('permissions', () => {
  const isOf = (holder: string) => (grant: Grant) => grant.holder === holder

  test.each(FUNCTIONS)('%s has a role of its own', (name) => {
    expect(get(`${logicalId(name)}LambdaFunction`).Role).toEqual(arnOf(`${logicalId(name)}Role`))
    const logs = readGrants(service.template).filter(({ action }) => action.startsWith('logs:'))
    expect(logs.filter(isOf(`${logicalId(name)}Role`)).map(({ resource }) => resource)).toEqual([
      `${logicalId(name)}LogGroup`,
      `${logicalId(name)}LogGroup`,
    ])
  })

  test('are those in docs/security.md, as `npm run docs:iam` writes them', async () => {
    const page = await readFile(new URL('../../docs/security.md', import.meta.url), 'utf8')
    expect(page).toBe(withIamTable(page, service.written))
  })

  test('no role and no policy of the stack may delete an item, write without a key range, or scan', () => {
    for (const { action, keys, resource } of readGrants(service.template))
      if (action.startsWith('dynamodb:') && resource !== 'StateTable/stream') {
        expect(['dynamodb:GetItem', 'dynamodb:BatchGetItem', 'dynamodb:UpdateItem']).toContain(action)
        expect(keys?.every((key) => /^[a-z]+#\*$/.test(key))).toBe(true)
      }
  })

  test('no role allows all resources or all actions', () => {
    for (const { Properties } of ofType('AWS::IAM::Role')) {
      expect(JSON.stringify(Properties.Policies)).not.toMatch(/"\*"|:\*"/)
      expect(Properties).not.toHaveProperty('ManagedPolicyArns')
    }
  })

  test('the policy of CRMs allows nothing but the status of events', () => {
    expect(readGrants(service.template).filter(({ holder }) => holder === 'EventStatusPolicy')).toEqual([
      {
        holder: 'EventStatusPolicy',
        effect: 'Allow',
        action: 'execute-api:Invoke',
        resource: `arn:\${AWS::Partition}:execute-api:\${AWS::Region}:\${AWS::AccountId}:\${HttpApi}/$default/GET/events/*`,
      },
    ])
  })

  const tlsOnly = (...queues: readonly string[]) => ({
    Sid: 'TlsOnly',
    Effect: 'Deny',
    Principal: '*',
    Action: 'sqs:*',
    Resource: queues.length === 1 ? arnOf(queues[0]) : queues.map(arnOf),
    Condition: { Bool: { 'aws:SecureTransport': 'false' } },
  })

  test('every queue has one policy, and refuses requests without TLS', () => {
    expect(get('QueuesTlsOnlyPolicy')).toEqual({
      Queues: [{ Ref: 'EventsQueue' }, { Ref: 'QuarantineQueue' }],
      PolicyDocument: { Version: '2012-10-17', Statement: [tlsOnly('EventsQueue', 'QuarantineQueue')] },
    })
    expect(get('HandOverQueuePolicy').Queues).toEqual([{ Ref: 'HandOverQueue' }])
    expect(Object(get('HandOverQueuePolicy').PolicyDocument).Statement[0]).toEqual(tlsOnly('HandOverQueue'))
    expect(get('OutcomesFailedQueuePolicy')).toEqual({
      Queues: [{ Ref: 'OutcomesFailedQueue' }],
      PolicyDocument: { Version: '2012-10-17', Statement: [tlsOnly('OutcomesFailedQueue')] },
    })
    expect(ofType('AWS::SQS::QueuePolicy')).toHaveLength(3)
  })

  test('only the two doors and operators may send to the hand-over queue', () => {
    const { Statement } = Object(get('HandOverQueuePolicy').PolicyDocument)
    expect(Statement.slice(1)).toEqual([
      {
        Sid: 'OnlyDoorsAndOperatorsSend',
        Effect: 'Deny',
        Principal: '*',
        Action: 'sqs:SendMessage',
        Resource: arnOf('HandOverQueue'),
        Condition: {
          ArnNotLike: {
            'aws:PrincipalArn': [
              arnOf('OpenFromFormRole'),
              arnOf('OpenFromQueueRole'),
              {
                'Fn::Sub': `arn:\${AWS::Partition}:iam::\${AWS::AccountId}:role/campaign-conversations-dev-operators`,
              },
            ],
          },
        },
      },
    ])
    const senders = readGrants(service.template).filter(
      ({ action, resource }) => action === 'sqs:SendMessage' && resource === 'HandOverQueue',
    )
    expect(senders.map(({ holder }) => holder)).toEqual([
      'OpenFromFormRole',
      'OpenFromQueueRole',
      'OperatorsPolicy',
    ])
  })
})

const arnOf = (id: string | undefined) => ({ 'Fn::GetAtt': [id, 'Arn'] })

describe('queues', () => {
  const READ = ['EventsQueue', 'HandOverQueue'] as const

  test.each(READ)("%s hides a message for six times its function's timeout", (queue) => {
    const timeout = Number(get('OpenFromQueueLambdaFunction').Timeout)
    expect(get(queue).VisibilityTimeout).toBeGreaterThanOrEqual(6 * timeout)
  })

  test.each(READ)(
    '%s moves only a record that keeps killing the function to the quarantine queue',
    (queue) => {
      expect(get(queue).RedrivePolicy).toEqual({
        deadLetterTargetArn: arnOf('QuarantineQueue'),
        maxReceiveCount: 1000,
      })
    },
  )

  test.each(READ)(
    '%s keeps messages longer than the service tries, the quarantine queue even longer',
    (queue) => {
      expect(get(queue).MessageRetentionPeriod).toBe(10 * 86_400)
      expect(get('QuarantineQueue').MessageRetentionPeriod).toBe(14 * 86_400)
    },
  )

  test('no other queue may use one of them as its dead-letter queue', () => {
    for (const queue of READ) expect(get(queue).RedriveAllowPolicy).toEqual({ redrivePermission: 'denyAll' })
    expect(get('QuarantineQueue').RedriveAllowPolicy).toEqual({
      redrivePermission: 'byQueue',
      sourceQueueArns: READ.map((queue) => ({
        'Fn::Sub': `arn:\${AWS::Partition}:sqs:\${AWS::Region}:\${AWS::AccountId}:${get(queue).QueueName}`,
      })),
    })
  })

  test.each([...READ, 'QuarantineQueue'])('%s is encrypted, uses long polling and takes 1 MiB', (queue) => {
    expect(get(queue)).toMatchObject({
      SqsManagedSseEnabled: true,
      ReceiveMessageWaitTimeSeconds: 20,
      MaximumMessageSize: 1_048_576,
    })
  })

  test('each is read in batches of ten, with partial batch responses and its own concurrency', () => {
    const mappings = ofType('AWS::Lambda::EventSourceMapping')
      .map(({ Properties }) => Properties)
      .filter(({ FunctionName }) => JSON.stringify(FunctionName).includes('OpenFromQueue'))
    const mapping = (queue: string, MaximumConcurrency: number) =>
      expect.objectContaining({
        BatchSize: 10,
        FunctionName: arnOf('OpenFromQueueLambdaFunction'),
        FunctionResponseTypes: ['ReportBatchItemFailures'],
        ScalingConfig: { MaximumConcurrency },
        EventSourceArn: arnOf(queue),
      })
    expect(mappings).toEqual([mapping('EventsQueue', 5), mapping('HandOverQueue', 2)])
  })
})

test('the state table is encrypted, on demand, restorable, expires items by expiresAt and outlives the stack', () => {
  expect(service.template.Resources.StateTable).toMatchObject({
    DeletionPolicy: 'Retain',
    UpdateReplacePolicy: 'Retain',
    Properties: {
      BillingMode: 'PAY_PER_REQUEST',
      KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
      TimeToLiveSpecification: { AttributeName: 'expiresAt', Enabled: true },
      PointInTimeRecoverySpecification: { PointInTimeRecoveryEnabled: true },
      SSESpecification: { SSEEnabled: true },
    },
  })
})

describe('outcomes', () => {
  test('are published from the stream of the state table, which has both images', () => {
    expect(get('StateTable').StreamSpecification).toEqual({ StreamViewType: 'NEW_AND_OLD_IMAGES' })
    const [mapping, ...others] = ofType('AWS::Lambda::EventSourceMapping')
      .map(({ Properties }) => Properties)
      .filter(({ FunctionName }) => JSON.stringify(FunctionName).includes('PublishOutcomes'))
    expect(others).toEqual([])
    expect(mapping).toMatchObject({
      EventSourceArn: { 'Fn::GetAtt': ['StateTable', 'StreamArn'] },
      FunctionResponseTypes: ['ReportBatchItemFailures'],
      BisectBatchOnFunctionError: true,
      // What was written before the first invocation is published, too.
      StartingPosition: 'TRIM_HORIZON',
      MaximumRetryAttempts: -1,
      DestinationConfig: { OnFailure: { Destination: arnOf('OutcomesFailedQueue') } },
    })
    // The local stack, and so the trial of outcomes, lets the same records through.
    const { Filters } = Object(mapping?.FilterCriteria)
    const patterns = Filters.map(({ Pattern }: { readonly Pattern: string }) => JSON.parse(Pattern))
    expect(patterns).toEqual(readResources().streamSources[0]?.patterns)
    // DynamoDB keeps a record for 24 hours. What is discarded later would leave no trace.
    expect(mapping?.MaximumRecordAgeInSeconds).toBeLessThan(24 * 3600)
  })

  test('have a bus of their own, or the one that a parameter names', async () => {
    const arn = 'arn:aws:events:eu-west-1:111122223333:event-bus/shared'
    const granted = (from = service) =>
      readGrants(from.template).filter(({ action }) => action === 'events:PutEvents')
    expect(get('OutcomeBus').Name).toBe('campaign-conversations-dev-outcomes')
    expect(service.template.Outputs.OutcomeBusArn?.Value).toEqual(arnOf('OutcomeBus'))
    expect(granted()).toMatchObject([{ holder: 'PublishOutcomesRole', resource: 'OutcomeBus' }])
    expect(full.template.Resources).not.toHaveProperty('OutcomeBus')
    expect(full.template.Outputs.OutcomeBusArn?.Value).toBe(arn)
    expect(granted(full)).toMatchObject([{ holder: 'PublishOutcomesRole', resource: arn }])
    expect(get('PublishOutcomesLambdaFunction', full).Environment).toMatchObject({
      Variables: { OUTCOME_BUS: arn },
    })
  })
})

describe('the HTTP API', () => {
  test('has four routes, and refreshing the domains and asking for events require IAM', () => {
    const routes = ofType('AWS::ApiGatewayV2::Route').map(({ Properties }) => [
      Properties.RouteKey,
      Properties.AuthorizationType,
    ])
    expect(Object.fromEntries(routes)).toEqual({
      'POST /conversations': undefined,
      'GET /conversations/{requestId}': undefined,
      'GET /events/{accountId}/{requestId}': 'AWS_IAM',
      'POST /domains/refresh': 'AWS_IAM',
    })
  })

  test('has its execute-api address only, unless a name is set', () => {
    expect(get('HttpApi').DisableExecuteApiEndpoint).toBe(false)
    expect(ofType('AWS::ApiGatewayV2::DomainName')).toEqual([])
    expect(ofType('AWS::ApiGatewayV2::ApiMapping')).toEqual([])
    expect(service.template.Outputs).not.toHaveProperty('ApiDomainTarget')
    expect(service.template.Outputs.ApiUrl?.Value).toEqual({
      'Fn::Sub': `https://\${HttpApi}.execute-api.\${AWS::Region}.\${AWS::URLSuffix}`,
    })
  })

  test('is throttled', () => {
    expect(get('HttpApiStage').DefaultRouteSettings).toMatchObject({
      ThrottlingRateLimit: 20,
      ThrottlingBurstLimit: 50,
    })
  })

  test("can be called only from the stage configuration's origins", () => {
    expect(get('HttpApi').CorsConfiguration).toEqual({
      AllowOrigins: ['https://www.example.com'],
      AllowMethods: ['GET', 'POST', 'OPTIONS'],
      AllowHeaders: [
        'content-type',
        'authorization',
        'idempotency-key',
        'traceparent',
        'tracestate',
        'baggage',
        'sentry-trace',
        'x-requested-with',
      ],
      ExposeHeaders: ['location', 'retry-after'],
      AllowCredentials: true,
      MaxAge: 3600,
    })
  })

  test('logs no address, path, header or error text', () => {
    const { Format } = Object(get('HttpApiStage').AccessLogSettings)
    const variables = Object.values(JSON.parse(Format))
    expect(variables.toSorted()).toEqual([
      '$context.integrationLatency',
      '$context.integrationStatus',
      '$context.requestId',
      '$context.requestTime',
      '$context.responseLatency',
      '$context.responseLength',
      '$context.routeKey',
      '$context.status',
    ])
  })
})

test('the domains are refreshed every ten minutes', () => {
  expect(ofType('AWS::Events::Rule').map(({ Properties }) => Properties.ScheduleExpression)).toEqual([
    'rate(10 minutes)',
  ])
})

describe('alarms, the dashboard and saved queries', () => {
  const ofAlarms = () =>
    ofType('AWS::CloudWatch::Alarm').flatMap(({ Properties }) =>
      metricsOfAlarm(parseAlarm(Properties)).map(({ Namespace, MetricName, Dimensions }) => ({
        namespace: Namespace,
        name: MetricName,
        dimensions: Object.fromEntries(Dimensions.map(({ Name, Value }) => [Name, Value])),
      })),
    )
  const ofDashboard = () => metricsOfDashboard(parseDashboard(get('Dashboard')))
  const isOwn = ({ namespace }: ReadMetric) => namespace === 'CampaignConversations'

  test.each([
    ['alarms', 30, ofAlarms],
    ['the dashboard', 60, ofDashboard],
  ])("%s read AWS's metrics by a resource of the template, and our own by the stage", (_, atLeast, read) => {
    const metrics = read()
    expect(metrics.length).toBeGreaterThan(atLeast)
    const wrong = metrics
      .filter((metric) => !isOwn(metric))
      .map((metric) => findWrong(metric, service.template))
    expect(wrong.filter((sentence) => sentence !== undefined)).toEqual([])
    for (const { name, dimensions } of metrics.filter(isOwn))
      expect([name, dimensions.service]).toEqual([name, 'campaign-conversations-dev'])
  })

  test.each(FUNCTIONS)('%s has alarms on errors and throttles', (name) => {
    const FunctionName = { Ref: `${logicalId(name)}LambdaFunction` }
    for (const metric of ['Errors', 'Throttles'])
      expect(ofAlarms()).toContainEqual({
        namespace: 'AWS/Lambda',
        name: metric,
        dimensions: { FunctionName },
      })
  })

  test('every alarm notifies the topic, and names its section in the runbook that a parameter names', () => {
    const alarms = Object.entries(service.template.Resources).filter(
      ([, { Type }]) => Type === 'AWS::CloudWatch::Alarm',
    )
    expect(alarms.length).toBeGreaterThan(25)
    for (const [id, { Properties }] of alarms) {
      expect(Properties.AlarmActions).toEqual([{ Ref: 'AlarmsTopic' }])
      expect(Properties.AlarmDescription).toMatch(
        new RegExp(` Runbook: docs/runbook\\.md#${id.toLowerCase()}$`),
      )
      expect(get(id, full).AlarmDescription).toContain('Runbook: https://example.com/runbook.md#')
    }
  })

  test('saved queries read log groups of the template', () => {
    const queries = ofType('AWS::Logs::QueryDefinition').map(({ Properties }) => Properties)
    expect(queries.length).toBeGreaterThan(5)
    for (const { LogGroupNames } of queries)
      for (const { Ref } of z.array(z.object({ Ref: z.string() })).parse(LogGroupNames))
        expect(service.template.Resources[Ref]?.Type).toBe('AWS::Logs::LogGroup')
  })
})

test('an alarm fires when the oldest record is 8 days old, which leaves 2 days of the retention', () => {
  expect(get('OldestRecordAlarm')).toMatchObject({
    Namespace: 'CampaignConversations',
    MetricName: 'oldest_record_age',
    Statistic: 'Maximum',
    Threshold: 8 * 86_400,
    TreatMissingData: 'notBreaching',
  })
})

test('an alarm fires when somebody probes: at 100 refusals of one kind within five minutes', () => {
  for (const id of ['ConsumerTokensRefusedAlarm', 'BotChecksFailedAlarm', 'OriginsRefusedAlarm'])
    expect(get(id)).toMatchObject({
      Namespace: 'CampaignConversations',
      // Counted without an account.
      Dimensions: [{ Name: 'service', Value: 'campaign-conversations-dev' }],
      Statistic: 'Sum',
      Period: 300,
      Threshold: 100,
    })
})

test('the outputs list what senders and operators need', () => {
  expect(Object.keys(service.template.Outputs)).toEqual(
    expect.arrayContaining([
      'ApiUrl',
      'EventsQueueUrl',
      'HandOverQueueUrl',
      'HandOverQueueArn',
      'QuarantineQueueUrl',
      'QuarantineQueueArn',
      'EventStatusPolicyArn',
      'OperatorsPolicyArn',
      'StateTableName',
      'AlarmsTopicArn',
    ]),
  )
})

describe("a customer's key", () => {
  const STORES = [
    ...[
      'EventsQueue',
      'HandOverQueue',
      'QuarantineQueue',
      'OutcomesFailedQueue',
      'AlarmsTopic',
      'StateTable',
    ],
    ...[...FUNCTIONS.map(logicalId), 'HttpApi'].map((name) => `${name}LogGroup`),
  ]
  const keyOf = (id: string, from = service) => {
    const { KmsMasterKeyId, KmsKeyId, SSESpecification } = get(id, from)
    return KmsMasterKeyId ?? KmsKeyId ?? Object(SSESpecification).KMSMasterKeyId
  }

  test('encrypts everything that the stack stores, if it is set', () => {
    const stores = Object.entries(full.template.Resources).flatMap(([id, { Type }]) =>
      /^AWS::(SQS::Queue|SNS::Topic|DynamoDB::Table|Logs::LogGroup)$/.test(Type) ? [id] : [],
    )
    expect(stores.toSorted()).toEqual(STORES.toSorted())
    for (const id of stores) expect([id, keyOf(id, full)]).toEqual([id, KEY])
    for (const id of stores) expect([id, keyOf(id)]).toEqual([id, undefined])
  })

  test("replaces SQS's own key and DynamoDB's", () => {
    for (const queue of ['EventsQueue', 'HandOverQueue', 'QuarantineQueue', 'OutcomesFailedQueue'])
      expect(get(queue, full).SqsManagedSseEnabled).toBe(false)
    expect(get('StateTable', full).SSESpecification).toEqual({
      SSEEnabled: true,
      SSEType: 'KMS',
      KMSMasterKeyId: KEY,
    })
  })

  // What a service decrypts for its caller, or encrypts. SQS needs both to send.
  const needsOf = ({ action }: Grant): readonly string[] => {
    const [service = ''] = action.split(':')
    if (action === 'sqs:SendMessage') return ['kms:Decrypt sqs', 'kms:GenerateDataKey sqs']
    if (action === 'sqs:ReceiveMessage') return ['kms:Decrypt sqs']
    return ['dynamodb', 'secretsmanager'].includes(service) ? [`kms:Decrypt ${service}`] : []
  }

  test('may be used by each role through exactly the services that the role calls', () => {
    const grants = readGrants(full.template)
    const holders = Map.groupBy(grants, ({ holder }) => holder)
    expect(holders.size).toBe(FUNCTIONS.length + 2)
    for (const [holder, own] of holders) {
      const used = own.flatMap(({ action, resource, via = [] }) =>
        resource === KEY ? via.map((name) => `${action} ${name.split('.')[0]}`) : [],
      )
      expect([holder, used.toSorted()]).toEqual([holder, [...new Set(own.flatMap(needsOf))].toSorted()])
    }
    expect(readGrants(service.template).filter(({ action }) => action.startsWith('kms:'))).toEqual([])
  })
})

describe("the API's own name", () => {
  test('has its certificate, and is the only address if the other one is turned off', () => {
    expect(get('ApiDomain', full)).toEqual({
      DomainName: 'conversations.example.com',
      DomainNameConfigurations: [
        { CertificateArn: CERTIFICATE, EndpointType: 'REGIONAL', SecurityPolicy: 'TLS_1_2' },
      ],
    })
    expect(get('ApiDomainMapping', full)).toEqual({
      ApiId: { Ref: 'HttpApi' },
      DomainName: { Ref: 'ApiDomain' },
      Stage: { Ref: 'HttpApiStage' },
    })
    expect(get('HttpApi', full).DisableExecuteApiEndpoint).toBe(true)
    expect(full.template.Outputs).toMatchObject({
      ApiUrl: { Value: 'https://conversations.example.com' },
      ApiDomainTarget: { Value: { 'Fn::GetAtt': ['ApiDomain', 'RegionalDomainName'] } },
      ApiDomainHostedZoneId: { Value: { 'Fn::GetAtt': ['ApiDomain', 'RegionalHostedZoneId'] } },
    })
  })

  test('is needed to turn off the other address', () => {
    const { Resources } = resolveTemplate(full.written, { HasDomain: false })
    expect(Resources.HttpApi?.Properties.DisableExecuteApiEndpoint).toBe(false)
  })
})

test('the functions know the header of the edge, and the hash of its secret', () => {
  for (const name of FUNCTIONS)
    expect(get(`${logicalId(name)}LambdaFunction`, full).Environment).toMatchObject({
      Variables: { EDGE_HEADER: 'x-edge-secret', EDGE_SECRET_SHA256: 'a'.repeat(64) },
    })
})

test('the webhook has its own limits, which the stage knows once it has the route', () => {
  const { RouteSettings } = get('HttpApiStage')
  const [route] = Object.keys(RouteSettings ?? {})
  expect(route).toBe('POST /liveperson/{accountId}/events')
  expect(get('HttpApiRoutePostLivepersonAccountidVarEvents').RouteKey).toBe(route)
  expect(service.template.Resources.HttpApiStage?.DependsOn).toContain(
    'HttpApiRoutePostLivepersonAccountidVarEvents',
  )
})

test('concurrency is reserved only by a parameter', () => {
  const reserved = (from: typeof service) =>
    FUNCTIONS.map((name) => get(`${logicalId(name)}LambdaFunction`, from).ReservedConcurrentExecutions)
  expect(reserved(service)).toEqual(FUNCTIONS.map(() => undefined))
  expect(reserved(full)).toEqual(['100', '10', undefined, '20', undefined, undefined])
})
