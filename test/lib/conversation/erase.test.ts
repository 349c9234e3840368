import { beforeEach, describe, expect, test } from 'vitest'
import type { Item, StateTable } from '../../../lib/aws/state-table.ts'
import { eraseItem, isOfKnownConsumer, lpConsumerIdIn } from '../../../lib/conversation/erase.ts'
import type { Facts } from '../../../lib/conversation/facts.ts'
import { createLedger } from '../../../lib/conversation/ledger.ts'
import type { AcceptedRequest } from '../../../lib/request/conversation-request.ts'
import { createMemoryTable } from '../../simulation/state-table.ts'

const CAMPAIGN = { campaignId: '3120045610', engagementId: '3120047710' }
const DESTINATION = { ...CAMPAIGN, routeAttributes: [], ttr: 'NORMAL' } as const
const DERIVED = `request-${'a'.repeat(64)}`
const REQUEST: AcceptedRequest = {
  door: 'form',
  requestId: 'request-0001',
  accountId: '70123456',
  consumerId: DERIVED,
  fingerprint: '2.f00d',
  challengeHash: 'c0ffee',
  vouchedBy: 'nobody',
  warnings: [{ path: 'consumer.firstName', message: 'had characters' }],
  message: 'My order is late',
}
const PK = 'request#70123456#form#nobody#request-0001'
const CONSUMER = 'consumer#70123456#lp-1'
const LEASE_MS = 60_000

let table: StateTable
let time: number

beforeEach(() => {
  table = createMemoryTable()
  time = 1_800_000_000_000
})

/** Claims the request, and records facts. */
const store = async (facts: Partial<Facts>, request: AcceptedRequest = REQUEST) => {
  const ledger = createLedger({ table, now: () => time, uuid: () => 'lease-0001' })
  const claimed = await ledger.claim(request, DESTINATION, time + LEASE_MS)
  if (claimed.kind !== 'claimed') throw new Error('The request is new')
  const claim = { attempt: 1, releases: 0, state: 'held' } as const
  const nothing = { tried: 0, refused: 0, sent: false }
  await claimed.entry.record({
    claim,
    conversation: { kind: 'none' },
    message: nothing,
    handedOver: false,
    lpConsumerId: 'lp-1',
    ...facts,
  })
  return ledger
}
const DONE = { attempt: 1, releases: 0, state: 'done' } as const
const OPENED = { kind: 'opened', conversationId: 'conversation-1' } as const
const SENT = { tried: 1, refused: 0, sent: true }
const opened = { claim: DONE, conversation: OPENED, message: SENT, openedAt: 1_799_999_999_000 }

const read = async (pk = PK): Promise<Item> => {
  const item = await table.get(pk)
  if (!item) throw new Error(`There is no item ${pk}`)
  return item
}
const erase = async (pk = PK, { trial = false, from = table } = {}) =>
  eraseItem({ table: from, item: await read(pk), trial, now: () => time })

