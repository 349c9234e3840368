import { isDeepStrictEqual } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Item, StateTable, Update } from '../../lib/aws/state-table.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import { type LocalDynamoDb, startDynamoDb } from '../../local/aws/dynamodb.ts'
import { createPatientTable } from '../support/aws-endpoint.ts'
import { createRandom, type Random } from './random.ts'
import { createMemoryTable } from './state-table.ts'

/**
 * The number of random operations. `COMPARED_OPERATIONS=10000 COMPARED_SEED=7 npx vitest run compared` runs
 * more of them, or others.
 */
const OPERATIONS = Number(process.env.COMPARED_OPERATIONS ?? 3000)
const SEED = process.env.COMPARED_SEED ?? '1'
/** Sequences of operations that run at the same time. Each has items of its own. */
const LANES = 24

/** What no operation here compares, and why. */
const NOT_COMPARED: Readonly<Record<string, string>> = {
  'the order of getMany': 'DynamoDB promises none',
  'items of more than 400 kB': 'the table in memory has no limit',
  'numbers nearer to 0 than 1e-130': 'DynamoDB refuses them, the table in memory stores them',
  'deleting expired items': 'dynalite has no TTL',
  'throttling, unprocessed items': 'faults of the simulated world, not of the table',
  'texts with lone surrogates': 'the service refuses them before it stores anything',
}

type Operation =
  | { readonly kind: 'get'; readonly pk: string }
  | { readonly kind: 'getMany'; readonly pks: readonly string[] }
  | { readonly kind: 'update'; readonly update: Update }

/** What an operation returned, or the kind of error that it threw. */
type Outcome = { readonly returned: unknown } | { readonly refused: 'unavailable' | 'error' }

const UNAVAILABLE: Outcome = { refused: 'unavailable' }
const ERROR: Outcome = { refused: 'error' }

const run = async (table: StateTable, operation: Operation): Promise<Outcome> => {
  try {
    return { returned: await call(table, operation) }
  } catch (error) {
    return error instanceof ServiceUnavailableError ? UNAVAILABLE : ERROR
  }
}

const call = async (table: StateTable, operation: Operation): Promise<unknown> => {
  switch (operation.kind) {
    case 'get':
      return table.get(operation.pk)
    case 'getMany':
      return (await table.getMany(operation.pks)).toSorted((a, b) => (String(a.pk) < String(b.pk) ? -1 : 1))
    case 'update':
      return table.update(operation.update)
  }
}

/** Real DynamoDB and the real module also refuse what the table in memory throws a plain error for. */
const isSame = (real: Outcome, memory: Outcome): boolean =>
  isDeepStrictEqual(real, memory) || ('refused' in real && isDeepStrictEqual(memory, ERROR))

