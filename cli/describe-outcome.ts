/** The parts of an outcome that a person reads. */
interface Described {
  readonly status: string
  readonly code?: string | undefined
  readonly conversationId?: string | undefined
  readonly messageStatus?: string | undefined
  readonly messageCode?: string | undefined
}

/** Returns an outcome in a few words, such as `rejected (liveperson_rejected)`. */
export const describeOutcome = (outcome: Described): string => {
  const { status, code, conversationId, messageStatus, messageCode } = outcome
  const message = messageCode === undefined ? messageStatus : `${messageStatus} (${messageCode})`
  return [
    status,
    ...(conversationId === undefined ? [] : [conversationId]),
    ...(code === undefined || code === status ? [] : [`(${code})`]),
    ...(message === undefined ? [] : [`message ${message}`]),
  ].join(' ')
}
