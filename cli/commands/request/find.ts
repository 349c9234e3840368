import { createFindings, type ShownRequest } from '../../../lib/conversation/findings.ts'
import { DOORS, VOUCHERS } from '../../../lib/request/conversation-request.ts'
import type { OpenStage, openStage } from '../../open-stage.ts'
import { COMMAND_FLAGS, COMMAND_OPTIONS } from '../../settings.ts'
import { type CommandContext, UsageError } from '../command.ts'

/** The part of a help about the flags that all verbs have. */
export const FLAGS = `  --account        only this account. Default: all of the stage
  --door           form or queue. Default: both
  --sender         crm, token or nobody: who vouches for the consumer. Default: all
${COMMAND_FLAGS}`

/** The flags that all verbs have, for `parseArgs`. */
export const OPTIONS = {
  ...COMMAND_OPTIONS,
  account: { type: 'string' },
  door: { type: 'string' },
  sender: { type: 'string' },
} as const

/** The values of these flags. */
export type Flags = Parameters<typeof openStage>[0] & {
  readonly account?: string | undefined
  readonly door?: string | undefined
  readonly sender?: string | undefined
}

/** Returns the one request id that the arguments name. @throws {UsageError} */
export const readId = ([id, ...more]: readonly string[], verb: string): string => {
  if (id === undefined || more.length > 0)
    throw new UsageError(`Name one request: request ${verb} <request id>.`)
  return id
}

/**
 * Returns the requests that the flags choose: 1 read unit per account, door and kind of sender.
 *
 * @throws {UsageError} A flag is wrong.
 * @throws {ServiceUnavailableError}
 */
export const find = async (
  { config, table }: OpenStage,
  requestId: string,
  { account, door, sender }: Flags,
  { now }: CommandContext,
): Promise<readonly ShownRequest[]> => {
  const doors = DOORS.filter((one) => door === undefined || door === one)
  if (doors.length === 0) throw new UsageError(`--door must be ${DOORS.join(' or ')}.`)
  const senders = VOUCHERS.filter((one) => sender === undefined || sender === one)
  if (senders.length === 0) throw new UsageError(`--sender must be ${VOUCHERS.join(' or ')}.`)
  const known = config.accounts.map(({ accountId }) => accountId)
  const accounts = known.filter((one) => account === undefined || account === one)
  if (accounts.length === 0)
    throw new UsageError(`Account ${account} is not in this stage. Accounts: ${known.join(', ')}.`)
  const findings = createFindings({ table, now })
  const found = await Promise.all(
    accounts.flatMap((accountId) => doors.map((one) => findings.show(accountId, one, requestId))),
  )
  return found.flat().filter(({ key }) => senders.includes(key.vouchedBy))
}

/** Returns a time, in milliseconds since the epoch, as ISO 8601. */
export const toIso = (time: number): string => new Date(time).toISOString()
