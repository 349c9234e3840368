import { LivePersonUnavailableError } from '../errors/errors.ts'
import { createAddressBook } from '../net/address-book.ts'
import type { Outbound } from '../net/outbound.ts'
import { parseLenientJson } from '../request/lenient-json.ts'
import { isTrusted } from './hosts.ts'

/** Time limit of one call, in milliseconds. */
const MAX_TIMEOUT_MS = 10_000
/** The pause that LivePerson advises after a 429 to a token request, in milliseconds. */
const TOKEN_RETRY_AFTER_MS = 5000
/** The longest pause that a `Retry-After` may ask for, in milliseconds. */
const MAX_RETRY_AFTER_MS = 900_000
const MAX_ANSWER_BYTES = 1024 * 1024

/** One call to LivePerson. */
export interface HttpRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** Milliseconds since the epoch. A call also ends after 10 s. */
  readonly deadline: number
  /** Whether repeating the call does no harm. A lost answer then leaves nothing in doubt. */
  readonly repeatable: boolean
}

/** LivePerson's answer, with any status. */
export interface HttpAnswer {
  readonly status: number
  readonly body: string
  /** The pause that `Retry-After` asks for, in milliseconds from now, 15 minutes at most. */
  readonly retryAfterMs: number | undefined
}

/** Makes one call to LivePerson. See {@link createHttp}. */
export type Http = (request: HttpRequest) => Promise<HttpAnswer>

/**
 * Returns the one function that calls LivePerson. It calls trusted hosts only, limits the time of each call
 * and doesn't follow redirects.
 *
 * It throws LivePersonUnavailableError if no complete answer was read, with `mayHaveExecuted` if LivePerson
 * may have executed a call that isn't repeatable.
 *
 * @param options.now Milliseconds since the epoch.
 * @param options.loopback Whether hosts on this machine are trusted.
 */
export const createHttp = ({
  outbound,
  now,
  loopback,
}: {
  readonly outbound: Outbound
  readonly now: () => number
  readonly loopback: boolean
}): Http => {
  const toTrusted = createAddressBook((address) => isTrusted(new URL(address), loopback))
  return async ({ deadline, repeatable, ...request }) => {
    if (!toTrusted(request.url))
      throw new LivePersonUnavailableError({
        detail: 'The host does not belong to LivePerson.',
        mayHaveExecuted: false,
      })
    const timeoutMs = Math.min(MAX_TIMEOUT_MS, deadline - now())
    if (timeoutMs <= 0)
      throw new LivePersonUnavailableError({
        detail: 'No time was left to call LivePerson.',
        mayHaveExecuted: false,
      })
    const result = await outbound({ ...request, timeoutMs, maxAnswerBytes: MAX_ANSWER_BYTES })
    switch (result.kind) {
      case 'answer': {
        const { status, headers, body } = result
        return { status, body, retryAfterMs: toMilliseconds(headers['retry-after'], now()) }
      }
      case 'not_sent':
        throw new LivePersonUnavailableError({
          detail: 'LivePerson could not be reached.',
          mayHaveExecuted: false,
          connectionFailed: true,
          trouble: 'silent',
          cause: result.cause,
        })
      case 'may_have_been_sent':
        throw new LivePersonUnavailableError({
          detail: 'LivePerson did not answer.',
          mayHaveExecuted: !repeatable,
          trouble: 'silent',
          cause: result.cause,
        })
    }
  }
}

/**
 * Throws if the status of an answer to a repeatable call isn't 2xx. No status proves that a repeat would fail
 * too.
 *
 * @param service Name of the LivePerson service, for the error's message.
 * @throws {LivePersonUnavailableError} Its message says what was seen.
 */
export const throwForStatus = (service: string, answer: HttpAnswer): void => {
  const { status, retryAfterMs: askedMs } = answer
  if (status >= 200 && status < 300) return
  throw new LivePersonUnavailableError({
    detail: `${service} answered ${describeAnswer(answer)}.`,
    mayHaveExecuted: false,
    trouble: status === 429 ? 'busy' : 'failed',
    retryAfterMs: status === 429 ? Math.max(TOKEN_RETRY_AFTER_MS, askedMs ?? 0) : askedMs,
  })
}

/** Returns what an answer is, without any of its text: `HTTP 403 with HTML`, `HTTP 404 without a body`. */
export const describeAnswer = ({ status, body }: Pick<HttpAnswer, 'status' | 'body'>): string => {
  const text = body.trim()
  if (text === '') return `HTTP ${status} without a body`
  if (text.startsWith('<')) return `HTTP ${status} with HTML`
  return `HTTP ${status} with ${parseLenientJson(text) === undefined ? 'plain text' : 'JSON'}`
}

const toMilliseconds = (retryAfter: string | undefined, now: number): number | undefined => {
  if (retryAfter === undefined) return undefined
  const ms = /^\d{1,9}$/.test(retryAfter.trim()) ? Number(retryAfter) * 1000 : Date.parse(retryAfter) - now
  return Number.isNaN(ms) ? undefined : Math.min(MAX_RETRY_AFTER_MS, Math.max(0, ms))
}
