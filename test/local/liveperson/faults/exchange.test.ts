import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { Fault } from '../../../../local/liveperson/faults/faults.ts'
import { call, createBody, startClient } from '../client.ts'

const client = await startClient()
const { liveperson, open } = client
afterAll(() => liveperson.close())

let headers: Awaited<ReturnType<typeof client.headers>>
beforeEach(async () => {
  liveperson.reset()
  headers = await client.headers()
})

const service = 'conversation'
const opened = () => liveperson.conversations().length

describe('a fault that answers', () => {
  const unified = expect.stringContaining('"errorCode":50201')
  test.each<[Fault['kind'], Fault, number, unknown, number]>([
    ['status', { service, kind: 'status', status: 502 }, 502, unified, 0],
    ['status', { service, kind: 'status', status: 503, body: 'down' }, 503, 'down', 0],
    ['status-after', { service, kind: 'status-after', status: 502 }, 502, unified, 1],
    ['429', { service, kind: '429' }, 429, '', 0],
    ['html', { service, kind: 'html' }, 502, expect.stringContaining('<html>'), 0],
    ['html', { service, kind: 'html', status: 200 }, 200, expect.stringContaining('<html>'), 0],
    ['html-after', { service, kind: 'html-after' }, 502, expect.stringContaining('<html>'), 1],
    ['empty', { service, kind: 'empty', status: 500 }, 500, '', 0],
    ['wrong-content-type', { service, kind: 'wrong-content-type' }, 200, expect.stringContaining('"OK"'), 1],
    ['expired-app-jwt', { service, kind: 'expired-app-jwt' }, 401, expect.stringContaining('40102'), 0],
    [
      'revoked-consumer-jws',
      { service, kind: 'revoked-consumer-jws' },
      401,
      expect.stringContaining('40103'),
      0,
    ],
  ])('%s: %o', async (kind, fault, status, text, conversations) => {
    liveperson.faults.add(fault)
    const answer = await open(headers, createBody())
    expect([answer.status, answer.text, opened()]).toEqual([status, text, conversations])
    expect(liveperson.faults.struck()).toEqual({ [`conversation:${kind}`]: 1 })
    expect(liveperson.requests({ service })).toMatchObject([{ status, fault: kind }])
    expect((await open(headers, createBody())).status).toBe(conversations === 0 ? 200 : 400)
  })

  test('sends a correct body with the wrong Content-Type', async () => {
    liveperson.faults.add({ service, kind: 'wrong-content-type' })
    expect((await open(headers, createBody())).headers.get('content-type')).toBe('text/plain')
  })

  test.each([
    ['absent', {}, null],
    ['seconds', { retryAfter: 7 }, '7'],
    ['a date', { retryAfter: 'Wed, 21 Oct 2026 07:28:00 GMT' }, 'Wed, 21 Oct 2026 07:28:00 GMT'],
  ])('429 has a Retry-After that is %s', async (_name, retryAfter, header) => {
    liveperson.faults.add({ service: 'sentinel', kind: '429', ...retryAfter })
    const { status, headers } = await client.token()
    expect([status, headers.get('retry-after')]).toEqual([429, header])
  })

  test('refuses the AppJWT at the IDP with 401, or with 500 and an internalErrorCode', async () => {
    liveperson.faults.add({ service: 'idp', kind: 'expired-app-jwt' })
    liveperson.faults.add({ service: 'idp', kind: 'idp-500-internal-error-code' })
    const init = { headers, body: '{"ext_consumer_id":"a"}' }
    const answers = [await client.consumer(init), await client.consumer(init), await client.consumer(init)]
    expect(answers.map(({ status }) => status)).toEqual([401, 500, 201])
    expect(answers[1]?.json).toEqual({ internalErrorCode: '9007' })
  })

  test('also strikes the Domain API', async () => {
    liveperson.faults.add({ service: 'domain', kind: 'status', status: 500 })
    const url = `${liveperson.url}/api/account/70123456/service/baseURI.json?version=1.0`
    expect((await call(url)).status).toBe(500)
  })
})

describe('a fault without an answer', () => {
  test.each([
    ['reset', 0],
    ['reset-after', 1],
    ['truncated', 1],
  ] as const)('%s closes the connection, and %i conversations are open', async (kind, conversations) => {
    liveperson.faults.add({ service, kind })
    await expect(open(headers, createBody())).rejects.toThrow()
    expect(opened()).toBe(conversations)
    expect(liveperson.requests({ service })[0]).not.toHaveProperty('status')
  })

  test.each([
    ['silence', 0],
    ['silence-after', 1],
  ] as const)(
    '%s keeps the connection open without an answer, and %i conversations are open',
    async (kind, conversations) => {
      liveperson.faults.add({ service, kind })
      const url = `${await client.host()}/api/account/70123456/messaging/consumer/conversation?v=3`
      const init = { method: 'POST', headers, body: JSON.stringify(createBody()) }
      await expect(call(url, { ...init, signal: AbortSignal.timeout(100) })).rejects.toThrow('timeout')
      expect(opened()).toBe(conversations)
    },
  )

  test('latency delays the answer, and a request is processed even if its client has disconnected', async () => {
    liveperson.faults.add({ service, kind: 'latency', ms: 120, times: 2 })
    const started = performance.now()
    expect((await open(headers, createBody())).status).toBe(200)
    expect(performance.now() - started).toBeGreaterThan(100)

    const other = await client.headers('crm-2')
    const url = `${await client.host()}/api/account/70123456/messaging/consumer/conversation?v=3`
    const init = { method: 'POST', headers: other, body: JSON.stringify(createBody()) }
    await expect(call(url, { ...init, signal: AbortSignal.timeout(40) })).rejects.toThrow()
    expect(opened()).toBe(1)
    await expect.poll(opened).toBe(2)
  })

  test('reset() closes waiting connections without processing their requests', async () => {
    liveperson.faults.add({ service, kind: 'latency', ms: 60 })
    const waiting = open(headers, createBody()).catch(String)
    await expect.poll(() => liveperson.faults.struck()).toEqual({ 'conversation:latency': 1 })
    liveperson.reset()
    expect(await waiting).toMatch(/fetch failed/)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(opened()).toBe(0)
  })
})
