import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DeleteItemCommand,
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type LocalDynamoDb, startDynamoDb } from '../../../local/aws/dynamodb.ts'
import { awsClientConfig } from '../../../local/aws/sdk.ts'
import type { TableWrite } from '../../../local/aws/table-stream.ts'
import { PortTakenError } from '../../../local/net/listen.ts'

let dynamoDb: LocalDynamoDb
let client: DynamoDBClient

beforeEach(async () => {
  dynamoDb = await startDynamoDb()
  client = new DynamoDBClient(awsClientConfig(dynamoDb.url))
})

afterEach(async () => {
  client.destroy()
  await dynamoDb.close()
})

test('the state table exists as it is deployed', async () => {
  const { Table } = await client.send(new DescribeTableCommand({ TableName: dynamoDb.stateTable }))
  expect(Table).toMatchObject({
    TableName: 'campaign-conversations-local-state',
    TableStatus: 'ACTIVE',
    KeySchema: [{ AttributeName: 'pk', KeyType: 'HASH' }],
    AttributeDefinitions: [{ AttributeName: 'pk', AttributeType: 'S' }],
  })
})

test('neither a client that disconnects during a request nor input that makes dynalite throw loses data', async () => {
  const TableName = dynamoDb.stateTable
  await client.send(new PutItemCommand({ TableName, Item: { pk: { S: 'kept' } } }))

  for (let times = 0; times < 10; times++) {
    const socket = connect(Number(new URL(dynamoDb.url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write('POST / HTTP/1.1\r\nHost: local\r\nContent-Length: 100\r\n\r\n{"half":')
    await sleep(5)
    socket.resetAndDestroy()
  }
  const throwing = fetch(dynamoDb.url, {
    method: 'POST',
    headers: {
      'content-type': 'application/x-amz-json-1.0',
      'x-amz-target': 'DynamoDB_20120810.PutItem',
      'x-amz-date': 'now',
      authorization: 'AWS4-HMAC-SHA256 Credential=a, SignedHeaders=b, Signature=c',
    },
    body: 'null',
  })
  await expect(throwing).rejects.toThrow('fetch failed')

  const { Item } = await client.send(new GetItemCommand({ TableName, Key: { pk: { S: 'kept' } } }))
  expect(Item).toEqual({ pk: { S: 'kept' } })
})

test('a port that is in use is refused, and the error names it', async () => {
  const port = Number(new URL(dynamoDb.url).port)
  await expect(startDynamoDb({ port })).rejects.toThrow(new PortTakenError(port))
})

test('each write of an item is captured in order, with its images before and after', async () => {
  const writes: TableWrite[] = []
  const captured = await startDynamoDb({ onWrite: (write) => writes.push(write) })
  const own = new DynamoDBClient(awsClientConfig(captured.url))
  const TableName = captured.stateTable
  const Key = { pk: { S: 'a' } }
  const add = (by: string) =>
    own.send(
      new UpdateItemCommand({
        TableName,
        Key,
        UpdateExpression: 'ADD n :by',
        ExpressionAttributeValues: { ':by': { N: by } },
      }),
    )
  await own.send(new PutItemCommand({ TableName, Item: { ...Key, n: { N: '0' } } }))
  await Promise.all(Array.from({ length: 20 }, () => add('1')))
  await own.send(new DeleteItemCommand({ TableName, Key }))
  await vi.waitFor(() => expect(writes).toHaveLength(22))
  const numbers = writes.map(({ oldImage, newImage }) => [oldImage?.n?.N, newImage?.n?.N])
  const increments = Array.from({ length: 20 }, (_, index) => [`${index}`, `${index + 1}`])
  expect(numbers).toEqual([[undefined, '0'], ...increments, ['20', undefined]])
  own.destroy()
  await captured.close()
})
