import { describe, expect, test } from 'vitest'
import { createOutbound, type Outbound } from '../../lib/net/outbound.ts'
import type { Fault } from '../../local/liveperson/faults/faults.ts'
import { deliverWaiting, drain } from '../support/drain.ts'
import { startDrainedWorld } from '../support/drained-world.ts'
import { askStatus, bodyOf, CRM_UPGRADE, deliver, ORDER_HELP, submit, toRecord } from '../support/world.ts'

const { world, createService, itemOf } = await startDrainedWorld()
let serial = 0

const newForm = (members: object = {}) => ({
  requestId: `unknown-form-${++serial}`,
  campaign: ORDER_HELP,
  ...members,
})
const newEvent = (members: object = {}) => ({
  requestId: `unknown-event-${++serial}`,
  campaign: CRM_UPGRADE,
  consumer: { id: `unknown-${serial}` },
  ...members,
})
const HOUR = 3_600_000

const loseAnswer = () =>
  world.livePerson.faults.add({ service: 'conversation', kind: 'status-after', status: 502 })

/** LivePerson says in other words that the consumer has an open conversation. */
const inOtherWords: Outbound = async (request) => {
  const result = await call(request)
  return result.kind === 'answer'
    ? { ...result, body: result.body.replace('already has open conversation', 'has an active conversation') }
    : result
}
const call = createOutbound()

describe('after a create whose answer was lost', () => {
  test.each<[string, () => () => void, Outbound]>([
    [
      'the IDP answers 403',
      () => world.livePerson.faults.add({ service: 'idp', kind: 'html', status: 403, times: 1e9 }),
      call,
    ],
    [
      'a bare 404 follows',
      () =>
        world.livePerson.faults.add({
          service: 'conversation',
          kind: 'status',
          status: 404,
          body: '',
          times: 1e9,
        }),
      call,
    ],
    ['LivePerson says in other words that a conversation is open', () => () => undefined, inOtherWords],
  ])('no refusal is believed: %s', async (_, arrange, outbound) => {
    const body = newForm()
    loseAnswer()
    expect((await submit(createService(), body)).statusCode).toBe(202)
    expect(world.livePerson.conversations()).toHaveLength(1)

    const isOver = arrange()
    const service = createService({ outbound })
    await deliverWaiting(world, service)
    // While that lasts, the request is tried again.
    expect(bodyOf(await askStatus(service, body.requestId)).status).toBe('queued')
    world.livePerson.clock.advance(73 * HOUR)
    await drain(world, () => service)
    isOver()

    const status = bodyOf(await askStatus(service, body.requestId))
    expect(status).toMatchObject({ status: 'outcome_unknown', code: 'outcome_unknown' })
    const answer = await submit(service, body)
    expect([answer.statusCode, bodyOf(answer).code]).toEqual([409, 'outcome_unknown'])
    expect(bodyOf(answer).detail).not.toMatch(/new|another|again/i)
    expect(await world.receiveQuarantine()).toMatchObject([
      { code: 'outcome_unknown', requestId: body.requestId },
    ])
    expect(world.livePerson.conversations()).toHaveLength(1)
  })

  test.each(['form', 'queue'] as const)(
    'the documented refusal makes the outcome unknown, at the door %s',
    async (door) => {
      const campaign = { campaignId: '9', engagementId: '9' }
      const body = door === 'form' ? newForm({ campaign }) : newEvent({ campaign })
      world.livePerson.settings.unknownCampaign = 'default-skill'
      loseAnswer()
      const service = createService()
      if (door === 'form') await submit(service, body)
      else await deliver(service, [toRecord(body)])
      const [conversation] = world.livePerson.conversations()
      world.livePerson.closeConversation(conversation?.conversationId ?? '')
      world.livePerson.settings.unknownCampaign = undefined
      if (door === 'form') await drain(world, () => service)
      else expect(await deliver(service, [toRecord(body)])).toEqual({ batchItemFailures: [] })

      expect(await world.receiveQuarantine()).toMatchObject([
        { code: 'outcome_unknown', requestId: body.requestId },
      ])
      if (door === 'queue') {
        expect(await itemOf(body.requestId)).toMatchObject({
          status: 'outcome_unknown',
          code: 'outcome_unknown',
        })
        return
      }
      expect(bodyOf(await askStatus(service, body.requestId))).toEqual({
        requestId: body.requestId,
        status: 'outcome_unknown',
        code: 'outcome_unknown',
      })
      const answer = await submit(service, body)
      expect([answer.statusCode, bodyOf(answer).code, bodyOf(answer).retryable]).toEqual([
        409,
        'outcome_unknown',
        false,
      ])
    },
  )

  test('the open conversation is this request’s own, if LivePerson is back in time', async () => {
    const body = newForm()
    loseAnswer()
    const service = createService()
    await submit(service, body)
    world.livePerson.faults.add({ service: 'idp', kind: 'html', status: 403, times: 2 })
    await drain(world, () => createService())
    expect(bodyOf(await askStatus(service, body.requestId)).status).toBe('opened')
    expect(world.livePerson.conversations()).toHaveLength(1)
    expect(await world.receiveQuarantine()).toEqual([])
  })
})

