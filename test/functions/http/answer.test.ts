import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ANSWER_HEADERS, toAnswer } from '../../../functions/http/answer.ts'

test('an answer is JSON that no cache keeps and no browser runs', () => {
  expect(toAnswer(201, { requestId: 'request-1' })).toEqual({
    statusCode: 201,
    headers: {
      'content-type': 'application/json',
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
      'referrer-policy': 'no-referrer',
      'strict-transport-security': 'max-age=31536000',
    },
    body: '{"requestId":"request-1"}',
  })
})

test.each<[string, Readonly<Record<string, string>>, object]>([
  [
    'adds to the usual ones',
    { location: '/conversations/1' },
    { ...ANSWER_HEADERS, location: '/conversations/1' },
  ],
  [
    'overrides a usual one',
    { 'content-type': 'application/problem+json' },
    { ...ANSWER_HEADERS, 'content-type': 'application/problem+json' },
  ],
])('a header %s', (_, headers, all) => {
  expect(toAnswer(200, {}, headers).headers).toEqual(all)
})

test('members that are undefined are left out of the body', () => {
  expect(toAnswer(200, { status: 'opened', conversationId: undefined }).body).toBe('{"status":"opened"}')
})

test('answers share no headers object', () => {
  expect(toAnswer(200, {}).headers).not.toBe(toAnswer(200, {}).headers)
})

test('any JSON object comes back out of the body', () => {
  fc.assert(
    fc.property(
      fc.dictionary(fc.string(), fc.jsonValue()),
      fc.constantFrom(200, 202, 404),
      (body, status) => {
        const answer = toAnswer(status, body)
        expect(answer.statusCode).toBe(status)
        expect(JSON.parse(answer.body ?? '')).toEqual(JSON.parse(JSON.stringify(body)))
      },
    ),
  )
})
