import { type FormContent, readContent } from './form-content.ts'

/** What is kept of a form's last request, so that a repeat of it is the same request. Nothing personal. */
export interface KeptRequest {
  readonly id: string
  /** A hash of the content. */
  readonly hash: number
  /** The `context.…` fields, URL-encoded. A repeat must have the same ones. */
  readonly context: string
  /** `done`: the conversation is open. Undefined: the visitor knows that it isn't. */
  readonly state?: 'sent' | 'queued' | 'done' | undefined
  /** Where the status of a queued request is. Default: the endpoint and the id. */
  readonly location?: string
}

/** The attribute of the forms that the client looks after. */
export const ATTRIBUTE = 'data-campaign-conversations'

/** For pages that may not store anything. */
const memory = new WeakMap<HTMLFormElement, KeptRequest | undefined>()

/** Returns what is kept of the form's last request: undefined if nothing is. */
export const keptOf = (form: HTMLFormElement): KeptRequest | undefined => {
  try {
    return memory.get(form) ?? JSON.parse(sessionStorage[slotOf(form)])
  } catch {
    return undefined
  }
}

/** Keeps a request over reloads of the page, in this tab. Undefined: forgets it. */
export const keep = (form: HTMLFormElement, kept?: KeptRequest): void => {
  memory.set(form, kept)
  try {
    sessionStorage[slotOf(form)] = JSON.stringify(kept)
  } catch {
    // The id then lasts as long as the page.
  }
}

/**
 * Returns a request with a new id, and with the ids of LivePerson's web tag, if the page has it and the form
 * doesn't have them.
 *
 * @see https://community.liveperson.com/kb/articles/473-connectors-monitor-unauth
 */
export const createRequest = ({ content, context }: FormContent): KeptRequest => {
  // Pages of some apps have no crypto.randomUUID.
  const id = crypto.getRandomValues(new Uint32Array(4)).join('-')
  const sdk = window.lpTag?.taglets?.lp_monitoringSDK
  if (sdk && !context.has('context.visitorId'))
    try {
      context.set('context.visitorId', sdk.getVid() ?? '')
      context.set('context.sessionId', sdk.getSid() ?? '')
    } catch {
      // The tag is still loading.
    }
  return { id, hash: hashOf(content), context: String(context) }
}

/** Returns the form's last request if this content repeats it. */
export const repeatedBy = (form: HTMLFormElement, { content }: FormContent): KeptRequest | undefined => {
  const kept = keptOf(form)
  return kept?.hash === hashOf(content) ? kept : undefined
}

/** Returns what the form says if the browser has kept the fields of its last request over a reload. */
export const restoredIn = (form: HTMLFormElement): FormContent | undefined => {
  const filled = readContent(form)
  return repeatedBy(form, filled) && filled
}

/**
 * Returns about 32 bits of a content, as `hashCode` of Java does. If another content has the same ones, the
 * service refuses the repeat, and the request gets a new id.
 */
const hashOf = (content: URLSearchParams): number => {
  let hash = 0
  for (const character of String(content)) hash = Math.imul(hash, 31) + character.charCodeAt(0)
  return hash
}

/** Returns the name under which a form's request is kept: the page, and the form in it. */
const slotOf = (form: HTMLFormElement): string => {
  const place = form.id || [...document.forms].indexOf(form)
  return ATTRIBUTE + location.pathname + place
}

declare global {
  interface Window {
    /** LivePerson's web tag. */
    readonly lpTag?: {
      readonly taglets?: {
        readonly lp_monitoringSDK?: {
          readonly getVid: () => string | undefined
          readonly getSid: () => string | undefined
        }
      }
    }
  }
}
