import { isRecord, type JsonRecord, parseLenientJson } from '../request/lenient-json.ts'
import type { HttpAnswer } from './http.ts'

/** The meaning of LivePerson's answer to CONVERSATION or SEND. */
export type Answer =
  | { readonly kind: 'ok'; readonly body: JsonRecord }
  | { readonly kind: 'already_open' }
  | { readonly kind: 'closed' }
  | { readonly kind: 'app_jwt_refused' }
  | { readonly kind: 'consumer_jws_refused' }
  /** `reason` is LivePerson's code or the HTTP status, never LivePerson's text. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** `mayHaveExecuted`: LivePerson may have executed the request. */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly mayHaveExecuted: boolean }

/**
 * Returns what an answer means. Any status may come with any of the documented bodies (an array with one item
 * per request, a single item, or an error object), so the body is read before the status. Never throws.
 *
 * @param reqId Selects the item in an array: the id of the request in question.
 * @see https://developers.liveperson.com/connector-api-send-api-conversation.html#response
 */
export const readAnswer = ({ status, body }: HttpAnswer, reqId: string): Answer => {
  const parsed = parseLenientJson(body)
  if (isRecord(parsed)) {
    if (isRecord(parsed.body) && 'errorCode' in parsed.body)
      return byErrorCode(Number(textOf(parsed.body.errorCode)))
    if ('code' in parsed) return byItem(parsed)
  }
  if (Array.isArray(parsed)) {
    const item = itemOf(parsed.filter(isRecord), reqId)
    if (item) return byItem(item)
  }
  // Not JSON: this comes from a proxy or a host that has moved, not from LivePerson.
  if (
    parsed === undefined &&
    body.trim() !== '' &&
    status >= 400 &&
    status < 500 &&
    status !== 401 &&
    status !== 408
  )
    return { kind: 'unavailable', reason: String(status), mayHaveExecuted: false }
  return byStatus(status, String(status))
}

/**
 * Returns the item with the reqId. If LivePerson repeats or invents reqIds, returns the item with a
 * conversationId, or else the last one.
 */
const itemOf = (items: readonly JsonRecord[], reqId: string): JsonRecord | undefined => {
  const matching = items.filter((item) => textOf(item.reqId) === reqId)
  if (matching.length === 1) return matching[0]
  const candidates = matching.length > 1 ? matching : items
  const opened = candidates.find(({ body }) => isRecord(body) && 'conversationId' in body)
  return opened ?? (candidates.length > 1 ? candidates.at(-1) : undefined)
}

const byItem = ({ code, body }: JsonRecord): Answer => {
  const content = isRecord(body) ? body : {}
  const status = statusOf(code)
  if (status < 300 || typeof content.conversationId === 'string') return { kind: 'ok', body: content }
  const text = typeof content.msg === 'string' ? content.msg.toLowerCase() : ''
  // LivePerson has no code for these two, only a text.
  if (text.includes('already has open conversation')) return { kind: 'already_open' }
  if (text.includes('conversation is close')) return { kind: 'closed' }
  return byStatus(status, typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? code : String(status))
}

const REASON_PHRASES: ReadonlyMap<string, number> = new Map([
  ['OK', 200],
  ['CREATED', 201],
  ['ACCEPTED', 202],
  ['UNAUTHORIZED', 401],
  ['REQUEST_TIMEOUT', 408],
  ['TOO_MANY_REQUESTS', 429],
  ['INTERNAL_SERVER_ERROR', 500],
  ['BAD_GATEWAY', 502],
  ['SERVICE_UNAVAILABLE', 503],
  ['GATEWAY_TIMEOUT', 504],
])

/** Returns an item's code as an HTTP status. The Send API uses reason phrases, the other APIs numbers. */
const statusOf = (code: unknown): number => {
  const number = Number(textOf(code))
  if (Number.isInteger(number) && number >= 100 && number < 600) return number
  return REASON_PHRASES.get(textOf(code)) ?? 400
}

const byErrorCode = (errorCode: number): Answer => {
  switch (errorCode) {
    case 40102:
    case 40105:
      return { kind: 'app_jwt_refused' }
    case 40103:
    case 40104:
      return { kind: 'consumer_jws_refused' }
    default:
      return byStatus(Math.floor(errorCode / 100), String(errorCode))
  }
}

const byStatus = (status: number, reason: string): Answer => {
  if (status === 401) return { kind: 'app_jwt_refused' }
  if (status === 429) return { kind: 'unavailable', reason, mayHaveExecuted: false }
  if (status >= 400 && status < 500 && status !== 408) return { kind: 'rejected', reason }
  return { kind: 'unavailable', reason, mayHaveExecuted: true }
}

/** Not every JSON value can be converted: `String({ toString: null })` throws. */
const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : ''
