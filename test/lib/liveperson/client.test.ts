import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { DeleteItemCommand, DynamoDBClient } from '@aws-sdk/client-dynamodb'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { createCredentials } from '../../../lib/account/credentials.ts'
import { createDomains } from '../../../lib/account/domains.ts'
import { createReadSecret } from '../../../lib/account/secrets.ts'
import { awsOptions } from '../../../lib/aws/options.ts'
import { createStateTable } from '../../../lib/aws/state-table.ts'
import {
  AppError,
  CredentialsRefusedError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
} from '../../../lib/errors/errors.ts'
import { requestAppJwt } from '../../../lib/liveperson/app-jwt.ts'
import { createLivePerson, type LivePersonOptions } from '../../../lib/liveperson/client.ts'
import { createConsumerJwss } from '../../../lib/liveperson/consumer-jws.ts'
import { fetchHosts } from '../../../lib/liveperson/domain-api.ts'
import { createHttp } from '../../../lib/liveperson/http.ts'
import { createOutbound } from '../../../lib/net/outbound.ts'
import type { Fault } from '../../../local/liveperson/faults/faults.ts'
import type { ReceivedRequest } from '../../../local/liveperson/http/request.ts'
import { closeServer, findFreePorts, listen } from '../../../local/net/listen.ts'
import { ACCOUNT, CRM_UPGRADE, startWorld, type World } from '../../support/world.ts'

type Service = ReceivedRequest['service']

const MINUTE = 60_000
const INPUT = {
  ...CRM_UPGRADE,
  ttr: 'NORMAL',
  consumer: { firstName: 'Ana' },
  context: undefined,
  engagementAttributes: undefined,
}

let world: World
let table: ReturnType<typeof createStateTable>
let dynamoDb: DynamoDBClient
let secrets: string[]
/** How far the clock of service and simulator is ahead, in milliseconds. */
let ahead = 0
let serial = 0
const servers: Server[] = []

const now = () => Date.now() + ahead
const soon = (ms = 20_000) => now() + ms
const advance = (ms: number) => {
  ahead += ms
  world.livePerson.clock.advance(ms)
}
const newId = () => `consumer-${++serial}`
const account = () => {
  const found = world.accounts.find(({ accountId }) => accountId === ACCOUNT)
  if (!found) throw new Error('The fixture has this account')
  return found
}
const received = (service: Service): readonly ReceivedRequest[] => world.livePerson.requests({ service })
const counts = () => {
  const { domain, sentinel, idp, conversation, send } = world.livePerson.counts()
  return { domain, sentinel, idp, conversation, send }
}
/** Runs work and gives how many requests each service received meanwhile. */
const counted = async (work: () => Promise<unknown>) => {
  const before = counts()
  await work()
  return Object.fromEntries(
    Object.entries(counts())
      .map(([name, count]) => [name, count - before[name as keyof typeof before]] as const)
      .filter(([, count]) => count > 0),
  )
}
const failure = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: unknown) => error,
  )

/** An account's client as connect.ts puts it together, with a secret of its own and an empty cache. */
const createClient = ({
  domainApiUrl = world.livePerson.url,
  fetch = globalThis.fetch,
  loopback = true,
  ...options
}: Partial<LivePersonOptions> & { domainApiUrl?: string; fetch?: typeof globalThis.fetch } = {}) => {
  const secretId = `client-test/${++serial}`
  const rotate = (clientSecret: string) =>
    world.secretsManager.put(secretId, { clientId: account().clientId, clientSecret })
  rotate(String(secrets[0]))
  const http = createHttp({ outbound: createOutbound(fetch), now, loopback })
  const onPreviousSecret = vi.fn()
  const onProfileRefused = vi.fn()
  const onForeignHost = vi.fn()
  const credentials = createCredentials({
    readSecret: createReadSecret(awsOptions),
    secretId,
    now,
    random: Math.random,
  })
  const hosts = createDomains({
    accountId: ACCOUNT,
    table,
    loopback,
    now,
    fetchHosts: () =>
      fetchHosts({ http, domainApiUrl, accountId: ACCOUNT, loopback, deadline: now() + 5000 }),
    onForeignHost,
  })
  const client = createLivePerson({
    accountId: ACCOUNT,
    http,
    now,
    loopback,
    hosts,
    credentials,
    onPreviousSecret,
    onProfileRefused,
    ...options,
  })
  return {
    ...client,
    http,
    rotate,
    credentials,
    onPreviousSecret,
    onProfileRefused,
    onForeignHost,
    open: (consumerId = newId(), deadline = soon()) => client.openConversation(consumerId, INPUT, deadline),
  }
}

