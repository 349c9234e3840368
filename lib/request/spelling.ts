import { isRecord, type JsonRecord } from './lenient-json.ts'

/**
 * More than 30 combining marks in a row, the limit of Unicode's stream-safe format. NFC sorts the marks of a
 * row, which takes quadratic time. The lookbehind makes sure that each row is read only once.
 *
 * @see https://www.unicode.org/reports/tr15/#Stream_Safe_Text_Format
 */
const TOO_MANY_MARKS = /(?<!\p{M})\p{M}{31}/u

/**
 * Returns a text as it is compared and sent: with LF at the end of each line, and in Unicode's form NFC. A
 * text with more than 30 combining marks in a row is not converted to NFC. Browsers end lines with CRLF, and
 * scripts with LF. Word processors and mainframes have line ends of their own. macOS and iOS write some
 * accents as separate characters.
 *
 * @see https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#constructing-the-form-data-set
 */
export const toOneSpelling = (text: string): string => {
  const lines = text.replace(/\r\n?|[\v\f\u0085\u2028\u2029]/g, '\n')
  return TOO_MANY_MARKS.test(lines) ? lines : lines.normalize('NFC')
}

/**
 * The members of a request whose values are objects or lists. Elsewhere, an object is a mistake, even an
 * empty one.
 */
const CONTAINERS: ReadonlySet<string> = new Set([
  'address',
  'age',
  'campaign',
  'consumer',
  'contacts',
  'context',
  'engagementAttributes',
  'info',
  'lastPaymentDate',
  'lp_sdes',
  'personal',
  'registrationDate',
])

/** LivePerson's types of phone numbers. */
export const PHONE_TYPES = [
  'HOME',
  'MOBILE',
  'WORK',
  'FAX',
  'MAIN',
  'HOME_FAX',
  'WORK_FAX',
  'PAGER',
  'OTHER',
] as const

/** What an item of a list has besides its content. Alone, it says nothing. */
const LABELS: ReadonlyMap<string, { readonly name: string; readonly values: readonly unknown[] }> = new Map([
  ['engagementAttributes', { name: 'type', values: ['ctmrinfo', 'personal'] }],
  // The same list, in a consumer token.
  ['lp_sdes', { name: 'type', values: ['ctmrinfo', 'personal'] }],
  ['contacts', { name: 'phoneType', values: PHONE_TYPES }],
])

/**
 * Returns a request without the members that are null or an empty text, at any depth. An object or a list of
 * nothing else is left out, too, and so is an engagement attribute that has only its type. The items of a
 * list keep their places: `undefined` stands in for an absent one. Anything but an object is returned as it
 * is.
 *
 * Java, .NET and Apex write null for what they don't have, CRMs write an empty text, and PHP writes a list
 * for an object without members.
 */
export const withoutAbsent = (input: unknown): unknown =>
  isRecord(input) ? (presentOf(input, true) ?? {}) : input

/** Returns whether {@link withoutAbsent} would leave something out. */
export const hasAbsent = (input: object): boolean =>
  JSON.stringify(withoutAbsent(input)) !== JSON.stringify(input)

/** Returns whether the value of a member is an object or a list. */
export const isContainer = (name: string): boolean => CONTAINERS.has(name)

const presentOf = (value: unknown, isContainer: boolean, list = ''): unknown => {
  if (value === null || value === '') return undefined
  if (Array.isArray(value)) {
    const items = value.map((item) => presentOf(item, true, list))
    return isContainer && isBare(items) ? undefined : items
  }
  if (!isRecord(value)) return value
  const members = Object.entries(value).map(([name, member]): [string, unknown] => [
    name,
    presentOf(member, CONTAINERS.has(name), name),
  ])
  const kept = Object.fromEntries(members.filter(([, member]) => member !== undefined))
  return isContainer && (isBare(kept) || isLabel(kept, list)) ? undefined : kept
}

const isBare = (value: object): boolean => Object.values(value).every((member) => member === undefined)

/** Any other type is a mistake, which the schema refuses. */
const isLabel = (item: JsonRecord, list: string): boolean => {
  const label = LABELS.get(list)
  return label?.values.includes(item[label.name]) === true && Object.keys(item).length === 1
}
