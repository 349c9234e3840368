import * as z from 'zod/mini'

/**
 * Checks the number of characters or items. zod's own length checks run even if the type is already wrong,
 * look at whatever `length` an object has, and throw if it is odd.
 */
export const atMost = (max: number, unit: 'characters' | 'items') =>
  withLimits(
    { maximum: max },
    z.refine<{ readonly length: number }>(({ length }) => length <= max, `must have at most ${max} ${unit}`),
  )

/** Adds limits of the length to a check of our own, for JSON Schema. zod's own checks do the same. */
export const withLimits = <T>(
  limits: { readonly minimum?: number; readonly maximum: number },
  check: z.core.$ZodCheck<T>,
): z.core.$ZodCheck<T> => {
  check._zod.onattach.push(({ _zod }) => {
    Object.assign(_zod.bag, limits)
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
const unsafeInLines = new RegExp(String.raw`(?![\t\n\r\u2028\u2029])[${UNSAFE}]`, 'g')

/** One line of text: at most `max` characters that UTF-8 can encode. Unsafe characters are removed. */
export const text = (max: number) =>
  z.string().check(
    atMost(max, 'characters'),
    wellFormed,
    z.overwrite((value) => value.replace(unsafe, '')),
  )

/** Removes unsafe characters from a text that may have several lines. Line breaks and tabs stay. */
export const safeLines = z.overwrite<string>((value) => value.replace(unsafeInLines, ''))

/**
 * Checks that an id has no unsafe characters. They are not removed, because that would make another id of it.
 */
export const withoutUnsafe = z.refine<string>(
  (value) => value.search(unsafe) < 0,
  'must not contain control or bidi-override characters',
)

/** An id that somebody else chose: at most `max` characters that UTF-8 can encode, without unsafe ones. */
export const foreignId = (max: number) =>
  z.string().check(atMost(max, 'characters'), wellFormed, withoutUnsafe)

/**
 * A list of at most `max` items. Their number is checked before any of them is, so that a long list costs
 * nothing.
 */
export const listOf = <T extends z.ZodMiniType>(item: T, max: number) =>
  z.pipe(
    z.transform((input: unknown, { issues }) => {
      if (Array.isArray(input) && input.length > max)
        issues.push({ code: 'custom', message: `must have at most ${max} items`, input })
      return input
    }),
    // For JSON Schema.
    z.array(item).check(
      withLimits(
        { maximum: max },
        z.refine(() => true),
      ),
    ),
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
