/** What the plain client needs to know. */
export interface PlainOptions {
  readonly domainApiUrl: string
  readonly accountId: string
  readonly clientId: string
  readonly clientSecret: string
}

/** Whom a conversation is opened for, and by which campaign. */
export interface PlainRequest {
  readonly consumerId: string
  readonly firstName: string
  readonly campaignId: string
  readonly engagementId: string
}

/**
 * Opens a conversation as one does who follows LivePerson's guide from top to bottom: domains, AppJWT, ConsumerJWS,
 * CONVERSATION, each time. Nothing is kept, repeated or written down.
 *
 * @throws {Error} LivePerson did not open it.
 * @see https://developers.liveperson.com/connector-api-send-api-overview.html
 */
export const openPlainly = async (options: PlainOptions, request: PlainRequest): Promise<string> => {
  const { domainApiUrl, accountId, clientId, clientSecret } = options

  const domains = await fetch(`${domainApiUrl}/api/account/${accountId}/service/baseURI.json?version=1.0`)
  const { baseURIs } = (await read(domains)) as { baseURIs: { service: string; baseURI: string }[] }
  const originOf = (name: string) => `http://${baseURIs.find(({ service }) => service === name)?.baseURI}`

  const sentinel = await fetch(
    `${originOf('sentinel')}/sentinel/api/account/${accountId}/app/token?v=1.0&grant_type=client_credentials`,
    { method: 'POST', body: new URLSearchParams({ client_id: clientId, client_secret: clientSecret }) },
  )
  const { access_token } = (await read(sentinel)) as { access_token: string }

  const idp = await fetch(`${originOf('idp')}/api/account/${accountId}/consumer?v=1.0`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: access_token },
    body: JSON.stringify({ ext_consumer_id: request.consumerId }),
  })
  const { token } = (await read(idp)) as { token: string }

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
  const answers = (await read(conversation)) as { reqId: string; body: { conversationId: string } }[]
  const opened = answers.find(({ reqId }) => reqId === '2')
  if (!opened?.body.conversationId) throw new Error('No conversation was opened.')
  return opened.body.conversationId
}

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
