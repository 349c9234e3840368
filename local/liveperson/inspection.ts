import type { RequestListener } from 'node:http'
import { parseFault } from './faults/parse-fault.ts'
import { type Answer, json } from './http/answer.ts'
import { receiveBody, writeAnswer } from './http/body.ts'
import type { ReceivedRequest } from './http/request.ts'
import { list, text } from './json/check.ts'
import { isObject, type JsonObject, parseJson } from './json/value.ts'
import type { Simulator } from './simulator.ts'
import type { LivePersonAccount } from './state/account.ts'
import { changeSettings } from './state/settings.ts'
import { isNamedService } from './state/state.ts'

/**
 * Returns the listener for `/_simulator/`, which shows other processes (such as curl) what the simulator has
 * seen, and offers its switches. It isn't part of LivePerson: faults don't strike it and its requests aren't
 * recorded. It refuses an invalid body with 400 and an unknown path with 404.
 *
 * GET: conversations, consumers, requests (`?service=&accountId=`), counts, faults, settings, clock. POST:
 * faults, reset, clock `{advanceMs}` or `{now}`, start-survey and close-conversation `{conversationId}`,
 * join-conversation `{conversationId, agent}`, answer-conversation `{conversationId, text}`, settings,
 * move-hosts, host `{service, host}`, secrets `{accountId, clientSecrets}`, revoke-app-tokens,
 * revoke-consumer-tokens. DELETE: faults.
 */
export const createInspection = (
  simulator: Simulator,
  accounts: ReadonlyMap<string, LivePersonAccount>,
): RequestListener => {
  const { clock, faults, settings } = simulator

  const endpoints: Readonly<Record<string, Endpoint>> = {
    'GET conversations': () => simulator.conversations(),
    'GET consumers': () => simulator.consumers(),
    'GET requests': (_body, query) => {
      const [service, accountId] = [query.get('service'), query.get('accountId')]
      const wanted = (request: ReceivedRequest) =>
        (service === null || request.service === service) &&
        (accountId === null || request.accountId === accountId)
      return simulator.requests().filter(wanted)
    },
    'GET counts': () => simulator.counts(),
    'GET faults': () => ({ active: faults.active(), struck: faults.struck() }),
    'POST faults': (body) => {
      faults.add(parseFault(body))
      return { active: faults.active() }
    },
    'DELETE faults': () => {
      faults.clear()
      return {}
    },
    'GET settings': () => settings,
    'POST settings': (body) => {
      refuseIf(changeSettings(settings, body))
      return settings
    },
    'GET clock': () => ({ now: clock.now() }),
    'POST clock': ({ advanceMs, now }) => {
      if (typeof advanceMs === 'number') clock.advance(advanceMs)
      else if (typeof now === 'number' || now === null) clock.set(now ?? undefined)
      else refuseIf('advanceMs must be a number, or now a number or null')
      return { now: clock.now() }
    },
    'POST join-conversation': ({ conversationId, agent }) => {
      if (typeof agent !== 'string' || agent === '') return refuseIf('agent must be a name')
      simulator.joinConversation(String(conversationId), agent)
      return {}
    },
    'POST answer-conversation': ({ conversationId, text: message }) => {
      if (typeof message !== 'string' || message === '') return refuseIf('text must be a message')
      simulator.answerConversation(String(conversationId), message)
      return {}
    },
    'POST close-conversation': ({ conversationId }) => {
      simulator.closeConversation(String(conversationId))
      return {}
    },
    'POST start-survey': ({ conversationId }) => {
      simulator.startSurvey(String(conversationId))
      return {}
    },
    'POST host': ({ service, host }) => {
      if (!isNamedService(service)) return refuseIf('service must be sentinel, idp or asyncMessagingEnt')
      simulator.setHost(service, typeof host === 'string' ? host : undefined)
      return {}
    },
    'POST secrets': ({ accountId, clientSecrets }) => {
      const account = accounts.get(String(accountId))
      if (account === undefined) return refuseIf('accountId is unknown')
      refuseIf(list(text)(clientSecrets, 'clientSecrets'))
      account.clientSecrets = [clientSecrets].flat().map(String)
      return {}
    },
    'POST move-hosts': async () => {
      await simulator.moveHosts()
      return {}
    },
    'POST revoke-app-tokens': () => {
      simulator.revokeAppTokens()
      return {}
    },
    'POST revoke-consumer-tokens': () => {
      simulator.revokeConsumerTokens()
      return {}
    },
    'POST reset': () => {
      simulator.reset()
      return {}
    },
  }

  const answer = async (method: string, url: string, body: string): Promise<Answer> => {
    const { pathname, searchParams } = new URL(url, 'http://127.0.0.1')
    const name = `${method} ${pathname.slice('/_simulator/'.length)}`
    const endpoint = Object.hasOwn(endpoints, name) ? endpoints[name] : undefined
    if (endpoint === undefined) return json(404, { error: 'unknown path', known: Object.keys(endpoints) })
    const given = body === '' ? {} : parseJson(body)
    if (!isObject(given)) return json(400, { error: 'the body must be a JSON object' })
    try {
      return json(200, await endpoint(given, searchParams))
    } catch (error) {
      return json(400, { error: error instanceof Error ? error.message : String(error) })
    }
  }

  return (incoming, response) => {
    receiveBody(incoming, (body) => {
      void answer(incoming.method ?? '', incoming.url ?? '', body).then((answered) =>
        writeAnswer(response, answered),
      )
    })
  }
}

type Endpoint = (body: JsonObject, query: URLSearchParams) => unknown

const refuseIf = (problem: string | undefined) => {
  if (problem !== undefined) throw new Error(problem)
}
