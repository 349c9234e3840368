import type { Message } from '@aws-sdk/client-sqs'
import { describe, expect, test } from 'vitest'
import {
  identityOf,
  NO_CODE,
  type QuarantinedRecord,
  readQuarantined,
  toReplayBody,
} from '../../../cli/quarantine/record.ts'
import type { QueueName } from '../../../lib/aws/queues.ts'
import type { Item } from '../../../lib/aws/state-table.ts'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { createMemoryTable } from '../../simulation/state-table.ts'
import { ACCOUNT, OTHER_ACCOUNT, STAGE } from '../../support/world.ts'

const NOW = 1_800_000_000_000
const ID = '7f6f2f0e-1f3b-4f0c-9d52-1a2b3c4d5e6f'

const read = async (message: Message, item?: Item) => {
  const table = createMemoryTable()
  if (item) await table.update({ pk: `quarantined#${ID}`, set: item })
  return readQuarantined(
    { MessageId: ID, ...message },
    {
      stage: parseStageConfig(STAGE, { name: 'the test', loopback: true }),
      table,
      queueOf: (arn): QueueName | undefined =>
        arn.endsWith('-hand-over') ? 'handOver' : arn.endsWith('-events') ? 'events' : undefined,
      now: NOW,
    },
  )
}

const attributes = (given: Readonly<Record<string, string>>) => ({
  MessageAttributes: Object.fromEntries(
    Object.entries(given).map(([name, StringValue]) => [name, { DataType: 'String', StringValue }]),
  ),
})
const reason = { code: 'invalid_config', detail: 'A reason', requestId: 'event-0001' }
const Body = JSON.stringify({ requestId: 'event-0001', route: 'crm-upgrade' })
const ARN = 'arn:aws:sqs:eu-west-1:000000000000:campaign-conversations-test'

describe('the queue of a replay', () => {
  test.each<[string, Message, QueueName]>([
    ['is the one that the attribute names', attributes({ ...reason, queue: 'hand-over' }), 'handOver'],
    ['is the events queue if the attribute names it', attributes({ ...reason, queue: 'events' }), 'events'],
    ['is the events queue if nothing names one', attributes(reason), 'events'],
    [
      'is the one that SQS names for a record that it moved',
      { Attributes: { DeadLetterQueueSourceArn: `${ARN}-hand-over` } },
      'handOver',
    ],
    [
      'is not the one that the sender of a moved record names',
      {
        ...attributes({ ...reason, queue: 'hand-over' }),
        Attributes: { DeadLetterQueueSourceArn: `${ARN}-events` },
      },
      'events',
    ],
    [
      'is the events queue if SQS names an unknown one',
      { Attributes: { DeadLetterQueueSourceArn: `${ARN}-other` } },
      'events',
    ],
  ])('%s', async (_, message, queue) => {
    const looksLikeAHandOver = JSON.stringify({ handedOver: { door: 'form', requestId: 'event-0001' } })
    expect(await read({ Body: looksLikeAHandOver, ...message })).toMatchObject({ queue })
  })
})

describe('the reason', () => {
  test('is in the attributes', async () => {
    const message = { Body, ...attributes({ ...reason, attempts: '7' }), Attributes: { SentTimestamp: '5' } }
    expect(await read(message)).toMatchObject({ ...reason, attempts: 7, sentAt: 5, accountId: ACCOUNT })
  })

  test('is in the state table if it was too large for the attributes', async () => {
    expect(await read({ Body }, { ...reason, queue: 'hand-over', attempts: 2 })).toMatchObject({
      ...reason,
      queue: 'handOver',
      attempts: 2,
    })
  })

  test('of a record that SQS moved is not what its sender wrote', async () => {
    const Attributes = { DeadLetterQueueSourceArn: `${ARN}-events` }
    const found = await read({ Body, ...attributes({ ...reason, requestId: 'of-the-sender' }), Attributes })
    expect(found).toMatchObject({ code: NO_CODE, requestId: 'event-0001' })
    expect(found.detail).toContain('SQS moved it')
  })
})

test.each([
  ['a route', { requestId: 'event-0001', route: 'other-help' }, OTHER_ACCOUNT],
  ['an account, in an invalid event', { accountId: OTHER_ACCOUNT }, OTHER_ACCOUNT],
  ['the default, for an account of another stage', { accountId: '79999999', route: 'x' }, ACCOUNT],
  ['the default, for what is no account', { accountId: 'zoe@example.org\u001b[2J' }, ACCOUNT],
  ['the default, if it names none', { requestId: 'event-0001' }, ACCOUNT],
])('the account is found by %s', async (_, body, accountId) => {
  const message = { Body: JSON.stringify(body), ...attributes(reason) }
  expect((await read(message)).accountId).toBe(accountId)
})

test('copies have the same identity, and other content under the same id does not', async () => {
  const identity = async (body: object, given = {}) =>
    identityOf(await read({ Body: JSON.stringify(body), ...attributes({ ...reason, ...given }) }))
  const one = await identity({ requestId: 'event-0001', route: 'crm-upgrade' })
  expect(await identity({ requestId: 'event-0001', route: 'crm-upgrade' }, { detail: 'x' })).toBe(one)
  expect(await identity({ requestId: 'event-0001', route: 'vip' })).not.toBe(one)
  expect(await identity({ requestId: 'event-0002', route: 'crm-upgrade' })).not.toBe(one)
})

describe('the body of a replay', () => {
  const record = (body: string, queue: QueueName = 'events'): QuarantinedRecord => ({
    ...{ body, queue, messageId: 'other', code: 'x', detail: '', requestId: ID, sentAt: 0 },
    accountId: undefined,
    key: undefined,
    fingerprint: undefined,
    attempts: undefined,
  })

  test.each([
    ['{"route":"vip"}', `{"requestId":"${ID}","route":"vip"}`],
    [
      ' {"route":"vip","n":12345678901234567890}',
      ` {"requestId":"${ID}","route":"vip","n":12345678901234567890}`,
    ],
  ])('%s gets the id that the event had', (body, sent) => {
    expect(toReplayBody(record(body))).toBe(sent)
  })

  test.each([
    ['an event with an id', '{"requestId":"event-0001","route":"vip"}'],
    ['an event with an empty id', '{"requestId":null,"route":"vip"}'],
    ['an envelope', '{"id":"an-event-id-0001","detail-type":"x","detail":{"route":"vip"}}'],
    ['no JSON', 'hello'],
    ['a list', '[{"route":"vip"}]'],
    ['a broken envelope', '{"Type":"Notification","Message":"{"}'],
  ])('of %s is unchanged', (_, body) => {
    expect(toReplayBody(record(body))).toBe(body)
  })

  test('of a hand-over is unchanged', () => {
    expect(toReplayBody(record('{"handedOver":{}}', 'handOver'))).toBe('{"handedOver":{}}')
  })
})
