import { awsOptions } from '../aws/options.ts'
import { createStateTable } from '../aws/state-table.ts'
import type { Config } from '../config/environment.ts'
import { createLedger, holderOf } from '../conversation/ledger.ts'
import { findRefusal } from '../conversation/refusals.ts'
import { type Seams, system } from './seams.ts'

export type StatusService = ReturnType<typeof createStatusService>

/** Returns what `conversationStatus` needs. */
export const createStatusService = (config: Config, seams: Partial<Seams> = {}) => {
  const { now, sleep, uuid, random } = { ...system, ...seams }
  const { table = createStateTable({ name: config.stateTable, aws: awsOptions, sleep, random }) } = seams
  const ledger = createLedger({ table, now, uuid })
  const accountIds = config.stage.accounts.map(({ accountId }) => accountId)
  return {
    edge: config.edge,
    /** Whether this is a stage on one machine, where IAM authorizes nobody. */
    isLocal: config.loopback,

    /**
     * Returns the form request with this id: the holder's, or the oldest of all accounts and kinds of sender.
     * With the holder of a signed-in consumer's request, it has the address where the consumer goes on.
     *
     * @param holder As in `Location`: see `holderOf` in the ledger. Default: any.
     * @throws {ServiceUnavailableError} The state table can't be read.
     */
    findFormRequest: async (requestId: string, holder?: string) => {
      const [found] = await ledger.find(accountIds, 'form', requestId, holder)
      if (!found) return undefined
      const { accountId } = found
      const isSignedIn = holder === holderOf({ accountId, door: 'form', vouchedBy: 'token', requestId })
      const account = config.stage.accounts.find((each) => each.accountId === accountId)
      return { ...found, continue: isSignedIn ? account?.continue : undefined }
    },

    /**
     * Returns a CRM event by its request id, or by its SQS message id if it was refused before its claim.
     *
     * @param accountId `none` for events that name no account.
     * @throws {ServiceUnavailableError} The state table can't be read.
     */
    findEvent: async (accountId: string, id: string) => {
      const [[request], refusal] = await Promise.all([
        ledger.find([accountId], 'queue', id),
        findRefusal(table, accountId, id),
      ])
      return { request, refusal }
    },
  }
}
