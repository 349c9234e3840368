import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { StateTable } from '../../../lib/aws/state-table.ts'
import { createLedger, type Lease, type RequestItem, toFacts } from '../../../lib/conversation/ledger.ts'
import { begin, type Facts, learn, merge, NOTHING, outcomeOf } from '../../../lib/conversation/protocol.ts'
import { RequestIdReusedError } from '../../../lib/errors/errors.ts'
import type { Door } from '../../../lib/request/conversation-request.ts'
import { accept } from '../../../lib/request/identity.ts'
import { type LocalDynamoDb, startDynamoDb } from '../../../local/aws/dynamodb.ts'
import { createPatientTable, startAwsEndpoint } from '../../support/aws-endpoint.ts'

const LEASE_MS = 15_000
const DAY_MS = 24 * 3600 * 1000
const ACCOUNT = '70123456'
const CAMPAIGN = { campaignId: '3120045610', engagementId: '3120047711' }
const LP_CONSUMER = 'a'.repeat(64)

const facts = (conversation: Facts['conversation'], more: Partial<Facts> = {}): Facts => ({
  ...NOTHING,
  conversation,
  lpConsumerId: LP_CONSUMER,
  ...more,
})
const OPENED = facts({ kind: 'opened', conversationId: 'conversation-1' })
const OPENED_SOMEWHERE = facts({ kind: 'opened' })
const REFUSED = facts({ kind: 'refused', code: 'liveperson_rejected' })
const IN_DOUBT = { kind: 'in_doubt' } as const

let dynamoDb: LocalDynamoDb
let endpoint: Awaited<ReturnType<typeof startAwsEndpoint>>
let table: StateTable
let serial = 0
/** How many of DynamoDB's next answers are lost. */
let loseAnswers = 0

beforeAll(async () => {
  dynamoDb = await startDynamoDb()
  endpoint = await startAwsEndpoint({
    behind: dynamoDb.url,
    answer: () => (loseAnswers-- > 0 ? 'lost' : 'forward'),
  })
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: endpoint.url,
  })
  table = createPatientTable(dynamoDb.stateTable)
})
afterAll(async () => {
  await endpoint.close()
  await dynamoDb.close()
})

/** A ledger with its own clock, and a request that it has never seen. */
const arrange = ({ door = 'queue' as Door, requestId = `ledger-test-${++serial}` } = {}) => {
  let time = 1_800_000_000_000 + serial
  const ledger = createLedger({ table, now: () => time, uuid: () => `lease-${++serial}` })
  const requestOf = (message?: string) =>
    accept(
      { campaign: CAMPAIGN, ...(message !== undefined && { message }) },
      { door, requestId, accountId: ACCOUNT, consumerId: 'crm-1' },
    )
  const pk = `request#${ACCOUNT}#${door}#${requestId}`
  const destination = { ...CAMPAIGN, ttr: 'NORMAL' as const, routeAttributes: [] }
  const claim = (message?: string) => ledger.claim(requestOf(message), destination, time + LEASE_MS)

  /** Claims the request. Returns the lease and what its attempt knows. Throws if it is held or final. */
  const take = async (message?: string): Promise<{ readonly lease: Lease; readonly known: Facts }> => {
    const claimed = await claim(message)
    if (claimed.kind !== 'claimed') throw new Error(`The claim is ${claimed.kind}`)
    const { lease, before } = claimed
    return { lease, known: learn(begin(), { kind: 'claimed', before }).facts }
  }
  return {
    ...ledger,
    pk,
    requestId,
    request: requestOf(),
    claim,
    take,
    now: () => time,
    advance: (ms: number) => {
      time += ms
    },
    item: () => table.get(pk),
  }
}

/** What an attempt releases: what it knew, what it saw, and its claim. */
const released = (
  { lease, known = NOTHING }: { readonly lease: Lease; readonly known?: Facts },
  seen: Partial<Facts> = {},
  state: 'queued' | 'failed' = 'queued',
): Facts => ({
  ...merge(known, { ...NOTHING, ...seen }),
  claim: { attempt: lease.attempt, state, code: 'liveperson_unavailable' },
})

