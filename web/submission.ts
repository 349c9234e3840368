import { type Answer, call, verdictOf } from './answer.ts'
import { type FormContent, readContent } from './form-content.ts'
import { type ConversationDetail, type ConversationState, showFieldErrors, tell } from './form-messages.ts'
import { ATTRIBUTE, createRequest, type KeptRequest, keep, restoredIn } from './kept-request.ts'
import { AFTERGLOW, KEEPALIVE_LIMIT, MAX_ASKS, MAX_PAUSE, MAX_RETRIES, MAX_UNKNOWN } from './limits.ts'

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

/** What is sent from a form, or followed up. */
interface Run {
  /** Whether another submit would be a double click. */
  isBusy: boolean
}

/** The latest run of each form. Earlier ones stop. */
export const runs = new WeakMap<HTMLFormElement, Run>()

/**
 * Sends a request, or asks for it, until its outcome is final.
 *
 * @param filled What the form said. Undefined after a reload: the request can then only be asked for, unless the
 * browser has kept the fields.
 */
export const run = async (
  options: SubmissionOptions,
  form: HTMLFormElement,
  kept: KeptRequest,
  filled?: FormContent,
): Promise<void> => {
  // `form.action` may be a field with that name.
  const endpoint = form.getAttribute(ATTRIBUTE) || form.getAttribute('action') || ''
  const self = { isBusy: !!filled }
  runs.set(form, self)
  let sends = 0
  let asks = 0
  let mayRenewToken = true
  let mayRenewId = true

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
    const verdict = verdictOf(answer, isAsking)
    const isToldQueued = form.dataset.conversation === 'queued'
    const backOff = (tries: number) => Math.min(Math.max(retryAfter || 0, 2 ** tries), MAX_PAUSE)
    const askAgain = () => (asks++ < MAX_ASKS ? backOff(asks) : undefined)
    const end = (event: ConversationState, text?: string, state?: 'done') => {
      save({ state })
      // A repeat with the same id would change nothing.
      if (code === 'liveperson_rejected' || body.messageStatus === 'not_sent') keep(form)
      return say(event, body, text)
    }
    if (verdict === 'busy' && isAsking && (isToldQueued || asks < MAX_UNKNOWN)) return askAgain()
    switch (verdict) {
      case 'opened':
      case 'existing':
        return end(verdict, body.messageStatus, 'done')
      case 'queued':
      case 'opening':
        self.isBusy = false
        save({ state: 'queued', ...(location && { location }) })
        if (!isToldQueued) say('queued', body)
        return askAgain()
      case 'busy':
      // No queue holds the request.
      case 'failed':
        filled ??= restoredIn(form)
        if (!filled) return end('failed', 'unsent')
        if (sends === MAX_RETRIES) break
        save({ state: 'sent' })
        say('retrying', body)
        return backOff(sends++)
      default:
        // What visitors don't see, they can't correct. What isn't from the service may be no list.
        if (errors?.find && showFieldErrors(form, errors)) return end('invalid')
        if (code === 'consumer_token_invalid' && options.token && mayRenewToken) {
          mayRenewToken = false
          return 0
        }
        // The id belongs to another request, such as that of a consumer who has signed out since.
        if (code === 'request_id_reused' && filled && mayRenewId) {
          mayRenewId = false
          save(createRequest(filled))
          return 0
        }
    }
    return end('failed', code)
  }

  const toInit = async (sent: FormContent): Promise<RequestInit> => {
    const token = await options.token?.(form, !mayRenewToken)
    // The page may have disabled its fields meanwhile.
    const solved = readContent(form).challenge || sent.challenge
    const body = `${sent.content}&${kept.context}&${solved}&requestId=${kept.id}`
    return {
      method: 'POST',
      body: new URLSearchParams(body),
      headers: token ? { authorization: `Bearer ${token}` } : {},
      // A request that was sent outlives its page.
      keepalive: body.length < KEEPALIVE_LIMIT,
    }
  }

  if (kept.state !== 'queued') save({ state: 'sent' })
  else if (!filled) say('queued')
  if (filled) say('sending')
  for (let pause: number | undefined = 0; pause !== undefined; ) {
    await sleep(pause * (1 + Math.random() / 4))
    if (!navigator.onLine) {
      if (filled) say('retrying', {}, 'offline')
      await new Promise((resolve) => addEventListener('online', resolve))
    }
    if (runs.get(form) !== self) return
    const sent = kept.state !== 'queued' && filled
    const answer = await (sent
      ? call(endpoint, () => toInit(sent))
      : call(kept.location ?? `${endpoint}/${kept.id}`))
    if (runs.get(form) !== self) return
    pause = act(answer, !sent)
  }
  if (kept.state === 'done') await sleep(AFTERGLOW)
  self.isBusy = false
}

const sleep = (seconds: number): Promise<void> =>
  new Promise((resolve) => setTimeout(resolve, seconds * 1000))
