import { expect, test } from 'vitest'
import { describeAttempts, meaningOfForget, whereaboutsOf } from '../../cli/whereabouts.ts'
import { type Facts, NOTHING, outcomeOf } from '../../lib/conversation/facts.ts'
import type { ShownRequest } from '../../lib/conversation/findings.ts'

const claim = (state: Facts['claim']['state'], attempt = 1, releases = attempt) => ({
  attempt,
  releases,
  state,
})
const REFUSED: Facts['conversation'] = { kind: 'refused', attempt: 1, code: 'liveperson_rejected' }

const shown = (
  facts: Partial<Facts>,
  { door = 'queue', hasMessage = false, ...given }: Partial<ShownRequest> & { door?: 'form' | 'queue' } = {},
): ShownRequest => {
  const all = { ...NOTHING, ...facts }
  return {
    key: {
      accountId: '70123456',
      door,
      vouchedBy: door === 'queue' ? 'crm' : 'nobody',
      requestId: 'id-00001',
    },
    outcome: outcomeOf(all, hasMessage),
    facts: all,
    ...{ hasMessage, createdAt: 0, updatedAt: 0, expiresAt: 0, isErased: false, warnings: [] },
    ...given,
  }
}

test.each<[string, ShownRequest, string]>([
  [
    'an event that is attempted',
    shown({ claim: claim('held', 1, 0) }, { inUseUntil: 9 }),
    'in flight: an attempt has received it from the events queue',
  ],
  [
    'a form that is attempted',
    shown({ claim: claim('held', 1, 0) }, { door: 'form', inUseUntil: 9 }),
    'in the memory of the function that attempts it',
  ],
  ['an event that waits', shown({ claim: claim('queued') }), 'in the events queue'],
  ['a record that was parked', shown({ claim: claim('queued'), handedOver: true }), 'in the hand-over queue'],
  [
    'an event that is done',
    shown({ claim: claim('done'), conversation: { kind: 'opened', conversationId: 'c' } }),
    'nowhere: it is done',
  ],
  [
    'an event whose message is owed',
    shown(
      { claim: claim('queued'), handedOver: true, conversation: { kind: 'opened', conversationId: 'c' } },
      { hasMessage: true },
    ),
    'in the hand-over queue, until its message is sent',
  ],
  [
    'an event that was rejected',
    shown({ claim: claim('done'), conversation: REFUSED }),
    'in quarantine, unless it was dropped',
  ],
  [
    'a form that was rejected',
    shown({ claim: claim('done'), conversation: REFUSED }, { door: 'form' }),
    'nowhere: the sender of the form was told',
  ],
  [
    'a form whose outcome is unknown',
    shown({ claim: claim('done'), conversation: { kind: 'unknown' } }, { door: 'form' }),
    'in quarantine, unless it was dropped',
  ],
  ['an event that was given up', shown({ claim: claim('given_up') }), 'in quarantine, unless it was dropped'],
  [
    'an event whose release says that no queue has it',
    shown({ claim: claim('failed') }),
    'in the events queue, or in quarantine',
  ],
  [
    'a form that failed',
    shown({ claim: claim('failed') }, { door: 'form' }),
    'nowhere: the sender of the form can repeat it',
  ],
])('the record of %s is where it should be', (_, request, place) => {
  expect(whereaboutsOf(request)).toBe(place)
})

test.each<[string, ShownRequest, RegExp]>([
  ['with a conversation', shown({ conversation: { kind: 'existing' } }), /^refused: it has a conversation/],
  [
    'whose create may have arrived',
    shown({ claim: claim('done'), conversation: { kind: 'unknown' } }),
    /^refused without --force/,
  ],
  ['whose attempt died', shown({ claim: claim('held', 1, 0) }), /^refused without --force/],
  [
    'that is attempted',
    shown({ claim: claim('held', 1, 0) }, { inUseUntil: 9 }),
    /^refused until the attempt is over/,
  ],
  [
    'that was rejected',
    shown({ claim: claim('done'), conversation: REFUSED }),
    /^its next copy is attempted again/,
  ],
  ['that was given up', shown({ claim: claim('given_up') }), /^nothing: its next copy is attempted anyway/],
  ['whose ids were erased', shown({}, { isErased: true }), /^refused: its ids were erased/],
])('what a forget means for a request %s', (_, request, meaning) => {
  expect(meaningOfForget(request)).toMatch(meaning)
})

test.each([
  [shown({ claim: claim('done', 3) }), '3'],
  [shown({ claim: claim('done', 3, 1) }), '3, of which 2 died'],
  [shown({ claim: claim('held', 2, 0) }), '2, of which 1 died and 1 is not over'],
])('attempts are counted by how they ended', (request, text) => {
  expect(describeAttempts(request)).toBe(text)
})
