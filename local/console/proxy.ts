import type { IncomingMessage, ServerResponse } from 'node:http'
import { request as send } from 'node:http'

/**
 * Returns a listener that passes on `/api/…` to the HTTP API, as a page of a listed origin would call it.
 *
 * @param options.origin Undefined: no origin is listed, so none is sent.
 */
export const createProxy =
  ({ apiUrl, origin }: { readonly apiUrl: string; readonly origin: string | undefined }) =>
  (incoming: IncomingMessage, response: ServerResponse): void => {
    const { method, url = '', headers } = incoming
    const target = new URL(url.slice('/api'.length), apiUrl)
    const { origin: _, host: __, connection: ___, ...others } = headers
    const outgoing = send(target, {
      method,
      headers: { ...others, ...(headers.origin !== undefined && origin !== undefined && { origin }) },
    })
    outgoing.on('response', (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    })
    outgoing.on('error', () => {
      if (response.headersSent) response.destroy()
      else response.writeHead(502, { 'content-type': 'text/plain' }).end('The HTTP API did not answer.')
    })
    response.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  }
