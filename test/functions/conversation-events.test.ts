import { createHmac } from 'node:crypto'
import type { APIGatewayProxyEventV2, Context } from 'aws-lambda'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { createHandler } from '../../functions/conversation-events.ts'
import type { SecretStage } from '../../lib/account/secrets.ts'
import type { StateTable } from '../../lib/aws/state-table.ts'
import { NOTHING } from '../../lib/conversation/facts.ts'
import { createLedger } from '../../lib/conversation/ledger.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import { createEventsService } from '../../lib/service/events.ts'
import { createMemoryTable } from '../simulation/state-table.ts'
import { configOf } from '../support/unreachable-config.ts'

const CURRENT = '9kq2v7x1c0m3w8z5t4y6b7n2d1'
const PREVIOUS = 'previous-client-secret'
const ACCOUNT = '70123456'
const PK = 'request#70123456#form#nobody#request-0001'
const NOW = 1_800_000_000_000
const DONE = { attempt: 1, releases: 1, state: 'done' } as const
const CAMPAIGN = { campaignId: '3120045610', engagementId: '3120047710' }

let table: StateTable
let secrets: Partial<Record<SecretStage, string>>
let time: number
let slowMs: number
/** When the time for an answer is over. */
let timeout: PromiseWithResolvers<void>
const warn = vi.fn()

beforeEach(() => {
  vi.spyOn(console, 'info').mockImplementation(() => undefined)
  vi.spyOn(console, 'warn').mockImplementation(() => undefined)
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  table = createMemoryTable()
  time = NOW
  slowMs = 0
  timeout = Promise.withResolvers()
  warn.mockClear()
  secrets = { AWSCURRENT: CURRENT, AWSPREVIOUS: PREVIOUS }
})

const push = ({
  sentAt = NOW,
  closedAt,
  participants = [],
}: {
  sentAt?: number
  closedAt?: number
  /** Besides the consumer. */
  participants?: readonly unknown[]
} = {}) =>
  JSON.stringify({
    kind: 'notification',
    type: 'cqm.ExConversationChangeNotification',
    body: {
      sentTs: sentAt,
      changes: [
        {
          type: 'UPSERT',
          result: {
            convId: 'c-1',
            conversationDetails: {
              participants: [
                { id: 'lp-1', role: 'CONSUMER' },
                { id: 'Grüße – 🐎', role: 'READER' },
                ...participants,
              ],
              brandId: ACCOUNT,
              state: closedAt === undefined ? 'OPEN' : 'CLOSE',
              startTs: NOW - 1000,
              ...(closedAt !== undefined && { endTs: closedAt }),
            },
          },
        },
      ],
    },
  })

const sign = (body: string, secret = CURRENT, hash = 'sha1') =>
  `${hash}=${createHmac(hash, secret).update(body).digest('base64')}`

const call = async (
  body: string,
  {
    signature = sign(body),
    accountId = ACCOUNT,
    isBase64Encoded = false,
    broken = false,
  }: { signature?: string | undefined; accountId?: string; isBase64Encoded?: boolean; broken?: boolean } = {},
) => {
  const seamed: StateTable = {
    ...table,
    update: async (update) => {
      if (broken) throw new ServiceUnavailableError({ detail: 'DynamoDB UpdateItem failed.' })
      if (slowMs > 0) await new Promise(() => undefined)
      return table.update(update)
    },
  }
  const service = createEventsService(configOf([{ accountId: ACCOUNT, default: true }]), {
    table: seamed,
    now: () => time,
    sleep: async (ms) => {
      if (slowMs < ms) await timeout.promise
    },
    readSecret: async (_, stage) => {
      const clientSecret = secrets[stage]
      return clientSecret && JSON.stringify({ clientId: 'id', clientSecret })
    },
  })
  const event = {
    pathParameters: { accountId },
    headers: signature === undefined ? {} : { 'X-LivePerson-Signature': signature },
    body: isBase64Encoded ? Buffer.from(body).toString('base64') : body,
    isBase64Encoded,
  }
  const logged = { ...service, log: { ...service.log, warn } }
  const answer = await createHandler(() => logged)(event as unknown as APIGatewayProxyEventV2, {} as Context)
  return answer.statusCode
}

/** A request of an anonymous visitor whose create had no answer, on an account that doesn't repeat it. */
const storeUnknown = async () => {
  const claimed = await createLedger({ table, now: () => NOW - 2000, uuid: () => 'lease' }).claim(
    {
      door: 'form',
      requestId: 'request-0001',
      accountId: ACCOUNT,
      consumerId: `request-${'a'.repeat(64)}`,
      fingerprint: '3.f00d',
      vouchedBy: 'nobody',
      warnings: [],
    },
    { ...CAMPAIGN, routeAttributes: [], ttr: 'NORMAL' },
    NOW + 60_000,
  )
  if (claimed.kind !== 'claimed') throw new Error('The request is new')
  await claimed.entry.record({
    ...NOTHING,
    claim: DONE,
    conversation: { kind: 'unknown' },
    lpConsumerId: 'lp-1',
  })
}

