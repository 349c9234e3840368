import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { type Answer, json } from '../http/answer.ts'
import { receiveBody, writeAnswer } from '../http/body.ts'
import type { ReceivedRequest } from '../http/request.ts'
import { strikesAfter, toFaultAnswer } from './fault-answer.ts'
import type { Fault, Faults } from './faults.ts'

/** Processes a request whose whole body has arrived. */
export type Serve = (request: ReceivedRequest) => Answer | Promise<Answer>

/**
 * Returns the layer between HTTP and the services: it receives requests, lets faults strike, and sends
 * answers.
 *
 * @param options.receive Records a request when its headers have arrived.
 */
export const createExchange = (options: {
  readonly faults: Faults
  readonly receive: (incoming: IncomingMessage) => ReceivedRequest
}) => {
  const waiting = new Set<Waiting>()

  const silence = (socket: Socket) => {
    const silent: Waiting = { socket }
    waiting.add(silent)
    socket.once('close', () => waiting.delete(silent))
  }

  // Continues if the client disconnects: a request that has arrived is processed.
  const delay = (socket: Socket, ms: number, then: () => void) => {
    const timer = setTimeout(() => {
      waiting.delete(delayed)
      then()
    }, ms)
    const delayed: Waiting = { socket, timer }
    waiting.add(delayed)
  }

  const respond = async (serve: Serve, request: ReceivedRequest, response: ServerResponse, fault?: Fault) => {
    if (fault === undefined) return send(response, request, await serve(request))
    request.fault = fault.kind
    const own = strikesAfter(fault) ? await serve(request) : undefined
    const answer = toFaultAnswer(fault, request.service)
    const socket = response.socket
    if (answer !== undefined) return send(response, request, answer)
    if (fault.kind === 'wrong-content-type' && own !== undefined) {
      return send(response, request, { ...own, headers: { ...own.headers, 'content-type': 'text/plain' } })
    }
    if (fault.kind === 'truncated' && own !== undefined) {
      const body = Buffer.from(own.body)
      response.writeHead(own.status, { ...own.headers, 'content-length': body.length })
      response.write(body.subarray(0, body.length / 2), () => socket?.destroy())
    } else if (socket !== null) {
      if (fault.kind === 'silence' || fault.kind === 'silence-after') silence(socket)
      else socket.resetAndDestroy()
    }
  }

  const handle =
    (serve: Serve): RequestListener =>
    (incoming, response) => {
      const request = options.receive(incoming)
      receiveBody(incoming, (body) => {
        request.body = body
        const { latencyMs, fault } = options.faults.strike(request)
        const go = () => {
          respond(serve, request, response, fault).catch((error: unknown) => {
            send(response, request, json(500, { simulator: String(error) }))
          })
        }
        if (latencyMs <= 0) return go()
        request.fault = 'latency'
        delay(incoming.socket, latencyMs, go)
      })
    }

  return {
    handle,

    /** Destroys the connections that a fault keeps waiting. Delayed requests aren't processed. */
    drop: (): void => {
      for (const { socket, timer } of [...waiting]) {
        clearTimeout(timer)
        socket.destroy()
      }
      waiting.clear()
    },
  }
}

const send = (response: ServerResponse, request: ReceivedRequest, answer: Answer) => {
  request.status = answer.status
  writeAnswer(response, answer)
}

interface Waiting {
  readonly socket: Socket
  readonly timer?: NodeJS.Timeout
}
