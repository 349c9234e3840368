import { decodeJwt } from 'jose'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { LivePersonUnavailableError } from '../../../lib/errors/errors.ts'
import { requestAppJwt } from '../../../lib/liveperson/app-jwt.ts'
import {
  type ConsumerJws,
  createConsumerJwsCache,
  requestConsumerJws,
} from '../../../lib/liveperson/consumer-jws.ts'
import {
  ACCOUNT_ID,
  failureOf,
  type SimulatedAccount,
  startSimulatedAccount,
  type Trouble,
} from '../../support/simulated-account.ts'

describe('createConsumerJwsCache', () => {
  const jwsOf = (consumerId: string, version = 1): ConsumerJws => ({
    token: `token-${version}-of-${consumerId}`,
    lpConsumerId: `id-of-${consumerId}`,
  })
  const createCounted = () => {
    const jwss = createConsumerJwsCache()
    const asked: string[] = []
    const get = (consumerId: string) =>
      jwss.get(consumerId, async () => {
        asked.push(consumerId)
        return jwsOf(consumerId, asked.length)
      })
    return { ...jwss, get, asked }
  }

  test('keeps one per consumer', async () => {
    const { get, asked } = createCounted()
    expect(await get('a')).toEqual(jwsOf('a', 1))
    expect(await get('b')).toEqual(jwsOf('b', 2))
    expect(await get('a')).toEqual(jwsOf('a', 1))
    expect(asked).toEqual(['a', 'b'])
  })

  test('concurrent calls for one consumer share one request', async () => {
    const { get, asked } = createCounted()
    const answers = await Promise.all([get('a'), get('a'), get('b'), get('a')])
    expect(answers.map(({ lpConsumerId }) => lpConsumerId)).toEqual([
      'id-of-a',
      'id-of-a',
      'id-of-b',
      'id-of-a',
    ])
    expect(asked).toEqual(['a', 'b'])
  })

  test('a failed request fails for all that share it, and the next call asks again', async () => {
    const jwss = createConsumerJwsCache()
    const fail = async (): Promise<ConsumerJws> => {
      throw new Error('no answer')
    }
    const get = async () => jwss.get('a', fail)
    const failures = await Promise.all([failureOf(get()), failureOf(get())])
    expect(failures).toEqual([new Error('no answer'), new Error('no answer')])
    expect(await jwss.get('a', async () => jwsOf('a'))).toEqual(jwsOf('a'))
  })

  test('a dropped one is requested again', async () => {
    const { get, drop, asked } = createCounted()
    drop('a', await get('a'))
    expect(await get('a')).toEqual(jwsOf('a', 2))
    expect(asked).toEqual(['a', 'a'])
  })

  test('dropping one that has been replaced keeps the new one', async () => {
    const { get, drop, asked } = createCounted()
    const old = await get('a')
    drop('a', old)
    await get('a')
    drop('a', old)
    await get('a')
    expect(asked).toEqual(['a', 'a'])
  })

  test('dropping one of an unknown consumer does nothing', () => {
    expect(() => createConsumerJwsCache().drop('a', jwsOf('a'))).not.toThrow()
  })

  test('the number that is kept is bounded, the latest are kept', async () => {
    const { get, asked } = createCounted()
    for (let id = 0; id < 12_000; id++) await get(`c-${id}`)
    for (let id = 12_000 - 5000; id < 12_000; id++) await get(`c-${id}`)
    expect(asked).toHaveLength(12_000)
    await get('c-0')
    expect(asked).toHaveLength(12_001)
  })
})

