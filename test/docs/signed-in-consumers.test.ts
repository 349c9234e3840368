import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { createOutbound, type Outbound } from '../../lib/net/outbound.ts'
import { type IdentityProvider, startIdentityProvider } from '../security/third-parties.ts'
import { ACCOUNT, bodyOf, ORDER_HELP, startWorld, submit, type World } from '../support/world.ts'
import { codeBlocksOf, documents } from './markdown.ts'

// The recipes of docs/signed-in-consumers.md, with tokens as the providers document them.

const PATH = 'docs/signed-in-consumers.md'

let world: World
let provider: IdentityProvider
let serial = 0

beforeAll(async () => {
  world = await startWorld()
  provider = await startIdentityProvider('https://id.example.com/')
})
afterAll(() => Promise.all([world.close(), provider.close()]))
afterEach(() => world.livePerson.reset())

type Claims = Readonly<Record<string, unknown>>

interface TokenShape {
  /** What the header has besides `alg` and `kid`. */
  readonly header?: object
  readonly claims: () => Claims
}

interface Recipe {
  readonly shapes: Readonly<Record<string, TokenShape>>
  /** What LivePerson gets of the first shape: the consumer's id and profile. */
  readonly consumer: { readonly id: string; readonly profile: object }
  /** Tokens of the provider that are refused, and what the problem says. */
  readonly refused: Readonly<Record<string, readonly [TokenShape, string]>>
}

const TYPED = { firstName: 'Typed', lastName: 'Byhand', email: 'typed@example.org' }
const now = () => Math.floor(Date.now() / 1000)
const lasting = (seconds: number) => ({ iat: now(), exp: now() + seconds })
const JWT = { typ: 'JWT' }
const wrong = (name: string) => `The consumer token's ${name} is missing or invalid.`
const FOR_APPLICATION = 'The consumer token is for an application, not for a person.'
const withClaims = ({ header, claims }: TokenShape, changes: Claims): TokenShape => ({
  ...(header && { header }),
  claims: () => ({ ...claims(), ...changes }),
})

/** https://auth0.com/docs/secure/tokens/access-tokens/access-token-profiles */
const auth0: TokenShape = {
  header: JWT,
  claims: () => ({
    iss: 'https://nord-shop.eu.auth0.com/',
    sub: 'auth0|6650f1c2a7b3d4e5f6071829',
    aud: ['https://conversations.example.com', 'https://nord-shop.eu.auth0.com/userinfo'],
    azp: 'q7fJ0mZyKc2vT9sLwXb4RnEu1dGhPo6a',
    ...lasting(86_400),
    scope: 'openid profile email',
  }),
}

/** https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-id-token.html */
const cognito: TokenShape = {
  claims: () => ({
    sub: '7b1c9e52-4f0d-4a68-9d3e-2c5b8a7f6e10',
    'cognito:groups': ['customers'],
    'cognito:username': '7b1c9e52-4f0d-4a68-9d3e-2c5b8a7f6e10',
    'cognito:preferred_role': 'arn:aws:iam::123456789012:role/customers',
    iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_NordShop1',
    aud: '4k2m8p0r5t7v9x1z3b5d7f9h1j',
    event_id: '2f0e8d7c-6b5a-4938-8271-605f4e3d2c1b',
    origin_jti: '9c8b7a69-5847-4635-a241-30f1e2d3c4b5',
    jti: '1a2b3c4d-5e6f-4708-9192-a3b4c5d6e7f8',
    token_use: 'id',
    auth_time: now(),
    given_name: 'Ana',
    family_name: 'Iversen',
    email: 'ana@example.org',
    email_verified: true,
    phone_number: '+4520000000',
    phone_number_verified: false,
    ...lasting(3600),
  }),
}

