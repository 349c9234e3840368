import { type Answer, call, verdictOf } from './answer.ts'
import { toBody } from './form-content.ts'
import { type ConversationDetail, type ConversationState, showFieldErrors, tell } from './form-messages.ts'
import { createRequest, endpointOf, type KeptRequest, keep } from './kept-request.ts'

/** A token of the signed-in consumer. Undefined: the consumer is anonymous. */
export type Token = string | undefined

/** What the page decides. Members are read when they are needed, so they can be set later, too. */
export interface SubmissionOptions {
  /**
   * Returns the signed-in consumer's token. Called before every attempt, so that it can renew the token.
   *
   * @param isRefused Whether the service has just refused the token that this function returned.
   */
  readonly token?: (form: HTMLFormElement, isRefused: boolean) => Token | PromiseLike<Token>
}

/** How many times a request is sent without an answer, and asked for without an outcome. */
const MAX_SENDS = 8
const MAX_ASKS = 30
/** How many times a request that was sent before a reload is asked for again while nobody knows it. */
const MAX_UNKNOWN = 3
/** The longest pause, in seconds. */
const MAX_PAUSE = 30
/** How long a form stays busy after its conversation was opened, in seconds: a second click may be late. */
const AFTERGLOW = 1
/** The most bytes that a request can have if it is to outlive its page. Browsers allow 64 KiB. */
const KEEPALIVE_LIMIT = 60_000

/** What is sent from a form, or followed up. */
interface Run {
  /** Whether another submit would be a double click. */
  isBusy: boolean
}

/** Returns `run`, which sends a form's requests, one at a time, and `runs`, the latest run of each form. */
export const createSubmissions = (options: SubmissionOptions) => {
  /** Earlier runs stop. */
  const runs = new WeakMap<HTMLFormElement, Run>()

  /**
   * Sends a request, or asks for it, until its outcome is final.
   *
   * @param content Undefined after a reload: the request can then be asked for, but not sent.
   * @param mayRenewId Whether the id was used before, so that it may be someone else's by now.
   */
  const run = async (
    form: HTMLFormElement,
    kept: KeptRequest,
    mayRenewId: boolean,
    content?: URLSearchParams,
  ): Promise<void> => {
    const self = { isBusy: content !== undefined }
    runs.set(form, self)
    let sends = 0
    let asks = 0
    let mayRenewToken = true

    const save = (changes: Partial<KeptRequest>) => {
      kept = { ...kept, ...changes }
      keep(form, kept)
    }
    const say = (state: ConversationState, detail?: ConversationDetail, text?: string) =>
      tell(form, state, { ...detail, requestId: kept.id }, text)

    /** Acts on an answer. Returns the seconds until the next call, undefined if there is none. */
    const act = (answer: Answer, isAsking: boolean): number | undefined => {
      const { body, retryAfter, location } = answer
      const { code, errors } = body
      const verdict = verdictOf(answer)
      const backOff = (tries: number) => Math.max(retryAfter || 0, Math.min(2 ** tries, MAX_PAUSE))
      const askAgain = () => (asks++ < MAX_ASKS ? backOff(asks) : undefined)
      switch (verdict) {
        case 'opened':
        case 'existing':
          save({ state: 'done' })
          say(verdict, body)
          return undefined
        case 'queued':
          self.isBusy = false
          save({ state: 'queued', ...(location && { location }) })
          if (asks === 0) say(verdict, body)
          return askAgain()
        case 'unknown':
          // A request isn't recorded at once.
          if (isAsking) return content || asks < MAX_UNKNOWN ? askAgain() : undefined
          break
        case 'lost':
        case 'busy':
          if (verdict === 'lost') save({ state: 'sent' })
          else if (isAsking) return askAgain()
          if (!content || ++sends === MAX_SENDS) break
          say('retrying', body)
          return backOff(sends - 1)
        case 'failed':
          // What visitors don't see, they can't correct.
          if (Array.isArray(errors) && showFieldErrors(form, errors)) {
            say('invalid', body)
            return undefined
          }
          if (code === 'consumer_token_invalid' && options.token && mayRenewToken) {
            mayRenewToken = false
            return 0
          }
          // The id belongs to another request, such as that of a consumer who has signed out since.
          if (code === 'request_id_reused' && content && mayRenewId) {
            mayRenewId = false
            save(createRequest(content, new URLSearchParams(kept.context)))
            return 0
          }
          // Final for this id.
          if (code === 'liveperson_rejected') keep(form)
      }
      say('failed', body, code)
      return undefined
    }

    const toInit = async (body: URLSearchParams): Promise<RequestInit> => {
      const token = await options.token?.(form, !mayRenewToken)
      return {
        method: 'POST',
        body,
        headers: token ? { authorization: `Bearer ${token}` } : {},
        // A request that was sent outlives its page.
        keepalive: String(body).length < KEEPALIVE_LIMIT,
      }
    }

    if (content) say('sending')
    for (let pause: number | undefined = 0; pause !== undefined; ) {
      await sleep(pause * (1 + Math.random() / 4))
      if (!navigator.onLine) {
        if (content) say('retrying', {}, 'offline')
        await new Promise((resolve) => addEventListener('online', resolve, { once: true }))
      }
      if (runs.get(form) !== self) return
      const isAsking = !content || kept.state === 'queued'
      const answer = await (isAsking
        ? call(kept.location ?? `${endpointOf(form)}/${kept.id}`)
        : call(endpointOf(form), () => toInit(toBody(form, content, kept))))
      if (runs.get(form) !== self) return
      pause = act(answer, isAsking)
    }
    if (kept.state === 'done') await sleep(AFTERGLOW)
    self.isBusy = false
  }

  return { runs, run }
}

const sleep = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000))
