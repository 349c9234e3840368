import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  abandoned,
  afterExpiry,
  type Claim,
  closedAtOf,
  deathsOf,
  type Facts,
  forgottenAt,
  isFinished,
  isSame,
  merge,
  NOTHING,
  type Outcome,
  outcomeOf,
  settledBy,
} from '../../../lib/conversation/facts.ts'
import { anyFacts, anyNearFacts } from '../../support/any-facts.ts'
import { C1, factsWith, held, IN_DOUBT, message, OWED, queued, SENT } from '../../support/some-facts.ts'

const NOW = 1_800_000_000_000

describe('a merge', () => {
  test('is the same in any order', () => {
    fc.assert(
      fc.property(anyNearFacts, anyNearFacts, (a, b) => {
        expect(merge(a, b)).toEqual(merge(b, a))
      }),
      { numRuns: 1000 },
    )
  })

  test('is the same in any grouping', () => {
    fc.assert(
      fc.property(anyNearFacts, anyNearFacts, anyNearFacts, (a, b, c) => {
        expect(merge(merge(a, b), c)).toEqual(merge(a, merge(b, c)))
      }),
      { numRuns: 2000 },
    )
  })

  test('with the same facts, or with what it holds already, changes nothing', () => {
    fc.assert(
      fc.property(anyNearFacts, anyNearFacts, (a, b) => {
        expect(merge(a, a)).toEqual(a)
        expect(merge(a, NOTHING)).toEqual(a)
        expect(isSame(merge(merge(a, b), b), merge(a, b))).toBe(true)
      }),
      { numRuns: 1000 },
    )
  })

  test.each<[string, Partial<Facts>, Partial<Facts>, Partial<Facts>]>([
    [
      'keeps the later attempt',
      { claim: { ...queued(1), code: 'internal_error' } },
      { claim: held(2) },
      { claim: held(2) },
    ],
    [
      'keeps the end of an attempt',
      { claim: held(2) },
      { claim: { attempt: 2, releases: 2, state: 'failed', code: 'internal_error' } },
      { claim: { attempt: 2, releases: 2, state: 'failed', code: 'internal_error' } },
    ],
    [
      'keeps a release of an earlier attempt',
      { claim: held(2, 0) },
      { claim: queued(1) },
      { claim: held(2, 1) },
    ],
    [
      'keeps a doubt',
      { conversation: { kind: 'in_doubt' } },
      { conversation: { kind: 'none' } },
      { conversation: { kind: 'in_doubt' } },
    ],
    [
      'of a doubt and a refusal is unknown',
      { conversation: { kind: 'in_doubt' } },
      { conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 2 } },
      { conversation: { kind: 'unknown' } },
    ],
    [
      'takes an outcome over a doubt',
      { conversation: { kind: 'in_doubt' } },
      { conversation: { kind: 'existing' } },
      { conversation: { kind: 'existing' } },
    ],
    [
      'takes what was opened over what is unknown',
      { conversation: { kind: 'unknown' } },
      { conversation: C1 },
      { conversation: C1 },
    ],
    ['adds an id', { conversation: { kind: 'opened' } }, { conversation: C1 }, { conversation: C1 }],
    [
      'of two ids keeps the first in order',
      { conversation: { kind: 'existing', conversationId: 'c-1' } },
      { conversation: { kind: 'existing', conversationId: 'c-2' } },
      { conversation: { kind: 'existing', conversationId: 'c-1' } },
    ],
    [
      'of two refusals keeps the later one',
      { conversation: { kind: 'refused', code: 'invalid_config', attempt: 1 } },
      { conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 2 } },
      { conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 2 } },
    ],
    [
      'of two refusals of one attempt keeps the first code in order',
      { conversation: { kind: 'refused', code: 'invalid_config', attempt: 1 } },
      { conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } },
      { conversation: { kind: 'refused', code: 'invalid_config', attempt: 1 } },
    ],
    ['keeps a sent message', { message: SENT }, { message: IN_DOUBT }, { message: SENT }],
    [
      'knows that a message in doubt was refused',
      { message: IN_DOUBT },
      { message: OWED },
      { message: OWED },
    ],
    [
      'of two reasons keeps the first in order',
      { message: message({ dropped: 'given_up' }) },
      { message: message({ dropped: 'conversation_closed' }) },
      { message: message({ dropped: 'conversation_closed' }) },
    ],
    ['keeps a copy in a queue', { handedOver: true }, {}, { handedOver: true }],
    ['keeps the consumer', { lpConsumerId: 'lp-1' }, {}, { lpConsumerId: 'lp-1' }],
    [
      'keeps what LivePerson refused',
      { profileRefused: true },
      { languageRefused: true },
      { profileRefused: true, languageRefused: true },
    ],
    [
      'keeps no reason of a claim that has ended since',
      { claim: { ...queued(1), code: 'internal_error' } },
      { claim: { ...queued(1), state: 'done' } },
      { claim: { ...queued(1), state: 'done' } },
    ],
    ['keeps the later end of a doubt', { doubtUntil: 5 }, { doubtUntil: 7 }, { doubtUntil: 7 }],
    ['keeps the end of a doubt', { doubtUntil: 5 }, {}, { doubtUntil: 5 }],
    [
      'keeps the earlier times',
      { idMissingSince: 5, openedAt: 9 },
      { idMissingSince: 7, openedAt: 8 },
      { idMissingSince: 5, openedAt: 8 },
    ],
    [
      'keeps the earlier closing of one conversation',
      { closings: [{ conversationId: 'c-1', at: 9 }] },
      { closings: [{ conversationId: 'c-1', at: 7 }] },
      { closings: [{ conversationId: 'c-1', at: 7 }] },
    ],
    [
      'keeps the closings of two conversations',
      { closings: [{ conversationId: 'c-2', at: 7 }] },
      { closings: [{ conversationId: 'c-1', at: 9 }] },
      {
        closings: [
          { conversationId: 'c-1', at: 9 },
          { conversationId: 'c-2', at: 7 },
        ],
      },
    ],
    [
      'believes LivePerson more than a person',
      { settled: { by: 'liveperson', conversationId: 'c-2', at: 9 } },
      { settled: { by: 'operator', conversationId: 'c-1', at: 7, reason: 'seen' } },
      { settled: { by: 'liveperson', conversationId: 'c-2', at: 9 } },
    ],
    [
      'of two forgettings keeps the later one',
      { forgotten: { attempt: 1, at: 5, reason: 'a' } },
      { forgotten: { attempt: 3, at: 9, reason: 'b' } },
      { forgotten: { attempt: 3, at: 9, reason: 'b' } },
    ],
    [
      'drops a doubt that was forgotten',
      { conversation: { kind: 'in_doubt' } },
      { forgotten: { attempt: 1, at: 5, reason: 'a' } },
      { forgotten: { attempt: 1, at: 5, reason: 'a' } },
    ],
    [
      'keeps a doubt that is later than what was forgotten',
      { conversation: { kind: 'in_doubt' }, forgotten: { attempt: 1, at: 5, reason: 'a' } },
      { conversation: { kind: 'unknown' } },
      { conversation: { kind: 'in_doubt' }, forgotten: { attempt: 1, at: 5, reason: 'a' } },
    ],
    [
      'never forgets a conversation',
      { conversation: C1 },
      { forgotten: { attempt: 1, at: 5, reason: 'a' } },
      { conversation: C1, forgotten: { attempt: 1, at: 5, reason: 'a' } },
    ],
  ])('%s', (_, a, b, expected) => {
    expect(merge(factsWith(a), factsWith(b))).toEqual(factsWith(expected))
    expect(merge(factsWith(b), factsWith(a))).toEqual(factsWith(expected))
  })
})

