import type { Agent as HttpAgent, RequestOptions } from 'node:http'
import { Agent, request as startRequest } from 'node:https'

/** Loads node:http without undici: an import of it reads each of its exports. */
const agentOf = (protocol: string): HttpAgent =>
  protocol === 'https:'
    ? new Agent({ keepAlive: true })
    : new (process.getBuiltinModule('node:http').Agent)({ keepAlive: true })

const agents = new Map<string, HttpAgent>()

/** Makes a POST, and returns the body of the answer. Throws if its status isn't 200. */
export const post = (
  address: string,
  headers: RequestOptions['headers'] & object,
  body: string,
): Promise<string> =>
  new Promise((resolve, reject) => {
    const url = new URL(address)
    const { protocol } = url
    const agent = agents.get(protocol) ?? agentOf(protocol)
    agents.set(protocol, agent)
    const call = startRequest(url, { method: 'POST', agent, headers })
    call.on('error', reject)
    call.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('error', reject)
      response.on('end', () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`HTTP ${response.statusCode}`)),
      )
    })
    call.end(body)
  })
