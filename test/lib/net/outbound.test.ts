import { createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createOutbound, type OutboundRequest } from '../../../lib/net/outbound.ts'
import { closeServer, findFreePorts, listen } from '../../../local/net/listen.ts'
import { type HttpServer, startHttpServer } from '../../support/http-server.ts'

let server: HttpServer

beforeAll(async () => {
  server = await startHttpServer()
})
afterAll(() => server.close())
beforeEach(() => server.reset())

const call = (request: Partial<OutboundRequest> = {}) =>
  createOutbound()({
    method: 'GET',
    url: `${server.url}/path?query=1`,
    timeoutMs: 5000,
    maxAnswerBytes: 1000,
    ...request,
  })

describe('a request', () => {
  test('arrives with its method, path, headers and body', async () => {
    await call({ method: 'POST', headers: { 'X-Token': 'abc', 'content-type': 'text/plain' }, body: 'Grüße' })
    expect(server.requests).toMatchObject([
      {
        method: 'POST',
        path: '/path?query=1',
        headers: { 'x-token': 'abc', 'content-type': 'text/plain' },
        body: 'Grüße',
      },
    ])
  })

  test('needs neither headers nor a body', async () => {
    await call()
    expect(server.requests).toMatchObject([{ method: 'GET', body: '' }])
  })
})

describe('an answer', () => {
  test.each([200, 201, 204, 304, 400, 401, 404, 429, 500, 503])(
    'of status %d is an answer',
    async (status) => {
      server.answerBy((response) => response.writeHead(status).end())
      expect(await call()).toMatchObject({ kind: 'answer', status, body: '' })
    },
  )

  test('has its headers by lower-case name', async () => {
    server.answerBy((response) => response.writeHead(429, { 'Retry-After': '7' }).end('busy'))
    expect(await call()).toMatchObject({ headers: { 'retry-after': '7' }, body: 'busy' })
  })

  test('is decoded as UTF-8, even where a chunk ends within a character', async () => {
    const bytes = Buffer.from('Grüße 👋')
    server.answerBy(async (response) => {
      for (const byte of bytes) {
        response.write(Buffer.from([byte]))
        await sleep(1)
      }
      response.end()
    })
    expect(await call()).toMatchObject({ body: 'Grüße 👋' })
  })

  test.each([301, 302, 303, 307, 308])('that redirects by %d is not followed', async (status) => {
    server.answerBy((response) => response.writeHead(status, { location: `${server.url}/elsewhere` }).end())
    expect(await call()).toMatchObject({ kind: 'answer', status })
    expect(server.requests.map(({ path }) => path)).toEqual(['/path?query=1'])
  })

  test('may be exactly as large as allowed', async () => {
    server.answerBy((response) => response.end('x'.repeat(1000)))
    expect(await call()).toMatchObject({ kind: 'answer', body: 'x'.repeat(1000) })
  })
})

describe('a call without a complete answer may have been sent:', () => {
  test('a larger answer, whose rest is not read', async () => {
    server.answerBy((response) => {
      response.write('x'.repeat(1001))
    })
    expect(await call()).toMatchObject({ kind: 'may_have_been_sent' })
    await vi.waitFor(() => expect(server.disconnects()).toBe(1))
  })

  test.each<[string, Parameters<HttpServer['answerBy']>[0]]>([
    ['a connection reset', (response) => response.socket?.resetAndDestroy()],
    ['a connection closed', (response) => response.socket?.end()],
    [
      'a body cut short',
      (response) => {
        response.writeHead(200, { 'content-length': '100' }).write('half')
        setTimeout(() => response.socket?.destroy(), 10)
      },
    ],
    ['something other than HTTP', (response) => response.socket?.end('SSH-2.0-OpenSSH_9.6\r\n')],
  ])('%s', async (_, answer) => {
    server.answerBy(answer)
    const result = await call()
    expect(result).toMatchObject({ kind: 'may_have_been_sent', cause: expect.any(Error) })
    expect(server.requests).toHaveLength(1)
  })

  test.each<[string, Parameters<HttpServer['answerBy']>[0]]>([
    ['silence', () => undefined],
    [
      'headers without a body',
      (response) => response.writeHead(200, { 'content-length': '9' }).flushHeaders(),
    ],
  ])('%s until the time limit', async (_, answer) => {
    server.answerBy(answer)
    const startedAt = performance.now()
    expect(await call({ timeoutMs: 150.5 })).toMatchObject({
      kind: 'may_have_been_sent',
      cause: { name: 'TimeoutError' },
    })
    const tookMs = performance.now() - startedAt
    expect(tookMs).toBeGreaterThanOrEqual(145)
    expect(tookMs).toBeLessThan(3000)
  })
})

