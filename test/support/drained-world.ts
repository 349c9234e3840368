import { afterAll, afterEach } from 'vitest'
import { createPatientService, drain } from './drain.ts'
import { ACCOUNT, startWorld, type World } from './world.ts'

/**
 * Starts the stand-ins for the tests of a file, and stops them after the last one. After each test, the queues
 * are drained without faults, and LivePerson forgets everything.
 */
export const startDrainedWorld = async () => {
  const world = await startWorld()
  afterAll(() => world.close())
  afterEach(async () => {
    world.livePerson.faults.clear()
    await drain(world)
    world.livePerson.reset()
    await world.receiveQuarantine()
  })
  const createService = (options?: Parameters<World['createService']>[0]) =>
    createPatientService(world, options)
  return {
    world,
    /** Creates a container in which nothing waits. */
    createService,
    /** Returns the ledger's item of a CRM event. */
    itemOf: (requestId: string) => createService().table.get(`request#${ACCOUNT}#queue#crm#${requestId}`),
  }
}
