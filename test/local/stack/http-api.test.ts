import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Invoke } from '../../../local/aws/invoke.ts'
import { startHttpApi } from '../../../local/stack/http-api.ts'
import { type Stack, startStack } from '../../../local/stack/stack.ts'

const PAGES = 'https://docs.aws.amazon.com/apigateway/latest/developerguide'
const EVENT = `${PAGES}/http-api-develop-integrations-lambda.html`
const ROUTES = `${PAGES}/http-api-develop-routes.html`
const CORS = `${PAGES}/http-api-cors.html`
const NOTES = `${PAGES}/api-gateway-known-issues.html`

const LISTED = 'http://localhost:5173'
const UNLISTED = 'https://www.example.org'

let stack: Stack
let serial = 0

beforeAll(async () => {
  stack = await startStack()
})
afterAll(() => stack.close())

const newId = () => `http-api-${process.pid}-${++serial}`

interface Sent {
  readonly method?: string
  readonly path?: string
  /** Names and values in turn. A name may be repeated. */
  readonly headers?: readonly string[]
  readonly body?: string | Buffer
}

/** Sends a request as it is written: no header is added but `Host`, `Connection` and the length of the body. */
const send = async ({ method = 'POST', path = '/conversations', headers = [], body }: Sent) => {
  const { hostname, port, host } = new URL(stack.apiUrl)
  const length = body === undefined ? [] : ['content-length', String(Buffer.byteLength(body))]
  const sent = request({ hostname, port, method, path, headers: ['host', host, ...headers, ...length] })
  sent.end(body)
  const [response]: IncomingMessage[] = await once(sent, 'response')
  const chunks: Buffer[] = []
  for await (const chunk of response ?? []) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  const allowed = Object.keys(response?.headers ?? {}).filter((name) => name.startsWith('access-control-'))
  return {
    status: response?.statusCode,
    headers: response?.headers ?? {},
    cors: allowed.toSorted(),
    body: text === '' ? undefined : JSON.parse(text),
  }
}

const json = (members: object = {}) => JSON.stringify({ requestId: newId(), route: 'order-help', ...members })
const JSON_TYPE = ['content-type', 'application/json']
const FORM_TYPE = ['content-type', 'application/x-www-form-urlencoded']

describe('the local API behaves like an HTTP API of API Gateway:', () => {
  test(`no Content-Type is added to a request with a body (${NOTES})`, async () => {
    const { status, body } = await send({ body: json() })
    expect([status, body.code]).toEqual([415, 'unsupported_media_type'])
  })

  test.each(['/conversations/', '//conversations', '/conversations/a-request/', '/Conversations', '/'])(
    `a path that is no route's is 404: %s (${ROUTES})`,
    async (path) => {
      for (const method of ['POST', 'GET']) {
        const body = method === 'POST' ? { body: json() } : {}
        const answer = await send({ method, path, headers: JSON_TYPE, ...body })
        expect([answer.status, answer.body]).toEqual([404, { message: 'Not Found' }])
      }
    },
  )

  test.each(['HEAD', 'PUT', 'DELETE', 'PATCH'])(
    `a method that is no route's is 404: %s (${ROUTES})`,
    async (method) => {
      const requestId = newId()
      await send({ headers: JSON_TYPE, body: json({ requestId }) })
      const path = `/conversations/${requestId}`
      expect((await send({ method: 'GET', path })).status).toBe(200)
      expect((await send({ method, path })).status).toBe(404)
    },
  )

  test(`a variable of the path is decoded (${ROUTES})`, async () => {
    const requestId = `${newId()}:a`
    await send({ headers: JSON_TYPE, body: json({ requestId }) })
    const answer = await send({ method: 'GET', path: `/conversations/${encodeURIComponent(requestId)}` })
    expect(answer.body).toMatchObject({ requestId, status: 'opened' })
  })

  test(`repeated headers are joined by commas (${EVENT})`, async () => {
    const { status, body } = await send({
      headers: [...JSON_TYPE, 'idempotency-key', newId(), 'Idempotency-Key', newId()],
      body: json(),
    })
    expect([status, body.errors?.[0].path]).toEqual([400, 'Idempotency-Key'])
  })

  test(`the body of a form comes as base64, so bytes that aren't UTF-8 are seen (${EVENT})`, async () => {
    const bytes = Buffer.from([...Buffer.from('route=order-help&message=Zo'), 0xeb])
    const { status, body } = await send({ headers: FORM_TYPE, body: bytes })
    expect([status, body.errors]).toEqual([400, [{ path: '', message: 'is not valid UTF-8' }]])
  })

  test(`a preflight from a listed origin is answered without a function (${CORS})`, async () => {
    const calls = stack.livePerson.requests().length
    const { status, headers } = await send({
      method: 'OPTIONS',
      headers: [
        ...['origin', LISTED, 'access-control-request-method', 'POST'],
        ...['access-control-request-headers', 'baggage,content-type,sentry-trace,traceparent'],
      ],
    })
    expect(status).toBe(204)
    expect(headers).toMatchObject({
      'access-control-allow-origin': LISTED,
      'access-control-allow-credentials': 'true',
      'access-control-max-age': '3600',
    })
    expect(headers['access-control-allow-methods']?.split(',')).toContain('POST')
    const allowed = headers['access-control-allow-headers']?.split(',')
    for (const name of ['baggage', 'content-type', 'sentry-trace', 'traceparent', 'idempotency-key'])
      expect(allowed).toContain(name)
    expect(stack.livePerson.requests()).toHaveLength(calls)
  })

  test(`a response to a listed origin has CORS headers (${CORS})`, async () => {
    const { status, headers } = await send({ headers: [...JSON_TYPE, 'origin', LISTED], body: json() })
    expect(status).toBe(201)
    expect(headers).toMatchObject({
      'access-control-allow-origin': LISTED,
      'access-control-allow-credentials': 'true',
      'access-control-expose-headers': 'location,retry-after',
    })
  })

  test.each([UNLISTED, 'null', 'http://localhost:5174', 'http://LOCALHOST:5173'])(
    `a preflight or a response to an unlisted origin has no CORS header: %s (${CORS})`,
    async (origin) => {
      const preflight = ['origin', origin, 'access-control-request-method', 'POST']
      expect(await send({ method: 'OPTIONS', headers: preflight })).toMatchObject({ status: 204, cors: [] })
      const answer = await send({ headers: [...JSON_TYPE, 'origin', origin], body: json() })
      expect(answer).toMatchObject({ status: 403, cors: [], body: { code: 'origin_not_allowed' } })
    },
  )

  test(`without an Origin, neither an OPTIONS request nor a response has CORS headers (${CORS})`, async () => {
    expect(
      await send({ method: 'OPTIONS', headers: ['access-control-request-method', 'POST'] }),
    ).toMatchObject({
      cors: [],
    })
    expect(await send({ headers: JSON_TYPE, body: json() })).toMatchObject({ status: 201, cors: [] })
  })
})

