import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { startLivePerson } from '../../../../local/liveperson/server.ts'
import { loadFixture } from '../../../../local/liveperson/state/account.ts'
import { createBody, createClient, member, startClient } from '../client.ts'

const client = await startClient()
const { liveperson, open } = client
afterAll(() => liveperson.close())

let headers: Awaited<ReturnType<typeof client.headers>>
beforeEach(async () => {
  liveperson.reset()
  headers = await client.headers()
})

describe('a conversation', () => {
  test.each([
    ['an unknown campaign', { campaignInfo: { campaignId: '1', engagementId: '3120047710' } }],
    ['an unknown engagement', { campaignInfo: { campaignId: '3120045610', engagementId: '1' } }],
    [
      "another campaign's engagement",
      { campaignInfo: { campaignId: '3120045610', engagementId: '3120047720' } },
    ],
    [
      "another account's campaign",
      { campaignInfo: { campaignId: '4120045610', engagementId: '4120047710' } },
    ],
    ['an unpublished campaign', { campaignInfo: { campaignId: '3120045630', engagementId: '3120047730' } }],
    ['a deleted engagement', { campaignInfo: { campaignId: '3120045610', engagementId: '3120047712' } }],
    ['an unknown skill', { skillId: '17' }],
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

  const inLanguage = (lang: string) => createBody({ conversationContext: { type: 'SharkContext', lang } })

  test.each(['strict', 'lenient'] as const)(
    "may be in a language other than the engagement's in %s mode, as LivePerson's demo client sends it",
    async (mode) => {
      liveperson.settings.mode = mode
      expect((await open(headers, inLanguage('en-US'))).status).toBe(200)
      expect(liveperson.conversations()).toMatchObject([{ skillName: 'Orders', context: { lang: 'en-US' } }])
    },
  )

  test.each(['strict', 'lenient'] as const)(
    "is refused in a language other than the engagement's in %s mode, if that is the setting",
    async (mode) => {
      Object.assign(liveperson.settings, { mode, unknownLanguage: 'reject' })
      const { status, json } = await open(headers, inLanguage('en-US'))
      expect([status, member(json, '0.code'), member(json, '1.code')]).toEqual([400, 'OK', 'BAD_REQUEST'])
      expect((await open(headers, inLanguage('en-GB'))).status).toBe(200)
    },
  )

  test.each([
    ["its engagement's skill", {}, 'Orders'],
    ['numeric ids', { campaignInfo: { campaignId: 3120045610, engagementId: 3120047711 } }, 'Upgrades'],
    ['its own skill rather than its engagement', { skillId: '3120040011' }, 'Upgrades'],
    ['its engagement if its skill is -1', { skillId: '-1' }, 'Orders'],
    [
      'the default skill if its engagement has none',
      { campaignInfo: { campaignId: '3120045620', engagementId: '3120047720' } },
      'General',
    ],
    ['the default skill if it has no campaign', { campaignInfo: undefined }, 'General'],
    ['its engagement if ttrDefName is null', { ttrDefName: null }, 'Orders'],
  ])('is routed by %s', async (_name, changes, skillName) => {
    expect((await open(headers, createBody(changes))).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([{ skillName }])
  })

  test.each([
    ['lenient mode', { mode: 'lenient' }],
    ['strict mode with the setting', { unknownCampaign: 'default-skill' }],
  ] as const)('goes to the default skill for an unknown campaign in %s', async (_name, settings) => {
    Object.assign(liveperson.settings, settings)
    const unknown = { campaignId: '1', engagementId: '2' }
    expect((await open(headers, createBody({ campaignInfo: unknown }))).status).toBe(200)
    expect(liveperson.conversations()).toMatchObject([{ ...unknown, skillName: 'General' }])
  })

  test('is routed by an attribute rule if neither its skill nor its engagement decides', async () => {
    const accounts = loadFixture().map((one) => ({
      ...one,
      skillRules: [{ attribute: 'ctype' as const, value: 'VIP', skillId: 3120040011 }],
    }))
    const other = await startLivePerson({ accounts })
    const { headers, open } = createClient(other)
    const profile = { authenticatedData: { lp_sdes: [{ type: 'ctmrinfo', info: { ctype: 'vip' } }] } }
    await open(await headers('a'), createBody({ campaignInfo: undefined }, profile))
    await open(await headers('b'), createBody({}, profile))
    expect(other.conversations().map(({ skillName }) => skillName)).toEqual(['Upgrades', 'Orders'])
    await other.close()
  })
})
