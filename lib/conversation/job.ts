import type { Destination } from '../config/routes.ts'
import type { AccountConfig } from '../config/stage.ts'
import type { AcceptedRequest } from '../request/conversation-request.ts'
import type { Facts } from './facts.ts'

/** A request with everything that was decided about it before the attempt. */
export interface Job {
  readonly request: AcceptedRequest
  readonly account: AccountConfig
  readonly destination: Destination
  /** What earlier attempts found out, if this is a hand-over. */
  readonly facts?: Facts | undefined
  /** When the request was accepted, in milliseconds since the epoch. */
  readonly acceptedAt: number
  /** How long the account was paused since then, in milliseconds. */
  readonly pausedMs: number
  /**
   * When the account was last found paused, in milliseconds since the epoch, if the request has waited since
   * then for that reason. That wait is not part of `pausedMs`.
   */
  readonly pausedSince?: number | undefined
  /**
   * The leases of claims that failed, but may have been written. The attempts that made these claims did
   * nothing else.
   */
  readonly lostLeases?: readonly string[] | undefined
  /** The id of the message on the events queue, if this is a CRM event. */
  readonly messageId?: string | undefined
  /** Set for a copy of a form that must not create a conversation. A queue may keep it. */
  readonly isCopy?: true | undefined
}

/** Where the request is kept during the attempt: only in this container's memory, or in a queue record. */
export type Carrier =
  | { readonly kind: 'memory' }
  | {
      /** A CRM event from the events queue, or a record of the hand-over queue. */
      readonly kind: 'event' | 'hand_over'
      readonly body: string
      /** How many times the queue has delivered the record, including this one. */
      readonly receives: number
    }
