import { createHash } from 'node:crypto'
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import {
  BatchGetItemCommand,
  DynamoDBClient,
  GetItemCommand,
  ScanCommand,
  UpdateItemCommand,
  type UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge'
import { ChangeMessageVisibilityCommand, SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { NodeHttpHandler } from '@smithy/node-http-handler'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { createAwsCall } from '../../../lib/aws/call.ts'
import { type AwsOptions, awsOptions } from '../../../lib/aws/options.ts'
import { closeServer, listen } from '../../../local/net/listen.ts'

// The SDK's clients are the oracle: each operation is sent by both, under each fault, and what the service
// receives and what the caller learns has to be the same.

/** How long both wait for an answer, in milliseconds: long enough for a busy machine, except for silence. */
const timeoutOf = (fault: string): number => (/silence/.test(fault) ? 600 : 5000)
const MAX_ATTEMPTS = 3
/** Has the server's origin once the server listens. */
let queueUrl = ''
const BODY = '{"handedOver":"\\u017dofie"}'
const md5 = (text: string): string => createHash('md5').update(text).digest('hex')
const KEY = { pk: { S: 'request#70123456#form#nobody#Žofie 🦊' } }

/** What a client sent. */
interface Sent {
  readonly method: string | undefined
  readonly path: string | undefined
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

type Answering = (response: ServerResponse, attempt: number) => void

let answering: Answering
let received: Sent[] = []
const server = createServer(async (request, response) => {
  const body = await text(request)
  const { method, url: path, headers } = request
  received.push({ method, path, headers, body })
  answering(response, received.length)
})

const VARIABLES = [
  'AWS_REGION',
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_ENDPOINT_URL',
  'AWS_ENDPOINT_URL_DYNAMODB',
  'AWS_ENDPOINT_URL_SQS',
] as const
const before = Object.fromEntries(VARIABLES.map((name) => [name, process.env[name]]))

beforeAll(async () => {
  const url = `http://127.0.0.1:${await listen(server)}`
  queueUrl = `${url}/123456789012/hand-over`
  for (const name of VARIABLES) delete process.env[name]
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'AKIDEXAMPLE',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_SESSION_TOKEN: 'session-token-of-the-test',
    AWS_ENDPOINT_URL: url,
  })
})
afterAll(async () => {
  for (const name of VARIABLES)
    if (before[name] === undefined) delete process.env[name]
    else process.env[name] = before[name]
  server.closeAllConnections()
  await closeServer(server)
  console.log(`${comparisons} comparisons with the SDK, ${Object.keys(LISTED).length} listed differences`)
})
// Both wait a random time before they try again.
beforeEach(() => void vi.spyOn(Math, 'random').mockReturnValue(0.001))
afterEach(() => vi.restoreAllMocks())

const UPDATE = {
  TableName: 'state',
  Key: KEY,
  UpdateExpression: 'SET #status = :set_status REMOVE #code',
  ConditionExpression: '#revision = :revision',
  ExpressionAttributeNames: { '#status': 'status', '#code': 'code', '#revision': 'revision' },
  ExpressionAttributeValues: {
    ':set_status': { S: 'opened' },
    ':revision': { N: '7' },
    ':list': { L: [{ NULL: true }, { BOOL: false }, { M: { deep: { S: '' } } }] },
  },
  ReturnValues: 'ALL_OLD',
  ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
} satisfies UpdateItemCommandInput

/** Every operation that the service uses, with its answer. */
const OPERATIONS = [
  {
    service: 'dynamodb',
    operation: 'GetItem',
    command: () => new GetItemCommand({ TableName: 'state', Key: KEY, ConsistentRead: true }),
    answer: { Item: { ...KEY, n: { N: '1' }, map: { M: { a: { L: [] } } } } },
  },
  {
    service: 'dynamodb',
    operation: 'UpdateItem',
    command: () => new UpdateItemCommand(structuredClone(UPDATE)),
    answer: { Attributes: KEY },
  },
  {
    service: 'dynamodb',
    operation: 'BatchGetItem',
    command: () =>
      new BatchGetItemCommand({ RequestItems: { state: { Keys: [KEY], ConsistentRead: true } } }),
    answer: { Responses: { state: [KEY] }, UnprocessedKeys: { state: { Keys: [{ pk: { S: 'b' } }] } } },
  },
  {
    service: 'dynamodb',
    operation: 'Scan',
    command: () =>
      new ScanCommand({
        TableName: 'state',
        FilterExpression: '#a = :a',
        ExpressionAttributeNames: { '#a': 'a' },
        ExpressionAttributeValues: { ':a': { S: '"quoted"\n' } },
      }),
    answer: { Items: [KEY], LastEvaluatedKey: KEY, Count: 1 },
  },
  {
    service: 'sqs',
    operation: 'SendMessage',
    command: () =>
      new SendMessageCommand({
        QueueUrl: queueUrl,
        MessageBody: BODY,
        MessageGroupId: '70123456-form',
        DelaySeconds: 5,
        MessageAttributes: { code: { DataType: 'String', StringValue: 'liveperson_rejected' } },
      }),
    // The SDK compares the checksum, and so does lib/aws/queues.ts.
    answer: { MessageId: 'message-1', MD5OfMessageBody: md5(BODY) },
  },
  {
    service: 'sqs',
    operation: 'ChangeMessageVisibility',
    command: () =>
      new ChangeMessageVisibilityCommand({ QueueUrl: queueUrl, ReceiptHandle: 'r', VisibilityTimeout: 60 }),
    answer: {},
  },
  {
    service: 'eventbridge',
    operation: 'PutEvents',
    command: () =>
      new PutEventsCommand({
        Entries: [
          { EventBusName: 'outcomes', Source: 'x', DetailType: 'y', Detail: '{"a":1}', Resources: ['arn'] },
        ],
      }),
    answer: { FailedEntryCount: 1, Entries: [{ ErrorCode: 'ThrottlingException', ErrorMessage: 'Words' }] },
  },
] as const

type Operation = (typeof OPERATIONS)[number]

const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.0' }

const answerWith =
  (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}): Answering =>
  (response) => {
    response.writeHead(status, { ...JSON_TYPE, ...headers })
    response.end(typeof body === 'string' ? body : JSON.stringify(body))
  }
