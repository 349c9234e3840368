import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify } from 'jose'
import * as z from 'zod/mini'
import type { TokensConfig } from '../config/stage.ts'
import {
  AppError,
  ConsumerTokenInvalidError,
  type Finding,
  ServiceUnavailableError,
} from '../errors/errors.ts'
import { toSafePath } from '../errors/mask.ts'
import { check } from '../request/check.ts'
import { consumerId } from '../request/conversation-request.ts'
import { type EngagementAttribute, engagementAttributes } from '../request/engagement-attributes.ts'
import { text } from '../request/schema-parts.ts'
import type { ThirdParty } from './third-party.ts'

/** How far the identity provider's clock may be off, in seconds. */
const CLOCK_TOLERANCE = 5
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
  readonly consumerId: string
  readonly firstName: string | undefined
  readonly lastName: string | undefined
  readonly email: string | undefined
  readonly phone: string | undefined
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
 * Returns a function that verifies tokens with the keys (JWKS) of the account's identity provider. The keys
 * are cached for ten minutes. A token with an unknown key causes another fetch, at most twice a minute.
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
  readonly tokens: TokensConfig
  readonly call: ThirdParty
  readonly now: () => number
}): VerifyConsumer => {
  const { issuer, audience, algorithms, jwksUrl } = tokens
  let failedAt = Number.NEGATIVE_INFINITY
  const keys = createRemoteJWKSet(new URL(jwksUrl), {
    cacheMaxAge: KEYS_LIFE_MS,
    cooldownDuration: COOL_DOWN_MS,
    [customFetch]: async (url, { headers }) => {
      if (now() < failedAt + FAILURE_PAUSE_MS)
        throw new ServiceUnavailableError({
          detail: "Fetching the identity provider's keys failed a moment ago.",
        })
      const { status, body } = await call({ method: 'GET', url, headers: Object.fromEntries(headers) })
      return new Response(body || null, { status })
    },
  })

  const keyOf: Parameters<typeof jwtVerify>[1] = async (header, token) => {
    try {
      return await keys(header, token)
    } catch (error) {
      if (isOfToken(error)) throw error
      if (now() >= failedAt + FAILURE_PAUSE_MS) failedAt = now()
      throw new ServiceUnavailableError({
        detail: "The keys for consumer tokens can't be fetched.",
        cause: error,
      })
    }
  }

  return async (authorization) => {
    const token = authorization.length <= MAX_TOKEN_LENGTH ? BEARER.exec(authorization)?.[1] : undefined
    if (token === undefined)
      throw new ConsumerTokenInvalidError({
        detail: 'The Authorization header must be Bearer, followed by one signed JWT.',
      })
    try {
      const { payload } = await jwtVerify(token, keyOf, {
        issuer,
        audience,
        algorithms,
        requiredClaims: ['exp', 'sub'],
        clockTolerance: CLOCK_TOLERANCE,
        currentDate: new Date(now()),
      })
      // jose checks iat only together with a maximum age.
      if (payload.iat !== undefined && payload.iat > now() / 1000 + CLOCK_TOLERANCE) throw wrong('iat')
      return toConsumer(payload)
    } catch (error) {
      throw error instanceof AppError ? error : invalid(error)
    }
  }
}

/** Returns whether the token is at fault: it names no key of the provider, or several. */
const isOfToken = (error: unknown) =>
  error instanceof errors.JWKSNoMatchingKey ||
  error instanceof errors.JWKSMultipleMatchingKeys ||
  error instanceof errors.JOSENotSupported

const invalid = (cause: unknown): ConsumerTokenInvalidError => {
  if (cause instanceof errors.JWTExpired)
    return new ConsumerTokenInvalidError({ detail: 'The consumer token has expired.', cause })
  if (cause instanceof errors.JWTClaimValidationFailed) return wrong(cause.claim, cause)
  return new ConsumerTokenInvalidError({ detail: "The consumer token can't be trusted.", cause })
}

const wrong = (claim: string, cause?: unknown) =>
  new ConsumerTokenInvalidError({
    detail: `The consumer token's ${claim} is missing or invalid.`,
    cause,
  })

const claims = z.object({
  sub: consumerId,
  given_name: z.optional(text(256)),
  family_name: z.optional(text(256)),
  email: z.optional(text(320)),
  phone_number: z.optional(text(64)),
  lp_sdes: z.optional(engagementAttributes),
})

/**
 * Returns the consumer that the claims describe. A `personal` attribute in `lp_sdes` stands in for the
 * standard claims that are missing.
 *
 * @see https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
 * @see https://developers.liveperson.com/engagement-attributes-types-of-engagement-attributes.html
 */
const toConsumer = (payload: JWTPayload): VerifiedConsumer => {
  const result = check(claims, payload)
  if ('findings' in result) throw wrong(placeOf(result.findings))
  const { sub, given_name, family_name, email, phone_number, lp_sdes = [] } = result.data
  const personal = lp_sdes.find((attribute) => attribute.type === 'personal')?.personal
  return {
    consumerId: sub,
    firstName: given_name ?? personal?.firstname,
    lastName: family_name ?? personal?.lastname,
    email: email ?? personal?.contacts?.find((contact) => contact.email !== undefined)?.email,
    phone: phone_number ?? personal?.contacts?.find((contact) => contact.phone !== undefined)?.phone,
    engagementAttributes: lp_sdes,
  }
}

const KNOWN_NAMES: readonly string[] = [...Object.keys(claims.shape), 'type', 'info', 'personal']

/** Every other name in a token is masked: this path leaves the service. */
const placeOf = ([finding]: readonly Finding[]): string =>
  finding ? toSafePath(finding, (name) => KNOWN_NAMES.includes(name)) : 'content'
