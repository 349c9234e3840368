import { DynamoDBClient, ScanCommand } from '@aws-sdk/client-dynamodb'
import { unmarshall } from '@aws-sdk/util-dynamodb'
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { StateTable } from '../../../lib/aws/state-table.ts'
import { createLedger, type FinalOutcome, type Lease } from '../../../lib/conversation/ledger.ts'
import { RequestIdReusedError } from '../../../lib/errors/errors.ts'
import type { Door } from '../../../lib/request/conversation-request.ts'
import { accept } from '../../../lib/request/identity.ts'
import { createPatientTable, patient, startAwsEndpoint } from '../../support/aws-endpoint.ts'
import {
  ACCOUNT,
  bodyOf,
  CRM_UPGRADE,
  deliver,
  ORDER_HELP,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../../support/world.ts'

const LEASE_MS = 15_000
const DESTINATION = { ...CRM_UPGRADE, ttr: 'NORMAL' as const, engagementAttributes: [] }
const OPENED: FinalOutcome = { status: 'opened', conversationId: 'conversation-1' }
const CONSUMER = { accountId: ACCOUNT, lpConsumerId: 'a'.repeat(64) }

let world: World
let endpoint: Awaited<ReturnType<typeof startAwsEndpoint>>
let table: StateTable
let serial = 0
/** How many of the next answers of DynamoDB never arrive. */
let loseAnswers = 0

beforeAll(async () => {
  world = await startWorld()
  endpoint = await startAwsEndpoint({
    behind: world.dynamoDb.url,
    answer: () => (loseAnswers-- > 0 ? 'lost' : 'forward'),
  })
  process.env.AWS_ENDPOINT_URL_DYNAMODB = endpoint.url
  table = createPatientTable(world.dynamoDb.stateTable)
})
afterEach(() => world.livePerson.reset())
afterAll(async () => {
  await endpoint.close()
  await world.close()
})

/** A ledger with a clock of its own, and a request that nobody has seen before. */
const arrange = ({ door = 'queue' as Door, requestId = `ledger-test-${++serial}` } = {}) => {
  let time = 1_800_000_000_000 + serial
  const ledger = createLedger({ table, now: () => time })
  const requestOf = (message?: string) =>
    accept(
      { campaign: CRM_UPGRADE, ...(message !== undefined && { message }) },
      { door, requestId, accountId: ACCOUNT, consumerId: 'crm-1' },
    )
  const pk = `request#${ACCOUNT}#${door}#${requestId}`
  const claim = (message?: string) => ledger.claim(requestOf(message), DESTINATION, time + LEASE_MS)
  return {
    ...ledger,
    pk,
    requestId,
    claim,
    now: () => time,
    advance: (ms: number) => {
      time += ms
    },
    /** Claims, and gives the lease; fails where somebody else holds it. */
    take: async (): Promise<Lease> => {
      const claimed = await claim()
      if (claimed.kind !== 'claimed') throw new Error(`It is ${claimed.kind}`)
      return claimed.lease
    },
    item: () => table.get(pk),
  }
}
const put = (reached: boolean, messageInDoubt = false) => ({
  status: 'queued' as const,
  code: 'liveperson_unavailable',
  reached,
  messageInDoubt,
})

describe('a claim', () => {
  test('of a new request is given, and stands in the table', async () => {
    const { claim, item, now, requestId } = arrange()
    expect(await claim()).toMatchObject({
      kind: 'claimed',
      lease: { reached: false, messageInDoubt: false },
    })
    expect(await item()).toMatchObject({
      status: 'opening',
      requestId,
      accountId: ACCOUNT,
      door: 'queue',
      ...CRM_UPGRADE,
      attempts: 1,
      leaseUntil: now() + LEASE_MS,
      expiresAt: Math.floor((now() + 30 * 24 * 3600 * 1000) / 1000),
    })
  })

  test('by twenty at once is given to one', async () => {
    const { claim } = arrange()
    const kinds = (await Promise.all(Array.from({ length: 20 }, () => claim()))).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'claimed')).toHaveLength(1)
    expect(kinds.filter((kind) => kind === 'held')).toHaveLength(19)
  })

  test('is held until the container that has it is surely dead, and the millisecond of it', async () => {
    const { claim, take, advance } = arrange()
    await take()
    advance(LEASE_MS)
    expect((await claim()).kind).toBe('held')
    advance(1)
    expect(await claim()).toMatchObject({
      kind: 'claimed',
      lease: { reached: true, messageInDoubt: true, facts: { attempts: 2 } },
    })
  })

  test.each(['queued', 'failed'] as const)(
    'of a request that was given back as %s is given',
    async (status) => {
      const { claim, take, release } = arrange()
      await release(await take(), { ...put(false), status })
      expect(await claim()).toMatchObject({
        kind: 'claimed',
        lease: { reached: false, messageInDoubt: false },
      })
    },
  )

  test.each<[string, FinalOutcome]>([
    ['opened', { ...OPENED, messageStatus: 'sent' }],
    ['opened, its conversation unknown', { status: 'opened' }],
    ['existing', { status: 'existing', conversationId: 'conversation-0', messageStatus: 'unknown' }],
    ['rejected', { status: 'rejected', code: 'liveperson_rejected' }],
  ])('of a finished request is told what it came to: %s', async (_, outcome) => {
    const { claim, take, complete, advance } = arrange()
    await complete(await take(), outcome, CONSUMER)
    advance(29 * 24 * 3600 * 1000)
    expect(await claim()).toMatchObject({ kind: 'final', outcome })
  })

  test.each<[string, (ledger: ReturnType<typeof arrange>) => Promise<unknown>]>([
    ['held', async ({ take }) => take()],
    ['abandoned', async ({ take, advance }) => [await take(), advance(LEASE_MS + 1)]],
    ['queued', async ({ take, release }) => release(await take(), put(false))],
    ['finished', async ({ take, complete }) => complete(await take(), OPENED, CONSUMER)],
  ])('with other content is refused where the request is %s, and changes nothing', async (_, before) => {
    const ledger = arrange()
    await before(ledger)
    const item = await ledger.item()
    await expect(ledger.claim('Another wish')).rejects.toBeInstanceOf(RequestIdReusedError)
    expect(await ledger.item()).toEqual(item)
  })

  test('of one door is nothing to the other', async () => {
    const requestId = `both-doors-${++serial}`
    const [form, queue] = [arrange({ door: 'form', requestId }), arrange({ door: 'queue', requestId })]
    await form.complete(await form.take(), OPENED, CONSUMER)
    expect((await queue.claim()).kind).toBe('claimed')
  })
})

