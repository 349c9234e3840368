import { isObject, type JsonObject } from '../json/value.ts'
import type { Engagement, LivePersonAccount, Skill } from '../state/account.ts'
import type { Settings } from '../state/settings.ts'

/**
 * Finds the skill for a new conversation: the one in the request (other than -1), else the engagement's, else
 * that of the first matching attribute rule, else the account's default, else none. LivePerson doesn't
 * document the order, so this one is a guess.
 *
 * @param body A checked `cm.ConsumerRequestConversation` body.
 * @returns The route, or why there is none.
 * @see https://developers.liveperson.com/connector-api-send-api-conversation.html
 */
export const findRoute = (
  account: LivePersonAccount,
  settings: Settings,
  body: JsonObject,
  profile: JsonObject,
): Route | string => {
  const rejects = (settings.unknownCampaign ?? (settings.mode === 'strict' ? 'reject' : '')) === 'reject'
  const { campaignId, engagementId } = isObject(body.campaignInfo) ? body.campaignInfo : {}
  const hasCampaign = campaignId !== undefined && engagementId !== undefined

  const engagement = hasCampaign
    ? findEngagement(account, String(campaignId), String(engagementId))
    : undefined
  if (rejects && typeof engagement === 'string') return engagement

  const wantedSkill =
    body.skillId === undefined || String(body.skillId) === '-1' ? undefined : Number(body.skillId)
  const skill = findSkill(account, wantedSkill)
  if (rejects && wantedSkill !== undefined && skill === undefined)
    return `Skill ${wantedSkill} does not exist`

  const language = isObject(body.conversationContext) ? body.conversationContext.lang : undefined
  if (settings.unknownLanguage === 'reject' && language !== undefined && isObject(engagement)) {
    if (engagement.language !== undefined && engagement.language !== language) {
      return `Language ${String(language)} is not configured on the engagement`
    }
  }

  const chosen =
    skill ??
    findSkill(account, isObject(engagement) ? engagement.skillId : undefined) ??
    findSkill(account, skillByRule(account, profile)) ??
    findSkill(account, account.defaultSkillId)
  return {
    ...(hasCampaign ? { campaignId: String(campaignId), engagementId: String(engagementId) } : {}),
    ...(chosen === undefined ? {} : { skillId: chosen.id, skillName: chosen.name }),
  }
}

/** Where a conversation goes. Without a skill, any agent may answer. */
export interface Route {
  readonly campaignId?: string
  readonly engagementId?: string
  readonly skillId?: number
  readonly skillName?: string
}

const findEngagement = (
  account: LivePersonAccount,
  campaignId: string,
  engagementId: string,
): Engagement | string => {
  const campaign = account.campaigns.find((one) => String(one.id) === campaignId && !one.deleted)
  if (campaign === undefined) return `Campaign ${campaignId} does not exist`
  if (campaign.status !== 1) return `Campaign ${campaignId} is not published`
  const engagement = campaign.engagements.find((one) => String(one.id) === engagementId && !one.deleted)
  if (engagement === undefined) return `Engagement ${engagementId} does not belong to campaign ${campaignId}`
  return engagement.enabled ? engagement : `Engagement ${engagementId} is not enabled`
}

const findSkill = (account: LivePersonAccount, id: number | null | undefined): Skill | undefined =>
  typeof id === 'number' ? account.skills.find((skill) => skill.id === id) : undefined

const skillByRule = ({ skillRules = [] }: LivePersonAccount, profile: JsonObject) => {
  if (skillRules.length === 0) return undefined
  const data = profile.authenticatedData
  const attributes: unknown[] = isObject(data) && Array.isArray(data.lp_sdes) ? data.lp_sdes : []
  const infos = attributes.filter(isObject).map((attribute) => attribute.info)
  return skillRules.find(({ attribute, value }) =>
    infos.some((info) => isObject(info) && String(info[attribute]).toLowerCase() === value.toLowerCase()),
  )?.skillId
}
