import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { account, call, clientId, clientSecret, member, startClient } from '../client.ts'

const client = await startClient()
const { liveperson } = client
afterAll(() => liveperson.close())
beforeEach(() => liveperson.reset())

const credentials = { client_id: clientId, client_secret: clientSecret }
const grant = { grant_type: 'client_credentials' }

const tokenUrl = async (query: string, accountId = account) =>
  `${await client.host('sentinel')}/sentinel/api/account/${accountId}/app/token?${query}`

const askV2 = async () =>
  call(`${await client.host('sentinel')}/sentinel/api/v2/account/${account}/app/token`, {
    method: 'POST',
    body: new URLSearchParams({ ...credentials, ...grant }),
  })

describe('Sentinel', () => {
  test('answers with the token and its type only', async () => {
    const { status, headers, json } = await client.token()
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('application/json;charset=utf-8')
    expect(json).toEqual({ access_token: expect.any(String), token_type: 'Bearer' })
  })

  test('makes an AppJWT of one hour with the documented header and claims', async () => {
    liveperson.clock.set(Date.UTC(2026, 5, 1))
    const jwt = await client.appJwt()
    const iat = Date.UTC(2026, 5, 1) / 1000
    expect(decodeProtectedHeader(jwt)).toEqual({
      kid: expect.stringMatching(/^appjwt/),
      typ: 'JWT',
      alg: 'RS256',
    })
    expect(decodeJwt(jwt)).toEqual({
      aud: account,
      azp: clientId,
      scope: 'msg.consumer',
      iss: 'Sentinel',
      exp: iat + 3600,
      iat,
    })
  })

  test.each([
    ['grant in the query', 'v=1.0&grant_type=client_credentials', { body: credentials }],
    ['grant in the body', 'v=1.0', { body: { ...credentials, ...grant } }],
    ['secret in the query', `v=1.0&${new URLSearchParams({ ...credentials, ...grant })}`, {}],
    ['v=2.0', 'v=2.0', { body: { ...credentials, ...grant } }],
  ])('takes %s', async (_name, query, { body }: { body?: Record<string, string> }) => {
    const init = { method: 'POST', ...(body ? { body: new URLSearchParams(body) } : {}) }
    expect((await call(await tokenUrl(query), init)).status).toBe(200)
  })

  test.each([
    ['a wrong secret', 'v=1.0', { client_secret: 'wrong' }, 401, 'invalid_client'],
    ['a wrong client', 'v=1.0', { client_id: 'wrong' }, 401, 'invalid_client'],
    ['no secret', 'v=1.0', { client_secret: '' }, 400, 'invalid_request'],
    ['no grant', 'v=1.0', { grant_type: '' }, 400, 'invalid_request'],
    ['a parameter given twice', 'v=1.0&grant_type=client_credentials', {}, 400, 'invalid_request'],
    ['another grant', 'v=1.0', { grant_type: 'password' }, 400, 'unsupported_grant_type'],
    ['no version', '', {}, 400, 'invalid_request'],
    ['another version', 'v=3', {}, 400, 'invalid_request'],
  ])('refuses %s', async (_name, query, form, status, error) => {
    const answer = await client.token(query, form)
    expect([answer.status, member(answer.json, 'error')]).toEqual([status, error])
  })

  test('refuses the credentials of another account', async () => {
    expect((await client.token('v=1.0', {}, '70999999')).status).toBe(401)
    expect((await client.token('v=1.0', {}, '70000000')).status).toBe(401)
  })

  test('refuses a JSON body and GET', async () => {
    const body = JSON.stringify({ ...credentials, ...grant })
    const headers = { 'content-type': 'application/json' }
    expect((await call(await tokenUrl('v=1.0'), { method: 'POST', body, headers })).status).toBe(400)
    expect((await call(await tokenUrl('v=1.0'))).status).toBe(405)
  })

  test('takes exactly the secrets that the account has now', async () => {
    const rotated = { client_secret: 'rotated0rotated0rotated0ro' }
    await client.inspect('secrets', { accountId: account, clientSecrets: [rotated.client_secret] })
    expect((await client.token()).status).toBe(401)
    expect((await client.token('v=1.0', rotated)).status).toBe(200)
    await client.inspect('secrets', { accountId: account, clientSecrets: [clientSecret] })
  })

  test.each([
    ['number', 3600],
    ['string', '3600'],
  ] as const)('gives expires_in as a %s where the settings say so', async (shape, value) => {
    liveperson.settings.expiresIn = shape
    expect(member((await client.token()).json, 'expires_in')).toBe(value)
  })

  test('signs V2 tokens with the key that its JWKS shows', async () => {
    const token = String(member((await askV2()).json, 'access_token'))
    const { json } = await call(`${await client.host('sentinel')}/sentinel/well-known/jwks`)
    const keys = createLocalJWKSet(JSON.parse(JSON.stringify(json)))
    expect((await jwtVerify(token, keys, { audience: account, issuer: 'Sentinel' })).payload.azp).toBe(
      clientId,
    )
  })

  test('makes V2 tokens that the IDP takes in lenient mode only', async () => {
    const authorization = String(member((await askV2()).json, 'access_token'))
    const init = {
      headers: { authorization, 'content-type': 'application/json' },
      body: '{"ext_consumer_id":"crm-1"}',
    }
    expect((await client.consumer(init)).status).toBe(401)
    liveperson.settings.mode = 'lenient'
    expect((await client.consumer(init)).status).toBe(201)
  })
})

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

  test('gives the same consumer the same id, and others another one', async () => {
    const app = await client.appJwt()
    const [a, b, c] = await Promise.all(['x', 'x', 'y'].map((id) => client.consumerJws(app, id)))
    expect(a).toBe(b)
    expect(decodeJwt(String(a)).lp_consumer_id).not.toBe(decodeJwt(String(c)).lp_consumer_id)
  })

  test('takes the version away from the query too', async () => {
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
    ['a number as id', { body: '{"ext_consumer_id":7}' }, 400],
    ['a control character in the id', { body: '{"ext_consumer_id":"a\\u0000"}' }, 400],
    ['no JSON', { body: 'ext_consumer_id=1' }, 400],
  ])('refuses %s', async (_name, changes, status) => {
    expect((await ask(changes)).status).toBe(status)
  })

  test('takes "Bearer " before the AppJWT in lenient mode only', async () => {
    const headers = { authorization: `Bearer ${await client.appJwt()}` }
    expect((await ask({ headers })).status).toBe(401)
    liveperson.settings.mode = 'lenient'
    expect((await ask({ headers })).status).toBe(201)
  })

  test('refuses the AppJWT of another account', async () => {
    const init = { headers: { authorization: await client.appJwt(), 'content-type': 'application/json' } }
    expect((await client.consumer({ ...init, body: '{"ext_consumer_id":"a"}' }, '70999999')).status).toBe(401)
  })

  test('refuses an AppJWT with a changed payload', async () => {
    const [header, , signature] = (await client.appJwt()).split('.')
    const claims = { aud: account, azp: 'x', scope: 'msg.consumer', iss: 'Sentinel', exp: 9e9, iat: 1 }
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url')
    expect((await ask({ headers: { authorization: `${header}.${payload}.${signature}` } })).status).toBe(401)
  })

  test('answers 500 with an internalErrorCode in place of 401 where the settings say so', async () => {
    liveperson.settings.internalErrorCodeOn401 = true
    const { status, json } = await ask({ headers: { authorization: 'a.b.c' } })
    expect([status, json]).toEqual([500, { internalErrorCode: '9007' }])
  })

  test('refuses an AppJWT from its exp on, by the clock of the simulator', async () => {
    liveperson.clock.set(Date.UTC(2026, 5, 1))
    const headers = { authorization: await client.appJwt() }
    liveperson.clock.advance(3_599_999)
    expect((await ask({ headers })).status).toBe(201)
    liveperson.clock.advance(1)
    expect((await ask({ headers })).status).toBe(401)
  })

  test('refuses revoked AppJWTs and takes new ones', async () => {
    const headers = { authorization: await client.appJwt() }
    liveperson.revokeAppTokens()
    expect((await ask({ headers })).status).toBe(401)
    expect((await ask()).status).toBe(201)
  })
})
