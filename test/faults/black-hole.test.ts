import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { bodyOf, ORDER_HELP, refresh, startWorld, submit, type World } from '../support/world.ts'
import { type BlackHole, startBlackHole } from './black-hole.ts'

let world: World
let blackHole: BlackHole
beforeAll(async () => {
  ;[world, blackHole] = await Promise.all([startWorld(), startBlackHole()])
})
afterAll(() => Promise.all([world.close(), blackHole.close()]))
afterEach(() => world.livePerson.reset())

test.each([['sentinel'], ['idp'], ['asyncMessagingEnt']] as const)(
  'where the host of %s drops all packets, the Domain API is asked again within 3 s, and the form opens',
  { timeout: 30_000 },
  async (name) => {
    const service = world.createService()
    world.livePerson.setHost(name, blackHole.host)
    await refresh(service)
    world.livePerson.setHost(name, undefined)
    const before = world.livePerson.requests({ service: 'domain' }).length
    const startedAt = Date.now()
    const answer = await submit(service, { requestId: `black-hole-${name}`, campaign: ORDER_HELP })
    const [again] = world.livePerson.requests({ service: 'domain' }).slice(before)
    expect(again?.at).toBeLessThan(startedAt + 3000)
    expect([201, 202]).toContain(answer.statusCode)
    expect(['opened', 'queued', 'opening']).toContain(bodyOf(answer).status)
  },
)
