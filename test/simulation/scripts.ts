import type { Item } from '../../lib/aws/state-table.ts'
import type { Conversation } from '../../local/liveperson/state/store.ts'
import { type AwsFault, CONTAINER_FAULTS, type ContainerFault, type LivePersonFault } from './faults.ts'
import { createRandom, type Random } from './random.ts'
import { ACCOUNTS } from './requests.ts'

/** A kind of call that a container makes while it works on a request. */
export type Site =
  | 'conversation'
  | 'send'
  | 'idp'
  | 'update request'
  | 'get consumer'
  | 'update consumer'
  | 'secret'
  | 'hand-over'
  | 'quarantine'

export type CallFault = LivePersonFault | AwsFault
export type ScriptFault = CallFault | ContainerFault | 'agent closes'

/** A fault at the nth call of a kind for a request. */
export interface Placement {
  /** The request's place in the script, from 0. */
  readonly request: number
  readonly site: Site
  /** 1 for the first call. */
  readonly nth: number
  readonly fault: ScriptFault
}

export interface ScriptRequest {
  readonly key: string
  readonly door: 'form' | 'queue'
  readonly body: {
    readonly requestId: string
    readonly campaign: { readonly campaignId: string; readonly engagementId: string }
    readonly consumer: { readonly id?: string }
    readonly context: { readonly sessionId: string }
    readonly message?: string
  }
}

/** A few requests, one after the other, and a few faults. */
export interface Script {
  readonly seed: string
  readonly onLostAnswer: 'repeat' | 'hold'
  readonly requests: readonly ScriptRequest[]
  readonly faults: readonly Placement[]
}

const LIVEPERSON = [
  'connection refused',
  'reset before',
  'reset after',
  '429',
  '503 before',
  '502 after',
  'HTML 503 before',
  'HTML 200 after',
  'half an answer',
  'AppJWT expired',
] as const satisfies readonly ScriptFault[]

const AWS = ['AWS is down', 'AWS answer lost'] as const satisfies readonly ScriptFault[]

const CONTAINER = ['killed before', 'killed after'] as const satisfies readonly ScriptFault[]

const FAULTS: Readonly<Record<Site, readonly [ScriptFault, ...ScriptFault[]]>> = {
  conversation: [...LIVEPERSON, 'ConsumerJWS revoked', ...CONTAINER, 'agent closes'],
  send: [...LIVEPERSON, 'ConsumerJWS revoked', ...CONTAINER, 'agent closes'],
  idp: [...LIVEPERSON, ...CONTAINER],
  'update request': [...AWS, ...CONTAINER, 'agent closes'],
  'get consumer': [...AWS, ...CONTAINER],
  // The item of the request is written at the same time. Which of the two comes first isn't decided, so a kill
  // before this one says nothing about the other.
  'update consumer': [...AWS, 'killed after'],
  secret: ['AWS is down'],
  'hand-over': [...AWS, ...CONTAINER],
  quarantine: [...AWS, ...CONTAINER],
}

/** The sites of the usual path more often than the others. */
const SITES: readonly [Site, ...Site[]] = [
  'conversation',
  'conversation',
  'conversation',
  'send',
  'send',
  'idp',
  'update request',
  'update request',
  'update request',
  'update request',
  'get consumer',
  'get consumer',
  'update consumer',
  'secret',
  'hand-over',
  'hand-over',
  'quarantine',
  'quarantine',
]

const CAMPAIGN = { campaignId: '3120045610', engagementId: '3120047710' }
const UNKNOWN_CAMPAIGN = { campaignId: '999999', engagementId: '999999' }

/**
 * Returns a script of a seed: one to three requests and one to three faults.
 *
 * @param attempt Each attempt has other requests and faults. See `planStruckScript`.
 */
export const planScript = (seed: string, attempt: number): Script => {
  const random = createRandom(`script ${seed} attempt ${attempt}`)
  const requests = Array.from({ length: 1 + random.below(3) }, (_, index) => planRequest(seed, random, index))
  return {
    seed,
    requests,
    onLostAnswer: random.chance(0.3) ? 'hold' : 'repeat',
    faults: withoutRaces(
      Array.from({ length: 1 + random.below(3) }, () => {
        const site = random.pick(SITES)
        return {
          request: random.below(requests.length),
          site,
          nth: random.pick([1, 1, 1, 2, 2, 3]),
          fault: random.pick(FAULTS[site]),
        }
      }),
    ),
  }
}

