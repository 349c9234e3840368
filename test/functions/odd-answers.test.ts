import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { createHandler as createStatusHandler } from '../../functions/conversation-status.ts'
import { createHandler as createFormHandler } from '../../functions/open-from-form.ts'
import { createHandler as createQueueHandler } from '../../functions/open-from-queue.ts'
import { createHandler as createRefreshHandler } from '../../functions/refresh-domains.ts'
import { type AwsAnswer, patient, startAwsEndpoint } from '../support/aws-endpoint.ts'
import { CRM_UPGRADE, deliver, startWorld, submit, toRecord, type World } from '../support/world.ts'

let world: World
let close: (() => Promise<void>)[] = []
/** Answers calls of an action, `times` of them, after `skip` that are passed on. Default: 0. */
let odd: { action: string; answer: AwsAnswer; times: number; skip?: number } | undefined
const called: string[] = []

const inFrontOf = async (behind: string): Promise<string> => {
  const endpoint = await startAwsEndpoint({
    behind,
    answer: (action) => {
      called.push(action)
      if (odd?.action !== action) return 'forward'
      odd.skip = (odd.skip ?? 0) - 1
      return odd.skip < 0 && odd.times-- > 0 ? odd.answer : 'forward'
    },
  })
  close.push(endpoint.close)
  return endpoint.url
}

beforeAll(async () => {
  world = await startWorld()
  for (const variable of ['AWS_ENDPOINT_URL_DYNAMODB', 'AWS_ENDPOINT_URL_SECRETS_MANAGER'])
    process.env[variable] = await inFrontOf(process.env[variable] ?? '')
})
afterAll(async () => {
  await Promise.all(close.map((end) => end()))
  close = []
  await world.close()
})
beforeEach(() => {
  called.splice(0)
})
afterEach(async () => {
  odd = undefined
  world.livePerson.reset()
  await world.receiveQuarantine()
})

const DONE = { batchItemFailures: [] }
const event = (members: object = {}) => ({
  requestId: `crm-${randomUUID()}`,
  campaign: CRM_UPGRADE,
  consumer: { id: `crm-${randomUUID()}`, firstName: 'Ana' },
  ...members,
})
const error = (type: string, message: string): AwsAnswer => ({
  status: 400,
  body: { __type: `com.amazon.coral.service#${type}`, message },
})

const ANSWERS: [string, AwsAnswer][] = [
  [
    'an expired signature, after the container was frozen',
    error(
      'InvalidSignatureException',
      'Signature expired: 20261126T060000Z is now earlier than 20261126T060500Z (20261126T061000Z - 5 min.)',
    ),
  ],
  ['a page with 503', { status: 503, body: '<html><body>Service Unavailable</body></html>' }],
  ['500 without a body', { status: 500, body: '' }],
]

describe.each(ANSWERS)('%s', (_, answer) => {
  test.each([
    ['GetSecretValue', 'GetSecretValue', 0],
    ['the claim', 'UpdateItem', 0],
    ['the record of the outcome', 'UpdateItem', 1],
  ])('once to %s: both doors open one conversation each', async (_, action, skip) => {
    odd = { action, answer, times: 1, skip }
    const record = toRecord(event())
    expect(await deliver(world.createService({ aws: patient }), [record])).toEqual(DONE)
    odd = { action, answer, times: 1, skip }
    const service = world.createService({ aws: patient })
    const form = await submit(service, { campaign: CRM_UPGRADE, consumer: { firstName: 'Ana' } })
    expect(form.statusCode).toBe(201)
    expect(odd.times).toBeLessThanOrEqual(0)
    expect(world.livePerson.conversations()).toHaveLength(2)
  })

  test('once to SendMessage: the record is in quarantine', async () => {
    const url = await inFrontOf(world.sqs.url)
    const quarantineQueueUrl = world.sqs.quarantineQueueUrl.replace(world.sqs.url, url)
    odd = { action: 'SendMessage', answer, times: 1 }
    const service = world.createService({ config: { quarantineQueueUrl }, aws: patient })
    expect(await deliver(service, [toRecord('no json')])).toEqual(DONE)
    expect(await world.receiveQuarantine()).toMatchObject([{ body: 'no json' }])
    expect(called.filter((one) => one === 'SendMessage')).toHaveLength(2)
  })
})

test('a table that refuses every write but a claim makes at most one message of a record', async () => {
  odd = {
    action: 'UpdateItem',
    answer: error('AccessDeniedException', 'not authorized'),
    times: Number.POSITIVE_INFINITY,
    skip: 2,
  }
  const url = await inFrontOf(world.sqs.url)
  const queueUrl = (name: 'eventsQueueUrl' | 'handOverQueueUrl') =>
    world.sqs[name].replace(world.sqs.url, url)
  const service = world.createService({
    config: { eventsQueueUrl: queueUrl('eventsQueueUrl'), handOverQueueUrl: queueUrl('handOverQueueUrl') },
    aws: patient,
  })
  const record = toRecord(event({ message: 'Hello' }))
  for (let round = 0; round < 4; round++) await deliver(service, [record])
  expect(called.filter((one) => one === 'SendMessage').length).toBeLessThanOrEqual(1)
  expect(world.livePerson.conversations()).toMatchObject([{ messages: [{ text: 'Hello' }] }])
})

test('a line break in a secret delays its records, and loses none', async () => {
  const account = world.accounts.find(({ accountId }) => accountId === '70123456')
  const [clientSecret = ''] = account?.clientSecrets ?? []
  const SecretString = JSON.stringify({ clientId: account?.clientId, clientSecret: `${clientSecret}\n` })
  const value = { ARN: 'arn', Name: 'name', VersionId: randomUUID(), SecretString }
  odd = { action: 'GetSecretValue', answer: { status: 200, body: value }, times: Number.POSITIVE_INFINITY }
  const record = toRecord(event())
  expect(await deliver(world.createService({ aws: patient }), [record])).toEqual({
    batchItemFailures: [{ itemIdentifier: record.messageId }],
  })
  odd = undefined
  expect(await deliver(world.createService({ aws: patient }), [record])).toEqual(DONE)
  expect(world.livePerson.conversations()).toHaveLength(1)
})

test('handlers have at most two parameters, which Lambda’s Node.js 24 requires', () => {
  const service = world.createService({ aws: patient })
  for (const create of [createFormHandler, createQueueHandler, createStatusHandler, createRefreshHandler])
    expect(create(() => service).length).toBeLessThan(3)
})
