import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import dns from 'node:dns'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { createServer, Socket } from 'node:net'
import { text } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { createServer as createTlsServer, getCACertificates, setDefaultCACertificates } from 'node:tls'
import { Worker } from 'node:worker_threads'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { createOutbound, type OutboundRequest } from '../../../lib/net/outbound.ts'
import { type Certificate, createCertificate } from '../../../local/net/certificate.ts'
import { closeServer, findFreePorts, listen } from '../../../local/net/listen.ts'
import { type HttpServer, startHttpServer } from '../../support/http-server.ts'

let server: HttpServer

beforeAll(async () => {
  server = await startHttpServer()
})
afterAll(() => server.close())
beforeEach(() => server.reset())

const toRequest = (request: Partial<OutboundRequest> = {}): OutboundRequest => ({
  method: 'GET',
  url: `${server.url}/path?query=1`,
  timeoutMs: 5000,
  maxAnswerBytes: 1000,
  ...request,
})

const call = (request: Partial<OutboundRequest> = {}) => createOutbound()(toRequest(request))

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok'

/** Starts a server of its own protocol on loopback. It is closed at the end of the test. */
const startRawServer = async (
  onConnection: (socket: Socket, number: number) => void,
  certificate?: Certificate,
) => {
  const sockets: Socket[] = []
  const received: Buffer[] = []
  const accept = (socket: Socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (data) => received.push(data))
    onConnection(socket, sockets.push(socket))
  }
  const raw = certificate ? createTlsServer(certificate, accept) : createServer(accept)
  raw.on('tlsClientError', () => undefined)
  const port = await listen(raw)
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy()
    await closeServer(raw)
  })
  return {
    url: `${certificate ? 'https' : 'http'}://127.0.0.1:${port}/`,
    port,
    /** All connections so far, oldest first. */
    sockets,
    /** Returns everything that has been received. */
    received: () => Buffer.concat(received).toString(),
  }
}

/** Sends something for each request, whose end it recognizes by an empty line. */
const answering = (answer: (socket: Socket, number: number) => void) => {
  let requests = 0
  return (socket: Socket) =>
    void socket.on('data', (data) => data.includes('\r\n\r\n') && answer(socket, ++requests))
}

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

  test('has no mark of the byte order, and a sign for each byte that is not UTF-8', async () => {
    server.answerBy((response) => response.end(Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0xff, 0x62])))
    expect(await call()).toMatchObject({ body: 'a\uFFFDb' })
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

