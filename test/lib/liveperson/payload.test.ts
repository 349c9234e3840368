import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toConversationBody, toMessageBody, toPresenceBody } from '../../../lib/liveperson/payload.ts'
import { parseConversationRequest } from '../../../lib/request/conversation-request.ts'

const ids = { profile: 'id-1', conversation: 'id-2' }
const nothing = { consumer: undefined, context: undefined, engagementAttributes: undefined }
const destination = {
  accountId: '70123456',
  campaignId: '3120045610',
  engagementId: '3120047710',
  ttr: 'NORMAL',
  vouchedBy: 'crm' as const,
}
type Input = Parameters<typeof toConversationBody>[0]
const profileOf = (input: Partial<Input>) =>
  toConversationBody({ ...destination, ...nothing, ...input }, ids)[0]?.body

describe('toConversationBody', () => {
  test('a CRM event becomes exactly the documented batch', () => {
    const folder = new URL('../../fixtures/conversation/', import.meta.url)
    const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
    const { request } = parseConversationRequest(read('crm-event.json'))
    if (!request.campaign) throw new Error('The fixture names a campaign')
    const input = {
      ...nothing,
      ...request,
      ...request.campaign,
      accountId: '70123456',
      ttr: request.ttr ?? '',
      vouchedBy: 'crm' as const,
    }
    expect(JSON.parse(JSON.stringify(toConversationBody(input, ids)))).toEqual(read('crm-event.body.json'))
  })

  test.each(['token', 'nobody'] as const)(
    'a consumer becomes no attribute if %s vouches for it',
    (vouchedBy) => {
      const consumer = { firstName: 'Ana', email: 'ana@example.org' }
      expect(profileOf({ consumer, vouchedBy })).toEqual({
        firstName: 'Ana',
        privateData: { mail: 'ana@example.org' },
      })
      const info = { type: 'ctmrinfo' as const, info: { ctype: 'gold' } }
      expect(profileOf({ consumer, vouchedBy, engagementAttributes: [info] })).toMatchObject({
        authenticatedData: { lp_sdes: [info] },
      })
    },
  )

  test('without a consumer the profile is empty', () => {
    expect(profileOf({})).toEqual({})
  })

  test('the consumer becomes the profile and a personal attribute', () => {
    const consumer = {
      firstName: 'Žofie',
      lastName: 'Åberg 🦊',
      email: 'zofie@example.org',
      phone: '+4520000001',
      avatarUrl: 'https://cdn.example.org/z.png',
      description: 'Since 2019',
    }
    expect(profileOf({ consumer })).toEqual({
      firstName: 'Žofie',
      lastName: 'Åberg 🦊',
      avatarUrl: 'https://cdn.example.org/z.png',
      description: 'Since 2019',
      privateData: { mobileNum: '+4520000001', mail: 'zofie@example.org' },
      authenticatedData: {
        lp_sdes: [
          {
            type: 'personal',
            personal: {
              firstname: 'Žofie',
              lastname: 'Åberg 🦊',
              contacts: [{ email: 'zofie@example.org', phone: '+4520000001' }],
            },
          },
        ],
      },
    })
  })

  test.each<[string, Input['consumer'], object]>([
    ['no names', { email: 'a@example.org' }, { contacts: [{ email: 'a@example.org' }] }],
    ['no contact', { lastName: 'Åberg' }, { lastname: 'Åberg' }],
  ])('a consumer with %s becomes a personal attribute without them', (_, consumer, personal) => {
    expect(profileOf({ consumer })).toMatchObject({
      authenticatedData: { lp_sdes: [{ type: 'personal', personal }] },
    })
  })

  test('a consumer without names and contacts becomes no personal attribute', () => {
    expect(profileOf({ consumer: { id: 'crm-1', description: 'Since 2019' } })).toEqual({
      description: 'Since 2019',
    })
  })

  test("the sender's own personal attribute is passed on unchanged", () => {
    const own = { type: 'personal' as const, personal: { company: 'Nord A/S' } }
    expect(profileOf({ consumer: { firstName: 'Ana' }, engagementAttributes: [own] })).toEqual({
      firstName: 'Ana',
      authenticatedData: { lp_sdes: [own] },
    })
  })

  test('a ctmrinfo attribute does not cost the consumer the personal attribute', () => {
    const info = { type: 'ctmrinfo' as const, info: { ctype: 'gold' } }
    expect(profileOf({ consumer: { firstName: 'Ana' }, engagementAttributes: [info] })).toMatchObject({
      authenticatedData: { lp_sdes: [info, { type: 'personal', personal: { firstname: 'Ana' } }] },
    })
  })

  test('the context becomes a SharkContext', () => {
    const context = { visitorId: 'Y3MTc1', sessionId: 'hX2k9', interactionContextId: '1', lang: 'en-GB' }
    expect(toConversationBody({ ...destination, ...nothing, context }, ids)[1]?.body).toMatchObject({
      conversationContext: { type: 'SharkContext', ...context },
    })
  })

  test('any values are passed on unchanged, in the documented order, with two ids', () => {
    const value = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 200 })
      .map((text) => text.normalize('NFC'))
      // A line separator becomes a space, as in every value of one line.
      .filter((text) => !/[\u2028\u2029]/.test(text))
    const number = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0))
    fc.assert(
      fc.property(value, value, number, fc.integer(), (firstName, ctype, balance, companySize) => {
        const { request } = parseConversationRequest(
          JSON.parse(
            JSON.stringify({
              campaign: { campaignId: 1, engagementId: '2' },
              consumer: { firstName },
              engagementAttributes: [{ type: 'ctmrinfo', info: { ctype, balance, companySize } }],
            }),
          ),
        )
        const input = { ...nothing, ...request, ...destination }
        const body = JSON.parse(JSON.stringify(toConversationBody(input, ids)))
        expect(body.map(({ type }: { type: string }) => type)).toEqual([
          'userprofile.SetUserProfile',
          'cm.ConsumerRequestConversation',
        ])
        expect(body[0].id).not.toBe(body[1].id)
        expect(body[0].body.firstName).toBe(firstName)
        expect(body[0].body.authenticatedData.lp_sdes[0]).toEqual({
          type: 'ctmrinfo',
          info: { ctype, balance, companySize },
        })
      }),
    )
  })
})

