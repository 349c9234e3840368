import { randomUUID } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { DOORS, type Door, PEERS, type Peer } from './bundles.ts'
import type { Container, Work } from './processes.ts'
import { createProgress } from './progress.ts'
import { ACCOUNTS, BATCH_SIZE, toBatch, toFormEvent } from './requests.ts'
import { type Latencies, startWorld, type World } from './world.ts'

/** How much is measured. */
export interface Extent {
  readonly rounds: number
  /** Forms of each kind of consumer in a round. */
  readonly forms: number
  /** Batches in a round, for each kind of consumer. */
  readonly batches: number
  /** How many consumers of each account are known. */
  readonly known: number
  /** New processes of each handler. */
  readonly coldStarts: number
}

export const FULL: Extent = { rounds: 9, forms: 25, batches: 25, known: 5, coldStarts: 15 }
export const QUICK: Extent = { rounds: 2, forms: 4, batches: 3, known: 1, coldStarts: 2 }

/** How long a hop takes, in milliseconds. */
export const LATENCIES: Latencies = { livePersonMs: 40, awsMs: 5 }

/** What is measured in turn. */
const WORKLOADS = ['newForm', 'knownForm', 'newBatch', 'knownBatch'] as const
type Workload = (typeof WORKLOADS)[number]

const DOOR_OF: Readonly<Record<Workload, Door>> = {
  newForm: 'form',
  knownForm: 'form',
  newBatch: 'queue',
  knownBatch: 'queue',
}

/** What one peer was measured to take. Per round, or per process for cold starts. */
export interface Measured {
  /** CPU per open, in milliseconds. */
  readonly cpuMs: Readonly<Record<Workload, readonly number[]>>
  /** Of each form and of each batch, in milliseconds. */
  readonly durationsMs: Readonly<Record<Workload, readonly (readonly number[])[]>>
  readonly opensPerSecond: Readonly<Record<Workload, readonly number[]>>
  readonly peakRssMb: Readonly<Record<Door, number>>
  /** Import and first invocation, in milliseconds. */
  readonly coldMs: Readonly<Record<Door, readonly number[]>>
  /** The first of the two, in milliseconds. */
  readonly importMs: Readonly<Record<Door, readonly number[]>>
  /** Whether the import loads undici. */
  readonly loadsUndici: Readonly<Record<Door, boolean>>
  readonly codeKb: Readonly<Record<Door, number>>
  /** In kB, by package. */
  readonly parts: Readonly<Record<Door, Readonly<Record<string, number>>>>
  /** Calls per open, by service. */
  readonly calls: Readonly<Record<Workload, Readonly<Record<string, number>>>>
}

export interface Comparison {
  readonly date: string
  readonly node: string
  readonly cores: number
  readonly tls: boolean
  readonly latencies: Latencies
  readonly extent: Extent
  readonly seconds: number
  readonly peers: Readonly<Record<Peer, Measured>>
}

/**
 * Measures every peer in processes of its own, against one stand-in. Each round measures one after the other,
 * so that whatever else the machine does affects all of them.
 */
export const compare = async (extent: Extent, tls: boolean): Promise<Comparison> => {
  const startedAt = performance.now()
  const steps = PEERS.length * (2 + (extent.rounds + 1) * WORKLOADS.length + extent.coldStarts * DOORS.length)
  const progress = createProgress(steps)
  progress.start('packaging')
  const world = await startWorld(LATENCIES, tls)
  try {
    const cold = await measureColdStarts(world, extent, progress.start)
    const warm = await measureRounds(world, extent, progress.start)
    const peerOf = (peer: Peer): Measured => {
      const { form, queue } = world.handlers.get(peer) ?? never(peer)
      return {
        ...warm(peer),
        ...cold(peer),
        codeKb: { form: form.code, queue: queue.code },
        parts: { form: form.parts, queue: queue.parts },
      }
    }
    return {
      date: new Date().toISOString().slice(0, 10),
      node: process.version,
      cores: availableParallelism(),
      tls,
      latencies: LATENCIES,
      extent,
      seconds: Math.round((performance.now() - startedAt) / 1000),
      peers: { ours: peerOf('ours'), usual: peerOf('usual'), floor: peerOf('floor') },
    }
  } finally {
    progress.end()
    await world.close()
  }
}

const never = (peer: Peer): never => {
  throw new Error(`${peer} was not measured`)
}

const firstEventOf = (door: Door) => (door === 'form' ? toFormEvent(0) : toBatch([randomUUID()]))

