import { readContent } from './form-content.ts'
import { clearFieldErrors, showFieldErrors, tell, toStatusElement } from './form-messages.ts'
import { ATTRIBUTE, createRequest, hashOf, keep, keptOf } from './kept-request.ts'
import { createSubmissions, type SubmissionOptions } from './submission.ts'

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
  const { runs, run } = createSubmissions(options)

  const onSubmit = (event: SubmitEvent) => {
    const { target: form, submitter } = event
    // A page's own check may have stopped it, and a button may only close its dialog.
    if (!isOurs(form) || event.defaultPrevented || submitter?.matches('[formmethod=dialog]')) return
    event.preventDefault()
    if (runs.get(form)?.isBusy) return
    clearFieldErrors(form)
    const { content, context, errors } = readContent(form, submitter)
    if (errors[0]) {
      showFieldErrors(form, errors)
      return tell(form, 'invalid', { errors })
    }
    const kept = keptOf(form)
    const isRepeat = !!kept && kept.hash === hashOf(kept.id, content)
    const request = isRepeat ? kept : createRequest(content, context)
    keep(form, request)
    run(form, request, isRepeat, content)
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
    if (request && request.state !== 'done') run(form, request, true)
  }
}

const isOurs = (target: unknown): target is HTMLFormElement =>
  target instanceof HTMLFormElement && target.hasAttribute(ATTRIBUTE)
