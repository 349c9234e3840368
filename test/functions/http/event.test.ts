import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  authorizationOf,
  checkEdge,
  givenRequestId,
  idempotencyKeyOf,
  originOf,
  readBody,
} from '../../../functions/http/event.ts'
import { AppError, InvalidRequestError } from '../../../lib/errors/errors.ts'

const JSON_TYPE = 'application/json'
const FORM_TYPE = 'application/x-www-form-urlencoded'

type Event = Parameters<typeof readBody>[0]

const eventOf = (
  body: string | null | undefined,
  headers: Event['headers'] = {},
  isBase64Encoded = false,
) => ({
  headers: { 'content-type': JSON_TYPE, ...headers },
  body,
  isBase64Encoded,
})
const base64 = (text: string | Uint8Array) => Buffer.from(text).toString('base64')

/** Returns what `work` returns, or the code and the findings of the AppError that it throws. */
const outcomeOf = (work: () => unknown): unknown => {
  try {
    return work()
  } catch (error) {
    if (error instanceof InvalidRequestError) return error.findings
    if (error instanceof AppError) return error.code
    throw error
  }
}

describe('readBody', () => {
  test.each<[string, string]>([
    ['JSON', JSON_TYPE],
    ['JSON, in UTF-8', 'application/json; charset=utf-8'],
    ['JSON, in UTF-8 without a hyphen', 'application/json;charset=UTF8'],
    ['JSON, in ASCII, which is a part of UTF-8', 'application/json; charset=US-ASCII'],
    ['JSON, with an empty charset', 'application/json; charset='],
    ['JSON, with a quoted empty charset', 'application/json; charset=""'],
    ['JSON, with a quoted charset and another parameter', 'Application/JSON; profile=x ; Charset="UTF-8"'],
  ])('a content type can say: %s', (_, type) => {
    expect(readBody(eventOf('{}', { 'content-type': type }))).toEqual({ mediaType: JSON_TYPE, text: '{}' })
  })

  test('a content type can name a URL-encoded form', () => {
    const event = eventOf('a=1', { 'content-type': `${FORM_TYPE}; charset=UTF-8` })
    expect(readBody(event)).toEqual({ mediaType: FORM_TYPE, text: 'a=1' })
  })

  test.each([
    '',
    'text/plain',
    'application/jsonp',
    'application/problem+json',
    'multipart/form-data; boundary=x',
    'application/json; charset=latin1',
    ';;;=',
  ])('the content type %j is not supported', (type) => {
    expect(outcomeOf(() => readBody(eventOf('{}', { 'content-type': type })))).toBe('unsupported_media_type')
  })

  test('a missing content type is not supported', () => {
    expect(outcomeOf(() => readBody({ isBase64Encoded: false, body: '{}' }))).toBe('unsupported_media_type')
  })

  test.each(['content-type', 'Content-Type', 'CONTENT-TYPE'])('the header may be written %s', (name) => {
    const event = { headers: { [name]: FORM_TYPE }, body: 'a=1', isBase64Encoded: false }
    expect(readBody(event).mediaType).toBe(FORM_TYPE)
  })

  test.each<[string, string | null | undefined]>([
    ['null', null],
    ['missing', undefined],
  ])('a body that is %s is empty', (_, body) => {
    expect(readBody(eventOf(body)).text).toBe('')
  })

  test('a base64 body is decoded', () => {
    expect(readBody(eventOf(base64('{"a":"é🦊"}'), {}, true)).text).toBe('{"a":"é🦊"}')
  })

  test.each<[string, string, string]>([
    ['not base64', '{"a":1}', 'is not valid base64'],
    ['base64 without its padding', 'e30', 'is not valid base64'],
    ['base64url', base64('???>>>').replace('/', '_'), 'is not valid base64'],
    ['not UTF-8', base64(Uint8Array.of(0x22, 0xff, 0x22)), 'is not valid UTF-8'],
    ['a lone surrogate', base64(Uint8Array.of(0xed, 0xa0, 0x80)), 'is not valid UTF-8'],
  ])('a base64 body is refused if it is %s', (_, body, message) => {
    expect(outcomeOf(() => readBody(eventOf(body, {}, true)))).toEqual([{ path: '', message }])
  })

  test.each<[string, string, boolean]>([
    ['one byte below 256 KB', 'x'.repeat(262_143), true],
    ['256 KB', 'x'.repeat(262_144), false],
    ['256 KB in two-byte characters', 'é'.repeat(131_072), false],
    ['two bytes below 256 KB in two-byte characters', 'é'.repeat(131_071), true],
  ])('a body of %s', (_, body, isAccepted) => {
    const expected = isAccepted ? { mediaType: JSON_TYPE, text: body } : 'payload_too_large'
    expect(outcomeOf(() => readBody(eventOf(body)))).toEqual(expected)
    expect(outcomeOf(() => readBody(eventOf(base64(body), {}, true)))).toEqual(expected)
  })

  test('the size is checked before the content type and the encoding', () => {
    const event = eventOf('?'.repeat(400_000), { 'content-type': 'text/plain' }, true)
    expect(outcomeOf(() => readBody(event))).toBe('payload_too_large')
  })

  test('any text survives base64', () => {
    const text = fc
      .string({ unit: 'binary', maxLength: 200 })
      .filter((value) => value.isWellFormed() && !value.startsWith('\ufeff'))
    fc.assert(
      fc.property(text, (value) => {
        expect(readBody(eventOf(base64(value), {}, true))).toEqual(readBody(eventOf(value)))
      }),
    )
  })
})

