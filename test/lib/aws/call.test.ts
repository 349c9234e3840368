import { expect, test } from 'vitest'
import { AwsError, createAwsCall } from '../../../lib/aws/call.ts'
import { type AwsOptions, awsOptions } from '../../../lib/aws/options.ts'
import type { OutboundRequest, OutboundResult } from '../../../lib/net/outbound.ts'

// What AWS receives and what a caller learns is compared with the SDK in sdk-compared.test.ts.

const SERVICE = { name: 'dynamodb', target: 'DynamoDB_20120810' } as const
const answer = (status: number, body: object = {}, headers: Readonly<Record<string, string>> = {}) =>
  ({ kind: 'answer', status, headers, body: JSON.stringify(body) }) as const
const reset = {
  kind: 'may_have_been_sent',
  cause: Object.assign(new Error('x'), { code: 'ECONNRESET' }),
} as const
const throttled = answer(400, { __type: 'ThrottlingException' })

/** Calls a service that answers in turn. */
const callThat = async (results: readonly OutboundResult[], options: Partial<AwsOptions> = {}) => {
  const requests: OutboundRequest[] = []
  const call = createAwsCall(SERVICE, {
    ...awsOptions,
    region: 'eu-west-1',
    credentials: async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'local' }),
    outbound: async (request) => {
      requests.push(request)
      return results[requests.length - 1] ?? answer(200)
    },
    ...options,
  })
  const outcome = await call('GetItem', { Key: 'a' }).catch((error: unknown) => error)
  return { outcome, requests }
}

test('a call has the limits of the options, and goes to the endpoint of the region', async () => {
  const { requests } = await callThat([], { timeoutMs: 700, connectTimeoutMs: 300 })
  expect(requests).toMatchObject([{ timeoutMs: 700, connectTimeoutMs: 300, body: '{"Key":"a"}' }])
  const { hostname } = new URL(requests[0]?.url ?? '')
  const isOverridden = process.env.AWS_ENDPOINT_URL ?? process.env.AWS_ENDPOINT_URL_DYNAMODB
  if (!isOverridden) expect(hostname).toBe('dynamodb.eu-west-1.amazonaws.com')
})

test('the credentials are asked for each signature, so that they can be renewed', async () => {
  let asked = 0
  const credentials = async () => ({ accessKeyId: `AKID${++asked}`, secretAccessKey: 'local' })
  const { requests } = await callThat([answer(500), answer(200)], { credentials })
  expect(requests.map(({ headers }) => /AKID\d/.exec(headers?.authorization ?? '')?.[0])).toEqual([
    'AKID1',
    'AKID2',
  ])
})

test('a refusal is certain, unless an earlier request may have been carried out', async () => {
  const refused = await callThat([throttled, throttled, throttled])
  expect(refused.outcome).toMatchObject({ name: 'ThrottlingException', isInDoubt: false })
  const doubtful = await callThat([reset, throttled, throttled])
  expect(doubtful.outcome).toMatchObject({ name: 'ThrottlingException', isInDoubt: true })
})

test('a request that certainly wasn’t sent is sent again, whatever the reason', async () => {
  const cause = new Error('The connection was no longer open')
  const { outcome, requests } = await callThat([{ kind: 'not_sent', cause }, answer(200, { Item: 1 })])
  expect(outcome).toEqual({ Item: 1 })
  expect(requests).toHaveLength(2)
})

test('the service’s time is used once it is known, and an old answer doesn’t tell it', async () => {
  const serverTime = new Date(Date.now() + 3_600_000).toUTCString()
  const skewed = answer(400, { __type: 'InvalidSignatureException' }, { date: serverTime })
  const { requests } = await callThat([skewed, answer(200)])
  const times = requests.map(({ headers }) => headers?.['x-amz-date'] ?? '')
  expect(times[0]?.slice(0, 11)).not.toBe(times[1]?.slice(0, 11))
  const cached = answer(400, { __type: 'InvalidSignatureException' }, { date: serverTime, age: '10' })
  expect((await callThat([cached, answer(200)])).requests).toHaveLength(1)
})

test('the message of an error has no word of the service', async () => {
  const { outcome } = await callThat([
    answer(400, { __type: 'x#ValidationException', message: 'secret-words' }),
  ])
  expect(outcome).toBeInstanceOf(AwsError)
  expect(String(outcome)).toBe('ValidationException: HTTP 400')
})

test('the retry quota limits what all calls repeat', async () => {
  let requests = 0
  const call = createAwsCall(SERVICE, {
    ...awsOptions,
    region: 'eu-west-1',
    credentials: async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'local' }),
    outbound: async () => {
      requests += 1
      return answer(500)
    },
  })
  for (let calls = 0; calls < 60; calls++) await call('GetItem', {}).catch(() => undefined)
  // Without the quota, it would be three for each call.
  expect(requests).toBeLessThan(60 + 40)
})
