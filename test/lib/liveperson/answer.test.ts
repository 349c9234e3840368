import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Answer,
  type AnsweredCall,
  isProfileRefused,
  readAnswer,
} from '../../../lib/liveperson/answer.ts'

const OK_PROFILE = { code: 'OK', body: { msg: 'OK User Profile set successfully' }, reqId: 'p' }
const opened = (members = {}) => ({ code: 'OK', body: { conversationId: 'c-1' }, reqId: 'c', ...members })
const refused = (members = {}) => ({ code: 'BAD_REQUEST', body: { msg: 'x' }, reqId: 'c', ...members })
const ALREADY_OPEN = refused({
  body: {
    msg: "Consumer request conversation failed: User 0b9c already has open conversation. Can't open another one.",
  },
})
const CLOSED = refused({ body: { msg: 'Bad Request, Conversation is close' } })
const errorObject = (code: number, errorCode: unknown) => ({
  kind: 'resp',
  code,
  body: { title: 't', details: 'd', errorCode },
  type: '.ReqBody$ErrorResp',
})

const ok = { kind: 'ok', body: { conversationId: 'c-1' } }
const alreadyOpen = { kind: 'already_open' }
const closed = { kind: 'closed' }
const appJwtRefused = { kind: 'app_jwt_refused' }
const consumerJwsRefused = { kind: 'consumer_jws_refused' }
const rejected = (reason: string) => ({ kind: 'rejected', reason })
const unavailable = (reason: string, mayHaveExecuted: boolean) => ({
  kind: 'unavailable',
  reason,
  mayHaveExecuted,
})

const read = (status: number, body: unknown, reqId = 'c', call: AnsweredCall = 'create'): Answer =>
  readAnswer(
    { status, body: typeof body === 'string' ? body : JSON.stringify(body), retryAfterMs: undefined },
    reqId,
    call,
  )
const readSend = (status: number, body: unknown) => read(status, body, 'c', 'send')

describe('an array', () => {
  test.each([
    ['profile, then conversation', 200, [OK_PROFILE, opened()], ok],
    ['conversation, then profile', 200, [opened(), OK_PROFILE], ok],
    ['201', 201, [OK_PROFILE, opened()], ok],
    ['400 although both are good', 400, [OK_PROFILE, opened()], ok],
    ['500 although both are good', 500, [OK_PROFILE, opened()], ok],
    ['a failed profile', 200, [{ ...OK_PROFILE, code: 'BAD_REQUEST' }, opened()], ok],
    ['a failed profile and 400', 400, [{ ...OK_PROFILE, code: 'BAD_REQUEST' }, opened()], ok],
    ['elements that are not objects', 200, [null, 5, 'x', [], opened()], ok],
    ['only the conversation', 200, [opened()], ok],
    ['only the profile', 200, [OK_PROFILE], unavailable('HTTP 200 with JSON', true)],
    ['only the profile, with 400', 400, [OK_PROFILE], unavailable('HTTP 400 with JSON', false)],
    ['nothing', 200, [], unavailable('HTTP 200 with JSON', true)],
    ['elements that are not objects', 400, [5], unavailable('HTTP 400 with JSON', false)],
    ['already open', 400, [OK_PROFILE, ALREADY_OPEN], alreadyOpen],
    ['already open, with 200', 200, [OK_PROFILE, ALREADY_OPEN], alreadyOpen],
    ['a refusal', 400, [OK_PROFILE, refused()], rejected('BAD_REQUEST')],
    ['a refusal, with 200', 200, [OK_PROFILE, refused()], rejected('BAD_REQUEST')],
    ['a refusal, with 201', 201, [OK_PROFILE, refused()], rejected('BAD_REQUEST')],
    ['a refusal by number', 400, [OK_PROFILE, refused({ code: 400 })], rejected('400')],
    ['a refusal by number as text', 400, [OK_PROFILE, refused({ code: '400' })], rejected('400')],
    ['a refusal alone', 400, [refused()], rejected('BAD_REQUEST')],
    ['a refusal without a text', 400, [OK_PROFILE, refused({ body: {} })], rejected('BAD_REQUEST')],
    [
      'an element that failed inside LivePerson',
      400,
      [OK_PROFILE, refused({ code: 'INTERNAL_SERVER_ERROR', body: {} })],
      unavailable('the item code INTERNAL_SERVER_ERROR', true),
    ],
  ])('%s', (_, status, body, expected) => {
    expect(read(status, body)).toEqual(expected)
  })

  test.each([
    [401, false],
    [403, false],
    [404, false],
    [409, false],
    [422, false],
    [429, false],
    [302, true],
    [408, true],
    [500, true],
    [502, true],
    [503, true],
  ])('with HTTP %i, BAD_REQUEST is not the documented refusal', (status, mayHaveExecuted) => {
    expect(read(status, [OK_PROFILE, refused()])).toEqual(
      unavailable('the item code BAD_REQUEST', mayHaveExecuted),
    )
  })

  test.each(['FORBIDDEN', 'NOT_FOUND', 'CONFLICT', 'UNPROCESSABLE', 403, 404, 409, 422, 500])(
    'an element with the code %s does not refuse the conversation for good',
    (code) => {
      expect(read(400, [OK_PROFILE, refused({ code })])).toEqual(
        unavailable(`the item code ${code}`, code === 500),
      )
    },
  )

  test.each([
    ['of the profile', [refused({ reqId: 'p' })]],
    ['of another request', [OK_PROFILE, refused({ reqId: 'x' })]],
    ['without a reqId', [OK_PROFILE, refused({ reqId: undefined })]],
    ['with the reqId of both', [{ ...OK_PROFILE, reqId: 'c' }, refused()]],
    ['with the reqId twice', [refused(), refused()]],
  ])('an element %s does not refuse the conversation', (_, body) => {
    expect(read(400, body)).toMatchObject({ kind: 'unavailable', mayHaveExecuted: false })
  })

  test('the profile can be read too', () => {
    expect(read(400, [refused({ reqId: 'p' }), opened()], 'p')).toEqual(rejected('BAD_REQUEST'))
  })
})

