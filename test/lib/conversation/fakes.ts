import type { Queues } from '../../../lib/aws/queues.ts'
import type { Ledger } from '../../../lib/conversation/ledger.ts'
import type { LivePerson } from '../../../lib/liveperson/client.ts'
import type { AcceptedRequest } from '../../../lib/request/conversation-request.ts'
import type { Log } from '../../../lib/telemetry/log.ts'

/** A request with everything that a door decides. */
export const acceptedRequest = (members: Partial<AcceptedRequest> = {}): AcceptedRequest => ({
  door: 'queue',
  requestId: 'event-0001',
  accountId: '70123456',
  consumerId: 'crm-1',
  fingerprint: `2.${'f'.repeat(64)}`,
  vouchedBy: 'crm',
  warnings: [],
  campaign: { campaignId: '3120045610', engagementId: '3120047711' },
  ...members,
})

/** Returns a ledger with the given operations. Any other operation throws. */
export const fakeLedger = (operations: Partial<Ledger>): Ledger => ({
  claim: unexpected('claim'),
  giveUp: unexpected('giveUp'),
  find: unexpected('find'),
  findOriginal: unexpected('findOriginal'),
  takeTurn: unexpected('takeTurn'),
  findConversation: unexpected('findConversation'),
  forgetConversation: unexpected('forgetConversation'),
  keepReason: unexpected('keepReason'),
  ...operations,
})

/** Returns queues with the given operations. Any other operation throws. */
export const fakeQueues = (operations: Partial<Queues>): Queues => ({
  handOver: unexpected('handOver'),
  quarantine: unexpected('quarantine'),
  delay: unexpected('delay'),
  ...operations,
})

/** Returns a client with the given operations. Any other operation throws. */
export const fakeLivePerson = (operations: Partial<LivePerson>): LivePerson => ({
  identify: unexpected('identify'),
  openConversation: unexpected('openConversation'),
  sendMessage: unexpected('sendMessage'),
  isOpen: unexpected('isOpen'),
  ...operations,
})

const unexpected = (operation: string) => async (): Promise<never> => {
  throw new Error(`The test did not expect ${operation}`)
}

/** Returns a log that keeps its lines. */
export const createFakeLog = () => {
  const lines: { readonly level: string; readonly message: string; readonly fields: object }[] = []
  const log: Log = {
    info: (message, fields = {}) => {
      lines.push({ level: 'info', message, fields })
    },
    warn: (message, fields = {}) => {
      lines.push({ level: 'warn', message, fields })
    },
    error: (message, { code }, fields = {}) => {
      lines.push({ level: 'error', message, fields: { ...fields, code } })
    },
  }
  return { log, lines }
}