describe('a connection', () => {
  test('is kept for the next call', async () => {
    const raw = await startRawServer(answering((socket) => socket.write(OK)))
    const outbound = createOutbound()
    for (let index = 0; index < 3; index++)
      expect(await outbound(toRequest({ url: raw.url }))).toMatchObject({ kind: 'answer' })
    expect(raw.sockets).toHaveLength(1)
  })

  test('is not shared by two clients', async () => {
    const raw = await startRawServer(answering((socket) => socket.write(OK)))
    await call({ url: raw.url })
    await call({ url: raw.url })
    expect(raw.sockets).toHaveLength(2)
  })

  test.each([
    ['closes it with the answer', 'HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok'],
    ['ends the answer by closing it', 'HTTP/1.1 200 OK\r\n\r\nok'],
    ['speaks HTTP/1.0', 'HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok'],
    [
      'sends more than the answer',
      'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nokHTTP/1.1 404 Not Found\r\ncontent-length: 3\r\n\r\nold',
    ],
  ])('is not used again if the server %s', async (_, answer) => {
    const raw = await startRawServer(
      answering((socket) => {
        socket.write(answer)
        if (!answer.includes('content-length') || answer.includes('close')) socket.end()
      }),
    )
    const outbound = createOutbound()
    for (let index = 0; index < 3; index++) {
      expect(await outbound(toRequest({ url: raw.url }))).toMatchObject({ status: 200, body: 'ok' })
      await sleep(5)
    }
    expect(raw.sockets).toHaveLength(3)
  })

  test.each<[string, (socket: Socket) => void]>([
    ['closed', (socket) => socket.end()],
    ['reset', (socket) => socket.resetAndDestroy()],
    [
      'used for an answer that nobody asked for',
      (socket) => socket.write('HTTP/1.1 408 Request Timeout\r\ncontent-length: 3\r\n\r\nold'),
    ],
  ])('that the server has %s is not used again', async (_, act) => {
    const raw = await startRawServer(answering((socket) => socket.write(OK)))
    const outbound = createOutbound()
    await outbound(toRequest({ url: raw.url }))
    raw.sockets.forEach(act)
    await sleep(20)
    expect(await outbound(toRequest({ url: raw.url, method: 'POST', body: '{}' }))).toMatchObject({
      status: 200,
      body: 'ok',
    })
    expect(raw.sockets).toHaveLength(2)
  })

  test('is one of at most fifty to a host, and other calls wait for one', async () => {
    const raw = await startRawServer(answering((socket) => void setTimeout(() => socket.write(OK), 20)))
    const outbound = createOutbound()
    const results = await Promise.all(
      Array.from({ length: 120 }, () => outbound(toRequest({ url: raw.url }))),
    )
    expect(results.filter(({ kind }) => kind !== 'answer')).toEqual([])
    expect(raw.sockets).toHaveLength(50)
  })

  test('that the server closes after each answer makes room for a waiting call', async () => {
    const closing = OK.replace('content', 'connection: close\r\ncontent')
    const raw = await startRawServer(answering((socket) => socket.end(closing)))
    const outbound = createOutbound()
    const results = await Promise.all(
      Array.from({ length: 120 }, () => outbound(toRequest({ url: raw.url }))),
    )
    expect(results.filter(({ kind }) => kind !== 'answer')).toEqual([])
  })

  test('that dies after a request was written is not replaced: a POST is written once', async () => {
    const raw = await startRawServer(
      answering((socket, number) => (number === 1 ? socket.write(OK) : socket.resetAndDestroy())),
    )
    const outbound = createOutbound()
    await outbound(toRequest({ url: raw.url }))
    const result = await outbound(toRequest({ url: raw.url, method: 'POST', body: 'once' }))
    expect(result).toMatchObject({ kind: 'may_have_been_sent', cause: { code: 'ECONNRESET' } })
    await sleep(20)
    expect(raw.sockets).toHaveLength(1)
    expect(raw.received().match(/once/g)).toHaveLength(1)
  })
})

describe('an answer over the wire', () => {
  test.each([
    ['early hints', 'HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n'],
    ['100 Continue', 'HTTP/1.1 100 Continue\r\n\r\n'],
    ['102 Processing, twice', 'HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n'],
  ])('may follow %s', async (_, before) => {
    const raw = await startRawServer(
      answering(async (socket) => {
        socket.write(before)
        await sleep(10)
        socket.write(OK)
      }),
    )
    const outbound = createOutbound()
    const request = toRequest({ url: raw.url, method: 'POST', body: '{}' })
    expect(await outbound(request)).toMatchObject({ kind: 'answer', status: 200, body: 'ok' })
    expect(await outbound(request)).toMatchObject({ kind: 'answer', status: 200, body: 'ok' })
    expect(raw.sockets).toHaveLength(1)
  })

  test('may come before the whole request has been read', async () => {
    const raw = await startRawServer((socket) => {
      socket.once('data', () => {
        socket.pause()
        socket.end('HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 3\r\n\r\nbig')
      })
    })
    const result = await call({ url: raw.url, method: 'POST', body: 'x'.repeat(5_000_000) })
    expect(result).toMatchObject({ kind: 'answer', status: 413, body: 'big' })
  })

  test('is asked for without compression', async () => {
    await call({ headers: { 'Accept-Encoding': 'gzip' } })
    expect(server.requests[0]?.headers['accept-encoding']).toBe('identity')
  })

  test('may name a header several times', async () => {
    server.answerBy((response) => response.writeHead(200, { 'Set-Cookie': ['a=1', 'b=2'] }).end())
    expect(await call()).toMatchObject({ headers: { 'set-cookie': 'a=1, b=2' } })
  })
})