describe('idempotencyKeyOf', () => {
  const invalid = [{ path: 'Idempotency-Key', message: 'must be 8 to 128 letters, digits or . _ : -' }]

  test.each<[string, Event['headers'] | undefined, unknown]>([
    ['a bare key', { 'idempotency-key': 'request-1' }, 'request-1'],
    ['a quoted key', { 'idempotency-key': '"request-1"' }, 'request-1'],
    ['another case', { 'Idempotency-Key': 'request-1' }, 'request-1'],
    ['no key', {}, undefined],
    ['no headers', undefined, undefined],
    ['an empty key', { 'idempotency-key': '' }, undefined],
    ['a quoted empty key', { 'idempotency-key': '""' }, undefined],
    ['a key of spaces', { 'idempotency-key': ' ' }, undefined],
    ['a short number, which is text here', { 'idempotency-key': '4711' }, invalid],
    ['half a quote', { 'idempotency-key': '"request-1' }, invalid],
    ['two keys', { 'idempotency-key': 'request-1,request-2' }, invalid],
    ['a key that is too short', { 'idempotency-key': 'seven-7' }, invalid],
    ['a key that is too long', { 'idempotency-key': 'x'.repeat(129) }, invalid],
    ['a key with a space', { 'idempotency-key': 'request 1' }, invalid],
  ])('%s', (_, headers, expected) => {
    expect(outcomeOf(() => idempotencyKeyOf({ headers, isBase64Encoded: false }))).toEqual(expected)
  })
})

