import { ListQueuesCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { type BusEvent, createEventBus } from '../../../lib/aws/event-bus.ts'
import { startStandIns } from '../../../local/stack/stand-ins.ts'
import { patient } from '../../support/aws-endpoint.ts'
import { runOps } from '../../support/command.ts'

const TABLE = 'arn:aws:dynamodb:eu-west-1:000000000000:table/campaign-conversations-local-state'
const BUS = 'campaign-conversations-local-outcomes'

let standIns: Awaited<ReturnType<typeof startStandIns>>
let sqs: SQSClient

beforeAll(async () => {
  standIns = await startStandIns({ secretIdPrefix: 'tail' })
  sqs = new SQSClient({ endpoint: standIns.sqs.url, ...credentials })
})
beforeEach(() => void Object.assign(process.env, standIns.awsEnvironment))
afterAll(async () => {
  sqs.destroy()
  await standIns.close()
})

const credentials = { region: 'eu-west-1', credentials: { accessKeyId: 'local', secretAccessKey: 'local' } }

const eventOf = (
  requestId: string,
  { accountId = '70123456', table = TABLE, source = 'campaign-conversations', version = 1 } = {},
): BusEvent => ({
  source,
  detailType: 'Conversation Opened',
  detail: JSON.stringify({
    ...{ version, sequence: 1, requestId, accountId, door: 'queue', status: 'opened', conversationId: 'c-1' },
    occurredAt: '2026-11-26T09:30:00.000Z',
  }),
  resources: [table],
  time: Date.UTC(2026, 10, 26, 9, 30),
})

const tailQueues = async () =>
  (await sqs.send(new ListQueuesCommand({ QueueNamePrefix: 'campaign-conversations-local-tail' })))
    .QueueUrls ?? []

/** Runs the command until it has printed a number of lines, or until Ctrl-C if none are expected. */
const tail = async (args: readonly string[], events: readonly BusEvent[], lines: number) => {
  const stopping = new AbortController()
  const printed: string[] = []
  const errors: string[] = []
  const bus = createEventBus({ name: BUS, aws: patient })
  const running = runOps(['tail', '--local', ...args], {
    env: process.env,
    signal: stopping.signal,
    print: (line) => printed.push(line),
    printError: (line) => errors.push(line),
  })
  await vi.waitFor(() => expect(errors.join()).toContain('Press Ctrl-C'))
  const during = { queues: await tailQueues(), rules: standIns.eventBridge.rules() }
  await bus.put(events)
  await vi.waitFor(() => expect(printed.length + errors.length - 1).toBeGreaterThanOrEqual(lines), 10_000)
  stopping.abort()
  const { exitCode } = await running
  return { exitCode, printed, errors, during }
}

test('outcomes are printed as they happen, and nothing is left after Ctrl-C', async () => {
  const { exitCode, printed, during } = await tail([], [eventOf('a')], 1)
  expect(printed).toEqual(['2026-11-26T09:30:00.000Z  Conversation Opened  70123456 queue a #1: opened c-1'])
  expect(exitCode).toBe(0)
  expect([during.queues.length, during.rules.length]).toEqual([1, 1])
  expect([await tailQueues(), standIns.eventBridge.rules()]).toEqual([[], []])
})

test('only those of the stage, of an account and of the service are printed', async () => {
  const events = [
    eventOf('other account', { accountId: '70999999' }),
    eventOf('other stage', { table: TABLE.replace('-local-', '-dev-') }),
    eventOf('other source', { source: 'something-else' }),
    eventOf('own'),
  ]
  const { printed } = await tail(['--account', '70123456', '--json'], events, 1)
  expect(printed.map((line) => JSON.parse(line))).toMatchObject([
    { 'detail-type': 'Conversation Opened', detail: { requestId: 'own' } },
  ])
})

test('an event of a later version is mentioned', async () => {
  const { printed, errors } = await tail([], [eventOf('a', { version: 2 })], 1)
  expect([printed, errors.at(-1)]).toEqual([[], 'An event has another version and was skipped.'])
})

describe('if AWS fails', () => {
  test('at the start, the error names the operation, and nothing is left', async () => {
    await standIns.eventBridge.goDown()
    const { exitCode, errors } = await runOps(['tail', '--local'], { env: process.env })
    await standIns.eventBridge.comeUp()
    expect(exitCode).toBe(1)
    expect(errors).toContain('EventBridge PutRule failed.')
    expect(await tailQueues()).toEqual([])
  })

  test('at the end, the command says what is left', async () => {
    const stopping = new AbortController()
    const errors: string[] = []
    const running = runOps(['tail', '--local'], {
      env: process.env,
      signal: stopping.signal,
      printError: (line) => errors.push(line),
    })
    await vi.waitFor(() => expect(errors.join()).toContain('Press Ctrl-C'))
    await standIns.eventBridge.goDown()
    stopping.abort()
    expect((await running).exitCode).toBe(1)
    await standIns.eventBridge.comeUp()
    expect(errors.join('\n')).toMatch(
      /Could not remove the rule campaign-conversations-local-tail-\w+\. Delete it/,
    )
    expect(await tailQueues()).toEqual([])
  })
})
