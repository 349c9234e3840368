import { connect } from 'node:net'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { startLivePerson } from '../../../local/liveperson/server.ts'
import { loadFixture } from '../../../local/liveperson/state/account.ts'
import { PortTakenError } from '../../../local/net/listen.ts'
import { account, call, createBody, createClient, member, startClient } from './client.ts'

const client = await startClient()
const { liveperson, inspect } = client
afterAll(() => liveperson.close())
beforeEach(() => liveperson.reset())

describe('the simulator', () => {
  test('moves its hosts: the Domain API names the new one and the old one refuses connections', async () => {
    const before = await client.host('sentinel')
    const old = await client.appJwt()
    await liveperson.moveHosts()
    const after = await client.host('sentinel')
    expect(after).not.toBe(before)
    await expect(call(`${before}/sentinel/well-known/jwks`)).rejects.toThrow('fetch failed')
    expect(await client.consumerJws(old, 'crm-1')).toMatch(/^ey/)
  })

  test('lets the Domain API name a poisoned host', async () => {
    liveperson.setHost('idp', 'idp.example.org')
    expect(await client.host('idp')).toBe('http://idp.example.org')
    expect(await client.host('sentinel')).toMatch(/^http:\/\/127/)
    liveperson.setHost('idp', undefined)
    expect(await client.host('idp')).toMatch(/^http:\/\/127/)
  })

  test('remembers every request with its answer', async () => {
    await client.token('v=1.0&secret=x', { client_secret: 'wrong' })
    expect(liveperson.requests({ service: 'sentinel', accountId: account })).toEqual([
      {
        at: expect.any(Number),
        service: 'sentinel',
        accountId: account,
        method: 'POST',
        path: `/sentinel/api/account/${account}/app/token?v=1.0&secret=x`,
        headers: expect.objectContaining({
          'content-type': 'application/x-www-form-urlencoded;charset=UTF-8',
        }),
        body: expect.stringContaining('client_secret=wrong'),
        status: 401,
      },
    ])
    expect(liveperson.requests({ accountId: '70999999' })).toEqual([])
    expect(liveperson.counts()).toMatchObject({ domain: 1, sentinel: 1, idp: 0, conversation: 0 })
  })

  test('counts a path that nothing serves as unknown', async () => {
    expect((await call(`${await client.host()}/api/account/${account}/consumers`)).status).toBe(404)
    expect((await call(`${await client.host()}/`)).status).toBe(404)
    expect(liveperson.counts().unknown).toBe(2)
  })

  test('forgets all but keys and ports on reset', async () => {
    const headers = await client.headers()
    await client.open(headers, createBody())
    liveperson.settings.mode = 'lenient'
    liveperson.faults.add({ kind: 'reset' })
    liveperson.clock.set(5)
    liveperson.reset()
    expect([liveperson.conversations(), liveperson.consumers(), liveperson.requests()]).toEqual([[], [], []])
    expect([liveperson.settings.mode, liveperson.faults.active()]).toEqual(['strict', []])
    expect(liveperson.clock.now()).toBeGreaterThan(5)
    expect((await client.open(headers, createBody())).status).toBe(200)
  })

  test('closes silent and idle connections', async () => {
    const other = await startLivePerson({ accounts: loadFixture(), mode: 'lenient' })
    expect(other.settings.mode).toBe('lenient')
    const { host, token } = createClient(other)
    const { hostname, port } = new URL(await host())
    other.faults.add({ service: 'sentinel', kind: 'silence' })
    const silent = token().catch(String)
    const idle = connect(Number(port), hostname).on('error', () => undefined)
    const idleClosed = new Promise((resolve) => idle.once('close', () => resolve('closed')))
    await expect.poll(() => other.counts().sentinel).toBe(1)
    await other.close()
    expect(await silent).toMatch(/fetch failed/)
    expect(await idleClosed).toBe('closed')
    await expect(call(other.url)).rejects.toThrow('fetch failed')
  })

  test('does not start on a port that is taken', async () => {
    const port = Number(new URL(liveperson.url).port)
    await expect(startLivePerson({ accounts: [], port })).rejects.toThrow(new PortTakenError(port))
  })

  test('does not take the tokens of another simulator', async () => {
    const other = await startClient()
    const authorization = await other.appJwt()
    await other.liveperson.close()
    const init = {
      headers: { authorization, 'content-type': 'application/json' },
      body: '{"ext_consumer_id":"a"}',
    }
    expect((await client.consumer(init)).status).toBe(401)
  })

  test('routes by an attribute rule where neither skill nor engagement decides', async () => {
    const accounts = loadFixture().map((one) => ({
      ...one,
      skillRules: [{ attribute: 'ctype' as const, value: 'VIP', skillId: 3120040011 }],
    }))
    const other = await startLivePerson({ accounts })
    const { headers, open } = createClient(other)
    const profile = { authenticatedData: { lp_sdes: [{ type: 'ctmrinfo', info: { ctype: 'vip' } }] } }
    await open(await headers('a'), createBody({ campaignInfo: undefined }, profile))
    await open(await headers('b'), createBody({}, profile))
    expect(other.conversations().map(({ skillName }) => skillName)).toEqual(['Upgrades', 'Orders'])
    await other.close()
  })

  test('has a clock that follows real time, can be advanced, and can be stopped', () => {
    const { clock } = liveperson
    clock.advance(60_000)
    expect(clock.now() - Date.now()).toBeGreaterThan(59_000)
    clock.set(1000)
    clock.advance(5)
    expect(clock.now()).toBe(1005)
    clock.set(undefined)
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1000)
  })
})

