import type {
  AttributeValue,
  BatchGetItemCommandInput,
  GetItemCommandInput,
  ScanCommandInput,
  UpdateItemCommandInput,
} from '@aws-sdk/client-dynamodb'
import { marshall, unmarshall } from '@aws-sdk/util-dynamodb'
import * as z from 'zod/mini'
import { ServiceUnavailableError } from '../errors/errors.ts'
import { isRecord } from '../request/lenient-json.ts'
import { AwsError, createAwsCall, isRefusal } from './call.ts'
import type { AwsOptions } from './options.ts'

/** How many times one call asks DynamoDB for the same item. */
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

const DYNAMODB = { name: 'dynamodb', target: 'DynamoDB_20120810' } as const

type StoredItem = Record<string, AttributeValue>

const storedItem = z.custom<StoredItem>(isRecord)

const GetItemAnswer = z.object({ Item: z.optional(storedItem) })
const UpdateItemAnswer = z.object({ Attributes: z.optional(storedItem) })
const BatchGetItemAnswer = z.object({
  Responses: z.optional(z.record(z.string(), z.array(storedItem))),
  UnprocessedKeys: z.optional(z.record(z.string(), z.object({ Keys: z.array(storedItem) }))),
})
const ConditionalCheckFailed = z.object({ Item: z.optional(storedItem) })

/** Returns DynamoDB's operations. They throw what {@link createAwsCall} throws. */
const createDynamoDb = (aws: AwsOptions) => {
  const call = createAwsCall(DYNAMODB, aws)
  return {
    getItem: async (input: GetItemCommandInput) => z.parse(GetItemAnswer, await call('GetItem', input)),
    updateItem: async (input: UpdateItemCommandInput) =>
      z.parse(UpdateItemAnswer, await call('UpdateItem', input)),
    batchGetItem: async (input: BatchGetItemCommandInput) =>
      z.parse(BatchGetItemAnswer, await call('BatchGetItem', input)),
  }
}

/**
 * Returns the operations on the state table. Its key is the string `pk`, its time to live is `expiresAt`, in
 * seconds since the epoch.
 *
 * Every function throws {@link ServiceUnavailableError} if DynamoDB fails. Its `detail` names the operation.
 *
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_Operations_Amazon_DynamoDB.html
 */
