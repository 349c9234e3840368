import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import {
  type AttributeValue,
  DeleteItemCommand,
  DynamoDBClient,
  GetItemCommand,
} from '@aws-sdk/client-dynamodb'
import { z } from 'zod'
import { AWS_ACCOUNT_ID, awsClientConfig, REGION } from '../../local/aws/sdk.ts'
import { closeServer, listen } from '../../local/net/listen.ts'
import type { World } from '../support/world.ts'
import { type Call, isAllowed, type Permission, SECRET_ID_PREFIX, secretArnOf } from './policy.ts'

export type Iam = Awaited<ReturnType<typeof startIam>>

/**
 * Starts an endpoint in front of the local SQS, DynamoDB, Secrets Manager and EventBridge that enforces
 * permissions. The access key id of a request names the role. A call that the role may not make is answered
 * as AWS answers it.
 */
export const startIam = async ({ sqs, dynamoDb, secretsManager, eventBridge }: World) => {
  let permissions: readonly Permission[] = []
  let silenced: Permission | undefined
  let isLosing = false
  const client = new DynamoDBClient(awsClientConfig(dynamoDb.url))
  const calls: (Call & { readonly allowed: boolean })[] = []
  const behind: Readonly<Record<string, string>> = {
    dynamodb: dynamoDb.url,
    sqs: sqs.url,
    secretsmanager: secretsManager.url,
    events: eventBridge.url,
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await buffer(request)
    const input: unknown = JSON.parse(body.toString())
    const call = toCall(request, input)
    const allowed = isAllowed(permissions, call)
    calls.push({ ...call, allowed })
    if (silenced && isAllowed([silenced], call)) return
    const [service = ''] = call.action.split(':')
    if (!allowed) return deny(response, call)
    const write = ConditionalWrite.safeParse(input).data
    if (isLosing && write?.ConditionExpression === '#revision = :revision') {
      isLosing = false
      await client.send(new DeleteItemCommand({ TableName: write.TableName, Key: write.Key }))
    }
    const {
      'content-type': type,
      'x-amz-target': target,
      authorization,
      'x-amz-date': date,
    } = request.headers
    const forwarded = await fetch(behind[service] ?? '', {
      method: 'POST',
      headers: {
        'content-type': `${type}`,
        'x-amz-target': `${target}`,
        authorization: `${authorization}`,
        'x-amz-date': `${date}`,
      },
      body: new Uint8Array(body),
    })
    const answer = Buffer.from(await forwarded.arrayBuffer())
    const failed = write && forwarded.status === 400 && answer.includes('ConditionalCheckFailedException')
    const Item = failed && (await readItem(write.TableName, write.Key))
    // DynamoDB returns the item with a failed condition. The stand-in doesn't.
    const sent = Item ? Buffer.from(JSON.stringify({ ...JSON.parse(answer.toString()), Item })) : answer
    const kept = ['content-type', 'x-amzn-query-error', ...(Item ? [] : ['x-amz-crc32'])].flatMap((name) => {
      const value = forwarded.headers.get(name)
      return value === null ? [] : [[name, value] as const]
    })
    response.writeHead(forwarded.status, Object.fromEntries(kept))
    response.end(sent)
  }

  const readItem = async (
    TableName: string,
    Key: Record<string, AttributeValue>,
  ): Promise<Record<string, AttributeValue> | undefined> =>
    (await client.send(new GetItemCommand({ TableName, Key, ConsistentRead: true }))).Item

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) =>
      response.destroy(new Error('Failed', { cause: error })),
    )
  })
  const url = `http://127.0.0.1:${await listen(server)}`

  return {
    url,
    /** Replaces the permissions of all roles. `silent`: calls under this permission are never answered. */
    set: (allowed: readonly Permission[], silent?: Permission) => {
      permissions = allowed
      silenced = silent
      calls.length = 0
    },
    /** Deletes the item that the next update of a request is for, before that update. */
    loseItem: () => {
      isLosing = true
    },
    /** Returns the calls since the permissions were set. */
    calls: (): readonly (Call & { readonly allowed: boolean })[] => [...calls],
    close: () => {
      client.destroy()
      return closeServer(server)
    },
  }
}

