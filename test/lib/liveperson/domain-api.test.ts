import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { LivePersonUnavailableError } from '../../../lib/errors/errors.ts'
import { ForeignHostError, fetchHosts } from '../../../lib/liveperson/domain-api.ts'
import { SERVICES } from '../../../lib/liveperson/hosts.ts'
import {
  ACCOUNT_ID,
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

const ask = (accountId = ACCOUNT_ID, loopback = true) => {
  const { http } = simulated.createOptions()
  const { soon, livePerson } = simulated
  return fetchHosts({ http, domainApiUrl: livePerson.url, accountId, loopback, deadline: soon() })
}
const answerWith = (body: unknown) =>
  simulated.livePerson.faults.add({
    service: 'domain',
    kind: 'status',
    status: 200,
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
const HOSTS = {
  sentinel: 'va.sentinel.liveperson.net',
  idp: 'va.idp.liveperson.net',
  asyncMessagingEnt: 'va.msg.liveperson.net',
}
const listOf = (hosts: object) => ({
  baseURIs: Object.entries(hosts).map(([service, baseURI]) => ({ service, account: ACCOUNT_ID, baseURI })),
})

describe('fetchHosts', () => {
  test('returns the hosts of all services with one GET, without credentials', async () => {
    expect(await ask()).toEqual({
      sentinel: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      idp: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
      asyncMessagingEnt: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    })
    expect(simulated.livePerson.requests()).toHaveLength(1)
    expect(simulated.received('domain')[0]).toMatchObject({
      method: 'GET',
      path: `/api/account/${ACCOUNT_ID}/service/baseURI.json?version=1.0`,
      body: '',
    })
    expect(simulated.received('domain')[0]?.headers.authorization).toBeUndefined()
  })

  test('returns exactly the services that this service calls', async () => {
    answerWith(listOf({ accountConfigReadOnly: 'va.acr.liveperson.net', ...HOSTS, Sentinel: 'evil.example' }))
    expect(await ask()).toEqual(HOSTS)
  })

  test.each<[string, Trouble]>([
    ['500', { kind: 'status', status: 500 }],
    ['201', { kind: 'status', status: 201, body: JSON.stringify(listOf(HOSTS)) }],
    ['404', { kind: 'status', status: 404 }],
    ['429', { kind: '429' }],
    ['HTML', { kind: 'html', status: 200 }],
    ['no body', { kind: 'empty', status: 200 }],
    ['a reset connection', { kind: 'reset' }],
    ['half a body', { kind: 'truncated' }],
  ])('%s is unavailable, and nothing was executed', async (_, fault) => {
    simulated.livePerson.faults.add({ ...fault, service: 'domain' })
    const error = await failureOf(ask())
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).not.toBeInstanceOf(ForeignHostError)
    expect(error).toMatchObject({ mayHaveExecuted: false })
  })

  test.each<[string, unknown]>([
    ['null', null],
    ['a list', [listOf(HOSTS)]],
    ['no baseURIs', {}],
    ['baseURIs that are not a list', { baseURIs: 5 }],
    ['an empty list', { baseURIs: [] }],
    ['elements that are not objects', { baseURIs: [null, 5, 'sentinel'] }],
    ['services in other cases', listOf({ Sentinel: HOSTS.sentinel, IDP: HOSTS.idp, asyncmessagingent: 'x' })],
    ['a service that is not a string', { baseURIs: [{ service: { toString: null }, baseURI: 'x' }] }],
    ['no host', { baseURIs: SERVICES.map((service) => ({ service })) }],
  ])('%s for an answer names no host', async (_, body) => {
    answerWith(body)
    const error = await failureOf(ask())
    expect(error).toMatchObject({
      message: 'The Domain API named no host of sentinel.',
      mayHaveExecuted: false,
    })
    expect(error).not.toBeInstanceOf(ForeignHostError)
  })

  describe.each(SERVICES)('%s', (service) => {
    test.each([undefined, ''])('is required, %j is none', async (host) => {
      answerWith(listOf({ ...HOSTS, [service]: host }))
      const error = await failureOf(ask())
      expect(error).toMatchObject({
        message: `The Domain API named no host of ${service}.`,
        mayHaveExecuted: false,
      })
    })

    test.each([
      'evil.example',
      'liveperson.net.evil.example',
      'evilliveperson.net',
      'lpx.liveperson.net:8443',
      'user@lpx.liveperson.net',
      'lpx.liveperson.net/path',
      'lpx.liveperson.net#',
      '169.254.169.254',
      '127.0.0.1.evil.example',
      5,
      null,
      ['va.liveperson.net'],
    ])('may not be %j', async (host) => {
      answerWith(listOf({ ...HOSTS, [service]: host }))
      const error = await failureOf(ask())
      expect(error).toBeInstanceOf(ForeignHostError)
      expect(error).toMatchObject({
        name: 'ForeignHostError',
        code: 'liveperson_unavailable',
        mayHaveExecuted: false,
        connectionFailed: false,
      })
      expect(String(error)).toContain(service)
      expect(String(error)).not.toContain(String(host))
    })
  })

  test('hosts on this machine are refused unless loopback is allowed', async () => {
    expect(await failureOf(ask(ACCOUNT_ID, false))).toBeInstanceOf(ForeignHostError)
  })

  test('an account that LivePerson does not know is unavailable', async () => {
    expect(await failureOf(ask('70000000'))).toMatchObject({ mayHaveExecuted: false })
  })
})
