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
const update = (conversationField: unknown, conversationId = id) =>
  sendBody('cm.UpdateConversationField', { conversationId, conversationField })
const close = { field: 'ConversationStateField', conversationState: 'CLOSE' }

describe('SEND', () => {
  test('numbers the events of a dialog from 0', async () => {
    expect((await send(headers, text('one'))).json).toEqual({ reqId: 's', code: 'OK', body: { sequence: 0 } })
    expect(member((await send(headers, text('two'))).json, 'body.sequence')).toBe(1)
    expect(liveperson.conversations()[0]?.messages).toEqual([
      { sequence: 0, text: 'one' },
      { sequence: 1, text: 'two' },
    ])
  })

  test('closes a conversation, which then refuses messages', async () => {
    const { status, json } = await send(headers, update(close))
    expect([status, member(json, 'body.msg')]).toEqual([200, 'OK Conversation resolved successfully'])
    const late = await send(headers, text('one more'))
    expect([late.status, late.json]).toEqual([
      400,
      { code: 'BAD_REQUEST', body: { msg: 'Bad Request, Conversation is close' }, reqId: 's' },
    ])
  })

  test('refuses messages while a survey is open, and can end it', async () => {
    liveperson.startSurvey(id)
    const event = { type: 'ChatStateEvent', chatState: 'ACTIVE' }
    for (const body of [text('one more'), publish(event)]) {
      const { status, json } = await send(headers, body)
      expect([status, json]).toEqual([
        400,
        { code: 'BAD_REQUEST', body: { msg: 'Bad Request, Conversation is close' }, reqId: 's' },
      ])
    }
    const csat = { field: 'CSATRate', csatRate: 5, status: 'FILLED' }
    expect((await send(headers, update(csat))).status).toBe(200)
    expect((await send(headers, update(close))).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([{ state: 'CLOSE', messages: [] }])
  })

  test('updates several fields at once', async () => {
    const ttr = { field: 'TTRField', ttrType: 'CUSTOM', value: 90 }
    const csat = { field: 'CSATRate', csatRate: 5, csatResolutionConfirmation: true, status: 'FILLED' }
    expect((await send(headers, update([ttr, csat]))).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([
      { ttr: 'CUSTOM', ttrSeconds: 90, csatRate: 5, state: 'OPEN' },
    ])
  })

  const closeDialog = (dialogId: unknown) =>
    update({ field: 'DialogChange', type: 'UPDATE', dialog: { dialogId, state: 'CLOSE' } })

  test('closes the conversation together with its main dialog', async () => {
    await send(headers, closeDialog(id))
    expect(liveperson.conversations()[0]?.state).toBe('CLOSE')
  })

  describe('of a client that declares MULTI_DIALOG', () => {
    const properties = JSON.stringify({ type: '.ClientProperties', features: ['MULTI_DIALOG'] })

    test('starts a survey when it closes the main dialog, and closes the conversation with the survey', async () => {
      const own = { ...headers, 'client-properties': properties }
      expect((await send(own, closeDialog(id))).status).toBe(200)
      const [conversation] = liveperson.conversations()
      expect(conversation).toMatchObject({ state: 'OPEN', mainDialog: 'CLOSE' })

      expect(member((await send(own, text('one more'))).json, 'body.msg')).toBe(
        'Bad Request, Conversation is close',
      )
      expect(member((await client.open(headers, createBody())).json, '1.body.msg')).toMatch(
        /already has open conversation/,
      )

      const survey = conversation?.surveyDialogId
      const event = { type: 'ContentEvent', contentType: 'text/plain', message: '5' }
      expect((await send(own, publish(event, { dialogId: survey }))).status).toBe(200)
      expect((await send(own, closeDialog(survey))).status).toBe(200)
      expect(liveperson.conversations()).toMatchObject([{ state: 'CLOSE', messages: [{ text: '5' }] }])
      expect((await client.open(headers, createBody())).status).toBe(200)
    })

    test('may declare it when it opens the conversation', async () => {
      const own = { ...(await client.headers('crm-2')), 'client-properties': properties }
      const opened = String(member((await client.open(own, createBody())).json, '1.body.conversationId'))
      const { 'client-properties': _, ...bare } = own
      const change = { field: 'DialogChange', type: 'UPDATE', dialog: { dialogId: opened, state: 'CLOSE' } }
      expect((await send(bare, update(change, opened))).status).toBe(200)
      expect(liveperson.conversations()[1]).toMatchObject({ state: 'OPEN', mainDialog: 'CLOSE' })
    })
  })

  test('sets the profile of the consumer and of the open conversation', async () => {
    const { json } = await send(headers, sendBody('userprofile.SetUserProfile', { firstName: 'Eva' }))
    expect(json).toEqual({ code: 'OK', body: { msg: 'OK User Profile set successfully' }, reqId: 's' })
    expect(liveperson.conversations()[0]?.profile).toEqual({ firstName: 'Eva' })
    expect((await send(headers, sendBody('userprofile.SetUserProfile', { firstName: 1 }))).status).toBe(400)
  })

  test('refuses more than 5000 characters with a bare Bad Request', async () => {
    const { status, json } = await send(headers, text('x'.repeat(5000)))
    expect([status, json]).toEqual([400, { code: 'BAD_REQUEST', body: { msg: 'Bad Request' }, reqId: 's' }])
  })

  test("refuses another consumer's conversation with 40103", async () => {
    const { status, json } = await send(await client.headers('crm-2'), text('mine?'))
    expect([status, member(json, 'body.errorCode')]).toEqual([401, 40103])
    expect(liveperson.conversations()[0]?.messages).toEqual([])
  })

  test('refuses a missing token with 401 and another version with 404', async () => {
    expect((await send({ ...headers, authorization: '' }, text('a'))).status).toBe(401)
    expect((await send(headers, text('a'), 'v=2')).status).toBe(404)
  })

  test.each([
    ['an array', () => [text('a')]],
    ['a body that is not JSON', () => '{'],
    ['an unknown type', () => sendBody('cm.Something', {})],
    ['no dialogId', () => publish({ type: 'ContentEvent' }, { dialogId: undefined })],
    ['an unknown dialog', () => publish({ type: 'ContentEvent' }, { dialogId: 'x' })],
    ['the dialog of another conversation', () => publish({ type: 'ContentEvent' }, { conversationId: 'x' })],
    ['an unknown field', () => update({ field: 'Skill' })],
    ['a change of an unknown dialog', () => closeDialog('x')],
    ['a TTR below 0', () => update({ field: 'TTRField', ttrType: 'CUSTOM', value: -1 })],
    [
      'a close without a conversation',
      () => sendBody('cm.UpdateConversationField', { conversationField: close }),
    ],
    ['an unknown conversation', () => update(close, 'x')],
  ])('refuses %s', async (_name, body) => {
    const { status, json } = await send(headers, body())
    expect([status, member(json, 'code')]).toEqual([400, 'BAD_REQUEST'])
    expect(liveperson.conversations()).toMatchObject([{ state: 'OPEN', messages: [] }])
  })
})
