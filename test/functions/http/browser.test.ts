import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { describe, expect, test } from 'vitest'
import { toAnswer } from '../../../functions/http/answer.ts'
import { answerSender } from '../../../functions/http/browser.ts'
import { toProblem } from '../../../functions/http/problem.ts'
import { parseStageConfig } from '../../../lib/config/stage.ts'
import { InvalidRequestError, OriginNotAllowedError, toError } from '../../../lib/errors/errors.ts'
import { formEvent } from '../../support/world.ts'

const ROUTE = { campaignId: '1', engagementId: '2', doors: ['form'] }
const stage = parseStageConfig(
  {
    origins: ['https://www.example.com'],
    accounts: [
      {
        accountId: '7',
        routes: {
          plain: ROUTE,
          thankful: { ...ROUTE, thanks: 'https://www.example.com/thanks' },
          foreign: {
            ...ROUTE,
            thanks: 'https://www.example.com/danke-schön/日本',
            problem: 'https://www.example.com/größe?ü#ü',
          },
          own: {
            ...ROUTE,
            thanks: 'https://www.example.com/thanks?from=form#top',
            problem: 'https://www.example.com/problem?from=form#top',
          },
        },
      },
    ],
  },
  { name: 'the stage', loopback: false },
)

const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8'
const post = (body: string, accept = BROWSER) =>
  formEvent(body, { headers: { accept, 'content-type': 'application/x-www-form-urlencoded' } })

const opened = toAnswer(201, { requestId: 'visit:4711 or', status: 'opened' })
const queued = toAnswer(
  202,
  { requestId: 'visit-4711', status: 'queued' },
  { location: 'conversations/a?holder=b' },
)
const withoutMessage = toAnswer(200, {
  requestId: 'visit-4711',
  status: 'opened',
  messageStatus: 'not_sent',
  messageCode: 'conversation_closed',
})
const refused = toProblem(toError('liveperson_rejected'), 'visit-4711')
const locationOf = (event: APIGatewayProxyEventV2, answer = opened) => {
  const { statusCode, headers } = answerSender(event, stage, answer)
  return [statusCode, headers?.location]
}

describe('a browser that posted a form', () => {
  test.each([
    ['an open conversation', 'plain', opened, 'conversations/visit%3A4711%20or'],
    ['a queued request', 'plain', queued, 'conversations/a?holder=b'],
    ['a conversation without the message', 'plain', withoutMessage, 'conversations/visit-4711'],
    ['a problem', 'plain', refused, 'conversations/problem?code=liveperson_rejected'],
    [
      'an open conversation of a route with pages',
      'own',
      opened,
      'https://www.example.com/thanks?from=form#top',
    ],
    ['a queued request of a route with pages', 'own', queued, 'https://www.example.com/thanks?from=form#top'],
    [
      'a conversation without the message of a route with pages',
      'own',
      withoutMessage,
      'https://www.example.com/problem?from=form&code=conversation_closed#top',
    ],
    [
      'a conversation without the message of a route with thanks only',
      'thankful',
      withoutMessage,
      'conversations/visit-4711',
    ],
    [
      'an open conversation of a route whose pages are not in ASCII',
      'foreign',
      opened,
      'https://www.example.com/danke-sch%C3%B6n/%E6%97%A5%E6%9C%AC',
    ],
    [
      'a problem of a route whose pages are not in ASCII',
      'foreign',
      refused,
      'https://www.example.com/gr%C3%B6%C3%9Fe?%C3%BC&code=liveperson_rejected#%C3%BC',
    ],
    [
      'a problem of a route with pages',
      'own',
      refused,
      'https://www.example.com/problem?from=form&code=liveperson_rejected#top',
    ],
  ])('is sent from %s to its page', (_, route, answer, location) => {
    expect(locationOf(post(`route=${route}&message=x`), answer)).toEqual([303, location])
  })

  test.each(['pending', 'unknown', 'sent'])('is thanked for a message that is %s', (messageStatus) => {
    const answer = toAnswer(201, { requestId: 'visit-4711', status: 'opened', messageStatus })
    expect(locationOf(post('route=own'), answer)).toEqual([
      303,
      'https://www.example.com/thanks?from=form#top',
    ])
  })

  test('is told which fields are invalid, but no text and no odd names', () => {
    const names = ['consumer.email', 'a&b', 'x'.repeat(65), 'message\r\nSet-Cookie: a', 'consumer.phone']
    const answer = toProblem(new InvalidRequestError(names.map((path) => ({ path, message: 'is secret' }))))
    expect(locationOf(post('route=plain'), answer)).toEqual([
      303,
      'conversations/problem?code=invalid_request&field=consumer.email&field=consumer.phone',
    ])
  })

  test('keeps the response itself, for those who look at it', () => {
    const { body, headers } = answerSender(post('route=own'), stage, opened)
    expect(body).toBe(opened.body)
    expect(headers).toMatchObject({ 'cache-control': 'no-store', 'content-type': 'application/json' })
  })

  test.each([
    'route=https%3A%2F%2Fevil.example',
    'route=//evil.example',
    'route=__proto__',
    'route=constructor',
    'route=plain&thanks=https://evil.example&problem=https://evil.example&location=https://evil.example',
    'route=own&route=plain',
    'route[thanks]=https://evil.example',
    '%',
    '',
  ])('is never sent to an address in the form: %s', (body) => {
    for (const answer of [opened, refused]) {
      const [, location = ''] = locationOf(post(body), answer)
      expect(String(location)).toMatch(/^(conversations\/|https:\/\/www\.example\.com\/)/)
      expect(String(location)).not.toContain('evil')
    }
  })

  test('of a site that isn’t listed gets no page of a route: its form isn’t read', () => {
    const answer = toProblem(new OriginNotAllowedError({ detail: 'no' }))
    expect(locationOf(post('route=own'), answer)).toEqual([
      303,
      'conversations/problem?code=origin_not_allowed',
    ])
  })

  test('gets the service’s own page if there is no configuration', () => {
    const { headers } = answerSender(post('route=own'), undefined, toProblem(toError('invalid_config')))
    expect(headers?.location).toBe('conversations/problem?code=invalid_config')
  })
})

test.each([
  ['fetch', '*/*'],
  ['axios', 'application/json, text/plain, */*'],
  ['a client that asks for JSON', 'application/json'],
])('%s gets the response itself', (_, accept) => {
  expect(answerSender(post('route=own', accept), stage, opened)).toBe(opened)
  expect(answerSender(post('route=own', accept), stage, refused)).toBe(refused)
})

test('a sender without an Accept header gets the response itself', () => {
  expect(answerSender(formEvent({ route: 'own' }), stage, opened)).toBe(opened)
})
