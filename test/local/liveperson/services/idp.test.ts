import { decodeJwt } from 'jose'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { account, call, member, startClient } from '../client.ts'

const client = await startClient()
const { liveperson } = client
afterAll(() => liveperson.close())
beforeEach(() => liveperson.reset())

describe('the IDP', () => {
  const ask = async (changes: { headers?: Record<string, string>; body?: string } = {}) =>
    client.consumer({
      headers: {
        authorization: await client.appJwt(),
        'content-type': 'application/json',
        ...changes.headers,
      },
      body: changes.body ?? '{"ext_consumer_id":"crm-1"}',
    })

  test('answers 201 with a ConsumerJWS that never expires', async () => {
    const { status, json } = await ask()
    expect(status).toBe(201)
    expect(decodeJwt(String(member(json, 'token')))).toEqual({
      account_id: account,
      ext_consumer_id: 'crm-1',
      lp_consumer_id: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(liveperson.consumers()).toMatchObject([{ accountId: account, extConsumerId: 'crm-1' }])
  })

  test('returns the same token for the same consumer, and another id for another consumer', async () => {
    const app = await client.appJwt()
    const [a, b, c] = await Promise.all(['x', 'x', 'y'].map((id) => client.consumerJws(app, id)))
    expect(a).toBe(b)
    expect(decodeJwt(String(a)).lp_consumer_id).not.toBe(decodeJwt(String(c)).lp_consumer_id)
  })

  test('accepts a missing version, and refuses another one', async () => {
    const headers = { authorization: await client.appJwt(), 'content-type': 'application/json' }
    const url = `${await client.host()}/api/account/${account}/consumer`
    const init = { method: 'POST', headers, body: '{"ext_consumer_id":"crm-1"}' }
    expect((await call(url, init)).status).toBe(201)
    expect((await call(`${url}?v=2.0`, init)).status).toBe(404)
  })

  test.each([
    ['no AppJWT', { headers: { authorization: '' } }, 401],
    ['a made-up AppJWT', { headers: { authorization: 'a.b.c' } }, 401],
    ['another Content-Type', { headers: { 'content-type': 'text/plain' } }, 400],
    ['no id', { body: '{}' }, 400],
    ['an empty id', { body: '{"ext_consumer_id":""}' }, 400],
    ['a number as the id', { body: '{"ext_consumer_id":7}' }, 400],
    ['a control character in the id', { body: '{"ext_consumer_id":"a\\u0000"}' }, 400],
    ['no JSON', { body: 'ext_consumer_id=1' }, 400],
  ])('refuses %s', async (_name, changes, status) => {
    expect((await ask(changes)).status).toBe(status)
  })

  test('accepts "Bearer " before the AppJWT only in lenient mode', async () => {
    const headers = { authorization: `Bearer ${await client.appJwt()}` }
    expect((await ask({ headers })).status).toBe(401)
    liveperson.settings.mode = 'lenient'
    expect((await ask({ headers })).status).toBe(201)
  })

  test('refuses the AppJWT of another account', async () => {
    const init = { headers: { authorization: await client.appJwt(), 'content-type': 'application/json' } }
    expect((await client.consumer({ ...init, body: '{"ext_consumer_id":"a"}' }, '70999999')).status).toBe(401)
  })

  test('refuses an AppJWT whose payload was changed', async () => {
    const [header, , signature] = (await client.appJwt()).split('.')
    const claims = { aud: account, azp: 'x', scope: 'msg.consumer', iss: 'Sentinel', exp: 9e9, iat: 1 }
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
    expect((await ask({ headers: { authorization: `${header}.${payload}.${signature}` } })).status).toBe(401)
  })

  test('answers 500 with an internalErrorCode instead of 401 if the settings say so', async () => {
    liveperson.settings.internalErrorCodeOn401 = true
    const { status, json } = await ask({ headers: { authorization: 'a.b.c' } })
    expect([status, json]).toEqual([500, { internalErrorCode: '9007' }])
  })

  test("refuses an AppJWT from its exp on, by the simulator's clock", async () => {
    liveperson.clock.set(Date.UTC(2026, 5, 1))
    const headers = { authorization: await client.appJwt() }
    liveperson.clock.advance(3_599_999)
    expect((await ask({ headers })).status).toBe(201)
    liveperson.clock.advance(1)
    expect((await ask({ headers })).status).toBe(401)
  })

  test('refuses a revoked AppJWT and accepts a new one', async () => {
    const headers = { authorization: await client.appJwt() }
    liveperson.revokeAppTokens()
    expect((await ask({ headers })).status).toBe(401)
    expect((await ask()).status).toBe(201)
  })
})
