import { describe, expect, test } from 'vitest'
import type { StateTable, Update } from '../../lib/aws/state-table.ts'
import { ServiceUnavailableError } from '../../lib/errors/errors.ts'
import { drain } from '../support/drain.ts'
import { startDrainedWorld } from '../support/drained-world.ts'
import {
  askStatus,
  bodyOf,
  CRM_UPGRADE,
  deliver,
  ORDER_HELP,
  STAGE,
  submit,
  toRecord,
} from '../support/world.ts'

const { world, createService, itemOf } = await startDrainedWorld()
let serial = 0

const newForm = (members: object = {}) => ({
  requestId: `lost-form-${++serial}`,
  campaign: ORDER_HELP,
  ...members,
})
const newEvent = () => ({
  requestId: `lost-event-${++serial}`,
  campaign: CRM_UPGRADE,
  consumer: { id: `lost-${serial}` },
})
const now = () => world.livePerson.clock.now()
const DONE = { batchItemFailures: [] }

/** An account that leaves a create in doubt to a person. */
const HOLD = {
  ...STAGE,
  accounts: STAGE.accounts.map((account) => ({ ...account, onLostAnswer: 'hold' })),
}

/** Returns a table that writes what is chosen, and loses its answer. */
const losing = (isLost: (update: Update) => boolean): StateTable => {
  const { table } = createService()
  return {
    ...table,
    update: async (update) => {
      const written = await table.update(update)
      if (isLost(update)) throw new ServiceUnavailableError({ detail: 'The answer was lost.' })
      return written
    },
  }
}
const isClaim = ({ set }: Update): boolean => 'leaseId' in set
const isMark = ({ set: { facts } }: Update): boolean => /"tried":[1-9]/.test(JSON.stringify(facts ?? ''))

describe('a claim that was written, and whose answer was lost', () => {
  test.each(['form', 'queue'] as const)('is no create in doubt, at the door %s', async (door) => {
    const body = door === 'form' ? newForm() : newEvent()
    const service = createService({ stage: HOLD, table: losing(isClaim) })
    if (door === 'form') expect((await submit(service, body)).statusCode).toBe(202)
    else expect(await deliver(service, [toRecord(body, { sentAt: now() })])).toEqual(DONE)
    expect(world.livePerson.requests({ service: 'conversation' })).toEqual([])

    await drain(world, () => createService({ stage: HOLD }))
    const { status } =
      door === 'form' ? bodyOf(await askStatus(createService(), body.requestId)) : await heldBy(body)
    expect(status).toBe('opened')
    expect(world.livePerson.conversations()).toHaveLength(1)
    expect(await world.receiveQuarantine()).toEqual([])
  })

  test('five times is no death', async () => {
    const body = newEvent()
    let record = toRecord(body, { sentAt: now() })
    for (let lost = 1; lost <= 5; lost++) {
      expect(await deliver(createService({ table: losing(isClaim) }), [record])).toEqual(DONE)
      const [handedOver] = await world.receiveHandOvers()
      record = toRecord(handedOver, { queue: 'handOver', sentAt: now() })
      world.livePerson.clock.advance(90_000)
    }
    expect(world.livePerson.requests({ service: 'conversation' })).toEqual([])
    expect(await deliver(createService(), [record])).toEqual(DONE)
    expect(await itemOf(body.requestId)).toMatchObject({ status: 'opened', attempts: 1 })
    expect(await world.receiveQuarantine()).toEqual([])
  })

  const heldBy = async ({ requestId }: { readonly requestId: string }) => (await itemOf(requestId)) ?? {}
})

test('a message whose try was written, and the answer lost, is sent by the next attempt', async () => {
  const body = newForm({ message: 'My order is late' })
  let marks = 0
  const table = losing((update) => isMark(update) && ++marks === 1)
  expect(bodyOf(await submit(createService({ table }), body))).toMatchObject({
    status: 'opened',
    messageStatus: 'pending',
  })
  expect(marks).toBeGreaterThan(0)
  expect(world.livePerson.requests({ service: 'send' })).toEqual([])
  await drain(world, createService)
  expect(bodyOf(await askStatus(createService(), body.requestId))).toMatchObject({
    status: 'opened',
    messageStatus: 'sent',
  })
  expect(world.livePerson.requests({ service: 'send' })).toHaveLength(1)
})