describe('a write whose answer was lost, and that the SDK repeats', () => {
  test('a first claim is given once, with nothing in doubt', async () => {
    const { claim, item } = arrange()
    endpoint.take()
    loseAnswers = 1
    const claimed = await claim()
    expect(endpoint.take()).toEqual(['UpdateItem', 'UpdateItem', 'GetItem'])
    expect(claimed).toMatchObject({
      kind: 'claimed',
      lease: { reached: false, messageInDoubt: false, facts: { attempts: 1 } },
    })
    expect(await item()).toMatchObject({
      attempts: 1,
      leaseId: claimed.kind === 'claimed' && claimed.lease.leaseId,
    })
  })

  test('a later claim is given, and what was before is taken for the worst', async () => {
    const { claim, take, advance } = arrange()
    await take()
    advance(LEASE_MS + 1)
    loseAnswers = 1
    expect(await claim()).toMatchObject({ kind: 'claimed', lease: { reached: true, messageInDoubt: true } })
  })

  test.each<[string, FinalOutcome]>([
    ['opened', OPENED],
    ['opened, its conversation unknown', { status: 'opened' }],
    ['rejected', { status: 'rejected', code: 'liveperson_rejected' }],
  ])('an end stands as it was written: %s', async (_, outcome) => {
    const { claim, take, complete } = arrange()
    const lease = await take()
    loseAnswers = 1
    expect(await complete(lease, outcome, CONSUMER)).toMatchObject(outcome)
    expect(await claim()).toMatchObject({ kind: 'final', outcome })
  })

  test('a release stands as it was written', async () => {
    const { take, release, item } = arrange()
    const lease = await take()
    loseAnswers = 1
    await release(lease, put(true, true))
    expect(await item()).toMatchObject({ status: 'queued', reached: true, messageInDoubt: true })
  })
})

