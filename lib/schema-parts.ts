import * as z from 'zod/mini'

/** Text of at most `max` characters that UTF-8 can carry. */
export const text = (max: number) =>
  z.string().check(
    z.maxLength(max),
    z.refine((value) => value.isWellFormed(), 'must not have half a surrogate pair'),
  )

const DECIMAL = 'must be a decimal id, a string or a safe integer'

/** A decimal id, string or number in, string out. A number past 2^53 has lost digits already, so it is refused. */
export const decimalId = z.pipe(
  z.union(
    [z.string().check(z.regex(/^[0-9]{1,19}$/, DECIMAL)), z.int().check(z.minimum(0, DECIMAL))],
    DECIMAL,
  ),
  z.transform(String),
)
