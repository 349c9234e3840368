import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { CredentialsRefusedError, LivePersonUnavailableError } from '../../../lib/errors/errors.ts'
import { type AccessOptions, createAccess } from '../../../lib/liveperson/access.ts'
import type { AppCredentials } from '../../../lib/liveperson/app-jwt.ts'
import { createConsumerJwsCache } from '../../../lib/liveperson/consumer-jws.ts'
import { type Hosts, SERVICES } from '../../../lib/liveperson/hosts.ts'
import type { HttpRequest } from '../../../lib/liveperson/http.ts'
import { findFreePorts } from '../../../local/net/listen.ts'
import {
  failureOf,
  type SimulatedAccount,
  startSimulatedAccount,
  type Trouble,
} from '../../support/simulated-account.ts'

let simulated: SimulatedAccount

beforeAll(async () => {
  simulated = await startSimulatedAccount()
})
afterEach(() => simulated.reset())
afterAll(() => simulated.close())

const createOptions = (overrides: Partial<AccessOptions> = {}): AccessOptions => ({
  ...simulated.createOptions(),
  ...overrides,
})
const create = (overrides?: Partial<AccessOptions>) => createAccess(createOptions(overrides))
const identified = (access: ReturnType<typeof create>) =>
  access.identify(simulated.newConsumerId(), simulated.soon())
const unreachable = new LivePersonUnavailableError({
  detail: 'x',
  mayHaveExecuted: false,
  connectionFailed: true,
})
const hostsAt = (host: string): Hosts => ({ sentinel: host, idp: host, asyncMessagingEnt: host })

