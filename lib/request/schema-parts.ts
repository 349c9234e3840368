import * as z from 'zod/mini'
import { isPlaceholder } from './placeholder.ts'
import { toOneSpelling } from './spelling.ts'

/**
 * Checks the number of characters or items. zod's own length checks run even if the type is already wrong,
 * look at whatever `length` an object has, and throw if it is odd.
 */
export const atMost = (max: number, unit: 'characters' | 'items') =>
  withLimits(
    { maximum: max },
    z.refine<{ readonly length: number }>(({ length }) => length <= max, `must have at most ${max} ${unit}`),
  )

/**
 * Adds limits of the length, or a pattern, to a check of our own, for JSON Schema. zod's own checks do the
 * same.
 */
export const withLimits = <T>(
  { pattern, ...limits }: { readonly minimum?: number; readonly maximum?: number; readonly pattern?: RegExp },
  check: z.core.$ZodCheck<T>,
): z.core.$ZodCheck<T> => {
  check._zod.onattach.push(({ _zod: { bag } }) => {
    const { patterns = [] } = bag
    Object.assign(bag, limits, pattern && { patterns: new Set([...Object(patterns), pattern]) })
  })
  return check
}

/** Checks that UTF-8 can encode the text. */
export const wellFormed = z.refine<string>(
  (value) => value.isWellFormed(),
  'must not contain lone surrogates',
)

/**
 * The members of a character class: control characters, line breaks, and characters that change the direction
 * of the text around them (bidi), which can make it look like another text.
 */
const UNSAFE = String.raw`\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069`
const unsafe = new RegExp(`[${UNSAFE}]`, 'g')
const removed = new RegExp(String.raw`(?![\t-\r\u0085\u2028\u2029])[${UNSAFE}]`, 'g')

/** Returns whether a text has characters that no id may have. */
const hasUnsafe = (value: string): boolean => value.search(unsafe) >= 0

/** Returns whether a text has characters that are removed from every text: unsafe ones, without line ends. */
export const hasRemoved = (value: string): boolean => value.search(removed) >= 0

const toSafeLines = (value: string) => toOneSpelling(toOneSpelling(value).replace(removed, ''))

/** Words that a line end separates stay apart. Each replacement reads a run of line ends only once. */
const toOneLine = (value: string) =>
  value
    .replace(/[\t\n]+/g, '\n')
    .replace(/^\n|\n$/g, '')
    .replaceAll('\n', ' ')

/**
 * One line of text: at most `max` characters that UTF-8 can encode, normalized. Unsafe characters are
 * removed. Line ends and tabs become a space.
 */
export const text = (max: number) =>
  z.string().check(
    z.overwrite(toOneSpelling),
    atMost(max, 'characters'),
    wellFormed,
    z.overwrite((value) => toOneLine(toSafeLines(value))),
  )

/** Normalizes a text that may have several lines, and removes unsafe characters. Line ends and tabs stay. */
export const safeLines = z.overwrite(toSafeLines)

/** Like {@link text}, but with several lines. */
export const lines = (max: number) =>
  z.string().check(z.overwrite(toOneSpelling), atMost(max, 'characters'), wellFormed, safeLines)

/**
 * Checks that an id has no unsafe characters. They are not removed, because the result would be another id.
 */
export const withoutUnsafe = withLimits(
  { pattern: new RegExp(`^[^${UNSAFE}]*$`) },
  z.refine<string>((value) => !hasUnsafe(value), 'must not contain control or bidi-override characters'),
)

/** Checks that an id neither starts nor ends with white space. It is not removed, for the same reason. */
export const withoutMargin = withLimits(
  { pattern: /^(\S([\s\S]*\S)?)?$/ },
  z.refine<string>(
    (value) => hasUnsafe(value) || value.trim() === value,
    'must not start or end with white space',
  ),
)

/** The message for a placeholder. */
export const IS_PLACEHOLDER = 'is a placeholder, not an id. Send a real id, or leave it out'

/** Checks that an id is not a placeholder. Ids that the other checks refuse need no second finding. */
export const withoutPlaceholder = z.refine<string>(
  (value) => hasUnsafe(value) || value.trim() !== value || !isPlaceholder(value),
  IS_PLACEHOLDER,
)

const TEXT_OR_INTEGER = 'must be a string, or an integer up to 9007199254740991'

/** An integer that JavaScript reads without losing digits. */
export const safeInteger = z.int(TEXT_OR_INTEGER)

/**
 * An id that may also be a number in JSON, which becomes a string. A number above 2^53 is refused, because
 * its last digits are already lost.
 *
 * @param asText What the string must be, if a number's may be what no other string may.
 * @param integer What the number must be.
 */
export const orInteger = <T extends z.ZodMiniType<string, string>>(
  id: T,
  asText: z.ZodMiniType<string, string> = id,
  integer: z.ZodMiniType<number, number> = safeInteger,
) =>
  z.pipe(
    z.pipe(
      z.union([id, integer], {
        error: ({ input }) => (input === undefined ? 'is missing' : TEXT_OR_INTEGER),
      }),
      z.transform(String),
    ),
    asText,
  )

/**
 * An id that somebody else chose: at most `max` characters that UTF-8 can encode, without unsafe ones or
 * white space around it.
 */
export const foreignId = (max: number) =>
  orInteger(z.string().check(atMost(max, 'characters'), wellFormed, withoutUnsafe, withoutMargin))

/** Returns a text with the letters a to z in upper case. Others have such letters in upper case, as ı has. */
export const toCapitals = (text: string): string => text.replace(/[a-z]/g, (letter) => letter.toUpperCase())

/** Converts a text to upper case before it is checked, for names that LivePerson writes in capitals. */
export const inCapitals = <T extends z.ZodMiniType>(names: T) =>
  z.pipe(
    z.transform((input: unknown) => (typeof input === 'string' ? toCapitals(input) : input)),
    names,
  )

/**
 * A list of at most `max` items. Their number is checked before any of them is, so that a long list costs
 * nothing. `undefined` stands in for an absent item. It is left out and not counted, but keeps its place in
 * the paths of findings.
 */
export const listOf = <T extends z.ZodMiniType>(item: T, max: number) =>
  z.pipe(
    z.pipe(
      z.transform((input: unknown, { issues }) => {
        if (Array.isArray(input) && input.filter((each) => each !== undefined).length > max)
          issues.push({ code: 'custom', message: `must have at most ${max} items`, input })
        return input
      }),
      // For JSON Schema.
      z.array(z.optional(item)).check(
        withLimits(
          { maximum: max },
          z.refine(() => true),
        ),
      ),
    ),
    z.transform((items) => items.filter((each) => each !== undefined)),
  )

const DECIMAL = 'must be a decimal id: a string of 1 to 19 digits, or a safe integer'

/**
 * A decimal id: a string or a number in, a string out. A number above 2^53 is refused, because its last
 * digits are already lost.
 */
export const decimalId = z.pipe(
  z.union(
    [z.string().check(z.regex(/^[0-9]{1,19}$/, DECIMAL)), z.int(DECIMAL).check(z.minimum(0, DECIMAL))],
    {
      error: ({ input }) => (input === undefined ? 'is missing' : DECIMAL),
    },
  ),
  z.transform(String),
)
