import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { CredentialsRefusedError, LivePersonUnavailableError } from '../../../lib/errors/errors.ts'
import { type AppJwt, createAppJwtCache, requestAppJwt } from '../../../lib/liveperson/app-jwt.ts'
import { createHttp } from '../../../lib/liveperson/http.ts'
import { createOutbound } from '../../../lib/net/outbound.ts'
import { type HttpServer, startHttpServer } from '../../support/http-server.ts'

const SECOND = 1000
const MINUTE = 60 * SECOND

const settled = () => new Promise((resolve) => setImmediate(resolve))

const failure = (work: unknown): Promise<unknown> =>
  Promise.resolve(work).then(
    () => undefined,
    (error: unknown) => error,
  )

describe('the cached AppJWT', () => {
  /** AppJWTs t1, t2 … that live one hour. Time moves by `advance`. */
  const arrange = (lifeMs = 60 * MINUTE) => {
    let time = 1_800_000_000_000
    let serial = 0
    const request = vi.fn(async (): Promise<AppJwt> => ({ token: `t${++serial}`, lifeMs }))
    const onRenewalFailed = vi.fn()
    return {
      ...createAppJwtCache({ request, now: () => time, onRenewalFailed }),
      request,
      onRenewalFailed,
      advance: (ms: number) => {
        time += ms
      },
    }
  }
  const failingWith = (retryAfterMs: number | undefined) => async () => {
    throw new LivePersonUnavailableError({
      detail: 'Sentinel answered HTTP 503 without a body.',
      mayHaveExecuted: false,
      retryAfterMs,
    })
  }
  const failing = failingWith(undefined)
  const refusing = async () => {
    throw new CredentialsRefusedError({ detail: 'Sentinel accepted neither secret.' })
  }

  test('is requested once for concurrent calls', async () => {
    const { get, request } = arrange()
    expect(await Promise.all(Array.from({ length: 100 }, get))).toEqual(Array(100).fill('t1'))
    expect(request).toHaveBeenCalledTimes(1)
  })

  test('is kept until half of its lifetime has passed', async () => {
    const { get, request, advance } = arrange()
    await get()
    advance(30 * MINUTE - 1)
    expect(await get()).toBe('t1')
    expect(request).toHaveBeenCalledTimes(1)
  })

  test('is then renewed without delaying the call that notices', async () => {
    const { get, request, advance } = arrange()
    await get()
    advance(30 * MINUTE)
    request.mockImplementationOnce(() => new Promise(() => undefined))
    expect(await Promise.all([get(), get()])).toEqual(['t1', 't1'])
    expect(request).toHaveBeenCalledTimes(2)
  })

  test('is replaced by its renewal in later calls', async () => {
    const { get, advance } = arrange()
    await get()
    advance(30 * MINUTE)
    await get()
    await settled()
    expect(await get()).toBe('t2')
  })

  test('is kept after a failed renewal, which is reported and tried again after a minute', async () => {
    const { get, request, advance, onRenewalFailed } = arrange()
    await get()
    request.mockImplementation(failing)
    advance(30 * MINUTE)
    expect(await get()).toBe('t1')
    await settled()
    expect(onRenewalFailed.mock.calls).toEqual([[expect.any(LivePersonUnavailableError)]])
    advance(60 * SECOND - 1)
    expect(await get()).toBe('t1')
    expect(request).toHaveBeenCalledTimes(2)
    advance(1)
    expect(await get()).toBe('t1')
    expect(request).toHaveBeenCalledTimes(3)
  })

  test('is not used in its last 30 s', async () => {
    const { get, request, advance } = arrange()
    await get()
    request.mockImplementation(failing)
    advance(60 * MINUTE - 30 * SECOND - 1)
    expect(await get()).toBe('t1')
    await settled()
    advance(1)
    expect(await failure(get())).toBeInstanceOf(LivePersonUnavailableError)
  })

  test('is requested by the next call if a request failed, and only the caller hears of that', async () => {
    const { get, request, onRenewalFailed } = arrange()
    request.mockImplementationOnce(failing)
    expect(await failure(get())).toBeInstanceOf(LivePersonUnavailableError)
    expect(onRenewalFailed).not.toHaveBeenCalled()
    expect(await get()).toBe('t1')
  })

  test('is not requested for 5 s after refused credentials, and calls fail with the same error', async () => {
    const { get, request, advance } = arrange()
    request.mockImplementation(refusing)
    const refusal = await failure(get())
    expect(refusal).toBeInstanceOf(CredentialsRefusedError)
    for (let call = 0; call < 98; call++) expect(await failure(get())).toBe(refusal)
    advance(5 * SECOND - 1)
    expect(await failure(get())).toBe(refusal)
    expect(request).toHaveBeenCalledTimes(1)
    request.mockImplementation(async () => ({ token: 'rotated', lifeMs: 60 * MINUTE }))
    advance(1)
    expect(await get()).toBe('rotated')
    expect(request).toHaveBeenCalledTimes(2)
  })

  test('is not requested before the time that Retry-After names, and the rest of it is passed on', async () => {
    const { get, request, advance } = arrange()
    request.mockImplementationOnce(failingWith(60 * SECOND))
    expect(await failure(get())).toMatchObject({ retryAfterMs: 60 * SECOND })
    advance(20 * SECOND)
    expect(await failure(get())).toMatchObject({
      message: 'Sentinel answered HTTP 503 without a body.',
      mayHaveExecuted: false,
      retryAfterMs: 40 * SECOND,
    })
    advance(40 * SECOND - 1)
    expect(await failure(get())).toBeInstanceOf(LivePersonUnavailableError)
    expect(request).toHaveBeenCalledTimes(1)
    advance(1)
    expect(await get()).toBe('t1')
  })

  test('is requested again once it was dropped', async () => {
    const { get, drop } = arrange()
    drop(await get())
    expect(await get()).toBe('t2')
  })

  test('is not dropped for an older one', async () => {
    const { get, drop, request } = arrange()
    const refused = await get()
    drop(refused)
    await get()
    drop(refused)
    expect(await get()).toBe('t2')
    expect(request).toHaveBeenCalledTimes(2)
  })

  test('of less than 30 s is used once', async () => {
    const { get } = arrange(10 * SECOND)
    expect([await get(), await get()]).toEqual(['t1', 't2'])
  })
})

