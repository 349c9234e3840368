import type { Campaign, Engagement, LivePersonAccount, Skill } from './account.ts'

/** An account with the campaigns that its routes use, as a stage's configuration has it. */
export interface ConfiguredAccount {
  readonly accountId: string
  readonly routes: Readonly<
    Record<string, { readonly campaignId: string; readonly engagementId: string } | undefined>
  >
}

/**
 * Returns the accounts with everything that the configuration uses and that they don't have: accounts,
 * published campaigns and enabled engagements. Each new engagement has a skill with the name of its route.
 * What exists is left as it is, also if it is not published or deleted.
 */
export const withConfigured = (
  accounts: readonly LivePersonAccount[],
  configured: readonly ConfiguredAccount[],
): LivePersonAccount[] => {
  const added = configured.filter(({ accountId }) => accounts.every((one) => one.accountId !== accountId))
  return [...accounts, ...added.map(({ accountId }) => newAccount(accountId))].map((account) => {
    const { routes = {} } = configured.find(({ accountId }) => accountId === account.accountId) ?? {}
    return Object.entries(routes).reduce(withRoute, account)
  })
}

const newAccount = (accountId: string): LivePersonAccount => ({
  accountId,
  clientId: `local-client-${accountId}`,
  clientSecrets: [`local-secret-${accountId}`],
  skills: [],
  campaigns: [],
})

const withRoute = (
  account: LivePersonAccount,
  [name, route]: readonly [string, ConfiguredAccount['routes'][string]],
): LivePersonAccount => {
  const { campaigns, skills } = account
  const campaign = campaigns.find(({ id }) => String(id) === route?.campaignId)
  if (!route || campaign?.engagements.some(({ id }) => String(id) === route.engagementId)) return account
  const skill: Skill = { id: Math.max(FIRST_SKILL, ...skills.map(({ id }) => id)) + 1, name }
  const engagement: Engagement = {
    id: toId(route.engagementId),
    name,
    enabled: true,
    deleted: false,
    skillId: skill.id,
    skillName: name,
  }
  const extended: Campaign = {
    ...(campaign ?? { id: toId(route.campaignId), name, status: 1, deleted: false }),
    engagements: [...(campaign?.engagements ?? []), engagement],
  }
  return {
    ...account,
    skills: [...skills, skill],
    campaigns: [...campaigns.filter((one) => one !== campaign), extended],
  }
}

const FIRST_SKILL = 9_000_000_000

/** LivePerson's ids are numbers. Those that JavaScript would round stay texts. */
const toId = (id: string): number | string => (Number.isSafeInteger(Number(id)) ? Number(id) : id)
