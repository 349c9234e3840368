import type { Problem, RequestStatus } from './types.ts'

/** What happened to a form's request. Each is an event: `conversation:opened` and so on. */
export type ConversationState =
  /** The request is being sent. */
  | 'sending'
  /** It could not be sent, or the service was busy. It is sent again, with the same id. */
  | 'retrying'
  /** The service has the request, and opens the conversation later. */
  | 'queued'
  /** The conversation is open. */
  | 'opened'
  /** The consumer already had an open conversation. */
  | 'existing'
  /** Fields have to be corrected: `errors`. */
  | 'invalid'
  /** The request ended otherwise: `code`. */
  | 'failed'

/** The detail of every event: the members of the service's response, if there is one. */
export interface ConversationDetail
  extends Partial<Omit<RequestStatus, 'status'>>,
    Partial<Pick<Problem, 'detail' | 'errors' | 'retryable'>> {
  /** The status of the request, or the HTTP status of a problem. */
  readonly status?: RequestStatus['status'] | Problem['status']
}

/** What is wrong with a field: `path` is its name. */
export type FieldError = NonNullable<Problem['errors']>[number]

declare global {
  interface HTMLElementEventMap
    extends Record<`conversation:${ConversationState}`, CustomEvent<ConversationDetail>> {}
}

const RECEIVED = 'Thank you. We have received your message.'

/**
 * The default texts for visitors, by state, by error code, by `messageStatus`, and a few more. An attribute `data-text-…` of the
 * form replaces one.
 */
const TEXTS: Readonly<Record<string, string>> = {
  sending: 'Sending…',
  retrying: 'Still sending…',
  offline: 'You are offline. Your message is waiting.',
  queued: RECEIVED,
  opened: RECEIVED,
  existing: 'Thank you. Your message is in your open conversation.',
  not_sent: 'Your message is not in your open conversation. Please try again.',
  continue: 'Go to the conversation',
  invalid: 'Please correct the marked fields.',
  failed: 'Your message could not be sent. Please try again.',
  unsent: 'Your message may not have been sent. Please try again.',
  payload_too_large: 'Your message is too long.',
  bot_check_failed: 'Please confirm that you are human, and try again.',
  consumer_token_invalid: 'Please sign in, and try again.',
  outcome_unknown: 'We may have received your message. Please don’t send it again.',
}

const textOf = (form: HTMLFormElement, name: string): string | undefined =>
  form.getAttribute(`data-text-${name}`) ?? TEXTS[name]

/**
 * Tells the page and the visitor what happened. If the page calls the event's `preventDefault`, nothing is
 * shown.
 *
 * @param name The text's name. Default, and if there is no such text: the state.
 */
export const tell = (
  form: HTMLFormElement,
  state: ConversationState,
  detail: ConversationDetail,
  name: string = state,
): undefined => {
  form.dataset.conversation = state
  // What was shown before is over, also if the page shows the rest itself.
  toStatusElement(form).textContent = ''
  const event = new CustomEvent(`conversation:${state}`, {
    detail,
    bubbles: true,
    composed: true,
    cancelable: true,
  })
  if (!form.dispatchEvent(event)) return
  const element = toStatusElement(form)
  element.textContent = textOf(form, name) ?? textOf(form, state) ?? ''
  const { continue: address } = detail
  const label = textOf(form, 'continue')
  if (label && address?.startsWith('https:')) {
    const link = document.createElement('a')
    link.href = address
    link.textContent = label
    element.append(' ', link)
  }
}

/** Returns the form's live region: the page's own, or a new one at the end of the form. */
export const toStatusElement = (form: HTMLFormElement): Element => {
  const element = form.querySelector('[role=status]') ?? document.createElement('p')
  if (!element.parentNode) form.append(element)
  element.setAttribute('role', 'status')
  return element
}

/** The note beside each control that was invalid once. */
const notes = new WeakMap<Element, Element>()
let serial = 0

/**
 * Shows errors beside their fields, and moves the focus to the first. Fields outside the form with its id as
 * `form` belong to it. Returns the first field with an error that the visitor can see. Undefined: there is
 * none.
 */
export const showFieldErrors = (
  form: HTMLFormElement,
  errors: readonly FieldError[],
): Element | undefined => {
  let first: Element | undefined
  // Disabled fields weren't sent. But a page may disable all of them while it waits.
  for (const state of [':enabled', ':disabled'])
    for (const control of first ? [] : form.elements) {
      const name = control.getAttribute('name')
      const error = errors.find(({ path }) => path === name)
      if (!error || !control.matches(`${state}:not([type=hidden])`)) continue
      let note = notes.get(control)
      if (!note) {
        // The page's own place, or a new one after the field or its label.
        const place = `[data-error-for="${CSS.escape(error.path)}"]`
        note = form.querySelector(place) ?? document.createElement('span')
        if (!note.parentNode) (control.closest('label') ?? control).after(note)
        note.setAttribute('data-error-for', error.path)
        note.id ||= `conversation-error-${++serial}`
        // It stays there: an empty note describes nothing.
        const described = control.getAttribute('aria-describedby') ?? ''
        control.setAttribute('aria-describedby', `${described} ${note.id}`.trim())
        notes.set(control, note)
      }
      note.textContent = control.getAttribute('data-error') ?? error.message
      control.setAttribute('aria-invalid', 'true')
      first ??= control
    }
  if (first instanceof HTMLElement) first.focus()
  return first
}

/** Removes the errors of the controls with one name. False: those of all controls. */
export const clearFieldErrors = (form: HTMLFormElement, name: string | false): void => {
  for (const control of form.elements) {
    const note = notes.get(control)
    if (!note || (name !== false && name !== control.getAttribute('name'))) continue
    note.textContent = ''
    control.removeAttribute('aria-invalid')
  }
}
