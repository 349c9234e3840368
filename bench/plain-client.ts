import { z } from 'zod'

/** How the plain client reaches an account. */
export interface PlainOptions {
  readonly domainApiUrl: string
  readonly accountId: string
  readonly clientId: string
  readonly clientSecret: string
}

/** A conversation to open. */
export interface PlainRequest {
  readonly consumerId: string
  readonly firstName: string
  readonly campaignId: string
  readonly engagementId: string
}

/**
 * Opens a conversation by following LivePerson's guide from top to bottom: domains, AppJWT, ConsumerJWS,
 * CONVERSATION. It caches nothing, retries nothing and records nothing.
 *
 * @returns The conversation's id.
 * @throws {Error} LivePerson didn't open it.
 * @see https://developers.liveperson.com/connector-api-send-api-overview.html
 */
export const openPlainly = async (options: PlainOptions, request: PlainRequest): Promise<string> => {
  const { domainApiUrl, accountId, clientId, clientSecret } = options

  const domains = await fetch(`${domainApiUrl}/api/account/${accountId}/service/baseURI.json?version=1.0`)
  const { baseURIs } = Domains.parse(await read(domains))
  const originOf = (name: string) => `http://${baseURIs.find(({ service }) => service === name)?.baseURI}`

  const sentinel = await fetch(
    `${originOf('sentinel')}/sentinel/api/account/${accountId}/app/token?v=1.0&grant_type=client_credentials`,
    { method: 'POST', body: new URLSearchParams({ client_id: clientId, client_secret: clientSecret }) },
  )
  const { access_token } = AppJwt.parse(await read(sentinel))

  const idp = await fetch(`${originOf('idp')}/api/account/${accountId}/consumer?v=1.0`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: access_token },
    body: JSON.stringify({ ext_consumer_id: request.consumerId }),
  })
  const { token } = ConsumerJws.parse(await read(idp))

  const conversation = await fetch(
    `${originOf('asyncMessagingEnt')}/api/account/${accountId}/messaging/consumer/conversation?v=3`,
    {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        authorization: access_token,
        'x-lp-on-behalf': token,
      },
      body: JSON.stringify(toBody(accountId, request)),
    },
  )
  const answers = Answers.parse(await read(conversation))
  const conversationId = answers.find(({ reqId }) => reqId === '2')?.body.conversationId
  if (!conversationId) throw new Error('No conversation was opened.')
  return conversationId
}

const Domains = z.object({ baseURIs: z.array(z.object({ service: z.string(), baseURI: z.string() })) })
const AppJwt = z.object({ access_token: z.string() })
const ConsumerJws = z.object({ token: z.string() })
const Answers = z.array(
  z.object({ reqId: z.string(), body: z.object({ conversationId: z.string().optional() }) }),
)

const toBody = (accountId: string, { firstName, campaignId, engagementId }: PlainRequest) => [
  {
    kind: 'req',
    id: '1',
    type: 'userprofile.SetUserProfile',
    body: {
      authenticatedData: { lp_sdes: [{ type: 'personal', personal: { firstname: firstName } }] },
      firstName,
    },
  },
  {
    kind: 'req',
    id: '2',
    type: 'cm.ConsumerRequestConversation',
    body: {
      ttrDefName: 'NORMAL',
      campaignInfo: { campaignId, engagementId },
      channelType: 'MESSAGING',
      brandId: accountId,
    },
  },
]

const read = async (response: Response): Promise<unknown> => {
  if (!response.ok) throw new Error(`${response.url} answered ${response.status}: ${await response.text()}`)
  return response.json()
}
