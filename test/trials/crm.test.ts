import { randomUUID } from 'node:crypto'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import type { EventBridgeEvent } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { awsClientConfig } from '../../local/aws/sdk.ts'
import { type Stack, startStack } from '../../local/stack/stack.ts'
import { type Client, createClient, type RequestStatus } from '../../web/client.ts'
import { partValidatorOf, validatorOf } from '../support/contracts.ts'

const ACCOUNT = '70123456'
const OTHER_ACCOUNT = '70999999'
const CAMPAIGN = { campaignId: 3120045610, engagementId: 3120047711 }
const OTHER_CAMPAIGN = { campaignId: '4120045610', engagementId: '4120047710' }
const WAIT = { timeout: 60_000, interval: 200 }

const isOutcome = validatorOf('outcome-event.schema.json')
const isStatus = partValidatorOf('/components/schemas/RequestStatus')

const Detail = z.object({
  sequence: z.number(),
  requestId: z.string().optional(),
  messageId: z.string().optional(),
  accountId: z.string(),
  status: z.string(),
  code: z.string().optional(),
  conversationId: z.string().optional(),
  messageStatus: z.string().optional(),
})

type Detail = z.infer<typeof Detail>

let stack: Stack
let sqs: SQSClient
let client: Client
let outcomes: EventBridgeEvent<string, unknown>[]

beforeAll(async () => {
  stack = await startStack()
  sqs = new SQSClient(awsClientConfig(stack.sqs.url))
  client = createClient({ apiUrl: stack.apiUrl })
  outcomes = []
  stack.eventBridge.subscribe((event) => outcomes.push(event))
}, 120_000)
afterAll(async () => {
  sqs.destroy()
  await stack.close()
})
afterEach(() => stack.livePerson.reset())

/** What the CRM knows about an event that it has sent. */
interface Sent {
  readonly messageId: string
  /** Undefined: the event has none. */
  readonly requestId: string | undefined
}

const send = async (body: unknown): Promise<string> => {
  const { MessageId = '' } = await sqs.send(
    new SendMessageCommand({
      QueueUrl: stack.sqs.eventsQueueUrl,
      MessageBody: typeof body === 'string' ? body : JSON.stringify(body),
    }),
  )
  return MessageId
}

/** Returns what outcome events tell about an event: the last one about its message, else about its id. */
const learned = ({ messageId, requestId = messageId }: Sent): Detail | undefined => {
  const details = outcomes.map(({ detail }) => Detail.parse(detail))
  const about = (isIt: (detail: Detail) => boolean) =>
    details.filter(isIt).toSorted((a, b) => b.sequence - a.sequence)[0]
  return (
    about((detail) => detail.messageId === messageId) ??
    about((detail) => detail.messageId === undefined && detail.requestId === requestId)
  )
}

/** Returns what the status tells about an event: about its message, else about its id, at any account. */
const asked = async ({ messageId, requestId = messageId }: Sent): Promise<RequestStatus | undefined> => {
  for (const id of [messageId, requestId])
    for (const accountId of [ACCOUNT, OTHER_ACCOUNT, 'none']) {
      const answer = await client.getEvent(accountId, id)
      if (answer.ok) return answer.body
    }
  return undefined
}

/** One of the CRM's events, and what must become of it. */
interface Case {
  readonly name: string
  readonly body: unknown
  readonly requestId?: string
  readonly told: Partial<Detail>
}

const run = randomUUID().slice(0, 8)
const idOf = (name: string) => `crm-${run}-${name}`
const event = (name: string, members: object = {}) => ({
  requestId: idOf(name),
  campaign: CAMPAIGN,
  consumer: { id: `consumer-${run}-${name}`, firstName: 'Zoë' },
  ...members,
})
const inEventBridge = (detail: object, time = new Date().toISOString()) => ({
  id: randomUUID(),
  'detail-type': 'Upgrade',
  source: 'crm',
  time,
  detail,
})

const plain = event('plain')
const routed = event('routed', { campaign: undefined, route: 'crm-upgrade' })
const worded = event('worded', { message: 'I want to upgrade' })
const opened = { status: 'opened', accountId: ACCOUNT }
const invalid = { status: 'rejected', code: 'invalid_request', accountId: ACCOUNT }

