import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { closeServer, listen } from '../../local/net/listen.ts'

/** A request as it arrived. */
export interface Arrived {
  readonly method: string
  readonly path: string
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

export type HttpServer = Awaited<ReturnType<typeof startHttpServer>>

/**
 * Starts an HTTP server on loopback. It answers each request by the function that `answerBy` sets last, at
 * first with an empty 200.
 */
export const startHttpServer = async () => {
  const requests: Arrived[] = []
  const answerEmpty = (response: ServerResponse, _request: Arrived): unknown => response.end()
  let answer = answerEmpty
  let disconnects = 0

  const server = createServer(async (incoming, response) => {
    const body = await text(incoming)
    const { method = '', url: path = '', headers } = incoming
    const request = { method, path, headers, body }
    requests.push(request)
    response.on('close', () => {
      if (!response.writableFinished) disconnects++
    })
    answer(response, request)
  })
  const host = `127.0.0.1:${await listen(server)}`

  return {
    host,
    url: `http://${host}`,
    /** All requests since the last `reset`, oldest first. */
    requests,
    /** How many connections ended before their response was sent. */
    disconnects: () => disconnects,
    answerBy: (next: typeof answer) => {
      answer = next
    },
    reset: () => {
      requests.length = 0
      disconnects = 0
      answer = answerEmpty
    },
    close: () => closeServer(server),
  }
}
