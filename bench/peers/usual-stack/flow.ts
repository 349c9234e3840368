import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import { GetSecretValueCommand, SecretsManagerClient } from '@aws-sdk/client-secrets-manager'
import axios from 'axios'
import { decodeJwt } from 'jose'

/** What a request opens. */
export interface OpenRequest {
  readonly requestId: string
  readonly route: string
  readonly consumerId: string
  readonly consumer: {
    readonly firstName?: string | undefined
    readonly lastName?: string | undefined
    readonly email?: string | undefined
    readonly phone?: string | undefined
  }
  readonly message?: string | undefined
}

const http = axios.create({
  httpAgent: new HttpAgent({ keepAlive: true }),
  httpsAgent: new HttpsAgent({ keepAlive: true }),
  timeout: 5000,
})

const secrets = new SecretsManagerClient({})

interface Route {
  readonly accountId: string
  readonly campaignId: string
  readonly engagementId: string
}

const readRoutes = (): ReadonlyMap<string, Route> => {
  const { accounts } = JSON.parse(readFileSync(process.env.CONFIG_FILE ?? '', 'utf8'))
  return new Map(
    accounts.flatMap(({ accountId, routes }: { accountId: string; routes: Record<string, object> }) =>
      Object.entries(routes).map(([name, route]) => [name, { accountId, ...route }]),
    ),
  )
}

export const routes = readRoutes()

const domains = new Map<string, Promise<ReadonlyMap<string, string>>>()
const appJwts = new Map<string, { readonly token: Promise<string>; readonly renewAt: number }>()
const consumerJwss = new Map<string, string>()
const clientSecrets = new Map<string, Promise<{ clientId: string; clientSecret: string }>>()

const MAX_CONSUMERS = 5000

const getSecret = (accountId: string) =>
  remember(clientSecrets, accountId, async () => {
    const { SecretString = '{}' } = await secrets.send(
      new GetSecretValueCommand({ SecretId: `${process.env.SECRET_ID_PREFIX}/${accountId}` }),
    )
    return JSON.parse(SecretString)
  })

const getDomains = (accountId: string) =>
  remember(domains, accountId, async () => {
    const { data } = await http.get(
      `${process.env.LIVEPERSON_DOMAIN_API_URL}/api/account/${accountId}/service/baseURI.json?version=1.0`,
    )
    return new Map(
      data.baseURIs.map(({ service, baseURI }: { service: string; baseURI: string }) => [
        service,
        originOf(baseURI),
      ]),
    )
  })

const originOf = (host: string) => `${host.startsWith('127.0.0.1') ? 'http' : 'https'}://${host}`

const getAppJwt = async (accountId: string): Promise<string> => {
  const known = appJwts.get(accountId)
  if (known && Date.now() < known.renewAt) return known.token
  const token = requestAppJwt(accountId)
  appJwts.set(accountId, { token, renewAt: Date.now() + 50 * 60_000 })
  token.catch(() => appJwts.delete(accountId))
  return token
}

const requestAppJwt = async (accountId: string): Promise<string> => {
  const [hosts, { clientId, clientSecret }] = await Promise.all([getDomains(accountId), getSecret(accountId)])
  const { data } = await http.post(
    `${hosts.get('sentinel')}/sentinel/api/account/${accountId}/app/token?v=1.0&grant_type=client_credentials`,
    new URLSearchParams({ client_id: clientId, client_secret: clientSecret }),
  )
  return data.access_token
}

const getConsumerJws = async (accountId: string, consumerId: string): Promise<string> => {
  const key = `${accountId}#${consumerId}`
  const known = consumerJwss.get(key)
  if (known !== undefined) return known
  const [hosts, appJwt] = await Promise.all([getDomains(accountId), getAppJwt(accountId)])
  const { data } = await http.post(
    `${hosts.get('idp')}/api/account/${accountId}/consumer?v=1.0`,
    { ext_consumer_id: consumerId },
    { headers: { authorization: appJwt } },
  )
  const token: string = data.token
  if (decodeJwt(token).ext_consumer_id !== consumerId) throw new Error('The token is of another consumer')
  consumerJwss.set(key, token)
  const [oldest] = consumerJwss.keys()
  if (consumerJwss.size > MAX_CONSUMERS && oldest !== undefined) consumerJwss.delete(oldest)
  return token
}

/**
 * Opens a conversation as LivePerson documents it: domains, AppJWT, ConsumerJWS, CONVERSATION, and SEND if
 * there is a message. Keeps domains and both kinds of token in memory.
 *
 * @see https://developers.liveperson.com/connector-api-send-api-overview.html
 */
export const openConversation = async (
  request: OpenRequest,
): Promise<{ readonly conversationId: string }> => {
  const { route, consumerId, consumer, message } = request
  const found = routes.get(route)
  if (!found) throw new Error(`There is no route ${route}`)
  const { accountId, campaignId, engagementId } = found
  const hosts = await getDomains(accountId)
  const appJwt = await getAppJwt(accountId)
  const consumerJws = await getConsumerJws(accountId, consumerId)
  const headers = { authorization: appJwt, 'x-lp-on-behalf': consumerJws }
  const url = `${hosts.get('asyncMessagingEnt')}/api/account/${accountId}/messaging/consumer/conversation`
  const [profileId, createId] = [randomUUID(), randomUUID()]
  const { firstName, lastName, email, phone } = consumer
  const { data } = await http.post(
    `${url}?v=3`,
    [
      {
        kind: 'req',
        id: profileId,
        type: 'userprofile.SetUserProfile',
        body: { firstName, lastName, privateData: { mobileNum: phone, mail: email } },
      },
      {
        kind: 'req',
        id: createId,
        type: 'cm.ConsumerRequestConversation',
        body: {
          ttrDefName: 'NORMAL',
          campaignInfo: { campaignId, engagementId },
          channelType: 'MESSAGING',
          brandId: accountId,
        },
      },
    ],
    { headers },
  )
  const { conversationId } = data.find(({ reqId }: { reqId: string }) => reqId === createId).body
  if (message !== undefined)
    await http.post(
      `${url}/send?v=3`,
      {
        kind: 'req',
        id: randomUUID(),
        type: 'ms.PublishEvent',
        body: {
          conversationId,
          dialogId: conversationId,
          event: { type: 'ContentEvent', contentType: 'text/plain', message },
        },
      },
      { headers },
    )
  return { conversationId }
}

const remember = <T>(cache: Map<string, Promise<T>>, key: string, read: () => Promise<T>): Promise<T> => {
  const known = cache.get(key)
  if (known) return known
  const reading = read()
  cache.set(key, reading)
  reading.catch(() => cache.delete(key))
  return reading
}
