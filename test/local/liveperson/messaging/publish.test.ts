import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { createBody, member, sendBody, startClient } from '../client.ts'

const client = await startClient()
const { liveperson, send } = client
afterAll(() => liveperson.close())

let headers: Awaited<ReturnType<typeof client.headers>>
let id: string
beforeEach(async () => {
  liveperson.reset()
  headers = await client.headers()
  id = String(member((await client.open(headers, createBody())).json, '1.body.conversationId'))
})

const publish = (event: Record<string, unknown>, more: Record<string, unknown> = {}) =>
  sendBody('ms.PublishEvent', { dialogId: id, conversationId: id, event, ...more })
const text = (message: string) => publish({ type: 'ContentEvent', contentType: 'text/plain', message })

describe('ms.PublishEvent', () => {
  test.each([
    [
      'a file',
      {
        type: 'ContentEvent',
        contentType: 'hosted/file',
        message: { relativePath: '/v1/a', fileType: 'PNG' },
      },
      { sequence: 0 },
    ],
    [
      'rich content',
      { type: 'RichContentEvent', content: { type: 'vertical', elements: [] } },
      { sequence: 0 },
    ],
    ['an accept status', { type: 'AcceptStatusEvent', status: 'READ', sequenceList: [0] }, { sequence: 0 }],
    ['a chat state, which has no sequence number', { type: 'ChatStateEvent', chatState: 'COMPOSING' }, {}],
  ])('accepts %s', async (_name, event, body) => {
    const answer = await send(headers, publish(event))
    expect([answer.status, member(answer.json, 'body')]).toEqual([200, body])
  })

  test.each([
    ['no event', () => sendBody('ms.PublishEvent', { dialogId: id })],
    ['an unknown event', () => publish({ type: 'TextEvent' })],
    ['another contentType', () => publish({ type: 'ContentEvent', contentType: 'text/html', message: 'a' })],
    ['an empty message', () => text('')],
    ['an unknown chat state', () => publish({ type: 'ChatStateEvent', chatState: 'TYPING' })],
  ])('refuses %s', async (_name, body) => {
    const { status, json } = await send(headers, body())
    expect([status, member(json, 'code')]).toEqual([400, 'BAD_REQUEST'])
    expect(liveperson.conversations()).toMatchObject([{ state: 'OPEN', messages: [] }])
  })
})
