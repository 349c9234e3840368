import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { LivePersonUnavailableError } from '../../../lib/errors/errors.ts'
import { createHttp, describeAnswer, type HttpRequest, throwForStatus } from '../../../lib/liveperson/http.ts'
import { createOutbound, type Outbound, type OutboundResult } from '../../../lib/net/outbound.ts'
import { findFreePorts } from '../../../local/net/listen.ts'
import { type HttpServer, startHttpServer } from '../../support/http-server.ts'

const NOW = 1_800_000_000_000
const MEGABYTE = 1024 * 1024

let server: HttpServer

beforeAll(async () => {
  server = await startHttpServer()
})
afterAll(() => server.close())
beforeEach(() => server.reset())

/** Calls the server through real sockets, by default with 10 s to go. */
const call = (request: Partial<HttpRequest> = {}, options: Partial<Parameters<typeof createHttp>[0]> = {}) =>
  createHttp({ outbound: createOutbound(), now: () => NOW, loopback: true, ...options })({
    method: 'GET',
    url: `${server.url}/api`,
    deadline: NOW + 10_000,
    repeatable: true,
    ...request,
  })

/** An Outbound that records its requests and always has the same result. */
const fake = (result: OutboundResult = { kind: 'answer', status: 200, headers: {}, body: '' }) => {
  const requests: Parameters<Outbound>[0][] = []
  const outbound: Outbound = async (request) => {
    requests.push(request)
    return result
  }
  return { requests, outbound }
}

const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('a call', () => {
  test('sends its method, headers and body, and returns status and body', async () => {
    server.answerBy((response) => response.writeHead(418).end('teapot'))
    const answer = await call({ method: 'POST', headers: { authorization: 'token' }, body: '{"id":1}' })
    expect(answer).toEqual({ status: 418, body: 'teapot', retryAfterMs: undefined })
    expect(server.requests).toMatchObject([
      { method: 'POST', path: '/api', headers: { authorization: 'token' }, body: '{"id":1}' },
    ])
  })

  test.each([301, 302, 303, 307, 308])('doesn’t follow a redirect by %i', async (status) => {
    server.answerBy((response) => response.writeHead(status, { location: `${server.url}/moved` }).end())
    expect(await call()).toMatchObject({ status })
    expect(server.requests).toHaveLength(1)
  })

  test('reads an answer of up to 1 MB', async () => {
    server.answerBy((response) => response.end('x'.repeat(MEGABYTE)))
    expect((await call()).body).toHaveLength(MEGABYTE)
    server.answerBy((response) => response.end('x'.repeat(MEGABYTE + 1)))
    expect(await failure(call())).toBeInstanceOf(LivePersonUnavailableError)
  })

  test.each([
    ['its deadline', 400, 400],
    ['10 s', 60_000, 10_000],
  ])('takes no longer than %s', async (_, left, timeoutMs) => {
    const { outbound, requests } = fake()
    await call({ deadline: NOW + left }, { outbound })
    expect(requests).toMatchObject([{ timeoutMs }])
  })

  test('ends with its deadline', async () => {
    server.answerBy(() => undefined)
    const startedAt = performance.now()
    expect(await failure(call({ deadline: NOW + 200 }))).toMatchObject({ connectionFailed: false })
    expect(performance.now() - startedAt).toBeLessThan(3000)
  })

  test.each([0, -1])('is not made %i ms before its deadline', async (left) => {
    const { outbound, requests } = fake()
    const error = await failure(call({ deadline: NOW + left, repeatable: false }, { outbound }))
    expect(error).toMatchObject({
      code: 'liveperson_unavailable',
      mayHaveExecuted: false,
      connectionFailed: false,
    })
    expect(requests).toEqual([])
  })
})

describe('a host that does not belong to LivePerson is never called:', () => {
  test.each<[string, string, boolean]>([
    ['another domain', 'https://evil.example/', true],
    ['a domain with the same beginning', 'https://lpx.liveperson.net.evil.example/', true],
    ['a domain with the same end', 'https://evilliveperson.net/', true],
    ['http', 'http://lpx.liveperson.net/', true],
    ['another port', 'https://lpx.liveperson.net:8443/', true],
    ['a user', 'https://user@lpx.liveperson.net/', true],
    ['the metadata service', 'http://169.254.169.254/latest/meta-data', true],
    ['this machine, if the Domain API is elsewhere', 'http://127.0.0.1:9000/', false],
  ])('%s', async (_, url, loopback) => {
    const { outbound, requests } = fake()
    const error = await failure(call({ url, repeatable: false }, { outbound, loopback }))
    expect(error).toMatchObject({
      code: 'liveperson_unavailable',
      mayHaveExecuted: false,
      connectionFailed: false,
    })
    expect(requests).toEqual([])
  })

  test('while LivePerson’s own is', async () => {
    const { outbound, requests } = fake()
    await call({ url: 'https://va.sentinel.liveperson.net/x' }, { outbound, loopback: false })
    expect(requests).toMatchObject([{ url: 'https://va.sentinel.liveperson.net/x' }])
  })
})