/** Sent first, one after another, because the later ones refer to them. */
const EARLIER: readonly Case[] = [
  { name: 'a plain event', body: plain, requestId: plain.requestId, told: opened },
  { name: 'one with a route', body: routed, requestId: routed.requestId, told: opened },
  {
    name: 'one with a message',
    body: worded,
    requestId: worded.requestId,
    told: { ...opened, messageStatus: 'sent' },
  },
]

const LATER: readonly Case[] = [
  { name: 'a copy', body: plain, requestId: plain.requestId, told: opened },
  {
    name: 'a copy in another order, with null',
    body: { consumer: routed.consumer, route: 'crm-upgrade', message: null, requestId: routed.requestId },
    requestId: routed.requestId,
    told: opened,
  },
  { name: 'malformed JSON', body: `{"requestId":"${idOf('malformed')}",`, told: invalid },
  {
    name: 'an unknown campaign',
    body: event('campaign', { campaign: { campaignId: 1, engagementId: 2 } }),
    requestId: idOf('campaign'),
    told: { status: 'rejected', code: 'liveperson_rejected', accountId: ACCOUNT },
  },
  {
    name: 'an unknown route',
    body: event('route', { campaign: undefined, route: 'unknown' }),
    requestId: idOf('route'),
    told: invalid,
  },
  {
    name: 'an unknown member',
    body: event('member', { priority: 'high' }),
    requestId: idOf('member'),
    told: invalid,
  },
  {
    name: 'an unknown account',
    body: event('account', { accountId: '71111111' }),
    requestId: idOf('account'),
    told: invalid,
  },
  {
    name: 'a mistake at another account',
    body: event('other-mistake', { accountId: OTHER_ACCOUNT, campaign: { campaignId: 'x' } }),
    requestId: idOf('other-mistake'),
    told: { ...invalid, accountId: OTHER_ACCOUNT },
  },
  {
    name: 'an id that was used with other content',
    body: { ...worded, message: 'I want to leave' },
    requestId: worded.requestId,
    told: { status: 'rejected', code: 'request_id_reused', accountId: ACCOUNT },
  },
  {
    name: 'an event of last year',
    body: inEventBridge(event('old'), '2025-11-26T09:00:00Z'),
    requestId: idOf('old'),
    told: { status: 'rejected', code: 'event_too_old', accountId: ACCOUNT },
  },
  {
    name: 'one through EventBridge',
    body: inEventBridge(event('bridge')),
    requestId: idOf('bridge'),
    told: opened,
  },
  {
    name: 'one through SNS',
    body: { Type: 'Notification', MessageId: randomUUID(), Message: JSON.stringify(event('sns')) },
    requestId: idOf('sns'),
    told: opened,
  },
  {
    name: 'one of another account',
    body: event('other', { accountId: OTHER_ACCOUNT, campaign: OTHER_CAMPAIGN }),
    requestId: idOf('other'),
    told: { ...opened, accountId: OTHER_ACCOUNT },
  },
  {
    name: "one with another account's route",
    body: event('other-route', { campaign: undefined, route: 'support' }),
    requestId: idOf('other-route'),
    told: { ...opened, accountId: OTHER_ACCOUNT },
  },
  { name: 'one without an id', body: event('anonymous', { requestId: undefined }), told: opened },
  {
    name: 'another one of a consumer with an open conversation',
    body: event('again', { consumer: plain.consumer }),
    requestId: idOf('again'),
    told: { status: 'existing', accountId: ACCOUNT },
  },
  {
    name: 'one with a context that is left out in part',
    body: event('context', { context: { lang: 'not a language' } }),
    requestId: idOf('context'),
    told: opened,
  },
]

const CASES = [...EARLIER, ...LATER]

