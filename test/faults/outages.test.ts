import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createOutbound } from '../../lib/net/outbound.ts'
import { patient } from '../support/aws-endpoint.ts'
import { drain } from '../support/drain.ts'
import { createContainer, createFabric, NO_FAULTS, type Plan } from '../support/faulty-container.ts'
import {
  ACCOUNT,
  bodyOf,
  CRM_UPGRADE,
  deliver,
  ORDER_HELP,
  refresh,
  type Service,
  STAGE,
  startWorld,
  submit,
  toRecord,
  type World,
} from '../support/world.ts'

let world: World
let serial = 0
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world.close())
afterEach(async () => {
  world.livePerson.reset()
  await world.receiveQuarantine()
})

const newForm = () => ({ requestId: `form-in-trouble-${++serial}`, campaign: ORDER_HELP })
const newEvent = () => {
  const requestId = `event-in-trouble-${++serial}`
  return { requestId, campaign: CRM_UPGRADE, consumer: { id: requestId } }
}
const stateOf = async (door: 'form' | 'queue', requestId: string) =>
  (await world.createService().ledger.find([ACCOUNT], door, requestId))[0]?.outcome.status
const now = () => world.livePerson.clock.now()
const inTurn = async <T, R>(list: readonly T[], work: (item: T) => Promise<R>) => {
  const results: R[] = []
  for (const item of list) results.push(await work(item))
  return results
}

describe('while an AWS service is down', { timeout: 60_000 }, () => {
  test.each(['DynamoDB', 'Secrets Manager'])(
    '%s: forms get 202, events wait, and every conversation opens once it is back',
    async (part) => {
      const plan: Plan = { ...NO_FAULTS, aws: (service) => (service === part ? { down: 1 } : {}) }
      const container = createContainer(createFabric(world, () => plan))
      const queue = new SQSClient({})
      const forms = Array.from({ length: 8 }, newForm)
      const events = Array.from({ length: 8 }, newEvent)
      const answers = await inTurn(forms, (form) =>
        container.run(form.requestId, (service) => submit(service, form)),
      )
      expect(answers.map((answer) => answer !== 'killed' && answer.statusCode)).toEqual(forms.map(() => 202))
      for (const event of events)
        await queue.send(
          new SendMessageCommand({
            QueueUrl: world.sqs.eventsQueueUrl,
            MessageBody: JSON.stringify(event),
          }),
        )
      queue.destroy()
      const records = events.map((event) => toRecord(event))
      const response = await container.run('batch', (service) => deliver(service, records))
      const failures = response === 'killed' ? [] : response.batchItemFailures
      const { ready, delayed } = world.sqs.depth('handOver')
      expect(failures.length + ready + delayed).toBe(forms.length + events.length)
      expect(world.livePerson.conversations()).toEqual([])

      await drain(world)
      expect(world.livePerson.conversations()).toHaveLength(forms.length + events.length)
      for (const { requestId } of forms) expect(await stateOf('form', requestId)).toBe('opened')
      for (const { requestId } of events) expect(await stateOf('queue', requestId)).toBe('opened')
    },
  )
})

describe('every conversation opens although', { timeout: 60_000 }, () => {
  test('secrets are rotated under load and the old one is revoked', async () => {
    // The clock stands still, so that no deadline passes on a busy machine.
    world.livePerson.clock.set(Date.now())
    let creates = 0
    let atCreate = (_: number): void => undefined
    const outbound = createOutbound()
    const service = world.createService({
      now,
      aws: patient,
      outbound: (request) => {
        if (/\/consumer\/conversation\?/.test(request.url)) atCreate(++creates)
        return outbound(request)
      },
    })
    const account = world.accounts.find(({ accountId }) => accountId === ACCOUNT)
    if (!account) throw new Error('The fixture has this account')
    const [old = ''] = account.clientSecrets
    const secretId = `campaign-conversations/test/${ACCOUNT}`
    const put = (clientSecret: string) =>
      world.secretsManager.put(secretId, { clientId: account.clientId, clientSecret })
    /** Forty forms, five at a time: as many as the container may open in a second. */
    const load = async () => {
      const answers: Awaited<ReturnType<typeof submit>>[] = []
      for (let round = 0; round < 8; round++) {
        answers.push(...(await Promise.all(Array.from({ length: 5 }, () => submit(service, newForm())))))
        world.livePerson.clock.advance(1000)
      }
      return answers
    }
    const answers = await load()
    // Secrets Manager is ahead: LivePerson accepts only the previous version.
    put('secret-second')
    world.livePerson.revokeAppTokens()
    answers.push(...(await load()))
    // LivePerson accepts the new secret under load.
    account.clientSecrets = ['secret-second']
    world.livePerson.revokeAppTokens()
    answers.push(...(await load()))
    // LivePerson accepts both, then revokes the old one before the 20th create of a load.
    account.clientSecrets = ['secret-third', 'secret-second']
    put('secret-third')
    const revokeAt = creates + 20
    atCreate = (create) => {
      if (create !== revokeAt) return
      account.clientSecrets = ['secret-third']
      world.livePerson.revokeAppTokens()
    }
    answers.push(...(await load()), ...(await load()))
    expect(creates).toBeGreaterThan(revokeAt)
    account.clientSecrets = [old]
    put(old)
    expect(answers.filter(({ statusCode }) => statusCode !== 201).map(bodyOf)).toEqual([])
  })

  test('the Domain API is down for an hour', async () => {
    const warm = world.createService({ now })
    await refresh(warm)
    world.livePerson.faults.add({
      service: 'domain',
      kind: 'status',
      status: 503,
      times: Number.POSITIVE_INFINITY,
    })
    const codes: unknown[] = []
    for (let minute = 0; minute <= 60; minute += 6) {
      codes.push((await submit(warm, newForm())).statusCode)
      codes.push((await submit(world.createService({ now }), newForm())).statusCode)
      await refresh(warm)
      world.livePerson.clock.advance(6 * 60_000)
    }
    expect(new Set(codes)).toEqual(new Set([201]))
    expect(world.livePerson.requests({ service: 'domain' }).length).toBeGreaterThan(10)
  })

  test('the hosts move', async () => {
    const service = world.createService({ now })
    const codes: unknown[] = []
    for (let move = 0; move < 5; move++) {
      codes.push(
        ...(await inTurn([newForm(), newForm()], (form) => submit(service, form))).map((a) => a.statusCode),
      )
      await world.livePerson.moveHosts()
      // Hosts are looked up again every 30 s at most.
      world.livePerson.clock.advance(30_000)
    }
    expect(new Set(codes)).toEqual(new Set([201]))
    expect(world.livePerson.requests({ service: 'domain' }).length).toBeLessThanOrEqual(6)
  })
})

