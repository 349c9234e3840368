import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toConversationBody, toMessageBody } from '../../../lib/liveperson/payload.ts'
import { parseConversationRequest } from '../../../lib/request/conversation-request.ts'

const ids = { profile: 'id-1', conversation: 'id-2' }
const destination = {
  accountId: '70123456',
  campaignId: '3120045610',
  engagementId: '3120047710',
  ttr: 'NORMAL',
}
const profileOf = (input: Partial<Parameters<typeof toConversationBody>[0]>) =>
  toConversationBody({ ...destination, ...input }, ids)[0]?.body

describe('toConversationBody', () => {
  test('a CRM event becomes exactly the documented batch', () => {
    const folder = new URL('../../fixtures/conversation/', import.meta.url)
    const read = (name: string): unknown => JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
    const request = parseConversationRequest(read('crm-event.json'))
    if (!request.campaign) throw new Error('The fixture names a campaign')
    const input = { ...request, ...request.campaign, accountId: '70123456', ttr: request.ttr ?? '' }
    expect(JSON.parse(JSON.stringify(toConversationBody(input, ids)))).toEqual(read('crm-event.body.json'))
  })

  test('without anything known of the consumer the profile is empty', () => {
    expect(profileOf({})).toEqual({})
  })

  test('profile and personal are filled from the consumer', () => {
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

  test("a sender's own personal attribute is left as it is", () => {
    const own = { type: 'personal' as const, personal: { company: 'Nord A/S' } }
    expect(profileOf({ consumer: { firstName: 'Ana' }, engagementAttributes: [own] })).toEqual({
      firstName: 'Ana',
      authenticatedData: { lp_sdes: [own] },
    })
  })

  test('context goes out as SharkContext', () => {
    const context = { visitorId: 'Y3MTc1', sessionId: 'hX2k9', interactionContextId: '1', lang: 'en-GB' }
    expect(toConversationBody({ ...destination, context }, ids)[1]?.body).toMatchObject({
      conversationContext: { type: 'SharkContext', ...context },
    })
  })

  test('whatever the values, they go through untouched, in the documented order, with two ids', () => {
    const value = fc.string({ unit: 'binary', maxLength: 200 }).filter((text) => text.isWellFormed())
    const number = fc.double({ noNaN: true, noDefaultInfinity: true }).filter((n) => !Object.is(n, -0))
    fc.assert(
      fc.property(value, value, number, fc.integer(), (firstName, ctype, balance, companySize) => {
        const request = parseConversationRequest(
          JSON.parse(
            JSON.stringify({
              campaign: { campaignId: 1, engagementId: '2' },
              consumer: { firstName },
              engagementAttributes: [{ type: 'ctmrinfo', info: { ctype, balance, companySize } }],
            }),
          ),
        )
        const body = JSON.parse(JSON.stringify(toConversationBody({ ...request, ...destination }, ids)))
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

describe('toMessageBody', () => {
  test('the longest message that is taken stays below the 5000 characters of SEND', () => {
    const conversationId = 'c'.repeat(64)
    const message = 'm'.repeat(4498)
    parseConversationRequest({ campaign: { campaignId: '1', engagementId: '2' }, message })
    const body = JSON.stringify(toMessageBody(conversationId, message, 'i'.repeat(36)))
    expect(body.length).toBeLessThanOrEqual(5000)
  })
})
