import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { call } from './aws.ts'
import { post } from './http.ts'

interface Destination {
  readonly accountId: string
  readonly campaignId: string
  readonly engagementId: string
}

interface Account {
  readonly hosts: Readonly<Record<string, string>>
  readonly clientId: string
  readonly clientSecret: string
  appJwt?: Promise<string>
}

const { CONFIG_FILE = '', STATE_TABLE: TableName = '', SECRET_ID_PREFIX } = process.env
const config = JSON.parse(readFileSync(CONFIG_FILE, 'utf8'))
const destinations = new Map<string, Destination>()
const accounts = new Map<string, Promise<Account>>()
const consumers = new Map<string, { readonly jws: string; readonly lpConsumerId: string }>()

const JSON_TYPE = { 'content-type': 'application/json' }

const dynamoDb = (operation: string, input: object) =>
  call('dynamodb', `DynamoDB_20120810.${operation}`, 'application/x-amz-json-1.0', { TableName, ...input })

/** Reads the hosts that a table holds, and a secret. */
const readAccount = async (accountId: string): Promise<Account> => {
  const [domains, secret] = await Promise.all([
    dynamoDb('GetItem', { Key: { pk: { S: `domains#${accountId}` } }, ConsistentRead: true }),
    call('secretsmanager', 'secretsmanager.GetSecretValue', 'application/x-amz-json-1.1', {
      SecretId: `${SECRET_ID_PREFIX}/${accountId}`,
    }),
  ])
  const hosts: Record<string, { S: string }> = JSON.parse(domains).Item.hosts.M
  const origins = Object.entries(hosts).map(([name, { S: host }]) => [name, originOf(host)])
  return { hosts: Object.fromEntries(origins), ...JSON.parse(JSON.parse(secret).SecretString) }
}

const originOf = (host: string) => `${host.startsWith('127.0.0.1') ? 'http' : 'https'}://${host}`

for (const { accountId, routes } of config.accounts) {
  accounts.set(accountId, readAccount(accountId))
  for (const [name, { campaignId, engagementId }] of Object.entries<Destination>(routes))
    destinations.set(name, { accountId, campaignId, engagementId })
}

/** Reads what a container needs before its first request. */
export const warm = () => Promise.all(accounts.values())

const requestAppJwt = async (
  accountId: string,
  { hosts, clientId, clientSecret }: Account,
): Promise<string> => {
  const answer = await post(
    `${hosts.sentinel}/sentinel/api/account/${accountId}/app/token?v=1.0&grant_type=client_credentials`,
    { 'content-type': 'application/x-www-form-urlencoded' },
    `client_id=${clientId}&client_secret=${clientSecret}`,
  )
  return JSON.parse(answer).access_token
}

const identify = async (accountId: string, consumerId: string, account: Account, appJwt: string) => {
  const known = consumers.get(consumerId)
  if (known) return known
  const headers = { ...JSON_TYPE, authorization: appJwt }
  const url = `${account.hosts.idp}/api/account/${accountId}/consumer?v=1.0`
  const answer = await post(url, headers, JSON.stringify({ ext_consumer_id: consumerId }))
  const jws: string = JSON.parse(answer).token
  const claims = JSON.parse(Buffer.from(jws.split('.')[1] ?? '', 'base64url').toString())
  const consumer = { jws, lpConsumerId: claims.lp_consumer_id }
  consumers.set(consumerId, consumer)
  return consumer
}

interface Opening {
  readonly door: string
  readonly requestId: string
  readonly route: string
  readonly consumerId: string
  readonly consumer: Readonly<Record<string, string>>
}

