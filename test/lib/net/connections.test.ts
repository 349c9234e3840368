import { once } from 'node:events'
import { request } from 'node:http'
import { Socket } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { createConnections } from '../../../lib/net/connections.ts'
import { type HttpServer, startHttpServer } from '../../support/http-server.ts'

let server: HttpServer
const clock = { wall: 1_800_000_000_000, monotonic: 0 }
const clocks = { now: () => clock.wall, monotonicNow: () => clock.monotonic }

beforeAll(async () => {
  server = await startHttpServer()
})
afterAll(() => server.close())
beforeEach(() => server.reset())

/** Calls the server. Returns whether an idle connection was used. */
const call = async ({ agent, hear }: ReturnType<typeof createConnections>): Promise<boolean> => {
  const sent = request(server.url, { agent })
  sent.end()
  const [response] = await once(sent, 'response')
  if (sent.socket) hear(sent.socket)
  response.resume()
  await once(sent, 'close')
  return sent.reusedSocket
}

test.each([
  [3900, 3900, true],
  [4100, 4100, false],
  [4100, 0, false],
  [0, 4100, false],
  [300, 0, false],
])(
  'after %d ms, or %d on a clock that stood still, an idle connection is used: %s',
  async (wall, monotonic, isUsed) => {
    const connections = createConnections({ protocol: 'http:', ...clocks })
    expect(await call(connections)).toBe(false)
    expect(await call(connections)).toBe(true)
    clock.wall += wall
    clock.monotonic += monotonic
    expect(await call(connections)).toBe(isUsed)
  },
)

test('a socket is stale until it has been heard from', () => {
  const connections = createConnections({ protocol: 'https:', ...clocks })
  const unknown = new Socket()
  expect(connections.isStale(unknown)).toBe(true)
  expect(connections.silentMs(unknown)).toBeUndefined()
  connections.hear(unknown)
  expect(connections.isStale(unknown)).toBe(false)
  clock.wall += 70
  clock.monotonic += 70
  expect(connections.silentMs(unknown)).toBe(70)
})