describe('a request to Sentinel', () => {
  let sentinel: HttpServer

  beforeAll(async () => {
    sentinel = await startHttpServer()
  })
  afterAll(() => sentinel.close())
  beforeEach(() => sentinel.reset())

  const request = () =>
    requestAppJwt({
      http: createHttp({ outbound: createOutbound(), now: Date.now, loopback: true }),
      origin: sentinel.url,
      accountId: '70123456',
      credentials: { clientId: 'app', clientSecret: 'secret & words' },
      deadline: Date.now() + 10_000,
    })
  const answer = (status: number, body: unknown, headers = {}) =>
    sentinel.answerBy((response) =>
      response.writeHead(status, headers).end(typeof body === 'string' ? body : JSON.stringify(body)),
    )

  test('has the secret in its body only', async () => {
    answer(200, { access_token: 'opaque', expires_in: 3600 })
    expect(await request()).toEqual({ token: 'opaque', lifeMs: 3_600_000 })
    const [{ method, path, headers, body } = { method: '', path: '', headers: {}, body: '' }] =
      sentinel.requests
    expect(method).toBe('POST')
    expect(path).toBe('/sentinel/api/account/70123456/app/token?v=1.0&grant_type=client_credentials')
    expect(headers['content-type']).toBe('application/x-www-form-urlencoded')
    expect(body).toBe('client_id=app&client_secret=secret+%26+words')
    expect(JSON.stringify(headers)).not.toContain('secret')
  })

  const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`

  test.each<[string, object, number]>([
    ['no claims and no expires_in', { access_token: 'opaque' }, 3_600_000],
    ['no claims and a number', { access_token: 'opaque', expires_in: 120 }, 120_000],
    ['no claims and a number as text', { access_token: 'opaque', expires_in: '120' }, 120_000],
    ['no claims and no time left', { access_token: 'opaque', expires_in: 0 }, 3_600_000],
    ['no claims and a word', { access_token: 'opaque', expires_in: 'soon' }, 3_600_000],
    ['claims of ten minutes', { access_token: jwt({ iat: 1000, exp: 1600 }) }, 600_000],
    [
      'claims that expires_in shortens',
      { access_token: jwt({ iat: 1000, exp: 1600 }), expires_in: 60 },
      60_000,
    ],
    [
      'claims that expires_in exceeds',
      { access_token: jwt({ iat: 1000, exp: 1600 }), expires_in: 9999 },
      600_000,
    ],
    ['claims without iat', { access_token: jwt({ exp: 1600 }), expires_in: 90 }, 90_000],
    ['claims that end before they begin', { access_token: jwt({ iat: 1600, exp: 1000 }) }, 3_600_000],
  ])('returns a lifetime for %s', async (_, body, lifeMs) => {
    answer(200, body)
    expect(await request()).toMatchObject({ lifeMs })
  })

  test.each<[number, unknown]>([
    [400, { error: 'invalid_client' }],
    [400, { error: 'unauthorized_client', error_description: 'about the app' }],
    [401, { error: 'invalid_client', error_description: 'about the app' }],
    [401, {}],
    [401, ''],
    [401, 'Unauthorized'],
  ])('answered %i %j means that the credentials are refused', async (status, body) => {
    answer(status, body)
    const error = await failure(request())
    expect(error).toBeInstanceOf(CredentialsRefusedError)
    expect(error).toMatchObject({
      message: `Sentinel refused the client id and secret (HTTP ${status}).`,
    })
  })

  test.each<[number, unknown, string]>([
    [400, '', 'HTTP 400 without a body'],
    [400, { message: 'Bad Request' }, 'HTTP 400 with JSON'],
    [400, { error: 5 }, 'HTTP 400 with JSON'],
    [400, '<html>', 'HTTP 400 with HTML'],
    [401, ' <html>', 'HTTP 401 with HTML'],
    [403, '<html>', 'HTTP 403 with HTML'],
    [403, { error: 'invalid_client' }, 'HTTP 403 with JSON'],
    [404, '<html>', 'HTTP 404 with HTML'],
    [404, '', 'HTTP 404 without a body'],
    [410, '', 'HTTP 410 without a body'],
  ])('answered %i %j may succeed later', async (status, body, seen) => {
    answer(status, body)
    const error = await failure(request())
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({ message: `Sentinel answered ${seen}.`, mayHaveExecuted: false })
  })

  test.each([
    [408, undefined],
    [429, 7000],
    [500, 7000],
    [503, 7000],
    [302, undefined],
  ])('answered %i says nothing about the credentials', async (status, retryAfterMs) => {
    answer(status, '', retryAfterMs === undefined ? {} : { 'retry-after': String(retryAfterMs / 1000) })
    const error = await failure(request())
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({ mayHaveExecuted: false, retryAfterMs })
  })

  test.each([
    ['no token', '{}'],
    ['an empty token', '{"access_token":""}'],
    ['a number', '{"access_token":5}'],
    ['null', 'null'],
    ['HTML', '<html>'],
  ])('answered with %s returned no token', async (_, body) => {
    answer(200, body)
    expect(await failure(request())).toMatchObject({ code: 'liveperson_unavailable', mayHaveExecuted: false })
  })

  test('without an answer never counts as possibly executed', async () => {
    sentinel.answerBy((response) => response.socket?.resetAndDestroy())
    expect(await failure(request())).toMatchObject({ code: 'liveperson_unavailable', mayHaveExecuted: false })
  })
})
