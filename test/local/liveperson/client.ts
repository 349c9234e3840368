import { type LivePersonSimulator, startLivePerson } from '../../../local/liveperson/server.ts'
import { loadFixture } from '../../../local/liveperson/state/account.ts'

/** The account, campaign and engagement of the fixture that most tests use. */
export const account = '70123456'
export const clientId = '0f3f0f16-9c1b-4a3b-9b3b-6a5f2e7d1c01'
export const clientSecret = 'q4tz8m1v0rk7yd2w6ne9xj5bua'
export const campaignInfo = { campaignId: '3120045610', engagementId: '3120047710' }

/** An answer of the simulator. */
export interface Seen {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Undefined if the body isn't JSON. */
  readonly json: unknown
}

/** Starts a simulator with the fixture's accounts, and returns it with a client. */
export const startClient = async () => {
  const liveperson = await startLivePerson({ accounts: loadFixture() })
  return { liveperson, ...createClient(liveperson) }
}

/** Returns one function per call to LivePerson. The calls are valid unless the arguments change them. */
export const createClient = (liveperson: LivePersonSimulator) => {
  const host = async (service = 'idp', accountId = account) => {
    const { json } = await call(
      `${liveperson.url}/api/account/${accountId}/service/${service}/baseURI.json?version=1.0`,
    )
    const host = member(json, 'baseURI')
    return `http://${String(host)}`
  }

  const token = async (query = 'v=1.0', form: Record<string, string> = {}, accountId = account) =>
    call(`${await host('sentinel')}/sentinel/api/account/${accountId}/app/token?${query}`, {
      method: 'POST',
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: clientId,
        client_secret: clientSecret,
        ...form,
      }),
    })

  const appJwt = async () => String(member((await token()).json, 'access_token'))

  const consumer = async (init: RequestInit = {}, accountId = account) =>
    call(`${await host()}/api/account/${accountId}/consumer?v=1.0`, { method: 'POST', ...init })

  const consumerJws = async (app: string, id: string) => {
    const headers = { authorization: app, 'content-type': 'application/json' }
    return String(
      member((await consumer({ headers, body: JSON.stringify({ ext_consumer_id: id }) })).json, 'token'),
    )
  }

  const headers = async (id = 'crm-1') => {
    const app = await appJwt()
    return {
      authorization: app,
      'x-lp-on-behalf': await consumerJws(app, id),
      'content-type': 'application/json',
    }
  }

  const post = async (resource: string, given: Record<string, string>, body: unknown, query = 'v=3') =>
    call(
      `${await host('asyncMessagingEnt')}/api/account/${account}/messaging/consumer/conversation${resource}?${query}`,
      {
        method: 'POST',
        headers: given,
        body: typeof body === 'string' ? body : JSON.stringify(body),
      },
    )

  return {
    host,
    token,
    appJwt,
    consumer,
    consumerJws,
    headers,
    open: (given: Record<string, string>, body: unknown, query?: string) => post('', given, body, query),
    send: (given: Record<string, string>, body: unknown, query?: string) => post('/send', given, body, query),
    inspect: (path: string, body?: unknown, method = body === undefined ? 'GET' : 'POST') =>
      call(`${liveperson.url}/_simulator/${path}`, {
        method,
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      }),
  }
}

/** Sends a request and reads the whole answer. */
export const call = async (url: string, init: RequestInit = {}): Promise<Seen> => {
  const response = await fetch(url, init)
  const text = await response.text()
  return { status: response.status, headers: response.headers, text, json: parse(text) }
}

/** Returns a CONVERSATION body. The arguments add members to its two requests. */
export const createBody = (
  conversation: Record<string, unknown> = {},
  profile: Record<string, unknown> = {},
) => [
  { kind: 'req', id: 'p', type: 'userprofile.SetUserProfile', body: profile },
  {
    kind: 'req',
    id: 'c',
    type: 'cm.ConsumerRequestConversation',
    body: { brandId: account, campaignInfo, channelType: 'MESSAGING', ttrDefName: 'NORMAL', ...conversation },
  },
]

/** Returns a SEND body. */
export const sendBody = (type: string, body: Record<string, unknown>) => ({
  kind: 'req',
  id: 's',
  type,
  body,
})

/**
 * Returns a member of unknown JSON, by a path such as `1.body.conversationId`. Undefined if it doesn't exist.
 */
export const member = (json: unknown, path: string): unknown =>
  path
    .split('.')
    .reduce<unknown>((value, name) => (value === undefined ? value : Reflect.get(Object(value), name)), json)

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
