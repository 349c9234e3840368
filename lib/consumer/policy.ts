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
import { MAX_WARNINGS } from '../request/warnings.ts'
import { type CheckBot, challengeHashOf } from './bot-check.ts'
import type { VerifiedConsumer } from './claims.ts'
import type { VerifyConsumer } from './token.ts'
import { fillIn } from './vouched.ts'

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
  /**
   * Returns what the ledger has under the id of a form whose challenge is not fresh: nothing, the request
   * that spent the challenge, or another one.
   */
  readonly findOriginal: (request: AcceptedRequest) => Promise<{ readonly kind: 'none' | 'same' | 'other' }>
  /** Called if a form without a fresh challenge has the id of a known request, and is not its copy. */
  readonly onGuess: () => void
  /** Takes milliseconds. */
  readonly sleep: (ms: number) => Promise<void>
}

/** A form's request. */
export interface AcceptedForm {
  readonly request: AcceptedRequest
  /**
   * Whether it is a copy that spent no challenge of its own. It may be answered, but must not call
   * LivePerson.
   */
  readonly isCopy: boolean
}

/**
 * The pauses, in milliseconds, between the looks for the request that spent a challenge. That request may
 * still wait for its own verdict, for at most half of the form's deadline.
 */
const ORIGINAL_WAITS_MS: readonly number[] = [150, 350, 700, 900, 1200]

/**
 * Returns a form's request with its consumer. If the form has a token, the token identifies the consumer.
 * Otherwise, if the account allows anonymous forms, the consumer is derived from the request. A token is
 * never ignored.
 *
 * @throws {ConsumerTokenInvalidError} The token is missing, not accepted here, or can't be trusted.
 * @throws {BotCheckFailedError} The challenge of an anonymous form was not solved, or another request spent
 * it.
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
  findOriginal,
  onGuess,
  sleep,
}: AcceptFormOptions): Promise<AcceptedForm> => {
  const settled = { door: 'form', requestId, accountId: account.accountId } as const
  if (challenge && !checkBot) throw new InvalidRequestError([{ path: challenge.field, message: UNKNOWN_KEY }])

  const consumer = await verify(consumersOf(account, request), authorization, verifyConsumer)
  if (consumer) {
    throwIfAny(notAllowedSignedIn(request, consumer))
    const { consumerId } = consumer
    const all = [...warnings, ...consumer.warnings].slice(0, MAX_WARNINGS)
    // The fingerprint must not cover what the token says: a copy with a renewed token is the same request.
    const accepted = accept(request, { ...settled, consumerId, warnings: all })
    return { request: fillIn(accepted, consumer), isCopy: false }
  }

  throwIfAny(notAllowedAnonymously(request, account.form))
  const accepted = accept(request, { ...settled, consumerId: undefined, warnings })
  if (!checkBot) return { request: accepted, isCopy: false }
  const token = challenge?.token ?? ''
  const bound = token === '' ? accepted : { ...accepted, challengeHash: challengeHashOf(token) }
  const verdict = token === '' ? 'refused' : await checkBot(token)
  if (verdict === 'solved') return { request: bound, isCopy: false }

  // Challenges are single-use, so a copy carries a spent one. Its verdict may arrive first.
  let { kind } = await findOriginal(bound)
  for (const ms of verdict === 'spent' ? ORIGINAL_WAITS_MS : []) {
    if (kind === 'same') break
    await sleep(ms)
    kind = (await findOriginal(bound)).kind
  }
  if (kind === 'same') return { request: bound, isCopy: true }
  if (kind === 'other') onGuess()
  throw new BotCheckFailedError({ detail: 'The challenge was not solved, or was already used.' })
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
