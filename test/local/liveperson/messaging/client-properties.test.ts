import { expect, test } from 'vitest'
import { readClientProperties } from '../../../../local/liveperson/messaging/client-properties.ts'

const read = (headers: Record<string, string>) =>
  readClientProperties({ at: 0, service: 'conversation', method: 'POST', path: '/', headers, body: '' })

test('a missing header is allowed', () => {
  expect(read({})).toEqual({})
})

test('valid properties are returned', () => {
  const properties = { type: '.ClientProperties', features: ['AUTO_MESSAGES'], os: 'LINUX' }
  expect(read({ 'client-properties': JSON.stringify(properties) })).toEqual({ clientProperties: properties })
})

test.each([
  ['an object converted to text', '[object Object]', 'Client-Properties must be an object', undefined],
  ['an array', '[]', 'Client-Properties must be an object', undefined],
  ['no type', '{"features":[]}', 'Client-Properties.type is missing', { features: [] }],
])('the problem of %s is returned, with whatever could be read', (_, header, problem, clientProperties) => {
  expect(read({ 'client-properties': header })).toEqual({
    problem,
    ...(clientProperties && { clientProperties }),
  })
})
