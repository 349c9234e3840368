import { randomUUID } from 'node:crypto'
import { attributesOf, resolve } from '../lib/config/routes.ts'
import type { AccountConfig } from '../lib/config/stage.ts'
import { InvalidConfigError } from '../lib/errors/errors.ts'
import { toConversationBody } from '../lib/liveperson/payload.ts'
import type { Found } from './steps.ts'

/**
 * Builds the CONVERSATION body that an account's first route sends for a consumer of whom nothing is known. It is not
 * sent.
 *
 * @throws {InvalidConfigError} No request can be meant for this account.
 */
export const buildConversation = (account: AccountConfig): Found<true> => {
  const { accountId, routes, form, queue } = account
  const [first] = Object.entries(routes)
  if (!first) {
    if (form.campaigns === 'listed' && queue.campaigns === 'listed')
      throw new InvalidConfigError({
        detail: `Account ${accountId} has no route and takes listed routes only.`,
      })
    return { value: true, found: 'no route: each request has to name its campaign' }
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
        engagementAttributes: attributesOf({}, destination),
      },
      ids,
    ),
  )
  return { value: true, found: `not sent, by route ${route}: ${body}` }
}