describe('a claim', () => {
  test('of a new request succeeds and is in the table', async () => {
    const { claim, item, now, requestId } = arrange()
    expect(await claim()).toMatchObject({ kind: 'claimed', before: NOTHING, lease: { attempt: 1 } })
    expect(await item()).toMatchObject({
      status: 'opening',
      requestId,
      accountId: ACCOUNT,
      door: 'queue',
      ...CAMPAIGN,
      attempts: 1,
      leaseUntil: now() + LEASE_MS,
      expiresAt: Math.floor((now() + 30 * DAY_MS) / 1000),
    })
  })

  test('succeeds for one of twenty concurrent attempts', async () => {
    const { claim } = arrange()
    const kinds = (await Promise.all(Array.from({ length: 20 }, () => claim()))).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'claimed')).toHaveLength(1)
    expect(kinds.filter((kind) => kind === 'held')).toHaveLength(19)
  })

  test('is held until its container is certain to have stopped', async () => {
    const { claim, take, advance } = arrange()
    await take()
    advance(LEASE_MS)
    expect((await claim()).kind).toBe('held')
    advance(1)
    expect(await claim()).toMatchObject({
      kind: 'claimed',
      before: { claim: { attempt: 1, state: 'held' } },
      lease: { attempt: 2 },
    })
  })

  test('after an abandoned attempt leaves conversation and message in doubt', async () => {
    const { take, advance } = arrange()
    expect((await take()).known).toMatchObject({ conversation: { kind: 'none' }, message: 'unsent' })
    advance(LEASE_MS + 1)
    expect((await take()).known).toMatchObject({ conversation: IN_DOUBT, message: 'in_doubt' })
  })

  test.each(['queued', 'failed'] as const)('of a request that was released as %s succeeds', async (state) => {
    const { claim, take, release } = arrange()
    const first = await take()
    await release(first.lease, released(first, {}, state))
    const claimed = await claim()
    expect(claimed).toMatchObject({
      kind: 'claimed',
      before: {
        claim: { attempt: 1, state, code: 'liveperson_unavailable' },
        conversation: { kind: 'none' },
        message: 'unsent',
      },
    })
  })

  test.each<[string, Facts]>([
    ['opened', { ...OPENED, message: 'sent' }],
    ['opened, with an unknown conversation', { ...OPENED_SOMEWHERE, message: 'not_sent' }],
    ['existing', facts({ kind: 'existing', conversationId: 'conversation-0' }, { message: 'in_doubt' })],
    ['refused', REFUSED],
    ['held for a person', facts({ kind: 'held' })],
  ])('of a finished request returns its outcome: %s', async (_, final) => {
    const { claim, take, complete, advance } = arrange()
    const message = final.message === 'unsent' ? undefined : 'Hello'
    await complete((await take(message)).lease, final)
    advance(29 * DAY_MS)
    const { conversation, message: sent, lpConsumerId } = final
    expect(await claim(message)).toMatchObject({
      kind: 'final',
      facts: { conversation, message: sent, lpConsumerId },
    })
  })

  test.each<[string, (ledger: ReturnType<typeof arrange>) => Promise<unknown>]>([
    ['held', async ({ take }) => take()],
    ['abandoned', async ({ take, advance }) => [await take(), advance(LEASE_MS + 1)]],
    [
      'queued',
      async ({ take, release }) => {
        const first = await take()
        await release(first.lease, released(first))
      },
    ],
    ['finished', async ({ take, complete }) => complete((await take()).lease, OPENED)],
  ])('with different content is refused if the request is %s, and changes nothing', async (_, before) => {
    const ledger = arrange()
    await before(ledger)
    const item = await ledger.item()
    await expect(ledger.claim('Another message')).rejects.toBeInstanceOf(RequestIdReusedError)
    expect(await ledger.item()).toEqual(item)
  })

  test('at one door is independent of the other door', async () => {
    const requestId = `both-doors-${++serial}`
    const [form, queue] = [arrange({ door: 'form', requestId }), arrange({ door: 'queue', requestId })]
    await form.complete((await form.take()).lease, OPENED)
    expect((await queue.claim()).kind).toBe('claimed')
  })
})