/**
 * An attempt reads the secret, and calls the IDP, while it claims the request. Which comes first isn't decided,
 * and it changes how many attempts a failed read costs, or how many calls a failed claim. So the ledger's calls
 * of a request can't be counted if a read fails, nor the IDP's if a claim fails.
 */
const withoutRaces = (placed: readonly Placement[]): readonly Placement[] => {
  const hasFault = (at: Site, of: number) => placed.some(({ site, request }) => site === at && request === of)
  return placed.filter(
    ({ site, request }) =>
      !(site === 'update request' && hasFault('secret', request)) &&
      !(site === 'idp' && hasFault('update request', request)),
  )
}

const planRequest = (seed: string, random: Random, index: number): ScriptRequest => {
  const door = random.chance(0.5) ? 'form' : 'queue'
  const key = `${door}-${seed}-${index}`
  const isShared = random.chance(0.7)
  return {
    key,
    door,
    body: {
      requestId: `${key}-request`,
      campaign: random.chance(0.15) ? UNKNOWN_CAMPAIGN : CAMPAIGN,
      consumer: door === 'queue' ? { id: isShared ? `shared-${seed}` : `consumer-${key}` } : {},
      context: { sessionId: key },
      ...(random.chance(0.6) && { message: `message of ${key}` }),
    },
  }
}

export type Strikes = ReturnType<typeof createStrikes>

/**
 * Decides which fault of a script strikes a call. Calls are counted by request and site.
 *
 * @param options.close Closes every open conversation, as agents do.
 */
export const createStrikes = ({ script, close }: { readonly script: Script; readonly close: () => void }) => {
  let current = 0
  const counts = new Map<string, number>()
  const struck = new Map<Placement, string>()
  return {
    /** Returns the faults that struck, in order. */
    struck: (): readonly string[] => [...struck.values()],

    /** All calls from now on are made for this request. */
    begin: (request: number): void => {
      current = request
    },

    /** Counts a call, and returns the fault that strikes it. */
    at: (site: Site): CallFault | ContainerFault | undefined => {
      const key = `${current} ${site}`
      const count = (counts.get(key) ?? 0) + 1
      counts.set(key, count)
      const placed = script.faults.find(
        ({ request, site: at, nth }) =>
          request === current && at === site && nth <= count && count < nth + lengthOf(site),
      )
      if (!placed) return undefined
      struck.set(placed, `${placed.fault} at ${site} ${placed.nth} of request ${current + 1}`)
      if (placed.fault !== 'agent closes') return placed.fault
      close()
      return undefined
    },
  }
}

/**
 * Returns how many calls in a row a fault strikes. A claim is written while the secret is read, and if the
 * read fails first, the create repeats it. Which comes first isn't decided, so the second read fails too.
 */
const lengthOf = (site: Site): number => (site === 'secret' ? 2 : 1)

export const isContainerFault = (fault: CallFault | ContainerFault | undefined): fault is ContainerFault =>
  CONTAINER_FAULTS.some((each) => each === fault)

/** What the sender of a form was told. */
export interface ToldToSender {
  readonly httpStatus: number
  readonly isDead?: boolean
  readonly body: {
    readonly status?: string
    readonly code?: string
    readonly conversationId?: string
    readonly messageStatus?: string
  }
}

/** A deployed stage that a script runs on: the simulated one, or one behind real sockets. */
export interface ScriptedStage {
  readonly strikes: Strikes
  readonly submit: (body: object) => Promise<ToldToSender>
  readonly sendEvent: (body: string) => Promise<void>
  /** Resolves once the events queue is empty, or after the patience of an operator. */
  readonly untilQuiet: () => Promise<void>
  /** Lets some milliseconds pass. */
  readonly sleep: (ms: number) => Promise<void>
  readonly readItems: (pks: readonly string[]) => Promise<ReadonlyMap<string, Item>>
  readonly conversations: () => readonly Conversation[]
  readonly waiting: () => number
  readonly readQuarantine: () => Promise<readonly { readonly requestId: string; readonly code: string }[]>
}

