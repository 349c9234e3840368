import { createServer, type IncomingHttpHeaders } from 'node:http'
import { closeServer, listen } from '../../local/net/listen.ts'

/** An answer of AWS, before it is sent. */
export interface AwsAnswer {
  readonly status: number
  readonly body: unknown
}

/**
 * What an action is answered with; `forward` passes it on to the endpoint behind, `lost` too, but the answer never
 * arrives; `silence` never answers.
 */
export type Answering = (action: string, input: unknown) => AwsAnswer | 'forward' | 'lost' | 'silence'

/**
 * Starts an endpoint that AWS's JSON clients take for DynamoDB: it answers by itself, or counts and passes on.
 *
 * @param options.behind Where `forward` goes to.
 */
export const startAwsEndpoint = async ({
  behind = '',
  answer = () => 'forward',
}: {
  readonly behind?: string
  readonly answer?: Answering
}) => {
  const actions: string[] = []
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const body = Buffer.concat(chunks)
    const action = String(request.headers['x-amz-target']).replace(/^.*\./, '')
    actions.push(action)
    const own = answer(action, JSON.parse(body.toString()))
    if (own === 'silence') return
    const passed = own === 'forward' || own === 'lost' ? await pass(behind, request.headers, body) : own
    if (own === 'lost') {
      response.socket?.destroy()
      return
    }
    response.writeHead(passed.status, { 'content-type': 'application/x-amz-json-1.0' })
    response.end(typeof passed.body === 'string' ? passed.body : JSON.stringify(passed.body))
  })
  const url = `http://127.0.0.1:${await listen(server)}`
  return {
    url,
    /** The actions that were asked for since the last time this was called, in order. */
    take: () => actions.splice(0),
    close: () => closeServer(server),
  }
}

const pass = async (behind: string, headers: IncomingHttpHeaders, body: Buffer): Promise<AwsAnswer> => {
  const kept = ['x-amz-target', 'content-type', 'authorization', 'x-amz-date']
  const response = await fetch(behind, {
    method: 'POST',
    headers: Object.fromEntries(kept.map((name) => [name, String(headers[name] ?? '')])),
    body: new Uint8Array(body),
  })
  return { status: response.status, body: await response.text() }
}

/** AWS options with time enough for a busy machine. */
export const patient = { maxAttempts: 2, requestHandler: { requestTimeout: 15_000 } }
