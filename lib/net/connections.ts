import type { Agent as HttpAgent } from 'node:http'
import { Agent } from 'node:https'
import type { Duplex } from 'node:stream'
import { type Clocks, type Stopwatch, startStopwatch } from './stopwatch.ts'

export interface ConnectionsOptions extends Clocks {
  readonly protocol: 'http:' | 'https:'
}

export type Connections = ReturnType<typeof createConnections>

/** The most connections to one host at a time. Further calls wait for one of them. */
const MAX_SOCKETS = 50

/** A socket that was idle for longer is not used again, in milliseconds. Many servers close it after 5 s. */
const MAX_IDLE_MS = 4000

/** Clocks that drift apart by more than this, in milliseconds, show that the machine stood still. */
const MAX_DRIFT_MS = 250

/**
 * Returns kept-alive connections to any number of hosts. A socket that was idle for 4 s, or while the machine
 * stood still, is destroyed when a request looks for one.
 */
export const createConnections = ({ protocol, ...clocks }: ConnectionsOptions) => {
  const lastHeardFrom = new WeakMap<Duplex, Stopwatch>()
  const agent = createAgent(protocol)

  const isStale = (socket: Duplex): boolean => {
    const since = lastHeardFrom.get(socket)
    return since === undefined || since.elapsedMs() > MAX_IDLE_MS || since.driftMs() > MAX_DRIFT_MS
  }

  const getName = agent.getName.bind(agent)
  // An agent asks for the name right before it looks for an idle socket. It takes the newest one.
  agent.getName = (options) => {
    const name = getName(options)
    const idle = agent.freeSockets[name] ?? []
    const newest = idle.at(-1)
    if (newest && isStale(newest)) for (const socket of idle) socket.destroy()
    return name
  }

  return {
    agent,
    isStale,
    /** Notes that the other side was there when the stopwatch started. */
    hear: (socket: Duplex, since = startStopwatch(clocks)): void => {
      lastHeardFrom.set(socket, since)
    },
    /** Returns how long ago that was, in milliseconds. Undefined for a socket that isn't connected yet. */
    silentMs: (socket: Duplex): number | undefined => lastHeardFrom.get(socket)?.elapsedMs(),
  }
}

const createAgent = (protocol: 'http:' | 'https:'): HttpAgent => {
  const options = { keepAlive: true, maxSockets: MAX_SOCKETS, timeout: MAX_IDLE_MS }
  if (protocol === 'https:') return new Agent(options)
  // An import of node:http reads each of its exports. One of them loads undici: 25 ms, 13 MB.
  return new (process.getBuiltinModule('node:http').Agent)(options)
}
