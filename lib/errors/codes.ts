interface CodeEntry {
  readonly httpStatus: number
  /**
   * Whether the same request may succeed later. Repeating it with the same id never opens a second
   * conversation.
   */
  readonly retryable: boolean
  /** `warn` if the sender has to act, `error` if the operator has to, `info` if nobody has to. */
  readonly logLevel: 'info' | 'warn' | 'error'
  /** The public summary of the problem. */
  readonly title: string
  /** The public explanation, unless the error has its own. */
  readonly detail: string
}

/** Every error code, and what the service does with it. The codes are public and never change. */
export const CODES = {
  invalid_request: {
    httpStatus: 400,
    retryable: false,
    logLevel: 'warn',
    title: 'Invalid request',
    detail: 'The request has missing, unknown or invalid members. See `errors`.',
  },
  consumer_token_invalid: {
    httpStatus: 401,
    retryable: false,
    logLevel: 'warn',
    title: 'Invalid consumer token',
    detail: 'The consumer token is missing or invalid.',
  },
  campaign_not_allowed: {
    httpStatus: 403,
    retryable: false,
    logLevel: 'warn',
    title: 'Campaign not allowed',
    detail: 'This request may not use that route or campaign.',
  },
  origin_not_allowed: {
    httpStatus: 403,
    retryable: false,
    logLevel: 'warn',
    title: 'Origin not allowed',
    detail: 'Pages from this origin may not call the service.',
  },
  bot_check_failed: {
    httpStatus: 403,
    retryable: false,
    logLevel: 'warn',
    title: 'Bot check failed',
    detail: 'The challenge was not solved.',
  },
  not_found: {
    httpStatus: 404,
    retryable: false,
    logLevel: 'warn',
    title: 'Request not found',
    detail: 'No request has this id.',
  },
  outcome_unknown: {
    httpStatus: 409,
    retryable: false,
    logLevel: 'error',
    title: 'Outcome unknown',
    detail: 'LivePerson may have opened the conversation. The operator has to check.',
  },
  payload_too_large: {
    httpStatus: 413,
    retryable: false,
    logLevel: 'warn',
    title: 'Body too large',
    detail: 'The body is too large.',
  },
  unsupported_media_type: {
    httpStatus: 415,
    retryable: false,
    logLevel: 'warn',
    title: 'Unsupported media type',
    detail: 'Send application/json or application/x-www-form-urlencoded, in UTF-8.',
  },
  request_id_reused: {
    httpStatus: 422,
    retryable: false,
    logLevel: 'warn',
    title: 'Request id reused',
    detail: 'This requestId was used before with different content.',
  },
  event_too_old: {
    httpStatus: 422,
    retryable: false,
    logLevel: 'warn',
    title: 'Event too old',
    detail:
      'The time in its envelope is more than 30 days ago. Requests are remembered for 30 days, so the event may have been processed before.',
  },
  liveperson_rejected: {
    httpStatus: 422,
    retryable: false,
    logLevel: 'error',
    title: 'LivePerson rejected the request',
    detail: 'LivePerson rejected this conversation.',
  },
  invalid_config: {
    httpStatus: 500,
    retryable: true,
    logLevel: 'error',
    title: 'Service misconfigured',
    detail: 'The service is not configured correctly. The log has the details.',
  },
  internal_error: {
    httpStatus: 500,
    retryable: true,
    logLevel: 'error',
    title: 'Internal error',
    detail: 'The service failed unexpectedly. The log has the details.',
  },
  liveperson_unavailable: {
    httpStatus: 503,
    retryable: true,
    logLevel: 'info',
    title: 'LivePerson unavailable',
    detail: 'LivePerson is not available.',
  },
  credentials_refused: {
    httpStatus: 503,
    retryable: true,
    logLevel: 'error',
    title: 'LivePerson credentials refused',
    detail: "LivePerson refused the service's credentials.",
  },
  interrupted: {
    httpStatus: 503,
    retryable: true,
    logLevel: 'error',
    title: 'Interrupted',
    detail: 'The attempt at this request was interrupted. LivePerson may have opened the conversation.',
  },
  service_unavailable: {
    httpStatus: 503,
    retryable: true,
    logLevel: 'error',
    title: 'Service unavailable',
    detail: 'The service depends on another service that is not available.',
  },
} as const satisfies Readonly<Record<string, CodeEntry>>

