import { createHash } from 'node:crypto'
import type { APIGatewayProxyEventV2, APIGatewayProxyStructuredResultV2, Context } from 'aws-lambda'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createHandler as createStatusHandler } from '../../functions/conversation-status.ts'
import {
  bodyOf,
  ORDER_HELP,
  refresh,
  type Service,
  startWorld,
  submit,
  type World,
} from '../support/world.ts'

let world: World
let service: Service

beforeAll(async () => {
  world = await startWorld()
  const secretHashes = [createHash('sha256').update('the-secret').digest('hex')]
  service = world.createService({ config: { edge: { header: 'x-edge-secret', secretHashes } } })
})
afterAll(() => world.close())

const REFUSED = { status: 403, code: 'origin_not_allowed', detail: 'Call the service at its public address.' }
const form = (requestId: string) => ({ requestId, campaign: ORDER_HELP })

const askStatus = (requestId: string, headers?: Readonly<Record<string, string>>) =>
  createStatusHandler(() => service)(
    { pathParameters: { requestId }, headers } as unknown as APIGatewayProxyEventV2,
    {} as Context,
  ) as Promise<APIGatewayProxyStructuredResultV2>

describe('of a stage with a CDN,', () => {
  test('a form is refused unless it comes through the CDN', async () => {
    const past = await submit(service, form('past-the-edge'))
    expect(bodyOf(past)).toMatchObject(REFUSED)
    const wrong = await submit(service, form('past-the-edge'), { headers: { 'x-edge-secret': 'a guess' } })
    expect(bodyOf(wrong)).toMatchObject(REFUSED)
    expect(world.livePerson.conversations()).toEqual([])
    const through = await submit(service, form('past-the-edge'), {
      headers: { 'x-edge-secret': 'the-secret' },
    })
    expect(through.statusCode).toBe(201)
  })

  test('the body of a refused form is not read, so only the header names its request', async () => {
    expect(bodyOf(await submit(service, form('past-the-edge')))).not.toHaveProperty('requestId')
    const headers = { 'idempotency-key': 'past-the-edge' }
    expect(bodyOf(await submit(service, form('from-the-body'), { headers }))).toMatchObject({
      ...REFUSED,
      requestId: 'past-the-edge',
    })
  })

  test('a status is refused unless it comes through the CDN', async () => {
    await submit(service, form('asked-for-1'), { headers: { 'x-edge-secret': 'the-secret' } })
    expect(bodyOf(await askStatus('asked-for-1'))).toMatchObject(REFUSED)
    const through = await askStatus('asked-for-1', { 'x-edge-secret': 'the-secret' })
    expect(through.statusCode).toBe(200)
  })

  test('the domains are refreshed with IAM credentials alone', async () => {
    expect((await refresh(service)).statusCode).toBe(200)
  })
})
