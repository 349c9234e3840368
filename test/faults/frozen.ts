import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { connect, createServer, Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { closeServer, listen } from '../../local/net/listen.ts'
import { createEnvironments } from '../security/deployment.ts'
import { type Container, SOURCE_HANDLERS, startContainer } from '../support/process-container.ts'
import { ACCOUNT, CRM_UPGRADE, STAGE, startWorld, toRecord, type World } from '../support/world.ts'

export interface FrozenOptions {
  /** For how long all containers are frozen, in milliseconds. Each number is one freeze. */
  readonly freezesMs: readonly number[]
  readonly containers: number
  /** URLs of the handlers' modules, by function. Default: the source files. */
  readonly handlers?: Readonly<Record<string, string>>
}

export interface FrozenReport {
  /** Requests that count as `outcome_unknown`, though LivePerson received no create for them. */
  readonly findings: readonly string[]
  readonly requests: number
  /** How many connections were reset while the containers were frozen. */
  readonly resets: number
  /** How many requests had each status when their batch had ended. */
  readonly statuses: Readonly<Record<string, number>>
}

/** The number of records in a batch, and so of connections to LivePerson. */
const BATCH = 10

/** When a container is frozen: at this claim of a batch. 0: before the batch begins. */
const FREEZE_AT_CLAIM = [BATCH, 0, 1, 5] as const

/** The account leaves ambiguous creates to a person. */
const ON_HOLD = {
  ...STAGE,
  accounts: STAGE.accounts.map((account) =>
    account.accountId === ACCOUNT ? { ...account, onLostAnswer: 'hold' } : account,
  ),
}

/**
 * Freezes processes that run the handlers, as Lambda does: between two batches, and in the middle of one, when its
 * creates wait for their claims. Meanwhile the state table answers, and LivePerson resets all its connections.
 */
export const runFrozen = async ({
  freezesMs,
  containers: count,
  handlers = SOURCE_HANDLERS,
}: FrozenOptions): Promise<FrozenReport> => {
  const connections = watchConnections()
  const world = await startWorld()
  const environments = await createEnvironments(world)
  const containers: { readonly container: Container; readonly table: Tripwire }[] = []
  const requestIds: string[] = []
  try {
    const env = await environments.of(ON_HOLD, {
      HANDOVER_QUEUE_URL: world.sqs.handOverQueueUrl,
      LOG_LEVEL: 'SILENT',
      POWERTOOLS_METRICS_DISABLED: 'true',
    })
    const { openFromQueue = '' } = handlers
    for (let started = 0; started < count; started++) {
      const table = await startTripwire(world.dynamoDb.url)
      const container = await startContainer(
        { openFromQueue },
        { ...env, AWS_ENDPOINT_URL_DYNAMODB: table.url },
      )
      containers.push({ container, table })
    }
    const deliver = (container: Container, batch: string, consumers: string) => {
      const bodies = Array.from({ length: BATCH }, (_, index) => ({
        requestId: `frozen-${batch}-${index}`,
        campaign: CRM_UPGRADE,
        consumer: { id: `${consumers}-${index}` },
        context: { sessionId: `frozen-${batch}-${index}` },
      }))
      requestIds.push(...bodies.map(({ requestId }) => requestId))
      return container.deliver(bodies.map((body) => toRecord(body)))
    }

    for (const [index, { container }] of containers.entries())
      await deliver(container, `warm-${index}`, `known-${index}`)
    for (const [round, freezeMs] of freezesMs.entries()) {
      for (const { conversationId } of world.livePerson.conversations())
        world.livePerson.closeConversation(conversationId)
      const working = containers.map(({ container, table }, index) => {
        const claim = FREEZE_AT_CLAIM[(index + round) % FREEZE_AT_CLAIM.length] ?? 0
        if (claim === 0) container.signal('SIGSTOP')
        else table.atRequest('UpdateItem', claim, () => container.signal('SIGSTOP'))
        return deliver(container, `round-${round}-${index}`, `known-${index}`)
      })
      // What has left a process arrives before the connections are reset.
      await wait(500)
      connections.reset(containers.map(({ table }) => table.port))
      await wait(freezeMs - 500)
      for (const { container, table } of containers) {
        table.forget()
        container.signal('SIGCONT')
      }
      await Promise.all(working)
    }
    return await toReport(world, requestIds, connections.resets())
  } finally {
    for (const { container, table } of containers) {
      container.signal('SIGKILL')
      await table.close()
    }
    connections.stop()
    await environments.remove()
    await world.close()
  }
}

type Tripwire = Awaited<ReturnType<typeof startTripwire>>

/** Passes everything on to the server behind a URL, and calls back at a certain request. */
const startTripwire = async (behind: string) => {
  let wire: { readonly operation: string; left: number; readonly act: () => void } | undefined
  const server = createServer((near) => {
    const far = connect(Number(new URL(behind).port), '127.0.0.1')
    near.on('data', (data) => {
      if (!wire || !data.includes(`.${wire.operation}\r\n`)) return
      wire.left--
      if (wire.left > 0) return
      const { act } = wire
      wire = undefined
      act()
    })
    near.pipe(far).pipe(near)
    near.on('error', () => undefined).on('close', () => far.destroy())
    far.on('error', () => undefined).on('close', () => near.destroySoon())
  })
  const port = await listen(server)
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    /** Calls back at the `left`th request of an operation from now on, before the server answers it. */
    atRequest: (operation: string, left: number, act: () => void) => {
      wire = { operation, left, act }
    },
    /** Calls back no more. */
    forget: () => {
      wire = undefined
    },
    close: () => closeServer(server),
  }
}

/** Knows the connections that the servers of this process have accepted. */
const watchConnections = () => {
  const open = new Set<Socket>()
  let resets = 0
  const watch = (message: unknown) => {
    if (typeof message !== 'object' || message === null || !('socket' in message)) return
    const { socket } = message
    if (!(socket instanceof Socket)) return
    open.add(socket)
    socket.on('close', () => open.delete(socket))
  }
  subscribe('net.server.socket', watch)
  return {
    /** Resets all but those to some ports. */
    reset: (spared: readonly number[]) => {
      for (const socket of open) {
        if (spared.includes(socket.localPort ?? 0)) continue
        resets++
        socket.resetAndDestroy()
      }
    },
    resets: () => resets,
    stop: () => void unsubscribe('net.server.socket', watch),
  }
}

const toReport = async (
  world: World,
  requestIds: readonly string[],
  resets: number,
): Promise<FrozenReport> => {
  const findings: string[] = []
  const statuses: Record<string, number> = {}
  const { ledger } = world.createService()
  const creates = world.livePerson.requests({ service: 'conversation' }).map(({ body }) => body)
  for (const requestId of requestIds) {
    const [found] = await ledger.find([ACCOUNT], 'queue', requestId)
    const { status = 'none', code } = found?.outcome ?? {}
    const isUnknown = [status, code].includes('outcome_unknown')
    const seen = isUnknown ? 'outcome_unknown' : status
    statuses[seen] = (statuses[seen] ?? 0) + 1
    if (isUnknown && !creates.some((body) => body.includes(`"${requestId}"`)))
      findings.push(`${requestId} counts as outcome_unknown, but LivePerson received no create for it`)
  }
  return { findings, requests: requestIds.length, resets, statuses }
}
