import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { setTimeout as wait } from 'node:timers/promises'
import { promisify } from 'node:util'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Stack, startStack } from '../../local/stack/stack.ts'
import { projectRoot } from '../structure/source.ts'

const ACCOUNT = '70123456'
/** A switch works within a minute. */
const MINUTE = 60_000

let stack: Stack
let sqs: SQSClient
let example: object
beforeAll(async () => {
  stack = await startStack()
  sqs = new SQSClient({
    endpoint: new URL(stack.sqs.eventsQueueUrl).origin,
    region: 'eu-west-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  })
  example = JSON.parse(await readFile(`${projectRoot}/local/examples/crm-event.json`, 'utf8'))
})
afterAll(async () => {
  sqs.destroy()
  await stack.close()
})

/** `npm run account -- <action> <account> --stage local` */
const switchAccount = async (action: 'pause' | 'resume') => {
  await promisify(execFile)(
    process.execPath,
    ['cli/ops.ts', 'account', action, ACCOUNT, '--stage', 'local'],
    {
      cwd: projectRoot,
      env: {
        PATH: process.env.PATH,
        AWS_ACCESS_KEY_ID: 'local',
        AWS_SECRET_ACCESS_KEY: 'local',
        AWS_ENDPOINT_URL_DYNAMODB: stack.dynamoDb.url,
      },
    },
  )
}

const submit = async (requestId: string): Promise<number> => {
  const { status } = await fetch(`${stack.apiUrl}/conversations`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': requestId },
    body: JSON.stringify({ route: 'order-help', consumer: { firstName: 'Ines' } }),
  })
  return status
}

const sendEvent = (requestId: string) =>
  sqs.send(
    new SendMessageCommand({
      QueueUrl: stack.sqs.eventsQueueUrl,
      MessageBody: JSON.stringify({ ...example, requestId, consumer: { id: `consumer-of-${requestId}` } }),
    }),
  )

const creates = () => stack.livePerson.requests({ service: 'conversation' }).length

test('a paused account is not called, and everything opens once it is resumed', {
  timeout: 6 * MINUTE,
}, async () => {
  expect(await submit('before-the-pause')).toBe(201)
  await sendEvent('event-before-the-pause')
  await vi.waitFor(() => expect(stack.livePerson.conversations()).toHaveLength(2), { timeout: 20_000 })

  await switchAccount('pause')
  await wait(MINUTE)
  const before = creates()
  for (const id of ['1', '2', '3']) {
    expect(await submit(`form-${id}-in-the-pause`)).toBe(202)
    await sendEvent(`event-${id}-in-the-pause`)
  }
  await wait(10_000)
  expect(creates()).toBe(before)
  expect(stack.sqs.depth('quarantine')).toMatchObject({ ready: 0 })

  await switchAccount('resume')
  await vi.waitFor(() => expect(stack.livePerson.conversations()).toHaveLength(8), { timeout: 3 * MINUTE })
  await wait(2000)
  expect(creates() - before).toBe(6)
})
