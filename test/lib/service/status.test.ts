import { afterAll, beforeAll, expect, test } from 'vitest'
import { createStatusService } from '../../../lib/service/status.ts'
import {
  jobOf,
  ORDER_HELP,
  OTHER_ACCOUNT,
  STAGE,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../../support/world.ts'

const DESTINATION = { ...ORDER_HELP, ttr: 'NORMAL' as const, routeAttributes: [] }

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
    requestId: body.requestId,
    outcome: { status: 'opened' },
  })
  expect(await status.findFormRequest('status-service-2')).toBeUndefined()

  const base = { ...jobOf(world.configOf().stage, toRecord(body)).request, accountId: OTHER_ACCOUNT }
  await service.ledger.claim(
    { ...base, door: 'form', vouchedBy: 'nobody', requestId: 'status-service-3' },
    DESTINATION,
    0,
  )
  await service.ledger.claim({ ...base, door: 'queue', requestId: 'status-service-4' }, DESTINATION, 0)
  expect(await status.findFormRequest('status-service-3')).toMatchObject({ accountId: OTHER_ACCOUNT })
  expect(await status.findFormRequest('status-service-4')).toBeUndefined()
})

test('a request is found among more than 100 accounts', async () => {
  const accounts = Array.from({ length: 250 }, (_, index) => ({ accountId: String(80_000_000 + index) }))
  const stage = { accounts: [...accounts, ...STAGE.accounts] }
  const status = createStatusService(world.configOf(stage))
  expect(
    (await submit(world.createService(), { requestId: 'status-service-5', route: 'order-help' })).statusCode,
  ).toBe(201)
  expect(await status.findFormRequest('status-service-5')).toMatchObject({ outcome: { status: 'opened' } })
})