describe('the reqId selects the element', () => {
  const badRequest = unavailable('the item code BAD_REQUEST', false)
  test.each([
    ['a number matches the same digits', [OK_PROFILE, opened({ reqId: 7 })], '7', ok],
    ['the right one, not the open one', [opened({ reqId: 'p' }), refused()], 'c', rejected('BAD_REQUEST')],
    ['the same twice: the conversation', [opened(), { ...OK_PROFILE, reqId: 'c' }], 'c', ok],
    ['the same twice: the conversation, last', [{ ...OK_PROFILE, reqId: 'c' }, opened()], 'c', ok],
    [
      'the same twice, no conversation: the last',
      [{ ...OK_PROFILE, reqId: 'c' }, ALREADY_OPEN],
      'c',
      alreadyOpen,
    ],
    [
      'the same twice, before another one',
      [OK_PROFILE, ALREADY_OPEN, ALREADY_OPEN, OK_PROFILE],
      'c',
      alreadyOpen,
    ],
    [
      'the same three times: the last',
      [refused(), { ...OK_PROFILE, reqId: 'c' }, ALREADY_OPEN],
      'c',
      alreadyOpen,
    ],
    ['unknown ones: the conversation', [opened({ reqId: 'x' }), { ...OK_PROFILE, reqId: 'x' }], 'c', ok],
    [
      'unknown ones, no conversation: the last',
      [OK_PROFILE, { ...ALREADY_OPEN, reqId: 'x' }],
      'c',
      alreadyOpen,
    ],
    ['unknown ones, refused', [OK_PROFILE, refused({ reqId: 'x' })], 'c', badRequest],
    ['a single unknown one with a conversation', [opened({ reqId: 'x' })], 'c', ok],
    [
      'a single unknown one without',
      [refused({ reqId: 'x' })],
      'c',
      unavailable('HTTP 400 with JSON', false),
    ],
    [
      'missing ones: the conversation',
      [
        { code: 'OK', body: {} },
        { code: 'OK', body: ok.body },
      ],
      'c',
      ok,
    ],
    ['no text at all', [opened({ reqId: ['c'] }), refused({ reqId: { toString: null } })], 'c', ok],
  ])('%s', (_, body, reqId, expected) => {
    expect(read(400, body, reqId)).toEqual(expected)
  })

  test('the profile can be read too', () => {
    expect(read(400, [refused({ reqId: 'p' }), opened()], 'p')).toEqual(rejected('BAD_REQUEST'))
  })
})

