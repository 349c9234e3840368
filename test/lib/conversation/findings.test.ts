import { beforeEach, describe, expect, test } from 'vitest'
import type { Item, StateTable } from '../../../lib/aws/state-table.ts'
import { eraseItem } from '../../../lib/conversation/erase.ts'
import { type Facts, merge, NOTHING } from '../../../lib/conversation/facts.ts'
import { createFindings } from '../../../lib/conversation/findings.ts'
import { createLedger, type Entry } from '../../../lib/conversation/ledger.ts'
import { openerOf, type ToldConversation } from '../../../lib/conversation/ledger-item.ts'
import { ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import type { AcceptedRequest } from '../../../lib/request/conversation-request.ts'
import { createMemoryTable } from '../../simulation/state-table.ts'

const CAMPAIGN = { campaignId: '3120045610', engagementId: '3120047710' }
const DESTINATION = { ...CAMPAIGN, routeAttributes: [], ttr: 'NORMAL' } as const
const REQUEST: AcceptedRequest = {
  door: 'queue',
  requestId: 'request-0001',
  accountId: '70123456',
  consumerId: 'crm-1',
  fingerprint: '2.f00d',
  vouchedBy: 'crm',
  warnings: [{ path: 'consumer.firstName', message: 'had characters' }],
  message: 'My order is late',
}
const PK = 'request#70123456#queue#crm#request-0001'
const SECOND: AcceptedRequest = { ...REQUEST, requestId: 'request-0002' }
const SECOND_PK = 'request#70123456#queue#crm#request-0002'
const CONSUMER = 'consumer#70123456#lp-1'
const DAY_MS = 24 * 3600 * 1000
const ALIVE_MS = 60_000
const LEASE_MS = ALIVE_MS + 10_000
const DONE = { attempt: 1, releases: 1, state: 'done' } as const
const C1 = { kind: 'opened', conversationId: 'c-1' } as const
const FOUND = { conversationId: 'c-1', by: 'operator', reason: 'seen in LivePerson' } as const
const SENT = { tried: 1, refused: 0, sent: true }
const NONE = { reason: 'not in LivePerson', force: false }

let table: StateTable
let time: number
let serial = 0
let findings: ReturnType<typeof createFindings>

beforeEach(() => {
  table = createMemoryTable()
  time = 1_800_000_000_000
  findings = createFindings({ table, now: () => time })
})

/** @param on Default: the table that works. */
const claim = (request = REQUEST, on = table) =>
  createLedger({ table: on, now: () => time, uuid: () => `lease-${++serial}` }).claim(
    request,
    DESTINATION,
    time + ALIVE_MS,
  )

const take = async (request = REQUEST): Promise<Entry> => {
  const claimed = await claim(request)
  if (claimed.kind !== 'claimed') throw new Error(`The request is ${claimed.kind}`)
  return claimed.entry
}

/** Claims the request, and records facts. */
const store = async (facts: Partial<Facts>, request = REQUEST) =>
  (await take(request)).record({ ...NOTHING, claim: DONE, lpConsumerId: 'lp-1', ...facts })

const read = async (pk = PK): Promise<Item> => {
  const item = await table.get(pk)
  if (!item) throw new Error(`There is no item ${pk}`)
  return item
}

/** A table in which an attempt writes right before the first update of a finding. */
const overtaken = (times: number, write: () => Promise<unknown>): StateTable => {
  let left = times
  return {
    ...table,
    update: async (update) => {
      if (left-- > 0) await write()
      return table.update(update)
    },
  }
}

/** A table that fails to write one item. */
const without = (pk: string): StateTable => ({
  ...table,
  update: async (update) => {
    if (update.pk === pk) throw new ServiceUnavailableError({ detail: 'DynamoDB throttles.' })
    return table.update(update)
  },
})

/** Returns another conversation whose opener would have the same place as that of c-1. */
const withPlaceOfC1 = (): string => {
  const placeOf = (id: string) => Object.keys(openerOf({ conversationId: id, openedBy: PK }))[0]
  const ids = Array.from({ length: 99 }, (_, index) => `c-${index + 2}`)
  const id = ids.find((each) => placeOf(each) === placeOf('c-1'))
  if (id === undefined) throw new Error('No conversation has the same place')
  return id
}

describe('the conversation that was found', () => {
  test('settles an unknown outcome, with time and reason', async () => {
    await store({ conversation: { kind: 'unknown' } })
    expect(await findings.settle(REQUEST, FOUND)).toEqual({
      kind: 'recorded',
      outcome: { status: 'opened', conversationId: 'c-1', messageStatus: 'pending' },
    })
    const item = await read()
    expect(item).toMatchObject({ status: 'opened', conversationId: 'c-1', messageStatus: 'pending' })
    expect(item).toMatchObject({ facts: { settled: { ...FOUND, at: time } }, finished: false })
    expect(item.code).toBe(undefined)
  })

  test('lets the next copy send the message', async () => {
    await store({ conversation: { kind: 'unknown' } })
    expect(await claim()).toMatchObject({ kind: 'final' })
    await findings.settle(REQUEST, FOUND)
    expect(await claim()).toMatchObject({ kind: 'claimed', before: { conversation: { kind: 'opened' } } })
  })

  test('gives the id that an answer lacked, also while an attempt holds the claim', async () => {
    const entry = await take()
    const held = { attempt: 1, releases: 0, state: 'held' } as const
    await entry.record({ ...NOTHING, claim: held, conversation: { kind: 'existing' } })
    await findings.settle(REQUEST, { conversationId: 'c-7', by: 'liveperson' })
    expect(await read()).toMatchObject({ status: 'existing', conversationId: 'c-7', claimState: 'held' })
    // The attempt merges what it knows.
    const after = await entry.record({ ...NOTHING, claim: DONE, conversation: { kind: 'existing' } })
    expect(after.conversation).toEqual({ kind: 'existing', conversationId: 'c-7' })
  })

  test('settles a doubt that no attempt has ended', async () => {
    const claim = { attempt: 1, releases: 1, state: 'failed', code: 'liveperson_unavailable' } as const
    await store({ claim, conversation: { kind: 'in_doubt' } })
    expect(await findings.settle(REQUEST, FOUND)).toMatchObject({ outcome: { status: 'opened' } })
  })

  test.each<[string, Partial<Facts>, string]>([
    [
      'is refused if another is known',
      { conversation: { ...C1, conversationId: 'c-0' } },
      'has_conversation',
    ],
    ['is refused if no create can have reached LivePerson', {}, 'no_doubt'],
    [
      'is refused after a refusal',
      { conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } },
      'no_doubt',
    ],
  ])('%s', async (_, facts, kind) => {
    await store(facts)
    const before = await read()
    expect(await findings.settle(REQUEST, FOUND)).toMatchObject({ kind })
    expect(await read()).toEqual(before)
  })

  test('is merged with what an attempt wrote in the meantime', async () => {
    const entry = await take()
    const known = { ...NOTHING, claim: DONE, conversation: { kind: 'unknown' } } as const
    await entry.record(known)
    const late = createFindings({
      table: overtaken(1, () => entry.record(merge(known, { ...NOTHING, handedOver: true }))),
      now: () => time,
    })
    await late.settle(REQUEST, FOUND)
    expect(await read()).toMatchObject({ status: 'opened', facts: { handedOver: true } })
  })

  test('is not recorded if others keep writing', async () => {
    await store({ conversation: { kind: 'unknown' } })
    const late = createFindings({
      table: overtaken(99, () => table.update({ pk: PK, set: {}, add: { revision: 1 } })),
      now: () => time,
    })
    await expect(late.settle(REQUEST, FOUND)).rejects.toThrow(ServiceUnavailableError)
  })

  test('needs a request, whose ids were not erased', async () => {
    expect(await findings.settle(REQUEST, FOUND)).toEqual({ kind: 'not_found' })
    await store({ conversation: { kind: 'unknown' } })
    await eraseItem({ table, item: await read(), trial: false, now: () => time })
    expect(await findings.settle(REQUEST, FOUND)).toEqual({ kind: 'erased' })
    expect(await findings.forget(REQUEST, { ...NONE, force: true })).toEqual({ kind: 'erased' })
  })
})