/** Two items, none of which has a documented code. */
const oddItems = (code: string) =>
  JSON.stringify([
    { reqId: 'x', code: 'OK', body: {} },
    { reqId: 'y', code, body: { msg: 'odd' } },
  ])

describe('an answer that LivePerson doesn’t document is no refusal', () => {
  test.each<[string, Fault]>([
    ['IDP 403 with HTML', { service: 'idp', kind: 'html', status: 403 }],
    ['IDP 404 with HTML', { service: 'idp', kind: 'html', status: 404 }],
    ['IDP 403 without a body', { service: 'idp', kind: 'status', status: 403, body: '' }],
    ['CONVERSATION 403 without a body', { service: 'conversation', kind: 'status', status: 403, body: '' }],
    ['CONVERSATION 404 without a body', { service: 'conversation', kind: 'status', status: 404, body: '' }],
    [
      'CONVERSATION 403 with JSON',
      { service: 'conversation', kind: 'status', status: 403, body: '{"message":"Forbidden"}' },
    ],
    ['CONVERSATION 404 with HTML', { service: 'conversation', kind: 'html', status: 404 }],
    [
      'error code 40001',
      {
        service: 'conversation',
        kind: 'status',
        status: 400,
        body: '{"code":"BAD_REQUEST","body":{"errorCode":40001,"message":"Unable to access resource"}}',
      },
    ],
    ...[500, 501, 502, 507, 511].map((status): [string, Fault] => [
      `an item with an unknown code and HTTP ${status}`,
      { service: 'conversation', kind: 'status', status, body: oddItems('ODD_CODE') },
    ]),
    [
      'an item that is not this request’s, with HTTP 400',
      { service: 'conversation', kind: 'status', status: 400, body: oddItems('BAD_REQUEST') },
    ],
  ])('%s', async (_, fault) => {
    const form = newForm()
    const event = newEvent()
    world.livePerson.faults.add({ ...fault, times: 1e9 })
    const answer = await submit(createService(), form)
    expect([answer.statusCode, bodyOf(answer).status]).toEqual([202, 'queued'])
    const record = toRecord(event)
    expect((await deliver(createService(), [record])).batchItemFailures).toHaveLength(1)
    expect(await itemOf(event.requestId)).toMatchObject({
      status: 'queued',
      code: 'liveperson_unavailable',
    })
    await deliverWaiting(world, createService())
    expect(await world.receiveQuarantine()).toEqual([])

    world.livePerson.faults.clear()
    await drain(world, createService)
    await deliver(createService(), [record])
    expect(bodyOf(await askStatus(createService(), form.requestId)).status).toBe('opened')
    expect(await itemOf(event.requestId)).toMatchObject({ status: 'opened' })
    expect(world.livePerson.conversations()).toHaveLength(2)
    expect(await world.receiveQuarantine()).toEqual([])
  })
})