describe('a fixture', () => {
  test('is new objects at every reading', () => {
    expect(loadFixture()[0]).not.toBe(loadFixture()[0])
    expect(loadFixture().map(({ accountId }) => accountId)).toEqual([account, '70999999'])
  })

  test('that has another shape is refused by name', () => {
    expect(() => loadFixture(new URL('../../../package.json', import.meta.url))).toThrow(
      'accounts is missing',
    )
  })
})

describe('the inspection API', () => {
  test('shows conversations, consumers, requests and counts', async () => {
    await client.open(await client.headers(), createBody())
    expect((await inspect('conversations')).json).toMatchObject([{ extConsumerId: 'crm-1', state: 'OPEN' }])
    expect((await inspect('consumers')).json).toMatchObject([{ extConsumerId: 'crm-1' }])
    expect((await inspect('requests?service=idp')).json).toMatchObject([{ service: 'idp', status: 201 }])
    expect((await inspect('requests?accountId=1')).json).toEqual([])
    expect((await inspect('counts')).json).toEqual(liveperson.counts())
  })

  test('closes a conversation', async () => {
    const { json } = await client.open(await client.headers(), createBody())
    const conversationId = member(json, '1.body.conversationId')
    expect((await inspect('close-conversation', { conversationId })).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([{ state: 'CLOSE' }])
  })

  test('moves the clock', async () => {
    expect((await inspect('clock', { now: 1000 })).json).toEqual({ now: 1000 })
    expect((await inspect('clock', { advanceMs: 500 })).json).toEqual({ now: 1500 })
    expect((await inspect('clock')).json).toEqual({ now: 1500 })
    await inspect('clock', { now: null })
    expect(liveperson.clock.now()).toBeGreaterThan(1500)
  })

  test('changes settings, hosts and tokens', async () => {
    await inspect('settings', { mode: 'lenient', unknownCampaign: null, conversationLimit: 100 })
    expect((await inspect('settings')).json).toMatchObject({ mode: 'lenient', conversationLimit: 100 })
    await inspect('host', { service: 'idp', host: 'idp.example.org' })
    expect(await client.host('idp')).toBe('http://idp.example.org')
    await inspect('host', { service: 'idp', host: null })
    const before = await client.host('idp')
    await inspect('move-hosts', {})
    expect(await client.host('idp')).not.toBe(before)
    const headers = await client.headers()
    await inspect('revoke-consumer-tokens', {})
    expect(member((await client.open(headers, '')).json, 'body.errorCode')).toBe(40103)
    await inspect('revoke-app-tokens', {})
    expect(member((await client.open(headers, '')).json, 'body.errorCode')).toBe(40102)
    await inspect('reset', {})
    expect(liveperson.settings.mode).toBe('strict')
  })

  test.each([
    ['settings', { mode: 'loose' }],
    ['settings', { colour: 'red' }],
    ['settings', { sendLimit: 0 }],
    ['clock', {}],
    ['clock', []],
    ['close-conversation', { conversationId: 'x' }],
    ['host', { service: 'swift', host: 'a' }],
    ['secrets', { accountId: 'x', clientSecrets: [] }],
    ['secrets', { accountId: account, clientSecrets: [1] }],
  ])('refuses a wrong body of %s: %o', async (path, body) => {
    const { status, json } = await inspect(path, body)
    expect([status, member(json, 'error')]).toEqual([400, expect.any(String)])
  })

  test('is not remembered, and says what it knows for an unknown path', async () => {
    expect((await inspect('everything')).status).toBe(404)
    expect(liveperson.requests()).toEqual([])
  })
})
