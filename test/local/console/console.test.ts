import { createServer, type IncomingMessage, request as send } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, expect, test, vi } from 'vitest'
import { z } from 'zod'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { type Console, startConsole } from '../../../local/console/console.ts'
import type { Shown } from '../../../local/console/shown.ts'
import { createSwitches } from '../../../local/console/switches.ts'
import { createTimeline } from '../../../local/console/timeline.ts'
import { loadFixture } from '../../../local/liveperson/state/account.ts'
import { closeServer, listen } from '../../../local/net/listen.ts'
import { STAGE } from '../../support/world.ts'
import { account, createBody, member, startClient } from '../liveperson/client.ts'

const client = await startClient()
const livePerson = client.liveperson
const timeline = createTimeline({ calls: livePerson.requests, consumers: livePerson.consumers })
const kill = vi.fn(async () => undefined)
const received: {
  readonly url: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}[] = []
const api = createServer(async (request, response) => {
  const body = await text(request)
  received.push({ url: request.url ?? '', headers: request.headers, body })
  response.writeHead(202, { location: 'conversations/order-1' }).end('{"status":"queued"}')
})
let console_: Console

beforeAll(async () => {
  console_ = await startConsole({
    apiUrl: `http://127.0.0.1:${await listen(api)}`,
    stage: parseStageConfig(
      { ...STAGE, origins: ['https://www.example.com'] },
      { name: 'test', loopback: true },
    ),
    livePerson,
    depth: (queue) => ({ ready: queue === 'quarantine' ? 2 : 0, delayed: 1, inFlight: 0 }),
    timeline,
    switches: createSwitches({ livePerson, accounts: loadFixture() }),
    kill,
  })
})
beforeEach(() => livePerson.reset())
afterAll(() => Promise.all([console_?.close(), closeServer(api), livePerson.close()]))

const command = (body: object, headers: Readonly<Record<string, string>> = {}) =>
  fetch(`${console_.url}/commands`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })

/** Reads the first state that has what is wanted. */
const waitFor = async (isWanted: (shown: Shown) => boolean): Promise<Shown> => {
  const response = await fetch(`${console_.url}/events`)
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader()
  let text = ''
  try {
    for (;;) {
      const { value, done } = (await reader?.read()) ?? { done: true }
      if (done || value === undefined) throw new Error('The stream ended')
      text += value
      const events = text.split('\n\n')
      text = events.pop() ?? ''
      for (const event of events) {
        const shown = z.custom<Shown>(Boolean).parse(JSON.parse(event.slice('data: '.length)))
        if (isWanted(shown)) return shown
      }
    }
  } finally {
    await reader?.cancel()
  }
}

const open = async (): Promise<string> =>
  String(member((await client.open(await client.headers(), createBody())).json, '1.body.conversationId'))

test('a conversation arrives with its skill and campaign, and the queues have their depth', async () => {
  const arrived = waitFor(({ conversations }) => conversations.length === 1)
  const conversationId = await open()
  expect(await arrived).toMatchObject({
    conversations: [
      { conversationId, accountId: account, skill: 'Orders', state: 'OPEN', consumer: expect.any(String) },
    ],
    queues: { events: 1, handOver: 1, quarantine: 3 },
    steps: expect.arrayContaining([expect.objectContaining({ text: 'CONVERSATION, answered 200' })]),
  })
})

test('an agent joins, answers and closes', async () => {
  const conversationId = await open()
  expect((await command({ action: 'answer', conversationId, text: 'Hello' })).status).toBe(400)
  for (const body of [
    { action: 'join', conversationId },
    { action: 'answer', conversationId, text: 'Hello' },
    { action: 'close', conversationId },
  ])
    expect((await command(body)).status).toBe(204)
  const { conversations } = await waitFor(() => true)
  expect(conversations).toMatchObject([
    { state: 'CLOSE', agent: 'Robin', messages: [{ from: 'agent', text: 'Hello' }] },
  ])
})

test('a switch turns a fault on, and the containers are killed', async () => {
  expect((await command({ action: 'switch', name: 'down', on: true })).status).toBe(204)
  expect(livePerson.faults.active()).toMatchObject([{ status: 503 }])
  expect((await command({ action: 'kill' })).status).toBe(204)
  expect(kill).toHaveBeenCalledTimes(1)
  const { switches, steps } = await waitFor(() => true)
  expect(switches.find(({ name }) => name === 'down')?.isOn).toBe(true)
  expect(steps.map(({ text }) => text)).toContain('Killed the containers')
  await command({ action: 'switch', name: 'down', on: false })
})

test('the API is called as by a page of the first listed origin', async () => {
  const response = await fetch(`${console_.url}/api/conversations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin: console_.url, 'idempotency-key': 'order-1' },
    body: '{"message":"Grüße"}',
  })
  expect([response.status, response.headers.get('location'), await response.text()]).toEqual([
    202,
    'conversations/order-1',
    '{"status":"queued"}',
  ])
  expect(received.at(-1)).toMatchObject({
    url: '/conversations',
    headers: { origin: 'https://www.example.com', 'idempotency-key': 'order-1' },
    body: '{"message":"Grüße"}',
  })
})

test.each(['/', '/console.css', '/console.js', '/form-client.js', '/routes'])('serves %s', async (path) => {
  const response = await fetch(`${console_.url}${path}`)
  expect(response.status).toBe(200)
  expect(response.headers.get('content-security-policy')).toContain("default-src 'self'")
  expect((await response.text()).length).toBeGreaterThan(10)
})

test('another site can neither send commands nor read anything under a name of its own', async () => {
  expect((await command({ action: 'kill' }, { 'content-type': 'text/plain' })).status).toBe(415)
  const { port } = new URL(console_.url)
  const status = await new Promise((resolve) => {
    send({ port, host: '127.0.0.1', path: '/events', headers: { host: 'evil.example' } }, (response) => {
      response.resume()
      resolve(response.statusCode)
    }).end()
  })
  expect(status).toBe(403)
  expect((await fetch(`${console_.url}/nothing`)).status).toBe(404)
  expect((await fetch(`${console_.url}/`, { method: 'DELETE' })).status).toBe(405)
  expect((await command({ action: 'switch', name: 'constructor', on: true })).status).toBe(400)
})

test('another site’s form reaches the API as what it is, and no path leads to another host', async () => {
  const post = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${console_.url}${path}`, { method: 'POST', headers, body: 'a=1' })
  for (const origin of ['https://evil.example', 'null']) {
    await post('/api/conversations', { origin })
    expect(received.at(-1)).toMatchObject({ url: '/conversations', headers: { origin } })
  }
  const count = received.length
  const { port } = new URL(console_.url)
  await post(`/api//localhost:${port}/events`)
  expect(received.slice(count)).toMatchObject([{ url: `//localhost:${port}/events` }])
})