describe('a single item', () => {
  const badRequest = unavailable('the item code BAD_REQUEST', false)
  test.each([
    ['good', 200, opened(), ok],
    ['good, with another reqId', 200, opened({ reqId: 'x' }), ok],
    // Only an array answers a request in a batch. This one comes from a check before it, or from elsewhere.
    ['a refusal', 400, refused(), badRequest],
    ['a refusal, with 200', 200, refused(), badRequest],
    ['a refusal, with 500', 500, refused(), unavailable('the item code BAD_REQUEST', true)],
    ['a conversation, with a bad code', 400, refused({ body: { conversationId: 'c-1' } }), ok],
    ['a good code without a body', 200, { code: 'OK', reqId: 'c' }, { kind: 'ok', body: {} }],
    [
      'a good code with a text for a body',
      200,
      { code: 'OK', body: 'x', reqId: 'c' },
      { kind: 'ok', body: {} },
    ],
    ['a bad code without a body', 400, { code: 'BAD_REQUEST', reqId: 'c' }, badRequest],
    [
      'no code',
      200,
      { body: { conversationId: 'c-1' }, reqId: 'c' },
      unavailable('HTTP 200 with JSON', true),
    ],
    ['no code, with 400', 400, { body: { msg: 'x' } }, unavailable('HTTP 400 with JSON', false)],
  ])('%s', (_, status, body, expected) => {
    expect(read(status, body)).toEqual(expected)
  })
})

describe('the code of an item', () => {
  const good = { kind: 'ok', body: {} }
  /** The code, the result with HTTP 400, and whether it may have been executed with HTTP 200. */
  test.each<[unknown, object, object]>([
    ['OK', good, good],
    ['CREATED', good, good],
    ['ACCEPTED', good, good],
    [200, good, good],
    ['200', good, good],
    [299, good, good],
    ['UNAUTHORIZED', appJwtRefused, appJwtRefused],
    [401, appJwtRefused, appJwtRefused],
    ...[400, '400', 'BAD_REQUEST', 'FORBIDDEN', 403, 'NOT_FOUND', 404, 'CONFLICT', 409, 422, 429, '429'].map(
      (code): [unknown, object, object] => [
        code,
        unavailable(`the item code ${code}`, false),
        unavailable(`the item code ${code}`, false),
      ],
    ),
    [
      'TOO_MANY_REQUESTS',
      unavailable('the item code TOO_MANY_REQUESTS', false),
      unavailable('the item code TOO_MANY_REQUESTS', false),
    ],
    ...[
      100,
      300,
      408,
      'REQUEST_TIMEOUT',
      ...[500, 501, 502, 503, 504, 505, 507, 511, 599, '503'],
      'INTERNAL_SERVER_ERROR',
      'NOT_IMPLEMENTED',
      'BAD_GATEWAY',
      'SERVICE_UNAVAILABLE',
      'GATEWAY_TIMEOUT',
      'HTTP_VERSION_NOT_SUPPORTED',
      'VARIANT_ALSO_NEGOTIATES',
      'INSUFFICIENT_STORAGE',
      'LOOP_DETECTED',
      'BANDWIDTH_LIMIT_EXCEEDED',
      'NOT_EXTENDED',
      'NETWORK_AUTHENTICATION_REQUIRED',
    ].map((code): [unknown, object, object] => [
      code,
      unavailable(`the item code ${code}`, true),
      unavailable(`the item code ${code}`, true),
    ]),
    ...['A', 'A'.repeat(40), 'CONVERSATION_EXISTS', 600, 700].map((code): [unknown, object, object] => [
      code,
      unavailable(`the item code ${code}`, false),
      unavailable(`the item code ${code}`, true),
    ]),
    ...[
      99,
      200.5,
      null,
      true,
      [200],
      { toString: null },
      'constructor',
      'a text that quotes Ana',
      'A'.repeat(41),
      '',
    ].map((code): [unknown, object, object] => [
      code,
      unavailable('the item code (unknown)', false),
      unavailable('the item code (unknown)', true),
    ]),
  ])('%j', (code, with400, with200) => {
    expect(read(400, { code, body: {}, reqId: 'c' })).toEqual(with400)
    expect(read(200, { code, body: {}, reqId: 'c' })).toEqual(with200)
    if (!('mayHaveExecuted' in with400)) return
    expect(read(502, { code, body: {}, reqId: 'c' })).toEqual({ ...with400, mayHaveExecuted: true })
    expect(read(408, { code, body: {}, reqId: 'c' })).toEqual({ ...with400, mayHaveExecuted: true })
  })

  test.each([500, 408])(
    'a refused token with HTTP %i leaves in doubt whether it was the answer',
    (status) => {
      expect(read(status, { code: 'UNAUTHORIZED', body: {} })).toEqual(
        unavailable('the item code UNAUTHORIZED', true),
      )
    },
  )

  test('a refused token is no open conversation, whatever its text says', () => {
    const { body } = ALREADY_OPEN
    expect(read(400, [{ code: 'UNAUTHORIZED', body, reqId: 'c' }])).toEqual(appJwtRefused)
    expect(read(401, [ALREADY_OPEN])).toEqual(unavailable('the item code BAD_REQUEST', false))
  })

  test('an unknown one with HTTP 401 is a refused token', () => {
    expect(read(401, { code: 'TOKEN', body: {} })).toEqual(appJwtRefused)
  })
})

