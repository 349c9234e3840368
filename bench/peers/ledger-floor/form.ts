import { randomUUID } from 'node:crypto'
import type { APIGatewayProxyEventV2 } from 'aws-lambda'
import { open, warm } from './flow.ts'

/** Opens a conversation for a web form, without any check. A consumer's token is read, not verified. */
export const handler = async ({ body, headers }: APIGatewayProxyEventV2) => {
  const { requestId = randomUUID(), route, consumer } = JSON.parse(body ?? '')
  const consumerId = subjectOf(headers.authorization) ?? requestId
  const conversationId = await open({ door: 'form', requestId, route, consumerId, consumer })
  return {
    statusCode: 201,
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ requestId, status: 'opened', conversationId }),
  }
}

const subjectOf = (authorization = ''): string | undefined => {
  const [, payload] = authorization.split('.')
  return payload && JSON.parse(Buffer.from(payload, 'base64url').toString()).sub
}

await warm()
