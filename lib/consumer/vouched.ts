import type { AcceptedRequest } from '../request/conversation-request.ts'
import type { EngagementAttribute } from '../request/engagement-attributes.ts'
import type { VerifiedConsumer } from './token.ts'

/** Returns the request filled in with what a verified token says. The token overrides the body. */
export const fillIn = (request: AcceptedRequest, verified: VerifiedConsumer): AcceptedRequest => {
  const { firstName, lastName, email, phone } = verified
  const claimed = withoutUndefined({ firstName, lastName, email, phone })
  const given = (request.engagementAttributes ?? []).map((attribute) => correct(attribute, verified))
  const engagementAttributes = mergeAttributes(given, verified.engagementAttributes)
  return {
    ...request,
    ...((request.consumer || Object.keys(claimed).length > 0) && {
      consumer: { ...request.consumer, ...claimed },
    }),
    ...(engagementAttributes.length > 0 && { engagementAttributes }),
  }
}

/** Returns the token's attributes, and the body's attributes of types that the token doesn't have. */
export const mergeAttributes = (
  given: readonly EngagementAttribute[],
  vouched: readonly EngagementAttribute[],
): EngagementAttribute[] => {
  const types = new Set(vouched.map(({ type }) => type))
  return [...vouched, ...given.filter(({ type }) => !types.has(type))]
}

/**
 * Agents see a `personal` attribute as authenticated, so it must not contradict the token. A contact of the
 * token replaces all contacts of the body.
 */
const correct = (
  attribute: EngagementAttribute,
  { firstName, lastName, email, phone }: VerifiedConsumer,
): EngagementAttribute => {
  if (attribute.type !== 'personal') return attribute
  const contact = withoutUndefined({ email, phone })
  return {
    type: 'personal',
    personal: {
      ...attribute.personal,
      ...withoutUndefined({ firstname: firstName, lastname: lastName }),
      ...(Object.keys(contact).length > 0 && { contacts: [contact] }),
    },
  }
}

const withoutUndefined = (members: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
