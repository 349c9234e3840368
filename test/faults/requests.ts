import type { Random } from '../support/random.ts'
import { ACCOUNT, CRM_UPGRADE, ORDER_HELP } from '../support/world.ts'

/** One request, and when its copies are sent. */
export interface Planned {
  readonly id: string
  readonly door: 'form' | 'queue'
  readonly body: {
    readonly requestId: string
    readonly campaign: typeof ORDER_HELP
    readonly context: { readonly sessionId: string }
    readonly consumer?: { readonly id: string }
    readonly message?: string
  }
  readonly headers: Readonly<Record<string, string>>
  /** When each copy is sent, in milliseconds from the start of its wave. */
  readonly copies: readonly number[]
  /** Whether other requests have the same consumer. */
  readonly isShared: boolean
  /** Whether LivePerson refuses it. */
  readonly isRefused: boolean
}

/** A response that a sender received. */
export interface Told {
  readonly request: Planned
  readonly status: number
  readonly body: {
    readonly requestId?: string
    readonly status?: string
    readonly conversationId?: string
    readonly code?: string
    readonly messageStatus?: string
  }
}

/**
 * Returns requests, half of them for each door. A third of the events share their consumer with others, and a
 * quarter of the requests have a first message.
 */
export const planRequests = (random: Random, count: number): readonly Planned[] =>
  Array.from({ length: count }, (_, index) => {
    const door = index % 2 === 0 ? 'queue' : 'form'
    // Some forms have the id of an event, which must not affect either of them.
    const id = `request-${door === 'form' && random.chance(0.05) ? index - 1 : index}-${ACCOUNT}`
    const isShared = door === 'queue' && random.chance(0.33)
    const isRefused = random.chance(0.02)
    const campaign = door === 'form' ? ORDER_HELP : CRM_UPGRADE
    return {
      id: `${door} ${id}`,
      door,
      headers: {},
      isShared,
      isRefused,
      copies: Array.from({ length: 1 + random.below(3) }, () =>
        random.chance(0.5) ? 0 : random.below(30_000),
      ),
      body: {
        requestId: id,
        campaign: isRefused ? { campaignId: '999999', engagementId: '999999' } : campaign,
        context: { sessionId: `${door} ${id}` },
        ...(door === 'queue' && {
          consumer: { id: isShared ? `shared-n${Math.floor(index / 10)}` : `consumer-n${index}` },
        }),
        ...(random.chance(0.25) && { message: `message of ${door} ${id}` }),
      },
    }
  })
