import { isRecord, type JsonRecord, parseLenientJson } from '../request/lenient-json.ts'
import { describeAnswer, type HttpAnswer } from './http.ts'

/** The call that was answered: CONVERSATION or SEND. */
export type AnsweredCall = 'create' | 'send'

/** The meaning of LivePerson's answer to CONVERSATION or SEND. */
export type Answer =
  | { readonly kind: 'ok'; readonly body: JsonRecord }
  /** CONVERSATION only. */
  | { readonly kind: 'already_open' }
  /** SEND only. */
  | { readonly kind: 'closed' }
  | { readonly kind: 'app_jwt_refused' }
  | { readonly kind: 'consumer_jws_refused' }
  /** CONVERSATION only: the documented refusal of this request. `reason` is LivePerson's code. */
  | { readonly kind: 'rejected'; readonly reason: string }
  /**
   * Any other answer. `reason` says what was seen, without LivePerson's texts. `mayHaveExecuted`: LivePerson
   * may have executed the request.
   */
  | { readonly kind: 'unavailable'; readonly reason: string; readonly mayHaveExecuted: boolean }

/**
 * Returns what an answer means. Any status may come with any of the documented bodies (an array with one item
 * per request, a single item, or an error object), so the body is read before the status. Never throws.
 *
 * Only one answer to CONVERSATION is a final refusal: an array whose item with the reqId has the code
 * BAD_REQUEST or 400, with HTTP 400 or 2xx, unless its text may mean that a conversation is open. Whatever
 * isn't documented is `unavailable`.
 *
 * @param reqId Selects the item in an array: the id of the request in question.
 * @see https://developers.liveperson.com/connector-api-send-api-conversation.html#response
 */
export const readAnswer = (answer: HttpAnswer, reqId: string, call: AnsweredCall): Answer => {
  const { status } = answer
  const parsed = parseLenientJson(answer.body)
  if (isRecord(parsed)) {
    if (isRecord(parsed.body) && 'errorCode' in parsed.body) return byErrorCode(parsed.body.errorCode, status)
    if ('code' in parsed) return byItem(parsed, { status, call, isOwnElement: false })
  }
  if (Array.isArray(parsed)) {
    const { item, isOwnElement } = itemOf(parsed.filter(isRecord), reqId)
    if (item) return byItem(item, { status, call, isOwnElement })
  }
  return byStatus(status, describeAnswer(answer))
}

/**
 * Returns whether an answer to CONVERSATION says that LivePerson did not take the consumer's profile, for
 * whatever reason. An answer that doesn't mention the profile says nothing.
 *
 * @param reqId The id of the profile's request.
 */
export const isProfileRefused = ({ body }: HttpAnswer, reqId: string): boolean => {
  const parsed = parseLenientJson(body)
  if (!Array.isArray(parsed)) return false
  const { item, isOwnElement } = itemOf(parsed.filter(isRecord), reqId)
  return isOwnElement && !isSuccess(statusOf(item?.code))
}

/**
 * Returns the item with the reqId. If LivePerson repeats or invents reqIds, returns the item with a
 * conversationId, or else the last of several. A single item that has neither the reqId nor a conversationId
 * is ignored.
 */
const itemOf = (
  items: readonly JsonRecord[],
  reqId: string,
): { readonly item: JsonRecord | undefined; readonly isOwnElement: boolean } => {
  const matching = items.filter((item) => textOf(item.reqId) === reqId)
  if (matching.length === 1) return { item: matching[0], isOwnElement: true }
  const candidates = matching.length > 1 ? matching : items
  const opened = candidates.find(({ body }) => isRecord(body) && 'conversationId' in body)
  return { item: opened ?? (candidates.length > 1 ? candidates.at(-1) : undefined), isOwnElement: false }
}

/** LivePerson has no code for these two, only a text. */
const MARKERS = {
  create: { text: 'already has open conversation', kind: 'already_open' },
  send: { text: 'conversation is close', kind: 'closed' },
} as const

/** Other words that LivePerson might use for an open conversation. Such a refusal may not be final. */
const MAY_MEAN_OPEN = /\balready\b|\bopen\b|\b(active|existing|ongoing|current) conversation\b/

