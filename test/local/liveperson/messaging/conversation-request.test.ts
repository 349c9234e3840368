import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { createBody, startClient } from '../client.ts'

const client = await startClient()
const { liveperson, open } = client
afterAll(() => liveperson.close())

let headers: Awaited<ReturnType<typeof client.headers>>
beforeEach(async () => {
  liveperson.reset()
  headers = await client.headers()
})

describe('cm.ConsumerRequestConversation', () => {
  test.each([
    ['a campaign without an engagement', { campaignInfo: { campaignId: '3120045610' } }],
    ['an id that is not digits', { campaignInfo: { campaignId: 'order-care', engagementId: '1' } }],
    ['an id of 20 digits', { campaignInfo: { campaignId: '1'.repeat(20), engagementId: '1' } }],
    ['campaignInfo null', { campaignInfo: null }],
    ['a skill of 11 digits', { skillId: '12345678901' }],
    ['another channel', { channelType: 'LIVE_CHAT' }],
    ['an unknown ttrDefName', { ttrDefName: 'SOON' }],
    ['a context without a type', { conversationContext: { visitorId: 'v' } }],
    ['an unknown context', { conversationContext: { type: 'Shark' } }],
  ])('is refused for %s, although the profile is set', async (_name, changes) => {
    const { status, json } = await open(headers, createBody(changes, { firstName: 'Ana' }))
    expect(status).toBe(400)
    expect(json).toMatchObject([
      { code: 'OK' },
      {
        code: 'BAD_REQUEST',
        body: { msg: expect.stringMatching(/^Consumer request conversation failed: /) },
        reqId: 'c',
      },
    ])
    expect(liveperson.consumers()[0]?.profile).toEqual({ firstName: 'Ana' })
    expect(liveperson.conversations()).toEqual([])
  })
})
