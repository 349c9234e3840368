import { describe, expect, test } from 'vitest'
import { parsePush } from '../../../lib/liveperson/push.ts'

const CONSUMER = '0b9c1f6d2e7a4c5588d3f1aa90e4b7c6d5e2f30817264a9bcc0d1e2f3a4b5c6d'
const CONV = '2c1f7e3a-64d8-4b0e-9a1d-1f0f3f2b7c55'
const START = 1_760_000_000_000

const dialog = {
  dialogId: CONV,
  participantsDetails: [{ id: CONSUMER, role: 'CONSUMER', state: 'ACTIVE' }],
  dialogType: 'MAIN',
  channelType: 'MESSAGING',
  state: 'OPEN',
  creationTs: START,
  metaDataLastUpdateTs: START,
}
const details = {
  skillId: '3120040010',
  participants: [{ id: CONSUMER, role: 'CONSUMER' }],
  dialogs: [dialog],
  brandId: '70123456',
  state: 'OPEN',
  stage: 'OPEN',
  startTs: START,
  metaDataLastUpdateTs: START,
  ttr: { ttrType: 'PRIORITIZED', value: 600 },
}

/** A push in the shape of LivePerson's example. */
const push = (changed: object = {}, type = 'cqm.ExConversationChangeNotification') => ({
  kind: 'notification',
  type,
  body: {
    subscriptionId: 'f1a2b3c4-0000-4d00-8e00-112233445566',
    sentTs: START + 150,
    changes: [
      {
        type: 'UPSERT',
        result: {
          convId: CONV,
          effectiveTTR: START + 600_120,
          conversationDetails: { ...details, ...changed },
        },
      },
    ],
  },
})
const OPEN = { conversationId: CONV, lpConsumerId: CONSUMER, startedAt: START }

test('a push tells which conversation of which consumer began, and when it was sent', () => {
  expect(parsePush(push(), '70123456')).toEqual({ sentAt: START + 150, conversations: [OPEN] })
})

test.each<[string, object]>([
  ['an end', { endTs: -1, dialogs: [{ ...dialog, endTs: -1 }] }],
  ['an end or a campaign', { endTs: null, campaignInfo: null }],
  ['the ids of a campaign', { campaignInfo: { campaignId: '', engagementId: null } }],
  ['a text as its account', { brandId: 70123456 }],
])('a conversation without %s is told', (_, changed) => {
  expect(parsePush(push(changed), '70123456').conversations).toEqual([OPEN])
})

test.each<[string, object, object]>([
  ['when it was closed', { state: 'CLOSE', endTs: START + 9 }, { closedAt: START + 9 }],
  ['by its stage', { stage: 'CLOSE', endTs: START + 9 }, { closedAt: START + 9 }],
  [
    'when its main dialog was',
    { state: 'CLOSE', dialogs: [{ ...dialog, endTs: START + 8 }] },
    { closedAt: START + 8 },
  ],
  ['when it last changed', { state: 'CLOSE', metaDataLastUpdateTs: START + 7 }, { closedAt: START + 7 }],
  ['that it was not closed before it began', { state: 'CLOSE', endTs: START - 7 }, { closedAt: START }],
  ['when its main dialog began', { startTs: undefined }, {}],
  ['that it is open during a survey', { dialogs: [{ ...dialog, state: 'CLOSE', endTs: START + 8 }] }, {}],
  [
    'its campaign, as a number or as text',
    { campaignInfo: { campaignId: 3120045610, engagementId: '3120047710' } },
    { campaignId: '3120045610', engagementId: '3120047710' },
  ],
  [
    'its consumer among agents',
    { participants: [{ id: '70123456.ag', role: 'ASSIGNED_AGENT' }, ...details.participants] },
    {},
  ],
  ['its consumer by the dialog', { participants: undefined }, {}],
  ['members that nobody knows', { somethingNew: [1] }, {}],
])('a push tells %s', (_, changed, expected) => {
  expect(parsePush(push(changed), '70123456').conversations).toEqual([{ ...OPEN, ...expected }])
})

describe('nothing is read from', () => {
  test.each<[string, unknown]>([
    ['no JSON', undefined],
    ['a number', 5],
    ['a message', push({}, 'ms.MessagingEventNotification')],
    ['an unknown type', push({}, 'x.Unknown')],
    ['no changes', { type: 'cqm.ExConversationChangeNotification', body: {} }],
    ['another account', push({ brandId: '70999999' })],
    ['another channel', push({ dialogs: [{ ...dialog, channelType: 'COBROWSE' }] })],
    ['no consumer', push({ participants: [{ id: 'a', role: 'ASSIGNED_AGENT' }] })],
    [
      'a consumer whose id could be part of another key',
      push({ participants: [{ id: 'a#b', role: 'CONSUMER' }] }),
    ],
    ['no time', push({ startTs: undefined, dialogs: [] })],
  ])('%s', (_, json) => {
    expect(parsePush(json, '70123456').conversations).toEqual([])
  })
})

test('one change that can’t be read doesn’t hide the others', () => {
  const good = push()
  const changes = [{ result: { convId: 7 } }, null, ...good.body.changes]
  expect(parsePush({ ...good, body: { ...good.body, changes } }, '70123456').conversations).toEqual([OPEN])
})