const serve = async (handle: (request: IncomingMessage, response: ServerResponse) => void) => {
  const server = createServer(handle)
  servers.push(server)
  return `127.0.0.1:${await listen(server)}`
}

beforeAll(async () => {
  world = await startWorld()
  table = createStateTable(world.dynamoDb.stateTable, awsOptions)
  dynamoDb = new DynamoDBClient({})
  secrets = [...account().clientSecrets]
})
afterAll(async () => {
  dynamoDb.destroy()
  await world.close()
})
beforeEach(async () => {
  await dynamoDb.send(
    new DeleteItemCommand({
      TableName: world.dynamoDb.stateTable,
      Key: { pk: { S: `domains#${ACCOUNT}` } },
    }),
  )
})
afterEach(async () => {
  ahead = 0
  world.livePerson.reset()
  account().clientSecrets = [...secrets]
  await Promise.all(servers.splice(0).map(closeServer))
})

describe('the calls that an open costs', () => {
  test('a cold container asks each service once', async () => {
    const client = createClient()
    expect(await counted(() => client.open())).toEqual({ domain: 1, sentinel: 1, idp: 1, conversation: 1 })
  })

  test('a warm one takes two calls for a new consumer, one for a known one', async () => {
    const client = createClient()
    await client.open('known-consumer')
    expect(await counted(() => client.open())).toEqual({ idp: 1, conversation: 1 })
    expect(await counted(() => client.open('known-consumer'))).toEqual({ conversation: 1 })
  })

  test('1,000 opens at once with an empty cache: one AppJWT request, one secret read, one domain read', async () => {
    const client = createClient()
    const reads = world.secretsManager.requests('GetSecretValue')
    const consumers = Array.from({ length: 1000 }, newId)
    const cost = await counted(async () => {
      const opened = await Promise.all(consumers.map((id) => client.open(id, soon(60_000))))
      expect(new Set(opened.map(({ kind }) => kind))).toEqual(new Set(['opened']))
    })
    expect(cost).toEqual({ domain: 1, sentinel: 1, idp: 1000, conversation: 1000 })
    expect(world.secretsManager.requests('GetSecretValue') - reads).toBe(1)
  }, 60_000)

  test('calls at once for one consumer share one ConsumerJWS request', async () => {
    const client = createClient()
    const cost = await counted(() =>
      Promise.all(Array.from({ length: 20 }, () => client.identify('shared-consumer', soon()))),
    )
    expect(cost).toEqual({ domain: 1, sentinel: 1, idp: 1 })
  })

  test('the ConsumerJWSs that are kept are bounded, the latest being kept', async () => {
    const jwss = createConsumerJwss()
    let asked = 0
    const get = (id: number) =>
      jwss.get(`c-${id}`, async () => ({ token: `t-${++asked}`, lpConsumerId: String(id) }))
    for (let id = 0; id < 12_000; id++) await get(id)
    await get(11_999)
    expect(asked).toBe(12_000)
    await get(0)
    expect(asked).toBe(12_001)
  })

  test('a failed ConsumerJWS request is not kept', async () => {
    const client = createClient()
    world.livePerson.faults.add({ service: 'idp', kind: 'status', status: 503 })
    const id = newId()
    expect(await failure(client.open(id))).toBeInstanceOf(LivePersonUnavailableError)
    expect((await client.open(id)).kind).toBe('opened')
  })
})

