import { randomUUID } from 'node:crypto'
import { attributesOf, resolve } from '../lib/config/routes.ts'
import type { AccountConfig } from '../lib/config/stage.ts'
import { InvalidConfigError } from '../lib/errors/errors.ts'
import { toConversationBody } from '../lib/liveperson/payload.ts'
import type { Found } from './steps.ts'

/**
 * Builds, but doesn't send, the CONVERSATION body of an account's first route for a consumer without any
 * data.
 *
 * @throws {InvalidConfigError} The account accepts no request at all.
 */
export const buildConversation = (account: AccountConfig): Found<true> => {
  const { accountId, routes, form, queue } = account
  const [first] = Object.entries(routes)
  if (!first) {
    if (form.campaigns === 'listed' && queue.campaigns === 'listed')
      throw new InvalidConfigError({
        detail: `Account ${accountId} accepts only listed routes, but has no routes.`,
      })
    return { value: true, found: 'no routes. Each request must have a campaign' }
  }
  const [route, { doors }] = first
  const { destination } = resolve({ accounts: [account] }, doors[0] ?? 'form', { route })
  const ids = { profile: randomUUID(), conversation: randomUUID() }
  const body = JSON.stringify(
    toConversationBody(
      {
        ...destination,
        accountId,
        consumer: undefined,
        context: undefined,
        vouchedBy: 'nobody',
        engagementAttributes: attributesOf({}, destination),
      },
      ids,
    ),
  )
  return { value: true, found: `body of route ${route}, not sent: ${body}` }
}
