import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Facts, isSame, merge, NOTHING, outcomeOf } from '../../../lib/conversation/facts.ts'
import { isOutcome, publishedOf } from '../../../lib/conversation/published.ts'
import { anyNearFacts } from '../../support/any-facts.ts'

const C1 = { kind: 'opened', conversationId: 'c-1' } as const
const claim = (state: Facts['claim']['state'], attempt = 1): Facts['claim'] => ({
  attempt,
  releases: state === 'held' ? attempt - 1 : attempt,
  state,
  ...((state === 'failed' || state === 'given_up' || state === 'queued') && {
    code: 'internal_error' as const,
  }),
})
const facts = (members: Partial<Facts>): Facts => ({ ...NOTHING, claim: claim('done'), ...members })

describe('nothing is published of a request', () => {
  test.each<[string, Partial<Facts>]>([
    ['that an attempt works on', { claim: claim('held') }],
    ['whose create is in doubt', { claim: claim('held'), conversation: { kind: 'in_doubt' } }],
    ['that a queue holds', { claim: claim('queued') }],
    ['that its sender can repeat', { claim: claim('failed') }],
    [
      'whose refusal a later attempt may disprove',
      { claim: claim('held', 2), conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } },
    ],
  ])('%s', (_, members) => {
    expect(publishedOf(facts(members), true)).toBe(undefined)
    expect(isOutcome(facts({ conversation: C1 }), facts(members), true)).toBe(false)
  })
})

describe('an outcome is', () => {
  test.each<[string, Partial<Facts>, Partial<Facts>, object]>([
    [
      'an opened conversation, with its message still owed',
      { claim: claim('held') },
      { conversation: C1 },
      { status: 'opened', conversationId: 'c-1', messageStatus: 'pending' },
    ],
    [
      'a message that was sent late',
      { conversation: C1 },
      { conversation: C1, message: { tried: 1, refused: 0, sent: true } },
      { status: 'opened', messageStatus: 'sent' },
    ],
    [
      'a message that ended unsent',
      { conversation: C1 },
      { conversation: C1, message: { tried: 0, refused: 0, sent: false, dropped: 'given_up' } },
      { status: 'opened', messageStatus: 'not_sent', messageCode: 'given_up' },
    ],
    [
      'an id that became known later',
      { conversation: { kind: 'opened' } },
      { conversation: C1 },
      { status: 'opened', conversationId: 'c-1' },
    ],
    [
      'a refusal',
      { claim: claim('held') },
      { conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } },
      { status: 'rejected', code: 'liveperson_rejected' },
    ],
    [
      'an unknown outcome',
      { conversation: { kind: 'in_doubt' }, claim: claim('held') },
      { conversation: { kind: 'unknown' } },
      { status: 'outcome_unknown', code: 'outcome_unknown' },
    ],
    [
      'an unknown outcome that was settled',
      { conversation: { kind: 'unknown' } },
      {
        conversation: { kind: 'opened' },
        settled: { by: 'operator', conversationId: 'c-2', at: 1 },
      },
      { status: 'opened', conversationId: 'c-2' },
    ],
    [
      'a giving up',
      { claim: claim('held') },
      { claim: claim('given_up') },
      { status: 'failed', code: 'internal_error' },
    ],
    [
      'a giving up of what its sender could repeat',
      { claim: claim('failed') },
      { claim: claim('given_up') },
      { status: 'failed' },
    ],
    [
      'the end of a conversation',
      { conversation: C1 },
      { conversation: C1, closings: [{ conversationId: 'c-1', at: 7 }] },
      { status: 'opened', conversationId: 'c-1', closedAt: 7 },
    ],
  ])('%s', (_, before, after, told) => {
    expect(publishedOf(facts(after), true)).toMatchObject(told)
    expect(isOutcome(facts(before), facts(after), true)).toBe(true)
    expect(isOutcome(facts(after), facts(after), true)).toBe(false)
  })
})

describe('no outcome is', () => {
  const open = facts({ conversation: C1, claim: claim('queued') })
  test.each<[string, Facts, Facts]>([
    ['a claim for an owed message', open, { ...open, claim: claim('held', 2) }],
    [
      'the release of such a claim',
      { ...open, claim: claim('held', 2) },
      { ...open, claim: claim('queued', 2) },
    ],
    [
      'the record that a message is about to be sent',
      { ...open, claim: claim('held', 2) },
      { ...open, claim: claim('held', 2), message: { tried: 1, refused: 0, sent: false } },
    ],
    ['a hand-over', open, { ...open, handedOver: true }],
    ['the end of another conversation', open, { ...open, closings: [{ conversationId: 'c-0', at: 7 }] }],
  ])('%s', (_, before, after) => {
    expect(publishedOf(before, true)).toBeDefined()
    expect(isOutcome(before, after, true)).toBe(false)
  })
})

test('what is published is what the sender is told, and is the same in any order of merges', () => {
  fc.assert(
    fc.property(anyNearFacts, anyNearFacts, fc.boolean(), (a, b, hasMessage) => {
      const merged = merge(a, b)
      const published = publishedOf(merged, hasMessage)
      expect(published).toEqual(publishedOf(merge(b, a), hasMessage))
      const { status, conversationId, code, messageStatus, messageCode } = outcomeOf(merged, hasMessage)
      if (published)
        expect(published).toMatchObject({ status, conversationId, code, messageStatus, messageCode })
      if (isSame(a, merged)) expect(isOutcome(a, merged, hasMessage)).toBe(false)
    }),
    { numRuns: 500 },
  )
})
