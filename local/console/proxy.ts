import type { IncomingMessage, ServerResponse } from 'node:http'
import { request as send } from 'node:http'

/**
 * Returns a listener that passes on `/api/…` to the HTTP API. A call of the console's own page is passed on
 * as one of a listed origin. Those of other sites keep their origin, so the API refuses them.
 *
 * @param options.origin Undefined: no origin is listed, so none is sent.
 */
export const createProxy =
  ({ apiUrl, origin }: { readonly apiUrl: string; readonly origin: string | undefined }) =>
  (incoming: IncomingMessage, response: ServerResponse): void => {
    const { method, url = '', headers } = incoming
    const { host, connection: _, origin: given, ...others } = headers
    const passed = given === `http://${host}` ? origin : given
    // The path may begin with two slashes. Resolved against the API's address, it would name another host.
    const outgoing = send(apiUrl, {
      ...{ method, path: url.slice('/api'.length) },
      headers: { ...others, ...(passed !== undefined && { origin: passed }) },
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
