import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createDomains } from '../../../lib/account/domains.ts'
import type { StateTable } from '../../../lib/aws/state-table.ts'
import { LivePersonUnavailableError, ServiceUnavailableError } from '../../../lib/errors/errors.ts'
import { fetchHosts } from '../../../lib/liveperson/domain-api.ts'
import type { Hosts } from '../../../lib/liveperson/hosts.ts'
import { createHttp } from '../../../lib/liveperson/http.ts'
import { createOutbound } from '../../../lib/net/outbound.ts'
import { startDynamoDb } from '../../../local/aws/dynamodb.ts'
import { startLivePerson } from '../../../local/liveperson/server.ts'
import { loadFixture } from '../../../local/liveperson/state/account.ts'
import { createPatientTable, startAwsEndpoint } from '../../support/aws-endpoint.ts'
import { ACCOUNT } from '../../support/world.ts'

const MINUTE = 60_000
const OLD: Hosts = { sentinel: '127.0.0.1:1', idp: '127.0.0.1:2', asyncMessagingEnt: '127.0.0.1:3' }

let livePerson: Awaited<ReturnType<typeof startLivePerson>>
let dynamoDb: Awaited<ReturnType<typeof startDynamoDb>>
let endpoint: Awaited<ReturnType<typeof startAwsEndpoint>>
let table: StateTable

beforeAll(async () => {
  dynamoDb = await startDynamoDb()
  endpoint = await startAwsEndpoint({ behind: dynamoDb.url })
  Object.assign(process.env, {
    AWS_REGION: 'eu-west-1',
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
    AWS_ENDPOINT_URL_DYNAMODB: endpoint.url,
  })
  table = createPatientTable(dynamoDb.stateTable)
  livePerson = await startLivePerson({ accounts: loadFixture() })
})
afterAll(async () => {
  await Promise.all([livePerson.close(), endpoint.close()])
  await dynamoDb.close()
})

let serial = 0
/**
 * The domains of one container. They have their own item in the table, unless `accountId` is another
 * container's.
 */
const arrange = ({
  accountId = `account${++serial}`,
  tableName = dynamoDb.stateTable,
  afterRead = async () => undefined,
}: {
  accountId?: string
  tableName?: string
  /** Runs between a read of the table and its return. */
  afterRead?: () => Promise<void>
} = {}) => {
  const own = tableName === dynamoDb.stateTable ? table : createPatientTable(tableName)
  livePerson.reset()
  endpoint.take()
  let time = 1_800_000_000_000
  const now = () => time
  const http = createHttp({ outbound: createOutbound(), now: Date.now, loopback: true })
  const onForeignHost = vi.fn()
  const onFailure = vi.fn()
  const domains = createDomains({
    accountId,
    table: {
      ...own,
      get: async (pk) => {
        const item = await own.get(pk)
        await afterRead()
        return item
      },
    },
    loopback: true,
    now,
    fetchHosts: () =>
      fetchHosts({
        http,
        domainApiUrl: livePerson.url,
        accountId: ACCOUNT,
        loopback: true,
        deadline: Date.now() + 10_000,
      }),
    onForeignHost,
    onFailure,
  })
  return {
    ...domains,
    accountId,
    onForeignHost,
    onFailure,
    now,
    advance: (ms: number) => {
      time += ms
    },
  }
}
const asked = () => livePerson.counts().domain
const store = (accountId: string, hosts: unknown, fetchedAt: unknown = 1) =>
  table.update({ pk: `domains#${accountId}`, set: { hosts, fetchedAt } })
const stored = async (accountId: string) => (await table.get(`domains#${accountId}`))?.hosts
const current = async () => {
  const host = await fetch(`${livePerson.url}/api/account/${ACCOUNT}/service/idp/baseURI.json?version=1.0`)
    .then((response) => response.json())
    .then((answer) => (answer as { baseURI: string }).baseURI)
  livePerson.reset()
  return { sentinel: host, idp: host, asyncMessagingEnt: host }
}
const failDomainApi = () =>
  livePerson.faults.add({ service: 'domain', kind: 'status', status: 503, times: Number.POSITIVE_INFINITY })

