import type { HttpAnswer } from './http.ts'
import { isRecord, type JsonRecord, parseAnswer } from './json-answer.ts'

/** What LivePerson's answer to CONVERSATION or SEND comes down to. */
export type Answer =
  | { readonly kind: 'ok'; readonly body: JsonRecord }
  | { readonly kind: 'already_open' }
  | { readonly kind: 'closed' }
  | { readonly kind: 'app_jwt_refused' }
  | { readonly kind: 'consumer_jws_refused' }
  /** `reason` is a code of LivePerson's, never its text. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /** `reached`: it may have been carried out all the same. */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly reached: boolean }

/**
 * Reads an answer in any of its documented shapes, the body before the status: an array with a code for each request, a
 * single item, or an error object.
 *
 * @param reqId The request whose answer is wanted; the other elements are of other requests.
 * @see https://developers.liveperson.com/connector-api-send-api-conversation.html#response
 */
export const readAnswer = ({ status, body }: HttpAnswer, reqId: string): Answer => {
  const said = parseAnswer(body)
  if (isRecord(said)) {
    if (isRecord(said.body) && 'errorCode' in said.body) return byErrorCode(Number(said.body.errorCode))
    if ('code' in said) return byItem(said)
  }
  if (Array.isArray(said)) {
    const item = itemOf(said.filter(isRecord), reqId)
    if (item) return byItem(item)
  }
  // A page of a proxy or of a host that has moved, not an answer of LivePerson's.
  if (said === undefined && body.trim() !== '' && status >= 400 && status < 500 && status !== 401)
    return { kind: 'unavailable', reason: String(status), reached: false }
  return byStatus(status, String(status))
}

/** By reqId; where LivePerson gave two elements the same one, by what only a conversation has, else the last. */
const itemOf = (items: readonly JsonRecord[], reqId: string): JsonRecord | undefined => {
  const matching = items.filter((item) => String(item.reqId) === reqId)
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
  // Only the text tells these two from other bad requests.
  if (text.includes('already has open conversation')) return { kind: 'already_open' }
  if (text.includes('conversation is close')) return { kind: 'closed' }
  return byStatus(status, typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? code : String(status))
}

const REASON_PHRASES: Readonly<Record<string, number>> = {
  OK: 200,
  CREATED: 201,
  ACCEPTED: 202,
  UNAUTHORIZED: 401,
  REQUEST_TIMEOUT: 408,
  TOO_MANY_REQUESTS: 429,
  INTERNAL_SERVER_ERROR: 500,
  BAD_GATEWAY: 502,
  SERVICE_UNAVAILABLE: 503,
  GATEWAY_TIMEOUT: 504,
}

/** The Send API has reason phrases where LivePerson's other APIs have numbers. */
const statusOf = (code: unknown): number => {
  const number = Number(code)
  if (Number.isInteger(number) && number >= 100 && number < 600) return number
  return REASON_PHRASES[String(code)] ?? 400
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
  if (status === 429) return { kind: 'unavailable', reason, reached: false }
  if (status >= 400 && status < 500 && status !== 408) return { kind: 'rejected', reason }
  return { kind: 'unavailable', reason, reached: true }
}