/** https://docs.aws.amazon.com/cognito/latest/developerguide/amazon-cognito-user-pools-using-the-access-token.html */
const cognitoAccess: TokenShape = {
  claims: () => ({
    sub: '7b1c9e52-4f0d-4a68-9d3e-2c5b8a7f6e10',
    iss: 'https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_NordShop1',
    client_id: '4k2m8p0r5t7v9x1z3b5d7f9h1j',
    // Cognito's access tokens have none.
    aud: undefined,
    version: 2,
    event_id: '2f0e8d7c-6b5a-4938-8271-605f4e3d2c1b',
    origin_jti: '9c8b7a69-5847-4635-a241-30f1e2d3c4b5',
    jti: '5d4c3b2a-1f0e-4d9c-8b7a-695847362514',
    token_use: 'access',
    scope: 'openid profile email',
    auth_time: now(),
    username: 'ana',
    ...lasting(3600),
  }),
}

const TENANT = '5c8d1f0e-2b7a-4e61-9a3d-0f4b6c7e8d92'

/** https://learn.microsoft.com/en-us/entra/identity-platform/id-token-claims-reference */
const entra: TokenShape = {
  header: JWT,
  claims: () => ({
    aud: '0b9e6a74-31c5-4d8f-8e2a-7f6d5c4b3a21',
    iss: `https://login.microsoftonline.com/${TENANT}/v2.0`,
    nbf: now(),
    ...lasting(3900),
    aio: 'AWQAm/8XAAAA',
    name: 'Ana Iversen',
    given_name: 'Ana',
    family_name: 'Iversen',
    oid: 'c1a2b3d4-e5f6-4708-8192-a3b4c5d6e7f8',
    preferred_username: 'ana@example.org',
    rh: '0.AXYA',
    sub: 'Wq3sT8yLmN0pR5vX7zB2dF4hJ6kQ9uE1',
    tid: TENANT,
    uti: 'k3Jd9sLq0Ei',
    ver: '2.0',
  }),
}

/** https://learn.microsoft.com/en-us/entra/identity-platform/access-token-claims-reference */
const entraAccess = withClaims(entra, {
  azp: '3d2c1b0a-9f8e-4d7c-b6a5-f4e3d2c1b0a9',
  azpacr: '0',
  scp: 'conversations.open',
  idtyp: 'user',
})

const SENTENCE = 'This policy puts no value here, see oid.'

/** https://learn.microsoft.com/en-us/azure/active-directory-b2c/tokens-overview */
const b2c: TokenShape = {
  header: JWT,
  claims: () => ({
    nbf: now(),
    ...lasting(3600),
    ver: '1.0',
    iss: 'https://nordshop.b2clogin.com/8e4f2a6c-7d1b-4c93-b5e0-1a2c3d4e5f60/v2.0/',
    sub: SENTENCE,
    aud: 'd2c4b6a8-9f1e-4a3b-8c5d-6e7f80912a3b',
    acr: 'b2c_1_sign_in',
    nonce: 'f3a8',
    auth_time: now(),
    oid: '0a9b8c7d-6e5f-4a4b-9c3d-2e1f0a9b8c7d',
    given_name: 'Ana',
    family_name: 'Iversen',
    emails: ['ana@example.org'],
    tfp: 'B2C_1_sign_in',
  }),
}

/** https://firebase.google.com/docs/reference/admin/node/firebase-admin.auth.decodedidtoken */
const firebase: TokenShape = {
  header: JWT,
  claims: () => ({
    name: 'Ana Iversen',
    picture: 'https://lh3.example.com/ana.jpg',
    iss: 'https://securetoken.google.com/nord-shop-4711',
    aud: 'nord-shop-4711',
    auth_time: now(),
    user_id: 'Zk3qP7vLx2TnB8mW5yRc1dFh4jG6',
    sub: 'Zk3qP7vLx2TnB8mW5yRc1dFh4jG6',
    ...lasting(3600),
    email: 'ana@example.org',
    email_verified: false,
    firebase: { identities: { email: ['ana@example.org'] }, sign_in_provider: 'password' },
  }),
}

