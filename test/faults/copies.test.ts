import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { awsOptions } from '../../lib/aws/options.ts'
import { drain } from '../support/drain.ts'
import {
  bodyOf,
  CRM_UPGRADE,
  deliver,
  ORDER_HELP,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../support/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(() => world.livePerson.reset())

/** 1000 in `npm run test:faults`. */
const COPIES = Number(process.env.FAULT_COPIES ?? 100)
const CONTAINERS = 20
// Unlike a thousand containers, a thousand invocations in one process wait for each other.
const patient = {
  aws: { ...awsOptions, connectTimeoutMs: 30_000, timeoutMs: 30_000 },
  config: { formDeadlineMs: 30_000 },
}

/** Expects that every response has the request's id and, if any, the one conversation. */
const expectOneTruth = (answers: readonly Awaited<ReturnType<typeof submit>>[], requestId: string) => {
  const bodies = answers.map(bodyOf)
  expect(new Set(bodies.map((body) => body.requestId))).toEqual(new Set([requestId]))
  expect(answers.filter(({ statusCode = 0 }) => statusCode >= 300)).toEqual([])
  const [conversation, ...others] = world.livePerson.conversations()
  expect(conversation?.state).toBe('OPEN')
  expect(others).toEqual([])
  const told = new Set(bodies.flatMap((body) => body.conversationId ?? []))
  expect([...told].filter((id) => id !== conversation?.conversationId)).toEqual([])
}

describe('many copies of one request become one conversation', { timeout: 120_000 }, () => {
  const services = (seams: Parameters<World['createService']>[0] = patient) => {
    const containers = Array.from({ length: CONTAINERS }, () => world.createService(seams))
    return (index: number) => containers[index % CONTAINERS] ?? world.createService(seams)
  }
  const submitAll = (body: object) => {
    const containerOf = services()
    return Promise.all(Array.from({ length: COPIES }, (_, index) => submit(containerOf(index), body)))
  }

  test('submitted at once', async () => {
    const body = { requestId: 'copies-at-the-form', campaign: ORDER_HELP }
    const answers = await submitAll(body)
    await drain(world)
    expectOneTruth(answers, body.requestId)
  })

  test('submitted at once, with a lost answer', async () => {
    world.livePerson.faults.add({ service: 'conversation', kind: 'reset-after', times: 3 })
    const body = { requestId: 'copies-with-lost-answer', campaign: ORDER_HELP }
    const answers = await submitAll(body)
    await drain(world)
    expectOneTruth(answers, body.requestId)
  })

  test('submitted at once, half of them with too little time and therefore handed over', async () => {
    world.livePerson.faults.add({ service: 'conversation', kind: 'status-after', status: 502, times: 2 })
    const body = { requestId: 'copies-half-handed-over', campaign: ORDER_HELP }
    const [hasty, containerOf] = [services({ ...patient, config: { formDeadlineMs: 100 } }), services()]
    const answers = await Promise.all(
      Array.from({ length: COPIES }, (_, index) =>
        submit(index % 2 === 0 ? hasty(index) : containerOf(index), body),
      ),
    )
    await drain(world)
    expectOneTruth(answers, body.requestId)
  })

  test('on the queue, with a lost answer', async () => {
    world.livePerson.faults.add({ service: 'conversation', kind: 'reset-after', times: 3 })
    const body = {
      requestId: 'copies-on-the-queue',
      campaign: CRM_UPGRADE,
      consumer: { id: 'copied-consumer' },
    }
    const containerOf = services()
    let left = Array.from({ length: COPIES }, () => toRecord(body))
    for (let round = 0; left.length > 0 && round < 10; round++) {
      const batches = Array.from({ length: Math.ceil(left.length / 10) }, (_, index) =>
        left.slice(index * 10, index * 10 + 10),
      )
      const responses = await Promise.all(batches.map((batch, index) => deliver(containerOf(index), batch)))
      const failed = new Set(
        responses.flatMap(({ batchItemFailures }) =>
          batchItemFailures.map(({ itemIdentifier }) => itemIdentifier),
        ),
      )
      left = left.filter(({ messageId }) => failed.has(messageId))
    }
    expect(left).toEqual([])
    expect(world.livePerson.conversations()).toHaveLength(1)
    expect(await world.receiveQuarantine()).toEqual([])
  })

  test('at each door, if a form has the id of an event', async () => {
    const requestId = 'same-id-at-both-doors'
    const service = world.createService()
    const event = { requestId, campaign: CRM_UPGRADE, consumer: { id: 'the-event’s-consumer' } }
    const answer = await submit(service, { requestId, campaign: ORDER_HELP, message: 'I was first' })
    expect(await deliver(service, [toRecord(event)])).toEqual({ batchItemFailures: [] })
    expect(answer.statusCode).toBe(201)
    expect(await world.receiveQuarantine()).toEqual([])
    expect(world.livePerson.conversations()).toMatchObject([ORDER_HELP, CRM_UPGRADE])
  })
})
