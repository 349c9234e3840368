import { CampaignNotAllowedError, type Finding, InvalidRequestError } from '../errors/errors.ts'
import type { ConversationRequest, Door } from '../request/conversation-request.ts'
import type { EngagementAttribute } from '../request/engagement-attributes.ts'
import { isRecord } from '../request/lenient-json.ts'
import type { AccountConfig, RouteConfig, StageConfig } from './stage.ts'

/** Where LivePerson routes a conversation, and what the route adds to it. */
export interface Destination extends Readonly<Pick<RouteConfig, 'campaignId' | 'engagementId' | 'ttr'>> {
  readonly routeAttributes: readonly EngagementAttribute[]
}

/** What the stage configuration says about a request. */
export interface Resolved {
  readonly account: AccountConfig
  readonly destination: Destination
}

/**
 * Returns the account and the destination of a request. It needs nothing but the configuration, so a door
 * calls it before it verifies a token, spends a challenge or calls LivePerson.
 *
 * @throws {InvalidRequestError} The route or the account is unknown, they contradict each other, there is
 * neither a route nor an account nor a default account, or a form may not choose that `ttr`.
 * @throws {CampaignNotAllowedError} This door may not use the route or the campaign.
 */
export const resolve = (
  stage: Pick<StageConfig, 'accounts'>,
  door: Door,
  request: ConversationRequest,
): Resolved => {
  const account = accountOf(stage, door, request)
  return { account, destination: destinationOf(account, door, request) }
}

/**
 * Returns the id of the account that an input is about, however invalid the rest of it is: the one that it
 * names, else the one of its route, else the default account. Undefined if there is none.
 */
export const accountIdFor = (
  { accounts }: Pick<StageConfig, 'accounts'>,
  input: unknown,
): string | undefined => {
  const { accountId, route } = isRecord(input) ? input : {}
  const id = typeof accountId === 'number' ? String(accountId) : accountId
  const account =
    accounts.find((one) => one.accountId === id) ??
    accounts.find(({ routes }) => typeof route === 'string' && Object.hasOwn(routes, route)) ??
    findDefault(accounts)
  return account?.accountId
}

/**
 * Returns the engagement attributes of a conversation: all of the request's, and those of the route whose
 * types the request doesn't have. Call it after a token has added its attributes to the request.
 */
export const attributesOf = (
  { engagementAttributes = [] }: Pick<ConversationRequest, 'engagementAttributes'>,
  { routeAttributes }: Destination,
): EngagementAttribute[] => {
  const types = new Set(engagementAttributes.map(({ type }) => type))
  return [...engagementAttributes, ...routeAttributes.filter(({ type }) => !types.has(type))]
}

/**
 * Returns the route's account, else the account that the request names, else the default account. A form
 * can't name an account. The order of the accounts never matters, because the account is part of the
 * idempotency key.
 */
const accountOf = (
  { accounts }: Pick<StageConfig, 'accounts'>,
  door: Door,
  { route, accountId }: ConversationRequest,
): AccountConfig => {
  const named = accounts.find((account) => account.accountId === accountId)
  if (accountId !== undefined && !named)
    throw new InvalidRequestError([{ path: 'accountId', message: 'is not a configured account' }])
  if (route === undefined) return named ?? defaultOf(accounts, door)
  const owner = accounts.find((account) => Object.hasOwn(account.routes, route))
  if (!owner) throw unknownRoute()
  if (named && named !== owner)
    throw new InvalidRequestError([{ path: 'route', message: 'belongs to another account' }])
  return owner
}

const defaultOf = (accounts: StageConfig['accounts'], door: Door): AccountConfig => {
  const account = findDefault(accounts)
  if (account) return account
  throw new InvalidRequestError([NO_DEFAULT[door]])
}

const findDefault = (accounts: StageConfig['accounts']): AccountConfig | undefined =>
  accounts.length === 1 ? accounts[0] : accounts.find((one) => one.default)

/** What a sender can do if no account is the default. */
const NO_DEFAULT = {
  form: { path: 'route', message: 'is required, because no account is the default' },
  queue: { path: 'accountId', message: 'or route is required, because no account is the default' },
} as const satisfies Readonly<Record<Door, Finding>>

const destinationOf = (
  account: AccountConfig,
  door: Door,
  { route, campaign, ttr }: ConversationRequest,
): Destination => {
  if (campaign) {
    if (account[door].campaigns !== 'any')
      throw new CampaignNotAllowedError({ detail: `${SENDERS[door]} can't use campaign ids. Send a route.` })
    return { ...campaign, ttr: ttrOf(door, ttr, 'NORMAL', []), routeAttributes: [] }
  }
  const configured = route === undefined ? undefined : account.routes[route]
  if (!configured) throw unknownRoute()
  if (!configured.doors.includes(door))
    throw new CampaignNotAllowedError({ detail: `${SENDERS[door]} can't use this route.` })
  const { campaignId, engagementId, engagementAttributes, ttrAllowed } = configured
  return {
    campaignId,
    engagementId,
    ttr: ttrOf(door, ttr, configured.ttr, ttrAllowed),
    routeAttributes: engagementAttributes,
  }
}

/** A high priority costs other consumers their turn, so forms choose only among what the route allows. */
const ttrOf = (
  door: Door,
  asked: RouteConfig['ttr'] | undefined,
  own: RouteConfig['ttr'],
  allowed: RouteConfig['ttrAllowed'],
): RouteConfig['ttr'] => {
  const values = new Set([own, ...allowed])
  if (door === 'form' && asked !== undefined && !values.has(asked))
    throw new InvalidRequestError([
      { path: 'ttr', message: `must be ${[...values].join(' or ')}, or left out` },
    ])
  return asked ?? own
}

/** What senders call the doors. */
const SENDERS = { form: 'Forms', queue: 'CRM events' } as const satisfies Readonly<Record<Door, string>>

const unknownRoute = () => new InvalidRequestError([{ path: 'route', message: 'is not a configured route' }])
