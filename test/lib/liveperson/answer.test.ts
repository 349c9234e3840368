import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Answer, readAnswer } from '../../../lib/liveperson/answer.ts'

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

const read = (status: number, body: unknown, reqId = 'c'): Answer =>
  readAnswer(
    { status, body: typeof body === 'string' ? body : JSON.stringify(body), retryAfterMs: undefined },
    reqId,
  )

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
    ['only the profile', 200, [OK_PROFILE], unavailable('200', true)],
    ['nothing', 200, [], unavailable('200', true)],
    ['elements that are not objects', 400, [5], rejected('400')],
    ['already open', 400, [OK_PROFILE, ALREADY_OPEN], alreadyOpen],
    ['already open, with 200', 200, [OK_PROFILE, ALREADY_OPEN], alreadyOpen],
    ['a refusal', 400, [OK_PROFILE, refused()], rejected('BAD_REQUEST')],
    ['a refusal, with 200', 200, [OK_PROFILE, refused()], rejected('BAD_REQUEST')],
    [
      'an element that failed inside LivePerson',
      400,
      [OK_PROFILE, refused({ code: 'INTERNAL_SERVER_ERROR', body: {} })],
      unavailable('INTERNAL_SERVER_ERROR', true),
    ],
  ])('%s', (_, status, body, expected) => {
    expect(read(status, body)).toEqual(expected)
  })

  test('the profile can be read too', () => {
    expect(read(400, [refused({ reqId: 'p' }), opened()], 'p')).toEqual(rejected('BAD_REQUEST'))
  })
})

describe('the reqId selects the element', () => {
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
    ['unknown ones: the conversation', [opened({ reqId: 'x' }), { ...OK_PROFILE, reqId: 'x' }], 'c', ok],
    [
      'unknown ones, no conversation: the last',
      [OK_PROFILE, { ...ALREADY_OPEN, reqId: 'x' }],
      'c',
      alreadyOpen,
    ],
    ['a single unknown one with a conversation', [opened({ reqId: 'x' })], 'c', ok],
    ['a single unknown one without', [refused({ reqId: 'x' })], 'c', rejected('400')],
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
})

describe('a single item', () => {
  test.each([
    ['good', 200, opened(), ok],
    ['good, with another reqId', 200, opened({ reqId: 'x' }), ok],
    ['a refusal', 400, refused(), rejected('BAD_REQUEST')],
    ['a refusal, with 200', 200, refused(), rejected('BAD_REQUEST')],
    ['a closed conversation', 400, CLOSED, closed],
    ['a conversation, with a bad code', 400, refused({ body: { conversationId: 'c-1' } }), ok],
    ['a good code without a body', 200, { code: 'OK', reqId: 'c' }, { kind: 'ok', body: {} }],
    [
      'a good code with a text for a body',
      200,
      { code: 'OK', body: 'x', reqId: 'c' },
      { kind: 'ok', body: {} },
    ],
    ['a bad code without a body', 400, { code: 'BAD_REQUEST', reqId: 'c' }, rejected('BAD_REQUEST')],
    ['no code', 200, { body: { conversationId: 'c-1' }, reqId: 'c' }, unavailable('200', true)],
    ['no code, with 400', 400, { body: { msg: 'x' } }, rejected('400')],
  ])('%s', (_, status, body, expected) => {
    expect(read(status, body)).toEqual(expected)
  })
})

describe('the code of an item', () => {
  test.each<[unknown, object]>([
    ['OK', { kind: 'ok', body: {} }],
    ['CREATED', { kind: 'ok', body: {} }],
    ['ACCEPTED', { kind: 'ok', body: {} }],
    [200, { kind: 'ok', body: {} }],
    ['200', { kind: 'ok', body: {} }],
    [299, { kind: 'ok', body: {} }],
    [100, { kind: 'ok', body: {} }],
    [300, unavailable('300', true)],
    [400, rejected('400')],
    ['400', rejected('400')],
    ['BAD_REQUEST', rejected('BAD_REQUEST')],
    ['NOT_FOUND', rejected('NOT_FOUND')],
    ['UNAUTHORIZED', appJwtRefused],
    [401, appJwtRefused],
    ['REQUEST_TIMEOUT', unavailable('REQUEST_TIMEOUT', true)],
    [408, unavailable('408', true)],
    ['TOO_MANY_REQUESTS', unavailable('TOO_MANY_REQUESTS', false)],
    [429, unavailable('429', false)],
    ['INTERNAL_SERVER_ERROR', unavailable('INTERNAL_SERVER_ERROR', true)],
    ['BAD_GATEWAY', unavailable('BAD_GATEWAY', true)],
    ['SERVICE_UNAVAILABLE', unavailable('SERVICE_UNAVAILABLE', true)],
    ['GATEWAY_TIMEOUT', unavailable('GATEWAY_TIMEOUT', true)],
    [503, unavailable('503', true)],
    ['503', unavailable('503', true)],
    ['429', unavailable('429', false)],
    [599, unavailable('599', true)],
    [600, rejected('400')],
    [99, rejected('400')],
    [200.5, rejected('400')],
    [null, rejected('400')],
    [true, rejected('400')],
    [[200], rejected('400')],
    [{ toString: null }, rejected('400')],
    ['constructor', rejected('400')],
    ['a text that quotes Ana', rejected('400')],
    ['A', rejected('A')],
    ['A'.repeat(40), rejected('A'.repeat(40))],
    ['A'.repeat(41), rejected('400')],
  ])('%j', (code, expected) => {
    expect(read(400, { code, body: {}, reqId: 'c' })).toEqual(expected)
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
    [401, 401, 40001, rejected('40001')],
    [400, 400, 40801, unavailable('40801', true)],
    [429, 429, 42901, unavailable('42901', false)],
    [502, 502, 50201, unavailable('50201', true)],
    [400, 400, 20000, unavailable('20000', true)],
    [400, 400, 'a text that quotes Ana', unavailable('NaN', true)],
    [400, 400, { toString: null }, unavailable('0', true)],
    [400, 400, null, unavailable('0', true)],
  ])('HTTP %i, code %i, errorCode %j', (status, code, errorCode, expected) => {
    expect(read(status, errorObject(code, errorCode))).toEqual(expected)
  })
})