/** A public error code. */
export type Code = keyof typeof CODES

/** Whether a text, for example from the ledger, is a code of this version of the service. */
export const isCode = (text: string): text is Code => Object.hasOwn(CODES, text)

interface Guidance {
  readonly meaning: string
  /** What the sender does. */
  readonly sender: string
  /** What the operator does. */
  readonly operator: string
  /** What happens to a queue record. */
  readonly record: 'retried' | 'quarantined' | 'quarantined_after_five' | 'not_applicable'
}

/**
 * What each code means to people, in Markdown, for docs/errors.md. Kept separate from `CODES`, so that no
 * bundle contains it.
 */
export const GUIDANCE = {
  invalid_request: {
    meaning:
      "A member is missing, unknown or invalid, or the body can't be parsed. `errors` lists up to 20 findings.",
    sender: 'Correct the members in `errors` and send the request again. You can use the same `requestId`.',
    operator:
      'Nothing, unless `errors` lists a `route` or an `accountId` that should be in `config/<stage>.json`.',
    record: 'quarantined',
  },
  consumer_token_invalid: {
    meaning:
      "The account requires a consumer token and the request has none. Or the account doesn't accept tokens and the request has one. Or the token has expired or can't be trusted. Such a request is never treated as anonymous.",
    sender:
      "Sign the consumer in again and send a new token. If the account doesn't accept tokens, send none.",
    operator:
      'If valid tokens are rejected, compare `form.tokens` in `config/<stage>.json` with the identity provider.',
    record: 'not_applicable',
  },
  campaign_not_allowed: {
    meaning:
      "The route isn't available to forms, or to CRM events. Or the request has campaign ids, and the account accepts only routes.",
    sender: 'Send a route that is available to you. Ask the operator for its name.',
    operator:
      "To allow the request, change the route's `doors`, or `campaigns` in the account's `form` or `queue`, in `config/<stage>.json`. Then deploy.",
    record: 'quarantined',
  },
  origin_not_allowed: {
    meaning:
      "The call came from a page whose origin isn't listed in `origins`, or whose browser hides the origin (`Origin: null`). Or the call bypassed CloudFront, which the stage requires.",
    sender:
      'Call the service at its public address, from a page with a listed origin. If `detail` names `Referrer-Policy`, change that header on the page with the form.',
    operator:
      "To allow the origin, add it to `origins` in `config/<stage>.json` and deploy. Before you add `null`, read [what it lets in](configuration.md#origins). If `detail` names the public address, compare CloudFront's secret header with `EDGE_SECRET_SHA256`.",
    record: 'not_applicable',
  },
  bot_check_failed: {
    meaning:
      'The bot-check token is missing, invalid, expired, from another site, or was already used for another request.',
    sender: 'Let the consumer solve a new challenge and send the request again with the same `requestId`.',
    operator:
      "If solved challenges are rejected, compare `form.botCheck` in `config/<stage>.json` with the provider's settings.",
    record: 'not_applicable',
  },
  not_found: {
    meaning:
      'No request with this id is known. Requests are kept for 30 days. Right after a `202`, a form may not be recorded yet. An event is not recorded before its first attempt. A refused event is recorded only under its SQS message id.',
    sender: 'Check the id and, for an event, the account. After a `202`, keep polling.',
    operator: 'Nothing.',
    record: 'not_applicable',
  },
  outcome_unknown: {
    meaning:
      "LivePerson may have opened the conversation, but its answer was lost. The service doesn't try again, because LivePerson refused a second attempt, the request reached `giveUpAfterHours`, or the account's `onLostAnswer` is `hold`. The request is in the quarantine queue, whether it is a form or a CRM event.",
    sender:
      "Don't send the request again, not even with a new `requestId`, because that might open a second conversation. Ask the operator.",
    operator:
      'Check in LivePerson whether the consumer has the conversation, and [settle or forget the request](operations.md#look-up-settle-or-forget-a-request).',
    record: 'quarantined',
  },
  payload_too_large: {
    meaning: 'The body is 256 KB or larger, or its values have more than 16,384 characters together.',
    sender: 'Send a smaller body.',
    operator: 'Nothing.',
    record: 'not_applicable',
  },
  unsupported_media_type: {
    meaning:
      "`Content-Type` is neither JSON nor a URL-encoded form, its charset isn't UTF-8, or the body is compressed (`Content-Encoding`).",
    sender: 'Send `application/json` or `application/x-www-form-urlencoded`, in UTF-8 and uncompressed.',
    operator: 'Nothing.',
    record: 'not_applicable',
  },
  request_id_reused: {
    meaning:
      'An earlier request had the same `requestId` and different content. The earlier request is not affected.',
    sender: 'Use a new `requestId` for new content.',
    operator: 'For a form, nothing. For a CRM event, tell the sender that two events have the same id.',
    record: 'quarantined',
  },
  event_too_old: {
    meaning:
      "The time that EventBridge or SNS gave the event is more than 30 days ago. The service remembers requests for 30 days, so it can't tell whether the event was processed before, and opened nothing. Most likely, the event was replayed from an archive.",
    sender:
      'Replay only the last 30 days. To open a conversation for an older event, send the content of its envelope as a new event with a new `requestId`.',
    operator:
      'To avoid this, limit the time range of the replay, or the retention of the archive, to 30 days.',
    record: 'quarantined',
  },
  liveperson_rejected: {
    meaning:
      "LivePerson understood the request and rejected it, most often because the engagement isn't published. The outcome is final for this `requestId`.",
    sender:
      "Don't retry. Tell the operator, who has to fix the cause. After that, send a form again with a new `requestId`. The operator replays a CRM event.",
    operator:
      'Correct the campaign or the engagement in LivePerson, or the route in `config/<stage>.json`. A CRM event is in the quarantine queue: [replay it with `--reopen`](operations.md#replay). A form is not, so its sender has to send it again.',
    record: 'quarantined',
  },
  invalid_config: {
    meaning:
      'An environment variable, the stage configuration or a secret is missing or invalid, access to a secret or its key is refused, or something other than SQS invoked `openFromQueue`. Or the bot-check provider reports a mistake in the settings, such as a secret that belongs to another site key. That form is not queued, because its challenge was not verified.',
    sender: 'Retry with the same `requestId` once the operator has fixed it.',
    operator:
      'Fix the values that the log names. For a secret, the log says what to do. `npm run doctor` checks a whole stage.',
    record: 'retried',
  },
  internal_error: {
    meaning: 'An unexpected error occurred.',
    sender: 'Retry with the same `requestId`.',
    operator: 'Read the log. `cause` lists the underlying errors.',
    record: 'retried',
  },
  liveperson_unavailable: {
    meaning:
      "LivePerson answered 429, 5xx or something undocumented, or didn't answer. Or calls for the account have failed, so this request made none. A form gets this code only if the queue is not available either. Otherwise it gets a `202`.",
    sender: 'Retry with the same `requestId` after `Retry-After`.',
    operator:
      "If it doesn't stop, check LivePerson's status page. Queued requests are opened once LivePerson is back.",
    record: 'retried',
  },
  credentials_refused: {
    meaning:
      "LivePerson accepted neither the current nor the previous version of the account's secret, or refused a token that it had just issued. A form gets this code only if the queue is not available either. Otherwise it gets a `202`.",
    sender: 'Retry with the same `requestId` after `Retry-After`.',
    operator: "[Fix the account's secret](operations.md#secrets-and-their-rotation). No deploy is needed.",
    record: 'retried',
  },
  interrupted: {
    meaning:
      'The function was killed or timed out during the last attempt, and no queue holds the request. Or this happened to five attempts at a record, which was then quarantined.',
    sender:
      'Retry with the same `requestId`. This opens a second conversation only if an attempt opened one and an agent has closed it since.',
    operator:
      "Look for timeouts and memory errors of the functions in Lambda's metrics. Then [replay](operations.md#replay) the quarantined record.",
    record: 'quarantined_after_five',
  },
  service_unavailable: {
    meaning:
      "A form's consumer token or bot-check token can't be verified right now, or DynamoDB, Secrets Manager or SQS is not available. If a form can be queued, it gets a `202` instead.",
    sender: 'Retry with the same `requestId` after `Retry-After`.',
    operator:
      'Read the log, and check the AWS service, the identity provider or the bot-check provider that it names.',
    record: 'retried',
  },
} as const satisfies Readonly<Record<Code, Guidance>>