describe('SEND', () => {
  test('the longest message stays within the 5000 characters of SEND', () => {
    const conversationId = 'c'.repeat(64)
    const message = 'm'.repeat(4498)
    parseConversationRequest({ campaign: { campaignId: '1', engagementId: '2' }, message })
    const body = JSON.stringify(toMessageBody(conversationId, message, 'i'.repeat(36)))
    expect(body.length).toBeLessThanOrEqual(5000)
  })

  test('a message and presence have the documented members', () => {
    const body = { conversationId: 'c-1', dialogId: 'c-1' }
    expect(toMessageBody('c-1', 'Hello', 'id-3')).toEqual({
      kind: 'req',
      id: 'id-3',
      type: 'ms.PublishEvent',
      body: { ...body, event: { type: 'ContentEvent', contentType: 'text/plain', message: 'Hello' } },
    })
    expect(toPresenceBody('c-1', 'id-4').body.event).toEqual({ type: 'ChatStateEvent', chatState: 'ACTIVE' })
  })

  test.each([
    [
      'a message is text',
      toMessageBody('conversation-1', 'Hello', 'id-3'),
      { type: 'ContentEvent', contentType: 'text/plain', message: 'Hello' },
    ],
    [
      'presence is a chat state',
      toPresenceBody('conversation-1', 'id-3'),
      { type: 'ChatStateEvent', chatState: 'ACTIVE' },
    ],
  ])('%s, in the main dialog of the conversation', (_, body, event) => {
    expect(body).toEqual({
      kind: 'req',
      id: 'id-3',
      type: 'ms.PublishEvent',
      body: { conversationId: 'conversation-1', dialogId: 'conversation-1', event },
    })
  })
})