describe('the AppJWT', () => {
  test('is kept until half of its life', async () => {
    const client = createClient()
    await client.open()
    advance(29 * MINUTE)
    expect(await counted(() => client.open())).toEqual({ idp: 1, conversation: 1 })
  })

  test('is renewed from half of its life on, beside the call and not in its way', async () => {
    const client = createClient()
    await client.open()
    advance(31 * MINUTE)
    world.livePerson.faults.add({ service: 'sentinel', kind: 'silence' })
    expect((await client.open()).kind).toBe('opened')
    await vi.waitFor(() => expect(received('sentinel')).toHaveLength(2))
    expect(received('sentinel')[1]?.status).toBeUndefined()
  })

  test('once renewed, is the new one in the next calls', async () => {
    const client = createClient()
    await client.open()
    advance(31 * MINUTE)
    await client.open()
    await vi.waitFor(() => expect(received('sentinel')[1]?.status).toBe(200))
    await sleep(20)
    await client.open()
    const [first, , third] = received('conversation').map(({ headers }) => headers.authorization)
    expect(third).not.toBe(first)
    expect(received('sentinel')).toHaveLength(2)
  })

  test('is kept where its renewal fails, which is tried again after a pause', async () => {
    const client = createClient()
    await client.open()
    advance(31 * MINUTE)
    world.livePerson.faults.add({ service: 'sentinel', kind: 'status', status: 503, times: 2 })
    await client.open()
    await vi.waitFor(() => expect(received('sentinel')[1]?.status).toBe(503))
    await client.open()
    expect(received('sentinel')).toHaveLength(2)
    advance(16_000)
    await client.open()
    await vi.waitFor(() => expect(received('sentinel')).toHaveLength(3))
    expect(new Set(received('conversation').map(({ status }) => status))).toEqual(new Set([200]))
  })

  test('is renewed in the way of the call once it has run out', async () => {
    const client = createClient()
    await client.open()
    advance(61 * MINUTE)
    expect(await counted(() => client.open())).toEqual({ sentinel: 1, idp: 1, conversation: 1 })
    world.livePerson.faults.add({ service: 'sentinel', kind: 'status', status: 503 })
    advance(61 * MINUTE)
    const error = await failure(client.open())
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({ reached: false })
  })

  test.each(['absent', 'number', 'string'] as const)(
    'lives as long as it says, expires_in %s',
    async (mode) => {
      Object.assign(world.livePerson.settings, { expiresIn: mode, appJwtLifetimeSeconds: 600 })
      const client = createClient()
      await client.open()
      advance(4 * MINUTE)
      expect(await counted(() => client.open())).toEqual({ idp: 1, conversation: 1 })
      advance(7 * MINUTE)
      expect(await counted(() => client.open())).toEqual({ sentinel: 1, idp: 1, conversation: 1 })
    },
  )

  const jwt = (claims: object) => `e30.${Buffer.from(JSON.stringify(claims)).toString('base64url')}.c2ln`
  test.each<[string, object, number]>([
    ['no claims, no expires_in', { access_token: 'opaque' }, 3_600_000],
    ['no claims, a number', { access_token: 'opaque', expires_in: 120 }, 120_000],
    ['no claims, a number as text', { access_token: 'opaque', expires_in: '120' }, 120_000],
    ['no claims, nothing left', { access_token: 'opaque', expires_in: 0 }, 3_600_000],
    ['no claims, a word', { access_token: 'opaque', expires_in: 'soon' }, 3_600_000],
    ['claims of ten minutes', { access_token: jwt({ iat: 1000, exp: 1600 }) }, 600_000],
    ['claims, shortened', { access_token: jwt({ iat: 1000, exp: 1600 }), expires_in: 60 }, 60_000],
    ['claims, not lengthened', { access_token: jwt({ iat: 1000, exp: 1600 }), expires_in: 9999 }, 600_000],
    ['claims without iat', { access_token: jwt({ exp: 1600 }), expires_in: 90 }, 90_000],
    ['claims that run backwards', { access_token: jwt({ iat: 1600, exp: 1000 }) }, 3_600_000],
  ])('has a life by %s', async (_, answer, lifeMs) => {
    const origin = `http://${await serve((_request, response) => response.end(JSON.stringify(answer)))}`
    const { http } = createClient()
    const credentials = { clientId: 'id', clientSecret: 'secret' }
    expect(
      await requestAppJwt({ http, origin, accountId: ACCOUNT, credentials, deadline: soon() }),
    ).toMatchObject({ lifeMs })
  })

  test.each([
    ['no token', '{}'],
    ['an empty one', '{"access_token":""}'],
    ['HTML', '<html>'],
  ])('with %s in the answer is none', async (_, body) => {
    world.livePerson.faults.add({ service: 'sentinel', kind: 'status', status: 200, body })
    expect(await failure(createClient().open())).toMatchObject({
      code: 'liveperson_unavailable',
      reached: false,
    })
  })
})

