import { createServer, type IncomingHttpHeaders, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parsePush } from '../../../lib/liveperson/push.ts'
import { isSigned } from '../../../lib/liveperson/signature.ts'
import { createPushSender } from '../../../local/liveperson/pushes/sender.ts'
import { loadFixture } from '../../../local/liveperson/state/account.ts'
import { createClock } from '../../../local/liveperson/state/clock.ts'
import { defaultSettings, type Settings } from '../../../local/liveperson/state/settings.ts'
import { createStore } from '../../../local/liveperson/state/store.ts'

interface Received {
  readonly url: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

let server: Server
let received: Received[]
let statuses: number[]
let settings: Settings
let sender: ReturnType<typeof createPushSender>
let store: ReturnType<typeof createStore>
const accounts = new Map(loadFixture().map((account) => [account.accountId, account]))
const consumer = { accountId: '70123456', extConsumerId: 'crm-1', lpConsumerId: 'lp-1' }
const details = { profile: {}, openedAt: 1000, ttr: 'NORMAL', body: [], campaignId: '1', engagementId: '2' }

beforeEach(async () => {
  received = []
  statuses = []
  server = createServer((request, response) => {
    let body = ''
    request.setEncoding('utf8')
    request.on('data', (chunk: string) => {
      body += chunk
    })
    request.on('end', () => {
      received.push({ url: request.url ?? '', headers: request.headers, body })
      response.writeHead(statuses.shift() ?? 200).end()
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  settings = { ...defaultSettings('strict'), pushUrl: `http://127.0.0.1:${port}` }
  const clock = createClock()
  sender = createPushSender({ settings, accounts, clock })
  store = createStore(undefined, { now: () => 5000, onChanged: sender.send })
})
afterEach(() => {
  sender.drop()
  server.closeAllConnections()
  server.close()
})

const arrived = async (count: number): Promise<readonly Received[]> => {
  for (let times = 0; received.length < count && times < 200; times++)
    await new Promise((resolve) => setTimeout(resolve, 20))
  return received
}

test('each change of a conversation is pushed with its signature, and the service reads it', async () => {
  const conversation = store.open(store.getConsumer(consumer), details)
  await arrived(1)
  store.join(conversation, 'Grüße')
  await arrived(2)
  store.close(conversation)
  const pushes = await arrived(3)
  const [secret = ''] = accounts.get('70123456')?.clientSecrets ?? []
  for (const { url, headers, body } of pushes) {
    expect(url).toBe('/liveperson/70123456/events')
    expect(isSigned(Buffer.from(body), String(headers['x-liveperson-signature']), [secret])).toBe(true)
    expect(headers['x-liveperson-account-id']).toBe('70123456')
  }
  const { conversationId } = conversation
  const open = { conversationId, lpConsumerId: 'lp-1', startedAt: 1000 }
  expect(pushes.map(({ body }) => parsePush(JSON.parse(body), '70123456').conversations)).toEqual([
    [open],
    [open],
    [{ ...open, closedAt: 5000 }],
  ])
})

test('pushes are doubled, signed with SHA-256 and name the campaign, if the settings say so', async () => {
  Object.assign(settings, { pushCopies: 2, pushHash: 'sha256', pushCampaign: true, pushDisorderMs: 20 })
  store.open(store.getConsumer(consumer), details)
  const pushes = await arrived(2)
  expect(pushes).toHaveLength(2)
  for (const { headers, body } of pushes) {
    expect(headers['x-liveperson-signature']).toMatch(/^sha256=/)
    expect(parsePush(JSON.parse(body), '70123456').conversations).toMatchObject([
      { campaignId: '1', engagementId: '2' },
    ])
  }
})

test('a push that is not accepted is repeated after two seconds', async () => {
  statuses = [503]
  const startedAt = Date.now()
  store.open(store.getConsumer(consumer), details)
  expect(await arrived(2)).toHaveLength(2)
  expect(Date.now() - startedAt).toBeGreaterThan(1900)
})

test('without an address, nothing is pushed', async () => {
  settings.pushUrl = undefined
  store.open(store.getConsumer(consumer), details)
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(received).toEqual([])
})
