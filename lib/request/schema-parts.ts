import * as z from 'zod/mini'

/**
 * Checks how many characters or entries there are. zod's own checks of length look at whatever has a `length`, even where
 * the type is wrong already, and throw at an odd one.
 */
export const atMost = (max: number, what: 'characters' | 'entries') =>
  z.refine<{ readonly length: number }>(({ length }) => length <= max, `must have at most ${max} ${what}`)

/** Checks that UTF-8 can carry a text. */
export const wellFormed = z.refine<string>(
  (value) => value.isWellFormed(),
  'must not have half a surrogate pair',
)

/** Text of at most `max` characters that UTF-8 can carry. */
export const text = (max: number) => z.string().check(atMost(max, 'characters'), wellFormed)

const DECIMAL = 'must be a decimal id, a string or a safe integer'

/** A decimal id, string or number in, string out. A number past 2^53 has lost digits already, so it is refused. */
export const decimalId = z.pipe(
  z.union(
    [z.string().check(z.regex(/^[0-9]{1,19}$/, DECIMAL)), z.int().check(z.minimum(0, DECIMAL))],
    DECIMAL,
  ),
  z.transform(String),
)