describe('a refused token', () => {
  test('40102: one new AppJWT, and the call once more', async () => {
    const client = createClient()
    const id = newId()
    await client.identify(id, soon())
    world.livePerson.revokeAppTokens()
    expect(await counted(() => client.open(id))).toEqual({ sentinel: 1, conversation: 2 })
    const [refused, taken] = received('conversation')
    expect([refused?.status, taken?.status]).toEqual([401, 200])
    expect(taken?.headers.authorization).not.toBe(refused?.headers.authorization)
    expect(taken?.body).toBe(refused?.body)
  })

  test('40102 for many at once: one new AppJWT', async () => {
    const client = createClient()
    const ids = Array.from({ length: 20 }, newId)
    await Promise.all(ids.map((id) => client.identify(id, soon())))
    world.livePerson.revokeAppTokens()
    const cost = await counted(() => Promise.all(ids.map((id) => client.open(id))))
    expect(cost).toEqual({ sentinel: 1, conversation: 40 })
  })

  test.each<[Service, number]>([
    ['conversation', 2],
    ['idp', 2],
  ])('40102 twice at %s: CredentialsRefusedError, and no third try', async (service, times) => {
    world.livePerson.faults.add({ service, kind: 'expired-app-jwt', times: Number.POSITIVE_INFINITY })
    expect(await failure(createClient().open())).toBeInstanceOf(CredentialsRefusedError)
    expect(received(service)).toHaveLength(times)
    expect(received('sentinel')).toHaveLength(2)
  })

  test.each([
    ['401', false],
    ['500 with an internalErrorCode', true],
  ])('the IDP’s %s: one new AppJWT, and the call once more', async (_, internalErrorCodeOn401) => {
    world.livePerson.settings.internalErrorCodeOn401 = internalErrorCodeOn401
    const client = createClient()
    await client.open()
    world.livePerson.revokeAppTokens()
    expect(await counted(() => client.open())).toEqual({ sentinel: 1, idp: 2, conversation: 1 })
  })

  test('the IDP’s 500 without an internalErrorCode is no refusal', async () => {
    world.livePerson.faults.add({ service: 'idp', kind: 'status', status: 500 })
    expect(await failure(createClient().open())).toMatchObject({ reached: false, retryable: true })
    expect(received('sentinel')).toHaveLength(1)
  })

  test('40103: one new ConsumerJWS, and the call once more', async () => {
    const client = createClient()
    const id = newId()
    await client.identify(id, soon())
    world.livePerson.revokeConsumerTokens()
    expect(await counted(() => client.open(id))).toEqual({ idp: 1, conversation: 2 })
    const [refused, taken] = received('conversation')
    expect(taken?.headers['x-lp-on-behalf']).not.toBe(refused?.headers['x-lp-on-behalf'])
  })

  test('40103 twice: no third try', async () => {
    world.livePerson.faults.add({ service: 'conversation', kind: 'revoked-consumer-jws', times: 9 })
    expect(await failure(createClient().open())).toBeInstanceOf(AppError)
    expect(received('conversation')).toHaveLength(2)
  })

  test('a ConsumerJWS of another consumer is refused, and nothing opened with it', async () => {
    const client = createClient()
    const { token } = await client.identify('somebody-else', soon())
    const answers = [{ token }, { token: 'no.jwt' }, { token: 5 }, {}]
    for (const answer of answers) {
      const body = JSON.stringify(answer)
      world.livePerson.faults.add({ service: 'idp', kind: 'status', status: 201, body })
      expect(await failure(client.open())).toMatchObject({
        code: 'liveperson_unavailable',
        reached: false,
      })
    }
    expect(received('conversation')).toEqual([])
  })
})

describe('a rotation of the secret', () => {
  test('the current secret is read again where Sentinel refuses the cached one', async () => {
    const client = createClient()
    await client.credentials.current()
    client.rotate('rotated')
    account().clientSecrets = ['rotated']
    const reads = world.secretsManager.requests('GetSecretValue')
    expect((await client.open()).kind).toBe('opened')
    expect(received('sentinel').map(({ status }) => status)).toEqual([401, 200])
    expect(world.secretsManager.requests('GetSecretValue') - reads).toBe(1)
    expect(client.onPreviousSecret).not.toHaveBeenCalled()
  })

  test('the previous secret is used, and told, where LivePerson doesn’t know the new one yet', async () => {
    const client = createClient()
    client.rotate('not-known-yet')
    expect((await client.open()).kind).toBe('opened')
    expect(received('sentinel').map(({ status }) => status)).toEqual([401, 200])
    expect(client.onPreviousSecret).toHaveBeenCalledTimes(1)
  })

  test('all three are tried where the secret was rotated meanwhile too', async () => {
    const client = createClient()
    await client.credentials.current()
    client.rotate('second')
    client.rotate('third')
    account().clientSecrets = ['second']
    expect((await client.open()).kind).toBe('opened')
    expect(received('sentinel').map(({ body }) => new URLSearchParams(body).get('client_secret'))).toEqual([
      secrets[0],
      'third',
      'second',
    ])
    expect(client.onPreviousSecret).toHaveBeenCalledTimes(1)
  })

  test.each([
    ['the same as before', 1, () => undefined],
    ['two others', 2, (client: ReturnType<typeof createClient>) => client.rotate('other')],
  ])('CredentialsRefusedError where the secrets are %s', async (_, calls, arrange) => {
    const client = createClient()
    arrange(client)
    account().clientSecrets = ['known to nobody']
    expect(await failure(client.open())).toBeInstanceOf(CredentialsRefusedError)
    expect(received('sentinel')).toHaveLength(calls)
    expect(client.onPreviousSecret).not.toHaveBeenCalled()
    expect(received('idp')).toEqual([])
  })

  test.each([429, 500, 503])('Sentinel’s %i says nothing about the secret', async (status) => {
    const client = createClient()
    const reads = world.secretsManager.requests('GetSecretValue')
    world.livePerson.faults.add({ service: 'sentinel', kind: 'status', status, retryAfter: 7 })
    expect(await failure(client.open())).toMatchObject({
      code: 'liveperson_unavailable',
      reached: false,
      retryAfterMs: 7000,
    })
    expect(received('sentinel')).toHaveLength(1)
    expect(world.secretsManager.requests('GetSecretValue') - reads).toBe(1)
  })
})

