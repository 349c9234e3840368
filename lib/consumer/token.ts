import {
  base64url,
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import * as z from 'zod/mini'
import type { TokenIssuer } from '../config/tokens.ts'
import { AppError, ConsumerTokenInvalidError, ServiceUnavailableError } from '../errors/errors.ts'
import { createSingleFlight } from '../net/single-flight.ts'
import { isRecord, type JsonRecord, parseLenientJson } from '../request/lenient-json.ts'
import { parseJson } from '../request/strict-json.ts'
import { toConsumer, type VerifiedConsumer } from './claims.ts'
import type { ThirdParty } from './third-party.ts'
import { findFault, wrong } from './token-checks.ts'

/** How long the keys are used before they are fetched again, in milliseconds. */
const KEYS_LIFE_MS = 600_000
/** The minimum time between two fetches because of an unknown key, in milliseconds. */
const COOL_DOWN_MS = 30_000
/** The pause after a failed fetch, in milliseconds. */
const FAILURE_PAUSE_MS = 1000
/** Of the whole header, in characters. API Gateway takes 10,240 bytes for all headers together. */
const MAX_LENGTH = 8192
const BEARER = /^Bearer +([A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+)$/i

/**
 * Verifies the `Authorization` header of a signed-in consumer.
 *
 * @throws {ConsumerTokenInvalidError} Says what is wrong, and never quotes the token.
 * @throws {ServiceUnavailableError} The keys can't be fetched.
 */
export type VerifyConsumer = (authorization: string) => Promise<VerifiedConsumer>

/**
 * Returns a function that verifies tokens of the account's issuers. A token's own `iss` selects the issuer,
 * whose keys (JWKS) and rules then decide. Keys are cached for ten minutes. A token with an unknown key
 * causes another fetch, at most twice a minute per issuer.
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
    if (authorization.length > MAX_LENGTH)
      throw refuse(`The Authorization header is too long. The limit is ${MAX_LENGTH} characters.`)
    const token = BEARER.exec(authorization)?.[1]
    if (token === undefined)
      throw refuse('The Authorization header must be Bearer, followed by one signed JWT.')
    const [header = '', payload = ''] = token.split('.')
    const claims = readPart(payload)
    const verify = issuers.get(claims.iss)
    if (!verify) throw refuse(wrong('iss'))
    return verify(token, readPart(header), claims)
  }
}

const NOT_TRUSTED = "The consumer token can't be trusted."

/** Returns a part of a token. Duplicate names are refused: readers don't agree on which one counts. */
const readPart = (part: string): JsonRecord => {
  let value: unknown
  try {
    value = parseJson(new TextDecoder('utf-8', { fatal: true }).decode(base64url.decode(part)))
  } catch (cause) {
    throw refuse(NOT_TRUSTED, cause)
  }
  if (isRecord(value)) return value
  throw refuse(NOT_TRUSTED)
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

  const fetchKeys = async (): Promise<JSONWebKeySet> => {
    if (now() < failedAt + FAILURE_PAUSE_MS)
      throw new ServiceUnavailableError({ detail: 'Fetching the keys for consumer tokens just failed.' })
    try {
      const { status, body } = await call({ method: 'GET', url: issuer.jwksUrl, headers: ACCEPT_KEYS })
      const { data } = z.safeParse(keySet, parseLenientJson(body))
      if (status === 200 && data) return data
      throw new ServiceUnavailableError({ detail: `The answer was ${status}, without keys.` })
    } catch (cause) {
      failedAt = now()
      throw new ServiceUnavailableError({ detail: "The keys for consumer tokens can't be fetched.", cause })
    }
  }

  const keys = createKeys(fetchKeys, now)

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
    const consumer = toConsumer(claims, issuer)
    if (typeof consumer === 'string') throw refuse(consumer)
    return consumer
  }
}

const ACCEPT_KEYS = { accept: 'application/json, application/jwk-set+json' }

/** jose checks each key that it uses. */
const keySet = z.custom<JSONWebKeySet>(
  (value) => isRecord(value) && Array.isArray(value.keys) && value.keys.every(isRecord),
)

/**
 * Returns a cache of an issuer's keys. Concurrent tokens share one fetch. jose's own does the same, and loads
 * undici for its headers: 25 ms and 13 MB of each cold start.
 */
const createKeys = (fetchKeys: () => Promise<JSONWebKeySet>, now: () => number): JWTVerifyGetKey => {
  let cached: { readonly find: JWTVerifyGetKey; readonly fetchedAt: number } | undefined
  const reload = createSingleFlight(async () => {
    const find = createLocalJWKSet(await fetchKeys())
    cached = { find, fetchedAt: now() }
    return cached
  })
  const isYounger = (ms: number) => cached !== undefined && now() < cached.fetchedAt + ms
  return async (header, token) => {
    const { find } = cached && isYounger(KEYS_LIFE_MS) ? cached : await reload()
    try {
      return await find(header, token)
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey) || isYounger(COOL_DOWN_MS)) throw error
      const renewed = await reload()
      return renewed.find(header, token)
    }
  }
}

const refuse = (detail: string, cause?: unknown) => new ConsumerTokenInvalidError({ detail, cause })

const invalid = (cause: unknown): ConsumerTokenInvalidError => {
  if (cause instanceof errors.JWTExpired) return refuse('The consumer token has expired.', cause)
  if (cause instanceof errors.JWTClaimValidationFailed) return refuse(wrong(cause.claim), cause)
  return refuse(NOT_TRUSTED, cause)
}