describe('a finished request', () => {
  test('keeps what tells a replay from a new request, and nothing else', async () => {
    await store(opened)
    const before = await read()
    expect(await erase()).toEqual({
      key: PK,
      status: 'opened',
      expiresAt: before.expiresAt,
      outcome: 'erased',
      ended: false,
      ids: {
        consumerId: DERIVED,
        conversationId: 'conversation-1',
        ...CAMPAIGN,
        challenge_c0ffee: 'spent',
        warnings: JSON.stringify(REQUEST.warnings),
        'facts.lpConsumerId': 'lp-1',
        'facts.conversationId': 'conversation-1',
      },
    })
    const after = await read()
    for (const secret of ['lp-1', 'conversation-1', DERIVED, 'c0ffee', 'lease-0001', CAMPAIGN.campaignId])
      expect(JSON.stringify(after)).not.toContain(secret)
    const kept = ['pk', 'fingerprint', 'createdAt', 'expiresAt', 'status', 'attempts', 'finished']
    for (const name of [...kept, 'outcomeNumber', 'outcomeAt']) expect(after[name]).toEqual(before[name])
    expect(after.outcomeNumber).toBe(1)
    expect(after.revision).toBe(Number(before.revision) + 1)
  })

  test('keeps when its conversation was closed, found and forgotten, without ids and reasons', async () => {
    const conversationId = OPENED.conversationId
    await store({
      ...opened,
      closings: [{ conversationId, at: time + 5 }],
      settled: { by: 'operator', conversationId, at: time + 7, reason: 'seen by Zoë' },
      forgotten: { attempt: 1, at: time + 6, reason: 'asked Ana' },
    })
    const { ids } = await erase()
    expect(ids).toMatchObject({
      'facts.closings.conversationId': conversationId,
      'facts.settled.conversationId': conversationId,
      'facts.settled.reason': 'seen by Zoë',
      'facts.forgotten.reason': 'asked Ana',
    })
    expect((await read()).facts).toEqual({
      conversation: { kind: 'opened' },
      message: SENT,
      handedOver: false,
      openedAt: opened.openedAt,
      closings: [{ at: time + 5 }],
      settled: { by: 'operator', at: time + 7 },
      forgotten: { attempt: 1, at: time + 6 },
    })
    expect(await erase()).toMatchObject({ outcome: 'clean', ids: {} })
  })

  test.each<[Facts['conversation'], object]>([
    [{ kind: 'existing', conversationId: 'conversation-1' }, { kind: 'existing' }],
    [
      { kind: 'refused', code: 'liveperson_rejected', attempt: 1 },
      { kind: 'refused', code: 'liveperson_rejected', attempt: 1 },
    ],
  ])('keeps how it ended: $kind', async (conversation, kept) => {
    await store({ claim: DONE, conversation, message: SENT })
    await erase()
    const { facts } = await read()
    expect(facts).toEqual({ conversation: kept, message: SENT, handedOver: false })
  })

  test.each<[string, Item]>([
    ['an attribute', { nickname: 'Zoë' }],
    ['an id in its facts', { facts: { conversation: OPENED, message: SENT, handedOver: false } }],
    ['a lease', { leaseId: 'lease-0002' }],
  ])('is erased again if %s has come back', async (_, set) => {
    await store(opened)
    await erase()
    const erased = await read()
    await table.update({ pk: PK, set })
    expect(await erase()).toMatchObject({ outcome: 'erased', ended: false })
    expect({ ...(await read()), revision: 0, facts: {} }).toEqual({ ...erased, revision: 0, facts: {} })
    expect(JSON.stringify(await read())).not.toContain('conversation-1')
  })

  test('loses attributes that only a later version of the service knows', async () => {
    await store(opened)
    await table.update({ pk: PK, set: { nickname: 'Zoë' } })
    await erase()
    expect(await read()).not.toHaveProperty('nickname')
  })

  test('is not opened by a replay', async () => {
    const ledger = await store(opened)
    await erase()
    const { challengeHash: _, ...copy } = REQUEST
    expect(await ledger.claim(copy, DESTINATION, time + LEASE_MS)).toMatchObject({
      kind: 'final',
      isErased: true,
      facts: { conversation: { kind: 'opened' } },
    })
    expect(await read()).not.toHaveProperty('conversationId')
  })

  test('has nothing to erase the second time', async () => {
    await store(opened)
    await erase()
    const stored = await read()
    expect(await erase()).toMatchObject({ outcome: 'clean', ended: false, ids: {} })
    expect(await read()).toEqual(stored)
  })

  test('stays as it is in a trial', async () => {
    await store(opened)
    const stored = await read()
    expect(await erase(PK, { trial: true })).toMatchObject({ outcome: 'erased' })
    expect(await read()).toEqual(stored)
  })
})