describe('the hosts', () => {
  test('that moved: the Domain API is asked once by all, and no open fails', async () => {
    const client = createClient()
    const ids = Array.from({ length: 10 }, newId)
    await Promise.all(ids.map((id) => client.identify(id, soon())))
    await world.livePerson.moveHosts()
    await sleep(50)
    const cost = await counted(async () => {
      const opened = await Promise.all(ids.map((id) => client.open(id)))
      expect(new Set(opened.map(({ kind }) => kind))).toEqual(new Set(['opened']))
    })
    expect(cost).toEqual({ domain: 1, conversation: 10 })
  })

  test.each(['sentinel', 'idp', 'asyncMessagingEnt'] as const)(
    'a dead %s is asked for once more, and then unreachable, not reached',
    async (service) => {
      const [port] = await findFreePorts(1)
      world.livePerson.setHost(service, `127.0.0.1:${port}`)
      const error = await failure(createClient().open())
      expect(error).toBeInstanceOf(LivePersonUnavailableError)
      expect(error).toMatchObject({ unreachable: true, reached: false })
      expect(received('domain')).toHaveLength(2)
    },
  )

  test('a dead host while the Domain API is dead too is tried once more at the same place', async () => {
    const [port] = await findFreePorts(1)
    world.livePerson.setHost('asyncMessagingEnt', `127.0.0.1:${port}`)
    const client = createClient()
    await client.identify(newId(), soon())
    world.livePerson.faults.add({ service: 'domain', kind: 'status', status: 503, times: 9 })
    expect(await failure(client.open())).toMatchObject({ unreachable: true, reached: false })
    expect(received('conversation')).toEqual([])
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
    '',
  ])('a foreign one, %j, is never called, whoever names it', async (host) => {
    const called: string[] = []
    const fetch: typeof globalThis.fetch = (input, init) => {
      called.push(new URL(String(input)).host)
      return globalThis.fetch(input, init)
    }
    world.livePerson.setHost('asyncMessagingEnt', host)
    expect(await failure(createClient({ fetch }).open())).toBeInstanceOf(LivePersonUnavailableError)
    const poisoned = { sentinel: host, idp: host, asyncMessagingEnt: host }
    const hosts = { get: async () => poisoned, renew: async () => poisoned }
    expect(await failure(createClient({ fetch, hosts }).open())).toMatchObject({ reached: false })
    expect(new Set(called)).toEqual(new Set([new URL(world.livePerson.url).host]))
  })

  test('on this machine are foreign too, unless the Domain API is here', async () => {
    const fetch = vi.fn()
    const host = new URL(world.livePerson.url).host
    const local = { sentinel: host, idp: host, asyncMessagingEnt: host }
    const hosts = { get: async () => local, renew: async () => local }
    const client = createClient({ fetch, hosts, loopback: false })
    expect(await failure(client.open())).toMatchObject({ reached: false })
    const { http } = client
    const url = world.livePerson.url
    expect(await failure(http({ method: 'GET', url, deadline: soon(), repeatable: true }))).toMatchObject({
      reached: false,
    })
    expect(fetch).not.toHaveBeenCalled()
  })
})