describe('compared with dynalite', () => {
  let dynamoDb: LocalDynamoDb
  let real: StateTable

  beforeAll(async () => {
    dynamoDb = await startDynamoDb()
    Object.assign(process.env, {
      AWS_REGION: 'eu-west-1',
      AWS_ACCESS_KEY_ID: 'local',
      AWS_SECRET_ACCESS_KEY: 'local',
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.url,
    })
    real = createPatientTable(dynamoDb.stateTable)
  })
  afterAll(() => dynamoDb.close())

  test(
    `${OPERATIONS} random operations have the same outcome`,
    async () => {
      const memory = createMemoryTable()
      const differences: unknown[] = []
      const counts = new Map<string, number>()
      const runLane = async (lane: number) => {
        const random = createRandom(`${SEED} ${lane}`)
        const keys: readonly [string, ...string[]] = [`${lane}#a`, `${lane}#b`, `${lane}#c`]
        for (let index = lane; index < OPERATIONS; index += LANES) {
          const operation = anyOperation(random, keys)
          const outcome = await run(memory, operation)
          const expected = await run(real, operation)
          const result = 'refused' in expected ? 'refused' : describeReturned(expected.returned)
          const name = `${operation.kind} ${result}`
          counts.set(name, (counts.get(name) ?? 0) + 1)
          if (isSame(expected, outcome)) continue
          differences.push({ operation, dynalite: expected, memory: outcome })
          return
        }
        for (const pk of keys) {
          const [stored, expected] = [await memory.get(pk), await real.get(pk)]
          if (!isDeepStrictEqual(stored, expected))
            differences.push({ pk, dynalite: expected, memory: stored })
        }
      }
      await Promise.all(Array.from({ length: LANES }, (_, lane) => runLane(lane)))
      console.log(
        `${OPERATIONS} operations compared with dynalite, ${differences.length} differences:`,
        counts,
      )
      console.log('Not compared:', NOT_COMPARED)
      expect(differences.slice(0, 3)).toEqual([])
      expect([...counts.values()].reduce((sum, count) => sum + count, 0)).toBe(OPERATIONS)
    },
    60_000 + OPERATIONS * 10,
  )

  describe('differs on purpose, and is not compared at random', () => {
    const a = (value: unknown): Item => ({ a: value })
    const ifMet = (condition: string, values: Item = {}): Partial<Update> => ({ condition, values })

    test.each<{
      readonly what: string
      readonly reason: string
      readonly before?: Item
      readonly update: Partial<Update>
      readonly dynalite: boolean | Outcome
      readonly memory: boolean | Outcome
    }>([
      {
        what: 'lists and maps are compared by content',
        reason: 'dynalite compares them by reference; DynamoDB documents "=" for all types',
        before: a({ b: [1] }),
        update: ifMet('#a = :v', { v: { b: [1] } }),
        dynalite: false,
        memory: true,
      },
      {
        what: 'IN finds false',
        reason: 'dynalite takes a falsy attribute for a missing one',
        before: a(false),
        update: ifMet('#a IN (:v)', { v: false }),
        dynalite: false,
        memory: true,
      },
      {
        what: 'IN finds an empty text',
        reason: 'dynalite takes a falsy attribute for a missing one',
        before: a(''),
        update: ifMet('#a IN (:v)', { v: '' }),
        dynalite: false,
        memory: true,
      },
      {
        what: 'two missing attributes are not equal',
        reason: 'dynalite compares two nulls; in DynamoDB a missing attribute equals nothing',
        update: ifMet('#a = #b'),
        dynalite: true,
        memory: false,
      },
      {
        what: 'two missing attributes are different',
        reason: 'the same',
        update: ifMet('#a <> #b'),
        dynalite: false,
        memory: true,
      },
      {
        what: 'texts are ordered by their UTF-8 bytes',
        reason: 'dynalite orders UTF-16 code units',
        before: a('\uffee'),
        update: ifMet('#a < :v', { v: '🦊' }),
        dynalite: false,
        memory: true,
      },
      {
        what: 'only numbers and texts are ordered',
        reason: 'dynalite orders every type; DynamoDB refuses the operand type',
        before: a(true),
        update: ifMet('#a <= :v', { v: true }),
        dynalite: true,
        memory: UNAVAILABLE,
      },
      {
        what: 'a wrong condition is an error of its own',
        reason: 'a typo must not look like an outage of DynamoDB',
        update: ifMet('#a = :v AND', { v: 1 }),
        dynalite: UNAVAILABLE,
        memory: ERROR,
      },
      {
        what: 'BETWEEN, other functions and bare names are not supported',
        reason: 'the service uses none',
        before: a('xy'),
        update: ifMet('#a BETWEEN :v AND :w', { v: 'x', w: 'y' }),
        dynalite: true,
        memory: ERROR,
      },
      {
        what: 'sets, bytes and big integers are not supported',
        reason: 'the service stores none',
        update: { set: { a: new Set(['x']) } },
        dynalite: true,
        memory: ERROR,
      },
      {
        what: 'fractions are not added',
        reason: 'DynamoDB adds in decimal; the service counts whole numbers',
        before: { n: 0.1 },
        update: { set: {}, add: { n: 1 } },
        dynalite: true,
        memory: ERROR,
      },
    ])('$what: $reason', async ({ what, before, update, dynalite, memory }) => {
      const pk = `on purpose#${what}`
      const outcomeOf = async (table: StateTable) => {
        if (before) await table.update({ pk, set: before })
        const outcome = await run(table, { kind: 'update', update: { pk, set: { z: 1 }, ...update } })
        return 'returned' in outcome ? (await table.get(pk))?.z === 1 || update.set !== undefined : outcome
      }
      expect(await outcomeOf(real)).toEqual(dynalite)
      expect(await outcomeOf(createMemoryTable())).toEqual(memory)
    })
  })
})

