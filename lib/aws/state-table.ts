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

/** How often DynamoDB is asked to write the items of one call. */
const PUT_ATTEMPTS = 3
/** The longest pause before the second attempt, in milliseconds. It doubles with each attempt. */
const PUT_PAUSE_MS = 50

/** The attributes of one item, as plain values. */
export type Item = Readonly<Record<string, unknown>>

/** A conditional write of some attributes of one item. */
export interface Update {
  readonly pk: string
  /** Attributes to write. Undefined ones are not changed. */
  readonly set: Item
  /** Attributes to write only if the item lacks them. */
  readonly setIfAbsent?: Item
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
 * Every function throws {@link ServiceUnavailableError} if DynamoDB fails.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
 */
export const createStateTable = ({ name: table, aws, sleep, random }: StateTableOptions) => {
  const client = new DynamoDBClient({ ...aws })

  /** Reads one item, strongly consistent. Costs 1 read unit. */
  const get = async (pk: string): Promise<Item | undefined> => {
    const { Item } = await client
      .send(new GetItemCommand({ TableName: table, Key: marshall({ pk }), ConsistentRead: true }))
      .catch(throwUnavailable)
    return Item && unmarshall(Item)
  }

  return {
    get,

    /** Reads up to 100 items, strongly consistent, in no particular order. Costs 1 read unit per item. */
    getMany: async (pks: readonly string[]): Promise<readonly Item[]> => {
      const Keys = pks.map((pk) => marshall({ pk }))
      const { Responses, UnprocessedKeys } = await client
        .send(new BatchGetItemCommand({ RequestItems: { [table]: { Keys, ConsistentRead: true } } }))
        .catch(throwUnavailable)
      if (UnprocessedKeys?.[table])
        throw new ServiceUnavailableError({ detail: 'The state table did not read all items.' })
      return (Responses?.[table] ?? []).map((item) => unmarshall(item))
    },

    /** Writes up to 25 whole items and replaces what was there. Not atomic. Costs 1 write unit per item. */
    putMany: async (items: readonly Item[]): Promise<void> => {
      let remaining: WriteRequest[] = items.map((item) => ({ PutRequest: { Item: toAttributes(item) } }))
      for (let attempt = 1; attempt <= PUT_ATTEMPTS; attempt++) {
        if (attempt > 1) await sleep(PUT_PAUSE_MS * 2 ** (attempt - 2) * random())
        const { UnprocessedItems } = await client
          .send(new BatchWriteItemCommand({ RequestItems: { [table]: remaining } }))
          .catch(throwUnavailable)
        remaining = UnprocessedItems?.[table] ?? []
        if (remaining.length === 0) return
      }
      throw new ServiceUnavailableError({ detail: 'The state table did not write all items.' })
    },

    /** Writes attributes of one item under a condition. Costs 1 write unit, applied or not. */
    update: async (update: Update): Promise<UpdateResult> => {
      try {
        const { Attributes } = await client.send(toUpdateCommand(table, update))
        return { applied: true, item: Attributes && unmarshall(Attributes) }
      } catch (error) {
        if (!(error instanceof ConditionalCheckFailedException)) return throwUnavailable(error)
        // DynamoDB returns the item with the error. Local emulators don't.
        return { applied: false, item: error.Item ? unmarshall(error.Item) : await get(update.pk) }
      }
    },
  }
}

const throwUnavailable = (cause: unknown): never => {
  throw new ServiceUnavailableError({ detail: 'DynamoDB failed.', cause })
}

const toAttributes = (item: Item) => marshall(item, { removeUndefinedValues: true })

const toUpdateCommand = (table: string, update: Update): UpdateItemCommand => {
  const { pk, set, setIfAbsent = {}, add = {}, condition = '', values = {} } = update
  const named = (prefix: string, members: Item) =>
    Object.entries(members)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => ({ name, key: `:${prefix}_${name}`, value }))
  const assigned = named('set', set)
  const absent = named('absent', setIfAbsent)
  const added = named('add', add)
  const names = [...assigned, ...absent, ...added].map(({ name }) => name)
  const conditional = [...condition.matchAll(/#(\w+)/g)].map(([, name = '']) => name)
  return new UpdateItemCommand({
    TableName: table,
    Key: marshall({ pk }),
    UpdateExpression: `SET ${[
      ...assigned.map(({ name, key }) => `#${name} = ${key}`),
      ...absent.map(({ name, key }) => `#${name} = if_not_exists(#${name}, ${key})`),
      ...added.map(({ name, key }) => `#${name} = if_not_exists(#${name}, :zero) + ${key}`),
    ].join(', ')}`,
    ...(condition !== '' && { ConditionExpression: condition }),
    ExpressionAttributeNames: Object.fromEntries(
      [...names, ...conditional].map((name) => [`#${name}`, name]),
    ),
    ExpressionAttributeValues: toAttributes({
      ...Object.fromEntries([...assigned, ...absent, ...added].map(({ key, value }) => [key, value])),
      ...(added.length > 0 && { ':zero': 0 }),
      ...Object.fromEntries(Object.entries(values).map(([name, value]) => [`:${name}`, value])),
    }),
    ReturnValues: 'ALL_OLD',
    ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
  })
}