const errorWith = (name: string, status = 400, more: object = {}, headers = {}): Answering =>
  answerWith(
    status,
    { __type: `com.amazonaws.example.v20260101#${name}`, message: 'Words', ...more },
    headers,
  )

const once =
  (fault: Answering) =>
  (good: Answering): Answering =>
  (response, attempt) =>
    attempt === 1 ? fault(response, attempt) : good(response, attempt)
const always = (fault: Answering) => (): Answering => fault

const ahead = (ms: number) => ({ date: new Date(Date.now() + ms).toUTCString() })
const HALF: Answering = (response) => {
  response.writeHead(200, { ...JSON_TYPE, 'content-length': '500' })
  response.write('{"Item":')
}
const RESET: Answering = (response) => void response.socket?.resetAndDestroy()
const CLOSED: Answering = (response) => void response.socket?.destroy()
const CUT: Answering = (response) => {
  response.writeHead(200, { ...JSON_TYPE, 'content-length': '500' })
  response.write('{"Item":', () => response.socket?.destroy())
}
const HTML = '<html>Bad gateway</html>'

/** What happens to the calls, by name. */
const FAULTS: Readonly<Record<string, (good: Answering) => Answering>> = {
  'no fault': (good) => good,
  'throttled once': once(errorWith('ThrottlingException')),
  'throughput exceeded once': once(errorWith('ProvisionedThroughputExceededException')),
  'throttled always': always(errorWith('RequestLimitExceeded')),
  'HTTP 429 once': once(errorWith('SomethingElse', 429)),
  'HTTP 500 once': once(errorWith('InternalServerError', 500)),
  'HTTP 503 always': always(errorWith('ServiceUnavailable', 503)),
  'HTML with 502 once': once(answerWith(502, HTML, { 'content-type': 'text/html' })),
  'HTML with 502 always': always(answerWith(502, HTML, { 'content-type': 'text/html' })),
  'HTTP 501': always(errorWith('NotImplemented', 501)),
  'reset once': once(RESET),
  'reset always': always(RESET),
  'closed once': once(CLOSED),
  'cut short once': once(CUT),
  'silence once': once(() => undefined),
  'half an answer and silence, once': once(HALF),
  'half an answer and silence, always': always(HALF),
  'access denied': always(errorWith('AccessDeniedException')),
  'expired session': always(errorWith('ExpiredTokenException')),
  'no such resource': always(errorWith('ResourceNotFoundException')),
  'validation error': always(errorWith('ValidationException')),
  'failed condition': always(errorWith('ConditionalCheckFailedException', 400, { Item: KEY })),
  'transaction in progress once': once(errorWith('TransactionInProgressException')),
  'clock is 10 min behind': once(errorWith('InvalidSignatureException', 400, {}, ahead(600_000))),
  'clock is 10 min ahead': once(errorWith('RequestTimeTooSkewed', 403, {}, ahead(-600_000))),
  'signature expired once': once(
    errorWith('InvalidSignatureException', 400, {
      message: 'Signature expired: 20260101T000000Z is now earlier',
    }),
  ),
  'signature refused': always(errorWith('InvalidSignatureException')),
  'retry after': once(errorWith('ThrottlingException', 400, {}, { 'x-amz-retry-after': '30' })),
  'error named in a header': always(
    answerWith(400, { message: 'x' }, { 'x-amzn-errortype': 'AccessDeniedException:http://internal/' }),
  ),
  'error with an older name': always(
    errorWith('AccessDeniedException', 403, {}, { 'x-amzn-query-error': 'AccessDenied;Sender' }),
  ),
  'error without a name': always(answerWith(400, { message: 'x' })),
}

const ONLY_SQS = 'Only SQS sends this header, so it is read for every service.'