test('a CRM that sends 20 events knows what became of each, from outcome events and the status alone', async () => {
  expect(CASES).toHaveLength(20)
  const sent = new Map<Case, Sent>()
  const sendCase = async (each: Case) =>
    sent.set(each, { messageId: await send(each.body), requestId: each.requestId })
  const known = (each: Case): Detail => {
    const about = sent.get(each)
    const detail = about && learned(about)
    if (!detail) throw new Error(`Nothing is known about ${each.name}`)
    return detail
  }

  for (const each of EARLIER) await sendCase(each)
  await vi.waitFor(() => EARLIER.map(known), WAIT)
  // One create is put off, and repeated.
  stack.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 429, times: 1 })
  await Promise.all(LATER.map(sendCase))
  await vi.waitFor(() => CASES.map(known), WAIT)

  for (const each of CASES) {
    expect(known(each), each.name).toMatchObject(each.told)
    const about = sent.get(each)
    const status = about && (await asked(about))
    const { accountId: _, ...told } = each.told
    expect(status, each.name).toMatchObject(told)
    expect(isStatus(status), each.name).toBeUndefined()
    expect(status?.conversationId).toBe(known(each).conversationId)
  }

  // A copy is the same conversation, and so is the second event of a consumer.
  const conversationOf = (name: string) =>
    CASES.filter((each) => each.name === name).map(known)[0]?.conversationId
  expect(conversationOf('a copy')).toBe(conversationOf('a plain event'))
  expect(conversationOf('a copy in another order, with null')).toBe(conversationOf('one with a route'))
  const isOpened = ({ told }: Case) => told.status === 'opened'
  const ids = CASES.filter(isOpened).map((each) => known(each).conversationId)
  expect(new Set(ids).size).toBe(CASES.filter(isOpened).length - 2)
  expect(stack.livePerson.conversations()).toHaveLength(new Set(ids).size)

  for (const outcome of outcomes) expect(isOutcome(outcome), JSON.stringify(outcome)).toBeUndefined()
})

describe('the typed client', () => {
  const form = (members: object = {}) => ({ route: 'order-help', ...members })

  test('opens a conversation, and a copy of the form gets the same', async () => {
    const idempotencyKey = randomUUID()
    const first = await client.submit(form({ message: 'My order is late' }), { idempotencyKey })
    expect(first).toMatchObject({
      ok: true,
      httpStatus: 201,
      body: { requestId: idempotencyKey, status: 'opened', messageStatus: 'sent' },
    })
    const copy = await client.submit(form({ message: 'My order is late' }), { idempotencyKey })
    expect(copy).toMatchObject({ ok: true, httpStatus: 200 })
    expect(copy.ok && copy.body.conversationId).toBe(first.ok && first.body.conversationId)
    const status = await client.getStatus(idempotencyKey)
    expect(status).toMatchObject({ ok: true, httpStatus: 200, body: { status: 'opened' } })
    for (const answer of [first, copy, status]) expect(answer.ok && isStatus(answer.body)).toBeUndefined()
  })

  test('follows a queued form', async () => {
    const stop = stack.livePerson.faults.add({
      service: 'conversation',
      kind: 'status',
      status: 503,
      times: 100,
    })
    const queued = await client.submit(form(), { idempotencyKey: randomUUID() })
    stop()
    expect(queued).toMatchObject({ ok: true, httpStatus: 202, body: { status: 'queued' }, retryAfter: 5 })
    const { statusUrl = '' } = queued.ok ? queued : {}
    await vi.waitFor(async () => {
      expect(await client.getStatus(statusUrl)).toMatchObject({ ok: true, body: { status: 'opened' } })
    }, WAIT)
  })

  test.each([
    ['an invalid form', { message: 'x'.repeat(4499) }, 400, 'invalid_request'],
    ['another route', { route: 'crm-upgrade' }, 403, 'campaign_not_allowed'],
  ])('gets the problem of %s', async (_, members, httpStatus, code) => {
    const refused = await client.submit(form(members))
    expect(refused).toMatchObject({ ok: false, httpStatus, problem: { code, retryable: false } })
    const isProblem = partValidatorOf('/components/schemas/Problem')
    expect(refused.ok || isProblem(refused.problem)).toBeUndefined()
  })

  test('gets the problem of an unknown id', async () => {
    const unknown = { ok: false, httpStatus: 404, problem: { code: 'not_found' } }
    expect(await client.getStatus(randomUUID())).toMatchObject(unknown)
    expect(await client.getEvent(ACCOUNT, randomUUID())).toMatchObject(unknown)
  })

  test('refreshes the hosts', async () => {
    const report = await client.refreshDomains()
    expect(report).toMatchObject({ ok: true, httpStatus: 200, body: { accounts: [{}, {}] } })
    expect(report.ok && partValidatorOf('/components/schemas/DomainReport')(report.body)).toBeUndefined()
  })
})
