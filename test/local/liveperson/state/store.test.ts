import { expect, test } from 'vitest'
import { createStore } from '../../../../local/liveperson/state/store.ts'

const identity = { accountId: '1', extConsumerId: 'crm-1', lpConsumerId: 'a' }
const details = { profile: {}, openedAt: 0, ttr: 'NORMAL', body: [] }

test('a consumer is created on first use, and is then the same', () => {
  const store = createStore()
  expect(store.getConsumer(identity)).toBe(store.getConsumer(identity))
  expect(store.consumers.size).toBe(1)
})

test('a consumer has an open conversation until it is closed', () => {
  const store = createStore()
  const consumer = store.getConsumer(identity)
  const conversation = store.open(consumer, details)
  expect(consumer.openConversationId).toBe(conversation.conversationId)
  store.close(conversation)
  expect([conversation.state, consumer.openConversationId]).toEqual(['CLOSE', undefined])
})

test('closing an older conversation leaves the newer one open', () => {
  const store = createStore()
  const consumer = store.getConsumer(identity)
  const older = store.open(consumer, details)
  const newer = store.open(consumer, details)
  store.close(older)
  expect(consumer.openConversationId).toBe(newer.conversationId)
})

test('a profile also replaces that of the open conversation', () => {
  const store = createStore()
  const consumer = store.getConsumer(identity)
  const closed = store.open(consumer, details)
  store.close(closed)
  const open = store.open(consumer, details)
  store.setProfile(consumer, { firstName: 'Eva' })
  expect([open.profile, closed.profile]).toEqual([{ firstName: 'Eva' }, {}])
})

test('events are numbered from 0, and those with text are messages', () => {
  const store = createStore()
  const conversation = store.open(store.getConsumer(identity), details)
  expect([store.publish(conversation), store.publish(conversation, 'Hello')]).toEqual([0, 1])
  expect(conversation.messages).toEqual([{ sequence: 1, text: 'Hello' }])
})

test('a survey closes the main dialog only, and ends with the conversation', () => {
  const store = createStore()
  const consumer = store.getConsumer(identity)
  const conversation = store.open(consumer, details)
  store.startSurvey(conversation)
  expect([conversation.state, conversation.mainDialog]).toEqual(['OPEN', 'CLOSE'])
  expect(consumer.openConversationId).toBe(conversation.conversationId)
  store.close(conversation)
  expect([conversation.state, conversation.mainDialog]).toEqual(['CLOSE', 'CLOSE'])
  expect(consumer.openConversationId).toBeUndefined()
})