describe('two facts are the same', () => {
  test.each<[string, Facts, Facts, boolean]>([
    ['if they are equal', factsWith({ conversation: C1 }), factsWith({ conversation: C1 }), true],
    [
      'if a member is missing or undefined',
      factsWith({ lpConsumerId: undefined }),
      { ...NOTHING, claim: { ...NOTHING.claim, code: undefined } },
      true,
    ],
    [
      'not if one has more',
      factsWith({ conversation: C1 }),
      factsWith({ conversation: { kind: 'opened' } }),
      false,
    ],
  ])('%s', (_, a, b, expected) => {
    expect(isSame(a, b)).toBe(expected)
  })
})

describe('the outcome', () => {
  test.each<[string, Partial<Facts>, Outcome]>([
    ['of a new request is opening', {}, { status: 'opening' }],
    ['of a held claim is opening', { claim: held() }, { status: 'opening' }],
    [
      'of a released claim is queued, with the reason',
      { claim: { ...queued(), code: 'liveperson_unavailable' } },
      { status: 'queued', code: 'liveperson_unavailable' },
    ],
    [
      'of a released claim is failed, with the reason',
      { claim: { attempt: 1, releases: 1, state: 'failed', code: 'service_unavailable' } },
      { status: 'failed', code: 'service_unavailable' },
    ],
    [
      'of a create in doubt is that of its claim',
      { claim: queued(), conversation: { kind: 'in_doubt' } },
      { status: 'queued' },
    ],
    [
      'of a refused request is rejected',
      { claim: held(2), conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 2 } },
      { status: 'rejected', code: 'liveperson_rejected' },
    ],
    [
      'of a request that was refused before the latest claim is that of its claim',
      { claim: held(3), conversation: { kind: 'refused', code: 'liveperson_rejected', attempt: 2 } },
      { status: 'opening' },
    ],
    [
      'of a refusal after a lost answer is unknown',
      { conversation: { kind: 'unknown' } },
      { status: 'outcome_unknown', code: 'outcome_unknown' },
    ],
    [
      'names the conversation that was opened',
      { conversation: C1, message: SENT },
      { status: 'opened', conversationId: 'c-1', messageStatus: 'sent' },
    ],
    [
      'says what LivePerson refused of the consumer and the language',
      { conversation: C1, profileRefused: true, languageRefused: true, message: SENT },
      {
        ...{ status: 'opened', conversationId: 'c-1', messageStatus: 'sent' },
        ...{ profileRefused: true, languageRefused: true },
      },
    ],
    [
      'says that a message is owed',
      { conversation: { kind: 'existing' }, message: OWED },
      { status: 'existing', messageStatus: 'pending' },
    ],
    [
      'says that a message is pending while an attempt sends it',
      { claim: held(), conversation: C1, message: IN_DOUBT },
      { status: 'opened', conversationId: 'c-1', messageStatus: 'pending' },
    ],
    [
      'says that a message may have been sent',
      { claim: queued(), conversation: { kind: 'opened' }, message: IN_DOUBT },
      { status: 'opened', messageStatus: 'unknown' },
    ],
    [
      'says why a message is not sent',
      { conversation: { kind: 'opened' }, message: message({ dropped: 'conversation_closed' }) },
      { status: 'opened', messageStatus: 'not_sent', messageCode: 'conversation_closed' },
    ],
    [
      'says that a message was sent, although it was given up',
      { conversation: { kind: 'opened' }, message: { ...SENT, dropped: 'given_up' } },
      { status: 'opened', messageStatus: 'sent' },
    ],
  ])('%s', (_, facts, { messageStatus, messageCode, ...expected }) => {
    expect(outcomeOf(factsWith(facts), false)).toEqual(expected)
    expect(outcomeOf(factsWith(facts), true)).toEqual({
      ...expected,
      ...(messageStatus && { messageStatus }),
      ...(messageCode && { messageCode }),
    })
  })

  const FINAL: readonly string[] = ['opened', 'existing', 'rejected', 'outcome_unknown']

  test('of a finished request is final, and its message is accounted for', () => {
    fc.assert(
      fc.property(fc.oneof(anyFacts, anyNearFacts), fc.boolean(), (facts, hasMessage) => {
        const { status, messageStatus } = outcomeOf(facts, hasMessage)
        const isFinal = FINAL.includes(status)
        expect(isFinished(facts, hasMessage)).toBe(isFinal && messageStatus !== 'pending')
      }),
      { numRuns: 1000 },
    )
  })

  test('never contradicts itself with more knowledge', () => {
    fc.assert(
      fc.property(anyNearFacts, anyNearFacts, (a, b) => {
        const before = outcomeOf(a, true)
        const merged = merge(a, b)
        const after = outcomeOf(merged, true)
        if (before.status === 'opened') expect(after.status).toBe('opened')
        if (before.status === 'existing') expect(['existing', 'opened']).toContain(after.status)
        // A person has found that there is no conversation.
        const isForgotten = merged.forgotten?.attempt !== a.forgotten?.attempt
        if (before.status === 'outcome_unknown' && !isForgotten)
          expect(['outcome_unknown', 'existing', 'opened']).toContain(after.status)
        if (before.messageStatus === 'sent') expect(after.messageStatus).toBe('sent')
        // Only a later claim makes more of a refusal.
        if (before.status === 'rejected' && b.claim.attempt <= a.claim.attempt && !isForgotten)
          expect(FINAL).toContain(after.status)
      }),
      { numRuns: 3000 },
    )
  })

  test('is never rejected once a create may have been carried out', () => {
    fc.assert(
      fc.property(anyNearFacts, anyNearFacts, (a, b) => {
        const { forgotten } = a
        const doubted = merge(a, factsWith({ conversation: { kind: 'in_doubt' }, forgotten }))
        expect(outcomeOf(merge(doubted, { ...b, forgotten }), true).status).not.toBe('rejected')
      }),
      { numRuns: 1000 },
    )
  })
})

