import {
  CreateSecretCommand,
  DescribeSecretCommand,
  GetSecretValueCommand,
  PutSecretValueCommand,
  SecretsManagerClient,
  UpdateSecretVersionStageCommand,
} from '@aws-sdk/client-secrets-manager'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { awsClientConfig } from '../../../local/aws/sdk.ts'
import { type LocalSecretsManager, startSecretsManager } from '../../../local/aws/secrets-manager.ts'

const SecretId = 'campaign-conversations/local/70123456'
let endpoint: LocalSecretsManager
let client: SecretsManagerClient

beforeEach(async () => {
  endpoint = await startSecretsManager()
  client = new SecretsManagerClient({ ...awsClientConfig(endpoint.url), maxAttempts: 1 })
})

afterEach(async () => {
  client.destroy()
  await endpoint.close()
})

const get = async (selector: { VersionStage?: string; VersionId?: string } = {}) =>
  (await client.send(new GetSecretValueCommand({ SecretId, ...selector }))).SecretString

test('a secret can be read by its name and by its ARN', async () => {
  const created = await client.send(new CreateSecretCommand({ Name: SecretId, SecretString: 'first' }))
  expect(await get()).toBe('first')
  const answer = await client.send(new GetSecretValueCommand({ SecretId: created.ARN }))
  expect(answer).toMatchObject({
    Name: SecretId,
    VersionId: created.VersionId,
    VersionStages: ['AWSCURRENT'],
  })
  expect(answer.CreatedDate).toBeInstanceOf(Date)
})

test('a new value becomes AWSCURRENT, and the one before it becomes AWSPREVIOUS', async () => {
  endpoint.put(SecretId, { clientId: 'a', clientSecret: 'one' })
  endpoint.put(SecretId, { clientId: 'a', clientSecret: 'two' })
  expect(await get()).toBe('{"clientId":"a","clientSecret":"two"}')
  expect(await get({ VersionStage: 'AWSPREVIOUS' })).toBe('{"clientId":"a","clientSecret":"one"}')
  endpoint.put(SecretId, 'three')
  expect(await get({ VersionStage: 'AWSPREVIOUS' })).toBe('{"clientId":"a","clientSecret":"two"}')
})

test('a rotation stores AWSPENDING and then moves AWSCURRENT', async () => {
  const { VersionId: first } = await client.send(
    new CreateSecretCommand({ Name: SecretId, SecretString: 'one' }),
  )
  const { VersionId: second } = await client.send(
    new PutSecretValueCommand({ SecretId, SecretString: 'two', VersionStages: ['AWSPENDING'] }),
  )
  expect([await get(), await get({ VersionStage: 'AWSPENDING' })]).toEqual(['one', 'two'])

  const move = { SecretId, VersionStage: 'AWSCURRENT', MoveToVersionId: second }
  await expect(client.send(new UpdateSecretVersionStageCommand(move))).rejects.toMatchObject({
    name: 'InvalidParameterException',
  })
  await client.send(new UpdateSecretVersionStageCommand({ ...move, RemoveFromVersionId: first }))
  expect([await get(), await get({ VersionStage: 'AWSPREVIOUS' })]).toEqual(['two', 'one'])

  const { VersionIdsToStages } = await client.send(new DescribeSecretCommand({ SecretId }))
  expect(VersionIdsToStages).toEqual({
    [String(first)]: ['AWSPREVIOUS'],
    [String(second)]: ['AWSPENDING', 'AWSCURRENT'],
  })
})

test('a version id may be used again with the same value, but not with another one', async () => {
  const first = { SecretId, SecretString: 'one', ClientRequestToken: 'a'.repeat(32) }
  endpoint.put(SecretId, 'zero')
  await client.send(new PutSecretValueCommand(first))
  await client.send(new PutSecretValueCommand(first))
  await expect(
    client.send(new PutSecretValueCommand({ ...first, SecretString: 'two' })),
  ).rejects.toMatchObject({
    name: 'ResourceExistsException',
  })
  expect(await get()).toBe('one')
})

test.each([
  ['an unknown secret', { SecretId: 'nobody' }, 'ResourceNotFoundException'],
  [
    'a staging label that no version has',
    { SecretId, VersionStage: 'AWSPREVIOUS' },
    'ResourceNotFoundException',
  ],
  ['an unknown version', { SecretId, VersionId: 'b'.repeat(32) }, 'ResourceNotFoundException'],
  [
    'a version without the staging label',
    { SecretId, VersionId: '', VersionStage: 'AWSPENDING' },
    'InvalidRequestException',
  ],
])('%s is refused as AWS does', async (_, input, name) => {
  const { VersionId } = await client.send(new CreateSecretCommand({ Name: SecretId, SecretString: 'one' }))
  const asked = 'VersionId' in input && input.VersionId === '' ? { ...input, VersionId } : input
  await expect(client.send(new GetSecretValueCommand(asked))).rejects.toMatchObject({
    name,
    $metadata: { httpStatusCode: 400 },
  })
})

test('a failing endpoint answers 500 InternalServiceError until it is told to stop', async () => {
  endpoint.put(SecretId, 'one')
  endpoint.fail(true)
  await expect(get()).rejects.toMatchObject({
    name: 'InternalServiceError',
    $metadata: { httpStatusCode: 500 },
  })
  endpoint.fail(false)
  expect(await get()).toBe('one')
  expect([endpoint.requests('GetSecretValue'), endpoint.requests()]).toEqual([2, 2])
})

test('an endpoint that is down refuses connections and keeps its secrets', async () => {
  endpoint.put(SecretId, 'one')
  await endpoint.goDown()
  await expect(get()).rejects.toMatchObject({ code: 'ECONNREFUSED' })
  await endpoint.comeUp()
  expect(await get()).toBe('one')
})

test('a delayed endpoint answers late', async () => {
  endpoint.put(SecretId, 'one')
  endpoint.delay(100)
  const before = performance.now()
  await get()
  expect(performance.now() - before).toBeGreaterThan(95)
})
