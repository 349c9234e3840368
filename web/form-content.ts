import type { FieldError } from './form-messages.ts'

/** What a form says. */
export interface FormContent {
  /** What makes it the same request or another one. */
  readonly content: URLSearchParams
  /** Where the visitor comes from: `context.…`. It may differ in a repeat of the same request. */
  readonly context: URLSearchParams
  /** The bot check's token, URL-encoded. It may differ in every attempt. */
  readonly challenge: string
  /** Fields with files, which the service doesn't take. */
  readonly errors: readonly FieldError[]
}

/**
 * Returns what the form would post: its fields, including those outside it with its id as `form`, and the
 * value of the pressed button.
 */
export const readContent = (form: HTMLFormElement, submitter?: HTMLElement | null): FormContent => {
  const content = new URLSearchParams()
  const context = new URLSearchParams()
  const challenge = new URLSearchParams()
  const errors: FieldError[] = []
  for (const [name, value] of new FormData(form, submitter)) {
    if (typeof value !== 'string') {
      // An empty file field has a file without a name.
      if (value.name) errors.push({ path: name, message: 'Files can’t be sent.' })
    } else if (name.startsWith('context.')) context.append(name, value)
    // The widgets' own: cf-turnstile-response, h-captcha-response and g-recaptcha-response.
    else if (name.endsWith('-response')) challenge.append(name, value)
    else if (name !== 'requestId') content.append(name, value)
  }
  const { route } = form.dataset
  if (route && !content.has('route')) content.set('route', route)
  return { content, context, challenge: String(challenge), errors }
}