describe('if LivePerson allowed a consumer several open conversations', { timeout: 60_000 }, () => {
  const stageWith = (onLostAnswer: 'hold' | 'repeat') => ({
    ...STAGE,
    accounts: STAGE.accounts.map((account) => ({ ...account, onLostAnswer })),
  })

  const run = async (onLostAnswer: 'hold' | 'repeat') => {
    world.livePerson.settings.oneOpenConversation = false
    const kinds = ['reset-after', 'html-after', 'truncated', 'reset'] as const
    for (const kind of kinds)
      world.livePerson.faults.add({
        service: 'conversation',
        kind,
        times: Number.POSITIVE_INFINITY,
        match: ({ headers }) => headers['x-fault'] === kind,
      })
    const plan: Plan = {
      ...NO_FAULTS,
      livePerson: (step) =>
        step === 'CONVERSATION' ? Object.fromEntries(kinds.map((kind) => [kind, 0.15])) : {},
    }
    const stage = stageWith(onLostAnswer)
    const container = createContainer(createFabric(world, () => plan, { stage }))
    const forms = Array.from({ length: 30 }, newForm)
    const events = Array.from({ length: 30 }, newEvent)
    // The account counts as in trouble, and then allows one call a second.
    const inASecond = (name: string, work: (service: Service) => Promise<unknown>) => {
      world.livePerson.clock.advance(1000)
      return container.run(name, work)
    }
    for (let round = 0; round < 3; round++) {
      for (const form of forms) await inASecond(`${form.requestId} ${round}`, (s) => submit(s, form))
      for (const event of events)
        await inASecond(`${event.requestId} ${round}`, (s) => deliver(s, [toRecord(event)]))
    }
    await drain(world, () => world.createService({ now, stage }))
    const perConsumer = Map.groupBy(world.livePerson.conversations(), ({ lpConsumerId }) => lpConsumerId)
    const second = [...perConsumer.values()].filter(({ length }) => length > 1).length
    const quarantined = await world.receiveQuarantine()
    const unknown = new Set(quarantined.map(({ requestId }) => requestId))
    const states = await Promise.all([
      ...forms.map(async ({ requestId }) => [requestId, await stateOf('form', requestId)] as const),
      ...events.map(async ({ requestId }) => [requestId, await stateOf('queue', requestId)] as const),
    ])
    return { second, quarantined, unknown, states }
  }

  test('hold would open none twice, and quarantine every request in doubt as outcome_unknown', async () => {
    const { second, quarantined, unknown, states } = await run('hold')
    expect(second).toBe(0)
    expect(new Set(quarantined.map(({ code }) => code))).toEqual(new Set(['outcome_unknown']))
    const inDoubt = states.filter(([, status]) => status === 'outcome_unknown').map(([id]) => id)
    expect(inDoubt.length).toBeGreaterThan(5)
    expect(new Set(inDoubt)).toEqual(unknown)
    expect(states.filter(([, status]) => status !== 'outcome_unknown' && status !== 'opened')).toEqual([])
  })

  test('repeat would open some twice', async () => {
    expect((await run('repeat')).second).toBeGreaterThan(0)
  })
})