/** How a script ended: the part that must be the same in both worlds. */
export interface ScriptEnding {
  readonly struck: readonly string[]
  readonly requests: readonly {
    readonly key: string
    /** The ledger's `status`, `code` and `messageStatus`, and whose conversation it names. */
    readonly ledger: string
    readonly conversations: number
    /** How often LivePerson has its message. */
    readonly messages: number
    readonly told: readonly string[]
  }[]
  readonly quarantined: readonly string[]
  readonly waiting: number
}

const REPEAT_AFTER_MS = [1000, 3000, 10_000, 60_000]

/** Runs a script: each request until it is at rest, then every request once more. */
export const runScript = async (script: Script, stage: ScriptedStage): Promise<ScriptEnding> => {
  const told = script.requests.map((): string[] => [])
  const rest = async () => {
    await stage.untilQuiet()
    await stage.sleep(1000)
    await stage.untilQuiet()
  }

  const submit = async ({ body }: ScriptRequest, index: number) => {
    for (const waitMs of [...REPEAT_AFTER_MS, 0]) {
      const answer = await stage.submit(body)
      told[index]?.push(describe(script, stage, answer))
      if (answer.httpStatus < 500) return
      await stage.sleep(waitMs)
    }
  }

  for (const again of [false, true])
    for (const [index, request] of script.requests.entries()) {
      stage.strikes.begin(again ? index + script.requests.length : index)
      if (request.door === 'form') await submit(request, index)
      else await stage.sendEvent(JSON.stringify(request.body))
      await rest()
    }

  const pkOf = ({ door, body }: ScriptRequest) =>
    `request#${ACCOUNTS[0]}#${door}#${door === 'form' ? 'nobody' : 'crm'}#${body.requestId}`
  const items = await stage.readItems(script.requests.map(pkOf))
  const conversations = stage.conversations()
  const texts = conversations.flatMap(({ messages }) => messages.map(({ text }) => text))
  return {
    struck: stage.strikes.struck(),
    requests: script.requests.map((request, index) => {
      const { status, code, messageStatus, conversationId } = items.get(pkOf(request)) ?? {}
      return {
        key: request.key,
        ledger: [status, code, messageStatus, whose(script, stage, conversationId)].join(' '),
        conversations: conversations.filter(({ context }) => context?.sessionId === request.key).length,
        messages: texts.filter((text) => text === request.body.message).length,
        told: told[index] ?? [],
      }
    }),
    quarantined: (await stage.readQuarantine())
      .map(({ requestId, code }) => `${requestId} ${code}`)
      .toSorted(),
    waiting: stage.waiting(),
  }
}

const describe = (
  script: Script,
  stage: ScriptedStage,
  { httpStatus, isDead, body }: ToldToSender,
): string =>
  isDead
    ? 'nothing'
    : [
        httpStatus,
        body.status ?? body.code,
        body.messageStatus,
        whose(script, stage, body.conversationId),
      ].join(' ')

/** Names the request whose conversation an id names, since the ids differ between the worlds. */
const whose = (script: Script, stage: ScriptedStage, id: unknown): string => {
  if (id === undefined) return 'without id'
  const own = stage.conversations().find(({ conversationId }) => conversationId === id)
  const index = script.requests.findIndex(({ key }) => key === own?.context?.sessionId)
  return index < 0 ? 'with an unknown id' : `with the id of request ${index + 1}`
}

/** Returns the parts of two endings that differ, one line each. */
export const compareEndings = (simulated: ScriptEnding, real: ScriptEnding): readonly string[] => {
  const differences: string[] = []
  const compare = (name: string, a: unknown, b: unknown) => {
    const [left, right] = [JSON.stringify(a), JSON.stringify(b)]
    if (left !== right) differences.push(`${name}: simulated ${left}, over HTTP ${right}`)
  }
  compare('faults struck', simulated.struck, real.struck)
  for (const [index, request] of simulated.requests.entries())
    compare(request.key, request, real.requests[index])
  compare('quarantine', simulated.quarantined, real.quarantined)
  compare('waiting', simulated.waiting, real.waiting)
  return differences
}