describe('a write that the SDK repeats because its answer was lost', () => {
  test('claims a new request once, with nothing in doubt', async () => {
    const { claim, item } = arrange()
    endpoint.take()
    loseAnswers = 1
    const claimed = await claim()
    expect(endpoint.take()).toEqual(['UpdateItem', 'UpdateItem', 'GetItem'])
    expect(claimed).toMatchObject({ kind: 'claimed', lease: { attempt: 1 } })
    expect(claimed.kind === 'claimed' && learn(begin(), claimed).facts).toEqual({
      ...NOTHING,
      claim: { attempt: 1, state: 'held' },
    })
    expect(await item()).toMatchObject({
      attempts: 1,
      leaseId: claimed.kind === 'claimed' && claimed.lease.leaseId,
    })
  })

  test('claims after an abandoned attempt, with conversation and message in doubt', async () => {
    const { take, advance } = arrange()
    await take()
    advance(LEASE_MS + 1)
    loseAnswers = 1
    expect((await take()).known).toMatchObject({
      claim: { attempt: 2 },
      conversation: IN_DOUBT,
      message: 'in_doubt',
    })
  })

  test.each<[string, Partial<Facts>]>([
    ['nothing in doubt', { conversation: { kind: 'none' }, message: 'unsent' }],
    ['the conversation in doubt', { conversation: IN_DOUBT, message: 'unsent' }],
    ['both in doubt', { conversation: IN_DOUBT, message: 'in_doubt' }],
  ])('claims after a released attempt, with %s as it left it', async (_, seen) => {
    const { take, release } = arrange()
    const first = await take()
    await release(first.lease, released(first, seen))
    loseAnswers = 1
    expect((await take()).known).toMatchObject({ claim: { attempt: 2 }, ...seen })
  })

  test('claims after an abandoned attempt that followed a released one, with both in doubt', async () => {
    const { take, release, advance } = arrange()
    const first = await take()
    await release(first.lease, released(first))
    await take()
    advance(LEASE_MS + 1)
    loseAnswers = 1
    expect((await take()).known).toMatchObject({
      claim: { attempt: 3 },
      conversation: IN_DOUBT,
      message: 'in_doubt',
    })
  })

  test.each<[string, Facts]>([
    ['opened', OPENED],
    ['opened, with an unknown conversation', OPENED_SOMEWHERE],
    ['refused', REFUSED],
  ])('completes the request once: %s', async (_, final) => {
    const { claim, take, complete } = arrange()
    const { lease } = await take()
    loseAnswers = 1
    expect(outcomeOf(await complete(lease, final), false)).toEqual(outcomeOf(final, false))
    expect(await claim()).toMatchObject({ kind: 'final', facts: { conversation: final.conversation } })
  })

  test('releases the claim once', async () => {
    const { take, release, item } = arrange()
    const first = await take()
    loseAnswers = 1
    await release(first.lease, released(first, { conversation: IN_DOUBT, message: 'in_doubt' }))
    expect(await item()).toMatchObject({ status: 'queued', reached: true, messageInDoubt: true })
  })
})