describe('complete', () => {
  test('writes the request’s item and the consumer’s', async () => {
    const { take, complete, item, pk, now, findConversation, advance } = arrange()
    const lease = await take()
    advance(700)
    const outcome = { ...OPENED, messageStatus: 'sent' as const }
    const consumer = { ...CONSUMER, lpConsumerId: `${serial}`.padStart(64, 'b') }
    endpoint.take()
    expect(await complete(lease, outcome, consumer)).toEqual(outcome)
    expect(endpoint.take()).toEqual(['BatchWriteItem'])
    expect(await item()).toMatchObject({
      ...outcome,
      ...CRM_UPGRADE,
      lpConsumerId: consumer.lpConsumerId,
      attempts: 1,
      createdAt: now() - 700,
      updatedAt: now(),
    })
    expect(await item()).not.toHaveProperty('leaseId')
    expect(await findConversation(ACCOUNT, consumer.lpConsumerId)).toEqual({
      conversationId: 'conversation-1',
      state: 'OPEN',
      openedBy: pk,
    })
  })

  test('without an id never takes away the one that another attempt wrote', async () => {
    const { take, complete, advance, item } = arrange()
    const first = await take()
    advance(LEASE_MS + 1)
    const second = await take()
    await complete(first, OPENED, CONSUMER)
    const before = await item()
    expect(await complete(second, { status: 'opened' }, CONSUMER)).toEqual(OPENED)
    expect(await item()).toEqual(before)
  })

  test('writes an id down that was not known when the request was finished', async () => {
    const { take, claim, complete, advance } = arrange()
    await complete(await take(), { status: 'opened' }, CONSUMER)
    advance(1000)
    const again = await claim()
    if (again.kind !== 'final') throw new Error(`It is ${again.kind}`)
    await complete(again.lease, OPENED, CONSUMER)
    expect(await claim()).toMatchObject({ kind: 'final', outcome: OPENED })
  })

  test('a rejection by a former holder doesn’t touch what the next one does', async () => {
    const { take, complete, advance, item } = arrange()
    const first = await take()
    advance(LEASE_MS + 1)
    await take()
    const before = await item()
    await complete(first, { status: 'rejected', code: 'liveperson_rejected' })
    expect(await item()).toEqual(before)
  })
})

describe('release', () => {
  test('by a former holder changes nothing', async () => {
    const { take, release, advance, item, claim } = arrange()
    const first = await take()
    advance(LEASE_MS + 1)
    await take()
    const before = await item()
    await release(first, put(true))
    expect(await item()).toEqual(before)
    expect((await claim()).kind).toBe('held')
  })

  test('after the end changes nothing', async () => {
    const { take, release, complete, item } = arrange()
    const lease = await take()
    await complete(lease, OPENED, CONSUMER)
    const before = await item()
    await release(lease, put(true))
    expect(await item()).toEqual(before)
  })

  test('that LivePerson may have been reached is known to all later attempts', async () => {
    const { take, release } = arrange()
    await release(await take(), put(true))
    const second = await take()
    await release(second, put(false))
    const third = await take()
    expect([second, third]).toMatchObject([
      { reached: true, messageInDoubt: false },
      { reached: true, messageInDoubt: false },
    ])
  })

  test('that this attempt may have sent a message is known to all later attempts', async () => {
    const { take, release } = arrange()
    await release(await take(), put(true, true))
    await release(await take(), put(false, false))
    expect(await take()).toMatchObject({ reached: true, messageInDoubt: true })
  })

  test('that an abandoned attempt may have sent a message is known to all later ones', async () => {
    const { take, release, advance } = arrange()
    await take()
    advance(LEASE_MS + 1)
    await release(await take(), put(false))
    const third = await take()
    await release(third, put(false))
    expect([third, await take()]).toMatchObject([
      { reached: true, messageInDoubt: true },
      { reached: true, messageInDoubt: true },
    ])
  })
})

describe('a consumer’s conversation', () => {
  test('that nobody has opened is unknown', async () => {
    expect(await arrange().findConversation(ACCOUNT, 'nobody')).toBeUndefined()
  })

  test('is forgotten where it is the one that is meant, and only then', async () => {
    const { take, complete, findConversation, forgetConversation } = arrange()
    const consumer = { ...CONSUMER, lpConsumerId: `${serial}`.padStart(64, 'c') }
    await complete(await take(), OPENED, consumer)
    await forgetConversation(ACCOUNT, consumer.lpConsumerId, 'another-one')
    expect(await findConversation(ACCOUNT, consumer.lpConsumerId)).toMatchObject({ state: 'OPEN' })
    await forgetConversation(ACCOUNT, consumer.lpConsumerId, 'conversation-1')
    expect(await findConversation(ACCOUNT, consumer.lpConsumerId)).toMatchObject({ state: 'CLOSE' })
    await forgetConversation(ACCOUNT, 'nobody', 'conversation-1')
    expect(await findConversation(ACCOUNT, 'nobody')).toBeUndefined()
  })
})

test('find gives the request of an id at one door, over some accounts', async () => {
  const { take, complete, find, requestId } = arrange({ door: 'form' })
  await complete(await take(), OPENED, CONSUMER)
  expect(await find([ACCOUNT, 'other'], 'form', requestId)).toMatchObject([{ requestId, ...OPENED }])
  expect(await find([ACCOUNT, 'other'], 'queue', requestId)).toEqual([])
})

