import {
  BatchGetItemCommand,
  BatchWriteItemCommand,
  ConditionalCheckFailedException,
  DynamoDBClient,
  GetItemCommand,
  UpdateItemCommand,
  type WriteRequest,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import { ServiceUnavailableError } from '../errors/errors.ts'
import type { AwsOptions } from './options.ts'

export type Item = Readonly<Record<string, unknown>>

/** One conditional write of some attributes of an item. */
export interface Update {
  readonly pk: string
  /** Attributes to write; undefined ones are left alone. */
  readonly set: Item
  /** Attributes to write only where the item has none. */
  readonly setIfAbsent?: Item
  /** Number attributes to add to. */
  readonly add?: Readonly<Record<string, number>>
  /** A condition over attribute names as `#name` and values as `:name` of `values`. */
  readonly condition?: string
  readonly values?: Item
}

/** Whether an update was written, and the item as it was before (if not written: as it is). */
export interface Written {
  readonly written: boolean
  readonly item: Item | undefined
}

export type StateTable = ReturnType<typeof createStateTable>

/**
 * The one table of this service: string key `pk`, time to live `expiresAt` in seconds since the epoch.
 *
 * Every function throws {@link ServiceUnavailableError} where DynamoDB doesn't do its work.
 */
export const createStateTable = (table: string, aws: AwsOptions) => {
  const client = new DynamoDBClient({ ...aws })

  /** Reads one item, strongly consistent: 1 read unit. */
  const get = async (pk: string): Promise<Item | undefined> => {
    const { Item } = await client
      .send(new GetItemCommand({ TableName: table, Key: marshall({ pk }), ConsistentRead: true }))
      .catch(unavailable)
    return Item && unmarshall(Item)
  }

  return {
    get,

    /** Reads some items in one call, in no order: 1 read unit each. */
    getMany: async (pks: readonly string[]): Promise<readonly Item[]> => {
      const Keys = pks.map((pk) => marshall({ pk }))
      const { Responses, UnprocessedKeys } = await client
        .send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } }))
        .catch(unavailable)
      if (UnprocessedKeys?.[table])
        throw new ServiceUnavailableError({ detail: 'The state table did not read all items.' })
      return (Responses?.[table] ?? []).map((item) => unmarshall(item))
    },

    /** Writes whole items in one call, whatever was there: 1 write unit each. */
    putMany: async (items: readonly Item[]): Promise<void> => {
      let left: WriteRequest[] = items.map((item) => ({ PutRequest: { Item: toAttributes(item) } }))
      for (let attempt = 0; attempt < 3; attempt++) {
        const { UnprocessedItems } = await client
          .send(new BatchWriteItemCommand({ RequestItems: { [table]: left } }))
          .catch(unavailable)
        left = UnprocessedItems?.[table] ?? []
        if (left.length === 0) return
        await new Promise((resolve) => setTimeout(resolve, 50 * 2 ** attempt * Math.random()))
      }
      throw new ServiceUnavailableError({ detail: 'The state table did not take all items.' })
    },

    /** Writes attributes of one item under a condition: 1 write unit, met or not. */
    update: async (update: Update): Promise<Written> => {
      try {
        const { Attributes } = await client.send(toUpdateCommand(table, update))
        return { written: true, item: Attributes && unmarshall(Attributes) }
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) return unavailable(error)
        // DynamoDB sends the item along; local emulations don't.
        return { written: false, item: error.Item ? unmarshall(error.Item) : await get(update.pk) }
      }
    },
  }
}

const unavailable = (cause: unknown): never => {
  throw new ServiceUnavailableError({ detail: 'The state table does not answer.', cause })
}

const toAttributes = (item: Item) => marshall(item, { removeUndefinedValues: true })

const toUpdateCommand = (table: string, update: Update): UpdateItemCommand => {
  const { pk, set, setIfAbsent = {}, add = {}, condition = '', values = {} } = update
  const named = (prefix: string, members: Item) =>
    Object.entries(members)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ({ name, key: `:${prefix}_${name}`, value }))
  const written = named('set', set)
  const absent = named('absent', setIfAbsent)
  const added = named('add', add)
  const names = [...written, ...absent, ...added].map(({ name }) => name)
  const conditional = [...condition.matchAll(/#(\w+)/g)].map(([, name = '']) => name)
  return new UpdateItemCommand({
    TableName: table,
    Key: marshall({ pk }),
    UpdateExpression: `SET ${[
      ...written.map(({ name, key }) => `#${name} = ${key}`),
      ...absent.map(({ name, key }) => `#${name} = if_not_exists(#${name}, ${key})`),
      ...added.map(({ name, key }) => `#${name} = if_not_exists(#${name}, :zero) + ${key}`),
    ].join(', ')}`,
    ...(condition !== '' && { ConditionExpression: condition }),
    ExpressionAttributeNames: Object.fromEntries(
      [...names, ...conditional].map((name) => [`#${name}`, name]),
    ),
    ExpressionAttributeValues: toAttributes({
      ...Object.fromEntries([...written, ...absent, ...added].map(({ key, value }) => [key, value])),
      ...(added.length > 0 && { ':zero': 0 }),
      ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value])),
    }),
    ReturnValues: 'ALL_OLD',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  })
}