/** https://www.keycloak.org/docs-api/latest/javadocs/org/keycloak/representations/AccessToken.html */
const keycloak: TokenShape = {
  header: JWT,
  claims: () => ({
    ...lasting(300),
    jti: 'onrtac:6f5e4d3c-2b1a-4098-8776-655443322110',
    iss: 'https://id.example.com/realms/nord-shop',
    aud: ['campaign-conversations', 'account'],
    sub: '2e1d0c9b-8a79-4685-9743-5261f0e1d2c3',
    typ: 'Bearer',
    azp: 'nord-shop-web',
    sid: '8f7e6d5c-4b3a-4291-8071-6f5e4d3c2b1a',
    acr: '1',
    'allowed-origins': ['https://www.example.com'],
    realm_access: { roles: ['offline_access', 'default-roles-nord-shop'] },
    resource_access: { account: { roles: ['manage-account', 'view-profile'] } },
    scope: 'openid profile email',
    email_verified: true,
    name: 'Ana Iversen',
    preferred_username: 'ana',
    given_name: 'Ana',
    family_name: 'Iversen',
    email: 'ana@example.org',
  }),
}

/** https://developer.okta.com/docs/api/openapi/okta-oauth/guides/overview/#access-token */
const okta: TokenShape = {
  claims: () => ({
    ver: 1,
    jti: 'AT.0mP9vY2wQ7xR4tZ1',
    iss: 'https://nord-shop.okta.com/oauth2/default',
    aud: 'api://default',
    ...lasting(3600),
    cid: '0oa7f3k2m9Qw1Ex4R5d7',
    uid: '00u4t8n6b2Vc3Xz1L5d7',
    scp: ['openid', 'profile', 'email'],
    auth_time: now(),
    sub: 'ana@example.org',
  }),
}

const TYPED_PROFILE = {
  firstName: 'Typed',
  lastName: 'Byhand',
  privateData: { mail: 'typed@example.org' },
}