describe('an error object', () => {
  test.each<[number, number, unknown, object]>([
    [401, 401, 40102, appJwtRefused],
    [401, 401, 40105, appJwtRefused],
    [401, 401, 40103, consumerJwsRefused],
    [401, 401, 40104, consumerJwsRefused],
    [401, 401, '40103', consumerJwsRefused],
    [200, 401, 40102, appJwtRefused],
    [500, 401, 40103, consumerJwsRefused],
    [401, 401, 40199, appJwtRefused],
    [500, 401, 40199, unavailable('error code 40199', true)],
    [401, 401, 40001, unavailable('error code 40001', false)],
    [400, 400, 40001, unavailable('error code 40001', false)],
    [200, 400, 40001, unavailable('error code 40001', false)],
    [503, 400, 40001, unavailable('error code 40001', true)],
    [404, 404, 40401, unavailable('error code 40401', false)],
    [400, 400, 40801, unavailable('error code 40801', true)],
    [429, 429, 42901, unavailable('error code 42901', false)],
    [502, 502, 50201, unavailable('error code 50201', true)],
    [400, 400, 50201, unavailable('error code 50201', true)],
    [400, 400, 20000, unavailable('error code 20000', true)],
    [400, 400, 4, unavailable('an unknown error code', false)],
    [400, 400, 40001.5, unavailable('an unknown error code', false)],
    [400, 400, 'a text that quotes Ana', unavailable('an unknown error code', false)],
    [200, 400, 'a text that quotes Ana', unavailable('an unknown error code', true)],
    [500, 400, { toString: null }, unavailable('an unknown error code', true)],
    [400, 400, null, unavailable('an unknown error code', false)],
  ])('HTTP %i, code %i, errorCode %j', (status, code, errorCode, expected) => {
    expect(read(status, errorObject(code, errorCode))).toEqual(expected)
  })
})