const describeReturned = (returned: unknown): string => {
  if (typeof returned !== 'object' || returned === null) return 'returned'
  return 'applied' in returned ? (returned.applied ? 'applied' : 'not applied') : 'returned'
}

const NAMES: readonly [string, ...string[]] = ['a', 'b', 'status', 'n', 'm']
/** Of these, the ones that are added to. They are whole numbers or texts. */
const COUNTERS: readonly string[] = ['n', 'm']
const TEXTS: readonly [string, ...string[]] = ['', 'a', 'b', 'B', 'ab', 'é', '🦊', 'queued', '10', '9']
const NUMBERS: readonly [number, ...number[]] = [0, -0, 1, 2, -1, 10, 9, 1.5, 1e-7, 1_700_000_000_123]

const anyScalar = (random: Random): unknown => {
  const drawn = random.next()
  if (drawn < 0.45) return random.pick(TEXTS)
  if (drawn < 0.85) return random.pick(NUMBERS)
  return random.pick([true, false, null])
}

const anyValue = (random: Random, depth = 2): unknown => {
  if (depth === 0 || random.chance(0.75)) return anyScalar(random)
  const members = Array.from({ length: random.below(3) }, () =>
    random.chance(0.2) ? undefined : anyValue(random, depth - 1),
  )
  return random.chance(0.5)
    ? members
    : Object.fromEntries(members.map((value, index) => [`m${index}`, value]))
}

const anyMember = (random: Random, name: string): unknown => {
  if (!COUNTERS.includes(name)) return anyValue(random)
  return random.chance(0.9) ? random.between(-5, 20) : random.pick(TEXTS)
}

const anyAttributes = (random: Random, most: number): Item =>
  Object.fromEntries(
    Array.from({ length: random.below(most + 1) }, () => {
      const name = random.pick(NAMES)
      return [name, random.chance(0.1) ? undefined : anyMember(random, name)]
    }),
  )

/** Returns a condition, and its values, from what dynalite and DynamoDB agree on. */
const anyCondition = (random: Random): { readonly condition: string; readonly values: Item } => {
  const values: Record<string, unknown> = {}
  const toName = (value: unknown): string => {
    const name = `v${Object.keys(values).length}`
    values[name] = value
    return `:${name}`
  }
  const attribute = () => (random.chance(0.1) ? '#pk' : `#${random.pick(NAMES)}`)
  const ordered = () => (random.chance(0.5) ? random.pick(TEXTS) : random.pick(NUMBERS))
  const listed = () => anyScalar(random) || 'x'
  const comparison = (): string => {
    const drawn = random.next()
    if (drawn < 0.2) return `attribute_exists(${attribute()})`
    if (drawn < 0.4) return `attribute_not_exists(${attribute()})`
    if (drawn < 0.45) return `begins_with(${attribute()}, ${toName(random.pick(TEXTS))})`
    if (drawn < 0.5) return `contains(${attribute()}, ${toName(random.pick(TEXTS))})`
    if (drawn < 0.65) return `${attribute()} ${random.pick(['=', '<>'])} ${toName(anyScalar(random))}`
    if (drawn < 0.85) {
      const operator = random.pick(['<', '<=', '>', '>='])
      const sides = [attribute(), toName(ordered())]
      return (random.chance(0.9) ? sides : sides.toReversed()).join(
        random.chance(0.8) ? ` ${operator} ` : operator,
      )
    }
    const options = Array.from({ length: 1 + random.below(3) }, () => toName(listed()))
    return `${attribute()} ${random.pick(['IN', 'in'])} (${options.join(', ')})`
  }
  const expression = (depth: number): string => {
    if (depth === 0 || random.chance(0.4)) return comparison()
    const drawn = random.next()
    if (drawn < 0.2) return `NOT ${random.chance(0.5) ? comparison() : `(${joined(depth)})`}`
    return random.chance(0.3) ? `${comparison()} AND (${joined(depth)})` : joined(depth)
  }
  const joined = (depth: number): string =>
    `${expression(depth - 1)} ${random.pick(['AND', 'OR', 'and', 'or'])} ${expression(depth - 1)}`
  return { condition: expression(3), values }
}

