import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import { expect, test } from 'vitest'
import { awsOptions } from '../../../lib/aws/options.ts'
import { sdkOptions } from '../../../lib/aws/sdk-handler.ts'
import type { OutboundRequest, OutboundResult } from '../../../lib/net/outbound.ts'

const answer = (status: number, body: object) =>
  ({
    kind: 'answer',
    status,
    headers: { 'content-type': 'application/x-amz-json-1.1' },
    body: JSON.stringify(body),
  }) as const

/** Reads a secret with the SDK's client. */
const readWith = async (results: readonly OutboundResult[]) => {
  const requests: OutboundRequest[] = []
  const client = new SecretsManagerClient(
    sdkOptions({
      ...awsOptions,
      region: 'eu-west-1',
      credentials: async () => ({ accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'local' }),
      outbound: async (request) => {
        requests.push(request)
        return results[requests.length - 1] ?? answer(500, {})
      },
    }),
  )
  const outcome = await client
    .send(new GetSecretValueCommand({ SecretId: 'a/b', VersionStage: 'AWSCURRENT' }))
    .then(({ SecretString }) => SecretString)
    .catch((error: unknown) => error)
  return { outcome, requests }
}

test('a client of the SDK sends its requests by way of the outbound client', async () => {
  const { outcome, requests } = await readWith([answer(200, { SecretString: '{"Žofie":1}' })])
  expect(outcome).toBe('{"Žofie":1}')
  expect(requests).toMatchObject([
    {
      method: 'POST',
      timeoutMs: 1000,
      connectTimeoutMs: 500,
      headers: { 'x-amz-target': 'secretsmanager.GetSecretValue', authorization: expect.any(String) },
    },
  ])
  expect(JSON.parse(requests[0]?.body ?? '')).toEqual({ SecretId: 'a/b', VersionStage: 'AWSCURRENT' })
})

test.each<OutboundResult>([
  { kind: 'not_sent', cause: new Error('The connection was no longer open') },
  { kind: 'may_have_been_sent', cause: new Error('x') },
])('a request without an answer is repeated: $kind', async (nothing) => {
  const { outcome, requests } = await readWith([nothing, answer(200, { SecretString: 's' })])
  expect(outcome).toBe('s')
  expect(requests).toHaveLength(2)
})

test('an error of the service has its name', async () => {
  const { outcome } = await readWith([answer(400, { __type: 'ResourceNotFoundException', Message: 'x' })])
  expect(outcome).toMatchObject({ name: 'ResourceNotFoundException' })
})

test('without an answer, the cause is kept', async () => {
  const cause = new Error('refused')
  const results = Array.from({ length: 3 }, () => ({ kind: 'not_sent', cause }) as const)
  const { outcome, requests } = await readWith(results)
  expect(outcome).toMatchObject({ cause })
  expect(requests).toHaveLength(3)
})