describe('get', () => {
  test('reads and writes once for concurrent calls if nothing is known', async () => {
    const hosts = await current()
    const domains = arrange()
    const given = await Promise.all(Array.from({ length: 100 }, domains.get))
    expect(new Set(given).size).toBe(1)
    expect(given[0]).toEqual(hosts)
    expect(asked()).toBe(1)
    expect(endpoint.take()).toEqual(['GetItem', 'UpdateItem'])
    expect(await stored(domains.accountId)).toEqual(hosts)
  })

  test('returns what the table has, without asking the Domain API', async () => {
    const domains = arrange()
    await store(domains.accountId, OLD)
    expect(await domains.get()).toEqual(OLD)
    await domains.get()
    expect(asked()).toBe(0)
  })

  test('reads the table again after ten minutes, without delaying the call', async () => {
    const domains = arrange()
    await store(domains.accountId, OLD)
    await domains.get()
    const newer = { ...OLD, idp: '127.0.0.1:9' }
    await store(domains.accountId, newer)
    domains.advance(10 * MINUTE - 1)
    expect(await domains.get()).toEqual(OLD)
    await sleep(30)
    expect(await domains.get()).toEqual(OLD)
    domains.advance(1)
    expect(await domains.get()).toEqual(OLD)
    await vi.waitFor(async () => expect(await domains.get()).toEqual(newer))
    expect(asked()).toBe(0)
  })

  test('returns the known hosts while the table and the Domain API fail', async () => {
    const hosts = await current()
    const domains = arrange({ tableName: 'gone' })
    expect(await domains.get()).toEqual(hosts)
    expect(domains.onFailure.mock.calls).toEqual([
      ['table_read', expect.any(ServiceUnavailableError)],
      ['table_write', expect.any(ServiceUnavailableError)],
    ])
    failDomainApi()
    for (let round = 1; round <= 12; round++) {
      domains.advance(10 * MINUTE)
      expect(await domains.get()).toEqual(hosts)
      await vi.waitFor(() => expect(livePerson.requests()[round]?.status).toBe(503))
      await sleep(5)
    }
    expect(domains.onFailure.mock.calls.slice(2)).toEqual(
      Array.from({ length: 12 }, () => [
        ['table_read', expect.any(ServiceUnavailableError)],
        ['domain_api', expect.any(LivePersonUnavailableError)],
      ]).flat(),
    )
  })

  test('fails if nothing is known and the Domain API fails, and asks again at the next call', async () => {
    const domains = arrange()
    const repair = failDomainApi()
    await expect(domains.get()).rejects.toBeInstanceOf(LivePersonUnavailableError)
    repair()
    expect(await domains.get()).toMatchObject({ idp: expect.any(String) })
    expect(asked()).toBe(2)
  })

  test.each<[string, unknown]>([
    ['a foreign host', { ...OLD, sentinel: 'sentinel.evil.example' }],
    ['a host with a user', { ...OLD, idp: 'x@127.0.0.1' }],
    ['a host with a path', { ...OLD, idp: '127.0.0.1/x' }],
    ['a missing host', { sentinel: '127.0.0.1', idp: '127.0.0.1' }],
    ['a number as a host', { ...OLD, idp: 5 }],
    ['no hosts', 'hosts'],
  ])('ignores and replaces an item of the table with %s', async (_, hosts) => {
    const good = await current()
    const domains = arrange()
    await store(domains.accountId, hosts)
    expect(await domains.get()).toEqual(good)
    expect(await stored(domains.accountId)).toEqual(good)
    expect(domains.onForeignHost).not.toHaveBeenCalled()
  })

  test('ignores an item of the table without its time', async () => {
    const domains = arrange()
    await store(domains.accountId, OLD, 'yesterday')
    expect(await domains.get()).not.toEqual(OLD)
  })
})

