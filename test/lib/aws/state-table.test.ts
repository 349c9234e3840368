import { DescribeTableCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  createStateTable,
  type Item,
  type StateTable,
  scanTable,
  type Update,
} from '../../../lib/aws/state-table.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { type LocalDynamoDb, startDynamoDb } from '../../../local/aws/dynamodb.ts'
import { findFreePorts } from '../../../local/net/listen.ts'
import {
  type Answering,
  type AwsAnswer,
  createPatientTable,
  patient,
  startAwsEndpoint,
} from '../../support/aws-endpoint.ts'

let endpoint: Awaited<ReturnType<typeof startAwsEndpoint>> | undefined

beforeAll(() => {
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  })
})
afterEach(() => endpoint?.close())

/** Returns a state table whose DynamoDB answers in this way. */
const tableThat = async (
  answer: Answering,
  aws = patient,
  { pauses = [], random = 1 }: { readonly pauses?: number[]; readonly random?: number } = {},
) => {
  endpoint = await startAwsEndpoint({ answer })
  process.env.AWS_ENDPOINT_URL_DYNAMODB = endpoint.url
  return createStateTable({
    name: 'state',
    aws,
    sleep: async (ms) => {
      pauses.push(ms)
    },
    random: () => random,
  })
}
const error = (name: string, members: object = {}, status = 400): AwsAnswer => ({
  status,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'secret-words', ...members },
})
const answered = (body: object): AwsAnswer => ({ status: 200, body })
const BatchGet = z.object({
  RequestItems: z.object({
    state: z.object({ Keys: z.array(z.object({ pk: z.object({ S: z.string() }) })) }),
  }),
})
/** Returns the keys that a BatchGetItem request asks for. */
const keysOf = (input: unknown): string[] =>
  BatchGet.parse(input).RequestItems.state.Keys.map(({ pk }) => pk.S)
const UPDATE: Update = {
  pk: 'request#1',
  set: { status: 'opening' },
  condition: '#status = :was',
  values: { was: 'x' },
}

