import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { text } from 'node:stream/consumers'
import { z } from 'zod'
import type { StageConfig } from '../../lib/config/stage.ts'
import type { LocalSqs } from '../aws/sqs.ts'
import type { LivePersonSimulator } from '../liveperson/server.ts'
import type { Conversation } from '../liveperson/state/store.ts'
import { closeServer, listen } from '../net/listen.ts'
import { createProxy } from './proxy.ts'
import { bundleScript } from './scripts.ts'
import type { Shown, ShownConversation, Step, Switch } from './shown.ts'
import { isSwitch } from './switches.ts'

/** How often the server looks for changes, in milliseconds. */
const LOOK_EVERY_MS = 300

/** How many conversations are shown, the newest first. */
const MAX_CONVERSATIONS = 50

const AGENT = 'Robin'

const FILES = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/console.css': ['console.css', 'text/css; charset=utf-8'],
} as const

const Command = z.union([
  z.object({ action: z.enum(['join', 'close']), conversationId: z.string() }),
  z.object({ action: z.literal('answer'), conversationId: z.string(), text: z.string().min(1) }),
  z.object({ action: z.literal('switch'), name: z.string().refine(isSwitch), on: z.boolean() }),
  z.object({ action: z.literal('kill') }),
])

/** A running console. */
export interface Console {
  readonly url: string
  close(): Promise<void>
}

/**
 * Starts the console of the local stack: a form, an agent's workspace, and what happened on the way. It
 * listens on 127.0.0.1 only. It passes on `/api/…` to the HTTP API as a page of the first listed origin would
 * call it.
 *
 * @param options.port Default: a free one.
 * @param options.kill Kills the containers of all functions.
 * @throws {PortTakenError}
 */
export const startConsole = async ({
  apiUrl,
  stage,
  livePerson,
  depth,
  timeline,
  switches,
  kill,
  port,
}: {
  readonly apiUrl: string
  readonly stage: StageConfig
  readonly livePerson: LivePersonSimulator
  /** Returns how many messages a queue holds. */
  readonly depth: LocalSqs['depth']
  readonly timeline: { readonly list: () => readonly Step[]; readonly addSwitch: (text: string) => void }
  readonly switches: {
    readonly list: () => readonly Switch[]
    readonly set: (name: Switch['name'], wanted: boolean) => string | undefined
  }
  readonly kill: () => Promise<void>
  readonly port?: number | undefined
}): Promise<Console> => {
  const routes = stage.accounts.flatMap((account) =>
    Object.entries(account.routes).flatMap(([name, { doors }]) => (doors.includes('form') ? [name] : [])),
  )
  const proxy = createProxy({ apiUrl, origin: stage.origins[0] })
  const viewers = new Set<ServerResponse>()
  let sent = ''

  const show = (): Shown => ({
    conversations: livePerson.conversations().slice(-MAX_CONVERSATIONS).map(toShown).reverse(),
    queues: {
      events: waiting(depth('events')),
      handOver: waiting(depth('handOver')),
      quarantine: waiting(depth('quarantine')),
    },
    switches: switches.list(),
    steps: timeline.list(),
  })

  const look = () => {
    if (viewers.size === 0) return
    const shown = JSON.stringify(show())
    if (shown === sent) return
    sent = shown
    for (const viewer of viewers) viewer.write(`data: ${shown}\n\n`)
  }

  const follow = (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-store' })
    response.write(`data: ${JSON.stringify(show())}\n\n`)
    viewers.add(response)
    response.on('close', () => viewers.delete(response))
  }

  const act = async (body: string): Promise<void> => {
    const command = Command.parse(JSON.parse(body))
    switch (command.action) {
      case 'join':
        return livePerson.joinConversation(command.conversationId, AGENT)
      case 'answer':
        return livePerson.answerConversation(command.conversationId, command.text)
      case 'close':
        return livePerson.closeConversation(command.conversationId)
      case 'switch': {
        const done = switches.set(command.name, command.on)
        if (done !== undefined) timeline.addSwitch(done)
        return
      }
      case 'kill':
        timeline.addSwitch('Killed the containers')
        return kill()
    }
  }

  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { method = 'GET', url = '/' } = request
    const { pathname } = new URL(url, 'http://127.0.0.1')
    if (!isOwnHost(request)) return refuse(response, 403, 'Open the console at its address on 127.0.0.1.')
    if (pathname.startsWith('/api/')) return proxy(request, response)
    if (method === 'POST' && pathname === '/commands') {
      // A page of another site can't send JSON without asking first.
      if (request.headers['content-type'] !== 'application/json')
        return refuse(response, 415, 'Send application/json.')
      try {
        await act(await text(request))
      } catch (error) {
        return refuse(response, 400, error instanceof Error ? error.message : String(error))
      }
      look()
      response.writeHead(204).end()
      return
    }
    if (method !== 'GET') return refuse(response, 405, 'Only GET is allowed here.')
    if (pathname === '/events') return follow(response)
    if (pathname === '/routes') return json(response, 200, routes)
    if (pathname === '/console.js' || pathname === '/form-client.js') {
      const script = await bundleScript(pathname)
      response.writeHead(200, { 'content-type': 'text/javascript; charset=utf-8', ...HEADERS }).end(script)
      return
    }
    if (pathname !== '/' && pathname !== '/console.css') return refuse(response, 404, 'Not found.')
    const [file, contentType] = FILES[pathname]
    const content = await readFile(new URL(`./page/${file}`, import.meta.url))
    response.writeHead(200, { 'content-type': contentType, ...HEADERS }).end(content)
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      if (response.headersSent) response.destroy()
      else refuse(response, 500, error instanceof Error ? error.message : String(error))
    })
  })
  const timer = setInterval(look, LOOK_EVERY_MS).unref()
  const own = await listen(server, port)
  return {
    url: `http://127.0.0.1:${own}`,
    close: async () => {
      clearInterval(timer)
      await closeServer(server)
    },
  }
}