/** The unavoidable calls, and the ledger's three writes: claim, completion and the consumer's item. */
export const open = async ({ door, requestId, route, consumerId, consumer }: Opening): Promise<string> => {
  const destination = destinations.get(route)
  if (!destination) throw new Error(`There is no route ${route}`)
  const { accountId, campaignId, engagementId } = destination
  const account = await accounts.get(accountId)
  if (!account) throw new Error(`There is no account ${accountId}`)
  const pk = `request#${accountId}#${door}#nobody#${requestId}`
  account.appJwt ??= requestAppJwt(accountId, account)
  const appJwt = await account.appJwt
  const [{ jws, lpConsumerId }] = await Promise.all([
    identify(accountId, consumerId, account, appJwt),
    dynamoDb('UpdateItem', toClaim(pk, requestId, door, destination)),
  ])
  const [profileId, createId] = [randomUUID(), randomUUID()]
  const { firstName, lastName, email, phone } = consumer
  const answer = await post(
    `${account.hosts.asyncMessagingEnt}/api/account/${accountId}/messaging/consumer/conversation?v=3`,
    { ...JSON_TYPE, authorization: appJwt, 'x-lp-on-behalf': jws },
    JSON.stringify([
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
    ]),
  )
  const { conversationId } = JSON.parse(answer)[1].body
  await Promise.all([
    dynamoDb('UpdateItem', toCompletion(pk, conversationId, lpConsumerId)),
    dynamoDb('UpdateItem', toConsumer(`consumer#${accountId}#${lpConsumerId}`, pk, conversationId)),
  ])
  return conversationId
}

const DAYS_30 = 30 * 24 * 3600

const times = () => {
  const now = Date.now()
  return { ':now': { N: String(now) }, ':expires': { N: String(Math.floor(now / 1000) + DAYS_30) } }
}

const OLD = { ReturnValues: 'ALL_OLD', ReturnValuesOnConditionCheckFailure: 'ALL_OLD' } as const

const toClaim = (pk: string, requestId: string, door: string, destination: Destination) => ({
  Key: { pk: { S: pk } },
  UpdateExpression:
    'SET #id = :id, #door = :door, #account = :account, #campaign = :campaign, #engagement = :engagement, #status = :opening, #lease = :lease, #until = :until, #updated = :now, #expires = :expires',
  ConditionExpression: 'attribute_not_exists(#pk)',
  ExpressionAttributeNames: {
    '#pk': 'pk',
    '#id': 'requestId',
    '#door': 'door',
    '#account': 'accountId',
    '#campaign': 'campaignId',
    '#engagement': 'engagementId',
    '#status': 'status',
    '#lease': 'leaseId',
    '#until': 'leaseUntil',
    '#updated': 'updatedAt',
    '#expires': 'expiresAt',
  },
  ExpressionAttributeValues: {
    ':id': { S: requestId },
    ':door': { S: door },
    ':account': { S: destination.accountId },
    ':campaign': { S: destination.campaignId },
    ':engagement': { S: destination.engagementId },
    ':opening': { S: 'opening' },
    ':lease': { S: randomUUID() },
    ':until': { N: String(Date.now() + 25_000) },
    ...times(),
  },
  ...OLD,
})

const toCompletion = (pk: string, conversationId: string, lpConsumerId: string) => ({
  Key: { pk: { S: pk } },
  UpdateExpression:
    'SET #status = :opened, #conversation = :conversation, #consumer = :consumer, #until = :zero, #updated = :now, #expires = :expires',
  ConditionExpression: '#status = :opening',
  ExpressionAttributeNames: {
    '#status': 'status',
    '#conversation': 'conversationId',
    '#consumer': 'lpConsumerId',
    '#until': 'leaseUntil',
    '#updated': 'updatedAt',
    '#expires': 'expiresAt',
  },
  ExpressionAttributeValues: {
    ':opened': { S: 'opened' },
    ':opening': { S: 'opening' },
    ':conversation': { S: conversationId },
    ':consumer': { S: lpConsumerId },
    ':zero': { N: '0' },
    ...times(),
  },
  ...OLD,
})

const toConsumer = (pk: string, openedBy: string, conversationId: string) => ({
  Key: { pk: { S: pk } },
  UpdateExpression:
    'SET #conversation = :conversation, #state = :open, #by = :by, #opened = :now, #updated = :now, #expires = :expires',
  ConditionExpression: 'attribute_not_exists(#opened) OR #opened <= :now',
  ExpressionAttributeNames: {
    '#conversation': 'conversationId',
    '#state': 'state',
    '#by': 'openedBy',
    '#opened': 'openedAt',
    '#updated': 'updatedAt',
    '#expires': 'expiresAt',
  },
  ExpressionAttributeValues: {
    ':conversation': { S: conversationId },
    ':open': { S: 'OPEN' },
    ':by': { S: openedBy },
    ...times(),
  },
  ...OLD,
})