describe('that there is no conversation', () => {
  test('lets the next copy of a rejected request be attempted', async () => {
    await store({ conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } })
    expect(await findings.forget(REQUEST, NONE)).toEqual({
      kind: 'recorded',
      outcome: { status: 'failed', code: 'liveperson_rejected' },
    })
    expect(await read()).toMatchObject({ status: 'failed', finished: false, attempts: 2, releases: 2 })
    const again = await claim()
    expect(again).toMatchObject({
      kind: 'claimed',
      before: { conversation: { kind: 'none' }, forgotten: { attempt: 1, at: time, reason: NONE.reason } },
    })
    if (again.kind === 'claimed') expect(again.before.claim).toMatchObject({ attempt: 2, state: 'given_up' })
  })

  test('is refused while a create may have reached LivePerson, unless a person has looked', async () => {
    await store({ conversation: { kind: 'unknown' } })
    const before = await read()
    expect(await findings.forget(REQUEST, NONE)).toMatchObject({
      kind: 'may_have_opened',
      outcome: { status: 'outcome_unknown' },
    })
    expect(await read()).toEqual(before)
    expect(await findings.forget(REQUEST, { ...NONE, force: true })).toMatchObject({
      kind: 'recorded',
      outcome: { status: 'failed', code: 'outcome_unknown' },
    })
    expect(await claim()).toMatchObject({ kind: 'claimed', before: { conversation: { kind: 'none' } } })
  })

  test('waits for an attempt, and counts one that died as a doubt', async () => {
    await take()
    expect(await findings.forget(REQUEST, { ...NONE, force: true })).toEqual({
      kind: 'in_use',
      until: time + LEASE_MS,
    })
    time += LEASE_MS + 1
    expect(await findings.forget(REQUEST, NONE)).toMatchObject({ kind: 'may_have_opened' })
    expect(await findings.forget(REQUEST, { ...NONE, force: true })).toMatchObject({ kind: 'recorded' })
    expect(await claim()).toMatchObject({ kind: 'claimed', before: { claim: { state: 'given_up' } } })
  })

  test.each<[string, Partial<Facts>, string]>([
    ['is refused if one is known', { conversation: C1 }, 'has_conversation'],
    [
      'is refused if one is open under an unknown id',
      { conversation: { kind: 'existing' } },
      'has_conversation',
    ],
    [
      'changes nothing if the request can be claimed',
      { claim: { attempt: 1, releases: 1, state: 'failed' } },
      'nothing_to_forget',
    ],
  ])('%s', async (_, facts, kind) => {
    await store(facts)
    expect(await findings.forget(REQUEST, { ...NONE, force: true })).toMatchObject({ kind })
  })
})