describe('a call whose request was written may have been sent:', () => {
  test.each<[string, string]>([
    ['a body shorter than its length', 'HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'],
    ['a body without its last chunk', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n'],
    ['a chunk of no valid length', 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nxyz\r\n'],
    ['half a header', 'HTTP/1.1 200 OK\r\ncontent-'],
    ['headers that are too large', `HTTP/1.1 200 OK\r\nx-large: ${'x'.repeat(20_000)}\r\n\r\n`],
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok'],
    [
      'a change of the protocol',
      'HTTP/1.1 101 Switching Protocols\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n',
    ],
    ['an informational answer only', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
    ['nothing', ''],
  ])('%s, then the end', async (_, answer) => {
    const raw = await startRawServer(answering((socket) => socket.end(answer)))
    const result = await call({ url: raw.url, method: 'POST', body: '{}' })
    expect(result).toMatchObject({ kind: 'may_have_been_sent', cause: expect.any(Error) })
    expect(raw.sockets).toHaveLength(1)
  })

  test.each([
    ['a body', 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n', 'x'],
    ['headers', 'HTTP/1.1 200 OK\r\n', 'x: y\r\n'],
    ['early hints', '', 'HTTP/1.1 103 Early Hints\r\n\r\n'],
  ])('%s that trickles until the time limit', async (_, start, part) => {
    const raw = await startRawServer(
      answering((socket) => {
        socket.write(start)
        const timer = setInterval(() => socket.write(part), 10)
        socket.on('close', () => clearInterval(timer))
      }),
    )
    const startedAt = performance.now()
    expect(await call({ url: raw.url, timeoutMs: 200 })).toMatchObject({
      kind: 'may_have_been_sent',
      cause: { name: 'TimeoutError' },
    })
    expect(performance.now() - startedAt).toBeLessThan(2000)
  })

  test.each(['EHOSTUNREACH', 'ENETUNREACH', 'ETIMEDOUT', 'ECONNRESET', 'ECONNREFUSED', 'ENOTFOUND', 'EPIPE'])(
    '%s on the connection',
    async (code) => {
      const client = watchSockets()
      const raw = await startRawServer(
        answering(() =>
          client.at(-1)?.destroy(Object.assign(new Error(`read ${code}`), { code, syscall: 'connect' })),
        ),
      )
      const result = await call({ url: raw.url, method: 'POST', body: '{}' })
      expect(result).toMatchObject({ kind: 'may_have_been_sent', cause: { code } })
      expect(raw.received()).toContain('POST / HTTP/1.1')
    },
  )

  test('a host that is gone in the middle of an answer', async () => {
    const client = watchSockets()
    const raw = await startRawServer(
      answering((socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf')
        setTimeout(() => {
          client.at(-1)?.destroy(Object.assign(new Error('read'), { code: 'EHOSTUNREACH' }))
        }, 10)
      }),
    )
    expect(await call({ url: raw.url })).toMatchObject({ kind: 'may_have_been_sent' })
  })
})

/** Returns the TCP sockets that this process opens until the end of the test. */
const watchSockets = () => {
  const sockets: Socket[] = []
  const watch = (message: unknown) => {
    if (typeof message === 'object' && message && 'socket' in message && message.socket instanceof Socket)
      sockets.push(message.socket)
  }
  subscribe('net.client.socket', watch)
  onTestFinished(() => void unsubscribe('net.client.socket', watch))
  return sockets
}

describe('a call without a connection was not sent:', () => {
  test('no server listens on the port', async () => {
    const [port] = await findFreePorts(1)
    expect(await call({ url: `http://127.0.0.1:${port}/` })).toMatchObject({
      kind: 'not_sent',
      cause: { code: 'ECONNREFUSED' },
    })
  })

  test('the host does not exist', async () => {
    expect(await call({ url: 'https://no-such-host.invalid/' })).toMatchObject({ kind: 'not_sent' })
  })

  test.each([
    ['1.5 s', 5000, 1400, 3000],
    ['the time that is left', 300, 290, 1400],
  ])('the host drops all packets, for %s', async (_, timeoutMs, atLeastMs, lessThanMs) => {
    const { url, port } = await startThread({ kind: 'full' })
    const fillers = Array.from({ length: 4 }, () => new Socket().on('error', () => undefined))
    for (const filler of fillers) filler.connect(port, '127.0.0.1')
    onTestFinished(() => {
      for (const filler of fillers) filler.destroy()
    })
    await sleep(100)
    const startedAt = performance.now()
    expect(await call({ url, timeoutMs })).toMatchObject({
      kind: 'not_sent',
      cause: { name: 'TimeoutError' },
    })
    const tookMs = performance.now() - startedAt
    expect(tookMs).toBeGreaterThanOrEqual(atLeastMs)
    expect(tookMs).toBeLessThan(lessThanMs)
  })

  test('no server of names answers', async () => {
    const spy = vi.spyOn(dns, 'lookup').mockImplementation(() => undefined)
    onTestFinished(() => spy.mockRestore())
    const result = await call({ url: 'https://silent-name.example.com/' })
    expect(spy).toHaveBeenCalled()
    expect(result).toMatchObject({ kind: 'not_sent', cause: { name: 'TimeoutError' } })
  })

  test('no time is left', async () => {
    expect(await call({ timeoutMs: 0 })).toMatchObject({ kind: 'not_sent' })
    expect(server.requests).toEqual([])
  })

  test.each([
    'http://example.com/',
    'http://192.0.2.1/',
    'https://user:secret@127.0.0.1/',
    'ftp://127.0.0.1/',
    'file:///etc/passwd',
    '/path',
    '',
  ])('the address is %j', async (url) => {
    expect(await call({ url })).toMatchObject({ kind: 'not_sent', cause: expect.any(Error) })
  })

  test.each<[string, Record<string, string>]>([
    ['value', { authorization: 'a\r\nx-injected: b' }],
    ['name', { 'x y': 'b' }],
  ])('a header has an invalid %s', async (_, headers) => {
    expect(await call({ headers })).toMatchObject({ kind: 'not_sent', cause: expect.any(Error) })
    await sleep(20)
    expect(server.requests).toEqual([])
  })

  test('all connections stay busy, and the request is not written once one is free', async () => {
    const raw = await startRawServer(() => undefined)
    const outbound = createOutbound()
    const busy = Array.from({ length: 50 }, () => outbound(toRequest({ url: raw.url, timeoutMs: 600 })))
    const waiting = await outbound(
      toRequest({ url: raw.url, method: 'POST', body: 'waiting', timeoutMs: 100 }),
    )
    expect(waiting).toMatchObject({ kind: 'not_sent', cause: { name: 'TimeoutError' } })
    for (const socket of raw.sockets) socket.write(OK)
    await Promise.all(busy)
    await sleep(20)
    expect(raw.received()).not.toContain('waiting')
    expect(await outbound(toRequest({ url: raw.url, timeoutMs: 100 }))).toMatchObject({
      kind: 'may_have_been_sent',
    })
  })
})

describe('over TLS', () => {
  const trusted = createCertificate('127.0.0.1')
  const builtIn = getCACertificates('default')
  beforeAll(() => setDefaultCACertificates([...builtIn, trusted.cert]))
  afterAll(() => setDefaultCACertificates(builtIn))

  test('a call is answered, and its connection kept', async () => {
    const raw = await startRawServer(
      answering((socket) => socket.write(OK)),
      trusted,
    )
    const outbound = createOutbound()
    const request = toRequest({ url: raw.url, method: 'POST', body: '{}' })
    expect(await outbound(request)).toMatchObject({ kind: 'answer', status: 200, body: 'ok' })
    // Node.js notices the end of a write over TLS a turn later than the answer. Only then is the connection free.
    await sleep(10)
    expect(await outbound(request)).toMatchObject({ kind: 'answer', status: 200, body: 'ok' })
    expect(raw.sockets).toHaveLength(1)
  })

  test.each([
    ['is not trusted', createCertificate('127.0.0.1'), '127.0.0.1', 'DEPTH_ZERO_SELF_SIGNED_CERT'],
    ['is for another host', trusted, 'localhost', 'ERR_TLS_CERT_ALTNAME_INVALID'],
  ])('nothing is sent where the certificate %s', async (_, certificate, host, code) => {
    const raw = await startRawServer(
      answering((socket) => socket.write(OK)),
      certificate,
    )
    const url = `https://${host}:${raw.port}/`
    const result = await call({ url, method: 'POST', body: 'secret' })
    expect(result).toMatchObject({ kind: 'not_sent', cause: { code } })
    await sleep(20)
    expect(raw.received()).toBe('')
  })

  test.each<[string, (socket: Socket) => void]>([
    ['an answer without TLS', (socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')],
    ['a reset', (socket) => socket.resetAndDestroy()],
    ['the end', (socket) => socket.end()],
    ['silence', () => undefined],
  ])('nothing was sent where the handshake meets %s', async (_, act) => {
    const raw = await startRawServer((socket) => socket.once('data', () => act(socket)))
    const result = await call({
      url: raw.url.replace('http', 'https'),
      method: 'POST',
      headers: { authorization: 'secret' },
      timeoutMs: 1000,
    })
    expect(result).toMatchObject({ kind: 'not_sent', cause: expect.any(Error) })
    expect(raw.received()).not.toContain('secret')
  })

  test.each<[string, (socket: Socket) => void]>([
    ['a broken connection', (socket) => socket.destroy()],
    ['the end', (socket) => socket.end()],
    ['silence', () => undefined],
  ])('a request may have been sent where it meets %s', async (_, act) => {
    const raw = await startRawServer(answering(act), trusted)
    const result = await call({ url: raw.url, method: 'POST', body: '{}', timeoutMs: 500 })
    expect(result).toMatchObject({ kind: 'may_have_been_sent', cause: expect.any(Error) })
  })
})

/** A wall clock and a monotonic clock that a test moves. */
const createClocks = () => {
  let wall = Date.now()
  let monotonic = 0
  return {
    clocks: { now: () => wall, monotonicNow: () => monotonic },
    pass: (wallMs: number, monotonicMs = wallMs) => {
      wall += wallMs
      monotonic += monotonicMs
    },
  }
}

/** Starts a server in a thread. See there. */
const startThread = async ({ kind, act }: { readonly kind: 'full' | 'answering'; readonly act?: string }) => {
  const flag = new Int32Array(new SharedArrayBuffer(8))
  const worker = new Worker(new URL('other-thread.ts', import.meta.url), {
    workerData: { kind, act, flag: flag.buffer },
  })
  onTestFinished(async () => void (await worker.terminate()))
  const [{ port }] = await once(worker, 'message')
  return {
    port,
    url: `http://127.0.0.1:${port}/`,
    act: () => Atomics.store(flag, 0, 1),
    hasActed: () => Atomics.load(flag, 0) === 0,
    requests: () => Atomics.load(flag, 1),
  }
}

/** Stops this thread, as SIGSTOP stops a process. */
const freeze = (ms: number) => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)

describe('a frozen process', () => {
  test.each(['reset', 'end', 'write'])(
    'sends 50 POSTs over new connections where the server did %s on all idle ones',
    async (act) => {
      const thread = await startThread({ kind: 'answering', act })
      const outbound = createOutbound()
      const request = toRequest({ url: thread.url, method: 'POST', body: '{}' })
      const send = () => Promise.all(Array.from({ length: 50 }, () => outbound(request)))
      await send()
      thread.act()
      freeze(300)
      const results = await send()
      const inDoubt = results.filter(({ kind }) => kind === 'may_have_been_sent')
      console.log(`after ${act}, ${inDoubt.length} of ${results.length} may have been sent but were not`)
      expect(results.filter((result) => result.kind !== 'answer' || result.body !== 'ok')).toEqual([])
      expect(thread.requests()).toBe(100)
    },
  )

  test('loses POSTs with an agent that looks at no clock', async () => {
    const thread = await startThread({ kind: 'answering', act: 'reset' })
    const agent = new Agent({ keepAlive: true })
    onTestFinished(() => agent.destroy())
    const post = async (): Promise<string> => {
      const sent = request(thread.url, { method: 'POST', agent })
      sent.end('{}')
      const [response] = await once(sent, 'response')
      return text(response)
    }
    const send = () => Promise.allSettled(Array.from({ length: 50 }, post))
    await send()
    await sleep(20)
    thread.act()
    freeze(300)
    const lost = (await send()).filter(({ status }) => status === 'rejected')
    console.log(`with such an agent, ${lost.length} of 50 were lost`)
    expect(lost.length).toBeGreaterThan(0)
  })

  test.each([
    ['after less than 4 s', 3900, 3900, 1],
    ['after more than 4 s', 4100, 4100, 2],
    ['after more than 4 s on the wall clock only', 4100, 1, 2],
    ['after more than 4 s on the monotonic clock only', 1, 4100, 2],
    ['after a moment in which the machine stood still', 300, 1, 2],
    ['after somebody has set the clock back', -60_000, 1, 2],
  ])('%s (%d and %d ms), two calls have used %d connections', async (_, wallMs, monotonicMs, connections) => {
    const raw = await startRawServer(answering((socket) => socket.write(OK)))
    const { clocks, pass } = createClocks()
    const outbound = createOutbound(clocks)
    await outbound(toRequest({ url: raw.url }))
    pass(wallMs, monotonicMs)
    expect(await outbound(toRequest({ url: raw.url }))).toMatchObject({ kind: 'answer' })
    expect(raw.sockets).toHaveLength(connections)
  })

  test('uses a connection for as long as each answer comes within 4 s of the last one', async () => {
    const raw = await startRawServer(answering((socket) => socket.write(OK)))
    const { clocks, pass } = createClocks()
    const outbound = createOutbound(clocks)
    for (let call = 0; call < 4; call++) {
      expect(await outbound(toRequest({ url: raw.url }))).toMatchObject({ kind: 'answer' })
      pass(3000)
    }
    expect(raw.sockets).toHaveLength(1)
  })

  test('drops all idle connections to a host, not just one', async () => {
    const raw = await startRawServer(answering((socket) => socket.write(OK)))
    const { clocks, pass } = createClocks()
    const outbound = createOutbound(clocks)
    const send = () => Promise.all(Array.from({ length: 5 }, () => outbound(toRequest({ url: raw.url }))))
    await send()
    pass(5000)
    await send()
    expect(raw.sockets).toHaveLength(10)
    await vi.waitFor(() => expect(raw.sockets.filter(({ destroyed }) => destroyed)).toHaveLength(5))
  })

  test('connects anew if it was frozen while it connected, and there is time', async () => {
    const { clocks, pass } = createClocks()
    const raw = await startRawServer(answering((socket) => socket.write(OK)))
    const sending = createOutbound(clocks)(toRequest({ url: raw.url, timeoutMs: 20_000 }))
    await Promise.resolve()
    process.nextTick(() => pass(8000))
    expect(await sending).toMatchObject({ kind: 'answer' })
    expect(raw.sockets).toHaveLength(2)
  })

  test('sends nothing if the time is over when it wakes up', async () => {
    const { clocks, pass } = createClocks()
    const raw = await startRawServer(answering((socket) => socket.write(OK)))
    const sending = createOutbound(clocks)(toRequest({ url: raw.url, timeoutMs: 3000 }))
    process.nextTick(() => pass(8000))
    expect(await sending).toMatchObject({ kind: 'not_sent' })
    await sleep(20)
    expect(raw.received()).toBe('')
  })

  test.each<[string, (stop: () => void) => unknown]>([
    ['between two events', (stop) => stop()],
    ['before its timers', (stop) => setTimeout(stop, 1)],
  ])('still reads an answer that arrived while it was frozen %s', async (_, when) => {
    const thread = await startThread({ kind: 'answering', act: 'reset' })
    const sending = createOutbound()(toRequest({ url: thread.url, timeoutMs: 200 }))
    await vi.waitFor(() => expect(thread.requests()).toBe(1), { interval: 1 })
    when(() => freeze(400))
    expect(await sending).toMatchObject({ kind: 'answer', body: 'ok' })
  })

  test('that was frozen right before it wrote sends over another connection', async () => {
    const thread = await startThread({ kind: 'answering', act: 'reset' })
    const outbound = createOutbound()
    const request = toRequest({ url: thread.url, method: 'POST', body: '{}' })
    await outbound(request)
    thread.act()
    // Too short to look like a freeze, unless the other thread is slow to act.
    do freeze(5)
    while (!thread.hasActed())
    freeze(20)
    expect(await outbound(request)).toMatchObject({ kind: 'answer', body: 'ok' })
    expect(thread.requests()).toBe(2)
  })

  test('that is busy all the time ends a call soon after its deadline', async () => {
    const raw = await startRawServer(() => undefined)
    const startedAt = performance.now()
    const sending = createOutbound()(toRequest({ url: raw.url, timeoutMs: 300 }))
    const busy = setInterval(() => freeze(70), 0)
    expect((await sending).kind).not.toBe('answer')
    clearInterval(busy)
    expect(performance.now() - startedAt).toBeLessThan(3000)
  }, 20_000)

  test('that was frozen while it connected still sends in time', async () => {
    const raw = await startRawServer(answering((socket) => socket.write(OK)))
    const sending = createOutbound()(toRequest({ url: raw.url, timeoutMs: 5000 }))
    setTimeout(() => freeze(1700), 0)
    freeze(1600)
    expect(await sending).toMatchObject({ kind: 'answer', body: 'ok' })
  })
})
