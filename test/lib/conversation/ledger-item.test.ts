import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Item } from '../../../lib/aws/state-table.ts'
import { type Facts, NOTHING, outcomeOf } from '../../../lib/conversation/facts.ts'
import {
  consumerKey,
  factsAt,
  KEEP_MS,
  keysOf,
  openerOf,
  openersIn,
  openingsIn,
  placeOf,
  type RequestItem,
  requestItem,
  requestKey,
  timesAt,
  toFacts,
  toWrite,
} from '../../../lib/conversation/ledger-item.ts'
import { anyFacts } from '../../support/any-facts.ts'

const NOW = 1_800_000_000_000

/** An item as it is after a record of these facts. */
const itemOf = (facts: Facts, members: Partial<RequestItem> = {}): RequestItem => {
  const { set, remove } = toWrite(NOTHING, facts, true, NOW)
  const written = Object.entries(set).filter(([name]) => !remove.includes(name))
  return requestItem.parse({
    ...{
      pk: 'p',
      requestId: 'r',
      accountId: '70123456',
      door: 'form',
      fingerprint: '2.f00d',
      createdAt: NOW,
    },
    ...{ revision: 1, leaseId: 'l', leaseUntil: NOW, hasMessage: true, attempts: facts.claim.attempt },
    ...{ releasedAttempt: 0, claimState: 'held' },
    ...Object.fromEntries(written),
    ...members,
  })
}

test('the facts of a claimed request are read as they were written', () => {
  fc.assert(
    fc.property(anyFacts, (facts) => {
      fc.pre(facts.claim.state !== 'none')
      const read = toFacts(itemOf(facts))
      expect({ ...read, claim: { ...read.claim, code: undefined } }).toEqual({
        ...facts,
        claim: { ...facts.claim, code: undefined },
      })
      expect(outcomeOf(read, true)).toEqual(outcomeOf(facts, true))
    }),
  )
})

test('each kind of sender has its own ids at a door', () => {
  expect(keysOf('70123456', 'form', 'r-1').map(requestKey)).toEqual([
    'request#70123456#form#nobody#r-1',
    'request#70123456#form#token#r-1',
  ])
  expect(keysOf('70123456', 'queue', 'r-1').map(requestKey)).toEqual(['request#70123456#queue#crm#r-1'])
  expect(consumerKey('70123456', 'lp-1')).toBe('consumer#70123456#lp-1')
})

test('an item expires 30 days after it was last written', () => {
  expect(timesAt(NOW)).toEqual({ updatedAt: NOW, expiresAt: (NOW + KEEP_MS) / 1000 })
})

test('a write that is an outcome has a number and a time, and no other write does', () => {
  const held = { ...NOTHING, claim: { attempt: 1, releases: 0, state: 'held' } } as const
  const opened = { ...held, conversation: { kind: 'opened', conversationId: 'c-1' } } as const
  const closed = { ...opened, closings: [{ conversationId: 'c-1', at: NOW - 1 }] }
  const first = toWrite(held, opened, false, NOW)
  expect([first.add, first.set.outcomeAt]).toEqual([{ revision: 1, outcomeNumber: 1 }, NOW])
  expect(toWrite(opened, closed, false, NOW)).toMatchObject({
    set: { outcomeAt: NOW, closedAt: NOW - 1 },
    add: { outcomeNumber: 1 },
  })
  const other = toWrite(opened, { ...opened, handedOver: true }, false, NOW)
  expect([other.add, Object.hasOwn(other.set, 'outcomeAt')]).toEqual([{ revision: 1 }, false])
})

test('a claim is over once its lease has expired', () => {
  const item = itemOf({ ...NOTHING, claim: { attempt: 1, releases: 0, state: 'held' } })
  expect(factsAt(item, NOW).claim.state).toBe('held')
  expect(factsAt(item, NOW + 1).claim).toMatchObject({ state: 'failed', code: 'interrupted' })
  expect(factsAt({ ...item, door: 'queue' }, NOW + 1).claim.state).toBe('queued')
})

describe('the opener of a conversation', () => {
  const opened = (conversationId: string, openedBy = 'request#1') => ({ conversationId, openedBy })
  const [first = '', second = ''] = Array.from({ length: 50 }, (_, index) => `c-${index}`).filter(
    (id) => Object.keys(openerOf(opened(id)))[0] === 'opener0',
  )
  const item = { state: 'OPEN', ...openerOf(opened(first)) }
  const others = Object.fromEntries([1, 2, 3].map((slot) => [`opener${slot}`, opened(`d-${slot}`)]))

  test.each<[string, Item, ReturnType<typeof opened>, Item | undefined]>([
    ['has a place of its own', { state: 'OPEN' }, opened(first), { opener0: opened(first) }],
    ['takes no second place', item, opened(first), undefined],
    ['leaves its place to another conversation', item, opened(second), { opener1: opened(second) }],
    [
      'leaves its place to another request of the same conversation',
      item,
      opened(first, 'request#2'),
      { opener1: opened(first, 'request#2') },
    ],
    [
      'takes the place of a conversation that was closed',
      { ...item, closedIds: [first] },
      opened(second),
      { opener0: opened(second) },
    ],
    [
      'replaces another one if every place is taken',
      { ...item, ...others },
      opened(second),
      { opener0: opened(second) },
    ],
  ])('%s', (_, before, opener, place) => {
    expect(placeOf(opener, before)).toEqual(place)
    const after = { ...before, ...place }
    expect(openingsIn(after)).toContainEqual(opener)
    expect(placeOf(opener, after)).toBe(undefined)
  })

  test('is certain only if LivePerson told it the id, and stays certain', () => {
    const guess = { ...opened(first), isInferred: true } as const
    const inferred = { state: 'OPEN', ...openerOf(guess) }
    expect(openersIn(inferred)).toEqual(new Map())
    expect(openingsIn(inferred)).toEqual([guess])
    expect(placeOf(opened(first), inferred)).toEqual({ opener0: opened(first) })
    expect(placeOf(guess, item)).toBe(undefined)
  })
})
