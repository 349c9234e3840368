import { connect } from 'node:net'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { startLivePerson } from '../../../local/liveperson/server.ts'
import { loadFixture } from '../../../local/liveperson/state/account.ts'
import { PortTakenError } from '../../../local/net/listen.ts'
import { account, call, createBody, createClient, startClient } from './client.ts'

const client = await startClient()
const { liveperson } = client
afterAll(() => liveperson.close())
beforeEach(() => liveperson.reset())

describe('the simulator', () => {
  test('moves its hosts: the Domain API returns the new one, and the old one refuses connections', async () => {
    const before = await client.host('sentinel')
    const old = await client.appJwt()
    await liveperson.moveHosts()
    const after = await client.host('sentinel')
    expect(after).not.toBe(before)
    await expect(call(`${before}/sentinel/well-known/jwks`)).rejects.toThrow('fetch failed')
    expect(await client.consumerJws(old, 'crm-1')).toMatch(/^ey/)
  })

  test('makes the Domain API return a foreign host, and the real one again', async () => {
    liveperson.setHost('idp', 'idp.example.org')
    expect(await client.host('idp')).toBe('http://idp.example.org')
    expect(await client.host('sentinel')).toMatch(/^http:\/\/127/)
    liveperson.setHost('idp', undefined)
    expect(await client.host('idp')).toMatch(/^http:\/\/127/)
  })

  test('records every request with the status of its answer', async () => {
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

  test('counts a path that no service has as unknown', async () => {
    expect((await call(`${await client.host()}/api/account/${account}/consumers`)).status).toBe(404)
    expect((await call(`${await client.host()}/`)).status).toBe(404)
    expect(liveperson.counts().unknown).toBe(2)
  })

  test('keeps only its keys and ports on reset', async () => {
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

  test('closes silent and idle connections when it is closed', async () => {
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

  test("doesn't start on a port that is in use", async () => {
    const port = Number(new URL(liveperson.url).port)
    await expect(startLivePerson({ accounts: [], port })).rejects.toThrow(new PortTakenError(port))
  })

  test('refuses the tokens of another simulator', async () => {
    const other = await startClient()
    const authorization = await other.appJwt()
    await other.liveperson.close()
    const init = {
      headers: { authorization, 'content-type': 'application/json' },
      body: '{"ext_consumer_id":"a"}',
    }
    expect((await client.consumer(init)).status).toBe(401)
  })
})
