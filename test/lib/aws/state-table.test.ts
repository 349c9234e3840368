import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createStateTable } from '../../../lib/aws/state-table.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { findFreePorts } from '../../../local/net/listen.ts'
import { type Answering, type AwsAnswer, startAwsEndpoint } from '../../support/aws-endpoint.ts'

let endpoint: Awaited<ReturnType<typeof startAwsEndpoint>> | undefined

beforeAll(() => {
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  })
})
afterEach(() => endpoint?.close())

/** A state table whose DynamoDB answers so. */
const tableThat = async (answer: Answering, { maxAttempts = 2, requestTimeout = 5000 } = {}) => {
  endpoint = await startAwsEndpoint({ answer })
  process.env.AWS_ENDPOINT_URL_DYNAMODB = endpoint.url
  return createStateTable('state', {
    maxAttempts,
    requestHandler: { requestTimeout, throwOnRequestTimeout: true },
  })
}
const error = (name: string, members: object = {}, status = 400): AwsAnswer => ({
  status,
  body: { __type: `com.amazonaws.dynamodb.v20120810#${name}`, message: 'secret-words', ...members },
})
const UPDATE = {
  pk: 'request#1',
  set: { status: 'opening' },
  condition: '#status = :was',
  values: { was: 'x' },
}

describe('an update whose condition is not met', () => {
  test('gives the item that DynamoDB sends along, without a read', async () => {
    const Item = { pk: { S: 'request#1' }, status: { S: 'opened' }, attempts: { N: '3' } }
    const table = await tableThat(() => error('ConditionalCheckFailedException', { Item }))
    expect(await table.update(UPDATE)).toEqual({
      written: false,
      item: { pk: 'request#1', status: 'opened', attempts: 3 },
    })
    expect(endpoint?.take()).toEqual(['UpdateItem'])
  })

  test('reads the item where DynamoDB sends none', async () => {
    const table = await tableThat((action) =>
      action === 'UpdateItem'
        ? error('ConditionalCheckFailedException')
        : { status: 200, body: { Item: { pk: { S: 'request#1' } } } },
    )
    expect(await table.update(UPDATE)).toEqual({ written: false, item: { pk: 'request#1' } })
    expect(endpoint?.take()).toEqual(['UpdateItem', 'GetItem'])
  })

  test('asks DynamoDB to send the item along', async () => {
    const asked: unknown[] = []
    const table = await tableThat((_, input) => {
      asked.push(input)
      return { status: 200, body: {} }
    })
    await table.update({ ...UPDATE, setIfAbsent: { createdAt: 1 }, add: { attempts: 1 } })
    expect(asked).toEqual([
      {
        TableName: 'state',
        Key: { pk: { S: 'request#1' } },
        UpdateExpression:
          'SET #status = :set_status, #createdAt = if_not_exists(#createdAt, :absent_createdAt),' +
          ' #attempts = if_not_exists(#attempts, :zero) + :add_attempts',
        ConditionExpression: '#status = :was',
        ExpressionAttributeNames: {
          '#status': 'status',
          '#createdAt': 'createdAt',
          '#attempts': 'attempts',
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
})

describe('items that DynamoDB leaves over', () => {
  const leave = (keep: (call: number) => boolean) => {
    const sent: unknown[][] = []
    const answer: Answering = (_, input) => {
      const { state = [] } = (input as { RequestItems: Record<string, unknown[]> }).RequestItems
      sent.push(state)
      const rest = keep(sent.length) ? { state: state.slice(-1) } : {}
      return { status: 200, body: { UnprocessedItems: rest } }
    }
    return { sent, answer }
  }

  test('are written again, and only they', async () => {
    const { sent, answer } = leave((call) => call === 1)
    const table = await tableThat(answer)
    await table.putMany([{ pk: 'a' }, { pk: 'b', gone: undefined }])
    const put = (pk: string) => ({ PutRequest: { Item: { pk: { S: pk } } } })
    expect(sent).toEqual([[put('a'), put('b')], [put('b')]])
  })

  test('three times make ServiceUnavailableError', async () => {
    const { sent, answer } = leave(() => true)
    const table = await tableThat(answer)
    await expect(table.putMany([{ pk: 'a' }])).rejects.toBeInstanceOf(ServiceUnavailableError)
    expect(sent).toHaveLength(3)
  })
})

test('throttling is met by one more try, at most', async () => {
  let calls = 0
  const table = await tableThat(() =>
    calls++ === 0 ? error('ThrottlingException') : { status: 200, body: { Item: { pk: { S: 'a' } } } },
  )
  expect(await table.get('a')).toEqual({ pk: 'a' })
  expect(calls).toBe(2)
})

describe('each function throws ServiceUnavailableError', () => {
  type Table = ReturnType<typeof createStateTable>
  const calls = [
    ['get', (table: Table) => table.get('a')],
    ['getMany', (table: Table) => table.getMany(['a', 'b'])],
    ['putMany', (table: Table) => table.putMany([{ pk: 'a' }])],
    ['update', (table: Table) => table.update(UPDATE)],
  ] as const

  describe.each(calls)('%s', (_, call) => {
    test.each<[string, AwsAnswer | 'silence']>([
      ['throttling', error('ProvisionedThroughputExceededException')],
      ['throttling of the account', error('ThrottlingException')],
      ['no such table', error('ResourceNotFoundException')],
      ['no right to it', error('AccessDeniedException')],
      ['an error of DynamoDB', error('InternalServerError', {}, 500)],
      ['an answer that is no JSON', { status: 503, body: '<html>' }],
      ['silence', 'silence'],
    ])('at %s', async (_name, answer) => {
      const table = await tableThat(() => answer, { maxAttempts: 1, requestTimeout: 200 })
      const thrown = await call(table).then(
        () => undefined,
        (reason: unknown) => reason,
      )
      expect(thrown).toBeInstanceOf(ServiceUnavailableError)
      expect(String(thrown)).not.toContain('secret-words')
      expect(endpoint?.take()).toHaveLength(1)
    })

    test('where there is no connection', async () => {
      const [port] = await findFreePorts(1)
      process.env.AWS_ENDPOINT_URL_DYNAMODB = `http://127.0.0.1:${port}`
      const table = createStateTable('state', { maxAttempts: 1, requestHandler: {} })
      await expect(call(table)).rejects.toBeInstanceOf(ServiceUnavailableError)
    })
  })
})