describe('complete', () => {
  test('writes the item of the request and the item of the consumer', async () => {
    const { take, complete, item, pk, now, findConversation, advance } = arrange()
    const { lease } = await take('Hello')
    advance(700)
    const lpConsumerId = `${serial}`.padStart(64, 'b')
    const final: Facts = { ...OPENED, message: 'sent', lpConsumerId }
    endpoint.take()
    expect(await complete(lease, final)).toEqual(final)
    expect(endpoint.take()).toEqual(['BatchWriteItem'])
    expect(await item()).toMatchObject({
      status: 'opened',
      conversationId: 'conversation-1',
      messageStatus: 'sent',
      ...CAMPAIGN,
      lpConsumerId,
      attempts: 1,
      createdAt: now() - 700,
      updatedAt: now(),
    })
    expect(await item()).not.toHaveProperty('leaseId')
    expect(await findConversation(ACCOUNT, lpConsumerId)).toEqual({
      conversationId: 'conversation-1',
      state: 'OPEN',
      openedBy: pk,
    })
  })

  test('writes no message status for a request without a message', async () => {
    const { take, complete, item } = arrange()
    await complete((await take()).lease, OPENED)
    expect(await item()).not.toHaveProperty('messageStatus')
  })

  test('does not record another request’s conversation as opened by this one', async () => {
    const { take, complete, findConversation } = arrange()
    const lpConsumerId = `${serial}`.padStart(64, 'd')
    await complete(
      (await take()).lease,
      facts({ kind: 'existing', conversationId: 'conversation-0' }, { lpConsumerId }),
    )
    expect(await findConversation(ACCOUNT, lpConsumerId)).toBeUndefined()
  })

  test('without an id never removes the id that another attempt wrote', async () => {
    const { take, complete, advance, item } = arrange()
    const first = await take()
    advance(LEASE_MS + 1)
    const second = await take()
    await complete(first.lease, OPENED)
    const before = await item()
    expect(await complete(second.lease, OPENED_SOMEWHERE)).toMatchObject({
      conversation: OPENED.conversation,
    })
    expect(await item()).toEqual(before)
  })

  test('adds an id that was unknown when the request was finished', async () => {
    const { take, claim, complete, advance } = arrange()
    await complete((await take()).lease, OPENED_SOMEWHERE)
    advance(1000)
    const again = await claim()
    if (again.kind !== 'final') throw new Error(`The claim is ${again.kind}`)
    await complete(again.lease, OPENED)
    expect(await claim()).toMatchObject({ kind: 'final', facts: { conversation: OPENED.conversation } })
  })

  test('as refused by a former holder does not touch the next attempt', async () => {
    const { take, complete, advance, item } = arrange()
    const first = await take()
    advance(LEASE_MS + 1)
    await take()
    const before = await item()
    await complete(first.lease, REFUSED)
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
    await release(first.lease, released(first, { conversation: IN_DOUBT }))
    expect(await item()).toEqual(before)
    expect((await claim()).kind).toBe('held')
  })

  test('after the end changes nothing', async () => {
    const { take, release, complete, item } = arrange()
    const first = await take()
    await complete(first.lease, OPENED)
    const before = await item()
    await release(first.lease, released(first, { conversation: IN_DOUBT }))
    expect(await item()).toEqual(before)
  })

  test.each<Facts['conversation']>([
    IN_DOUBT,
    { kind: 'held' },
    { kind: 'opened' },
    { kind: 'opened', conversationId: 'conversation-1' },
  ])('tells all later attempts that a create may have been carried out: %j', async (conversation) => {
    const { take, release } = arrange()
    const first = await take()
    await release(first.lease, released(first, { conversation }))
    const second = await take()
    await release(second.lease, released(second))
    const third = await take()
    const inDoubt = { conversation: IN_DOUBT, message: 'unsent' }
    expect([second.known, third.known]).toMatchObject([inDoubt, inDoubt])
  })

  test.each<Facts['conversation']>([
    { kind: 'none' },
    { kind: 'refused', code: 'liveperson_rejected' },
    { kind: 'existing', conversationId: 'conversation-0' },
  ])('leaves no doubt if no create can have been carried out: %j', async (conversation) => {
    const { take, release } = arrange()
    const first = await take()
    await release(first.lease, released(first, { conversation }))
    expect((await take()).known.conversation).toEqual({ kind: 'none' })
  })

  test('by an attempt that knows less keeps the doubt', async () => {
    const { take, release } = arrange()
    const first = await take()
    await release(first.lease, released(first, { conversation: IN_DOUBT, message: 'in_doubt' }))
    const { lease } = await take()
    await release(lease, released({ lease }))
    expect((await take()).known).toMatchObject({ conversation: IN_DOUBT, message: 'in_doubt' })
  })

  test.each(['in_doubt', 'sent'] as const)(
    'tells all later attempts that the message may have been sent: %s',
    async (message) => {
      const { take, release } = arrange()
      const first = await take()
      await release(first.lease, released(first, { conversation: IN_DOUBT, message }))
      const second = await take()
      await release(second.lease, released(second))
      expect((await take()).known).toMatchObject({ conversation: IN_DOUBT, message: 'in_doubt' })
    },
  )

  test('tells all later attempts what an abandoned one may have done', async () => {
    const { take, release, advance } = arrange()
    await take()
    advance(LEASE_MS + 1)
    const second = await take()
    await release(second.lease, released(second))
    const third = await take()
    await release(third.lease, released(third))
    const inDoubt = { conversation: IN_DOUBT, message: 'in_doubt' }
    expect([third.known, (await take()).known]).toMatchObject([inDoubt, inDoubt])
  })

  test.each<Facts['conversation']>([
    { kind: 'refused', code: 'liveperson_rejected' },
    { kind: 'existing', conversationId: 'conversation-0' },
  ])('tells the same if the attempt after the abandoned one saw more: %j', async (conversation) => {
    const { take, release, advance } = arrange()
    await take()
    advance(LEASE_MS + 1)
    const second = await take()
    await release(second.lease, released(second, { conversation }))
    expect((await take()).known).toMatchObject({ conversation: IN_DOUBT, message: 'in_doubt' })
  })
})

