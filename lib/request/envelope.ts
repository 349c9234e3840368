import { InvalidRequestError } from '../errors/errors.ts'
import { toRequestId } from './conversation-request.ts'
import { isRecord } from './lenient-json.ts'
import { parseJson } from './strict-json.ts'

/** A record's content without its envelopes. */
export interface Unwrapped {
  readonly input: unknown
  /**
   * The id that the innermost envelope gave the event. `undefined` without an envelope, or if the id is not a
   * valid request id.
   */
  readonly eventId: string | undefined
}

/**
 * Removes the envelopes of SNS and EventBridge from a record's parsed JSON. One may be inside the other.
 * Anything else is returned as it is.
 *
 * @throws {InvalidRequestError} The message in an SNS envelope is not valid JSON.
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-sqs-as-subscriber.html
 * @see https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
 */
export const unwrap = (input: unknown, eventId?: string): Unwrapped => {
  if (!isRecord(input)) return { input, eventId }
  if (input.Type === 'Notification' && 'Message' in input && 'MessageId' in input) {
    if (typeof input.Message !== 'string')
      throw new InvalidRequestError([{ path: 'Message', message: 'must be a string' }])
    return unwrap(parseJson(input.Message), toRequestId(input.MessageId))
  }
  if ('detail-type' in input && 'detail' in input && 'id' in input)
    return unwrap(input.detail, toRequestId(input.id))
  return { input, eventId }
}
