import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  DescribeTableCommand,
  DynamoDBClient,
  GetItemCommand,
  PutItemCommand,
} from '@aws-sdk/client-dynamodb'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type LocalDynamoDb, startDynamoDb } from '../../../local/aws/dynamodb.ts'
import { awsClientConfig } from '../../../local/aws/sdk.ts'
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