describe('giveUp', () => {
  test('fails a queued request, and its sender may repeat it', async () => {
    const { take, release, giveUp, request, item, claim } = arrange()
    const first = await take()
    await release(first.lease, released(first))
    await giveUp(request, 'invalid_request')
    expect(await item()).toMatchObject({ status: 'failed', code: 'invalid_request' })
    expect(await claim()).toMatchObject({ kind: 'claimed', before: { claim: { state: 'failed' } } })
  })

  test.each<[string, (ledger: ReturnType<typeof arrange>) => Promise<unknown>]>([
    ['is held', async ({ take }) => take()],
    ['is finished', async ({ take, complete }) => complete((await take()).lease, OPENED)],
    ['is unknown', async () => undefined],
  ])('changes nothing if the request %s', async (_, before) => {
    const ledger = arrange()
    await before(ledger)
    const item = await ledger.item()
    await ledger.giveUp(ledger.request, 'invalid_request')
    expect(await ledger.item()).toEqual(item)
  })
})

describe('a consumer’s conversation', () => {
  test('is undefined if none was opened', async () => {
    expect(await arrange().findConversation(ACCOUNT, 'nobody')).toBeUndefined()
  })

  test('is closed only if the id matches', async () => {
    const { take, complete, findConversation, forgetConversation } = arrange()
    const lpConsumerId = `${serial}`.padStart(64, 'c')
    await complete((await take()).lease, { ...OPENED, lpConsumerId })
    await forgetConversation(ACCOUNT, lpConsumerId, 'another-one')
    expect(await findConversation(ACCOUNT, lpConsumerId)).toMatchObject({ state: 'OPEN' })
    await forgetConversation(ACCOUNT, lpConsumerId, 'conversation-1')
    expect(await findConversation(ACCOUNT, lpConsumerId)).toMatchObject({ state: 'CLOSE' })
    await forgetConversation(ACCOUNT, 'nobody', 'conversation-1')
    expect(await findConversation(ACCOUNT, 'nobody')).toBeUndefined()
  })
})

test('find returns the requests with an id at one door, across accounts', async () => {
  const { take, complete, find, requestId } = arrange({ door: 'form' })
  await complete((await take()).lease, OPENED)
  expect(await find([ACCOUNT, 'other'], 'form', requestId)).toMatchObject([
    { requestId, status: 'opened', conversationId: 'conversation-1' },
  ])
  expect(await find([ACCOUNT, 'other'], 'queue', requestId)).toEqual([])
})

