import { InvalidRequestError, PayloadTooLargeError } from '../errors/errors.ts'
import { type ConversationRequest, parseConversationRequest } from './conversation-request.ts'
import { isRecord } from './lenient-json.ts'
import { toOneSpelling } from './spelling.ts'
import { parseJson } from './strict-json.ts'
import type { Warning } from './warnings.ts'

/** The media types that a form may have. */
export const FORM_MEDIA_TYPES = ['application/json', 'application/x-www-form-urlencoded'] as const

/** The body of a form, decoded. */
export interface FormBody {
  readonly mediaType: (typeof FORM_MEDIA_TYPES)[number]
  readonly text: string
}

/** What a form asks for. Not authorized yet. */
export interface Form {
  readonly request: ConversationRequest
  /** The field that a bot check's widget added to the form, and the token in it. */
  readonly challenge: { readonly field: string; readonly token: string } | undefined
  /** What was left out of the form. */
  readonly warnings: readonly Warning[]
}

/**
 * The most characters that the values of a form may have together, without the challenge. They are counted
 * after decoding, so that the limit is the same in every alphabet and for both media types.
 */
const MAX_CHARACTERS = 16_384

/**
 * Returns the form that a body holds.
 *
 * @throws {InvalidRequestError}
 * @throws {PayloadTooLargeError} Its values have more than 16,384 characters.
 */
export const parseForm = (body: FormBody): Form => {
  const { challenge, rest } = takeChallenge(readForm(body))
  if (charactersOf(rest) > MAX_CHARACTERS)
    throw new PayloadTooLargeError({
      detail: `The values of a form may have ${MAX_CHARACTERS} characters together.`,
    })
  const { request, warnings } = parseConversationRequest(rest)
  const given = { accountId: request.accountId, 'consumer.avatarUrl': request.consumer?.avatarUrl }
  const notAllowed = Object.entries(given).filter(([, value]) => value !== undefined)
  if (notAllowed.length > 0)
    throw new InvalidRequestError(notAllowed.map(([path]) => ({ path, message: 'is not allowed in a form' })))
  return { request, challenge, warnings }
}

const charactersOf = (value: unknown): number => {
  if (typeof value === 'string') return toOneSpelling(value).length
  if (typeof value === 'object' && value !== null)
    return Object.values(value).reduce<number>((sum, member) => sum + charactersOf(member), 0)
  return value === null ? 0 : String(value).length
}

/**
 * Returns what a body says, before any check against the schema. The dotted names of a URL-encoded form
 * (`consumer.firstName`) become objects.
 *
 * @throws {InvalidRequestError} The body can't be read, or is not what `Content-Type` says.
 */
export const readForm = ({ mediaType, text }: FormBody): unknown => {
  if (mediaType === 'application/json') {
    if (LIKE_FIELDS.test(text)) throw wrongType(mediaType, 'is not JSON')
    return parseJson(text)
  }
  if (LIKE_JSON.test(text)) throw wrongType(mediaType, 'is JSON. Send application/json')
  if (LIKE_OTHERS.test(text)) throw wrongType(mediaType, 'is not a URL-encoded form')
  return parseFields(text)
}

/**
 * The fields of hCaptcha's, Turnstile's and reCAPTCHA's widgets. If a form has several, the first in this
 * order counts: hCaptcha's widget fills in reCAPTCHA's field, too.
 */
const CHALLENGE_FIELDS = ['h-captcha-response', 'cf-turnstile-response', 'g-recaptcha-response']
const MAX_CHALLENGE = 8192

/**
 * Separates the challenge from the request, so that a copy with a new challenge is still the same request.
 */
const takeChallenge = (input: unknown): Pick<Form, 'challenge'> & { readonly rest: unknown } => {
  if (!isRecord(input)) return { rest: input, challenge: undefined }
  const fields = CHALLENGE_FIELDS.filter((field) => Object.hasOwn(input, field))
  const [challenge] = fields
    .filter((field) => input[field] !== null && input[field] !== '')
    .map((field) => ({ field, token: toChallengeToken(field, input[field]) }))
  const rest = Object.fromEntries(Object.entries(input).filter(([name]) => !fields.includes(name)))
  return { challenge, rest }
}