export const createStateTable = ({ name: table, aws, sleep, random }: StateTableOptions) => {
  const dynamoDb = createDynamoDb(aws)
  const toUpdateInput = createUpdateInput(table)

  /** Reads one item, strongly consistent. Costs 1 read unit. */
  const get = async (pk: string): Promise<Item | undefined> => {
    const input = { TableName: table, Key: marshall({ pk }), ConsistentRead: true }
    const { Item } = await dynamoDb.getItem(input).catch(throwUnavailable('GetItem'))
    return Item && unmarshall(Item)
  }

  const readChunk = async (pks: readonly string[]): Promise<readonly Item[]> => {
    const items: Item[] = []
    let Keys = pks.map((pk) => marshall({ pk }))
    for (let attempt = 1; attempt <= READ_ATTEMPTS; attempt++) {
      if (attempt > 1) await sleep(READ_PAUSE_MS * 2 ** (attempt - 2) * random())
      const input = { RequestItems: { [table]: { Keys, ConsistentRead: true } } }
      const { Responses, UnprocessedKeys } = await dynamoDb
        .batchGetItem(input)
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
      const input = toUpdateInput(update)
      try {
        const { Attributes } = await dynamoDb.updateItem(input)
        return { applied: true, item: Attributes && unmarshall(Attributes) }
      } catch (error) {
        if (!(error instanceof AwsError) || error.name !== 'ConditionalCheckFailedException')
          return throwUnavailable('UpdateItem')(error)
        const { Item } = z.parse(ConditionalCheckFailed, error.members)
        // DynamoDB returns the item with the error. Local emulators don't.
        return { applied: false, item: Item ? unmarshall(Item) : await get(update.pk) }
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
  const call = createAwsCall(DYNAMODB, aws)
  const answer = z.object({
    Items: z.optional(z.array(storedItem)),
    LastEvaluatedKey: z.optional(storedItem),
  })
  const named = <T>(sign: string, members: Readonly<Record<string, T>>) =>
    Object.fromEntries(Object.entries(members).map(([name, value]) => [`${sign}${name}`, value]))
  const found: Item[] = []
  let ExclusiveStartKey: StoredItem | undefined
  do {
    const input: ScanCommandInput = {
      TableName: table,
      ConsistentRead: true,
      FilterExpression: filter.expression,
      ExpressionAttributeNames: named('#', filter.names),
      ExpressionAttributeValues: marshall(named(':', filter.values)),
      ...(ExclusiveStartKey && { ExclusiveStartKey }),
    }
    const page = await call('Scan', input).catch(throwUnavailable('Scan'))
    const { Items = [], LastEvaluatedKey } = z.parse(answer, page)
    found.push(...Items.map((item) => unmarshall(item)))
    ExclusiveStartKey = LastEvaluatedKey
  } while (ExclusiveStartKey)
  return found
}

/**
 * Returns an item from its image in a record of the table's stream.
 *
 * @throws {Error} It is no image.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_StreamRecord.html
 */
export const fromImage = (image: unknown): Item => unmarshall(z.parse(storedItem, image))

const throwUnavailable =
  (operation: string) =>
  (cause: unknown): never => {
    throw new ServiceUnavailableError({
      detail: `DynamoDB ${operation} failed.`,
      cause,
      isRefused: isRefusal(cause),
    })
  }

/** The expressions of an update. They depend only on the names of its attributes. */
type UpdateTexts = Pick<
  UpdateItemCommandInput,
  'UpdateExpression' | 'ConditionExpression' | 'ExpressionAttributeNames'
>

/**
 * Returns a function that turns an update into DynamoDB's input. Updates of the same attributes share their
 * expressions.
 */
const createUpdateInput = (table: string) => {
  const textsByNames = new Map<string, UpdateTexts>()
  return ({ pk, set, setIfAbsent = {}, add = {}, remove = [], condition = '', values = {} }: Update) => {
    const parts = {
      assigned: namesOf(set),
      absent: namesOf(setIfAbsent),
      added: namesOf(add),
      removed: remove,
      condition,
    }
    const key = JSON.stringify(Object.values(parts))
    const texts = textsByNames.get(key) ?? toTexts(parts)
    // The names of some attributes are hashes, so not all expressions can be kept.
    if (textsByNames.size < MAX_TEXTS) textsByNames.set(key, texts)
    const attributeValues = marshall(
      {
        ...prefixed(':set_', set),
        ...prefixed(':absent_', setIfAbsent),
        ...prefixed(':add_', add),
        ...(parts.added.length > 0 && { ':zero': 0 }),
        ...prefixed(':', values),
      },
      { removeUndefinedValues: true },
    )
    return {
      TableName: table,
      Key: marshall({ pk }),
      ...texts,
      // DynamoDB refuses an empty map.
      ...(Object.keys(attributeValues).length > 0 && { ExpressionAttributeValues: attributeValues }),
      ReturnValues: 'ALL_OLD',
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    } satisfies UpdateItemCommandInput
  }
}

const MAX_TEXTS = 100

const namesOf = (members: Item): readonly string[] =>
  Object.keys(members).filter((name) => members[name] !== undefined)

const prefixed = (prefix: string, members: Item): Item =>
  Object.fromEntries(namesOf(members).map((name) => [`${prefix}${name}`, members[name]]))

const toTexts = ({
  assigned,
  absent,
  added,
  removed,
  condition,
}: {
  readonly assigned: readonly string[]
  readonly absent: readonly string[]
  readonly added: readonly string[]
  readonly removed: readonly string[]
  readonly condition: string
}): UpdateTexts => {
  const written = [...assigned, ...absent, ...added]
  const contradiction = written.find((name) => removed.includes(name))
  if (contradiction !== undefined) throw new Error(`An update both writes and removes ${contradiction}`)
  const assignments = [
    ...assigned.map((name) => `#${name} = :set_${name}`),
    ...absent.map((name) => `#${name} = if_not_exists(#${name}, :absent_${name})`),
    ...added.map((name) => `#${name} = if_not_exists(#${name}, :zero) + :add_${name}`),
  ]
  const expression = [
    ...(assignments.length > 0 ? [`SET ${assignments.join(', ')}`] : []),
    ...(removed.length > 0 ? [`REMOVE ${removed.map((name) => `#${name}`).join(', ')}`] : []),
  ].join(' ')
  const conditional = [...condition.matchAll(/#(\w+)/g)].map(([, name = '']) => name)
  const names = [...written, ...removed, ...conditional]
  // DynamoDB refuses empty expressions and empty maps.
  return {
    ...(expression !== '' && { UpdateExpression: expression }),
    ...(condition !== '' && { ConditionExpression: condition }),
    ...(names.length > 0 && {
      ExpressionAttributeNames: Object.fromEntries(names.map((name) => [`#${name}`, name])),
    }),
  }
}
