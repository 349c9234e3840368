import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import {
  closeConversations,
  countCalls,
  createPlainClient,
  openByForm,
  openByQueue,
  toEvent,
} from '../../bench/contest.ts'
import { startWorld, type World } from '../../bench/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterEach(() => world.livePerson.reset())
afterAll(() => world.close())

test('a container opens one conversation per form and per event', async () => {
  const container = world.createContainer()
  await openByForm(container)
  await openByQueue(container, [toEvent(), toEvent()])
  expect(world.livePerson.conversations()).toHaveLength(3)
})

test('an event that is not opened is an error', async () => {
  world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 9 })
  await expect(openByQueue(world.createContainer(), [toEvent()])).rejects.toThrow('1 records failed')
})

test('the plain client makes all four calls for each conversation', async () => {
  const openPlain = createPlainClient(world)
  expect(await countCalls(world, () => openPlain())).toEqual({
    domain: 1,
    sentinel: 1,
    idp: 1,
    conversation: 1,
    all: 4,
  })
})

test('a consumer can open another conversation once all are closed', async () => {
  const openPlain = createPlainClient(world)
  const first = await openPlain('known')
  await expect(openPlain('known')).rejects.toThrow('already has open conversation')
  closeConversations(world)
  expect(await openPlain('known')).not.toBe(first)
})