const toChallengeToken = (field: string, value: unknown): string => {
  if (typeof value === 'string' && value.length <= MAX_CHALLENGE) return value
  throw new InvalidRequestError([
    { path: field, message: `must be a string of at most ${MAX_CHALLENGE} characters` },
  ])
}

const MAX_FIELDS = 200
const MAX_PARTS = 9

/** Browsers send every field of a form. Where it is empty, its item of a list must keep its place. */
const IN_A_LIST = /\.\d+(?:\.|$)/

/** The fields of a form, by the parts of their dotted names. */
type FieldTree = { [name: string]: string | FieldTree }

/** `a.b=1&a.c=2` becomes `{a: {b, c}}`. A level whose names are 0, 1, 2 … becomes an array. */
const parseFields = (text: string): unknown => {
  const fields = text
    .split('&')
    .map(toField)
    .filter(([name, value]) => value !== '' || IN_A_LIST.test(name))
  if (fields.filter(([, value]) => value !== '').length > MAX_FIELDS)
    throw new InvalidRequestError([{ path: '', message: `has more than ${MAX_FIELDS} fields` }])
  const tree: FieldTree = Object.create(null)
  for (const [name, value] of fields) setAt(tree, name, value)
  return toValue(Object.fromEntries(Object.entries(tree).filter(([, value]) => hasValue(value))))
}

/**
 * How other bodies start than those that Content-Type names. No field's name has these characters. `\s` has
 * the byte order mark.
 */
const LIKE_JSON = /^\s*(?:[{["]|%7B|%5B|%22)/i
const LIKE_OTHERS = /^\s*(?:<|--)/
const LIKE_FIELDS = /^(?:[\w.-]+=|\s*(?:<|--))/

/** Clients set a Content-Type of their own: `curl -d`, jQuery, and axios for a string. */
const wrongType = (mediaType: string, is: string) =>
  new InvalidRequestError([{ path: 'Content-Type', message: `says ${mediaType}, but the body ${is}` }])

/** Unlike URLSearchParams, this rejects invalid UTF-8. URLSearchParams silently replaces it with U+FFFD. */
const toField = (pair: string): readonly [string, string] => {
  const equals = pair.indexOf('=')
  try {
    return equals < 0 ? [decode(pair), ''] : [decode(pair.slice(0, equals)), decode(pair.slice(equals + 1))]
  } catch {
    throw new InvalidRequestError([{ path: '', message: 'is not valid percent-encoded UTF-8' }])
  }
}

const decode = (text: string) => decodeURIComponent(text.replaceAll('+', ' '))

/** An empty field counts as absent, so it conflicts with none. */
const setAt = (tree: FieldTree, name: string, value: string) => {
  const parts = name.split('.')
  if (parts.length > MAX_PARTS)
    throw new InvalidRequestError([
      { path: '', message: `has a field name with more than ${MAX_PARTS} parts` },
    ])
  const last = parts.pop() ?? ''
  let level = tree
  for (const part of parts) {
    const next = level[part] || Object.create(null)
    if (typeof next === 'string') {
      if (value === '') return
      throw conflict(name)
    }
    level[part] = next
    level = next
  }
  if (value === '') level[last] ??= value
  else if (level[last]) throw conflict(name)
  else level[last] = value
}

const conflict = (name: string) =>
  new InvalidRequestError([{ path: name, message: 'is a duplicate of another field, or conflicts with one' }])

const hasValue = (tree: string | FieldTree): boolean =>
  typeof tree === 'string' ? tree !== '' : Object.values(tree).some(hasValue)

const toValue = (tree: string | FieldTree): unknown => {
  if (typeof tree === 'string') return tree
  const names = Object.keys(tree)
  const indexes = names.map((_, index) => String(index))
  const isList = names.length > 0 && indexes.every((index) => Object.hasOwn(tree, index))
  const valueAt = (name: string) => toValue(tree[name] ?? '')
  return isList ? indexes.map(valueAt) : Object.fromEntries(names.map((name) => [name, valueAt(name)]))
}
