import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Answer } from './answer.ts'

/** Calls back with the whole body as text. If the client disconnects first, it never does. */
export const receiveBody = (incoming: IncomingMessage, then: (body: string) => void): void => {
  const chunks: Buffer[] = []
  incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
  incoming.once('end', () => then(chunks.length === 0 ? '' : Buffer.concat(chunks).toString()))
}

/** Sends an answer with its Content-Length. */
export const writeAnswer = (response: ServerResponse, { status, headers, body }: Answer): void => {
  response.writeHead(status, { ...headers, 'content-length': Buffer.byteLength(body) })
  response.end(body)
}
