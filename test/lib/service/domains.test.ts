import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { createDomainsService } from '../../../lib/service/domains.ts'
import { ACCOUNT, OTHER_ACCOUNT, startWorld, type World } from '../../support/world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => {
  world.livePerson.reset()
  vi.restoreAllMocks()
})
afterAll(() => world.close())

test('each account of the stage has its own hosts', async () => {
  const { accounts } = createDomainsService(world.configOf())
  expect(accounts.map(({ account }) => account.accountId)).toEqual([ACCOUNT, OTHER_ACCOUNT])
  const [first] = accounts
  expect(await first?.domains.refresh()).toMatchObject({ accountId: ACCOUNT, changed: true })
})

test('a host that is not LivePerson’s is reported, and the previous hosts stay in use', async () => {
  const service = createDomainsService(world.configOf())
  const [first] = service.accounts
  const before = await first?.domains.get()
  const warn = vi.spyOn(service.log, 'warn')
  world.livePerson.setHost('idp', 'idp.example.com')
  expect(await first?.domains.refresh()).toMatchObject({ changed: false, error: expect.anything() })
  expect(await first?.domains.get()).toEqual(before)
  expect(warn).toHaveBeenCalledWith(expect.stringContaining("doesn't belong to LivePerson"), {
    accountId: ACCOUNT,
  })
})
