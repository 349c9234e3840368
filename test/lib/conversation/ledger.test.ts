import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import * as z from 'zod/mini'
import type { Item, StateTable } from '../../../lib/aws/state-table.ts'
import {
  type Claim,
  type Facts,
  isFinished,
  merge,
  NOTHING,
  outcomeOf,
} from '../../../lib/conversation/facts.ts'
import { carriedFactsShape } from '../../../lib/conversation/facts-shape.ts'
import { createLedger, type Entry, holderOf } from '../../../lib/conversation/ledger.ts'
import { begin, learn } from '../../../lib/conversation/protocol.ts'
import { publishedOf } from '../../../lib/conversation/published.ts'
import { RequestIdReusedError, ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import type { AcceptedRequest, Door } from '../../../lib/request/conversation-request.ts'
import { accept, FINGERPRINT_VERSION } from '../../../lib/request/identity.ts'
import { type LocalDynamoDb, startDynamoDb } from '../../../local/aws/dynamodb.ts'
import { createMemoryTable } from '../../simulation/state-table.ts'
import { createPatientTable, startAwsEndpoint } from '../../support/aws-endpoint.ts'

const ALIVE_MS = 15_000
/** A claim outlasts its invocation by ten seconds. */
const LEASE_MS = ALIVE_MS + 10_000
const DAY_MS = 24 * 3600 * 1000
const ACCOUNT = '70123456'
const CAMPAIGN = { campaignId: '3120045610', engagementId: '3120047711' }

const C1 = { kind: 'opened', conversationId: 'conversation-1' } as const
const IN_DOUBT = { kind: 'in_doubt' } as const
const OWED = { tried: 1, refused: 1, sent: false }
const SENT = { tried: 1, refused: 0, sent: true }

let dynamoDb: LocalDynamoDb
let endpoint: Awaited<ReturnType<typeof startAwsEndpoint>>
let table: StateTable
let serial = 0
/** How many of DynamoDB's next answers are lost. */
let loseAnswers = 0
/** Writes of the item with this key fail. */
let failing: string | undefined

beforeAll(async () => {
  dynamoDb = await startDynamoDb()
  endpoint = await startAwsEndpoint({
    behind: dynamoDb.url,
    answer: (action, input) => {
      if (failing !== undefined && action === 'UpdateItem' && keyOf(input) === failing)
        return { status: 400, body: { __type: 'AccessDeniedException' } }
      return loseAnswers-- > 0 ? 'lost' : 'forward'
    },
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

const keyOf = (input: unknown): unknown =>
  z.safeParse(z.object({ Key: z.object({ pk: z.object({ S: z.string() }) }) }), input).data?.Key.pk.S

/** An attempt that holds a claim: what it may write, and what it knows. */
interface Taken {
  readonly entry: Entry
  readonly before: Facts
  readonly known: Facts
}

/** A ledger with its own clock, and a request that it has never seen. */
const arrange = ({
  door = 'queue',
  requestId = `ledger-test-${++serial}`,
  consumerId = 'crm-1',
  table: ownTable = table,
}: {
  readonly door?: Door
  readonly requestId?: string
  /** Empty: it is derived. */
  readonly consumerId?: string
  /** Default: the table in DynamoDB. */
  readonly table?: StateTable
} = {}) => {
  let time = 1_800_000_000_000 + serial
  const ledger = createLedger({ table: ownTable, now: () => time, uuid: () => `lease-${++serial}` })
  const requestOf = (message?: string, changed: Partial<AcceptedRequest> = {}): AcceptedRequest => ({
    ...accept(
      { campaign: CAMPAIGN, ...(message !== undefined && { message }) },
      {
        door,
        requestId,
        accountId: ACCOUNT,
        consumerId: consumerId === '' ? undefined : consumerId,
        warnings: [],
      },
    ),
    ...changed,
  })
  const kind = door === 'queue' ? 'crm' : consumerId === '' ? 'nobody' : 'token'
  const pk = `request#${ACCOUNT}#${door}#${kind}#${requestId}`
  const destination = { ...CAMPAIGN, ttr: 'NORMAL' as const, routeAttributes: [] }
  const claim = (
    message?: string,
    changed?: Partial<AcceptedRequest>,
    lease?: Parameters<typeof ledger.claim>[3],
  ) => ledger.claim(requestOf(message, changed), destination, time + ALIVE_MS, lease)

  /** Claims the request. Throws if it is held or final. */
  const take = async (message?: string, changed?: Partial<AcceptedRequest>): Promise<Taken> => {
    const claimed = await claim(message, changed)
    if (claimed.kind !== 'claimed') throw new Error(`The claim is ${claimed.kind}`)
    const { entry, before } = claimed
    return { entry, before, known: learn(begin(), { kind: 'claimed', before }).facts }
  }
  const item = (): Promise<Item | undefined> => table.get(pk)
  return {
    ...ledger,
    pk,
    requestId,
    request: requestOf(),
    lpConsumerId: `${serial}`.padStart(64, 'b'),
    claim,
    take,
    item,
    now: () => time,
    advance: (ms: number) => {
      time += ms
    },
    /** What the sender is told. */
    told: async () => (await ledger.find([ACCOUNT], door, requestId))[0]?.outcome,
  }
}

/** What an attempt writes: what it knew, what it saw, and what became of its claim. */
const ended = ({ known }: Taken, seen: Partial<Facts> = {}, state: Claim['state'] = 'done'): Facts => ({
  ...merge(known, { ...NOTHING, ...seen }),
  claim: {
    attempt: known.claim.attempt,
    releases: known.claim.releases + 1,
    state,
    ...(state !== 'held' && state !== 'done' && { code: 'liveperson_unavailable' as const }),
  },
})

/** What an attempt writes that goes on. */
const going = ({ known }: Taken, seen: Partial<Facts>): Facts => merge(known, { ...NOTHING, ...seen })

describe('a claim', () => {
  test('of a new request succeeds and is in the table', async () => {
    const { claim, item, now, requestId } = arrange()
    expect(await claim()).toMatchObject({ kind: 'claimed', before: NOTHING })
    expect(await item()).toMatchObject({
      status: 'opening',
      requestId,
      accountId: ACCOUNT,
      door: 'queue',
      ...CAMPAIGN,
      attempts: 1,
      releases: 0,
      claimState: 'held',
      finished: false,
      hasMessage: false,
      leaseUntil: now() + LEASE_MS,
      expiresAt: Math.floor((now() + 30 * DAY_MS) / 1000),
    })
    expect(await item()).not.toHaveProperty('warnings')
  })

  test('succeeds for one of twenty concurrent attempts', async () => {
    const { claim } = arrange()
    const kinds = (await Promise.all(Array.from({ length: 20 }, () => claim()))).map(({ kind }) => kind)
    expect(kinds.filter((kind) => kind === 'claimed')).toHaveLength(1)
    expect(kinds.filter((kind) => kind === 'held')).toHaveLength(19)
  })

  test('is held until its container is certain to have stopped, and ten seconds more for the clocks', async () => {
    const { claim, take, advance } = arrange()
    await take()
    advance(LEASE_MS)
    expect((await claim()).kind).toBe('held')
    advance(1)
    expect(await claim()).toMatchObject({
      kind: 'claimed',
      before: { claim: { attempt: 1, releases: 0, state: 'held' } },
    })
  })

  test('after an abandoned attempt leaves the conversation in doubt', async () => {
    const { take, advance } = arrange()
    expect((await take()).known).toMatchObject({ conversation: { kind: 'none' } })
    advance(LEASE_MS + 1)
    expect((await take()).known).toMatchObject({ claim: { attempt: 2 }, conversation: IN_DOUBT })
  })

  test('knows when the request was first claimed, and by when its last attempt had stopped', async () => {
    const { claim, take, advance, now } = arrange()
    const start = now()
    const first = await claim()
    expect(first).toMatchObject({ kind: 'claimed', entry: { createdAt: start } })
    expect(first).not.toHaveProperty('triedUntil')
    advance(LEASE_MS + 1)
    const second = await take()
    expect(await claim()).toMatchObject({ kind: 'held', entry: { createdAt: start } })
    advance(1000)
    await second.entry.record(ended(second, {}, 'queued'))
    const released = now()
    advance(5000)
    expect(await claim()).toMatchObject({ entry: { createdAt: start }, triedUntil: released })
    advance(LEASE_MS + 1)
    expect(await claim()).toMatchObject({ triedUntil: released + 5000 + LEASE_MS })
  })

  test('tells what the ledger holds while another attempt holds it', async () => {
    const { claim, take } = arrange()
    const first = await take('Hello')
    await first.entry.record(going(first, { conversation: C1, message: OWED, handedOver: true }))
    expect(await claim('Hello')).toMatchObject({
      kind: 'held',
      facts: { conversation: C1, message: OWED, handedOver: true, claim: { attempt: 1, state: 'held' } },
    })
  })

  test.each(['queued', 'failed'] as const)('of a request that was released as %s succeeds', async (state) => {
    const { claim, take } = arrange()
    const first = await take()
    await first.entry.record(ended(first, {}, state))
    expect(await claim()).toMatchObject({
      kind: 'claimed',
      before: {
        claim: { attempt: 1, releases: 1, state, code: 'liveperson_unavailable' },
        conversation: { kind: 'none' },
      },
    })
  })

  test('of a released request reads as opening again, without the reason', async () => {
    const { take, item } = arrange()
    const first = await take()
    await first.entry.record(ended(first, {}, 'queued'))
    expect(await item()).toMatchObject({ status: 'queued', code: 'liveperson_unavailable', leaseUntil: 0 })
    await take()
    expect(await item()).toMatchObject({ status: 'opening', claimState: 'held' })
    expect(await item()).not.toHaveProperty('code')
  })

  test.each<[string, Partial<Facts>]>([
    ['opened', { conversation: C1, message: SENT }],
    ['opened, with an unknown conversation', { conversation: { kind: 'opened' }, message: SENT }],
    [
      'existing, and its message may have been sent',
      { conversation: { kind: 'existing' }, message: { tried: 1, refused: 0, sent: false } },
    ],
    [
      'opened, and its message was given up',
      { conversation: C1, message: { tried: 1, refused: 1, sent: false, dropped: 'given_up' } },
    ],
    ['refused', { conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } }],
    ['unknown', { conversation: { kind: 'unknown' } }],
  ])('of a finished request returns its outcome: %s', async (_, final) => {
    const { claim, take, advance } = arrange()
    const first = await take('Hello')
    await first.entry.record(ended(first, final))
    advance(29 * DAY_MS)
    expect(await claim('Hello')).toMatchObject({ kind: 'final', facts: final })
  })

  test.each<[string, (ledger: ReturnType<typeof arrange>) => Promise<unknown>]>([
    ['held', async ({ take }) => take()],
    ['abandoned', async ({ take, advance }) => [await take(), advance(LEASE_MS + 1)]],
    [
      'queued',
      async ({ take }) => {
        const first = await take()
        await first.entry.record(ended(first, {}, 'queued'))
      },
    ],
    [
      'finished',
      async ({ take }) => {
        const first = await take()
        await first.entry.record(ended(first, { conversation: C1 }))
      },
    ],
  ])('with different content is refused if the request is %s, and changes nothing', async (_, before) => {
    const ledger = arrange()
    await before(ledger)
    const item = await ledger.item()
    await expect(ledger.claim('Another message')).rejects.toBeInstanceOf(RequestIdReusedError)
    expect(await ledger.item()).toEqual(item)
  })

  test('whose fingerprint has another version is the same request', async () => {
    const { take, claim, pk, request, advance } = arrange()
    const first = await take()
    await table.update({ pk, set: { fingerprint: '0.abc' } })
    expect((await claim()).kind).toBe('held')
    advance(LEASE_MS + 1)
    const second = await take()
    expect(second.known.claim.attempt).toBe(2)
    await first.entry.record(ended(second, { conversation: C1 }))
    expect(await claim()).toMatchObject({ kind: 'final', facts: { conversation: C1 } })
    expect((await table.get(pk))?.fingerprint).toBe('0.abc')
    expect(request.fingerprint).not.toBe('0.abc')
  })

  test('that a hand-over of an earlier version brings is the same request', async () => {
    const { take, claim } = arrange()
    const earlier = { fingerprint: '0.abc' }
    const first = await take()
    expect((await claim(undefined, earlier)).kind).toBe('held')
    await first.entry.record(ended(first, {}, 'queued'))
    const second = await take(undefined, earlier)
    await second.entry.record(ended(second, { conversation: C1 }))
    expect((await claim(undefined, earlier)).kind).toBe('final')
  })

  test.each(['', 'x', '0.', '0.x', 'none', `${FINGERPRINT_VERSION}f00d`, 'f00d'])(
    'with a fingerprint that no version writes is another request: %j',
    async (fingerprint) => {
      const { take, claim, advance } = arrange()
      const first = await take()
      await expect(claim(undefined, { fingerprint })).rejects.toBeInstanceOf(RequestIdReusedError)
      await first.entry.record(ended(first, {}, 'queued'))
      advance(LEASE_MS + 1)
      await expect(claim(undefined, { fingerprint })).rejects.toBeInstanceOf(RequestIdReusedError)
    },
  )

  test('at one door is independent of the other door', async () => {
    const requestId = `both-doors-${++serial}`
    const [form, queue] = [arrange({ door: 'form', requestId }), arrange({ door: 'queue', requestId })]
    const first = await form.take()
    await first.entry.record(ended(first, { conversation: C1 }))
    expect((await queue.claim()).kind).toBe('claimed')
  })

  test('keeps the consumer that the first attempt derived', async () => {
    const { take, claim, item, request, advance } = arrange({ consumerId: '' })
    expect((await take()).entry.consumerId).toBe(request.consumerId)
    expect(await item()).toMatchObject({ consumerId: request.consumerId })
    const other = { consumerId: 'request-of-a-later-version' }
    const held = await claim(undefined, other)
    expect(held).toMatchObject({ kind: 'held', entry: { consumerId: request.consumerId } })
    advance(LEASE_MS + 1)
    const second = await take(undefined, other)
    expect(second.entry.consumerId).toBe(request.consumerId)
    await second.entry.record(ended(second, { conversation: C1 }))
    expect(await claim(undefined, other)).toMatchObject({
      kind: 'final',
      entry: { consumerId: request.consumerId },
    })
  })

  test('stores no id that the CRM or a token vouches for', async () => {
    const { take, item } = arrange()
    expect((await take()).entry.consumerId).toBe('crm-1')
    expect(await item()).not.toHaveProperty('consumerId')
  })
})

describe('a claim of a request whose message is owed', () => {
  const owing = async (ledger: ReturnType<typeof arrange>) => {
    const first = await ledger.take('Hello')
    await first.entry.record(ended(first, { conversation: C1, message: OWED }, 'queued'))
  }

  test('succeeds, and its conversation stays opened', async () => {
    const ledger = arrange()
    await owing(ledger)
    expect(await ledger.item()).toMatchObject({ status: 'opened', messageStatus: 'pending', finished: false })
    const { known } = await ledger.take('Hello')
    expect(known).toMatchObject({ claim: { attempt: 2, releases: 1 }, conversation: C1, message: OWED })
    expect(await ledger.item()).toMatchObject({
      status: 'opened',
      ...{ conversationId: 'conversation-1', messageStatus: 'pending' },
      ...{ attempts: 2, claimState: 'held', leaseUntil: ledger.now() + LEASE_MS },
    })
  })

  test('succeeds for one of ten concurrent attempts', async () => {
    const ledger = arrange()
    await owing(ledger)
    const claims = await Promise.all(Array.from({ length: 10 }, () => ledger.claim('Hello')))
    expect(claims.filter(({ kind }) => kind === 'claimed')).toHaveLength(1)
    expect(claims.filter(({ kind }) => kind === 'held')).toHaveLength(9)
  })

  test('is known again if DynamoDB’s answer was lost', async () => {
    const ledger = arrange({
      table: {
        ...table,
        update: (update) => {
          if (update.set.leaseId !== undefined && update.condition === '#revision = :revision')
            loseAnswers = 1
          return table.update(update)
        },
      },
    })
    await owing(ledger)
    endpoint.take()
    expect((await ledger.claim('Hello')).kind).toBe('claimed')
    expect(endpoint.take()).toEqual(['UpdateItem', 'GetItem', 'UpdateItem', 'UpdateItem', 'GetItem'])
    expect(await ledger.item()).toMatchObject({ attempts: 2 })
  })

  test('is final once the message is sent', async () => {
    const ledger = arrange()
    await owing(ledger)
    const second = await ledger.take('Hello')
    await second.entry.record(ended(second, { message: { ...OWED, sent: true } }))
    expect(await ledger.claim('Hello')).toMatchObject({ kind: 'final', facts: { conversation: C1 } })
    expect(await ledger.told()).toMatchObject({ status: 'opened', messageStatus: 'sent' })
  })
})

describe('a write that the SDK repeats because its answer was lost', () => {
  test('claims a new request once, with nothing in doubt', async () => {
    const { claim, item } = arrange()
    endpoint.take()
    loseAnswers = 1
    const claimed = await claim()
    expect(endpoint.take()).toEqual(['UpdateItem', 'UpdateItem', 'GetItem'])
    expect(claimed).toMatchObject({ kind: 'claimed', before: NOTHING })
    expect(claimed.kind === 'claimed' && learn(begin(), claimed).facts).toEqual({
      ...NOTHING,
      claim: { attempt: 1, releases: 0, state: 'held' },
    })
    expect(await item()).toMatchObject({ attempts: 1, revision: 1 })
  })

  test('claims after an abandoned attempt, with the conversation in doubt', async () => {
    const { take, advance } = arrange()
    await take()
    advance(LEASE_MS + 1)
    loseAnswers = 1
    expect((await take()).known).toMatchObject({ claim: { attempt: 2 }, conversation: IN_DOUBT })
  })

  test('knows by when an abandoned attempt had stopped', async () => {
    const { claim, take, advance, now } = arrange()
    await take()
    advance(LEASE_MS + 1)
    loseAnswers = 1
    expect(await claim()).toMatchObject({ kind: 'claimed', triedUntil: now() })
  })

  test.each<[string, Partial<Facts>]>([
    ['nothing in doubt', { conversation: { kind: 'none' } }],
    ['the conversation in doubt', { conversation: IN_DOUBT }],
  ])('claims after a released attempt, with %s as it left it', async (_, seen) => {
    const { take } = arrange()
    const first = await take()
    await first.entry.record(ended(first, seen, 'queued'))
    loseAnswers = 1
    expect((await take()).known).toMatchObject({ claim: { attempt: 2, releases: 1 }, ...seen })
  })

  test('claims after an abandoned attempt that followed a released one, with a doubt', async () => {
    const { take, advance } = arrange()
    const first = await take()
    await first.entry.record(ended(first, {}, 'queued'))
    await take()
    advance(LEASE_MS + 1)
    loseAnswers = 1
    expect((await take()).known).toMatchObject({
      claim: { attempt: 3, releases: 1 },
      conversation: IN_DOUBT,
    })
  })

  test.each<[string, Partial<Facts>, Claim['state']]>([
    ['opened', { conversation: C1 }, 'done'],
    ['opened, with an unknown conversation', { conversation: { kind: 'opened' } }, 'done'],
    ['refused', { conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } }, 'done'],
    ['in doubt', { conversation: IN_DOUBT }, 'queued'],
  ])('records once: %s', async (_, seen, state) => {
    const { take, item } = arrange()
    const first = await take()
    const facts = ended(first, seen, state)
    loseAnswers = 1
    expect(await first.entry.record(facts)).toEqual(facts)
    expect(await item()).toMatchObject({ revision: 2, releases: 1, status: outcomeOf(facts, false).status })
  })

  test('records once what has a reason that is not told', async () => {
    const { take } = arrange()
    const first = await take('Hello')
    loseAnswers = 1
    const facts = ended(first, { conversation: C1, message: OWED }, 'queued')
    expect(outcomeOf(await first.entry.record(facts), true)).toEqual(outcomeOf(facts, true))
  })
})

describe('record', () => {
  test('writes the item of the request and the item of the consumer', async () => {
    const { take, item, pk, now, findConversation, advance, lpConsumerId } = arrange()
    const first = await take('Hello')
    advance(700)
    const openedAt = now()
    const facts = ended(first, { conversation: C1, message: SENT, lpConsumerId, openedAt })
    endpoint.take()
    expect(await first.entry.record(facts)).toEqual(facts)
    expect(endpoint.take()).toEqual(['UpdateItem', 'UpdateItem'])
    expect(await item()).toMatchObject({
      status: 'opened',
      conversationId: 'conversation-1',
      messageStatus: 'sent',
      ...CAMPAIGN,
      attempts: 1,
      releases: 1,
      finished: true,
      leaseUntil: 0,
      createdAt: now() - 700,
      updatedAt: now(),
      facts: { conversation: C1, message: SENT, lpConsumerId, openedAt },
    })
    const opening = { conversationId: 'conversation-1', openedBy: pk }
    expect(await findConversation(ACCOUNT, lpConsumerId)).toEqual({
      conversationId: 'conversation-1',
      state: 'OPEN',
      openedAt,
      openings: [opening, opening],
    })
  })

  test('writes the consumer only once', async () => {
    const { take, now, lpConsumerId } = arrange()
    const first = await take('Hello')
    const seen = { conversation: C1, lpConsumerId, openedAt: now() }
    await first.entry.record(going(first, { ...seen, message: { tried: 1, refused: 0, sent: false } }))
    endpoint.take()
    await first.entry.record(ended(first, { ...seen, message: SENT }))
    expect(endpoint.take()).toEqual(['UpdateItem'])
  })

  test('writes nothing if the ledger holds it all', async () => {
    const { take, claim, item } = arrange()
    const first = await take()
    await first.entry.record(ended(first, { conversation: C1 }))
    const before = await item()
    const again = await claim()
    endpoint.take()
    await again.entry.record({ ...NOTHING, conversation: { kind: 'opened' } })
    expect(endpoint.take()).toEqual([])
    expect(await item()).toEqual(before)
  })

  test('writes no message status for a request without a message', async () => {
    const { take, item } = arrange()
    const first = await take()
    await first.entry.record(ended(first, { conversation: C1 }))
    expect(await item()).not.toHaveProperty('messageStatus')
  })

  test('tells why a message was not sent, and stops telling it once the message was sent', async () => {
    const { take, item } = arrange()
    const first = await take('Hello')
    await first.entry.record(
      ended(first, { conversation: C1, message: { ...OWED, dropped: 'conversation_closed' } }),
    )
    expect(await item()).toMatchObject({ messageStatus: 'not_sent', messageCode: 'conversation_closed' })
    await first.entry.record(ended(first, { conversation: C1, message: SENT }))
    expect(await item()).toMatchObject({ messageStatus: 'sent' })
    expect(await item()).not.toHaveProperty('messageCode')
  })

  test('does not record another request’s conversation as opened by this one', async () => {
    const { take, findConversation, lpConsumerId } = arrange()
    const first = await take()
    const conversation = { kind: 'existing', conversationId: 'conversation-0' } as const
    await first.entry.record(ended(first, { conversation, lpConsumerId }))
    expect(await findConversation(ACCOUNT, lpConsumerId)).toBeUndefined()
  })

  test('without an id never removes the id that another attempt wrote', async () => {
    const { take, advance, item } = arrange()
    const first = await take()
    advance(LEASE_MS + 1)
    const second = await take()
    await first.entry.record(ended(first, { conversation: C1 }))
    const facts = await second.entry.record(ended(second, { conversation: { kind: 'opened' } }))
    expect(facts).toMatchObject({ conversation: C1, claim: { attempt: 2, state: 'done' } })
    expect(await item()).toMatchObject({ status: 'opened', conversationId: 'conversation-1' })
  })

  test('adds an id that was unknown when the request was finished', async () => {
    const { take, claim, advance } = arrange()
    const first = await take()
    await first.entry.record(ended(first, { conversation: { kind: 'opened' } }))
    advance(1000)
    const again = await claim()
    if (again.kind !== 'final') throw new Error(`The claim is ${again.kind}`)
    await again.entry.record({ ...again.facts, conversation: C1 })
    expect(await claim()).toMatchObject({ kind: 'final', facts: { conversation: C1 } })
  })

  test('of a refusal by a former holder does not end the next attempt', async () => {
    const { take, advance, item, claim } = arrange()
    const first = await take()
    advance(LEASE_MS + 1)
    const second = await take()
    const before = await item()
    const refused = { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } as const
    const facts = await first.entry.record(ended(first, { conversation: refused }))
    expect(facts.claim).toEqual({ attempt: 2, releases: 1, state: 'held' })
    expect(await item()).toMatchObject({
      status: 'opening',
      finished: false,
      claimState: 'held',
      leaseId: before?.leaseId,
      leaseUntil: before?.leaseUntil,
    })
    expect((await claim()).kind).toBe('held')
    await second.entry.record(ended(second, { conversation: C1 }))
    expect(await item()).toMatchObject({ status: 'opened', finished: true })
  })

  test('of a release by a former holder adds what it knows, and frees nothing', async () => {
    const { take, advance, claim } = arrange()
    const first = await take('Hello')
    advance(LEASE_MS + 1)
    await take('Hello')
    await first.entry.record(ended(first, { conversation: IN_DOUBT }, 'queued'))
    expect(await claim('Hello')).toMatchObject({
      kind: 'held',
      facts: { claim: { attempt: 2, state: 'held' }, conversation: IN_DOUBT },
    })
  })

  test('by an attempt that wakes up late does not undo that the message was sent', async () => {
    const { take, advance, item } = arrange()
    const first = await take('Hello')
    advance(LEASE_MS + 1)
    const second = await take('Hello')
    await second.entry.record(ended(second, { conversation: C1, message: SENT }))
    await first.entry.record(
      ended(first, { conversation: C1, message: { ...OWED, refused: 0, dropped: 'conversation_closed' } }),
    )
    expect(await item()).toMatchObject({ status: 'opened', messageStatus: 'sent', finished: true })
  })

  test('by two attempts at once keeps what both know', async () => {
    const { take, advance, item, lpConsumerId } = arrange()
    const first = await take('Hello')
    advance(LEASE_MS + 1)
    const second = await take('Hello')
    await Promise.all([
      first.entry.record(ended(first, { conversation: C1, openedAt: 5 })),
      second.entry.record(going(second, { handedOver: true, lpConsumerId })),
    ])
    expect(await item()).toMatchObject({
      status: 'opened',
      claimState: 'held',
      facts: { conversation: C1, openedAt: 5, handedOver: true, lpConsumerId },
    })
  })

  test('fails if others keep writing the same request', async () => {
    const { take, claim } = arrange()
    const first = await take()
    const others = await Promise.all(Array.from({ length: 12 }, () => claim()))
    const writes = await Promise.allSettled(
      others.map(({ entry }, at) => entry.record({ ...NOTHING, idMissingSince: 100 - at })),
    )
    const failures = writes.flatMap((write) => (write.status === 'rejected' ? [write.reason] : []))
    for (const failure of failures) expect(failure).toBeInstanceOf(ServiceUnavailableError)
    expect(writes.some(({ status }) => status === 'fulfilled')).toBe(true)
    expect(await first.entry.record(ended(first, { conversation: C1 }))).toMatchObject({ conversation: C1 })
  })

  test('fails if the item is gone', async () => {
    const { claim } = arrange({
      table: { ...table, update: async () => ({ applied: false, item: undefined }) },
    })
    const { entry } = await claim()
    await expect(entry.record({ ...NOTHING, handedOver: true })).rejects.toThrow('has lost a request')
  })
})

describe('the consumer’s item', () => {
  const opened = (lpConsumerId: string, conversationId: string, openedAt: number) => ({
    conversation: { kind: 'opened', conversationId } as const,
    lpConsumerId,
    openedAt,
  })

  test('keeps the conversation that was opened last, whatever is written last', async () => {
    const [older, newer] = [arrange(), arrange()]
    const { lpConsumerId } = older
    const first = await older.take()
    const second = await newer.take()
    await second.entry.record(ended(second, opened(lpConsumerId, 'conversation-2', 200)))
    await first.entry.record(ended(first, opened(lpConsumerId, 'conversation-1', 100)))
    expect(await older.findConversation(ACCOUNT, lpConsumerId)).toMatchObject({
      conversationId: 'conversation-2',
      openings: expect.arrayContaining([
        { conversationId: 'conversation-1', openedBy: older.pk },
        { conversationId: 'conversation-2', openedBy: newer.pk },
      ]),
    })
    expect(await older.told()).toMatchObject({ conversationId: 'conversation-1' })
  })

  test('is written even if the request can’t be recorded, and a repeat records the request', async () => {
    const { take, told, findConversation, lpConsumerId, pk } = arrange()
    const first = await take()
    failing = pk
    const facts = ended(first, opened(lpConsumerId, 'conversation-1', 100))
    await expect(first.entry.record(facts)).rejects.toBeInstanceOf(ServiceUnavailableError)
    failing = undefined
    expect(await told()).toEqual({ status: 'opening' })
    expect(await findConversation(ACCOUNT, lpConsumerId)).toMatchObject({ conversationId: 'conversation-1' })
    expect(await first.entry.record(facts)).toEqual(facts)
    expect(await told()).toMatchObject({ status: 'opened' })
  })

  test('that can’t be written fails the record, and a repeat writes it', async () => {
    const { take, told, findConversation, lpConsumerId } = arrange()
    const first = await take()
    failing = `consumer#${ACCOUNT}#${lpConsumerId}`
    const facts = ended(first, opened(lpConsumerId, 'conversation-1', 100))
    await expect(first.entry.record(facts)).rejects.toBeInstanceOf(ServiceUnavailableError)
    failing = undefined
    expect(await told()).toMatchObject({ status: 'opened', conversationId: 'conversation-1' })
    expect(await findConversation(ACCOUNT, lpConsumerId)).toBeUndefined()
    await first.entry.record(facts)
    expect(await findConversation(ACCOUNT, lpConsumerId)).toMatchObject({ conversationId: 'conversation-1' })
  })

  test('that can’t be written does not stop an attempt that is about to send the message', async () => {
    const { take, findConversation, lpConsumerId } = arrange()
    const first = await take('Hello')
    failing = `consumer#${ACCOUNT}#${lpConsumerId}`
    const marked = going(first, {
      ...opened(lpConsumerId, 'conversation-1', 100),
      message: { tried: 1, refused: 0, sent: false },
    })
    expect(await first.entry.record(marked)).toEqual(marked)
    failing = undefined
    expect(await findConversation(ACCOUNT, lpConsumerId)).toBeUndefined()
    await first.entry.record(ended(first, { ...opened(lpConsumerId, 'conversation-1', 100), message: SENT }))
    expect(await findConversation(ACCOUNT, lpConsumerId)).toMatchObject({ conversationId: 'conversation-1' })
  })

  test('is written by a hand-over whose request is finished already', async () => {
    const { take, claim, findConversation, lpConsumerId } = arrange()
    const first = await take()
    failing = `consumer#${ACCOUNT}#${lpConsumerId}`
    const facts = ended(first, opened(lpConsumerId, 'conversation-1', 100))
    await expect(first.entry.record(facts)).rejects.toBeInstanceOf(ServiceUnavailableError)
    failing = undefined
    const again = await claim()
    expect(again.kind).toBe('final')
    await again.entry.record(facts)
    expect(await findConversation(ACCOUNT, lpConsumerId)).toMatchObject({ conversationId: 'conversation-1' })
  })

  test('is not opened again by a conversation that is known to be closed', async () => {
    const { take, findConversation, lpConsumerId, pk } = arrange()
    const first = await take()
    const closings = [{ conversationId: 'conversation-1', at: 90 }]
    await first.entry.record(ended(first, { ...opened(lpConsumerId, 'conversation-1', 100), closings }))
    expect(await findConversation(ACCOUNT, lpConsumerId)).toEqual({
      state: 'CLOSE',
      openings: [{ conversationId: 'conversation-1', openedBy: pk }],
    })
  })

  test('is undefined if none was opened', async () => {
    expect(await arrange().findConversation(ACCOUNT, 'nobody')).toBeUndefined()
  })

  test('is closed only if the id matches', async () => {
    const { take, findConversation, forgetConversation, lpConsumerId } = arrange()
    const first = await take()
    await first.entry.record(ended(first, opened(lpConsumerId, 'conversation-1', 100)))
    await forgetConversation(ACCOUNT, lpConsumerId, 'another-one')
    expect(await findConversation(ACCOUNT, lpConsumerId)).toMatchObject({ state: 'OPEN' })
    await forgetConversation(ACCOUNT, lpConsumerId, 'conversation-1')
    expect(await findConversation(ACCOUNT, lpConsumerId)).toMatchObject({ state: 'CLOSE' })
    await forgetConversation(ACCOUNT, 'nobody', 'conversation-1')
    expect(await findConversation(ACCOUNT, 'nobody')).toBeUndefined()
  })
})

describe('giveUp', () => {
  test('fails a queued request, and its sender may repeat it', async () => {
    const { take, giveUp, request, item, claim } = arrange()
    const first = await take()
    await first.entry.record(ended(first, { handedOver: true }, 'queued'))
    await giveUp(request, 'invalid_request')
    expect(await item()).toMatchObject({
      status: 'failed',
      code: 'invalid_request',
      facts: { handedOver: true },
    })
    expect(await claim()).toMatchObject({
      kind: 'claimed',
      before: { claim: { state: 'given_up', code: 'invalid_request' }, conversation: { kind: 'none' } },
    })
  })

  test('keeps the doubt of an attempt that died', async () => {
    const { take, giveUp, request, item, advance } = arrange()
    await take()
    advance(LEASE_MS + 1)
    await giveUp(request, 'invalid_request')
    expect(await item()).toMatchObject({ status: 'failed', code: 'invalid_request' })
    expect((await take()).known.conversation).toEqual(IN_DOUBT)
  })

  test('ends an owed message, because nobody carries it any more', async () => {
    const { take, giveUp, request, told, claim } = arrange()
    const first = await take('Hello')
    await first.entry.record(ended(first, { conversation: C1, message: OWED }, 'queued'))
    await giveUp(request, 'invalid_request')
    expect(await told()).toEqual({
      status: 'opened',
      conversationId: 'conversation-1',
      messageStatus: 'not_sent',
      messageCode: 'given_up',
    })
    expect((await claim('Hello')).kind).toBe('final')
  })

  test.each<[string, string, (ledger: ReturnType<typeof arrange>) => Promise<unknown>]>([
    ['is held', 'held', async ({ take }) => take()],
    [
      'is finished',
      'finished',
      async ({ take }) => {
        const first = await take()
        await first.entry.record(ended(first, { conversation: C1 }))
      },
    ],
    ['is unknown', 'finished', async () => undefined],
  ])('changes nothing if the request %s, and says so', async (_, answer, before) => {
    const ledger = arrange()
    await before(ledger)
    const item = await ledger.item()
    expect(await ledger.giveUp(ledger.request, 'invalid_request')).toBe(answer)
    expect(await ledger.item()).toEqual(item)
  })
})

describe('a claim whose answer was lost', () => {
  const LOST = { leaseId: 'lost-lease' }

  test('is continued by whoever carries its lease, and is no death', async () => {
    const { claim, item } = arrange()
    await claim(undefined, undefined, LOST)
    const next = await claim(undefined, undefined, { lostLeases: ['another', LOST.leaseId] })
    expect(next).toMatchObject({ kind: 'claimed', before: NOTHING })
    expect(await item()).toMatchObject({ attempts: 1, releases: 0, claimState: 'held' })
    expect(await item()).not.toMatchObject(LOST)
  })

  test('is continued once its lease has expired, too', async () => {
    const { claim, item, advance } = arrange()
    await claim(undefined, undefined, LOST)
    advance(10 * LEASE_MS)
    const next = await claim(undefined, undefined, { lostLeases: [LOST.leaseId] })
    expect(next).toMatchObject({ kind: 'claimed', before: NOTHING })
    expect(await item()).toMatchObject({ attempts: 1 })
  })

  test('is continued by one of several copies', async () => {
    const { claim } = arrange()
    await claim(undefined, undefined, LOST)
    const copies = await Promise.all(
      Array.from({ length: 4 }, () => claim(undefined, undefined, { lostLeases: [LOST.leaseId] })),
    )
    expect(copies.map(({ kind }) => kind).toSorted()).toEqual(['claimed', 'held', 'held', 'held'])
  })

  test('is a death for everyone else', async () => {
    const { claim, advance } = arrange()
    await claim(undefined, undefined, LOST)
    expect((await claim()).kind).toBe('held')
    advance(10 * LEASE_MS)
    expect(await claim()).toMatchObject({
      kind: 'claimed',
      before: { claim: { attempt: 1, releases: 0, state: 'held' } },
    })
  })

  test('keeps the attempts that died before it', async () => {
    const { claim, advance } = arrange()
    await claim()
    advance(10 * LEASE_MS)
    await claim(undefined, undefined, LOST)
    const next = await claim(undefined, undefined, { lostLeases: [LOST.leaseId] })
    expect(next).toMatchObject({ before: { claim: { attempt: 1, releases: 0, state: 'held' } } })
  })
})

describe('a request id', () => {
  test.each<[string, Partial<AcceptedRequest>]>([
    ['at another account', { accountId: '70999999' }],
    ['of a sender whom nobody vouches for', { vouchedBy: 'nobody' }],
    ['at the other door', { door: 'queue', vouchedBy: 'crm' }],
  ])('%s is another request', async (_, changed) => {
    const { take, claim } = arrange({ door: 'form' })
    await take()
    expect((await claim('Other content', changed)).kind).toBe('claimed')
    expect((await claim()).kind).toBe('held')
  })

  test('has a holder: the start of the SHA-256 of its item’s key', () => {
    const key = { accountId: ACCOUNT, door: 'form', vouchedBy: 'nobody', requestId: 'form-0001' } as const
    // printf 'request#70123456#form#nobody#form-0001' | sha256sum
    expect(holderOf(key)).toBe('e819d2220eadc685')
  })
})

describe('a challenge', () => {
  const A = { challengeHash: 'a'.repeat(64) }
  const B = { challengeHash: 'b'.repeat(64) }
  const anonymous = () => arrange({ door: 'form', consumerId: '' })
  type Anonymous = ReturnType<typeof anonymous>
  const kindOf = async ({ findOriginal, request }: Anonymous, changed: Partial<AcceptedRequest>) =>
    (await findOriginal({ ...request, ...changed })).kind

  test('lets in exactly the request that spent it', async () => {
    const ledger = anonymous()
    expect(await kindOf(ledger, A)).toBe('none')
    await ledger.take(undefined, A)
    expect(await kindOf(ledger, A)).toBe('same')
    expect(await kindOf(ledger, B)).toBe('other')
    expect(await kindOf(ledger, {})).toBe('other')
    expect(await kindOf(ledger, { ...A, fingerprint: `${FINGERPRINT_VERSION}${'0'.repeat(64)}` })).toBe(
      'other',
    )
    expect(await kindOf(ledger, { ...A, fingerprint: `0.${'0'.repeat(64)}` })).toBe('same')
    expect(await kindOf(ledger, { ...A, accountId: '70999999' })).toBe('none')
    expect(await kindOf(ledger, { ...A, vouchedBy: 'token' })).toBe('none')
    expect(await kindOf(ledger, { ...A, requestId: 'another-request' })).toBe('none')
  })

  test.each<[string, (ledger: Anonymous) => Promise<unknown>]>([
    ['held', async () => undefined],
    ['abandoned', async ({ advance }) => advance(LEASE_MS + 1)],
    [
      'released',
      async ({ advance, take }) => {
        advance(LEASE_MS + 1)
        const second = await take(undefined, A)
        await second.entry.record(ended(second, {}, 'queued'))
      },
    ],
    [
      'finished',
      async ({ advance, take }) => {
        advance(LEASE_MS + 1)
        const second = await take(undefined, A)
        await second.entry.record(ended(second, { conversation: C1 }))
      },
    ],
    [
      'open, with an owed message',
      async ({ advance, take }) => {
        advance(LEASE_MS + 1)
        const second = await take(undefined, A)
        await second.entry.record(ended(second, { conversation: C1 }, 'queued'))
      },
    ],
  ])('of a retry is the request’s, too, if the request is %s', async (_, before) => {
    const ledger = anonymous()
    await ledger.take(undefined, A)
    await before(ledger)
    await ledger.claim(undefined, B)
    expect([await kindOf(ledger, A), await kindOf(ledger, B)]).toEqual(['same', 'same'])
  })

  test('of different content is not the request’s', async () => {
    const ledger = anonymous()
    await ledger.take(undefined, A)
    await expect(ledger.claim('Another message', B)).rejects.toBeInstanceOf(RequestIdReusedError)
    expect(await kindOf(ledger, B)).toBe('other')
  })

  test('costs no second write if the ledger has it', async () => {
    const updates: unknown[] = []
    const watched: StateTable = {
      ...table,
      update: (update) => {
        updates.push(update)
        return table.update(update)
      },
    }
    const { claim } = arrange({ door: 'form', consumerId: '', table: watched })
    await claim(undefined, A)
    await claim(undefined, A)
    expect(updates).toHaveLength(2)
    await claim(undefined, B)
    expect(updates).toHaveLength(4)
  })

  test('tells a copy what became of the request', async () => {
    const ledger = anonymous()
    const { findOriginal, request, take, advance } = ledger
    const first = await take(undefined, A)
    const copy = { ...request, ...A }
    expect(await findOriginal(copy)).toMatchObject({ isHeld: true, facts: { claim: { state: 'held' } } })
    advance(LEASE_MS + 1)
    expect(await findOriginal(copy)).toMatchObject({
      isHeld: false,
      facts: { claim: { state: 'failed', code: 'interrupted' } },
    })
    await first.entry.record(ended(first, { conversation: C1 }))
    expect(await findOriginal(copy)).toMatchObject({ isHeld: false, facts: { conversation: C1 } })
  })

  test('gives one of its copies a turn, and each challenge gives one', async () => {
    const { takeTurn, request, take, advance } = anonymous()
    await take(undefined, A)
    const turns = () => Promise.all(Array.from({ length: 10 }, () => takeTurn({ ...request, ...A })))
    expect((await turns()).filter(Boolean)).toHaveLength(1)
    advance(LEASE_MS + 1)
    await take(undefined, A)
    expect((await turns()).filter(Boolean)).toHaveLength(0)
    expect(await takeTurn({ ...request, ...B })).toBe(false)
    expect(await takeTurn(request)).toBe(false)
    advance(LEASE_MS + 1)
    await take(undefined, B)
    expect(await takeTurn({ ...request, ...B })).toBe(true)
  })

  test('whose turn was taken by a write with a lost answer is not lost', async () => {
    const { takeTurn, request, take } = anonymous()
    await take(undefined, A)
    loseAnswers = 1
    expect(await takeTurn({ ...request, ...A })).toBe(true)
  })
})

describe('find', () => {
  test('returns the requests with an id at one door, across accounts', async () => {
    const { take, find, requestId } = arrange({ door: 'form' })
    const first = await take()
    await first.entry.record(ended(first, { conversation: C1 }))
    expect(await find([ACCOUNT, 'other'], 'form', requestId)).toEqual([
      {
        requestId,
        accountId: ACCOUNT,
        warnings: [],
        outcome: { status: 'opened', conversationId: 'conversation-1' },
      },
    ])
    expect(await find([ACCOUNT, 'other'], 'queue', requestId)).toEqual([])
  })

  test('looks through more than a hundred accounts, and returns the oldest request first', async () => {
    const { take, find, requestId, request, claim, advance } = arrange({ door: 'form' })
    await take()
    advance(1)
    await claim(undefined, { accountId: '70999999' })
    const many = Array.from({ length: 250 }, (_, at) => `71${at}`)
    const found = await find(['70999999', ...many, ACCOUNT], request.door, requestId)
    expect(found.map(({ accountId }) => accountId)).toEqual([ACCOUNT, '70999999'])
  })

  test('keeps the order of requests that were made in the same millisecond', async () => {
    const { take, find, requestId, claim } = arrange({ door: 'form' })
    await claim(undefined, { accountId: '70999999' })
    await take()
    for (const accounts of [[ACCOUNT, '70999999'] as const, ['70999999', ACCOUNT] as const])
      expect((await find(accounts, 'form', requestId)).map(({ accountId }) => accountId)).toEqual([
        ACCOUNT,
        '70999999',
      ])
  })

  test('with a holder reads that one request, and nothing if it is nobody’s', async () => {
    const reads: (readonly string[])[] = []
    const watched: StateTable = {
      ...table,
      getMany: (pks) => {
        reads.push(pks)
        return table.getMany(pks)
      },
    }
    const { claim, find, requestId, request } = arrange({ door: 'form', table: watched })
    const other = { ...request, accountId: '70999999', vouchedBy: 'nobody' } as const
    await claim()
    await claim(undefined, other)
    const accounts = [ACCOUNT, '70999999']
    expect(await find(accounts, 'form', requestId, holderOf(request))).toMatchObject([{ accountId: ACCOUNT }])
    expect(await find(accounts, 'form', requestId, holderOf(other))).toMatchObject([
      { accountId: '70999999' },
    ])
    const event = { ...request, door: 'queue', vouchedBy: 'crm' } as const
    for (const wrong of ['', '0'.repeat(16), holderOf(event), holderOf(request).slice(1)])
      expect(await find(accounts, 'form', requestId, wrong)).toEqual([])
    expect(await find([ACCOUNT], 'form', requestId, holderOf(other))).toEqual([])
    expect(reads).toEqual([
      [`request#${ACCOUNT}#form#token#${requestId}`],
      [`request#70999999#form#nobody#${requestId}`],
    ])
  })

  test.each<[string, Door, boolean, object]>([
    ['an event, which its queue holds, as queued', 'queue', false, { status: 'queued' }],
    ['a form that a queue holds as queued', 'form', true, { status: 'queued' }],
    [
      'a form that no queue holds as failed, code interrupted',
      'form',
      false,
      { status: 'failed', code: 'interrupted' },
    ],
  ])('reads a claim whose attempt died: %s', async (_, door, handedOver, expected) => {
    const { take, told, advance } = arrange({ door })
    const first = await take()
    if (handedOver) await first.entry.record(going(first, { handedOver }))
    advance(LEASE_MS)
    expect(await told()).toEqual({ status: 'opening' })
    advance(1)
    expect(await told()).toEqual(expected)
  })

  test('reads a message that a dead attempt was about to send as unknown', async () => {
    const { take, told, advance } = arrange()
    const first = await take('Hello')
    await first.entry.record(
      going(first, { conversation: C1, message: { tried: 1, refused: 0, sent: false } }),
    )
    expect(await told()).toMatchObject({ status: 'opened', messageStatus: 'pending' })
    advance(LEASE_MS + 1)
    expect(await told()).toMatchObject({ status: 'opened', messageStatus: 'unknown' })
  })

  test('leaves out a code that this version does not know', async () => {
    const { take, told, pk } = arrange()
    const first = await take()
    await first.entry.record(ended(first, {}, 'queued'))
    await table.update({ pk, set: { code: 'a_code_of_another_version' } })
    expect(await told()).toEqual({ status: 'queued' })
  })
})

test('the reason of a quarantined message is kept under its id', async () => {
  const { keepReason, now } = arrange()
  const reason = { code: 'invalid_request', detail: 'It is too large.', requestId: 'event-0001' }
  await keepReason('message-0001', { ...reason, attempts: undefined })
  expect(await table.get('quarantined#message-0001')).toEqual({
    pk: 'quarantined#message-0001',
    ...reason,
    updatedAt: now(),
    expiresAt: Math.floor((now() + 30 * DAY_MS) / 1000),
  })
})

describe('for any two attempts, in any order', () => {
  const seen: fc.Arbitrary<Partial<Facts>> = fc.record(
    {
      conversation: fc.oneof(
        fc.record({ kind: fc.constantFrom('none', 'in_doubt', 'unknown') }),
        fc.record({
          kind: fc.constant('refused'),
          code: fc.constantFrom('liveperson_rejected', 'invalid_request'),
          attempt: fc.integer({ min: 1, max: 3 }),
        }),
        fc.record(
          {
            kind: fc.constantFrom('existing', 'opened'),
            conversationId: fc.constantFrom('c-1', 'c-2'),
          },
          { requiredKeys: ['kind'] },
        ),
      ),
      message: fc.record(
        {
          tried: fc.nat({ max: 2 }),
          refused: fc.nat({ max: 2 }),
          sent: fc.boolean(),
          dropped: fc.constantFrom('given_up', 'conversation_closed'),
        },
        { requiredKeys: ['tried', 'refused', 'sent'] },
      ),
      handedOver: fc.boolean(),
    },
    { requiredKeys: [] },
  )
  const action = fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('claim'), who: fc.nat({ max: 1 }) }) },
    {
      weight: 5,
      arbitrary: fc.record({
        kind: fc.constant('record'),
        who: fc.nat({ max: 1 }),
        seen,
        state: fc.constantFrom('held', 'held', 'queued', 'failed', 'given_up', 'done'),
        isParallel: fc.boolean(),
      }),
    },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('wait') }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('give_up') }) },
  )

  /** What readers outside of this service see is what the facts say. */
  const expectConsistent = (item: Item | undefined, hasMessage: boolean) => {
    if (!item) return
    const facts = factsIn(item)
    const { status, code, conversationId, messageStatus, messageCode, finished } = item
    expect({ status, code, conversationId, messageStatus, messageCode, finished }).toEqual({
      ...{ code: undefined, conversationId: undefined, messageStatus: undefined, messageCode: undefined },
      ...outcomeOf(facts, hasMessage),
      finished: isFinished(facts, hasMessage),
    })
  }

  const factsIn = ({ attempts, releases, claimState, code, facts }: Item): Facts => {
    const isReleased = claimState !== 'held' && claimState !== 'done'
    const claim = { attempt: attempts, releases, state: claimState, ...(isReleased && { code }) }
    return carriedFactsShape.parse({ ...z.parse(z.record(z.string(), z.unknown()), facts), claim })
  }

  /**
   * A write that changes what is published raises the number by one, and no other write does. So no number is
   * missing, none is used twice, and nothing is published twice.
   */
  const expectNumbered = (before: Item | undefined, after: Item, hasMessage: boolean) => {
    const told = before && JSON.stringify(publishedOf(factsIn(before), hasMessage))
    const tells = JSON.stringify(publishedOf(factsIn(after), hasMessage))
    const isOutcome = tells !== undefined && tells !== told
    expect(after.outcomeNumber).toBe(Number(before?.outcomeNumber ?? 0) + (isOutcome ? 1 : 0))
    if (isOutcome) expect(after.outcomeAt).toBe(after.updatedAt)
  }

  test('the item says what its facts say, no knowledge is lost, no two hold the claim, and outcomes are numbered', async () => {
    const raised = new Set<number>()
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: 3, maxLength: 20 }),
        fc.boolean(),
        async (actions, has) => {
          const memory = createMemoryTable({
            onWrite: (before, after) => {
              expectNumbered(before, after, has)
              raised.add(Number(after.outcomeNumber))
            },
          })
          const ledger = arrange({ table: memory })
          const message = has ? 'Hello' : undefined
          const attempts = new Map<number, Taken & { readonly until: number; isOver: boolean }>()
          const writing: Promise<unknown>[] = []
          let sum = NOTHING
          for (const next of actions) {
            switch (next.kind) {
              case 'wait':
                ledger.advance(LEASE_MS + 1)
                break
              case 'give_up':
                await ledger.giveUp(ledger.request, 'invalid_request')
                break
              case 'claim': {
                const claimed = await ledger.claim(message)
                if (claimed.kind !== 'claimed') break
                const holding = [...attempts.values()].filter(
                  ({ until, isOver }) => !isOver && until >= ledger.now(),
                )
                expect(holding).toEqual([])
                const { entry, before } = claimed
                const { facts: known } = learn(begin(), claimed)
                attempts.set(next.who, {
                  entry,
                  before,
                  known,
                  until: ledger.now() + LEASE_MS,
                  isOver: false,
                })
                break
              }
              case 'record': {
                const attempt = attempts.get(next.who)
                if (!attempt) break
                const isGoing = next.state === 'held' || attempt.isOver
                const facts = isGoing ? going(attempt, next.seen) : ended(attempt, next.seen, next.state)
                attempt.isOver ||= !isGoing
                sum = merge(sum, { ...facts, claim: NOTHING.claim })
                writing.push(
                  attempt.entry
                    .record(facts)
                    .then((returned) => expect(merge(returned, facts)).toEqual(returned)),
                )
                if (!next.isParallel) await Promise.all(writing)
              }
            }
            expectConsistent(await memory.get(ledger.pk), has)
          }
          await Promise.all(writing)
          const item = await memory.get(ledger.pk)
          expectConsistent(item, has)
          if (item) expect(merge(factsIn(item), sum)).toEqual(factsIn(item))
        },
      ),
      { numRuns: 1000 },
    )
    // Otherwise the property would hold for want of outcomes.
    expect([...raised]).toEqual(expect.arrayContaining([0, 1, 2, 3]))
  })
})