describe('callHost', () => {
  const OLD = hostsAt('old.liveperson.net')
  const NEW = hostsAt('new.liveperson.net')
  /** Runs a call that fails with `failures`, one per attempt, and then succeeds. */
  const run = async (failures: readonly unknown[], hosts: Partial<AccessOptions['hosts']> = {}) => {
    const renewed: Hosts[] = []
    const called: string[] = []
    const { callHost } = create({
      hosts: {
        get: async () => OLD,
        reload: async (stale) => {
          renewed.push(stale)
          return NEW
        },
        ...hosts,
      },
    })
    const work = callHost('idp', simulated.soon(), async (origin) => {
      const failure = failures[called.length]
      called.push(origin)
      if (failure !== undefined) throw failure
      return `done at ${origin}`
    })
    const error = await failureOf(work)
    return { called, renewed, error, result: error === undefined ? await work : undefined }
  }

  test('calls the service once, by https', async () => {
    expect(await run([])).toEqual({
      called: ['https://old.liveperson.net'],
      renewed: [],
      error: undefined,
      result: 'done at https://old.liveperson.net',
    })
  })

  test.each(SERVICES)('calls %s at its own host', async (service) => {
    const hosts = {
      sentinel: 'sentinel.liveperson.net',
      idp: 'idp.liveperson.net',
      asyncMessagingEnt: 'asyncMessagingEnt.liveperson.net',
    }
    const { callHost } = create({ hosts: { get: async () => hosts, reload: async () => hosts } })
    const origin = await callHost(service, simulated.soon(), async (called) => called)
    expect(origin).toBe(`https://${service}.liveperson.net`.toLowerCase())
  })

  test('looks an unreachable host up again and calls the new one', async () => {
    expect(await run([unreachable])).toMatchObject({
      called: ['https://old.liveperson.net', 'https://new.liveperson.net'],
      renewed: [OLD],
      result: 'done at https://new.liveperson.net',
    })
  })

  test('gives up if the new host is unreachable too', async () => {
    const { called, renewed, error } = await run([unreachable, unreachable])
    expect(called).toHaveLength(2)
    expect(renewed).toHaveLength(1)
    expect(error).toBe(unreachable)
  })

  test.each<[string, () => Promise<Hosts>]>([
    ['it has not moved', async () => ({ ...NEW, idp: OLD.idp })],
    [
      'the look-up fails',
      async () => {
        throw new LivePersonUnavailableError({ detail: 'x', mayHaveExecuted: false })
      },
    ],
  ])('does not call an unreachable host once more if %s', async (_, reload) => {
    const { called, error } = await run([unreachable], { reload })
    expect(called).toEqual(['https://old.liveperson.net'])
    expect(error).toBe(unreachable)
  })

  test('looks hosts up again every 30 s at most, and uses the latest look-up until then', async () => {
    let time = 1_800_000_000_000
    let known = OLD
    const reload = vi.fn(async () => OLD)
    const { callHost } = create({ now: () => time, hosts: { get: async () => known, reload } })
    const called: string[] = []
    const call = async (origin: string) => {
      called.push(origin)
      throw unreachable
    }
    const fail = () => failureOf(callHost('idp', time + 10_000, call))
    await Promise.all([fail(), fail(), fail()])
    time += 29_999
    await fail()
    expect(reload).toHaveBeenCalledTimes(1)
    expect(called).toEqual(Array(4).fill('https://old.liveperson.net'))

    reload.mockImplementation(async () => NEW)
    time += 1
    await fail()
    expect(reload).toHaveBeenCalledTimes(2)
    expect(called.slice(4)).toEqual(['https://old.liveperson.net', 'https://new.liveperson.net'])

    // A call that started with the old host needs no look-up of its own.
    expect(await failureOf(callHost('idp', time + 10_000, call))).toBe(unreachable)
    expect(called.slice(6)).toEqual(['https://old.liveperson.net', 'https://new.liveperson.net'])
    known = NEW
    await fail()
    expect(called.slice(8)).toEqual(['https://new.liveperson.net'])
    expect(reload).toHaveBeenCalledTimes(2)
  })

  test.each([
    ['a lost answer', new LivePersonUnavailableError({ detail: 'x', mayHaveExecuted: true })],
    ['an answer of 503', new LivePersonUnavailableError({ detail: 'x', mayHaveExecuted: false })],
    ['a refusal', new CredentialsRefusedError({ detail: 'x' })],
    ['any other error', new Error('x')],
  ])('does not repeat the call after %s', async (_, failure) => {
    const { called, renewed, error } = await run([failure])
    expect(called).toHaveLength(1)
    expect(renewed).toEqual([])
    expect(error).toBe(failure)
  })

  test.each(['evil.example', 'user@va.idp.liveperson.net', '169.254.169.254', ''])(
    'never calls the foreign host %j',
    async (host) => {
      const get = async () => hostsAt(host)
      const first = await run([], { get })
      expect(first.called).toEqual([])
      expect(first.error).toMatchObject({
        message: 'The host of idp does not belong to LivePerson.',
        mayHaveExecuted: false,
        connectionFailed: false,
      })
      const renewed = await run([unreachable], { reload: get })
      expect(renewed.called).toEqual(['https://old.liveperson.net'])
      expect(renewed.error).toMatchObject({ mayHaveExecuted: false, connectionFailed: false })
    },
  )

  test('calls this machine only if loopback is allowed', async () => {
    const hosts = { get: async () => hostsAt('127.0.0.1:1'), reload: async () => hostsAt('127.0.0.1:1') }
    const call = async (origin: string) => origin
    expect(await create({ hosts, loopback: true }).callHost('idp', simulated.soon(), call)).toBe(
      'http://127.0.0.1:1',
    )
    const refused = await failureOf(
      create({ hosts, loopback: false }).callHost('idp', simulated.soon(), call),
    )
    expect(refused).toMatchObject({ mayHaveExecuted: false })
  })

  test('waits for the hosts until the deadline only', async () => {
    const get = () => new Promise<Hosts>(() => undefined)
    const error = await failureOf(
      create({ hosts: { get, reload: get } }).callHost('idp', simulated.soon(20), async () => 1),
    )
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({
      message: 'The host of idp was not available in time.',
      mayHaveExecuted: false,
    })
  })

  test('waits for a look-up until the deadline only', async () => {
    const called: string[] = []
    const hosts = { get: async () => OLD, reload: () => new Promise<Hosts>(() => undefined) }
    const error = await failureOf(
      create({ hosts }).callHost('idp', simulated.soon(20), async (origin) => {
        called.push(origin)
        throw unreachable
      }),
    )
    expect(called).toEqual(['https://old.liveperson.net'])
    expect(error).toBe(unreachable)
  })

  test('leaves no timer behind', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    try {
      await run([unreachable])
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

describe('hosts that have moved', () => {
  test('are looked up once for all concurrent calls, and none fails', async () => {
    const access = create()
    await identified(access)
    await simulated.livePerson.moveHosts()
    await sleep(50)
    const cost = await simulated.counted(() =>
      Promise.all(Array.from({ length: 10 }, () => identified(access))),
    )
    expect(cost).toEqual({ domain: 1, idp: 10 })
  })

  test.each(['sentinel', 'idp'] as const)('a dead %s is looked up once more', async (service) => {
    const [port] = await findFreePorts(1)
    simulated.livePerson.setHost(service, `127.0.0.1:${port}`)
    const error = await failureOf(identified(create()))
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({ connectionFailed: true, mayHaveExecuted: false })
    expect(simulated.received('domain')).toHaveLength(2)
  })
})

describe('withAppJwt', () => {
  test('passes an AppJWT of Sentinel and returns the result', async () => {
    const { withAppJwt } = create()
    const seen: string[] = []
    const call = async (appJwt: string) => {
      seen.push(appJwt)
      return 'done'
    }
    expect(await withAppJwt(simulated.soon(), call)).toBe('done')
    expect(await withAppJwt(simulated.soon(), call)).toBe('done')
    expect(seen[0]).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    expect(seen[1]).toBe(seen[0])
    expect(simulated.received('sentinel')).toHaveLength(1)
  })

  test('replaces a refused AppJWT and calls once more', async () => {
    const { withAppJwt } = create()
    const seen: string[] = []
    const result = await withAppJwt(simulated.soon(), async (appJwt) => {
      seen.push(appJwt)
      if (seen.length > 1) return 'done'
      simulated.livePerson.revokeAppTokens()
      return undefined
    })
    expect(result).toBe('done')
    expect(new Set(seen).size).toBe(2)
    expect(simulated.received('sentinel')).toHaveLength(2)
    expect(await withAppJwt(simulated.soon(), async (appJwt) => appJwt)).toBe(seen[1])
  })

  test('fails if the new AppJWT is refused too, without a third call', async () => {
    const { withAppJwt } = create()
    const call = vi.fn(async () => undefined)
    expect(await failureOf(withAppJwt(simulated.soon(), call))).toBeInstanceOf(CredentialsRefusedError)
    expect(call).toHaveBeenCalledTimes(2)
    expect(simulated.received('sentinel')).toHaveLength(2)
  })

  test('after a new AppJWT was refused, a call is made once and no AppJWT is requested, for 5 s', async () => {
    const { withAppJwt } = create()
    const refuse = vi.fn(async () => undefined)
    const refusal = await failureOf(withAppJwt(simulated.soon(), refuse))
    expect(await failureOf(withAppJwt(simulated.soon(), refuse))).toBe(refusal)
    expect(refuse).toHaveBeenCalledTimes(3)
    expect(simulated.received('sentinel')).toHaveLength(2)
    // The AppJWT is still there for calls that LivePerson accepts.
    expect(await withAppJwt(simulated.soon(), async () => 'done')).toBe('done')

    simulated.advance(5000)
    expect(await failureOf(withAppJwt(simulated.soon(), refuse))).toBeInstanceOf(CredentialsRefusedError)
    expect(refuse).toHaveBeenCalledTimes(5)
    expect(simulated.received('sentinel')).toHaveLength(3)
  })

  test('one new AppJWT replaces the one that many concurrent calls had', async () => {
    const { withAppJwt } = create()
    const old = await withAppJwt(simulated.soon(), async (appJwt) => appJwt)
    simulated.livePerson.revokeAppTokens()
    await Promise.all(
      Array.from({ length: 20 }, () =>
        withAppJwt(simulated.soon(), async (appJwt) => (appJwt === old ? undefined : appJwt)),
      ),
    )
    expect(simulated.received('sentinel')).toHaveLength(2)
  })

  test('an error of the call is passed on, and the AppJWT is kept', async () => {
    const { withAppJwt } = create()
    const error = new Error('x')
    const call = async () => {
      throw error
    }
    expect(await failureOf(withAppJwt(simulated.soon(), call))).toBe(error)
    await withAppJwt(simulated.soon(), async () => 'done')
    expect(simulated.received('sentinel')).toHaveLength(1)
  })

  test.each<[string, object]>([
    ['is requested', {}],
    ['is requested again', { revoked: true }],
  ])(
    'waits until the deadline only while an AppJWT %s',
    async (_, { revoked = false }: { revoked?: boolean }) => {
      const { withAppJwt } = create()
      if (revoked) await withAppJwt(simulated.soon(), async () => 'done')
      simulated.livePerson.faults.add({
        service: 'sentinel',
        kind: 'silence',
        times: Number.POSITIVE_INFINITY,
      })
      const startedAt = performance.now()
      const error = await failureOf(withAppJwt(simulated.soon(300), async () => undefined))
      expect(performance.now() - startedAt).toBeLessThan(5000)
      expect(error).toBeInstanceOf(LivePersonUnavailableError)
      expect(error).toMatchObject({ mayHaveExecuted: false, connectionFailed: false })
    },
  )
})

describe('the secrets that are tried at Sentinel', () => {
  const secret = (clientSecret: string): AppCredentials => ({
    clientId: simulated.account.clientId,
    clientSecret,
  })
  /** The secrets in the order in which they are tried, and the one that Sentinel knows. */
  interface Secrets {
    readonly current: string
    readonly reloaded?: string
    readonly previous?: string
    readonly known: string
  }
  const trySecrets = async ({ current, reloaded = current, previous, known }: Secrets) => {
    simulated.account.clientSecrets = [known]
    const refused: AppCredentials[] = []
    const onPreviousSecret = vi.fn()
    const access = create({
      credentials: {
        current: async () => secret(current),
        reload: async (credentials) => {
          refused.push(credentials)
          return secret(reloaded)
        },
        previous: async () => (previous === undefined ? undefined : secret(previous)),
      },
      onPreviousSecret,
    })
    const error = await failureOf(identified(access))
    const tried = simulated
      .received('sentinel')
      .map(({ body }) => new URLSearchParams(body).get('client_secret'))
    return { tried, refused, error, previousUsed: onPreviousSecret.mock.calls.length }
  }

  test.each([
    ['the current one', { current: 'a', known: 'a' }, ['a'], 0],
    ['the current one, read again', { current: 'a', reloaded: 'b', known: 'b' }, ['a', 'b'], 0],
    ['the previous one', { current: 'b', previous: 'a', known: 'a' }, ['b', 'a'], 1],
    [
      'the previous one, after the current one was read again',
      { current: 'a', reloaded: 'c', previous: 'b', known: 'b' },
      ['a', 'c', 'b'],
      1,
    ],
  ])('%s is accepted', async (_, secrets, tried, previousUsed) => {
    expect(await trySecrets(secrets)).toEqual({
      tried,
      refused: tried.length > 1 ? [secret(secrets.current)] : [],
      error: undefined,
      previousUsed,
    })
  })

  test.each([
    ['the previous one is the current one', { current: 'a', previous: 'a' }, ['a']],
    ['the previous one is the one read again', { current: 'a', reloaded: 'b', previous: 'b' }, ['a', 'b']],
    ['the previous one is the first one', { current: 'a', reloaded: 'b', previous: 'a' }, ['a', 'b']],
    ['all are refused', { current: 'a', reloaded: 'b', previous: 'c' }, ['a', 'b', 'c']],
  ])('no secret is tried twice: %s', async (_, secrets, expected) => {
    const { tried, error, previousUsed } = await trySecrets({ ...secrets, known: 'unknown to this service' })
    expect(tried).toEqual(expected)
    expect(error).toBeInstanceOf(CredentialsRefusedError)
    expect(error).toMatchObject({
      message: 'Sentinel accepted neither the current nor the previous secret.',
    })
    expect(previousUsed).toBe(0)
    expect(simulated.received('idp')).toEqual([])
  })

  test('the error says if there is no previous one', async () => {
    const { tried, error } = await trySecrets({ current: 'a', known: 'unknown to this service' })
    expect(tried).toEqual(['a'])
    expect(error).toBeInstanceOf(CredentialsRefusedError)
    expect(error).toMatchObject({
      message: 'Sentinel refused the current secret, and no previous one can be read.',
    })
  })

  test('another client id makes another secret', async () => {
    const access = create({
      credentials: {
        current: async () => ({ ...simulated.credentials, clientId: 'replaced' }),
        reload: async () => simulated.credentials,
        previous: async () => undefined,
      },
    })
    expect(await failureOf(identified(access))).toBeUndefined()
    expect(simulated.received('sentinel')).toHaveLength(2)
  })

  test('refused secrets are sent again after 5 s, so that a rotation is noticed then', async () => {
    simulated.account.clientSecrets = ['b']
    let current = 'a'
    const access = create({
      credentials: {
        current: async () => secret('a'),
        reload: async () => secret(current),
        previous: async () => undefined,
      },
    })
    for (let attempt = 0; attempt < 98; attempt++)
      expect(await failureOf(identified(access))).toBeInstanceOf(CredentialsRefusedError)
    expect(simulated.received('sentinel')).toHaveLength(1)
    current = 'b'
    simulated.advance(4000)
    expect(await failureOf(identified(access))).toBeInstanceOf(CredentialsRefusedError)
    simulated.advance(1000)
    expect(await failureOf(identified(access))).toBeUndefined()
  })

  test('the last refusal is the cause', async () => {
    const { error } = await trySecrets({ current: 'a', previous: 'b', known: 'unknown to this service' })
    expect(error).toMatchObject({
      cause: { message: 'Sentinel refused the client id and secret (HTTP 401).' },
    })
  })

  test.each([403, 404])('Sentinel’s %i with HTML says nothing about the secret', async (status) => {
    simulated.livePerson.faults.add({ service: 'sentinel', kind: 'html', status })
    const { tried, error } = await trySecrets({ current: 'a', previous: 'b', known: 'a' })
    expect(tried).toEqual(['a'])
    expect(error).toMatchObject({
      code: 'liveperson_unavailable',
      message: `Sentinel answered HTTP ${status} with HTML.`,
    })
  })

  test.each([429, 500, 503])('Sentinel’s %i says nothing about the secret', async (status) => {
    simulated.livePerson.faults.add({ service: 'sentinel', kind: 'status', status, retryAfter: 7 })
    const { tried, refused, error } = await trySecrets({ current: 'a', previous: 'b', known: 'a' })
    expect(tried).toEqual(['a'])
    expect(refused).toEqual([])
    expect(error).toMatchObject({
      code: 'liveperson_unavailable',
      mayHaveExecuted: false,
      retryAfterMs: 7000,
    })
  })

  test.each([
    ['read again', { current: 'a', reloaded: 'b', previous: 'c' }, 1],
    ['the previous one', { current: 'a', previous: 'c' }, 1],
  ])('a failure of Sentinel ends the attempt with the secret %s', async (_, secrets, after) => {
    simulated.livePerson.faults.add({
      service: 'sentinel',
      kind: 'status',
      status: 503,
      match: ({ body }) => !body.includes('client_secret=a'),
    })
    const { tried, error, previousUsed } = await trySecrets({ ...secrets, known: 'c' })
    expect(tried).toHaveLength(1 + after)
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(previousUsed).toBe(0)
  })

  test('an error of the credentials is passed on', async () => {
    const error = new Error('x')
    const credentials = {
      current: async (): Promise<AppCredentials> => {
        throw error
      },
      reload: async () => simulated.credentials,
      previous: async () => undefined,
    }
    expect(await failureOf(identified(create({ credentials })))).toBe(error)
  })
})

describe('identify', () => {
  test('keeps a ConsumerJWS per consumer', async () => {
    const { identify } = create()
    const ana = await identify('ana', simulated.soon())
    expect(await identify('ana', simulated.soon())).toBe(ana)
    expect((await identify('bo', simulated.soon())).lpConsumerId).not.toBe(ana.lpConsumerId)
    expect(simulated.received('idp')).toHaveLength(2)
  })

  test('concurrent calls for one consumer share one request', async () => {
    const { identify } = create()
    const cost = await simulated.counted(() =>
      Promise.all(Array.from({ length: 20 }, () => identify('ana', simulated.soon()))),
    )
    expect(cost).toEqual({ domain: 1, sentinel: 1, idp: 1 })
  })

  test('concurrent calls for many consumers share one AppJWT', async () => {
    const access = create()
    const cost = await simulated.counted(() =>
      Promise.all(Array.from({ length: 20 }, () => identified(access))),
    )
    expect(cost).toEqual({ domain: 1, sentinel: 1, idp: 20 })
  })

  test('a forgotten ConsumerJWS is requested again, one that was replaced is kept', async () => {
    const { identify, forget } = create()
    const old = await identify('ana', simulated.soon())
    forget('ana', old)
    const renewed = await identify('ana', simulated.soon())
    expect(renewed).not.toBe(old)
    forget('ana', { ...old, token: 'another' })
    expect(await identify('ana', simulated.soon())).toBe(renewed)
    expect(simulated.received('idp')).toHaveLength(2)
  })

  test.each([
    ['401', false],
    ['500 with an internalErrorCode', true],
  ])(
    'the IDP’s %s replaces the AppJWT, and the call is made once more',
    async (_, internalErrorCodeOn401) => {
      simulated.livePerson.settings.internalErrorCodeOn401 = internalErrorCodeOn401
      const access = create()
      await identified(access)
      simulated.livePerson.revokeAppTokens()
      expect(await simulated.counted(() => identified(access))).toEqual({ sentinel: 1, idp: 2 })
    },
  )

  test('the IDP refuses two AppJWTs: CredentialsRefusedError, and no third attempt', async () => {
    simulated.livePerson.faults.add({
      service: 'idp',
      kind: 'expired-app-jwt',
      times: Number.POSITIVE_INFINITY,
    })
    expect(await failureOf(identified(create()))).toBeInstanceOf(CredentialsRefusedError)
    expect(simulated.received('idp')).toHaveLength(2)
    expect(simulated.received('sentinel')).toHaveLength(2)
  })

  test('the IDP’s 500 without an internalErrorCode does not replace the AppJWT', async () => {
    simulated.livePerson.faults.add({ service: 'idp', kind: 'status', status: 500 })
    expect(await failureOf(identified(create()))).toMatchObject({ mayHaveExecuted: false, retryable: true })
    expect(simulated.received('sentinel')).toHaveLength(1)
  })

  test.each(['sentinel', 'idp'] as const)('no request reaches %s before its Retry-After', async (service) => {
    const access = create()
    simulated.livePerson.faults.add({ service, kind: '429', retryAfter: 60 })
    expect(await failureOf(identified(access))).toMatchObject({ retryAfterMs: 60_000 })
    for (let attempt = 0; attempt < 10; attempt++)
      expect(await failureOf(identified(access))).toMatchObject({
        code: 'liveperson_unavailable',
        mayHaveExecuted: false,
      })
    expect(simulated.received(service)).toHaveLength(1)
    simulated.advance(60_000)
    expect(await failureOf(identified(access))).toBeUndefined()
  })

  test('without Retry-After, 429 of a token request counts as 5 s', async () => {
    const access = create()
    simulated.livePerson.faults.add({ service: 'sentinel', kind: '429' })
    await failureOf(identified(access))
    simulated.advance(4000)
    expect(await failureOf(identified(access))).toBeInstanceOf(LivePersonUnavailableError)
    simulated.advance(1000)
    expect(await failureOf(identified(access))).toBeUndefined()
    expect(simulated.received('sentinel')).toHaveLength(2)
  })

  test.each<[string, Trouble]>([
    ['400', { kind: 'status', status: 400 }],
    ['403 with HTML', { kind: 'html', status: 403 }],
    ['404 without a body', { kind: 'empty', status: 404 }],
    ['409', { kind: 'status', status: 409 }],
  ])('never rejects a consumer: %s', async (_, fault) => {
    simulated.livePerson.faults.add({ ...fault, service: 'idp' })
    expect(await failureOf(identified(create()))).toBeInstanceOf(LivePersonUnavailableError)
  })

  test('a failed renewal of the AppJWT is reported', async () => {
    const onRenewalFailed = vi.fn()
    const access = create({ onRenewalFailed })
    await identified(access)
    simulated.advance(31 * 60_000)
    simulated.livePerson.faults.add({ service: 'sentinel', kind: 'status', status: 503 })
    await identified(access)
    await vi.waitFor(() => expect(onRenewalFailed).toHaveBeenCalledTimes(1))
    expect(onRenewalFailed).toHaveBeenCalledWith(expect.any(LivePersonUnavailableError))
  })

  test('a failure is not kept', async () => {
    const { identify } = create()
    simulated.livePerson.faults.add({ service: 'idp', kind: 'status', status: 503 })
    expect(await failureOf(identify('ana', simulated.soon()))).toBeInstanceOf(LivePersonUnavailableError)
    expect((await identify('ana', simulated.soon())).token).not.toBe('')
  })

  test.each(['sentinel', 'idp'] as const)(
    'a caller with little time does not spoil a slow %s for one with more',
    async (service) => {
      simulated.livePerson.faults.add({ service, kind: 'latency', ms: 500 })
      const { identify } = create()
      const [hasty, patient] = await Promise.all([
        failureOf(identify('ana', simulated.soon(100))),
        identify('ana', simulated.soon()),
      ])
      expect(hasty).toMatchObject({
        message: 'The ConsumerJWS was not available in time.',
        mayHaveExecuted: false,
      })
      expect(patient.token).not.toBe('')
      expect(simulated.received(service)).toHaveLength(1)
    },
  )

  test.each(['sentinel', 'idp'] as const)('silence of %s ends with the deadline', async (service) => {
    simulated.livePerson.faults.add({ service, kind: 'silence', times: Number.POSITIVE_INFINITY })
    const startedAt = performance.now()
    const error = await failureOf(create().identify('ana', simulated.soon(300)))
    expect(performance.now() - startedAt).toBeLessThan(5000)
    expect(error).toMatchObject({ mayHaveExecuted: false, connectionFailed: false })
  })

  test('a shared token request may take 10 s, whatever the caller’s deadline', async () => {
    const NOW = 1_700_000_000_000
    const deadlines: [string, number][] = []
    const { http } = createOptions()
    const access = create({
      now: () => NOW,
      http: (request: HttpRequest) => {
        deadlines.push([new URL(request.url).pathname, request.deadline - NOW])
        return http({ ...request, deadline: simulated.soon() })
      },
    })
    await access.identify('ana', NOW + 5000)
    expect(deadlines).toEqual([
      ['/sentinel/api/account/70123456/app/token', 10_000],
      ['/api/account/70123456/consumer', 10_000],
    ])
  })
})

test('accounts share one bounded cache of ConsumerJWSs, and never a token', async () => {
  const consumerJwss = createConsumerJwsCache()
  const consumerId = simulated.newConsumerId()
  const access = create({ consumerJwss })
  const own = await access.identify(consumerId, simulated.soon())
  const jws = { token: 'of another account', lpConsumerId: 'another' }
  await consumerJwss.get(`1${simulated.createOptions().accountId}#${consumerId}`, async () => jws)
  await consumerJwss.get(consumerId, async () => jws)
  const again = create({ consumerJwss })
  expect(await again.identify(consumerId, simulated.soon())).toBe(own)
  again.forget(consumerId, own)
  expect(await again.identify(consumerId, simulated.soon())).not.toBe(own)
})