describe('in DynamoDB', () => {
  let dynamoDb: LocalDynamoDb
  let table: StateTable
  let serial = 0
  const newKey = () => `item#${++serial}`
  const put = async (attributes: Item): Promise<string> => {
    const pk = newKey()
    await table.update({ pk, set: attributes })
    return pk
  }

  beforeAll(async () => {
    dynamoDb = await startDynamoDb()
    process.env.AWS_ENDPOINT_URL_DYNAMODB = dynamoDb.url
    table = createPatientTable(dynamoDb.stateTable)
    // The client reads its endpoint when it is first used.
    await table.get('warm')
  })
  afterAll(() => dynamoDb.close())

  test('the table has the key that this module uses', async () => {
    const client = new DynamoDBClient({ endpoint: dynamoDb.url })
    const { Table } = await client.send(new DescribeTableCommand({ TableName: dynamoDb.stateTable }))
    expect(Table?.KeySchema).toEqual([{ AttributeName: 'pk', KeyType: 'HASH' }])
    client.destroy()
  })

  test('a missing item is undefined', async () => {
    expect(await table.get(newKey())).toBeUndefined()
  })

  test('every kind of attribute is read as it was written', async () => {
    const attributes = {
      text: 'Žofie 🦊',
      empty: '',
      number: 1_700_000_000_123,
      yes: true,
      no: false,
      nothing: null,
      list: [1, 'two', { three: [] }],
      map: { hosts: { sentinel: 'va.sentinel.liveperson.net' } },
    }
    const pk = await put(attributes)
    expect(await table.get(pk)).toEqual({ pk, ...attributes })
  })

  test('undefined members of an attribute are not written', async () => {
    const pk = await put({ a: 1, b: undefined, c: { d: undefined } })
    expect(await table.get(pk)).toEqual({ pk, a: 1, c: {} })
  })

  test('getMany returns the items that exist', async () => {
    const [a, b] = [await put({ n: 1 }), await put({ n: 2 })]
    const items = await table.getMany([a, b, newKey()])
    expect(items).toHaveLength(2)
    expect(items).toContainEqual({ pk: a, n: 1 })
    expect(items).toContainEqual({ pk: b, n: 2 })
    expect(await table.getMany([newKey()])).toEqual([])
  })

  test('getMany reads more than 100 items, each once', async () => {
    const keys = await Promise.all(Array.from({ length: 120 }, (_, n) => put({ n })))
    const items = await table.getMany([...keys, ...keys])
    expect(items).toHaveLength(120)
    expect(new Set(items.map(({ n }) => n)).size).toBe(120)
  })

  describe('update', () => {
    test('creates an item, and returns no previous item', async () => {
      const pk = newKey()
      const update = { pk, set: { a: 1 }, setIfAbsent: { b: 2 }, add: { n: 3 } }
      expect(await table.update(update)).toEqual({ applied: true, item: undefined })
      expect(await table.get(pk)).toEqual({ pk, a: 1, b: 2, n: 3 })
    })

    test('changes only the named attributes, and returns the previous item', async () => {
      const pk = await put({ a: 1, b: 1, n: 1, kept: 'x' })
      const update = { pk, set: { a: 2, c: { d: 1 } }, setIfAbsent: { b: 2, e: 2 }, add: { n: 2, m: 5 } }
      expect(await table.update(update)).toEqual({
        applied: true,
        item: { pk, a: 1, b: 1, n: 1, kept: 'x' },
      })
      expect(await table.get(pk)).toEqual({ pk, a: 2, b: 1, c: { d: 1 }, e: 2, n: 3, m: 5, kept: 'x' })
    })

    test('does not change undefined attributes', async () => {
      const pk = await put({ a: 1, b: 1 })
      await table.update({ pk, set: { a: undefined, c: 3 }, setIfAbsent: { d: undefined } })
      expect(await table.get(pk)).toEqual({ pk, a: 1, b: 1, c: 3 })
    })

    test('removes attributes, whether the item has them or not', async () => {
      const pk = await put({ a: 1, b: 1, c: 1 })
      await table.update({ pk, set: { c: 2, d: 4 }, remove: ['a', 'none'] })
      expect(await table.get(pk)).toEqual({ pk, b: 1, c: 2, d: 4 })
    })

    test('may only remove attributes, or change nothing', async () => {
      const pk = await put({ a: 1, b: 1 })
      await table.update({ pk, set: {}, remove: ['a'] })
      await table.update({ pk, set: { b: undefined } })
      expect(await table.get(pk)).toEqual({ pk, b: 1 })
    })

    test.each<[string, Partial<Update>]>([
      ['set', { set: { a: 2 } }],
      ['set if absent', { setIfAbsent: { a: 2 } }],
      ['added to', { add: { a: 2 } }],
    ])('refuses a name that is both %s and removed', async (_, written) => {
      const pk = await put({ a: 1 })
      await expect(table.update({ pk, set: {}, ...written, remove: ['a'] })).rejects.toThrow(
        'both writes and removes a',
      )
      expect(await table.get(pk)).toEqual({ pk, a: 1 })
    })

    test('may remove a name that is set to undefined', async () => {
      const pk = await put({ a: 1 })
      await table.update({ pk, set: { a: undefined, b: 2 }, remove: ['a'] })
      expect(await table.get(pk)).toEqual({ pk, b: 2 })
    })

    test('accepts DynamoDB’s reserved words as names', async () => {
      const pk = newKey()
      await table.update({
        pk,
        set: { status: 'opened', owner: 'x', ttl: 1 },
        add: { count: 1 },
        remove: ['time'],
      })
      expect(await table.get(pk)).toEqual({ pk, status: 'opened', owner: 'x', ttl: 1, count: 1 })
    })

    const conditional = (pk: string): Update => ({
      pk,
      set: { owner: 'b' },
      condition: '#owner = :owner AND #leaseUntil < :now',
      values: { owner: 'a', now: 100 },
    })

    test('is written if its condition is met', async () => {
      const pk = await put({ owner: 'a', leaseUntil: 99 })
      const { applied } = await table.update(conditional(pk))
      expect(applied).toBe(true)
      expect(await table.get(pk)).toEqual({ pk, owner: 'b', leaseUntil: 99 })
    })

    test.each([
      ['the first half', { owner: 'c', leaseUntil: 99 }],
      ['the second half', { owner: 'a', leaseUntil: 100 }],
    ])('changes nothing and returns the item if %s of its condition is not met', async (_, attributes) => {
      const pk = await put(attributes)
      expect(await table.update(conditional(pk))).toEqual({ applied: false, item: { pk, ...attributes } })
      expect(await table.get(pk)).toEqual({ pk, ...attributes })
    })

    test('changes nothing and returns no item if its condition needs one', async () => {
      const pk = newKey()
      expect(await table.update(conditional(pk))).toEqual({ applied: false, item: undefined })
      expect(await table.get(pk)).toBeUndefined()
    })

    test('may name an attribute in the condition only, and several times', async () => {
      const pk = newKey()
      const update = {
        pk,
        set: { a: 1 },
        condition: 'attribute_not_exists(#lock) AND attribute_not_exists(#lock)',
      }
      expect((await table.update(update)).applied).toBe(true)
    })

    test('only one of many concurrent updates with the same condition is written', async () => {
      const pk = newKey()
      const written = await Promise.all(
        Array.from({ length: 20 }, (_, owner) =>
          table.update({ pk, set: { owner }, condition: 'attribute_not_exists(#owner)' }),
        ),
      )
      expect(written.filter((one) => one.applied)).toHaveLength(1)
    })
  })
})