test('a code that this version does not know is left out', async () => {
  const { take, release, find, requestId, pk } = arrange()
  const first = await take()
  await release(first.lease, released(first))
  await table.update({ pk, set: { code: 'a_code_of_another_version' } })
  expect(await find([ACCOUNT], 'queue', requestId)).toMatchObject([{ requestId, code: undefined }])
})

describe('toFacts', () => {
  const item: RequestItem = {
    requestId: 'event-0001',
    accountId: ACCOUNT,
    status: 'opening',
    fingerprint: 'f'.repeat(64),
    createdAt: 0,
    attempts: 2,
  }
  const claim = { attempt: 2, state: 'held' as const }
  const id = { conversationId: 'conversation-1' }

  test.each<[Partial<RequestItem>, Partial<Facts>]>([
    [{ status: 'opening' }, { claim }],
    [
      { status: 'opening', reached: true },
      { claim, conversation: IN_DOUBT },
    ],
    [{ status: 'queued' }, { claim: { attempt: 2, state: 'queued' } }],
    [
      { status: 'failed', code: 'invalid_config', reached: true, messageInDoubt: true },
      {
        claim: { attempt: 2, state: 'failed', code: 'invalid_config' },
        conversation: IN_DOUBT,
        message: 'in_doubt',
      },
    ],
    [
      { status: 'opened', ...id },
      { claim, conversation: { kind: 'opened', ...id } },
    ],
    [
      { status: 'opened', messageStatus: 'sent' },
      { claim, conversation: { kind: 'opened' }, message: 'sent' },
    ],
    [
      { status: 'existing', ...id, messageStatus: 'not_sent', messageInDoubt: true },
      { claim, conversation: { kind: 'existing', ...id }, message: 'not_sent' },
    ],
    [
      { status: 'existing', messageStatus: 'unknown', lpConsumerId: LP_CONSUMER },
      { claim, conversation: { kind: 'existing' }, message: 'in_doubt', lpConsumerId: LP_CONSUMER },
    ],
    [
      { status: 'rejected', code: 'liveperson_rejected' },
      {
        claim: { ...claim, code: 'liveperson_rejected' },
        conversation: { kind: 'refused', code: 'liveperson_rejected' },
      },
    ],
    [{ status: 'rejected' }, { claim, conversation: { kind: 'refused', code: 'liveperson_rejected' } }],
    [
      { status: 'rejected', code: 'outcome_unknown' },
      { claim: { ...claim, code: 'outcome_unknown' }, conversation: { kind: 'held' } },
    ],
  ])('of %j', (members, expected) => {
    expect(toFacts({ ...item, ...members })).toEqual({ ...NOTHING, ...expected })
  })
})

describe('for any attempts, in any order', () => {
  type Step =
    | { readonly kind: 'claim' | 'release' | 'opened' | 'lost' | 'rejected'; readonly holder: number }
    | { readonly kind: 'wait'; readonly ms: number }
  const holder = fc.nat({ max: 3 })
  const step: fc.Arbitrary<Step> = fc.oneof(
    { weight: 4, arbitrary: fc.record({ kind: fc.constant('claim'), holder }) },
    {
      weight: 3,
      arbitrary: fc.record({ kind: fc.constantFrom('release', 'opened', 'lost', 'rejected'), holder }),
    },
    {
      weight: 2,
      arbitrary: fc.record({ kind: fc.constant('wait'), ms: fc.constantFrom(1, 9000, 16_000) }),
    },
  )

  test('no two hold the claim, and a final conversationId stays', async () => {
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
          if (next.kind === 'release') await release(lease, released({ lease }))
          else if (next.kind === 'opened') await complete(lease, OPENED)
          else if (next.kind === 'lost') await complete(lease, OPENED_SOMEWHERE)
          else await complete(lease, REFUSED)
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