describe('what an open costs of DynamoDB', () => {
  const body = (members: object = {}) => ({
    requestId: `cost-${++serial}-test`,
    campaign: ORDER_HELP,
    ...members,
  })

  test.each([
    ['a form submit', {}],
    ['a form submit with a message', { message: 'Hello' }],
  ])('%s: one claim, one write of two items, no read', async (_, members) => {
    const service = world.createService({ aws: patient })
    await submit(service, body())
    endpoint.take()
    expect((await submit(service, body(members))).statusCode).toBe(201)
    expect(endpoint.take()).toEqual(['UpdateItem', 'BatchWriteItem'])
  })

  test('a CRM event: the same', async () => {
    const service = world.createService({ aws: patient })
    await deliver(service, [toRecord(body({ consumer: { id: `cost-${++serial}` } }))])
    endpoint.take()
    await deliver(service, [toRecord(body({ consumer: { id: `cost-${++serial}` } }))])
    expect(endpoint.take()).toEqual(['UpdateItem', 'BatchWriteItem'])
  })
})

test('no item holds anything personal, whatever a request comes to', async () => {
  const mark = 'Zaphod'
  const consumer = {
    firstName: `${mark}1`,
    lastName: `${mark}2`,
    email: `${mark}3@example.org`,
    phone: `${mark}4`,
    avatarUrl: `https://example.org/${mark}5`,
    description: `${mark}6`,
  }
  const personal = {
    type: 'personal',
    personal: { firstname: `${mark}7`, contacts: [{ email: `${mark}8` }] },
  }
  const info = {
    type: 'ctmrinfo',
    info: { ctype: `${mark}9`, customerId: `${mark}10`, socialId: `${mark}11` },
  }
  const request = (members: object = {}) => ({
    requestId: `personal-${++serial}`,
    campaign: ORDER_HELP,
    consumer,
    engagementAttributes: [personal],
    context: {
      visitorId: `${mark}12`,
      sessionId: `${mark}13`,
      interactionContextId: `${mark}14`,
      lang: 'en-GB',
    },
    message: `${mark}15`,
    ...members,
  })
  const event = (members: object = {}) =>
    toRecord(
      request({
        consumer: { ...consumer, id: `${mark}${++serial}` },
        engagementAttributes: [personal, info],
        ...members,
      }),
    )
  const service = world.createService()
  const unknown = { campaign: { campaignId: '9', engagementId: '9' } }
  expect((await submit(service, request())).statusCode).toBe(201)
  expect((await submit(service, request(unknown))).statusCode).toBe(422)
  const again = { consumer: { ...consumer, id: `${mark}-again` } }
  expect(await deliver(service, [event(), event(unknown), event(again), event(again)])).toEqual({
    batchItemFailures: [],
  })
  world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 9 })
  expect(bodyOf(await submit(service, request())).status).toBe('queued')
  await deliver(service, [event()])

  const client = new DynamoDBClient({})
  const { Items = [] } = await client.send(new ScanCommand({ TableName: world.dynamoDb.stateTable }))
  client.destroy()
  const items = Items.map((item) => unmarshall(item))
  expect(items.length).toBeGreaterThan(8)
  expect(items.filter((item) => JSON.stringify(item).includes(mark))).toEqual([])
})

describe('whoever claims, completes and gives back, and whenever', () => {
  type Step =
    | { readonly kind: 'claim' | 'release' | 'opened' | 'lost' | 'rejected'; readonly holder: number }
    | { readonly kind: 'wait'; readonly ms: number }
  const holder = fc.nat({ max: 3 })
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('claim' as const), holder }) },
    {
      weight: 3,
      arbitrary: fc.record({
        kind: fc.constantFrom('release', 'opened', 'lost', 'rejected'),
        holder,
      }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('wait' as const), ms: fc.constantFrom(1, 9000, 16_000) }),
    },
  )

  test('there are never two holders, and a conversationId that is final stays', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 25 }), async (steps) => {
        const { claim, release, complete, advance, item, now } = arrange()
        const leases = new Map<number, { lease: Lease; until: number; isOver: boolean }>()
        let known: unknown
        for (const next of steps) {
          if (next.kind === 'wait') {
            advance(next.ms)
            continue
          }
          if (next.kind === 'claim') {
            const holding = [...leases.values()].filter(({ until, isOver }) => !isOver && until >= now())
            const answer = await claim()
            if (answer.kind !== 'claimed') continue
            expect(holding).toEqual([])
            expect(known).toBeUndefined()
            leases.set(next.holder, { lease: answer.lease, until: now() + LEASE_MS, isOver: false })
            continue
          }
          const held = leases.get(next.holder)
          if (!held || held.isOver) continue
          held.isOver = true
          const { lease } = held
          if (next.kind === 'release') await release(lease, put(false))
          else if (next.kind === 'opened') await complete(lease, OPENED, CONSUMER)
          else if (next.kind === 'lost') await complete(lease, { status: 'opened' }, CONSUMER)
          else await complete(lease, { status: 'rejected', code: 'liveperson_rejected' })
          const { status, conversationId } = (await item()) ?? {}
          if (known !== undefined)
            expect({ status, conversationId }).toEqual({ status: 'opened', conversationId: known })
          known = conversationId
        }
      }),
      { numRuns: 60 },
    )
  })
})