describe('the request to DynamoDB', () => {
  const ask = async (call: (table: StateTable) => Promise<unknown>): Promise<readonly unknown[]> => {
    const asked: unknown[] = []
    const table = await tableThat((_, input) => {
      asked.push(input)
      return answered({})
    })
    await call(table)
    return asked
  }

  test('get reads strongly consistent', async () => {
    expect(await ask((table) => table.get('a'))).toEqual([
      { TableName: 'state', Key: { pk: { S: 'a' } }, ConsistentRead: true },
    ])
  })

  test('getMany reads strongly consistent, in one request', async () => {
    expect(await ask((table) => table.getMany(['a', 'b']))).toEqual([
      { RequestItems: { state: { Keys: [{ pk: { S: 'a' } }, { pk: { S: 'b' } }], ConsistentRead: true } } },
    ])
  })

  test('getMany reads 100 items per request, and makes no request for none', async () => {
    const keys = Array.from({ length: 201 }, (_, n) => `k${n}`)
    const asked = await ask((table) => table.getMany(keys))
    expect(asked.map((input) => keysOf(input).length).toSorted((a, b) => a - b)).toEqual([1, 100, 100])
    expect(new Set(asked.flatMap(keysOf)).size).toBe(201)
    expect(await ask((table) => table.getMany([]))).toEqual([])
  })

  test('update is one request, and returns the previous item, written or not', async () => {
    const update = { ...UPDATE, setIfAbsent: { createdAt: 1 }, add: { attempts: 1 }, remove: ['code', 'was'] }
    expect(await ask((table) => table.update(update))).toEqual([
      {
        TableName: 'state',
        Key: { pk: { S: 'request#1' } },
        UpdateExpression:
          'SET #status = :set_status, #createdAt = if_not_exists(#createdAt, :absent_createdAt),' +
          ' #attempts = if_not_exists(#attempts, :zero) + :add_attempts REMOVE #code, #was',
        ConditionExpression: '#status = :was',
        ExpressionAttributeNames: {
          '#status': 'status',
          '#createdAt': 'createdAt',
          '#attempts': 'attempts',
          '#code': 'code',
          '#was': 'was',
        },
        ExpressionAttributeValues: {
          ':set_status': { S: 'opening' },
          ':absent_createdAt': { N: '1' },
          ':add_attempts': { N: '1' },
          ':zero': { N: '0' },
          ':was': { S: 'x' },
        },
        ReturnValues: 'ALL_OLD',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    ])
  })

  test('an update without a condition has none', async () => {
    expect(await ask((table) => table.update({ pk: 'a', set: { b: 1 } }))).toEqual([
      {
        TableName: 'state',
        Key: { pk: { S: 'a' } },
        UpdateExpression: 'SET #b = :set_b',
        ExpressionAttributeNames: { '#b': 'b' },
        ExpressionAttributeValues: { ':set_b': { N: '1' } },
        ReturnValues: 'ALL_OLD',
        ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      },
    ])
  })
})

describe('an update has no empty expressions or maps', () => {
  test.each<[string, Update, object]>([
    ['that only removes', { pk: 'a', set: {}, remove: ['b'] }, { UpdateExpression: 'REMOVE #b' }],
    [
      'that writes nothing',
      { pk: 'a', set: {}, condition: 'attribute_exists(#b)' },
      { ConditionExpression: 'attribute_exists(#b)' },
    ],
  ])('%s', async (_, update, members) => {
    let asked: unknown
    const table = await tableThat((_action, input) => {
      asked = input
      return answered({})
    })
    await table.update(update)
    expect(asked).toEqual({
      TableName: 'state',
      Key: { pk: { S: 'a' } },
      ExpressionAttributeNames: { '#b': 'b' },
      ReturnValues: 'ALL_OLD',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
      ...members,
    })
  })
})

describe('an update whose condition is not met', () => {
  test('returns the item that DynamoDB sends with the error, without a read', async () => {
    const Item = { pk: { S: 'request#1' }, status: { S: 'opened' }, attempts: { N: '3' } }
    const table = await tableThat(() => error('ConditionalCheckFailedException', { Item }))
    expect(await table.update(UPDATE)).toEqual({
      applied: false,
      item: { pk: 'request#1', status: 'opened', attempts: 3 },
    })
    expect(endpoint?.take()).toEqual(['UpdateItem'])
  })

  test('reads the item if DynamoDB sends none', async () => {
    const table = await tableThat((action) =>
      action === 'UpdateItem'
        ? error('ConditionalCheckFailedException')
        : answered({ Item: { pk: { S: 'request#1' } } }),
    )
    expect(await table.update(UPDATE)).toEqual({ applied: false, item: { pk: 'request#1' } })
    expect(endpoint?.take()).toEqual(['UpdateItem', 'GetItem'])
  })

  test('fails if that read fails', async () => {
    const table = await tableThat((action) =>
      error(action === 'UpdateItem' ? 'ConditionalCheckFailedException' : 'ResourceNotFoundException'),
    )
    await expect(table.update(UPDATE)).rejects.toBeInstanceOf(ServiceUnavailableError)
  })
})

describe('keys that DynamoDB leaves unprocessed', () => {
  /** Leaves the last key of a read unprocessed, as often as given. */
  const leave = (times: number) => {
    const asked: string[][] = []
    const answer: Answering = (_, input) => {
      const keys = keysOf(input)
      asked.push(keys)
      const read = asked.length > times ? keys : keys.slice(0, -1)
      const left = keys.slice(read.length).map((pk) => ({ pk: { S: pk } }))
      return answered({
        Responses: { state: read.map((pk) => ({ pk: { S: pk } })) },
        UnprocessedKeys: left.length > 0 ? { state: { Keys: left, ConsistentRead: true } } : {},
      })
    }
    return { asked, answer }
  }

  test('are read again, without the others', async () => {
    const { asked, answer } = leave(1)
    const table = await tableThat(answer)
    expect(await table.getMany(['a', 'b'])).toEqual([{ pk: 'a' }, { pk: 'b' }])
    expect(asked).toEqual([['a', 'b'], ['b']])
  })

  test.each([
    ['none', 0, 1, []],
    ['once', 1, 1, [50]],
    ['three times', 3, 1, [50, 100, 200]],
    ['three times, at random', 3, 0.5, [25, 50, 100]],
  ])('%s: the pauses grow', async (_, times, random, expected) => {
    const pauses: number[] = []
    const { asked, answer } = leave(times)
    const table = await tableThat(answer, patient, { pauses, random })
    expect(await table.getMany(['a'])).toEqual([{ pk: 'a' }])
    expect(pauses).toEqual(expected)
    expect(asked).toHaveLength(times + 1)
  })

  test('four times: ServiceUnavailableError, rather than a partial answer', async () => {
    const pauses: number[] = []
    const { asked, answer } = leave(4)
    const table = await tableThat(answer, patient, { pauses })
    const thrown = await table.getMany(['a', 'b']).catch((reason: unknown) => reason)
    expect(thrown).toBeInstanceOf(ServiceUnavailableError)
    expect(thrown).toMatchObject({ message: 'DynamoDB BatchGetItem did not read all items.' })
    expect(asked).toHaveLength(4)
    expect(pauses).toEqual([50, 100, 200])
  })
})

test('a throttled request is repeated, up to the maximum of attempts', async () => {
  let calls = 0
  const table = await tableThat(() =>
    calls++ === 0 ? error('ThrottlingException') : answered({ Item: { pk: { S: 'a' } } }),
  )
  expect(await table.get('a')).toEqual({ pk: 'a' })
  expect(calls).toBe(2)
})

describe('each function throws ServiceUnavailableError', () => {
  const calls: readonly [string, (table: StateTable) => Promise<unknown>, string][] = [
    ['get', (table) => table.get('a'), 'DynamoDB GetItem failed.'],
    ['getMany', (table) => table.getMany(['a', 'b']), 'DynamoDB BatchGetItem failed.'],
    ['update', (table) => table.update(UPDATE), 'DynamoDB UpdateItem failed.'],
  ]

  describe.each(calls)('%s', (_, call, message) => {
    test.each<[string, AwsAnswer | 'silence', isRefused: boolean]>([
      ['throttling', error('ProvisionedThroughputExceededException'), true],
      ['throttling of the account', error('ThrottlingException'), true],
      ['an unknown table', error('ResourceNotFoundException'), true],
      ['a missing permission', error('AccessDeniedException'), true],
      ['an error of DynamoDB', error('InternalServerError', {}, 500), false],
      ['an answer that is not JSON', { status: 503, body: '<html>' }, false],
      ['a success that can’t be read', { status: 200, body: '<html>' }, false],
      ['silence', 'silence', false],
    ])('%s', async (_name, answer, isRefused) => {
      const once = { ...patient, maxAttempts: 1, timeoutMs: 200 }
      const table = await tableThat(() => answer, once)
      const thrown = await call(table).catch((reason: unknown) => reason)
      expect(thrown).toBeInstanceOf(ServiceUnavailableError)
      expect(thrown).toMatchObject({ message, cause: expect.any(Error), isRefused })
      expect(String(thrown)).not.toContain('secret-words')
      expect(endpoint?.take()).toHaveLength(1)
    })

    test('no connection', async () => {
      const [port] = await findFreePorts(1)
      process.env.AWS_ENDPOINT_URL_DYNAMODB = `http://127.0.0.1:${port}`
      await expect(call(createPatientTable('state'))).rejects.toBeInstanceOf(ServiceUnavailableError)
    })
  })
})

test('a write that was refused only when it was repeated may have been done', async () => {
  const answers = [error('InternalServerError', {}, 500), error('ThrottlingException')]
  const table = await tableThat(() => answers.shift() ?? 'silence')
  await expect(table.update(UPDATE)).rejects.toMatchObject({
    cause: { name: 'ThrottlingException' },
    isRefused: false,
  })
})

describe('a scan', () => {
  const filter = {
    expression: 'begins_with(#pk, :prefix)',
    names: { pk: 'pk' },
    values: { prefix: 'scanned#' },
  }

  test('returns what passes the filter', async () => {
    const dynamoDb = await startDynamoDb()
    process.env.AWS_ENDPOINT_URL_DYNAMODB = dynamoDb.url
    const table = createPatientTable(dynamoDb.stateTable)
    for (const pk of ['scanned#1', 'scanned#2', 'other#1'])
      await table.update({ pk, set: { facts: { lpConsumerId: pk } } })
    const scan = (more: object = {}) =>
      scanTable({ name: dynamoDb.stateTable, aws: patient }, { ...filter, ...more })
    expect((await scan()).map(({ pk }) => pk).toSorted()).toEqual(['scanned#1', 'scanned#2'])
    const nested = {
      expression: 'begins_with(#pk, :prefix) AND #facts.#id = :id',
      names: { pk: 'pk', facts: 'facts', id: 'lpConsumerId' },
      values: { prefix: 'scanned#', id: 'scanned#2' },
    }
    expect(await scan(nested)).toEqual([{ pk: 'scanned#2', facts: { lpConsumerId: 'scanned#2' } }])
    await dynamoDb.close()
  })

  test('reads every page, strongly consistent', async () => {
    const asked: unknown[] = []
    await tableThat((_, input) => {
      asked.push(input)
      const pk = { S: `scanned#${asked.length}` }
      return answered({ Items: [{ pk }], ...(asked.length < 3 && { LastEvaluatedKey: { pk } }) })
    })
    const items = await scanTable({ name: 'state', aws: patient }, filter)
    expect(items.map(({ pk }) => pk)).toEqual(['scanned#1', 'scanned#2', 'scanned#3'])
    expect(asked[0]).toMatchObject({ TableName: 'state', ConsistentRead: true })
    expect(asked.slice(1)).toMatchObject([
      { ExclusiveStartKey: { pk: { S: 'scanned#1' } } },
      { ExclusiveStartKey: { pk: { S: 'scanned#2' } } },
    ])
  })

  test('that DynamoDB refuses says so', async () => {
    await tableThat(() => error('AccessDeniedException'))
    await expect(scanTable({ name: 'state', aws: patient }, filter)).rejects.toThrow('DynamoDB Scan failed.')
  })
})
