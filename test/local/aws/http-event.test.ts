import { describe, expect, test } from 'vitest'
import { toHttpEvent } from '../../../local/aws/http-event.ts'

type Request = Parameters<typeof toHttpEvent>[0]

const post = (members: Partial<Request> = {}) =>
  toHttpEvent({
    method: 'POST',
    url: '/conversations',
    routeKey: 'POST /conversations',
    headers: [],
    body: '',
    ...members,
  })

describe('an event of payload format 2.0', () => {
  test('has headers in lower case, without those of the connection, and repeated ones joined by commas', () => {
    const headers = [
      ...['Host', 'local.example', 'Accept', 'text/html', 'X-Trace', 'a', 'x-trace', 'b, c'],
      ...['Connection', 'keep-alive', 'Transfer-Encoding', 'chunked'],
    ]
    expect(post({ headers }).headers).toEqual({
      host: 'local.example',
      accept: 'text/html',
      'x-trace': 'a,b, c',
    })
  })

  test('has cookies in a list of their own', () => {
    const event = post({ headers: ['Cookie', 'a=1; b=2', 'cookie', 'c=3'] })
    expect([event.cookies, event.headers]).toEqual([['a=1', 'b=2', 'c=3'], {}])
  })

  test('has the query as it was sent, and its decoded parameters, repeated ones joined by commas', () => {
    const { rawPath, rawQueryString, queryStringParameters } = post({ url: '/a%20b?x=1&x=%C3%A9&y' })
    expect(rawPath).toBe('/a%20b')
    expect(rawQueryString).toBe('x=1&x=%C3%A9&y')
    expect(queryStringParameters).toEqual({ x: '1,é', y: '' })
    expect(post()).not.toHaveProperty('queryStringParameters')
  })

  test.each([
    'application/json',
    'Application/JSON; charset=utf-8',
    'application/xml',
    'application/javascript',
    'text/plain;charset=UTF-8',
  ])('has a body of text as it is: %s', (type) => {
    const event = post({ headers: ['content-type', type], body: 'Zoë' })
    expect([event.body, event.isBase64Encoded]).toEqual(['Zoë', false])
  })

  test.each([
    undefined,
    'application/x-www-form-urlencoded',
    'multipart/form-data; boundary=x',
    'application/octet-stream',
    'application/problem+json',
    'image/png',
  ])('has any other body in base64: %s', (type) => {
    const body = Buffer.from([0xff, 0x00, 0xeb])
    const event = post({ headers: type === undefined ? [] : ['content-type', type], body })
    expect([event.body, event.isBase64Encoded]).toEqual([body.toString('base64'), true])
  })

  test('has no body if there was none', () => {
    const event = post({ headers: ['content-type', 'application/json'] })
    expect(event).not.toHaveProperty('body')
    expect(event.isBase64Encoded).toBe(false)
  })

  test('has the route, and the variables of its path', () => {
    const event = post({ routeKey: 'GET /a/{id}', pathParameters: { id: 'x' } })
    expect([event.routeKey, event.requestContext.routeKey]).toEqual(['GET /a/{id}', 'GET /a/{id}'])
    expect(event.pathParameters).toEqual({ id: 'x' })
  })
})
