import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { account, call, member, startClient } from '../client.ts'

const { liveperson } = await startClient()
afterAll(() => liveperson.close())
beforeEach(() => liveperson.reset())

const at = (path: string) => call(`${liveperson.url}/api/account/${path}`)

describe('the Domain API', () => {
  test.each(['baseURI.json', 'baseURI'])(
    'returns the host of one service, without credentials, at %s',
    async (file) => {
      const { status, json } = await at(`${account}/service/idp/${file}?version=1.0`)
      expect(status).toBe(200)
      expect(json).toEqual({ service: 'idp', account, baseURI: expect.stringMatching(/^127\.0\.0\.1:\d+$/) })
    },
  )

  test('returns the hosts of all services of an account', async () => {
    const { json } = await at(`${account}/service/baseURI.json?version=1.0`)
    const names = [member(json, 'baseURIs')].flat().map((entry) => member(entry, 'service'))
    expect(names).toEqual(expect.arrayContaining(['sentinel', 'idp', 'asyncMessagingEnt', 'msgHist']))
  })

  test('returns a list for one service if the settings say so', async () => {
    liveperson.settings.domainsShape = 'list'
    const { json } = await at(`${account}/service/idp/baseURI.json?version=1.0`)
    expect(json).toEqual({ baseURIs: [expect.objectContaining({ service: 'idp' })] })
  })

  test('answers 200 without a host for an unknown service if the settings say so', async () => {
    liveperson.settings.unknownService = 'no-host'
    const { status, json } = await at(`${account}/service/idq/baseURI.json?version=1.0`)
    expect([status, json]).toEqual([200, { service: 'idq', account }])
  })

  test.each([
    ['an unknown account', '70000000/service/idp/baseURI.json?version=1.0', 401],
    ['no version', `${account}/service/idp/baseURI.json`, 400],
    ['another version', `${account}/service/idp/baseURI.json?version=2.0`, 400],
    ['v instead of version', `${account}/service/idp/baseURI.json?v=1.0`, 400],
    ['an unknown service', `${account}/service/asnycMessagingEnt/baseURI.json?version=1.0`, 404],
    ['a service in upper case', `${account}/service/IDP/baseURI.json?version=1.0`, 404],
    ['another file', `${account}/service/idp/base.json?version=1.0`, 404],
  ])('refuses %s', async (_name, path, status) => {
    expect((await at(path)).status).toBe(status)
  })

  test('refuses the method POST', async () => {
    const url = `${liveperson.url}/api/account/${account}/service/baseURI.json?version=1.0`
    expect((await call(url, { method: 'POST' })).status).toBe(405)
  })

  test("doesn't serve Sentinel on its own host", async () => {
    const url = `${liveperson.url}/sentinel/api/account/${account}/app/token?v=1.0`
    expect((await call(url, { method: 'POST' })).status).toBe(404)
  })
})