/** Differences that are meant, by operation and fault, and why. */
const LISTED: Readonly<Record<string, string>> = {
  'GetItem: error with an older name': ONLY_SQS,
  'UpdateItem: error with an older name': ONLY_SQS,
  'BatchGetItem: error with an older name': ONLY_SQS,
  'Scan: error with an older name': ONLY_SQS,
  'PutEvents: error with an older name': ONLY_SQS,
}

/** What a caller learns, and what the service received. */
interface Compared {
  readonly outcome: unknown
  readonly attempts: number
  readonly sent: readonly object[]
}

const SIGNIFICANT = [
  'content-type',
  'x-amz-target',
  'x-amzn-query-mode',
  'x-amz-security-token',
  'host',
] as const

const toSent = ({ method, path, headers, body }: Sent): object => ({
  method,
  path,
  ...Object.fromEntries(SIGNIFICANT.map((name) => [name, headers[name]])),
  retry: headers['amz-sdk-request'],
  credential: /Credential=([^,]+)/.exec(headers.authorization ?? '')?.[1],
  signs: ['host', 'x-amz-date', 'x-amz-security-token', 'x-amz-target'].filter((name) =>
    /SignedHeaders=([^,]+)/
      .exec(headers.authorization ?? '')?.[1]
      ?.split(';')
      .includes(name),
  ),
  signedAheadMin: Math.round((parseAmzDate(String(headers['x-amz-date'])) - Date.now()) / 60_000),
  body: JSON.parse(body),
})

const parseAmzDate = (text: string): number =>
  Date.parse(text.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6Z'))

const learn = async (call: () => Promise<object>): Promise<Compared> => {
  received = []
  const outcome = await call().then(
    (answer) => ({ answer: withoutMetadata(answer) }),
    (error: unknown) => ({ error: nameOf(error) }),
  )
  return { outcome, attempts: received.length, sent: received.map(toSent) }
}

const withoutMetadata = (answer: object): object => {
  const { $metadata: _, ...members } = { $metadata: undefined, ...answer }
  return JSON.parse(JSON.stringify(members))
}

/** Failures without an answer have several names, which mean the same. */
const nameOf = (error: unknown): string => {
  if (!(error instanceof Error)) return 'no error'
  const code = 'code' in error ? String(error.code) : ''
  if (/^(ECONNRESET|EPIPE)$/.test(code) || error.name === 'TimeoutError') return 'no answer'
  if (error.name === 'SyntaxError' || error.name === 'UnreadableAnswer') return 'unreadable answer'
  if (error.name === 'Unknown' || error.name === 'UnknownError' || error.name === 'Error') return 'unknown'
  return error.name
}

const sdkOptionsOf = (timeoutMs: number) => ({
  maxAttempts: MAX_ATTEMPTS,
  requestHandler: new NodeHttpHandler({
    connectionTimeout: timeoutMs,
    requestTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    throwOnRequestTimeout: true,
  }),
})
const ownOptionsOf = (timeoutMs: number): AwsOptions => ({
  ...awsOptions,
  maxAttempts: MAX_ATTEMPTS,
  connectTimeoutMs: timeoutMs,
  timeoutMs,
})
const SERVICES = {
  dynamodb: { name: 'dynamodb', target: 'DynamoDB_20120810' },
  sqs: { name: 'sqs', target: 'AmazonSQS', headers: { 'x-amzn-query-mode': 'true' } },
  eventbridge: { name: 'events', id: 'eventbridge', target: 'AWSEvents', json: '1.1' },
} as const

const CLIENTS = { dynamodb: DynamoDBClient, sqs: SQSClient, eventbridge: EventBridgeClient } as const

const bySdk = async ({ service, command }: Operation, timeoutMs: number): Promise<Compared> => {
  const options = sdkOptionsOf(timeoutMs)
  const client = new CLIENTS[service](options)
  // Each command fits the client of its service.
  const send = client.send.bind(client) as (command: object) => Promise<object>
  try {
    return await learn(() => send(command()))
  } finally {
    client.destroy()
  }
}

const byOwn = ({ service, operation, command }: Operation, timeoutMs: number): Promise<Compared> => {
  const call = createAwsCall(SERVICES[service], ownOptionsOf(timeoutMs))
  return learn(() =>
    call(operation, command().input, service === 'sqs' ? new URL(queueUrl).origin : undefined),
  )
}

let comparisons = 0

test.for(
  Object.keys(FAULTS).flatMap((fault) =>
    OPERATIONS.map((each) => [`${each.operation}: ${fault}`, each, fault] as const),
  ),
)('%s', async ([, operation, fault]) => {
  const good = answerWith(200, operation.answer)
  answering = FAULTS[fault]?.(good) ?? good
  const own = await byOwn(operation, timeoutOf(fault))
  const sdk = await bySdk(operation, timeoutOf(fault))
  comparisons++
  expect(own.attempts).toBeGreaterThan(0)
  if (LISTED[`${operation.operation}: ${fault}`] === undefined) expect(own).toEqual(sdk)
  else expect(own).not.toEqual(sdk)
})
