import { accountOf } from '../config/routes.ts'
import type { AccountConfig } from '../config/stage.ts'
import {
  BotCheckFailedError,
  ConsumerTokenInvalidError,
  type Finding,
  InvalidRequestError,
} from '../errors/errors.ts'
import type { AcceptedRequest, ConversationRequest } from '../request/conversation-request.ts'
import { type EngagementAttribute, MAX_ATTRIBUTES } from '../request/engagement-attributes.ts'
import type { Form } from '../request/form.ts'
import { accept } from '../request/identity.ts'
import type { Service } from '../service/open.ts'
import type { VerifiedConsumer } from './token.ts'

/**
 * Decides whose request a form's is: the consumer of its token, or, where the account lets forms be anonymous and none
 * was sent, one derived from the request. A token is never ignored. Nothing has gone to LivePerson by then.
 *
 * @throws {ConsumerTokenInvalidError}
 * @throws {BotCheckFailedError}
 * @throws {InvalidRequestError} The body says what is not for it to say.
 * @throws {ServiceUnavailableError} A token or a challenge can't be verified now.
 */
export const acceptForm = async (
  service: Service,
  form: Form,
  requestId: string,
): Promise<AcceptedRequest> => {
  const { request } = form
  const account = accountOf(service.config.stage, request)
  const settled = { door: 'form', requestId, accountId: account.accountId } as const
  if (form.challenge && !account.form.botCheck)
    throw new InvalidRequestError([{ path: form.challenge.field, message: 'is not a known member' }])

  const consumer = await verify(service, account, form.authorization)
  refuse(consumer ? notForSignedIn(request, consumer) : notForAnonymous(request))
  if (consumer) return fillIn(accept(request, { ...settled, consumerId: consumer.consumerId }), consumer)

  const accepted = accept(request, { ...settled, consumerId: undefined })
  await checkBot(service, accepted, form.challenge?.token)
  return accepted
}

/** Gives undefined where a form may be anonymous and is. */
const verify = async (
  { partsOf }: Service,
  { accountId, form: { consumers } }: AccountConfig,
  authorization: string | undefined,
): Promise<VerifiedConsumer | undefined> => {
  if (authorization === undefined) {
    if (consumers !== 'token') return undefined
    throw new ConsumerTokenInvalidError({ detail: 'A consumer token is needed here.' })
  }
  const { verifyConsumer } = partsOf(accountId)
  if (consumers !== 'anonymous' && verifyConsumer) return verifyConsumer(authorization)
  throw new ConsumerTokenInvalidError({ detail: 'No consumer token is taken here; send none.' })
}

/** A challenge counts once only, so a copy of a request that the ledger knows already needs none that still counts. */
const checkBot = async (
  { partsOf, ledger }: Service,
  request: AcceptedRequest,
  token: string | undefined,
) => {
  const { accountId, requestId, fingerprint } = request
  const { checkBot } = partsOf(accountId)
  if (!checkBot) return
  try {
    if (!token) throw new BotCheckFailedError({ detail: 'The challenge of the page was not solved.' })
    await checkBot(token)
  } catch (error) {
    if (!(error instanceof BotCheckFailedError)) throw error
    const known = await ledger.find([accountId], 'form', requestId)
    if (!known.some((item) => item.fingerprint === fingerprint)) throw error
  }
}

const refuse = (findings: readonly Finding[]) => {
  if (findings.length > 0) throw new InvalidRequestError(findings)
}

/** Anybody could say that they are somebody, or important; nobody vouches for it, and a type of customer can route. */
const notForAnonymous = ({ consumer, engagementAttributes = [] }: ConversationRequest): Finding[] => [
  ...(consumer?.id === undefined
    ? []
    : [{ path: 'consumer.id', message: 'is not for an anonymous form to say' }]),
  ...customerInfos(engagementAttributes, 'ctmrinfo is not for an anonymous form to say'),
]

const notForSignedIn = (
  { consumer, engagementAttributes = [] }: ConversationRequest,
  { consumerId, engagementAttributes: vouched }: VerifiedConsumer,
): Finding[] => [
  ...(consumer?.id === undefined || consumer.id === consumerId
    ? []
    : [{ path: 'consumer.id', message: "must be the token's sub, or left out" }]),
  ...(vouched.some(({ type }) => type === 'ctmrinfo')
    ? []
    : customerInfos(engagementAttributes, 'ctmrinfo is for the token to say, in lp_sdes')),
  ...(merge(engagementAttributes, vouched).length > MAX_ATTRIBUTES
    ? [
        {
          path: 'engagementAttributes',
          message: `must have at most ${MAX_ATTRIBUTES} entries, the token's lp_sdes included`,
        },
      ]
    : []),
]

const customerInfos = (attributes: readonly EngagementAttribute[], message: string): Finding[] =>
  attributes.flatMap(({ type }, index) =>
    type === 'ctmrinfo' ? [{ path: `engagementAttributes.${index}`, message }] : [],
  )

/** What the token says stands wherever the body says the same. */
const fillIn = (request: AcceptedRequest, verified: VerifiedConsumer): AcceptedRequest => {
  const { firstName, lastName, email, phone, engagementAttributes: vouched } = verified
  const names = Object.fromEntries(
    Object.entries({ firstName, lastName, email, phone }).filter(([, value]) => value !== undefined),
  )
  const given = (request.engagementAttributes ?? []).map((attribute) => correct(attribute, verified))
  const engagementAttributes = merge(given, vouched)
  return {
    ...request,
    ...((request.consumer || Object.keys(names).length > 0) && {
      consumer: { ...request.consumer, ...names },
    }),
    ...(engagementAttributes.length > 0 && { engagementAttributes }),
  }
}

/** LivePerson shows agents what a `personal` SDE says as authenticated, so it must not say another name than the token. */
const correct = (
  attribute: EngagementAttribute,
  { firstName, lastName, email, phone }: VerifiedConsumer,
): EngagementAttribute =>
  attribute.type === 'personal'
    ? {
        type: 'personal',
        personal: {
          ...attribute.personal,
          ...(firstName !== undefined && { firstname: firstName }),
          ...(lastName !== undefined && { lastname: lastName }),
          ...((email !== undefined || phone !== undefined) && {
            contacts: [{ ...(email !== undefined && { email }), ...(phone !== undefined && { phone }) }],
          }),
        },
      }
    : attribute

/** All that the token has, and of the body the types that the token has none of. */
const merge = (
  given: readonly EngagementAttribute[],
  vouched: readonly EngagementAttribute[],
): EngagementAttribute[] => {
  const types = new Set(vouched.map(({ type }) => type))
  return [...vouched, ...given.filter(({ type }) => !types.has(type))]
}
