import * as z from 'zod/mini'
import type { TokenIssuer } from '../config/tokens.ts'
import type { Finding } from '../errors/errors.ts'
import { check } from '../request/check.ts'
import { consumerId, conversationRequest } from '../request/conversation-request.ts'
import {
  type EngagementAttribute,
  engagementAttributes,
  MAX_ATTRIBUTES,
} from '../request/engagement-attributes.ts'
import { isDerived } from '../request/identity.ts'
import type { JsonRecord } from '../request/lenient-json.ts'
import { orInteger, text } from '../request/schema-parts.ts'
import { withoutAbsent } from '../request/spelling.ts'
import { removalsIn, type Warning } from '../request/warnings.ts'
import { isVerified, wrong } from './token-checks.ts'

/** What a verified token says about its consumer. */
export interface VerifiedConsumer {
  /** The configured prefix and claim. */
  readonly consumerId: string
  readonly firstName: string | undefined
  readonly lastName: string | undefined
  /** `undefined` also if the token says that it is not verified. */
  readonly email: string | undefined
  /** `undefined` also if the token says that it is not verified. */
  readonly phone: string | undefined
  /** The checked `picture` claim. Also `undefined` if agents' browsers must not load it. */
  readonly avatarUrl: string | undefined
  readonly engagementAttributes: readonly EngagementAttribute[]
  /** What was left out of the token. The paths are those of its claims, after `token.`. */
  readonly warnings: readonly Warning[]
}

const profile = z.object({
  given_name: z.optional(text(256)),
  family_name: z.optional(text(256)),
  email: z.optional(text(320)),
  phone_number: z.optional(text(64)),
  lp_sdes: z.optional(engagementAttributes),
})

/**
 * Returns the consumer that a token's claims describe, or why they describe none, without quoting them. A
 * claim of the profile that is null, empty or of another type counts as absent, because providers write
 * missing values in different ways. A `personal` attribute in `lp_sdes` stands in for the standard claims
 * that are missing, and the other way round.
 *
 * @see https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
 * @see https://developers.liveperson.com/engagement-attributes-types-of-engagement-attributes.html
 */
export const toConsumer = (claims: JsonRecord, issuer: TokenIssuer): VerifiedConsumer | string => {
  const id = toConsumerId(claims, issuer)
  if ('fault' in id) return id.fault
  const stated = readProfile(claims)
  if ('findings' in stated) return wrong(placeOf(stated.findings))
  const verified = { email: isVerified(claims, 'email'), phone: isVerified(claims, 'phone_number') }
  const { given_name, family_name, email, phone_number, lp_sdes = [] } = stated.profile
  const attributes = lp_sdes.flatMap((attribute) => onlyVerified(attribute, verified))
  const personal = attributes.find((attribute) => attribute.type === 'personal')?.personal
  const contacts = personal?.contacts ?? []
  const known = {
    firstName: given_name ?? personal?.firstname,
    lastName: family_name ?? personal?.lastname,
    email:
      (verified.email ? email : undefined) ?? contacts.find((contact) => contact.email !== undefined)?.email,
    phone:
      (verified.phone ? phone_number : undefined) ?? contacts.find(({ phone }) => phone !== undefined)?.phone,
  }
  const picture = toText(claims.picture)
  const avatarUrl = picture === undefined ? undefined : toAvatarUrl(picture)
  return {
    consumerId: id.consumerId,
    ...known,
    avatarUrl,
    engagementAttributes: personal
      ? attributes
      : [...attributes, ...toPersonal(known)].slice(0, MAX_ATTRIBUTES),
    warnings: [
      ...(picture === undefined || avatarUrl !== undefined
        ? []
        : [{ path: 'picture', message: 'was left out, because it is not a valid avatarUrl' }]),
      ...stated.warnings,
    ].map(({ path, message }) => ({ path: `token.${path}`, message })),
  }
}

const TEXT_CLAIMS = ['given_name', 'family_name', 'email', 'phone_number'] as const

interface Stated {
  readonly profile: z.infer<typeof profile>
  readonly warnings: readonly Warning[]
}

/**
 * Returns what the claims say about the consumer. Invalid texts are left out. A mistake in an attribute is a
 * finding, because the developer who wrote it can correct it.
 */
