import { isRecord } from './lenient-json.ts'

/**
 * Returns a text as it is compared and sent: with LF at the end of each line, and in Unicode's form NFC.
 * Browsers end lines with CRLF, and scripts with LF. macOS and iOS write some accents as separate characters.
 *
 * @see https://html.spec.whatwg.org/multipage/form-control-infrastructure.html#constructing-the-form-data-set
 */
export const toOneSpelling = (text: string): string => text.replace(/\r\n?/g, '\n').normalize('NFC')

/**
 * Returns an object without the members that are null or an empty text, at any depth. An object or a list of
 * nothing else is left out, too. The items of a list keep their places: `undefined` stands in for an absent
 * one. Anything but an object is returned as it is.
 *
 * Java, .NET and Apex write null for what they don't have, and CRMs write an empty text.
 */
export const withoutAbsent = (input: unknown): unknown =>
  isRecord(input) ? (presentOf(input, (count) => count > 0) ?? {}) : input

/**
 * Returns an object without its empty texts, objects and lists, at any depth. Unlike {@link withoutAbsent},
 * it takes `{}` and `[]` for absent, so their types must have been checked.
 */
export const withoutEmpty = (input: object): unknown => presentOf(input, () => true) ?? {}

/** Returns whether {@link withoutEmpty} would leave something out. */
export const hasEmpty = (input: object): boolean =>
  Object.entries(input).some(([name, value]) => {
    if (typeof value !== 'object' || value === null) return value === ''
    return (isBare(value) && !isContent(input, name)) || hasEmpty(value)
  })

/** @param isAbsent Whether an object or a list of this many values, all of them absent, is absent, too. */
const presentOf = (value: unknown, isAbsent: (count: number) => boolean): unknown => {
  if (value === null || value === '') return undefined
  if (Array.isArray(value)) {
    const items = value.map((item) => presentOf(item, isAbsent))
    return isBare(items) && isAbsent(items.length) ? undefined : items
  }
  if (!isRecord(value)) return value
  const members = Object.entries(value).map(([name, member]): [string, unknown] => [
    name,
    presentOf(member, isAbsent) ?? (isContent(value, name) && isRecord(member) ? {} : undefined),
  ])
  const kept = Object.fromEntries(members.filter(([, member]) => member !== undefined))
  return isBare(kept) && isAbsent(members.length) ? undefined : kept
}

const isBare = (value: object): boolean => Object.values(value).every((member) => member === undefined)

const CONTENTS: ReadonlyMap<unknown, string> = new Map([
  ['ctmrinfo', 'info'],
  ['personal', 'personal'],
])

/** An engagement attribute has the object that its type names, even if that says nothing. */
const isContent = (parent: object, name: string): boolean =>
  'type' in parent && CONTENTS.get(parent.type) === name
