import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { runOps } from '../../support/command.ts'
import { createPatientService } from '../../support/drain.ts'
import { ACCOUNT, deliver, STAGE, startWorld, submit, toRecord, type World } from '../../support/world.ts'

let world: World
let folder: string
let configFile: string

beforeAll(async () => {
  world = await startWorld()
  folder = await mkdtemp(join(tmpdir(), 'campaign-conversations-explain-'))
  configFile = await write('stage.json', STAGE)
})
afterEach(async () => {
  await world.receiveQuarantine()
  world.livePerson.reset()
})
afterAll(() => Promise.all([world.close(), rm(folder, { recursive: true })]))

const write = async (name: string, content: unknown): Promise<string> => {
  const file = join(folder, name)
  await writeFile(file, typeof content === 'string' ? content : JSON.stringify(content))
  return file
}

/** Runs `npm run ops -- explain`. It gets no AWS credentials and no endpoint. */
const explain = (args: readonly string[]) =>
  runOps(['explain', ...args], {
    env: { CONFIG_FILE: configFile, LIVEPERSON_DOMAIN_API_URL: 'http://127.0.0.1:2' },
  })

const explained = async (request: unknown, ...args: string[]) => {
  const { exitCode, printed, errors } = await explain([await write('request', request), '--json', ...args])
  expect(errors).toBe('')
  return { exitCode, ...JSON.parse(printed) }
}

const bodiesOf = (service: 'conversation' | 'send') =>
  world.livePerson.requests({ service }).map(({ body }) => JSON.parse(body))

/** The bodies have ids that are new with each attempt. */
const withoutIds = (body: unknown) =>
  JSON.parse(
    JSON.stringify(body, (name, value) => (/^(id|conversationId|dialogId)$/.test(name) ? '' : value)),
  )

const EVENT = {
  requestId: 'event-of-explain-0001',
  route: 'crm-upgrade',
  consumer: {
    id: 'crm-20731',
    firstName: 'Zoë',
    lastName: 'Berg',
    email: 'zoe@example.org',
    phone: '+4520000000',
    avatarUrl: 'https://cdn.example.org/zoe.png',
    description: 'Two lines\nof text',
  },
  engagementAttributes: [{ type: 'ctmrinfo', info: { customerId: 'C-20731', ctype: 'vip' } }],
  context: { sessionId: 'session-20731', lang: 'en-GB' },
  message: 'My order is late',
}
const VIP = { requestId: 'event-of-explain-0002', route: 'vip', consumer: { firstName: 'Ola' } }
const FORM = {
  requestId: 'form-of-explain-0001',
  route: 'vip',
  consumer: { firstName: 'Ana' },
  message: 'Hello',
}

describe('the bodies are those that LivePerson gets', () => {
  test.each([
    ['a CRM event with everything', EVENT],
    ['a CRM event whose route adds attributes', VIP],
    [
      'an event in an envelope',
      {
        id: 'envelope-0001',
        'detail-type': 'Upgrade',
        source: 'crm',
        detail: { ...EVENT, requestId: undefined },
      },
    ],
  ])('for %s', async (_, event) => {
    const explanation = await explained(event, '--show')
    expect(explanation).toMatchObject({ exitCode: 0, accepted: true, accountId: ACCOUNT })
    expect(world.livePerson.requests()).toEqual([])
    await deliver(createPatientService(world), [toRecord(event)])
    expect(bodiesOf('conversation').map(withoutIds)).toEqual([withoutIds(explanation.conversationBody)])
    const { messageBody } = explanation
    expect(bodiesOf('send').map(withoutIds)).toEqual(messageBody ? [withoutIds(messageBody)] : [])
    expect(world.livePerson.conversations()).toMatchObject([{ extConsumerId: explanation.consumerId }])
  })

  test.each([
    ['JSON', FORM, 'application/json'],
    [
      'fields',
      'requestId=form-of-explain-0002&route=vip&consumer.firstName=Ana&message=Hello',
      'application/x-www-form-urlencoded',
    ],
  ])('for a form in %s', async (_, form, type) => {
    const explanation = await explained(form, '--door', 'form', '--show')
    const text = typeof form === 'string' ? form : JSON.stringify(form)
    await submit(createPatientService(world), text, { headers: { 'content-type': type } })
    expect(bodiesOf('conversation').map(withoutIds)).toEqual([withoutIds(explanation.conversationBody)])
    expect(bodiesOf('send').map(withoutIds)).toEqual([withoutIds(explanation.messageBody)])
    expect(world.livePerson.conversations()).toMatchObject([{ extConsumerId: explanation.consumerId }])
  })

  test('for a hand-over', async () => {
    world.livePerson.faults.add({ service: 'conversation', kind: 'status', status: 503, times: 9 })
    await submit(createPatientService(world), { ...FORM, requestId: 'form-of-explain-0003' })
    const [handOver = ''] = await world.receiveHandOvers()
    const explanation = await explained(handOver, '--door', 'hand-over', '--show')
    expect(explanation).toMatchObject({
      accepted: true,
      vouchedBy: 'nobody',
      requestId: 'form-of-explain-0003',
    })
    const [sent] = bodiesOf('conversation')
    expect(withoutIds(explanation.conversationBody)).toEqual(withoutIds(sent))
    world.livePerson.faults.clear()
  })
})

