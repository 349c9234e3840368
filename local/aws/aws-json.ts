import { randomUUID } from 'node:crypto'
import type { ServerResponse } from 'node:http'

/**
 * Answers a call in AWS's JSON 1.1 protocol.
 *
 * @see https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
 */
export function sendAwsJson(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, {
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': randomUUID(),
  })
  response.end(JSON.stringify(body))
}