describe('a call without an answer', () => {
  test.each<['not_sent' | 'may_have_been_sent', boolean, boolean, boolean]>([
    ['not_sent', true, false, true],
    ['not_sent', false, false, true],
    ['may_have_been_sent', true, false, false],
    ['may_have_been_sent', false, true, false],
  ])(
    '%s, repeatable %s: mayHaveExecuted %s, connectionFailed %s',
    async (kind, repeatable, mayHaveExecuted, connectionFailed) => {
      const cause = new Error('socket hang up')
      const { outbound } = fake({ kind, cause })
      const error = await failure(call({ repeatable }, { outbound }))
      expect(error).toBeInstanceOf(LivePersonUnavailableError)
      expect(error).toMatchObject({ mayHaveExecuted, connectionFailed, cause, trouble: 'silent' })
    },
  )

  test('to a port without a server is unreachable', async () => {
    const [port] = await findFreePorts(1)
    const error = await failure(call({ url: `http://127.0.0.1:${port}/`, repeatable: false }))
    expect(error).toMatchObject({ mayHaveExecuted: false, connectionFailed: true })
  })

  test('after a reset may have been executed', async () => {
    server.answerBy((response) => response.socket?.resetAndDestroy())
    expect(await failure(call({ repeatable: false }))).toMatchObject({
      mayHaveExecuted: true,
      connectionFailed: false,
    })
    expect(await failure(call({ repeatable: true }))).toMatchObject({
      mayHaveExecuted: false,
      connectionFailed: false,
    })
  })
})

describe('Retry-After', () => {
  test.each<[string | undefined, number | undefined]>([
    [undefined, undefined],
    ['7', 7000],
    [' 7 ', 7000],
    ['0', 0],
    ['900', 900_000],
    ['901', 900_000],
    ['999999999', 900_000],
    [new Date(NOW + 60_000).toUTCString(), 60_000],
    [new Date(NOW - 60_000).toUTCString(), 0],
    [new Date(NOW + 86_400_000).toUTCString(), 900_000],
    ['soon', undefined],
    ['', undefined],
  ])('%j is %s ms', async (value, retryAfterMs) => {
    const headers: Record<string, string> = value === undefined ? {} : { 'retry-after': value }
    const { outbound } = fake({ kind: 'answer', status: 429, headers, body: '' })
    expect((await call({}, { outbound })).retryAfterMs).toBe(retryAfterMs)
  })

  test('is read from a real answer', async () => {
    server.answerBy((response) => response.writeHead(429, { 'Retry-After': '7' }).end())
    expect(await call()).toMatchObject({ status: 429, retryAfterMs: 7000 })
  })
})

describe('the status of a repeatable call', () => {
  const thrown = (status: number, retryAfterMs?: number): unknown => {
    try {
      return throwForStatus('The IDP', { status, body: '', retryAfterMs })
    } catch (error) {
      return error
    }
  }

  test.each([200, 201, 204, 299])('%i is a success', (status) => {
    expect(thrown(status)).toBeUndefined()
  })

  test.each([100, 301, 302, 400, 401, 403, 404, 408, 422, 429, 499, 500, 502, 503, 504])(
    '%i is a failure that may pass',
    (status) => {
      const error = thrown(status)
      expect(error).toBeInstanceOf(LivePersonUnavailableError)
      expect(error).toMatchObject({
        message: `The IDP answered HTTP ${status} without a body.`,
        trouble: status === 429 ? 'busy' : 'failed',
        mayHaveExecuted: false,
        connectionFailed: false,
      })
    },
  )

  test.each<[number, number | undefined, number | undefined]>([
    [429, undefined, 5000],
    [429, 1000, 5000],
    [429, 7000, 7000],
    [503, undefined, undefined],
    [503, 1000, 1000],
  ])('%i with a pause of %s ms asks for %s ms', (status, askedMs, retryAfterMs) => {
    expect(thrown(status, askedMs)).toMatchObject({ retryAfterMs })
  })
})

describe('the description of an answer', () => {
  test.each([
    [404, '', 'HTTP 404 without a body'],
    [404, ' \r\n', 'HTTP 404 without a body'],
    [403, '<html>about Ana</html>', 'HTTP 403 with HTML'],
    [403, '\n <!DOCTYPE html>', 'HTTP 403 with HTML'],
    [403, '{"message":"about Ana"}', 'HTTP 403 with JSON'],
    [200, 'null', 'HTTP 200 with JSON'],
    [503, 'about Ana', 'HTTP 503 with plain text'],
    [503, '{"message":', 'HTTP 503 with plain text'],
  ])('%i %j', (status, body, description) => {
    expect(describeAnswer({ status, body })).toBe(description)
  })
})
