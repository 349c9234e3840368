import { describe, expect, test } from 'vitest'
import type { Item } from '../../../lib/aws/state-table.ts'
import {
  describeOutcome,
  outcomeItem,
  outcomeOfWrite,
  toOutcomeEvent,
} from '../../../lib/conversation/outcome-event.ts'

const AT = Date.UTC(2026, 10, 26, 9, 30)
const IDS = {
  pk: 'request#70123456#queue#crm#order-1',
  requestId: 'order-1',
  accountId: '70123456',
  door: 'queue',
  campaignId: '3120045610',
  engagementId: '3120047711',
}
const before: Item = { ...IDS, status: 'opening', outcomeNumber: 0, updatedAt: AT - 5 }
const opened: Item = {
  ...before,
  ...{ status: 'opened', conversationId: 'c-1', messageStatus: 'sent', route: 'crm-upgrade' },
  ...{ outcomeNumber: 1, outcomeAt: AT, updatedAt: AT + 1 },
  // None of these may be in an event.
  ...{ consumerId: 'crm-20730', fingerprint: '2.f00d', leaseId: 'lease-1' },
  facts: { lpConsumerId: 'lp-1', profileRefused: true },
  warnings: [{ path: 'message', message: 'had control characters' }],
}

test('an event has these members, and nothing else of the item', () => {
  expect(outcomeOfWrite(opened, before)).toEqual({
    detailType: 'Conversation Opened',
    detail: {
      version: 1,
      sequence: 1,
      requestId: 'order-1',
      messageId: undefined,
      accountId: '70123456',
      door: 'queue',
      status: 'opened',
      conversationId: 'c-1',
      code: undefined,
      messageStatus: 'sent',
      messageCode: undefined,
      campaignId: '3120045610',
      engagementId: '3120047711',
      route: 'crm-upgrade',
      closedAt: undefined,
      occurredAt: '2026-11-26T09:30:00.000Z',
      warnings: [
        { path: 'message', message: 'had control characters' },
        { path: 'consumer', message: 'was refused by LivePerson, so agents see no profile' },
      ],
    },
  })
})

test('an event that was refused before its claim has both ids', () => {
  const refused: Item = {
    pk: 'refused#none#m-1',
    ...{ requestId: 'm-1', messageId: 'm-1', accountId: 'none', door: 'queue', status: 'rejected' },
    ...{ code: 'invalid_request', outcomeNumber: 1, updatedAt: AT, expiresAt: 1 },
  }
  const event = outcomeOfWrite(refused, undefined)
  expect(event).toMatchObject({
    detailType: 'Conversation Request Rejected',
    detail: { sequence: 1, requestId: 'm-1', messageId: 'm-1', accountId: 'none', code: 'invalid_request' },
  })
  const again = { ...refused, code: 'campaign_not_allowed', outcomeNumber: 2 }
  expect(outcomeOfWrite(again, refused)?.detailType).toBe('Conversation Request Rejected')
})