describe('what goes out', () => {
  test('tokens stand bare in their headers, the secret in the body only, nothing of them in a URL', async () => {
    const client = createClient()
    const id = newId()
    const opened = await client.open(id)
    if (opened.kind !== 'opened') throw new Error('It opens')
    await client.sendMessage(id, opened.conversationId, 'Hello', soon())
    const requests = world.livePerson.requests()
    const secret = String(secrets[0])
    const tokens = requests.flatMap(({ headers }) =>
      [headers.authorization, headers['x-lp-on-behalf']].flatMap((value) => value ?? []).map(String),
    )
    expect(tokens).toHaveLength(5)
    for (const token of tokens) expect(token).toMatch(/^[\w-]+\.[\w-]+\.[\w-]+$/)
    for (const { service, path, headers, body } of requests) {
      for (const token of tokens) expect(path + body).not.toContain(token)
      expect(path + JSON.stringify(headers)).not.toContain(secret)
      expect(body.includes(secret)).toBe(service === 'sentinel')
      expect(path).not.toContain(account().clientId)
    }
    expect(requests.filter(({ service }) => service === 'domain')[0]?.headers.authorization).toBeUndefined()
  })

  test('ids of the two elements are new for each open', async () => {
    const client = createClient()
    await client.open()
    await client.open()
    const ids = received('conversation').flatMap(({ body }) =>
      JSON.parse(body).map(({ id }: { id: string }) => id),
    )
    expect(new Set(ids).size).toBe(4)
  })

  describe.each([301, 302, 303, 307, 308])('a redirect by %i', (status) => {
    test.each<['domain' | 'sentinel' | 'idp' | 'asyncMessagingEnt', boolean]>([
      ['domain', false],
      ['sentinel', false],
      ['idp', false],
      ['asyncMessagingEnt', true],
    ])('of %s is not followed', async (service, reached) => {
      const followed: string[] = []
      const target = await serve((request, response) => {
        followed.push(String(request.url))
        response.end('{}')
      })
      const redirecting = await serve((request, response) => {
        response.writeHead(status, { location: `http://${target}${request.url}` }).end()
      })
      if (service !== 'domain') world.livePerson.setHost(service, redirecting)
      const client = createClient(service === 'domain' ? { domainApiUrl: `http://${redirecting}` } : {})
      expect(await failure(client.open())).toMatchObject({ code: 'liveperson_unavailable', reached })
      expect(followed).toEqual([])
    })
  })
})

describe('time', () => {
  test.each<[Service, boolean]>([
    ['domain', false],
    ['sentinel', false],
    ['idp', false],
    ['conversation', true],
  ])('silence of %s ends with the deadline, reached: %s', async (service, reached) => {
    world.livePerson.faults.add({ service, kind: 'silence', times: Number.POSITIVE_INFINITY })
    const client = createClient()
    const startedAt = performance.now()
    const error = await failure(client.open(newId(), soon(400)))
    expect(performance.now() - startedAt).toBeLessThan(5000)
    expect(error).toBeInstanceOf(LivePersonUnavailableError)
    expect(error).toMatchObject({ reached, unreachable: false })
  })

  test('a caller with little time doesn’t spoil the token for those with more', async () => {
    world.livePerson.faults.add({ service: 'sentinel', kind: 'latency', ms: 500 })
    const client = createClient()
    const [hasty, patient] = await Promise.all([failure(client.open(newId(), soon(100))), client.open()])
    expect(hasty).toMatchObject({ reached: false })
    expect(patient.kind).toBe('opened')
    expect(received('sentinel')).toHaveLength(1)
  })

  test('no call is made once the deadline is over', async () => {
    const client = createClient()
    const id = newId()
    await client.identify(id, soon())
    expect(await failure(client.open(id, now() - 1))).toMatchObject({ reached: false })
    expect(received('conversation')).toEqual([])
  })
})

type Trouble = Omit<Fault, 'service'> & Pick<Fault, 'kind'>
const after = [
  ['reset-after', { kind: 'reset-after' }],
  ['truncated', { kind: 'truncated' }],
  ['html-after', { kind: 'html-after' }],
  ['503 after', { kind: 'status-after', status: 503 }],
  ['200 and over 1 MB', { kind: 'status-after', status: 200, body: 'x'.repeat(1024 * 1024 + 1) }],
] as readonly (readonly [string, Trouble])[]