describe('a call without a connection was not sent:', () => {
  test('no server listens on the port', async () => {
    const [port] = await findFreePorts(1)
    expect(await call({ url: `http://127.0.0.1:${port}/` })).toMatchObject({ kind: 'not_sent' })
  })

  test('the host does not exist', async () => {
    expect(await call({ url: 'http://no-such-host.invalid/' })).toMatchObject({ kind: 'not_sent' })
  })

  test('the TLS handshake fails', async () => {
    const received: Buffer[] = []
    const plain = createServer((socket) => {
      socket.on('data', (data) => {
        received.push(data)
        socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')
      })
      socket.on('error', () => undefined)
    })
    const port = await listen(plain)
    expect(await call({ url: `https://127.0.0.1:${port}/secret` })).toMatchObject({ kind: 'not_sent' })
    await closeServer(plain)
    expect(Buffer.concat(received).toString()).not.toContain('secret')
  })

  test.each([0, -1, -0.5])('no time is left: %d ms', async (timeoutMs) => {
    expect(await call({ timeoutMs })).toMatchObject({ kind: 'not_sent', cause: expect.any(Error) })
    expect(server.requests).toEqual([])
  })
})

describe('an error of fetch', () => {
  const failing = (cause: unknown) =>
    createOutbound(() => Promise.reject(new TypeError('fetch failed', { cause })))({
      method: 'GET',
      url: 'https://idp.example.com/',
      timeoutMs: 1000,
      maxAnswerBytes: 1000,
    })

  test.each([
    [{ code: 'ECONNREFUSED' }, 'not_sent'],
    [{ code: 'ENOTFOUND' }, 'not_sent'],
    [{ code: 'EAI_AGAIN' }, 'not_sent'],
    [{ code: 'EHOSTUNREACH' }, 'not_sent'],
    [{ code: 'ENETUNREACH' }, 'not_sent'],
    [{ code: 'ETIMEDOUT', syscall: 'connect' }, 'not_sent'],
    [{ code: 'UND_ERR_CONNECT_TIMEOUT' }, 'not_sent'],
    [{ code: 'CERT_HAS_EXPIRED' }, 'not_sent'],
    [{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'not_sent'],
    [{ code: 'SELF_SIGNED_CERT_IN_CHAIN' }, 'not_sent'],
    [{ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }, 'not_sent'],
    [{ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, 'not_sent'],
    [{ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' }, 'not_sent'],
    [{ code: 'ECONNRESET' }, 'may_have_been_sent'],
    [{ code: 'ECONNRESET', syscall: 'read' }, 'may_have_been_sent'],
    [{ code: 'ETIMEDOUT', syscall: 'read' }, 'may_have_been_sent'],
    [{ code: 'EPIPE', syscall: 'write' }, 'may_have_been_sent'],
    [{ code: 'UND_ERR_SOCKET' }, 'may_have_been_sent'],
    [{ code: 'UND_ERR_HEADERS_TIMEOUT' }, 'may_have_been_sent'],
    [{ code: 'NOT_ECONNREFUSED' }, 'may_have_been_sent'],
    [{ code: 5 }, 'may_have_been_sent'],
    [{}, 'may_have_been_sent'],
    [null, 'may_have_been_sent'],
    ['ECONNREFUSED', 'may_have_been_sent'],
    [undefined, 'may_have_been_sent'],
  ])('caused by %j counts as %s', async (cause, kind) => {
    expect(await failing(cause)).toMatchObject({ kind, cause: { message: 'fetch failed' } })
  })

  test.each([
    [
      'thrown at once',
      () => {
        throw new Error('no network')
      },
    ],
    ['that is not an Error', () => Promise.reject('no network')],
  ])('%s is not thrown on', async (_, fetch) => {
    const result = await createOutbound(fetch)({
      method: 'GET',
      url: 'https://idp.example.com/',
      timeoutMs: 1000,
      maxAnswerBytes: 1000,
    })
    expect(result).toMatchObject({ kind: 'may_have_been_sent' })
  })
})
