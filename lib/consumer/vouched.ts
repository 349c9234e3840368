import { check } from '../request/check.ts'
import { type AcceptedRequest, conversationRequest } from '../request/conversation-request.ts'
import type { EngagementAttribute } from '../request/engagement-attributes.ts'
import type { VerifiedConsumer } from './claims.ts'

/** Returns the request filled in with what a verified token says. The token overrides the body. */
export const fillIn = (request: AcceptedRequest, verified: VerifiedConsumer): AcceptedRequest => {
  const { firstName, lastName, email, phone, picture } = verified
  const claimed = withoutUndefined({ firstName, lastName, email, phone, avatarUrl: toAvatarUrl(picture) })
  const attributes = mergeAttributes(request.engagementAttributes ?? [], verified.engagementAttributes)
  return {
    ...request,
    ...((request.consumer || Object.keys(claimed).length > 0) && {
      consumer: { ...request.consumer, ...claimed },
    }),
    ...(attributes.length > 0 && { engagementAttributes: attributes }),
  }
}

/** Returns what {@link fillIn} leaves out of a token, as warnings for the sender: members of the request. */
export const warningsOf = ({
  picture,
}: Pick<VerifiedConsumer, 'picture'>): { readonly path: string; readonly message: string }[] =>
  picture === undefined || picture === null || toAvatarUrl(picture) !== undefined
    ? []
    : [
        {
          path: 'consumer.avatarUrl',
          message: "was left out, because the token's picture is not a valid avatarUrl",
        },
      ]

const { consumer } = conversationRequest.shape

/**
 * Returns the address as it was checked, or `undefined` if it may not be used. Agents' browsers load it, so
 * it must not lead into a private network or carry a password.
 */
const toAvatarUrl = (picture: unknown): string | undefined => {
  const avatarUrl = typeof picture === 'string' ? URL.parse(picture)?.href : undefined
  return avatarUrl && 'data' in check(consumer, { avatarUrl }) ? avatarUrl : undefined
}

/** Returns the token's attributes, and the body's attributes of types that the token doesn't have. */
export const mergeAttributes = (
  given: readonly EngagementAttribute[],
  vouched: readonly EngagementAttribute[],
): EngagementAttribute[] => {
  const types = new Set(vouched.map(({ type }) => type))
  return [...vouched, ...given.filter(({ type }) => !types.has(type))]
}

const withoutUndefined = (members: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
