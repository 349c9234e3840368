import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { account, createBody, member, startClient } from './client.ts'

const client = await startClient()
const { liveperson, inspect } = client
afterAll(() => liveperson.close())
beforeEach(() => liveperson.reset())

describe('the inspection API', () => {
  test('returns conversations, consumers, requests and counts', async () => {
    await client.open(await client.headers(), createBody())
    expect((await inspect('conversations')).json).toMatchObject([{ extConsumerId: 'crm-1', state: 'OPEN' }])
    expect((await inspect('consumers')).json).toMatchObject([{ extConsumerId: 'crm-1' }])
    expect((await inspect('requests?service=idp')).json).toMatchObject([{ service: 'idp', status: 201 }])
    expect((await inspect('requests?accountId=1')).json).toEqual([])
    expect((await inspect('counts')).json).toEqual(liveperson.counts())
  })

  test('closes a conversation', async () => {
    const { json } = await client.open(await client.headers(), createBody())
    const conversationId = member(json, '1.body.conversationId')
    expect((await inspect('close-conversation', { conversationId })).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([{ state: 'CLOSE' }])
  })

  test('lets an agent join a conversation and answer', async () => {
    const { json } = await client.open(await client.headers(), createBody())
    const conversationId = member(json, '1.body.conversationId')
    const answer = { conversationId, text: 'How can I help?' }
    expect((await inspect('answer-conversation', answer)).json).toEqual({
      error: `No agent has joined conversation ${conversationId}.`,
    })
    expect((await inspect('join-conversation', { conversationId, agent: 'Robin' })).status).toBe(200)
    expect((await inspect('answer-conversation', answer)).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([
      { agent: 'Robin', messages: [{ sequence: 0, text: 'How can I help?', from: 'agent' }] },
    ])
    await inspect('close-conversation', { conversationId })
    for (const path of ['join-conversation', 'answer-conversation'])
      expect((await inspect(path, { ...answer, agent: 'Robin' })).json).toEqual({
        error: `Conversation ${conversationId} isn't open.`,
      })
  })

  test('starts a survey', async () => {
    const { json } = await client.open(await client.headers(), createBody())
    const conversationId = member(json, '1.body.conversationId')
    expect((await inspect('start-survey', { conversationId })).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([
      { state: 'OPEN', mainDialog: 'CLOSE', surveyDialogId: expect.any(String) },
    ])
    await inspect('close-conversation', { conversationId })
    expect((await inspect('start-survey', { conversationId })).status).toBe(400)
  })

  test('moves the clock', async () => {
    expect((await inspect('clock', { now: 1000 })).json).toEqual({ now: 1000 })
    expect((await inspect('clock', { advanceMs: 500 })).json).toEqual({ now: 1500 })
    expect((await inspect('clock')).json).toEqual({ now: 1500 })
    await inspect('clock', { now: null })
    expect(liveperson.clock.now()).toBeGreaterThan(1500)
  })

  test('changes settings and hosts, and revokes tokens', async () => {
    await inspect('settings', {
      mode: 'lenient',
      unknownCampaign: null,
      unknownLanguage: 'reject',
      conversationLimit: 100,
    })
    expect((await inspect('settings')).json).toMatchObject({ mode: 'lenient', conversationLimit: 100 })
    await inspect('host', { service: 'idp', host: 'idp.example.org' })
    expect(await client.host('idp')).toBe('http://idp.example.org')
    await inspect('host', { service: 'idp', host: null })
    const before = await client.host('idp')
    await inspect('move-hosts', {})
    expect(await client.host('idp')).not.toBe(before)
    const headers = await client.headers()
    await inspect('revoke-consumer-tokens', {})
    expect(member((await client.open(headers, '')).json, 'body.errorCode')).toBe(40103)
    await inspect('revoke-app-tokens', {})
    expect(member((await client.open(headers, '')).json, 'body.errorCode')).toBe(40102)
    await inspect('reset', {})
    expect(liveperson.settings.mode).toBe('strict')
  })

  test.each([
    ['settings', { mode: 'loose' }],
    ['settings', { colour: 'red' }],
    ['settings', { unknownLanguage: 'ignore' }],
    ['settings', { sendLimit: 0 }],
    ['clock', {}],
    ['clock', []],
    ['close-conversation', { conversationId: 'x' }],
    ['start-survey', { conversationId: 'x' }],
    ['join-conversation', { conversationId: 'x', agent: 'Robin' }],
    ['join-conversation', { conversationId: 'x' }],
    ['answer-conversation', { conversationId: 'x', text: '' }],
    ['host', { service: 'swift', host: 'a' }],
    ['secrets', { accountId: 'x', clientSecrets: [] }],
    ['secrets', { accountId: account, clientSecrets: [1] }],
  ])('refuses an invalid body of %s: %o', async (path, body) => {
    const { status, json } = await inspect(path, body)
    expect([status, member(json, 'error')]).toEqual([400, expect.any(String)])
  })

  test("isn't recorded, and refuses an unknown path", async () => {
    expect((await inspect('everything')).status).toBe(404)
    expect(liveperson.requests()).toEqual([])
  })
})
