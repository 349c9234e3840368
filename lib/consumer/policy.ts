import type { AccountConfig } from '../config/stage.ts'
import {
  BotCheckFailedError,
  ConsumerTokenInvalidError,
  type Finding,
  InvalidRequestError,
} from '../errors/errors.ts'
import { UNKNOWN_KEY } from '../request/check.ts'
import type { AcceptedRequest, ConversationRequest } from '../request/conversation-request.ts'
import type { EngagementAttribute } from '../request/engagement-attributes.ts'
import type { Form } from '../request/form.ts'
import { accept } from '../request/identity.ts'
import type { CheckBot } from './bot-check.ts'
import type { VerifiedConsumer } from './claims.ts'
import type { VerifyConsumer } from './token.ts'
import { fillIn, warningsOf } from './vouched.ts'

/** A form, and what the door knows about it. */
export interface FormSubmission {
  /** The account that the request goes to. */
  readonly account: AccountConfig
  readonly form: Form
  /** The `Authorization` header, undefined if there is none. */
  readonly authorization: string | undefined
  /** The sender's, or one that the service generated. */
  readonly requestId: string
}

export interface AcceptFormOptions extends FormSubmission {
  /** Undefined if the account has no identity provider. */
  readonly verifyConsumer: VerifyConsumer | undefined
  /** Undefined if the account has no bot check. */
  readonly checkBot: CheckBot | undefined
  /** Returns whether the ledger has a request with this id and the same content. */
  readonly isKnown: (request: AcceptedRequest) => Promise<boolean>
}

/**
 * Returns a form's request with its consumer. If the form has a token, the token identifies the consumer.
 * Otherwise, if the account allows anonymous forms, the consumer is derived from the request. A token is
 * never ignored.
 *
 * @throws {ConsumerTokenInvalidError} The token is missing, not accepted here, or can't be trusted.
 * @throws {BotCheckFailedError} The challenge of an anonymous form was not solved.
 * @throws {InvalidRequestError} The form has members that this kind of sender may not set.
 * @throws {ServiceUnavailableError} The token or the challenge can't be verified now, or the ledger can't be
 * read.
 * @throws {InvalidConfigError} The bot check doesn't accept its secret.
 */
export const acceptForm = async ({
  account,
  form: { request, challenge, warnings },
  authorization,
  requestId,
  verifyConsumer,
  checkBot,
  isKnown,
}: AcceptFormOptions): Promise<AcceptedRequest> => {
  const settled = { door: 'form', requestId, accountId: account.accountId } as const
  if (challenge && !checkBot) throw new InvalidRequestError([{ path: challenge.field, message: UNKNOWN_KEY }])

  const consumer = await verify(consumersOf(account, request), authorization, verifyConsumer)
  if (consumer) {
    throwIfAny(notAllowedSignedIn(request, consumer))
    const { consumerId } = consumer
    const all = [...warnings, ...warningsOf(consumer)]
    // The fingerprint must not cover what the token says: a copy with a renewed token is the same request.
    return fillIn(accept(request, { ...settled, consumerId, warnings: all }), consumer)
  }

  throwIfAny(notAllowedAnonymously(request, account.form))
  const accepted = accept(request, { ...settled, consumerId: undefined, warnings })
  // Challenges are single-use, so a known retry may carry a spent one.
  if (checkBot && !(await isSolved(challenge?.token, checkBot)) && !(await isKnown(accepted)))
    throw new BotCheckFailedError({ detail: 'The challenge was not solved, or was already used.' })
  return accepted
}

type Consumers = AccountConfig['form']['consumers']

/** Returns which consumers may send the form: the route's, else the account's. */
const consumersOf = ({ form, routes }: AccountConfig, { route }: ConversationRequest): Consumers =>
  (route === undefined ? undefined : routes[route]?.consumers) ?? form.consumers

/** Returns undefined if the form is anonymous and may be. */
const verify = async (
  consumers: Consumers,
  authorization: string | undefined,
  verifyConsumer: VerifyConsumer | undefined,
): Promise<VerifiedConsumer | undefined> => {
  if (authorization === undefined) {
    if (consumers !== 'token') return undefined
    throw new ConsumerTokenInvalidError({ detail: 'A consumer token is required.' })
  }
  if (consumers !== 'anonymous' && verifyConsumer) return verifyConsumer(authorization)
  throw new ConsumerTokenInvalidError({
    detail: 'Consumer tokens are not accepted here. Send the form without one.',
  })
}

const isSolved = async (token: string | undefined, checkBot: CheckBot): Promise<boolean> =>
  token !== undefined && token !== '' && checkBot(token)

const throwIfAny = (findings: readonly Finding[]) => {
  if (findings.length > 0) throw new InvalidRequestError(findings)
}

/**
 * Anonymous senders can't prove an identity or a customer type, which can affect routing. Agents see
 * `personal` attributes as authenticated.
 */
const notAllowedAnonymously = (
  { consumer, engagementAttributes }: ConversationRequest,
  { anonymousAttributes }: AccountConfig['form'],
): Finding[] => [
  ...(consumer?.id === undefined
    ? []
    : [{ path: 'consumer.id', message: 'is not allowed in an anonymous form' }]),
  ...attributesOf(engagementAttributes, 'ctmrinfo', 'ctmrinfo is not allowed in an anonymous form'),
  ...(anonymousAttributes === 'allowed'
    ? []
    : attributesOf(engagementAttributes, 'personal', 'personal is not allowed in an anonymous form')),
]

/** Only what the token says is authenticated. */
const notAllowedSignedIn = (
  { consumer, engagementAttributes }: ConversationRequest,
  { consumerId, engagementAttributes: vouched }: VerifiedConsumer,
): Finding[] => [
  ...(consumer?.id === undefined || consumer.id === consumerId
    ? []
    : [{ path: 'consumer.id', message: "must equal the token's consumer id, or be left out" }]),
  // If the token has a ctmrinfo of its own, it replaces the form's.
  ...(vouched.some(({ type }) => type === 'ctmrinfo')
    ? []
    : attributesOf(engagementAttributes, 'ctmrinfo', "ctmrinfo is allowed only in the token's lp_sdes")),
  ...attributesOf(engagementAttributes, 'personal', "personal is allowed only in the token's lp_sdes"),
]

const attributesOf = (
  attributes: readonly EngagementAttribute[] = [],
  type: EngagementAttribute['type'],
  message: string,
): Finding[] =>
  attributes.flatMap((attribute, index) =>
    attribute.type === type ? [{ path: `engagementAttributes.${index}`, message }] : [],
  )