const readProfile = (claims: JsonRecord): Stated | { readonly findings: readonly Finding[] } => {
  const texts = TEXT_CLAIMS.map((name) => ({ name, text: toText(claims[name]) }))
  const leftOut = texts.filter(({ name, text }) => 'findings' in check(profile.shape[name], text))
  const { lp_sdes } = claims
  const given = withoutAbsent({
    ...Object.fromEntries(
      texts.filter((each) => !leftOut.includes(each)).map(({ name, text }) => [name, text]),
    ),
    ...(Array.isArray(lp_sdes) && { lp_sdes }),
  })
  const result = check(profile, given)
  if ('findings' in result) return result
  // Texts may be empty after characters were removed from them.
  const cleaned = check(profile, withoutAbsent(result.data))
  if ('findings' in cleaned) return cleaned
  return {
    profile: cleaned.data,
    warnings: [
      ...leftOut.map(({ name }) => ({
        path: name,
        message: 'was left out, because it is too long or not well-formed',
      })),
      ...removalsIn(given, result.data),
    ],
  }
}

/** Returns a claim if it is a text with visible characters, else `undefined`. */
const toText = (claim: unknown): string | undefined =>
  typeof claim === 'string' && hasVisible(claim) ? claim : undefined

const hasVisible = (text: string): boolean => text.search(/[^\p{White_Space}\p{Cc}\p{Cf}]/u) >= 0

const { consumer } = conversationRequest.shape

/**
 * Returns the checked address, or `undefined` if it may not be used. Agents' browsers load it, so it must not
 * lead into a private network or carry a password.
 */
const toAvatarUrl = (picture: string): string | undefined => {
  const avatarUrl = URL.parse(picture)?.href
  return avatarUrl && 'data' in check(consumer, { avatarUrl }) ? avatarUrl : undefined
}

/** Returns the consumer id. A token can't have an id like those that the service derives from requests. */
const toConsumerId = (
  claims: JsonRecord,
  { consumerId: { claim, prefix } }: TokenIssuer,
): { readonly consumerId: string } | { readonly fault: string } => {
  const stated = check(orInteger(consumerId), claims[claim])
  if (!('data' in stated)) return { fault: wrong(claim) }
  const whole = check(consumerId, `${prefix}${stated.data}`)
  if (!('data' in whole)) return { fault: wrong(claim) }
  if (isDerived(whole.data))
    return { fault: `The consumer token's ${claim} has the form of an id that this service makes.` }
  return { consumerId: whole.data }
}

/** Returns the attribute without contacts that are not verified, or nothing if nothing is left. */
const onlyVerified = (
  attribute: EngagementAttribute,
  verified: { readonly email: boolean; readonly phone: boolean },
): EngagementAttribute[] => {
  if (attribute.type !== 'personal') return [attribute]
  const { contacts = [], ...others } = attribute.personal
  const left = contacts
    .map(({ email, phone, phoneType, ...rest }) => ({
      ...rest,
      ...(verified.email && email !== undefined && { email }),
      ...(verified.phone && phone !== undefined && { phone }),
      ...(verified.phone && phoneType !== undefined && { phoneType }),
    }))
    .filter((contact) => Object.keys(contact).length > 0)
  const personal = { ...others, ...(left.length > 0 && { contacts: left }) }
  return Object.keys(personal).length > 0 ? [{ type: 'personal', personal }] : []
}

/** Returns what the token says as an attribute, which agents see as authenticated. */
const toPersonal = ({
  firstName,
  lastName,
  email,
  phone,
}: Pick<VerifiedConsumer, 'firstName' | 'lastName' | 'email' | 'phone'>): EngagementAttribute[] => {
  const contact = { ...(email !== undefined && { email }), ...(phone !== undefined && { phone }) }
  const personal = {
    ...(firstName !== undefined && { firstname: firstName }),
    ...(lastName !== undefined && { lastname: lastName }),
    ...(Object.keys(contact).length > 0 && { contacts: [contact] }),
  }
  return Object.keys(personal).length > 0 ? [{ type: 'personal', personal }] : []
}

/**
 * Returns where a finding is. The path consists of names in the schema. Only the last may be the token's own:
 * that of an unknown member, which has a masked path. It is masked in any case, because this path leaves the
 * service.
 */
const placeOf = ([finding]: readonly Finding[]): string => {
  const { path, maskedPath } = finding ?? { path: 'content' }
  return maskedPath === undefined ? path : maskedPath.replace(/[^.]*$/, '(masked)')
}
