import type { IncomingMessage } from 'node:http'
import { request as startRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { createAddressBook } from './address-book.ts'
import { type Connections, createConnections } from './connections.ts'
import { isSecure } from './loopback.ts'
import { type Clocks, startStopwatch } from './stopwatch.ts'

/** One HTTP call. */
export interface OutboundRequest {
  readonly method: 'GET' | 'POST'
  readonly url: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
  /** The longest time from the start of the call until the whole answer has been read, in milliseconds. */
  readonly timeoutMs: number
  /** The longest time for DNS, connection and TLS handshake together, in milliseconds. Default: 1,500. */
  readonly connectTimeoutMs?: number
  /** The largest answer that is read, in bytes. A call with a larger one counts as unanswered. */
  readonly maxAnswerBytes: number
}

/** What is known after a call. */
export type OutboundResult =
  | {
      readonly kind: 'answer'
      readonly status: number
      /** By lower-case name. */
      readonly headers: Readonly<Record<string, string>>
      readonly body: string
    }
  /** Nothing of the request was written to a connection, so the other side received nothing. */
  | { readonly kind: 'not_sent'; readonly cause: unknown }
  /** No complete answer was read. The other side may have received the request and acted on it. */
  | { readonly kind: 'may_have_been_sent'; readonly cause: unknown }

/** Makes one HTTP call and never throws. This type is the seam that tests and the simulated world replace. */
export type Outbound = (request: OutboundRequest) => Promise<OutboundResult>

/** The usual limit for a connection, in milliseconds. */
const CONNECT_TIMEOUT_MS = 1500

/** A socket that was silent for longer, in milliseconds, may have been closed by the other side unnoticed. */
const MAX_SILENCE_MS = 50

/** How many turns of the event loop a call waits for what arrived during a silence. */
const MAX_TURNS = 3

/** How often a call begins anew because its connection turned out to be dead before anything was written. */
const MAX_FRESH_STARTS = 3

/**
 * Returns the {@link Outbound} of a deployed function: HTTP/1.1 over TLS, or without TLS to this machine. It
 * keeps connections alive, and doesn't follow redirects. A request that was written is never written again.
 *
 * @param options.now Default: the system's clock.
 * @param options.monotonicNow Default: the process's clock.
 * @param options.mayCall Whether an address may be called. Default: TLS, or this machine.
 */
export const createOutbound = ({
  now = Date.now,
  monotonicNow = () => performance.now(),
  mayCall = (address) => isSecure(address, true),
}: Partial<Clocks> & { readonly mayCall?: (address: string) => boolean } = {}): Outbound => {
  const clocks = { now, monotonicNow }
  const https = createConnections({ protocol: 'https:', ...clocks })
  let http: Connections | undefined
  const toUrl = createAddressBook(mayCall)

  return async (request) => {
    const watch = startStopwatch(clocks)
    const leftMs = () => request.timeoutMs - watch.elapsedMs()
    try {
      const url = toUrl(request.url)
      if (!url) throw new Error('The address is neither https nor on this machine')
      const isPlain = url.protocol === 'http:'
      if (isPlain) http ??= createConnections({ protocol: 'http:', ...clocks })
      const connections = isPlain && http ? http : https
      for (let freshStarts = 0; ; freshStarts++) {
        if (leftMs() <= 0)
          return { kind: 'not_sent', cause: new TimeoutError('No time was left for the call') }
        const result = await exchange({ request, url, connections, clocks, leftMs })
        if (result.kind !== 'dead_connection') return result
        if (freshStarts === MAX_FRESH_STARTS) return { kind: 'not_sent', cause: result.cause }
      }
    } catch (cause) {
      // Only an invalid address or header throws, and both do so before there is a connection.
      return { kind: 'not_sent', cause }
    }
  }
}

class TimeoutError extends Error {
  override readonly name = 'TimeoutError'
}

/** The other side closed the connection. Node.js reports the same as ECONNRESET where a socket fails. */
class ClosedError extends Error {
  readonly code = 'ECONNRESET'
}

interface Exchange {
  readonly request: OutboundRequest
  readonly url: URL
  readonly connections: Connections
  readonly clocks: Clocks
  /** Returns how much time is left, in milliseconds. */
  readonly leftMs: () => number
}

/** What an exchange comes to if it fails after a step. */
const FAILED_AFTER = {
  start: 'not_sent',
  connection: 'dead_connection',
  write: 'may_have_been_sent',
} as const

/** Makes a call over one connection. */
const exchange = ({ request, url, connections, clocks, leftMs }: Exchange) =>
  new Promise<OutboundResult | { readonly kind: 'dead_connection'; readonly cause: unknown }>((resolve) => {
    let reached: keyof typeof FAILED_AFTER = 'start'
    let isOver = false
    let connectTimer: NodeJS.Timeout | undefined
    const call = startRequest(url, {
      method: request.method,
      headers: toRawHeaders(request, url),
      agent: connections.agent,
    })

    const end = (result: Parameters<typeof resolve>[0]) => {
      isOver = true
      clearTimeout(deadline)
      clearTimeout(connectTimer)
      resolve(result)
    }
    const fail = (cause: unknown) => {
      if (isOver) return
      end({ kind: FAILED_AFTER[reached], cause })
      call.destroy()
    }
    /**
     * Fails if this step is still the last one. A process that was frozen first reads what has arrived
     * meanwhile.
     */
    const failAfter = (ms: number, text: string, after?: keyof typeof FAILED_AFTER) => {
      const watch = startStopwatch(clocks)
      return setTimeout(async () => {
        await catchUp(watch.elapsedMs() - ms, clocks)
        if (after === undefined || after === reached) fail(new TimeoutError(text))
      }, Math.ceil(ms))
    }
    const deadline = failAfter(leftMs(), `No complete answer was read within ${request.timeoutMs} ms`)

    const write = async (socket: Duplex) => {
      reached = 'connection'
      await catchUp(connections.silentMs(socket) ?? 0, clocks)
      if (isOver) return
      if (connections.isStale(socket) || socket.destroyed || !socket.writable || socket.readableEnded)
        return fail(new Error('The connection was no longer open'))
      if (leftMs() <= 0) return fail(new TimeoutError('No time was left for the call'))
      reached = 'write'
      call.end(request.body)
      // The request is one write. Where the other side's reset was there before it, nothing of it has left.
      if (socket.errored) reached = 'connection'
    }

    call.on('socket', (socket) => {
      if (connections.silentMs(socket) !== undefined) return void write(socket).catch(fail)
      const since = startStopwatch(clocks)
      const { connectTimeoutMs = CONNECT_TIMEOUT_MS } = request
      connectTimer = failAfter(
        Math.min(connectTimeoutMs, leftMs()),
        `No connection was made within ${connectTimeoutMs} ms`,
        'start',
      )
      socket.once(url.protocol === 'https:' ? 'secureConnect' : 'connect', () => {
        clearTimeout(connectTimer)
        connections.hear(socket, since)
        if (!isOver) write(socket).catch(fail)
      })
    })
    call.on('response', (response) => {
      if (reached !== 'write') return fail(new Error('An answer came before the request'))
      const chunks: Buffer[] = []
      let size = 0
      response.on('data', (chunk: Buffer) => {
        size += chunk.byteLength
        if (size <= request.maxAnswerBytes) chunks.push(chunk)
        else fail(new Error(`The answer is larger than ${request.maxAnswerBytes} bytes`))
      })
      response.on('error', fail)
      response.on('end', () => {
        if (isOver) return
        if (!response.complete) return fail(new ClosedError('The answer was cut short'))
        if (call.socket) connections.hear(call.socket)
        end(toAnswer(response, chunks))
      })
    })
    call.on('error', fail)
    call.on('close', () => {
      if (!isOver) fail(new ClosedError('The connection was closed before an answer'))
    })
  })

/**
 * Lets Node.js process what arrived during a silence, such as the closing of a connection. That takes one
 * whole turn of the event loop. The process may be frozen again meanwhile, or it is busy all the time.
 */
const catchUp = async (silentMs: number, clocks: Clocks): Promise<void> => {
  let silent = silentMs
  for (let turn = 0; silent > MAX_SILENCE_MS && turn < MAX_TURNS; turn++) {
    const watch = startStopwatch(clocks)
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
    silent = watch.elapsedMs()
  }
}

/** Returns the headers as names and values in turn. Node.js writes such a list as it is. */
const toRawHeaders = ({ method, headers = {}, body = '' }: OutboundRequest, { host }: URL): string[] => {
  const named: Record<string, string> = { host, 'user-agent': 'campaign-conversations' }
  for (const name of Object.keys(headers)) named[name.toLowerCase()] = headers[name] ?? ''
  named['accept-encoding'] = 'identity'
  if (method === 'POST') named['content-length'] = String(Buffer.byteLength(body))
  return Object.entries(named).flat()
}

const toAnswer = (
  { statusCode = 0, headers }: IncomingMessage,
  chunks: readonly Buffer[],
): OutboundResult => {
  const { 'set-cookie': cookies, ...others } = headers
  const named: Record<string, string> = cookies ? { 'set-cookie': cookies.join(', ') } : {}
  for (const name of Object.keys(others)) named[name] = String(others[name])
  // Faster than a decoder, which drops a byte order mark.
  const body = Buffer.concat(chunks)
    .toString()
    .replace(/^\uFEFF/, '')
  return { kind: 'answer', status: statusCode, headers: named, body }
}