const HEADERS = {
  'cache-control': 'no-store',
  'x-content-type-options': 'nosniff',
  'content-security-policy':
    "default-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'; form-action 'self'",
} as const

/** A page whose name leads to 127.0.0.1 must not use the console. */
const isOwnHost = ({ headers: { host = '' } }: IncomingMessage): boolean =>
  /^(?:127\.0\.0\.1|localhost)(?::\d+)?$/.test(host)

const json = (response: ServerResponse, status: number, value: unknown): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...HEADERS }).end(JSON.stringify(value))
}

const refuse = (response: ServerResponse, status: number, error: string): void =>
  json(response, status, { error })

const waiting = ({ ready, delayed, inFlight }: ReturnType<LocalSqs['depth']>): number =>
  ready + delayed + inFlight

const toShown = (conversation: Conversation): ShownConversation => {
  const { conversationId, accountId, state, openedAt, agent, profile, messages } = conversation
  const { campaignId, engagementId, skillName, skillId } = conversation
  const { firstName, lastName } = z
    .looseObject({ firstName: z.string().optional(), lastName: z.string().optional() })
    .parse(profile)
  return {
    conversationId,
    accountId,
    skill: skillName ?? (skillId === undefined ? 'Any agent' : String(skillId)),
    campaign: campaignId === undefined ? 'none' : `${campaignId}, engagement ${engagementId}`,
    state,
    openedAt,
    agent,
    consumer: [firstName, lastName].filter(Boolean).join(' ') || 'Visitor',
    attributes: attributesOf(profile),
    messages: messages.map(({ text, from }) => ({ from: from ?? 'consumer', text })),
  }
}

/** Returns the engagement attributes of a profile, such as `ctmrinfo.ctype: vip`. */
const attributesOf = ({ authenticatedData }: Conversation['profile']): readonly string[] => {
  const data = z
    .object({ lp_sdes: z.array(z.looseObject({ type: z.string() })) })
    .safeParse(authenticatedData)
  return (data.data?.lp_sdes ?? []).flatMap(({ type, ...sde }) =>
    Object.values(sde).flatMap((members) =>
      Object.entries(z.record(z.string(), z.unknown()).catch({}).parse(members)).map(
        ([name, value]) => `${type}.${name}: ${typeof value === 'object' ? JSON.stringify(value) : value}`,
      ),
    ),
  )
}