describe('what is found later', () => {
  const done = (attempt = 1): Claim => ({ attempt, releases: attempt, state: 'done' })
  const unknown = factsWith({ claim: done(), conversation: { kind: 'unknown' } })
  const settled = { by: 'operator', conversationId: 'c-2', at: NOW, reason: 'seen in LivePerson' } as const

  test('by a person, makes an unknown outcome `opened` under that id', () => {
    expect(outcomeOf(settledBy(unknown, settled), false)).toEqual({ status: 'opened', conversationId: 'c-2' })
    expect(isFinished(settledBy(unknown, settled), false)).toBe(true)
  })

  test('by a person, gives an existing conversation its id', () => {
    const facts = settledBy(factsWith({ claim: done(), conversation: { kind: 'existing' } }), settled)
    expect(outcomeOf(facts, false)).toEqual({ status: 'existing', conversationId: 'c-2' })
  })

  test('by LivePerson, counts more than what a person found', () => {
    const both = settledBy(settledBy(unknown, settled), {
      by: 'liveperson',
      conversationId: 'c-9',
      at: NOW,
    })
    expect(outcomeOf(both, false)).toEqual({ status: 'opened', conversationId: 'c-9' })
    expect(merge(settledBy(unknown, settled), both)).toEqual(both)
  })

  test('leaves the message owed', () => {
    expect(outcomeOf(settledBy(unknown, settled), true).messageStatus).toBe('pending')
    expect(isFinished(settledBy(unknown, settled), true)).toBe(false)
  })

  test('about a closing, counts only for the conversation of the outcome', () => {
    const closings = [{ conversationId: 'c-1', at: NOW }]
    const other = { kind: 'opened', conversationId: 'c-0' } as const
    expect(closedAtOf(factsWith({ conversation: C1, closings }))).toBe(NOW)
    expect(closedAtOf(factsWith({ conversation: other, closings }))).toBe(undefined)
    expect(closedAtOf(factsWith({ conversation: { kind: 'unknown' }, closings }))).toBe(undefined)
    expect(closedAtOf(factsWith({ conversation: { kind: 'opened' }, closings: [{ at: NOW }] }))).toBe(NOW)
    const person = settledBy(factsWith({ conversation: { kind: 'unknown' }, closings }), settled)
    expect(closedAtOf(person)).toBe(undefined)
    expect(closedAtOf({ ...person, closings: [...closings, { conversationId: 'c-2', at: 7 }] })).toBe(7)
  })

  describe('to be nothing', () => {
    const forgotten = forgottenAt(unknown, NOW, 'not in LivePerson')

    test('lets the next copy claim the request', () => {
      expect(isFinished(forgotten, false)).toBe(false)
      expect(outcomeOf(forgotten, false)).toEqual({ status: 'failed', code: 'outcome_unknown' })
      expect(deathsOf(forgotten.claim)).toBe(0)
    })

    test('tells the code of a refusal', () => {
      const conversation = { kind: 'refused', code: 'liveperson_rejected', attempt: 1 } as const
      const rejected = factsWith({ claim: done(), conversation })
      expect(outcomeOf(rejected, false).status).toBe('rejected')
      expect(outcomeOf(forgottenAt(rejected, NOW, 'campaign repaired'), false)).toEqual({
        status: 'failed',
        code: 'liveperson_rejected',
      })
    })

    test('is not undone by what an earlier attempt knew', () => {
      expect(merge(forgotten, unknown)).toEqual(forgotten)
    })
  })
})

