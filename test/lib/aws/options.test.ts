import { afterEach, beforeEach, expect, test } from 'vitest'
import { awsOptions } from '../../../lib/aws/options.ts'
import { createStateTable } from '../../../lib/aws/state-table.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
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