const anyUpdate = (random: Random, pk: string): Update => {
  const set = anyAttributes(random, 3)
  const isCounted = random.chance(0.5)
  const isAdded = (name: string) => isCounted && COUNTERS.includes(name)
  const free = NAMES.filter((name) => set[name] === undefined)
  const removed = random.chance(0.4) ? free.filter(() => random.chance(0.3)) : []
  const others = free.filter((name) => !removed.includes(name) && random.chance(0.5))
  const [added, absent] = [others.filter((name) => isAdded(name)), others.filter((name) => !isAdded(name))]
  const update: Update = {
    pk,
    set: Object.keys(set).length > 0 || random.chance(0.1) ? set : { a: anyValue(random) },
    ...(random.chance(0.5) && {
      setIfAbsent: Object.fromEntries(absent.map((name) => [name, anyMember(random, name)])),
    }),
    ...(random.chance(0.5) && { remove: random.chance(0.2) ? [...removed, 'none'] : removed }),
    ...(random.chance(0.5) && {
      add: Object.fromEntries(added.map((name) => [name, random.between(-2, 3)])),
    }),
  }
  return random.chance(0.7) ? { ...update, ...anyCondition(random) } : update
}

/** Returns an update that DynamoDB refuses. */
const wrongUpdate = (random: Random, pk: string): Update => {
  const update: Update = { pk, set: { a: 1 } }
  return random.pick<Update>([
    { ...update, remove: ['a'] },
    { ...update, remove: ['b', 'b'] },
    { ...update, remove: ['pk'] },
    { ...update, set: {}, setIfAbsent: { b: 1 }, remove: ['b'] },
    { ...update, condition: 'begins_with(#a, :v)', values: { v: 1 } },
    { ...update, condition: 'begins_with(#a)' },
    { ...update, condition: 'begins_with(#a, #a)' },
    { ...update, pk: '' },
    { ...update, pk: 'x'.repeat(2049) },
    { ...update, set: { pk: 'x' } },
    { ...update, setIfAbsent: { a: 2 } },
    { ...update, add: { a: 2 } },
    { ...update, set: { 'a-b': 1 } },
    { ...update, set: { a: Number.NaN } },
    { ...update, set: { a: 2 ** 60 } },
    { ...update, values: { unused: 1 } },
    { ...update, condition: '#a = :v', values: {} },
    { ...update, condition: '#a = :v', values: { v: undefined } },
    { ...update, condition: '((#a = :v))', values: { v: 1 } },
    { ...update, condition: '#a = :v OR ((#b = :v AND #a = :v))', values: { v: 1 } },
    { ...update, condition: '#a = #a' },
    { ...update, condition: 'attribute_exists(:v)', values: { v: 1 } },
    { ...update, condition: 'Attribute_Exists(#a)' },
    { ...update, condition: '#a == :v', values: { v: 1 } },
    { ...update, condition: '#a IN ()' },
    { ...update, condition: '(#a = :v', values: { v: 1 } },
    { ...update, condition: '#a = :v)', values: { v: 1 } },
    { ...update, condition: 'NOT', values: {} },
  ])
}

const anyOperation = (random: Random, keys: readonly [string, ...string[]]): Operation => {
  const drawn = random.next()
  const pk = random.pick(keys)
  if (drawn < 0.6) return { kind: 'update', update: anyUpdate(random, pk) }
  if (drawn < 0.65) return { kind: 'update', update: wrongUpdate(random, pk) }
  if (drawn < 0.8) return { kind: 'get', pk: random.chance(0.05) ? '' : pk }
  const pks = keys.filter(() => random.chance(0.6))
  if (random.chance(0.05)) pks.push(...keys)
  if (random.chance(0.05)) pks.push(...Array.from({ length: 101 }, (_, index) => `none#${index}`))
  return { kind: 'getMany', pks }
}
