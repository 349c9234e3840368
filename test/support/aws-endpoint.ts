import { createServer, type IncomingHttpHeaders } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { type AwsOptions, awsOptions } from '../../lib/aws/options.ts'
import { createStateTable, type StateTable } from '../../lib/aws/state-table.ts'
import { closeServer, listen } from '../../local/net/listen.ts'

/** A response of an AWS service. */
export interface AwsAnswer {
  readonly status: number
  readonly body: unknown
}

/**
 * Decides how the endpoint responds to an action. `forward` passes the request on and returns the response.
 * `lost` passes it on and cuts the connection instead of responding. `silence` never responds.
 */
export type Answering = (action: string, input: unknown) => AwsAnswer | 'forward' | 'lost' | 'silence'

/**
 * Starts an HTTP endpoint for the JSON protocol of DynamoDB and SQS. It records the actions.
 *
 * @param options.behind The URL that requests are forwarded to.
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
    const body = await buffer(request)
    const action = String(request.headers['x-amz-target']).replace(/^.*\./, '')
    actions.push(action)
    const answered = answer(action, JSON.parse(body.toString()))
    if (answered === 'silence') return
    const sent =
      answered === 'forward' || answered === 'lost' ? await forward(behind, request.headers, body) : answered
    if (answered === 'lost') {
      response.socket?.destroy()
      return
    }
    response.writeHead(sent.status, { 'content-type': 'application/x-amz-json-1.0' })
    response.end(typeof sent.body === 'string' ? sent.body : JSON.stringify(sent.body))
  })
  const url = `http://127.0.0.1:${await listen(server)}`
  return {
    url,
    /** Returns the actions requested since the last call, in order. */
    take: () => actions.splice(0),
    close: () => closeServer(server),
  }
}

const forward = async (behind: string, headers: IncomingHttpHeaders, body: Buffer): Promise<AwsAnswer> => {
  const kept = ['x-amz-target', 'content-type', 'authorization', 'x-amz-date']
  const response = await fetch(behind, {
    method: 'POST',
    headers: Object.fromEntries(kept.map((name) => [name, String(headers[name] ?? '')])),
    body: new Uint8Array(body),
  })
  return { status: response.status, body: await response.text() }
}

/** AWS options with timeouts long enough for a busy machine. */
export const patient: AwsOptions = {
  ...awsOptions,
  maxAttempts: 2,
  connectTimeoutMs: 5000,
  timeoutMs: 15_000,
}

/** Returns the operations on a state table, with timeouts long enough for a busy machine. */
export const createPatientTable = (name: string): StateTable =>
  createStateTable({ name, aws: patient, sleep, random: Math.random })
