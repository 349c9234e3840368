import {
  type AttributeValue,
  BatchGetItemCommand,
  ConditionalCheckFailedException,
  DynamoDBClient,
  DynamoDBServiceException,
  GetItemCommand,
  ScanCommand,
  UpdateItemCommand,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { ServiceUnavailableError } from '../errors/errors.ts'
import type { AwsOptions } from './options.ts'

/** How often DynamoDB is asked for the same item of one call. */
const READ_ATTEMPTS = 4
/** The longest pause before the second attempt, in milliseconds. It doubles with each attempt. */
const READ_PAUSE_MS = 50
/** The maximum number of keys in one BatchGetItem request. */
const KEYS_PER_REQUEST = 100

/** The attributes of one item, as plain values. */
export type Item = Readonly<Record<string, unknown>>

/** A conditional write of some attributes of one item. */
export interface Update {
  readonly pk: string
  /** Attributes to write. Undefined ones are not changed. */
  readonly set: Item
  /** Attributes to write only if the item lacks them. */
  readonly setIfAbsent?: Item
  /** Names of attributes to remove. None of them may be written, too. */
  readonly remove?: readonly string[]
  /** Amounts to add to number attributes. A missing attribute counts as 0. */
  readonly add?: Readonly<Record<string, number>>
  /** A DynamoDB condition. `#name` is an attribute, `:name` a member of `values`. Default: none. */
  readonly condition?: string
  readonly values?: Item
}

/** Whether an update was applied, and the item as it was before the update. */
export interface UpdateResult {
  readonly applied: boolean
  readonly item: Item | undefined
}

export interface StateTableOptions {
  /** The table's name. */
  readonly name: string
  readonly aws: AwsOptions
  /** Resolves after `ms` milliseconds. */
  readonly sleep: (ms: number) => Promise<void>
  /** Returns a number from 0 up to but not including 1. */
  readonly random: () => number
}

export type StateTable = ReturnType<typeof createStateTable>

/**
 * Returns the operations on the state table. Its key is the string `pk`, its time to live is `expiresAt`, in
 * seconds since the epoch.
 *
 * Every function throws {@link ServiceUnavailableError} if DynamoDB fails. Its `detail` names the operation.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
 */
export const createStateTable = ({ name: table, aws, sleep, random }: StateTableOptions) => {
  const client = new DynamoDBClient({ ...aws })

  /** Reads one item, strongly consistent. Costs 1 read unit. */
  const get = async (pk: string): Promise<Item | undefined> => {
    const { Item } = await client
      .send(new GetItemCommand({ TableName: table, Key: marshall({ pk }), ConsistentRead: true }))
      .catch(throwUnavailable('GetItem'))
    return Item && unmarshall(Item)
  }

  const readChunk = async (pks: readonly string[]): Promise<readonly Item[]> => {
    const items: Item[] = []
    let Keys = pks.map((pk) => marshall({ pk }))
    for (let attempt = 1; attempt <= READ_ATTEMPTS; attempt++) {
      if (attempt > 1) await sleep(READ_PAUSE_MS * 2 ** (attempt - 2) * random())
      const { Responses, UnprocessedKeys } = await client
        .send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } }))
        .catch(throwUnavailable('BatchGetItem'))
      items.push(...(Responses?.[table] ?? []).map((item) => unmarshall(item)))
      Keys = UnprocessedKeys?.[table]?.Keys ?? []
      if (Keys.length === 0) return items
    }
    throw new ServiceUnavailableError({ detail: 'DynamoDB BatchGetItem did not read all items.' })
  }

  return {
    get,

    /**
     * Reads any number of items, strongly consistent, in no particular order. Costs 1 read unit per item.
     */
    getMany: async (pks: readonly string[]): Promise<readonly Item[]> => {
      // DynamoDB refuses a request with a duplicate key.
      const distinct = [...new Set(pks)]
      const starts = distinct.flatMap((_, index) => (index % KEYS_PER_REQUEST === 0 ? [index] : []))
      const chunks = starts.map((start) => readChunk(distinct.slice(start, start + KEYS_PER_REQUEST)))
      return (await Promise.all(chunks)).flat()
    },

    /** Writes attributes of one item under a condition. Costs 1 write unit, applied or not. */
    update: async (update: Update): Promise<UpdateResult> => {
      const command = toUpdateCommand(table, update)
      try {
        const { Attributes } = await client.send(command)
        return { applied: true, item: Attributes && unmarshall(Attributes) }
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) return throwUnavailable('UpdateItem')(error)
        // DynamoDB returns the item with the error. Local emulators don't.
        return { applied: false, item: error.Item ? unmarshall(error.Item) : await get(update.pk) }
      }
    },
  }
}