const SERVICES: Readonly<Record<string, string>> = {
  AmazonSQS: 'sqs',
  DynamoDB_20120810: 'dynamodb',
  secretsmanager: 'secretsmanager',
  AWSEvents: 'events',
}

const Key = z.object({ pk: z.object({ S: z.string() }) })

/** A write of which DynamoDB returns the item if the condition isn't met. */
const ConditionalWrite = z.object({
  TableName: z.string(),
  Key,
  ConditionExpression: z.string(),
  ReturnValuesOnConditionCheckFailure: z.literal('ALL_OLD'),
})

const Input = z.union([
  z.object({ QueueUrl: z.string() }),
  z.object({ SecretId: z.string() }),
  z.object({ Entries: z.tuple([z.object({ EventBusName: z.string() })]) }),
  z.object({ TableName: z.string(), Key }),
  z.object({ RequestItems: z.record(z.string(), z.object({ Keys: z.array(Key) })) }),
])

const toCall = ({ headers }: IncomingMessage, body: unknown): Call => {
  const [target = '', operation = ''] = String(headers['x-amz-target']).split('.')
  const role = /Credential=([^/]+)\//.exec(headers.authorization ?? '')?.[1] ?? ''
  // A batch needs the permission for its single operation.
  return {
    role,
    action: `${SERVICES[target]}:${operation.replace(/^(DeleteMessage)Batch$/, '$1')}`,
    ...whatOf(Input.parse(body)),
  }
}

const whatOf = (input: z.infer<typeof Input>): Pick<Call, 'resource' | 'leadingKeys'> => {
  const arn = (service: string, rest: string) => `arn:aws:${service}:${REGION}:${AWS_ACCOUNT_ID}:${rest}`
  if ('QueueUrl' in input)
    return { resource: arn('sqs', new URL(input.QueueUrl).pathname.split('/').at(-1) ?? ''), leadingKeys: [] }
  if ('SecretId' in input)
    return { resource: secretArnOf(input.SecretId.replace(`${SECRET_ID_PREFIX}/`, '')), leadingKeys: [] }
  if ('Entries' in input)
    return { resource: arn('events', `event-bus/${input.Entries[0].EventBusName}`), leadingKeys: [] }
  if ('Key' in input)
    return { resource: arn('dynamodb', `table/${input.TableName}`), leadingKeys: [input.Key.pk.S] }
  const [[table, { Keys }] = ['', { Keys: [] }]] = Object.entries(input.RequestItems)
  return { resource: arn('dynamodb', `table/${table}`), leadingKeys: Keys.map(({ pk }) => pk.S) }
}

/**
 * Answers as the services do. SQS keeps the error code of its former protocol in a header, and the SDK names
 * the error after it.
 */
const deny = (response: ServerResponse, { role, action, resource }: Call): void => {
  const user = `arn:aws:sts::${AWS_ACCOUNT_ID}:assumed-role/${role}/function`
  const [service] = action.split(':')
  const told = service === 'sqs' ? action.toLowerCase() : action
  const message = `User: ${user} is not authorized to perform: ${told} on resource: ${resource} because no identity-based policy allows the ${told} action`
  const send = (
    status: number,
    type: string,
    body: object,
    headers: Readonly<Record<string, string>> = {},
  ) => {
    response.writeHead(status, { 'content-type': type, ...headers })
    response.end(JSON.stringify(body))
  }
  switch (service) {
    case 'dynamodb':
      send(400, 'application/x-amz-json-1.0', {
        __type: 'com.amazon.coral.service#AccessDeniedException',
        Message: message,
      })
      return
    case 'sqs':
      send(
        403,
        'application/x-amz-json-1.0',
        { __type: 'com.amazon.coral.service#AccessDeniedException', message },
        { 'x-amzn-query-error': 'AccessDenied;Sender' },
      )
      return
    default:
      send(400, 'application/x-amz-json-1.1', { __type: 'AccessDeniedException', Message: message })
  }
}
