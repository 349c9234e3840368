import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStatusService } from '../../../lib/service/status.ts'
import { OTHER_ACCOUNT, startWorld, submit, type World } from '../../support/world.ts'

let world: World

beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())

test('a form request is found in whichever account it belongs to, a CRM event is not', async () => {
  const service = world.createService()
  const body = { requestId: 'status-service-1', route: 'order-help' }
  expect((await submit(service, body)).statusCode).toBe(201)
  const status = createStatusService(world.configOf(), service)
  expect(await status.findFormRequest(body.requestId)).toMatchObject({
    status: 'opened',
    ...{ requestId: body.requestId },
  })
  expect(await status.findFormRequest('status-service-2')).toBeUndefined()

  const { table } = service
  await table.putMany([
    {
      pk: `request#${OTHER_ACCOUNT}#form#status-service-3`,
      requestId: 'status-service-3',
      accountId: OTHER_ACCOUNT,
      status: 'queued',
      fingerprint: '0'.repeat(64),
      createdAt: 1,
      attempts: 1,
    },
    {
      pk: `request#${OTHER_ACCOUNT}#queue#status-service-4`,
      requestId: 'status-service-4',
      accountId: OTHER_ACCOUNT,
      status: 'queued',
      fingerprint: '0'.repeat(64),
      createdAt: 1,
      attempts: 1,
    },
  ])
  expect(await status.findFormRequest('status-service-3')).toMatchObject({ accountId: OTHER_ACCOUNT })
  expect(await status.findFormRequest('status-service-4')).toBeUndefined()
})
