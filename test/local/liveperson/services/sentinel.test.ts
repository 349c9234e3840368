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
  test('answers with only the token and its type', async () => {
    const { status, headers, json } = await client.token()
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('application/json;charset=utf-8')
    expect(json).toEqual({ access_token: expect.any(String), token_type: 'Bearer' })
  })

  test('issues an AppJWT for one hour, with the documented header and claims', async () => {
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
  ])('accepts %s', async (_name, query, { body }: { body?: Record<string, string> }) => {
    const init = { method: 'POST', ...(body ? { body: new URLSearchParams(body) } : {}) }
    expect((await call(await tokenUrl(query), init)).status).toBe(200)
  })

  test.each([
    ['a wrong secret', 'v=1.0', { client_secret: 'wrong' }, 401, 'invalid_client'],
    ['a wrong client', 'v=1.0', { client_id: 'wrong' }, 401, 'invalid_client'],
    ['no secret', 'v=1.0', { client_secret: '' }, 400, 'invalid_request'],
    ['no grant', 'v=1.0', { grant_type: '' }, 400, 'invalid_request'],
    ['a parameter that occurs twice', 'v=1.0&grant_type=client_credentials', {}, 400, 'invalid_request'],
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

  test('refuses a JSON body and the method GET', async () => {
    const body = JSON.stringify({ ...credentials, ...grant })
    const headers = { 'content-type': 'application/json' }
    expect((await call(await tokenUrl('v=1.0'), { method: 'POST', body, headers })).status).toBe(400)
    expect((await call(await tokenUrl('v=1.0'))).status).toBe(405)
  })

  test('accepts only the secrets that the account has now', async () => {
    const rotated = { client_secret: 'rotated0rotated0rotated0ro' }
    await client.inspect('secrets', { accountId: account, clientSecrets: [rotated.client_secret] })
    expect((await client.token()).status).toBe(401)
    expect((await client.token('v=1.0', rotated)).status).toBe(200)
    await client.inspect('secrets', { accountId: account, clientSecrets: [clientSecret] })
  })

  test.each([
    ['number', 3600],
    ['string', '3600'],
  ] as const)('returns expires_in as a %s if the settings say so', async (shape, value) => {
    liveperson.settings.expiresIn = shape
    expect(member((await client.token()).json, 'expires_in')).toBe(value)
  })

  test('signs V2 tokens with the key of its JWKS', async () => {
    const token = String(member((await askV2()).json, 'access_token'))
    const { json } = await call(`${await client.host('sentinel')}/sentinel/well-known/jwks`)
    const keys = createLocalJWKSet(JSON.parse(JSON.stringify(json)))
    expect((await jwtVerify(token, keys, { audience: account, issuer: 'Sentinel' })).payload.azp).toBe(
      clientId,
    )
  })

  test('issues V2 tokens that the IDP accepts only in lenient mode', async () => {
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