describe('an HTTP API', () => {
  const CONFIG = {
    allowedOrigins: [LISTED],
    allowedMethods: ['GET'],
    allowedHeaders: [],
    exposedResponseHeaders: [],
    allowCredentials: true,
    maxAge: 1,
  }

  /** Calls an API whose only function returns this, or fails. */
  const get = async (result: object | string, cors: Parameters<typeof startHttpApi>[0]['cors'] = false) => {
    const invoke: Invoke = async () =>
      typeof result === 'string'
        ? { functionError: 'Unhandled', payload: result }
        : { payload: JSON.stringify(result) }
    const api = await startHttpApi({ routes: [{ method: 'GET', path: '/', invoke }], cors })
    const response = await fetch(api.url, { headers: { origin: LISTED } })
    const text = await response.text()
    await api.close()
    return { status: response.status, headers: response.headers, text }
  }

  test(`sends what the function returns (${EVENT})`, async () => {
    const { status, headers, text } = await get({
      statusCode: 404,
      headers: { 'content-type': 'text/plain', 'x-number': 1 },
      cookies: ['a=1', 'b=2'],
      body: Buffer.from('Zoë').toString('base64'),
      isBase64Encoded: true,
    })
    expect([status, text, headers.getSetCookie()]).toEqual([404, 'Zoë', ['a=1', 'b=2']])
    expect([headers.get('content-type'), headers.get('x-number')]).toEqual(['text/plain', '1'])
  })

  test.each([
    ['fails', '{"errorType":"Error"}'],
    ['returns no status', { headers: {} }],
  ])('answers 500 if the function %s', async (_, result) => {
    const { status, text } = await get(result)
    expect([status, text]).toEqual([500, '{"message":"Internal Server Error"}'])
  })

  test(`with a CORS configuration ignores the CORS headers of the function (${CORS})`, async () => {
    const result = { statusCode: 200, headers: { 'Access-Control-Allow-Origin': '*' } }
    const allowedOf = async (cors: Parameters<typeof get>[1]) =>
      (await get(result, cors)).headers.get('access-control-allow-origin')
    expect(await allowedOf(CONFIG)).toBe(LISTED)
    expect(await allowedOf({ ...CONFIG, allowedOrigins: [UNLISTED] })).toBeNull()
    expect(await allowedOf({ ...CONFIG, allowedOrigins: ['*'] })).toBe('*')
    expect(await allowedOf(false)).toBe('*')
  })
})