describe('a claim that was never released', () => {
  const dead = factsWith({ claim: held(2), conversation: { kind: 'in_doubt' } })

  test('reads as queued if a queue holds the request', () => {
    expect(outcomeOf(afterExpiry(dead, true), false)).toEqual({ status: 'queued' })
  })

  test('reads as failed, code interrupted, if no queue holds it', () => {
    expect(outcomeOf(afterExpiry(dead, false), false)).toEqual({ status: 'failed', code: 'interrupted' })
  })

  test('reads as one whose message is not sent, if no queue holds it', () => {
    const open = { ...dead, conversation: { kind: 'opened', conversationId: 'c-1' } } as const
    expect(outcomeOf(afterExpiry(open, false), true)).toMatchObject({
      status: 'opened',
      messageStatus: 'not_sent',
      messageCode: 'given_up',
    })
    expect(outcomeOf(afterExpiry(open, true), true)).toMatchObject({ messageStatus: 'pending' })
  })

  test('that was released reads as it is', () => {
    const released = factsWith({ claim: queued() })
    expect(afterExpiry(released, false)).toBe(released)
  })

  test.each<[Claim, number]>([
    [NOTHING.claim, 0],
    [held(1), 0],
    [held(3, 0), 2],
    [queued(3), 0],
    [queued(3, 1), 2],
  ])('is a death: %j', (claim, deaths) => {
    expect(deathsOf(claim)).toBe(deaths)
  })
})

describe('a request that nobody carries any more', () => {
  test.each<[string, Partial<Facts>, Outcome]>([
    ['has failed', { claim: queued() }, { status: 'failed', code: 'invalid_request' }],
    [
      'keeps its conversation, and its owed message is given up',
      { claim: queued(), conversation: C1, message: OWED },
      { status: 'opened', conversationId: 'c-1', messageStatus: 'not_sent', messageCode: 'given_up' },
    ],
  ])('%s', (_, facts, expected) => {
    expect(outcomeOf(abandoned(factsWith(facts), 'invalid_request'), true)).toEqual(expected)
  })

  test('keeps the doubt of an attempt that died', () => {
    expect(abandoned(factsWith({ claim: held() }), 'invalid_request')).toMatchObject({
      claim: { attempt: 1, releases: 0, state: 'failed', code: 'invalid_request' },
      conversation: { kind: 'in_doubt' },
    })
  })
})
