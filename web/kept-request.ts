import { addMonitoringIds } from './form-content.ts'

/** What is kept of a form's last request, so that a repeat of it is the same request. Nothing personal. */
export interface KeptRequest {
  readonly id: string
  /** A hash of the id and the content. */
  readonly hash: number
  /** The `context.…` fields, URL-encoded. A repeat must have the same ones. */
  readonly context: string
  /** `done`: the conversation is open. */
  readonly state: 'sent' | 'queued' | 'done'
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

/** Returns a request with a new id. */
export const createRequest = (content: URLSearchParams, context: URLSearchParams): KeptRequest => {
  // Pages of some apps have no crypto.randomUUID.
  const id = crypto.getRandomValues(new Uint32Array(4)).join('-')
  addMonitoringIds(context)
  return { id, hash: hashOf(id, content), context: String(context), state: 'sent' }
}

/**
 * Returns 32 bits of a request's id and content: FNV-1a. If another content has the same ones, the service
 * refuses the repeat, and the request gets a new id.
 */
export const hashOf = (id: string, content: URLSearchParams): number => {
  let hash = 0
  for (const character of id + content) hash = Math.imul(hash ^ character.charCodeAt(0), 0x01000193)
  return hash
}

/** Returns the name under which a form's request is kept: the page, and the form in it. */
const slotOf = (form: HTMLFormElement): string => {
  const place = form.id || [...document.forms].indexOf(form)
  return [ATTRIBUTE, location.pathname, place].join(' ')
}

/** Returns the address of `POST /conversations`. */
export const endpointOf = (form: HTMLFormElement): string =>
  // `form.action` may be a field with that name.
  form.getAttribute(ATTRIBUTE) || form.getAttribute('action') || ''