describe('a text in an item', () => {
  const inBody = (msg: unknown) => refused({ body: { msg } })
  const badRequest = unavailable('the item code BAD_REQUEST', false)

  test.each([
    ['already has open conversation', inBody('already has open conversation'), alreadyOpen],
    ['in other cases', inBody('User X ALREADY HAS OPEN CONVERSATION.'), alreadyOpen],
    ['in a single item', ALREADY_OPEN, alreadyOpen],
    ['with another 4xx', refused({ ...ALREADY_OPEN, code: 'CONFLICT' }), alreadyOpen],
    ['beside a 5xx', refused({ ...ALREADY_OPEN, code: 503 }), unavailable('the item code 503', true)],
    ['beside an unknown code', { ...ALREADY_OPEN, code: 'X' }, unavailable('the item code X', false)],
    ['beside 429', { ...ALREADY_OPEN, code: 429 }, unavailable('the item code 429', false)],
    ['of a closed conversation', CLOSED, badRequest],
  ])('of CONVERSATION: %s', (_, item, expected) => {
    expect(read(400, item)).toEqual(expected)
  })

  test.each([500, 408])('of CONVERSATION with HTTP %i leaves in doubt which create it was', (status) => {
    expect(read(status, [OK_PROFILE, ALREADY_OPEN])).toEqual(unavailable('the item code BAD_REQUEST', true))
  })

  test.each([
    'User X has an open conversation',
    'The consumer ALREADY has a dialog',
    'Conversation 5 is open.',
    'There is an active conversation',
    'There is an existing conversation',
    'The ongoing conversation must be closed first',
    'Close the current conversation first',
  ])('that may mean an open conversation is no final refusal: %s', (msg) => {
    expect(read(400, [OK_PROFILE, inBody(msg)])).toEqual(badRequest)
  })

  test.each([
    'Campaign 3120045610 does not exist.',
    'Campaign 3120045610 is not active.',
    'Engagement 3120047710 is not enabled.',
    'The conversation can not be opened.',
    ['already has open conversation'],
    undefined,
  ])('that says anything else is one: %j', (msg) => {
    expect(read(400, [OK_PROFILE, inBody(msg)])).toEqual(rejected('BAD_REQUEST'))
  })

  test.each([
    ['another member', refused({ body: { details: 'already has open conversation' } })],
    ['outside the body', refused({ msg: 'already has open conversation' })],
  ])('is read from `msg` of the body, not from %s', (_, item) => {
    expect(read(400, [OK_PROFILE, item])).toEqual(rejected('BAD_REQUEST'))
  })

  test('of the profile says nothing about the conversation', () => {
    const profile = refused({ reqId: 'p', body: ALREADY_OPEN.body })
    expect(read(400, [profile, refused()])).toEqual(rejected('BAD_REQUEST'))
  })

  test.each([
    ['conversation is close', inBody('conversation is close'), closed],
    ['conversation is closed', inBody('The Conversation is closed'), closed],
    ['in an array', [CLOSED], closed],
    ['of an open conversation', ALREADY_OPEN, badRequest],
    ['other words', inBody('The dialog has ended'), badRequest],
    ['in an array, other words', [inBody('The dialog has ended')], badRequest],
    ['beside a 5xx', { ...CLOSED, code: 500 }, unavailable('the item code 500', true)],
    [
      'a good code',
      opened({ body: { msg: 'conversation is close' } }),
      { kind: 'ok', body: { msg: 'conversation is close' } },
    ],
    [
      'an error object',
      { code: 400, body: { errorCode: 40000, msg: 'conversation is close' } },
      unavailable('error code 40000', false),
    ],
  ])('of SEND: %s', (_, body, expected) => {
    expect(readSend(400, body)).toEqual(expected)
  })
})

describe('without an item, the status decides', () => {
  test.each<[number, string, object]>([
    [200, '', unavailable('HTTP 200 without a body', true)],
    [200, 'null', unavailable('HTTP 200 with JSON', true)],
    [200, '5', unavailable('HTTP 200 with JSON', true)],
    [200, '<html>', unavailable('HTTP 200 with HTML', true)],
    [302, '', unavailable('HTTP 302 without a body', true)],
    [302, '<html>', unavailable('HTTP 302 with HTML', true)],
    [400, '', unavailable('HTTP 400 without a body', false)],
    [400, '{}', unavailable('HTTP 400 with JSON', false)],
    [400, 'null', unavailable('HTTP 400 with JSON', false)],
    [400, 'Bad Request', unavailable('HTTP 400 with plain text', false)],
    [401, '', appJwtRefused],
    [401, '<html>', appJwtRefused],
    [403, '', unavailable('HTTP 403 without a body', false)],
    [403, '{"message":"Forbidden"}', unavailable('HTTP 403 with JSON', false)],
    [403, '<html>', unavailable('HTTP 403 with HTML', false)],
    [404, '', unavailable('HTTP 404 without a body', false)],
    [404, ' \n', unavailable('HTTP 404 without a body', false)],
    [404, '<html>', unavailable('HTTP 404 with HTML', false)],
    [408, '', unavailable('HTTP 408 without a body', true)],
    [408, '<html>', unavailable('HTTP 408 with HTML', true)],
    [409, '', unavailable('HTTP 409 without a body', false)],
    [422, '{}', unavailable('HTTP 422 with JSON', false)],
    [429, '', unavailable('HTTP 429 without a body', false)],
    [429, '<html>', unavailable('HTTP 429 with HTML', false)],
    [429, '{"message":"Too Many Requests"}', unavailable('HTTP 429 with JSON', false)],
    [499, '', unavailable('HTTP 499 without a body', false)],
    [499, '\ufeff <html>', unavailable('HTTP 499 with HTML', false)],
    [500, '', unavailable('HTTP 500 without a body', true)],
    [500, '<html>', unavailable('HTTP 500 with HTML', true)],
    [503, '{"message":"Service Unavailable"}', unavailable('HTTP 503 with JSON', true)],
    [503, '{"body":{"msg":"x"}}', unavailable('HTTP 503 with JSON', true)],
    [503, '[{"message":"x"}]', unavailable('HTTP 503 with JSON', true)],
    [599, '<html>', unavailable('HTTP 599 with HTML', true)],
  ])('%i %j', (status, body, expected) => {
    expect(read(status, body)).toEqual(expected)
    expect(readSend(status, body)).toEqual(expected)
  })
})

