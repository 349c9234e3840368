import { readContent } from './form-content.ts'
import { clearFieldErrors, showFieldErrors, tell, toStatusElement } from './form-messages.ts'
import { ATTRIBUTE, createRequest, keep, keptOf, repeatedBy } from './kept-request.ts'
import { run, runs, type SubmissionOptions } from './submission.ts'

export type { ConversationDetail, ConversationState, FieldError } from './form-messages.ts'

export interface FormClientOptions extends SubmissionOptions {
  /**
   * Where the forms are. Default: the document. For forms in a shadow root, it has to be that root: a
   * browser's `submit` events don't leave it.
   */
  readonly root?: Pick<Document, 'addEventListener' | 'querySelectorAll'>
}

/**
 * Lets every form with the attribute `data-campaign-conversations` open a conversation, including those that
 * are added later. Continues the requests that a reload interrupted.
 */
export const start = (options: FormClientOptions = {}): void => {
  const { root = document } = options

  const onSubmit = (event: SubmitEvent) => {
    const { target: form, submitter } = event
    // A page's own check may have stopped it, and a button may do something else, such as close a dialog.
    const isElsewhere = submitter?.matches('[formaction],[formmethod]:not([formmethod=post i])')
    if (!isOurs(form) || event.defaultPrevented || isElsewhere) return
    event.preventDefault()
    if (runs.get(form)?.isBusy) return
    clearFieldErrors(form, false)
    const filled = readContent(form, submitter)
    const { errors } = filled
    if (showFieldErrors(form, errors)) return tell(form, 'invalid', { errors })
    run(options, form, repeatedBy(form, filled) ?? createRequest(filled), filled)
  }

  const onEdit = ({ type, target }: Event) => {
    const { form = target, name } = Object(target)
    if (!isOurs(form)) return
    clearFieldErrors(form, type === 'input' && name)
    // Whoever enters the same again after the conversation was opened wants another one.
    if (keptOf(form)?.state === 'done') keep(form)
    // Pages reset the form when its conversation was opened. A second click may still come.
    if (type === 'input' && !keptOf(form)) runs.delete(form)
  }

  root.addEventListener('input', onEdit)
  root.addEventListener('reset', onEdit)
  root.addEventListener('submit', onSubmit)
  for (const form of root.querySelectorAll<HTMLFormElement>(`form[${ATTRIBUTE}]`)) {
    // What is new together with its text isn't announced.
    toStatusElement(form)
    const request = keptOf(form)
    if (request?.state && request.state !== 'done') run(options, form, request)
  }
}

const isOurs = (target: unknown): target is HTMLFormElement =>
  target instanceof HTMLElement && target.matches(`form[${ATTRIBUTE}]`)