describe('a push', () => {
  const DERIVED = `request-${'a'.repeat(64)}`
  const START = { conversationId: 'c-1', startedAt: 1_800_000_000_500 }
  const CLOSED = { ...START, closedAt: 1_800_000_060_000 }
  const tell = (told: ToldConversation, lpConsumerId = 'lp-1') =>
    findings.tell('70123456', lpConsumerId, told)

  test('tells a closing to the request that opened the conversation, and to its consumer', async () => {
    await store({ conversation: C1, openedAt: time, message: { tried: 1, refused: 0, sent: true } })
    expect(await tell(START)).toBe(0)
    expect(await read(CONSUMER)).toMatchObject({ state: 'OPEN', conversationId: 'c-1', openedBy: PK })
    expect(await tell(CLOSED)).toBe(1)
    expect(await read()).toMatchObject({
      status: 'opened',
      closedAt: CLOSED.closedAt,
      facts: { closings: [{ conversationId: 'c-1', at: CLOSED.closedAt }] },
    })
    expect(await read(CONSUMER)).toMatchObject({ state: 'CLOSE', conversationId: 'c-1', openedBy: PK })
  })

  test('tells the closings of both conversations that a repeated create opened', async () => {
    const openedAt = time
    await (await take()).record({ ...NOTHING, claim: { ...DONE, state: 'queued' }, lpConsumerId: 'lp-1' })
    await table.update({
      pk: CONSUMER,
      set: { state: 'CLOSE', ...openerOf({ conversationId: 'c-0', openedBy: PK }), openedAt },
    })
    await tell({ conversationId: 'c-0', startedAt: openedAt, closedAt: openedAt + 100 })
    await store({ conversation: C1, openedAt: START.startedAt, message: SENT })
    await tell(CLOSED)
    expect(await read()).toMatchObject({ status: 'opened', conversationId: 'c-1', closedAt: CLOSED.closedAt })
  })

  test('knows for certain which request LivePerson told the id, also after a copy of it', async () => {
    await store({ conversation: C1, openedAt: time, message: SENT })
    const before = await read(CONSUMER)
    expect(before).toMatchObject(openerOf({ conversationId: 'c-1', openedBy: PK }))
    expect(await claim()).toMatchObject({ kind: 'final' })
    expect(await read(CONSUMER)).toEqual(before)
  })

  test('tells a late closing to a request whose place another one has taken', async () => {
    const second = withPlaceOfC1()
    await tell(START)
    await store({ conversation: C1, openedAt: time, message: SENT })
    time += 1000
    await store(
      { conversation: { kind: 'opened', conversationId: second }, openedAt: time, message: SENT },
      SECOND,
    )
    expect(await tell(CLOSED)).toBe(1)
    expect(await read()).toMatchObject({ closedAt: CLOSED.closedAt })
  })

  test('gives two requests the conversation that was open when LivePerson said so', async () => {
    const requests = ['request-0002', 'request-0003'].map((requestId) => ({
      ...REQUEST,
      ...{ requestId, message: undefined },
    }))
    const entries = await Promise.all(requests.map(take))
    await tell({ conversationId: 'c-0', startedAt: time, closedAt: time + 100 })
    time += 10_000
    await tell({ conversationId: 'c-1', startedAt: time })
    const facts = { ...NOTHING, claim: DONE, lpConsumerId: 'lp-1', conversation: { kind: 'opened' } } as const
    for (const entry of entries) {
      const known = await entry.record(facts)
      expect(await read(entry.pk)).toMatchObject({ conversationId: 'c-1' })
      await entry.record(known)
    }
  })

  test('that is repeated, late or out of order changes nothing', async () => {
    await store({ conversation: C1, openedAt: time, message: { tried: 1, refused: 0, sent: true } })
    await tell(CLOSED)
    const before = [await read(), await read(CONSUMER)]
    for (const told of [CLOSED, START, { ...CLOSED, closedAt: CLOSED.closedAt + 9 }]) {
      time += 1000
      expect(await tell(told)).toBe(0)
    }
    expect([await read(), await read(CONSUMER)]).toEqual(before)
  })

  test('of a closing shows the later conversation that a container’s fast clock had hidden', async () => {
    const later = { conversationId: 'c-2', startedAt: CLOSED.closedAt + 100 }
    await store({ conversation: C1, openedAt: later.startedAt + 1500 })
    await tell(later)
    expect(await read(CONSUMER)).toMatchObject({ state: 'OPEN', conversationId: 'c-1' })
    await tell(CLOSED)
    expect(await read(CONSUMER)).toMatchObject({
      ...{ state: 'OPEN', conversationId: 'c-2', openedAt: later.startedAt },
    })
  })

  test.each([
    ['then', [2000, 1000]],
    ['first', [1000, 2000]],
  ])('of the earlier closing counts, if it comes %s', async (_, times) => {
    for (const ms of times) await tell({ ...START, closedAt: START.startedAt + ms })
    expect(await read(CONSUMER)).toMatchObject({ told: [{ closedAt: START.startedAt + 1000 }] })
  })

  test('doesn’t reopen a conversation that an attempt has found closed', async () => {
    await store({ conversation: C1, openedAt: time })
    const { forgetConversation } = createLedger({ table, now: () => time, uuid: () => 'lease' })
    await forgetConversation('70123456', 'lp-1', 'c-1')
    await tell(START)
    expect(await read(CONSUMER)).toMatchObject({ state: 'CLOSE', conversationId: 'c-1' })
    expect(await read(CONSUMER)).not.toHaveProperty('closedIds')
    await tell({ conversationId: 'c-2', startedAt: START.startedAt + 9000 })
    expect(await read(CONSUMER)).toMatchObject({ state: 'OPEN', conversationId: 'c-2' })
  })

  test('of two conversations that began at the same time is the same in any order', async () => {
    const both = ['c-1', 'c-2'].map((conversationId) => ({ conversationId, startedAt: time }))
    for (const each of both) await tell(each, 'lp-1')
    for (const each of both.toReversed()) await tell(each, 'lp-2')
    const told = [{ conversationId: 'c-1' }, { conversationId: 'c-2' }]
    expect(await read(CONSUMER)).toMatchObject({ told })
    expect(await read('consumer#70123456#lp-2')).toMatchObject({ told })
  })

  test('names the request that opened the conversation, and a request that surely did over another', async () => {
    await store({ conversation: C1, openedAt: time, message: SENT })
    const inferred = { conversationId: 'c-1', openedBy: SECOND_PK, isInferred: true } as const
    await table.update({ pk: CONSUMER, set: { openedBy: SECOND_PK, opener0: inferred, opener1: inferred } })
    await table.update({ pk: CONSUMER, set: { opener3: { conversationId: 'c-1', openedBy: PK } } })
    await table.update({ pk: CONSUMER, set: {}, remove: ['openedBy', 'opener2'] })
    await tell(START)
    const { told } = await read(CONSUMER)
    expect(told).toEqual([{ ...START, openedBy: PK }])
  })

  test.each<[string, Partial<Facts>]>([
    ['opened one', { conversation: C1, openedAt: 1_800_000_000_000, message: SENT }],
    ['waits for an id', { conversation: { kind: 'opened' }, message: SENT }],
  ])('keeps the item of a consumer whose request %s for 30 days', async (_, facts) => {
    await store(facts)
    time += 1000
    await tell({ conversationId: 'c-9', startedAt: time - 90_000, closedAt: time - 80_000 })
    expect(await read(CONSUMER)).toMatchObject({
      expiresAt: Math.floor((time + 30 * DAY_MS) / 1000),
    })
  })

  test('of a later conversation is not undone by a container that wakes up late', async () => {
    const later = { conversationId: 'c-2', startedAt: CLOSED.closedAt + 100 }
    await tell(CLOSED)
    await tell(later)
    await store({ conversation: C1, openedAt: later.startedAt + 60_000 })
    expect(await read(CONSUMER)).toMatchObject({ state: 'OPEN', conversationId: 'c-2' })
  })

  test('of an earlier conversation leaves the later one open', async () => {
    await store({ conversation: C1, openedAt: time })
    const later = { conversationId: 'c-2', startedAt: CLOSED.closedAt + 1000 }
    await tell(later)
    expect(await read(CONSUMER)).toMatchObject({ state: 'OPEN', conversationId: 'c-2' })
    expect((await read(CONSUMER)).openedBy).toBe(undefined)
    expect(await tell(CLOSED)).toBe(1)
    expect(await read(CONSUMER)).toMatchObject({ state: 'OPEN', conversationId: 'c-2' })
    expect(await read()).toMatchObject({ closedAt: CLOSED.closedAt })
  })

  test('settles the outcome of a request whose consumer is its own', async () => {
    await store({ conversation: { kind: 'unknown' } }, { ...REQUEST, consumerId: DERIVED })
    expect(await read(CONSUMER)).toMatchObject({ waiting: 1, state: 'CLOSE' })
    expect(await tell(START)).toBe(1)
    expect(await read()).toMatchObject({
      status: 'opened',
      conversationId: 'c-1',
      facts: { settled: { by: 'liveperson', conversationId: 'c-1' } },
    })
    const consumer = await read(CONSUMER)
    expect(consumer).toMatchObject({ waiting: 0, conversationId: 'c-1', state: 'OPEN' })
    expect(Object.keys(consumer).filter((name) => name.startsWith('waiting_'))).toEqual([])
  })

  test('is remembered if it overtakes the answer that a request lost', async () => {
    expect(await tell(START)).toBe(0)
    expect(await read(CONSUMER)).toMatchObject({
      expiresAt: Math.floor((time + 4 * DAY_MS) / 1000),
    })
    await store({ conversation: { kind: 'unknown' } }, { ...REQUEST, consumerId: DERIVED })
    expect(await read()).toMatchObject({ status: 'opened', conversationId: 'c-1' })
  })

  test('tells a closing to a request that has written its consumer’s item, but not its own yet', async () => {
    const entry = await take()
    const set = { conversationId: 'c-1', state: 'OPEN', openedBy: PK, openedAt: time }
    await table.update({ pk: CONSUMER, set })
    await tell(CLOSED)
    await entry.record({ ...NOTHING, claim: DONE, conversation: C1, lpConsumerId: 'lp-1' })
    expect(await read()).toMatchObject({ status: 'opened', closedAt: CLOSED.closedAt })
  })

  test('tells the id to a request whose attempt died after it had recorded only that it is open', async () => {
    await tell(START)
    const request = { ...REQUEST, message: undefined }
    const entry = await take(request)
    const held = { attempt: 1, releases: 0, state: 'held' } as const
    await entry.record({ ...NOTHING, claim: held, conversation: { kind: 'opened' }, lpConsumerId: 'lp-1' })
    expect(await read()).toMatchObject({ status: 'opened', conversationId: 'c-1', claimState: 'held' })
  })

  test('tells the id to such a request once a copy of it has named its consumer', async () => {
    const request = { ...REQUEST, message: undefined }
    const { entry } = await claim(request, without(CONSUMER))
    const held = { attempt: 1, releases: 0, state: 'held' } as const
    const facts = { ...NOTHING, claim: held, conversation: { kind: 'opened' }, lpConsumerId: 'lp-1' } as const
    await expect(entry.record(facts)).rejects.toThrow(ServiceUnavailableError)
    expect(await read()).toMatchObject({ status: 'opened', finished: true, claimState: 'held' })
    await expect(claim(request, without(CONSUMER))).rejects.toThrow(ServiceUnavailableError)
    expect(await claim(request)).toMatchObject({ kind: 'final' })
    expect(await tell(START)).toBe(1)
    expect(await read()).toMatchObject({ status: 'opened', conversationId: 'c-1' })
  })

  test('tells a late copy the conversation that was open when LivePerson said so', async () => {
    const request = { ...REQUEST, message: undefined }
    const { entry } = await claim(request, without(CONSUMER))
    const facts = {
      ...NOTHING,
      claim: DONE,
      conversation: { kind: 'existing' },
      lpConsumerId: 'lp-1',
    } as const
    time = START.startedAt + 1000
    await expect(entry.record(facts)).rejects.toThrow(ServiceUnavailableError)
    await tell(CLOSED)
    time += 3_600_000
    expect(await claim(request)).toMatchObject({ kind: 'final' })
    expect(await read()).toMatchObject({ status: 'existing', conversationId: 'c-1' })
  })

  test('does not reopen a conversation, if its closing overtakes the answer to the create', async () => {
    await tell(CLOSED)
    await store({ conversation: C1, openedAt: time + 2000 })
    expect(await read()).toMatchObject({ status: 'opened', closedAt: CLOSED.closedAt })
    expect(await read(CONSUMER)).toMatchObject({ state: 'CLOSE', conversationId: 'c-1' })
  })

  test('tells a closing that arrives while the request writes its consumer’s item', async () => {
    await tell(START)
    let writes = 0
    const late: StateTable = {
      ...table,
      update: async (update) => {
        if (update.pk === CONSUMER && ++writes === 2) await tell(CLOSED)
        return table.update(update)
      },
    }
    const { entry } = await claim(REQUEST, late)
    // By the container's clock, the conversation is older than by LivePerson's.
    const openedAt = START.startedAt - 400
    await entry.record({ ...NOTHING, claim: DONE, conversation: C1, lpConsumerId: 'lp-1', openedAt })
    expect(writes).toBe(2)
    expect(await read()).toMatchObject({ status: 'opened', closedAt: CLOSED.closedAt })
  })

  test('tells a closing to a request of which only the consumer’s item could not be written', async () => {
    const { entry } = await claim(REQUEST, without(CONSUMER))
    const facts = { ...NOTHING, claim: DONE, conversation: C1, lpConsumerId: 'lp-1', openedAt: time }
    await expect(entry.record({ ...facts, message: SENT })).rejects.toThrow(ServiceUnavailableError)
    expect(await tell(CLOSED)).toBe(0)
    expect(await read()).not.toHaveProperty('closedAt')
    const later = { conversationId: 'c-2', startedAt: CLOSED.closedAt + 1000 }
    await tell(later)
    expect(await claim()).toMatchObject({
      kind: 'final',
      facts: { closings: [{ conversationId: 'c-1', at: CLOSED.closedAt }] },
    })
    expect(await read()).toMatchObject({ status: 'opened', closedAt: CLOSED.closedAt, outcomeNumber: 2 })
    expect(await read(CONSUMER)).toMatchObject({ state: 'OPEN', conversationId: 'c-2' })
  })

  test('tells a closing to the copy of a request whose consumer’s item is written late', async () => {
    await store({ conversation: C1, message: SENT })
    expect(await read(CONSUMER)).toMatchObject({ state: 'CLOSE' })
    expect(await tell(CLOSED)).toBe(1)
    expect(await read()).toMatchObject({ closedAt: CLOSED.closedAt })
  })

  test('tells a closing late, when the opener of another conversation would have the same place', async () => {
    const taken = withPlaceOfC1()
    await store({ conversation: C1, openedAt: time, message: SENT })
    await tell(START)
    time += 5000
    await store(
      { conversation: { kind: 'opened', conversationId: taken }, openedAt: time, message: SENT },
      SECOND,
    )
    await tell({ conversationId: taken, startedAt: time })
    expect(await tell(CLOSED)).toBe(1)
    expect(await read()).toMatchObject({ closedAt: CLOSED.closedAt })
  })

  test('tells a closing to a request whose opener found its place taken, and its conversation followed', async () => {
    const taken = withPlaceOfC1()
    await store({ conversation: C1, openedAt: time, message: SENT })
    await tell(START)
    const opened = (conversationId: string) => ({ kind: 'opened', conversationId }) as const
    await store({ conversation: opened(taken), openedAt: time + 5000, message: SENT }, SECOND)
    const third = { ...REQUEST, requestId: 'request-0003' }
    await store({ conversation: opened('c-200'), openedAt: time + 9000, message: SENT }, third)
    const closedAt = time + 8000
    expect(await tell({ conversationId: taken, startedAt: time + 5000, closedAt })).toBe(1)
    expect(await read(SECOND_PK)).toMatchObject({ closedAt })
  })

  test('of another conversation changes nothing for the request that opened the one before', async () => {
    await store({ conversation: C1, openedAt: time, message: SENT })
    const before = await read()
    expect(await tell({ conversationId: 'c-9', startedAt: time + 5000, closedAt: time + 9000 })).toBe(0)
    expect(await read()).toEqual(before)
  })

  test('tells the closing to a request that has learned the id from an earlier push', async () => {
    await store({ conversation: { kind: 'opened' }, idMissingSince: time + 3000, message: SENT })
    await tell(START)
    expect(await read()).toMatchObject({ status: 'opened', conversationId: 'c-1' })
    await tell({ conversationId: 'c-2', startedAt: CLOSED.closedAt + 1000 })
    expect(await tell(CLOSED)).toBe(1)
    expect(await read()).toMatchObject({ closedAt: CLOSED.closedAt })
  })

  test('that comes twice at the same time ends the wait of a request once', async () => {
    await store({ conversation: { kind: 'opened' }, idMissingSince: time + 3000, message: SENT })
    expect(await read(CONSUMER)).toMatchObject({ waiting: 1 })
    await Promise.all([tell(START), tell(START), tell(CLOSED)])
    expect(await read()).toMatchObject({ conversationId: 'c-1', closedAt: CLOSED.closedAt })
    expect(await read(CONSUMER)).toMatchObject({ waiting: 0 })
  })

  test('is kept if another one about an earlier conversation is written at the same time', async () => {
    await tell({ conversationId: 'c-9', startedAt: time + 60_000 })
    const earlier = ['c-1', 'c-2', 'c-3'].map((conversationId, at) => ({
      conversationId,
      startedAt: time + at,
    }))
    await Promise.all(earlier.map((each) => tell(each)))
    expect(await read(CONSUMER)).toMatchObject({
      told: ['c-1', 'c-2', 'c-3', 'c-9'].map((conversationId) => ({ conversationId })),
    })
  })

  test('finds no request that LivePerson refused', async () => {
    await store({ conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } })
    expect(await table.get(CONSUMER)).toBe(undefined)
  })

  test('is what a request waits for with one write, however often it is recorded', async () => {
    const writes: string[] = []
    const counted: StateTable = {
      ...table,
      update: async (update) => {
        writes.push(update.pk)
        return table.update(update)
      },
    }
    const { entry } = await claim(REQUEST, counted)
    const facts = {
      ...NOTHING,
      claim: DONE,
      lpConsumerId: 'lp-1',
      conversation: { kind: 'existing' },
    } as const
    await entry.record(facts)
    await entry.record(facts)
    await entry.record({ ...facts, conversation: C1, openedAt: time })
    await entry.record({ ...facts, conversation: C1, openedAt: time })
    expect(writes.filter((pk) => pk === CONSUMER)).toHaveLength(2)
  })

  test('tells a closing to both requests that a lost answer left with one conversation', async () => {
    await store({ conversation: C1, openedAt: time, message: SENT })
    await store({ conversation: C1, openedAt: time, message: SENT }, SECOND)
    await table.update({
      pk: CONSUMER,
      set: { openedBy: PK, ...openerOf({ conversationId: 'c-1', openedBy: SECOND_PK }) },
    })
    expect(await tell(CLOSED)).toBe(2)
    for (const pk of [PK, SECOND_PK]) expect(await read(pk)).toMatchObject({ closedAt: CLOSED.closedAt })
  })

  test('gives the id of the conversation that was open when LivePerson said so', async () => {
    const saidAt = time + 30_000
    await store({ conversation: { kind: 'existing' }, idMissingSince: saidAt, message: SENT })
    await tell({ conversationId: 'c-0', startedAt: time - 90_000, closedAt: time - 60_000 })
    await tell({ conversationId: 'c-9', startedAt: saidAt + 60_000 })
    expect(await read()).not.toHaveProperty('conversationId')
    expect(await tell({ conversationId: 'c-1', startedAt: time, closedAt: saidAt + 1000 })).toBe(1)
    expect(await read()).toMatchObject({
      status: 'existing',
      conversationId: 'c-1',
      closedAt: saidAt + 1000,
    })
  })

  test('is ignored for an erased consumer', async () => {
    await store({ conversation: C1, openedAt: time })
    await eraseItem({ table, item: await read(CONSUMER), trial: false, now: () => time })
    const erased = await read(CONSUMER)
    expect(await tell({ ...CLOSED, startedAt: time })).toBe(0)
    expect(await read(CONSUMER)).toEqual(erased)
    await tell({ conversationId: 'c-2', startedAt: time + 1 })
    expect(await read(CONSUMER)).toMatchObject({ state: 'OPEN', conversationId: 'c-2' })
  })

  test('is told again if another one is written at the same time', async () => {
    await store({ conversation: { kind: 'unknown' } }, { ...REQUEST, consumerId: DERIVED })
    const late = createFindings({
      table: overtaken(1, () => tell({ conversationId: 'c-0', startedAt: START.startedAt - 1 })),
      now: () => time,
    })
    await late.tell('70123456', 'lp-1', START)
    expect(await read(CONSUMER)).toMatchObject({
      conversationId: 'c-1',
      told: [{ conversationId: 'c-0' }, { conversationId: 'c-1' }],
    })
  })

  test('fails if others keep writing, so that LivePerson repeats it', async () => {
    await tell(START)
    const late = createFindings({
      table: overtaken(99, () => table.update({ pk: CONSUMER, set: {}, add: { toldRevision: 1 } })),
      now: () => time,
    })
    await expect(late.tell('70123456', 'lp-1', CLOSED)).rejects.toThrow(ServiceUnavailableError)
  })

  test('remembers the latest four conversations of a consumer', async () => {
    for (const serial of [5, 1, 4, 2, 3, 6])
      await tell({ conversationId: `c-${serial}`, startedAt: time + serial })
    expect(await read(CONSUMER)).toMatchObject({
      conversationId: 'c-6',
      told: [3, 4, 5, 6].map((serial) => ({ conversationId: `c-${serial}` })),
    })
  })
})

