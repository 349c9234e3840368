import { describe, expect, test } from 'vitest'
import { CODES, type Code } from '../../../lib/errors/codes.ts'
import {
  AppError,
  BotCheckFailedError,
  CampaignNotAllowedError,
  ConsumerTokenInvalidError,
  CredentialsRefusedError,
  causesOf,
  InternalError,
  InvalidConfigError,
  InvalidRequestError,
  LivePersonRejectedError,
  LivePersonUnavailableError,
  NotFoundError,
  OriginNotAllowedError,
  PayloadTooLargeError,
  RequestIdReusedError,
  ServiceUnavailableError,
  toAppError,
  toError,
  UnsupportedMediaTypeError,
} from '../../../lib/errors/errors.ts'

const reason = { detail: 'Our own words.', cause: new Error('of somebody else') }

const ERRORS: Readonly<Record<Code, AppError>> = {
  invalid_request: new InvalidRequestError([{ path: 'route', message: 'is wrong' }]),
  consumer_token_invalid: new ConsumerTokenInvalidError(reason),
  campaign_not_allowed: new CampaignNotAllowedError(reason),
  origin_not_allowed: new OriginNotAllowedError(reason),
  bot_check_failed: new BotCheckFailedError(reason),
  not_found: new NotFoundError(reason),
  // Nothing but the ledger's code is known when these two are reported.
  outcome_unknown: toError('outcome_unknown'),
  interrupted: toError('interrupted'),
  // Nobody handles it differently from other refusals.
  event_too_old: toError('event_too_old'),
  payload_too_large: new PayloadTooLargeError(reason),
  unsupported_media_type: new UnsupportedMediaTypeError(reason),
  request_id_reused: new RequestIdReusedError(reason),
  liveperson_rejected: new LivePersonRejectedError(reason),
  invalid_config: new InvalidConfigError(reason),
  internal_error: new InternalError(reason),
  liveperson_unavailable: new LivePersonUnavailableError({ ...reason, mayHaveExecuted: true }),
  credentials_refused: new CredentialsRefusedError(reason),
  service_unavailable: new ServiceUnavailableError(reason),
}

describe.each(Object.entries(ERRORS))('%s', (code, error) => {
  test('has its own class, with status and retryable from the table', () => {
    const { httpStatus, retryable } = CODES[error.code]
    expect(error).toBeInstanceOf(AppError)
    expect([error.code, error.status, error.retryable]).toEqual([code, httpStatus, retryable])
  })

  test('can be made from its code alone', () => {
    const made = toError(error.code)
    expect(made).toBeInstanceOf(AppError)
    expect(made).toMatchObject({
      code,
      message: CODES[error.code].detail,
      status: error.status,
      findings: [],
    })
    expect(made.cause).toBeUndefined()
  })
})

test('detail and cause are kept', () => {
  const { message, cause } = new NotFoundError(reason)
  expect([message, cause]).toEqual([reason.detail, reason.cause])
  expect('cause' in new NotFoundError({ detail: '' })).toBe(false)
})

test('an InvalidRequestError keeps its findings', () => {
  const findings = [{ path: 'route', message: 'is wrong' }]
  expect(new InvalidRequestError(findings).findings).toBe(findings)
})

test.each([
  ['nothing more', {}, { connectionFailed: false, trouble: 'failed', retryAfterMs: undefined }],
  ['too many calls', { trouble: 'busy' as const }, { trouble: 'busy' }],
  ['a wait', { retryAfterMs: 5000 }, { connectionFailed: false, retryAfterMs: 5000 }],
  ['an unreachable host', { connectionFailed: true }, { connectionFailed: true, retryAfterMs: undefined }],
])(
  'a LivePersonUnavailableError says whether LivePerson may have executed the request, and %s',
  (_, more, expected) => {
    const error = new LivePersonUnavailableError({ detail: '', mayHaveExecuted: false, ...more })
    expect(error).toMatchObject({ mayHaveExecuted: false, ...expected })
  },
)

describe('toAppError', () => {
  test('returns an AppError as it is', () => {
    expect(toAppError(ERRORS.not_found)).toBe(ERRORS.not_found)
  })

  test.each([
    ['an error', new Error('with a secret')],
    ['a text', 'with a secret'],
    ['nothing', undefined],
  ])('makes an internal_error of %s, with its text in the cause only', (_, thrown) => {
    const error = toAppError(thrown)
    expect(error).toMatchObject({ code: 'internal_error', message: CODES.internal_error.detail })
    expect(error.cause).toBe(thrown)
  })
})

describe('causesOf', () => {
  test('lists names, codes and our own messages, outermost first', () => {
    const socket = Object.assign(new TypeError('to 10.0.0.1'), { code: 'ECONNRESET' })
    const ours = new ServiceUnavailableError({ detail: 'SQS does not answer.', cause: socket })
    expect(causesOf(new RangeError('of a value', { cause: ours }))).toEqual([
      'RangeError',
      'Error service_unavailable SQS does not answer.',
      'TypeError ECONNRESET',
    ])
  })

  test.each([['text'], [undefined], [null], [{ message: 'no error' }]])('is empty for %j', (cause) => {
    expect(causesOf(cause)).toEqual([])
  })

  test('ends after five errors, also for one that causes itself', () => {
    const error = new Error('round')
    error.cause = error
    expect(causesOf(error)).toHaveLength(5)
  })
})
