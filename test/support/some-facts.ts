import { type Claim, type Facts, type Message, NOTHING } from '../../lib/conversation/facts.ts'

/** Returns these facts, and nothing else. */
export const factsWith = (members: Partial<Facts>): Facts => ({ ...NOTHING, ...members })

/** Returns the claim of an attempt that holds it. Default: no attempt before died. */
export const held = (attempt = 1, releases = attempt - 1): Claim => ({ attempt, releases, state: 'held' })

/** Returns a claim that was released to a queue. Default: no attempt died. */
export const queued = (attempt = 1, releases = attempt): Claim => ({ attempt, releases, state: 'queued' })

/** Returns what is known about a first message. Default: it was not tried. */
export const message = (members: Partial<Message>): Message => ({
  ...{ tried: 0, refused: 0, sent: false },
  ...members,
})

export const SENT = message({ tried: 1, sent: true })
export const OWED = message({ tried: 1, refused: 1 })
export const IN_DOUBT = message({ tried: 1 })

/** The request opened this conversation. */
export const C1 = { kind: 'opened', conversationId: 'c-1' } as const
