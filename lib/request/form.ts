import { type Finding, InvalidRequestError, PayloadTooLargeError } from '../errors/errors.ts'
import { maskPath } from '../errors/mask.ts'
import { UNKNOWN_KEY } from './check.ts'
import {
  type ConversationRequest,
  type ParsedRequest,
  parseConversationRequest,
} from './conversation-request.ts'
import { isRecord } from './lenient-json.ts'
import { isContainer, toOneSpelling } from './spelling.ts'
import { parseRequestJson } from './strict-json.ts'
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
export const MAX_CHARACTERS = 16_384

/**
 * Returns the form that a body holds.
 *
 * @throws {InvalidRequestError}
 * @throws {PayloadTooLargeError} Its values have more than 16,384 characters.
 */
export const parseForm = (body: FormBody): Form => {
  const { input, findings } = readFindings(body)
  const { challenge, rest } = takeChallenge(input)
  if (charactersOf(withoutContext(rest)) > MAX_CHARACTERS)
    throw new PayloadTooLargeError({
      detail: `The values of a form may have ${MAX_CHARACTERS} characters together.`,
    })
  const { request, warnings } = parseWith(findings, rest)
  const given = { accountId: request.accountId, 'consumer.avatarUrl': request.consumer?.avatarUrl }
  const notAllowed = Object.entries(given).filter(([, value]) => value !== undefined)
  const all = [...findings, ...notAllowed.map(([path]) => ({ path, message: 'is not allowed in a form' }))]
  if (all.length > 0) throw new InvalidRequestError(all)
  return { request, challenge, warnings }
}

/** Adds the findings about the fields to those about the request. Each field is named once. */
const parseWith = (findings: readonly Finding[], input: unknown): ParsedRequest => {
  try {
    return parseConversationRequest(input)
  } catch (error) {
    if (!(error instanceof InvalidRequestError)) throw error
    const others = error.findings.filter(
      ({ path }) =>
        !findings.some((known) => known.message === CONFLICT && `${known.path}.`.startsWith(`${path}.`)),
    )
    throw new InvalidRequestError([...findings, ...others])
  }
}

/** The context has limits of its own, and what exceeds them is left out. */
const withoutContext = (input: unknown): unknown => (isRecord(input) ? { ...input, context: null } : input)

const charactersOf = (value: unknown): number => {
  if (typeof value === 'string') return toOneSpelling(value).length
  if (typeof value === 'object' && value !== null)
    return Object.values(value).reduce<number>((sum, member) => sum + charactersOf(member), 0)
  return value === null ? 0 : String(value).length
}

/**
 * Returns what a body says, before any check against the schema. The dotted names of a URL-encoded form
 * (`consumer.firstName`) become objects. Of fields that conflict, one is returned.
 *
 * @throws {InvalidRequestError} The body can't be read, or is not what `Content-Type` says.
 */
export const readForm = (body: FormBody): unknown => readFindings(body).input

/** What a body says, and the fields in it that conflict with others. */
interface FormContent {
  readonly input: unknown
  readonly findings: readonly Finding[]
}

const readFindings = ({ mediaType, text }: FormBody): FormContent => {
  if (LIKE_OBJECT_TEXT.test(text))
    throw wrongType(
      mediaType,
      "is JavaScript's text for an object, such as [object Object]. Encode the object",
    )
  if (mediaType === 'application/json') {
    if (LIKE_FIELDS.test(text)) throw wrongType(mediaType, 'is not JSON')
    return { input: parseRequestJson(text), findings: [] }
  }
  if (LIKE_JSON.test(text)) throw wrongType(mediaType, 'is JSON. Send application/json')
  if (LIKE_OTHERS.test(text)) throw wrongType(mediaType, 'is not a URL-encoded form')
  return parseFields(text.replace(BYTE_ORDER_MARK, ''))
}

/**
 * The fields of hCaptcha's, Turnstile's and reCAPTCHA's widgets. If a form has several, the first in this
 * order counts: hCaptcha's widget fills in reCAPTCHA's field, too.
 */
export const CHALLENGE_FIELDS = ['h-captcha-response', 'cf-turnstile-response', 'g-recaptcha-response']

