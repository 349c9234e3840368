import type { Context } from 'aws-lambda'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createHandler } from '../../functions/refresh-domains.ts'
import { readConfig } from '../../lib/config/environment.ts'
import { createDomainsService } from '../../lib/service/domains.ts'
import {
  ACCOUNT,
  bodyOf,
  ORDER_HELP,
  OTHER_ACCOUNT,
  refresh,
  startWorld,
  submit,
  type World,
} from '../support/world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(() => world.livePerson.reset())

test('every account’s hosts are fetched, and saved only if they have changed', async () => {
  const hosts = {
    sentinel: expect.any(String),
    idp: expect.any(String),
    asyncMessagingEnt: expect.any(String),
  }
  const of = (accountId: string, changed: boolean) => ({
    accountId,
    changed,
    hosts,
    fetchedAt: expect.any(String),
  })
  const first = await refresh(world.createService())
  expect(first.statusCode).toBe(200)
  expect(bodyOf(first)).toEqual({ accounts: [of(ACCOUNT, true), of(OTHER_ACCOUNT, true)] })
  expect(bodyOf(await refresh(world.createService())).accounts).toEqual([
    of(ACCOUNT, false),
    of(OTHER_ACCOUNT, false),
  ])
  await world.livePerson.moveHosts()
  expect(bodyOf(await refresh(world.createService())).accounts).toEqual([
    of(ACCOUNT, true),
    of(OTHER_ACCOUNT, true),
  ])
})

test('while the Domain API fails, the last good hosts stay in use, and their age is reported', async () => {
  await refresh(world.createService())
  world.livePerson.faults.add({
    service: 'domain',
    kind: 'status',
    status: 503,
    times: Number.POSITIVE_INFINITY,
  })
  const answer = await refresh(world.createService())
  expect(answer.statusCode).toBe(502)
  expect(bodyOf(answer).accounts[0]).toMatchObject({
    accountId: ACCOUNT,
    changed: false,
    hosts: { idp: expect.any(String) },
    ageMs: expect.any(Number),
    code: 'liveperson_unavailable',
  })
  const body = { campaign: ORDER_HELP }
  expect((await submit(world.createService(), body)).statusCode).toBe(201)
})

test('the failure of one account doesn’t affect the other', async () => {
  world.livePerson.faults.add({
    service: 'domain',
    kind: 'html',
    match: ({ path }) => path.includes(OTHER_ACCOUNT),
  })
  const answer = await refresh(world.createService())
  expect(answer.statusCode).toBe(200)
  expect(bodyOf(answer).accounts).toMatchObject([{ hosts: {} }, { code: 'liveperson_unavailable' }])
})

test('a host that doesn’t belong to LivePerson is refused, and the old one is kept', async () => {
  await refresh(world.createService())
  world.livePerson.setHost('sentinel', 'sentinel.liveperson.net.evil.example')
  const answer = await refresh(world.createService())
  expect(bodyOf(answer).accounts[0]).toMatchObject({ changed: false, code: 'liveperson_unavailable' })
  expect(bodyOf(answer).accounts[0].hosts.sentinel).not.toContain('evil')
})

describe('an invalid configuration', () => {
  const run = async (event: unknown) =>
    createHandler(() => createDomainsService(readConfig({})))(event as never, {} as Context)

  test('fails the schedule, so that Lambda counts an error', async () => {
    await expect(run({ 'detail-type': 'Scheduled Event' })).rejects.toMatchObject({ code: 'invalid_config' })
  })

  test('is a problem for an HTTP call', async () => {
    const event = { requestContext: { http: { method: 'POST', path: '/domains/refresh' } } }
    expect(await run(event)).toMatchObject({ statusCode: 500 })
  })
})
