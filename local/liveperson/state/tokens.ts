import { createHmac, generateKeyPair, sign, verify } from 'node:crypto'
import { promisify } from 'node:util'
import { isObject, type JsonObject, parseJson } from '../json/value.ts'
import type { LivePersonAccount } from './account.ts'
import type { Clock } from './clock.ts'
import type { Settings } from './settings.ts'

/**
 * Returns a simulator's token issuer. It signs with its own new key (RS256), unless `signer` does. Tokens
 * that it issued or verified are cached by their text, so that most requests need no cryptography.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-authorization-and-authentication.html
 */
export const createTokens = async (clock: Clock, settings: Settings, signer?: Signer): Promise<Tokens> => {
  const { sign, verify, jwk } = signer ?? (await createRsaSigner())
  const verified = new Map<string, Verified>()
  const consumerJwss = new Map<string, Promise<string>>()
  let appKeys = 1
  let consumerKeys = 1

  const remember = (token: string, kid: string, claims: JsonObject) => {
    if (verified.size >= maxCachedTokens) verified.clear()
    const entry = { kid, claims }
    verified.set(token, entry)
    return entry
  }

  const issue = async (kid: string, claims: JsonObject) => {
    const signed = `${encode({ kid, typ: 'JWT', alg: 'RS256' })}.${encode(claims)}`
    const token = `${signed}.${await sign(signed)}`
    remember(token, kid, claims)
    return token
  }

  const read = (token: string): Verified | undefined => {
    const known = verified.get(token)
    if (known !== undefined) return known
    const [header, payload, signature, more] = token.split('.')
    if (header === undefined || payload === undefined || signature === undefined || more !== undefined) return
    const { kid, alg } = decode(header)
    if (typeof kid !== 'string' || alg !== 'RS256') return
    if (!verify(`${header}.${payload}`, signature)) return
    return remember(token, kid, decode(payload))
  }

  const appKid = (version: AppJwtVersion) => `${version === 2 ? 'app2jwt' : 'appjwt'}-05-01-26.${appKeys}`
  const consumerKid = () => `appjwt-05-01-26.${consumerKeys}`

  return {
    issueAppJwt: (account, version) => {
      const iat = Math.floor(clock.now() / 1000)
      return issue(appKid(version), {
        aud: account.accountId,
        azp: account.clientId,
        scope: 'msg.consumer',
        iss: settings.appJwtIssuer,
        exp: iat + settings.appJwtLifetimeSeconds,
        iat,
      })
    },

    issueConsumerJws: (consumer) => {
      const key = `${consumer.accountId}\n${consumer.extConsumerId}`
      const token =
        consumerJwss.get(key) ??
        issue(consumerKid(), {
          account_id: consumer.accountId,
          ext_consumer_id: consumer.extConsumerId,
          lp_consumer_id: consumer.lpConsumerId,
        })
      if (consumerJwss.size >= maxCachedTokens) consumerJwss.clear()
      consumerJwss.set(key, token)
      return token
    },

    checkAppJwt: (token, accountId) => {
      const known = read(token)
      if (known === undefined) return 'invalid'
      const { aud, azp, scope, iss, exp, iat } = known.claims
      const isComplete = [aud, azp, scope, iss, exp, iat].every((claim) => claim !== undefined)
      if (!isComplete || String(iss).toLowerCase() !== 'sentinel') return 'claim-missing'
      const kidIsValid = known.kid === appKid(1) || (settings.mode === 'lenient' && known.kid === appKid(2))
      const isAlive = Number(exp) * 1000 > clock.now()
      return kidIsValid && isAlive && aud === accountId && scope === 'msg.consumer' ? 'valid' : 'invalid'
    },

    readConsumerJws: (token, accountId) => {
      const known = read(token)
      if (known === undefined || known.kid !== consumerKid()) return undefined
      const { account_id, ext_consumer_id, lp_consumer_id } = known.claims
      if (account_id !== accountId || typeof ext_consumer_id !== 'string') return undefined
      return { accountId, extConsumerId: ext_consumer_id, lpConsumerId: String(lp_consumer_id) }
    },

    jwks: () => ({
      keys: [{ ...jwk, kid: appKid(2), use: 'sig', alg: 'RS256' }],
    }),

    revokeAppTokens: () => {
      appKeys += 1
    },

    revokeConsumerTokens: () => {
      consumerKeys += 1
      consumerJwss.clear()
    },
  }
}

/** 1: for the Connector API. 2: for LivePerson's newer APIs. In strict mode the Connector API refuses 2. */
export type AppJwtVersion = 1 | 2

/** The consumer that a ConsumerJWS identifies. */
export interface ConsumerIdentity {
  readonly accountId: string
  readonly extConsumerId: string
  /** 64 lower-case hexadecimal digits. */
  readonly lpConsumerId: string
}

/** Issues and checks AppJWTs and ConsumerJWSs. */
export interface Tokens {
  issueAppJwt(account: LivePersonAccount, version: AppJwtVersion): Promise<string>
  /** Returns the same token every time for the same consumer, since it contains no time. */
  issueConsumerJws(consumer: ConsumerIdentity): Promise<string>
  /** Returns `claim-missing` for what the Send API answers with 40001, else `invalid` for a bad token. */
  checkAppJwt(token: string, accountId: string): 'valid' | 'invalid' | 'claim-missing'
  /** Returns undefined if the token is invalid or belongs to another account. */
  readConsumerJws(token: string, accountId: string): ConsumerIdentity | undefined
  /** The JSON Web Key Set of AppJWT V2. */
  jwks(): object
  /** Makes every AppJWT issued so far invalid. */
  revokeAppTokens(): void
  /** Makes every ConsumerJWS issued so far invalid. */
  revokeConsumerTokens(): void
}

/** Returns LivePerson's own id for a consumer: 64 hexadecimal digits, the same in every simulator. */
export const toLpConsumerId = (accountId: string, extConsumerId: string): string =>
  createHmac('sha256', 'LivePerson simulator').update(`${accountId}\n${extConsumerId}`).digest('hex')

interface Verified {
  readonly kid: string
  readonly claims: JsonObject
}

const maxCachedTokens = 200_000

/** Signs and verifies the text of a token. Signatures are base64url. */
export interface Signer {
  sign(text: string): string | Promise<string>
  verify(text: string, signature: string): boolean
  /** The public key. */
  readonly jwk: object
}

const createRsaSigner = async (): Promise<Signer> => {
  const { privateKey, publicKey } = await generateKey('rsa', { modulusLength: 2048 })
  return {
    sign: async (text) => (await signWith('RSA-SHA256', Buffer.from(text), privateKey)).toString('base64url'),
    verify: (text, signature) =>
      verify('RSA-SHA256', Buffer.from(text), publicKey, Buffer.from(signature, 'base64url')),
    jwk: publicKey.export({ format: 'jwk' }),
  }
}

const generateKey = promisify(generateKeyPair)

// The callback form signs off the event loop, which the service under test shares with the simulator.
const signWith = promisify(sign)

const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')

const decode = (part: string): JsonObject => {
  const value = parseJson(Buffer.from(part, 'base64url').toString())
  return isObject(value) ? value : {}
}