describe('of any answer', () => {
  const status = fc.oneof(
    fc.integer({ min: 100, max: 599 }),
    fc.constantFrom(200, 201, 400, 401, 408, 429, 500),
  )
  const code = fc.oneof(
    fc.constantFrom<unknown>('OK', 'BAD_REQUEST', 'INTERNAL_SERVER_ERROR', 'UNAUTHORIZED', 200, 400, '500'),
    fc.jsonValue(),
  )
  const text = fc.oneof(fc.constantFrom(String(ALREADY_OPEN.body.msg), String(CLOSED.body.msg)), fc.string())
  // Members that can't be converted to a text or a number, as JSON may have them.
  const odd = fc.constantFrom<unknown>(
    { toString: null },
    { valueOf: 1, toString: 1 },
    [[]],
    [{ toString: 0 }],
  )
  const body = fc.oneof(
    fc.record(
      {
        msg: fc.oneof(text, odd, fc.jsonValue()),
        conversationId: fc.oneof(fc.uuid(), fc.jsonValue()),
        errorCode: fc.oneof(fc.constantFrom<unknown>(40102, 40103, 40001, 50201), odd, fc.jsonValue()),
      },
      { requiredKeys: [] },
    ),
    fc.jsonValue(),
  )
  const item = fc.record(
    {
      code: fc.oneof(code, odd),
      body,
      reqId: fc.oneof(fc.constantFrom<unknown>('p', 'c', 7), odd, fc.jsonValue()),
    },
    { requiredKeys: [] },
  )
  const anything = fc.oneof(
    fc
      .oneof(item, fc.array(fc.oneof(item, fc.jsonValue())), fc.jsonValue())
      .map((value) => JSON.stringify(value)),
    fc.string({ unit: 'binary' }),
    fc.constantFrom('', '<html>', '[', '{"code":', '\u0000', '[{"__proto__":{"code":"OK"}}]'),
  )
  const reqId = fc.constantFrom('c', 'p', '7', '')
  const call = fc.constantFrom<AnsweredCall>('create', 'send')

  test('it is read without an exception, and nothing that LivePerson wrote is repeated', () => {
    fc.assert(
      fc.property(status, anything, reqId, call, (httpStatus, json, id, called) => {
        const answer = read(httpStatus, json, id, called)
        if (answer.kind === 'rejected') expect(answer.reason).toMatch(/^(400|BAD_REQUEST)$/)
        if (answer.kind === 'unavailable')
          expect(answer.reason).toMatch(
            /^(HTTP \d{3} (without a body|with (HTML|JSON|plain text))|the item code (\d{3}|[A-Z_]{1,40}|\(unknown\))|error code \d{5}|an unknown error code)$/,
          )
        expect(typeof answer.kind).toBe('string')
      }),
      { numRuns: 5000 },
    )
  })

  test('only an array with BAD_REQUEST and HTTP 400 or 2xx rejects a create, and nothing rejects a message', () => {
    fc.assert(
      fc.property(status, anything, fc.constantFrom('c', 'p', '7'), call, (httpStatus, json, id, called) => {
        if (read(httpStatus, json, id, called).kind !== 'rejected') return
        expect(called).toBe('create')
        expect(httpStatus === 400 || (httpStatus >= 200 && httpStatus < 300)).toBe(true)
        const parsed: unknown = JSON.parse(json)
        if (!Array.isArray(parsed)) throw new Error('It is no array')
        const own = parsed.filter((one) => [id, Number(id)].includes(Object(one).reqId))
        expect(own).toHaveLength(1)
        expect(['BAD_REQUEST', '400']).toContain(String(own[0].code))
      }),
      { numRuns: 5000 },
    )
  })

  test('with HTTP 5xx or 408 it is a result, a refused token, or in doubt', () => {
    const failed = fc.constantFrom(408, 500, 501, 502, 503, 504, 599)
    fc.assert(
      fc.property(failed, anything, reqId, call, (httpStatus, json, id, called) => {
        const answer = read(httpStatus, json, id, called)
        if (answer.kind === 'unavailable') expect(answer.mayHaveExecuted).toBe(true)
        else expect(['ok', 'app_jwt_refused', 'consumer_jws_refused']).toContain(answer.kind)
      }),
      { numRuns: 5000 },
    )
  })

  test('a conversationId beside a good code, in an item with the reqId, is ok', () => {
    const good = fc.record({
      code: fc.constantFrom<unknown>('OK', 'CREATED', 200, '201'),
      body: fc.record({ conversationId: fc.uuid() }),
      reqId: fc.constant('c'),
    })
    const other = item.map((members) => ({ ...members, reqId: 'p' }))
    fc.assert(
      fc.property(
        status,
        good,
        other,
        fc.constantFrom('first', 'last', 'alone', 'bare'),
        (httpStatus, mine, its, place) => {
          const bodies = { first: [mine, its], last: [its, mine], alone: [mine], bare: mine }
          expect(read(httpStatus, bodies[place])).toEqual({ kind: 'ok', body: mine.body })
        },
      ),
    )
  })

  test('it is already_open or closed only if a refused item says so in its msg', () => {
    fc.assert(
      fc.property(status, anything, reqId, call, (httpStatus, json, id, called) => {
        const answer = read(httpStatus, json, id, called)
        if (answer.kind !== 'already_open' && answer.kind !== 'closed') return
        expect(answer.kind).toBe(called === 'send' ? 'closed' : 'already_open')
        const parsed: unknown = JSON.parse(json)
        const marker = answer.kind === 'closed' ? 'conversation is close' : 'already has open conversation'
        const says = [parsed].flat().some((one) => {
          const said: unknown = Object(Object(one).body).msg
          return typeof said === 'string' && said.toLowerCase().includes(marker)
        })
        expect(says).toBe(true)
      }),
      { numRuns: 5000 },
    )
  })

  test('without JSON, only the status counts', () => {
    fc.assert(
      fc.property(
        status,
        fc.string().map((said) => `<${said}`),
        (httpStatus, html) => {
          expect(read(httpStatus, html)).toEqual(read(httpStatus, '<html>'))
        },
      ),
    )
  })
})

