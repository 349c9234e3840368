import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { describe, expect, expectTypeOf, test } from 'vitest'
import type * as z from 'zod/mini'
import type { Outcome } from '../../lib/conversation/facts.ts'
import type { Code } from '../../lib/errors/codes.ts'
import type { conversationRequest } from '../../lib/request/conversation-request.ts'
import { toClientTypes } from '../../tools/contracts/contracts.ts'
import { createClient, type FormSubmission, type Problem, type RequestStatus } from '../../web/client.ts'
import { projectRoot } from '../structure/source.ts'
import { partValidatorOf } from '../support/contracts.ts'

const API_URL = 'https://conversations.example.org/api/'
const FORM: FormSubmission = { route: 'order-help', message: 'My order is late' }
const OPENED = { requestId: 'client-0001', status: 'opened', conversationId: 'c-1' }

/** A client whose calls are answered with this, and what it called. */
const arrange = (status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) => {
  const calls: Request[] = []
  const client = createClient({
    apiUrl: API_URL,
    fetch: async (request) => {
      calls.push(request)
      const text = typeof body === 'string' ? body : JSON.stringify(body)
      return new Response(text, { status, headers: { 'content-type': 'application/json', ...headers } })
    },
  })
  return { client, calls }
}

describe('the types', () => {
  test('are what `npm run contracts` writes', () => {
    const { stdout } = spawnSync('biome', ['format', '--stdin-file-path=web/types.ts'], {
      cwd: projectRoot,
      input: toClientTypes(),
      encoding: 'utf8',
    })
    expect(readFileSync(new URL('../../web/types.ts', import.meta.url), 'utf8')).toBe(stdout)
  })

  test("are those of the service's schemas and tables", () => {
    expectTypeOf<FormSubmission>().toExtend<z.input<typeof conversationRequest>>()
    expectTypeOf<Problem['code']>().toEqualTypeOf<Code>()
    expectTypeOf<RequestStatus['status']>().toEqualTypeOf<Outcome['status']>()
    expectTypeOf<RequestStatus['messageStatus']>().toEqualTypeOf<Outcome['messageStatus']>()
  })

  test('refuse a form with a route and a campaign, or with neither', () => {
    const isForm = partValidatorOf('/components/schemas/FormSubmission')
    // @ts-expect-error It has neither.
    const neither: FormSubmission = { message: 'Hello' }
    // @ts-expect-error It has both.
    const both: FormSubmission = { route: 'a', campaign: { campaignId: 1, engagementId: 2 } }
    // @ts-expect-error Only CRM events have it.
    const account: FormSubmission = { route: 'a', accountId: '1' }
    for (const form of [neither, both, account]) expect(isForm(form)).toBeDefined()
    expect(isForm(FORM)).toBeUndefined()
  })
})

describe('a form', () => {
  test('is posted as JSON, below the path of the API', async () => {
    const { client, calls } = arrange(201, OPENED)
    expect(await client.submit(FORM)).toEqual({ ok: true, httpStatus: 201, body: OPENED })
    expect(calls[0]).toMatchObject({ method: 'POST', url: `${API_URL}conversations` })
    expect(await calls[0]?.json()).toEqual(FORM)
    expect(Object.fromEntries(calls[0]?.headers ?? [])).toEqual({ 'content-type': 'application/json' })
  })

  test('may have an id, a token and a signal of its own', async () => {
    const { client, calls } = arrange(201, OPENED)
    const { signal } = new AbortController()
    await client.submit(FORM, { idempotencyKey: 'client-0001', token: 'e.y.j', keepalive: true, signal })
    expect(Object.fromEntries(calls[0]?.headers ?? [])).toEqual({
      'content-type': 'application/json',
      'idempotency-key': 'client-0001',
      authorization: 'Bearer e.y.j',
    })
    expect(calls[0]?.keepalive).toBe(true)
  })

  test('that is queued says where and when to ask', async () => {
    const body = { requestId: 'client-0001', status: 'queued' }
    const { client } = arrange(202, body, {
      location: 'conversations/client-0001?holder=0f5b7c1d9a3e6284',
      'retry-after': '5',
    })
    expect(await client.submit(FORM)).toEqual({
      ok: true,
      httpStatus: 202,
      body,
      statusUrl: `${API_URL}conversations/client-0001?holder=0f5b7c1d9a3e6284`,
      retryAfter: 5,
    })
  })

  test('that is refused has its problem', async () => {
    const problem = { code: 'service_unavailable', detail: 'It is not available.', retryable: true }
    const { client } = arrange(503, problem, {
      'content-type': 'application/problem+json',
      'retry-after': '5',
    })
    expect(await client.submit(FORM)).toEqual({ ok: false, httpStatus: 503, problem, retryAfter: 5 })
  })

  test.each<[string, number, unknown]>([
    ["API Gateway's own answer", 429, { message: 'Too Many Requests' }],
    ['a page of a proxy', 502, '<html></html>'],
    ['a page with status 200', 200, '<html></html>'],
    ['JSON of something else', 200, { status: 1 }],
    ['an empty answer', 200, ''],
    ['null', 200, 'null'],
  ])('that gets %s has no problem', async (_, status, body) => {
    expect(await arrange(status, body).client.submit(FORM)).toEqual({ ok: false, httpStatus: status })
  })

  test('rejects as fetch does', async () => {
    const failure = new TypeError('fetch failed')
    const client = createClient({ apiUrl: API_URL, fetch: () => Promise.reject(failure) })
    await expect(client.submit(FORM)).rejects.toBe(failure)
  })
})

test.each<[string, (client: ReturnType<typeof createClient>) => Promise<unknown>, string]>([
  ['by id', (client) => client.getStatus('a:b.c-0001'), 'conversations/a%3Ab.c-0001'],
  ['that the answer names', (client) => client.getStatus('https://other.example/x?holder=1'), ''],
  ['of an event', (client) => client.getEvent('70123456', 'crm-0001'), 'events/70123456/crm-0001'],
])('a status %s is asked for', async (_, ask, path) => {
  const { client, calls } = arrange(200, OPENED)
  await ask(client)
  expect(calls[0]).toMatchObject({
    method: 'GET',
    url: path === '' ? 'https://other.example/x?holder=1' : `${API_URL}${path}`,
  })
})

test('a refresh is posted', async () => {
  const { client, calls } = arrange(200, { accounts: [] })
  expect(await client.refreshDomains()).toEqual({ ok: true, httpStatus: 200, body: { accounts: [] } })
  expect(calls[0]).toMatchObject({ method: 'POST', url: `${API_URL}domains/refresh` })
})
