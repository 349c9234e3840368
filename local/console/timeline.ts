import { decodeJwt } from 'jose'
import { z } from 'zod'
import { fromImage } from '../../lib/aws/state-table.ts'
import type { ReceivedRequest, Service } from '../liveperson/http/request.ts'
import type { Consumer } from '../liveperson/state/store.ts'
import { readLogLine } from '../stack/log-line.ts'
import type { Step } from './shown.ts'

/** How many steps the console keeps, without the calls of LivePerson, which the simulator keeps. */
const MAX_STEPS = 500
/** How many steps are shown. */
const SHOWN = 80

const CALLS: Readonly<Record<Service, string>> = {
  domain: 'Domain API: hosts',
  sentinel: 'Sentinel: AppJWT',
  idp: 'IDP: ConsumerJWS',
  conversation: 'CONVERSATION',
  send: 'SEND',
  accountConfig: 'Campaigns API',
  unknown: 'Unknown path',
}

const RequestItem = z.object({
  pk: z.string().startsWith('request#'),
  requestId: z.string(),
  accountId: z.string(),
  createdAt: z.number(),
  status: z.string(),
  attempts: z.number(),
  code: z.string().optional(),
  conversationId: z.string().optional(),
  messageStatus: z.string().optional(),
  facts: z.object({ lpConsumerId: z.string().optional() }),
})

type RequestItem = z.infer<typeof RequestItem>

/** An event of the bus, as far as it is shown. */
const Outcome = z.object({
  'detail-type': z.string(),
  detail: z.object({ requestId: z.string().optional(), sequence: z.number(), status: z.string() }),
})

/**
 * Returns what happened to the requests of the local stack: calls to LivePerson, states of the ledger,
 * outcome events, and lines of the log.
 *
 * @param options.calls Returns the requests that LivePerson has received.
 * @param options.consumers Returns the consumers that LivePerson knows.
 * @param options.now Milliseconds since the epoch.
 */
export const createTimeline = ({
  calls,
  consumers,
  now = Date.now,
}: {
  readonly calls: () => readonly ReceivedRequest[]
  readonly consumers: () => readonly Consumer[]
  readonly now?: () => number
}) => {
  let steps: Step[] = []
  const requests = new Map<string, RequestItem>()

  const add = (step: Omit<Step, 'at'> & { readonly at?: number }) => {
    steps = [...steps.slice(1 - MAX_STEPS), { at: now(), ...step }]
  }

  /** A consumer may have several requests. The call is for the latest one that existed by then. */
  const requestOf = ({ at, accountId, service, headers, body }: ReceivedRequest): string | undefined => {
    const consumerId =
      service === 'idp' ? idpConsumer(body, accountId) : consumerIn(headers['x-lp-on-behalf'])
    if (consumerId === undefined) return undefined
    return [...requests.values()]
      .filter((item) => item.accountId === accountId && item.facts.lpConsumerId === consumerId)
      .toSorted((a, b) => b.createdAt - a.createdAt)
      .find(({ createdAt }, index, all) => createdAt <= at || index === all.length - 1)?.requestId
  }

  const idpConsumer = (body: string, accountId: string | undefined): string | undefined => {
    const extConsumerId = /"ext_consumer_id":"([^"]*)"/.exec(body)?.[1]
    return consumers().find((one) => one.accountId === accountId && one.extConsumerId === extConsumerId)
      ?.lpConsumerId
  }

  const toStep = (call: ReceivedRequest): Step => {
    const { at, service, status, fault } = call
    const answer = status === undefined ? 'no answer' : `answered ${status}`
    const text = `${CALLS[service]}, ${answer}${fault === undefined ? '' : ` (fault: ${fault})`}`
    const isTrouble = fault !== undefined || status === undefined || status >= 400
    return { at, kind: 'call', text, isTrouble, requestId: requestOf(call) }
  }

  return {
    /** Adds a write of the state table. Only requests are shown. */
    addWrite: (image: unknown): void => {
      const item = RequestItem.safeParse(image && fromImage(image))
      if (!item.success) return
      const { pk, requestId, status, attempts, code, conversationId, messageStatus } = item.data
      requests.set(pk, item.data)
      const told = { code, conversationId, messageStatus }
      const said = Object.entries(told).flatMap(([name, value]) => (value ? [`${name} ${value}`] : []))
      const text = [`Ledger: ${status}, attempt ${attempts}`, ...said].join(', ')
      const isTrouble = ['failed', 'rejected', 'outcome_unknown'].includes(status)
      add({ kind: 'ledger', text, isTrouble, requestId })
    },

    /** Adds an event of the bus. Others than outcomes are ignored. */
    addOutcome: (event: unknown): void => {
      const outcome = Outcome.safeParse(event)
      if (!outcome.success) return
      const { requestId, sequence, status } = outcome.data.detail
      const text = `Outcome event ${sequence}: ${outcome.data['detail-type']} (${status})`
      const isTrouble = ['failed', 'rejected', 'outcome_unknown'].includes(status)
      add({ kind: 'outcome', text, isTrouble, requestId })
    },

    /** Adds a line that a function printed. Metrics and what isn't a line of the log are ignored. */
    addLine: (text: string): void => {
      const line = readLogLine(text)
      if (line === undefined || line === 'metrics') return
      const { at, level, message, fields } = line
      const requestId = typeof fields.requestId === 'string' ? fields.requestId : undefined
      const said = ['status', 'code', 'step'].flatMap((name) =>
        fields[name] === undefined ? [] : [`${name} ${fields[name]}`],
      )
      add({ at, kind: 'log', text: [message, ...said].join(', '), isTrouble: level !== 'INFO', requestId })
    },

    /** Adds what a person did at the console. */
    addSwitch: (text: string): void => add({ kind: 'switch', text, isTrouble: false }),

    /** Returns the latest steps, the newest first. */
    list: (): readonly Step[] =>
      [...steps, ...calls().slice(-SHOWN).map(toStep)].toSorted((a, b) => b.at - a.at).slice(0, SHOWN),
  }
}

const consumerIn = (token: unknown): string | undefined => {
  if (typeof token !== 'string') return undefined
  try {
    return String(decodeJwt(token).lp_consumer_id)
  } catch {
    return undefined
  }
}
