import { awsOptions } from '../aws/options.ts'
import { createStateTable } from '../aws/state-table.ts'
import type { Config } from '../config/environment.ts'
import { createLedger } from '../conversation/ledger.ts'
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

    /**
     * Returns the form request with this id: the holder's, or the oldest of all accounts and kinds of sender.
     *
     * @param holder As in `Location`: see `holderOf` in the ledger. Default: any.
     * @throws {ServiceUnavailableError} The state table can't be read.
     */
    findFormRequest: async (requestId: string, holder?: string) =>
      (await ledger.find(accountIds, 'form', requestId, holder))[0],
  }
}
