import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { drain } from '../support/drain.ts'
import { createContainer, createFabric, NO_FAULTS, type Plan } from '../support/faulty-container.ts'
import { ACCOUNT, askStatus, bodyOf, ORDER_HELP, startWorld, submit, type World } from '../support/world.ts'

let world: World
let serial = 0
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(() => world.livePerson.reset())

const newBody = () => ({ requestId: `killed-request-${++serial}`, campaign: ORDER_HELP, message: 'Hello' })
const conversationsOf = (before: ReadonlySet<string>) =>
  world.livePerson.conversations().filter(({ conversationId }) => !before.has(conversationId))
const known = () => new Set(world.livePerson.conversations().map(({ conversationId }) => conversationId))

/** Submits a form in a new container that is killed at a point. `answer` is the response, or 'killed'. */
const submitAndDie = async (body: object, kill: Plan['kill']) => {
  const container = createContainer(createFabric(world, () => ({ ...NO_FAULTS, kill })))
  const answer = await container.run('kill', (service) => submit(service, body))
  return { answer, steps: container.steps(), container }
}

describe('a container that is killed at any point while it handles a form', { timeout: 60_000 }, () => {
  test.each([
    ['if LivePerson answers', undefined],
    ['if LivePerson fails and the form is handed over', { kind: 'status', status: 503 }],
    ['if the answer is lost and the form is handed over', { kind: 'status-after', status: 502 }],
  ] as const)('%s: every 202 is kept, and a repeat opens no second conversation', async (_, fault) => {
    const arm = () => fault && world.livePerson.faults.add({ service: 'conversation', times: 1, ...fault })
    arm()
    const { steps } = await submitAndDie(newBody(), () => false)
    await drain(world)
    expect(steps).toBeGreaterThanOrEqual(fault ? 6 : 5)

    for (let point = 0; point < steps; point++)
      for (const phase of ['before', 'after'] as const) {
        const before = known()
        const body = newBody()
        world.livePerson.faults.clear()
        arm()
        const { answer } = await submitAndDie(body, (_, index, at) => index === point && at === phase)
        world.livePerson.faults.clear()
        if (answer !== 'killed') expect(answer.statusCode).toBe(fault ? 202 : 201)
        await drain(world)
        const status = bodyOf(await askStatus(world.createService(), body.requestId))
        if (answer !== 'killed') expect(status.status).toBe('opened')
        expect(conversationsOf(before).length).toBeLessThanOrEqual(1)

        // The sender got no response and tries again later.
        world.livePerson.clock.advance(60_000)
        const again = await submit(world.createService({ now: world.livePerson.clock.now }), body)
        expect([200, 201]).toContain(again.statusCode)
        const [conversation, ...others] = conversationsOf(before)
        expect(others).toEqual([])
        expect([conversation?.conversationId, undefined]).toContain(bodyOf(again).conversationId)
        expect(conversation?.messages.length ?? 0).toBeLessThanOrEqual(1)
      }
  })

  test('after a copy got 202 opening: the request finishes without another submit', async () => {
    const body = newBody()
    world.livePerson.faults.add({ service: 'conversation', kind: 'latency', ms: 4000 })
    const first = createContainer(createFabric(world, () => NO_FAULTS))
    const holder = first.run('holder', (service) => submit(service, body))
    await new Promise((resolve) => setTimeout(resolve, 200))
    const copy = await submit(world.createService({ now: world.livePerson.clock.now }), body)
    expect([copy.statusCode, bodyOf(copy).status]).toEqual([202, 'opening'])
    first.kill()
    expect(await holder).toBe('killed')
    await drain(world)
    const [item] = await world.createService().ledger.find([ACCOUNT], 'form', body.requestId)
    expect(item?.outcome.status).toBe('opened')
    expect(world.livePerson.conversations()).toHaveLength(1)
  })
})
