import { describe, expect, test } from 'vitest'
import { readAnswer } from '../../../lib/liveperson/answer.ts'

const OK_PROFILE = { code: 'OK', body: { msg: 'OK User Profile set successfully' }, reqId: 'p' }
const opened = (members = {}) => ({ code: 'OK', body: { conversationId: 'c-1' }, reqId: 'c', ...members })
const OPEN = {
  code: 'BAD_REQUEST',
  body: {
    msg: "Consumer request conversation failed: User 0b9c already has open conversation. Can't open another one.",
  },
  reqId: 'c',
}
const errorObject = (code: number, errorCode: number) => ({
  kind: 'resp',
  code,
  body: { title: 't', details: 'd', errorCode },
  type: '.ReqBody$ErrorResp',
})
const ok = { kind: 'ok', body: { conversationId: 'c-1' } }
const unavailable = (reason: string, reached: boolean) => ({ kind: 'unavailable', reason, reached })

describe('readAnswer', () => {
  test.each([
    ['200, an array', 200, [OK_PROFILE, opened()], ok],
    ['200, an array the other way round', 200, [opened(), OK_PROFILE], ok],
    ['200, the same reqId twice', 200, [{ ...OK_PROFILE, reqId: 'c' }, opened()], ok],
    ['200, reqIds of nobody', 200, [{ ...OK_PROFILE, reqId: '1,' }, opened({ reqId: '1,' })], ok],
    ['200, a number as code', 200, [OK_PROFILE, opened({ code: 200 })], ok],
    ['200, a number as text', 200, [OK_PROFILE, opened({ code: '200' })], ok],
    ['201, an array', 201, [OK_PROFILE, opened()], ok],
    ['200, the bare item', 200, opened(), ok],
    ['400, an array that is good all the same', 400, [OK_PROFILE, opened()], ok],
    ['200, a failed profile', 200, [{ ...OK_PROFILE, code: 'BAD_REQUEST' }, opened()], ok],
    ['400, already open', 400, [OK_PROFILE, OPEN], { kind: 'already_open' }],
    ['200, already open', 200, [OK_PROFILE, OPEN], { kind: 'already_open' }],
    [
      '400, already open with the same reqId twice',
      400,
      [{ ...OK_PROFILE, reqId: 'c' }, OPEN],
      { kind: 'already_open' },
    ],
    [
      '400, a bad request',
      400,
      [OK_PROFILE, { code: 'BAD_REQUEST', body: { msg: 'x' }, reqId: 'c' }],
      { kind: 'rejected', reason: 'BAD_REQUEST' },
    ],
    [
      '400, a single item',
      400,
      { code: 'BAD_REQUEST', body: { msg: 'x' }, reqId: 'c' },
      { kind: 'rejected', reason: 'BAD_REQUEST' },
    ],
    [
      '400, a closed conversation',
      400,
      { code: 'BAD_REQUEST', body: { msg: 'Bad Request, Conversation is close' }, reqId: 'c' },
      { kind: 'closed' },
    ],
    [
      '400, an element that failed inside',
      400,
      [OK_PROFILE, { code: 'INTERNAL_SERVER_ERROR', body: {}, reqId: 'c' }],
      unavailable('INTERNAL_SERVER_ERROR', true),
    ],
    ['401, 40102', 401, errorObject(401, 40102), { kind: 'app_jwt_refused' }],
    ['401, 40105', 401, errorObject(401, 40105), { kind: 'app_jwt_refused' }],
    ['401, 40103', 401, errorObject(401, 40103), { kind: 'consumer_jws_refused' }],
    ['401, 40104', 401, errorObject(401, 40104), { kind: 'consumer_jws_refused' }],
    ['200, 40102', 200, errorObject(401, 40102), { kind: 'app_jwt_refused' }],
    ['401, 40001', 401, errorObject(401, 40001), { kind: 'rejected', reason: '40001' }],
    ['502, 50201', 502, errorObject(502, 50201), unavailable('50201', true)],
    ['401, no body', 401, '', { kind: 'app_jwt_refused' }],
    ['429, no body', 429, '', unavailable('429', false)],
    ['500, HTML', 500, '<html>', unavailable('500', true)],
    ['200, HTML', 200, '<html>', unavailable('200', true)],
    ['200, only the profile', 200, [OK_PROFILE], unavailable('200', true)],
    ['200, null', 200, null, unavailable('200', true)],
    ['302, no body', 302, '', unavailable('302', true)],
    ['404, no body', 404, '', { kind: 'rejected', reason: '404' }],
    ['408, no body', 408, '', unavailable('408', true)],
  ])('%s', (_, status, body, expected) => {
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    expect(readAnswer({ status, body: text, retryAfterMs: undefined }, 'c')).toEqual(expected)
  })
})
