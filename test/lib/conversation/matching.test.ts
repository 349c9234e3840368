import { describe, expect, test } from 'vitest'
import { type Facts, NOTHING, outcomeOf } from '../../../lib/conversation/facts.ts'
import type { ToldConversation } from '../../../lib/conversation/ledger-item.ts'
import { addTold, isMissingId, type Seeker } from '../../../lib/conversation/matching.ts'

const CREATED = 1_800_000_000_000
const CAMPAIGN = { campaignId: '3120045610', engagementId: '3120047710' }
const DONE = { attempt: 1, releases: 1, state: 'done' } as const
const HELD = { attempt: 1, releases: 0, state: 'held' } as const
const UNKNOWN: Partial<Facts> = { conversation: { kind: 'unknown' } }
const DOUBT: Partial<Facts> = { conversation: { kind: 'in_doubt' } }
const OPENED: Partial<Facts> = { conversation: { kind: 'opened' }, idMissingSince: CREATED + 30_000 }
const EXISTING: Partial<Facts> = { conversation: { kind: 'existing' }, idMissingSince: CREATED + 30_000 }

const seeker = (facts: Partial<Facts>, members: Partial<Seeker> = {}): Seeker => ({
  pk: 'own',
  facts: { ...NOTHING, claim: DONE, ...facts },
  ...CAMPAIGN,
  isDerived: false,
  createdAt: CREATED,
  writtenAt: CREATED + 60_000,
  ...members,
})

/** A conversation that was open for a while. Times are seconds after the request was claimed. */
const told = (
  conversationId: string,
  start: number,
  end?: number,
  campaign: Partial<ToldConversation> = CAMPAIGN,
): ToldConversation => ({
  conversationId,
  startedAt: CREATED + start * 1000,
  ...(end !== undefined && { closedAt: CREATED + end * 1000 }),
  ...campaign,
})

const NO_CAMPAIGN = {}
const OTHER_CAMPAIGN = { ...CAMPAIGN, engagementId: '3120047799' }