describe('a text in an item', () => {
  const inBody = (msg: unknown) => refused({ body: { msg } })
  test.each([
    ['already has open conversation', inBody('already has open conversation'), alreadyOpen],
    ['in other cases', inBody('User X ALREADY HAS OPEN CONVERSATION.'), alreadyOpen],
    ['conversation is close', inBody('conversation is close'), closed],
    ['conversation is closed', inBody('The Conversation is closed'), closed],
    ['neither', inBody('has an open conversation'), rejected('BAD_REQUEST')],
    ['no text', inBody(['already has open conversation']), rejected('BAD_REQUEST')],
    [
      'another member',
      refused({ body: { details: 'already has open conversation' } }),
      rejected('BAD_REQUEST'),
    ],
    ['outside the body', refused({ msg: 'already has open conversation' }), rejected('BAD_REQUEST')],
    [
      'a good code',
      opened({ body: { msg: 'conversation is close' } }),
      { kind: 'ok', body: { msg: 'conversation is close' } },
    ],
    [
      'an error object',
      { code: 400, body: { errorCode: 40000, msg: 'conversation is close' } },
      rejected('40000'),
    ],
    ['the profile', [refused({ reqId: 'p', body: ALREADY_OPEN.body }), refused()], rejected('BAD_REQUEST')],
  ])('%s', (_, body, expected) => {
    expect(read(400, body)).toEqual(expected)
  })
})

describe('without an item, the status decides', () => {
  test.each<[number, string, object]>([
    [200, '', unavailable('200', true)],
    [200, 'null', unavailable('200', true)],
    [200, '5', unavailable('200', true)],
    [200, '<html>', unavailable('200', true)],
    [302, '', unavailable('302', true)],
    [302, '<html>', unavailable('302', true)],
    [400, '', rejected('400')],
    [400, '{}', rejected('400')],
    [400, 'null', rejected('400')],
    [401, '', appJwtRefused],
    [401, '<html>', appJwtRefused],
    [404, '', rejected('404')],
    [404, ' \n', rejected('404')],
    [408, '', unavailable('408', true)],
    [408, '<html>', unavailable('408', true)],
    [429, '', unavailable('429', false)],
    [499, '', rejected('499')],
    [500, '', unavailable('500', true)],
    [500, '<html>', unavailable('500', true)],
    [503, '{"message":"Service Unavailable"}', unavailable('503', true)],
    [503, '{"body":{"msg":"x"}}', unavailable('503', true)],
    [503, '[{"message":"x"}]', unavailable('503', true)],
    [429, '{"message":"Too Many Requests"}', unavailable('429', false)],
    [599, '<html>', unavailable('599', true)],
    // Proxies answer in HTML. LivePerson itself has not seen these requests.
    [400, '<html>', unavailable('400', false)],
    [403, '<html>', unavailable('403', false)],
    [404, '<html>', unavailable('404', false)],
    [429, '<html>', unavailable('429', false)],
    [499, '<html>', unavailable('499', false)],
  ])('%i %j', (status, body, expected) => {
    expect(read(status, body)).toEqual(expected)
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

  test('it is read without an exception, and nothing that LivePerson wrote is repeated', () => {
    fc.assert(
      fc.property(status, anything, reqId, (httpStatus, json, id) => {
        const answer = read(httpStatus, json, id)
        if ('reason' in answer) expect(answer.reason).toMatch(/^(-?[\d.e+-]+|-?Infinity|NaN|[A-Z_]{1,40})$/)
        expect(typeof answer.kind).toBe('string')
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
      fc.property(status, anything, reqId, (httpStatus, json, id) => {
        const answer = read(httpStatus, json, id)
        if (answer.kind !== 'already_open' && answer.kind !== 'closed') return
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