describe('a push', () => {
  test.each([
    ['with SHA-1', { hash: 'sha1', secret: CURRENT }],
    ['with SHA-256', { hash: 'sha256', secret: CURRENT }],
    ['by the previous secret', { hash: 'sha1', secret: PREVIOUS }],
  ])('that is signed %s settles an unknown outcome', async (_, { hash, secret }) => {
    await storeUnknown()
    const body = push()
    expect(await call(body, { signature: sign(body, secret, hash) })).toBe(200)
    expect(await table.get(PK)).toMatchObject({ status: 'opened', conversationId: 'c-1' })
  })

  test('in Base64, as API Gateway passes binary bodies, is checked by its bytes', async () => {
    await storeUnknown()
    expect(await call(push(), { isBase64Encoded: true })).toBe(200)
    expect(await table.get(PK)).toMatchObject({ status: 'opened' })
  })

  test('tells a closing, and an older one that is replayed changes nothing', async () => {
    await storeUnknown()
    const opened = push()
    const closed = push({ closedAt: NOW + 60_000 })
    for (const body of [opened, closed]) expect(await call(body)).toBe(200)
    const before = await table.get(PK)
    expect(before).toMatchObject({ status: 'opened', closedAt: NOW + 60_000 })
    for (const body of [closed, opened, opened]) {
      time += 1000
      expect(await call(body)).toBe(200)
    }
    expect(await table.get(PK)).toEqual(before)
    expect(await table.get('consumer#70123456#lp-1')).toMatchObject({ state: 'CLOSE' })
  })

  test('that somebody kept for longer than LivePerson repeats it is ignored', async () => {
    await storeUnknown()
    time = NOW + 4 * 24 * 3600 * 1000 + 1
    expect(await call(push())).toBe(200)
    expect(await table.get(PK)).toMatchObject({ status: 'outcome_unknown' })
  })

  test('without its time is as old as the latest time in it', async () => {
    await storeUnknown()
    time = NOW + 4 * 24 * 3600 * 1000
    const untimed = push().replace(`"sentTs":${NOW}`, '"sentTs":null')
    expect(untimed).not.toBe(push())
    expect(await call(untimed)).toBe(200)
    expect(await table.get(PK)).toMatchObject({ status: 'outcome_unknown' })
    time = NOW + 3 * 24 * 3600 * 1000
    expect(await call(untimed)).toBe(200)
    expect(await table.get(PK)).toMatchObject({ status: 'opened' })
  })

  test('with participants that can’t be read settles an unknown outcome', async () => {
    await storeUnknown()
    const participants = [
      null,
      'x',
      { id: 123, role: 'ASSIGNED_AGENT' },
      { id: 'a' },
      { id: 'b', role: null },
    ]
    expect(await call(push({ participants }))).toBe(200)
    expect(await table.get(PK)).toMatchObject({ status: 'opened', conversationId: 'c-1' })
  })

  test('with two consumers settles nothing', async () => {
    await storeUnknown()
    expect(await call(push({ participants: [{ id: 'lp-2', role: 'CONSUMER' }] }))).toBe(200)
    expect(await table.get(PK)).toMatchObject({ status: 'outcome_unknown' })
    expect(await table.get('consumer#70123456#lp-2')).toBeUndefined()
  })

  test('that was recorded is not reported as late when the time is over', async () => {
    expect(await call(push())).toBe(200)
    timeout.resolve()
    await new Promise(setImmediate)
    expect(warn).not.toHaveBeenCalled()
  })

  test('about something else is answered, so that LivePerson doesn’t repeat it', async () => {
    for (const body of ['{}', 'no JSON', '{"type":"ms.MessagingEventNotification","body":{"changes":[]}}'])
      expect(await call(body)).toBe(200)
  })
})

describe('nothing is written', () => {
  test.each<[string, number, Parameters<typeof call>[1]]>([
    ['without a signature', 401, { signature: '' }],
    ['with a signature by another secret', 401, { signature: sign(push(), 'wrong') }],
    ['with the signature of another body', 401, { signature: sign('{}') }],
    ['for an account that the stage lacks', 404, { accountId: '70999999' }],
  ])('%s', async (_, status, options) => {
    await storeUnknown()
    const before = await table.get(PK)
    expect(await call(push(), options)).toBe(status)
    expect(await table.get(PK)).toEqual(before)
  })

  test('for a body of 256 KB', async () => {
    expect(await call('x'.repeat(256 * 1024))).toBe(413)
  })
})

describe('LivePerson has to repeat a push', () => {
  test('if the table fails', async () => {
    await storeUnknown()
    expect(await call(push(), { broken: true })).toBe(503)
    expect(await call(push())).toBe(200)
    expect(await table.get(PK)).toMatchObject({ status: 'opened' })
  })

  test('if the table doesn’t answer within two seconds', async () => {
    slowMs = 2000
    expect(await call(push())).toBe(503)
    expect(warn.mock.calls).toEqual([['A push was not recorded in time', { accountId: ACCOUNT }]])
  })

  test('if the account’s secret can’t be used', async () => {
    secrets = {}
    expect(await call(push())).toBe(500)
  })
})
