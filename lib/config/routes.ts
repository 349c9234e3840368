import { CampaignNotAllowedError, InvalidRequestError } from '../errors/errors.ts'
import type { ConversationRequest, Door } from '../request/conversation-request.ts'
import type { AccountConfig, RouteConfig, StageConfig } from './stage.ts'

/**
 * Decides the account of a request: a route's own, else the one that it names, else the first of the configuration.
 * A form can name a route only.
 *
 * @throws {InvalidRequestError} The route or the account is unknown, or they contradict each other.
 */
export const accountOf = (stage: StageConfig, request: ConversationRequest): AccountConfig => {
  const { route, accountId } = request
  const named = stage.accounts.find((account) => account.accountId === accountId)
  if (accountId !== undefined && !named)
    throw new InvalidRequestError([{ path: 'accountId', message: 'is not an account of this service' }])
  if (route === undefined) return named ?? firstOf(stage)
  const owner = stage.accounts.find((account) => Object.hasOwn(account.routes, route))
  if (!owner) throw new InvalidRequestError([{ path: 'route', message: 'is not a route of this service' }])
  if (named && named !== owner)
    throw new InvalidRequestError([{ path: 'route', message: 'belongs to another account' }])
  return owner
}

const firstOf = ({ accounts }: StageConfig) => {
  const [first] = accounts
  if (!first) throw new Error('A stage configuration has at least one account')
  return first
}

/** Where LivePerson routes a conversation, and what a route adds to the request. */
export type Destination = Pick<RouteConfig, 'campaignId' | 'engagementId' | 'ttr' | 'engagementAttributes'>

/**
 * Decides campaign, engagement, TTR and engagement attributes of a request, and whether its door may use them.
 * A route's attributes stand in only for the types of which the request has none.
 *
 * @throws {CampaignNotAllowedError}
 */
export const destinationOf = (
  account: AccountConfig,
  door: Door,
  request: ConversationRequest,
): Destination => {
  const { route, campaign, engagementAttributes = [] } = request
  if (campaign) {
    if (account[door].campaigns !== 'any')
      throw new CampaignNotAllowedError({ detail: 'This entry takes listed routes only, no campaign ids.' })
    return { ...campaign, ttr: request.ttr ?? 'NORMAL', engagementAttributes }
  }
  const listed = account.routes[route ?? '']
  if (!listed) throw new InvalidRequestError([{ path: 'route', message: 'is not a route of this service' }])
  if (!listed.doors.includes(door))
    throw new CampaignNotAllowedError({ detail: 'This entry may not use that route.' })
  const given = new Set(engagementAttributes.map(({ type }) => type))
  return {
    campaignId: listed.campaignId,
    engagementId: listed.engagementId,
    ttr: request.ttr ?? listed.ttr,
    engagementAttributes: [
      ...engagementAttributes,
      ...listed.engagementAttributes.filter(({ type }) => !given.has(type)),
    ],
  }
}
