import { randomUUID } from 'node:crypto'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { AWS_ACCOUNT_ID } from './sdk.ts'

/** A request to the HTTP API. */
interface HttpRequest {
  readonly method: string
  /** The path and the query, as they were sent. */
  readonly url: string
  /** Names and values in turn, like `rawHeaders` of node:http. */
  readonly headers: readonly string[]
  readonly body: string | Uint8Array
  /** The route that the request matched, such as `GET /conversations/{requestId}`. */
  readonly routeKey: string
  /** The decoded values of the variables in the route's path. Default: none. */
  readonly pathParameters?: Readonly<Record<string, string>> | undefined
}

/** Headers of one connection. */
const HOP_BY_HOP = new Set(['connection', 'keep-alive', 'te', 'trailer', 'transfer-encoding', 'upgrade'])

/**
 * The content types whose bodies come as text. AWS doesn't list them. Others have observed that a form and a
 * request without a type come in base64, too.
 *
 * @see https://github.com/ministackorg/ministack/pull/766
 */
const TEXT = /^(text\/.+|application\/(json|javascript|xml))$/

/**
 * Returns the event that API Gateway's HTTP API sends for a request, in payload format 2.0. Repeated headers
 * and parameters are joined by commas, cookies are a list, and a body that isn't text is in base64.
 *
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function toHttpEvent(request: HttpRequest): APIGatewayProxyEventV2 {
  const { method, url, routeKey, pathParameters } = request
  const path = url.split('?', 1).join('')
  const query = url.slice(path.length + 1)
  const { cookie, ...headers } = joinRepeated(
    pairsOf(request.headers).filter(([name]) => !HOP_BY_HOP.has(name)),
  )
  const now = new Date()
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString: query,
    ...(cookie === undefined ? {} : { cookies: cookie.split(/; |,/) }),
    headers,
    ...(query === '' ? {} : { queryStringParameters: joinRepeated([...new URLSearchParams(query)]) }),
    ...(pathParameters === undefined ? {} : { pathParameters: { ...pathParameters } }),
    requestContext: {
      accountId: AWS_ACCOUNT_ID,
      apiId: 'local',
      domainName: 'local.example',
      domainPrefix: 'local',
      http: { method, path, protocol: 'HTTP/1.1', sourceIp: '127.0.0.1', userAgent: 'local' },
      requestId: randomUUID(),
      routeKey,
      stage: '$default',
      time: now.toISOString(),
      timeEpoch: now.getTime(),
    },
    ...toBody(Buffer.from(request.body), headers['content-type']),
  }
}

function pairsOf(headers: readonly string[]): [name: string, value: string][] {
  return Array.from({ length: headers.length / 2 }, (_, index) => [
    (headers[2 * index] ?? '').toLowerCase(),
    headers[2 * index + 1] ?? '',
  ])
}

function joinRepeated(pairs: readonly (readonly [string, string])[]): Record<string, string> {
  const values = Map.groupBy(pairs, ([name]) => name)
  return Object.fromEntries(
    [...values].map(([name, repeated]) => [name, repeated.map(([, value]) => value).join(',')]),
  )
}

function toBody(bytes: Buffer, contentType = ''): { body?: string; isBase64Encoded: boolean } {
  if (bytes.length === 0) return { isBase64Encoded: false }
  const isText = TEXT.test(contentType.split(';', 1).join('').trim().toLowerCase())
  return { body: bytes.toString(isText ? 'utf8' : 'base64'), isBase64Encoded: !isText }
}
