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

/** Text of at most `max` characters that UTF-8 can encode. */
export const text = (max: number) => z.string().check(atMost(max, 'characters'), wellFormed)

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
