import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import type { Fault } from '../../../../local/liveperson/faults/faults.ts'
import { call, createBody, member, startClient } from '../client.ts'

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

  test('gives a right body the wrong Content-Type', async () => {
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

  test('strikes the Domain API too', async () => {
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
  ] as const)('%s breaks the connection, and %i conversations are open', async (kind, conversations) => {
    liveperson.faults.add({ service, kind })
    await expect(open(headers, createBody())).rejects.toThrow()
    expect(opened()).toBe(conversations)
    expect(liveperson.requests({ service })[0]).not.toHaveProperty('status')
  })

  test.each([
    ['silence', 0],
    ['silence-after', 1],
  ] as const)('%s says nothing, and %i conversations are open', async (kind, conversations) => {
    liveperson.faults.add({ service, kind })
    const url = `${await client.host()}/api/account/70123456/messaging/consumer/conversation?v=3`
    const init = { method: 'POST', headers, body: JSON.stringify(createBody()) }
    await expect(call(url, { ...init, signal: AbortSignal.timeout(100) })).rejects.toThrow('timeout')
    expect(opened()).toBe(conversations)
  })

  test('latency answers later, and carries out the request of a client that has gone', async () => {
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

  test('reset() lets go of what waits, and does not carry it out', async () => {
    liveperson.faults.add({ service, kind: 'latency', ms: 60 })
    const waiting = open(headers, createBody()).catch(String)
    await expect.poll(() => liveperson.faults.struck()).toEqual({ 'conversation:latency': 1 })
    liveperson.reset()
    expect(await waiting).toMatch(/fetch failed/)
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(opened()).toBe(0)
  })
})

describe('a fault strikes', () => {
  const statuses = async (count: number) => {
    const seen: number[] = []
    for (let index = 0; index < count; index += 1) seen.push((await client.token()).status)
    return seen
  }

  test('once, as often as it says, or until it is removed', async () => {
    liveperson.faults.add({ service: 'sentinel', kind: 'status', status: 500 })
    liveperson.faults.add({ service: 'sentinel', kind: 'status', status: 502, times: 2 })
    const remove = liveperson.faults.add({
      service: 'sentinel',
      kind: 'status',
      status: 503,
      times: Number.POSITIVE_INFINITY,
    })
    expect(await statuses(6)).toEqual([500, 502, 502, 503, 503, 503])
    remove()
    expect(await statuses(1)).toEqual([200])
    expect(liveperson.faults.active()).toEqual([])
  })

  test('with its probability, by a random source that can be seeded', async () => {
    const numbers = [0.1, 0.9, 0.2]
    liveperson.faults.random = () => numbers.shift() ?? 1
    liveperson.faults.add({ service: 'sentinel', kind: 'status', status: 503, times: 9, probability: 0.5 })
    expect(await statuses(4)).toEqual([503, 200, 503, 200])
  })

  test('only what it matches', async () => {
    liveperson.faults.add({ kind: 'status', status: 500, match: ({ body }) => body.includes('rotated') })
    expect((await client.token()).status).toBe(200)
    expect((await client.token('v=1.0', { client_secret: 'rotated' })).status).toBe(500)
  })

  test('together with latency', async () => {
    liveperson.faults.add({ service: 'sentinel', kind: 'latency', ms: 60 })
    liveperson.faults.add({ service: 'sentinel', kind: '429' })
    const started = performance.now()
    expect(await statuses(1)).toEqual([429])
    expect(performance.now() - started).toBeGreaterThan(50)
    expect(liveperson.faults.struck()).toEqual({ 'sentinel:latency': 1, 'sentinel:429': 1 })
  })
})

describe('a fault over HTTP', () => {
  test('is added, shown, struck and removed', async () => {
    const fault = { service: 'sentinel', kind: '429', retryAfter: 2, times: null }
    expect((await client.inspect('faults', fault)).status).toBe(200)
    expect((await client.token()).status).toBe(429)
    expect((await client.inspect('faults')).json).toEqual({ active: [fault], struck: { 'sentinel:429': 1 } })
    await client.inspect('faults', {}, 'DELETE')
    expect((await client.token()).status).toBe(200)
  })

  test.each([
    ['no kind', {}],
    ['an unknown kind', { kind: 'boom' }],
    ['latency without ms', { kind: 'latency' }],
    ['a status that is none', { kind: 'status', status: 42 }],
    ['an unknown service', { kind: 'reset', service: 'messaging' }],
    ['an unknown member', { kind: 'reset', often: 2 }],
    ['a probability above 1', { kind: 'reset', probability: 2 }],
  ])('is refused for %s', async (_name, fault) => {
    const { status, json } = await client.inspect('faults', fault)
    expect([status, member(json, 'error')]).toEqual([400, expect.any(String)])
    expect(liveperson.faults.active()).toEqual([])
  })
})