const RECIPES: Readonly<Record<string, Recipe>> = {
  Auth0: {
    shapes: {
      'an access token of the Auth0 profile': auth0,
      'an access token of the RFC 9068 profile': {
        header: { typ: 'at+jwt' },
        claims: () => ({
          ...auth0.claims(),
          azp: undefined,
          client_id: 'q7fJ0mZyKc2vT9sLwXb4RnEu1dGhPo6a',
          jti: 'l2Yd8Qw3',
        }),
      },
    },
    consumer: { id: 'auth0-auth0|6650f1c2a7b3d4e5f6071829', profile: TYPED_PROFILE },
    refused: {
      'an access token of another API': [
        withClaims(auth0, { aud: ['https://nord-shop.eu.auth0.com/userinfo'] }),
        wrong('aud'),
      ],
      'a token that another application got': [withClaims(auth0, { azp: 'another-client' }), wrong('azp')],
      'a token of another tenant': [withClaims(auth0, { iss: 'https://syd.eu.auth0.com/' }), wrong('iss')],
    },
  },
  'Amazon Cognito': {
    shapes: { 'an ID token': cognito, 'an access token': cognitoAccess },
    consumer: {
      id: 'cognito-7b1c9e52-4f0d-4a68-9d3e-2c5b8a7f6e10',
      profile: { firstName: 'Ana', lastName: 'Iversen', privateData: { mail: 'ana@example.org' } },
    },
    refused: {
      'an ID token of another app client': [withClaims(cognito, { aud: 'another' }), wrong('aud')],
      'an access token of another app client': [
        withClaims(cognitoAccess, { client_id: 'another' }),
        wrong('client_id'),
      ],
      'a token that an app client got for itself': [
        withClaims(cognitoAccess, { sub: '4k2m8p0r5t7v9x1z3b5d7f9h1j' }),
        FOR_APPLICATION,
      ],
    },
  },
  'Microsoft Entra ID': {
    shapes: { 'an ID token': entra, 'an access token': entraAccess },
    consumer: {
      id: 'entra-c1a2b3d4-e5f6-4708-8192-a3b4c5d6e7f8',
      profile: { firstName: 'Ana', lastName: 'Iversen', privateData: { mail: 'typed@example.org' } },
    },
    refused: {
      'a token without oid': [withClaims(entra, { oid: undefined }), wrong('oid')],
      'a token of version 1.0': [
        withClaims(entra, { iss: `https://sts.windows.net/${TENANT}/`, ver: '1.0' }),
        wrong('iss'),
      ],
      'a token that an application got for itself': [
        withClaims(entraAccess, { idtyp: 'app', scp: undefined, roles: ['Conversations.Open'] }),
        FOR_APPLICATION,
      ],
    },
  },
  'Azure AD B2C': {
    shapes: { 'an ID token': b2c },
    consumer: {
      id: 'b2c-0a9b8c7d-6e5f-4a4b-9c3d-2e1f0a9b8c7d',
      profile: { firstName: 'Ana', lastName: 'Iversen', privateData: { mail: 'typed@example.org' } },
    },
    refused: { 'a token without oid': [withClaims(b2c, { oid: undefined }), wrong('oid')] },
  },
  'Firebase Authentication': {
    shapes: { 'an ID token': firebase },
    consumer: {
      id: 'firebase-Zk3qP7vLx2TnB8mW5yRc1dFh4jG6',
      profile: { ...TYPED_PROFILE, avatarUrl: 'https://lh3.example.com/ana.jpg' },
    },
    refused: {
      'a token of another project': [
        withClaims(firebase, { iss: 'https://securetoken.google.com/syd', aud: 'syd' }),
        wrong('iss'),
      ],
      'a session cookie': [
        withClaims(firebase, { iss: 'https://session.firebase.google.com/nord-shop-4711' }),
        wrong('iss'),
      ],
    },
  },
  Keycloak: {
    shapes: { 'an access token': keycloak },
    consumer: {
      id: 'keycloak-2e1d0c9b-8a79-4685-9743-5261f0e1d2c3',
      profile: { firstName: 'Ana', lastName: 'Iversen', privateData: { mail: 'ana@example.org' } },
    },
    refused: {
      'an access token without the audience mapper': [withClaims(keycloak, { aud: 'account' }), wrong('aud')],
      'a token of another client': [withClaims(keycloak, { azp: 'intranet' }), wrong('azp')],
      'a lightweight access token without sub': [withClaims(keycloak, { sub: undefined }), wrong('sub')],
    },
  },
  Okta: {
    shapes: { 'an access token': okta },
    consumer: { id: 'okta-00u4t8n6b2Vc3Xz1L5d7', profile: TYPED_PROFILE },
    refused: {
      'a token of the org authorization server': [
        withClaims(okta, { iss: 'https://nord-shop.okta.com', aud: 'https://nord-shop.okta.com' }),
        wrong('iss'),
      ],
      'a token that an application got for itself': [
        withClaims(okta, { uid: undefined, sub: '0oa7f3k2m9Qw1Ex4R5d7' }),
        wrong('uid'),
      ],
    },
  },
}

