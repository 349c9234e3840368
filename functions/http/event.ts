import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import type { Edge } from '../../lib/config/environment.ts'
import {
  InvalidRequestError,
  OriginNotAllowedError,
  PayloadTooLargeError,
  UnsupportedMediaTypeError,
} from '../../lib/errors/errors.ts'
import { parse } from '../../lib/request/check.ts'
import { requestId, requestIdOf, toRequestId } from '../../lib/request/conversation-request.ts'
import { FORM_MEDIA_TYPES, type FormBody, readForm } from '../../lib/request/form.ts'

/**
 * A body must be smaller than this many bytes. Percent-encoding and escapes make up to nine bytes of a
 * character, so this is far more than a form's values may have.
 */
export const BODY_LIMIT = 256 * 1024

/** The parts of API Gateway's event that are read here. Local emulators leave some out. */
type Event = Pick<APIGatewayProxyEventV2, 'isBase64Encoded'> & {
  readonly headers?: APIGatewayProxyEventV2['headers'] | null | undefined
  readonly body?: string | null | undefined
}

/**
 * Returns the decoded body of a form.
 *
 * @throws {PayloadTooLargeError} The body is 256 KB or larger.
 * @throws {UnsupportedMediaTypeError} The headers say that the body is neither JSON nor a URL-encoded form,
 * or compressed, or not in UTF-8.
 * @throws {InvalidRequestError} The body can't be decoded.
 */
export const readBody = (event: Event): FormBody => {
  checkSize(event)
  checkEncoding(event)
  const mediaType = mediaTypeOf(event)
  return { mediaType, text: decodeBody(event) }
}

/**
 * Returns the `Idempotency-Key` header, with or without the quotes of the IETF draft. `undefined` if there is
 * none.
 *
 * @throws {InvalidRequestError} It is not a valid request id.
 * @see https://datatracker.ietf.org/doc/draft-ietf-httpapi-idempotency-key-header/
 */
export const idempotencyKeyOf = (event: Event): string | undefined => {
  const key = bareKeyOf(event)
  if (key === undefined) return undefined
  try {
    return parse(requestId, key)
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error
    throw new InvalidRequestError(error.findings.map(({ message }) => ({ path: 'Idempotency-Key', message })))
  }
}

/**
 * Returns the request id in the `Idempotency-Key` header. Undefined if there is no valid one. Never throws.
 */
export const headerRequestId = (event: Event): string | undefined => toRequestId(bareKeyOf(event))

/**
 * Returns the request id that the sender gave: from the header, otherwise from the body if it can be read.
 * `undefined` if there is no valid one. For problems and log lines, so it never throws.
 */
export const givenRequestId = (event: Event): string | undefined => {
  const key = headerRequestId(event)
  if (key !== undefined) return key
  try {
    return requestIdOf(readForm(readBody(event)))
  } catch {
    return undefined
  }
}

/** Returns the `Authorization` header. `undefined` if there is none. */
export const authorizationOf = (event: Event): string | undefined => headerOf(event, 'authorization')

/** Returns the `Origin` header, which browsers add to calls from a page. `undefined` if there is none. */
export const originOf = (event: Event): string | undefined => headerOf(event, 'origin')

/** Returns whether the sender is a browser that will show the response: scripts don't ask for HTML. */
export const acceptsHtml = (event: Event): boolean =>
  headerOf(event, 'accept')?.includes('text/html') ?? false

/**
 * Checks that a call came through the CDN, if the stage has one. Only the hash of the secret is known here,
 * so that nobody who can read a function's environment can bypass the CDN.
 *
 * @throws {OriginNotAllowedError} The call has no header with an accepted secret.
 */
export const checkEdge = async (edge: Edge | undefined, event: Event): Promise<void> => {
  if (edge === undefined) return
  const secret = headerOf(event, edge.header)
  if (secret === undefined || secret === '' || !edge.secretHashes.includes(await sha256Of(secret)))
    throw new OriginNotAllowedError({ detail: 'Call the service at its public address.' })
}

const sha256Of = async (text: string): Promise<string> =>
  Buffer.from(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))).toString('hex')

/** An empty header counts as absent, as an empty member does. */
const bareKeyOf = (event: Event): string | undefined => {
  const key = headerOf(event, 'idempotency-key')?.replace(/^"(.*)"$/, '$1')
  return key?.trim() === '' ? undefined : key
}

/** API Gateway sends header names in lower case. Local emulators don't always. */
const headerOf = ({ headers }: Event, name: string): string | undefined =>
  headers?.[name] ?? Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1]

/** HTTP clients that compress a request say so here. */
const checkEncoding = (event: Event): void => {
  const encodings = (headerOf(event, 'content-encoding') ?? '').toLowerCase().split(',')
  if (encodings.some((encoding) => !['', 'identity'].includes(encoding.trim())))
    throw new UnsupportedMediaTypeError({
      detail: 'Content-Encoding must be identity, or left out. Send the body uncompressed.',
    })
}

const mediaTypeOf = (event: Event): FormBody['mediaType'] => {
  const [type, ...parameters] = (headerOf(event, 'content-type') ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const mediaType = FORM_MEDIA_TYPES.find((known) => known === type)
  if (mediaType === undefined)
    throw new UnsupportedMediaTypeError({
      detail: 'Content-Type must be application/json or application/x-www-form-urlencoded.',
    })
  // ASCII is a part of UTF-8.
  const charsets = parameters.filter((parameter) => /^charset\s*=/.test(parameter))
  if (charsets.some((charset) => !/^charset\s*=\s*"?(?:utf-?8|us-ascii|ascii)?"?$/.test(charset)))
    throw new UnsupportedMediaTypeError({
      detail: 'The charset in Content-Type must be UTF-8, or left out. Send the body in UTF-8.',
    })
  return mediaType
}

const checkSize = ({ body, isBase64Encoded }: Event): void => {
  const content = body ?? ''
  const padding = /={0,2}$/.exec(content)?.[0].length ?? 0
  const size = isBase64Encoded ? Math.floor((content.length * 3) / 4) - padding : Buffer.byteLength(content)
  if (size >= BODY_LIMIT) throw new PayloadTooLargeError({ detail: 'The body must be smaller than 256 KB.' })
}

const decodeBody = ({ body, isBase64Encoded }: Event): string => {
  const content = body ?? ''
  if (!isBase64Encoded) return content
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(content))
    throw new InvalidRequestError([{ path: '', message: 'is not valid base64' }])
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.from(content, 'base64'))
  } catch {
    throw new InvalidRequestError([{ path: '', message: 'is not valid UTF-8' }])
  }
}
