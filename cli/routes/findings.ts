import type { RouteConfig } from '../../lib/config/stage.ts'
import type { Campaign, Skills } from './campaigns.ts'

/** A route of the configuration. */
export interface NamedRoute extends Pick<RouteConfig, 'campaignId' | 'engagementId'> {
  readonly name: string
}

/**
 * Returns what is wrong with the ids of an account's routes, by the names of the routes. It needs nothing but
 * the configuration, which has checked that they are decimal numbers.
 */
export const findIllFormed = (routes: readonly NamedRoute[]): ReadonlyMap<string, readonly string[]> =>
  new Map(
    routes.map((route, index) => {
      const { campaignId, engagementId } = route
      const twin = routes
        .slice(0, index)
        .find((other) => other.campaignId === campaignId && other.engagementId === engagementId)
      return [
        route.name,
        [
          ...[campaignId, engagementId]
            .filter((id) => id.startsWith('0'))
            .map((id) => `${id} is no id of LivePerson: those are positive numbers without a leading zero`),
          ...(campaignId === engagementId ? ['the campaign and the engagement have the same id'] : []),
          ...(twin ? [`it has the same campaign and engagement as the route ${twin.name}`] : []),
        ],
      ]
    }),
  )

/** What LivePerson says about a route. */
export interface RouteFacts {
  readonly campaign: Campaign | undefined
  readonly skills: Skills
  /** The id of the app installation that the service uses. Undefined: it isn't known. */
  readonly clientId: string | undefined
  /** Milliseconds since the epoch. */
  readonly now: number
}

/**
 * Returns what is wrong with a route, by what LivePerson's campaigns API says. The Send API's own checks
 * aren't documented, so a route with a finding may still work.
 */
export const findInLivePerson = (
  { campaignId, engagementId }: NamedRoute,
  { campaign, skills, clientId, now }: RouteFacts,
): readonly string[] => {
  if (!campaign) return [`campaign ${campaignId} does not exist`]
  const engagement = campaign.engagements.find(({ id }) => String(id) === engagementId)
  return [
    ...findInCampaign(campaign, now).map((found) => `campaign ${campaignId} ${found}`),
    ...(engagement
      ? findInEngagement(engagement, skills, clientId).map((found) => `engagement ${engagementId} ${found}`)
      : [`engagement ${engagementId} does not belong to campaign ${campaignId}`]),
  ]
}

const findInCampaign = (
  { status, deleted, isDeleted, startDate, expirationDate, timeZone }: Campaign,
  now: number,
): readonly string[] => {
  if (deleted || isDeleted) return ['is deleted']
  const starts = toTime(startDate, timeZone)
  const expires = toTime(expirationDate, timeZone)
  return [
    ...(status === 1 ? [] : [`is not published: its status is ${status}`]),
    ...(starts !== undefined && starts > now ? [`starts on ${startDate}`] : []),
    ...(expires !== undefined && expires <= now ? [`expired on ${expirationDate}`] : []),
  ]
}

const findInEngagement = (
  { enabled, deleted, conversationType, appInstallationId, skillId }: Campaign['engagements'][number],
  skills: Skills,
  clientId: string | undefined,
): readonly string[] => {
  if (deleted) return ['is deleted']
  const skill = skills.find(({ id }) => id === skillId)
  return [
    ...(enabled === false ? ['is not enabled'] : []),
    ...(conversationType === undefined || conversationType === 1
      ? []
      : [`is not for messaging: its conversation type is ${conversationType}`]),
    ...(appInstallationId && clientId !== undefined && appInstallationId !== clientId
      ? ["belongs to another app installation than the account's secret"]
      : []),
    ...(typeof skillId !== 'number' || (skill && !skill.deleted)
      ? []
      : [`has the skill ${skillId}, which ${skill ? 'is deleted' : 'does not exist'}`]),
  ]
}

/**
 * Returns a time such as `2026-01-05 00:00:00`, in milliseconds since the epoch. Undefined if it isn't set or
 * can't be read.
 */
const toTime = (text: string | null | undefined, timeZone: string | null | undefined): number | undefined => {
  const utc = Date.parse(`${text?.replace(' ', 'T')}Z`)
  if (Number.isNaN(utc)) return undefined
  try {
    const format = new Intl.DateTimeFormat('sv-SE', {
      timeZone: timeZone ?? 'UTC',
      dateStyle: 'short',
      timeStyle: 'medium',
    })
    const there = Date.parse(`${format.format(utc).replace(' ', 'T')}Z`)
    return utc - (there - utc)
  } catch {
    // A time zone that this machine doesn't know.
    return utc
  }
}
