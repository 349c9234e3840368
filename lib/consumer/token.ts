import { base64url, createRemoteJWKSet, customFetch, errors, jwtVerify } from 'jose'
import * as z from 'zod/mini'
import type { TokenIssuer } from '../config/tokens.ts'
import {
  AppError,
  ConsumerTokenInvalidError,
  type Finding,
  ServiceUnavailableError,
} from '../errors/errors.ts'
import { toSafePath } from '../errors/mask.ts'
import { check } from '../request/check.ts'
import { consumerId } from '../request/conversation-request.ts'
import {
  type EngagementAttribute,
  engagementAttributes,
  MAX_ATTRIBUTES,
} from '../request/engagement-attributes.ts'
import { isDerived } from '../request/identity.ts'
import { isRecord, type JsonRecord, parseLenientJson } from '../request/lenient-json.ts'
import { text } from '../request/schema-parts.ts'
import { parseJson } from '../request/strict-json.ts'
import type { ThirdParty } from './third-party.ts'
import { findFault, isVerified, wrong } from './token-checks.ts'

/** How long the keys are used before they are fetched again, in milliseconds. */
const KEYS_LIFE_MS = 600_000
/** The minimum time between two fetches because of an unknown key, in milliseconds. */
const COOL_DOWN_MS = 30_000
/** The pause after a failed fetch, in milliseconds. */
const FAILURE_PAUSE_MS = 1000
const MAX_TOKEN_LENGTH = 8192
const BEARER = /^Bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i

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
  /** The `picture` claim, which hasn't been checked. */
  readonly picture: unknown
  readonly engagementAttributes: readonly EngagementAttribute[]
}

/**
 * Verifies the `Authorization` header of a signed-in consumer.
 *
 * @throws {ConsumerTokenInvalidError} Says what is wrong, and never quotes the token.
 * @throws {ServiceUnavailableError} The keys can't be fetched.
 */
export type VerifyConsumer = (authorization: string) => Promise<VerifiedConsumer>

/**
 * Returns a function that verifies tokens of the account's issuers. A token's own `iss` chooses the issuer,
 * whose keys (JWKS) and rules then decide. Keys are cached for ten minutes. A token with an unknown key causes
 * another fetch, at most twice a minute for each issuer.
 *
 * @param options.now Milliseconds since the epoch.
 * @see https://www.rfc-editor.org/rfc/rfc8725
 * @see https://www.rfc-editor.org/rfc/rfc6750
 */
export const createConsumerTokens = ({
  tokens,
  call,
  now,
}: {
  readonly tokens: readonly TokenIssuer[]
  readonly call: ThirdParty
  readonly now: () => number
}): VerifyConsumer => {
  const issuers = new Map<unknown, ReturnType<typeof createIssuer>>(
    tokens.map((issuer) => [issuer.issuer, createIssuer({ issuer, call, now })]),
  )
  return async (authorization) => {
    const token = authorization.length <= MAX_TOKEN_LENGTH ? BEARER.exec(authorization)?.[1] : undefined
    if (token === undefined)
      throw refuse('The Authorization header must be Bearer, followed by one signed JWT.')
    const [header, claims] = token.split('.').map(readPart)
    if (!header || !claims) throw refuse(NOT_TRUSTED)
    const verify = issuers.get(claims.iss)
    if (!verify) throw refuse(wrong('iss'))
    return verify(token, header, claims)
  }
}

const NOT_TRUSTED = "The consumer token can't be trusted."

/** Returns a part of a token. Duplicate names are refused, because readers don't agree on which one counts. */
const readPart = (part: string): JsonRecord | undefined => {
  try {
    const value = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(base64url.decode(part)))
    return isRecord(value) ? value : undefined
  } catch {
    return undefined
  }
}

