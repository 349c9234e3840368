import { failed, ok, type Result } from '../http/answer.ts'
import { type Check, list, must, number, object, oneOf, pattern, text, url } from '../json/check.ts'
import { isObject } from '../json/value.ts'
import type { State } from '../state/state.ts'
import type { Consumer } from '../state/store.ts'
import type { Envelope } from './envelope.ts'

/**
 * Applies a `userprofile.SetUserProfile` request. Strict mode refuses a known member of the wrong type, an
 * engagement attribute other than `ctmrinfo` and `personal`, and an unknown member of either.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-conversation.html#setuserprofile-properties
 * @see https://developers.liveperson.com/engagement-attributes-types-of-engagement-attributes.html
 */
export const applyProfile = (state: State, consumer: Consumer, { id, body }: Envelope): Result => {
  const problem = state.settings.mode === 'strict' ? findProfileProblem(body) : undefined
  if (problem !== undefined) return failed(`Set user profile failed: ${problem}`, id)
  state.store.setProfile(consumer, body)
  return ok({ msg: 'OK User Profile set successfully' }, id)
}

/** Returns what is wrong with a `userprofile.SetUserProfile` body in strict mode. */
export const findProfileProblem = (body: unknown): string | undefined => profile(body, 'profile')

const closed = { closed: true } as const

const gender = oneOf('MALE', 'FEMALE', 'OTHER', '0', '1', '2', 0, 1, 2)

// LivePerson's `int` has 32 bits. Its `long` has 64.
const int = must('a 32-bit integer', (value) => Number.isInteger(value) && value === Number(value) >> 0)

const within = (least: number, most: number) =>
  must(
    `an integer from ${least} to ${most}`,
    (value) => Number.isInteger(value) && Number(value) >= least && Number(value) <= most,
  )
const day = within(1, 31)
const month = within(1, 12)

const date = object({ day, month, year: int }, { required: ['day', 'month', 'year'], closed: true })

// The authenticated flow doesn't support storeZipCode and storeNumber.
const customerInfo = object(
  {
    ctype: text,
    cstatus: text,
    balance: number,
    currency: text,
    customerId: text,
    socialId: text,
    imei: text,
    userName: text,
    companySize: int,
    companyBranch: text,
    accountName: text,
    role: text,
    lastPaymentDate: date,
    registrationDate: date,
    loginStatus: int,
  },
  closed,
)

const contact = object(
  {
    email: text,
    phone: text,
    phoneType: oneOf('HOME', 'MOBILE', 'WORK', 'FAX', 'MAIN', 'HOME_FAX', 'WORK_FAX', 'PAGER', 'OTHER'),
    address: object({ country: pattern(/^[A-Z]{2}$/), region: text }, closed),
  },
  closed,
)

const ageMembers = object({ age: int, year: int, month, day }, closed)

const age: Check = (value, path) =>
  ageMembers(value, path) ??
  (isObject(value) && value.age === undefined && value.year === undefined
    ? `${path}.year is missing`
    : undefined)

const personalInfo = object(
  {
    firstname: text,
    lastname: text,
    age,
    contacts: list(contact),
    gender,
    company: text,
    language: pattern(/^[a-z]{2}[-_][A-Z]{2}$/),
  },
  closed,
)

const attribute: Check = (value, path) => {
  if (!isObject(value)) return `${path} must be an object`
  if (value.type === 'ctmrinfo') {
    return object({ type: text, info: customerInfo }, { required: ['info'], closed: true })(value, path)
  }
  if (value.type === 'personal') {
    return object({ type: text, personal: personalInfo }, { required: ['personal'], closed: true })(
      value,
      path,
    )
  }
  return `${path}.type must be ctmrinfo or personal`
}

const profile = object({
  firstName: text,
  lastName: text,
  userId: text,
  avatarUrl: url,
  role: text,
  backgndImgUri: url,
  description: text,
  privateData: object({
    mobileNum: text,
    mail: text,
    pushNotificationData: object({ serviceName: text, certName: text, token: text }),
  }),
  authenticatedData: object({
    lp_sdes: list(attribute),
    auth: object({ amr: list(text), iss: text }),
  }),
})