const byItem = (
  { code, body }: JsonRecord,
  {
    status,
    call,
    isOwnElement,
  }: { readonly status: number; readonly call: AnsweredCall; readonly isOwnElement: boolean },
): Answer => {
  const content = isRecord(body) ? body : {}
  const meaning = statusOf(code)
  if (isSuccess(meaning) || typeof content.conversationId === 'string') return { kind: 'ok', body: content }
  const reason = `the item code ${nameOf(code) ?? '(unknown)'}`
  if (meaning === undefined) return byStatus(status, reason)

  if (isRefusal(meaning) && (isSuccess(status) || isRefusal(status))) {
    const text = typeof content.msg === 'string' ? content.msg.toLowerCase() : ''
    const marker = MARKERS[call]
    if (text.includes(marker.text)) return { kind: marker.kind }
    const isDocumented =
      call === 'create' && isOwnElement && meaning === 400 && (status === 400 || isSuccess(status))
    if (isDocumented && !MAY_MEAN_OPEN.test(text)) return { kind: 'rejected', reason: textOf(code) }
  }
  const isLost = isAmbiguous(meaning) || (isAmbiguous(status) && !isSuccess(status))
  if (meaning === 401 && !isLost) return { kind: 'app_jwt_refused' }
  return { kind: 'unavailable', reason, mayHaveExecuted: isLost }
}

const REASON_PHRASES: ReadonlyMap<string, number> = new Map([
  ['OK', 200],
  ['CREATED', 201],
  ['ACCEPTED', 202],
  ['BAD_REQUEST', 400],
  ['UNAUTHORIZED', 401],
  ['FORBIDDEN', 403],
  ['NOT_FOUND', 404],
  ['REQUEST_TIMEOUT', 408],
  ['CONFLICT', 409],
  ['TOO_MANY_REQUESTS', 429],
  ['INTERNAL_SERVER_ERROR', 500],
  ['NOT_IMPLEMENTED', 501],
  ['BAD_GATEWAY', 502],
  ['SERVICE_UNAVAILABLE', 503],
  ['GATEWAY_TIMEOUT', 504],
  ['HTTP_VERSION_NOT_SUPPORTED', 505],
  ['VARIANT_ALSO_NEGOTIATES', 506],
  ['INSUFFICIENT_STORAGE', 507],
  ['LOOP_DETECTED', 508],
  ['BANDWIDTH_LIMIT_EXCEEDED', 509],
  ['NOT_EXTENDED', 510],
  ['NETWORK_AUTHENTICATION_REQUIRED', 511],
])

/**
 * Returns an item's code as an HTTP status, undefined if it is neither a status nor a known phrase. The Send
 * API uses reason phrases, the other APIs numbers.
 */
const statusOf = (code: unknown): number | undefined => {
  const number = Number(textOf(code))
  return isStatus(number) ? number : REASON_PHRASES.get(textOf(code))
}

/** Returns an item's code if it has the form of one, not that of a text. */
const nameOf = (code: unknown): string | undefined => {
  const text = textOf(code)
  return /^([A-Z_]{1,40}|\d{3})$/.test(text) ? text : undefined
}

const byErrorCode = (given: unknown, status: number): Answer => {
  const errorCode = Number(textOf(given))
  switch (errorCode) {
    case 40102:
    case 40105:
      return { kind: 'app_jwt_refused' }
    case 40103:
    case 40104:
      return { kind: 'consumer_jws_refused' }
  }
  // The first three digits are an HTTP status.
  const meaning = Math.floor(errorCode / 100)
  if (!Number.isInteger(errorCode) || !isStatus(meaning)) return byStatus(status, 'an unknown error code')
  const isLost = isAmbiguous(meaning) || (isAmbiguous(status) && !isSuccess(status))
  if (meaning === 401 && !isLost) return { kind: 'app_jwt_refused' }
  return { kind: 'unavailable', reason: `error code ${errorCode}`, mayHaveExecuted: isLost }
}

const byStatus = (status: number, reason: string): Answer =>
  status === 401
    ? { kind: 'app_jwt_refused' }
    : { kind: 'unavailable', reason, mayHaveExecuted: isAmbiguous(status) }

const isStatus = (number: number) => Number.isInteger(number) && number >= 100 && number < 600

const isSuccess = (status: number | undefined) => status !== undefined && status >= 200 && status < 300

/** Whether a status says that LivePerson looked at the request and refused it. */
const isRefusal = (status: number) => !isAmbiguous(status) && status !== 401 && status !== 429

/** Whether a request with this status, and no result, may have been executed. */
const isAmbiguous = (status: number) => status < 400 || status >= 500 || status === 408

/** Not every JSON value can be converted: `String({ toString: null })` throws. */
const textOf = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? String(value) : ''
