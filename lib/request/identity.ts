import { createHash } from 'node:crypto'
import type { AcceptedRequest, ConversationRequest, Door } from './conversation-request.ts'

/**
 * Makes a request one that a door has let in.
 *
 * Without a consumer id the consumer is derived from account, door, request id and what was asked, so that every
 * attempt of one request is the same consumer: LivePerson's one open conversation a consumer then guards a repeat. Who
 * takes up an id that the ledger has forgotten, with other words, is somebody else.
 *
 * @param settled.consumerId Whose conversation it is, where somebody vouches for it: the CRM, or a verified token.
 */
export const accept = (
  request: ConversationRequest,
  settled: {
    readonly door: Door
    readonly requestId: string
    readonly accountId: string
    readonly consumerId: string | undefined
  },
): AcceptedRequest => {
  const { door, requestId, accountId } = settled
  const fingerprint = fingerprintOf(request, settled.consumerId)
  return {
    ...request,
    door,
    requestId,
    accountId,
    consumerId:
      settled.consumerId ?? `request-${sha256([accountId, door, requestId, fingerprint].join('\n'))}`,
    fingerprint,
  }
}

/** The same for two requests that ask the same, whatever the order of their members. */
const fingerprintOf = ({ requestId, accountId, ...asked }: ConversationRequest, consumerId = '') =>
  sha256(JSON.stringify([consumerId, sorted(asked)]))

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => [name, sorted(member)])
}

const sha256 = (text: string) => createHash('sha256').update(text).digest('hex')
