import { randomUUID } from 'node:crypto'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { AWS_ACCOUNT_ID } from './sdk.ts'

/**
 * Returns the event that API Gateway's HTTP API sends for a request, in payload format 2.0.
 *
 * @param request.headers Names in lower case. Default: none.
 * @see https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
 */
export function toHttpEvent(request: {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}): APIGatewayProxyEventV2 {
  const { method, path, headers = {}, body } = request
  const routeKey = `${method} ${path}`
  const now = new Date()
  return {
    version: '2.0',
    routeKey,
    rawPath: path,
    rawQueryString: '',
    headers: { ...headers },
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
    ...(body === undefined ? {} : { body }),
    isBase64Encoded: false,
  }
}
