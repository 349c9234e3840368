import { createHash, randomUUID } from 'node:crypto'
import * as z from 'zod'

/** A call, as far as LivePerson's answer depends on it. */
interface Call {
  readonly path: string
  readonly body: string
}

/** LivePerson's services, and the identity provider's keys. */
export type LivePersonService = 'domain' | 'sentinel' | 'idp' | 'conversation' | 'send' | 'keys'

const PATHS: readonly (readonly [LivePersonService, RegExp])[] = [
  ['domain', /^\/api\/account\/\d+\/service\/baseURI\.json\?/],
  ['sentinel', /^\/sentinel\/api\/account\/\d+\/app\/token\?/],
  ['idp', /^\/api\/account\/\d+\/consumer\?/],
  ['conversation', /^\/api\/account\/\d+\/messaging\/consumer\/conversation\?/],
  ['send', /^\/api\/account\/\d+\/messaging\/consumer\/conversation\/send\?/],
  ['keys', /^\/keys\.json$/],
]

/** Returns the service that a path belongs to. */
export const serviceOf = (path: string): LivePersonService | undefined =>
  PATHS.find(([, pattern]) => pattern.test(path))?.[0]

const Consumer = z.object({ ext_consumer_id: z.string() })
const Batch = z.tuple([z.object({ id: z.string() }), z.object({ id: z.string() })])
const Event = z.object({ id: z.string() })

/** The names of the services whose hosts are used. */
const HOSTS = ['sentinel', 'idp', 'asyncMessagingEnt'] as const

/** Returns what answers LivePerson's calls, without checking them: the simulator of `local/` does that. */
export const createLivePerson = (hostOf: (service: string) => string, keys: object) => {
  const appJwt = tokenOf({ iss: 'sentinel', exp: Math.floor(Date.now() / 1000) + 3600 })

  const hosts = () => Object.fromEntries(HOSTS.map((name) => [name, hostOf(name)]))

  const answer = (service: LivePersonService, { path, body }: Call): object => {
    const [, account = ''] = /\/account\/(\d+)\//.exec(path) ?? []
    switch (service) {
      case 'domain':
        return { baseURIs: HOSTS.map((name) => ({ service: name, account, baseURI: hostOf(name) })) }
      case 'sentinel':
        return { access_token: appJwt, token_type: 'bearer', expires_in: 3600 }
      case 'idp': {
        const { ext_consumer_id } = Consumer.parse(JSON.parse(body))
        const lp_consumer_id = createHash('sha256').update(ext_consumer_id).digest('hex')
        return { token: tokenOf({ iss: account, aud: 'acc', ext_consumer_id, lp_consumer_id }) }
      }
      case 'conversation': {
        const [profile, create] = Batch.parse(JSON.parse(body))
        return [
          { code: 'OK', body: {}, reqId: profile.id },
          { code: 'OK', body: { conversationId: randomUUID() }, reqId: create.id },
        ]
      }
      case 'send':
        return { code: 'OK', body: { sequence: 1 }, reqId: Event.parse(JSON.parse(body)).id }
      case 'keys':
        return keys
    }
  }
  return { answer, hosts }
}

/** Returns a token of the real size. Nobody but LivePerson verifies it, so it isn't really signed. */
const tokenOf = (claims: object): string =>
  [
    { alg: 'RS256', kid: '00001' },
    { iat: Math.floor(Date.now() / 1000), ...claims },
  ]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .concat(Buffer.alloc(256, 7).toString('base64url'))
    .join('.')
