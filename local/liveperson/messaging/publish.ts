import { type Check, integer, list, must, object, oneOf, text } from '../json/check.ts'
import { isObject, type JsonObject } from '../json/value.ts'
import type { State } from '../state/state.ts'
import type { Conversation } from '../state/store.ts'

/**
 * Publishes the event of an `ms.PublishEvent` body.
 *
 * @returns The event's sequence number, `undefined` for a chat state, which has none, or what is wrong with
 *   the event.
 */
export const publish = (
  state: State,
  conversation: Conversation,
  body: JsonObject,
): number | string | undefined => {
  const { event } = body
  if (!isObject(event)) return 'event is missing'
  const check = Object.hasOwn(events, String(event.type)) ? events[String(event.type)] : undefined
  if (check === undefined) return 'event.type is unknown'
  const problem = check(event, 'event')
  if (problem !== undefined) return problem
  if (event.type === 'ChatStateEvent') return undefined
  if (event.type === 'AcceptStatusEvent') return state.store.publish(conversation)
  const content = event.message ?? event.content
  return state.store.publish(conversation, typeof content === 'string' ? content : JSON.stringify(content))
}

const file = object(
  { caption: text, relativePath: text, fileType: oneOf('JPG', 'JPEG', 'PNG', 'GIF', 'IMG', 'TXT', 'PDF') },
  { required: ['relativePath', 'fileType'] },
)

const filled = must('a non-empty string', (value) => typeof value === 'string' && value !== '')

const content: Check = (event, path) => {
  if (!isObject(event)) return `${path} must be an object`
  if (event.contentType === 'text/plain') return filled(event.message, `${path}.message`)
  if (event.contentType === 'hosted/file') return file(event.message, `${path}.message`)
  return `${path}.contentType must be text/plain or hosted/file`
}

const rich: Check = (event, path) =>
  isObject(event) && (event.message ?? event.content) !== undefined ? undefined : `${path}.content is missing`

const events: Readonly<Record<string, Check>> = {
  ContentEvent: content,
  RichContentEvent: rich,
  ChatStateEvent: object(
    { chatState: oneOf('ACTIVE', 'INACTIVE', 'GONE', 'COMPOSING', 'PAUSE', 'BACKGROUND') },
    { required: ['chatState'] },
  ),
  AcceptStatusEvent: object(
    { status: oneOf('ACCEPT', 'READ', 'ACCESS', 'NACK', 'ACTION'), sequenceList: list(integer) },
    { required: ['status', 'sequenceList'] },
  ),
}
