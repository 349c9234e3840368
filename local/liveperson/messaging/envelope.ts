import { isObject, type JsonObject } from '../json/value.ts'

/** One request to the Send API, `{kind, id, type, body}`. */
export interface Envelope {
  /** As text, in which form the answer repeats it. */
  readonly id: string
  readonly type: string
  readonly body: JsonObject
}

/**
 * Reads an envelope.
 *
 * @returns The envelope, or what is wrong with it.
 * @see https://developers.liveperson.com/connector-api-send-api-conversation.html
 */
export const readEnvelope = (value: unknown): Envelope | string => {
  if (!isObject(value)) return 'A request must be an object'
  const { kind, id, type, body } = value
  if (kind !== 'req') return 'kind must be req'
  if ((typeof id !== 'string' && typeof id !== 'number') || !/^.{1,64}$/su.test(String(id))) {
    return 'id must have 1 to 64 characters'
  }
  if (typeof type !== 'string') return 'type is missing'
  return isObject(body) ? { id: String(id), type, body } : 'body must be an object'
}
