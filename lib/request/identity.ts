import { hash } from 'node:crypto'
import { InvalidRequestError } from '../errors/errors.ts'
import type { AcceptedRequest, ConversationRequest, Door, Voucher } from './conversation-request.ts'
import type { Warning } from './warnings.ts'

/**
 * Returns the request as accepted, with its consumer and its fingerprint.
 *
 * If neither the CRM nor a token vouches for a consumer id, it is derived from account, door, request id and
 * content. Every attempt at one request then has the same consumer, and LivePerson allows one open
 * conversation per consumer, so a repeat can't open a second one. An expired id reused with different content
 * derives a different consumer.
 *
 * @param decided.consumerId The id that the CRM or a verified token vouches for.
 * @param decided.warnings What was left out of the request.
 * @throws {InvalidRequestError} The id looks like a derived one. It could be that of an anonymous sender.
 */
export const accept = (
  request: ConversationRequest,
  decided: {
    readonly door: Door
    readonly requestId: string
    readonly accountId: string
    readonly consumerId: string | undefined
    readonly warnings: readonly Warning[]
  },
): AcceptedRequest => {
  const { door, requestId, accountId, warnings } = decided
  if (decided.consumerId !== undefined && isDerived(decided.consumerId))
    throw new InvalidRequestError([
      { path: 'consumer.id', message: 'has the form of an id that the service makes' },
    ])
  const fingerprint = fingerprintOf(request, decided.consumerId)
  return {
    ...request,
    door,
    requestId,
    accountId,
    consumerId:
      decided.consumerId ?? `request-${sha256([accountId, door, requestId, fingerprint].join('\n'))}`,
    fingerprint,
    vouchedBy: voucherOf(decided),
    warnings,
  }
}

/** The CRM vouches for everything in its events, even for a consumer without an id. */
const voucherOf = ({
  door,
  consumerId,
}: Pick<Parameters<typeof accept>[1], 'door' | 'consumerId'>): Voucher => {
  if (door === 'queue') return 'crm'
  return consumerId === undefined ? 'nobody' : 'token'
}

/**
 * Returns whether a consumer id looks like one that was derived from a request, in capitals or not. Nobody
 * else's id may.
 */
export const isDerived = (consumerId: string): boolean => /^request-[0-9a-f]{64}$/i.test(consumerId)

/**
 * The version of the fingerprint's formula. Fingerprints of different versions can't be compared, so a
 * request that was accepted before a deploy counts as the same one after it.
 */
export const FINGERPRINT_VERSION = '3.'

/**
 * Two requests with the same content have the same fingerprint. The order of their members doesn't matter.
 */
const fingerprintOf = ({ requestId, accountId, ...content }: ConversationRequest, consumerId = '') =>
  FINGERPRINT_VERSION + sha256(JSON.stringify([consumerId, sorted(content)]))

const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, member]) => [name, sorted(member)])
}

/** Returns the SHA-256 of a text in UTF-8, in hex. */
export const sha256 = (text: string): string => hash('sha256', text)