describe('givenRequestId', () => {
  const body = '{"requestId":"in-the-body","route":5}'
  test.each<[string, Event, string | undefined]>([
    ['the header wins', eventOf(body, { 'idempotency-key': 'in-the-header' }), 'in-the-header'],
    ['the body of an invalid request', eventOf(body), 'in-the-body'],
    ['an invalid header is ignored', eventOf(body, { 'idempotency-key': 'x' }), 'in-the-body'],
    ['base64', eventOf(base64(body), {}, true), 'in-the-body'],
    [
      'a URL-encoded form',
      eventOf('requestId=in-the-body&x=1', { 'content-type': FORM_TYPE }),
      'in-the-body',
    ],
    ['an invalid id', eventOf('{"requestId":"x"}'), undefined],
    ['an id that is no text', eventOf('{"requestId":{"toString":0}}'), undefined],
    ['no id', eventOf('{}'), undefined],
    ['no object', eventOf('["in-the-body"]'), undefined],
    ['a body that is not JSON', eventOf(body.slice(1)), undefined],
    ['a body that is too large', eventOf(body.padEnd(262_144)), undefined],
    ['an unsupported media type', eventOf(body, { 'content-type': 'text/plain' }), undefined],
    [
      'a header with a body that can’t be read',
      eventOf('{', { 'idempotency-key': 'in-the-header' }),
      'in-the-header',
    ],
    ['nothing at all', { isBase64Encoded: false }, undefined],
  ])('%s', (_, event, expected) => {
    expect(givenRequestId(event)).toBe(expected)
  })

  test('never throws', () => {
    const text = fc.string({ unit: 'binary', maxLength: 60 })
    const type = fc.constantFrom(JSON_TYPE, FORM_TYPE, 'text/plain')
    fc.assert(
      fc.property(text, text, type, fc.boolean(), (content, key, contentType, isBase64Encoded) => {
        const headers = { 'content-type': contentType, 'idempotency-key': key }
        const id = givenRequestId({ headers, body: content, isBase64Encoded })
        if (id !== undefined) expect(id).toMatch(/^[A-Za-z0-9._:-]{8,128}$/)
      }),
    )
  })
})

test.each<[string, Event['headers'] | undefined, string | undefined, string | undefined]>([
  [
    'both',
    { authorization: 'Bearer a', origin: 'https://www.example.com' },
    'Bearer a',
    'https://www.example.com',
  ],
  ['other cases', { Authorization: 'Bearer a', ORIGIN: 'null' }, 'Bearer a', 'null'],
  ['empty headers', { authorization: '', origin: '' }, '', ''],
  ['no headers', undefined, undefined, undefined],
])('authorizationOf and originOf: %s', (_, headers, authorization, origin) => {
  const event = { headers, isBase64Encoded: false }
  expect(authorizationOf(event)).toBe(authorization)
  expect(originOf(event)).toBe(origin)
})

describe('checkEdge', () => {
  const hashOf = (text: string) => createHash('sha256').update(text).digest('hex')
  const edge = { header: 'x-edge-secret', secretHashes: [hashOf('new-secret'), hashOf('old-secret')] }
  const eventWith = (headers: Event['headers']) => ({ headers, isBase64Encoded: false })

  test.each<[string, Event['headers']]>([
    ['the first secret', { 'x-edge-secret': 'new-secret' }],
    ['the second secret', { 'x-edge-secret': 'old-secret' }],
    ['the header in another case', { 'X-Edge-Secret': 'new-secret' }],
  ])('accepts %s', async (_, headers) => {
    await expect(checkEdge(edge, eventWith(headers))).resolves.toBeUndefined()
  })

  test.each<[string, Event['headers']]>([
    ['no headers', undefined],
    ['another header', { 'x-edge': 'new-secret' }],
    ['another secret', { 'x-edge-secret': 'new-secre' }],
    ['a hash', { 'x-edge-secret': hashOf('new-secret') }],
    ['a secret twice', { 'x-edge-secret': 'new-secret,new-secret' }],
    ['an empty header', { 'x-edge-secret': '' }],
  ])('refuses %s', async (_, headers) => {
    const refused = checkEdge(
      { ...edge, secretHashes: [...edge.secretHashes, hashOf('')] },
      eventWith(headers),
    )
    await expect(refused).rejects.toMatchObject({
      code: 'origin_not_allowed',
      message: 'Call the service at its public address.',
    })
  })

  test('accepts everything if the stage has no CDN', async () => {
    await expect(checkEdge(undefined, eventWith({}))).resolves.toBeUndefined()
  })
})
