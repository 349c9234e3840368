import { attributesOf, resolve } from '../../lib/config/routes.ts'
import type { AccountConfig, RouteConfig } from '../../lib/config/stage.ts'
import { InvalidConfigError } from '../../lib/errors/errors.ts'
import { toConversationBody } from '../../lib/liveperson/payload.ts'
import type { Found } from './steps.ts'

/**
 * Builds, but doesn't send, the CONVERSATION body of each route of an account, for a consumer without any
 * data. `found` has what differs between them.
 *
 * @throws {InvalidConfigError} The account accepts no request at all.
 */
export const buildConversations = (account: AccountConfig): Found<true> => {
  const { accountId, routes, form, queue } = account
  const built = Object.entries(routes).map(([name, route]) => describeRoute(account, name, route))
  if (built.length > 0) return { value: true, found: `bodies, not sent: ${built.join('; ')}` }
  if (form.campaigns === 'listed' && queue.campaigns === 'listed')
    throw new InvalidConfigError({
      detail: `Account ${accountId} accepts only listed routes, but has no routes.`,
    })
  return { value: true, found: 'no routes. Each request must have a campaign' }
}

const describeRoute = (account: AccountConfig, route: string, { doors }: RouteConfig): string => {
  const { destination } = resolve({ accounts: [account] }, doors[0] ?? 'form', { route })
  const attributes = attributesOf({}, destination)
  const [, conversation] = toConversationBody(
    {
      ...destination,
      accountId: account.accountId,
      consumer: undefined,
      context: undefined,
      vouchedBy: 'nobody',
      engagementAttributes: attributes,
    },
    { profile: '1', conversation: '2' },
  )
  const types = attributes.map(({ type }) => type)
  const added = types.length === 0 ? '' : ` with ${types.join(', ')}`
  return `${route} (${doors.join(', ')}) ${JSON.stringify(shorten(conversation?.body))}${added}`
}

/** Every body has the other members. */
const shorten = (body: object | undefined): object =>
  Object.fromEntries(
    Object.entries(body ?? {}).filter(([name]) => name === 'ttrDefName' || name === 'campaignInfo'),
  )
