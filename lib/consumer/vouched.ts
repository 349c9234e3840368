import type { AcceptedRequest } from '../request/conversation-request.ts'
import type { VerifiedConsumer } from './claims.ts'

/**
 * Returns the request filled in with what a verified token says. The token overrides the body, whose
 * engagement attributes are dropped: agents would see them as authenticated.
 */
export const fillIn = (
  { engagementAttributes: _, ...request }: AcceptedRequest,
  { firstName, lastName, email, phone, avatarUrl, engagementAttributes }: VerifiedConsumer,
): AcceptedRequest => {
  const claimed = withoutUndefined({ firstName, lastName, email, phone, avatarUrl })
  return {
    ...request,
    ...((request.consumer || Object.keys(claimed).length > 0) && {
      consumer: { ...request.consumer, ...claimed },
    }),
    ...(engagementAttributes.length > 0 && { engagementAttributes: [...engagementAttributes] }),
  }
}

const withoutUndefined = (members: Readonly<Record<string, string | undefined>>) =>
  Object.fromEntries(Object.entries(members).filter(([, value]) => value !== undefined))