const createIssuer = ({
  issuer,
  call,
  now,
}: {
  readonly issuer: TokenIssuer
  readonly call: ThirdParty
  readonly now: () => number
}) => {
  let failedAt = Number.NEGATIVE_INFINITY

  const fetchKeys = async (url: string, headers: Headers): Promise<Response> => {
    if (now() < failedAt + FAILURE_PAUSE_MS)
      throw new ServiceUnavailableError({ detail: 'Fetching the keys for consumer tokens just failed.' })
    try {
      const { status, body } = await call({ method: 'GET', url, headers: Object.fromEntries(headers) })
      if (status === 200 && z.safeParse(keySet, parseLenientJson(body)).success) return new Response(body)
      throw new ServiceUnavailableError({ detail: `The answer was ${status}, without keys.` })
    } catch (cause) {
      failedAt = now()
      throw new ServiceUnavailableError({ detail: "The keys for consumer tokens can't be fetched.", cause })
    }
  }

  const keys = createRemoteJWKSet(new URL(issuer.jwksUrl), {
    cacheMaxAge: KEYS_LIFE_MS,
    cooldownDuration: COOL_DOWN_MS,
    [customFetch]: (url, { headers }) => fetchKeys(url, headers),
  })

  return async (token: string, header: JsonRecord, claims: JsonRecord): Promise<VerifiedConsumer> => {
    try {
      await jwtVerify(token, keys, {
        issuer: issuer.issuer,
        algorithms: issuer.algorithms,
        requiredClaims: ['exp'],
        clockTolerance: issuer.leewaySeconds,
        currentDate: new Date(now()),
      })
    } catch (error) {
      throw error instanceof AppError ? error : invalid(error)
    }
    const fault = findFault({ header, claims }, issuer, now() / 1000)
    if (fault !== undefined) throw refuse(fault)
    return toConsumer(claims, issuer)
  }
}

const keySet = z.object({ keys: z.array(z.record(z.string(), z.unknown())) })

const refuse = (detail: string, cause?: unknown) => new ConsumerTokenInvalidError({ detail, cause })

const invalid = (cause: unknown): ConsumerTokenInvalidError => {
  if (cause instanceof errors.JWTExpired) return refuse('The consumer token has expired.', cause)
  if (cause instanceof errors.JWTClaimValidationFailed) return refuse(wrong(cause.claim), cause)
  return refuse(NOT_TRUSTED, cause)
}

const profile = z.object({
  given_name: z.optional(text(256)),
  family_name: z.optional(text(256)),
  email: z.optional(text(320)),
  phone_number: z.optional(text(64)),
  lp_sdes: z.optional(engagementAttributes),
})

/**
 * Returns the consumer that the claims describe. A `personal` attribute in `lp_sdes` stands in for the
 * standard claims that are missing, and the other way round.
 *
 * @see https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
 * @see https://developers.liveperson.com/engagement-attributes-types-of-engagement-attributes.html
 */
const toConsumer = (claims: JsonRecord, issuer: TokenIssuer): VerifiedConsumer => {
  const consumerId = toConsumerId(claims, issuer)
  const result = check(profile, claims)
  if ('findings' in result) throw refuse(wrong(placeOf(result.findings)))
  const verified = { email: isVerified(claims, 'email'), phone: isVerified(claims, 'phone_number') }
  const { given_name, family_name, lp_sdes = [] } = result.data
  const attributes = lp_sdes.flatMap((attribute) => onlyVerified(attribute, verified))
  const personal = attributes.find((attribute) => attribute.type === 'personal')?.personal
  const contacts = personal?.contacts ?? []
  const known = {
    firstName: given_name ?? personal?.firstname,
    lastName: family_name ?? personal?.lastname,
    email:
      (verified.email ? result.data.email : undefined) ??
      contacts.find(({ email }) => email !== undefined)?.email,
    phone:
      (verified.phone ? result.data.phone_number : undefined) ??
      contacts.find(({ phone }) => phone !== undefined)?.phone,
  }
  return {
    consumerId,
    ...known,
    picture: claims.picture,
    engagementAttributes: personal
      ? attributes
      : [...attributes, ...toPersonal(known)].slice(0, MAX_ATTRIBUTES),
  }
}

/** Returns the consumer id. Ids that the service derives from requests can't be taken by a token. */
const toConsumerId = (claims: JsonRecord, { consumerId: { claim, prefix } }: TokenIssuer): string => {
  const stated = check(consumerId, claims[claim])
  const whole = check(consumerId, `${prefix}${claims[claim]}`)
  if (!('data' in stated) || !('data' in whole)) throw refuse(wrong(claim))
  if (isDerived(whole.data))
    throw refuse(`The consumer token's ${claim} has the form of an id that this service makes.`)
  return whole.data
}

/** Returns the attribute without contacts that the token says are not verified, or nothing if nothing is left. */
const onlyVerified = (
  attribute: EngagementAttribute,
  verified: { readonly email: boolean; readonly phone: boolean },
): EngagementAttribute[] => {
  if (attribute.type !== 'personal' || (verified.email && verified.phone)) return [attribute]
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

const KNOWN_NAMES: readonly string[] = [...Object.keys(profile.shape), 'type', 'info', 'personal']

/** Every other name in a token is masked: this path leaves the service. */
const placeOf = ([finding]: readonly Finding[]): string =>
  finding ? toSafePath(finding, (name) => KNOWN_NAMES.includes(name)) : 'content'