/** The entries of the document, by the heading above them. */
const entries = documents
  .filter(({ path }) => path === PATH)
  .flatMap(({ path, text }) => text.split(/^## /m).map((section) => ({ path, text: section })))
  .flatMap((section) =>
    codeBlocksOf(section)
      .filter(({ language }) => language === 'json')
      .map(({ text }) => [section.text.split('\n')[0] ?? '', JSON.parse(text)] as const),
  )

/** Answers for the provider's address of the keys, and sends every other call on. */
const publishingAt = (jwksUrl: string): Outbound => {
  const outbound = createOutbound()
  return (request) => outbound(request.url === jwksUrl ? { ...request, url: provider.jwksUrl } : request)
}

const send = async (entry: { readonly jwksUrl: string }, { header = {}, claims }: TokenShape) => {
  const form = { consumers: 'token', tokens: [entry] }
  const routes = { help: { ...ORDER_HELP, doors: ['form'] } }
  const service = world.createService({
    stage: { accounts: [{ accountId: ACCOUNT, form, routes }] },
    outbound: publishingAt(entry.jwksUrl),
  })
  const body = { requestId: `recipe-${process.pid}-${++serial}`, route: 'help', consumer: TYPED }
  const authorization = `Bearer ${await provider.sign(claims(), provider.rsa, header)}`
  return submit(service, body, { headers: { authorization } })
}

const received = () => {
  const last = (service: 'idp' | 'conversation') =>
    JSON.parse(world.livePerson.requests({ service }).at(-1)?.body ?? 'null')
  const { authenticatedData: _, ...profile } = last('conversation')[0].body
  return { id: last('idp').ext_consumer_id, profile }
}

test('the document has one entry for each recipe', () => {
  expect(entries.map(([name]) => name)).toEqual(Object.keys(RECIPES))
})

describe.each(entries)('the recipe of %s', (name, entry) => {
  const { shapes, consumer, refused } = RECIPES[name] ?? { shapes: {}, consumer: undefined, refused: {} }

  test.each(Object.entries(shapes))('accepts %s', async (_, shape) => {
    const answer = await send(entry, shape)
    expect([answer.statusCode, bodyOf(answer)]).toEqual([
      201,
      { requestId: expect.any(String), status: 'opened', conversationId: expect.any(String) },
    ])
    expect(world.livePerson.conversations()).toHaveLength(1)
    expect(received().id).toBe(consumer?.id)
  })

  test('tells LivePerson who it is', async () => {
    const [shape] = Object.values(shapes)
    if (shape) await send(entry, shape)
    expect(received()).toEqual(consumer)
  })

  test.each(Object.entries(refused))('refuses %s', async (_, [shape, detail]) => {
    const answer = await send(entry, shape)
    expect([answer.statusCode, bodyOf(answer).detail]).toEqual([401, detail])
    expect(world.livePerson.requests()).toEqual([])
  })
})

describe('two people of Azure AD B2C who have the same sentence as sub', () => {
  const [, entry] = entries.find(([name]) => name === 'Azure AD B2C') ?? []
  const people = [b2c, withClaims(b2c, { oid: '1b0a9c8d-7e6f-4b5a-8d4c-3f2e1d0c9b8a', given_name: 'Bo' })]

  test('are two consumers', async () => {
    for (const person of people) expect((await send(entry, person)).statusCode).toBe(201)
    const ids = world.livePerson
      .requests({ service: 'idp' })
      .map(({ body = '' }) => JSON.parse(body).ext_consumer_id)
    expect(ids).toEqual([
      'b2c-0a9b8c7d-6e5f-4a4b-9c3d-2e1f0a9b8c7d',
      'b2c-1b0a9c8d-7e6f-4b5a-8d4c-3f2e1d0c9b8a',
    ])
    expect(world.livePerson.conversations()).toHaveLength(2)
  })

  test('are refused, with the remedy, if sub is configured', async () => {
    const bySub = { ...entry, consumerId: { claim: 'sub', prefix: 'b2c-' } }
    for (const person of people) {
      const answer = await send(bySub, person)
      expect([answer.statusCode, bodyOf(answer).code]).toEqual([401, 'consumer_token_invalid'])
      expect(bodyOf(answer).detail).toMatch(
        /^The consumer token's sub has white space .* consumerId\.claim .* oid/,
      )
      expect(bodyOf(answer).detail).not.toContain(SENTENCE)
    }
    expect(world.livePerson.conversations()).toEqual([])
  })
})
