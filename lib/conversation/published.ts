import { closedAtOf, type Facts, isGivenUp, type Outcome, outcomeOf } from './facts.ts'

/** What is published about a request. */
export interface Published
  extends Pick<Outcome, 'status' | 'conversationId' | 'code' | 'messageStatus' | 'messageCode'> {
  /** When the conversation was closed, in milliseconds since the epoch. */
  readonly closedAt?: number | undefined
}

/**
 * Returns what is published about a request. Undefined: nothing yet, because an attempt, a queue or the
 * sender still continues it.
 */
export const publishedOf = (facts: Facts, hasMessage: boolean): Published | undefined => {
  const { status, conversationId, code, messageStatus, messageCode } = outcomeOf(facts, hasMessage)
  if (status === 'opening' || status === 'queued' || (status === 'failed' && !isGivenUp(facts)))
    return undefined
  return { status, conversationId, code, messageStatus, messageCode, closedAt: closedAtOf(facts) }
}

/** Returns whether a write of a request's facts is an outcome of its own. */
export const isOutcome = (before: Facts, after: Facts, hasMessage: boolean): boolean => {
  const published = publishedOf(after, hasMessage)
  return (
    published !== undefined && JSON.stringify(published) !== JSON.stringify(publishedOf(before, hasMessage))
  )
}