describe('reload', () => {
  test('asks the Domain API once for concurrent calls, and saves changed hosts', async () => {
    const domains = arrange()
    await store(domains.accountId, OLD)
    const stale = await domains.get()
    endpoint.take()
    const given = await Promise.all(Array.from({ length: 20 }, () => domains.reload(stale)))
    expect(new Set(given).size).toBe(1)
    expect(asked()).toBe(1)
    expect(endpoint.take()).toEqual(['UpdateItem'])
    expect(await domains.reload(stale)).toBe(given[0])
    expect(asked()).toBe(1)
  })

  test('is not undone by a read of the table that started before it and ends later', async () => {
    let read: Promise<void> | undefined
    const domains = arrange({ afterRead: async () => read })
    await store(domains.accountId, OLD)
    const stale = await domains.get()
    domains.advance(10 * MINUTE)
    const { promise, resolve } = Promise.withResolvers<void>()
    read = promise
    endpoint.take()
    expect(await domains.get()).toBe(stale)
    await vi.waitFor(() => expect(endpoint.take()).toEqual(['GetItem']))
    const renewed = await domains.reload(stale)
    resolve()
    await sleep(5)
    expect(await domains.get()).toBe(renewed)
    expect(renewed).not.toEqual(OLD)
  })

  test('writes nothing if nothing has changed', async () => {
    const domains = arrange()
    const hosts = await domains.get()
    endpoint.take()
    await domains.reload(hosts)
    expect(endpoint.take()).toEqual([])
    expect(domains.onFailure).not.toHaveBeenCalled()
  })

  test('reports once that the Domain API failed, and fails for all calls', async () => {
    const domains = arrange()
    await store(domains.accountId, OLD)
    const stale = await domains.get()
    const repair = failDomainApi()
    const given = await Promise.allSettled([domains.reload(stale), domains.reload(stale)])
    repair()
    expect(given.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(domains.onFailure.mock.calls).toEqual([['domain_api', expect.any(LivePersonUnavailableError)]])
  })

  test('returns the new hosts even if the table can’t be written, and reports that', async () => {
    const good = await current()
    const domains = arrange({ tableName: 'gone' })
    expect(await domains.reload(OLD)).toEqual(good)
    expect(domains.onFailure.mock.calls).toEqual([['table_write', expect.any(ServiceUnavailableError)]])
  })
})

describe('a foreign host in the answer', () => {
  test('is reported once per answer, and the old host is kept', async () => {
    const domains = arrange()
    await store(domains.accountId, OLD)
    const stale = await domains.get()
    livePerson.setHost('sentinel', 'sentinel.liveperson.net.evil.example')
    const given = await Promise.allSettled([domains.reload(stale), domains.reload(stale)])
    expect(given.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    expect(domains.onForeignHost).toHaveBeenCalledTimes(1)
    expect(await domains.refresh()).toMatchObject({ changed: false, hosts: OLD, fetchedAt: 1 })
    expect(domains.onForeignHost).toHaveBeenCalledTimes(2)
    expect(await domains.get()).toBe(stale)
    expect(await stored(domains.accountId)).toEqual(OLD)
  })
})

describe('loadTable', () => {
  test('reads the table only', async () => {
    const domains = arrange()
    await domains.loadTable()
    expect(endpoint.take()).toEqual(['GetItem'])
    expect(asked()).toBe(0)
  })

  test('makes a read of the table in the first request unnecessary', async () => {
    const domains = arrange()
    await store(domains.accountId, OLD)
    await domains.loadTable()
    endpoint.take()
    expect(await domains.get()).toEqual(OLD)
    expect(endpoint.take()).toEqual([])
  })

  test('fails if the table can’t be read', async () => {
    await expect(arrange({ tableName: 'gone' }).loadTable()).rejects.toBeInstanceOf(ServiceUnavailableError)
  })
})

describe('refresh', () => {
  test('writes only changed hosts, and reports the change', async () => {
    const hosts = await current()
    const domains = arrange()
    const { accountId } = domains
    expect(await domains.refresh()).toEqual({ accountId, changed: true, hosts, fetchedAt: domains.now() })
    expect(endpoint.take()).toEqual(['GetItem', 'UpdateItem'])
    expect(await domains.refresh()).toMatchObject({ changed: false, hosts })
    expect(endpoint.take()).toEqual(['GetItem'])
  })

  test('keeps what the table has while the Domain API fails, and reports its age', async () => {
    const domains = arrange()
    await store(domains.accountId, OLD, 123)
    failDomainApi()
    expect(await domains.refresh()).toMatchObject({
      changed: false,
      hosts: OLD,
      fetchedAt: 123,
      error: expect.any(LivePersonUnavailableError),
    })
  })

  test('reports that no hosts are known', async () => {
    const domains = arrange()
    failDomainApi()
    expect(await domains.refresh()).toMatchObject({ changed: false, hosts: undefined, fetchedAt: undefined })
  })

  test('reports a failure if the table can’t be read or written', async () => {
    const domains = arrange({ tableName: 'gone' })
    expect(await domains.refresh()).toMatchObject({
      changed: false,
      error: expect.any(ServiceUnavailableError),
    })
    expect(domains.onFailure.mock.calls).toEqual([['table_read', expect.any(ServiceUnavailableError)]])
  })
})
