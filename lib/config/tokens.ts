import * as z from 'zod/mini'
import type { Finding } from '../errors/errors.ts'

/** Claims that are the same for many people, or new in each token. */
const NO_PERSON = [
  ...[
    'iss',
    'aud',
    'azp',
    'client_id',
    'cid',
    'appid',
    'tid',
    'idp',
    'tfp',
    'ver',
    'typ',
    'idtyp',
    'token_use',
  ],
  ...['scope', 'scp', 'acr', 'amr', 'exp', 'nbf', 'iat', 'auth_time'],
  ...['jti', 'uti', 'nonce', 'sid', 'session_state', 'at_hash', 'c_hash', 'origin_jti', 'event_id'],
]
/** Claims that can change, and can then belong to somebody else. */
const CHANGEABLE = ['email', 'phone_number', 'preferred_username', 'name', 'nickname', 'upn', 'unique_name']

/** What the configuration has for `typ` if a token has none. */
export const NO_TYPE = 'absent'

const name = z.string().check(z.minLength(1))
const names = z.array(name).check(z.minLength(1))

/** Returns an error function that says more than "is missing". */
const missing = (message: string) => ({
  error: ({ input }: { readonly input?: unknown }) => (input === undefined ? message : undefined),
})

/** The schema of one entry of `form.tokens`. */
export const tokenIssuer = z.strictObject({
  issuer: name,
  audience: names,
  clients: z.optional(names),
  jwksUrl: z.url(),
  algorithms: z
    .array(z.enum(['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']))
    .check(z.minLength(1)),
  types: z._default(
    z
      .array(
        z
          .string()
          .check(
            z.regex(/^[\w!#$&^.+-]+(\/[\w!#$&^.+-]+)?$/, `must be a type such as at+jwt, or ${NO_TYPE}`),
          ),
      )
      .check(z.minLength(1)),
    ['JWT', 'at+jwt', NO_TYPE],
  ),
  consumerId: z.strictObject(
    {
      claim: name.check(
        z.regex(
          new RegExp(`^(?!(${NO_PERSON.join('|')})$)`),
          'must be a claim that differs from person to person, such as sub',
        ),
      ),
      prefix: z
        .string(missing('is missing: choose one such as web-, or "" if tokens and the CRM share their ids'))
        .check(
          z.regex(/^[A-Za-z0-9._:-]{0,64}$/, 'must be at most 64 letters, digits or . _ : -'),
          z.regex(/^(?!request-)/, 'must not start with request-, as the ids that the service makes do'),
        ),
    },
    missing('is missing: name the claim that holds the consumer id, and a prefix for it'),
  ),
  leewaySeconds: z._default(z.int().check(z.minimum(0), z.maximum(120)), 5),
  maxLifetimeHours: z._default(z.int().check(z.minimum(1), z.maximum(8760)), 24),
  cognitoAccessTokens: z._default(z.boolean(), false),
})

/**
 * An issuer whose tokens an account accepts, with every default filled in. `issuer`, `audience` and `clients`
 * must match exactly.
 */
export type TokenIssuer = z.infer<typeof tokenIssuer>

/** The members of an entry that the rules between the entries are about. `undefined` if they are invalid. */
export interface TokenIssuerParts {
  readonly issuer: string | undefined
  readonly prefix: string | undefined
}

/**
 * Returns the mistakes that no single entry shows. Each id must have one issuer, so no prefix may begin with
 * another: `a` and `1b`, `a1` and `b` would both be `a1b`.
 *
 * @param at The path of the list.
 */
export const conflictsOf = (entries: readonly TokenIssuerParts[], at: string): Finding[] =>
  entries.flatMap(({ issuer, prefix }, index) => {
    const others = entries.slice(0, index)
    const findings: Finding[] = []
    if (issuer !== undefined && others.some((other) => other.issuer === issuer))
      findings.push({
        path: `${at}.${index}.issuer`,
        message: 'is listed twice: write one entry per issuer, with all its audiences',
      })
    const clash = others.findIndex((other) => isClash(prefix, other.prefix))
    if (clash >= 0)
      findings.push({
        path: `${at}.${index}.consumerId.prefix`,
        message:
          `must neither start with the prefix of entry ${clash} nor be its start, because two people could then` +
          ' have the same id: choose prefixes such as web- and app-',
      })
    return findings
  })

/** Capitals make no difference: nobody promises that they do for LivePerson. */
const isClash = (one: string | undefined, other: string | undefined) => {
  if (one === undefined || other === undefined) return false
  const [a, b] = [one.toLowerCase(), other.toLowerCase()]
  return a.startsWith(b) || b.startsWith(a)
}

/** Returns what an operator should know about an entry, although it is valid. */
export const tokenWarnings = (
  { issuer, audience, clients, consumerId }: TokenIssuer,
  at: string,
): Finding[] => [
  ...(audience.length > 1 && !clients
    ? [
        {
          path: `${at}.audience`,
          message:
            'has several items, and clients is not set: a token that one application got is accepted from' +
            ' another. List in clients the applications that may send forms',
        },
      ]
    : []),
  ...(consumerId.prefix === ''
    ? [
        {
          path: `${at}.consumerId.prefix`,
          message:
            "is empty: tokens and the CRM share their ids, so a token can act as the CRM's consumer with the" +
            ' same id. Set a prefix unless both mean the same person',
        },
      ]
    : []),
  ...(CHANGEABLE.includes(consumerId.claim)
    ? [
        {
          path: `${at}.consumerId.claim`,
          message:
            'can change and can then belong to somebody else. Use a claim that never changes, such as sub',
        },
      ]
    : []),
  ...(consumerId.claim === 'sub' && MICROSOFT.test(URL.parse(issuer)?.hostname ?? '')
    ? [
        {
          path: `${at}.consumerId.claim`,
          message:
            'is sub, which is another one in each application of Entra ID, and can be the same for everybody with' +
            ' Azure AD B2C. Use oid',
        },
      ]
    : []),
]

/** Hosts of the issuers of Entra ID, in all its clouds, External ID and Azure AD B2C. */
const MICROSOFT =
  /(^login\.microsoftonline\.(com|us)|^login\.partner\.microsoftonline\.cn|^sts\.windows\.net|\.(b2clogin|ciamlogin)\.com)$/
