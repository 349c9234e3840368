import * as z from 'zod/mini'
import type { Item } from '../../lib/aws/state-table.ts'
import type { Claim, Facts } from '../../lib/conversation/facts.ts'
import { factsShape } from '../../lib/conversation/facts-shape.ts'
import { isCode } from '../../lib/errors/codes.ts'
import type { Told } from './ending.ts'

const FINAL = ['opened', 'existing', 'rejected', 'outcome_unknown']

/** Whether no later attempt changes a status. A lost answer that arrives late may still settle `outcome_unknown`. */
export const isFinal = (status: unknown): boolean => FINAL.includes(String(status))

/** Whether a request has a conversation. */
export const isOpened = (status: unknown): boolean => status === 'opened' || status === 'existing'

/** Returns the final status that a sender was told, undefined if it wasn't final. */
export const finalOf = ({ httpStatus, body: { status, code } }: Told): string | undefined => {
  if (isFinal(status)) return status
  if (httpStatus < 400) return undefined
  if (code === 'outcome_unknown') return code
  return code === 'liveperson_rejected' ? 'rejected' : undefined
}

/** Returns the facts that an item of the ledger holds. */
export const factsOf = (item: Item): Facts => {
  const { attempts, releases, claimState, code } = item
  const isReleased = claimState !== 'held' && claimState !== 'done'
  return {
    ...z.parse(factsShape, item.facts),
    claim: {
      attempt: Number(attempts),
      releases: Number(releases),
      state: claimState as Claim['state'],
      ...(isReleased && typeof code === 'string' && isCode(code) && { code }),
    },
  }
}