/** The most characters of a challenge's token. */
export const MAX_CHALLENGE = 8192

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
const parseFields = (text: string): FormContent => {
  const all = text.split('&').map(toField)
  const fields = all.flatMap(({ name, value }) =>
    value === undefined || isContext(name) || (value === '' && !IN_A_LIST.test(name))
      ? []
      : [{ name, value }],
  )
  if (fields.filter(({ value }) => value !== '').length > MAX_FIELDS)
    throw new InvalidRequestError([{ path: '', message: `has more than ${MAX_FIELDS} fields` }])
  const tree: FieldTree = Object.create(null)
  const findings = fields.flatMap(({ name, value }) => setAt(tree, name, value))
  const context = contextOf(all.filter(({ name, value }) => isContext(name) && value !== ''))
  const rest = toValue(Object.fromEntries(Object.entries(tree).filter(([, value]) => hasValue(value))))
  return { input: { ...Object(rest), ...(context !== undefined && { context }) }, findings }
}

/**
 * How other bodies start than those that Content-Type names. No field's name has these characters. `\s` has
 * the byte order mark. On Windows, the command line passes single quotes on.
 */
const LIKE_JSON = /^(?:[\s+']|%(?:20|09|0A|0D|27|EF%BB%BF))*(?:[{["]|%7B|%5B|%22)/i
const LIKE_OTHERS = /^\s*(?:<|--)/
const LIKE_FIELDS = /^\s*(?:[^\s"'{}:,=<]+=|<|--)/
const LIKE_OBJECT_TEXT = /^\s*(?:\[|%5B)object(?:[ +]|%20)\w+(?:\]|%5D)/i
const BYTE_ORDER_MARK = /^(?:\ufeff|%EF%BB%BF)/i

/** Clients set a Content-Type of their own: `curl -d`, jQuery, and axios for a string. */
const wrongType = (mediaType: string, is: string) =>
  new InvalidRequestError([{ path: 'Content-Type', message: `says ${mediaType}, but the body ${is}` }])

interface Field {
  readonly name: string
  /** Undefined in the context if it is not valid UTF-8. */
  readonly value: string | undefined
}

/** Unlike URLSearchParams, this rejects invalid UTF-8. URLSearchParams silently replaces it with U+FFFD. */
const toField = (pair: string): Field => {
  const equals = pair.indexOf('=')
  const [rawName, rawValue] = equals < 0 ? [pair, ''] : [pair.slice(0, equals), pair.slice(equals + 1)]
  const name = decode(rawName)
  const value = decode(rawValue)
  if ((name === undefined || value === undefined) && !isContext(name ?? rawName))
    throw new InvalidRequestError([{ path: '', message: 'is not valid percent-encoded UTF-8' }])
  return { name: name ?? rawName, value }
}

/** Returns undefined if the text is not valid percent-encoded UTF-8. */
const decode = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}

/** A field of the context comes from the visitor's browser, so no mistake in it is an error. */
const isContext = (name: string): boolean => /^context(?:$|[.[])/.test(name)

/** Returns the context of fields that are not empty. `true` stands in for mistakes: it is no valid value. */
const contextOf = (fields: readonly Field[]): unknown => {
  const context = new Map<string, unknown>()
  for (const { name, value } of fields) {
    const [, member = '', ...rest] = name.split('.', 3)
    context.set(member, rest.length > 0 || context.has(member) ? true : (value ?? true))
  }
  if (context.size === 0) return undefined
  return context.size === 1 && context.has('') ? true : Object.fromEntries(context)
}

/**
 * Sets a field, and returns what is wrong with it. An empty field counts as absent, so it conflicts with
 * none. Browsers add fields below others: `message.dir` is the direction of a text.
 */
const setAt = (tree: FieldTree, name: string, value: string): Finding[] => {
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
      if (value === '') return []
      return [toFinding(name, mayHaveMembers(part) ? CONFLICT : UNKNOWN_KEY)]
    }
    level[part] = next
    level = next
  }
  const known = level[last]
  if (value === '') {
    level[last] ??= value
    return []
  }
  if (typeof known === 'object' && hasValue(known) && mayHaveMembers(last)) return [toFinding(name, CONFLICT)]
  if (typeof known === 'string' && known !== '') return [toFinding(name, CONFLICT)]
  level[last] = value
  return known ? namesIn(known, name).map((below) => toFinding(below, UNKNOWN_KEY)) : []
}

const CONFLICT = 'is a duplicate of another field, or conflicts with one'

const toFinding = (path: string, message: string): Finding => {
  const maskedPath = maskPath(path.split('.'))
  return { path, message, ...(maskedPath !== path && { maskedPath }) }
}

const mayHaveMembers = (part: string): boolean => isContainer(part) || /^\d+$/.test(part)

/** Returns the names of the fields in a part of the tree that are not empty. */
const namesIn = (tree: string | FieldTree, name: string): string[] => {
  if (typeof tree === 'string') return tree === '' ? [] : [name]
  return Object.entries(tree).flatMap(([part, below]) => namesIn(below, `${name}.${part}`))
}

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
