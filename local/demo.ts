import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { SendMessageCommand, SQSClient } from '@aws-sdk/client-sqs'
import { z } from 'zod'
import { answerHelp } from '../tools/help.ts'
import { awsClientConfig } from './aws/sdk.ts'
import { findExpectedSkill, type OpenedConversation, print } from './demo-report.ts'
import { type Stack, startStack } from './stack/stack.ts'
import { listenForStop, orStop } from './stack/stop-signal.ts'

/**
 * `npm run demo [-- --json]`: starts the local stack, opens one conversation from a form and one from a CRM
 * event, and shows where LivePerson routed them. Exits with 0 only if both are open and on the skill that
 * their campaign requires.
 */
async function main(): Promise<boolean> {
  const signal = listenForStop()
  const startedAt = performance.now()
  const printed: string[] = []
  const stack = await startStack({ log: (line) => printed.push(line), signal })
  try {
    const readyMs = Math.round(performance.now() - startedAt)
    const domains = await orStop(refreshDomains(stack), signal)
    const conversations = [await orStop(submitForm(stack), signal), await orStop(sendCrmEvent(stack), signal)]
    const ok = conversations.every(
      ({ state, skill, expectedSkill }) => state === 'OPEN' && skill.id === expectedSkill.id,
    )
    print({ ok, readyMs, domains, conversations }, { json: process.argv.includes('--json') })
    return ok
  } catch (error) {
    if (!signal.aborted) console.error(printed.join('\n'))
    throw error
  } finally {
    await stack.close()
  }
}

const Refreshed = z.object({
  accounts: z.array(z.looseObject({ accountId: z.string(), hosts: z.record(z.string(), z.unknown()) })),
})

async function refreshDomains(stack: Stack) {
  return Refreshed.parse(await call(`${stack.apiUrl}/domains/refresh`, { method: 'POST' }, [200])).accounts
}

const Example = z.object({
  requestId: z.string(),
  campaign: z.object({ campaignId: z.coerce.string(), engagementId: z.coerce.string() }),
})
const Status = z.object({ requestId: z.string(), status: z.string(), conversationId: z.string().optional() })

async function submitForm(stack: Stack): Promise<OpenedConversation> {
  const text = readExample('form-request')
  const { requestId, campaign } = Example.parse(JSON.parse(text))
  const callsBefore = stack.livePerson.requests().length
  const startedAt = performance.now()
  const submit = { method: 'POST', headers: { 'content-type': 'application/json' }, body: text }
  await call(`${stack.apiUrl}/conversations`, submit, [201, 202])
  const answeredAt = performance.now()
  let attempts = 0
  const { conversationId } = await waitFor('the conversation of the form', async () => {
    attempts++
    const status = Status.parse(await call(`${stack.apiUrl}/conversations/${requestId}`, {}, [200]))
    return status.status === 'opened' ? status : undefined
  })
  const milliseconds = Math.round((attempts === 1 ? answeredAt : performance.now()) - startedAt)
  return report(stack, { door: 'form', requestId, campaign, conversationId, callsBefore, milliseconds })
}

async function sendCrmEvent(stack: Stack): Promise<OpenedConversation> {
  const text = readExample('crm-event')
  const { requestId, campaign } = Example.parse(JSON.parse(text))
  const before = new Set(stack.livePerson.conversations().map(({ conversationId }) => conversationId))
  const callsBefore = stack.livePerson.requests().length
  const startedAt = performance.now()
  const client = new SQSClient(awsClientConfig(stack.sqs.url))
  await client.send(new SendMessageCommand({ QueueUrl: stack.sqs.eventsQueueUrl, MessageBody: text }))
  client.destroy()
  const { conversationId } = await waitFor('the conversation of the CRM event', async () =>
    stack.livePerson.conversations().find((conversation) => !before.has(conversation.conversationId)),
  )
  const milliseconds = Math.round(performance.now() - startedAt)
  await waitFor('the CRM event to leave the queue', async () => {
    const { ready, delayed, inFlight } = stack.sqs.depth('events')
    return ready + delayed + inFlight === 0 ? true : undefined
  })
  return report(stack, { door: 'queue', requestId, campaign, conversationId, callsBefore, milliseconds })
}

function report(
  stack: Stack,
  opened: Pick<OpenedConversation, 'door' | 'requestId' | 'campaign' | 'milliseconds'> & {
    readonly conversationId: string | undefined
    readonly callsBefore: number
  },
): OpenedConversation {
  const conversation = stack.livePerson
    .conversations()
    .find(({ conversationId }) => conversationId === opened.conversationId)
  if (!conversation) throw new Error(`LivePerson has no conversation ${opened.conversationId}.`)
  return {
    door: opened.door,
    requestId: opened.requestId,
    campaign: opened.campaign,
    skill: { id: conversation.skillId, name: conversation.skillName },
    expectedSkill: findExpectedSkill(opened.campaign),
    conversationId: conversation.conversationId,
    state: conversation.state,
    upstreamCalls: stack.livePerson.requests().length - opened.callsBefore,
    milliseconds: opened.milliseconds,
    body: conversation.body,
  }
}

async function call(url: string, init: RequestInit, expected: readonly number[]): Promise<unknown> {
  const response = await fetch(url, { ...init, signal: AbortSignal.timeout(15_000) })
  const text = await response.text()
  if (!expected.includes(response.status)) throw new Error(`${url} answered ${response.status}: ${text}`)
  return JSON.parse(text)
}

async function waitFor<Result>(what: string, look: () => Promise<Result | undefined>): Promise<Result> {
  const deadline = Date.now() + 15_000
  for (;;) {
    const result = await look()
    if (result !== undefined) return result
    if (Date.now() > deadline) throw new Error(`Timed out after 15 s while waiting for ${what}.`)
    await sleep(20)
  }
}

function readExample(name: string): string {
  return readFileSync(new URL(`./examples/${name}.json`, import.meta.url), 'utf8')
}

answerHelp(`npm run demo [-- --json]

Starts the whole service on this machine, opens one conversation from a form and one from a CRM event, shows where
LivePerson routed them, and stops. Needs no AWS account.

  --json   print one JSON object

Exits with 0 only if both conversations are open and on the skill of their engagement.`)

try {
  if (!(await main())) process.exitCode = 1
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