describe('a create', () => {
  test.each([
    ['reset', { kind: 'reset' }],
    ['503', { kind: 'status', status: 503 }],
    ['500', { kind: 'status', status: 500 }],
    ['an empty 503', { kind: 'empty' }],
    ['HTML', { kind: 'html' }],
    ['408', { kind: 'status', status: 408, body: '' }],
    [
      '200 without a conversationId',
      { kind: 'status', status: 200, body: '{"code":"OK","body":{},"reqId":"1"}' },
    ],
    ...after,
  ] as [string, Trouble][])(
    'whose answer is lost (%s) may have been carried out, and is not repeated',
    async (_, fault) => {
      world.livePerson.faults.add({ ...fault, service: 'conversation' } as Fault)
      const error = await failure(createClient().open())
      expect(error).toBeInstanceOf(LivePersonUnavailableError)
      expect(error).toMatchObject({ reached: true, retryable: true })
      expect(received('conversation')).toHaveLength(1)
    },
  )

  test.each([
    [7, 7000],
    ['soon', undefined],
    [undefined, undefined],
  ])('answered 429 with Retry-After %s was not carried out', async (retryAfter, retryAfterMs) => {
    world.livePerson.faults.add({
      service: 'conversation',
      kind: '429',
      ...(retryAfter !== undefined && { retryAfter }),
    })
    expect(await failure(createClient().open())).toMatchObject({ reached: false, retryAfterMs })
  })

  test('answered 429 with a date as Retry-After waits until then', async () => {
    const retryAfter = new Date(now() + MINUTE).toUTCString()
    world.livePerson.faults.add({ service: 'conversation', kind: '429', retryAfter })
    const error = await failure(createClient().open())
    if (!(error instanceof LivePersonUnavailableError)) throw error
    expect(error.retryAfterMs).toBeGreaterThan(MINUTE - 10_000)
    expect(error.retryAfterMs).toBeLessThanOrEqual(MINUTE)
  })

  test('for a consumer with an open conversation is told so, with the consumer’s id', async () => {
    const client = createClient()
    const id = newId()
    const { lpConsumerId } = await client.open(id)
    expect(await client.open(id)).toEqual({ kind: 'already_open', lpConsumerId })
    expect(lpConsumerId).toMatch(/^[0-9a-f]{64}$/)
  })

  test('of an unknown campaign is rejected', async () => {
    const input = { ...INPUT, campaignId: '9', engagementId: '9' }
    const error = await failure(createClient().openConversation(newId(), input, soon()))
    expect(error).toBeInstanceOf(LivePersonRejectedError)
  })

  test('is put off where the IDP says 408', async () => {
    world.livePerson.faults.add({ service: 'idp', kind: 'status', status: 408 })
    expect(await failure(createClient().open())).toMatchObject({ retryable: true, reached: false })
  })

  test('is open, and told, where LivePerson takes the conversation but not the profile', async () => {
    const client = createClient({
      fetch: async (input, init) => {
        const response = await fetch(input, init)
        if (!String(input).includes('/conversation?')) return response
        const [profile, ...others] = (await response.json()) as object[]
        return Response.json([{ ...profile, code: 'BAD_REQUEST' }, ...others], { status: 400 })
      },
    })
    expect((await client.open()).kind).toBe('opened')
    expect(client.onProfileRefused).toHaveBeenCalledTimes(1)
  })

  test('for a consumer that the IDP refuses is rejected', async () => {
    world.livePerson.faults.add({ service: 'idp', kind: 'status', status: 400 })
    expect(await failure(createClient().open())).toBeInstanceOf(LivePersonRejectedError)
  })

  test.each([
    ['two elements the other way round', { answerShape: 'reversed' }],
    ['text/plain', {}],
  ] as const)('answered with %s is read all the same', async (shape, settings) => {
    Object.assign(world.livePerson.settings, settings)
    if (shape === 'text/plain')
      world.livePerson.faults.add({ service: 'conversation', kind: 'wrong-content-type' })
    expect((await createClient().open()).kind).toBe('opened')
  })
})

