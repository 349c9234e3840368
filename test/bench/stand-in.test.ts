import { expect, test } from 'vitest'
import { createAws } from '../../bench/stand-in/aws.ts'
import { createCounter } from '../../bench/stand-in/counter.ts'
import { createLivePerson, serviceOf } from '../../bench/stand-in/liveperson.ts'
import { createTable } from '../../bench/stand-in/table.ts'

test('an update sets, adds and removes attributes, and returns the item as it was', () => {
  const table = createTable()
  const Key = { pk: { S: 'one' } }
  const first = {
    Key,
    UpdateExpression: 'SET #a = :a, #n = if_not_exists(#n, :zero) + :one, #b = if_not_exists(#b, :b)',
    ExpressionAttributeNames: { '#a': 'a', '#n': 'count', '#b': 'b' },
    ExpressionAttributeValues: {
      ':a': { S: 'x' },
      ':zero': { N: '0' },
      ':one': { N: '1' },
      ':b': { S: 'y' },
    },
  }
  expect(table.update(first)).toBeUndefined()
  const before = table.get(Key)
  expect(before).toEqual({ ...Key, a: { S: 'x' }, count: { N: '1' }, b: { S: 'y' } })
  const second = {
    ...first,
    UpdateExpression: `${first.UpdateExpression} REMOVE #c`,
    ExpressionAttributeNames: { ...first.ExpressionAttributeNames, '#c': 'a' },
    ExpressionAttributeValues: { ...first.ExpressionAttributeValues, ':b': { S: 'z' } },
  }
  expect(table.update(second)).toBe(before)
  expect(table.get(Key)).toEqual({ ...Key, count: { N: '2' }, b: { S: 'y' } })
})

test('the table forgets the oldest items', () => {
  const table = createTable()
  for (let index = 0; index <= 20_000; index++) table.put({ pk: { S: String(index) } })
  expect(table.get({ pk: { S: '0' } })).toBeUndefined()
  expect(table.get({ pk: { S: '1' } })).toBeDefined()
})

test('the hosts of every account are in the table', () => {
  const aws = createAws(() => ({ idp: 'host' }))
  expect(aws('DynamoDB_20120810.GetItem', { Key: { pk: { S: 'domains#7' } } })).toMatchObject({
    Item: { hosts: { M: { idp: { S: 'host' } } } },
  })
  expect(aws('DynamoDB_20120810.GetItem', { Key: { pk: { S: 'account#7' } } })).toEqual({})
  expect(aws('DynamoDB_20120810.Scan', {})).toBeUndefined()
})

test('a consumer’s token names the consumer', () => {
  const livePerson = createLivePerson(() => 'host', { keys: [] })
  const body = JSON.stringify({ ext_consumer_id: 'crm-1' })
  const answer = livePerson.answer('idp', { path: '/api/account/1/consumer?v=1.0', body })
  const [, payload = ''] = JSON.stringify(answer).split('.')
  expect(JSON.parse(Buffer.from(payload, 'base64url').toString())).toMatchObject({ ext_consumer_id: 'crm-1' })
})

test('an unknown path belongs to no service', () => {
  expect(serviceOf('/api/account/1/consumer?v=1.0')).toBe('idp')
  expect(serviceOf('/other')).toBeUndefined()
})

test('writes that overlap are one round trip', () => {
  const counter = createCounter()
  counter.start('dynamodbWrites')
  counter.start('dynamodbWrites')
  counter.end('dynamodbWrites')
  counter.end('dynamodbWrites')
  counter.start('dynamodbWrites')
  expect(counter.take()).toEqual({ dynamodbWrites: 3, dynamodbRoundTrips: 2 })
  expect(counter.take()).toEqual({})
})
