import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { createBody, member, startClient } from '../client.ts'

const client = await startClient()
const { liveperson, open } = client
afterAll(() => liveperson.close())

let headers: Awaited<ReturnType<typeof client.headers>>
beforeEach(async () => {
  liveperson.reset()
  headers = await client.headers()
})

describe('userprofile.SetUserProfile', () => {
  const sde = (...attributes: unknown[]) => ({ authenticatedData: { lp_sdes: attributes } })

  test.each([
    ['an attribute of another type', sde({ type: 'cart', total: 3 })],
    ['the payload of another attribute', sde({ type: 'ctmrinfo', personal: {} })],
    ['an attribute without a payload', sde({ type: 'personal' })],
    ['an unknown field', sde({ type: 'personal', personal: { firstName: 'Ana' } })],
    ['a field that this flow does not support', sde({ type: 'ctmrinfo', info: { storeNumber: '1' } })],
    ['a number given as text', sde({ type: 'ctmrinfo', info: { balance: '12.5' } })],
    ['a date without a year', sde({ type: 'ctmrinfo', info: { lastPaymentDate: { day: 1, month: 2 } } })],
    ['an unknown gender', sde({ type: 'personal', personal: { gender: 'F' } })],
    ['a language without a country', sde({ type: 'personal', personal: { language: 'en' } })],
    ['an unknown phoneType', sde({ type: 'personal', personal: { contacts: [{ phoneType: 'CELL' }] } })],
    [
      'a country name',
      sde({ type: 'personal', personal: { contacts: [{ address: { country: 'Denmark' } }] } }),
    ],
    ['an age without a year', sde({ type: 'personal', personal: { age: { month: 2 } } })],
    ['attributes that are not a list', { authenticatedData: { lp_sdes: { type: 'ctmrinfo' } } }],
    ['a name that is not a string', { firstName: 1 }],
    ['an avatar that is not a URL', { avatarUrl: 'a.png' }],
    ['an invalid private member', { privateData: { mail: 1 } }],
  ])('is refused for %s, although the conversation is opened', async (_name, profile) => {
    const { status, json } = await open(headers, createBody({}, profile))
    expect([status, member(json, '0.code'), member(json, '1.code')]).toEqual([400, 'BAD_REQUEST', 'OK'])
    expect(liveperson.conversations()).toMatchObject([{ profile: {} }])
  })

  test('accepts every documented field of an attribute', async () => {
    const date = { day: 1, month: 2, year: 2026 }
    const info = {
      ...{
        ctype: 'vip',
        cstatus: 'a',
        balance: 1.5,
        currency: 'DKK',
        customerId: 'c',
        socialId: 's',
        imei: 'i',
      },
      ...{ userName: 'u', companySize: 5, companyBranch: 'b', accountName: 'a', role: 'r', loginStatus: 1 },
      ...{ lastPaymentDate: date, registrationDate: date },
    }
    const contact = {
      email: 'a@example.org',
      phone: '+45',
      phoneType: 'MOBILE',
      address: { country: 'DK', region: 'x' },
    }
    const personal = {
      ...{ firstname: 'Ana', lastname: 'Iversen', age: { age: 34, ...date }, contacts: [contact] },
      ...{ gender: 'OTHER', company: 'c', language: 'da_DK' },
    }
    const profile = sde({ type: 'ctmrinfo', info }, { type: 'personal', personal })
    expect((await open(headers, createBody({}, profile))).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([{ profile }])
  })

  test('is not checked in lenient mode', async () => {
    liveperson.settings.mode = 'lenient'
    expect((await open(headers, createBody({}, sde({ type: 'cart' })))).status).toBe(200)
  })
})