/** Starts each handler in new processes, for one account, and opens one conversation in each. */
const measureColdStarts = async (world: World, { coldStarts }: Extent, onStep: (what: string) => void) => {
  const seen: {
    readonly peer: Peer
    readonly door: Door
    readonly importMs: number
    readonly coldMs: number
    readonly loadsUndici: boolean
  }[] = []
  for (let start = 0; start < coldStarts; start++)
    for (const door of DOORS)
      for (const peer of PEERS) {
        onStep(`cold start ${start + 1} of ${coldStarts}`)
        const container = await world.startContainer(peer, door, { accounts: 1 })
        const { importMs, loadsUndici } = container
        const { wallMs } = await container.invoke([firstEventOf(door)])
        await container.stop()
        seen.push({ peer, door, importMs, coldMs: importMs + wallMs, loadsUndici })
      }
  return (peer: Peer) => {
    const of = (door: Door) => seen.filter((each) => each.peer === peer && each.door === door)
    const perDoor = <T>(toValue: (door: Door) => T) => ({ form: toValue('form'), queue: toValue('queue') })
    return {
      coldMs: perDoor((door) => of(door).map(({ coldMs }) => coldMs)),
      importMs: perDoor((door) => of(door).map(({ importMs }) => importMs)),
      loadsUndici: perDoor((door) => of(door).some(({ loadsUndici }) => loadsUndici)),
    }
  }
}

interface Round {
  readonly peer: Peer
  readonly workload: Workload
  readonly work: Work
  readonly calls: Readonly<Record<string, number>>
  /** How many conversations were opened. */
  readonly opens: number
}

/** Measures each workload in one container per peer and door. The first round warms them up. */
const measureRounds = async (world: World, extent: Extent, onStep: (what: string) => void) => {
  const containers = new Map<string, Container>()
  const keyOf = (peer: Peer, workload: Workload) => `${peer} ${DOOR_OF[workload]}`
  const rounds: Round[] = []
  const known = Array.from({ length: extent.known * ACCOUNTS }, () => randomUUID())
  const tokens = known.map(world.issue)

  const eventsOf = (workload: Workload, isWarmUp: boolean): readonly object[] => {
    const count = isWarmUp ? known.length : DOOR_OF[workload] === 'queue' ? extent.batches : extent.forms
    const indexes = Array.from({ length: count }, (_, index) => index)
    switch (workload) {
      case 'newForm':
        return indexes.map((index) => toFormEvent(index))
      case 'knownForm':
        return indexes.map((index) => toFormEvent(index, tokens[index % tokens.length]))
      case 'newBatch':
        return indexes.map(() => toBatch(Array.from({ length: BATCH_SIZE }, () => randomUUID())))
      case 'knownBatch':
        return indexes.map((index) => {
          const from = (index % extent.known) * BATCH_SIZE
          return toBatch(known.slice(from, from + BATCH_SIZE))
        })
    }
  }

  try {
    for (const peer of PEERS)
      for (const door of DOORS) {
        const container = await world.startContainer(peer, door, { accounts: ACCOUNTS })
        containers.set(`${peer} ${door}`, container)
      }
    for (let round = 0; round <= extent.rounds; round++)
      for (const workload of WORKLOADS)
        for (const peer of PEERS) {
          onStep(round === 0 ? 'warming up' : `round ${round} of ${extent.rounds}`)
          const container = containers.get(keyOf(peer, workload)) ?? never(peer)
          const events = eventsOf(workload, round === 0)
          await world.calls()
          const work = await container.invoke(events)
          const calls = await world.calls()
          const opens = events.length * (DOOR_OF[workload] === 'queue' ? BATCH_SIZE : 1)
          if (round > 0) rounds.push({ peer, workload, work, calls, opens })
        }
  } finally {
    for (const container of containers.values()) await container.stop()
  }

  return (peer: Peer) => {
    const of = (workload: Workload) =>
      rounds.filter((each) => each.peer === peer && each.workload === workload)
    const perWorkload = <T>(toValue: (rounds: readonly Round[]) => T) => ({
      newForm: toValue(of('newForm')),
      knownForm: toValue(of('knownForm')),
      newBatch: toValue(of('newBatch')),
      knownBatch: toValue(of('knownBatch')),
    })
    const peakOf = (each: readonly Round[]) => Math.max(...each.map(({ work }) => work.peakRssMb))
    return {
      cpuMs: perWorkload((each) => each.map(({ work, opens }) => work.cpuMs / opens)),
      durationsMs: perWorkload((each) => each.map(({ work }) => work.durationsMs)),
      opensPerSecond: perWorkload((each) => each.map(({ work, opens }) => (1000 * opens) / work.wallMs)),
      peakRssMb: {
        form: peakOf([...of('newForm'), ...of('knownForm')]),
        queue: peakOf([...of('newBatch'), ...of('knownBatch')]),
      },
      calls: perWorkload(callsPerOpen),
    }
  }
}

const callsPerOpen = (rounds: readonly Round[]): Readonly<Record<string, number>> => {
  const names = new Set(rounds.flatMap(({ calls }) => Object.keys(calls)))
  const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0)
  const opens = sum(rounds.map((round) => round.opens))
  return Object.fromEntries(
    [...names].map((name) => [name, sum(rounds.map(({ calls }) => calls[name] ?? 0)) / opens]),
  )
}
