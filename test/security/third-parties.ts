import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { CompactSign, exportJWK, exportSPKI, generateKeyPair, type JWK, SignJWT } from 'jose'

export type IdentityProvider = Awaited<ReturnType<typeof startIdentityProvider>>
export type BotCheckProvider = Awaited<ReturnType<typeof startBotCheckProvider>>

type Serve = (
  request: IncomingMessage,
  body: string,
) => { status: number; body: string; headers?: object } | undefined

/** Starts a loopback server that records its requests. It doesn't answer if `serve` returns undefined. */
const startServer = async (serve: Serve) => {
  const urls: string[] = []
  const server = createServer((request: IncomingMessage, response: ServerResponse) => {
    urls.push(request.url ?? '')
    let text = ''
    request.on('data', (chunk) => {
      text += chunk
    })
    request.on('end', () => {
      const answer = serve(request, text)
      if (!answer) return
      response.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      response.end(answer.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  return {
    url: `http://127.0.0.1:${address.port}`,
    /** The paths, with queries, of all requests, oldest first. */
    urls,
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const makeKey = async (kid: string, alg: string) => {
  const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
  const publicJwk: JWK = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
  return { kid, alg, privateKey, publicJwk, pem: alg.startsWith('RS') ? await exportSPKI(publicKey) : '' }
}

type Key = Awaited<ReturnType<typeof makeKey>>

/** How the JWKS URL answers. */
export type KeysMode = 'well' | 'html' | 'redirect' | 'error' | 'large' | 'silent' | 'empty'

/** Starts an identity provider with a JWKS. It signs valid and invalid tokens. */
export const startIdentityProvider = async (issuer: string) => {
  const rsa = await makeKey('rsa-1', 'RS256')
  const ec = await makeKey('ec-1', 'ES256')
  /** Published, but of an algorithm that the configuration doesn't list. */
  const unlisted = await makeKey('ec-2', 'ES384')
  const state: { keys: Key[]; mode: KeysMode } = { keys: [rsa, ec, unlisted], mode: 'well' }

  const server = await startServer(({ url }) => {
    const jwks = JSON.stringify({ keys: state.keys.map(({ publicJwk }) => publicJwk) })
    if (url === '/moved') return { status: 200, body: jwks }
    switch (state.mode) {
      case 'well':
        return { status: 200, body: jwks }
      case 'html':
        return { status: 200, body: '<html>Welcome</html>', headers: { 'content-type': 'text/html' } }
      case 'redirect':
        return { status: 302, body: '', headers: { location: '/moved' } }
      case 'error':
        return { status: 500, body: jwks }
      case 'large':
        return { status: 200, body: `${' '.repeat(300_000)}${jwks}` }
      case 'empty':
        return { status: 200, body: '{"keys":"none"}' }
      case 'silent':
        return undefined
    }
  })

  /** Returns the claims of a valid token, changed by `claims`. `undefined` removes a claim. */
  const claimsOf = (claims: Readonly<Record<string, unknown>> = {}) => {
    const now = Math.floor(Date.now() / 1000)
    const all = {
      iss: issuer,
      aud: 'campaign-conversations',
      sub: 'crm-8841',
      iat: now,
      exp: now + 300,
      ...claims,
    }
    return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined))
  }

  const tokens = {
    issuer,
    audience: ['campaign-conversations'],
    jwksUrl: `${server.url}/jwks.json`,
    algorithms: ['RS256', 'ES256'],
    consumerId: { claim: 'sub', prefix: '' },
  }

  return {
    issuer,
    rsa,
    ec,
    unlisted,
    state,
    urls: server.urls,
    jwksUrl: tokens.jwksUrl,
    /** The configuration of an account that accepts this provider's tokens, as `form.tokens`. */
    tokens: [tokens],
    tokensWith: (members: object) => [{ ...tokens, ...members }],
    claimsOf,
    makeKey,

    sign: (claims?: Readonly<Record<string, unknown>>, key: Key = rsa, header: object = {}) =>
      new SignJWT(claimsOf(claims))
        .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
        .sign(key.privateKey),

    signText: (text: string, header: object = {}) =>
      new CompactSign(new TextEncoder().encode(text))
        .setProtectedHeader({ alg: 'RS256', kid: rsa.kid, ...header })
        .sign(rsa.privateKey),

    /** Signs a header and claims that no library would write. */
    signParts: async (header: string, claims: string | Buffer) => {
      const input = `${part(header)}.${part(claims)}`
      const bytes = new TextEncoder().encode(input)
      const signature = await crypto.subtle.sign('RSASSA-PKCS1-v1_5', rsa.privateKey, bytes)
      return `${input}.${Buffer.from(signature).toString('base64url')}`
    },

    close: server.close,
  }
}

/** Returns a text, bytes, or any other value as JSON, as a part of a token, base64url-encoded. */
export const part = (value: unknown) => {
  if (Buffer.isBuffer(value)) return value.toString('base64url')
  return Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')
}

/** How the verification URL answers. */
export type VerdictMode =
  | 'well'
  | 'html'
  | 'redirect'
  | 'error'
  | 'silent'
  | 'internal'
  | 'secret'
  | 'mismatch'
  | 'malformed'

/** Starts a siteverify endpoint. A token that starts with `solved` is accepted once, for www.example.com. */
export const startBotCheckProvider = async (secret: string) => {
  const used = new Set<string>()
  const state: { mode: VerdictMode } = { mode: 'well' }
  const bodies: string[] = []
  const answer = (status: number, body: unknown) => ({ status, body: JSON.stringify(body) })
  const refuse = (code: string) => answer(200, { success: false, 'error-codes': [code] })

  const server = await startServer((request, text) => {
    bodies.push(text)
    const form = new URLSearchParams(text)
    const token = form.get('response') ?? ''
    if (request.url === '/moved') return answer(200, { success: true, hostname: 'www.example.com' })
    if (state.mode === 'html') return { status: 200, body: '<html>' }
    if (state.mode === 'redirect') return { status: 307, body: '', headers: { location: '/moved' } }
    if (state.mode === 'error') return answer(503, { success: true })
    if (state.mode === 'internal') return refuse('internal-error')
    if (state.mode === 'silent') return undefined
    if (state.mode === 'mismatch') return refuse('sitekey-secret-mismatch')
    if (state.mode === 'malformed') return refuse('bad-request')
    if (state.mode === 'secret' || form.get('secret') !== secret) return refuse('invalid-input-secret')
    if (!token.startsWith('solved')) return refuse('invalid-input-response')
    if (used.has(token)) return refuse('timeout-or-duplicate')
    used.add(token)
    return answer(200, {
      success: true,
      hostname: token.includes('elsewhere') ? 'evil.example' : 'www.example.com',
    })
  })
  return { state, bodies, urls: server.urls, verifyUrl: `${server.url}/siteverify`, close: server.close }
}
