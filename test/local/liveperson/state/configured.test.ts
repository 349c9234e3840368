import { expect, test } from 'vitest'
import { loadFixture } from '../../../../local/liveperson/state/account.ts'
import { withConfigured } from '../../../../local/liveperson/state/configured.ts'

const route = (campaignId: string, engagementId: string) => ({ campaignId, engagementId })

test('without a configuration, the accounts stay as they are', () => {
  const accounts = loadFixture()
  expect(withConfigured(accounts, [])).toEqual(loadFixture())
  const existing = [{ accountId: '70123456', routes: { help: route('3120045610', '3120047710') } }]
  expect(withConfigured(accounts, existing)).toEqual(loadFixture())
})

test('an account that is new has credentials, and a published campaign and a skill for each route', () => {
  const routes = { returns: route('5', '51'), repairs: route('5', '52'), sales: route('6', '61') }
  const [account, ...others] = withConfigured([], [{ accountId: '7', routes }])
  expect(others).toEqual([])
  expect(account).toEqual({
    accountId: '7',
    clientId: expect.any(String),
    clientSecrets: [expect.any(String)],
    skills: ['returns', 'repairs', 'sales'].map((name, index) => ({ id: 9_000_000_001 + index, name })),
    campaigns: [
      expect.objectContaining({
        id: 5,
        status: 1,
        deleted: false,
        engagements: [
          expect.objectContaining({ id: 51, enabled: true, deleted: false, skillName: 'returns' }),
          expect.objectContaining({ id: 52, skillId: 9_000_000_002, skillName: 'repairs' }),
        ],
      }),
      expect.objectContaining({ id: 6, engagements: [expect.objectContaining({ id: 61 })] }),
    ],
  })
})

test('an engagement that is new joins its campaign, and what exists is left as it is', () => {
  const routes = { again: route('3120045610', '3120047712'), extra: route('3120045630', '77') }
  const [before] = loadFixture()
  const [account] = withConfigured(loadFixture(), [{ accountId: '70123456', routes }])
  const engagementsOf = (from: typeof before, id: number) =>
    from?.campaigns.find((campaign) => campaign.id === id)?.engagements
  // It is deleted, so that its refusal can be tried.
  expect(engagementsOf(account, 3120045610)).toEqual(engagementsOf(before, 3120045610))
  const [old, added] = engagementsOf(account, 3120045630) ?? []
  expect(old).toMatchObject({ id: 3120047730 })
  expect(added).toMatchObject({ id: 77, skillName: 'extra' })
  expect(account?.campaigns).toHaveLength(before?.campaigns.length ?? 0)
})

test('ids that JavaScript would round stay as they are written', () => {
  const routes = { a: route('3120045610312004561', '3120045610312004562') }
  const [account] = withConfigured([], [{ accountId: '7', routes }])
  expect(account?.campaigns[0]?.id).toBe('3120045610312004561')
  expect(account?.campaigns[0]?.engagements[0]?.id).toBe('3120045610312004562')
})