describe('requestConsumerJws', () => {
  let simulated: SimulatedAccount
  let appJwt: string

  beforeAll(async () => {
    simulated = await startSimulatedAccount()
    const { http, hosts } = simulated.createOptions()
    const { token } = await requestAppJwt({
      http,
      origin: `http://${(await hosts.get()).sentinel}`,
      accountId: ACCOUNT_ID,
      credentials: simulated.credentials,
      deadline: simulated.soon(),
    })
    appJwt = token
  })
  afterEach(() => simulated.reset())
  afterAll(() => simulated.close())

  const ask = async (consumerId = 'crm-81723', using = appJwt) => {
    const { http, hosts } = simulated.createOptions()
    return requestConsumerJws({
      http,
      origin: `http://${(await hosts.get()).idp}`,
      accountId: ACCOUNT_ID,
      appJwt: using,
      consumerId,
      deadline: simulated.soon(),
    })
  }

  test('returns the token and LivePerson’s own id of the consumer', async () => {
    const consumerJws = await ask()
    expect(consumerJws?.lpConsumerId).toMatch(/^[0-9a-f]{64}$/)
    expect(decodeJwt(consumerJws?.token ?? '')).toMatchObject({
      ext_consumer_id: 'crm-81723',
      lp_consumer_id: consumerJws?.lpConsumerId,
    })
    expect((await ask('crm-81724'))?.lpConsumerId).not.toBe(consumerJws?.lpConsumerId)
    expect((await ask())?.lpConsumerId).toBe(consumerJws?.lpConsumerId)
  })

  test('sends the id in the body and the AppJWT as it is', async () => {
    await ask('crm "81723" Ø')
    expect(simulated.received('idp')[0]).toMatchObject({
      method: 'POST',
      path: `/api/account/${ACCOUNT_ID}/consumer?v=1.0`,
      body: '{"ext_consumer_id":"crm \\"81723\\" Ø"}',
      headers: { 'content-type': 'application/json', authorization: appJwt },
    })
  })

  test.each<[string, Trouble]>([
    ['401', { kind: 'status', status: 401, body: '' }],
    ['401 with HTML', { kind: 'html', status: 401 }],
    ['500 with an internalErrorCode', { kind: 'idp-500-internal-error-code' }],
  ])('%s refuses the AppJWT', async (_, fault) => {
    simulated.livePerson.faults.add({ ...fault, service: 'idp' })
    expect(await ask()).toBeUndefined()
  })

  test('an AppJWT that is not from Sentinel is refused', async () => {
    expect(await ask('crm-81723', 'no.app.jwt')).toBeUndefined()
  })

  test.each<[string, Trouble]>([
    ['HTTP 400 with JSON', { kind: 'status', status: 400 }],
    ['HTTP 403 with HTML', { kind: 'html', status: 403 }],
    ['HTTP 403 with JSON', { kind: 'status', status: 403, body: '{"message":"Forbidden"}' }],
    ['HTTP 404 with HTML', { kind: 'html', status: 404 }],
    ['HTTP 404 without a body', { kind: 'empty', status: 404 }],
    ['HTTP 422 with JSON', { kind: 'status', status: 422 }],
  ])('%s does not reject the consumer for good', async (seen, fault) => {
    simulated.livePerson.faults.add({ ...fault, service: 'idp' })
    const error = await failureOf(ask())
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({ message: `The IDP answered ${seen}.`, mayHaveExecuted: false })
  })

  test.each<[string, Trouble, number | undefined]>([
    ['500 without an internalErrorCode', { kind: 'status', status: 500, body: '{}' }, undefined],
    ['500 with a list', { kind: 'status', status: 500, body: '["internalErrorCode"]' }, undefined],
    ['500 with HTML', { kind: 'html', status: 500 }, undefined],
    [
      '503 with an internalErrorCode',
      { kind: 'status', status: 503, body: '{"internalErrorCode":"9007"}', retryAfter: 3 },
      3000,
    ],
    ['408', { kind: 'status', status: 408 }, undefined],
    ['429', { kind: '429' }, 5000],
    ['302', { kind: 'status', status: 302 }, undefined],
    ['a reset connection', { kind: 'reset' }, undefined],
    ['a lost answer', { kind: 'reset-after' }, undefined],
    ['half an answer', { kind: 'truncated' }, undefined],
  ])('%s is unavailable, and nothing was executed', async (_, fault, retryAfterMs) => {
    simulated.livePerson.faults.add({ ...fault, service: 'idp' })
    const error = await failureOf(ask())
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({ mayHaveExecuted: false, retryAfterMs })
  })

  const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
  test.each<[string, unknown]>([
    ['another consumer’s token', { token: jwt({ ext_consumer_id: 'somebody', lp_consumer_id: 'a1' }) }],
    ['a token without the consumer', { token: jwt({ lp_consumer_id: 'a1' }) }],
    ['a token without LivePerson’s id', { token: jwt({ ext_consumer_id: 'crm-81723' }) }],
    [
      'a token with a name for an id',
      { token: jwt({ ext_consumer_id: 'crm-81723', lp_consumer_id: 'Zoë Østergård' }) },
    ],
    [
      'a token with a long id',
      { token: jwt({ ext_consumer_id: 'crm-81723', lp_consumer_id: 'a'.repeat(65) }) },
    ],
    ['a token with a number for an id', { token: jwt({ ext_consumer_id: 'crm-81723', lp_consumer_id: 5 }) }],
    ['a token that is not a JWT', { token: 'no.jwt' }],
    ['an empty token', { token: '' }],
    ['a number for a token', { token: 5 }],
    ['no token', {}],
    ['a list', [{ token: jwt({ ext_consumer_id: 'crm-81723', lp_consumer_id: 'a1' }) }]],
    ['null', null],
    ['HTML', '<html>'],
    ['nothing', ''],
  ])('%s is no answer', async (_, answer) => {
    const body = typeof answer === 'string' ? answer : JSON.stringify(answer)
    simulated.livePerson.faults.add({ service: 'idp', kind: 'status', status: 201, body })
    expect(await failureOf(ask())).toMatchObject({
      code: 'liveperson_unavailable',
      message: 'The IDP answered without a token of this consumer.',
      mayHaveExecuted: false,
    })
  })

  test('the right claims are enough', async () => {
    const token = jwt({ ext_consumer_id: 'crm-81723', lp_consumer_id: 'a1' })
    simulated.livePerson.faults.add({
      service: 'idp',
      kind: 'status',
      status: 200,
      body: JSON.stringify({ token }),
    })
    expect(await ask()).toEqual({ token, lpConsumerId: 'a1' })
  })
})
