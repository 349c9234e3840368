import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { InvalidRequestError, PayloadTooLargeError, UnsupportedMediaTypeError } from '../errors/errors.ts'
import {
  type ConversationRequest,
  parse,
  parseConversationRequest,
  requestId,
} from './conversation-request.ts'
import { parseJson } from './strict-json.ts'

/** A body has to stay below this many bytes. */
const BODY_LIMIT = 16 * 1024
const MAX_FIELDS = 200

/** What a form asks for, before anybody knows whether it may. */
export interface Form {
  /** The sender's; undefined where it left that to the service. */
  readonly requestId: string | undefined
  readonly request: ConversationRequest
  /** The `Authorization` header, '' if it is empty; undefined where there is none. */
  readonly authorization: string | undefined
  /** What the widget of a bot check put into the form: the name of the field, and the token in it. */
  readonly challenge: { readonly field: string; readonly token: string } | undefined
}

/**
 * Reads a form submit: JSON, or a urlencoded form with dotted names (`consumer.firstName`). In a urlencoded form an
 * empty field counts as absent, since browsers send those too.
 *
 * @throws {PayloadTooLargeError} Before anything is parsed.
 * @throws {UnsupportedMediaTypeError}
 * @throws {InvalidRequestError}
 */
export const parseForm = (event: APIGatewayProxyEventV2): Form => {
  const body = readBody(event)
  const { challenge, rest } = takeChallenge(isJson(event) ? parseJson(body) : parseFields(body))
  const request = parseConversationRequest(rest)
  if (request.accountId !== undefined)
    throw new InvalidRequestError([{ path: 'accountId', message: 'is not for a form to decide' }])
  return {
    requestId: idempotencyKey(event) ?? request.requestId,
    request,
    authorization: headerOf(event.headers, 'authorization'),
    challenge,
  }
}

/** The fields by which the widgets of hCaptcha, Turnstile and reCAPTCHA submit; hCaptcha's fills in reCAPTCHA's too. */
const CHALLENGE_FIELDS = ['h-captcha-response', 'cf-turnstile-response', 'g-recaptcha-response']
const MAX_CHALLENGE = 8192

/** The token of a challenge is not part of what is asked for: a copy with a new one is the same request. */
const takeChallenge = (input: unknown) => {
  if (typeof input !== 'object' || input === null || Array.isArray(input))
    return { rest: input, challenge: undefined }
  const members: readonly (readonly [string, unknown])[] = Object.entries(input)
  const isChallenge = ([name]: readonly [string, unknown]) => CHALLENGE_FIELDS.includes(name)
  const [challenge] = members
    .filter(isChallenge)
    .map(([field, token]) => {
      if (typeof token === 'string' && token.length <= MAX_CHALLENGE) return { field, token }
      throw new InvalidRequestError([
        { path: field, message: `must be a string of at most ${MAX_CHALLENGE} characters` },
      ])
    })
    .toSorted((a, b) => CHALLENGE_FIELDS.indexOf(a.field) - CHALLENGE_FIELDS.indexOf(b.field))
  return {
    challenge,
    rest: challenge ? Object.fromEntries(members.filter((member) => !isChallenge(member))) : input,
  }
}

/**
 * Gives the request id of the `Idempotency-Key` header, bare or in quotes as the IETF's draft has it.
 *
 * @throws {InvalidRequestError}
 */
const idempotencyKey = ({ headers }: APIGatewayProxyEventV2): string | undefined => {
  const key = headerOf(headers, 'idempotency-key')
  if (key === undefined) return undefined
  try {
    return parse(requestId, key.replace(/^"(.*)"$/, '$1'))
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error
    throw new InvalidRequestError(error.findings.map(({ message }) => ({ path: 'Idempotency-Key', message })))
  }
}

/** API Gateway gives header names in lower case; local emulations don't always. */
export const headerOf = (headers: APIGatewayProxyEventV2['headers'] | undefined, name: string) =>
  headers?.[name] ?? Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === name)?.[1]

const isJson = ({ headers }: APIGatewayProxyEventV2): boolean => {
  const type = headerOf(headers, 'content-type') ?? ''
  const [media = '', ...parameters] = type
    .toLowerCase()
    .split(';')
    .map((part) => part.trim())
  const charset = parameters.find((parameter) => parameter.startsWith('charset='))
  const known = media === 'application/json' || media === 'application/x-www-form-urlencoded'
  if (!known || (charset !== undefined && !/^charset="?utf-?8"?$/.test(charset)))
    throw new UnsupportedMediaTypeError({
      detail: 'Send application/json or application/x-www-form-urlencoded, in UTF-8.',
    })
  return media === 'application/json'
}

const readBody = ({ body: given, isBase64Encoded }: APIGatewayProxyEventV2): string => {
  // Some emulations of API Gateway say null where there is no body.
  const body = given ?? ''
  const size = isBase64Encoded ? Math.floor((body.length * 3) / 4) - 2 : Buffer.byteLength(body)
  if (size >= BODY_LIMIT) throw tooLarge()
  if (!isBase64Encoded) return body
  if (!/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/.test(body))
    throw new InvalidRequestError([{ path: '', message: 'is not the base64 that it is said to be' }])
  const bytes = Buffer.from(body, 'base64')
  if (bytes.length >= BODY_LIMIT) throw tooLarge()
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    throw new InvalidRequestError([{ path: '', message: 'is not UTF-8' }])
  }
}

const tooLarge = () => new PayloadTooLargeError({ detail: 'The body has to be smaller than 16 KB.' })

type Tree = { [name: string]: string | Tree }

/** `a.b=1&a.c=2` to `{a: {b, c}}`; a level whose names are 0, 1, 2 … is an array. */
const parseFields = (body: string): unknown => {
  const fields = body
    .split('&')
    .map(toField)
    .filter(([, value]) => value !== '')
  if (fields.length > MAX_FIELDS)
    throw new InvalidRequestError([{ path: '', message: `has more than ${MAX_FIELDS} fields` }])
  const tree: Tree = Object.create(null)
  for (const [name, value] of fields) plant(tree, name, value)
  return toValue(tree)
}

/** As URLSearchParams, which would put U+FFFD for what is not UTF-8, and nobody would know. */
const toField = (pair: string): readonly [string, string] => {
  const equals = pair.indexOf('=')
  try {
    return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))]
  } catch {
    throw new InvalidRequestError([{ path: '', message: 'is not percent-encoded UTF-8' }])
  }
}

const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))

const plant = (tree: Tree, name: string, value: string) => {
  const parts = name.split('.')
  const last = parts.pop() ?? ''
  if (parts.length > 8) throw new InvalidRequestError([{ path: '', message: 'has a name of too many parts' }])
  let level = tree
  for (const part of parts) {
    const next = level[part] ?? Object.create(null)
    if (typeof next === 'string') throw contradiction(name)
    level[part] = next
    level = next
  }
  if (level[last] !== undefined) throw contradiction(name)
  level[last] = value
}

const contradiction = (name: string) =>
  new InvalidRequestError([{ path: name, message: 'stands twice, or contradicts another field' }])

const toValue = (tree: string | Tree): unknown => {
  if (typeof tree === 'string') return tree
  const entries = Object.entries(tree).map(([name, value]) => [name, toValue(value)] as const)
  const isList = entries.length > 0 && entries.every((_, index) => Object.hasOwn(tree, String(index)))
  return isList ? entries.map((_, index) => toValue(tree[String(index)] ?? '')) : Object.fromEntries(entries)
}
