import { describe, expect, test } from 'vitest'
import { ANSWER_HEADERS } from '../../../functions/http/answer.ts'
import { toProblem } from '../../../functions/http/problem.ts'
import { CODES, isCode } from '../../../lib/errors/codes.ts'
import {
  InvalidConfigError,
  InvalidRequestError,
  LivePersonUnavailableError,
  NotFoundError,
  ServiceUnavailableError,
  toAppError,
  toError,
} from '../../../lib/errors/errors.ts'
import { askStatus, submit, bodyOf as toBody } from '../../support/world.ts'

const bodyOf = (...args: Parameters<typeof toProblem>) => JSON.parse(String(toProblem(...args).body))

describe.each(Object.keys(CODES).filter(isCode))('a problem of %s', (code) => {
  const { httpStatus, retryable, title, detail } = CODES[code]

  test('has the members of RFC 9457, the code, and whether a retry may help', () => {
    expect(toProblem(toError(code)).statusCode).toBe(httpStatus)
    expect(bodyOf(toError(code))).toEqual({
      type: `urn:campaign-conversations:problem:${code}`,
      title,
      status: httpStatus,
      code,
      detail,
      retryable,
    })
  })

  test('has the requestId that the sender gave, and says whether to use it again', () => {
    const again = ' Send the request again with the same requestId.'
    expect(bodyOf(toError(code), 'order-4711-help')).toMatchObject({
      code,
      requestId: 'order-4711-help',
      detail: retryable ? `${detail}${again}` : detail,
    })
  })

  test('has the headers of every response, its own type, and what its status asks for', () => {
    expect(toProblem(toError(code)).headers).toEqual({
      ...ANSWER_HEADERS,
      'content-type': 'application/problem+json',
      ...(httpStatus === 503 && { 'retry-after': '5' }),
      ...(httpStatus === 401 && { 'www-authenticate': 'Bearer error="invalid_token"' }),
    })
  })
})

describe('the detail', () => {
  test("is the error's own", () => {
    expect(bodyOf(new NotFoundError({ detail: 'Our own words.' })).detail).toBe('Our own words.')
  })

  test.each([
    ['a cause', new NotFoundError({ detail: 'Not here.', cause: new Error('hidden') })],
    ['the message of whatever was thrown', toAppError(new Error('hidden'))],
    ['what is misconfigured', new InvalidConfigError({ detail: 'The secret hidden is missing.' })],
    ['which operation failed', new ServiceUnavailableError({ detail: 'SQS hidden failed.' })],
    [
      'a stack',
      new LivePersonUnavailableError({
        detail: 'No answer.',
        mayHaveExecuted: true,
        cause: { stack: 'hidden' },
      }),
    ],
  ])('does not reveal %s', (_, error) => {
    expect(JSON.stringify(toProblem(error))).not.toMatch(/hidden|\.ts/)
  })
})

describe('errors', () => {
  test('lists paths and messages, and not the masked paths for logs', () => {
    const error = new InvalidRequestError([
      { path: 'route', message: 'is missing' },
      { path: 'consumer.ana@example.org', maskedPath: 'consumer.(masked)', message: 'is an unknown key' },
    ])
    expect(bodyOf(error).errors).toEqual([
      { path: 'route', message: 'is missing' },
      { path: 'consumer.ana@example.org', message: 'is an unknown key' },
    ])
  })

  test('lists at most 20 findings, with paths of at most 200 characters', () => {
    const findings = Array.from({ length: 21 }, (_, index) => ({
      path: `${index}`.padEnd(201, 'x'),
      message: '',
    }))
    const { errors } = bodyOf(new InvalidRequestError(findings))
    expect(errors).toHaveLength(20)
    expect(errors[19]).toEqual({ path: '19'.padEnd(200, 'x'), message: '' })
  })
})

describe('a problem that a handler’s error handler returns has the sender’s id', () => {
  const unconfigured = (): never => {
    throw new InvalidConfigError({ detail: 'STATE_TABLE is not set.' })
  }

  test('from the header or the body of a form', async () => {
    for (const [body, headers] of [
      [{ route: 'x' }, { 'idempotency-key': 'request-0001' }],
      [{ requestId: 'request-0001', route: 'x' }, {}],
    ] as const)
      expect(toBody(await submit(unconfigured, body, { headers }))).toMatchObject({
        code: 'invalid_config',
        requestId: 'request-0001',
        retryable: true,
      })
  })

  test('from the path of a status request', async () => {
    expect(toBody(await askStatus(unconfigured, 'request-0001'))).toMatchObject({
      code: 'invalid_config',
      requestId: 'request-0001',
    })
    expect(toBody(await askStatus(unconfigured, 'x'))).not.toHaveProperty('requestId')
  })
})