/**
 * Returns the items of the state table that pass a filter, strongly consistent. Reads the whole table, so
 * only commands may use it: the functions' roles don't allow it. Costs 1 read unit per 4 KB of the table.
 *
 * @param filter.expression A DynamoDB filter. `#name` is a member of `names`, `:name` a member of `values`.
 * @throws {ServiceUnavailableError} DynamoDB fails.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Scan.html
 */
export const scanTable = async (
  { name: table, aws }: Pick<StateTableOptions, 'name' | 'aws'>,
  filter: {
    readonly expression: string
    readonly names: Readonly<Record<string, string>>
    readonly values: Item
  },
): Promise<readonly Item[]> => {
  const client = new DynamoDBClient({ ...aws })
  const named = <T>(sign: string, members: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(members).map(([name, value]) => [`${sign}${name}`, value]))
  const found: Item[] = []
  let ExclusiveStartKey: Record<string, AttributeValue> | undefined
  do {
    const { Items = [], LastEvaluatedKey } = await client
      .send(
        new ScanCommand({
          TableName: table,
          ConsistentRead: true,
          FilterExpression: filter.expression,
          ExpressionAttributeNames: named('#', filter.names),
          ExpressionAttributeValues: marshall(named(':', filter.values)),
          ...(ExclusiveStartKey && { ExclusiveStartKey }),
        }),
      )
      .catch(throwUnavailable('Scan'))
    found.push(...Items.map((item) => unmarshall(item)))
    ExclusiveStartKey = LastEvaluatedKey
  } while (ExclusiveStartKey)
  client.destroy()
  return found
}

const throwUnavailable =
  (operation: string) =>
  (cause: unknown): never => {
    throw new ServiceUnavailableError({
      detail: `DynamoDB ${operation} failed.`,
      cause,
      isRefused: isRefusal(cause),
    })
  }

/**
 * An error with an HTTP status below 500 is DynamoDB's answer: it has not done what was asked. If the SDK had
 * to repeat the request, an earlier one may have been carried out.
 */
const isRefusal = (cause: unknown): boolean =>
  cause instanceof DynamoDBServiceException &&
  (cause.$metadata.httpStatusCode ?? 500) < 500 &&
  cause.$metadata.attempts === 1

const toUpdateCommand = (table: string, update: Update): UpdateItemCommand => {
  const { pk, set, setIfAbsent = {}, add = {}, remove = [], condition = '', values = {} } = update
  const named = (prefix: string, members: Item) =>
    Object.entries(members)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ({ name, key: `:${prefix}_${name}`, value }))
  const assigned = named('set', set)
  const absent = named('absent', setIfAbsent)
  const added = named('add', add)
  const written = [...assigned, ...absent, ...added]
  const contradiction = written.find(({ name }) => remove.includes(name))
  if (contradiction) throw new Error(`An update both writes and removes ${contradiction.name}`)
  const removed = remove.map((name) => `#${name}`)
  const assignments = [
    ...assigned.map(({ name, key }) => `#${name} = ${key}`),
    ...absent.map(({ name, key }) => `#${name} = if_not_exists(#${name}, ${key})`),
    ...added.map(({ name, key }) => `#${name} = if_not_exists(#${name}, :zero) + ${key}`),
  ]
  const expression = [
    ...(assignments.length > 0 ? [`SET ${assignments.join(', ')}`] : []),
    ...(removed.length > 0 ? [`REMOVE ${removed.join(', ')}`] : []),
  ].join(' ')
  const conditional = [...condition.matchAll(/#(\w+)/g)].map(([, name = '']) => name)
  const names = [...written.map(({ name }) => name), ...remove, ...conditional]
  const attributeValues = marshall(
    {
      ...Object.fromEntries(written.map(({ key, value }) => [key, value])),
      ...(added.length > 0 && { ':zero': 0 }),
      ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value])),
    },
    { removeUndefinedValues: true },
  )
  // DynamoDB refuses empty expressions and empty maps.
  return new UpdateItemCommand({
    TableName: table,
    Key: marshall({ pk }),
    ...(expression !== '' && { UpdateExpression: expression }),
    ...(condition !== '' && { ConditionExpression: condition }),
    ...(names.length > 0 && {
      ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    }),
    ...(Object.keys(attributeValues).length > 0 && { ExpressionAttributeValues: attributeValues }),
    ReturnValues: 'ALL_OLD',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  })
}
