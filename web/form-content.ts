import type { FieldError } from './form-messages.ts'

/** What a form says. */
export interface FormContent {
  /** What makes it the same request or another one. */
  readonly content: URLSearchParams
  /** Where the visitor comes from: `context.…`. It may differ in a repeat of the same request. */
  readonly context: URLSearchParams
  /** Fields with files, which the service doesn't take. */
  readonly errors: readonly FieldError[]
}

/** The fields of the bot checks' widgets. Their tokens differ in every attempt. */
const CHALLENGES = ['cf-turnstile-response', 'h-captcha-response', 'g-recaptcha-response']

const ID = 'requestId'

/**
 * Returns what the form would post: its fields, including those outside it with its id as `form`, and the
 * value of the pressed button.
 */
export const readContent = (form: HTMLFormElement, submitter: HTMLElement | null): FormContent => {
  const content = new URLSearchParams()
  const context = new URLSearchParams()
  const errors: FieldError[] = []
  for (const [name, value] of new FormData(form, submitter)) {
    if (typeof value !== 'string') {
      // An empty file field has a file without a name.
      if (value.name) errors.push({ path: name, message: 'Files can’t be sent.' })
    } else if (name.startsWith('context.')) context.append(name, value)
    else if (name !== ID && !CHALLENGES.includes(name)) content.append(name, value)
  }
  const { route } = form.dataset
  if (route && !content.has('route')) content.set('route', route)
  return { content, context, errors }
}

/** Returns the body of an attempt. The challenge is the one that the form has now. */
export const toBody = (
  form: HTMLFormElement,
  content: URLSearchParams,
  { id, context }: { readonly id: string; readonly context: string },
): URLSearchParams => {
  const body = new URLSearchParams(`${content}&${context}`)
  body.set(ID, id)
  for (const [name, token] of new FormData(form)) if (CHALLENGES.includes(name)) body.set(name, String(token))
  return body
}

/**
 * Adds the ids of LivePerson's web tag, if the page has it and the form doesn't have them.
 *
 * @see https://community.liveperson.com/kb/articles/473-connectors-monitor-unauth
 */
export const addMonitoringIds = (context: URLSearchParams): void => {
  const sdk = window.lpTag?.taglets?.lp_monitoringSDK
  if (sdk && !context.has('context.visitorId'))
    try {
      context.set('context.visitorId', sdk.getVid() ?? '')
      context.set('context.sessionId', sdk.getSid() ?? '')
    } catch {
      // The tag is still loading.
    }
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