describe('a message', () => {
  const arrange = async () => {
    const client = createClient()
    const id = newId()
    const opened = await client.open(id)
    if (opened.kind !== 'opened') throw new Error('It opens')
    const { conversationId } = opened
    return {
      conversationId,
      send: () => client.sendMessage(id, conversationId, 'My order is late', soon()),
    }
  }
  const messages = () => world.livePerson.conversations().flatMap((conversation) => conversation.messages)

  test('is sent', async () => {
    const { send } = await arrange()
    expect(await send()).toBe('sent')
    expect(messages()).toMatchObject([{ text: 'My order is late' }])
  })

  test('that LivePerson certainly did not take is sent once more', async () => {
    const { send } = await arrange()
    world.livePerson.faults.add({ service: 'send', kind: '429' })
    expect(await send()).toBe('sent')
    expect(messages()).toHaveLength(1)
  })

  test('to a conversation that is over is told so', async () => {
    const { send, conversationId } = await arrange()
    world.livePerson.closeConversation(conversationId)
    expect(await send()).toBe('closed')
  })

  test.each([
    ['429 twice', { kind: '429', times: 2 }],
    ['400', { kind: 'status', status: 400, body: '{"code":"BAD_REQUEST","body":{"msg":"x"},"reqId":"1"}' }],
    ['404', { kind: 'status', status: 404, body: '' }],
  ] as [string, Trouble][])('that is refused (%s) is not sent', async (_, fault) => {
    const { send } = await arrange()
    world.livePerson.faults.add({ ...fault, service: 'send' } as Fault)
    expect(await send()).toBe('not_sent')
    expect(messages()).toEqual([])
  })

  test('is not sent where the host is dead', async () => {
    const [port] = await findFreePorts(1)
    world.livePerson.setHost('asyncMessagingEnt', `127.0.0.1:${port}`)
    expect(await createClient().sendMessage(newId(), 'c-1', 'Hello', soon())).toBe('not_sent')
  })

  test.each([
    ['reset', { kind: 'reset' }],
    ['503', { kind: 'status', status: 503 }],
    ['HTML', { kind: 'html' }],
    ...after,
  ] as [string, Trouble][])(
    'whose answer is lost (%s) is unknown, and never sent twice',
    async (_, fault) => {
      const { send } = await arrange()
      world.livePerson.faults.add({ ...fault, service: 'send' } as Fault)
      expect(await send()).toBe('unknown')
      expect(received('send')).toHaveLength(1)
      expect(messages().length).toBeLessThanOrEqual(1)
    },
  )

  test.each(['expired-app-jwt', 'revoked-consumer-jws'] as const)(
    'refused for its token (%s) is sent once with a new one',
    async (kind) => {
      const { send } = await arrange()
      world.livePerson.faults.add({ service: 'send', kind })
      expect(await send()).toBe('sent')
      expect(received('send')).toHaveLength(2)
      expect(messages()).toHaveLength(1)
    },
  )

  test('refused for its token twice is not sent', async () => {
    const { send } = await arrange()
    world.livePerson.faults.add({ service: 'send', kind: 'expired-app-jwt', times: 2 })
    expect(await send()).toBe('not_sent')
    expect(messages()).toEqual([])
  })
})

describe('isOpen', () => {
  const arrange = async () => {
    const client = createClient()
    const id = newId()
    const opened = await client.open(id)
    if (opened.kind !== 'opened') throw new Error('It opens')
    const { conversationId } = opened
    return { conversationId, ask: () => client.isOpen(id, conversationId, soon()) }
  }

  test('is true while the conversation is open, and leaves nothing in it', async () => {
    const { ask } = await arrange()
    expect(await ask()).toBe(true)
    expect(world.livePerson.conversations()[0]?.messages).toEqual([])
  })

  test('is false once it is closed', async () => {
    const { ask, conversationId } = await arrange()
    world.livePerson.closeConversation(conversationId)
    expect(await ask()).toBe(false)
  })

  test.each([
    ['429', { kind: '429' }],
    ['503', { kind: 'status', status: 503 }],
    ['a reset', { kind: 'reset' }],
    ['HTML', { kind: 'html' }],
  ] as [string, Trouble][])('is undefined where LivePerson doesn’t say: %s', async (_, fault) => {
    const { ask } = await arrange()
    world.livePerson.faults.add({ ...fault, service: 'send' } as Fault)
    expect(await ask()).toBeUndefined()
  })
})

describe('the Domain API', () => {
  test.each([
    ['500', { kind: 'status', status: 500 }],
    ['HTML', { kind: 'html', status: 200 }],
    ['nothing', { kind: 'empty', status: 200 }],
    ['no list', { kind: 'status', status: 200, body: '{"baseURIs":5}' }],
    [
      'a list that lacks one',
      { kind: 'status', status: 200, body: '{"baseURIs":[{"service":"idp","baseURI":"x"}]}' },
    ],
    ['a reset', { kind: 'reset' }],
  ] as [string, Trouble][])('with %s for an answer is unavailable, nothing was reached', async (_, fault) => {
    world.livePerson.faults.add({ ...fault, service: 'domain', times: 9 } as Fault)
    expect(await failure(createClient().open())).toMatchObject({
      code: 'liveperson_unavailable',
      reached: false,
    })
    expect(received('sentinel')).toEqual([])
  })
})