describe('a request that is not finished', () => {
  test.each<[string, Partial<Facts>, object]>([
    [
      'waits for its conversation ends as outcome_unknown',
      { claim: { ...DONE, state: 'queued', code: 'liveperson_unavailable' } },
      { status: 'outcome_unknown', code: 'outcome_unknown' },
    ],
    [
      'may have been opened ends as outcome_unknown',
      { claim: { ...DONE, state: 'failed', code: 'interrupted' }, conversation: { kind: 'in_doubt' } },
      { status: 'outcome_unknown', code: 'outcome_unknown' },
    ],
    [
      'was refused before its last attempt ends as outcome_unknown',
      {
        claim: { ...DONE, state: 'queued' },
        conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 0 },
      },
      { status: 'outcome_unknown', code: 'outcome_unknown' },
    ],
    [
      'owes its message keeps its conversation and gives the message up',
      {
        claim: { ...DONE, state: 'queued' },
        conversation: OPENED,
        message: { tried: 1, refused: 1, sent: false },
        openedAt: 1,
      },
      { status: 'opened', messageStatus: 'not_sent', messageCode: 'given_up' },
    ],
    [
      'owes its message to an open conversation gives the message up',
      {
        claim: { ...DONE, state: 'queued' },
        conversation: { kind: 'existing', conversationId: 'conversation-1' },
        message: { tried: 1, refused: 1, sent: false },
      },
      { status: 'existing', messageStatus: 'not_sent', messageCode: 'given_up' },
    ],
  ])('and %s', async (_, facts, expected) => {
    const ledger = await store(facts)
    const before = await read()
    expect(before).toMatchObject({ finished: false })
    time += LEASE_MS
    expect(await erase()).toMatchObject({ outcome: 'erased', ended: true })
    // Its end is an outcome of its own.
    expect(await read()).toMatchObject({ outcomeNumber: Number(before.outcomeNumber) + 1, outcomeAt: time })
    expect(await read()).toMatchObject({ ...expected, finished: true, claimState: 'done' })
    time += 2 * LEASE_MS
    expect(await ledger.claim(REQUEST, DESTINATION, time + LEASE_MS)).toMatchObject({ kind: 'final' })
  })

  test('is left alone while an attempt holds it', async () => {
    await store({})
    const stored = await read()
    expect(await erase()).toMatchObject({ outcome: 'in_use', ended: false, inUseUntil: stored.leaseUntil })
    expect(await read()).toEqual(stored)
    time = Number(stored.leaseUntil) + 1
    expect(await erase()).toMatchObject({ outcome: 'erased', ended: true })
  })
})

describe('writes of others', () => {
  test('are seen, and what they wrote is erased, too', async () => {
    await store(opened)
    let races = 0
    const raced: StateTable = {
      ...table,
      update: async (update) => {
        if (races++ === 0)
          await table.update({ pk: PK, set: { messageCode: 'late', later: 'x' }, add: { revision: 1 } })
        return table.update(update)
      },
    }
    expect(await erase(PK, { from: raced })).toMatchObject({ outcome: 'erased' })
    expect(await read()).not.toHaveProperty('later')
    expect(await read()).toMatchObject({ messageCode: 'late' })
  })

  test('that never end leave the item in use', async () => {
    await store(opened)
    const busy: StateTable = {
      ...table,
      update: async (update) => {
        await table.update({ pk: PK, set: {}, add: { revision: 1 } })
        return table.update(update)
      },
    }
    expect(await erase(PK, { from: busy })).toMatchObject({ outcome: 'in_use', ended: false })
  })

  test('that remove the item leave nothing to erase', async () => {
    await store(opened)
    const gone: StateTable = { ...table, update: async () => ({ applied: false, item: undefined }) }
    expect(await erase(PK, { from: gone })).toMatchObject({ outcome: 'clean', ended: false })
  })
})

describe('a consumer’s conversation', () => {
  test('keeps its state, and loses the conversation and the request', async () => {
    await store(opened)
    expect(await erase(CONSUMER)).toMatchObject({
      status: 'OPEN',
      outcome: 'erased',
      ids: { conversationId: 'conversation-1', openedBy: PK },
    })
    const { pk, state, openedAt, updatedAt, expiresAt, ...others } = await read(CONSUMER)
    expect([pk, state, openedAt]).toEqual([CONSUMER, 'OPEN', opened.openedAt])
    expect(others).toEqual({})
    expect(await erase(CONSUMER)).toMatchObject({ outcome: 'clean' })
  })
})

test('a consumer is known if an id of the CRM or a token has reached LivePerson', async () => {
  await store(opened)
  expect([isOfKnownConsumer(await read()), lpConsumerIdIn(await read())]).toEqual([false, 'lp-1'])
  await store(opened, { ...REQUEST, requestId: 'request-0002', consumerId: 'crm-1', vouchedBy: 'token' })
  expect(isOfKnownConsumer(await read('request#70123456#form#token#request-0002'))).toBe(true)
})