describe('the conversation of a request is', () => {
  test.each<[string, Seeker, readonly ToldConversation[], Record<string, string>, string | undefined]>([
    ['any of a consumer of its own', seeker(UNKNOWN, { isDerived: true }), [told('c-1', 999)], {}, 'c-1'],
    [
      'the first of a consumer of its own',
      seeker(UNKNOWN, { isDerived: true }),
      [told('c-2', 9), told('c-1', 1, 5)],
      {},
      'c-1',
    ],
    ['of its campaign and its time', seeker(UNKNOWN), [told('c-1', 10)], {}, 'c-1'],
    [
      'not certain without a campaign',
      seeker(UNKNOWN),
      [told('c-1', 10, undefined, NO_CAMPAIGN)],
      {},
      undefined,
    ],
    ['not of another campaign', seeker(UNKNOWN), [told('c-1', 10, undefined, OTHER_CAMPAIGN)], {}, undefined],
    [
      'not of another campaign with the same engagement',
      seeker(UNKNOWN),
      [told('c-1', 10, undefined, { ...CAMPAIGN, campaignId: '3120045699' })],
      {},
      undefined,
    ],
    [
      'one without a campaign, if it opened one',
      seeker(OPENED),
      [told('c-1', 10, 20, NO_CAMPAIGN), told('c-2', 29)],
      { 'c-2': 'other' },
      'c-1',
    ],
    ['not older than the request', seeker(UNKNOWN), [told('c-1', -6)], {}, undefined],
    ['not much younger than its last attempt', seeker(UNKNOWN), [told('c-1', 76)], {}, undefined],
    ['as old as the clocks allow', seeker(UNKNOWN), [told('c-1', -5)], {}, 'c-1'],
    ['as young as a late create and the clocks allow', seeker(UNKNOWN), [told('c-1', 75)], {}, 'c-1'],
    [
      'not younger than the create that may have opened it',
      seeker({ ...OPENED, doubtUntil: CREATED + 5000, idMissingSince: CREATED + 50_000 }),
      [told('c-1', 4, 7), told('c-2', 40)],
      {},
      'c-1',
    ],
    ["not another request's", seeker(UNKNOWN), [told('c-1', 10)], { 'c-1': 'other' }, undefined],
    ['its own', seeker(UNKNOWN), [told('c-1', 10)], { 'c-1': 'own' }, 'c-1'],
    ['the one that it opened, whatever is told', seeker(UNKNOWN), [told('c-2', 10)], { 'c-1': 'own' }, 'c-1'],
    ['the one that it opened, if it is in doubt', seeker(DOUBT), [told('c-2', 10)], { 'c-1': 'own' }, 'c-1'],
    ['the one that it opened, not a later one', seeker(OPENED), [told('c-2', 10)], { 'c-1': 'own' }, 'c-1'],
    [
      'the one that was open, whatever it opened before',
      seeker(EXISTING),
      [told('c-2', 29)],
      { 'c-1': 'own' },
      'c-2',
    ],
    [
      'the one that was open then, of two of its own',
      seeker(OPENED),
      [told('c-1', 29, 38), told('c-2', 40)],
      {},
      'c-1',
    ],
    ['one that was closed as early as the clocks allow', seeker(EXISTING), [told('c-0', 1, 25)], {}, 'c-0'],
    ['one that was opened as late as the clocks allow', seeker(EXISTING), [told('c-1', 35)], {}, 'c-1'],
    ['not certain if there are two', seeker(UNKNOWN), [told('c-1', 10, 11), told('c-2', 12)], {}, undefined],
    ['left to the retry if it is in doubt', seeker(DOUBT), [told('c-1', 10)], {}, undefined],
    ['the one that was open', seeker(EXISTING), [told('c-0', -99, -50), told('c-1', -9, 99)], {}, 'c-1'],
    [
      'the later one of two that may have been open',
      seeker(EXISTING),
      [told('c-0', 1, 28), told('c-1', 29)],
      {},
      'c-1',
    ],
    ['not one that was closed before', seeker(EXISTING), [told('c-0', 1, 24)], {}, undefined],
    ['not one that was opened later', seeker(EXISTING), [told('c-1', 36)], {}, undefined],
    ["another request's that was open", seeker(EXISTING), [told('c-1', 1)], { 'c-1': 'other' }, 'c-1'],
    [
      'that of its campaign, if it opened one',
      seeker(OPENED),
      [told('c-1', 10, 20), told('c-2', 29)],
      { 'c-2': 'other' },
      'c-1',
    ],
    ['the open one, if it opened one', seeker(OPENED), [told('c-1', 10, 20), told('c-2', 25)], {}, 'c-2'],
    ['what was open, if none is its own', seeker(OPENED), [told('c-1', -50)], {}, 'c-1'],
    ['unknown while nothing was told', seeker(OPENED), [], {}, undefined],
    [
      'the one that it names',
      seeker({ conversation: { kind: 'opened', conversationId: 'c-7' } }),
      [told('c-1', 1)],
      {},
      undefined,
    ],
    [
      'none if LivePerson refused it',
      seeker({ conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } }),
      [told('c-1', 1)],
      {},
      undefined,
    ],
  ])('%s', (_, request, conversations, openers, expected) => {
    const added = addTold(request, conversations, new Map(Object.entries(openers)))
    expect(added && outcomeOf(added, false)).toEqual(
      expected === undefined ? undefined : expect.objectContaining({ conversationId: expected }),
    )
  })
})

test('a closing is added once, to the conversation that it is of', () => {
  const own = { kind: 'opened', conversationId: 'c-1' } as const
  const conversations = [told('c-0', -50, -40), told('c-1', 1, 9)]
  const request = seeker({ conversation: own })
  const added = addTold(request, conversations, new Map())
  expect(added).toEqual({ ...request.facts, closings: [{ conversationId: 'c-1', at: CREATED + 9000 }] })
  expect(addTold(seeker({ ...added }), conversations, new Map())).toBe(undefined)
})

test.each<[string, Partial<Facts>, boolean]>([
  ['an unknown outcome', UNKNOWN, true],
  ['a doubt', { conversation: { kind: 'in_doubt' } }, true],
  ['an open conversation without an id', EXISTING, true],
  ['an open conversation with its id', { conversation: { kind: 'opened', conversationId: 'c-1' } }, false],
  ['a refusal', { conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } }, false],
  ['nothing', {}, false],
  ['a doubt while an attempt is at work', { conversation: { kind: 'in_doubt' }, claim: HELD }, false],
  ['an open conversation while an attempt still has a message to send', { ...EXISTING, claim: HELD }, false],
  ['an unknown outcome that an attempt has just recorded', { ...UNKNOWN, claim: HELD }, true],
])('the id is missing or not: %s', (_, facts, expected) => {
  expect(isMissingId({ ...NOTHING, claim: DONE, ...facts }, true)).toBe(expected)
})

test('the id of a request without a message is missing as soon as its conversation is recorded', () => {
  expect(isMissingId({ ...NOTHING, ...EXISTING, claim: HELD }, false)).toBe(true)
})
