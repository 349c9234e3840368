import * as z from 'zod/mini'
import type { StateTable } from '../aws/state-table.ts'
import { type Code, isCode } from '../errors/codes.ts'
import { timesAt } from './ledger-item.ts'

/** Stands for the account of an event that names none, if no account is the default. */
export const NO_ACCOUNT = 'none'

/** A CRM event that was refused before its claim, so that its request id stays free. */
export interface Refusal {
  /** The id of the SQS message on the events queue. */
  readonly messageId: string
  /** Undefined: the event names no account of the stage, and none is the default. */
  readonly accountId: string | undefined
  /** The event's id, the message id if it has none. */
  readonly requestId: string
  readonly code: Code
}

/** Returns the key of a refusal's item. */
export const refusalKey = (accountId: string, messageId: string): string =>
  `refused#${accountId}#${messageId}`

/**
 * Returns a function that records a refusal: 1 write unit. If the record is delivered again, only another
 * code counts as a new outcome.
 *
 * @param options.now Milliseconds since the epoch.
 * @throws {ServiceUnavailableError}
 */
export const createRefuse =
  ({ table, now }: { readonly table: StateTable; readonly now: () => number }) =>
  async ({ messageId, accountId = NO_ACCOUNT, requestId, code }: Refusal): Promise<void> => {
    await table.update({
      pk: refusalKey(accountId, messageId),
      set: { requestId, messageId, accountId, door: 'queue', status: 'rejected', code, ...timesAt(now()) },
      add: { outcomeNumber: 1 },
      condition: 'attribute_not_exists(#pk) OR #code <> :code',
      values: { code },
    })
  }

const refusalItem = z.object({ requestId: z.string(), messageId: z.string(), code: z.string() })

/**
 * Returns the refusal of an event: 1 read unit. Undefined: there is none.
 *
 * @throws {ServiceUnavailableError}
 */
export const findRefusal = async (
  table: StateTable,
  accountId: string,
  messageId: string,
): Promise<Omit<Refusal, 'accountId'> | undefined> => {
  const [item] = await table.getMany([refusalKey(accountId, messageId)])
  if (!item) return undefined
  const { code, ...ids } = z.parse(refusalItem, item)
  return { ...ids, code: isCode(code) ? code : 'internal_error' }
}
