import { generateKeyPairSync, randomUUID, sign } from 'node:crypto'
import { toHttpEvent } from '../local/aws/http-event.ts'
import { toSqsEvent } from '../local/aws/sqs-event.ts'

/** As in serverless.yml. */
export const BATCH_SIZE = 10

export const TOKEN_ISSUER = 'https://id.example.com/'
export const TOKEN_AUDIENCE = 'campaign-conversations'

/**
 * How many accounts the records are spread over. This service opens at most 50 conversations per second for
 * one account in one container.
 */
export const ACCOUNTS = 10
/** How many accounts the forms are spread over. A new container starts with 8 conversations per second. */
const FORM_ACCOUNTS = 3

const accountIdOf = (index: number) => String(70_100_000 + index)
const routeOf = (index: number) => `order-help-${index}`

/** Returns the stage configuration of a number of accounts, with one route each. */
export const stageOf = (accounts: number, jwksUrl: string) => ({
  origins: ['https://www.example.com'],
  accounts: Array.from({ length: accounts }, (_, index) => ({
    accountId: accountIdOf(index),
    default: index === 0,
    form: {
      consumers: 'both',
      campaigns: 'listed',
      tokens: [
        {
          issuer: TOKEN_ISSUER,
          audience: [TOKEN_AUDIENCE],
          jwksUrl,
          algorithms: ['ES256'],
          consumerId: { claim: 'sub', prefix: '' },
        },
      ],
    },
    routes: {
      [routeOf(index)]: {
        campaignId: '3120045610',
        engagementId: '3120047710',
        ttr: 'NORMAL',
        doors: ['form', 'queue'],
      },
    },
  })),
})

/** Returns an identity provider: its public keys, and a function that signs a consumer's token. */
export const createIssuer = () => {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
  return {
    keys: { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'one', alg: 'ES256', use: 'sig' }] },
    issue: (sub: string): string => {
      const now = Math.floor(Date.now() / 1000)
      const claims = { iss: TOKEN_ISSUER, aud: TOKEN_AUDIENCE, sub, iat: now, exp: now + 3600 }
      const signed = `${encode({ alg: 'ES256', typ: 'JWT', kid: 'one' })}.${encode(claims)}`
      const signature = sign('sha256', Buffer.from(signed), { key: privateKey, dsaEncoding: 'ieee-p1363' })
      return `${signed}.${signature.toString('base64url')}`
    },
  }
}

const CONSUMER = { firstName: 'Zoë', lastName: 'Berg', email: 'zoe@example.org', phone: '+4533112233' }

/**
 * Returns the event of a form.
 *
 * @param index Decides the account.
 * @param token Of a signed-in consumer. Default: an anonymous form, and so a new consumer.
 */
export const toFormEvent = (index: number, token?: string) =>
  toHttpEvent({
    method: 'POST',
    url: '/conversations',
    routeKey: 'POST /conversations',
    headers: [
      'content-type',
      'application/json',
      'origin',
      'https://www.example.com',
      ...(token === undefined ? [] : ['authorization', `Bearer ${token}`]),
    ],
    body: JSON.stringify({
      requestId: randomUUID(),
      route: routeOf(index % FORM_ACCOUNTS),
      consumer: CONSUMER,
    }),
  })

/** Returns a CRM event. */
export const toCrmEvent = (consumerId: string, account: number) => ({
  requestId: randomUUID(),
  route: routeOf(account),
  consumer: { id: consumerId, ...CONSUMER },
})

/**
 * Returns the event of a batch of CRM events.
 *
 * @param consumerIds One per record.
 * @param accounts The records take turns. Default: {@link ACCOUNTS}.
 * @param first Decides the account of the first record.
 */
export const toBatch = (consumerIds: readonly string[], accounts = ACCOUNTS, first = 0) =>
  toSqsEvent(
    consumerIds.map((id, index) => ({
      MessageId: randomUUID(),
      ReceiptHandle: randomUUID(),
      Body: JSON.stringify(toCrmEvent(id, (first + index) % accounts)),
      Attributes: { ApproximateReceiveCount: '1', SentTimestamp: String(Date.now()) },
    })),
    'arn:aws:sqs:eu-west-1:123456789012:events',
  )