describe('personal values', () => {
  const PERSONAL = [
    'crm-20731',
    'Zoë',
    'Berg',
    'zoe@',
    '+45',
    'cdn.example',
    'Two lines',
    'C-20731',
    'is late',
    'session-',
  ]

  test('are masked, also in JSON', async () => {
    const file = await write('request', EVENT)
    const { printed } = await explain([file])
    const { printed: json } = await explain([file, '--json'])
    for (const word of PERSONAL) expect([printed, json].join()).not.toContain(word)
    for (const word of ['event-of-explain-0001', 'crm-upgrade', '3120047711', 'SharkContext', 'ctmrinfo'])
      expect(printed).toContain(word)
  })

  test('are printed with --show', async () => {
    const { printed } = await explain([await write('request', EVENT), '--show'])
    for (const word of PERSONAL.filter((one) => one !== 'Two lines')) expect(printed).toContain(word)
  })
})

describe('a request that is refused', () => {
  test('is shown with the code and every finding', async () => {
    const { printed, exitCode } = await explain([
      await write('request', { campaign: { campaignId: '1' }, ttr: 'SOON' }),
    ])
    expect(exitCode).toBe(1)
    expect(printed).toContain('Refused: invalid_request.')
    expect(printed).toContain('campaign.engagementId is missing')
    expect(printed).toContain('ttr ')
    expect(printed).toContain('The record is quarantined.')
  })

  test('at the form is shown with its HTTP status', async () => {
    const body = { route: 'crm-upgrade' }
    expect(await explained(body, '--door', 'form')).toMatchObject({
      exitCode: 1,
      accepted: false,
      code: 'campaign_not_allowed',
      httpStatus: 403,
    })
  })

  test('does not print a name that its sender chose', async () => {
    const { printed } = await explain([await write('request', { 'zoe@example.org': 1, route: 'vip' })])
    expect(printed).not.toContain('zoe@')
  })
})

test('an event without an id gets the one that --id names, and its consumer follows from it', async () => {
  const { requestId: _, ...event } = VIP
  const ids = ['--id', 'sqs-message-id-0001']
  const first = await explained(event, ...ids)
  expect(first).toMatchObject({
    requestId: 'sqs-message-id-0001',
    consumerId: expect.stringMatching(/^request-/),
  })
  expect((await explained(event, ...ids)).consumerId).toBe(first.consumerId)
  expect((await explained(event)).consumerId).not.toBe(first.consumerId)
})

test.each([
  [[], 'Name one file'],
  [['no-such-file'], "no-such-file can't be read."],
  [['a', '--door', 'window'], '--door must be queue, form, hand-over.'],
  [['a', '--id', '?'], '--id must be'],
])('%s is refused', async (args, message) => {
  const { exitCode, errors } = await explain(args)
  expect(exitCode).toBe(2)
  expect(errors).toContain(message)
})