describe('a profile is refused', () => {
  const REFUSED_PROFILE = { code: 'BAD_REQUEST', body: { msg: 'x' }, reqId: 'p' }

  test.each<[string, unknown, boolean]>([
    ['if its item says so', [REFUSED_PROFILE, opened()], true],
    ['if its item has a code that nobody knows', [{ ...REFUSED_PROFILE, code: 'TEAPOT' }, opened()], true],
    ['if its item has no code', [{ reqId: 'p' }, opened()], true],
    ['unless its item is a success', [OK_PROFILE, refused()], false],
    ['unless the answer doesn’t mention it', [{ ...REFUSED_PROFILE, reqId: 'x' }, opened()], false],
    ['unless two items have its id', [REFUSED_PROFILE, { ...opened(), reqId: 'p' }], false],
    ['unless the answer is one item', REFUSED_PROFILE, false],
    ['also beside what is no item', [null, 1, 'x', REFUSED_PROFILE, opened()], true],
    ['unless the answer has no items', [], false],
    ['unless the answer is no JSON', undefined, false],
  ])('%s', (_, body, expected) => {
    const text = body === undefined ? '<html>' : JSON.stringify(body)
    expect(isProfileRefused({ status: 200, body: text, retryAfterMs: undefined }, 'p')).toBe(expected)
  })
})
