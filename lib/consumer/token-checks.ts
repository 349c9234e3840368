import { NO_TYPE, type TokenIssuer } from '../config/tokens.ts'
import type { JsonRecord } from '../request/lenient-json.ts'

/** A token whose signature, `iss` and `exp` have been verified. */
export interface TokenParts {
  readonly header: JsonRecord
  readonly claims: JsonRecord
}

/**
 * Returns why a token is not a consumer's for this service, in words that say nothing about its content, or
 * `undefined`. These are the rules of RFC 8725 that jose leaves to its callers.
 *
 * @param nowSeconds Seconds since the epoch.
 * @see https://www.rfc-editor.org/rfc/rfc8725#section-3
 */
export const findFault = (
  { header, claims }: TokenParts,
  issuer: TokenIssuer,
  nowSeconds: number,
): string | undefined =>
  faultOfKind(header, claims, issuer) ??
  faultOfRecipient(claims, issuer) ??
  faultOfTimes(claims, issuer, nowSeconds) ??
  faultOfIdentity(claims, issuer)

/** Returns the fault of a claim or header parameter. It is named, but its value isn't quoted. */
export const wrong = (name: string): string => `The consumer token's ${name} is missing or invalid.`

/** Returns why a token is of another kind, although it may have been signed with the same key. */
const faultOfKind = ({ typ }: JsonRecord, claims: JsonRecord, { types }: TokenIssuer): string | undefined => {
  const accepted = types.map((type) => (type === NO_TYPE ? undefined : toMediaType(type)))
  if (!accepted.includes(typ === undefined ? undefined : toMediaType(typ)))
    return "The consumer token's typ is not accepted."
  if (Object.hasOwn(claims, 'cnf'))
    return 'The consumer token has cnf: it is bound to a key, so a bearer may not use it.'
  if (Object.hasOwn(claims, 'events'))
    return 'The consumer token has events: it reports an event, and nobody can sign in with it.'
  return undefined
}

/** A type is a media type without regard to case, and `application/` may be left out. */
const toMediaType = (type: unknown): string => {
  const text = typeof type === 'string' ? type.toLowerCase() : ''
  return text.includes('/') ? text : `application/${text}`
}

const faultOfRecipient = (claims: JsonRecord, issuer: TokenIssuer): string | undefined => {
  const { aud, azp, client_id, token_use } = claims
  const { audience, clients, cognitoAccessTokens } = issuer
  const isCognitoAccess = cognitoAccessTokens && token_use === 'access' && aud === undefined
  const [name, recipients] = isCognitoAccess ? ['client_id', client_id] : ['aud', aud]
  const list = toList(recipients)
  if (!list.every(isText) || !list.some((recipient) => isListed(audience, recipient))) return wrong(name)
  if (!clients) return undefined
  const parties = [azp, client_id].filter((party) => party !== undefined)
  return parties.length > 0 && parties.every((party) => isListed(clients, party)) ? undefined : wrong('azp')
}

const toList = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [value])
const isText = (value: unknown): value is string => typeof value === 'string'
const isListed = (names: readonly string[], name: unknown) => isText(name) && names.includes(name)

const faultOfTimes = (claims: JsonRecord, issuer: TokenIssuer, nowSeconds: number): string | undefined => {
  const { leewaySeconds, maxLifetimeHours } = issuer
  for (const name of ['exp', 'nbf', 'iat'])
    if (claims[name] !== undefined && !Number.isFinite(claims[name])) return wrong(name)
  const latest = nowSeconds + leewaySeconds
  const issuedAt = claims.iat === undefined ? latest : Number(claims.iat)
  if (issuedAt > latest) return wrong('iat')
  const hours = maxLifetimeHours === 1 ? '1 hour' : `${maxLifetimeHours} hours`
  if (Number(claims.exp) - issuedAt > maxLifetimeHours * 3600)
    return `The consumer token is valid for too long. The limit is ${hours}.`
  return undefined
}

/** Returns why the claim that holds the consumer id names no person. */
const faultOfIdentity = (claims: JsonRecord, { consumerId: { claim } }: TokenIssuer): string | undefined => {
  const { azp, client_id, sub, idtyp } = claims
  if (sub !== undefined && !isText(sub)) return wrong('sub')
  const id = claims[claim]
  // A token that an application gets for itself has its id as sub (RFC 9068, section 5), or Entra ID's mark.
  if (idtyp === 'app' || (id !== undefined && (id === azp || id === client_id)))
    return 'The consumer token is for an application, not for a person.'
  if (isText(id) && WHITE_SPACE.test(id))
    return (
      `The consumer token's ${claim} has white space in it, so it may be the same for everybody. Set` +
      ' consumerId.claim of its issuer to a claim that identifies a person, such as oid with Azure AD B2C.'
    )
  return isVerified(claims, claim) ? undefined : `The consumer token says that its ${claim} is not verified.`
}

/**
 * Some policies of Azure AD B2C put one sentence into every sub: those whose setting for it is Not Supported.
 *
 * @see https://learn.microsoft.com/en-us/azure/active-directory-b2c/configure-tokens#token-compatibility-settings
 */
const WHITE_SPACE = /[\s\p{White_Space}]/u

/**
 * Returns whether the issuer vouches for a claim. No statement counts as one. Providers write booleans and
 * strings, so anything but true and "true" says that the claim is not verified.
 *
 * @see https://openid.net/specs/openid-connect-core-1_0.html#StandardClaims
 */
export const isVerified = (claims: JsonRecord, name: string): boolean => {
  if (name !== 'email' && name !== 'phone_number') return true
  const statement = claims[`${name}_verified`] ?? true
  return statement === true || (typeof statement === 'string' && statement.toLowerCase() === 'true')
}
