import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { createBody, member, startClient } from '../client.ts'

const client = await startClient()
const { liveperson, open } = client
afterAll(() => liveperson.close())

let headers: Awaited<ReturnType<typeof client.headers>>
beforeEach(async () => {
  liveperson.reset()
  headers = await client.headers()
})

describe('a CONVERSATION request', () => {
  const refusal = ({ status, json }: Awaited<ReturnType<typeof open>>) => [
    status,
    member(json, 'body.errorCode'),
    member(json, 'body.title'),
  ]

  test.each([
    [
      'no AppJWT, before it misses the ConsumerJWS',
      { authorization: '', 'x-lp-on-behalf': '' },
      40105,
      'AppJWT is missing',
    ],
    [
      'a bad AppJWT, before it misses the ConsumerJWS',
      { authorization: 'a.b.c', 'x-lp-on-behalf': '' },
      40102,
      'Invalid AppJWT',
    ],
    ['no ConsumerJWS', { 'x-lp-on-behalf': '' }, 40104, 'ConsumerJWS is missing'],
    ['a bad ConsumerJWS', { 'x-lp-on-behalf': 'a.b.c' }, 40103, 'Invalid ConsumerJWS'],
  ])('is refused for %s', async (_name, changes, errorCode, title) => {
    const answer = await open({ ...headers, ...changes }, '')
    expect(refusal(answer)).toEqual([401, errorCode, title])
    expect(answer.json).toMatchObject({ kind: 'resp', code: 401, type: '.ReqBody$ErrorResp' })
  })

  test('is refused if one token takes the place of the other', async () => {
    const { authorization, 'x-lp-on-behalf': jws } = headers
    expect(refusal(await open({ ...headers, 'x-lp-on-behalf': authorization }, ''))[1]).toBe(40103)
    expect(refusal(await open({ ...headers, authorization: jws }, ''))[1]).toBe(40001)
  })

  test('may have "Bearer " before a token only in lenient mode', async () => {
    const app = { ...headers, authorization: `Bearer ${headers.authorization}` }
    const jws = { ...headers, 'x-lp-on-behalf': `Bearer ${headers['x-lp-on-behalf']}` }
    expect(refusal(await open(app, createBody()))[1]).toBe(40102)
    expect(refusal(await open(jws, createBody()))[1]).toBe(40103)
    liveperson.settings.mode = 'lenient'
    expect((await open(app, createBody())).status).toBe(200)
  })

  test('is refused for an expired AppJWT, and for a revoked ConsumerJWS', async () => {
    liveperson.revokeConsumerTokens()
    expect(refusal(await open(headers, createBody()))[1]).toBe(40103)
    expect((await open(await client.headers(), createBody())).status).toBe(200)
    liveperson.clock.advance(3_600_000)
    expect(refusal(await open(headers, createBody()))[1]).toBe(40102)
  })

  test('is refused with 40001 for an AppJWT of another issuer', async () => {
    liveperson.settings.appJwtIssuer = 'Guard'
    const { authorization } = { authorization: await client.appJwt() }
    expect(refusal(await open({ ...headers, authorization }, createBody())).slice(0, 2)).toEqual([400, 40001])
  })

  test.each(['', 'v=2', 'v=3.0'])('is refused with 404 for the version "%s"', async (query) => {
    expect(refusal(await open(headers, createBody(), query)).slice(0, 2)).toEqual([404, 40401])
  })

  test('is refused for another Content-Type', async () => {
    expect((await open({ ...headers, 'content-type': 'text/plain' }, createBody())).status).toBe(400)
  })

  test('is refused for a body over the limit, if there is one', async () => {
    const long = createBody({}, { description: 'x'.repeat(6000) })
    expect((await open(headers, long)).status).toBe(200)
    liveperson.settings.conversationLimit = 5000
    expect((await open(headers, long)).status).toBe(400)
  })

  test.each([
    ['JSON', '{"type":".ClientProperties","features":["AUTO_MESSAGES"]}', 200],
    ['an object converted to text', '[object Object]', 400],
    ['no type', '{"features":[]}', 400],
  ])('has its Client-Properties checked: %s', async (_name, value, status) => {
    expect((await open({ ...headers, 'client-properties': value }, createBody())).status).toBe(status)
  })
})
