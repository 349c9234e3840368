import { expect, test } from 'vitest'
import { credentialsOf, endpointOf, originOf, regionOf } from '../../../lib/aws/settings.ts'

test.each([
  [{ AWS_REGION: 'eu-west-1', AWS_DEFAULT_REGION: 'us-east-1' }, 'eu-west-1'],
  [{ AWS_DEFAULT_REGION: 'us-east-1' }, 'us-east-1'],
])('the region of %j is %s', (env, region) => {
  expect(regionOf(env)).toBe(region)
})

test('without a region, the error names the variable', () => {
  expect(() => regionOf({})).toThrow('AWS_REGION')
  expect(() => regionOf({ AWS_REGION: '' })).toThrow('AWS_REGION')
})

test('credentials have a session token where there is one', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'a', AWS_SECRET_ACCESS_KEY: 'b' }
  expect(credentialsOf(keys)).toEqual({ accessKeyId: 'a', secretAccessKey: 'b' })
  expect(credentialsOf({ ...keys, AWS_SESSION_TOKEN: 'c' })).toEqual({
    accessKeyId: 'a',
    secretAccessKey: 'b',
    sessionToken: 'c',
  })
})

test.each([{}, { AWS_ACCESS_KEY_ID: 'a' }, { AWS_SECRET_ACCESS_KEY: 'b' }])(
  'credentials of %j are missing',
  (env) => {
    expect(() => credentialsOf(env)).toThrow('Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY')
  },
)

const ALL = { AWS_ENDPOINT_URL: 'http://127.0.0.1:1', AWS_ENDPOINT_URL_DYNAMODB: 'http://127.0.0.1:2' }

test.each([
  ['sqs', {}, undefined],
  ['sqs', ALL, 'http://127.0.0.1:1'],
  ['dynamodb', ALL, 'http://127.0.0.1:2'],
  ['dynamodb', { ...ALL, AWS_ENDPOINT_URL_DYNAMODB: '' }, 'http://127.0.0.1:1'],
  ['dynamodb', { ...ALL, AWS_IGNORE_CONFIGURED_ENDPOINT_URLS: 'true' }, undefined],
])('the endpoint of %s with %j is %s', (service, env, endpoint) => {
  expect(endpointOf(service, env)).toBe(endpoint)
})

test.each([
  ['dynamodb', 'eu-west-1', 'https://dynamodb.eu-west-1.amazonaws.com'],
  ['sqs', 'us-gov-east-1', 'https://sqs.us-gov-east-1.amazonaws.com'],
  ['dynamodb', 'cn-north-1', 'https://dynamodb.cn-north-1.amazonaws.com.cn'],
  ['sqs', 'eusc-de-east-1', 'https://sqs.eusc-de-east-1.amazonaws.eu'],
])('%s in %s is at %s', (service, region, origin) => {
  expect(originOf(service, region)).toBe(origin)
})