test.each<[string, Item, Item, string]>([
  ['an existing conversation', before, { ...opened, status: 'existing' }, 'Conversation Existing'],
  ['a refusal', before, { ...opened, status: 'rejected' }, 'Conversation Request Rejected'],
  ['an unknown outcome', before, { ...opened, status: 'outcome_unknown' }, 'Conversation Outcome Unknown'],
  ['a giving up', before, { ...opened, status: 'failed' }, 'Conversation Request Failed'],
  [
    'a giving up of what a sender could repeat',
    { ...before, status: 'failed' },
    { ...opened, status: 'failed' },
    'Conversation Request Failed',
  ],
  [
    'a giving up after another',
    { ...before, status: 'opening', outcomeNumber: 1 },
    { ...opened, status: 'failed', outcomeNumber: 2 },
    'Conversation Request Failed',
  ],
  [
    'a success after a giving up',
    { ...before, status: 'failed', outcomeNumber: 1 },
    { ...opened, outcomeNumber: 2 },
    'Conversation Opened',
  ],
  [
    'a message that was sent late',
    { ...opened, messageStatus: 'pending' },
    { ...opened, outcomeNumber: 2 },
    'Conversation Message Updated',
  ],
  [
    'an id that became known later',
    { ...opened, conversationId: undefined },
    { ...opened, outcomeNumber: 2 },
    'Conversation Updated',
  ],
  [
    'an unknown outcome that was settled',
    { ...opened, status: 'outcome_unknown' },
    { ...opened, outcomeNumber: 2 },
    'Conversation Updated',
  ],
  [
    'an unknown outcome that was settled as another’s conversation',
    { ...opened, status: 'outcome_unknown' },
    { ...opened, status: 'existing', outcomeNumber: 2 },
    'Conversation Updated',
  ],
  [
    'a message that was sent late to a conversation that was open before',
    { ...opened, status: 'existing', messageStatus: 'pending' },
    { ...opened, status: 'existing', outcomeNumber: 2 },
    'Conversation Message Updated',
  ],
  [
    'an unknown outcome that an operator has reset',
    { ...opened, status: 'outcome_unknown' },
    { ...opened, status: 'failed', outcomeNumber: 2 },
    'Conversation Request Failed',
  ],
  ['the end of a conversation', opened, { ...opened, closedAt: AT, outcomeNumber: 2 }, 'Conversation Closed'],
])('the type of %s', (_, old, item, type) => {
  expect(outcomeOfWrite(item, old)?.detailType).toBe(type)
})

describe('no event follows from', () => {
  test.each<[string, Item | undefined, Item | undefined]>([
    ['a claim', { ...before, revision: 1 }, undefined],
    ['a write that changed no outcome', { ...opened, revision: 4 }, opened],
    ['the removal of an item', undefined, opened],
    ['an item of another kind', { pk: 'consumer#70123456#lp-1', state: 'OPEN' }, undefined],
    ['another kind with a number', { ...opened, pk: 'quarantined#m-1' }, before],
  ])('%s', (_, item, old) => {
    expect(outcomeOfWrite(item, old)).toBe(undefined)
  })
})

test('an item with a number but without an outcome is an error', () => {
  expect(() => outcomeOfWrite({ ...before, outcomeNumber: 1 }, before)).toThrow()
})

test('an event that is published again tells the status, or that the conversation is closed', () => {
  const item = outcomeItem.parse({ ...opened, outcomeNumber: 3 })
  expect(toOutcomeEvent(item)).toMatchObject({ detailType: 'Conversation Opened', detail: { sequence: 3 } })
  expect(toOutcomeEvent({ ...item, closedAt: AT })).toMatchObject({
    detailType: 'Conversation Closed',
    detail: { closedAt: '2026-11-26T09:30:00.000Z' },
  })
})

test.each<[Item, string]>([
  [
    { ...opened, messageStatus: 'not_sent', messageCode: 'given_up' },
    '2026-11-26T09:30:00.000Z  Conversation Opened  70123456 queue order-1 #1: opened c-1, message not_sent (given_up)',
  ],
  [
    { ...before, status: 'rejected', code: 'liveperson_rejected', outcomeNumber: 1, outcomeAt: AT },
    '2026-11-26T09:30:00.000Z  Conversation Request Rejected  70123456 queue order-1 #1: rejected (liveperson_rejected)',
  ],
  [
    {
      ...{ ...before, requestId: undefined, messageId: 'm-1', outcomeNumber: 1, outcomeAt: AT },
      ...{ status: 'outcome_unknown', code: 'outcome_unknown' },
    },
    '2026-11-26T09:30:00.000Z  Conversation Outcome Unknown  70123456 queue message m-1 #1: outcome_unknown',
  ],
])('an event as one line', (item, line) => {
  const event = outcomeOfWrite(item, before)
  expect(event && describeOutcome(event)).toBe(line)
})
