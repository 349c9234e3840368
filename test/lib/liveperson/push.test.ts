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
const change = { type: 'UPSERT', result: { convId: CONV, conversationDetails: details } }
const pushOf = (...changes: readonly unknown[]) => {
  const pushed = push()
  return { ...pushed, body: { ...pushed.body, changes } }
}
const OPEN = { conversationId: CONV, lpConsumerId: CONSUMER, startedAt: START }

test('a push tells which conversation of which consumer began, and when it was sent', () => {
  expect(parsePush(push(), '70123456')).toEqual({
    sentAt: START + 150,
    conversations: [OPEN],
    unusable: [],
  })
})

test.each<[string, object]>([
  ['an end', { endTs: -1, dialogs: [{ ...dialog, endTs: -1 }] }],
  ['an end or a campaign', { endTs: null, campaignInfo: null }],
  ['the ids of a campaign', { campaignInfo: { campaignId: '', engagementId: null } }],
  ['a text as its account', { brandId: 70123456 }],
  ['an account', { brandId: null }],
  ['a state, but with a stage,', { state: null }],
  ['a stage', { stage: null }],
  ['dialogs', { dialogs: null }],
  ['a dialog that can be read', { dialogs: [null, 5, dialog] }],
  ['a channel', { dialogs: [{ ...dialog, channelType: null }] }],
  ['a type of its dialog', { dialogs: [{ ...dialog, dialogType: null }] }],
  ['participants of its dialog', { dialogs: [{ ...dialog, participantsDetails: null }] }],
  ['a dialog whose participants can be read', { dialogs: [{ ...dialog, participantsDetails: [{ id: 5 }] }] }],
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
  [
    'when its main dialog was, wherever that is in the list',
    {
      state: 'CLOSE',
      dialogs: [
        { ...dialog, dialogType: 'POST_SURVEY', endTs: START + 50 },
        { ...dialog, endTs: START + 8 },
      ],
    },
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
  [
    'its consumer among participants that can’t be read',
    {
      participants: [
        { id: 'a' },
        { id: 'b', role: null },
        { id: 5, role: 'READER' },
        null,
        'c',
        ...details.participants,
      ],
    },
    {},
  ],
  [
    'its consumer, although it is listed twice',
    { participants: [0, 1].flatMap(() => details.participants) },
    {},
  ],
  ...[undefined, null, [], [{ id: '70123456.ag', role: 'ASSIGNED_AGENT' }], 'none'].map(
    (participants): [string, object, object] => [
      `its consumer by the dialog if the participants are ${JSON.stringify(participants)}`,
      { participants },
      {},
    ],
  ),
  ['members that nobody knows', { somethingNew: [1] }, {}],
])('a push tells %s', (_, changed, expected) => {
  expect(parsePush(push(changed), '70123456').conversations).toEqual([{ ...OPEN, ...expected }])
})

describe('nothing is read from', () => {
  test.each<[string, unknown]>([
    ['a message', push({}, 'ms.MessagingEventNotification')],
    ['an unknown type', push({}, 'x.Unknown')],
    ['another channel', push({ dialogs: [{ ...dialog, channelType: 'COBROWSE' }] })],
    ['a conversation that was deleted', pushOf({ ...change, type: 'DELETE' })],
  ])('%s', (_, json) => {
    expect(parsePush(json, '70123456')).toMatchObject({ conversations: [], unusable: [] })
  })

  const agent = { id: '70123456.ag', role: 'ASSIGNED_AGENT' }
  const consumer = { id: CONSUMER, role: 'CONSUMER' }
  test.each<[string, unknown, string, boolean]>([
    ['no JSON', undefined, 'unreadable', false],
    ['a number', 5, 'unreadable', false],
    ['no type', { body: push().body }, 'unreadable', false],
    ['no changes', { type: 'cqm.ExConversationChangeNotification', body: {} }, 'unreadable', false],
    ['a change of nothing', pushOf(null), 'unreadable', false],
    ['a change without details', pushOf({ result: { convId: CONV } }), 'unreadable', false],
    ['another account', push({ brandId: '70999999' }), 'other_account', true],
    [
      'a conversation whose id could be part of another key',
      pushOf({ result: { ...change.result, convId: 'a#b' } }),
      'no_conversation_id',
      false,
    ],
    [
      'a conversation with a number as its id',
      pushOf({ result: { ...change.result, convId: 7 } }),
      'no_conversation_id',
      false,
    ],
    ['no state', push({ state: null, stage: undefined }), 'no_state', true],
    ['no consumer', push({ participants: [agent], dialogs: null }), 'no_consumer', true],
    [
      'a consumer whose id could be part of another key',
      push({ participants: [{ id: 'a#b', role: 'CONSUMER' }] }),
      'no_consumer',
      true,
    ],
    [
      'a consumer with a number as its id',
      push({ participants: [{ id: 5, role: 'CONSUMER' }] }),
      'no_consumer',
      true,
    ],
    [
      'two consumers',
      push({ participants: [consumer, { id: 'b', role: 'CONSUMER' }] }),
      'several_consumers',
      true,
    ],
    [
      'two consumers, one of them without an id',
      push({ participants: [consumer, { id: null, role: 'CONSUMER' }] }),
      'several_consumers',
      true,
    ],
    ['no time', push({ startTs: undefined, dialogs: [] }), 'no_time', true],
  ])('%s, and the reason is known', (_, json, reason, isIdKnown) => {
    expect(parsePush(json, '70123456')).toMatchObject({
      conversations: [],
      unusable: [{ reason, ...(isIdKnown && { conversationId: CONV }) }],
    })
  })
})

describe('a push that doesn’t say when it was sent is as old as the latest time in it', () => {
  test.each<[string, object, number]>([
    ['the start', { metaDataLastUpdateTs: null }, START],
    ['the last change', { metaDataLastUpdateTs: START + 5 }, START + 5],
    ['the end', { state: 'CLOSE', endTs: START + 7 }, START + 7],
    ['the end of its dialog', { dialogs: [{ ...dialog, endTs: START + 9 }] }, START + 9],
  ])('%s', (_, changed, sentAt) => {
    for (const sentTs of [undefined, null, 'soon', -1]) {
      const { body, ...rest } = push(changed)
      expect(parsePush({ ...rest, body: { ...body, sentTs } }, '70123456').sentAt).toBe(sentAt)
    }
  })

  test('of several changes, the latest counts, and without a usable one nobody knows', () => {
    const later = { ...change.result.conversationDetails, metaDataLastUpdateTs: START + 60_000 }
    const pushed = pushOf(change, { result: { convId: 'c-2', conversationDetails: later } })
    const withoutTime = ({ body, ...rest }: typeof pushed) => ({ ...rest, body: { ...body, sentTs: null } })
    expect(parsePush(withoutTime(pushed), '70123456').sentAt).toBe(START + 60_000)
    expect(parsePush(withoutTime(pushOf(null)), '70123456').sentAt).toBeUndefined()
  })
})

test('one change that can’t be read doesn’t hide the others', () => {
  const good = push()
  const changes = [{ result: { convId: 7 } }, null, ...good.body.changes]
  expect(parsePush({ ...good, body: { ...good.body, changes } }, '70123456').conversations).toEqual([OPEN])
})