test('everything that the ledger holds is shown, by kind of sender', async () => {
  expect(await findings.show('70123456', 'queue', 'request-0001')).toEqual([])
  await store({ conversation: { kind: 'unknown' } })
  expect(await findings.show('70123456', 'queue', 'request-0001')).toEqual([
    {
      key: { accountId: '70123456', door: 'queue', vouchedBy: 'crm', requestId: 'request-0001' },
      outcome: { status: 'outcome_unknown', code: 'outcome_unknown' },
      facts: { ...NOTHING, claim: DONE, conversation: { kind: 'unknown' }, lpConsumerId: 'lp-1' },
      hasMessage: true,
      createdAt: time,
      updatedAt: time,
      expiresAt: time + 30 * DAY_MS,
      isErased: false,
      ...CAMPAIGN,
      warnings: REQUEST.warnings,
    },
  ])
  await eraseItem({ table, item: await read(), trial: false, now: () => time })
  expect(await findings.show('70123456', 'queue', 'request-0001')).toMatchObject([{ isErased: true }])
  await table.update({ pk: PK, set: { leaseId: 'lease' } })
  time += 1
  await findings.forget(REQUEST, { ...NONE, force: true })
  await claim()
  expect(await findings.show('70123456', 'queue', 'request-0001')).toMatchObject([
    { outcome: { status: 'opening' }, inUseUntil: time + LEASE_MS },
  ])
})
