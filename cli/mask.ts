import { isRecord } from '../lib/request/lenient-json.ts'

/** What stands for a personal value. */
export const MASKED = '(masked)'

/** Members whose values are not personal, wherever they are in a request. */
const PUBLIC: ReadonlySet<string> = new Set([
  ...['requestId', 'accountId', 'brandId', 'route', 'campaignId', 'engagementId', 'ttr', 'ttrDefName'],
  ...['conversationId', 'dialogId', 'kind', 'id', 'type', 'channelType', 'door', 'vouchedBy', 'fingerprint'],
  ...['detail-type', 'source', 'Type', 'MessageId', 'TopicArn', 'Timestamp', 'time'],
  ...['state', 'attempt', 'releases', 'handedOver', 'tried', 'refused', 'sent', 'contentType'],
])

/** The parts of a request that are about its consumer, whatever their members are called. */
const PERSONAL: ReadonlySet<string> = new Set([
  ...['consumer', 'engagementAttributes', 'message', 'authenticatedData', 'privateData'],
])

/**
 * Returns a value with every text, number and boolean masked, except for those that are not personal. The
 * structure stays.
 */
export const maskValues = (value: unknown, isPersonal = false): unknown => {
  if (Array.isArray(value)) return value.map((item) => maskValues(item, isPersonal))
  if (!isRecord(value)) return value === null || value === undefined ? value : MASKED
  return Object.fromEntries(
    Object.entries(value).map(([name, member]) => {
      const below = isPersonal || PERSONAL.has(name)
      const isShown =
        (typeof member !== 'object' || member === null) && (below ? name === 'type' : PUBLIC.has(name))
      return [name, isShown ? member : maskValues(member, below)]
    }),
  )
}
