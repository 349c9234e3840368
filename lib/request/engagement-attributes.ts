import * as z from 'zod/mini'
import { toLanguageAndCountry } from './language.ts'
import { foreignId, inCapitals, listOf, text, toCapitals } from './schema-parts.ts'
import { PHONE_TYPES } from './spelling.ts'

const MAX_TEXT = 4096

/** LivePerson's `int`: 32 bits. Its `long` has 64. */
const int = z.int().check(z.minimum(-(2 ** 31)), z.maximum(2 ** 31 - 1))
const dayOfMonth = z.int().check(z.minimum(1), z.maximum(31))
const monthOfYear = z.int().check(z.minimum(1), z.maximum(12))

const date = z.strictObject({ day: dayOfMonth, month: monthOfYear, year: int })

const customerInfo = z.strictObject({
  type: z.literal('ctmrinfo'),
  info: z.strictObject({
    ctype: z.optional(text(MAX_TEXT)),
    cstatus: z.optional(text(MAX_TEXT)),
    balance: z.optional(z.number()),
    currency: z.optional(text(MAX_TEXT)),
    customerId: z.optional(foreignId(MAX_TEXT)),
    socialId: z.optional(foreignId(MAX_TEXT)),
    imei: z.optional(foreignId(MAX_TEXT)),
    userName: z.optional(text(MAX_TEXT)),
    companySize: z.optional(int),
    companyBranch: z.optional(text(MAX_TEXT)),
    accountName: z.optional(text(MAX_TEXT)),
    role: z.optional(text(MAX_TEXT)),
    lastPaymentDate: z.optional(date),
    registrationDate: z.optional(date),
    loginStatus: z.optional(int),
  }),
})

const contact = z.strictObject({
  email: z.optional(text(MAX_TEXT)),
  phone: z.optional(text(MAX_TEXT)),
  phoneType: z.optional(inCapitals(z.enum(PHONE_TYPES))),
  address: z.optional(
    z.strictObject({
      country: z.optional(
        z
          .string()
          .check(
            z.regex(/^[A-Za-z]{2}$/, 'must be a country code of two letters, such as DK'),
            z.toUpperCase(),
          ),
      ),
      region: z.optional(text(MAX_TEXT)),
    }),
  ),
})

/** LivePerson computes a missing `age` from the date of birth, which needs a year then. */
const age = z
  .strictObject({
    age: z.optional(int),
    year: z.optional(int),
    month: z.optional(monthOfYear),
    day: z.optional(dayOfMonth),
  })
  .check(
    z.refine(
      (value) => value.age !== undefined || value.year !== undefined || Object.keys(value).length === 0,
      {
        path: ['year'],
        message: 'is missing, because age is',
      },
    ),
  )

/** A form can't send numbers. */
const gender = z.pipe(
  z.transform((input: unknown) => {
    if (typeof input !== 'string') return input
    return /^[012]$/.test(input) ? Number(input) : toCapitals(input)
  }),
  z.union(
    [z.enum(['MALE', 'FEMALE', 'OTHER']), z.literal([0, 1, 2])],
    'must be one of MALE, FEMALE, OTHER, 0, 1, 2',
  ),
)

const personalInfo = z.strictObject({
  type: z.literal('personal'),
  personal: z.strictObject({
    firstname: z.optional(text(MAX_TEXT)),
    lastname: z.optional(text(MAX_TEXT)),
    age: z.optional(age),
    contacts: z.optional(listOf(contact, 20)),
    gender: z.optional(gender),
    company: z.optional(text(MAX_TEXT)),
    language: z.optional(
      z
        .string()
        .check(
          z.regex(/^[A-Za-z]{2}[-_][A-Za-z]{2}$/, 'must be a language and a country such as en-GB'),
          z.overwrite(toLanguageAndCountry),
        ),
    ),
  }),
})

/**
 * An engagement attribute (SDE) in LivePerson's own shape: `ctmrinfo` or `personal`, the two that the
 * Connector API accepts. Every documented member is supported, except the store members of `ctmrinfo`.
 *
 * @see https://developers.liveperson.com/engagement-attributes-types-of-engagement-attributes.html
 */
export const engagementAttribute = z.discriminatedUnion('type', [customerInfo, personalInfo])

export type EngagementAttribute = z.infer<typeof engagementAttribute>

/** The most engagement attributes that a request or a route may have. */
export const MAX_ATTRIBUTES = 10

/** Up to ten engagement attributes. */
export const engagementAttributes = listOf(engagementAttribute, MAX_ATTRIBUTES)
