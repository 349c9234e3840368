import { createServer, type ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { afterEach, beforeEach, expect, onTestFinished, test } from 'vitest'
import { awsOptions } from '../../../lib/aws/options.ts'
import { createStateTable } from '../../../lib/aws/state-table.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { closeServer, listen } from '../../../local/net/listen.ts'
import { type Answering, startAwsEndpoint } from '../../support/aws-endpoint.ts'

let endpoint: Awaited<ReturnType<typeof startAwsEndpoint>>
let answer: Answering

beforeEach(async () => {
  endpoint = await startAwsEndpoint({ answer: (...request) => answer(...request) })
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: endpoint.url,
  })
})
afterEach(() => endpoint.close())

const read = async () => {
  const table = createStateTable({
    name: 'state',
    aws: awsOptions,
    sleep: async () => undefined,
    random: Math.random,
  })
  const startedAt = performance.now()
  const error = await table.get('a').catch((reason: unknown) => reason)
  return { error, tookMs: performance.now() - startedAt }
}

test('a client gives up on a silent AWS after three requests of one second', async () => {
  answer = () => 'silence'
  const { error, tookMs } = await read()
  expect(error).toBeInstanceOf(ServiceUnavailableError)
  expect(endpoint.take()).toEqual(['GetItem', 'GetItem', 'GetItem'])
  expect(tookMs).toBeGreaterThan(2900)
  expect(tookMs).toBeLessThan(10_000)
})

test('a client gives up on a failing AWS after three requests', async () => {
  answer = () => ({ status: 500, body: '' })
  const { error } = await read()
  expect(error).toBeInstanceOf(ServiceUnavailableError)
  expect(endpoint.take()).toHaveLength(3)
})

/** Puts a server in the place of DynamoDB that answers by this function. */
const startDynamoDb = async (answer: (response: ServerResponse, number: number) => void) => {
  const sockets: Socket[] = []
  let requests = 0
  const server = createServer((request, response) => {
    request.resume().on('end', () => answer(response, ++requests))
  }).on('connection', (socket) => sockets.push(socket))
  process.env.AWS_ENDPOINT_URL_DYNAMODB = `http://127.0.0.1:${await listen(server)}`
  onTestFinished(() => closeServer(server))
  return { sockets, requests: () => requests }
}

const JSON_TYPE = { 'content-type': 'application/x-amz-json-1.0' }
const ITEM = JSON.stringify({ Item: { pk: { S: 'a' } } })

test.each<[string, (response: ServerResponse) => void]>([
  ['stops halfway', (response) => response.write(ITEM.slice(0, 10))],
  [
    'comes byte by byte',
    (response) => {
      const timer = setInterval(() => response.write(' '), 20)
      response.on('close', () => clearInterval(timer))
    },
  ],
])('a client gives up on an answer that %s, after three requests of one second', async (_, answer) => {
  const dynamoDb = await startDynamoDb((response) => answer(response.writeHead(200, JSON_TYPE)))
  const { error, tookMs } = await read()
  expect(error).toBeInstanceOf(ServiceUnavailableError)
  expect(dynamoDb.requests()).toBe(3)
  expect(tookMs).toBeGreaterThan(2900)
  expect(tookMs).toBeLessThan(10_000)
})

test('an answer that stops halfway once is asked for again', async () => {
  const dynamoDb = await startDynamoDb((response, number) => {
    response.writeHead(200, JSON_TYPE)
    if (number === 1) response.write(ITEM.slice(0, 10))
    else response.end(ITEM)
  })
  const { error } = await read()
  expect(error).toEqual({ pk: 'a' })
  expect(dynamoDb.requests()).toBe(2)
})

test('a socket is kept for the next request, and closed once it is idle for four seconds', async () => {
  const dynamoDb = await startDynamoDb((response) => response.writeHead(200, JSON_TYPE).end(ITEM))
  await read()
  await read()
  expect(dynamoDb.sockets).toHaveLength(1)
  await expect.poll(() => dynamoDb.sockets[0]?.destroyed, { timeout: 8000 }).toBe(true)
})
