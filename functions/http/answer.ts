import type { APIGatewayProxyStructuredResultV2 } from 'aws-lambda'

/** An HTTP response, in the shape that API Gateway takes from a function. */
export type Answer = APIGatewayProxyStructuredResultV2

/** Headers of every response. Responses are data for a script, and no cache may keep them. */
export const ANSWER_HEADERS = {
  'content-type': 'application/json',
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'strict-transport-security': 'max-age=31536000',
} as const

/**
 * Returns a JSON response. Members of `body` that are `undefined` are left out.
 *
 * @param headers Lower-case names. They are added to `ANSWER_HEADERS` and override them.
 */
export const toAnswer = (
  statusCode: number,
  body: object,
  headers: Readonly<Record<string, string>> = {},
): Answer => ({
  statusCode,
  headers: { ...ANSWER_HEADERS, ...headers },
  body: JSON.stringify(body),
})
